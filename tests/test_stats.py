"""Figures: counts, rates with n and Wilson intervals, groups that overlap, the basis of a year."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from library_samples import fill_library

from imr_llm.errors import ConfigurationError
from imr_llm.library.store import Library
from imr_llm.search.stats import GROUPINGS, compute_statistics, make_rate, statistics_json
from imr_llm.terminal import print_statistics


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("stats") / "library") as library:
        yield library


@pytest.mark.parametrize(
    ("n", "of", "low", "high"),
    [(0, 2, 0.0, 0.6576), (2, 2, 0.3424, 1.0), (5, 10, 0.2366, 0.7634), (91, 100, 0.8377, 0.9519), (1, 1, 0.2065, 1.0)],
)  # fmt: skip
def test_wilson_interval(n: int, of: int, low: float, high: float) -> None:
    rate = make_rate(n, of)
    assert rate.share == pytest.approx(n / of)
    assert rate.low == pytest.approx(low, abs=1e-4)
    assert rate.high == pytest.approx(high, abs=1e-4)


def test_a_rate_of_nothing_is_unknown() -> None:
    assert make_rate(0, 0).share is None


def _groups(library: Library, text: str, by: str | None = None) -> dict[str | None, tuple[int, int]]:
    found = compute_statistics(library, text, by=by)
    return {group.value: (group.determinations, group.upheld.n) for group in found.groups}


def test_everything_by_decision(library: Library) -> None:
    statistics = compute_statistics(library)
    assert (statistics.by, statistics.overall.determinations, statistics.overall.letters) == ("decision", 7, 4)
    assert statistics.overall.overturned.n == 1
    assert statistics.letters_with_several == 2


@pytest.mark.parametrize(
    ("text", "by", "expected"),
    [
        ("uphold rate by year", None, {"2016": (3, 3), "2017": (4, 3)}),
        ("", "drug", {"hydrocodone/acetaminophen": (3, 3), "cyclobenzaprine": (1, 1), None: (3, 2)}),
        ("Norco by specialty", "specialty", {"Physical Medicine & Rehabilitation": (1, 1), "Family Practice": (1, 1), "Internal Medicine": (1, 1)}),
        ("Norco", "state", {"California": (2, 2), "New Jersey": (1, 1), "New York": (1, 1), "Texas": (1, 1)}),
        ("", "uds", {"stated_absent": (1, 1), "consistent": (2, 2), "illicit_positive": (1, 1), None: (4, 3)}),
        ("cases with Soma", "decision", {}),
    ],
)  # fmt: skip
def test_groups(library: Library, text: str, by: str | None, expected: dict[str | None, tuple[int, int]]) -> None:
    assert _groups(library, text, by) == expected


def test_top_reasons_keep_ties(library: Library) -> None:
    statistics = compute_statistics(library, "top 1 reasons Norco is denied")
    assert statistics.by == "reason"
    assert len(statistics.groups) == 4
    assert statistics.overlapping


def test_a_rate_keeps_every_decision_in_the_denominator(library: Library) -> None:
    assert compute_statistics(library, "overturn rate for physical therapy").overall.overturned.of == 1
    assert compute_statistics(library, "overturn rate for trigger point injections").overall.overturned.of == 1


def test_notes_name_n_and_small_groups(library: Library) -> None:
    notes = " ".join(compute_statistics(library, "uphold rate by reviewer specialty").notes)
    assert "7 of 7 determinations in 4 letters" in notes
    assert "fewer than 10" in notes
    assert "not assigned at random" in notes
    assert "derived" in compute_statistics(library, by="year").basis


def test_words_that_select_nothing_are_told(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    statistics = compute_statistics(library, "xyzzy")
    assert (statistics.query.ignored, statistics.query.free_text) == (("xyzzy",), "xyzzy")
    print_statistics(statistics)
    printed = capsys.readouterr().out
    assert "ignored: xyzzy" in printed
    assert "every determination was counted" in printed
    assert statistics_json(statistics)["query"]["ignored"] == ["xyzzy"]
    assert not [note for note in compute_statistics(library).notes if "every determination" in note]


def test_an_unknown_field_is_named(library: Library) -> None:
    with pytest.raises(ConfigurationError, match="specialty"):
        compute_statistics(library, by="reviewer_name")


@pytest.mark.parametrize("by", GROUPINGS)
def test_every_grouping_works_and_serialises(library: Library, by: str) -> None:
    plain = statistics_json(compute_statistics(library, by=by))
    assert plain["by"] == by
    assert sum(group["determinations"] for group in plain["groups"]) >= 7


def test_an_empty_library(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        statistics = compute_statistics(library)
        assert (statistics.overall.determinations, statistics.groups) == (0, ())


def test_a_rate_of_words_that_nobody_read_says_that_everything_was_counted(library: Library) -> None:
    statistics = compute_statistics(library, "overturn rate of zzyzx")
    assert 'nothing was selected by "zzyzx": every determination was counted' in statistics.notes
    assert not any("nothing was selected" in note for note in compute_statistics(library, "overturn rate").notes)


def test_a_grouping_is_called_by_its_field(library: Library) -> None:
    assert "by treatment;" in compute_statistics(library, "overturn rate by treatment").basis
