"""The rules on the shared real letters, against their labels. The rules were developed on these letters: a check
against losing ground, not a measure of how well they do on others."""

import json
from collections import defaultdict
from functools import cache
from typing import Any

import pytest
from letters import SHARED, needs_real_letters

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.record import Determination, Review
from imr_llm.rules.extractor import extract_by_rules

pytestmark = needs_real_letters

FOLDED_LEAD = "The Final Determination was based on decisions for the disputed items/services set forth below: "


@cache
def reviews() -> dict[str, tuple[Letter, Review]]:
    found = {}
    for item in read_letters([SHARED / "letters" / "dev", SHARED / "letters" / "seeds"]):
        assert isinstance(item, Letter), item
        found[item.file] = (item, extract_by_rules(item))
    return found


@cache
def gold() -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in (SHARED / "gold" / "dev.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        rows[row["file"]].append(row)
    return rows


def pairs() -> list[tuple[dict[str, Any], Determination]]:
    return [
        (row, item)
        for file, rows in gold().items()
        for row, item in zip(rows, reviews()[file][1].determinations, strict=True)
    ]


def test_every_determination_title_and_decision_is_right() -> None:
    for row, item in pairs():
        expected = clean_text(row["title"]).removeprefix(FOLDED_LEAD).strip()
        assert item.title.startswith(expected), (row["file"], row["number"])
        assert item.decision == row["decision"], (row["file"], row["number"])


def test_every_letter_has_its_header_reviewer_and_sections() -> None:
    for file, (_, review) in reviews().items():
        assert review.reviewer.licensed_states, file
        assert review.reviewer.specialties, file
        assert review.summary.start is not None, file
        if file.startswith("CM"):
            assert None not in review.case.model_dump().values(), file
            assert review.case.case_number == file.removesuffix(".pdf")
        for item in review.determinations:
            assert item.claims_administrator_guideline, file
            assert item.maximus_guideline, file
            assert item.rationale, file
            assert item.rationale.text == reviews()[file][0].text[item.rationale.start : item.rationale.end]


def test_every_guideline_line_is_cited_or_says_that_nothing_is() -> None:
    for file, (_, review) in reviews().items():
        for item in review.determinations:
            for line in (item.claims_administrator_guideline, item.maximus_guideline):
                assert line
                assert bool(line.citations) == line.cites_evidence, (file, item.number)


def test_evidence_is_verbatim_and_in_its_own_rationale() -> None:
    for file, (letter, review) in reviews().items():
        for item in review.determinations:
            assert item.rationale
            for reason in item.reasons:
                evidence = reason.evidence
                assert letter.text[evidence.start : evidence.end] == evidence.quote, file
                assert item.rationale.start <= evidence.start < evidence.end <= item.rationale.end, file
            assert sum(reason.primary for reason in item.reasons) == bool(item.reasons)


@pytest.mark.parametrize(
    ("field", "share"),
    [("category", 0.99), ("subcategory", 0.97), ("drug", 0.99), ("strength", 0.97), ("quantity", 0.95)],
)
def test_treatment_keeps_its_ground(field: str, share: float) -> None:
    right = [row["treatment"][field] == getattr(item.treatment, field) for row, item in pairs()]
    assert sum(right) / len(right) >= share


def test_reasons_keep_their_ground() -> None:
    true = found = wanted = 0
    for row, item in pairs():
        codes, labels = {reason.code for reason in item.reasons}, {reason["code"] for reason in row["reasons"]}
        true, found, wanted = true + len(codes & labels), found + len(codes), wanted + len(labels)
    precision, recall = true / found, true / wanted
    assert precision >= 0.80
    assert 2 * precision * recall / (precision + recall) >= 0.80


def test_the_three_hard_cases_of_the_urine_drug_screen() -> None:
    for row, item in pairs():
        assert item.uds_status == row["uds_rationale"], (row["file"], row["number"])
    for file, (_, review) in reviews().items():
        assert review.summary.uds_status == gold()[file][0]["uds_summary"], file


def test_partly_authorized_requests_are_split() -> None:
    split = [item.request for _, item in pairs() if item.request.original]
    assert len(split) == sum(row["request"]["original"] is not None for row, _ in pairs())
    assert all(
        request.authorized and request.disputed and "original request" not in request.disputed for request in split
    )


def test_a_letter_that_contradicts_itself_keeps_both_facts_and_a_warning() -> None:
    codes = {warning.code for _, review in reviews().values() for warning in review.run.warnings}
    assert "strength_differs" in codes
    (seed,) = (review for file, (_, review) in reviews().items() if file.startswith("001_"))
    topics = {clash.topic for clash in seed.determinations[0].contradictions}
    assert "uds" in topics
    assert "pain_relief" not in topics
