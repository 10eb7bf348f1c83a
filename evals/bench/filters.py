"""Filtered search beside Chroma's `where`, over one synthetic library, question by question in turn.

    python evals/bench/filters.py --number 100000 --folder /tmp/bench

Ours is `answer_query`: filters select in SQLite, words, reasons and vectors rank everything that they left, and 20 hits
are made with their evidence. Chroma's is the query alone, by vectors, with the same filters as `where`, over the same
vectors. The question is parsed before either. Every question's answers are checked: the selected set against the reviews themselves, and the order of
the vectors against an exact scan. What was built is kept in --folder and used again.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from synthetic import DRUGS, RandomEmbedder, fill_library

from imr_llm.library.filters import Filter, Query
from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Library
from imr_llm.search.facets import count_facets
from imr_llm.search.hits import Answer, answer_query
from imr_llm.search.query import parse_query

LIMIT = 20
TOLERANCE = 1e-6
GROUNDS = (
    "missing urine drug screen", "no functional improvement", "no weaning plan", "no pain relief", "no opioid agreement",
)  # fmt: skip
FIELDS = ("decision", "category", "subcategory", "drug", "reason", "letter_date")


@dataclass(frozen=True)
class Truth:
    """What the reviews themselves say, a place for each determination, and its vectors as the records keep them."""

    ids: NDArray[np.int64]
    facts: list[dict[str, Any]]
    owners: NDArray[np.int64]
    rows: NDArray[np.float32]


@dataclass(frozen=True)
class Expected:
    """A question with what it selects, every score of that by an exact scan, and the best LIMIT."""

    text: str
    query: Query
    vector: NDArray[np.float32]
    selected: NDArray[np.int64]
    scores: dict[int, float]
    best: list[int]


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one question, ours and Chroma's, and the share of the exact first 20 that Chroma gave."""

    ours: float
    chroma: float
    recall: float


def main() -> None:
    """Build what is missing, ask in turn, check, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=100_000, help="determinations (100000)")
    parser.add_argument("--folder", type=Path, required=True, help="where the library and the collection are built")
    parser.add_argument("--questions", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=2, help="rounds after the first (2)")
    args = parser.parse_args()
    with Library.open(args.folder / "library", writing=True) as library:
        index = open_index(library, RandomEmbedder())
        _build(library, index, args.number)
        truth = _read_truth(library, index)
        collection = _build_plain(args.folder / "plain", truth)
        questions = _make_questions(library, args.questions)
    # Opened anew: nothing that was asked before is kept.
    with Library.open(args.folder / "library") as library:
        index = open_index(library, RandomEmbedder())
        print(f"{len(questions)} questions, {args.rounds + 1} rounds, limit {LIMIT}", flush=True)
        expected = [_expect(truth, text) for text in questions]
        sizes = [len(one.selected) for one in expected]
        print(f"they select {min(sizes)} to {max(sizes)}, median {np.median(sizes):.0f}", flush=True)
        rounds = [[_ask(library, index, collection, one) for one in expected] for _ in range(args.rounds + 1)]
        _print_times("first time asked", rounds[0])
        _print_times("asked again", list(itertools.chain.from_iterable(rounds[1:])))
        _print_facets(library, questions)
    print("every selected set and every order of vectors is that of the exact scan")
    print(f"python evals/bench/filters.py --number {args.number} --folder {args.folder}")


def _build(library: Library, index: Index, number: int) -> None:
    started = time.perf_counter()
    held = library.counts().determinations
    if held == 0:
        fill_library(library, number)
    written = time.perf_counter()
    index.update(with_chroma=False)
    print(
        f"{library.counts().determinations} determinations"
        + (" (built before)" if held else f": written in {written - started:.0f} s")
        + f", vectors in {time.perf_counter() - written:.0f} s",
        flush=True,
    )


def _read_truth(library: Library, index: Index) -> Truth:
    """The facts of each determination from its review, without the tables that filters ask."""
    places = {place: i for i, place in library.determination_ids().items()}
    facts: dict[int, dict[str, Any]] = {}
    for review in library.iter_reviews():
        for item in review.determinations:
            treatment, date = item.treatment, review.case.decision_date
            facts[places[review.letter.letter_id, item.number]] = {
                "decision": item.decision,
                "category": treatment.category or "",
                "subcategory": f"{treatment.category}.{treatment.subcategory}",
                "drug": treatment.drug or "",
                "year": date.year if date else 0,
                "reason": sorted({reason.code for reason in item.reasons}),
            }
    ids = np.asarray(sorted(facts))
    owners, rows = [], []
    for at in range(0, len(ids), 5000):
        for stored in library.vectors(index.model, ids[at : at + 5000].tolist()):
            owners.append(stored.id)
            rows.append(np.frombuffer(stored.vector, dtype="<f4"))
    return Truth(ids, [facts[i] for i in ids.tolist()], np.asarray(owners), np.stack(rows))


def _build_plain(folder: Path, truth: Truth) -> Any:
    """Chroma as one would use it: the vectors with their metadata in one collection."""
    import chromadb
    from chromadb.config import Settings

    client = chromadb.PersistentClient(path=str(folder), settings=Settings(anonymized_telemetry=False))
    collection = client.get_or_create_collection(
        "plain", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )
    started, held = time.perf_counter(), collection.count()
    facts = dict(zip(truth.ids.tolist(), truth.facts, strict=True))
    for at in range(held, len(truth.owners), 2000):
        owners = truth.owners[at : at + 2000].tolist()
        metadata: list[Any] = [{name: value for name, value in facts[i].items() if value != []} for i in owners]
        keys = [f"{i}:{at + n}" for n, i in enumerate(owners)]
        collection.add(ids=keys, embeddings=list(truth.rows[at : at + 2000]), metadatas=metadata)
    print(
        f"{collection.count()} vectors in plain Chroma" + (" (built before)" if held else "")
        + f", {time.perf_counter() - started:.0f} s",
        flush=True,
    )  # fmt: skip
    return collection


def _make_questions(library: Library, number: int) -> list[str]:
    """Questions broad and narrow whose filters all have a `where` in Chroma."""
    brands = [drug[0] for drug in DRUGS]
    broad = [
        "denied",
        "overturned",
        "denied in 2016",
        "pharmaceuticals denied",
        "opioids denied",
        "muscle relaxants denied",
    ]
    patterns = (
        *(f"{brand} {decision}" for brand in brands for decision in ("denied", "overturned")),
        *(f"denied for {ground}" for ground in GROUNDS),
        *(f"{brand} denied for {ground}" for ground in GROUNDS for brand in brands[:4]),
        *(f"{brand} denied in {year}" for year in (2014, 2015, 2017) for brand in brands[:6]),
    )
    step = max(1, len(patterns) // (number - len(broad)))
    asked = [*broad, *patterns[::step]]
    filters = {text: parse_query(text).filters for text in asked}
    usable = [text for text in asked if filters[text] and all(f.field in FIELDS for f in filters[text])]
    return [text for text in usable if library.count_ids(filters[text]) >= LIMIT][:number]


def _expect(truth: Truth, text: str) -> Expected:
    """What the reviews and an exact scan of the records' vectors say of a question."""
    query = parse_query(text)
    vector = RandomEmbedder().embed([query.free_text])
    selected = truth.ids[[_satisfies(facts, query.filters) for facts in truth.facts]]
    kept = np.isin(truth.owners, selected)
    scores: dict[int, float] = {}
    for owner, score in zip(truth.owners[kept].tolist(), (truth.rows[kept] @ vector[0]).tolist(), strict=True):
        scores[owner] = max(score, scores.get(owner, -1.0))
    best = sorted(scores, key=lambda i: (-scores[i], i))[:LIMIT]
    return Expected(text, query, vector, selected, scores, best)


