"""How a question was read, as chips that can be taken away: each filter, what was added by hand, and ignored words."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from imr_llm.errors import ConfigurationError
from imr_llm.search.query import Filter, Query
from imr_llm.search.refinement import Refinement, refinement_json

from .refining import without_filter


def render_query(query: Query, refinement: Refinement | None = None, model: str | None = None) -> str:
    """A chip for each filter of the (refined) question, and the words that were not used.

    With a `refinement` (an empty one too) every chip can be removed, and a changed question can be had as it was
    asked; without one the chips only tell. `model` names the model that can be asked about the unused words.
    """
    chips = "".join(_render_filter(query, chip, refinement) for chip in query.filters)
    asked = _render_as_asked() if refinement and refinement != Refinement() else ""
    if not chips and (asked or query.text.strip()) and not (query.refused or query.unanswerable):
        chips = f'<li class="imr-chip imr-chip-plain">{"no filter left" if asked else "no filter understood"}</li>'
    row = f'<div class="imr-read"><span class="imr-lead">Read as</span><ul class="imr-chips">{chips}</ul>{asked}</div>'
    return (row if chips else "") + _render_ignored(query.ignored, model)


def render_refine_button(refinement: Refinement, kind: str, content: str, *, label: str = "", state: str = "") -> str:
    """A button that asks again under a refinement; `content` and `state` are HTML, `label` is what it is called."""
    named = f' aria-label="{escape(label)}"' if label else ""
    try:
        target = f' data-refinement="{escape(refinement_json(refinement))}"'
    except ConfigurationError:  # more edits than an address takes
        target = " disabled"
    return f'<button type="button" class="{kind}" data-do="refine"{target}{named}{state}>{content}</button>'


def _render_filter(query: Query, chip: Filter, refinement: Refinement | None) -> str:
    words = f" <small>“{escape(chip.words)}”</small>" if chip.words else ""
    kind = " imr-chip-not" if chip.op == "none" else ""
    remove = _render_remove(query, chip, refinement) if refinement is not None else ""
    return f'<li class="imr-chip{kind}"><span>{escape(chip.label)}{words}</span>{remove}</li>'


def _render_remove(query: Query, chip: Filter, refinement: Refinement) -> str:
    cross = '<span aria-hidden="true">×</span>'
    return render_refine_button(
        without_filter(query, refinement, chip), "imr-remove", cross, label=f"remove filter {chip.label}"
    )


def _render_as_asked() -> str:
    return render_refine_button(Refinement(), "imr-quiet", "As asked", label="as asked: undo every change of filters")


def _render_ignored(ignored: Iterable[str], model: str | None) -> str:
    words = " ".join(f'<span class="imr-unused">{escape(word)}</span>' for word in ignored)
    if not words:
        return ""
    ask = f'<button type="button" class="imr-quiet" data-do="askmodel">Ask {escape(model)}</button>' if model else ""
    return f'<p class="imr-ignored"><span class="imr-lead">Not used</span> {words} {ask}</p>'
