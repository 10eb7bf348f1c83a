"""The checklist beside similar cases: what reviewers found missing, and what the overturned cases documented."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from imr_llm.library.store import Example
from imr_llm.search.checklist import CheckLine, Checklist

from .cards import link_to_letter
from .labels import count_of, label_reason
from .marking import Mark, mark_text, reflow


def render_checklist(checklist: Checklist) -> str:
    """Two lists, each line with how many of how many determinations say so, an interval, and their words."""
    upheld, overturned = (
        count_of(checklist.upheld, "upheld", "upheld"),
        count_of(checklist.overturned, "overturned", "overturned"),
    )
    missing = _render_list("What reviewers found missing", upheld, checklist.missing, "denial")
    documented = _render_list("What the overturned ones documented", overturned, checklist.documented, "overturn")
    if not (missing or documented):
        return ""
    return (
        f'<section class="imr-checklist"><h2>Checklist for {escape(checklist.treatment)}</h2>'
        "<p>Counted over all determinations of that treatment here, with a 95% interval. It says what was written, not"
        f' what would be decided.</p><div class="imr-columns">{missing}{documented}</div></section>'
    )


def _render_list(title: str, where: str, lines: Sequence[CheckLine], kind: str) -> str:
    rows = "".join(_render_line(line, kind) for line in lines)
    return f"<div><h3>{title} <small>{where}</small></h3><ul>{rows}</ul></div>" if rows else ""


def _render_line(line: CheckLine, kind: str) -> str:
    spread = f"{100 * line.low:.0f}–{100 * line.high:.0f}%" if line.low is not None and line.high is not None else ""
    few = ' <small class="imr-small">few</small>' if line.small else ""
    quotes = "".join(_render_quote(quote, kind) for quote in line.quotes)
    shown = f"<details><summary>{count_of(len(line.quotes), 'quote')}</summary>{quotes}</details>" if quotes else ""
    return (
        f"<li><p><span>{escape(label_reason(line.code))}</span> <b>{line.n} of {line.of}</b> <small>{spread}</small>{few}</p>"
        f"{shown}</li>"
    )


def _render_quote(quote: Example, kind: str) -> str:
    words = mark_text(reflow(quote.quote), [Mark(0, len(quote.quote), kind)])
    return (
        f"<blockquote>{words}</blockquote><p>"
        f"{link_to_letter(quote.letter_id, quote.number, quote.case_number or quote.file)}</p>"
    )
