"""The facets beside an answer: values with exact counts, each a button that adds its filter or takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from imr_llm.search.facets import Facet, FacetValue
from imr_llm.search.query import Query
from imr_llm.search.refinement import NARROWING, Refinement

from .chips import render_refine_button
from .labels import label_facet_value
from .refining import toggle_value

VALUES_SHOWN = 6


def render_facets(query: Query, facets: Sequence[Facet], refinement: Refinement) -> str:
    """The panel; on narrow screens the page's script folds it."""
    groups = "".join(_render_facet(query, facet, refinement) for facet in facets if facet.values)
    if not groups:
        return ""
    basis = "" if query.filters else '<p class="imr-basis">Counted over everything here: no filter holds yet.</p>'
    return (
        f'<details class="imr-facets" open><summary>Narrow down</summary>{basis}'
        f'<div class="imr-facet-groups">{groups}</div></details>'
    )


def _render_facet(query: Query, facet: Facet, refinement: Refinement) -> str:
    rows = [_render_value(query, facet, value, refinement) for value in _chosen_first(facet.values)]
    first, more = "".join(rows[:VALUES_SHOWN]), "".join(rows[VALUES_SHOWN:])
    name = escape(facet.label[:1].upper() + facet.label[1:])
    rest = f"<details><summary>{len(rows) - VALUES_SHOWN} more</summary><ul>{more}</ul></details>" if more else ""
    alternatives = any(value.chosen for value in facet.values) and facet.field not in NARROWING and len(rows) > 1
    hint = "<small>another one widens</small>" if alternatives else ""
    return f'<section class="imr-facet"><h3>{name} {hint}</h3><ul>{first}</ul>{rest}</section>'


def _chosen_first(values: Sequence[FacetValue]) -> list[FacetValue]:
    return sorted(values, key=lambda value: not value.chosen)


def _render_value(query: Query, facet: Facet, value: FacetValue, refinement: Refinement) -> str:
    shown = label_facet_value(facet.field, value.value, value.label)
    content = f"<span>{escape(shown)}</span> <b>{value.count:,}</b>"
    pressed = f' aria-pressed="{"true" if value.chosen else "false"}"'
    key = f' data-facet="{escape(f"{facet.field}={value.value}")}"'
    target = toggle_value(query, refinement, facet.field, value.value, chosen=value.chosen)
    button = render_refine_button(target, "imr-value", content, state=pressed + key)
    return f"<li>{button}</li>"
