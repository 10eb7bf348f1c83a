"""The page's API: four stateless functions, served as REST and, with gradio[mcp] installed, as MCP tools.

Their docstrings are what a program that calls them gets to read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr
from gradio.events import api

from imr_llm.errors import ImrError
from imr_llm.search.hits import answer_json
from imr_llm.search.similar import similar_json
from imr_llm.search.stats import statistics_json

from .answers import OpenLibrary, ask_question, count_figures, find_cases, read_letter

MOST_HITS = 200
LONGEST_TEXT = 200_000


def add_endpoints(source: OpenLibrary) -> None:
    """Add the endpoints to the Blocks that is being built."""

    def search(query: str, limit: int = 20, refinement: str = "") -> dict[str, Any]:
        """Find determinations of California IMR letters by a question in plain words; hits carry verbatim evidence.

        Args:
            query: the question, such as "find cases denied for missing UDS"
            limit: the most hits to return, 1 to 200
            refinement: edits of the understood filters, {"drop": [key], "add": [[field, value]]} as JSON; "" for none
        """
        with _tell_errors():
            return answer_json(ask_question(source, _cut(query), _bound(limit), refinement).answer)

    def similar(text: str, decision: str = "", limit: int = 10) -> dict[str, Any]:
        """Find determinations like a letter, a denial or a draft request. The text is not kept.

        Args:
            text: the case in words, or a whole letter
            decision: only this outcome (upheld, overturned, partially_overturned), or empty for all
            limit: the most hits to return, 1 to 200
        """
        with _tell_errors():
            return similar_json(find_cases(source, _cut(text), decision or None, _bound(limit)))

    def statistics(query: str = "", by: str = "") -> dict[str, Any]:
        """Count decisions, with uphold and overturn rates, n and 95 % Wilson intervals.

        Args:
            query: which determinations to count, in plain words; empty for all
            by: the field to group by (category, drug, reason, specialty, year and others); empty to follow the query
        """
        with _tell_errors():
            return statistics_json(count_figures(source, _cut(query), by or None))

    def get_review(letter: str) -> dict[str, Any]:
        """Give the whole structured review of one letter.

        Args:
            letter: a letter_id or its beginning, a case number, or a file name
        """
        with _tell_errors():
            return read_letter(source, letter)[0].model_dump(mode="json")

    for endpoint in (search, similar, statistics, get_review):
        api(endpoint, api_name=endpoint.__name__)


@contextmanager
def _tell_errors() -> Iterator[None]:
    """Our own errors reach the caller with their message (it never holds letter text); others stay in the server."""
    try:
        yield
    except ImrError as error:
        raise gr.Error(str(error), title=error.code, print_exception=False) from error


def _bound(limit: int) -> int:
    return min(max(int(limit), 1), MOST_HITS)


def _cut(text: str) -> str:
    return text[:LONGEST_TEXT]
