"""What the page asks of the library. Nothing that a user typed, pasted or uploaded is kept between two questions."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imr_llm.embeddings import Embedder
from imr_llm.errors import EmptyInput, ImrError
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Counts, Library
from imr_llm.record import Determination, Review
from imr_llm.search.checklist import Checklist
from imr_llm.search.export import Format, export_determinations
from imr_llm.search.facets import Facet, count_facets
from imr_llm.search.hits import Answer, search
from imr_llm.search.reading import read_question
from imr_llm.search.refinement import Refinement, read_refinement
from imr_llm.search.similar import SimilarAnswer, find_both_sides, find_similar
from imr_llm.search.stats import Statistics, compute_statistics

from .crosstab import Crosstab, Dates, count_reasons_by_treatment, describe_dates
from .saved import MOST_IDS, SavedSearch
from .saved import Found as SavedFound

NEAR_MISSES = 5


@dataclass(frozen=True)
class OpenLibrary:
    """The library that the page is over, open for reading: its index (None: words alone rank) and its name."""

    library: Library
    index: Index | None
    name: str = "library"


@dataclass(frozen=True)
class Found:
    """An answer, the reviews of the letters in it by letter_id, and the figures if the question asks for some.

    `ids` name all that was found (the first MOST_IDS of it), `facets` count it.
    """

    answer: Answer
    reviews: Mapping[str, Review]
    refinement: Refinement
    facets: tuple[Facet, ...] = ()
    ids: tuple[str, ...] = ()
    figures: Statistics | None = None


@dataclass(frozen=True)
class Figures:
    """Statistics, the reasons by treatment of the same determinations, and where their dates come from."""

    statistics: Statistics
    reasons: Crosstab
    dates: Dates


@dataclass(frozen=True)
class Compared:
    """The cases like a text by decision, and the reviews of the letters in them by letter_id."""

    answers: Mapping[str, SimilarAnswer]
    reviews: Mapping[str, Review]
    checklist: Checklist | None = None


def open_library(path: Path, embedder: Embedder | None) -> OpenLibrary:
    """Open a library for the page; an absent one is made, and is empty."""
    library = Library.open(path)
    return OpenLibrary(library, open_index(library, embedder) if embedder else None, path.resolve().name)


def choose_examples(source: OpenLibrary, questions: Sequence[str], most: int) -> list[str]:
    """The first `most` questions that this library has answers to; of an empty library the first of all."""
    counts = ((text, source.library.count_ids(read_question(source.library, text).filters)) for text in questions)
    return [text for text, number in counts if number][:most] or list(questions[:most])


def ask_question(source: OpenLibrary, text: str, limit: int, refinement: str = "") -> Found:
    """The answer to a question (at most `limit` hits) under a refinement, with the letters it speaks of."""
    edits = read_refinement(refinement)
    answer = search(source.library, source.index, text, limit=limit, refinement=edits, near_misses=NEAR_MISSES)
    shown = [*answer.hits, *(miss.hit for miss in answer.near_misses)]
    reviews = _collect_reviews(source.library, (hit.letter_id for hit in shown))
    if answer.query.refused:
        return Found(answer, reviews, edits)
    facets = () if answer.query.similar else count_facets(source.library, answer.query)
    figures = compute_statistics(source.library, text, refinement=edits) if answer.query.measure else None
    return Found(answer, reviews, edits, facets, _name_found(source, answer, edits), figures)


def ask_saved(source: OpenLibrary, saved: SavedSearch) -> SavedFound:
    """What a saved search finds now."""
    try:
        edits = read_refinement(saved.refinement)
        answer = search(source.library, source.index, saved.question, limit=1, refinement=edits)
    except ImrError as error:
        return SavedFound(problem=str(error))
    return SavedFound(answer.total, _name_found(source, answer, edits))


def _name_found(source: OpenLibrary, answer: Answer, edits: Refinement) -> tuple[str, ...]:
    """Short names of all that an answer found, shown or not (the first MOST_IDS)."""
    query = answer.query
    if query.unanswerable or query.refused or not answer.total:
        return ()
    if query.filters or not query.free_text:
        ids = source.library.select_ids(query.filters)[:MOST_IDS]
        return tuple(_name_one(row.letter_id, row.number) for row in source.library.select(ids=ids))
    hits = answer.hits  # the most relevant: few, and without an order of their own in the records
    if len(hits) < answer.total:
        hits = search(source.library, source.index, query.text, limit=MOST_IDS, refinement=edits).hits
    return tuple(_name_one(hit.letter_id, hit.number) for hit in hits)


def _name_one(letter_id: str, number: int) -> str:
    return f"{letter_id[:12]}.{number}"


def find_cases(source: OpenLibrary, text: str, decision: str | None, limit: int) -> SimilarAnswer:
    """The cases nearest to a text; `decision` keeps one outcome."""
    return find_similar(source.library, source.index, text, decision=decision, limit=limit)


def compare_cases(source: OpenLibrary, text: str, limit: int) -> Compared:
    """The cases nearest to a text, upheld and overturned apart (at most `limit` each), and the checklist of its kind."""
    sides = find_both_sides(source.library, source.index, text, limit)
    answers = {"upheld": sides["upheld"], "overturned": sides["overturned"]}
    hits = (hit.letter_id for answer in answers.values() for hit in answer.hits)
    return Compared(answers, _collect_reviews(source.library, hits), sides["checklist"])


def count_figures(source: OpenLibrary, text: str, by: str | None) -> Statistics:
    """Figures for a question, grouped by a field (None: by what the question names)."""
    return compute_statistics(source.library, text, by=by)


def count_all_figures(source: OpenLibrary, text: str, by: str | None) -> Figures:
    """What the statistics tab shows for a question."""
    statistics = count_figures(source, text, by)
    query = statistics.query
    filters = query.filters
    rows = [] if query.unanswerable or query.refused else source.library.select(filters)
    return Figures(statistics, count_reasons_by_treatment(source.library, filters), describe_dates(rows))


def count_library(source: OpenLibrary) -> Counts:
    """How much the library holds."""
    return source.library.counts()


def is_empty(source: OpenLibrary) -> bool:
    """Is there no determination in the library yet?"""
    return count_library(source).determinations == 0


def read_letter(source: OpenLibrary, name: str) -> tuple[Review, str]:
    """A letter's review and its kept text, by letter_id prefix, case number or file name; LetterNotFound."""
    return source.library.get_review(name), source.library.letter_text(name)


def read_chosen(source: OpenLibrary, items: Iterable[tuple[str, int]]) -> list[tuple[Review, Determination]]:
    """The determinations of (letter, number) pairs, those that are there."""
    found = ((source.library.get_review(letter), number) for letter, number in items)
    return [(review, item) for review, number in found for item in review.determinations if item.number == number]


def can_export(found: Found) -> bool:
    """Does a file hold just what the answer holds? Filters select it; the most relevant of a library are no selection."""
    query = found.answer.query
    return bool(query.filters or not query.free_text) and not query.refused


def make_export(source: OpenLibrary, question: str, form: Format, refinement: str = "") -> str:
    """Everything that a question selects, as the bytes of a file in base 64; nothing of it stays on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"export.{form}"
        edits = read_refinement(refinement)
        export_determinations(source.library, path, query=question, format=form, refinement=edits)
        return base64.b64encode(path.read_bytes()).decode("ascii")


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
