"""How well questions are answered: the program's search beside plain Chroma dense search and BM25, on the same letters.

A query that names a set is judged as a set (everything that search returns against everything that answers); all with
an answer are judged as rankings (nDCG@10, R-precision, reciprocal rank, by ir_measures). Pairs are judged as NevIR
does: two queries, a document of each answer, and both orders must be right. A failure is told with the question's
parse, and whose fault it is: the question's reading or, where the record itself is wrong, extraction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import bm25s
import chromadb
import ir_measures
from ir_measures import RR, Qrel, Rprec, ScoredDoc, nDCG

from imr_llm.embeddings import Embedder
from imr_llm.library.index import open_index
from imr_llm.library.store import Library
from imr_llm.search.hits import search

from .queries import Key, Labels, Query, QuerySet, find_answers, label_record, satisfies
from .search_scores import BM25, DENSE, PROGRAM, RANKINGS, Miss, PairRow, QueryRow, SearchFigures, make_search_figures

RANK_MEASURES = dict(zip(RANKINGS, (nDCG @ 10, Rprec, RR), strict=True))


@dataclass(frozen=True)
class Answered:
    """What one arm gave to one query, best first; `parse` and `ignored` where it reads the question."""

    keys: tuple[Key, ...]
    parse: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def judge_search(library: Library, embedder: Embedder, queries: QuerySet, labelled: list[Labels]) -> SearchFigures:
    """Ask every query of the set of all three, and judge the answers by labels. Brings the library's index up to date."""
    index = open_index(library, embedder)
    index.update()
    records = {
        (review.letter.file, item.number): (label_record(review, item), _document(item))
        for review in library.iter_reviews()
        for item in review.determinations
    }
    # What extraction missed counts as not found: letters that failed, and those in which it saw no item.
    files = {review.letter.file for review in library.iter_reviews()}
    files |= {PurePosixPath(failure.source.split("!")[-1]).name for failure in library.failures()}
    within = [labels for labels in labelled if labels.key[0] in files]
    arms = {DENSE: _ask_chroma, BM25: _ask_bm25}
    documents = {key: document for key, (_, document) in records.items()}
    answers = {query.id: find_answers(query, within) for query in queries.queries}
    asked = [query for query in queries.queries if answers[query.id] is not None]
    if not asked or not documents:
        return SearchFigures(queries.name, queries.sha256, len(within), (), (), tuple(answers), {})
    given: dict[str, dict[str, Answered]] = {
        PROGRAM: {query.id: _ask_program(library, index, query.text) for query in asked}
    }
    for arm, ask in arms.items():
        ranked = ask(documents, [query.text for query in asked], embedder)
        given[arm] = {query.id: Answered(keys) for query, keys in zip(asked, ranked, strict=True)}
    known = {labels.key for labels in within}
    given = {arm: {i: _within(answered, known) for i, answered in rows.items()} for arm, rows in given.items()}
    found = {key: labels for key, (labels, _) in records.items()}
    rows = tuple(_judge_query(query, answers[query.id] or set(), given, found) for query in asked)
    pairs = tuple(_judge_pairs(queries, answers, given))
    skipped = tuple(query.id for query in queries.queries if answers[query.id] is None)
    return SearchFigures(
        queries.name, queries.sha256, len(known), rows, pairs, skipped, make_search_figures(rows, pairs)
    )


def _within(answered: Answered, known: set[Key]) -> Answered:
    """The answer without determinations that the gold set does not know: nothing can be said of them."""
    return Answered(tuple(key for key in answered.keys if key in known), answered.parse, answered.ignored)


# ------------------------------------------------------------------------------------------------------------ arms


def _document(item: Any) -> str:
    """What a plain search would index of a determination."""
    return f"{item.title}: {item.decision}. {item.rationale.text if item.rationale else ''}"


def _ask_program(library: Library, index: Any, text: str) -> Answered:
    answer = search(library, index, text, limit=0)
    keys = tuple((hit.file, hit.number) for hit in answer.hits)
    return Answered(keys, tuple(f.label for f in answer.query.filters), answer.query.ignored)


