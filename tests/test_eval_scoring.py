"""From a run and a gold set to figures: plain forms, alignment, outcomes, counts by hand, intervals, evidence."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imr_llm.evals.alignment import align
from imr_llm.evals.evidence import Standing, check_standing, find_folded, overlap_with_gold
from imr_llm.evals.fields import (
    ITEM_FIELDS,
    LETTER_FIELDS,
    UNLABELLED,
    as_set,
    as_strength,
    as_text,
    as_value,
    compare_values,
    unless,
)
from imr_llm.evals.figures import (
    LEAST_GOLD,
    RESAMPLES,
    Counts,
    Mean,
    Ratio,
    Tables,
    draw_weights,
    make_figure,
    make_figures,
    measure,
)
from imr_llm.evals.gold import Gold, GoldRow, make_gold, read_gold
from imr_llm.evals.manifest import make_manifest
from imr_llm.evals.outcomes import Judged, Members, Outcome, Place, judge_run
from imr_llm.evals.runs import Recorded, RunFolder, load_run, open_run, read_run, record_run
from imr_llm.evals.scoring import Score, read_score, score_run, write_score
from letters import SAMPLE_GOLD, SAMPLES, SHARED, needs_real_letters

from imr_llm import cli
from imr_llm.errors import ConfigurationError
from imr_llm.extraction import choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.library.store import Failure
from imr_llm.record import (
    Case,
    Citation,
    Determination,
    Evidence,
    Guideline,
    LetterInfo,
    Rationale,
    Reason,
    Request,
    Review,
    Run,
    Summary,
    Treatment,
    Warning_,
)
from imr_llm.settings import read_settings

SETTINGS = read_settings({}, extractor="rules")
PLAN = choose_extractor(SETTINGS)


def record(path: Path, letters: list[str]) -> RunFolder:
    run = open_run(path, make_manifest(PLAN, SETTINGS, [Path(name).name for name in letters]))
    assert record_run(run, PLAN, SETTINGS, read_letters(letters)).failed == 0
    return run


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the rules over all sample letters, made once for every module that asks for it."""
    path = tmp_path_factory.getbasetemp() / "eval-sample-run"
    if not path.exists():
        record(path, [str(SAMPLES)])
    return path


@pytest.fixture(scope="module")
def sample_score(sample_run: Path) -> Score:
    return score_run(sample_run, read_gold(SAMPLE_GOLD))


# ------------------------------------------------------------------------------------------------------ hand-made


def item(number: int, title: str, **fields: Any) -> Determination:
    return Determination(
        **{"number": number, "title": title, "request": {"disputed": title}, "decision": "upheld"} | fields
    )


def review(file: str, *items: Determination, case: str | None = None, **fields: Any) -> Review:
    letter = LetterInfo(
        letter_id=f"id of {file}", source=file, file=file.split("/")[-1], media_type="text/plain", pages=1,
        characters=9, layout="standard",
    )  # fmt: skip
    run = Run(extractor="rules", schema_sha256="0", taxonomy_version="3", program_version="0")
    return Review(
        **{"letter": letter, "case": Case(case_number=case), "determinations": list(items), "run": run} | fields
    )


def recorded(*reviews: Review, failed: tuple[str, ...] = (), text: str = "") -> Recorded:
    failures = tuple(Failure(source, "damaged_input", "not a PDF", "2020-01-01", "key") for source in failed)
    texts = {each.letter.letter_id: text for each in reviews}
    return Recorded(make_manifest(PLAN, SETTINGS, []), reviews, texts, failures)


def gold(*rows: dict[str, Any]) -> Gold:
    return make_gold([GoldRow.model_validate(row) for row in rows], "gold.jsonl", "0" * 64)


def reasons(*codes: str) -> list[dict[str, Any]]:
    return [{"code": code, "primary": at == 0} for at, code in enumerate(codes)]


def found_reasons(*codes: str) -> list[Reason]:
    evidence = Evidence(quote="x", start=0, end=1)
    return [Reason(code=code, polarity="denial", primary=at == 0, evidence=evidence) for at, code in enumerate(codes)]


def of(outcomes: Judged | tuple[Outcome, ...], number: int | None, found: int | None) -> Outcome:
    each = outcomes.outcomes if isinstance(outcomes, Judged) else outcomes
    (one,) = [outcome for outcome in each if (outcome.number, outcome.found) == (number, found)]
    return one


# ---------------------------------------------------------------------------------------------------- plain forms


@pytest.mark.parametrize(
    ("in_gold", "found", "expected"),
    [
        (None, None, "absent"),
        (None, "norco", "invented"),
        ("norco", None, "missing"),
        ("norco", "norco", "correct"),
        ("norco", "soma", "wrong"),
        (frozenset("ab"), frozenset("a"), "wrong"),
        (frozenset("ab"), frozenset("ba"), "correct"),
        (0.0, 0.0, "correct"),
        (0.0, None, "missing"),
    ],
)
def test_states_of_a_field(in_gold: Any, found: Any, expected: str) -> None:
    assert compare_values(in_gold, found) == expected


@pytest.mark.parametrize(
    ("plain", "value", "expected"),
    [
        (as_strength, "10 / 325 MG", "10/325mg"),
        (as_strength, " ", None),
        (as_strength, None, None),
        (as_text, '  "Norco  10/325mg,\n#120." ', "norco 10/325mg, #120"),
        (as_text, "", None),
        (as_text, ".", None),
        (as_text, None, None),
        (as_value, False, None),
        (as_value, True, True),
        (as_value, 0, 0.0),
        (as_value, 120, 120.0),
        (as_value, " Standard ", "standard"),
        (as_value, "", None),
        (unless("na"), "na", None),
        (unless("na"), None, None),
        (unless("na"), "Left", "left"),
        (unless("not_mentioned"), "stated_absent", "stated_absent"),
        (as_set, [], None),
        (as_set, None, None),
        (as_set, ["New  York", "ohio"], frozenset({"new york", "ohio"})),
    ],
)
def test_plain_forms(plain: Any, value: Any, expected: Any) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


