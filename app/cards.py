"""Result cards as HTML: what was decided, why, and in whose words. Plain functions from values to safe HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import urlencode

from imr_llm.record import Contradiction, Determination, Review
from imr_llm.search.hits import Hit, HitEvidence
from imr_llm.search.similar import SimilarHit

from .labels import (
    DECISIONS,
    MEANINGS,
    count_of,
    label_code,
    label_decision,
    label_reason,
    polarity_of,
    show_date,
)
from .marking import Mark, escape_text, mark_text, quote_in_context, reflow
from .notices import render_notes

QUOTES_SHOWN = 2
# A hand with its thumb up, drawn here; turned over it points down.
_HAND = (
    '<svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true" focusable="false"{turn}><path d="M3 9h3v8H3zM7.5 9'
    ' 10.6 2.6c1.2 0 2 .9 2 2V8h3.6c1 0 1.7.9 1.5 1.9l-1.2 5.6c-.2.9-.9 1.5-1.8 1.5H7.5z" fill="none"'
    ' stroke="currentColor" stroke-width="1.4" stroke-linejoin="round"/></svg>'
)
THUMBS = {"up": _HAND.format(turn=""), "down": _HAND.format(turn=' style="transform:rotate(180deg)"')}


def render_hit(hit: Hit, review: Review | None, asked: Sequence[str] = ()) -> str:
    """One determination that answers, as a card; `asked` are the reason codes that the question names."""
    determination = find_determination(review, hit.number)
    conflicts = determination.contradictions if determination else []
    return "".join(
        [
            f'<article class="imr-card imr-{known_decision(hit.decision)}" data-id="{hit.letter_id[:12]}.{hit.number}">',
            render_head(hit, review),
            _render_treatment(determination),
            render_reasons(hit.reasons, asked=asked),
            render_quotes(hit.evidence, determination),
            render_conflicts(conflicts),
            render_notes(_notes_beside(hit.notes, bool(conflicts))),
            render_foot(
                hit,
                f"<b>Why it matched</b> {escape(hit.why)}" if hit.why else "",
                _render_tools(hit, name_hit(hit, review)),
            ),
            "</article>",
        ]
    )


def render_reasons(codes: Iterable[str], *, asked: Sequence[str] = (), shared: Sequence[str] = ()) -> str:
    """Reason codes as readable labels, the primary one first.

    `asked` ones are what the question names, `shared` ones stand in the user's text too.
    """
    items = "".join(_render_reason(code, asked=code in asked, shared=code in shared) for code in codes)
    return f'<ul class="imr-reasons" aria-label="Reasons">{items}</ul>' if items else ""


def _render_reason(code: str, *, asked: bool, shared: bool) -> str:
    also = " <small>in yours too</small>" if shared else ""
    kind = " imr-asked" if asked or shared else ""
    return f'<li class="imr-reason{kind}">{escape(label_reason(code))}{also}</li>'


def render_badge(decision: str) -> str:
    """The decision as a badge."""
    return f'<span class="imr-badge imr-{known_decision(decision)}">{escape(label_decision(decision))}</span>'


def link_to_letter(letter_id: str, number: int, label: str) -> str:
    """A link that opens the letter at a determination: an address of its own, opened in place by the page's script."""
    address = "?" + urlencode({"letter": letter_id, "item": number})
    return (
        f'<a class="imr-open" href="{escape(address)}" data-letter="{escape(letter_id)}" data-item="{number}">'
        f"{escape(label)}</a>"
    )


def describe_letter(review: Review, number: int) -> list[str]:
    """What is to be said of a letter in one line: case number, item, decision date, specialty."""
    case = review.case.case_number or review.letter.file
    items = len(review.determinations)
    return [
        case,
        f"item {number} of {items}" if items > 1 else "",
        f"decided {show_date(review.case.decision_date)}" if review.case.decision_date else "",
        f"reviewer: {', '.join(review.reviewer.specialties)}" if review.reviewer.specialties else "",
    ]


def find_determination(review: Review | None, number: int) -> Determination | None:
    """The determination of that number in a review."""
    if review is None:
        return None
    return next((item for item in review.determinations if item.number == number), None)


def render_head(hit: Hit | SimilarHit, review: Review | None) -> str:
    """The top of a card: decision, item, letter."""
    meaning = MEANINGS.get(hit.decision, "")
    title = escape_text(name_hit(hit, review))
    return (
        f'<header><p class="imr-outcome">{render_badge(hit.decision)}<span>{escape(meaning)}</span></p>'
        f'<h3 title="{escape_text(hit.title)}">{title}</h3>{render_facts(hit, review)}</header>'
    )


def _render_treatment(determination: Determination | None) -> str:
    named = describe_treatment(determination) if determination else ""
    return f'<p class="imr-facts"><span class="imr-lead">Treatment</span> {escape(named)}</p>' if named else ""


def describe_treatment(item: Determination) -> str:
    """What kind of treatment it is: "Opioids · hydrocodone/acetaminophen · 10/325mg · neck"."""
    treatment = item.treatment
    kind = treatment.subcategory or treatment.category
    regions = ", ".join(label_code(region).lower() for region in treatment.body_regions)
    parts = (label_code(kind) if kind else "", treatment.drug or "", treatment.strength or "", regions)
    return " · ".join(part for part in parts if part)


