"""A whole answer as HTML: how the question was read, facets, tools, a card for each hit, and what almost answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from imr_llm.record import Review
from imr_llm.search.facets import Facet
from imr_llm.search.hits import Answer
from imr_llm.search.refinement import Refinement, refinement_json

from .cards import render_hit
from .checklist_view import render_checklist
from .chips import render_query
from .facet_panel import render_facets
from .labels import count_of
from .near_miss_panel import render_near_misses
from .notices import render_notes, render_notice

# Shown by the page's script once a card is chosen.
_CHOOSING = (
    '<div class="imr-choosing" role="region" aria-label="Chosen for comparison" hidden><span role="status"></span>'
    '<button type="button" class="imr-quiet" data-do="compare">Compare side by side</button>'
    '<button type="button" class="imr-quiet" data-do="unchoose">Choose none</button></div>'
)


def render_answer(
    answer: Answer,
    reviews: Mapping[str, Review],
    figures: str = "",
    *,
    refinement: Refinement | None = None,
    facets: Sequence[Facet] = (),
    ids: Sequence[str] = (),
    model: str | None = None,
    told: Sequence[str] = (),
) -> str:
    """A whole answer: what was understood, how many there are, and a card for each hit.

    `reviews` holds the hits' letters by letter_id; a hit whose letter is not in it gets a card without details.
    `figures` is HTML to stand before the cards, for a question that asks for figures. `ids` name what was found, so
    that a saved search can tell what is new. `model` names the model that can be asked about unused words, `told` are
    notes on what it said.
    """
    refinement = refinement or Refinement()
    read = render_query(answer.query, refinement, None if answer.query.similar else model)
    if answer.query.refused:
        return _wrap(
            answer, refinement, (), read + render_notice("This question is not answered", answer.query.refused)
        )
    notes = render_notes(dict.fromkeys((*answer.query.notes, *answer.notes, *told)))
    almost = render_near_misses(answer.near_misses, reviews)
    checklist = render_checklist(answer.checklist) if answer.checklist else ""
    if not answer.hits:
        found = _render_nothing_found(notes, bool(answer.query.filters)) + almost
        return _wrap(
            answer,
            refinement,
            ids,
            read + _beside(render_facets(answer.query, facets, refinement), _render_tools() + found),
        )
    asked = [str(code) for code in answer.query.values("reason")]
    cards = "".join(render_hit(hit, reviews.get(hit.letter_id), asked) for hit in answer.hits)
    head = f'<div class="imr-found-head">{_render_total(answer)}{_render_tools()}</div>'
    found = f'{head}<div class="imr-cards">{cards}</div>{_CHOOSING}{almost}'
    return _wrap(
        answer,
        refinement,
        ids,
        read + notes + checklist + figures + _beside(render_facets(answer.query, facets, refinement), found),
    )


def _wrap(answer: Answer, refinement: Refinement, ids: Sequence[str], body: str) -> str:
    """The answer with its address: the question, its refinement and what was found, for the page's scripts."""
    refined = refinement_json(refinement)
    return (
        f'<div class="imr-result" data-question="{escape(answer.query.text)}" data-refinement="{escape(refined)}"'
        f' data-total="{answer.total}" data-ids="{escape(" ".join(ids))}">{body}</div>'
    )


def _beside(facets: str, found: str) -> str:
    kind = "imr-split" if facets else "imr-whole"
    return f'<div class="{kind}">{facets}<div class="imr-found">{found}</div></div>'


def _render_tools() -> str:
    return (
        '<div class="imr-tools"><button type="button" class="imr-quiet" data-do="copy">Copy link</button>'
        '<button type="button" class="imr-quiet" data-do="save">Save this search</button>'
        '<span class="imr-said" role="status"></span></div>'
    )


def _render_total(answer: Answer) -> str:
    shown = len(answer.hits)
    found = count_of(answer.total, "determination")
    some = f", the best {shown} shown" if shown < answer.total else ""
    letters = count_of(answer.letters_searched, "letter")
    basis = f"among {count_of(answer.determinations_searched, 'determination')} in {letters}"
    return f'<h2 class="imr-total" tabindex="-1"><b>{found}</b>{some} <span>{basis}</span></h2>'


def _render_nothing_found(notes: str, filtered: bool) -> str:
    advice = (
        "Remove one of the conditions above, or word it more broadly."
        if filtered
        else "Nothing of the question was understood as a condition. Name a treatment or drug, a decision or a reason."
    )
    return (
        f'<section class="imr-notice"><h2 class="imr-total" tabindex="-1">Nothing fits</h2>{notes}'
        f"<p>{advice}</p></section>"
    )