def field_of(name: str) -> Any:
    return next(field for field in (*ITEM_FIELDS, *LETTER_FIELDS) if field.name == name)


@pytest.mark.parametrize(
    ("in_gold", "found", "expected"),
    [
        ("12 visits", "Physical therapy 12 visits for the left knee", "correct"),
        ("12 Visits", "12  visits", "correct"),
        ("12 visits", "six sessions", "wrong"),
        ("12 visits", None, "missing"),
        (None, "12 visits", "invented"),
        (None, None, "absent"),
    ],
)
def test_gold_gives_a_short_form_of_a_partly_authorized_request(
    in_gold: str | None, found: str | None, expected: str
) -> None:
    field = field_of("request.original")
    row = GoldRow(file="a.txt", number=1, request={"original": in_gold})
    ours = item(1, "Therapy", request=Request(original=found, disputed="Therapy"))
    assert compare_values(field.gold(row), field.found(ours), field.same) == expected


def test_a_short_form_is_right_in_an_outcome_too() -> None:
    partly = Request(original="Therapy, 12 visits", authorized="6 visits", disputed="6 visits more")
    row = {"file": "a.txt", "number": 1, "title": "Therapy", "request": {"original": "12 visits", "authorized": "five"}}
    judged = judge_run(recorded(review("a.txt", item(1, "Therapy", request=partly))), gold(row))
    states = of(judged, 1, 1).states
    assert (states["request.original"], states["request.authorized"]) == ("correct", "wrong")


def test_what_is_in_dispute_counts_only_where_part_was_authorized() -> None:
    field = field_of("request.disputed")
    assert field.found(item(1, "Therapy")) is None
    partly = Request(original="12 visits", authorized="6 visits", disputed="Six more visits")
    assert field.found(item(1, "Therapy", request=partly)) == "six more visits"


def test_a_key_that_is_not_there_is_unlabelled_and_null_says_that_there_is_nothing() -> None:
    drug, count = field_of("treatment.drug"), field_of("determination_count")
    assert drug.gold(GoldRow(file="a", number=1)) is UNLABELLED
    assert drug.gold(GoldRow(file="a", number=1, treatment={"category": "x"})) is UNLABELLED
    assert drug.gold(GoldRow(file="a", number=1, treatment={"drug": None})) is None
    assert count.gold(gold({"file": "a", "number": 1}).letters[0]) is UNLABELLED
    assert field_of("primary_reason").gold(GoldRow(file="a", number=1)) is UNLABELLED
    assert field_of("primary_reason").gold(GoldRow.model_validate({"file": "a", "reasons": reasons("x", "y")})) == "x"


def test_citations_are_the_same_in_gold_and_record() -> None:
    field = field_of("maximus_citations")
    told = {"source": "MTUS", "chapter": "Chronic Pain", "year": 2009, "sections": ["b", "a"], "pages": [[78, 80]]}
    row = GoldRow(file="a", number=1, maximus_citations=[told])
    ours = Citation(source="MTUS", chapter="chronic pain", year=2009, sections=["a", "b"], pages=[(78, 80)], url="x")
    assert field.found(item(1, "x", maximus_guideline=Guideline(text="t", cites_evidence=True, citations=[ours])))
    for change, same in (
        ({}, True),
        ({"year": 2010}, False),
        ({"pages": [(78, 81)]}, False),
        ({"sections": []}, False),
    ):
        line = Guideline(text="t", cites_evidence=True, citations=[ours.model_copy(update=change)])
        assert (field.found(item(1, "x", maximus_guideline=line)) == field.gold(row)) is same


# ------------------------------------------------------------------------------------------------------ alignment

NORCO, SOMA, BRACE = "Norco 10/325mg #120", "Soma 350mg #30", "Lumbar back brace"


@pytest.mark.parametrize(
    ("titles", "found", "expected"),
    [
        pytest.param([NORCO, SOMA], [(1, NORCO), (2, SOMA)], [(1, 1), (2, 2)], id="same order"),
        pytest.param([NORCO, SOMA], [(1, SOMA), (2, NORCO)], [(1, 2), (2, 1)], id="swapped"),
        pytest.param([NORCO, SOMA, BRACE], [(1, NORCO), (2, BRACE)], [(1, 1), (2, None), (3, 2)], id="one missing"),
        pytest.param([NORCO], [(1, BRACE), (2, NORCO)], [(1, 2), (None, 1)], id="one invented"),
        pytest.param([NORCO, NORCO], [(1, NORCO), (2, NORCO)], [(1, 1), (2, 2)], id="the same item twice"),
        pytest.param([NORCO, NORCO], [(2, NORCO)], [(1, None), (2, 2)], id="the second of two that are the same"),
        pytest.param([None, None], [(1, SOMA), (2, NORCO)], [(1, 1), (2, 2)], id="gold without titles"),
        pytest.param([None], [(2, NORCO)], [(1, None), (None, 2)], id="no title and another number"),
        pytest.param([NORCO], [], [(1, None)], id="nothing found"),
        pytest.param([], [(1, NORCO)], [(None, 1)], id="nothing in gold"),
        pytest.param([NORCO], [(1, "norco 10/325 mg, 120")], [(1, 1)], id="nearly the same title"),
        pytest.param([NORCO], [(7, SOMA)], [(1, None), (None, 7)], id="neither title nor number"),
    ],
)
def test_items_are_aligned(
    titles: list[str | None], found: list[tuple[int, str]], expected: list[tuple[int | None, int | None]]
) -> None:
    rows = [GoldRow(file="a", number=at, title=title) for at, title in enumerate(titles, start=1)]
    pairs = align(rows, [item(number, title) for number, title in found])
    assert [(p.gold.number if p.gold else None, p.found.number if p.found else None) for p in pairs] == expected


