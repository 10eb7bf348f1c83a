"""The configured model as a reader of what the grammar left: who it is, and a question read by it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from urllib.parse import urlsplit

from imr_llm.search.model_reader import read_with_model
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import read_refinement, refine, refinement_json
from imr_llm.settings import OPENAI_BASE_URL, read_settings


def name_model() -> str | None:
    """The configured model and where a question would go; None where no model can be asked."""
    settings = read_settings(os.environ)
    if not settings.model:
        return None
    if settings.runs_locally:
        return "the model on this machine"
    if settings.base_url == OPENAI_BASE_URL and not settings.api_key:
        return None
    return f"{settings.model} at {urlsplit(settings.base_url).hostname}"


def read_by_model(text: str, refinement: str) -> tuple[str, tuple[str, ...]]:
    """A refinement with what the model reads in the question's unused words, and why the rest of it does not count.

    Raises as `read_with_model` and `read_refinement` do.
    """
    edits = read_refinement(refinement)
    reading = asyncio.run(read_with_model(refine(parse_query(text), edits), read_settings(os.environ)))
    return refinement_json(replace(edits, read=(*edits.read, *reading.read))), reading.turned_away
