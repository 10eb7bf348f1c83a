"""Cleaning: every cleaner by its own example, and a map back that always points at the kept text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imr_llm.letters.cleaning import CLEANERS, Cleaner, clean, clean_text

LETTERISH = st.text(
    alphabet=st.sampled_from("abcN -\n\f\r\t.\ufb01\ufb03\u2019\u201c\ufffe\u00ad\u00d7\u00ae0125/"), max_size=120
)


@pytest.mark.parametrize("cleaner", CLEANERS, ids=lambda cleaner: cleaner.name)
def test_each_cleaner_rewrites_its_own_example(cleaner: Cleaner) -> None:
    before, after = cleaner.example
    assert clean_text(before) == after
    assert cleaner.pattern.search(before)


@pytest.mark.parametrize(
    ("kept", "cleaned"),
    [
        ("no documen-\ntation of relief", "no documentation of relief"),
        ("the non-\n\ncertified request", "the non-certified request"),
        ("doubled \n\nlines \n\nof a seed", "doubled lines of a seed"),
        ("L4-\nL5 level", "L4-L5 level"),
        ("a well-known drug", "a well-known drug"),
        ("pages 78\u201380", "pages 78-80"),
        ("Norco\u00ae 10/325 \u00d7 2", "Norco 10/325 x 2"),
        ("", ""),
        (" \n\f ", ""),
    ],
)
def test_clean_text(kept: str, cleaned: str) -> None:
    assert clean_text(kept) == cleaned


@pytest.mark.parametrize(
    ("kept", "words", "source"),
    [
        ("the docu-\nmentation is thin", "documentation", "docu-\nmentation"),
        ("e\ufb03cacy was not shown", "efficacy", "e\ufb03cacy"),
        ("no  relief\n\nwas  noted", "relief was noted", "relief\n\nwas  noted"),
    ],
)
def test_source_span_gives_the_letters_own_words(kept: str, words: str, source: str) -> None:
    cleaned = clean(kept)
    at = cleaned.text.index(words)
    start, end = cleaned.source_span(at, at + len(words))
    assert kept[start:end] == source
    assert cleaned.cleaned_span(start, end) == (at, at + len(words))


@given(LETTERISH, st.data())
def test_offsets_are_ordered_and_inside_the_section(kept: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(kept)))
    end = data.draw(st.integers(start, len(kept)))
    cleaned = clean(kept, start, end)
    assert len(cleaned.text) == len(cleaned.starts) == len(cleaned.ends)
    assert list(cleaned.starts) == sorted(cleaned.starts)
    assert all(start <= first < last <= end for first, last in zip(cleaned.starts, cleaned.ends, strict=True))


@given(LETTERISH)
def test_a_span_cleans_to_the_text_it_came_from(kept: str) -> None:
    cleaned = clean(kept)
    for index, letter in enumerate(cleaned.text):
        first, last = cleaned.source_span(index, index + 1)
        assert letter == " " or clean_text(kept[first:last]) in (letter, "") or letter in clean_text(kept[first:last])


@given(LETTERISH)
def test_clean_text_has_no_white_space_at_its_edges_nor_doubled(kept: str) -> None:
    cleaned = clean_text(kept)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert "\n" not in cleaned
