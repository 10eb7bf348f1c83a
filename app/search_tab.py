"""The search tab: the question, its answer with chips and facets, comparisons, saved searches, thumbs and exports."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from functools import partial

import gradio as gr

from imr_llm.errors import ImrError
from imr_llm.search.export import Format

from . import figures, labels
from .answers import (
    Found,
    OpenLibrary,
    ask_question,
    ask_saved,
    can_export,
    choose_examples,
    is_empty,
    make_export,
    read_chosen,
)
from .compare_view import render_comparison
from .endpoints import LONGEST_TEXT
from .feedback import FILE, Judgement, keep_judgement, read_verdict
from .feedback import LONGEST_QUERY as LONGEST_JUDGED
from .model_reading import name_model, read_by_model
from .notices import render_empty_library, render_introduction, render_notice, render_waiting
from .results import render_answer
from .saved import read_saved, render_saved
from .wiring import PROBLEM, QUIET, UNKEPT, Updates, may_write, open_on_click, place, read_script, report

PAGE_OF_HITS = 20
EXAMPLES_SHOWN = 5
COMPARED_AT_MOST = 4
LONGEST_REFINEMENT = 4_000
FORMS: dict[Format, str] = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}


def lay_out_search(page: gr.Blocks, source: OpenLibrary, letter: gr.HTML, comparison: gr.HTML) -> None:
    """The tab's components and events."""
    question = _lay_out_question()
    with gr.Row(elem_id="imr-examples"):
        questions = choose_examples(source, labels.EXAMPLES, EXAMPLES_SHOWN)
        examples = [gr.Button(text, size="sm", min_width=0, elem_classes="imr-example") for text in questions]
    saved = place("imr-saved", "saved.js")
    answer = place("imr-answer", "answer.js")
    judged = place("imr-judged")
    # In the page itself, not in the server's session: what was typed may be a patient's.
    asked = gr.Textbox(visible=False)
    shown = gr.State(PAGE_OF_HITS, time_to_live=3600)
    more = gr.Button("Show more", size="sm", min_width=120, visible=False, elem_id="imr-more")
    under = _lay_out_downloads(source, asked)
    outputs = [question, answer, under, more, asked, shown]

    def ask(text: str, refinement: str, limit: int, told: Sequence[str] = ()) -> Updates:
        hidden = {under: gr.update(visible=False), more: gr.update(visible=False), asked: "", shown: limit}
        try:
            if is_empty(source):
                return {answer: render_empty_library(source.name), **hidden}
            found = ask_question(source, text, limit, refinement)
        except ImrError as error:
            return {answer: render_notice(PROBLEM, str(error), kind="problem"), **hidden}
        hits, total = len(found.answer.hits), found.answer.total
        return {
            answer: _render_found(found, told),
            under: gr.update(visible=hits > 0 and can_export(found)),
            more: gr.update(visible=hits < total),
            asked: _pack(text, refinement),
            shown: limit,
        }

    def ask_first(text: str) -> Iterator[Updates]:
        if not text.strip():
            yield {answer: render_notice("Ask something", "Type a question, or choose one of the examples.")}
            return
        yield {answer: render_waiting("Looking through the letters …")}
        yield ask(text, "", PAGE_OF_HITS)

    def ask_from_address(request: gr.Request) -> Iterator[Updates]:
        text = str(request.query_params.get("q", ""))[:LONGEST_TEXT]
        refinement = str(request.query_params.get("r", ""))[:LONGEST_REFINEMENT]
        if is_empty(source):
            yield {answer: render_empty_library(source.name)}
        elif text.strip() or refinement:
            yield {question: text, answer: render_waiting("Looking through the letters …")}
            yield ask(text, refinement, PAGE_OF_HITS)
        else:
            yield {answer: render_introduction()}

    def ask_refined(event: gr.EventData) -> Updates:
        text, refinement = str(event.question)[:LONGEST_TEXT], str(event.refinement)[:LONGEST_REFINEMENT]
        told: Sequence[str] = ()
        if event.by == "model":
            try:
                refinement, told = read_by_model(text, refinement)
            except ImrError as error:
                told = (f"the model was not heard: {error}",)
        return {question: text, **ask(text, refinement, PAGE_OF_HITS, told)}

    def ask_more(before: str, limit: int) -> Updates:
        return ask(*_unpack(before), limit + PAGE_OF_HITS)

    report(question.submit(ask_first, question, outputs, trigger_mode="always_last", **QUIET), answer)
    for button in examples:
        chosen = button.click(lambda text: text, button, question, **QUIET)
        report(chosen.then(ask_first, button, outputs, **QUIET), answer)
    report(answer.edit(ask_refined, None, outputs, **QUIET), answer)
    report(more.click(ask_more, [asked, shown], outputs, **QUIET), answer)
    report(page.load(ask_from_address, None, outputs, **QUIET), answer)
    open_on_click(answer, source, letter)
    _compare_on_click(answer, source, comparison)
    _judge_on_click(answer, source, judged)
    _check_saved(saved, source)


