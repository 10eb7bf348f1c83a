"""Clicks on chips and facets: what each makes of the refinement, seen in the filters that come of it."""

from __future__ import annotations

import pytest
from imr_llm.app.refining import toggle_value, without_filter

from imr_llm.search.query import Filter, parse_query
from imr_llm.search.refinement import ModelReading, Refinement, refine

UPHELD, OVERTURNED = ("decision", "upheld"), ("decision", "overturned")


def decisions(text: str, refinement: Refinement) -> list[object]:
    return [
        value
        for chip in refine(parse_query(text), refinement).filters
        if chip.field == "decision"
        for value in chip.value
    ]


def decision_chip(text: str, refinement: Refinement) -> Filter:
    return next(chip for chip in refine(parse_query(text), refinement).filters if chip.field == "decision")


@pytest.mark.parametrize(
    ("text", "clicks", "left"),
    [
        ("Norco denied", [UPHELD], []),  # a value of the question itself is taken back
        ("Norco denied", [OVERTURNED], ["upheld", "overturned"]),
        ("Norco denied", [OVERTURNED, OVERTURNED], ["upheld"]),
        ("Norco denied", [OVERTURNED, UPHELD], ["overturned"]),
        ("Norco denied", [UPHELD, UPHELD], ["upheld"]),  # taken back, and chosen again
        ("Norco denied", [UPHELD, OVERTURNED], ["overturned"]),
        ("Norco", [UPHELD], ["upheld"]),
        ("Norco", [UPHELD, OVERTURNED, UPHELD], ["overturned"]),
    ],
)
def test_values_are_chosen_and_taken_back(text: str, clicks: list[tuple[str, str]], left: list[str]) -> None:
    refinement = Refinement()
    for field, value in clicks:
        query = refine(parse_query(text), refinement)
        chosen = value in decisions(text, refinement)
        refinement = toggle_value(query, refinement, field, value, chosen=chosen)
    assert decisions(text, refinement) == left


@pytest.mark.parametrize("added", [(), (OVERTURNED,)])
def test_a_removed_chip_takes_what_was_added_to_it_along(added: tuple[tuple[str, str], ...]) -> None:
    refinement = Refinement(added=added)
    query = refine(parse_query("Norco denied"), refinement)
    removed = without_filter(query, refinement, decision_chip("Norco denied", refinement))
    assert decisions("Norco denied", removed) == []
    assert removed.added == ()
    assert [chip.field for chip in refine(parse_query("Norco denied"), removed).filters] == ["drug"]


def test_a_year_is_taken_out_of_a_range_of_years() -> None:
    text = "Norco from 2014 to 2016"
    refinement = toggle_value(parse_query(text), Refinement(), "year", "2015", chosen=True)
    years = [chip.value for chip in refine(parse_query(text), refinement).filters if chip.field == "year"]
    assert years == [(2014, 2016)]


def test_what_a_model_read_is_taken_away_by_its_chip_and_kept_by_other_edits() -> None:
    lawn = ModelReading("reason", "no_functional_improvement", "mow the lawn")
    question, refinement = "Norco denied, mow the lawn", Refinement(read=(lawn,))
    query = refine(parse_query(question), refinement)
    chip = next(chip for chip in query.filters if chip.words == lawn.words)
    assert without_filter(query, refinement, chip) == Refinement()
    decision = next(chip for chip in query.filters if chip.field == "decision")
    assert without_filter(query, refinement, decision).read == (lawn,)
    assert toggle_value(query, refinement, "year", "2016", chosen=False).read == (lawn,)
