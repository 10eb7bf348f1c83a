"""What the page asks of the library. Nothing that a user typed, pasted or uploaded is kept between two questions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from imr_llm.errors import EmptyInput
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.library.embeddings import Embedder
from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Counts, Library
from imr_llm.record import Review
from imr_llm.search.export import Format, export_determinations
from imr_llm.search.hits import Answer, search
from imr_llm.search.similar import SimilarAnswer, find_similar
from imr_llm.search.stats import Statistics, compute_statistics

SIDES = ("upheld", "overturned")


@dataclass(frozen=True)
class OpenLibrary:
    """The library that the page is over, open for reading: its index (None: words alone rank) and its name."""

    library: Library
    index: Index | None
    name: str = "library"


@dataclass(frozen=True)
class Found:
    """An answer, the reviews of the letters in it by letter_id, and the figures if the question asks for some."""

    answer: Answer
    reviews: Mapping[str, Review]
    figures: Statistics | None = None


@dataclass(frozen=True)
class Compared:
    """The cases like a text by decision, and the reviews of the letters in them by letter_id."""

    answers: Mapping[str, SimilarAnswer]
    reviews: Mapping[str, Review]


def open_library(path: Path, embedder: Embedder | None) -> OpenLibrary:
    """Open a library for the page; an absent one is made, and is empty."""
    library = Library.open(path)
    return OpenLibrary(library, open_index(library, embedder) if embedder else None, path.resolve().name)


def ask_question(source: OpenLibrary, text: str, limit: int) -> Found:
    """The answer to a question (at most `limit` hits), with the letters it speaks of."""
    answer = search(source.library, source.index, text, limit=limit)
    figures = compute_statistics(source.library, text) if answer.query.measure and not answer.query.refused else None
    return Found(answer, _collect_reviews(source.library, (hit.letter_id for hit in answer.hits)), figures)


def find_cases(source: OpenLibrary, text: str, decision: str | None, limit: int) -> SimilarAnswer:
    """The cases nearest to a text; `decision` keeps one outcome."""
    return find_similar(source.library, source.index, text, decision=decision, limit=limit)


def compare_cases(source: OpenLibrary, text: str, limit: int) -> Compared:
    """The cases nearest to a text, upheld and overturned apart (at most `limit` each)."""
    answers = {side: find_cases(source, text, side, limit) for side in SIDES}
    hits = (hit.letter_id for answer in answers.values() for hit in answer.hits)
    return Compared(answers, _collect_reviews(source.library, hits))


def count_figures(source: OpenLibrary, text: str, by: str | None) -> Statistics:
    """Figures for a question, grouped by a field (None: by what the question names)."""
    return compute_statistics(source.library, text, by=by)


def count_library(source: OpenLibrary) -> Counts:
    """How much the library holds."""
    return source.library.counts()


def is_empty(source: OpenLibrary) -> bool:
    """Is there no determination in the library yet?"""
    return count_library(source).determinations == 0


def read_letter(source: OpenLibrary, name: str) -> tuple[Review, str]:
    """A letter's review and its kept text, by letter_id prefix, case number or file name; LetterNotFound."""
    return source.library.get_review(name), source.library.letter_text(name)


def make_export(source: OpenLibrary, question: str, form: Format) -> str:
    """Everything that a question selects, as the text of a file; nothing of it stays on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"export.{form}"
        export_determinations(source.library, path, query=question, format=form)
        return path.read_bytes().decode("utf-8")


def read_upload(path: Path) -> str:
    """The text of an uploaded letter, whose file is then removed. InputError, naming the file alone, if there is none.

    Of a file with several letters (an archive) the first counts.
    """
    try:
        letter = next(read_letters([path]), None)
    finally:
        path.unlink(missing_ok=True)
    if isinstance(letter, Letter):
        return letter.text
    if letter is None:
        raise EmptyInput(f"{path.name}: there is no letter in it; choose a PDF or text file")
    raise type(letter.error)(str(letter.error).replace(str(path), path.name)) from letter.error


def _collect_reviews(library: Library, letter_ids: Iterable[str]) -> dict[str, Review]:
    wanted = list(dict.fromkeys(letter_ids))
    return {review.letter.letter_id: review for review in library.iter_reviews(wanted)} if wanted else {}
