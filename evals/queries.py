"""Query sets: what users ask, and the right answer, either listed or derived from gold labels by a predicate.

    queries:
    - id: l001
      text: norco denied for missing UDS
      family: uds
      where: {decision: upheld, drug: hydrocodone/acetaminophen, reason: [missing_urine_drug_screen]}
    - id: q13
      text: cases denied for missing UDS
      seed_gold: [001-1, 003-1]          # beginning of the file name, and number
    pairs:
    - {id: p01, first: l001, second: l002}

A predicate holds where each of its keys does; a list means any of its values. Of the states of one thing ("missing"
against "consistent") a pair names two queries whose answers must not be confused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from imr_llm.errors import ConfigurationError
from imr_llm.record import Determination, Review

from .gold import Gold, GoldLetter, GoldRow

Key = tuple[str, int]
"""A determination: its letter's file name, and its number."""


@dataclass(frozen=True)
class Query:
    """One question. answers: given outright; where: a predicate; ranked: an order is asked for, not a set."""

    id: str
    text: str
    family: str
    answers: tuple[str, ...] | None = None
    where: Mapping[str, Any] | None = None
    ranked: bool = False


@dataclass(frozen=True)
class QueryPair:
    """Two queries about opposite states of the same thing."""

    id: str
    first: str
    second: str


@dataclass(frozen=True)
class QuerySet:
    """A file of queries, named by the SHA-256 of its bytes."""

    name: str
    sha256: str
    queries: tuple[Query, ...]
    pairs: tuple[QueryPair, ...]


@dataclass(frozen=True)
class Labels:
    """What a predicate asks of a determination, by its keys; a key that is not there is not labelled."""

    key: Key
    values: Mapping[str, Any]


def read_queries(path: Path) -> QuerySet:
    """The query set in a file. Raises ConfigurationError naming the query and what is wrong with it."""
    try:
        data = path.read_bytes()
        raw = yaml.safe_load(data)
        queries = tuple(_read_query(path, at, row) for at, row in enumerate(raw["queries"], start=1))
        pairs = tuple(QueryPair(row["id"], row["first"], row["second"]) for row in raw.get("pairs", ()))
    except OSError as error:
        raise ConfigurationError(f"{path}: no query set can be read there ({error.strerror})") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path}: not a query set; it needs 'queries' with id and text") from error
    known = {query.id for query in queries}
    if len(known) != len(queries):
        twice = next(query.id for query in queries if [other.id for other in queries].count(query.id) > 1)
        raise ConfigurationError(f"{path}: query {twice} is there twice; give each an id of its own")
    for pair in pairs:
        if not {pair.first, pair.second} <= known:
            raise ConfigurationError(f"{path}: pair {pair.id} names a query that is not there")
    return QuerySet(path.name, hashlib.sha256(data).hexdigest(), queries, pairs)


def _read_query(path: Path, at: int, row: Mapping[str, Any]) -> Query:
    name = row.get("id", f"number {at}")
    if not (isinstance(row.get("id"), str) and isinstance(row.get("text"), str)):
        raise ConfigurationError(f"{path}: query {name}: it needs an id and a text")
    where, listed = row.get("where"), row.get("seed_gold", row.get("answers"))
    if where is not None and not isinstance(where, dict):
        raise ConfigurationError(f"{path}: query {name}: 'where' must name keys with their values")
    for key, value in (where or {}).items():
        if key in _RANGES and not isinstance(value, dict):
            raise ConfigurationError(f"{path}: query {name}: '{key}' needs a range, such as {{min: 3}}")
        if key == "reason_all" and not isinstance(value, list):
            raise ConfigurationError(f"{path}: query {name}: 'reason_all' needs a list of codes")
    unknown = set(where or ()) - set(_TESTS)
    if unknown:
        raise ConfigurationError(f"{path}: query {row['id']}: no such key as {', '.join(sorted(unknown))} in 'where'")
    tags = row.get("tags") or ["other"]
    return Query(
        id=row["id"],
        text=row["text"],
        family=row.get("family") or tags[0],
        answers=tuple(listed) if isinstance(listed, list) else None,
        where=where,
        ranked="similar_case" in tags,
    )


def find_answers(query: Query, labelled: list[Labels]) -> set[Key] | None:
    """The right answer over these determinations; None where the labels do not tell."""
    if query.where is not None:
        if not _is_labelled(query.where, labelled):
            return None
        return {labels.key for labels in labelled if satisfies(labels, query.where)}
    if query.answers is None:
        return None
    found = {key for answer in query.answers for key in _find_key(answer, labelled)}
    return found if len(found) == len(query.answers) else None


def _find_key(answer: str, labelled: list[Labels]) -> Iterator[Key]:
    """ "000-1" is number 1 of the letter whose file name begins with 000_, or is 000 with any ending."""
    beginning, _, number = answer.rpartition("-")
    if not number.isdigit():
        return
    for labels in labelled:
        file = labels.key[0]
        named = file.startswith(beginning + "_") or beginning in (file, file.rpartition(".")[0])
        if named and labels.key[1] == int(number):
            yield labels.key


