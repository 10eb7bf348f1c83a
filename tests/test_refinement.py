"""Refining a question: filters dropped and added, and nothing but facets passes."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from library_samples import fill_library

from imr_llm.errors import ConfigurationError
from imr_llm.library.filters import Filter
from imr_llm.library.store import Library
from imr_llm.search.export import export_determinations
from imr_llm.search.hits import search
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import (
    FACETS,
    ModelReading,
    Refinement,
    filter_key,
    read_refinement,
    refine,
    refinement_json,
)
from imr_llm.search.stats import compute_statistics


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("refinement") / "library") as library:
        yield library


def _refined(
    text: str, *added: tuple[str, str], dropped: tuple[str, ...] = ()
) -> list[tuple[str, str, tuple[Any, ...]]]:
    query = refine(parse_query(text), Refinement(dropped, added))
    return [(f.field, f.op, f.value) for f in query.filters]


@pytest.mark.parametrize(
    ("text", "added", "expected"),
    [
        ("Norco", [("decision", "upheld")],
         [("drug", "any", ("hydrocodone/acetaminophen",)), ("decision", "any", ("upheld",))]),
        ("overturned", [("decision", "upheld")], [("decision", "any", ("overturned", "upheld"))]),
        ("overturned", [("decision", "overturned")], [("decision", "any", ("overturned",))]),
        ("", [("reason", "no_weaning_plan"), ("reason", "aberrant_drug_behavior")],
         [("reason", "any", ("no_weaning_plan",)), ("reason", "any", ("aberrant_drug_behavior",))]),
        ("Norco", [("drug_name", "tramadol")], [("drug", "any", ("hydrocodone/acetaminophen", "tramadol"))]),
        ("decisions in 2016", [("year", "2017")], [("year", "any", (2016, 2017))]),
        ("", [("specialty", "Family Practice")], [("specialty", "is", ("Family Practice",))]),
        ("", [("subcategory", "injections.trigger_point")], [("subcategory", "any", ("injections.trigger_point",))]),
    ],
)  # fmt: skip
def test_added(text: str, added: list[tuple[str, str]], expected: list[Any]) -> None:
    assert _refined(text, *added) == expected


def test_beside_several_conditions_on_a_field_a_choice_is_one_more() -> None:
    text = "no functional improvement and no UDS"
    assert len(_refined(text, ("reason", "no_weaning_plan"))) == len(_refined(text)) + 1


def test_labels_are_words() -> None:
    query = refine(
        parse_query(""), Refinement(added=(("ur_action", "denied"), ("subcategory", "injections.trigger_point")))
    )
    assert [f.label for f in query.filters] == ["utilization review: denied", "treatment: trigger point"]


def test_dropped() -> None:
    query = parse_query("Norco denied for missing UDS in 2016")
    for filter in query.filters:
        left = refine(query, Refinement(dropped=(filter_key(filter),)))
        assert left.filters == tuple(f for f in query.filters if f is not filter)
    assert refine(query, Refinement(dropped=("no such key",))) == query


def test_a_joined_filter_can_be_dropped() -> None:
    joined = refine(parse_query("overturned"), Refinement(added=(("decision", "upheld"),))).filters[0]
    assert _refined("overturned", ("decision", "upheld"), dropped=(filter_key(joined),)) == []


def test_keys_tell_filters_apart() -> None:
    filters = [
        Filter("decision", "any", ("upheld",), "a", "b"),
        Filter("decision", "none", ("upheld",), "a", "b"),
        Filter("quantity", "range", (60, None), "a", "b"),
        Filter("quantity", "range", (None, 60), "a", "b"),
    ]
    assert len({filter_key(filter) for filter in filters}) == 4
    assert filter_key(filters[0]) == filter_key(Filter("decision", "any", ("upheld",), "other", "words"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("body", "x"), ("quote", "a|b"), ("decision", "denied"), ("year", "201"), ("year", "٢٠١٦"), ("reason", "why"),
        ("region", ""), ("uds", "1; DROP TABLE reviews"), ("drug_name", "x" * 200), ("drug_name", "a\nb"),
        ("subcategory", "opioids"), ("category", "opioids"), ("specialty", " "),
    ],
)  # fmt: skip
def test_what_does_not_pass(field: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        refine(parse_query("Norco"), Refinement(added=((field, value),)))
    with pytest.raises(ConfigurationError, match=field):
        read_refinement(json.dumps({"add": [[field, value]]}))


def test_a_link_gives_the_refinement_back() -> None:
    refinement = Refinement(
        ("decision any upheld",), (("year", "2016"), ("specialty", "Physical Medicine & Rehabilitation"))
    )
    assert read_refinement(refinement_json(refinement)) == refinement
    assert refinement_json(Refinement()) == ""
    assert read_refinement("") == Refinement()


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "1", "null", '{"drop": "x"}', '{"drop": [1]}', '{"add": [["year"]]}', '{"add": ["ab"]}', '{"add": 3}',
     '{"other": []}', '{"add": [["year", 2016]]}', "[" * 1500, "x" * 3000, '{"drop": ["' + "x" * 2000 + '"]}',
     json.dumps({"drop": ["x"] * 60})],
)  # fmt: skip
def test_malformed_links(text: str) -> None:
    with pytest.raises(ConfigurationError, match="refinement"):
        read_refinement(text)


def test_a_refinement_too_long_for_a_link() -> None:
    with pytest.raises(ConfigurationError, match="2000"):
        refinement_json(Refinement(("x" * 2000,)))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigurationError):
        read_refinement(text)


@given(st.sampled_from(FACETS), st.text(max_size=30))
def test_any_choice_is_taken_or_refused(field: str, value: str) -> None:
    with contextlib.suppress(ConfigurationError):
        assert refine(parse_query("Norco"), Refinement(added=((field, value),))).filters


def test_search_figures_and_export_take_it(library: Library, tmp_path: Any) -> None:
    upheld = Refinement(added=(("decision", "overturned"),))
    assert search(library, None, "left shoulder", refinement=upheld).total == 1
    assert search(library, None, "", refinement=upheld).total == 1
    dropped = Refinement(dropped=("decision any overturned",))
    assert search(library, None, "Norco overturned").total == 0
    assert search(library, None, "Norco overturned", refinement=dropped).total == 3
    assert compute_statistics(library, "Norco overturned", refinement=dropped).overall.determinations == 3
    out = tmp_path / "x.jsonl"
    assert export_determinations(library, out, query="Norco overturned", refinement=dropped, format="jsonl") == 3


def test_parquet_of_a_refined_question(library: Library, tmp_path: Any) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the parquet extra")
    chosen = Refinement(added=(("year", "2017"),))
    out = tmp_path / "x.parquet"
    assert export_determinations(library, out, query="Norco", refinement=chosen, format="parquet") == 1
    assert parquet.read_table(out).column("case_number").to_pylist() == ["CM17-0000003"]


def test_a_printed_name_is_chosen_as_a_whole(library: Library) -> None:
    assert search(library, None, "", refinement=Refinement(added=(("specialty", "Family"),))).total == 0
    assert search(library, None, "", refinement=Refinement(added=(("specialty", "Family Practice"),))).total == 1


def test_what_a_model_read_is_one_more_condition_and_told() -> None:
    read = ModelReading("reason", "no_functional_improvement", "mow the  lawn")
    query = refine(parse_query("Norco denied for missing UDS, cannot Mow the lawn"), Refinement(read=(read,)))
    assert [(f.field, f.value) for f in query.filters if f.field == "reason"] == [
        ("reason", ("missing_urine_drug_screen",)), ("reason", ("no_functional_improvement",)),
    ]  # fmt: skip
    assert "lawn" not in query.ignored
    assert any("read by a model" in note for note in query.notes)
    assert read_refinement(refinement_json(Refinement(read=(read,)))) == Refinement(read=(read,))


def test_a_model_can_not_read_what_the_question_does_not_say() -> None:
    read = ModelReading("reason", "no_functional_improvement", "mow the lawn")
    with pytest.raises(ConfigurationError, match="does not stand in the question"):
        refine(parse_query("Norco denied, mow the lawnmower"), Refinement(read=(read,)))


@pytest.mark.parametrize(
    "read", [[["age", "3", "x"]], [["reason", "nonsense", "x"]], [["reason", "x"]], "x", [[1, 2, 3]]]
)
def test_a_model_s_reading_in_a_link_passes_the_same_list(read: Any) -> None:
    with pytest.raises(ConfigurationError, match="refinement"):
        read_refinement(json.dumps({"read": read}))
