"""The statistics tab: overturn rates by a field, and reasons by treatment, for the determinations of a question."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from imr_llm.errors import ImrError
from imr_llm.search.stats import GROUPINGS

from . import figures
from .answers import OpenLibrary, count_all_figures, is_empty
from .endpoints import LONGEST_TEXT
from .notices import render_empty_library, render_notice, render_waiting
from .wiring import PROBLEM, QUIET, UNKEPT, place, report


def lay_out_statistics(source: OpenLibrary, tab: gr.Tab) -> None:
    """The tab's components and events."""
    with gr.Row(elem_classes="imr-figures-form"):
        question = gr.Textbox(
            label="Which determinations? Leave empty for all",
            placeholder="such as: opioids, or denied for missing UDS",
            max_lines=1,
            max_length=LONGEST_TEXT,
            html_attributes=UNKEPT,
            scale=3,
            min_width=240,
            elem_id="imr-counted",
        )
        by = gr.Dropdown(
            figures.list_fields([field for field in GROUPINGS if field != "decision"]),
            value="category",
            label="By",
            scale=1,
            min_width=160,
        )
        count = gr.Button("Count", variant="primary", size="md", scale=0, min_width=100, elem_classes="imr-count")
    answer = place("imr-figures")

    def show(text: str, field: str) -> Iterator[str]:
        yield render_waiting("Counting …")
        if is_empty(source):
            yield render_empty_library(source.name)
            return
        try:
            counted = count_all_figures(source, text, field)
        except ImrError as error:
            yield render_notice(PROBLEM, str(error), kind="problem")
            return
        yield figures.render_figures(counted)

    for event in (count.click, question.submit, by.change, tab.select):
        report(event(show, [question, by], answer, trigger_mode="always_last", **QUIET), answer)
