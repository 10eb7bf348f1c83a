"""What a question was understood to ask for: filters, figures, and what could not be understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FilterOp = Literal["any", "all", "none", "is", "range", "overlaps"]
FilterValue = str | int | float | bool | None
MeasureKind = Literal["rate", "reasons", "count", "several_items", "citations"]


@dataclass(frozen=True)
class Filter:
    """One condition on a determination. All filters of a query hold together (AND).

    `field` is a name of library.fields.FIELDS; `value` is always a tuple: the accepted values for "any" and "all",
    the excluded ones for "none", one value for "is" (of a printed name: any of them, each as a whole), (first, last)
    for "range" and "overlaps" (None: open end; dates are ISO strings). "none" holds only where the field is known. `label` says it in words, `words` are the
    user's own words that it was read from.
    """

    field: str
    op: FilterOp
    value: tuple[FilterValue, ...]
    label: str
    words: str


@dataclass(frozen=True)
class Measure:
    """The question asks for figures: which ones, and by which field (a name of stats.GROUPINGS, or None)."""

    kind: MeasureKind
    by: str | None = None
    top: int | None = None


@dataclass(frozen=True)
class Query:
    """A parsed question.

    `free_text` is what ranks. `notes` are to be shown: a reading that was chosen, a spelling that was corrected, a
    caution. `refused` says why a part of the question is not answered at all (names of persons); `unanswerable` why
    nothing can be selected by it, so that there are no hits. `similar`: the text is a case, not a question.
    """

    text: str
    filters: tuple[Filter, ...] = ()
    ignored: tuple[str, ...] = ()
    free_text: str = ""
    notes: tuple[str, ...] = ()
    measure: Measure | None = None
    similar: bool = False
    refused: str | None = None
    unanswerable: str | None = None

    def values(self, field: str) -> tuple[FilterValue, ...]:
        """Every value that the query's filters accept for a field ("none" filters left out)."""
        return tuple(v for f in self.filters if f.field == field and f.op != "none" for v in f.value)
