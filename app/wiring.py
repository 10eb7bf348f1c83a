"""What the tabs share: how an event is wired, what an unforeseen error leaves on the page, how a letter opens.

Handlers yield a waiting line first and then the answer. Errors of ours become a panel in plain words; anything else
is Gradio's to report, and the panel says that something went wrong.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from imr_llm.errors import ImrError

from .answers import OpenLibrary, read_letter
from .hosts import is_loopback
from .letter_view import render_letter, render_unread_letter
from .notices import render_notice

PROBLEM = "Something went wrong"

# The waiting line says it in words, so Gradio's own progress stays away; none of this is part of the API.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

# What is typed may be a patient's: the browser is not to remember it, nor to send it to a spelling service.
UNKEPT = gr.InputHTMLAttributes(autocomplete="off", spellcheck=False)

Updates = dict[Any, Any]


def place(name: str, *scripts: str, **settings: Any) -> gr.HTML:
    """A place for HTML of ours, with the scripts that make it answer to clicks."""
    script = read_script(*scripts) if scripts else None
    return gr.HTML(elem_id=name, apply_default_css=False, js_on_load=script, **settings)


def report(event: Any, place: gr.HTML) -> Any:
    """An unforeseen error leaves a panel in plain words where the answer would stand; the details are in the log."""
    text = "The question could not be answered. What happened stands in the program's output."
    event.failure(lambda: render_notice(PROBLEM, text, kind="problem"), None, place, **QUIET)
    return event


def open_on_click(answer: gr.HTML, source: OpenLibrary, letter: gr.HTML) -> None:
    """A click on a card's link (the event carries the letter and the item) opens the letter over the page."""

    def open_letter(event: gr.EventData) -> str:
        return render_named_letter(source, str(event.letter), int(event.item))

    report(answer.select(open_letter, None, letter, **QUIET), letter)


def render_named_letter(source: OpenLibrary, name: str, item: int | None) -> str:
    """The letter view of a letter by any of its names, or what says that it cannot be shown."""
    try:
        review, text = read_letter(source, name)
    except ImrError as error:
        return render_unread_letter(str(error))
    return render_letter(review, text, item)


def may_write(request: gr.Request) -> bool:
    """May this visitor add to the library? Only from this machine itself, or logged in."""
    return bool(request.username) or is_loopback(request.client.host if request.client else "")


def read_script(*names: str) -> str:
    """Scripts of this folder, one after the other."""
    return "\n".join(Path(__file__).with_name(name).read_text(encoding="utf-8") for name in names)
