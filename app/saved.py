"""Saved searches: the visitor's browser keeps them; here they are only asked again and shown with what is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from .labels import count_of

MOST_SEARCHES = 30
MOST_IDS = 1_000
LONGEST_QUESTION = 2_000


@dataclass(frozen=True)
class SavedSearch:
    """What the browser kept of a search: the question, its refinement (JSON), and what it had found."""

    question: str
    refinement: str
    total: int
    ids: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What a saved search finds now; `ids` are the first MOST_IDS. `problem` says why it cannot be asked."""

    total: int = 0
    ids: Sequence[str] = ()
    problem: str = ""


def read_saved(value: object) -> list[SavedSearch]:
    """The searches of a browser. What is not as this page wrote it is left out."""
    entries = value if isinstance(value, list) else []
    return [saved for entry in entries[:MOST_SEARCHES] if (saved := _read_entry(entry))]


def count_new(saved: SavedSearch, found: Found) -> int:
    """How many were not there when the search was last seen; of very many, how many more there are."""
    if found.total > MOST_IDS:
        return max(0, found.total - saved.total)
    return sum(1 for one in found.ids if one not in saved.ids)


def render_saved(searches: Sequence[SavedSearch], found: Sequence[Found]) -> str:
    """The panel: a line for each saved search, with a link, the number that is new, and a button to remove it."""
    if not searches:
        return ""
    pairs = list(zip(searches, found, strict=True))
    new = sum(count_new(*pair) for pair in pairs)
    rows = "".join(_render_saved(*pair) for pair in pairs)
    told = f' <b class="imr-new">{new:,} new</b>' if new else ""
    return (
        f'<details class="imr-saved"><summary>Saved searches ({len(searches)}){told}</summary><ul>{rows}</ul>'
        "<p>Kept in this browser alone: the question, and which ids were seen.</p></details>"
    )


def _render_saved(saved: SavedSearch, found: Found) -> str:
    address = "?" + urlencode({"q": saved.question, **({"r": saved.refinement} if saved.refinement else {})})
    new = count_new(saved, found)
    count = escape(found.problem) if found.problem else count_of(found.total, "determination")
    told = f', <b class="imr-new">{new:,} new since last time</b>' if new else ""
    changed = " <small>with changed filters</small>" if saved.refinement else ""
    name = escape(saved.question) or "everything"
    return (
        f'<li data-question="{escape(saved.question)}" data-refinement="{escape(saved.refinement)}">'
        f'<a class="imr-open" href="{escape(address)}">{name}</a>{changed} <span>{count}{told}</span>'
        f'<button type="button" class="imr-remove" data-do="forget" aria-label="remove saved search {name}">'
        '<span aria-hidden="true">×</span></button></li>'
    )


def _read_entry(entry: object) -> SavedSearch | None:
    if not isinstance(entry, dict):
        return None
    question, refinement, total, ids = (entry.get(name) for name in ("question", "refinement", "total", "ids"))
    if not (isinstance(question, str) and isinstance(refinement, str) and isinstance(ids, list)):
        return None
    seen = frozenset(one for one in ids[:MOST_IDS] if isinstance(one, str))
    return SavedSearch(
        question[:LONGEST_QUESTION], refinement[:LONGEST_QUESTION], total if isinstance(total, int) else len(seen), seen
    )
