"""Two scores of the same gold set, side by side: what was gained, what was lost, and in which letters.

Only letters that both scores judged are compared. Both are resampled with the same letters, so the interval of a
difference is that of paired letters; fields with one state an item are also tested by McNemar (exact, two-sided).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from imr_llm.errors import ConfigurationError

from .figures import Figure, Measure, Tables, draw_weights, make_figure, measure
from .outcomes import Members, Outcome
from .scoring import Score

PAIRED = (
    "decision",
    "uds_rationale",
    "treatment.category",
    "treatment.subcategory",
    "treatment.drug",
    "primary_reason",
)


@dataclass(frozen=True)
class Change:
    """One figure in both: `difference` is after - before, with the interval of paired letters (n: letters)."""

    name: str
    before: Figure
    after: Figure
    difference: Figure

    @property
    def fell_surely(self) -> bool:
        """Is the whole interval of the difference below zero?"""
        return self.difference.high is not None and self.difference.high < 0

    @property
    def rose_surely(self) -> bool:
        """Is the whole interval of the difference above zero?"""
        return self.difference.low is not None and self.difference.low > 0


@dataclass(frozen=True)
class Turn:
    """One determination (number None: the letter) whose field went the other way; in words without letter text."""

    field: str
    file: str
    number: int | None
    gained: bool
    what: str


@dataclass(frozen=True)
class McNemar:
    """A field with one state an item: how many items only one of the two has right, and the exact two-sided p."""

    field: str
    both_right: int
    only_before: int
    only_after: int
    both_wrong: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """All of it; `letters` were compared, `left_out` were judged by one score alone."""

    before: str
    after: str
    letters: int
    left_out: int
    changes: tuple[Change, ...]
    turns: tuple[Turn, ...]
    tests: tuple[McNemar, ...]

    def change(self, name: str) -> Change | None:
        """The change of one figure."""
        return next((change for change in self.changes if change.name == name), None)


def compare_scores(before: Score, after: Score) -> Comparison:
    """Compare. Raises ConfigurationError where the two were not scored with the same gold set, byte for byte."""
    if before.gold.sha256 != after.gold.sha256:
        raise ConfigurationError(
            f"{before.name} was scored with {before.gold.name} ({before.gold.sha256[:12]}), {after.name} with "
            f"{after.gold.name} ({after.gold.sha256[:12]}): score both with the same gold set"
        )
    shared = {outcome.file for outcome in before.outcomes} & {outcome.file for outcome in after.outcomes}
    if not shared:
        raise ConfigurationError(
            f"{before.name} and {after.name} have no letter in common; run both over the same ones"
        )
    every = {outcome.file for outcome in (*before.outcomes, *after.outcomes)}
    ours, theirs = (_ordered(score.outcomes, shared) for score in (before, after))
    return Comparison(
        before=before.name,
        after=after.name,
        letters=len(shared),
        left_out=len(every - shared),
        changes=tuple(_compare_figures(Tables(ours), Tables(theirs))),
        turns=tuple(_find_turns(ours, theirs)),
        tests=tuple(_test_fields(ours, theirs)),
    )


def _ordered(outcomes: Sequence[Outcome], shared: set[str]) -> list[Outcome]:
    """The outcomes of shared letters, letters in name order: the two tables' columns must be the same letters."""
    return sorted((outcome for outcome in outcomes if outcome.file in shared), key=lambda outcome: outcome.file)


def _compare_figures(before: Tables, after: Tables) -> Iterator[Change]:
    ours, theirs = measure(before), measure(after)
    weights = draw_weights(len(before.letters))
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        first, second = ours.get(name), theirs.get(name)
        yield Change(
            name,
            before=make_figure(first, weights) if first else Figure(None, None, None, 0),
            after=make_figure(second, weights) if second else Figure(None, None, None, 0),
            difference=_difference(first, second, weights, len(before.letters)),
        )


def _difference(
    before: Measure | None, after: Measure | None, weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]], n: int
) -> Figure:
    if before is None or after is None or (old := before.value()) is None or (new := after.value()) is None:
        return Figure(None, None, None, n)
    low, high = np.nanpercentile(after.resampled(weights) - before.resampled(weights), (2.5, 97.5))
    return Figure(round(new - old, 6), round(float(low), 6), round(float(high), 6), n)