# ------------------------------------------------------------------------------------------------------- outcomes


def test_what_gold_has_of_a_failed_letter_is_missing() -> None:
    rows = [
        {"file": "a.txt", "number": 1, "title": NORCO, "decision": "upheld", "reasons": reasons("x"),
         "treatment": {"drug": "h", "strength": None}, "letter": {"age": 40, "sex": None}},
        {"file": "a.txt", "number": 2, "title": SOMA, "decision": "overturned", "reasons": []},
    ]  # fmt: skip
    judged = judge_run(recorded(failed=("folder/a.txt",)), gold(*rows))
    assert judged.not_in_run == ()
    assert all(outcome.failed for outcome in judged.outcomes)
    assert of(judged, None, None).states == {"age": "missing", "sex": "absent"}
    first = of(judged, 1, None)
    assert first.states == {
        "title": "missing", "decision": "missing", "reasons": "missing", "primary_reason": "missing",
        "treatment.drug": "missing", "treatment.strength": "absent",
    }  # fmt: skip
    assert first.sets["reasons"] == Members(missing=("x",))
    assert first.classes["decision"] == ("upheld", None)
    figures = make_figures(measure(Tables(judged.outcomes)), 1)
    assert (figures["determinations.recall"].value, figures["determinations.recall"].n) == (0.0, 2)
    assert (figures["decision.accuracy"].value, figures["decision.accuracy"].n) == (0.0, 2)


def test_letters_that_only_one_side_has_are_left_out_and_told() -> None:
    judged = judge_run(
        recorded(review("a.txt", item(1, NORCO)), review("c.txt", item(1, SOMA))),
        gold({"file": "a.txt", "number": 1, "title": NORCO}, {"file": "b.txt", "number": 1, "title": SOMA}),
    )
    assert {outcome.file for outcome in judged.outcomes} == {"a.txt"}
    assert judged.not_in_run == ("b.txt",)
    assert judged.not_in_gold == ("c.txt",)


def test_an_invented_item_counts_for_the_fields_that_gold_labels_and_no_others() -> None:
    invented = item(
        2, BRACE, reasons=found_reasons("no_weaning_plan"), treatment=Treatment(category="dme", drug="tramadol"),
        uds_status="stated_absent",
    )  # fmt: skip
    judged = judge_run(
        recorded(review("a.txt", item(1, NORCO), invented)),
        gold({"file": "a.txt", "number": 1, "title": NORCO, "reasons": [], "treatment": {"drug": None}}),
    )
    outcome = of(judged, None, 2)
    assert outcome.states == {
        "title": "invented", "treatment.drug": "invented", "reasons": "invented", "primary_reason": "invented",
    }  # fmt: skip
    assert outcome.sets["reasons"] == Members(invented=("no_weaning_plan",))
    assert outcome.classes == {}
    assert Tables(judged.outcomes).aligned.totals() == {
        "right": 1, "wrong": 0, "missing": 0, "invented": 1, "absent": 0,
    }  # fmt: skip


def test_a_letter_of_which_gold_knows_no_items_is_judged_as_a_letter_alone() -> None:
    row = {"file": "a.txt", "number": None, "letter": {"age": 40}, "abstained": ["number"]}
    judged = judge_run(recorded(review("a.txt", item(1, NORCO))), gold(row))
    assert [(outcome.number, outcome.found) for outcome in judged.outcomes] == [(None, None)]
    assert judged.outcomes[0].states == {"age": "missing"}


@pytest.mark.parametrize(
    ("file", "name", "case"),
    [
        ("a.txt", "a.txt", None),
        ("deep/letters.zip!inside/a.pdf", "a.pdf", None),
        ("a.pdf", "a", None),
        ("a.pdf", "a.txt", None),
        ("whatever.pdf", "CM15-9000001", "CM15-9000001"),
    ],
)
def test_gold_may_call_a_letter_by_file_name_or_case_number(file: str, name: str, case: str | None) -> None:
    ours = review(file, item(1, NORCO), case=case)
    judged = judge_run(recorded(ours), gold({"file": name, "number": 1, "title": NORCO}))
    assert of(judged, 1, 1).states == {"title": "correct"}
    assert judged.not_in_gold == ()


def test_a_letter_is_found_by_the_case_number_that_gold_labels() -> None:
    row = {"file": "renamed.pdf", "number": 1, "title": NORCO, "letter": {"case_number": "CM15-9000001"}}
    judged = judge_run(recorded(review("scan.pdf", item(1, NORCO), case="CM15-9000001")), gold(row))
    assert judged.not_in_run == judged.not_in_gold == ()


def test_two_letters_of_the_name_that_gold_gives_are_refused() -> None:
    run = recorded(review("x/a.txt", item(1, NORCO)), review("y/a.txt", item(1, SOMA)))
    with pytest.raises(ConfigurationError, match=r"gold names a\.txt, and the run has 2 letters of that name"):
        judge_run(run, gold({"file": "a.txt", "number": 1}))


