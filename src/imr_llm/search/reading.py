"""A question as a library understands it: the grammar's reading, words that stand in its titles, a reader's edits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imr_llm.library.filters import Filter, Query
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import Refinement, refine

if TYPE_CHECKING:
    from imr_llm.library.store import Library

_ITEM = ("drug", "subcategory", "category", "drug_name", "title", "case_number")
SHORTEST_TITLE_WORD = 5
MOST_WORDS = 3  # that are looked for: each reads every title
MOST_TITLES = 0.15  # of the library: a word in more titles tells no item
_NO_ITEM = frozenset(
    [
        "additional",
        "authorized",
        "before",
        "bilateral",
        "capsules",
        "claims",
        "daily",
        "dates",
        "day",
        "days",
        "each",
        "extremity",
        "following",
        "form",
        "grams",
        "hours",
        "items",
        "lower",
        "milligrams",
        "minutes",
        "month",
        "months",
        "original",
        "other",
        "patient",
        "post",
        "purchase",
        "quantity",
        "refill",
        "refills",
        "remaining",
        "rental",
        "right",
        "service",
        "services",
        "session",
        "sessions",
        "tablet",
        "tablets",
        "therapy",
        "times",
        "treatment",
        "twice",
        "under",
        "upper",
        "visit",
        "visits",
        "week",
        "weekly",
        "weeks",
        "without",
        "year",
        "years",
    ]
)


def read_question(library: Library, text: str, refinement: Refinement | None = None) -> Query:
    """The filters of a question. Raises ConfigurationError as `refine` does."""
    asked = _look_in_titles(library, parse_query(text))
    query = refine(asked, refinement or Refinement())
    if asked.filters and not query.filters and not query.similar:
        return replace(query, free_text="")  # every condition was taken back: nothing is left to be relevant to
    return query


def _look_in_titles(library: Library, query: Query) -> Query:
    """A question that names no item, but has words that nobody read: those that stand in titles are asked for there.

    "arthroscopy denied" asks for what is printed so, of whatever joint.
    """
    if query.similar or query.unanswerable or any(f.field in _ITEM for f in query.filters):
        return query
    words = [
        word
        for word in query.ignored
        if len(word) >= SHORTEST_TITLE_WORD and word.isalpha() and word.lower() not in _NO_ITEM
    ]
    words = [word for word in words if word in sorted(words, key=len, reverse=True)[:MOST_WORDS]]
    found = [Filter("title", "any", (word.lower(),), f"title: {word}", word) for word in words]
    most = MOST_TITLES * library.counts().determinations
    found = [filter for filter in found if 0 < library.count_ids([filter]) <= most]
    if not found or not library.count_ids([*query.filters, *found]):
        return query
    told = tuple(f'"{filter.words}" is looked for in the titles' for filter in found)
    left = tuple(word for word in query.ignored if word not in {filter.words for filter in found})
    return replace(query, filters=(*query.filters, *found), ignored=left, notes=(*query.notes, *told))
