"""Quotes found in their own section, and quotes that must not be found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imr_llm.letters.cleaning import clean_text
from imr_llm.llm.grounding import Located, is_cut_from_negation, locate_quote

RATIONALE = (
    "The records provided do not docu-\r\nment a recent urine drug screen. He takes Norco 10/325mg \u2013 with 30% relief "
    "for\n\n2 weeks; the patient\u2019s exam showed adduction of 40 degrees.\fNo relief was seen after the second block. "
    "The \u201cfour A\u2019s\u201d are addressed."
)


def find(quote: str, text: str = RATIONALE, **options: float) -> str | None:
    found = locate_quote(text, quote, 0, len(text), **options)
    return text[found.start : found.end] if found else None


@pytest.mark.parametrize(
    ("quote", "kept"),
    [
        ("a recent urine drug screen", "a recent urine drug screen"),
        ("do not document a recent urine drug screen.", "do not docu-\r\nment a recent urine drug screen"),
        ("relief for 2 weeks", "relief for\n\n2 weeks"),
        ("the patient's exam showed adduction", "the patient\u2019s exam showed adduction"),
        ('The "four A\'s" are addressed', "The \u201cfour A\u2019s\u201d are addressed"),
        ("Norco 10/325mg - with 30% relief", "Norco 10/325mg \u2013 with 30% relief"),
        ('"a recent urine drug screen ..."', "a recent urine drug screen"),
        ("40 degrees. No relief was seen", "40 degrees.\fNo relief was seen"),
    ],
)
def test_exact_matches_fold_white_space_hyphens_and_quote_marks(quote: str, kept: str) -> None:
    found = locate_quote(RATIONALE, quote, 0, len(RATIONALE))
    assert found is not None
    assert found.match == "exact"
    assert RATIONALE[found.start : found.end] == kept


@pytest.mark.parametrize(
    ("quote", "kept"),
    [
        ("he takes norco 10/325 mg, with 30% relief", "He takes Norco 10/325mg \u2013 with 30% relief"),
        ("The record provided do not document a recent urine drug screen", "The records provided do not docu-\r\nment"
         " a recent urine drug screen"),
        ("exam showed an adducton of 40 degrees", "exam showed adduction of 40 degrees"),
        ("relief was seen after the 2nd blocks of the", None),
    ],
)  # fmt: skip
def test_near_matches_keep_the_letters_own_words(quote: str, kept: str | None) -> None:
    found = locate_quote(RATIONALE, quote, 0, len(RATIONALE))
    assert (RATIONALE[found.start : found.end] if found else None) == kept
    assert found is None or found.match == "fuzzy"


@pytest.mark.parametrize(
    "quote",
    [
        "He takes Norco 10/352mg with 30% relief",  # another strength
        "He takes Norco 10/325mg with 80% relief for 2 weeks",
        "with 30% relief for 12 weeks; the patient's exam",
        "The records provided do document a recent urine drug screen",  # the negation is gone
        "The records provided document a recent urine drug screen",
        "the patient's exam showed abduction of 40 degrees",  # the opposite movement
        "Some relief was seen after the second block",
        "The four A's are unaddressed and more",
        "The four A's are not addressed",
        "No relief was seen before the second block",
        "5mg",  # the tail of 10/325mg
        "10",  # the head of it
        "0% relief",
        "urine drug screens were consistent throughout the year",
        "",
        " ... ",
        "\u2014",
    ],
)
def test_what_the_letter_does_not_say_is_not_found(quote: str) -> None:
    assert find(quote) is None


def test_quote_is_found_in_its_own_section_alone() -> None:
    said = "The last screen was consistent."
    letter = f"SUMMARY {said} RATIONALE {said} END"
    second = letter.index("RATIONALE")
    found = locate_quote(letter, said, second, len(letter))
    assert found == Located(second + 10, second + 10 + len(said) - 1, "exact", 100.0)
    assert locate_quote(letter, said, letter.index("END"), len(letter)) is None
    assert locate_quote(letter, said, 0, 15) is None


def test_lower_threshold_accepts_no_harmful_difference() -> None:
    assert find("He takes Norco 10/352mg with 30% relief", threshold=10.0) is None
    assert find("No relief was ever seen before the second block", threshold=10.0) is None


def test_threshold_is_honoured() -> None:
    slips = "The recrods provded do not document a recnt urine drug scren"
    assert find(slips, threshold=70.0) is not None
    assert find(slips, threshold=97.0) is None


@pytest.mark.parametrize(
    ("quote", "cut"),
    [("relief was seen after", True), ("No relief was seen", False), ("document a recent urine drug screen", True),
     ("a recent urine drug screen", False), ("He takes Norco", False), ("The records provided", False)],
)  # fmt: skip
def test_quote_cut_out_of_a_negation_is_seen(quote: str, cut: bool) -> None:
    found = locate_quote(RATIONALE, quote, 0, len(RATIONALE))
    assert found is not None
    assert is_cut_from_negation(RATIONALE, found, 0) is cut


def test_negation_of_the_section_before_does_not_count() -> None:
    text = "There is no relief was seen"
    found = locate_quote(text, "relief was seen", 12, len(text))
    assert found is not None
    assert not is_cut_from_negation(text, found, 12)


VOCABULARY = (
    "pain relief the of screen no not 10/325mg 30% 2 weeks patient\u2019s docu-\nmented (was) ; functional \ufb01bers C5-6 "
    "improvement #120 \u2013 \u201copioid\u201d 12/5/2016 therapy. L4 documented"
)
WORDS = st.sampled_from(VOCABULARY.split(" "))
TEXTS = st.lists(WORDS, min_size=1, max_size=40)
SPACES = st.sampled_from([" ", "  ", "\n", "\r\n", "\n\n", "\f", " \n "])


@settings(deadline=None)
@given(TEXTS, SPACES, st.data())
def test_any_run_of_whole_words_is_found_exactly_and_cleans_to_itself(
    words: list[str], space: str, data: st.DataObject
) -> None:
    text = space.join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first + 1, len(words)))
    quote = clean_text(" ".join(words[first:last]))
    if not re.search(r"\w", quote):
        return
    found = locate_quote(text, quote, 0, len(text))
    assert found is not None
    assert found.match == "exact"
    assert clean_text(text[found.start : found.end]) in quote


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_offsets_never_leave_the_section(text: str, quote: str, one: int, other: int) -> None:
    start, end = sorted((min(one, len(text)), min(other, len(text))))
    found = locate_quote(text, quote, start, end)
    assert found is None or start <= found.start < found.end <= end


@settings(deadline=None)
@given(TEXTS, st.integers(0, 10_000))
def test_a_changed_number_is_never_found(words: list[str], number: int) -> None:
    text = " ".join([*words, "dose of", str(number), "tablets daily for the lower back pain", *words])
    quote = f"dose of {number + 1} tablets daily for the lower back pain"
    assert locate_quote(text, quote, 0, len(text)) is None


@settings(deadline=None)
@given(TEXTS)
def test_a_lost_negation_is_never_found(words: list[str]) -> None:
    text = " ".join([*words, "the file does not show any agreement signed by her"])
    assert locate_quote(text, "the file does show any agreement signed by her", 0, len(text)) is None