def test_refused_quotes_count_with_their_own_item() -> None:
    places = (
        "determinations[1].reasons[0]",
        "determinations[1].reasons",
        "determinations[2].reasons[0]",
        "summary",
        None,
    )
    warnings = [Warning_(code="ungrounded_quote", message="m", where=where) for where in places]
    warnings.append(Warning_(code="reason_misfit", message="m", where="determinations[1].reasons[3]"))
    warnings.append(Warning_(code="date_impossible", message="m", where="determinations[1].reasons[3]"))
    ours = review("a.txt", item(1, NORCO), item(2, SOMA))
    ours = ours.model_copy(update={"run": ours.run.model_copy(update={"warnings": warnings})})
    rows = ({"file": "a.txt", "number": 1, "title": NORCO}, {"file": "a.txt", "number": 2, "title": SOMA})
    judged = judge_run(recorded(ours), gold(*rows))
    assert [of(judged, n, n).rejected for n in (1, 2)] == [3, 1]


def test_outcomes_hold_no_word_of_a_letter() -> None:
    secret = "Zanzibar"
    evidence = Evidence(quote=secret, start=0, end=8)
    reason = Reason(code="no_weaning_plan", polarity="denial", evidence=evidence)
    ours = item(
        1, secret, reasons=[reason], request=Request(original=secret, disputed=secret),
        rationale=Rationale(start=0, end=8, text=secret), treatment=Treatment(strength=secret),
        maximus_guideline=Guideline(text=secret, cites_evidence=True),
    )  # fmt: skip
    row = {
        "file": "a.txt", "number": 1, "title": secret, "reasons": [{"code": "no_weaning_plan", "quote": secret}],
        "treatment": {"strength": "1mg"}, "request": {"original": secret}, "maximus_guideline": secret,
    }  # fmt: skip
    judged = judge_run(recorded(review("a.txt", ours), text=secret), gold(row))
    assert of(judged, 1, 1).evidence[0].overlap == 1.0
    assert of(judged, 1, 1).states["treatment.strength"] == "wrong"
    assert secret not in "".join(outcome.model_dump_json() for outcome in judged.outcomes)


def test_the_summarys_screen_is_judged_with_the_letter() -> None:
    row = {"file": "a.txt", "number": 1, "title": NORCO, "uds_summary": "consistent"}
    ours = review("a.txt", item(1, NORCO), summary=Summary(uds_status="inconsistent"))
    whole = of(judge_run(recorded(ours), gold(row)), None, None)
    assert whole.states == {"uds_summary": "wrong"}
    assert whole.classes == {"uds_summary": ("consistent", "inconsistent")}


# -------------------------------------------------------------------------------------------------------- figures


def counts(right: int = 0, wrong: int = 0, missing: int = 0, invented: int = 0, absent: int = 0) -> Counts:
    made = Counts(1)
    for name, value in locals().copy().items():
        if name != "made":
            getattr(made, name)[0] = value
    return made


@pytest.mark.parametrize(
    ("made", "precision", "recall", "f1", "agreement"),
    [
        (counts(right=6, wrong=1, missing=2, invented=3, absent=8), 6 / 10, 6 / 9, 12 / 19, 14 / 20),
        (counts(right=5), 1.0, 1.0, 1.0, 1.0),
        (counts(missing=2), None, 0.0, 0.0, 0.0),
        (counts(invented=2), 0.0, None, 0.0, 0.0),
        (counts(absent=4), None, None, None, 1.0),
    ],
)
def test_ratios_by_hand(
    made: Counts, precision: float | None, recall: float | None, f1: float | None, agreement: float
) -> None:
    told = {name: ratio.value() for name, ratio in made.ratios()}
    assert told == {"precision": precision, "recall": recall, "f1": f1}
    assert made.agreement().value() == agreement
    if precision and recall and f1:
        assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


CODE, OTHER, RARE = "missing_urine_drug_screen", "no_weaning_plan", "no_functional_improvement"


def told(file: str, number: int | None, found: int | None = 0, **fields: Any) -> Outcome:
    return Outcome(file=file, number=number, found=number if found == 0 else found, **fields)


def coded(right: tuple[str, ...] = (), missing: tuple[str, ...] = (), invented: tuple[str, ...] = ()) -> dict[str, Any]:
    both = right or missing
    state = "wrong" if missing or (invented and both) else "correct" if both else "invented" if invented else "absent"
    sets = {"reasons": Members(right=right, missing=missing, invented=invented)} if state != "absent" else {}
    return {"states": {"reasons": state}, "sets": sets}


BY_HAND = (
    told("a", 1, **coded(right=(CODE, OTHER))),
    told("a", 2, **coded(right=(CODE,), missing=(OTHER,))),
    told("b", 1, **coded(missing=(CODE,), invented=(RARE,))),
    told("c", 1, **coded(right=(OTHER,), invented=(CODE,))),
    told("c", 2, **coded(right=(RARE,))),
    told("c", 3, **coded()),
)


def figures_of(outcomes: tuple[Outcome, ...]) -> dict[str, Any]:
    tables = Tables(outcomes)
    return make_figures(measure(tables), len(tables.letters))


