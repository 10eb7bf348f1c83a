"""Two or more determinations side by side, over the page: what was decided, why, in whose words, under which rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

from imr_llm.record import Determination, Guideline, Review

from .cards import describe_letter, describe_treatment, join_facts, link_to_letter, name_item, render_badge
from .labels import MEANINGS, count_of, label_code, label_reason
from .marking import Mark, escape_text, mark_text, reflow

Pair = tuple[Review, Determination]


def render_comparison(pairs: Sequence[Pair]) -> str:
    """The dialog: a column for each determination, a row for each thing to compare."""
    shared = _shared_codes(item for _, item in pairs)
    rows = [
        _render_row("Decision", pairs, lambda _, item: _show_decision(item)),
        _render_row("Treatment", pairs, lambda _, item: escape(describe_treatment(item))),
        _render_row("Reasons", pairs, lambda _, item: _show_reasons(item, shared)),
        _render_row("In its words", pairs, lambda _, item: _show_quotes(item)),
        _render_row("Drug screen", pairs, lambda review, item: escape(_show_screen(review, item))),
        _render_row("Reviewer’s guideline", pairs, lambda _, item: _show_guideline(item.maximus_guideline)),
        _render_row("Claims administrator’s", pairs, lambda _, item: _show_guideline(item.claims_administrator_guideline)),
        _render_row("Letter", pairs, lambda review, item: link_to_letter(
            review.letter.letter_id, item.number, "Read it in the letter")),
    ]  # fmt: skip
    heads = "".join(f'<th scope="col">{_show_head(review, item)}</th>' for review, item in pairs)
    return (
        '<dialog class="imr-compared" aria-labelledby="imr-compared-name"><header class="imr-letter-bar">'
        f'<h2 id="imr-compared-name" tabindex="-1">{count_of(len(pairs), "determination")} side by side</h2>'
        '<button type="button" class="imr-close" data-close="comparison">Close</button></header>'
        '<div class="imr-compared-body" tabindex="0" role="region" aria-labelledby="imr-compared-name"><table>'
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></dialog>"
    )


def _render_row(name: str, pairs: Sequence[Pair], show: Callable[[Review, Determination], str]) -> str:
    none = '<span class="imr-none">–</span>'
    cells = "".join(f"<td>{show(review, item) or none}</td>" for review, item in pairs)
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _show_head(review: Review, item: Determination) -> str:
    return f'{escape_text(name_item(item))}<p class="imr-facts">{join_facts(describe_letter(review, item.number))}</p>'


def _show_decision(item: Determination) -> str:
    return f"{render_badge(item.decision)} <small>{escape(MEANINGS.get(item.decision, ''))}</small>"


def _show_reasons(item: Determination, shared: set[str]) -> str:
    codes = dict.fromkeys(reason.code for reason in sorted(item.reasons, key=lambda reason: not reason.primary))
    rows = "".join(
        f'<li class="imr-reason{" imr-asked" if code in shared else ""}">{escape(label_reason(code))}'
        f"{' <small>in all</small>' if code in shared else ''}</li>"
        for code in codes
    )
    return f'<ul class="imr-reasons">{rows}</ul>' if rows else ""


def _show_quotes(item: Determination) -> str:
    quotes = dict.fromkeys((reason.evidence.quote, reason.polarity) for reason in item.reasons)
    return "".join(
        f"<blockquote>{mark_text(reflow(quote), [Mark(0, len(quote), kind)])}</blockquote>" for quote, kind in quotes
    )


def _show_screen(review: Review, item: Determination) -> str:
    summary = label_code(review.summary.uds_status).lower()
    return f"rationale: {label_code(item.uds_status).lower()}; summary: {summary}"


def _show_guideline(guideline: Guideline | None) -> str:
    return escape_text(reflow(guideline.text)) if guideline else ""


def _shared_codes(items: Iterable[Determination]) -> set[str]:
    codes = [{reason.code for reason in item.reasons} for item in items]
    return set.intersection(*codes) if codes else set()
