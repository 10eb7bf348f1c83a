"""From outcomes to figures: every figure is a ratio of two sums over letters (or a mean of such), so that one bootstrap
over letters gives an interval to all of them, and to the difference of two runs.

Names are paths, for a script to pick from: "decision.overturned.f1", "fields.treatment.drug.precision",
"reasons.micro.f1", "reasons.codes.missing_urine_drug_screen.recall", "evidence.verbatim". docs/evaluation.md tells
what each means.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from imr_llm.terms.taxonomy import load_taxonomy

from .outcomes import Outcome

RESAMPLES = 2000
SEED = 20_260_101
LEAST_GOLD = 3
"""A code counts into the macro average from this many gold cases on."""

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A value with its 95 % interval (percentiles of a bootstrap over letters). n: what it is out of. None: out of 0."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass
class Counts:
    """One thing counted letter by letter: right, wrong (another value), missing, invented, absent on both sides.

    precision = right / (right + wrong + invented); recall = right / (right + wrong + missing);
    f1 = 2 right / (2 right + 2 wrong + missing + invented); agreement = (right + absent) / all.
    """

    letters: int
    right: Sums = field(init=False)
    wrong: Sums = field(init=False)
    missing: Sums = field(init=False)
    invented: Sums = field(init=False)
    absent: Sums = field(init=False)

    def __post_init__(self) -> None:
        for name in ("right", "wrong", "missing", "invented", "absent"):
            setattr(self, name, np.zeros(self.letters))

    def totals(self) -> dict[str, int]:
        """The counts over all letters."""
        return {name: int(getattr(self, name).sum()) for name in ("right", "wrong", "missing", "invented", "absent")}

    def ratios(self) -> Iterator[tuple[str, Ratio]]:
        """Precision, recall and F1."""
        yield "precision", Ratio(self.right, self.right + self.wrong + self.invented)
        yield "recall", Ratio(self.right, self.right + self.wrong + self.missing)
        yield "f1", self.f1()

    def f1(self) -> Ratio:
        """F1; its n counts what either side has, wrong ones on both."""
        return Ratio(2 * self.right, 2 * self.right + 2 * self.wrong + self.missing + self.invented)

    def agreement(self) -> Ratio:
        """The share on which both sides say the same, absence included."""
        same = self.right + self.absent
        return Ratio(same, same + self.wrong + self.missing + self.invented)


@dataclass(frozen=True)
class Ratio:
    """Numerator and denominator by letter."""

    above: Sums
    below: Sums

    def value(self) -> float | None:
        """The ratio over all letters."""
        return float(self.above.sum() / self.below.sum()) if self.below.sum() else None

    def resampled(self, weights: Sums) -> Sums:
        """The ratio under each row of weights; nan where nothing is left to divide by."""
        below = weights @ self.below
        ratios: Sums = np.divide(weights @ self.above, below, out=np.full(len(weights), np.nan), where=below > 0)
        return ratios

    @property
    def n(self) -> int:
        """What it is out of."""
        return int(self.below.sum())


@dataclass(frozen=True)
class Mean:
    """The unweighted mean of several ratios (a macro average); n: of how many."""

    parts: Sequence[Ratio]

    def value(self) -> float | None:
        """The mean over all letters."""
        values = [value for part in self.parts if (value := part.value()) is not None]
        return float(np.mean(values)) if values else None

    def resampled(self, weights: Sums) -> Sums:
        """The mean under each row of weights, of the parts that are left in it."""
        rows = np.array([part.resampled(weights) for part in self.parts]).reshape(len(self.parts), len(weights))
        known = ~np.isnan(rows)
        total = np.where(known, rows, 0.0).sum(axis=0)
        means: Sums = np.divide(total, known.sum(axis=0), out=np.full(len(weights), np.nan), where=known.any(axis=0))
        return means

    @property
    def n(self) -> int:
        """Of how many."""
        return len(self.parts)


Measure = Ratio | Mean


def draw_weights(letters: int) -> Sums:
    """How often each letter is drawn in each of RESAMPLES resamples; always the same for the same number of letters."""
    generator = np.random.default_rng(SEED)
    return generator.multinomial(letters, np.full(letters, 1 / letters), size=RESAMPLES).astype(float)


def make_figure(measure: Measure, weights: Sums) -> Figure:
    """The value with its interval."""
    value = measure.value()
    if value is None:
        return Figure(None, None, None, measure.n)
    low, high = np.nanpercentile(measure.resampled(weights), (2.5, 97.5))
    return Figure(round(value, 6), round(float(low), 6), round(float(high), 6), measure.n)


class Tables:
    """The outcomes counted: by field, class, reason code, evidence, flag and slice. Order of letters: first seen."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes = outcomes
        self.letters = list(dict.fromkeys(outcome.file for outcome in outcomes))
        self._place = {file: at for at, file in enumerate(self.letters)}

    @cached_property
    def items(self) -> list[Outcome]:
        """The outcomes of determinations, without those of whole letters."""
        return [outcome for outcome in self.outcomes if outcome.number is not None or outcome.found is not None]

    @cached_property
    def fields(self) -> dict[str, Counts]:
        """By field, a set counted by its members."""
        found: dict[str, Counts] = defaultdict(self._counts)
        for outcome in self.outcomes:
            at = self._place[outcome.file]
            for name, state in outcome.states.items():
                counts = found[name]
                if name not in outcome.sets:
                    getattr(counts, "right" if state == "correct" else state)[at] += 1
                    continue
                members = outcome.sets[name]
                counts.right[at] += len(members.right)
                counts.missing[at] += len(members.missing)
                counts.invented[at] += len(members.invented)
        return dict(found)

    @cached_property
    def aligned(self) -> Counts:
        """The determinations themselves: there on both sides, missing, invented."""
        counts = self._counts()
        for outcome in self.items:
            at = self._place[outcome.file]
            side = "invented" if outcome.number is None else "missing" if outcome.found is None else "right"
            getattr(counts, side)[at] += 1
        return counts

    def classes(self, name: str) -> dict[str, Counts]:
        """One class against the rest, for each class of a field; a wrong one is missing here and invented there."""
        found: dict[str, Counts] = defaultdict(self._counts)
        for outcome in self.outcomes:
            gold, ours = outcome.classes.get(name, (None, None))
            at = self._place[outcome.file]
            if gold is not None and gold == ours:
                found[gold].right[at] += 1
                continue
            if gold is not None:
                found[gold].missing[at] += 1
            if ours is not None:
                found[ours].invented[at] += 1
        return dict(sorted(found.items()))

    @cached_property
    def codes(self) -> dict[str, Counts]:
        """Reasons, code by code."""
        found: dict[str, Counts] = defaultdict(self._counts)
        for outcome in self.items:
            members, at = outcome.sets.get("reasons"), self._place[outcome.file]
            for side in ("right", "missing", "invented") if members else ():
                for code in getattr(members, side):
                    getattr(found[code], side)[at] += 1
        return dict(sorted(found.items()))

    def share(self, rows: Iterable[tuple[Outcome, float, float]]) -> Ratio:
        """A ratio summed from (outcome, numerator, denominator)."""
        above, below = np.zeros(len(self.letters)), np.zeros(len(self.letters))
        for outcome, ours, all_of in rows:
            above[self._place[outcome.file]] += ours
            below[self._place[outcome.file]] += all_of
        return Ratio(above, below)

    def _counts(self) -> Counts:
        return Counts(len(self.letters))


