"""Refining a question: filters that its reader leaves out, values chosen beside them, and what a model read in it.

    query = refine(parse_query("Norco denied"), Refinement(added=(("year", "2016"),)))

A value joins the values that the question itself accepts in the same field ("overturned" beside "upheld"); where the
question asks for several things of a field at once ("no screen and no taper"), or excludes some, a choice is one more
condition, as is whatever a model read in words that the grammar left. Fields and values come from outside: only FACETS and their vocabularies pass.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

from imr_llm.errors import ConfigurationError
from imr_llm.library.fields import FIELDS
from imr_llm.library.filters import Filter, FilterValue, Query
from imr_llm.record import Decision, UdsStatus, UrAction
from imr_llm.search.labels import label_value
from imr_llm.search.question_dates import whole_years
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import body_regions, treatment_values

FACETS: tuple[str, ...] = (
    "decision", "category", "subcategory", "drug_name", "reason", "region", "uds", "ur_action", "specialty", "year",
)  # fmt: skip
"""The fields that a choice may name."""

NARROWING = frozenset({"reason"})
"""Facets whose choices must all hold: a determination has several reasons, but one treatment."""

LONGEST = 2_000
MOST_EDITS = 50
_LONGEST_NAME = 120


@dataclass(frozen=True)
class ModelReading:
    """A condition that a model read: the determination's `field` has this `value`; `words` of the question ask for it."""

    field: str
    value: str
    words: str


@dataclass(frozen=True)
class Refinement:
    """Edits of the understood filters: keys of those to leave out, (field, value) chosen, and what a model read."""

    dropped: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    read: tuple[ModelReading, ...] = ()


def filter_key(filter: Filter) -> str:
    """A short text that names a filter by field, operator and values; the same in every run.

    >>> filter_key(Filter("decision", "any", ("upheld",), "decision: upheld", "denied"))
    'decision any upheld'
    """
    return " ".join((filter.field, filter.op, *("" if value is None else str(value) for value in filter.value)))


def refine(query: Query, refinement: Refinement) -> Query:
    """The query with filters left out and choices added; what ranks stays. What a model read is told in the notes.

    Raises ConfigurationError for a field that is no facet, a value that is none of the field's, or a model's reading
    of words that the question does not hold.
    """
    chosen: dict[str, list[FilterValue]] = {}
    for field, value in refinement.added:
        chosen.setdefault(field, []).append(check_choice(field, value))
    left = replace(query, filters=_without(query.filters, refinement.dropped))
    for field, values in chosen.items():
        left = _add_choice(left, field, tuple(dict.fromkeys(values)))
    left = _add_readings(left, refinement.read)
    return replace(left, filters=_without(left.filters, refinement.dropped))


def own_filter(query: Query, field: str) -> Filter | None:
    """The one filter by which a query accepts alternative values in a facet's field, if it is one alone.

    A drug is asked for by its ingredients too ("drug"), and a year as a range of dates.
    """
    if field in NARROWING:
        return None
    own = [f for f in query.filters if f.op in ("any", "is") and f.field in (field, _SIBLINGS.get(field))]
    if field == "year":
        own += [f for f in query.filters if f.field == "letter_date" and _whole_years(f)]
    return own[0] if len(own) == 1 else None


def accepted_values(filter: Filter) -> tuple[FilterValue, ...]:
    """The values that a filter accepts; of a range of whole years, the years."""
    return filter.value if filter.field != "letter_date" else _whole_years(filter)


_SIBLINGS = {"drug_name": "drug"}


def _whole_years(filter: Filter) -> tuple[int, ...]:
    return whole_years(*filter.value) if filter.op == "range" else ()


def _without(filters: Iterable[Filter], dropped: Iterable[str]) -> tuple[Filter, ...]:
    keys = frozenset(dropped)
    return tuple(filter for filter in filters if filter_key(filter) not in keys)


def _add_choice(query: Query, field: str, values: tuple[FilterValue, ...]) -> Query:
    own = own_filter(query, field)
    if field in NARROWING:
        return replace(query, filters=(*query.filters, *(_make_filter(field, "any", (value,), "") for value in values)))
    if own is None:
        # A choice is a printed name as a whole; a question asks for a part of it.
        op = "is" if FIELDS[field].kind == "name" else "any"
        return replace(query, filters=(*query.filters, _make_filter(field, op, values, "")))
    accepted = tuple(dict.fromkeys([*accepted_values(own), *values]))
    if accepted == own.value:
        return query
    name = own.field if own.field != "letter_date" else field
    joined = _make_filter(name, own.op if own.op == "is" else "any", accepted, own.words)
    return replace(query, filters=tuple(joined if filter is own else filter for filter in query.filters))


