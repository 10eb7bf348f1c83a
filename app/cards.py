"""Result cards as HTML: what was decided, why, and in whose words. Plain functions from values to safe HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import get_args
from urllib.parse import urlencode

from imr_llm.record import BodyRegion, Contradiction, Determination, Review
from imr_llm.search.hits import Answer, Hit, HitEvidence
from imr_llm.search.query import Filter, Query
from imr_llm.search.similar import Case, SimilarAnswer, SimilarHit

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

QUOTES_SHOWN = 2


def render_answer(answer: Answer, reviews: Mapping[str, Review], figures: str = "") -> str:
    """A whole answer: what was understood, how many there are, and a card for each hit.

    `reviews` holds the hits' letters by letter_id; a hit whose letter is not in it gets a card without details.
    `figures` is HTML to stand before the cards, for a question that asks for figures.
    """
    read = render_query(answer.query)
    if answer.query.refused:
        return read + render_notice("This question is not answered", answer.query.refused)
    notes = render_notes(dict.fromkeys((*answer.query.notes, *answer.notes)))
    if not answer.hits:
        return read + _render_nothing_found(notes)
    asked = [str(code) for code in answer.query.values("reason")]
    cards = "".join(render_hit(hit, reviews.get(hit.letter_id), asked) for hit in answer.hits)
    return f'{read}{notes}{figures}{_render_total(answer)}<div class="imr-cards">{cards}</div>'


def render_query(query: Query) -> str:
    """How the question was read: a chip for each filter, and the words that were not used."""
    chips = "".join(_render_filter(chip) for chip in query.filters)
    if not chips and query.text.strip() and not (query.refused or query.unanswerable):
        chips = '<li class="imr-chip imr-chip-plain">no filter understood</li>'
    row = f'<div class="imr-read"><span class="imr-lead">Read as</span><ul class="imr-chips">{chips}</ul></div>'
    return (row if chips else "") + _render_ignored(query.ignored)


def render_notes(notes: Iterable[str]) -> str:
    """Things the reader should know, each on a line."""
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="imr-notes">{lines}</ul>' if lines else ""


def render_hit(hit: Hit, review: Review | None, asked: Sequence[str] = ()) -> str:
    """One determination that answers, as a card; `asked` are the reason codes that the question names."""
    determination = find_determination(review, hit.number)
    conflicts = determination.contradictions if determination else []
    return "".join(
        [
            f'<article class="imr-card imr-{_known_decision(hit.decision)}">',
            _render_head(hit, review),
            render_reasons(hit.reasons, asked=asked),
            _render_quotes(hit.evidence, determination),
            _render_conflicts(conflicts),
            render_notes(_notes_beside(hit.notes, bool(conflicts))),
            _render_foot(hit, f"<b>Why it matched</b> {escape(hit.why)}" if hit.why else ""),
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


def render_similar(answers: Mapping[str, SimilarAnswer], reviews: Mapping[str, Review]) -> str:
    """Cases like a text, side by side: `answers` by decision (upheld, overturned), both for the same text."""
    first = next(iter(answers.values()))
    columns = "".join(_render_column(decision, answer, reviews) for decision, answer in answers.items())
    return (
        _render_case(first.case)
        + render_notes(dict.fromkeys(note for answer in answers.values() for note in answer.notes))
        + _render_turning_points(answers)
        + f'<div class="imr-columns">{columns}</div>'
    )


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
        '<header class="imr-top"><div><h1>IMR determinations</h1>'
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


def render_badge(decision: str) -> str:
    """The decision as a badge."""
    return f'<span class="imr-badge imr-{_known_decision(decision)}">{escape(label_decision(decision))}</span>'


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


def _render_head(hit: Hit | SimilarHit, review: Review | None) -> str:
    facts = describe_letter(review, hit.number) if review else [hit.case_number or hit.file, f"item {hit.number}"]
    determination = find_determination(review, hit.number)
    title = _name_item(determination) if determination else hit.title
    meaning = MEANINGS.get(hit.decision, "")
    return (
        f'<header><p class="imr-outcome">{render_badge(hit.decision)}<span>{escape(meaning)}</span></p>'
        f'<h3 title="{escape_text(hit.title)}">{escape_text(title)}</h3><p class="imr-facts">{_join(facts)}</p></header>'
    )


def _name_item(determination: Determination) -> str:
    """What is in dispute. Where part was authorized before, the printed title tells all of that at length."""
    request = determination.request
    return request.disputed if request.original and request.disputed else determination.title


def _render_foot(hit: Hit | SimilarHit, why: str) -> str:
    link = link_to_letter(hit.letter_id, hit.number, "Read it in the letter")
    return f'<footer><p class="imr-why">{why}</p>{link}</footer>'


def _render_quotes(evidence: Iterable[HitEvidence], determination: Determination | None) -> str:
    quotes = [_render_quote(piece, determination) for piece in evidence]
    more = quotes[QUOTES_SHOWN:]
    rest = f"<details><summary>{count_of(len(more), 'more quote')}</summary>{''.join(more)}</details>" if more else ""
    return "".join(quotes[:QUOTES_SHOWN]) + rest


def _render_quote(piece: HitEvidence, determination: Determination | None) -> str:
    """The letter's words, marked, within the rationale where they stand; their reason beside them."""
    polarity = polarity_of(piece.code) if piece.code else ""
    kind = polarity or "plain"
    rationale = determination.rationale if determination else None
    if rationale and rationale.start <= piece.start < piece.end <= rationale.end:
        words = quote_in_context(
            reflow(rationale.text), piece.start - rationale.start, piece.end - rationale.start, kind=kind
        )
    else:
        words = mark_text(reflow(piece.quote), [Mark(0, len(piece.quote), kind)])
    label = f"<figcaption>{escape(label_reason(piece.code))}</figcaption>" if piece.code else ""
    return f'<figure class="imr-quote imr-{kind}"><blockquote>{words}</blockquote>{label}</figure>'


