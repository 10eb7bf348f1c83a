"""Ranking: the order of determinations by words, by vectors and by the reasons asked for, fused into one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imr_llm.library.filters import Query
from imr_llm.library.kept import Ids

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Library

Order = Sequence[int] | Ids
BEST_BY_RELEVANCE = 50
LEAST_RELEVANT = 0.25
# Of a broad set, the determinations whose words are weighed.
READ_CLOSELY = 500
# Reciprocal rank fusion: what a rank is worth, and how much each order counts.
RANK_OFFSET = 20
WEIGHTS = {"reasons": 1.5, "vectors": 1.0, "words": 1.0}


def find_relevant(library: Library, index: Index | None, query: Query) -> dict[int, float]:
    """The determinations nearest to the question's words, where no filter was understood, with their scores."""
    words = [match.id for match in library.match_text(query.free_text, limit=BEST_BY_RELEVANCE)]
    near = index.rank(query.free_text, limit=BEST_BY_RELEVANCE) if index else []
    scores = fuse({"words": words, "vectors": [found.id for found in near if found.score >= LEAST_RELEVANT]})
    return {i: scores[i] for i in sorted(scores, key=lambda i: (-scores[i], i))[:BEST_BY_RELEVANCE]}


@dataclass(frozen=True)
class Ranked:
    """Determinations, ascending, and the score of each (0 to 1)."""

    ids: Ids
    scores: NDArray[np.float64]

    def best(self, limit: int | None) -> dict[int, float]:
        """The best `limit` (None: all), with their scores, best first; of equal ones the first added."""
        among = np.arange(len(self.ids))
        if limit is not None and limit < len(self.ids):
            # Only what can be shown is sorted: those at least as good as the last that is.
            least = np.partition(self.scores, -limit)[-limit]
            among = np.flatnonzero(self.scores >= least)
        order = among[np.argsort(-self.scores[among], kind="stable")][:limit]
        return dict(zip(self.ids[order].tolist(), self.scores[order].tolist(), strict=True))


def rank_answers(library: Library, index: Index | None, query: Query, ids: Sequence[int] | Ids) -> Ranked:
    """Order what the filters left (`ids`, ascending): by the reasons asked for, by vectors and by words."""
    among = np.asarray(ids, dtype=np.int64)
    if len(ids) < 2 and not index:
        return Ranked(among, np.ones(len(among)))
    wanted = [str(code) for code in query.values("reason")]
    orders: dict[str, Order] = {}
    if wanted:
        orders["reasons"] = library.order_by_reasons(ids, wanted)
    if index and query.free_text:
        orders["vectors"] = index.order_ids(query.free_text, ids)
    if query.free_text:
        orders["words"] = library.order_by_words(query.free_text, _read_closely(among, orders))
    return _fuse_among(among, orders)


def _read_closely(among: Ids, orders: Mapping[str, Order]) -> Ids:
    """The best by the orders so far, ascending: in a broad set the words order these alone."""
    if not orders or len(among) <= READ_CLOSELY:
        return among
    return np.asarray(sorted(_fuse_among(among, orders).best(READ_CLOSELY)), dtype=np.int64)


def rank_scores(scores: Mapping[int, float]) -> Ranked:
    """Determinations with scores that were given already."""
    ids = np.asarray(sorted(scores), dtype=np.int64)
    values = np.asarray([scores[i] for i in ids.tolist()], dtype=np.float64)
    return Ranked(ids, values)


def _fuse_among(among: Ids, orders: Mapping[str, Order]) -> Ranked:
    """As `fuse`, for many at once; those in no order come last, each with 0."""
    total = sum(WEIGHTS[name] for name in orders) / RANK_OFFSET or 1.0
    scores = np.zeros(len(among))
    places = np.zeros(int(among[-1]) + 1 if len(among) else 0, dtype=np.int64)
    places[among] = np.arange(len(among))
    for name, ids in orders.items():
        ranks = np.arange(len(ids))
        scores[places[np.asarray(ids, dtype=np.int64)]] += WEIGHTS[name] / (RANK_OFFSET + ranks) / total
    return Ranked(among, scores)


def fuse(orders: dict[str, list[int]]) -> dict[int, float]:
    """Reciprocal rank fusion of several orders, scaled so that first in every order is 1."""
    total = sum(WEIGHTS[name] for name in orders) / RANK_OFFSET or 1.0
    scores: dict[int, float] = {}
    for name, ids in orders.items():
        for rank, determination_id in enumerate(ids):
            scores[determination_id] = scores.get(determination_id, 0.0) + WEIGHTS[name] / (RANK_OFFSET + rank) / total
    return scores
