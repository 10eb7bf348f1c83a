"""Two scores side by side: who gained what in which letter, how sure a difference is, and what may not be compared."""

import math
from pathlib import Path
from typing import Any

import pytest
from imr_llm.evals.compare import Comparison, McNemar, Turn, compare_scores
from imr_llm.evals.figures import Tables, make_figures, measure
from imr_llm.evals.manifest import make_manifest
from imr_llm.evals.outcomes import Members, Outcome
from imr_llm.evals.scoring import Coverage, GoldInfo, Score, Spent, read_score, write_score
from imr_llm.evals.text import show_comparison
from scipy.stats import binomtest

from imr_llm.errors import ConfigurationError
from imr_llm.extraction import choose_extractor
from imr_llm.settings import read_settings

SETTINGS = read_settings({}, extractor="rules")
MANIFEST = make_manifest(choose_extractor(SETTINGS), SETTINGS, [])
DRUG, SCREEN, WEANING = "treatment.drug", "missing_urine_drug_screen", "no_weaning_plan"


def score(name: str, *outcomes: Outcome, sha256: str = "0" * 64) -> Score:
    tables = Tables(outcomes)
    figures = make_figures(measure(tables), len(tables.letters))
    return Score(
        name=name,
        manifest=MANIFEST,
        gold=GoldInfo(name="gold.jsonl", sha256=sha256, provenance="author", letters=9, determinations=9),
        coverage=Coverage(
            letters=len(tables.letters), failed=0, finished=True, not_in_run=(), not_in_gold=0, gold_determinations=9,
            found_determinations=9,
        ),
        spent=Spent(
            letters=9, attempts=0, input_tokens=0, cached_tokens=0, output_tokens=0, cost_usd=0.0, seconds=0.0,
            seconds_median=0.0, seconds_most=0.0,
        ),
        figures={name: vars(figure) for name, figure in figures.items()},
        counts={name: counts.totals() for name, counts in tables.fields.items()},
        outcomes=outcomes,
    )  # fmt: skip


def one(file: str, number: int | None = 1, found: int | None = 0, **fields: Any) -> Outcome:
    return Outcome(file=file, number=number, found=number if found == 0 else found, **fields)


def drug(file: str, state: str, number: int = 1) -> Outcome:
    return one(file, number, states={DRUG: state})


def codes(file: str, right: str = "", missing: str = "", invented: str = "") -> Outcome:
    members = Members(right=tuple(right.split()), missing=tuple(missing.split()), invented=tuple(invented.split()))
    state = "wrong" if missing or invented else "correct"
    return one(file, states={"reasons": state}, sets={"reasons": members})


def turns(before: Outcome, after: Outcome) -> list[Turn]:
    return list(compare_scores(score("a", before), score("b", after)).turns)


# ---------------------------------------------------------------------------------------------------------- turns


@pytest.mark.parametrize(
    ("before", "after", "gained"),
    [
        ("correct", "wrong", False),
        ("correct", "missing", False),
        ("absent", "invented", False),
        ("wrong", "correct", True),
        ("invented", "absent", True),
        ("missing", "correct", True),
        ("wrong", "missing", None),
        ("correct", "correct", None),
        ("invented", "invented", None),
    ],
)
def test_a_field_that_went_the_other_way_is_named_with_its_letter(before: str, after: str, gained: bool | None) -> None:
    found = turns(drug("a.txt", before, 2), drug("a.txt", after, 2))
    if gained is None:
        assert found == []
    else:
        assert found == [Turn(DRUG, "a.txt", 2, gained, f"{before} -> {after}")]