def measure(tables: Tables) -> dict[str, Measure]:
    """Every measure by its name."""
    found: dict[str, Measure] = {}
    for part in (_of_determinations, _of_classes, _of_fields, _of_reasons, _of_evidence, _of_calibration, _of_slices):
        found |= dict(part(tables))
    return found


def make_figures(measures: Mapping[str, Measure], letters: int) -> dict[str, Figure]:
    """Every figure with its interval, from one and the same resampling."""
    weights = draw_weights(letters)
    return {name: make_figure(each, weights) for name, each in measures.items()}


Named = Iterator[tuple[str, Measure]]


def _of_determinations(tables: Tables) -> Named:
    for name, ratio in tables.aligned.ratios():
        yield f"determinations.{name}", ratio


def _of_classes(tables: Tables) -> Named:
    for name in ("decision", "uds_rationale", "uds_summary"):
        classes = tables.classes(name)
        in_gold = {label: counts for label, counts in classes.items() if (counts.right + counts.missing).sum()}
        for label, counts in classes.items():
            for ratio_name, ratio in counts.ratios():
                yield f"{name}.{label}.{ratio_name}", ratio
        if in_gold:
            yield f"{name}.macro.f1", Mean([counts.f1() for counts in in_gold.values()])
            labelled = [outcome for outcome in tables.outcomes if outcome.classes.get(name, (None,))[0] is not None]
            yield f"{name}.accuracy", tables.share((o, o.classes[name][0] == o.classes[name][1], 1) for o in labelled)


def _of_fields(tables: Tables) -> Named:
    for name, counts in tables.fields.items():
        if name == "reasons":
            continue
        for ratio_name, ratio in counts.ratios():
            yield f"fields.{name}.{ratio_name}", ratio
        sets = any(name in outcome.sets for outcome in tables.outcomes)
        same = tables.share(
            (o, o.states[name] in ("correct", "absent"), 1) for o in tables.outcomes if name in o.states
        )
        # of a set: the share of items whose whole set is right
        yield f"fields.{name}.agreement", same if sets else counts.agreement()