def test_reasons_by_hand() -> None:
    figures = figures_of(BY_HAND)
    value = {name: figure.value for name, figure in figures.items()}
    # right 2 CODE, 2 OTHER, 1 RARE; missing 1 CODE, 1 OTHER; invented 1 CODE, 1 RARE
    assert value["reasons.micro.precision"] == round(5 / 7, 6)
    assert value["reasons.micro.recall"] == round(5 / 7, 6)
    assert value["reasons.micro.f1"] == round(10 / 14, 6)
    assert value[f"reasons.codes.{CODE}.precision"] == round(2 / 3, 6)
    assert value[f"reasons.codes.{CODE}.recall"] == round(2 / 3, 6)
    assert value[f"reasons.codes.{OTHER}.precision"] == 1.0
    assert value[f"reasons.codes.{OTHER}.f1"] == 0.8
    assert value[f"reasons.codes.{RARE}.f1"] == round(2 / 3, 6)
    # the macro average is over CODE and OTHER, with three gold cases each; RARE has one
    assert LEAST_GOLD == 3
    assert figures["reasons.macro.f1"].n == 2
    assert value["reasons.macro.f1"] == round((2 / 3 + 0.8) / 2, 6)
    assert value["reasons.macro.recall"] == round((2 / 3 + 2 / 3) / 2, 6)
    # whole sets right: a1, c2, and c3, where neither has any
    assert value["reasons.whole_set"] == 0.5
    assert value["reasons.groups.opioid_monitoring.recall"] == round(2 / 3, 6)


def test_classes_by_hand() -> None:
    seen = [("upheld", "upheld")] * 4 + [("overturned", "upheld"), ("overturned", "overturned"), ("upheld", None)]
    outcomes = [told("a", at, classes={"decision": pair}) for at, pair in enumerate(seen, start=1)]
    outcomes.append(told("a", None, 9, classes={"decision": (None, "other")}))
    value = {name: figure.value for name, figure in figures_of(tuple(outcomes)).items()}
    assert value["decision.upheld.precision"] == 0.8
    assert value["decision.upheld.recall"] == 0.8
    assert value["decision.overturned.precision"] == 1.0
    assert value["decision.overturned.recall"] == 0.5
    assert value["decision.overturned.f1"] == round(2 / 3, 6)
    assert value["decision.other.precision"] == 0.0
    assert value["decision.other.recall"] is None
    assert value["decision.macro.f1"] == round((0.8 + 2 / 3) / 2, 6)  # the classes that gold has
    assert value["decision.accuracy"] == round(5 / 7, 6)


def test_fields_and_determinations_by_hand() -> None:
    outcomes = (
        told("a", None, None, states={"age": "correct"}),
        told("a", 1, states={"treatment.drug": "correct", "treatment.body_regions": "wrong"},
             sets={"treatment.body_regions": Members(right=("knee",), missing=("hip",))}),
        told("a", 2, None, states={"treatment.drug": "missing"}),
        told("b", None, None, states={"age": "wrong"}),
        told("b", 1, states={"treatment.drug": "absent", "treatment.body_regions": "absent"}),
        told("b", None, 2, states={"treatment.drug": "invented"}),
    )  # fmt: skip
    value = {name: figure.value for name, figure in figures_of(outcomes).items()}
    assert value["determinations.precision"] == value["determinations.recall"] == round(2 / 3, 6)
    assert value["fields.age.precision"] == 0.5
    assert value["fields.treatment.drug.precision"] == value["fields.treatment.drug.recall"] == 0.5
    assert value["fields.treatment.drug.agreement"] == 0.5
    assert value["fields.treatment.body_regions.precision"] == 1.0
    assert value["fields.treatment.body_regions.recall"] == 0.5
    assert value["fields.treatment.body_regions.agreement"] == 0.5  # whole sets


def place(**changes: Any) -> Place:
    good = {"code": CODE, "found_by": "rules", "match": "exact", "verbatim": True, "inside": True, "whole_words": True}
    return Place(**good | changes)


def test_evidence_by_hand() -> None:
    both = coded(right=(CODE,), invented=(OTHER,))
    outcomes = (
        told(
            "a", 1, **both, evidence=(place(overlap=0.5), place(code=OTHER, found_by="llm", match="fuzzy")), rejected=1
        ),
        told("b", 1, **coded(right=(CODE,)), evidence=(place(overlap=0.0, verbatim=False, inside=False),)),
    )
    value = {name: figure.value for name, figure in figures_of(outcomes).items()}
    assert value["evidence.verbatim"] == value["evidence.inside"] == round(2 / 3, 6)
    assert value["evidence.whole_words"] == 1.0
    assert value["evidence.located_exact"] == 0.5  # of four quotes given, one was refused
    assert value["evidence.located_fuzzy"] == value["evidence.rejected"] == 0.25
    assert value["evidence.overlap"] == 0.25
    assert value["evidence.touches_gold"] == 0.5
    assert value["reasons.found_by.rules.precision"] == 1.0
    assert value["reasons.found_by.llm.precision"] == 0.0


def test_calibration_by_hand() -> None:
    right, wrong = {"states": {"treatment.drug": "correct"}}, {"states": {"treatment.drug": "wrong"}}
    outcomes = (
        told("a", 1, **wrong, flags=("no_reason_found",)),
        told("a", 2, **wrong),
        told("b", 1, **right, flags=("no_reason_found", "dates_disagree")),
        told("b", 2, **right),
        told("b", 3, **right),
        told("b", 4, None, states={"treatment.drug": "missing"}),  # nobody can look at what is not there
        told("b", 5, states={"title": "wrong"}),  # not one of the fields that make an item wrong
    )
    value = {name: figure.value for name, figure in figures_of(outcomes).items()}
    assert value["calibration.flagged"] == round(2 / 6, 6)
    assert value["calibration.errors_caught"] == 0.5
    assert value["calibration.wrong_if_flagged"] == 0.5
    assert value["calibration.wrong_if_not_flagged"] == 0.25
    assert value["calibration.flags.no_reason_found.wrong"] == 0.5
    assert value["calibration.flags.dates_disagree.wrong"] == 0.0