def test_a_decision_is_told_with_its_classes() -> None:
    before = one("a.txt", states={"decision": "correct"}, classes={"decision": ("overturned", "overturned")})
    after = one("a.txt", states={"decision": "wrong"}, classes={"decision": ("overturned", "upheld")})
    (turn,) = turns(before, after)
    assert (turn.gained, turn.what) == (False, "correct -> wrong (gold overturned: overturned -> upheld)")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (codes("a", right=SCREEN), codes("a", missing=SCREEN), [(False, SCREEN)]),
        (codes("a", missing=SCREEN), codes("a", right=SCREEN), [(True, SCREEN)]),
        (codes("a", right=SCREEN), codes("a", right=SCREEN, invented=WEANING), [(False, f"{WEANING} (not in gold)")]),
        (codes("a", right=SCREEN, invented=WEANING), codes("a", right=SCREEN), [(True, f"{WEANING} (not in gold)")]),
        (one("a", states={"reasons": "absent"}), codes("a", invented=WEANING), [(False, f"{WEANING} (not in gold)")]),
        (codes("a", missing=SCREEN), codes("a", missing=SCREEN), []),
        (
            codes("a", right=SCREEN, missing=WEANING),
            codes("a", right=WEANING, missing=SCREEN),
            [(False, SCREEN), (True, WEANING)],
        ),
    ],
)
def test_of_a_set_its_members_are_named(before: Outcome, after: Outcome, expected: list[tuple[bool, str]]) -> None:
    assert [(turn.gained, turn.what) for turn in turns(before, after)] == expected


def test_invented_items_and_whole_letters_turn_too() -> None:
    before = (one("a", None, None, states={"age": "missing"}), drug("a", "correct"), one("a", None, 3))
    after = (one("a", None, None, states={"age": "correct"}), drug("a", "correct"), one("a", None, 4))
    found = compare_scores(score("x", *before), score("y", *after)).turns
    assert {(turn.field, turn.number, turn.gained, turn.what) for turn in found} == {
        ("age", None, True, "missing -> correct"),
        ("determinations", None, True, "invented item 3"),
        ("determinations", None, False, "invented item 4"),
    }


def test_a_comparison_tells_gains_and_losses_by_letter() -> None:
    before = score("old", drug("a.txt", "correct"), drug("b.txt", "wrong", 2))
    after = score("new", drug("a.txt", "missing"), drug("b.txt", "correct", 2))
    told = show_comparison(compare_scores(before, after))
    assert "old -> new: 2 letters compared" in told
    assert f"Lost (1)\n- {DRUG}: a.txt item 1: correct -> missing" in told
    assert f"Gained (1)\n- {DRUG}: b.txt item 2: wrong -> correct" in told


# -------------------------------------------------------------------------------------------------------- McNemar


@pytest.mark.parametrize(
    ("both", "lost", "gained", "neither"), [(5, 8, 1, 2), (1, 0, 6, 0), (0, 3, 3, 0), (9, 0, 0, 1), (2, 1, 0, 0)]
)
def test_mcnemar_is_exact_and_two_sided(both: int, lost: int, gained: int, neither: int) -> None:
    states = [("correct", "absent")] * both + [("correct", "wrong")] * lost
    states += [("missing", "correct")] * gained + [("wrong", "missing")] * neither
    sides = [
        score(name, *(drug(f"{at:02}.txt", pair[side]) for at, pair in enumerate(states)))
        for side, name in enumerate(("old", "new"))
    ]
    (test,) = compare_scores(*sides).tests
    counted = (test.field, test.both_right, test.only_before, test.only_after, test.both_wrong)
    assert counted == (DRUG, both, lost, gained, neither)
    n = lost + gained
    expected = binomtest(lost, n, 0.5, alternative="two-sided").pvalue if n else 1.0
    assert test.p == pytest.approx(expected, abs=1e-6)
    tail = sum(math.comb(n, k) for k in range(min(lost, gained) + 1)) / 2**n
    assert test.p == pytest.approx(min(1.0, 2 * tail), abs=1e-6)


def test_items_that_one_side_does_not_label_are_not_tested() -> None:
    before = score("old", drug("a", "correct"), one("b", states={"title": "correct"}))
    after = score("new", drug("a", "correct"), drug("b", "wrong"))
    assert compare_scores(before, after).tests == (McNemar(DRUG, 1, 0, 0, 0, 1.0),)


# ------------------------------------------------------------------------------------------------------ what may be


def test_scores_of_different_gold_sets_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"old was scored with .*000000.*, new with .*111111.*same gold set"):
        compare_scores(score("old", drug("a", "correct")), score("new", drug("a", "correct"), sha256="1" * 64))


def test_scores_without_a_letter_in_common_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no letter in common"):
        compare_scores(score("old", drug("a", "correct")), score("new", drug("b", "correct")))