def _render_conflicts(conflicts: Iterable[Contradiction]) -> str:
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


def _render_filter(chip: Filter) -> str:
    words = f" <small>“{escape(chip.words)}”</small>" if chip.words else ""
    kind = " imr-chip-not" if chip.op == "none" else ""
    return f'<li class="imr-chip{kind}">{escape(chip.label)}{words}</li>'


def _render_ignored(ignored: Iterable[str]) -> str:
    words = ", ".join(f"“{escape(word)}”" for word in ignored)
    return f'<p class="imr-ignored"><span class="imr-lead">Not used</span> {words}</p>' if words else ""


def _render_total(answer: Answer) -> str:
    shown = len(answer.hits)
    found = count_of(answer.total, "determination")
    some = f", the best {shown} shown" if shown < answer.total else ""
    letters = count_of(answer.letters_searched, "letter")
    basis = f"among {count_of(answer.determinations_searched, 'determination')} in {letters}"
    return f'<h2 class="imr-total"><b>{found}</b>{some} <span>{basis}</span></h2>'


def _render_nothing_found(notes: str) -> str:
    return (
        f'<section class="imr-notice"><h2>Nothing fits</h2>{notes}'
        "<p>Leave out one of the conditions, or word it more broadly.</p></section>"
    )


def _render_case(case: Case) -> str:
    read = [
        *(label_code(drug) for drug in case.drugs),
        *(_label_treatment(name) for name in case.subcategories),
        *(label_code(region) for region in case.regions),
        *(label_reason(code) for code in case.reasons),
    ]
    if case.uds_status != "not_mentioned":
        read.append(f"Drug screen: {label_code(case.uds_status).lower()}")
    chips = "".join(f'<li class="imr-chip">{escape(label)}</li>' for label in dict.fromkeys(read))
    if not chips:
        chips = '<li class="imr-chip imr-chip-plain">no treatment or reason recognised: the nearest by their words</li>'
    return f'<div class="imr-read"><span class="imr-lead">Read from it</span><ul class="imr-chips">{chips}</ul></div>'


def _label_treatment(name: str) -> str:
    """ "injections.trigger_point" -> "Trigger point"; "surgery.knee" -> "Knee (surgery)"."""
    category, _, last = name.rpartition(".")
    return f"{label_code(name)} ({label_code(category).lower()})" if last in get_args(BodyRegion) else label_code(name)


def _render_turning_points(answers: Mapping[str, SimilarAnswer]) -> str:
    """The reasons that stand on one side only: what such cases turned on."""
    sides = {decision: _count_reasons(answer.hits) for decision, answer in answers.items()}
    rows = []
    for decision, counts in sides.items():
        elsewhere = {code for other, found in sides.items() if other != decision for code in found}
        only = [code for code in counts if code not in elsewhere]
        if only:
            labels = "".join(
                f"<li>{escape(label_reason(code))} <small>{counts[code]}×</small></li>" for code in only[:6]
            )
            rows.append(f"<div><dt>{render_badge(decision)} only</dt><dd><ul>{labels}</ul></dd></div>")
    if not rows:
        return ""
    return (
        '<section class="imr-turning"><h2>What they turned on</h2>'
        f"<p>Reasons that only one side gives, in the cases shown below.</p><dl>{''.join(rows)}</dl></section>"
    )


def _count_reasons(hits: Iterable[SimilarHit]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for hit in hits:
        for code in dict.fromkeys(hit.reasons):
            counts[code] = counts.get(code, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _render_column(decision: str, answer: SimilarAnswer, reviews: Mapping[str, Review]) -> str:
    cards = "".join(_render_similar_hit(hit, reviews.get(hit.letter_id), answer.case) for hit in answer.hits)
    if not cards:
        cards = f'<p class="imr-none">No case like it was {label_decision(decision).lower()}.</p>'
    return (
        f'<section class="imr-column"><h2>{render_badge(decision)}'
        f"<span>{escape(MEANINGS.get(decision, ''))}</span></h2>{cards}</section>"
    )


def _render_similar_hit(hit: SimilarHit, review: Review | None, case: Case) -> str:
    determination = find_determination(review, hit.number)
    return "".join(
        [
            f'<article class="imr-card imr-{_known_decision(hit.decision)}">',
            _render_head(hit, review),
            _render_compared("In common", _beyond_reasons(hit.shared, hit.reasons)),
            _render_compared("Differs", _beyond_reasons(hit.differing, hit.reasons)),
            render_reasons(hit.reasons, shared=case.reasons),
            _render_quotes(hit.evidence[:1], determination),
            _render_conflicts(determination.contradictions if determination else []),
            _render_foot(hit, ""),
            "</article>",
        ]
    )


def _beyond_reasons(items: Iterable[str], reasons: Iterable[str]) -> list[str]:
    """What agrees or differs besides the reasons, which are shown as labels of their own."""
    labels = [label_reason(code).lower() for code in reasons]
    return [item for item in items if not any(label in item.lower() for label in labels)]


def _render_compared(label: str, items: Iterable[str]) -> str:
    text = "; ".join(escape(item) for item in items)
    return f'<p class="imr-compare"><span class="imr-lead">{label}</span> {text}</p>' if text else ""


def _known_decision(decision: str) -> str:
    return decision if decision in DECISIONS else "other"


def _join(facts: Iterable[str]) -> str:
    return " <i>·</i> ".join(escape(fact) for fact in facts if fact)