def _lay_out_question() -> gr.Textbox:
    return gr.Textbox(
        label="Ask in plain words",
        placeholder="a treatment or drug, a decision, a reason …",
        submit_btn="Search",
        max_lines=1,
        max_length=LONGEST_TEXT,
        html_attributes=UNKEPT,
        autofocus=True,
        elem_id="imr-question",
    )


def _pack(text: str, refinement: str) -> str:
    return json.dumps([text, refinement])


def _unpack(before: str) -> tuple[str, str]:
    """Question and refinement as `_pack` wrote them; what a browser sends may be anything."""
    try:
        text, refinement = json.loads(before)
        return str(text)[:LONGEST_TEXT], str(refinement)[:LONGEST_REFINEMENT]
    except (TypeError, ValueError):
        return "", ""


def _lay_out_downloads(source: OpenLibrary, asked: gr.Textbox) -> gr.Row:
    """A button for each form of file; the bytes go to the browser, and the server keeps none of them."""
    file = gr.Textbox(visible=False)

    def make(form: Format, before: str) -> str:
        text, refinement = _unpack(before)
        try:
            return f"imr-determinations.{form}\n{make_export(source, text, form, refinement)}"
        except ImrError as error:
            raise gr.Error(html.escape(str(error)), title=PROBLEM, print_exception=False) from error

    row = gr.Row(visible=False, elem_id="imr-under")
    with row:
        for form, name in FORMS.items():
            button = gr.Button(f"Download as {name}", size="sm", min_width=120)
            made = button.click(partial(make, form), asked, file, **QUIET)
            made.success(None, file, file, js=read_script("save_file.js"))
    return row


def _render_found(found: Found, told: Sequence[str]) -> str:
    shown = figures.render_table(found.figures) if found.figures and found.figures.overall.determinations else ""
    return render_answer(
        found.answer,
        found.reviews,
        shown,
        refinement=found.refinement,
        facets=found.facets,
        ids=found.ids,
        model=name_model(),
        told=told,
    )


def _compare_on_click(answer: gr.HTML, source: OpenLibrary, comparison: gr.HTML) -> None:
    def compare(event: gr.EventData) -> str:
        items = [(str(item["letter"]), int(item["item"])) for item in list(event.items)[:COMPARED_AT_MOST]]
        try:
            return render_comparison(read_chosen(source, items))
        except ImrError as error:
            return render_notice(PROBLEM, str(error), kind="problem")

    report(answer.submit(compare, None, comparison, **QUIET), comparison)


def _judge_on_click(answer: gr.HTML, source: OpenLibrary, judged: gr.HTML) -> None:
    def judge(event: gr.EventData, request: gr.Request) -> str:
        if not may_write(request):
            return _tell("Not kept: only visitors who are logged in can judge.")
        try:
            keep_judgement(source.library.path, Judgement(
                query=str(event.question)[:LONGEST_JUDGED], refinement=str(event.refinement)[:LONGEST_JUDGED],
                letter_id=source.library.find_letter(str(event.letter)), number=int(event.item),
                verdict=read_verdict(str(event.verdict)),
            ))  # fmt: skip
        except ImrError as error:
            return _tell(str(error))
        return _tell(
            f"Noted in {FILE} of this library: the question, this determination’s ids, and your thumb. Thank you."
        )

    report(answer.like(judge, None, judged, **QUIET), judged)


def _tell(words: str) -> str:
    return f'<p class="imr-toast" role="status">{html.escape(words)}</p>'


def _check_saved(saved: gr.HTML, source: OpenLibrary) -> None:
    def check(event: gr.EventData) -> str:
        searches = read_saved(event.searches)
        return render_saved(searches, [ask_saved(source, search) for search in searches])

    saved.input(check, None, saved, **QUIET)
