"""Thumbs land as lines of JSON beside the records, with ids and the question alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from imr_llm.app.feedback import FILE, Judgement, keep_judgement, read_verdict

from imr_llm.errors import ConfigurationError, LibraryError


def test_judgements_are_appended(tmp_path: Path) -> None:
    for number in (1, 2):
        keep_judgement(tmp_path, Judgement("Norco\ndenied", "", "ab" * 32, number, "up"))
    lines = [json.loads(line) for line in (tmp_path / FILE).read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert set(lines[0]) == {"at", "query", "refinement", "letter_id", "number", "verdict"}


def test_a_verdict_is_up_or_down() -> None:
    assert read_verdict("down") == "down"
    with pytest.raises(ConfigurationError):
        read_verdict("sideways")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=FILE):
        keep_judgement(tmp_path / "absent", Judgement("Norco", "", "ab", 1, "up"))
