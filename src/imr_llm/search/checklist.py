"""A checklist for a treatment: what reviewers found missing where they upheld, and documented where they overturned.

Counted over determinations that are already decided; it says what was written, not what would be decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imr_llm.library.filters import Filter, Query
from imr_llm.search.labels import label_value
from imr_llm.search.question_reasons import reason_label
from imr_llm.search.stats import SMALL, Rate, make_rate

if TYPE_CHECKING:
    from imr_llm.library.store import Example, Library
    from imr_llm.record import Polarity
    from imr_llm.search.case import Case

MOST_LINES = 8
MOST_QUOTES = 3
_TREATMENT = ("drug", "drug_name", "subcategory", "category", "region")


@dataclass(frozen=True)
class CheckLine:
    """A ground, and in how many determinations of its side it was found: `n` of `of`, with a 95 % Wilson interval.

    `small` marks fewer than 10 determinations on the side.
    """

    code: str
    label: str
    n: int
    of: int
    share: float | None
    low: float | None
    high: float | None
    small: bool
    quotes: tuple[Example, ...]


@dataclass(frozen=True)
class Checklist:
    """Grounds for `treatment` (in words), most frequent first.

    `missing`: grounds of denial in the `upheld` determinations. `documented`: grounds for it in the `overturned` ones.
    Those overturned in part are on neither side.
    """

    treatment: str
    upheld: int
    overturned: int
    missing: tuple[CheckLine, ...]
    documented: tuple[CheckLine, ...]


def make_checklist(library: Library, ids: Sequence[int], *, treatment: str = "", most: int = MOST_LINES) -> Checklist:
    """The checklist of some determinations, at most `most` lines on each side; up to three quotes a line.

    Main grounds are quoted before others, each from another letter.
    """
    sides = library.count_decisions(ids)
    upheld, overturned = sides.get("upheld", 0), sides.get("overturned", 0)
    return Checklist(
        treatment,
        upheld,
        overturned,
        missing=_lines(library, ids, "upheld", "denial", upheld, most),
        documented=_lines(library, ids, "overturned", "overturn", overturned, most),
    )


def check_case(library: Library, case: Case) -> Checklist | None:
    """The checklist for what a case is about; None where no treatment was recognised.

    The drugs that it names count first; where none of them was ever decided, its treatments.
    """
    filters = case_filters(case)
    if not filters:
        return None
    selected = [(filter, library.select_ids([filter])) for filter in filters]
    filter, ids = next((found for found in selected if found[1]), selected[0])
    return make_checklist(library, ids, treatment=filter.label)


def check_query(library: Library, query: Query) -> Checklist | None:
    """The checklist for the treatment that a question names, whatever was decided; None where it names none."""
    filters = [f for f in query.filters if f.field in _TREATMENT and f.op != "none"]
    if not any(f.field != "region" for f in filters):
        return None
    return make_checklist(library, library.select_ids(filters), treatment="; ".join(f.label for f in filters))


def case_filters(case: Case) -> list[Filter]:
    """Filters each of which selects the treatment of a case: by drug, then by treatment."""
    named = {"drug": case.drugs, "subcategory": case.subcategories}
    return [
        Filter(field, "any", values, " or ".join(label_value(field, value) for value in values), "")
        for field, values in named.items()
        if values
    ]


def _lines(
    library: Library, ids: Sequence[int], decision: str, polarity: Polarity, of: int, most: int
) -> tuple[CheckLine, ...]:
    counts = library.count_grounds(ids, decision, polarity)[:most]
    examples = library.quote_grounds(ids, decision, [code for code, _ in counts], most=MOST_QUOTES)
    return tuple(_line(code, make_rate(n, of), examples[code]) for code, n in counts)


def _line(code: str, rate: Rate, examples: Sequence[Example]) -> CheckLine:
    return CheckLine(
        code, reason_label(code), rate.n, rate.of, rate.share, rate.low, rate.high, rate.of < SMALL,
        tuple(examples),
    )  # fmt: skip
