"""Search: the determinations that satisfy every filter understood from a question, best first, each with its why.

Filters decide what is an answer (SQL over the records); words and vectors only order the answers. With no filter
understood, the best by relevance are the answer. A case ("[pasted] ...", "cases like mine") is compared, not filtered:
see similar.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from imr_llm.library.filters import Filter, Query
from imr_llm.search.comparison import compare_case
from imr_llm.search.evidence import HitEvidence, order_evidence
from imr_llm.search.query import parse_query
from imr_llm.search.question_reasons import reason_label
from imr_llm.search.refinement import Refinement, refine

__all__ = ["Answer", "Hit", "HitEvidence", "answer_json", "explain_match", "fuse", "search"]

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Finding, Library, Row

BEST_BY_RELEVANCE = 50
SHORTEST_RELEVANT = 0.25
# Reciprocal rank fusion: what a rank is worth, and how much each order counts.
RANK_OFFSET = 20
WEIGHTS = {"reasons": 1.5, "vectors": 1.0, "words": 1.0}


@dataclass(frozen=True)
class Hit:
    """One determination that answers. `reasons` are codes, primary first; `evidence` what answers the question first.

    `score` is between 0 and 1, comparable within one answer only. `why` says in words what matched. `notes` are
    things to show beside the hit (a contradiction with the summary, a need for review).
    """

    letter_id: str
    file: str
    case_number: str | None
    number: int
    title: str
    decision: str
    score: float
    reasons: tuple[str, ...]
    evidence: tuple[HitEvidence, ...]
    why: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The hits (at most `limit`), how many there are in all, and how many were looked through."""

    query: Query
    total: int
    hits: tuple[Hit, ...]
    letters_searched: int
    determinations_searched: int
    notes: tuple[str, ...] = ()


def search(
    library: Library, index: Index | None, text: str, *, limit: int = 20, refinement: Refinement | None = None
) -> Answer:
    """Answer a question. `limit` 0 gives every hit; without an index the words alone rank.

    `refinement` are a reader's edits of the understood filters (ConfigurationError where it names none of the facets).
    """
    query = refine(parse_query(text), refinement or Refinement())
    counts = library.counts()
    selection = _compare_case(library, index, query) if query.similar else _select(library, index, query)
    ordered = sorted(selection.ids, key=lambda i: (-selection.scores.get(i, 0.0), i))
    shown = ordered if limit == 0 else ordered[:limit]
    hits = _make_hits(library, query, shown, selection.scores)
    notes = (*query.notes, *selection.notes)
    if query.measure:
        notes = (*notes, "the question asks for figures: `imr-llm stats` answers it")
    return Answer(query, len(ordered), hits, counts.letters, counts.determinations, notes)


def answer_json(answer: Answer) -> dict[str, Any]:
    """The answer as `imr-llm search --json` prints it: {"query": {...}, "total": n, "hits": [...]}."""
    query = answer.query
    return {
        "query": {
            "text": query.text,
            "filters": [{**asdict(f), "value": list(f.value)} for f in query.filters],
            "ignored": list(query.ignored),
            "notes": _query_notes(query),
        },
        "total": answer.total,
        "hits": [_hit_json(hit) for hit in answer.hits],
        "notes": list(answer.notes),
        "letters_searched": answer.letters_searched,
        "determinations_searched": answer.determinations_searched,
    }


def _query_notes(query: Query) -> list[str]:
    """Everything to be told of the reading of a question: notes, what is refused, what nothing is selected by."""
    told = (*query.notes, query.refused, query.unanswerable)
    return list(dict.fromkeys(note for note in told if note))


def _hit_json(hit: Hit) -> dict[str, Any]:
    plain = asdict(hit)
    return {**plain, "score": round(hit.score, 4), "reasons": list(hit.reasons), "notes": list(hit.notes)}


# ------------------------------------------------------------------------------------------------- selecting


@dataclass(frozen=True)
class _Selection:
    """The determinations that answer, their scores (none: 0), and notes on the answer."""

    ids: list[int]
    scores: dict[int, float]
    notes: tuple[str, ...] = ()


def _select(library: Library, index: Index | None, query: Query) -> _Selection:
    if query.unanswerable:
        return _Selection([], {})
    if query.filters:
        ids = library.select_ids(query.filters)
        notes = [*_unsure_regions(library, query), *([] if ids else _explain_nothing(library, query))]
        return _Selection(ids, _score(library, index, query, ids), tuple(notes))
    if not query.free_text:
        note = "no word of the question selects anything: every determination is listed"
        return _Selection(library.select_ids(), {}, (note,))
    scores = _most_relevant(library, index, query)
    found = "these are the most relevant determinations" if scores else "no determination is close to its words"
    return _Selection(list(scores), scores, (f"no filter was understood from the question: {found}",))


def _most_relevant(library: Library, index: Index | None, query: Query) -> dict[int, float]:
    words = [match.id for match in library.match_text(query.free_text, limit=BEST_BY_RELEVANCE)]
    near = index.rank(query.free_text, limit=BEST_BY_RELEVANCE) if index else []
    scores = fuse({"words": words, "vectors": [found.id for found in near if found.score >= SHORTEST_RELEVANT]})
    return {i: scores[i] for i in sorted(scores, key=lambda i: (-scores[i], i))[:BEST_BY_RELEVANCE]}