def test_slices_by_hand() -> None:
    outcomes = (
        told("a", 1, slices={"layout": "standard"}, classes={"decision": ("upheld", "upheld")}, **coded(right=(CODE,))),
        told("a", 2, slices={"layout": "standard"}, classes={"decision": ("upheld", None)}, **coded(missing=(CODE,))),
        told("b", 1, slices={"layout": "unknown"}, classes={"decision": ("upheld", None)}, **coded(missing=(CODE,))),
    )
    value = {name: figure.value for name, figure in figures_of(outcomes).items()}
    assert value["slices.layout.standard.decision"] == 0.5
    assert value["slices.layout.standard.reasons.f1"] == round(2 / 3, 6)
    assert value["slices.layout.unknown.decision"] == value["slices.layout.unknown.reasons.f1"] == 0.0


# ------------------------------------------------------------------------------------------------------ intervals


def test_intervals_hold_their_value_and_are_ordered(sample_score: Score) -> None:
    told = {name: sample_score.figure(name) for name in sample_score.figures}
    with_value = {name: figure for name, figure in told.items() if figure.value is not None}
    assert len(with_value) > 200
    outside = [
        name
        for name, figure in with_value.items()
        if figure.low is None or figure.high is None or not 0 <= figure.low <= figure.value <= figure.high <= 1  # type: ignore[operator]
    ]
    assert outside == []
    assert any(figure.low < figure.high for figure in with_value.values())  # type: ignore[operator]


def test_a_perfect_score_has_no_width_and_a_divided_one_has() -> None:
    perfect = tuple(told(file, 1, states={"treatment.drug": "correct"}) for file in "abcde")
    figure = figures_of(perfect)["fields.treatment.drug.f1"]
    assert (figure.value, figure.low, figure.high) == (1.0, 1.0, 1.0)
    divided = (*perfect, told("f", 1, states={"treatment.drug": "wrong"}))
    figure = figures_of(divided)["fields.treatment.drug.f1"]
    assert figure.low < figure.value < figure.high


def test_resampling_is_the_same_every_time() -> None:
    weights = draw_weights(7)
    assert weights.shape == (RESAMPLES, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert (weights == draw_weights(7)).all()
    assert figures_of(BY_HAND) == figures_of(BY_HAND)


def test_items_of_a_letter_are_drawn_together() -> None:
    """A letter of one right and one wrong item is half right in every resample, were it alone or one of many."""
    halves = tuple(
        told(file, number, states={"treatment.drug": state})
        for file in "abcdef"
        for number, state in ((1, "correct"), (2, "wrong"))
    )
    figure = figures_of(halves)["fields.treatment.drug.agreement"]
    assert (figure.value, figure.low, figure.high) == (0.5, 0.5, 0.5)
    apart = tuple(outcome.model_copy(update={"file": f"{outcome.file}{outcome.number}"}) for outcome in halves)
    figure = figures_of(apart)["fields.treatment.drug.agreement"]
    assert figure.value == 0.5
    assert figure.low < 0.5 < figure.high


def test_percentiles_are_those_of_a_plain_bootstrap() -> None:
    ratio = Ratio(np.array([1.0, 2.0, 0.0, 3.0]), np.array([2.0, 2.0, 1.0, 4.0]))
    weights = draw_weights(4)
    plain = [sum(w * a for w, a in zip(row, ratio.above, strict=True)) / sum(w * b for w, b in zip(row, ratio.below, strict=True)) for row in weights]  # fmt: skip
    figure = make_figure(ratio, weights)
    assert figure.value == round(6 / 9, 6)
    assert (figure.low, figure.high) == tuple(round(float(each), 6) for each in np.percentile(plain, (2.5, 97.5)))


def test_a_mean_leaves_out_parts_that_a_resample_does_not_hold() -> None:
    everywhere = Ratio(np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    in_the_first = Ratio(np.array([0.0, 0.0]), np.array([1.0, 0.0]))
    nowhere = Ratio(np.zeros(2), np.zeros(2))
    weights = np.array([[2.0, 0.0], [0.0, 2.0]])
    assert list(Mean([everywhere, in_the_first]).resampled(weights)) == [0.5, 1.0]
    assert Mean([everywhere, in_the_first, nowhere]).value() == 0.5
    assert Mean([nowhere]).value() is None
    assert make_figure(nowhere, weights).value is None


# ------------------------------------------------------------------------------------------------------- evidence

RATIONALES = "One: There is no screen on file. Two: The brace is not needed. "


def standing(start: int, end: int, quote: str | None = None, rationale: tuple[int, int] | None = (5, 32)) -> Standing:
    reason = Reason(
        code=CODE, polarity="denial",
        evidence=Evidence(quote=RATIONALES[start:end] if quote is None else quote, start=start, end=end),
    )  # fmt: skip
    own = Rationale(start=rationale[0], end=rationale[1], text=RATIONALES[slice(*rationale)]) if rationale else None
    return check_standing(RATIONALES, item(1, NORCO, rationale=own), reason)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(standing(14, 31), Standing(True, True, True), id="as it should be"),
        pytest.param(standing(5, 32), Standing(True, True, True), id="the whole rationale"),
        pytest.param(standing(15, 32, RATIONALES[14:31]), Standing(False, True, False), id="offsets shifted by one"),
        pytest.param(standing(38, 61), Standing(True, False, True), id="of another item's rationale"),
        pytest.param(standing(26, 41), Standing(True, False, True), id="over the end of the rationale"),
        pytest.param(standing(14, 29), Standing(True, True, False), id="cuts its last word"),
        pytest.param(standing(15, 31), Standing(True, True, False), id="cuts its first word"),
        pytest.param(standing(14, 31, rationale=None), Standing(True, False, True), id="no rationale"),
        pytest.param(standing(14, 14, ""), Standing(False, False, True), id="nothing quoted"),
    ],
)
def test_standing_of_evidence(found: Standing, expected: Standing) -> None:
    assert found == expected