Key = tuple[str, int | None]


def _by_key(outcomes: Sequence[Outcome]) -> dict[Key, Outcome]:
    """Gold's items and letters; what was invented has no place in gold."""
    return {(o.file, o.number): o for o in outcomes if o.number is not None or o.found is None}


def _find_turns(before: Sequence[Outcome], after: Sequence[Outcome]) -> Iterator[Turn]:
    ours, theirs = _by_key(before), _by_key(after)
    for key in sorted(ours.keys() & theirs.keys(), key=lambda key: (key[0], key[1] or 0)):
        yield from _turn_places(key, ours[key], theirs[key])
        for field in sorted(ours[key].states.keys() & theirs[key].states.keys()):
            yield from _turn(field, key, ours[key], theirs[key])
    for side, gained in ((before, True), (after, False)):
        other = {(o.file, o.found) for o in (after if gained else before) if o.number is None}
        for outcome in side:
            if outcome.number is None and outcome.found is not None and (outcome.file, outcome.found) not in other:
                yield Turn("determinations", outcome.file, None, gained, f"invented item {outcome.found}")


def _turn_places(key: Key, before: Outcome, after: Outcome) -> Iterator[Turn]:
    """An item that was found and is missing (or the other way round), and evidence that does not stand any more."""
    if key[1] is not None and (before.found is None) != (after.found is None):
        gained = before.found is None
        yield Turn("determinations", *key, gained, "missing -> found" if gained else "found -> missing")
    for name in ("verbatim", "inside", "whole_words"):
        bad = [sum(not getattr(place, name) for place in outcome.evidence) for outcome in (before, after)]
        if bad[0] != bad[1]:
            yield Turn(
                f"evidence.{name}", *key, bad[1] < bad[0], f"not {name.replace('_', ' ')}: {bad[0]} -> {bad[1]} quotes"
            )
    shares = [{place.code: place.overlap for place in outcome.evidence} for outcome in (before, after)]
    for code in sorted(shares[0].keys() & shares[1].keys()):
        was, now = shares[0][code], shares[1][code]
        if was is not None and now is not None and abs(was - now) > 0.001:
            yield Turn("evidence.overlap", *key, now > was, f"{code}: overlap {was:.2f} -> {now:.2f}")


def _turn(field: str, key: Key, before: Outcome, after: Outcome) -> Iterator[Turn]:
    if field in before.sets or field in after.sets:
        ours, theirs = before.sets.get(field, Members()), after.sets.get(field, Members())
        for code in sorted({*ours.missing, *ours.right} & {*theirs.missing, *theirs.right}):
            if (code in ours.right) != (code in theirs.right):
                yield Turn(field, *key, code in theirs.right, f"{code}")
        for code in sorted({*ours.invented} ^ {*theirs.invented}):
            yield Turn(field, *key, code in ours.invented, f"{code} (not in gold)")
        return
    was, now = before.states[field], after.states[field]
    right = ("correct", "absent")
    if (was in right) != (now in right):
        classes = [outcome.classes.get(field) for outcome in (before, after)]
        told = f"{was} -> {now}"
        if classes[0] and classes[1]:
            told += f" (gold {classes[0][0]}: {classes[0][1] or 'nothing'} -> {classes[1][1] or 'nothing'})"
        yield Turn(field, *key, now in right, told)


def _test_fields(before: Sequence[Outcome], after: Sequence[Outcome]) -> Iterator[McNemar]:
    ours, theirs = _by_key(before), _by_key(after)
    right = ("correct", "absent")
    for field in PAIRED:
        pairs = [
            (ours[key].states[field] in right, theirs[key].states[field] in right)
            for key in ours.keys() & theirs.keys()
            if field in ours[key].states and field in theirs[key].states
        ]
        if not pairs:
            continue
        lost, gained = pairs.count((True, False)), pairs.count((False, True))
        p = binomtest(lost, lost + gained).pvalue if lost + gained else 1.0
        yield McNemar(field, pairs.count((True, True)), lost, gained, pairs.count((False, False)), round(float(p), 6))
