"""The tab of similar cases: a text is pasted or uploaded, compared, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr

from imr_llm.errors import ImrError

from .answers import OpenLibrary, compare_cases, is_empty, read_upload
from .endpoints import LONGEST_TEXT
from .notices import render_empty_library, render_notice, render_waiting
from .similar_view import render_similar
from .wiring import PROBLEM, QUIET, UNKEPT, Updates, open_on_click, place, report

CASES_A_SIDE = 5


def lay_out_similar(source: OpenLibrary, letter: gr.HTML) -> None:
    """The tab's components and events."""
    case = gr.Textbox(
        label="A denial, a draft request or a whole letter",
        placeholder="Paste the text here. It is compared and then forgotten: neither kept nor logged.",
        lines=7,
        max_lines=14,
        max_length=LONGEST_TEXT,
        html_attributes=UNKEPT,
        elem_id="imr-case",
    )
    with gr.Row(elem_classes="imr-actions"):
        compare = gr.Button("Find similar cases", variant="primary", size="md", min_width=160)
        upload = gr.UploadButton("Upload a letter (PDF or text)", file_types=[".pdf", ".txt"], size="md", min_width=160)
    answer = place("imr-similar", "answer.js")

    def find(text: str) -> Iterator[str]:
        if not text.strip():
            yield render_notice("Nothing to compare yet", "Paste a text above, or upload a letter.")
            return
        yield render_waiting("Comparing with the cases decided before …")
        if is_empty(source):
            yield render_empty_library(source.name)
            return
        try:
            compared = compare_cases(source, text, CASES_A_SIDE)
        except ImrError as error:
            yield render_notice(PROBLEM, str(error), kind="problem")
            return
        yield render_similar(compared.answers, compared.reviews, compared.checklist)

    def find_uploaded(path: str) -> Iterator[Updates]:
        yield {case: "", answer: render_waiting("Reading the letter …")}
        try:
            text = read_upload(Path(path))
        except ImrError as error:
            yield {answer: render_notice("That file cannot be read", str(error), kind="problem")}
            return
        for shown in find(text):
            yield {answer: f'<p class="imr-basis">Compared with {escape(Path(path).name)}</p>{shown}'}

    report(compare.click(find, case, answer, **QUIET), answer)
    report(upload.upload(find_uploaded, upload, [case, answer], **QUIET), answer)
    open_on_click(answer, source, letter)
