"""The page itself: what stands where, and what happens on a click.

Gradio is imported by this module, endpoints.py and theme.py alone, and by them only when page.py builds a page.

Handlers yield a waiting line first and then the answer. Errors of ours become a panel in plain words; anything else
is Gradio's to report, and the panel says that something went wrong.
"""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from imr_llm.errors import ImrError
from imr_llm.search.export import Format
from imr_llm.search.stats import GROUPINGS

from . import cards, figures, labels
from .answers import (
    Found,
    OpenLibrary,
    ask_question,
    compare_cases,
    count_figures,
    count_library,
    is_empty,
    make_export,
    read_letter,
    read_upload,
)
from .endpoints import LONGEST_TEXT, add_endpoints
from .letter_view import render_letter, render_unread_letter

PAGE_OF_HITS = 20
CASES_A_SIDE = 5
PROBLEM = "Something went wrong"
KEPT_FILES_SECONDS = 600

# The waiting line says it in words, so Gradio's own progress stays away; none of this is part of the API.
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

# What is typed may be a patient's: the browser is not to remember it, nor to send it to a spelling service.
_UNKEPT = gr.InputHTMLAttributes(autocomplete="off", spellcheck=False)

Updates = dict[Any, Any]


def lay_out(source: OpenLibrary) -> gr.Blocks:
    """The page over an open library."""
    page = gr.Blocks(
        title="IMR determinations",
        analytics_enabled=False,
        delete_cache=(KEPT_FILES_SECONDS, KEPT_FILES_SECONDS),
    )
    with page:
        header = gr.HTML(elem_id="imr-header", apply_default_css=False)
        letter = gr.HTML(
            elem_id="imr-letter", apply_default_css=False, js_on_load=_read_script("show_letter.js"), render=False
        )
        with gr.Tabs(elem_id="imr-tabs"):
            with gr.Tab("Search"):
                _lay_out_search(page, source, letter)
            with gr.Tab("Similar cases"):
                _lay_out_similar(source, letter)
            with gr.Tab("Figures") as tab:
                _lay_out_figures(source, tab)
        gr.HTML(f'<p class="imr-disclaimer">{labels.DISCLAIMER}</p>', elem_id="imr-footer", apply_default_css=False)
        letter.render()  # type: ignore[no-untyped-call]
        _open_from_address(page, source, header, letter)
        add_endpoints(source)
    return page


def _lay_out_search(page: gr.Blocks, source: OpenLibrary, letter: gr.HTML) -> None:
    question = gr.Textbox(
        label="Ask in plain words",
        placeholder="a treatment or drug, a decision, a reason …",
        submit_btn="Search",
        max_lines=1,
        max_length=LONGEST_TEXT,
        html_attributes=_UNKEPT,
        autofocus=True,
        elem_id="imr-question",
    )
    with gr.Row(elem_id="imr-examples"):
        examples = [gr.Button(text, size="sm", min_width=0, elem_classes="imr-example") for text in labels.EXAMPLES]
    answer = gr.HTML(elem_id="imr-answer", apply_default_css=False, js_on_load=_read_script("open_letter.js"))
    asked = gr.State("", time_to_live=3600)
    shown = gr.State(PAGE_OF_HITS, time_to_live=3600)
    with gr.Row(visible=False, elem_id="imr-under") as under:
        more = gr.Button("Show more", size="sm", min_width=120)
        as_csv = gr.Button("Download as CSV", size="sm", min_width=120)
        as_jsonl = gr.Button("Download as JSON Lines", size="sm", min_width=120)
    file = gr.Textbox(visible=False)

    def ask(text: str, limit: int) -> Iterator[Updates]:
        yield {answer: cards.render_waiting("Looking through the letters …"), under: gr.skip()}
        try:
            if is_empty(source):
                yield {answer: cards.render_empty_library(source.name), under: gr.update(visible=False)}
                return
            found = ask_question(source, text, limit)
        except ImrError as error:
            yield {answer: cards.render_notice(PROBLEM, str(error), kind="problem"), under: gr.update(visible=False)}
            return
        hits, total = len(found.answer.hits), found.answer.total
        yield {
            answer: cards.render_answer(found.answer, found.reviews, _render_figures(found)),
            under: gr.update(visible=hits > 0),
            more: gr.update(visible=hits < total),
            asked: text,
            shown: limit,
        }

    def ask_first(text: str) -> Iterator[Updates]:
        if not text.strip():
            yield {answer: cards.render_notice("Ask something", "Type a question, or choose one of the examples.")}
            return
        yield from ask(text, PAGE_OF_HITS)

    def ask_from_address(request: gr.Request) -> Iterator[Updates]:
        text = str(request.query_params.get("q", ""))[:LONGEST_TEXT]
        if is_empty(source):
            yield {answer: cards.render_empty_library(source.name)}
        elif text.strip():
            yield {question: text}
            yield from ask(text, PAGE_OF_HITS)
        else:
            yield {answer: cards.render_introduction()}

    def ask_more(text: str, limit: int) -> Iterator[Updates]:
        yield from ask(text, limit + PAGE_OF_HITS)

    def download(text: str, form: Format) -> str:
        try:
            return f"imr-determinations.{form}\n{make_export(source, text, form)}"
        except ImrError as error:
            raise gr.Error(html.escape(str(error)), title=PROBLEM, print_exception=False) from error

    outputs = [answer, under, more, asked, shown]
    keep_address, save = _read_script("keep_address.js"), _read_script("save_file.js")
    _report(question.submit(ask_first, question, outputs, trigger_mode="always_last", **_QUIET), answer).then(
        None, question, js=keep_address
    )
    for button in examples:
        chosen = button.click(lambda text: text, button, question, **_QUIET)
        _report(chosen.then(ask_first, button, outputs, **_QUIET), answer).then(None, button, js=keep_address)
    _report(more.click(ask_more, [asked, shown], outputs, **_QUIET), answer)
    as_csv.click(lambda text: download(text, "csv"), asked, file, **_QUIET).success(None, file, file, js=save)
    as_jsonl.click(lambda text: download(text, "jsonl"), asked, file, **_QUIET).success(None, file, file, js=save)
    page.load(ask_from_address, None, [question, *outputs], **_QUIET)
    _open_on_click(answer, source, letter)


