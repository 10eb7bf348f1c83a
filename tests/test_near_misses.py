"""Near misses: one condition fails, and what the determination has instead is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from library_samples import WordEmbedder, fill_library

from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Library
from imr_llm.search.hits import answer_json, search
from imr_llm.search.near_misses import NearMiss


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("near") / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        yield library, index


def _misses(filled: tuple[Library, Index], text: str, number: int = 5) -> tuple[NearMiss, ...]:
    return search(*filled, text, near_misses=number).near_misses


@pytest.mark.parametrize(
    ("text", "missed", "because"),
    [
        ("find cases denied for missing UDS", ("consistent.txt", 1), "urine drug screen: consistent, asked: missing"),
        ("find cases denied for missing UDS", ("illicit.txt", 1), "urine drug screen: illicit positive, asked: missing"),
        ("find cases denied for missing UDS", ("missing.txt", 2), "reason: short term use only, asked: missing urine drug screen"),
        ("Norco overturned", ("missing.txt", 1), "decision: upheld"),
        ("Norco overturned in 2017", ("approved.txt", 1), "drug: not stated, asked: hydrocodone/acetaminophen"),
        ("cervical trigger point injections", ("approved.txt", 2), "region named only in the summary: cervical"),
        ("Soma denied", ("consistent.txt", 1), "drug only mentioned in the record: carisoprodol; in dispute: hydrocodone/acetaminophen"),
        ("Soma", ("consistent.txt", 1), "drug only mentioned in the record: carisoprodol; in dispute: hydrocodone/acetaminophen"),
        ("Norco more than 150 tablets", ("missing.txt", 1), "quantity: 120, asked: more than 150 tablets"),
        ("Norco in 2016", ("illicit.txt", 1), "date of the decision: 2017-01-09, asked: decision date 2016-01-01 to 2016-12-31"),
        ("Norco licensed in Texas", ("missing.txt", 1), "reviewer's licence: California, asked: Texas"),
        ("Norco denied but NOT because of the drug screen", ("missing.txt", 1),
         "reason: missing urine drug screen, no functional improvement, asked: not missing urine drug screen or aberrant drug behavior"),
        ("Norco for men over 65", ("consistent.txt", 1), "age: 62, asked: 66 or more"),
        ("consistent UDS in 2017", ("illicit.txt", 1), "urine drug screen: illicit positive, asked: consistent"),
        ("retrospective Norco", ("missing.txt", 1), "not so: retrospective request"),
    ],
)  # fmt: skip
def test_because(filled: tuple[Library, Index], text: str, missed: tuple[str, int], because: str) -> None:
    found = {(miss.hit.file, miss.hit.number): miss.because for miss in _misses(filled, text, 7)}
    assert found[missed] == because


@pytest.mark.parametrize(
    "text", ["Norco overturned", "find cases denied for missing UDS", "Norco in 2016 denied", "Soma denied"]
)
def test_each_fails_its_filter_alone(filled: tuple[Library, Index], text: str) -> None:
    library, _ = filled
    answer = search(*filled, text, near_misses=7)
    ids = {(row.file, row.number): row.id for row in library.select()}
    assert answer.near_misses
    for miss in answer.near_misses:
        fails = [f for f in answer.query.filters if ids[miss.hit.file, miss.hit.number] not in library.select_ids([f])]
        assert fails == [miss.failed]
        assert miss.failed.label not in miss.hit.why


def test_another_screen_or_region_comes_first(filled: tuple[Library, Index]) -> None:
    assert [miss.hit.file for miss in _misses(filled, "find cases denied for missing UDS", 2)] == [
        "consistent.txt",
        "illicit.txt",
    ]


@pytest.mark.parametrize(
    "text", ["", "Norco", "palpation", "RFA dated after the UR denial", "[pasted] Norco was denied"]
)
def test_none(filled: tuple[Library, Index], text: str) -> None:
    assert _misses(filled, text) == ()


def test_another_item_is_near_by_more_than_its_decision(filled: tuple[Library, Index]) -> None:
    misses = _misses(filled, "Norco overturned", 7)
    assert {miss.failed.field for miss in misses} == {"decision"}
    assert not _misses(filled, "Norco upheld or overturned", 7)


def test_only_where_asked_for_and_at_most_so_many(filled: tuple[Library, Index]) -> None:
    assert search(*filled, "Norco overturned").near_misses == ()
    assert len(_misses(filled, "Norco overturned", 2)) == 2
    assert _misses(filled, "Norco overturned", 2) == _misses(filled, "Norco overturned", 7)[:2]


def test_json(filled: tuple[Library, Index]) -> None:
    answer = search(*filled, "Norco overturned", near_misses=5)
    assert "near_misses" not in answer_json(answer)
    first = answer_json(answer, near_misses=True)["near_misses"][0]
    assert set(first) == {"hit", "failed", "because"}
    assert first["failed"]["value"] == list(answer.near_misses[0].failed.value)


def test_without_an_index(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        assert search(library, None, "Norco overturned", near_misses=5).near_misses
