"""Letters added from the page: each outcome is told, uploads are removed, one writer at a time."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from imr_llm.app.adding import add_letters
from imr_llm.app.progress_view import render_progress
from letters import ROOT

from imr_llm.errors import LibraryBusy
from imr_llm.library.store import Library

SAMPLES = ROOT / "samples" / "letters"


@pytest.fixture(autouse=True)
def by_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMR_EXTRACTOR", "rules")


def upload(folder: Path) -> list[Path]:
    """Three uploads: a letter, an archive of another, and no letter at all."""
    folder.mkdir()
    letter = Path(shutil.copy(SAMPLES / "norco_missing_uds.txt", folder))
    bad = folder / "bad.pdf"
    bad.write_bytes(b"no pdf")
    archive = folder / "more.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(SAMPLES / "tens_hwave_brace.txt", "tens.txt")
    return [letter, bad, archive]


def test_letters_are_added_and_each_failure_is_named(tmp_path: Path) -> None:
    paths = upload(tmp_path / "uploads")
    with Library.open(tmp_path / "library") as library:
        steps = list(add_letters(library, None, paths))
        assert library.counts().letters == 2
        assert library.failures() == []
        sources = [source for letter in library.iter_reviews() for source in library.sources(letter.letter.letter_id)]
    assert [step.stage for step in steps][:2] == ["reading", "extracting"]
    last = steps[-1]
    assert (last.stage, last.of, last.done, last.added) == ("done", 3, 3, 2)
    assert [name for name, _ in last.failed] == ["bad.pdf"]
    assert not any(path.exists() for path in paths)
    assert not any(str(tmp_path) in text for text in [*sources, *(why for _, why in last.failed)])
    shown = render_progress(last)
    assert "3 of 3 letters, 2 added, 1 failed" in shown
    assert "not a PDF" in shown


def test_a_letter_that_is_there_is_not_extracted_again(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        for name in ("once", "again"):
            last = list(add_letters(library, None, upload(tmp_path / name)))[-1]
    assert (last.added, last.known) == (0, 2)


def test_a_busy_library_takes_nothing_and_keeps_no_upload(tmp_path: Path) -> None:
    paths = upload(tmp_path / "uploads")
    with (
        Library.open(tmp_path / "library", writing=True),
        Library.open(tmp_path / "library") as library,
        pytest.raises(LibraryBusy),
    ):
        list(add_letters(library, None, paths))
    assert not any(path.exists() for path in paths)
