"""What almost answered: each near miss with what it matched and the one thing it did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from imr_llm.record import Review
from imr_llm.search.near_misses import NearMiss

from .cards import link_to_letter, name_hit, render_badge, render_facts, render_reasons
from .marking import escape_text


def render_near_misses(misses: Sequence[NearMiss], reviews: Mapping[str, Review]) -> str:
    """The panel under the results; nothing where nothing was near."""
    rows = "".join(_render_miss(miss, reviews.get(miss.hit.letter_id)) for miss in misses)
    if not rows:
        return ""
    return (
        '<section class="imr-almost"><h2>Almost</h2><p>They answer all of the question but one condition.</p>'
        f"<ol>{rows}</ol></section>"
    )


def _render_miss(miss: NearMiss, review: Review | None) -> str:
    hit = miss.hit
    matched = f"<div><dt>Matched</dt><dd>{escape(hit.why)}</dd></div>" if hit.why else ""
    return (
        f"<li><h3>{render_badge(hit.decision)} {escape_text(name_hit(hit, review))}</h3>{render_facts(hit, review)}"
        f"<dl>{matched}<div><dt>Did not</dt><dd>{escape(miss.because)}</dd></div></dl>"
        f"{render_reasons(hit.reasons)}{link_to_letter(hit.letter_id, hit.number, 'Read it in the letter')}</li>"
    )
