"""Kept answers: the same as those asked anew, forgotten when the records change, bounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_samples import SAMPLES, fill_library, make_letter, make_review

from imr_llm.library import store
from imr_llm.library.filters import Filter
from imr_llm.library.kept import Kept, ascend, find_common, is_among, order_down, read_ids
from imr_llm.library.store import Library


def _ids(*numbers: int) -> Any:
    return np.asarray(numbers, dtype=np.int64)


@pytest.mark.parametrize(("joined", "ids"), [(None, []), ("", []), ("3", [3]), ("3,1,2", [1, 2, 3])])
def test_read_ids(joined: str | None, ids: list[int]) -> None:
    assert read_ids(joined).tolist() == ids


@given(st.lists(st.sets(st.integers(1, 40)), min_size=1, max_size=4))
def test_find_common(sets: list[set[int]]) -> None:
    arrays = [_ids(*sorted(some)) for some in sets]
    assert set(find_common(arrays).tolist()) == set.intersection(*sets)
    assert is_among(arrays[0], arrays[-1]).tolist() == [i in sets[-1] for i in arrays[0].tolist()]


SCORES = st.one_of(
    st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0, -1.0, 0.0, -0.0]), st.floats(-1e3, 1e3, width=32, allow_nan=False)
)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@given(scores=st.lists(SCORES))
def test_order_down(kind: Any, scores: list[float]) -> None:
    given_scores = np.asarray(scores, dtype=kind)
    expected = sorted(range(len(scores)), key=lambda at: (-given_scores[at], at))
    assert order_down(given_scores).tolist() == expected


@given(st.lists(st.integers(0, 50)))
def test_ascend(ids: list[int]) -> None:
    assert ascend(_ids(*ids)).tolist() == sorted(ids)


def test_kept_until_the_version_changes() -> None:
    kept, made = Kept(), []

    def make() -> list[int]:
        made.append(1)
        return [len(made)]

    assert [kept.get(version, "key", make, len) for version in (1, 1, 2, 2)] == [[1], [1], [2], [2]]


def test_the_longest_unused_make_room() -> None:
    kept, made = Kept(most=10), []

    def ask(key: str) -> None:
        kept.get(1, key, lambda: made.append(key) or key * 4, len)

    for key in "abacab":
        ask(key)
    assert made == ["a", "b", "c", "b"]
    assert kept.holds(1, "b")
    assert not kept.holds(2, "b")
    assert not kept.holds(1, "c")


DECIDED = Filter("decision", "any", ("upheld",), "", "")


def test_what_is_written_is_seen(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library", SAMPLES[:1]) as library:
        assert (library.count_ids([DECIDED]), library.counts().determinations) == (2, 2)
        assert dict(library.count_values("year")) == {"2016": 2}
        library.put_review(make_letter(SAMPLES[2]), make_review(SAMPLES[2]))
        assert (library.count_ids([DECIDED]), library.counts().determinations) == (3, 3)
        assert dict(library.count_values("year")) == {"2016": 2, "2017": 1}
        library.delete_letter("missing.txt")
        assert (library.count_ids([DECIDED]), library.id_bounds()) == (1, (1, 3))


def test_what_another_process_writes_is_seen(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library", SAMPLES[:1]) as writer, Library.open(tmp_path / "library") as reader:
        assert (reader.count_ids([DECIDED]), reader.counts().letters) == (2, 1)
        writer.put_review(make_letter(SAMPLES[2]), make_review(SAMPLES[2]))
        assert (reader.count_ids([DECIDED]), reader.counts().letters) == (3, 2)


def test_a_write_that_fails_changes_nothing(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library", SAMPLES[:1]) as library:
        review = make_review(SAMPLES[1])
        again = review.determinations[0].model_copy(update={"number": 1})
        with pytest.raises(store.LibraryError):
            library.put_review(make_letter(SAMPLES[1]), review.model_copy(update={"determinations": [again, again]}))
        assert library.count_ids([DECIDED]) == library.counts().determinations == 2


@pytest.mark.parametrize(
    "text", ["Norco", "no taper screen drug", "work work status", "chart's \"drug", "absent words"]
)
@pytest.mark.parametrize("with_summary", [False, True])
def test_added_word_scores_are_those_of_one_question(
    tmp_path: Path, text: str, with_summary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = tuple(
        replace(sample, name=f"{n}-{sample.name}", summary=f"Visit {n}. {sample.summary}")
        for n in range(3)
        for sample in SAMPLES
    )
    with fill_library(tmp_path / "library", samples) as library:
        ids = library.select_ids()[3:]
        direct = library.match_text(text, ids, with_summary=with_summary)
        monkeypatch.setattr(store, "NARROW", 0)
        added = library.match_text(text, ids, with_summary=with_summary)
        order = library.order_by_words(text, ids).tolist()
    assert added == direct
    assert with_summary or order == [match.id for match in direct]


def test_reasons_order_main_ones_first(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        ids = library.select_ids()
        codes = ["no_functional_improvement", "missing_urine_drug_screen", "short_term_use_only"]
        assert library.order_by_reasons(ids, codes).tolist() == ids[:2]
        assert library.order_by_reasons(ids, codes[:1]).tolist() == ids[:1]
        assert library.order_by_reasons(ids[1:], codes[:1]).tolist() == []
        assert library.order_by_reasons(ids, ["no such code"]).tolist() == []