def _is_labelled(where: Mapping[str, Any], labelled: list[Labels]) -> bool:
    return all(any(_FIELD_OF.get(name, name) in labels.values for labels in labelled) for name in where)


def satisfies(labels: Labels, where: Mapping[str, Any]) -> bool:
    """Does each key of the predicate hold? A value that is not labelled fails."""
    return all(_TESTS[name](labels.values.get(_FIELD_OF.get(name, name)), wanted) for name, wanted in where.items())


def _listed(wanted: Any) -> list[Any]:
    return wanted if isinstance(wanted, list) else [wanted]


def _is_one_of(value: Any, wanted: Any) -> bool:
    return value in _listed(wanted)


def _holds_one_of(values: Any, wanted: Any) -> bool:
    return bool(set(values or ()) & set(_listed(wanted)))


def _in_range(value: Any, wanted: Mapping[str, float]) -> bool:
    return value is not None and wanted.get("min", value) <= value <= wanted.get("max", value)


def _names(values: Any, wanted: Any) -> bool:
    return any(part.lower() in str(value).lower() for value in values or () for part in _listed(wanted))


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "decision": _is_one_of,
    "category": _is_one_of,
    "subcategory": _is_one_of,
    "drug": _is_one_of,
    "drug_contains": lambda value, wanted: any(part in (value or "") for part in _listed(wanted)),
    "strength": _is_one_of,
    "unit": _is_one_of,
    "laterality": _is_one_of,
    "retrospective": lambda value, wanted: bool(value) is wanted,
    "region": _holds_one_of,
    "reason": _holds_one_of,
    "reason_all": lambda values, wanted: set(wanted) <= set(values or ()),
    "reason_none": lambda values, wanted: bool(values) and not _holds_one_of(values, wanted),
    "primary_reason": _is_one_of,
    "uds": _is_one_of,
    "uds_summary": _is_one_of,
    "uds_any": _holds_one_of,
    "quantity": _in_range,
    "refills": _in_range,
    "partly_authorized": lambda value, wanted: bool(value) is wanted,
    "specialty": _names,
    "state": _holds_one_of,
    "age": _in_range,
    "sex": _is_one_of,
    "layout": _is_one_of,
    "decision_year": lambda value, wanted: str(value or "")[:4] in map(str, _listed(wanted)),
}
_RANGES = ("quantity", "refills", "age")
_FIELD_OF = {
    "drug_contains": "drug", "region": "regions", "reason": "reasons", "reason_all": "reasons",
    "reason_none": "reasons", "specialty": "specialties", "state": "licensed_states", "decision_year": "decision_date",
}  # fmt: skip
_FROM_TREATMENT = (
    "category", "subcategory", "drug", "strength", "unit", "laterality", "retrospective", "quantity", "refills",
)  # fmt: skip
_FROM_LETTER = ("layout", "specialties", "licensed_states", "age", "sex", "decision_date")


def label_gold(gold: Gold) -> list[Labels]:
    """Every labelled determination as a predicate sees it."""
    return [_label_row(letter, row) for letter in gold.letters for row in letter.items]


def _label_row(letter: GoldLetter, row: GoldRow) -> Labels:
    values: dict[str, Any] = {name: letter.fields[name] for name in _FROM_LETTER if name in letter.fields}
    values |= {name: row.treatment[name] for name in _FROM_TREATMENT if name in row.treatment}
    if "body_regions" in row.treatment:
        values["regions"] = row.treatment["body_regions"]
    if row.has("reasons"):
        values |= {"reasons": [reason.code for reason in row.reasons], "primary_reason": row.primary_reason}
    for name, own in (("uds", "uds_rationale"), ("uds_summary", "uds_summary"), ("decision", "decision")):
        if row.has(own):
            values[name] = getattr(row, own)
    if "uds" in values and "uds_summary" in values:
        values["uds_any"] = [values["uds"], values["uds_summary"]]
    if row.has("request"):
        values["partly_authorized"] = row.request.get("original")
    return Labels((row.file, row.number or 0), values)


def label_record(review: Review, item: Determination) -> Labels:
    """A determination of a record as a predicate sees it: the same keys, with what was extracted."""
    values: dict[str, Any] = {name: getattr(item.treatment, name) for name in _FROM_TREATMENT}
    values |= {
        "decision": item.decision,
        "regions": list(item.treatment.body_regions),
        "reasons": [reason.code for reason in item.reasons],
        "primary_reason": next((reason.code for reason in item.reasons if reason.primary), None),
        "uds": item.uds_status,
        "uds_summary": review.summary.uds_status,
        "uds_any": [item.uds_status, review.summary.uds_status],
        "partly_authorized": item.request.original,
        "layout": review.letter.layout,
        "specialties": review.reviewer.specialties,
        "licensed_states": review.reviewer.licensed_states,
        "age": review.patient.age,
        "sex": review.patient.sex,
        "decision_date": review.case.decision_date,
    }
    return Labels((review.letter.file, item.number), values)
