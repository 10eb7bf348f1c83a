"""Answers of the records that are asked for again and again, kept as arrays until the records change.

A broad filter ("upheld") selects most of a library, and a common word stands in most of its letters: their ids, once
read, are worth keeping for the next question.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Answer = TypeVar("Answer")

# Numbers kept in all (8 bytes each).
MOST = 12_000_000


class Kept:
    """Answers by key. `version` names the state of the records; with another one everything is forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._version: Hashable = None
        self._answers: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(
        self, version: Hashable, key: Hashable, make: Callable[[], Answer], size: Callable[[Answer], int]
    ) -> Answer:
        """The answer of a key, made where it is not kept; the longest unused make room for it."""
        if version != self._version:
            self._version = version
            self._answers.clear()
        if key not in self._answers:
            made = make()
            self._answers[key] = made, size(made)
            while len(self._answers) > 1 and sum(kept[1] for kept in self._answers.values()) > self._most:
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        answer: Answer = self._answers[key][0]
        return answer

    def holds(self, version: Hashable, key: Hashable) -> bool:
        """Is the answer of a key at hand?"""
        return version == self._version and key in self._answers


def read_ids(joined: str | None) -> Ids:
    """Ids as SQLite joins them ("3,1,2"), ascending."""
    return np.sort(np.fromstring(joined, dtype=np.int64, sep=",")) if joined else np.zeros(0, dtype=np.int64)


def find_common(sets: Sequence[Ids]) -> Ids:
    """What ascending arrays of ids have in common, ascending."""
    narrow, *others = sorted(sets, key=len)
    for wide in others:
        narrow = narrow[is_among(narrow, wide)]
    return narrow


def is_among(ids: Ids, among: Ids) -> NDArray[np.bool_]:
    """Which of some ids stand in an ascending array."""
    highest = max(int(some.max(initial=0)) for some in (ids, among))
    mask = np.zeros(highest + 1, dtype=np.bool_)
    mask[among] = True
    found: NDArray[np.bool_] = mask[ids]
    return found


_PLACE = 0xFFFFFFFF  # the lower half of a key


def order_down(scores: NDArray[Any]) -> Ids:
    """Places of scores from the highest down; of equal ones the first comes first."""
    if scores.dtype != np.float32 or len(scores) > _PLACE:
        return np.argsort(-scores, kind="stable")
    # One number each: the score's bits, turned so that they ascend as scores descend, before the place.
    bits = (scores + np.float32(0)).view(np.uint32)  # no negative zero
    ascending = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    keys = (~ascending).astype(np.uint64) << np.uint64(32) | np.arange(len(scores), dtype=np.uint64)
    keys.sort()
    return (keys & np.uint64(_PLACE)).astype(np.int64)


def ascend(ids: Sequence[int] | Ids) -> Ids:
    """Some ids in ascending order; those that are so already are not sorted again."""
    some = np.asarray(ids, dtype=np.int64)
    return some if (some[1:] >= some[:-1]).all() else np.sort(some)
