"""Sentences, clauses and the part each clause plays. All text is our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imr_llm.letters.sentences import Role, split_clauses, split_sentences, split_statements

SENTENCES = [
    ("The drug helps. It is cheap.", ["The drug helps.", "It is cheap."]),
    ("See p. 78 of the chapter. No gain was shown.", ["See p. 78 of the chapter.", "No gain was shown."]),
    ("Dr. Roe agreed, e.g. on rest. Done.", ["Dr. Roe agreed, e.g. on rest.", "Done."]),
    ("A dose of 0.5 mg vs. 1.5 mg was used.", ["A dose of 0.5 mg vs. 1.5 mg was used."]),
    ("It was tried.The notes are silent.", ["It was tried.", "The notes are silent."]),
    ('The text says "try rest." The chart differs.', ['The text says "try rest."', "The chart differs."]),
    ("No full stop at the end", ["No full stop at the end"]),
    ("", []),
]

ROLES: list[tuple[str, list[Role]]] = [
    ("MTUS recommends therapy when function improves.", ["recital"]),
    ("According to ODG, plain films come before advanced imaging.", ["recital"]),
    ("Repeat blocks are recommended only after relief of six weeks.", ["recital"]),
    ('ODG reads: "Use is supported in patients who failed other drugs."', ["recital"]),
    ("The goal of therapy is a home program.", ["recital"]),
    ("The guideline calls for visits at which the physician tracks signs of misuse.", ["recital"]),
    ("ODG adds night pain and a painful arc of motion.", ["recital"]),
    ("MTUS gives 24 visits over 14 weeks after a repair.", ["recital"]),
    ("Exceptions are suspected fracture and locking.", ["recital"]),
    ("Acid suppressants are recommended where the stomach is at risk.", ["recital"]),
    ("Most ankle sprains resolve by themselves.", ["recital"]),
    ("Ten visits match the number that the schedule gives, and the patient had none so far.", ["finding", "finding"]),
    ("There is no record of a trial.", ["finding"]),
    ("The patient continues to work.", ["finding"]),
    ("Given that the guidelines do not recommend this device, its use fails.", ["finding"]),
    ("By now he should have been taught a home program.", ["finding"]),
    ("Utilization review denied the drug for want of a screen.", ["history"]),
    ("Therefore, the request is not medically necessary.", ["conclusion"]),
    ("MTUS supports the drug after NSAIDs fail; however, the notes do not mention NSAIDs.", ["recital", "finding"]),
    ("While ODG recommends six visits, there is no sign of gain.", ["recital", "finding"]),
]


@pytest.mark.parametrize(("text", "expected"), SENTENCES)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in split_sentences(text)] == expected


@pytest.mark.parametrize(("text", "expected"), ROLES)
def test_roles(text: str, expected: list[Role]) -> None:
    assert [clause.role for clause in split_clauses(text)] == expected


@given(st.text(alphabet='ab .,;"AB1(\n', max_size=120))
def test_clauses_stand_in_order_inside_the_text(text: str) -> None:
    at = 0
    for clause in split_clauses(text):
        assert at <= clause.start < clause.end <= len(text)
        at = clause.end


def test_statements_are_the_sentences_and_their_clauses() -> None:
    text = "MTUS recommends therapy when function improves; however, the patient has made no gain at all. Denied."
    said = [(text[s.start : s.end], s.role) for s in split_statements(text)]
    whole = "MTUS recommends therapy when function improves; however, the patient has made no gain at all."
    assert (whole, "finding") in said
    assert (whole, "recital") in said
    assert any(words.endswith("no gain at all.") and words != whole and role == "finding" for words, role in said)
    assert ("Denied.", "finding") in said
