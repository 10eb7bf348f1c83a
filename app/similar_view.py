"""Cases like a text as HTML: what was read from it, what such cases turned on, the checklist, and both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import get_args

from imr_llm.record import BodyRegion, Review
from imr_llm.search.checklist import Checklist
from imr_llm.search.similar import Case, SimilarAnswer, SimilarHit

from .cards import (
    find_determination,
    known_decision,
    render_badge,
    render_conflicts,
    render_foot,
    render_head,
    render_quotes,
    render_reasons,
)
from .checklist_view import render_checklist
from .labels import MEANINGS, label_code, label_decision, label_reason
from .notices import render_notes


def render_similar(
    answers: Mapping[str, SimilarAnswer], reviews: Mapping[str, Review], checklist: Checklist | None = None
) -> str:
    """Cases like a text, side by side: `answers` by decision (upheld, overturned), both for the same text."""
    first = next(iter(answers.values()))
    columns = "".join(_render_column(decision, answer, reviews) for decision, answer in answers.items())
    return (
        _render_case(first.case)
        + render_notes(dict.fromkeys(note for answer in answers.values() for note in answer.notes))
        + _render_turning_points(answers)
        + (render_checklist(checklist) if checklist else "")
        + f'<div class="imr-columns imr-sides">{columns}</div>'
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
    """The reasons that stand on one side only, among cases of the same treatment: what such cases turned on."""
    alike = {decision: [hit for hit in answer.hits if _is_alike(hit)] for decision, answer in answers.items()}
    if not any(alike.values()):
        return ""
    sides = {decision: _count_reasons(hits) for decision, hits in alike.items()}
    rows = []
    for decision, counts in sides.items():
        elsewhere = {code for other, found in sides.items() if other != decision for code in found}
        only = [code for code in counts if code not in elsewhere]
        if not alike[decision]:
            told = f"<p>No case of this treatment was {label_decision(decision).lower()}.</p>"
            rows.append(f"<div><dt>{render_badge(decision)}</dt><dd>{told}</dd></div>")
        elif only:
            labels = "".join(
                f"<li>{escape(label_reason(code))} <small>{counts[code]}×</small></li>" for code in only[:6]
            )
            rows.append(f"<div><dt>{render_badge(decision)} only</dt><dd><ul>{labels}</ul></dd></div>")
    if not rows:
        return ""
    return (
        '<section class="imr-turning"><h2>What they turned on</h2>'
        f"<p>Reasons that only one side gives, in the cases of the same treatment shown below.</p><dl>{''.join(rows)}</dl></section>"
    )


def _is_alike(hit: SimilarHit) -> bool:
    """Is it of the same drug or treatment?"""
    return any(said.startswith(("same drug", "same treatment")) for said in hit.shared)


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
            f'<article class="imr-card imr-{known_decision(hit.decision)}">',
            render_head(hit, review),
            _render_compared("In common", _beyond_reasons(hit.shared, hit.reasons)),
            _render_compared("Differs", _beyond_reasons(hit.differing, hit.reasons)),
            render_reasons(hit.reasons, shared=case.reasons),
            render_quotes(hit.evidence[:1], determination),
            render_conflicts(determination.contradictions if determination else []),
            render_foot(hit, ""),
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
