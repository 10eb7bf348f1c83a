"""The tab that adds letters: files in, a bar while they are read, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr

from imr_llm.errors import ImrError, LibraryBusy

from .adding import add_letters, plan_extraction
from .answers import OpenLibrary, count_library
from .notices import render_header, render_notice, render_waiting
from .progress_view import render_progress
from .wiring import PROBLEM, QUIET, Updates, may_write, place, report

KINDS = [".pdf", ".txt", ".zip"]
_INTRODUCTION = (
    "<p>Determination letters that you choose are read and become part of the library. One that is there already is not"
    " read again; a file that cannot be read is named, and the rest goes on.</p>"
)
REFUSED = "Letters can be added on the machine that serves this page, or when logged in (IMR_AUTH)."


def lay_out_adding(source: OpenLibrary, header: gr.HTML) -> None:
    """The tab's components and events."""
    gr.HTML(
        f'<section class="imr-intro imr-first">{_INTRODUCTION}<p>{_describe_extractor()}</p></section>',
        apply_default_css=False,
    )
    with gr.Row(elem_classes="imr-actions"):
        files = gr.UploadButton(
            "Choose letters to add (PDF, text or zip)",
            file_count="multiple",
            file_types=KINDS,
            variant="primary",
            size="md",
            min_width=160,
            elem_id="imr-files",
        )
    told = place("imr-added")

    def add(paths: list[str] | None, request: gr.Request) -> Iterator[Updates]:
        uploaded = [Path(path) for path in paths or []]
        if not may_write(request):
            _remove(uploaded)
            yield {told: render_notice("Not from here", REFUSED, kind="problem")}
            return
        yield {told: render_waiting("Waiting for the library …")}
        yield from _add(uploaded)

    def _add(uploaded: list[Path]) -> Iterator[Updates]:
        try:
            for progress in add_letters(source.library, source.index, uploaded):
                yield {told: render_progress(progress)}
        except LibraryBusy as error:
            yield {told: render_notice("The library is busy", f"Nothing was added: {error}.", kind="problem")}
            return
        except ImrError as error:
            yield {told: render_notice(PROBLEM, str(error), kind="problem")}
            return
        counts = count_library(source)
        yield {header: render_header(counts.letters, counts.determinations, source.name)}

    outputs = [told, header]
    report(files.upload(add, files, outputs, concurrency_limit=2, **QUIET), told)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _describe_extractor() -> str:
    try:
        plan, _ = plan_extraction()
    except ImrError as error:
        return escape(str(error))
    kept = "What is uploaded stays on this machine; a letter becomes part of the library, its file is removed."
    sent = " Its text is sent to the endpoint that you configured." if plan.model else ""
    return escape(f"Extractor: {plan.extractor} ({plan.why}). {kept}{sent}")
