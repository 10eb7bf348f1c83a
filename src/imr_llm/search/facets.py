"""Facets: which values the selected determinations have, field by field, and how many have each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imr_llm.library.facts import drug_names
from imr_llm.library.fields import FIELDS
from imr_llm.library.filters import Filter, Query
from imr_llm.search.labels import label_value
from imr_llm.search.refinement import FACETS, accepted_values, own_filter

if TYPE_CHECKING:
    from imr_llm.library.store import Library


@dataclass(frozen=True)
class FacetValue:
    """One value: its `count` is exact; `chosen` where the query asks for it."""

    value: str
    label: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """The values of one field, most frequent first."""

    field: str
    label: str
    values: tuple[FacetValue, ...]


def count_facets(library: Library, query: Query, *, most: int = 60) -> tuple[Facet, ...]:
    """Exact counts over the determinations that a query's filters select (all, where there is none).

    A facet is counted without the filter of its own field, so that the alternatives show: each count is what choosing
    that value alone would give. Reasons are counted with it: a determination has several. At most `most` values a facet, and any that is chosen; a facet without values is left
    out. Values that a determination does not state are not counted.
    """
    if query.unanswerable:
        return ()
    facets = (_count_facet(library, query, field, most) for field in FACETS)
    return tuple(facet for facet in facets if facet.values)


def _count_facet(library: Library, query: Query, field: str, most: int) -> Facet:
    own = own_filter(query, field)
    counts = library.count_values(field, [f for f in query.filters if f is not own])
    values = [
        FacetValue(value, label_value(field, value), count, _is_chosen(value, query, own, field))
        for value, count in counts
    ]
    shown = [value for at, value in enumerate(values) if at < most or value.chosen]
    return Facet(field, FIELDS[field].label, tuple(shown))


def _is_chosen(value: str, query: Query, own: Filter | None, field: str) -> bool:
    filters = [own] if own else [f for f in query.filters if f.field == field and f.op in ("any", "is", "all")]
    return any(_accepts(filter, value) for filter in filters)


def _accepts(filter: Filter, value: str) -> bool:
    accepted = {str(one) for one in accepted_values(filter)}
    if filter.field == "drug":
        return not accepted.isdisjoint(drug_names(value))
    if FIELDS[filter.field].kind == "name" and filter.op == "any":
        return any(part.casefold() in value.casefold() for part in accepted)
    return value in accepted
