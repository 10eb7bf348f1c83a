"""Ranking: the order of determinations by words, by vectors and by the reasons asked for, fused into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imr_llm.library.filters import Query

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Library

BEST_BY_RELEVANCE = 50
SHORTEST_RELEVANT = 0.25
# Reciprocal rank fusion: what a rank is worth, and how much each order counts.
RANK_OFFSET = 20
WEIGHTS = {"reasons": 1.5, "vectors": 1.0, "words": 1.0}


def find_relevant(library: Library, index: Index | None, query: Query) -> dict[int, float]:
    """The determinations nearest to the question's words, where no filter was understood, with their scores."""
    words = [match.id for match in library.match_text(query.free_text, limit=BEST_BY_RELEVANCE)]
    near = index.rank(query.free_text, limit=BEST_BY_RELEVANCE) if index else []
    scores = fuse({"words": words, "vectors": [found.id for found in near if found.score >= SHORTEST_RELEVANT]})
    return {i: scores[i] for i in sorted(scores, key=lambda i: (-scores[i], i))[:BEST_BY_RELEVANCE]}


def score_answers(library: Library, index: Index | None, query: Query, ids: Sequence[int]) -> dict[int, float]:
    """Order what the filters left: by the reasons asked for, by vectors and by words."""
    if len(ids) < 2 and not index:
        return dict.fromkeys(ids, 1.0)
    wanted = [str(code) for code in query.values("reason")]
    orders = {"words": [match.id for match in library.match_text(query.free_text, ids)]}
    if wanted:
        orders["reasons"] = _by_reasons(library.count_reasons(ids, wanted))
    if index and query.free_text:
        orders["vectors"] = [found.id for found in index.rank(query.free_text, ids, limit=len(ids))]
    return fuse(orders)


def _by_reasons(counts: dict[int, tuple[int, bool]]) -> list[int]:
    """First those whose main reason was asked for, then those with more of the reasons asked for."""
    return sorted(counts, key=lambda i: (-counts[i][1], -counts[i][0], i))


def fuse(orders: dict[str, list[int]]) -> dict[int, float]:
    """Reciprocal rank fusion of several orders, scaled so that first in every order is 1."""
    total = sum(WEIGHTS[name] for name in orders) / RANK_OFFSET or 1.0
    scores: dict[int, float] = {}
    for name, ids in orders.items():
        for rank, determination_id in enumerate(ids):
            scores[determination_id] = scores.get(determination_id, 0.0) + WEIGHTS[name] / (RANK_OFFSET + rank) / total
    return scores