def _add_readings(query: Query, readings: Iterable[ModelReading]) -> Query:
    """One condition for each field and words; the words are no longer ignored."""
    alternatives: dict[tuple[str, str], list[FilterValue]] = {}
    for reading in readings:
        if not holds_words(query.text, reading.words):
            raise ConfigurationError(f"refinement: {reading.words[:40]!r} does not stand in the question")
        alternatives.setdefault((reading.field, reading.words), []).append(check_choice(reading.field, reading.value))
    for (field, words), values in alternatives.items():
        read = _make_filter(field, "any", tuple(dict.fromkeys(values)), words)
        query = replace(
            query,
            filters=(*query.filters, read),
            ignored=tuple(word for word in query.ignored if not holds_words(words, word)),
            notes=(*query.notes, f'"{words}" was read by a model as {read.label}'),
        )
    return query


def holds_words(text: str, words: str) -> bool:
    """Do these words stand in the text, whole, in any case and spacing?"""
    pattern = r"\s+".join(map(re.escape, words.split()))
    return bool(pattern) and re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def _make_filter(field: str, op: Any, values: tuple[FilterValue, ...], words: str) -> Filter:
    said = " or ".join(label_value(field, value) for value in values)
    return Filter(field, op, values, f"{FIELDS[field].label}: {said}", words)


# ------------------------------------------------------------------------------------------------- what passes


def check_choice(field: str, value: str) -> FilterValue:
    """A choice as a filter's value. Raises ConfigurationError, naming the field, where it is none."""
    if field not in FACETS:
        raise ConfigurationError(
            f"refinement: {field[:40]!r} is not a field to choose by; use one of {', '.join(FACETS)}"
        )
    if not _ALLOWED.get(field, _is_name)(value):
        raise ConfigurationError(f"refinement: {value[:40]!r} is not a value of {field}; choose one that is listed")
    return int(value) if field == "year" else value


def _is_name(value: str) -> bool:
    return bool(value.strip()) and len(value) <= _LONGEST_NAME and value.isprintable()


@cache
def _subcategories() -> frozenset[str]:
    return frozenset(f"{category}.{name}" for category, names in treatment_values().items() for name in names)


_ALLOWED: dict[str, Callable[[str], bool]] = {
    "decision": lambda value: value in get_args(Decision),
    "ur_action": lambda value: value in get_args(UrAction),
    "uds": lambda value: value in get_args(UdsStatus),
    "reason": lambda value: value in load_taxonomy().codes,
    "category": lambda value: value in treatment_values(),
    "subcategory": lambda value: value in _subcategories(),
    "region": lambda value: value in body_regions(),
    "year": lambda value: re.fullmatch(r"(?:19|20)[0-9]{2}", value) is not None,
}


# ------------------------------------------------------------------------------------------------- links


def refinement_json(refinement: Refinement) -> str:
    """A refinement as short text for a link; empty where nothing is edited. `read_refinement` reads it.

    Raises ConfigurationError where it is longer than 2,000 characters.
    """
    parts = {
        "drop": list(refinement.dropped),
        "add": [list(choice) for choice in refinement.added],
        "read": [[reading.field, reading.value, reading.words] for reading in refinement.read],
    }
    edited = {name: edits for name, edits in parts.items() if edits}
    text = json.dumps(edited, separators=(",", ":"), ensure_ascii=False) if edited else ""
    if len(text) > LONGEST:
        raise ConfigurationError(f"refinement: {len(text)} characters, at most {LONGEST} go into a link")
    return text


def read_refinement(text: str) -> Refinement:
    """The refinement of a link. Raises ConfigurationError where the text is too long, or is none."""
    if not text.strip():
        return Refinement()
    if len(text) > LONGEST:
        raise ConfigurationError(f"refinement: {len(text)} characters, at most {LONGEST} are read")
    try:
        parts = json.loads(text)
        refinement = Refinement(
            tuple(_text(key) for key in _list(parts.pop("drop", []))),
            tuple((_text(field), _text(value)) for field, value in map(_list, _list(parts.pop("add", [])))),
            tuple(ModelReading(*map(_text, _list(reading))) for reading in _list(parts.pop("read", []))),
        )
        if parts:
            raise ValueError("unknown parts")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigurationError(
            'refinement: not as it was made; it is {"drop": [key], "add": [[field, value]], "read": [[field, value, words]]}'
        ) from error
    for field, value in (*refinement.added, *((reading.field, reading.value) for reading in refinement.read)):
        check_choice(field, value)
    return refinement


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_EDITS:
        raise TypeError("a short list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text")
    return value