def name_hit(hit: Hit | SimilarHit, review: Review | None) -> str:
    """What is in dispute, in the letter's words."""
    determination = find_determination(review, hit.number)
    return name_item(determination) if determination else hit.title


def render_facts(hit: Hit | SimilarHit, review: Review | None) -> str:
    """The line under a hit's title: case number, item, date, specialty."""
    facts = describe_letter(review, hit.number) if review else [hit.case_number or hit.file, f"item {hit.number}"]
    return f'<p class="imr-facts">{join_facts(facts)}</p>'


def name_item(determination: Determination) -> str:
    """What is in dispute. Where part was authorized before, the printed title tells all of that at length."""
    request = determination.request
    return request.disputed if request.original and request.disputed else determination.title


def render_foot(hit: Hit | SimilarHit, why: str, tools: str = "") -> str:
    """The last line of a card: why it is here (HTML), tools (HTML), and the way into the letter."""
    link = link_to_letter(hit.letter_id, hit.number, "Read it in the letter")
    return f'<footer><p class="imr-why">{why}</p><div class="imr-card-tools">{link}{tools}</div></footer>'


def _render_tools(hit: Hit, name: str) -> str:
    """Choose it for a comparison; say whether it answers the question."""
    what = f'data-letter="{escape(hit.letter_id)}" data-item="{hit.number}"'
    named = escape_text(f"{name}, {hit.case_number or hit.file}")
    return (
        f'<label class="imr-choose"><input type="checkbox" data-choose {what} aria-label="Compare: {named}">Compare</label>'
        f'<span class="imr-thumbs" role="group" aria-label="Does it answer the question? {named}">'
        + _render_thumb("up", "It answers the question", what)
        + _render_thumb("down", "It does not answer the question", what)
        + "</span>"
    )


def _render_thumb(verdict: str, label: str, what: str) -> str:
    sign = THUMBS[verdict]
    return (
        f'<button type="button" class="imr-thumb" data-do="judge" data-verdict="{verdict}" {what}'
        f' aria-pressed="false" aria-label="{label}" title="{label}">{sign}</button>'
    )


def render_quotes(evidence: Iterable[HitEvidence], determination: Determination | None) -> str:
    """The first quotes, and the others folded away; words that prove several reasons are shown once."""
    spans: dict[tuple[int, int], list[HitEvidence]] = {}
    for piece in evidence:
        spans.setdefault((piece.start, piece.end), []).append(piece)
    quotes = [_render_quote(pieces, determination) for pieces in spans.values()]
    more = quotes[QUOTES_SHOWN:]
    rest = f"<details><summary>{count_of(len(more), 'more quote')}</summary>{''.join(more)}</details>" if more else ""
    return "".join(quotes[:QUOTES_SHOWN]) + rest


def _render_quote(pieces: Sequence[HitEvidence], determination: Determination | None) -> str:
    """The letter's words, marked, within the rationale where they stand; the reasons that they prove under them."""
    piece = pieces[0]
    kind = (polarity_of(piece.code) if piece.code else "") or "plain"
    rationale = determination.rationale if determination else None
    if rationale and rationale.start <= piece.start < piece.end <= rationale.end:
        words = quote_in_context(
            reflow(rationale.text), piece.start - rationale.start, piece.end - rationale.start, kind=kind
        )
    else:
        words = mark_text(reflow(piece.quote), [Mark(0, len(piece.quote), kind)])
    proven = "; ".join(dict.fromkeys(label_reason(one.code) for one in pieces if one.code))
    label = f"<figcaption>{escape(proven)}</figcaption>" if proven else ""
    return f'<figure class="imr-quote imr-{kind}"><blockquote>{words}</blockquote>{label}</figure>'


def render_conflicts(conflicts: Iterable[Contradiction]) -> str:
    """Every contradiction of a determination, in full."""
    return "".join(render_conflict(conflict) for conflict in conflicts)


def render_conflict(conflict: Contradiction) -> str:
    """The letter against itself: the summary's words beside the rationale's."""
    return (
        '<section class="imr-conflict"><h4>The letter contradicts itself'
        f" <span>{escape(label_code(conflict.topic))}</span></h4><dl>"
        f"<dt>Case summary</dt><dd>{_quote_whole(conflict.summary_evidence.quote)}</dd>"
        f"<dt>Rationale</dt><dd>{_quote_whole(conflict.rationale_evidence.quote)}</dd></dl></section>"
    )


def _quote_whole(quote: str) -> str:
    return mark_text(reflow(quote), [Mark(0, len(quote), "conflict")])


def _notes_beside(notes: Iterable[str], has_conflict: bool) -> list[str]:
    """The hit's notes, without the one on a contradiction that is shown in full anyway."""
    return [note for note in notes if not (has_conflict and "contradict" in note.lower())]


def known_decision(decision: str) -> str:
    """The decision as a name that the style knows."""
    return decision if decision in DECISIONS else "other"


def join_facts(facts: Iterable[str]) -> str:
    """Facts in one line of HTML; empty ones are left out."""
    return " <i>·</i> ".join(escape(fact) for fact in facts if fact)
