"""How an upload goes, as HTML: a bar, counts, and a line for each letter that failed."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from .adding import Progress
from .labels import count_of
from .notices import render_notes

MOST_LINKS = 20
_STAGES = {
    "reading": "Reading the files …",
    "extracting": "Extracting …",
    "indexing": "Bringing the index up to date …",
    "done": "Done",
}


def render_progress(progress: Progress) -> str:
    """The panel of one moment."""
    return (
        f'<section class="imr-notice imr-adding"><h2>{_STAGES[progress.stage]}</h2>{_render_bar(progress)}'
        f'<p role="status">{_render_counts(progress)}</p>{_render_failures(progress)}{_render_added(progress)}{render_notes(progress.notes)}'
        "</section>"
    )


def _render_bar(progress: Progress) -> str:
    if progress.stage == "reading":
        return '<progress aria-label="letters done"></progress>'
    return f'<progress aria-label="letters done" value="{progress.done}" max="{max(progress.of, 1)}"></progress>'


def _render_counts(progress: Progress) -> str:
    if progress.stage == "done" and not progress.of:
        return "There is no letter in what was uploaded."
    parts = [
        f"{progress.done:,} of {count_of(progress.of, 'letter')}",
        f"{progress.added:,} added" if progress.added else "",
        f"{progress.known:,} known already" if progress.known else "",
        f"{len(progress.failed):,} failed" if progress.failed else "",
    ]
    return ", ".join(part for part in parts if part)


def _render_failures(progress: Progress) -> str:
    rows = "".join(f"<li><b>{escape(name)}</b> {escape(why)}</li>" for name, why in progress.failed)
    return f'<ul class="imr-failed" aria-label="Letters that failed">{rows}</ul>' if rows else ""


def _render_added(progress: Progress) -> str:
    """The letters that were added, as links; first those in which no decision was found: perhaps they are none."""
    if progress.stage != "done" or not progress.names:
        return ""
    empty = [name for name, found in progress.names if not found]
    rows = [
        f"<li><b>{escape(name)}</b> no decision was found in it: is it a determination letter?</li>" for name in empty
    ]
    told = f'<ul class="imr-failed" aria-label="Letters without a decision">{"".join(rows)}</ul>' if rows else ""
    read = [(name, found) for name, found in progress.names if found]
    links = "".join(
        f'<li><a href="?letter={quote(Path(name).name)}">{escape(Path(name).name)}</a> {count_of(found, "determination")}</li>'
        for name, found in read[:MOST_LINKS]
    )
    more = f"<li>and {len(read) - MOST_LINKS:,} more</li>" if len(read) > MOST_LINKS else ""
    return told + (f'<ul class="imr-added" aria-label="Letters that were added">{links}{more}</ul>' if links else "")
