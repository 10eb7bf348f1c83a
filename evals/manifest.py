"""What a run was made with, so that a figure can be traced to its letters, prompt, model and program."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel

from imr_llm import __version__
from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Plan
from imr_llm.record import Extractor, schema_sha256
from imr_llm.settings import Settings
from imr_llm.terms.taxonomy import TAXONOMY_VERSION

_PACKAGES = ("instructor", "openai", "pydantic", "pypdfium2", "rapidfuzz", "numpy", "chromadb", "xllamacpp")
# What decides the reviews: the same in two runs, their reviews may stand side by side in one folder.
IDENTITY = ("extractor", "model", "endpoint", "prompt_sha256", "schema_sha256", "taxonomy_version", "source_sha256")


class Machine(BaseModel, frozen=True, extra="forbid"):
    """Where it ran. No host name: a run folder may be shown to others."""

    system: str
    processor: str
    cpus: int | None
    python: str


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """How a run was made.

    endpoint: host and port alone. source_sha256: of the program's own files, which also tells apart two trees with
    uncommitted changes; commit and dirty are null outside a checkout. letters: the paths as given. finished: null
    while the run has not gone through all its letters.
    """

    manifest_version: Literal["1"] = "1"
    extractor: Extractor
    model: str | None
    endpoint: str | None
    prompt: str | None
    prompt_sha256: str | None
    schema_sha256: str
    taxonomy_version: str
    program_version: str
    source_sha256: str
    commit: str | None
    dirty: bool | None
    machine: Machine
    packages: dict[str, str]
    letters: list[str]
    started: str
    finished: str | None = None

    def identity(self) -> dict[str, Any]:
        """The fields in which two runs must agree to be one."""
        return {name: getattr(self, name) for name in IDENTITY}


def make_manifest(plan: Plan, settings: Settings, letters: list[str]) -> Manifest:
    """The manifest of a run that begins now."""
    commit, dirty = read_commit()
    return Manifest(
        extractor=plan.extractor,
        model=plan.model,
        endpoint=_name_endpoint(plan, settings),
        prompt=plan.prompt.label if plan.prompt else None,
        prompt_sha256=plan.prompt.sha256 if plan.prompt else None,
        schema_sha256=schema_sha256(),
        taxonomy_version=TAXONOMY_VERSION,
        program_version=__version__,
        source_sha256=hash_source(),
        commit=commit,
        dirty=dirty,
        machine=Machine(
            system=platform.system(),
            processor=platform.machine(),
            cpus=os.cpu_count(),
            python=platform.python_version(),
        ),
        packages={name: found for name in _PACKAGES if (found := _find_version(name))},
        letters=letters,
        started=now(),
    )


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _name_endpoint(plan: Plan, settings: Settings) -> str | None:
    """Host and port of the endpoint, without a user name or key that the address may hold; null for no endpoint."""
    if plan.extractor == "rules":
        return None
    if settings.runs_locally:
        return "local file"
    address = urlsplit(settings.base_url)
    try:
        return f"{address.hostname}:{address.port}" if address.port else address.hostname
    except ValueError as error:
        raise ConfigurationError("base_url: its port is no number; see --base-url or IMR_BASE_URL") from error


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


@cache
def hash_source() -> str:
    """SHA-256 over what decides a review: the program's modules, vocabularies, weights and prompts."""
    total = hashlib.sha256()
    for folder in (resources.files("imr_llm"), resources.files("imr_llm.prompts")):
        for name, file in _walk(folder, ""):
            total.update(name.encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def _walk(folder: Traversable, path: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for child in sorted(folder.iterdir(), key=lambda each: each.name):
        name = f"{path}/{child.name}"
        if child.is_dir() and child.name not in ("__pycache__", "app", "samples", "evals"):
            found += _walk(child, name)
        elif child.name.endswith((".py", ".yaml", ".npz", ".md")):
            found.append((name, child))
    return found


def read_commit() -> tuple[str | None, bool | None]:
    """The commit of the checkout that the program runs from, and whether it has changes; nulls outside one."""
    folder = Path(__file__).resolve().parent
    commit = ask_git(folder, "rev-parse", "HEAD")
    if commit is None or ask_git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None, None  # not a checkout, or one of something else that this is installed in
    return commit, bool(ask_git(folder, "status", "--porcelain", "--untracked-files=no"))


def ask_git(folder: Path, *arguments: str) -> str | None:
    """What git prints when asked in a folder; None without git, outside a checkout, or where git refuses."""
    try:
        answer = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # no git, or no checkout: a manifest without a commit says so by null
    return answer.stdout.strip()
