"""Reasons by treatment: of the denied items of each treatment, how many give each reason. Counts from the records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imr_llm.library.filters import Filter
from imr_llm.library.store import Library, Row
from imr_llm.search.stats import SMALL

MOST_TREATMENTS = 6
MOST_REASONS = 12


@dataclass(frozen=True)
class Column:
    """A treatment with `of` upheld determinations; `small` marks fewer than 10."""

    treatment: str
    of: int
    small: bool


@dataclass(frozen=True)
class Crosstab:
    """`cells[reason][column]` counts the upheld determinations of a treatment that give a reason for the denial."""

    columns: tuple[Column, ...]
    reasons: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    denied: int


@dataclass(frozen=True)
class Dates:
    """How the dates of some determinations are known: printed by the letter, derived from it, or not at all."""

    printed: int
    derived: int
    unknown: int
    first: str | None
    last: str | None


def count_reasons_by_treatment(library: Library, filters: Sequence[Filter]) -> Crosstab:
    """The reasons for denial (most frequent first) in the treatments that have most denied items."""
    rows = [row for row in library.select(filters) if row.decision == "upheld"]
    treatments = Counter(_treatment(row) for row in rows if row.category)
    columns = [Column(name, of, of < SMALL) for name, of in treatments.most_common(MOST_TREATMENTS)]
    findings = library.findings([row.id for row in rows])
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        codes = {finding.code for finding in findings[row.id] if finding.polarity == "denial"}
        counts.update((code, _treatment(row)) for code in codes)
    shown = {column.treatment for column in columns}
    totals: Counter[str] = Counter()
    for (code, treatment), count in counts.items():
        totals[code] += count if treatment in shown else 0
    reasons = [code for code, total in totals.most_common(MOST_REASONS) if total]
    cells = tuple(tuple(counts[code, column.treatment] for column in columns) for code in reasons)
    return Crosstab(tuple(columns), tuple(reasons), cells, len(rows))


def describe_dates(rows: Sequence[Row]) -> Dates:
    """Where the dates of some determinations come from, and what time they span."""
    known = sorted(row.letter_date for row in rows if row.letter_date)
    printed = sum(row.letter_date_basis == "printed" for row in rows)
    return Dates(
        printed, len(known) - printed, len(rows) - len(known), known[0] if known else None, known[-1] if known else None
    )


def _treatment(row: Row) -> str:
    return f"{row.category}.{row.subcategory}" if row.subcategory else str(row.category)