def _lay_out_similar(source: OpenLibrary, letter: gr.HTML) -> None:
    case = gr.Textbox(
        label="A denial, a draft request or a whole letter",
        placeholder="Paste the text here. It is compared and then forgotten: neither kept nor logged.",
        lines=7,
        max_lines=14,
        max_length=LONGEST_TEXT,
        html_attributes=_UNKEPT,
        elem_id="imr-case",
    )
    with gr.Row(elem_classes="imr-actions"):
        compare = gr.Button("Find similar cases", variant="primary", size="md", min_width=160)
        upload = gr.UploadButton("Upload a letter (PDF or text)", file_types=[".pdf", ".txt"], size="md", min_width=160)
    answer = gr.HTML(elem_id="imr-similar", apply_default_css=False, js_on_load=_read_script("open_letter.js"))

    def find(text: str) -> Iterator[str]:
        if not text.strip():
            yield cards.render_notice("Nothing to compare yet", "Paste a text above, or upload a letter.")
            return
        yield cards.render_waiting("Comparing with the cases decided before …")
        if is_empty(source):
            yield cards.render_empty_library(source.name)
            return
        try:
            compared = compare_cases(source, text, CASES_A_SIDE)
        except ImrError as error:
            yield cards.render_notice(PROBLEM, str(error), kind="problem")
            return
        yield cards.render_similar(compared.answers, compared.reviews)

    def find_uploaded(path: str) -> Iterator[str]:
        yield cards.render_waiting("Reading the letter …")
        try:
            text = read_upload(Path(path))
        except ImrError as error:
            yield cards.render_notice("That file cannot be read", str(error), kind="problem")
            return
        yield from find(text)

    _report(compare.click(find, case, answer, **_QUIET), answer)
    _report(upload.upload(find_uploaded, upload, answer, **_QUIET), answer)
    _open_on_click(answer, source, letter)


def _lay_out_figures(source: OpenLibrary, tab: gr.Tab) -> None:
    with gr.Row(elem_classes="imr-figures-form"):
        question = gr.Textbox(
            label="Which determinations? Leave empty for all",
            placeholder="such as: opioids, or denied for missing UDS",
            max_lines=1,
            max_length=LONGEST_TEXT,
            html_attributes=_UNKEPT,
            scale=3,
            min_width=240,
        )
        by = gr.Dropdown(figures.list_fields(GROUPINGS), value="category", label="By", scale=1, min_width=160)
        count = gr.Button("Count", variant="primary", size="md", scale=0, min_width=100, elem_classes="imr-count")
    answer = gr.HTML(elem_id="imr-figures", apply_default_css=False)

    def show(text: str, field: str) -> Iterator[str]:
        yield cards.render_waiting("Counting …")
        if is_empty(source):
            yield cards.render_empty_library(source.name)
            return
        try:
            yield figures.render_statistics(count_figures(source, text, field))
        except ImrError as error:
            yield cards.render_notice(PROBLEM, str(error), kind="problem")

    for event in (count.click, question.submit, by.change, tab.select):
        _report(event(show, [question, by], answer, trigger_mode="always_last", **_QUIET), answer)


def _open_on_click(answer: gr.HTML, source: OpenLibrary, letter: gr.HTML) -> None:
    """A click on a card's link (the event carries the letter and the item) opens the letter over the page."""

    def open_letter(event: gr.EventData) -> str:
        return _render_named_letter(source, str(event.letter), int(event.item))

    _report(answer.select(open_letter, None, letter, **_QUIET), letter)


def _render_named_letter(source: OpenLibrary, name: str, item: int | None) -> str:
    try:
        review, text = read_letter(source, name)
    except ImrError as error:
        return render_unread_letter(str(error))
    return render_letter(review, text, item)


def _report(event: Any, place: gr.HTML) -> Any:
    """An unforeseen error leaves a panel in plain words where the answer would stand; the details are in the log."""
    text = "The question could not be answered. What happened stands in the program's output."
    event.failure(lambda: cards.render_notice(PROBLEM, text, kind="problem"), None, place, **_QUIET)
    return event


def _open_from_address(page: gr.Blocks, source: OpenLibrary, header: gr.HTML, letter: gr.HTML) -> None:
    """When the page opens: how much there is, and the letter that its address names."""

    def open_page(request: gr.Request) -> Updates:
        name, item = str(request.query_params.get("letter", "")), str(request.query_params.get("item", ""))
        counts = count_library(source)
        updates = {header: cards.render_header(counts.letters, counts.determinations, source.name)}
        if name:
            number = int(item) if item.isdecimal() and len(item) < 5 else None
            updates[letter] = _render_named_letter(source, name, number)
        return updates

    page.load(open_page, None, [header, letter], **_QUIET)


def _render_figures(found: Found) -> str:
    return figures.render_table(found.figures) if found.figures and found.figures.overall.determinations else ""


def _read_script(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
