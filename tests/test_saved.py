"""Saved searches: what a browser sends is untrusted, and what is new is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from imr_llm.app.adding import add_letters
from imr_llm.app.answers import OpenLibrary, ask_question, ask_saved
from imr_llm.app.saved import MOST_IDS, Found, SavedSearch, count_new, read_saved, render_saved
from letters import ROOT

from imr_llm.library.store import Library

SEEN = SavedSearch("Norco", "", 2, frozenset({"a.1", "b.1"}))


@pytest.mark.parametrize(
    ("found", "new"),
    [
        (Found(2, ("a.1", "b.1")), 0),
        (Found(3, ("a.1", "b.1", "c.2")), 1),
        (Found(2, ("b.1", "c.2")), 1),
        (Found(0, ()), 0),
        (Found(MOST_IDS + 5, ()), MOST_IDS + 3),
    ],
)
def test_new_is_what_was_not_seen(found: Found, new: int) -> None:
    assert count_new(SEEN, found) == new


@pytest.mark.parametrize(
    "value", [None, "x", {}, [1], [{"question": "a"}], [{"question": 1, "refinement": "", "ids": []}]]
)
def test_what_this_page_did_not_write_is_left_out(value: object) -> None:
    assert read_saved(value) == []


def test_a_saved_search_is_read_and_shown_as_text() -> None:
    searches = read_saved([{"question": "<b>Norco</b>", "refinement": "", "total": 1, "ids": ["a.1", 7]}])
    assert searches[0].ids == {"a.1"}
    shown = render_saved(searches, [Found(2, ("a.1", "c.1"))])
    assert "&lt;b&gt;Norco" in shown
    assert "<b>Norco" not in shown
    assert "1 new since last time" in shown
    assert render_saved([], []) == ""


@pytest.mark.parametrize("question", ["Norco denied", "he lifts boxes in a warehouse", ""])
def test_a_search_that_was_just_seen_has_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    monkeypatch.setenv("IMR_EXTRACTOR", "rules")
    names = ("norco_missing_uds.txt", "norco_consistent_uds_no_benefit.txt", "tens_hwave_brace.txt")
    uploads = [Path(shutil.copy(ROOT / "samples" / "letters" / name, tmp_path)) for name in names]
    with Library.open(tmp_path / "library") as library:
        list(add_letters(library, None, uploads))
        source = OpenLibrary(library, None)
        found = ask_question(source, question, 1)
        saved = SavedSearch(question, "", found.answer.total, frozenset(found.ids))
        again = ask_saved(source, saved)
    assert len(again.ids) == again.total == found.answer.total
    assert count_new(saved, again) == 0
