"""What the grammar left of a question, heard by the net: grounds, exclusions, drug screens, decisions; each is told."""

from __future__ import annotations

from typing import Any

import pytest

from imr_llm.search.query import parse_query
from imr_llm.search.question_net import SCREENS, hear, output_names
from imr_llm.terms.taxonomy import load_taxonomy


def _filters(text: str) -> set[tuple[Any, ...]]:
    return {(f.field, f.op, f.value) for f in parse_query(text).filters}


def test_every_code_can_be_heard() -> None:
    heard = hear("find cases denied for missing UDS")
    assert set(heard.asked) == set(heard.excluded) == set(load_taxonomy().codes)
    assert set(heard.screens) == set(SCREENS)
    assert len(output_names()) == 2 * len(load_taxonomy().codes) + len(SCREENS) + 3
    assert heard.asked["missing_urine_drug_screen"] > 0.5 > heard.excluded["missing_urine_drug_screen"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("stuff they kept denied as nobody got the patient cleared by a psychologist beforehand", "no_psych_clearance"),
        ("lumbar MRI lost since no new danger signs had turned up", "no_red_flag_or_new_findings"),
        ("the cream fell because something in the mix has no backing in the guideline", "compound_contains_nonrecommended_agent"),
        ("brace let through after everything simpler had been tried in vain", "prior_care_failed"),
        ("Percocet refused, the chart never says how much the ache eased", "no_pain_relief_documented"),
    ],
)  # fmt: skip
def test_a_ground_in_words_that_nobody_listed(text: str, code: str) -> None:
    grounds = {value for field, op, values in _filters(text) if (field, op) == ("reason", "any") for value in values}
    assert code in grounds
    assert any("was heard as the ground" in note for note in parse_query(text).notes)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("neck MRIs turned down, leaving out the ones where the trouble was that therapy had not been tried", "no_failed_conservative_care"),
        ("acupuncture refused, skip it if it was over how many visits there had been", "exceeds_visit_or_quantity_limit"),
    ],
)  # fmt: skip
def test_a_ground_that_is_excluded(text: str, code: str) -> None:
    excluded = {value for field, op, values in _filters(text) if (field, op) == ("reason", "none") for value in values}
    assert code in excluded


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("narcotic denied although his pee test had come back the way it should", "consistent"),
        ("opioids let through in spite of a test that did not match what was prescribed", "inconsistent"),
    ],
)
def test_a_fact_of_the_drug_screen(text: str, state: str) -> None:
    states = {value for field, _, values in _filters(text) if field.startswith("uds") for value in values}
    assert state in states
    assert not {f.value for f in parse_query(text).filters if "urine_drug_screen" in str(f.value) and f.field != "uds"}


def test_a_decision_in_other_words_and_against_a_negation() -> None:
    assert ("decision", "any", ("upheld",)) in _filters("buying a TENS machine wasn't ok'd")
    assert ("decision", "any", ("upheld",)) in _filters("viscosupplementation or SI joint injection denied")


@pytest.mark.parametrize(
    "text",
    [
        "sixty tablets with one refill denied", "PT, more than 12 visits, decided in 2016", "psychological evaluation denied",
        "reviewer cited ODG, knee MRI", "home exercise kit approved", "CT or plain films of the spine, no MRI",
    ],
)  # fmt: skip
def test_what_is_no_ground_is_not_heard_as_one(text: str) -> None:
    assert "reason" not in {f.field for f in parse_query(text).filters}


def test_words_that_were_misread_go_back_to_the_items() -> None:
    filters = _filters("CT or plain films of the spine, no MRI")
    assert ("subcategory", "none", ("diagnostic_testing.mri",)) in filters


def test_of_what_fell_with_an_operation_the_operation_is_not_the_item() -> None:
    fields = {f.field: f.value for f in parse_query("add-ons that fell along with the operation").filters}
    assert fields.get("reason") == ("depends_on_denied_service",)
    assert "category" not in fields


def test_nothing_of_a_question_is_kept() -> None:
    parse_query("Norco denied as the chart never says how much the ache eased")
    assert hear.cache_info().currsize == 0


def test_two_guesses_at_one_clause_are_alternatives() -> None:
    reasons = [
        f.value
        for f in parse_query("pills they never showed helped her do anything again").filters
        if f.field == "reason"
    ]
    assert len(reasons) == 1
    assert "no_functional_improvement" in reasons[0]
