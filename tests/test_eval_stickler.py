"""The counts against those of another evaluation library, stickler, wherever both define the same thing.

Of two values that differ stickler says "false discovery", as we say wrong; in lists it pairs a missing member with an
invented one under that name, so that there precision and recall are compared, and what is right.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from imr_llm.evals.alignment import align
from imr_llm.evals.fields import ITEM_FIELDS, LETTER_FIELDS, UNLABELLED, ItemField, LetterField
from imr_llm.evals.gold import read_gold
from imr_llm.evals.manifest import make_manifest
from imr_llm.evals.runs import Recorded, load_run, open_run, read_run, record_run
from imr_llm.evals.scoring import Score, score_run
from letters import SAMPLE_GOLD, SAMPLES
from stickler import ComparableField, ExactComparator, StructuredModel

from imr_llm.extraction import choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import read_settings

LISTS = ("reasons", "treatment.body_regions", "licensed_states", "specialties", "maximus_citations")
SCALARS = tuple(field.name for field in (*LETTER_FIELDS, *ITEM_FIELDS) if field.name not in LISTS)
# Gold has a short form of these, and holds it to be right if the record's words hold it: not what stickler compares.
SHORT_FORMS = ("request.original", "request.authorized", "request.disputed")
NOT_IN_SAMPLES = ("determination_count", "claims_administrator_guideline", "maximus_guideline")
OURS_BY_STICKLERS = {"right": "tp", "wrong": "fd", "missing": "fn", "invented": "fa", "absent": "tn"}


class OneValue(StructuredModel):  # type: ignore[misc]
    """A field with one value, in its plain form as text."""

    value: str | None = ComparableField(comparator=ExactComparator(), threshold=1.0, default=None)


class ManyValues(StructuredModel):  # type: ignore[misc]
    """A field with a list of values."""

    value: list[str] | None = ComparableField(comparator=ExactComparator(), threshold=1.0, default=None)


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the rules over all sample letters, made once for every module that asks for it."""
    path = tmp_path_factory.getbasetemp() / "eval-sample-run"
    if not path.exists():
        settings = read_settings({}, extractor="rules")
        plan = choose_extractor(settings)
        run = open_run(path, make_manifest(plan, settings, [SAMPLES.name]))
        assert record_run(run, plan, settings, read_letters([SAMPLES])).failed == 0
    return path


@pytest.fixture(scope="module")
def score(sample_run: Path) -> Score:
    return score_run(sample_run, read_gold(SAMPLE_GOLD))


@pytest.fixture(scope="module")
def by_stickler(sample_run: Path) -> dict[str, Counter[str]]:
    """Stickler's counts of every field over the samples, on the pairs that our alignment makes."""
    recorded = load_run(read_run(sample_run))
    found: dict[str, Counter[str]] = {}
    for field, gold, ours in list_values(recorded):
        found.setdefault(field, Counter()).update(count(field, gold, ours))
    return found


def list_values(recorded: Recorded) -> Any:
    """(field, gold, record) in plain forms, as long as gold labels the field; None: not there."""
    reviews = {review.letter.file: review for review in recorded.reviews}
    for letter in read_gold(SAMPLE_GOLD).letters:
        review = reviews[letter.file]
        for of_letter in LETTER_FIELDS:
            if of_letter.gold(letter) is not UNLABELLED:
                yield of_letter.name, of_letter.gold(letter), of_letter.found(review)
        for pair in align(letter.items, review.determinations):
            assert pair.gold is not None  # no item of the samples is invented
            for field in ITEM_FIELDS:
                if field.gold(pair.gold) is not UNLABELLED:
                    yield field.name, field.gold(pair.gold), field.found(pair.found) if pair.found else None


def count(field: str, gold: Any, ours: Any) -> dict[str, int]:
    if field in LISTS:
        sides = [ManyValues(value=sorted(side) if side else None) for side in (gold, ours)]
    else:
        sides = [OneValue(value=None if side is None else str(side)) for side in (gold, ours)]
    compared = sides[0].compare_with(sides[1], include_confusion_matrix=True)
    overall = compared["confusion_matrix"]["fields"]["value"]["overall"]
    return {name: overall[name] for name in ("tp", "fa", "fd", "fn", "tn")}


def test_every_labelled_field_is_compared_one_way_or_the_other(score: Score) -> None:
    fields: list[LetterField | ItemField] = [*LETTER_FIELDS, *ITEM_FIELDS]
    assert set(score.counts) - {"determinations"} == {field.name for field in fields} - {*NOT_IN_SAMPLES}
    assert {*LISTS, *SCALARS} >= set(score.counts) - {"determinations"}


@pytest.mark.parametrize("field", [name for name in SCALARS if name not in (*SHORT_FORMS, *NOT_IN_SAMPLES)])
def test_a_field_of_one_value_is_counted_alike(field: str, score: Score, by_stickler: dict[str, Counter[str]]) -> None:
    theirs = by_stickler[field]
    assert sum(theirs.values()) > 0
    assert score.counts[field] == {ours: theirs[name] for ours, name in OURS_BY_STICKLERS.items()}


@pytest.mark.parametrize("field", LISTS)
def test_a_list_has_the_same_precision_and_recall(
    field: str, score: Score, by_stickler: dict[str, Counter[str]]
) -> None:
    theirs = by_stickler[field]
    ours = score.counts[field]
    assert ours["right"] == theirs["tp"] > 0
    base = "reasons.micro" if field == "reasons" else f"fields.{field}"
    precision = theirs["tp"] / (theirs["tp"] + theirs["fa"] + theirs["fd"])
    recall = theirs["tp"] / (theirs["tp"] + theirs["fn"] + theirs["fd"])
    assert score.figure(f"{base}.precision").value == pytest.approx(precision, abs=1e-6)
    assert score.figure(f"{base}.recall").value == pytest.approx(recall, abs=1e-6)


def test_the_samples_show_every_state(by_stickler: dict[str, Counter[str]]) -> None:
    """Else the comparison would prove little."""
    scalars = sum((by_stickler[name] for name in SCALARS if name in by_stickler), Counter())
    assert all(scalars[name] for name in OURS_BY_STICKLERS.values()), scalars
    lists = sum((by_stickler[name] for name in LISTS), Counter())
    assert lists["fa"] + lists["fd"] + lists["fn"], lists
