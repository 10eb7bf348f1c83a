"""Query sets: predicates over labels, listed answers, pairs, and the search judged beside two plain ones."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imr_llm.evals import queries as module
from imr_llm.evals.gold import GoldRow, make_gold, read_gold
from imr_llm.evals.queries import (
    Labels,
    Query,
    QueryPair,
    QuerySet,
    find_answers,
    label_gold,
    label_record,
    read_queries,
    satisfies,
)
from imr_llm.evals.retrieval import RANK_MEASURES, judge_search
from imr_llm.evals.search_scores import BM25, DENSE, PROGRAM, SearchFigures, read_search, write_search
from imr_llm.evals.text import show_search
from letters import ROOT, SAMPLE_GOLD, SAMPLES
from library_samples import SAMPLES as LIBRARY_SAMPLES
from library_samples import WordEmbedder, fill_library, make_review

from imr_llm.embeddings import Vectors, normalise
from imr_llm.errors import ConfigurationError
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.library.store import Library
from imr_llm.rules.extractor import extract_by_rules

# ----------------------------------------------------------------------------------------------------- predicates

ROWS: list[tuple[str, Any, str, Any, bool]] = [
    # key, wanted, the label's name, its value, does it hold
    ("decision", "upheld", "decision", "upheld", True),
    ("decision", ["overturned", "upheld"], "decision", "upheld", True),
    ("decision", "overturned", "decision", "upheld", False),
    ("category", "pharmaceuticals", "category", "pharmaceuticals", True),
    ("category", "dmepos", "category", None, False),
    ("subcategory", ["opioids"], "subcategory", "opioids", True),
    ("subcategory", ["opioids"], "subcategory", "nsaids", False),
    ("drug", "tramadol", "drug", "tramadol", True),
    ("drug", "tramadol", "drug", "tramadol/acetaminophen", False),
    ("drug_contains", "acetaminophen", "drug", "hydrocodone/acetaminophen", True),
    ("drug_contains", "acetaminophen", "drug", "tramadol", False),
    ("drug_contains", "acetaminophen", "drug", None, False),
    ("strength", "10mg", "strength", "10mg", True),
    ("strength", "10mg", "strength", "5mg", False),
    ("unit", "tablets", "unit", "tablets", True),
    ("unit", "tablets", "unit", "visits", False),
    ("laterality", ["left", "right"], "laterality", "right", True),
    ("laterality", "left", "laterality", "na", False),
    ("retrospective", True, "retrospective", True, True),
    ("retrospective", True, "retrospective", False, False),
    ("retrospective", False, "retrospective", False, True),
    ("retrospective", False, "retrospective", None, True),
    ("region", ["knee", "hip"], "regions", ["hip", "lumbar"], True),
    ("region", "knee", "regions", ["knee"], True),
    ("region", ["knee"], "regions", ["hip"], False),
    ("region", ["knee"], "regions", [], False),
    ("reason", ["a", "b"], "reasons", ["b"], True),
    ("reason", "a", "reasons", ["a", "c"], True),
    ("reason", ["a"], "reasons", ["c"], False),
    ("reason_all", ["a", "b"], "reasons", ["b", "c", "a"], True),
    ("reason_all", ["a", "b"], "reasons", ["a"], False),
    ("reason_none", ["a", "b"], "reasons", ["c"], True),
    ("reason_none", ["a", "b"], "reasons", ["c", "b"], False),
    ("reason_none", ["a"], "reasons", [], False),  # at least one other reason has to be there
    ("reason_none", ["a"], "reasons", None, False),
    ("primary_reason", "a", "primary_reason", "a", True),
    ("primary_reason", ["b", "c"], "primary_reason", "a", False),
    ("uds", ["consistent"], "uds", "consistent", True),
    ("uds", ["consistent"], "uds", "inconsistent", False),
    ("uds_summary", "stated_absent", "uds_summary", "stated_absent", True),
    ("uds_summary", "stated_absent", "uds_summary", None, False),
    ("uds_any", ["consistent"], "uds_any", ["not_mentioned", "consistent"], True),
    ("uds_any", ["consistent"], "uds_any", ["stated_absent", "not_mentioned"], False),
    ("quantity", {"min": 60, "max": 120}, "quantity", 60, True),
    ("quantity", {"min": 60, "max": 120}, "quantity", 120.0, True),
    ("quantity", {"min": 60, "max": 120}, "quantity", 121, False),
    ("quantity", {"min": 60}, "quantity", 59, False),
    ("quantity", {"max": 60}, "quantity", 12, True),
    ("quantity", {"min": 0}, "quantity", None, False),
    ("refills", {"min": 1}, "refills", 3, True),
    ("refills", {"min": 1}, "refills", 0, False),
    ("partly_authorized", True, "partly_authorized", "12 visits", True),
    ("partly_authorized", True, "partly_authorized", None, False),
    ("partly_authorized", False, "partly_authorized", None, True),
    ("specialty", "pain", "specialties", ["Family Practice", "Pain Management"], True),
    ("specialty", "Pain", "specialties", ["Family Practice"], False),
    ("specialty", "Pain", "specialties", None, False),
    ("state", ["Ohio"], "licensed_states", ["Utah", "Ohio"], True),
    ("state", "Ohio", "licensed_states", ["Utah"], False),
    ("age", {"min": 40, "max": 49}, "age", 49, True),
    ("age", {"min": 40, "max": 49}, "age", 50, False),
    ("sex", "female", "sex", "female", True),
    ("sex", "female", "sex", "male", False),
    ("layout", ["standard"], "layout", "standard", True),
    ("layout", ["standard"], "layout", "unknown", False),
    ("decision_year", 2016, "decision_date", "2016-05-02", True),
    ("decision_year", "2016", "decision_date", "2015-12-31", False),
    ("decision_year", 2016, "decision_date", None, False),
]


def label(file: str = "a.txt", number: int = 1, **values: Any) -> Labels:
    return Labels((file, number), values)


@pytest.mark.parametrize(("key", "wanted", "name", "value", "expected"), ROWS)
def test_predicate(key: str, wanted: Any, name: str, value: Any, expected: bool) -> None:
    assert satisfies(label(**{name: value}), {key: wanted}) is expected


def test_every_key_of_a_predicate_has_its_rows() -> None:
    assert {row[0] for row in ROWS} == set(module._TESTS)
    assert {row[0] for row in ROWS if row[-1]} == {row[0] for row in ROWS if not row[-1]} == set(module._TESTS)


def test_each_key_of_a_predicate_must_hold() -> None:
    labels = label(decision="upheld", drug="tramadol")
    assert satisfies(labels, {"decision": "upheld", "drug": "tramadol"})
    assert not satisfies(labels, {"decision": "upheld", "drug": "norco"})
    assert satisfies(labels, {})


# -------------------------------------------------------------------------------------------------------- answers


def query(where: dict[str, Any] | None = None, answers: tuple[str, ...] | None = None, **fields: Any) -> Query:
    return Query(**{"id": "q", "text": "norco", "family": "other", "where": where, "answers": answers} | fields)


def test_a_query_about_what_no_row_labels_has_no_answer() -> None:
    labelled = [label(decision="upheld"), label(number=2, decision="overturned", drug=None)]
    assert find_answers(query({"decision": "upheld"}), labelled) == {("a.txt", 1)}
    assert find_answers(query({"decision": "upheld", "age": {"min": 40}}), labelled) is None
    assert find_answers(query({"drug_contains": "x"}), labelled) == set()  # labelled: there is none
    assert find_answers(query({"reason_none": ["x"]}), labelled) is None
    assert find_answers(query(), labelled) is None  # a count, to which no set is the answer


def test_listed_answers_name_the_beginning_of_a_file_and_a_number() -> None:
    labelled = [label("001_norco.pdf", 1), label("001_norco.pdf", 2), label("0011_x.pdf", 1), label("b_001_x.pdf", 1)]
    assert find_answers(query(answers=("001-2",)), labelled) == {("001_norco.pdf", 2)}
    assert find_answers(query(answers=("001-1", "0011-1")), labelled) == {("001_norco.pdf", 1), ("0011_x.pdf", 1)}
    assert find_answers(query(answers=("001-1", "009-1")), labelled) is None  # one of them is not at hand
    assert find_answers(query(answers=()), labelled) == set()


def test_labels_of_gold_carry_the_letters_fields_to_every_row() -> None:
    rows = [
        {"file": "a.txt", "number": 1, "decision": "upheld", "reasons": [{"code": "x"}, {"code": "y", "primary": True}],
         "treatment": {"drug": None, "body_regions": ["hip"]}, "request": {"original": "12 visits"},
         "uds_rationale": "consistent", "letter": {"age": 40, "licensed_states": ["Ohio"], "case_number": "CM"}},
        {"file": "a.txt", "number": 2},
    ]  # fmt: skip
    first, second = label_gold(make_gold([GoldRow.model_validate(row) for row in rows], "g", "0"))
    assert first == Labels(("a.txt", 1), {
        "age": 40, "licensed_states": ["Ohio"], "drug": None, "regions": ["hip"], "reasons": ["x", "y"],
        "primary_reason": "y", "uds": "consistent", "decision": "upheld", "partly_authorized": "12 visits",
    })  # fmt: skip
    assert second == Labels(("a.txt", 2), {"age": 40, "licensed_states": ["Ohio"]})


def test_a_record_has_every_key_that_a_predicate_may_ask_for() -> None:
    review = make_review(LIBRARY_SAMPLES[0])
    labels = label_record(review, review.determinations[0])
    assert labels.key == ("missing.txt", 1)
    assert {module._FIELD_OF.get(key, key) for key in module._TESTS} <= set(labels.values)
    assert satisfies(
        labels, {"reason": "missing_urine_drug_screen", "decision_year": 2016, "uds_summary": "consistent"}
    )


# ---------------------------------------------------------------------------------------------------- query files


def read(tmp_path: Path, text: str) -> QuerySet:
    file = tmp_path / "set.yaml"
    file.write_text(text, "utf-8")
    return read_queries(file)


def test_a_query_set_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "queries:\n"
        "- {id: l1, text: norco, family: uds, where: {decision: upheld}}\n"
        "- {id: q1, text: like this, tags: [similar_case, x], seed_gold: [001-1, 003-2]}\n"
        "- {id: q2, text: how many, seed_gold: 7}\n"
        "pairs:\n- {id: p1, first: l1, second: q1}\n",
    )
    assert found.name == "set.yaml"
    assert len(found.sha256) == 64
    assert found.queries == (
        Query("l1", "norco", "uds", None, {"decision": "upheld"}),
        Query("q1", "like this", "similar_case", ("001-1", "003-2"), ranked=True),
        Query("q2", "how many", "other"),
    )
    assert found.pairs == (QueryPair("p1", "l1", "q1"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("queries:\n- {id: l7, text: x, where: {colour: red, size: 9}}\n", "query l7: no such key as colour, size"),
        ("queries:\n- {id: l7, text: x}\npairs:\n- {id: p3, first: l7, second: l8}\n", "pair p3 names a query"),
        ("questions: []\n", "needs 'queries' with id and text"),
        ("queries:\n- {id: l7}\n", "query l7: it needs an id and a text"),
        ("queries:\n- {text: x}\n", "query number 1: it needs an id and a text"),
        ("queries:\n- just words\n", "not a query set"),
        ("queries: {a: b}\n", "not a query set"),
        ("queries:\n- {id: l7, text: x}\n- {id: l7, text: y}\n", "query l7 is there twice"),
        ("queries:\n- {id: l7, text: x, where: {age: 5}}\n", "query l7: 'age' needs a range"),
        ("queries:\n- {id: l7, text: x, where: [decision]}\n", "query l7: 'where' must name keys"),
        ("queries:\n- {id: l7, text: x, where: {reason_all: no_weaning_plan}}\n", "'reason_all' needs a list"),
        ("- [", "not a query set"),
        ("", "not a query set"),
    ],
)
def test_a_wrong_query_file_is_named_with_its_query(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"set\.yaml: .*{message}"):
        read(tmp_path, text)


def test_a_query_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no\.yaml: no query set can be read there"):
        read_queries(tmp_path / "no.yaml")


def test_the_projects_own_queries_can_be_answered_by_the_samples() -> None:
    queries = read_queries(ROOT / "evals" / "queries" / "labels.yaml")
    labelled = label_gold(read_gold(SAMPLE_GOLD))
    answers = {each.id: find_answers(each, labelled) for each in queries.queries}
    assert len({each.id for each in queries.queries}) == len(queries.queries)
    assert not [i for i, answer in answers.items() if answer is None]
    assert sum(bool(answer) for answer in answers.values()) > len(answers) / 2
    for pair in queries.pairs:
        assert not (answers[pair.first] or set()) & (answers[pair.second] or set())


# -------------------------------------------------------------------------------------------------------- judging


def ask(tmp_path: Path, labelled: list[Labels], *queries: Query, pairs: tuple[QueryPair, ...] = (), embedder: Any = None) -> SearchFigures:  # fmt: skip
    with fill_library(tmp_path / "library") as library:
        return judge_search(
            library, embedder or WordEmbedder(), QuerySet("set.yaml", "0" * 64, queries, pairs), labelled
        )


def labels_of_records(**changes: dict[str, Any]) -> list[Labels]:
    """Gold that says what the hand-made records say, but for these changes, by "file#number"."""
    found = [
        label_record(review, item) for review in map(make_review, LIBRARY_SAMPLES) for item in review.determinations
    ]
    return [
        Labels(each.key, {**each.values, **changes.get(f"{each.key[0].removesuffix('.txt')}{each.key[1]}", {})})
        for each in found
    ]


SCREEN = {"decision": "upheld", "drug": "hydrocodone/acetaminophen", "reason": ["missing_urine_drug_screen"]}


def faults(figures: SearchFigures, i: str = "q") -> dict[str, tuple[bool, str]]:
    (row,) = [row for row in figures.rows if row.id == i]
    return {f"{miss.file.removesuffix('.txt')}{miss.number}": (miss.wrong, miss.fault) for miss in row.misses}


def test_a_right_answer_has_no_misses(tmp_path: Path) -> None:
    figures = ask(tmp_path, labels_of_records(), query(SCREEN, text="norco denied for missing UDS", family="uds"))
    (row,) = figures.rows
    assert (row.answers, row.returned, row.right, row.set_f1, row.misses) == (1, 1, 1, 1.0, ())
    assert any("urine drug screen" in part for part in row.parse)
    assert set(row.ranks) == {PROGRAM, DENSE, BM25}
    assert all(set(values) == set(RANK_MEASURES) for values in row.ranks.values())
    assert figures.figures["set.family.uds.f1"].value == 1.0


def test_a_record_that_gold_contradicts_is_extractions_fault(tmp_path: Path) -> None:
    labelled = labels_of_records(
        consistent1={"reasons": ["missing_urine_drug_screen"]},  # the record says no_weaning_plan: it will not come
        missing1={"reasons": ["no_functional_improvement"]},  # the record says missing: it will come
    )
    figures = ask(tmp_path, labelled, query(SCREEN, text="norco denied for missing UDS"))
    assert faults(figures) == {"consistent1": (False, "extraction"), "missing1": (True, "extraction")}
    assert figures.rows[0].set_f1 == 0.0


def test_a_question_that_was_read_wrong_is_the_questions_fault(tmp_path: Path) -> None:
    where = {"drug": "cyclobenzaprine"}
    figures = ask(tmp_path, labels_of_records(), query(where, text="norco denied for missing UDS"))
    assert faults(figures) == {"missing2": (False, "question"), "missing1": (True, "question")}
    assert "missing.txt#1 (question)" in show_search(figures, {"q": "norco denied for missing UDS"})


def test_of_a_listed_answer_no_fault_is_told(tmp_path: Path) -> None:
    labelled = [
        Labels((f"{at}_{each.key[0]}", each.key[1]), each.values) for at, each in enumerate(labels_of_records())
    ]
    samples = [dataclasses.replace(sample, name=f"0_{sample.name}") for sample in LIBRARY_SAMPLES[:1]]
    with fill_library(tmp_path / "library", tuple(samples)) as library:
        listed = query(answers=("0-1",), text="flexeril")
        figures = judge_search(library, WordEmbedder(), QuerySet("s", "0", (listed,), ()), labelled[:1])
    assert faults(figures) == {"0_missing1": (False, "not told (the answer is listed, not derived)")}


def test_determinations_that_gold_does_not_know_are_left_out(tmp_path: Path) -> None:
    labelled = [each for each in labels_of_records() if each.key == ("missing.txt", 1)]
    labelled.append(Labels(("elsewhere.txt", 1), {"drug": "hydrocodone/acetaminophen", "decision": "upheld"}))
    figures = ask(tmp_path, labelled, query({"drug": "hydrocodone/acetaminophen"}, text="norco"))
    assert figures.determinations == 1
    (row,) = figures.rows
    assert (row.answers, row.returned, row.set_f1) == (1, 1, 1.0)


def test_queries_that_the_labels_cannot_answer_are_skipped_and_named(tmp_path: Path) -> None:
    labelled = [Labels(each.key, {"decision": each.values["decision"]}) for each in labels_of_records()]
    figures = ask(
        tmp_path, labelled, query({"decision": "overturned"}, text="overturned"), query({"age": {"min": 1}}, id="old")
    )
    assert figures.skipped == ("old",)
    assert [row.id for row in figures.rows] == ["q"]


def test_nothing_asked_for_and_nothing_returned_is_right(tmp_path: Path) -> None:
    none = query({"drug": "fentanyl"}, text="fentanyl patches overturned")
    figures = ask(tmp_path, labels_of_records(), none, query({"decision": "overturned"}, id="r", text="overturned"))
    row = figures.rows[0]
    assert (row.answers, row.returned, row.set_f1, row.ranks) == (0, 0, 1.0, {})
    assert figures.figures["set.recall"].n == 1
    assert figures.figures[f"rank.{BM25}.ndcg@10"].n == 1


class Compass:
    """Texts as directions: the titles in `order` lie ever farther from a question that names none of them."""

    name = "compass"

    def __init__(self, *order: str, turned: str = "nobody asks this") -> None:
        self.order, self.turned = order, turned

    def embed(self, texts: Any) -> Vectors:
        return normalise(np.array([self._point(text) for text in texts], dtype=np.float32))

    def _point(self, text: str) -> tuple[float, float]:
        place = next((at for at, title in enumerate(self.order) if text.startswith(title)), None)
        step = len(self.order) if self.turned == text else 0 if place is None else place + 1
        angle = step * 0.1
        return math.cos(angle), math.sin(angle)


def test_rank_measures_of_a_known_order_are_those_by_hand(tmp_path: Path) -> None:
    order = ("Urine drug screen", "Flexeril", "Trigger point", "120 Norco", "Physical therapy", "Norco")
    where = {"subcategory": ["muscle_relaxants", "trigger_point", "physical_therapy"]}  # places 2, 3 and 5
    asked = query(where, text="zzz", ranked=True)
    figures = ask(tmp_path, labels_of_records(), asked, embedder=Compass(*order))
    row = figures.rows[0]
    gain = sum(1 / math.log2(place + 1) for place in (2, 3, 5))
    best = sum(1 / math.log2(place + 1) for place in (1, 2, 3))
    assert row.ranks[DENSE] == {
        "ndcg@10": pytest.approx(gain / best, abs=1e-6),
        "r_precision": pytest.approx(2 / 3, abs=1e-6),
        "reciprocal_rank": pytest.approx(1 / 2, abs=1e-6),
    }
    assert row.set_f1 is None  # an order was asked for, not a set
    assert row.misses == ()
    assert figures.figures["set.f1"].value is None
    assert figures.figures[f"rank.{DENSE}.reciprocal_rank"].value == 0.5


@pytest.mark.parametrize(("turned", "expected"), [("yyy", 1.0), ("nobody asks this", 0.0)])
def test_a_pair_is_right_only_if_both_of_its_orders_are(tmp_path: Path, turned: str, expected: float) -> None:
    """The first answer is nearer to both questions, unless the second question is turned towards the other end."""
    order = ("Urine drug screen", "Trigger point", "120 Norco", "Physical therapy", "Norco", "Flexeril")
    first = query({"subcategory": "urine_drug_screen"}, id="one", text="zzz")
    second = query({"subcategory": "muscle_relaxants"}, id="two", text="yyy")
    figures = ask(
        tmp_path, labels_of_records(), first, second, pairs=(QueryPair("p", "one", "two"),),
        embedder=Compass(*order, turned=turned),
    )  # fmt: skip
    (pair,) = figures.pairs
    assert pair.right[DENSE] == expected
    assert set(pair.right) == {PROGRAM, DENSE, BM25}
    assert figures.figures[f"pairs.{DENSE}"].value == expected
    assert "both of a pair right" in show_search(figures, {})


def test_a_pair_without_an_answer_on_one_side_is_not_judged(tmp_path: Path) -> None:
    first, second = query({"drug": "fentanyl"}, id="one"), query({"decision": "upheld"}, id="two")
    assert ask(tmp_path, labels_of_records(), first, second, pairs=(QueryPair("p", "one", "two"),)).pairs == ()


# --------------------------------------------------------------------------------------------- on the sample letters

EIGHT = (
    "norco_missing_uds", "norco_consistent_uds_no_benefit", "percocet_uds_contradiction", "tens_hwave_brace",
    "prose_reviewer_soma_long_term", "urine_drug_screen_too_frequent", "spine_imaging_and_emg", "therapy_visits_partly_authorized",
)  # fmt: skip


@pytest.fixture(scope="module")
def over_samples(tmp_path_factory: pytest.TempPathFactory) -> SearchFigures:
    queries = read_queries(ROOT / "evals" / "queries" / "labels.yaml")
    queries = dataclasses.replace(queries, queries=queries.queries[:20], pairs=())
    with Library.open(tmp_path_factory.mktemp("search") / "library", writing=True) as library:
        for letter in read_letters([SAMPLES / f"{name}.txt" for name in EIGHT]):
            assert isinstance(letter, Letter)
            library.put_review(letter, extract_by_rules(letter))
        return judge_search(library, WordEmbedder(), queries, label_gold(read_gold(SAMPLE_GOLD)))


def test_all_three_arms_are_judged_on_the_same_queries(over_samples: SearchFigures) -> None:
    assert len(over_samples.rows) == 20
    answered = [row for row in over_samples.rows if row.answers]
    assert len(answered) > 5
    assert all(set(row.ranks) == {PROGRAM, DENSE, BM25} for row in answered)
    for arm in (PROGRAM, DENSE, BM25):
        for name in RANK_MEASURES:
            figure = over_samples.figures[f"rank.{arm}.{name}"]
            assert figure.n == len(answered)
            by_hand = sum(row.ranks[arm][name] for row in answered) / len(answered)
            assert figure.value == pytest.approx(by_hand, abs=1e-6)
    mean = sum(row.set_f1 or 0.0 for row in over_samples.rows) / 20
    assert over_samples.figures["set.f1"].value == pytest.approx(mean, abs=1e-6)


def test_kept_search_figures_read_back_as_they_were(over_samples: SearchFigures, tmp_path: Path) -> None:
    file = tmp_path / "search.json"
    write_search(over_samples, file)
    assert read_search(file) == over_samples
    body = json.loads(file.read_text("utf-8"))
    assert len(body["rows"]) == len(over_samples.rows)
    lines = file.read_text("utf-8").splitlines()
    assert sum(line.startswith('{"id"') for line in lines) == len(over_samples.rows)


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"rows": [{}], "pairs": [], "skipped": []}'])
def test_damaged_search_figures_are_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "search.json"
    file.write_text(damage)
    with pytest.raises(ConfigurationError, match=r"search\.json: no search figures can be read there"):
        read_search(file)
