"""The fields that are scored, in one table: where gold and record have each, and when two values are the same.

A value is brought to a plain form first; what counts as "not there" (null, an empty list, laterality "na", a screen
"not_mentioned") is None in it. Two values are the same if their plain forms are equal: no near misses. Of a partly
authorized request gold gives a short form ("12 visits"), so there the record's words must hold gold's.
"""

from __future__ import annotations

import enum
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from imr_llm.letters.cleaning import clean_text
from imr_llm.record import Determination, Guideline, Review

from .gold import GoldLetter, GoldRow

Plain = str | int | float | bool | None
Values = Plain | frozenset[str]


class Unlabelled(enum.Enum):
    """What stands for a value that gold does not give: neither something nor nothing."""

    UNLABELLED = enum.auto()


UNLABELLED = Unlabelled.UNLABELLED
_EDGES = " .,:;\"'"


@dataclass(frozen=True)
class LetterField:
    """A field of the whole letter: `read` takes it from a review; gold has it in a letter's `fields` by `name`."""

    name: str
    read: Callable[[Review], Any]
    plain: Callable[[Any], Values]
    same: Callable[[Values, Values], bool] = operator.eq

    def gold(self, letter: GoldLetter) -> Values | Unlabelled:
        """The plain gold value, or UNLABELLED."""
        return self.plain(letter.fields[self.name]) if self.name in letter.fields else UNLABELLED

    def found(self, review: Review) -> Values:
        """The plain value of the record."""
        return self.plain(self.read(review))


@dataclass(frozen=True)
class ItemField:
    """A field of a determination. `where` in gold: a key of the row, or "key.part"."""

    name: str
    read: Callable[[Determination], Any]
    plain: Callable[[Any], Values]
    same: Callable[[Values, Values], bool] = operator.eq

    def gold(self, row: GoldRow) -> Values | Unlabelled:
        """The plain gold value, or UNLABELLED."""
        key, _, part = self.name.partition(".")
        if not row.has(key):
            return UNLABELLED
        value = getattr(row, key)
        if part:
            if part not in value:
                return UNLABELLED
            value = value[part]
        return self.plain(value)

    def found(self, item: Determination) -> Values:
        """The plain value of the record."""
        return self.plain(self.read(item))


def as_value(value: Any) -> Values:
    """A word of a vocabulary, a date, a count: as it is, dates as ISO text, numbers as numbers."""
    if value is None or isinstance(value, bool):
        return value or None
    if isinstance(value, int | float):
        return float(value)
    return _fold(str(value)) or None


def as_text(value: Any) -> Values:
    """Running text: white space, case, quote marks and the stops at its ends folded."""
    return _fold(clean_text(str(value))).strip(_EDGES) or None if value is not None else None


def as_strength(value: Any) -> Values:
    """A strength without its spaces: "10 / 325 mg" is "10/325mg"."""
    return re.sub(r"\s+", "", str(value)).lower() or None if value is not None else None


def as_set(values: Any) -> Values:
    """A list as a set of folded words; an empty one is None."""
    return frozenset(_fold(str(value)) for value in values or ()) or None


def as_codes(values: Any) -> Values:
    """Reason codes as a set, of gold's reasons or the record's."""
    return frozenset(reason.code for reason in values) or None


def unless(*absent: str) -> Callable[[Any], Values]:
    """A word of a vocabulary in which some words say that there is nothing."""
    return lambda value: None if value in absent else as_value(value)


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()


def _citations(value: Any) -> Values:
    """Citations as a set of source, chapter, year, sections and pages, each as printed."""
    rows = value.citations if isinstance(value, Guideline) else value or ()
    told = (row if isinstance(row, dict) else row.model_dump() for row in rows)
    return as_set(
        "|".join(
            (
                str(row.get("source")),
                str(row.get("chapter")),
                str(row.get("year")),
                ",".join(sorted(str(section) for section in row.get("sections") or ())),
                ",".join(f"{first}-{last}" for first, last in row.get("pages") or ()),
            )
        )
        for row in told
    )


