"""The rules extractor on the project's sample letters, field by field against their labels, and on made-up oddities.

Letters and labels were written together: a check of the plumbing, not a measure of how well rules read real letters.
"""

import json
from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from letters import SAMPLE_GOLD, SAMPLES

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters, read_text
from imr_llm.record import Review, schema_sha256
from imr_llm.rules.extractor import extract_by_rules


@cache
def read() -> dict[str, tuple[Letter, Review]]:
    letters = [item for item in read_letters([SAMPLES]) if isinstance(item, Letter)]
    return {letter.file: (letter, extract_by_rules(letter)) for letter in letters}


@cache
def gold() -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in SAMPLE_GOLD.read_text("utf-8").splitlines():
        row = json.loads(line)
        rows[row["file"]].append(row)
    return {file: found for file, found in rows.items() if file != "unknown_layout_letter.txt"}


FILES = sorted(gold())


@pytest.mark.parametrize("file", FILES)
def test_titles_and_decisions(file: str) -> None:
    review = read()[file][1]
    expected = [(clean_text(row["title"]), row["decision"]) for row in gold()[file]]
    assert [(item.title, item.decision) for item in review.determinations] == expected
    assert [item.number for item in review.determinations] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("file", FILES)
def test_header_reviewer_and_patient(file: str) -> None:
    review, wanted = read()[file][1], gold()[file][0]["letter"]
    assert review.letter.layout == wanted["layout"]
    assert review.reviewer.licensed_states == wanted["licensed_states"]
    assert review.reviewer.specialties == wanted["specialties"]
    assert (review.patient.age, review.patient.sex) == (wanted["age"], wanted["sex"])
    case = review.case.model_dump(mode="json")
    fields = case.keys() & wanted.keys()
    assert len(fields) >= 4
    assert {field: case[field] for field in fields} == {field: wanted[field] for field in fields}


@pytest.mark.parametrize("file", FILES)
def test_treatment(file: str) -> None:
    for row, item in zip(gold()[file], read()[file][1].determinations, strict=True):
        found = item.treatment.model_dump()
        for field in ("category", "subcategory", "drug", "refills", "retrospective"):
            assert found[field] == row["treatment"][field], (item.number, field)


@pytest.mark.parametrize("file", FILES)
def test_maximus_citations(file: str) -> None:
    for row, item in zip(gold()[file], read()[file][1].determinations, strict=True):
        if "maximus_citations" not in row:
            continue
        assert item.maximus_guideline
        found = [(c.source, c.chapter, c.year, c.pages) for c in item.maximus_guideline.citations]
        wanted = [
            (c["source"], c["chapter"], c["year"], [tuple(pages) for pages in c["pages"]])
            for c in row["maximus_citations"]
        ]
        assert found == wanted, item.number


def test_evidence_is_verbatim_in_its_own_rationale_and_one_reason_is_primary() -> None:
    for letter, review in read().values():
        for item in review.determinations:
            for reason in item.reasons:
                assert item.rationale
                assert letter.text[reason.evidence.start : reason.evidence.end] == reason.evidence.quote
                assert item.rationale.start <= reason.evidence.start < reason.evidence.end <= item.rationale.end
            assert sum(reason.primary for reason in item.reasons) == bool(item.reasons)


def test_the_urine_drug_screen_is_never_confused() -> None:
    for file, rows in gold().items():
        review = read()[file][1]
        assert review.summary.uds_status == rows[0]["uds_summary"], file
        for row, item in zip(rows, review.determinations, strict=True):
            assert item.uds_status == row["uds_rationale"], (file, item.number)
            missing = "missing_urine_drug_screen"
            assert (missing in {reason.code for reason in item.reasons}) == (
                missing in {reason["code"] for reason in row["reasons"]}
            ), (file, item.number)


def test_a_letters_instructions_and_markup_are_only_text() -> None:
    letter, review = read()["hostile_injection_and_markup.txt"]
    assert "<script" in letter.text
    rows = gold()["hostile_injection_and_markup.txt"]
    assert [item.decision for item in review.determinations] == [row["decision"] for row in rows]


def test_an_unknown_layout_is_kept_and_said_to_be() -> None:
    _, review = read()["unknown_layout_letter.txt"]
    assert review.letter.layout == "unknown"
    assert [warning.code for warning in review.run.warnings] == ["layout_unknown"]


def make(
    decision: str, rationale: str, title: str = "Norco 10/325mg #60", header: str = "", summary: str = ""
) -> Review:
    text = (
        f"{header}\nHOW THE IMR FINAL DETERMINATION WAS MADE\n\nCLINICAL CASE SUMMARY\n{summary}\n\n"
        f"IMR ISSUES, DECISIONS AND RATIONALES\n\n{title}: {decision}\n\n"
        f"Claims Administrator guideline: none\n\nDecision rationale: {rationale}\n"
    )
    return extract_by_rules(read_text(text, "made.txt"))


@pytest.mark.parametrize(
    ("decision", "rationale", "doubted"),
    [
        ("Upheld", "No relief is recorded. Norco is not medically necessary.", False),
        ("Upheld", "Relief is recorded. Norco is medically necessary.", True),
        ("Overturned", "Relief is recorded. Norco is medically necessary.", False),
        ("Overturned", "No relief is recorded. Norco is not medically necessary.", True),
        ("Overturned", "UR said that it is not medically necessary. We find that it is medically necessary.", False),
    ],
)
def test_the_print_wins_over_the_rationales_own_verdict_but_is_doubted(
    decision: str, rationale: str, doubted: bool
) -> None:
    (item,) = make(decision, rationale).determinations
    assert item.decision == decision.lower()
    assert ("rationale_differs_from_decision" in item.needs_review) == doubted


def test_two_dates_of_injury_are_both_told() -> None:
    review = make("Upheld", "None.", header="Date of Injury: 1/2/2015", summary="He was injured on 2/1/2015 at work.")
    (warning,) = review.run.warnings
    assert warning.code == "date_of_injury_differs"
    assert "2015-01-02" in warning.message
    assert "2015-02-01" in warning.message


def test_two_dates_of_the_denial_are_both_told() -> None:
    summary = "On 12/16/2016 utilization review denied the request for Norco."
    review = make("Upheld", "None.", header="UR Denial Date: 12/20/2016", summary=summary)
    (warning,) = review.run.warnings
    assert warning.code == "ur_denial_date_differs"
    assert "2016-12-16" in warning.message
    same = make("Upheld", "None.", header="UR Denial Date: 12/16/2016", summary=summary)
    assert same.run.warnings == []


def test_a_strength_that_changes_within_a_title_is_told() -> None:
    title = (
        "Trezix 320.5/30/16mg #30 was the original request. Trezix 320.5/30/16mg #5 was authorized by the Claims "
        "Administrator. The remaining IMR eligible portion of the original request, Trezix 30.5/30/16mg #25 is"
    )
    review = make("Upheld", "None.", title=title)
    assert "strength_differs" in {warning.code for warning in review.run.warnings}
    assert review.determinations[0].ur_action == "modified"


def test_the_run_says_how_the_review_was_made() -> None:
    run = make("Upheld", "None.").run
    assert (run.extractor, run.model, run.attempts, run.schema_sha256) == ("rules", None, 0, schema_sha256())
    assert run.seconds > 0


def test_a_review_survives_json() -> None:
    for _, review in read().values():
        assert Review.model_validate_json(review.model_dump_json()) == review
