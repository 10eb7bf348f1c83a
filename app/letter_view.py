"""A whole letter as HTML: its facts and decisions, then its text with the evidence marked where it stands."""

from __future__ import annotations

from html import escape

from imr_llm.record import Determination, Review

from .cards import render_badge, render_conflict, render_reasons
from .labels import count_of, label_code, label_doubt, label_reason, show_date
from .marking import Mark, escape_text, find_lead_ins, mark_text, reflow
from .notices import render_notes


def render_letter(review: Review, text: str, number: int | None = None) -> str:
    """The letter view, opened at determination `number` (None: at the top). `text` is the letter's kept text."""
    body = (
        f"{_render_items(review, number)}{render_notes(_warnings(review))}"
        f'<div class="imr-letter-text">{render_text(review, text, number)}</div>'
    )
    return _render_dialog(review.case.case_number or review.letter.file, _describe(review), body)


def render_unread_letter(message: str) -> str:
    """What opens instead of a letter that cannot be shown."""
    return _render_dialog("This letter cannot be shown", "", f"<p>{escape(message)}</p>")


def render_text(review: Review, text: str, number: int | None = None) -> str:
    """The letter's text with every reason's evidence and every contradiction marked by its offsets."""
    shown = reflow(text)
    marks = find_lead_ins(shown) + [mark for item in review.determinations for mark in marks_of(item)]
    parts, at = [], 0
    for item in sorted(review.determinations, key=lambda item: item.rationale.start if item.rationale else 0):
        if item.rationale is None or item.rationale.start < at:
            continue
        current = " imr-current" if item.number == number else ""
        parts += [
            mark_text(shown, marks, at, item.rationale.start),
            f'<span class="imr-rationale{current}" id="imr-item-{item.number}">',
            mark_text(shown, marks, item.rationale.start, item.rationale.end),
            "</span>",
        ]
        at = item.rationale.end
    parts.append(mark_text(shown, marks, at))
    return "".join(parts)


def marks_of(item: Determination) -> list[Mark]:
    """What is marked of a determination: the evidence of its reasons, and both sides of its contradictions."""
    marks = [
        Mark(reason.evidence.start, reason.evidence.end, reason.polarity, label_reason(reason.code))
        for reason in item.reasons
    ]
    for conflict in item.contradictions:
        topic = f"contradiction: {label_code(conflict.topic).lower()}"
        for side in (conflict.summary_evidence, conflict.rationale_evidence):
            marks.append(Mark(side.start, side.end, "conflict", topic))
    return marks


def _render_dialog(name: str, facts: str, body: str) -> str:
    return (
        '<dialog class="imr-letter" aria-labelledby="imr-letter-name"><header class="imr-letter-bar"><div>'
        f'<h2 id="imr-letter-name" tabindex="-1">{escape(name)}</h2><p class="imr-facts">{facts}</p></div>'
        '<button type="button" class="imr-close" data-close="letter">Close</button></header>'
        f'{_render_jumps()}<div class="imr-letter-body" tabindex="0">{body}</div></dialog>'
    )


def _render_jumps() -> str:
    return (
        '<div class="imr-jumps" role="group" aria-label="Evidence" hidden>'
        '<button type="button" class="imr-close" data-step="-1" aria-label="Previous evidence"'
        ' aria-keyshortcuts="Alt+ArrowUp" title="Previous evidence (Alt ↑)">↑<span class="imr-wide"> Previous</span></button>'
        '<button type="button" class="imr-close" data-step="1" aria-label="Next evidence"'
        ' aria-keyshortcuts="Alt+ArrowDown" title="Next evidence (Alt ↓)">↓<span class="imr-wide"> Next</span></button><span role="status"></span></div>'
    )


def _render_items(review: Review, number: int | None) -> str:
    rows = "".join(_render_item(item, current=item.number == number) for item in review.determinations)
    return f'<ol class="imr-items">{rows}</ol>' if rows else '<p class="imr-none">No decision was found in it.</p>'


def _render_item(item: Determination, *, current: bool) -> str:
    here = ' class="imr-current" aria-current="true"' if current else ""
    target = f"imr-item-{item.number}"
    title = (
        f'<a href="#{target}" data-jump="{target}">{escape_text(item.title)}</a>'
        if item.rationale
        else (escape_text(item.title))
    )
    unsure = render_notes(f"For a person to check: {label_doubt(reason)}" for reason in item.needs_review)
    conflicts = "".join(render_conflict(conflict) for conflict in item.contradictions)
    return (
        f"<li{here}><p>{render_badge(item.decision)} {title}</p>{_render_request(item)}"
        f"{render_reasons(_order_codes(item))}{conflicts}{unsure}</li>"
    )


def _order_codes(item: Determination) -> list[str]:
    """The item's reason codes, each once, the primary one first."""
    ordered = sorted(item.reasons, key=lambda reason: not reason.primary)
    return list(dict.fromkeys(reason.code for reason in ordered))


def _render_request(item: Determination) -> str:
    if not item.request.authorized:
        return ""
    asked = f"asked for {item.request.original}, " if item.request.original else ""
    return f'<p class="imr-facts">{escape(asked)}{escape(item.request.authorized)} already authorized</p>'


def _describe(review: Review) -> str:
    patient = ", ".join(
        part for part in (f"{review.patient.age} years" if review.patient.age else "", review.patient.sex or "") if part
    )
    facts = [
        review.letter.file if review.case.case_number else "",
        count_of(review.letter.pages, "page"),
        f"decided {show_date(review.case.decision_date)}" if review.case.decision_date else "",
        f"injury {show_date(review.case.date_of_injury)}" if review.case.date_of_injury else "",
        f"reviewer: {', '.join(review.reviewer.specialties)}" if review.reviewer.specialties else "",
        f"patient: {patient}" if patient else "",
        f"read by {review.run.extractor}" + (f" ({review.run.model})" if review.run.model else ""),
    ]
    return " <i>·</i> ".join(escape(fact) for fact in facts if fact)


def _warnings(review: Review) -> list[str]:
    return [warning.message for warning in review.run.warnings]
