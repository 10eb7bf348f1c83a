"""Which determination of a record is which of the gold set: the assignment that fits best as a whole.

Two items are the more alike the more their titles are; the same number in the letter breaks ties (one letter may
dispute the same item twice), and carries a pair whose titles cannot be compared. Items that fit none are left over:
missing, where gold has them, invented, where the record does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import fuzz
from scipy.optimize import linear_sum_assignment

from imr_llm.record import Determination

from .fields import as_text
from .gold import GoldRow

SAME_NUMBER = 0.3
LEAST_LIKENESS = 0.45
"""A pair must reach this: the same number with a title a fifth alike, or another number with one two thirds alike."""


@dataclass(frozen=True)
class Pair:
    """A determination of gold with that of the record; None on the side where there is none."""

    gold: GoldRow | None
    found: Determination | None


def align(gold: Sequence[GoldRow], found: Sequence[Determination]) -> list[Pair]:
    """The pairs in gold's order, what is missing among them, and then what is invented."""
    likeness = np.array([[_likeness(row, item) for item in found] for row in gold]).reshape(len(gold), len(found))
    likeness[likeness < LEAST_LIKENESS] = 0.0  # a pair that cannot be must not cost one that can
    partner: dict[int, int] = {}
    for at, to in zip(*linear_sum_assignment(likeness, maximize=True), strict=True):
        if likeness[at, to] >= LEAST_LIKENESS:
            partner[int(at)] = int(to)
    paired = [Pair(row, found[partner[at]] if at in partner else None) for at, row in enumerate(gold)]
    taken = set(partner.values())
    return paired + [Pair(None, item) for to, item in enumerate(found) if to not in taken]


def _likeness(row: GoldRow, item: Determination) -> float:
    same = SAME_NUMBER * (row.number == item.number)
    if row.title is None:
        return same + (1 - SAME_NUMBER) * 0.5
    titles = fuzz.token_sort_ratio(str(as_text(row.title)), str(as_text(item.title))) / 100
    return same + (1 - SAME_NUMBER) * titles