def test_only_letters_that_both_judged_are_compared() -> None:
    before = score("old", drug("a", "correct"), drug("b", "correct"), drug("c", "wrong"))
    after = score("new", drug("d", "wrong"), drug("c", "correct"), drug("b", "correct"))
    comparison = compare_scores(before, after)
    assert (comparison.letters, comparison.left_out) == (2, 2)
    assert {turn.file for turn in comparison.turns} == {"c"}
    change = comparison.change(f"fields.{DRUG}.f1")
    assert change is not None
    assert (change.before.value, change.after.value, change.difference.value) == (0.5, 1.0, 0.5)
    assert "2 left out (only in one of the two)" in show_comparison(comparison)


# ---------------------------------------------------------------------------------------------------- differences

LETTERS = "abcdefghijkl"


def test_identical_scores_differ_by_nothing_surely() -> None:
    outcomes = [drug(file, "correct" if at % 3 else "wrong") for at, file in enumerate(LETTERS)]
    comparison = compare_scores(score("old", *outcomes), score("new", *reversed(outcomes)))
    measured = [change for change in comparison.changes if change.difference.value is not None]
    assert len(measured) > 3
    for change in measured:
        assert (change.difference.value, change.difference.low, change.difference.high) == (0.0, 0.0, 0.0)
        assert not change.fell_surely
        assert not change.rose_surely
    assert comparison.turns == ()
    assert "no figure differs" in show_comparison(comparison)


def test_a_sure_fall_is_marked_and_a_chance_one_is_not() -> None:
    good = [drug(file, "correct") for file in LETTERS]
    bad = [drug(file, "wrong" if file in "abcdefgh" else "correct") for file in LETTERS]
    slip = [drug(file, "wrong" if file == "a" else "correct") for file in LETTERS]
    name = f"fields.{DRUG}.f1"

    def change(before: list[Outcome], after: list[Outcome]) -> tuple[Comparison, Any]:
        comparison = compare_scores(score("old", *before), score("new", *after))
        return comparison, comparison.change(name)

    comparison, fall = change(good, bad)
    assert fall.difference.value == round(4 / 12 - 1, 6)
    assert fall.difference.low < fall.difference.value < fall.difference.high < 0
    assert fall.fell_surely
    assert not fall.rose_surely
    (row,) = [line for line in show_comparison(comparison).splitlines() if f"| {name} " in line]
    assert row.rstrip(" |").endswith("] -")
    _, rise = change(bad, good)
    assert rise.rose_surely
    assert rise.difference.value == -fall.difference.value
    _, chance = change(good, slip)
    assert chance.difference.value == round(-1 / 12, 6)
    assert not chance.fell_surely


def test_the_interval_of_a_difference_is_that_of_paired_letters() -> None:
    """Where each letter loses just as much, there is no doubt about the loss, however much letters differ."""
    before = [drug(file, "correct" if file in "abcdef" or n == 1 else "wrong", n) for file in LETTERS for n in (1, 2)]
    after = [outcome if outcome.number == 2 else drug(outcome.file, "wrong") for outcome in before]
    change = compare_scores(score("old", *before), score("new", *after)).change(f"fields.{DRUG}.agreement")
    assert change is not None
    assert change.before.low < change.before.high  # type: ignore[operator]
    assert (change.difference.value, change.difference.low, change.difference.high) == (-0.5, -0.5, -0.5)


def test_a_figure_that_only_one_side_has_is_told_without_a_difference() -> None:
    comparison = compare_scores(score("old", codes("a", right=SCREEN)), score("new", codes("a", missing=SCREEN)))
    gone = comparison.change(f"reasons.codes.{SCREEN}.precision")
    assert gone is not None
    assert (gone.before.value, gone.after.value, gone.difference.value) == (1.0, None, None)
    assert not gone.fell_surely
    assert f"reasons.codes.{SCREEN}.precision" in show_comparison(comparison)
    assert comparison.change("no.such.figure") is None


def test_kept_scores_compare_like_those_in_memory(tmp_path: Path) -> None:
    before = score("old", codes("a", right=SCREEN), drug("b", "correct"))
    after = score("new", codes("a", missing=SCREEN), drug("b", "correct"))
    for each in (before, after):
        write_score(each, tmp_path / f"{each.name}.json")
    kept = compare_scores(read_score(tmp_path / "old.json"), read_score(tmp_path / "new.json"))
    assert kept == compare_scores(before, after)
