"""Facets: exact counts, each without the filter of its own field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from library_samples import fill_library

from imr_llm.library.filters import Query
from imr_llm.library.store import Library
from imr_llm.search.facets import count_facets
from imr_llm.search.hits import search
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import FACETS, Refinement, refine


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("facets") / "library") as library:
        yield library


def _counts(library: Library, text: str, field: str, **options: Any) -> dict[str, int]:
    facets = {facet.field: facet for facet in count_facets(library, parse_query(text), **options)}
    return {value.value: value.count for value in facets[field].values} if field in facets else {}


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("", "decision", {"upheld": 6, "overturned": 1}),
        ("", "drug_name", {"hydrocodone/acetaminophen": 3, "cyclobenzaprine": 1}),
        ("", "uds", {"consistent": 2, "illicit_positive": 1, "stated_absent": 1}),
        ("", "year", {"2016": 3, "2017": 4}),
        ("", "ur_action", {"denied": 1, "modified": 1}),
        ("", "region", {"shoulder": 1}),
        ("", "category", {"pharmaceuticals": 4, "diagnostic_testing": 1, "injections": 1, "rehabilitation": 1}),
        ("Norco", "decision", {"upheld": 3}),
        ("Norco", "drug_name", {"hydrocodone/acetaminophen": 3, "cyclobenzaprine": 1}),
        ("Norco in 2016", "year", {"2016": 2, "2017": 1}),
        ("overturned", "decision", {"upheld": 6, "overturned": 1}),
        ("Norco since March 2016", "year", {"2016": 2, "2017": 1}),
        ("Norco from March 2016 to June 2016", "year", {"2016": 1}),
        ("no functional improvement and no UDS", "reason", {"missing_urine_drug_screen": 1, "no_functional_improvement": 1}),
        ("family practice reviewers", "specialty",
         {"Orthopedic Surgery": 3, "Physical Medicine & Rehabilitation": 2, "Family Practice": 1, "Internal Medicine": 1}),
        ("who was the reviewer licensed to", "decision", {"upheld": 6, "overturned": 1}),
        ("RFA dated after the UR denial", "decision", {}),
    ],
)  # fmt: skip
def test_counts(library: Library, text: str, field: str, expected: dict[str, int]) -> None:
    assert _counts(library, text, field) == expected


def test_most_frequent_first_in_words_with_what_is_chosen(library: Library) -> None:
    facets = count_facets(library, parse_query("trigger point injections denied"))
    assert [facet.field for facet in facets] == [field for field in FACETS if field in {f.field for f in facets}]
    treatments = next(facet for facet in facets if facet.field == "subcategory")
    assert treatments.label == "treatment"
    assert {(v.label, v.chosen) for v in treatments.values} >= {("trigger point", True), ("opioids", False)}
    assert [v.count for v in treatments.values] == sorted((v.count for v in treatments.values), reverse=True)
    assert all(value.count for facet in facets for value in facet.values)


@pytest.mark.parametrize(
    ("text", "field", "chosen"),
    [
        ("Norco in 2016", "year", {"2016"}),
        ("Norco in 2016", "drug_name", {"hydrocodone/acetaminophen"}),
        ("family practice reviewers", "specialty", {"Family Practice"}),
        ("no functional improvement and no UDS", "reason", {"missing_urine_drug_screen", "no_functional_improvement"}),
        ("Norco", "decision", set()),
    ],
)
def test_chosen(library: Library, text: str, field: str, chosen: set[str]) -> None:
    facet = next(facet for facet in count_facets(library, parse_query(text)) if facet.field == field)
    assert {value.value for value in facet.values if value.chosen} == chosen


def test_at_most_some_and_the_chosen(library: Library) -> None:
    assert list(_counts(library, "", "decision", most=1)) == ["upheld"]
    assert list(_counts(library, "overturned", "decision", most=1)) == ["upheld", "overturned"]


@pytest.mark.parametrize("text", ["", "Norco", "denied", "find cases denied for missing UDS", "Norco in 2016"])
def test_a_count_is_what_choosing_the_value_alone_gives(library: Library, text: str) -> None:
    """The reference: the determinations that the query selects once its own values are replaced by this one."""
    query = parse_query(text)
    for facet in count_facets(library, query):
        for value in facet.values:
            asked = refine(query, Refinement(added=((facet.field, value.value),)))
            alone = [f for f in asked.filters if f not in query.filters]
            if not any(v.chosen for v in facet.values):
                assert len(library.select_ids([*query.filters, *alone])) == value.count
                answer = search(
                    library, None, text, refinement=Refinement(added=((facet.field, value.value),)), limit=0
                )
                assert answer.total == value.count


def test_an_empty_library_has_none(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        assert count_facets(library, Query("")) == ()
