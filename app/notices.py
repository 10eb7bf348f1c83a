"""The page's own words around the answers: its head, its empty, waiting and error states, and notes."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .labels import count_of


def render_notes(notes: Iterable[str]) -> str:
    """Things the reader should know, each on a line."""
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="imr-notes">{lines}</ul>' if lines else ""


def render_notice(title: str, text: str, *, kind: str = "quiet") -> str:
    """A panel in plain words: an empty state, a refusal, or (kind "problem") something that went wrong."""
    role = ' role="alert"' if kind == "problem" else ""
    return (
        f'<section class="imr-notice imr-notice-{kind}"{role}><h2>{escape(title)}</h2><p>{escape(text)}</p></section>'
    )


def render_waiting(text: str) -> str:
    """What stands in the place of an answer that is being worked on."""
    return f'<p class="imr-waiting" role="status"><span class="imr-pulse" aria-hidden="true"></span>{escape(text)}</p>'


def render_empty_library(path: str) -> str:
    """The library holds nothing yet: how to fill it."""
    return (
        '<section class="imr-notice"><h2>There are no letters here yet</h2>'
        f"<p>The library <code>{escape(path)}</code> is empty. Fill it with a folder of determination letters "
        "(PDF or text), then search:</p><pre><code>imr-llm extract FOLDER</code></pre>"
        "<p>To look around first, <code>imr-llm demo --serve</code> opens this page over sample letters.</p></section>"
    )


def render_header(letters: int, determinations: int, library_name: str) -> str:
    """The page's name, and how much there is to look through."""
    held = f"{count_of(determinations, 'determination')} in {count_of(letters, 'letter')}"
    return (
        '<a class="imr-skip" href="#imr-answer">Skip to the answer</a><header class="imr-top"><div><h1>IMR determinations</h1>'
        "<p>What independent medical review decided, why, and in whose words</p></div>"
        f'<p class="imr-held"><b>{held}</b> <span>{escape(library_name)}</span></p></header>'
    )


def render_introduction() -> str:
    """What stands under the question box before anything was asked."""
    return (
        '<section class="imr-intro"><p>Name what matters to you, in any order: '
        "<b>a treatment or drug</b>, <b>a decision</b>, <b>a reason</b>, a body part, a date, a specialty. "
        "What was understood of it is shown above the answer, and so is what was not.</p>"
        "<p>Every reason comes with the letter’s own words. A recited guideline does not count as a reason; "
        "“said to be missing”, “on record and bad” and “not mentioned” are three different things here.</p></section>"
    )