def overlap(text: str, quote: str, gold_quote: str, rationale: tuple[int, int] | None = None) -> float | None:
    start = text.index(quote)
    reason = Reason(code=CODE, polarity="denial", evidence=Evidence(quote=quote, start=start, end=start + len(quote)))
    first, last = rationale or (0, len(text))
    own = Rationale(start=first, end=last, text=text[first:last])
    return overlap_with_gold(text, item(1, NORCO, rationale=own), reason, [gold_quote])


@pytest.mark.parametrize(
    ("text", "quote", "gold_quote", "expected"),
    [
        ("abc def ghi.", "abc def", "abc def", 1.0),
        ("abc\n   def ghi.", "abc\n   def", "abc def", 1.0),
        ("abc def ghi.", "abc", "def", 0.0),
        ("abc def ghi.", "abc def", "def ghi", 3 / 9),
        ("abc def ghi.", "ABC".lower(), "ABC DEF", 0.5),
        ("the patient\u2019s \u201clog\u201d \u2013 none", "the patient\u2019s \u201clog\u201d \u2013 none", "the patient's \"log\" - none", 1.0),
        ("no log. And no log.", "no log", "no log", 1.0),
        ("abc def ghi.", "abc", "xyz", None),
        ("abc def ghi.", "abc", "", None),
    ],
)  # fmt: skip
def test_overlap_with_the_gold_quote(text: str, quote: str, gold_quote: str, expected: float | None) -> None:
    assert overlap(text, quote, gold_quote) == (expected if expected is None else pytest.approx(expected))


def test_of_a_gold_quote_that_stands_twice_the_nearer_place_counts() -> None:
    text = "no log is kept. The nurse says that no log is kept."
    second = text.rindex("no log")
    reason = Reason(code=CODE, polarity="denial", evidence=Evidence(quote="no log", start=second, end=second + 6))
    own = Rationale(start=0, end=len(text), text=text)
    assert overlap_with_gold(text, item(1, NORCO, rationale=own), reason, ["no log"]) == 1.0
    assert overlap_with_gold(text, item(1, NORCO, rationale=own), reason, ["the nurse", "no log is"]) == pytest.approx(
        5 / 7
    )


def test_a_gold_quote_outside_the_rationale_is_not_compared() -> None:
    text = "no log. Decision rationale: the brace is old."
    assert overlap(text, "the brace", "no log", (28, len(text))) is None


# ------------------------------------------------------------------------------------------------------ the score


def test_a_kept_score_reads_back_as_it_was(sample_score: Score, tmp_path: Path) -> None:
    file = tmp_path / "new" / "score.json"
    write_score(sample_score, file)
    assert read_score(file) == sample_score
    lines = file.read_text("utf-8").splitlines()
    assert sum(line.startswith('{"file"') for line in lines) == len(sample_score.outcomes)
    assert json.loads(file.read_text("utf-8"))["coverage"]["letters"] == 30