def _score(library: Library, index: Index | None, query: Query, ids: Sequence[int]) -> dict[int, float]:
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


def _compare_case(library: Library, index: Index | None, query: Query) -> _Selection:
    scores = compare_case(library, index, query.free_text, library.select_ids(query.filters)).scores
    nearest = list(scores)[:BEST_BY_RELEVANCE]
    return _Selection(nearest, {i: scores[i] for i in nearest})


def _unsure_regions(library: Library, query: Query) -> list[str]:
    """How many more would answer, were the region of the summary the item's."""
    wider = [replace(f, field="unsure_region") if f.field == "region" else f for f in query.filters]
    if wider == list(query.filters):
        return []
    number = len(library.select_ids(wider))
    return [f"{number} more name the region only in the summary, beside others; they are not counted"] if number else []


def _explain_nothing(library: Library, query: Query) -> list[str]:
    """Why there is no hit: how much was searched, which filter alone finds nothing, and drugs that are only listed."""
    counts = library.counts()
    notes = [f"none found in the {counts.letters} letters ({counts.determinations} determinations) searched"]
    alone = [f.label for f in query.filters if not library.select_ids([f])]
    if alone:
        notes.append("nothing in the library answers to: " + "; ".join(alone))
    for filter in query.filters:
        if filter.field != "drug":
            continue
        mentioned = Filter("mentioned_drug", "any", filter.value, filter.label, filter.words)
        number = len(library.select_ids([mentioned]))
        if number:
            notes.append(f"{filter.words} is listed among the medications of {number} determinations' letters without"
                         f' being in dispute: ask for "mentions {filter.words}"')  # fmt: skip
    return notes


# ------------------------------------------------------------------------------------------------- showing


def _make_hits(library: Library, query: Query, ids: Sequence[int], scores: dict[int, float]) -> tuple[Hit, ...]:
    rows = {row.id: row for row in library.select(ids=ids)}
    findings = library.findings(ids)
    contradictions = library.values_of("contradiction", ids)
    return tuple(
        _make_hit(query, rows[i], findings[i], contradictions[i], scores.get(i, 0.0)) for i in ids if i in rows
    )


def _make_hit(query: Query, row: Row, findings: list[Finding], contradictions: list[str], score: float) -> Hit:
    wanted = set(query.values("reason"))
    return Hit(
        letter_id=row.letter_id,
        file=row.file,
        case_number=row.case_number,
        number=row.number,
        title=row.title,
        decision=row.decision,
        score=score,
        reasons=tuple(dict.fromkeys(finding.code for finding in findings)),
        evidence=order_evidence(findings, wanted),
        why=explain_match(query, row, findings),
        notes=_hit_notes(row, contradictions),
    )


def _hit_notes(row: Row, contradictions: list[str]) -> tuple[str, ...]:
    notes = [f"the summary contradicts the rationale on {topic.replace('_', ' ')}" for topic in contradictions]
    return tuple(notes + (["marked for a person's review"] if row.needs_review else []))


def explain_match(query: Query, row: Row, findings: Sequence[Finding]) -> str:
    """In words, what of the question this determination matched."""
    parts = [_explain_filter(filter, row, findings) for filter in query.filters]
    if not parts:
        parts = ["close to the words of the question"]
    return "; ".join(parts)


_SHOWN: dict[str, str] = {
    "decision": "decision", "drug": "drug", "strength": "strength", "quantity": "quantity", "refills": "refills",
    "ur_action": "ur_action", "subcategory": "subcategory", "category": "category", "age": "age", "sex": "sex",
    "letter_date": "letter_date", "ur_denial_date": "ur_denial_date", "injury_date": "injury_date", "layout": "layout",
    "guideline_difference": "guideline_difference",
}  # fmt: skip


def _explain_filter(filter: Filter, row: Row, findings: Sequence[Finding]) -> str:
    """The filter's label, with the determination's own value where it says more."""
    if filter.field == "reason" and filter.op != "none":
        found = [f for f in findings if f.code in filter.value]
        labels = list(dict.fromkeys(reason_label(f.code) + (" (main reason)" if f.primary else "") for f in found))
        return "reason found in the rationale: " + ", ".join(labels)
    if filter.field == "reason":
        others = list(dict.fromkeys(reason_label(f.code) for f in findings))
        return filter.label + "; it was: " + ", ".join(others)
    shown = getattr(row, _SHOWN[filter.field], None) if filter.field in _SHOWN else None
    basis = _date_basis(filter, row)
    return f"{filter.label} ({shown}{basis})" if shown not in (None, "") and filter.op != "any" else filter.label


def _date_basis(filter: Filter, row: Row) -> str:
    basis = {"letter_date": row.letter_date_basis, "injury_date": row.injury_date_basis}.get(filter.field)
    return f", {basis}" if basis else ""
