"""The page itself: what stands where.

Gradio is imported by this module, the tabs, wiring.py, endpoints.py and theme.py alone, and by them only when page.py
builds a page.
"""

from __future__ import annotations

import gradio as gr

from . import labels
from .add_tab import lay_out_adding
from .answers import OpenLibrary, count_library
from .endpoints import add_endpoints
from .notices import render_header
from .search_tab import lay_out_search
from .similar_tab import lay_out_similar
from .statistics_tab import lay_out_statistics
from .wiring import QUIET, Updates, open_on_click, place, render_named_letter

KEPT_FILES_SECONDS = 600


def lay_out(source: OpenLibrary) -> gr.Blocks:
    """The page over an open library."""
    page = gr.Blocks(
        title="IMR determinations",
        analytics_enabled=False,
        delete_cache=(KEPT_FILES_SECONDS, KEPT_FILES_SECONDS),
    )
    with page:
        header = place("imr-header")
        letter = place("imr-letter", "dialog.js", "letter.js", render=False)
        comparison = place("imr-comparison", "dialog.js", render=False)
        with gr.Tabs(elem_id="imr-tabs", overflow_behavior="wrap"):
            with gr.Tab("Search"):
                lay_out_search(page, source, letter, comparison)
            with gr.Tab("Similar cases"):
                lay_out_similar(source, letter)
            with gr.Tab("Statistics") as tab:
                lay_out_statistics(source, tab)
            with gr.Tab("Add letters"):
                lay_out_adding(source, header)
        gr.HTML(f'<p class="imr-disclaimer">{labels.DISCLAIMER}</p>', elem_id="imr-footer", apply_default_css=False)
        comparison.render()  # type: ignore[no-untyped-call]
        letter.render()  # type: ignore[no-untyped-call]
        open_on_click(comparison, source, letter)
        _open_from_address(page, source, header, letter)
        add_endpoints(source)
    return page


def _open_from_address(page: gr.Blocks, source: OpenLibrary, header: gr.HTML, letter: gr.HTML) -> None:
    """When the page opens: how much there is, and the letter that its address names."""

    def open_page(request: gr.Request) -> Updates:
        name, item = str(request.query_params.get("letter", "")), str(request.query_params.get("item", ""))
        counts = count_library(source)
        updates = {header: render_header(counts.letters, counts.determinations, source.name)}
        if name:
            number = int(item) if item.isdecimal() and len(item) < 5 else None
            updates[letter] = render_named_letter(source, name, number)
        return updates

    page.load(open_page, None, [header, letter], **QUIET)