@pytest.mark.parametrize("damage", ["", "no json", "{}", '{"score_version": "2"}', "[]"])
def test_a_damaged_score_is_named(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "score.json"
    file.write_text(damage)
    with pytest.raises(ConfigurationError, match=r"score\.json: not a score"):
        read_score(file)


def test_a_score_cut_short_is_named(sample_score: Score, tmp_path: Path) -> None:
    file = tmp_path / "score.json"
    write_score(sample_score, file)
    file.write_text(file.read_text("utf-8")[:-40], "utf-8")
    with pytest.raises(ConfigurationError, match=r"score\.json: not a score"):
        read_score(file)


def test_a_run_is_scored_only_with_a_gold_set(sample_run: Path, sample_score: Score, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name the gold set"):
        read_score(sample_run)
    with pytest.raises(ConfigurationError, match=r"nowhere\.json: no such score"):
        read_score(tmp_path / "nowhere.json")
    assert read_score(sample_run, SAMPLE_GOLD) == sample_score


def test_a_gold_set_of_other_letters_is_refused(sample_run: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none of its letters is in gold\.jsonl"):
        score_run(sample_run, gold({"file": "another.txt", "number": 1}))


def test_coverage_of_the_samples(sample_score: Score) -> None:
    cover = sample_score.coverage
    rows = [json.loads(line) for line in SAMPLE_GOLD.read_text("utf-8").splitlines()]
    assert (cover.letters, cover.failed, cover.finished, cover.not_in_run) == (30, 0, True, ())
    assert cover.gold_determinations == len(rows) == sample_score.gold.determinations
    assert sample_score.spent.letters == 30
    assert sample_score.spent.cost_usd == 0.0
    assert sample_score.figure("no.such.figure").value is None


# --------------------------------------------------------------------------- recomputed, apart from what it checks


def fold(text: Any) -> str:
    return " ".join(str(text).split()).casefold()


def divide(above: float, below: float) -> float | None:
    return above / below if below else None


def prf(name: str, right: int, ours: int, theirs: int) -> Iterator[tuple[str, float | None]]:
    yield f"{name}.precision", divide(right, ours)
    yield f"{name}.recall", divide(right, theirs)
    yield f"{name}.f1", divide(2 * right, ours + theirs)


def match_rows(
    rows: list[dict[str, Any]], items: list[Determination]
) -> list[tuple[dict[str, Any] | None, Determination | None]]:
    """Pairs by equal titles, of several the one with the same number first; the rest by number; the rest alone."""
    left = list(items)
    pairs: dict[int, Determination] = {}

    def plain(title: str) -> str:
        words = fold(title.replace("\u2019", "'")).strip(" .,:;\"'")
        lead = "the final determination was based on decisions for the disputed items/services set forth below:"
        return words.removeprefix(lead).strip()

    for same_title, same_number in ((True, True), (True, False), (False, True)):
        for at, row in enumerate(rows):
            if at in pairs:
                continue
            for each in left:
                if (not same_title or plain(each.title) == plain(row["title"])) and (
                    not same_number or each.number == row["number"]
                ):
                    pairs[at] = each
                    left.remove(each)
                    break
    return [(row, pairs.get(at)) for at, row in enumerate(rows)] + [(None, each) for each in left]


def recompute(run: Path, gold_file: Path) -> dict[str, float | None]:
    """The headline figures by a plain loop over gold's lines and the run's reviews."""
    reviews = {each.letter.file: each for each in load_run(read_run(run)).reviews}
    rows_of: dict[str, list[dict[str, Any]]] = {}
    for line in gold_file.read_text("utf-8").split("\n"):
        if line.strip():
            row = json.loads(line)
            rows_of.setdefault(row["file"], []).append(row)
    right: Counter[str] = Counter()
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    screens: list[bool] = []
    for file, rows in rows_of.items():
        if file not in reviews:
            continue
        for row, found in match_rows(rows, reviews[file].determinations):
            sides: list[set[str]] = [set(), set()]
            for side, there in zip(sides, (row is not None, found is not None), strict=True):
                if not there:
                    continue
                if side is sides[0]:
                    assert row is not None
                    codes, treatment, regions = (
                        {r["code"] for r in row["reasons"]},
                        row["treatment"],
                        row["treatment"]["body_regions"],
                    )
                    decision = row["decision"]
                else:
                    assert found is not None
                    codes, treatment = {r.code for r in found.reasons}, found.treatment.model_dump()
                    regions, decision = found.treatment.body_regions, found.decision
                side |= {f"reasons {code}" for code in codes} | {f"body_regions {fold(each)}" for each in regions}
                side |= {
                    f"{key} {fold(treatment[key])}" for key in ("category", "subcategory", "drug") if treatment[key]
                }
                side.add(f"decision {decision}")
            right.update(sides[0] & sides[1])
            theirs.update(sides[0])
            ours.update(sides[1])
            if row is not None:
                screens.append(found is not None and row["uds_rationale"] == found.uds_status)

    def total(counter: Counter[str], kind: str) -> int:
        return sum(n for name, n in counter.items() if name.split()[0] == kind)

    told: dict[str, float | None] = {"uds_rationale.accuracy": divide(sum(screens), len(screens))}
    kinds = {"reasons": "reasons.micro", "body_regions": "fields.treatment.body_regions"} | {
        kind: f"fields.treatment.{kind}" for kind in ("category", "subcategory", "drug")
    }
    for kind, name in kinds.items():
        told |= prf(name, total(right, kind), total(ours, kind), total(theirs, kind))
    for word in ("upheld", "overturned"):
        told |= prf(f"decision.{word}", *(counter[f"decision {word}"] for counter in (right, ours, theirs)))
    often = [name for name, n in theirs.items() if name.startswith("reasons ") and n >= 3]
    told["reasons.macro.f1"] = sum(2 * right[name] / (ours[name] + theirs[name]) for name in often) / len(often)
    return told


def assert_same_figures(run: Path, gold_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert cli.run(["eval", "score", str(run), "--gold", str(gold_file), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["figures"]
    plain = recompute(run, gold_file)
    assert len(plain) == 23
    assert {name: figures[name]["value"] for name in plain} == pytest.approx(plain, abs=1e-6)


def test_figures_of_the_samples_are_those_of_a_plain_loop(sample_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_same_figures(sample_run, SAMPLE_GOLD, capsys)


@needs_real_letters
@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_figures_of_real_letters_are_those_of_a_plain_loop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], every: int
) -> None:
    files = sorted(str(file) for folder in ("dev", "seeds") for file in (SHARED / "letters" / folder).iterdir())
    run = record(tmp_path / "run", files[::every])
    assert_same_figures(run.path, SHARED / "gold" / "dev.jsonl", capsys)


def test_a_figure_is_a_value_with_bounds(sample_score: Score) -> None:
    figure = sample_score.figure("reasons.micro.f1")
    assert set(dataclasses.asdict(figure)) == {"value", "low", "high", "n"}
    assert figure.n > 100


def test_a_short_form_must_stand_as_words_of_its_own() -> None:
    field = next(each for each in ITEM_FIELDS if each.name == "request.original")
    assert compare_values("2 visits", "12 visits", field.same) == "wrong"
    assert compare_values("12 visits", "therapy 12 visits", field.same) == "correct"


def test_a_record_whose_rationale_ends_beyond_the_letter_does_not_stop_the_scoring() -> None:
    assert list(find_folded("short", "short", 0, 50)) == [set(range(5))]
    assert list(find_folded("so\u00adft words", "soft", 0, 50)) == [{0, 1, 3, 4}]


def test_figures_of_a_kept_score_are_counted_anew(tmp_path: Path, sample_score: Score) -> None:
    write_score(sample_score, tmp_path / "score.json")
    raw = json.loads((tmp_path / "score.json").read_text("utf-8"))
    raw["figures"]["reasons.micro.f1"]["value"] = 0.123
    (tmp_path / "score.json").write_text(json.dumps(raw), "utf-8")
    assert read_score(tmp_path / "score.json").figures == sample_score.figures


def test_printed_words_of_lists_are_kept_as_hashes(sample_score: Score) -> None:
    members = [o.sets["specialties"].right for o in sample_score.outcomes if "specialties" in o.sets]
    assert members
    assert all(len(each) == 8 and int(each, 16) >= 0 for some in members for each in some)
