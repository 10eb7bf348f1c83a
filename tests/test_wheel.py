"""What users install: the wheel, in a fresh environment, runs the demo; and importing the package does no work."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from letters import ROOT


def test_the_wheel_runs_the_demo_in_a_fresh_environment(tmp_path: Path) -> None:
    # from a copy: a build leaves its pieces beside the sources, and takes up those of the build before
    kept_out = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "*-library")
    shutil.copytree(ROOT, tmp_path / "project", ignore=kept_out)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
             "--wheel-dir", str(tmp_path), str(tmp_path / "project")]  # fmt: skip
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    # What the wheel depends on is installed here already: lend it, without the editable project of this environment.
    own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    Path(own.strip(), "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("IMR_", "OPENAI_", "PYTHON"))}
    where = [python, "-c", "import imr_llm.app, imr_llm; print(imr_llm.__file__, imr_llm.app.__file__)"]
    places = subprocess.check_output(where, text=True, env=clean, cwd=tmp_path).split()
    assert all(place.startswith(own.strip()) for place in places), places
    done = subprocess.run(
        [tmp_path / "env" / "bin" / "imr-llm", "demo"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "norco_missing_uds.txt" in done.stdout
    assert "missing_urine_drug_screen" in done.stdout


def test_importing_the_package_brings_none_of_the_heavy_libraries() -> None:
    code = "import sys, imr_llm.cli; print([name for name in ('chromadb', 'gradio', 'openai', 'numpy', 'sqlite3') if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
