"""Near misses: determinations that satisfy every condition of a question but one, and what they have instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from imr_llm.library.fields import FIELDS
from imr_llm.library.filters import Filter, FilterValue, Query
from imr_llm.record import UdsStatus
from imr_llm.search.labels import label_value
from imr_llm.search.ranking import rank_answers
from imr_llm.search.shown import Hit, make_hits

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Library

# How many are ranked of those that fail one condition; beyond so many the first added stand for all.
COMPARED = 20_000
# Answers whose treatments are looked at, and how many of the best that almost answer.
KINDS_OF, COMPARED_KINDS = 200, 500
# A region or a drug that the letter names, but not as the item's own.
_NAMED_ELSEWHERE = {"region": "unsure_region", "drug": "mentioned_drug", "drug_name": "mentioned_drug"}
# What the item is: another item is near only by more than its decision.
_ITEM = frozenset({"category", "subcategory", "drug", "drug_name"})
_SCREEN = "missing_urine_drug_screen"
_ON_RECORD = tuple(state for state in get_args(UdsStatus) if state not in ("stated_absent", "not_mentioned"))


@dataclass(frozen=True)
class NearMiss:
    """A determination that fails one filter; `because` says what it has instead ("decision: overturned")."""

    hit: Hit
    failed: Filter
    because: str


def find_near_misses(library: Library, index: Index | None, query: Query, *, limit: int = 5) -> tuple[NearMiss, ...]:
    """The best `limit` of the determinations that fail one filter of the query alone.

    Those whose summary names the region, or whose drug screen is another than the one asked for, come first, then those
    of the same treatments as the answers, where the question names none, then all by the question's own order. Where a question has one condition everything else fails it: then only these are near,
    and those that mention the drug; so too where it asks for an item and its decision, and the item is another one.
    """
    if query.unanswerable or query.similar or limit < 1:
        return ()
    failed: dict[int, Filter] = {}
    nearest: set[int] = set()
    for filter, ids, is_nearest in _candidates(library, query):
        failed.update(dict.fromkeys(ids, filter))
        if is_nearest:
            nearest.update(ids)
    scores = rank_answers(library, index, query, sorted(failed)).best(None)
    alike = _of_the_answers_kind(library, query, list(scores))
    best = sorted(scores, key=lambda i: (i not in nearest, i not in alike))[:limit]
    return tuple(_make_miss(library, query, failed[i], i, scores[i]) for i in best)


def _of_the_answers_kind(library: Library, query: Query, ids: list[int]) -> set[int]:
    """Those of a treatment that the answers have, where the question itself names none."""
    if any(filter.field in _ITEM for filter in query.filters):
        return set()
    answers = library.select_ids(query.filters)[:KINDS_OF]
    kinds = {value for values in library.values_of("subcategory", answers).values() for value in values}
    found = library.values_of("subcategory", ids[:COMPARED_KINDS])
    return {i for i, values in found.items() if kinds.intersection(values)}


def _candidates(library: Library, query: Query) -> Iterable[tuple[Filter, list[int], bool]]:
    """The filter that some determinations fail, their ids, and whether they are nearer than others that fail it."""
    for filter in query.filters:
        others = [f for f in query.filters if f is not filter]
        if any(f.field != "decision" or filter.field not in _ITEM for f in others):
            yield filter, library.select_ids(others, failing=filter)[:COMPARED], False
        nearer = _nearer(filter)
        if nearer is not None:
            ids = library.select_ids([*others, nearer], failing=filter)[:COMPARED]
            yield filter, ids, nearer.field != "mentioned_drug"


def _nearer(filter: Filter) -> Filter | None:
    """What is nearer to a filter than its mere opposite: its value named elsewhere, another screen on record."""
    if filter.op not in ("any", "is"):
        return None
    if filter.field in _NAMED_ELSEWHERE:
        return replace(filter, field=_NAMED_ELSEWHERE[filter.field])
    if filter.field == "uds" or (filter.field == "reason" and _SCREEN in filter.value):
        return replace(filter, field="uds", value=_ON_RECORD)
    return None


def _make_miss(library: Library, query: Query, failed: Filter, determination_id: int, score: float) -> NearMiss:
    others = replace(query, filters=tuple(f for f in query.filters if f is not failed))
    (hit,) = make_hits(library, others, [determination_id], {determination_id: score})
    return NearMiss(hit, failed, explain_failure(library, failed, determination_id))


# ------------------------------------------------------------------------------------------------- in words

_STATES = {"stated_absent": "missing"}


def explain_failure(library: Library, failed: Filter, determination_id: int) -> str:
    """What a determination has where a filter asks for something else."""

    def values(field: str) -> list[str]:
        return library.values_of(field, [determination_id])[determination_id]

    label = FIELDS[failed.field].label
    if failed.field in _NAMED_ELSEWHERE and failed.op != "none":
        elsewhere = [value for value in values(_NAMED_ELSEWHERE[failed.field]) if value in failed.value]
        if elsewhere:
            return _named_elsewhere(failed.field, elsewhere, values("drug_name"))
    if failed.field == "reason" and failed.op != "none" and _SCREEN in failed.value:
        states = [state for state in values("uds") if state != "stated_absent"]
        if states:
            return f"urine drug screen: {_join('uds', states)}, asked: missing"
    if failed.field == "quote" or any(isinstance(value, bool) for value in failed.value):
        return f"not so: {failed.label}"
    has = _join(failed.field, values("drug_name" if failed.field == "drug" else failed.field))
    if failed.field == "decision" and failed.op != "none":
        return f"decision: {has}"
    return f"{label}: {has}, asked: {_asked(failed, label)}"


def _named_elsewhere(field: str, values: Sequence[str], drugs: Sequence[str]) -> str:
    said = _join(field, values)
    if field == "region":
        return f"region named only in the summary: {said}"
    return f"drug only mentioned in the record: {said}" + (f"; in dispute: {_join(field, drugs)}" if drugs else "")


def _join(field: str, values: Iterable[object]) -> str:
    return ", ".join(_in_words(field, value) for value in values) or "not stated"


def _in_words(field: str, value: object) -> str:
    text = str(value)
    if field in ("quantity", "age", "refills"):
        return f"{float(text):g}"
    return _STATES.get(text) or label_value(field, value)


def _asked(failed: Filter, label: str) -> str:
    """The values that a filter asks for; else its own words without the field's name."""
    values: tuple[FilterValue, ...] = failed.value
    if failed.op in ("any", "all", "none") and values:
        joined = (" and " if failed.op == "all" else " or ").join(_in_words(failed.field, value) for value in values)
        return f"not {joined}" if failed.op == "none" else joined
    return failed.label.removeprefix(label).lstrip(": ")
