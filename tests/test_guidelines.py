"""Guideline lines: rows of (line as printed, citations)."""

from typing import Any

import pytest

from imr_llm.letters.guidelines import read_guideline

Row = tuple[str, str | None, int | None, list[str], list[tuple[int, int]]]

ROWS: list[tuple[str, list[Row]]] = [
    ("Decision based on MTUS Knee Complaints 2004.", [("MTUS", "Knee Complaints", 2004, [], [])]),
    (
        "Decision based on MTUS Low Back Complaints 2004, Section(s): Summary, \nSpecial Studies, and Chronic Pain Medical Treatment "
        "2016, Section(s): Facet blocks.",
        [
            ("MTUS", "Low Back Complaints", 2004, ["Summary", "Special Studies"], []),
            ("MTUS", "Chronic Pain Medical Treatment", 2016, ["Facet blocks"], []),
        ],
    ),
    (
        "Decision based on MTUS Forearm, Wrist, and Hand Complaints 2004, Section(s): Initial Care.",
        [("MTUS", "Forearm, Wrist, and Hand Complaints", 2004, ["Initial Care"], [])],
    ),
    (
        "Decision based on MTUS Chronic Pain 2012, Section(s): Opioids, criteria for use, Opioids, dosing, "
        "NSAIDs, GI symptoms & cardiovascular risk.",
        [("MTUS", "Chronic Pain", 2012,
          ["Opioids, criteria for use", "Opioids, dosing", "NSAIDs, GI symptoms & cardiovascular risk"], [])],
    ),
    (
        "Decision based on MTUS Opioid Treatment 2016, Section(s): 3. Chronic Opioid Treatment: Overview, 3.3.6 Use of Tests, Prior to Care.",
        [("MTUS", "Opioid Treatment", 2016, ["3. Chronic Opioid Treatment: Overview", "3.3.6 Use of Tests, Prior to Care"], [])],
    ),
    (
        "Decision based on MTUS Chronic Pain Treatment Guidelines Opioids Page(s): 76-80, 124.",
        [("MTUS", "Chronic Pain Treatment Guidelines", None, ["Opioids"], [(76, 80), (124, 124)])],
    ),
    (
        "Decision based on MTUS Chronic Pain Treatment Guidelines Page(s): 61, 108-112.",
        [("MTUS", "Chronic Pain Treatment Guidelines", None, [], [(61, 61), (108, 112)])],
    ),
    (
        "The Expert Reviewer based their decision on recommendation(s) outside of the MTUS Guidelines. Decision based on Non-MTUS "
        "Citation Official Disability Guidelines (ODG), Low Back - Lumbar & Thoracic (Acute & Chronic), MRI (magnetic resonance imaging).",
        [("ODG", "Low Back - Lumbar & Thoracic", None, ["MRI (magnetic resonance imaging)"], [])],
    ),
    (
        "Decision based on Non-MTUS Citation ODG Shoulder, Manipulation; Neck and Upper back, Manipulation.",
        [("ODG", "Shoulder", None, ["Manipulation"], []), ("ODG", "Neck and Upper back", None, ["Manipulation"], [])],
    ),
    (
        "Decision based on MTUS Knee Complaints 2004, Section(s): Tables. Decision based on Non-MTUS Citation ACOEM "
        "Practice Guidelines, 3rd ed., Knee Disorders, pg. 31.",
        [("MTUS", "Knee Complaints", 2004, ["Tables"], []), ("ACOEM", "Knee", None, [], [(31, 31)])],
    ),
    (
        "Decision based on Non-MTUS Citation Official Disability Guidelines (ODG) Pain and Other Medical Treatment Guidelines ACOEM Hip "
        "and Groin Disorders, MRI.",
        [("ODG", "Pain", None, [], []), ("ACOEM", "Hip and Groin", None, ["MRI"], [])],
    ),
    (
        "Decision based on NonMTUS Citation A Textbook of Hand Surgery, 6th ed.",
        [("other", None, None, ["A Textbook of Hand Surgery", "6th ed"], [])],
    ),
    (
        "The Claims Administrator based its decision on the Chronic Pain Medical Treatment Guidelines (2009), Opioids, pages 76-80, "
        "which is part of the MTUS.",
        [("MTUS", "Chronic Pain Medical Treatment Guidelines", 2009, ["Opioids"], [(76, 80)])],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "citations"), ROWS)
def test_read_guideline(line: str, citations: list[Row]) -> None:
    guideline = read_guideline(line)
    assert guideline.cites_evidence
    assert [(c.source, c.chapter, c.year, c.sections, c.pages) for c in guideline.citations] == citations


@pytest.mark.parametrize(
    "line",
    [
        "The Claims Administrator did not cite any medical evidence for its decision.",
        "The Expert Reviewer did not cite any medical\nevidence for its decision.",
    ],
)
def test_no_evidence_is_a_finding_of_its_own(line: str) -> None:
    guideline = read_guideline(line)
    assert not guideline.cites_evidence
    assert guideline.citations == []


def test_addresses_broken_over_lines_are_whole() -> None:
    line = (
        "Decision based on Non-MTUS Citation http://example.org/long-\nname-of-a-page, "
        "https://example.net/other\ufffepage."
    )
    assert [citation.url for citation in read_guideline(line).citations] == [
        "http://example.org/long-name-of-a-page",
        "https://example.net/other-page",
    ]


def test_the_text_is_the_line_folded() -> None:
    kept: dict[str, Any] = read_guideline("Decision based on MTUS Knee\nComplaints 2004.").model_dump()
    assert kept["text"] == "Decision based on MTUS Knee Complaints 2004."