def _ask(library: Library, index: Index, collection: Any, expected: Expected) -> Timing:
    """Ask both, ours first; only the asking is timed."""
    where = _make_where(expected.query.filters)
    started = time.perf_counter()
    answer = answer_query(library, index, expected.query, limit=LIMIT)
    ours = time.perf_counter()
    found = collection.query(
        query_embeddings=list(expected.vector), n_results=LIMIT, where=where, include=["distances"]
    )
    chroma = time.perf_counter()
    _check(library, index, answer, expected)
    theirs = {int(key.partition(":")[0]) for key in found["ids"][0]}
    return Timing(
        1000 * (ours - started), 1000 * (chroma - ours), len(theirs & set(expected.best)) / len(expected.best)
    )


def _check(library: Library, index: Index, answer: Answer, expected: Expected) -> None:
    """The set that is selected, and the order of its vectors, are those of the exact scan."""
    text, selected, scores = expected.text, expected.selected, expected.scores
    assert library.select_ids(answer.query.filters) == selected.tolist(), f"{text}: not what the reviews say"
    assert answer.total == len(selected), f"{text}: {answer.total} hits, {len(selected)} determinations satisfy it"
    assert len(answer.hits) == min(LIMIT, len(selected))
    order = index.order_ids(expected.query.free_text, selected)[:LIMIT].tolist()
    for ours, exact in zip(order, expected.best, strict=True):
        assert abs(scores[ours] - scores[exact]) < TOLERANCE, f"{text}: not the order of an exact scan"


def _satisfies(facts: dict[str, Any], filters: Sequence[Filter]) -> bool:
    for filter in filters:
        if filter.field == "letter_date":
            first, last = (int(str(value)[:4]) for value in filter.value)
            if not first <= facts["year"] <= last:
                return False
        elif filter.field == "reason":
            if not set(filter.value) & set(facts["reason"]):
                return False
        elif facts[filter.field] not in filter.value:
            return False
    return True


def _make_where(filters: Iterable[Filter]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for filter in filters:
        if filter.field == "letter_date":
            first, last = (int(str(value)[:4]) for value in filter.value)
            parts += [{"year": {"$gte": first}}, {"year": {"$lte": last}}]
        elif filter.field == "reason":
            held = [{"reason": {"$contains": code}} for code in filter.value]
            parts.append(held[0] if len(held) == 1 else {"$or": held})
        else:
            parts.append({filter.field: {"$in": list(filter.value)}})
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _print_times(when: str, timings: Sequence[Timing]) -> None:
    ours, chroma = ([getattr(timing, name) for timing in timings] for name in ("ours", "chroma"))
    print(f"{when}, ms:  p50  p95")
    for name, values in (("ours", ours), ("Chroma where", chroma)):
        print(f"  {name:<13}{np.percentile(values, 50):8.1f}{np.percentile(values, 95):8.1f}")
    ratios = [np.percentile(chroma, p) / np.percentile(ours, p) for p in (50, 95)]
    print(
        f"  ratio        {ratios[0]:8.1f}{ratios[1]:8.1f}   Chroma's recall@{LIMIT} {np.mean([t.recall for t in timings]):.3f}"
    )


def _print_facets(library: Library, questions: Sequence[str]) -> None:
    times = []
    for text in questions:
        started = time.perf_counter()
        count_facets(library, parse_query(text))
        times.append(1000 * (time.perf_counter() - started))
    print(
        f"ten facets, ms: first {times[0]:.0f}, then p50 {np.percentile(times, 50):.1f}, p95 {np.percentile(times, 95):.1f}"
    )


if __name__ == "__main__":
    main()