def _ask_chroma(documents: Mapping[Key, str], texts: Sequence[str], embedder: Embedder) -> list[tuple[Key, ...]]:
    """Whole determinations in a Chroma collection, nearest first: what one gets by following Chroma's own guide."""
    keys = list(documents)
    client = chromadb.EphemeralClient(settings=chromadb.config.Settings(anonymized_telemetry=False))
    name = "plain-determinations"
    if name in {collection.name for collection in client.list_collections()}:
        client.delete_collection(name)
    collection = client.create_collection(name, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None)
    collection.add(ids=[str(at) for at in range(len(keys))], embeddings=list(embedder.embed(list(documents.values()))))
    answer = collection.query(query_embeddings=list(embedder.embed(texts)), n_results=len(keys), include=[])
    return [tuple(keys[int(i)] for i in ids) for ids in answer["ids"]]


def _ask_bm25(documents: Mapping[Key, str], texts: Sequence[str], embedder: Embedder) -> list[tuple[Key, ...]]:
    keys = list(documents)
    retriever = bm25s.BM25()
    retriever.index(bm25s.tokenize(list(documents.values()), stopwords="en", show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(texts), stopwords="en", show_progress=False)
    places, _ = retriever.retrieve(tokens, k=len(keys), show_progress=False)
    return [tuple(keys[int(at)] for at in row) for row in places]


# --------------------------------------------------------------------------------------------------------- judging


def _judge_query(
    query: Query,
    answers: set[Key],
    given: Mapping[str, Mapping[str, Answered]],
    found: Mapping[Key, Labels],
) -> QueryRow:
    answered = given[PROGRAM][query.id]
    returned = set(answered.keys)
    right = len(answers & returned)
    both = len(answers) + len(returned)
    set_f1 = None if query.ranked else 1.0 if not both else 2 * right / both
    return QueryRow(
        id=query.id,
        family=query.family,
        answers=len(answers),
        returned=len(returned),
        right=right,
        set_f1=set_f1,
        ranks={arm: _rank(answers, rows[query.id].keys) for arm, rows in given.items()} if answers else {},
        parse=answered.parse,
        ignored=answered.ignored,
        misses=() if query.ranked else tuple(_list_misses(query, answers, returned, found)),
    )


def _rank(answers: set[Key], keys: Sequence[Key]) -> dict[str, float]:
    qrels = [Qrel("q", _name(key), 1) for key in answers]
    run = [ScoredDoc("q", _name(key), float(-place)) for place, key in enumerate(keys)]
    if not run:
        return dict.fromkeys(RANK_MEASURES, 0.0)
    values = ir_measures.calc_aggregate(list(RANK_MEASURES.values()), qrels, run)
    return {name: round(float(values[each]), 6) for name, each in RANK_MEASURES.items()}


def _name(key: Key) -> str:
    return f"{key[0]}#{key[1]}"


def _list_misses(query: Query, answers: set[Key], returned: set[Key], found: Mapping[Key, Labels]) -> Iterable[Miss]:
    for key in sorted(answers ^ returned):
        wrong = key in returned
        if query.where is None:
            fault = "not told (the answer is listed, not derived)"
        else:
            by_record = key in found and satisfies(found[key], query.where)
            fault = "extraction" if by_record is wrong else "question"
        yield Miss(*key, wrong, fault)


def _judge_pairs(
    queries: QuerySet, answers: Mapping[str, set[Key] | None], given: Mapping[str, Mapping[str, Answered]]
) -> Iterable[PairRow]:
    for pair in queries.pairs:
        first, second = answers[pair.first], answers[pair.second]
        if not first or not second:
            continue
        documents = [(one, other) for one in sorted(first - second) for other in sorted(second - first)]
        if documents:
            yield PairRow(pair.id, {
                arm: _judge_orders(rows[pair.first].keys, rows[pair.second].keys, documents)
                for arm, rows in given.items()
            })  # fmt: skip


def _judge_orders(first: Sequence[Key], second: Sequence[Key], documents: list[tuple[Key, Key]]) -> float:
    ranks = [{key: place for place, key in enumerate(keys)} for keys in (first, second)]
    right = [
        ranks[0].get(one, math.inf) < ranks[0].get(other, math.inf)
        and ranks[1].get(other, math.inf) < ranks[1].get(one, math.inf)
        for one, other in documents
    ]
    return round(sum(right) / len(right), 6)
