"""Search: the determinations that satisfy every filter understood from a question, best first, each with its why.

Filters decide what is an answer (SQL over the records); words and vectors only order the answers. With no filter
understood, the best by relevance are the answer. A case ("[pasted] ...", "cases like mine") is compared, not filtered:
see similar.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from imr_llm.library.filters import Filter, Query
from imr_llm.search.checklist import Checklist, check_query
from imr_llm.search.comparison import compare_case
from imr_llm.search.evidence import HitEvidence
from imr_llm.search.near_misses import NearMiss, find_near_misses
from imr_llm.search.ranking import BEST_BY_RELEVANCE, Ranked, find_relevant, fuse, rank_answers, rank_scores
from imr_llm.search.reading import read_question
from imr_llm.search.refinement import Refinement
from imr_llm.search.shown import Hit, explain_match, make_hits

__all__ = ["Answer", "Hit", "HitEvidence", "NearMiss", "answer_json", "answer_query", "explain_match", "fuse", "search"]

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Library


@dataclass(frozen=True)
class Answer:
    """The hits (at most `limit`), how many there are in all, and how many were looked through.

    `near_misses` are filled where they were asked for, `checklist` where the question asks what was missing, or what
    the reasons were, for a treatment.
    """

    query: Query
    total: int
    hits: tuple[Hit, ...]
    letters_searched: int
    determinations_searched: int
    notes: tuple[str, ...] = ()
    near_misses: tuple[NearMiss, ...] = ()
    checklist: Checklist | None = None


def search(
    library: Library,
    index: Index | None,
    text: str,
    *,
    limit: int = 20,
    refinement: Refinement | None = None,
    near_misses: int = 0,
) -> Answer:
    """Answer a question. `limit` 0 gives every hit; without an index the words alone rank.

    `near_misses` asks for so many determinations that fail one condition alone.

    `refinement` are a reader's edits of the understood filters (ConfigurationError where it names none of the facets).
    """
    query = read_question(library, text, refinement)
    return answer_query(library, index, query, limit=limit, near_misses=near_misses)


def answer_query(
    library: Library, index: Index | None, query: Query, *, limit: int = 20, near_misses: int = 0
) -> Answer:
    """As `search`, for a question that was read."""
    counts = library.counts()
    selection = _compare_case(library, index, query) if query.similar else _select(library, index, query)
    shown = selection.ranked.best(limit or None)
    hits = make_hits(library, query, list(shown), shown)
    notes = (*query.notes, *selection.notes)
    missed = find_near_misses(library, index, query, limit=near_misses) if near_misses else ()
    checklist = check_query(library, query) if query.measure and query.measure.kind == "reasons" else None
    total = len(selection.ranked.ids)
    return Answer(query, total, hits, counts.letters, counts.determinations, notes, missed, checklist)


def answer_json(answer: Answer, *, near_misses: bool = False) -> dict[str, Any]:
    """The answer as `imr-llm search --json` prints it: {"query": {...}, "total": n, "hits": [...]}.

    `near_misses` adds those: {"hit": {...}, "failed": {...}, "because": "..."} each.
    """
    query = answer.query
    plain = {
        "query": {
            "text": query.text,
            "filters": [_filter_json(f) for f in query.filters],
            "ignored": list(query.ignored),
            "notes": _query_notes(query),
        },
        "total": answer.total,
        "hits": [_hit_json(hit) for hit in answer.hits],
        "notes": [*answer.notes, *tell_figures(answer)],
        "letters_searched": answer.letters_searched,
        "determinations_searched": answer.determinations_searched,
    }
    if answer.checklist:
        plain["checklist"] = asdict(answer.checklist)
    if near_misses:
        plain["near_misses"] = [
            {"hit": _hit_json(miss.hit), "failed": _filter_json(miss.failed), "because": miss.because}
            for miss in answer.near_misses
        ]
    return plain


def tell_figures(answer: Answer) -> tuple[str, ...]:
    """A note where the question asks for figures: what prints them."""
    return ("the question asks for figures: `imr-llm stats` prints them",) if answer.query.measure else ()


def _filter_json(filter: Filter) -> dict[str, Any]:
    return {**asdict(filter), "value": list(filter.value)}


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
    """The determinations that answer, in order, and notes on the answer."""

    ranked: Ranked
    notes: tuple[str, ...] = ()


def _select(library: Library, index: Index | None, query: Query) -> _Selection:
    if query.unanswerable:
        return _Selection(rank_scores({}))
    if query.filters:
        ids = library.select_array(query.filters)
        notes = [*_unsure_regions(library, query), *([] if len(ids) else _explain_nothing(library, query))]
        return _Selection(rank_answers(library, index, query, ids), tuple(notes))
    if query.measure:
        note = "no condition was understood: every determination is listed, and counted"
        return _Selection(rank_scores(dict.fromkeys(library.select_ids(), 0.0)), (note,))
    if not query.free_text:
        note = "no word of the question selects anything: every determination is listed"
        return _Selection(rank_scores(dict.fromkeys(library.select_ids(), 0.0)), (note,))
    scores = find_relevant(library, index, query)
    found = "these are the most relevant determinations" if scores else "no determination is close to its words"
    return _Selection(rank_scores(scores), (f"no filter was understood from the question: {found}",))


def _compare_case(library: Library, index: Index | None, query: Query) -> _Selection:
    scores = compare_case(library, index, query.free_text, library.select_ids(query.filters)).scores
    return _Selection(rank_scores(dict(list(scores.items())[:BEST_BY_RELEVANCE])))


def _unsure_regions(library: Library, query: Query) -> list[str]:
    """How many more would answer, were the region of the summary the item's."""
    wider = [replace(f, field="unsure_region") if f.field == "region" else f for f in query.filters]
    if wider == list(query.filters):
        return []
    number = library.count_ids(wider)
    return [f"{number} more name the region only in the summary, beside others; they are not counted"] if number else []


def _explain_nothing(library: Library, query: Query) -> list[str]:
    """Why there is no hit: how much was searched, which filter alone finds nothing, and drugs that are only listed."""
    counts = library.counts()
    notes = [f"none found in the {counts.letters} letters ({counts.determinations} determinations) searched"]
    alone = [f.label for f in query.filters if not library.count_ids([f])]
    if alone:
        notes.append("nothing in the library answers to: " + "; ".join(alone))
    for filter in query.filters:
        if filter.field != "drug":
            continue
        mentioned = Filter("mentioned_drug", "any", filter.value, filter.label, filter.words)
        number = library.count_ids([mentioned])
        if number:
            notes.append(f"{filter.words} is listed among the medications of {number} determinations' letters without"
                         f' being in dispute: ask for "mentions {filter.words}"')  # fmt: skip
    return notes
