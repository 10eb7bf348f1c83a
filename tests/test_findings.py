"""Every pattern has rows that carry its code and rows that do not; absence scopes reach as far as they should."""

from __future__ import annotations

import time

import pytest

from imr_llm.rules.findings import Pattern, Subject, find_matches, find_scopes, load_patterns
from imr_llm.terms.taxonomy import load_taxonomy

PATTERNS = load_patterns()
TITLE = "Thing-a-matic compound kit"
# (text, words said to be missing, words not said to be missing)
SCOPES = [
    ("There is no documentation of pain relief or function.", ("pain relief", "function"), ()),
    ("The doctor has not recorded relief, nor screens including UDS.", ("relief", "UDS"), ("doctor",)),
    ("Failure of rest is not documented in the notes.", ("Failure of rest",), ()),
    ("The notes fail to show a trial but list two drugs.", ("trial",), ("two drugs",)),
    ("The screen showed cocaine, not explained.", (), ("cocaine", "screen")),
    ("No more than two levels are blocked.", (), ("levels",)),
    ("The patient works and walks.", (), ("works",)),
]


def _subject(pattern: Pattern) -> Subject:
    """A subject that the pattern is meant for."""
    if not pattern.within:
        return Subject(title=TITLE)
    category, _, subcategory = min(pattern.within).partition(".")
    return Subject(title=TITLE, category=category, subcategory=subcategory or None)


def _codes(text: str, pattern: Pattern) -> set[str]:
    polarity = load_taxonomy().codes[pattern.code].polarity
    return {match.pattern.code for match in find_matches(text, _subject(pattern), polarity)}


def _rows(which: str) -> list[pytest.ParameterSet]:
    return [
        pytest.param(pattern, row, id=f"{pattern.name}-{number}")
        for pattern in PATTERNS
        for number, row in enumerate(getattr(pattern, which))
    ]


def test_pattern_names_are_unique() -> None:
    names = [pattern.name for pattern in PATTERNS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_every_pattern_has_both_kinds_of_rows(pattern: Pattern) -> None:
    assert pattern.carries
    assert pattern.near_misses


@pytest.mark.parametrize(("pattern", "row"), _rows("carries"))
def test_row_carries_the_code(pattern: Pattern, row: str) -> None:
    polarity = load_taxonomy().codes[pattern.code].polarity
    found = find_matches(row, _subject(pattern), polarity)
    assert pattern.name in {match.pattern.name for match in found} or pattern.code in _codes(row, pattern)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_row_is_found_by_its_own_pattern(pattern: Pattern) -> None:
    polarity = load_taxonomy().codes[pattern.code].polarity
    names = {match.pattern.name for row in pattern.carries for match in find_matches(row, _subject(pattern), polarity)}
    assert pattern.name in names


@pytest.mark.parametrize(("pattern", "row"), _rows("near_misses"))
def test_near_miss_does_not(pattern: Pattern, row: str) -> None:
    assert pattern.code not in _codes(row, pattern)


@pytest.mark.parametrize(("text", "missing", "present"), SCOPES)
def test_absence_scopes(text: str, missing: tuple[str, ...], present: tuple[str, ...]) -> None:
    scopes = find_scopes(text)
    for word in (*missing, *present):
        at = text.index(word)
        inside = any(first <= at and at + len(word) <= last for first, last in scopes)
        assert inside == (word in missing), word


@pytest.mark.parametrize(
    "piece", ["no documentation of relief, ", "not ", "(((", "the patient has not had any, ", '"a ']
)
def test_long_odd_text_is_read_in_reasonable_time(piece: str) -> None:
    text = piece * (6000 // len(piece))
    begun = time.perf_counter()
    find_matches(text, Subject(), "denial")
    find_matches(text, Subject(), "overturn")
    assert time.perf_counter() - begun < 30
