"""What a click on a chip or on a facet makes of a refinement. Pure functions: the page keeps it in its address."""

from __future__ import annotations

from dataclasses import replace

from imr_llm.search.query import Filter, Query, parse_query
from imr_llm.search.refinement import Refinement, accepted_values, filter_key, own_filter

# A facet's field, and other fields by which a question may ask for the same.
_FAMILIES = {"drug_name": ("drug_name", "drug"), "year": ("year", "letter_date")}


def without_filter(query: Query, refinement: Refinement, chip: Filter) -> Refinement:
    """Leave out a filter of the refined query: what was added to it, and what the question itself asked for."""
    others = tuple(read for read in refinement.read if (read.field, read.words) != (chip.field, chip.words))
    if others != refinement.read:
        return replace(refinement, read=others)
    values = {str(value) for value in accepted_values(chip)}
    added = tuple(pair for pair in refinement.added if not (pair[0] in _facets_of(chip.field) and pair[1] in values))
    asked = [filter_key(own) for own in parse_query(query.text).filters if _is_origin(own, chip)]
    if not asked and added == refinement.added:
        asked = [filter_key(chip)]
    return replace(refinement, dropped=tuple(dict.fromkeys((*refinement.dropped, *asked))), added=added)


def toggle_value(query: Query, refinement: Refinement, field: str, value: str, *, chosen: bool) -> Refinement:
    """Choose a facet's value, or take it back where it is `chosen`."""
    pair = (field, value)
    if not chosen:
        return _add(refinement, pair)
    if pair in refinement.added:
        return replace(refinement, added=tuple(added for added in refinement.added if added != pair))
    for chip in _accepting(query, field, value):
        refinement = without_filter(query, refinement, chip)
        left = [str(other) for other in accepted_values(chip)]
        for other in left if value in left else ():
            refinement = _add(refinement, (field, other)) if other != value else refinement
    return refinement


def _add(refinement: Refinement, pair: tuple[str, str]) -> Refinement:
    """With a value chosen. A filter that was dropped before and comes back by this choice is no longer dropped."""
    added = tuple(dict.fromkeys((*refinement.added, pair)))
    values = " ".join(value for field, value in added if field == pair[0])
    back = {f"{pair[0]} any {values}", f"{pair[0]} is {values}", f"{pair[0]} any {pair[1]}"}
    return replace(refinement, dropped=tuple(key for key in refinement.dropped if key not in back), added=added)


def _accepting(query: Query, field: str, value: str) -> list[Filter]:
    own = own_filter(query, field)
    if own is not None:
        return [own]
    family = _FAMILIES.get(field, (field,))
    positive = [chip for chip in query.filters if chip.field in family and chip.op != "none"]
    return [chip for chip in positive if value in map(str, accepted_values(chip))]


def _is_origin(own: Filter, chip: Filter) -> bool:
    """Is this filter of the question itself the one that the chip grew from?"""
    if filter_key(own) == filter_key(chip):
        return True
    return bool(own.words) and own.words == chip.words and not _facets_of(own.field).isdisjoint(_facets_of(chip.field))


def _facets_of(field: str) -> set[str]:
    return {field} | {facet for facet, family in _FAMILIES.items() if field in family}
