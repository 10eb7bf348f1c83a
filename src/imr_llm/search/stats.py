"""Figures over determinations: counts, uphold and overturn rates with n and a 95 % Wilson interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imr_llm.errors import ConfigurationError
from imr_llm.library.fields import FIELDS
from imr_llm.library.filters import Filter, Query
from imr_llm.search.labels import label_value
from imr_llm.search.reading import read_question
from imr_llm.search.refinement import Refinement

if TYPE_CHECKING:
    from imr_llm.library.store import Library, Row

_FIELD_OF: dict[str, str] = {
    "decision": "decision",
    "category": "category",
    "subcategory": "subcategory",
    "drug": "drug_name",
    "reason": "reason",
    "primary_reason": "primary_reason",
    "specialty": "specialty",
    "state": "state",
    "year": "year",
    "ur_action": "ur_action",
    "layout": "layout",
    "uds": "uds",
    "region": "region",
    "sex": "sex",
    "guideline": "document",
    "chapter": "chapter",
    "contradiction": "contradiction",
}
GROUPINGS: tuple[str, ...] = tuple(_FIELD_OF)
"""The names that `imr-llm stats --by` takes; _FIELD_OF has the field of library.fields behind each."""

_OVERLAPPING = frozenset({"reason", "specialty", "state", "uds", "region", "guideline", "chapter", "contradiction"})
_YEAR_BASIS = "year of the decision date where the letter prints one, else of the latest date in the letter (derived)"
SMALL = 10
Z = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """`n` of `of`, the share between 0 and 1, and its 95 % Wilson interval; null where `of` is 0."""

    n: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Group:
    """One value of the grouping field. `small` marks fewer than 10 determinations. `value` None: not stated."""

    value: str | None
    label: str
    determinations: int
    letters: int
    upheld: Rate
    overturned: Rate
    partially_overturned: Rate
    small: bool


@dataclass(frozen=True)
class Statistics:
    """Figures for the determinations that a query selects. Groups of a list field (reason, state) may overlap.

    `basis` says what is counted and how the field is known; `letters_with_several` counts the selected letters that
    have more than one disputed item.
    """

    query: Query
    by: str
    basis: str
    overall: Group
    groups: tuple[Group, ...]
    letters_with_several: int
    overlapping: bool
    notes: tuple[str, ...] = ()


def make_rate(n: int, of: int) -> Rate:
    """A proportion with its 95 % Wilson score interval.

    >>> make_rate(0, 2).high < 0.66
    True
    """
    if of == 0:
        return Rate(n, of, None, None, None)
    share = n / of
    middle = share + Z * Z / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    scale = 1 + Z * Z / of
    low = (middle - spread) / scale if n else 0.0
    high = (middle + spread) / scale if n < of else 1.0
    return Rate(n, of, share, low, high)


def compute_statistics(
    library: Library, text: str = "", *, by: str | None = None, refinement: Refinement | None = None
) -> Statistics:
    """Figures for a question (empty: everything), grouped by `by`, else by what the question names, else by decision.

    The decision that a question names ("reasons Norco is denied") selects as in a search, except where a rate is
    asked for: there every decision stays in the denominator. `refinement` are a reader's edits of the filters.
    Raises ConfigurationError for a field not in GROUPINGS, or a refinement that names none of the facets.
    """
    query = read_question(library, text, refinement)
    rate = query.measure is not None and query.measure.kind == "rate"
    by = by or (query.measure.by if query.measure else None) or ("subcategory" if rate else "decision")
    if by not in GROUPINGS:
        raise ConfigurationError(f"--by {by}: not a field to group by; use one of {', '.join(GROUPINGS)}")
    filters = [
        f for f in query.filters if not (f.field == "decision" and query.measure and query.measure.kind == "rate")
    ]
    rows = [] if query.unanswerable else library.select(filters)
    groups = sorted(_groups(library, rows, by), key=_order(by))
    top = query.measure.top if query.measure else None
    return Statistics(
        query=query,
        by=by,
        basis=_basis(by),
        overall=_group(None, "all", rows),
        groups=tuple(_first_with_ties(groups, top)),
        letters_with_several=_letters_with_several(library, rows),
        overlapping=by in _OVERLAPPING,
        notes=(*query.notes, *_unread(query), *_one_decision(filters), *_notes(library, rows, groups, by)),
    )


def _one_decision(filters: Sequence[Filter]) -> tuple[str, ...]:
    """Shares of one decision say nothing of how often it is made."""
    if any(f.field == "decision" and f.op != "none" and len(f.value) == 1 for f in filters):
        return (
            "the question selects one decision, so that shares overturned are all or nothing: leave it out to see them",
        )
    return ()


def statistics_json(statistics: Statistics) -> dict[str, Any]:
    """The figures as `imr-llm stats --json` prints them."""
    query = statistics.query
    return {
        "query": {
            "text": query.text,
            "filters": [{**asdict(f), "value": list(f.value)} for f in query.filters],
            "ignored": list(query.ignored),
            "free_text": query.free_text,
        },
        "by": statistics.by,
        "basis": statistics.basis,
        "overall": asdict(statistics.overall),
        "groups": [asdict(group) for group in statistics.groups],
        "letters_with_several": statistics.letters_with_several,
        "overlapping": statistics.overlapping,
        "notes": list(statistics.notes),
    }


def _groups(library: Library, rows: Sequence[Row], by: str) -> Iterable[Group]:
    """A group for each value, and one for the determinations that do not state it."""
    values = library.values_of(_FIELD_OF[by], [row.id for row in rows])
    members: dict[str | None, list[Row]] = {}
    for row in rows:
        for value in dict.fromkeys(values[row.id]) or [None]:
            members.setdefault(value, []).append(row)
    return [_group(value, _label(by, value), some) for value, some in members.items()]


def _group(value: str | None, label: str, rows: Sequence[Row]) -> Group:
    def rate(decision: str) -> Rate:
        return make_rate(sum(row.decision == decision for row in rows), len(rows))

    return Group(
        value=value,
        label=label,
        determinations=len(rows),
        letters=len({row.letter_id for row in rows}),
        upheld=rate("upheld"),
        overturned=rate("overturned"),
        partially_overturned=rate("partially_overturned"),
        small=len(rows) < SMALL,
    )


def _label(by: str, value: str | None) -> str:
    if value is None:
        return "not stated"
    return label_value(by, value)


def _order(by: str) -> Any:
    """Years in order, everything else by size; "not stated" last."""
    if by == "year":
        return lambda group: (group.value is None, group.value or "")
    return lambda group: (group.value is None, -group.determinations, group.label)


def _first_with_ties(groups: list[Group], top: int | None) -> list[Group]:
    """The first `top` groups, and those tied with the last of them."""
    if top is None or len(groups) <= top:
        return groups
    least = groups[top - 1].determinations
    return [group for at, group in enumerate(groups) if at < top or group.determinations == least]


def _letters_with_several(library: Library, rows: Sequence[Row]) -> int:
    items = library.values_of("items", [row.id for row in rows])
    return len({row.letter_id for row in rows if items[row.id] and int(items[row.id][0]) > 1})


def label_grouping(by: str) -> str:
    """A name of GROUPINGS in words: "treatment" for subcategory."""
    return FIELDS[_FIELD_OF[by]].label


def _basis(by: str) -> str:
    field = _YEAR_BASIS if by == "year" else label_grouping(by)
    return f"determinations by {field}; a rate is of the determinations of its group"


def _unread(query: Query) -> Iterable[str]:
    """A question none of whose words selects anything is not answered by figures for everything."""
    words = " ".join(query.ignored) if query.measure else query.free_text
    if words and not query.filters and not query.unanswerable:
        yield f'nothing was selected by "{words}": every determination was counted'


def _notes(library: Library, rows: Sequence[Row], groups: Sequence[Group], by: str) -> Iterable[str]:
    counts = library.counts()
    yield f"{len(rows)} of {counts.determinations} determinations in {counts.letters} letters were counted"
    if by in _OVERLAPPING:
        yield "a determination may stand in several groups: they do not add up to the whole"
    if any(group.small for group in groups):
        yield f"groups of fewer than {SMALL} determinations say little: see the intervals"
    if by in ("specialty", "state") and rows:
        yield "reviewers are not assigned at random: rates by specialty or state do not compare reviewers"