def _of_reasons(tables: Tables) -> Named:
    if not tables.codes:
        return
    for name, ratio in _sum(tables.codes.values()).ratios():
        yield f"reasons.micro.{name}", ratio
    often = {code: c for code, c in tables.codes.items() if (c.right + c.missing).sum() >= LEAST_GOLD}
    for name in ("precision", "recall", "f1") if often else ():
        yield f"reasons.macro.{name}", Mean([dict(counts.ratios())[name] for counts in often.values()])
    groups: dict[str, list[Counts]] = defaultdict(list)
    known = load_taxonomy().codes
    for code, counts in tables.codes.items():
        groups[known[code].group if code in known else "unknown"].append(counts)
        for name, ratio in counts.ratios():
            yield f"reasons.codes.{code}.{name}", ratio
    for group, members in sorted(groups.items()):
        for name, ratio in _sum(members).ratios():
            yield f"reasons.groups.{group}.{name}", ratio
    labelled = [o for o in tables.items if "reasons" in o.states]
    yield "reasons.whole_set", tables.share((o, o.states["reasons"] in ("correct", "absent"), 1) for o in labelled)
    with_primary = [o for o in labelled if o.states.get("primary_reason") in ("correct", "wrong", "missing")]
    yield "reasons.primary", tables.share((o, o.states["primary_reason"] == "correct", 1) for o in with_primary)
    for finder in sorted({place.found_by for o in tables.items for place in o.evidence}):
        ours = [(o, place) for o in labelled for place in o.evidence if place.found_by == finder]
        rows = ((o, place.code in o.sets["reasons"].right, 1) for o, place in ours if "reasons" in o.sets)
        yield f"reasons.found_by.{finder}.precision", tables.share(rows)


def _sum(parts: Iterable[Counts]) -> Counts:
    parts = list(parts)
    total = Counts(parts[0].letters)
    for part in parts:
        for name in ("right", "wrong", "missing", "invented", "absent"):
            setattr(total, name, getattr(total, name) + getattr(part, name))
    return total


def _of_evidence(tables: Tables) -> Named:
    places = [(outcome, place) for outcome in tables.items for place in outcome.evidence]
    if not places:
        return
    for name in ("verbatim", "inside", "whole_words"):
        yield f"evidence.{name}", tables.share((o, getattr(place, name), 1) for o, place in places)
    claimed = [(o, len(o.evidence), o.rejected) for o in tables.items]
    for match in ("exact", "fuzzy"):
        rows = ((o, sum(p.match == match for p in o.evidence), held + rejected) for o, held, rejected in claimed)
        yield f"evidence.located_{match}", tables.share(rows)
    yield "evidence.rejected", tables.share((o, rejected, held + rejected) for o, held, rejected in claimed)
    compared = [(o, place.overlap) for o, place in places if place.overlap is not None]
    if compared:
        yield "evidence.overlap", tables.share((o, overlap, 1) for o, overlap in compared)
        yield "evidence.touches_gold", tables.share((o, overlap > 0, 1) for o, overlap in compared)


ERRORS_IN = ("decision", "treatment.category", "treatment.subcategory", "treatment.drug", "reasons", "uds_rationale")
"""An item is wrong, for the figures of calibration, if one of these fields is."""


def is_wrong(outcome: Outcome) -> bool:
    """Is a field of ERRORS_IN wrong, missing or invented?"""
    return any(outcome.states.get(name, "absent") not in ("correct", "absent") for name in ERRORS_IN)


def _of_calibration(tables: Tables) -> Named:
    """What a reviewer who looks at the flagged items alone would see, and would catch."""
    paired = [outcome for outcome in tables.items if outcome.number is not None and outcome.found is not None]
    yield "calibration.flagged", tables.share((o, bool(o.flags), 1) for o in paired)
    wrong = [outcome for outcome in paired if is_wrong(outcome)]
    yield "calibration.errors_caught", tables.share((o, bool(o.flags), 1) for o in wrong)
    yield "calibration.wrong_if_flagged", tables.share((o, is_wrong(o), 1) for o in paired if o.flags)
    yield "calibration.wrong_if_not_flagged", tables.share((o, is_wrong(o), 1) for o in paired if not o.flags)
    for flag in sorted({flag for outcome in paired for flag in outcome.flags}):
        yield f"calibration.flags.{flag}.wrong", tables.share((o, is_wrong(o), 1) for o in paired if flag in o.flags)


def _of_slices(tables: Tables) -> Named:
    names = sorted({(name, value) for outcome in tables.items for name, value in outcome.slices.items()})
    for name, value in names:
        part = [outcome for outcome in tables.items if outcome.slices.get(name) == value]
        where = f"slices.{name}.{value}"
        decided = [outcome for outcome in part if outcome.classes.get("decision", (None,))[0] is not None]
        yield (
            f"{where}.decision",
            tables.share((o, o.classes["decision"][0] == o.classes["decision"][1], 1) for o in decided),
        )
        for field_name in ("treatment.subcategory", "treatment.drug"):
            labelled = [outcome for outcome in part if field_name in outcome.states]
            yield (
                f"{where}.{field_name}",
                tables.share((o, o.states[field_name] in ("correct", "absent"), 1) for o in labelled),
            )
        sets = [(outcome, outcome.sets["reasons"]) for outcome in part if "reasons" in outcome.sets]
        rows = ((o, 2 * len(m.right), 2 * len(m.right) + len(m.missing) + len(m.invented)) for o, m in sets)
        yield f"{where}.reasons.f1", tables.share(rows)