def _guideline_text(name: str) -> Callable[[Determination], str | None]:
    def read(item: Determination) -> str | None:
        guideline: Guideline | None = getattr(item, name)
        return guideline.text if guideline else None

    return read


def _holds(gold: Values, found: Values) -> bool:
    """Do the record's words hold gold's short form of them?"""
    return re.search(rf"(?<!\w){re.escape(str(gold))}(?!\w)", str(found)) is not None


def _part(whole: str, name: str) -> Callable[[Determination], Any]:
    return lambda item: getattr(getattr(item, whole), name)


def _case(name: str) -> Callable[[Review], Any]:
    return lambda review: getattr(review.case, name)


LETTER_FIELDS: tuple[LetterField, ...] = (
    LetterField("layout", lambda review: review.letter.layout, as_value),
    LetterField("determination_count", lambda review: len(review.determinations), as_value),
    *(
        LetterField(name, _case(name), as_value)
        for name in (
            "case_number", "date_assigned", "date_of_injury", "decision_date", "ur_denial_date",
            "application_received", "priority",
        )
    ),
    LetterField("licensed_states", lambda review: review.reviewer.licensed_states, as_set),
    LetterField("specialties", lambda review: review.reviewer.specialties, as_set),
    LetterField("age", lambda review: review.patient.age, as_value),
    LetterField("sex", lambda review: review.patient.sex, as_value),
    LetterField("uds_summary", lambda review: review.summary.uds_status, unless("not_mentioned")),
)  # fmt: skip

ITEM_FIELDS: tuple[ItemField, ...] = (
    ItemField("title", lambda item: item.title, as_text),
    ItemField("decision", lambda item: item.decision, as_value),
    ItemField("request.original", _part("request", "original"), as_text, _holds),
    ItemField("request.authorized", _part("request", "authorized"), as_text, _holds),
    # Gold gives what is in dispute only where part was authorized; elsewhere it is the title.
    ItemField(
        "request.disputed", lambda item: item.request.disputed if item.request.original else None, as_text, _holds
    ),
    ItemField("treatment.category", _part("treatment", "category"), as_value),
    ItemField("treatment.subcategory", _part("treatment", "subcategory"), as_value),
    ItemField("treatment.drug", _part("treatment", "drug"), as_value),
    ItemField("treatment.strength", _part("treatment", "strength"), as_strength),
    ItemField("treatment.quantity", _part("treatment", "quantity"), as_value),
    ItemField("treatment.unit", _part("treatment", "unit"), as_value),
    ItemField("treatment.refills", _part("treatment", "refills"), as_value),
    ItemField("treatment.body_regions", _part("treatment", "body_regions"), as_set),
    ItemField("treatment.laterality", _part("treatment", "laterality"), unless("na")),
    ItemField("treatment.retrospective", _part("treatment", "retrospective"), as_value),
    ItemField("uds_rationale", lambda item: item.uds_status, unless("not_mentioned")),
    ItemField("claims_administrator_guideline", _guideline_text("claims_administrator_guideline"), as_text),
    ItemField("maximus_guideline", _guideline_text("maximus_guideline"), as_text),
    ItemField("maximus_citations", lambda item: item.maximus_guideline, _citations),
    ItemField("reasons", lambda item: item.reasons, as_codes),
    ItemField(
        "primary_reason", lambda item: next((reason.code for reason in item.reasons if reason.primary), None), as_value
    ),
)

State = Literal["correct", "wrong", "missing", "invented", "absent"]


def compare_values(gold: Values, found: Values, same: Callable[[Values, Values], bool] = operator.eq) -> State:
    """The state of one field: a value that differs, one that is missing and one that is invented are told apart."""
    if gold is None:
        return "absent" if found is None else "invented"
    if found is None:
        return "missing"
    return "correct" if same(gold, found) else "wrong"
