"""The records of a library: the only module that talks to SQLite.

    with Library.open(Path("imr-library")) as library:
        library.put_review(letter, review)
        library.get_review("CM16-0123456")

One process writes at a time (a lock of our own: LibraryBusy), any number reads meanwhile (WAL). A letter is written
in one transaction, so a killed run costs at most the letter in hand. Errors never hold letter text.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imr_llm.errors import LetterNotFound, LibraryBusy, LibraryError, LibraryTooNew
from imr_llm.letters.cleaning import clean_text
from imr_llm.library.facts import (
    cites_none,
    compare_guidelines,
    derive_letter_facts,
    drug_names,
    has_sure_regions,
    read_rationale_pages,
    uds_states,
)
from imr_llm.library.fields import FIELDS, Field, from_tables, select_filter, where_filter
from imr_llm.library.filters import Filter
from imr_llm.library.kept import Ids, Kept, ascend, find_common, is_among, read_ids
from imr_llm.library.migrations import MIGRATIONS
from imr_llm.library.passages import read_passages
from imr_llm.record import Determination, Guideline, Review, Run
from imr_llm.terms.strength import strength_key
from imr_llm.terms.vocabulary import find_drugs

RECORDS = "records.sqlite"
LOCK = "writer.lock"
SHORTEST_PREFIX = 4
# Parameters in one statement; SQLite allows 32,766.
BATCH = 10_000
MOST_MATCHES = 5_000
# Of more determinations than this the words' scores are added up from those of the whole library.
NARROW = 2_000


class LetterLike(Protocol):
    """What the library keeps of a letter (letter.Letter has it)."""

    @property
    def letter_id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def pages(self) -> int: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Failure:
    """A source of which no review came: `code` is an ImrError code, `at` an ISO time (UTC)."""

    source: str
    code: str
    message: str
    at: str
    run_key: str
    letter_id: str | None = None


@dataclass(frozen=True)
class Row:
    """One determination with its letter's fields, as the tables hold it (for search, stats and export)."""

    id: int
    letter_id: str
    file: str
    case_number: str | None
    number: int
    title: str
    decision: str
    ur_action: str
    category: str | None
    subcategory: str | None
    drug: str | None
    brand: str | None
    strength: str | None
    quantity: float | None
    unit: str | None
    refills: int | None
    laterality: str
    retrospective: bool
    uds_rationale: str
    uds_summary: str
    guideline_difference: str | None
    needs_review: bool
    letter_date: str | None
    letter_date_basis: str | None
    ur_denial_date: str | None
    injury_date: str | None
    injury_date_basis: str | None
    age: int | None
    sex: str | None
    layout: str


CitationRow = tuple[str, str | None, str | None, int | None, str | None, int | None, int | None]
_ROW = """SELECT d.id, d.letter_id, l.file, v.case_number, d.number, d.title, d.decision, d.ur_action, d.category,
    d.subcategory, d.drug, d.brand, d.strength, d.quantity, d.unit, d.refills, d.laterality, d.retrospective,
    d.uds_rationale, d.uds_summary, d.guideline_difference, d.needs_review, v.letter_date, v.letter_date_basis,
    v.ur_denial_date, v.injury_date, v.injury_date_basis, v.age, v.sex, v.layout"""
_FROM = "FROM determinations d JOIN reviews v ON v.letter_id = d.letter_id JOIN letters l ON l.letter_id = d.letter_id"
# One parameter for any number of ids: SQLite's limit does not bind, and nothing is split.
_BM25 = "bm25(passages, 2.0, 4.0, 1.0, 1.0)"
_AMONG = "(SELECT value FROM json_each(?))"
_GROUNDS = (
    f"FROM (SELECT * FROM determinations WHERE id IN {_AMONG} AND decision = ?) d"
    " JOIN reasons r ON r.determination_id = d.id"
)


@dataclass(frozen=True)
class Finding:
    """A reason as stored: the code with its located quote."""

    code: str
    polarity: str
    primary: bool
    quote: str
    start: int
    end: int
    match: str
    found_by: str


@dataclass(frozen=True)
class Example:
    """A quote that states a ground: its letter, the determination it stands in, and its offsets in the kept text."""

    letter_id: str
    file: str
    case_number: str | None
    number: int
    quote: str
    start: int
    end: int
    match: str


@dataclass(frozen=True)
class Match:
    """A full-text match: `score` is BM25, higher is better."""

    id: int
    score: float


@dataclass(frozen=True)
class StoredVector:
    """A passage's vector: the determination's id, offsets in the kept text, and float32 bytes."""

    id: int
    position: int
    start: int
    end: int
    vector: bytes


@dataclass(frozen=True)
class Counts:
    """How much a library holds."""

    letters: int
    reviews: int
    determinations: int
    reasons: int
    failures: int


def run_key(run: Run) -> str:
    """sha256 of extractor | model | prompt_sha256 | schema_sha256 | taxonomy_version | program_version."""
    parts = (
        run.extractor, run.model, run.prompt_sha256, run.schema_sha256, run.taxonomy_version, run.program_version
    )  # fmt: skip
    return hashlib.sha256("|".join(part or "" for part in parts).encode()).hexdigest()


class Library:
    """A library directory. A reader needs no lock; the first write takes the writer's lock until `close`.

    May be shared between threads. `path` is the directory.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock: sqlite3.Connection | None = None
        self._guard = threading.RLock()
        self._kept = Kept()
        self._writes = 0

    @classmethod
    def open(cls, path: Path, *, create: bool = True, writing: bool = False) -> Self:
        """Open (and create, and migrate) a library. `writing` takes the writer's lock at once.

        Raises LibraryBusy (someone else writes), LibraryTooNew (unknown migrations), LibraryError (not a library,
        damaged, or absent and create is false).
        """
        records = path / RECORDS
        if not records.exists() and not create:
            raise LibraryError(f"{path} is not a library: {RECORDS} is missing; run `imr-llm extract` first")
        try:
            path.mkdir(parents=True, exist_ok=True)
            library = cls(path, _connect(records))
        except (OSError, sqlite3.Error) as error:
            raise LibraryError(f"{records} cannot be opened ({error}); `imr-llm doctor` checks a library") from error
        try:
            library._migrate()
            if writing:
                library.take_lock()
            else:
                library.release_lock()
        except BaseException:
            library.close()
            raise
        return library

    def close(self) -> None:
        """Close the files and give the writer's lock back."""
        self._connection.close()
        self.release_lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------------------------------------------------ writing

    def take_lock(self) -> None:
        """Become the one writer. Raises LibraryBusy where another process is.

        The lock is an SQLite file of its own, held open in an exclusive transaction: the system drops it with the
        process, however that ends, and it works the same on every platform.
        """
        if self._lock is not None:
            return
        lock = sqlite3.connect(self.path / LOCK, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            lock.close()
            raise LibraryBusy(f"{self.path} is being written by another process; wait for it to end") from error
        self._lock = lock

    def release_lock(self) -> None:
        """Stop being the writer; the next write takes the lock again."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def put_review(self, letter: LetterLike, review: Review) -> None:
        """Keep a letter and its current review, in one transaction; replaces the letter's former review.

        A letter that was read from several places is one letter with several sources. An open failure of this
        source is closed.
        """
        facts = derive_letter_facts(letter.text, review)
        body = review.model_dump_json()
        with self._write() as db:
            self._put_letter(db, letter, review)
            db.execute("DELETE FROM passages WHERE rowid IN (SELECT id FROM determinations WHERE letter_id = ?)",
                       [letter.letter_id])  # fmt: skip
            db.execute("DELETE FROM reviews WHERE letter_id = ?", [letter.letter_id])
            _insert(db, "reviews", {
                "letter_id": letter.letter_id, "run_key": run_key(review.run), "body": body,
                "body_sha256": hashlib.sha256(body.encode()).hexdigest(), "stored_at": _now(),
                "case_number": review.case.case_number, "decision_date": _iso(review.case.decision_date),
                "letter_date": facts.letter.date, "letter_date_basis": facts.letter.basis,
                "ur_denial_date": facts.ur_denial.date, "ur_denial_date_basis": facts.ur_denial.basis,
                "injury_date": facts.injury.date, "injury_date_basis": facts.injury.basis,
                "application_received": _iso(review.case.application_received),
                "date_assigned": _iso(review.case.date_assigned),
                "age": review.patient.age, "sex": review.patient.sex, "priority": review.case.priority,
                "layout": review.letter.layout, "items": len(review.determinations),
                "extractor": review.run.extractor, "model": review.run.model,
                "program_version": review.run.program_version,
            })  # fmt: skip
            for determination in review.determinations:
                _put_determination(db, review, determination, facts.summary)
            self._put_attempt(db, letter.source, letter.letter_id, run_key(review.run), "ok", "")
            db.execute("DELETE FROM failures WHERE source = ?", [letter.source])

    def record_failure(
        self, source: str, code: str, message: str, *, run_key: str, letter_id: str | None = None
    ) -> None:
        """Keep that a source gave no review: the attempt, and the open failure. Pass no letter text."""
        with self._write() as db:
            self._put_attempt(db, source, letter_id, run_key, code, message)
            db.execute(
                "INSERT OR REPLACE INTO failures (source, letter_id, run_key, code, message, at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [source, letter_id, run_key, code, message, _now()],
            )

    def clear_failure(self, source: str) -> None:
        """Forget an open failure (it went well since); its attempt stays."""
        with self._write() as db:
            db.execute("DELETE FROM failures WHERE source = ?", [source])

    def add_source(self, letter_id: str, source: str, file: str) -> None:
        """Note one more place where a letter of the library was read from."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", [letter_id, source, file])

    def delete_letter(self, name: str) -> str:
        """Remove a letter and everything made of it; its letter_id."""
        letter_id = self.find_letter(name)
        with self._write() as db:
            db.execute("DELETE FROM passages WHERE rowid IN (SELECT id FROM determinations WHERE letter_id = ?)",
                       [letter_id])  # fmt: skip
            db.execute("DELETE FROM failures WHERE letter_id = ?", [letter_id])
            db.execute("DELETE FROM letters WHERE letter_id = ?", [letter_id])
        return letter_id

    def put_vectors(self, model: str, vectors: Sequence[StoredVector]) -> None:
        """Keep the vectors of whole determinations under a model's name, replacing theirs."""
        with self._write() as db:
            db.executemany("DELETE FROM vectors WHERE model = ? AND determination_id = ?",
                           [(model, found) for found in {vector.id for vector in vectors}])  # fmt: skip
            db.executemany(
                "INSERT INTO vectors (determination_id, model, position, start, end, vector) VALUES (?, ?, ?, ?, ?, ?)",
                [(v.id, model, v.position, v.start, v.end, v.vector) for v in vectors],
            )

    def delete_vectors(self, model: str) -> None:
        """Drop every vector of a model (they are made again from the records)."""
        with self._write() as db:
            db.execute("DELETE FROM vectors WHERE model = ?", [model])

    # ------------------------------------------------------------------------------------------ reading

    def has_review(self, letter_id: str, key: str) -> bool:
        """Is there a current review of this letter made under this run key?"""
        return bool(self._read("SELECT 1 FROM reviews WHERE letter_id = ? AND run_key = ?", [letter_id, key]))

    def failures(self) -> list[Failure]:
        """The open failures, oldest first."""
        rows = self._read("SELECT source, code, message, at, run_key, letter_id FROM failures ORDER BY at, source")
        return [Failure(*row) for row in rows]

    def iter_reviews(self, letter_ids: Iterable[str] | None = None) -> Iterator[Review]:
        """Every current review (or those named), in the order they were first added."""
        if letter_ids is None:
            letter_ids = [row[0] for row in self._read(
                "SELECT letter_id FROM reviews JOIN letters USING (letter_id) ORDER BY letters.rowid")]  # fmt: skip
        for letter_id in letter_ids:
            for row in self._read("SELECT body FROM reviews WHERE letter_id = ?", [letter_id]):
                yield _read_body(letter_id, row[0])

    def find_letter(self, name: str) -> str:
        """The letter_id for a letter_id prefix (4 characters or more), case number or file name.

        Raises LetterNotFound; where several letters answer to the name, the message says how to tell them apart.
        """
        return self._one_letter(name, self._letters_named(name.strip()))

    def get_review(self, name: str) -> Review:
        """The review of `find_letter(name)`."""
        letter_id = self.find_letter(name)
        for review in self.iter_reviews([letter_id]):
            return review
        raise LetterNotFound(f"letter {letter_id[:12]} has no review; run `imr-llm extract` on it")

    def letter_text(self, name: str) -> str:
        """The kept text of `find_letter(name)`."""
        return str(self._read("SELECT text FROM letters WHERE letter_id = ?", [self.find_letter(name)])[0][0])

    def sources(self, letter_id: str) -> list[str]:
        """Every path or URL that this letter was read from, in the order it was."""
        return [
            row[0] for row in self._read("SELECT source FROM sources WHERE letter_id = ? ORDER BY rowid", [letter_id])
        ]

    def counts(self) -> Counts:
        """How much there is."""
        names = ("letters", "reviews", "determinations", "reasons", "failures")
        return Counts(*(self._count(f"SELECT count(*) FROM {name}")[0] for name in names))

    def check(self) -> list[str]:
        """What is wrong with the file itself (SQLite's own checks); empty where all is well."""
        found = [row[0] for row in self._read("PRAGMA integrity_check") if row[0] != "ok"]
        return found + [f"foreign key broken in {row[0]}" for row in self._read("PRAGMA foreign_key_check")]

    # ------------------------------------------------------------------------------------------ selecting

    def select(self, filters: Sequence[Filter] = (), ids: Sequence[int] | None = None) -> list[Row]:
        """The determinations that satisfy every filter (or those of `ids`), in the order they were added."""
        where, parameters = _where(filters)
        if ids is not None:
            rows: list[Row] = []
            for some in _batches(ids):
                sql = f"{_ROW} {_FROM} WHERE {where} AND d.id IN ({', '.join('?' * len(some))}) ORDER BY d.id"
                rows += [_row(values) for values in self._read(sql, [*parameters, *some])]
            return rows
        return [_row(values) for values in self._read(f"{_ROW} {_FROM} WHERE {where} ORDER BY d.id", parameters)]

    def select_ids(self, filters: Sequence[Filter] = (), *, failing: Filter | None = None) -> list[int]:
        """The ids of the determinations that satisfy every filter, and do not satisfy `failing`, ascending."""
        found: list[int] = self.select_array(filters, failing=failing).tolist()
        return found

    def select_array(self, filters: Sequence[Filter] = (), *, failing: Filter | None = None) -> Ids:
        """As `select_ids`: each filter is asked by itself, and what it selects kept for the next question."""
        found = find_common([self._filter_ids(filter) for filter in filters] or [self._filter_ids(None)])
        return found if failing is None else found[~is_among(found, self._filter_ids(failing))]

    def count_ids(self, filters: Sequence[Filter] = ()) -> int:
        """How many determinations satisfy every filter."""
        return len(self.select_array(filters))

    def findings(self, ids: Sequence[int]) -> dict[int, list[Finding]]:
        """The reasons of some determinations, primary first."""
        found: dict[int, list[Finding]] = {i: [] for i in ids}
        sql = "SELECT determination_id, code, polarity, is_primary, quote, start, end, match, found_by FROM reasons"
        for row in self._read_in(sql, "ORDER BY determination_id, is_primary DESC, position", ids):
            found[row[0]].append(Finding(row[1], row[2], bool(row[3]), *row[4:]))
        return found

    def values_of(self, field: str, ids: Sequence[int]) -> dict[int, list[str]]:
        """The values that some determinations have in a field of library.fields (empty list: not known)."""
        known = FIELDS[field]
        found: dict[int, list[str]] = {i: [] for i in ids}
        if known.kind == "value":
            sql = f"SELECT d.id AS determination_id, ({known.sql}) AS value {_FROM}"
            rows = self._read_in(f"SELECT determination_id, value FROM ({sql})", "", ids)
        else:
            rows = self._read_in(f"SELECT DISTINCT determination_id, value FROM ({_list_sql(known)})", "", ids)
        for determination_id, value in rows:
            if value is not None and value not in known.unknown:
                found[determination_id].append(str(value))
        return found

    def count_values(self, field: str, filters: Sequence[Filter] = ()) -> list[tuple[str, int]]:
        """How many of the determinations that satisfy every filter have each value of a field, most frequent first.

        Values that none of them has are left out, and those that stand for not known.
        """
        postings = self._postings(field)
        if filters:
            among = self._mask(self.select_array(filters))
            counts = {value: int(np.count_nonzero(among[ids])) for value, ids in postings.items()}
        else:
            counts = {value: len(ids) for value, ids in postings.items()}
        return sorted(((v, n) for v, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0]))

    def match_text(
        self,
        text: str,
        ids: Sequence[int] | Ids | None = None,
        *,
        limit: int = MOST_MATCHES,
        with_summary: bool = False,
    ) -> list[Match]:
        """The determinations (of `ids`) whose passages hold words of the text, best first. Any text is safe.

        `with_summary` reads the clinical summary too, to compare cases.
        """
        words = match_words(text)
        columns = _columns(with_summary)
        if not words or (ids is not None and len(ids) == 0):
            return []
        if ids is not None and self._adds_up(ids, words, columns):
            best, scores = self._add_words(words, columns, np.asarray(ids, dtype=np.int64), limit)
            return [Match(*pair) for pair in zip(best.tolist(), scores.tolist(), strict=True)]
        within = f"AND +rowid IN {_AMONG}" if ids is not None else ""
        rows = self._read(
            f"SELECT rowid, -{_BM25} AS score FROM passages WHERE passages MATCH ? {within}"
            " ORDER BY score DESC, rowid LIMIT ?",
            [f"{columns}({match_expression(text)})", *([] if ids is None else [_id_list(ids)]), limit],
        )
        return [Match(*row) for row in rows]

    def order_by_words(self, text: str, ids: Sequence[int] | Ids, *, limit: int = MOST_MATCHES) -> Ids:
        """As `match_text`, the ids alone."""
        words, columns = match_words(text), _columns(False)
        if words and self._adds_up(ids, words, columns):
            return self._add_words(words, columns, np.asarray(ids, dtype=np.int64), limit)[0]
        return np.asarray([match.id for match in self.match_text(text, ids, limit=limit)], dtype=np.int64)

    def _adds_up(self, ids: Sequence[int] | Ids, words: Sequence[str], columns: str) -> bool:
        """Is it faster to add up the words' scores of the whole library than to ask for these determinations alone?"""
        version = self._version()
        return len(ids) > NARROW or all(self._kept.holds(version, ("word", word, columns)) for word in words)

    def _add_words(self, words: Sequence[str], columns: str, ids: Ids, limit: int) -> tuple[Ids, NDArray[np.float64]]:
        """The score of several words is the sum of what each is worth; of each, the whole library's is kept."""
        scores = np.zeros(self.id_bounds()[1] + 1)
        for word in words:
            holding, worth = self._word_scores(word, columns)
            scores[holding] += worth
        found = ascend(ids)
        # A word in more than half of the letters is worth next to nothing, yet more than no word.
        found = found[scores[found] > 0]
        best = found[np.argsort(-scores[found], kind="stable")[:limit]]
        return best, scores[best]

    def order_by_reasons(self, ids: Sequence[int] | Ids, codes: Sequence[str]) -> Ids:
        """Those of some determinations that have any of the codes.

        First those whose main reason is among them, then those with more of them.
        """
        among = self._mask(np.asarray(ids, dtype=np.int64))
        number, is_main = np.zeros(len(among), dtype=np.int64), np.zeros(len(among), dtype=np.bool_)
        for code in dict.fromkeys(codes):
            number[self._filter_ids(Filter("reason", "any", (code,), "", ""))] += 1
            is_main[self._filter_ids(Filter("primary_reason", "any", (code,), "", ""))] = True
        found = np.flatnonzero(among & (number > 0))
        return found[np.lexsort((found, -number[found], ~is_main[found]))]

    def count_decisions(self, ids: Sequence[int]) -> dict[str, int]:
        """How many of some determinations have each decision."""
        sql = f"SELECT decision, count(*) FROM determinations WHERE id IN {_AMONG} GROUP BY decision"
        return {row[0]: row[1] for row in self._read(sql, [_id_list(ids)])}

    def count_grounds(self, ids: Sequence[int], decision: str, polarity: str) -> list[tuple[str, int]]:
        """(code, how many of some determinations with this decision have it), most frequent first."""
        sql = f"SELECT r.code, count(DISTINCT d.id) AS n {_GROUNDS} AND r.polarity = ? GROUP BY r.code ORDER BY n DESC, r.code"
        return [(row[0], row[1]) for row in self._read(sql, [_id_list(ids), decision, polarity])]

    def quote_grounds(
        self, ids: Sequence[int], decision: str, codes: Sequence[str], *, most: int
    ) -> dict[str, list[Example]]:
        """For each code, quotes of at most `most` letters among some determinations, main grounds before others."""
        columns = "l.letter_id, l.file, v.case_number, d.number, r.quote, r.start, r.end, r.match"
        best = "ORDER BY r.is_primary DESC, r.match, d.id, r.position"
        inner = (
            f"SELECT {columns}, row_number() OVER (PARTITION BY l.letter_id {best}) AS place, r.is_primary, d.id AS id"
            f" {_GROUNDS} AND r.code = ? JOIN reviews v ON v.letter_id = d.letter_id"
            " JOIN letters l ON l.letter_id = d.letter_id"
        )
        sql = f"SELECT * FROM ({inner}) WHERE place = 1 ORDER BY is_primary DESC, match, id LIMIT ?"
        among = _id_list(ids)
        return {code: [Example(*row[:8]) for row in self._read(sql, [among, decision, code, most])] for code in codes}

    def vectors(self, model: str, ids: Sequence[int] | None = None) -> list[StoredVector]:
        """The vectors of a model, of all determinations or of some."""
        sql = "SELECT determination_id, position, start, end, vector FROM vectors"
        if ids is None:
            rows = self._read(f"{sql} WHERE model = ? ORDER BY determination_id, position", [model])
        else:
            rows = self._read_in(sql, "AND model = ? ORDER BY determination_id, position", ids, [model])
        return [StoredVector(*row) for row in rows]

    def without_vectors(self, model: str) -> list[int]:
        """Determinations that have no vector of this model yet."""
        sql = "SELECT id FROM determinations WHERE id NOT IN (SELECT determination_id FROM vectors WHERE model = ?)"
        return [row[0] for row in self._read(f"{sql} ORDER BY id", [model])]

    def count_vectors(self, model: str) -> int:
        """How many passages have a vector of this model."""
        return int(self._read("SELECT count(*) FROM vectors WHERE model = ?", [model])[0][0])

    def id_bounds(self) -> tuple[int, int]:
        """How many determinations there are, and the highest id ever in use among them (0 for none)."""
        count, highest = self._count("SELECT count(*), coalesce(max(id), 0) FROM determinations")
        return count, highest

    def determination_ids(self) -> dict[int, tuple[str, int]]:
        """id -> (letter_id, number) of every determination."""
        return {row[0]: (row[1], row[2]) for row in self._read("SELECT id, letter_id, number FROM determinations")}

    # ------------------------------------------------------------------------------------------ inside

    def _migrate(self) -> None:
        known = {migration.name for migration in MIGRATIONS}
        done = self._migrations_done()
        if done - known:
            raise LibraryTooNew(
                f"{self.path} was written by a newer version ({', '.join(sorted(done - known))}); update imr-llm"
            )
        if known - done:
            self._run_migrations()

    def _migrations_done(self) -> set[str]:
        if not self._read("SELECT 1 FROM sqlite_master WHERE name = 'migrations'"):
            return set()
        return {row[0] for row in self._read("SELECT name FROM migrations")}

    def _run_migrations(self) -> None:
        self.take_lock()
        self._read("PRAGMA journal_mode = WAL")
        with self._write() as db:
            db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
        for migration in MIGRATIONS:
            if migration.name in self._migrations_done():
                continue
            with self._write() as db:
                for statement in migration.script:
                    db.execute(statement)
                db.execute("INSERT INTO migrations VALUES (?, ?)", [migration.name, _now()])

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction, under the writer's lock."""
        with self._guard:
            self.take_lock()
            with _sqlite_errors(self.path):
                self._connection.execute("BEGIN IMMEDIATE")
                self._writes += 1
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    self._writes += 1
                    raise
                self._connection.execute("COMMIT")
                self._writes += 1

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._guard, _sqlite_errors(self.path):
            return self._connection.execute(sql, list(parameters)).fetchall()

    def _count(self, sql: str) -> tuple[int, ...]:
        """The one row of a count over whole tables."""
        with self._guard:
            return self._kept.get(self._version(), sql, lambda: tuple(map(int, self._read(sql)[0])), len)

    def _version(self) -> tuple[int, int]:
        """Another one after anything was written, here or by another process."""
        return int(self._read("PRAGMA data_version")[0][0]), self._writes

    def _filter_ids(self, filter: Filter | None) -> Ids:
        """The determinations that satisfy one filter (None: all), ascending."""
        select, parameters = ("SELECT id FROM determinations", []) if filter is None else select_filter(filter)
        sql = f"SELECT group_concat(id) FROM ({select})"
        key = ("filter", select, tuple((type(value), value) for value in parameters))
        with self._guard:
            return self._kept.get(self._version(), key, lambda: read_ids(self._read(sql, parameters)[0][0]), len)

    def _postings(self, field: str) -> dict[str, Ids]:
        """Each value of a field, and the determinations that have it, ascending."""
        known = FIELDS[field]
        if known.kind == "value":
            sql = f"SELECT ({known.sql}) AS value, group_concat(d.id) {from_tables(known.sql)} GROUP BY value"
        else:
            sql = f"SELECT value, group_concat(DISTINCT determination_id) FROM ({_list_sql(known)}) GROUP BY value"

        def make() -> dict[str, Ids]:
            rows = self._read(sql)
            return {str(value): read_ids(ids) for value, ids in rows if value not in (None, *known.unknown)}

        with self._guard:
            return self._kept.get(self._version(), ("values", field), make, lambda kept: sum(map(len, kept.values())))

    def _word_scores(self, word: str, columns: str) -> tuple[Ids, NDArray[np.float64]]:
        """The determinations whose passages hold a word, and what it is worth in each (BM25)."""
        sql = f"SELECT rowid, -{_BM25} FROM passages WHERE passages MATCH ?"

        def make() -> tuple[Ids, NDArray[np.float64]]:
            rows = np.asarray(self._read(sql, [f'{columns}("{word}")']), dtype=np.float64).reshape(-1, 2)
            return rows[:, 0].astype(np.int64), rows[:, 1].copy()

        with self._guard:
            return self._kept.get(self._version(), ("word", word, columns), make, lambda kept: 2 * len(kept[0]))

    def _mask(self, ids: Ids) -> NDArray[np.bool_]:
        mask = np.zeros(self.id_bounds()[1] + 1, dtype=np.bool_)
        mask[ids] = True
        return mask

    def _read_in(
        self, sql: str, rest: str, ids: Sequence[int], parameters: Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Rows of `sql` for some determination ids, in batches that SQLite's parameter limit allows."""
        rows: list[tuple[Any, ...]] = []
        for some in _batches(ids):
            marks = ", ".join("?" * len(some))
            rows += self._read(f"{sql} WHERE determination_id IN ({marks}) {rest}", [*some, *parameters])
        return rows

    def _put_letter(self, db: sqlite3.Connection, letter: LetterLike, review: Review) -> None:
        db.execute(
            "INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (letter_id) DO UPDATE SET layout = excluded.layout, text = excluded.text,"
            " characters = excluded.characters, pages = excluded.pages",
            [letter.letter_id, letter.file, letter.media_type, letter.pages, len(letter.text),
             review.letter.layout, letter.text, _now()],
        )  # fmt: skip
        db.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", [letter.letter_id, letter.source, letter.file])

    def _put_attempt(
        self, db: sqlite3.Connection, source: str, letter_id: str | None, key: str, code: str, message: str
    ) -> None:
        db.execute(
            "INSERT INTO attempts (source, letter_id, run_key, code, message, at) VALUES (?, ?, ?, ?, ?, ?)",
            [source, letter_id, key, code, message, _now()],
        )

    def _letters_named(self, name: str) -> list[tuple[str, str, str | None]]:
        """(letter_id, file, case number) of the letters that answer to a name."""
        columns = (
            "SELECT DISTINCT l.letter_id, l.file, v.case_number FROM letters l"
            " LEFT JOIN reviews v ON v.letter_id = l.letter_id LEFT JOIN sources s ON s.letter_id = l.letter_id"
        )
        exact = (
            f"{columns} WHERE l.letter_id = ? OR v.case_number = ? COLLATE NOCASE OR l.file = ? OR s.file = ?"
            " OR s.source = ?"
        )
        rows = self._read(exact, [name] * 5)
        if not rows and len(name) >= SHORTEST_PREFIX and re.fullmatch(r"[0-9a-fA-F]+", name):
            rows = self._read(f"{columns} WHERE substr(l.letter_id, 1, ?) = ?", [len(name), name.lower()])
        return [(row[0], row[1], row[2]) for row in rows]

    def _one_letter(self, name: str, rows: list[tuple[str, str, str | None]]) -> str:
        if not rows:
            raise LetterNotFound(
                f"no letter {name!r} in the library {self.path.name}; give a case number, a file name, or {SHORTEST_PREFIX} or more"
                " characters of a letter_id"
            )
        if len(rows) > 1:
            choices = ", ".join(f"{row[0][:12]} ({row[1]})" for row in rows[:5])
            raise LetterNotFound(f"{len(rows)} letters answer to {name!r}: {choices}; give more of the letter_id")
        return rows[0][0]


def _put_determination(db: sqlite3.Connection, review: Review, determination: Determination, summary: str) -> None:
    treatment = determination.treatment
    determination_id = _insert(db, "determinations", {
        "letter_id": review.letter.letter_id, "number": determination.number, "title": determination.title,
        "decision": determination.decision, "ur_action": determination.ur_action, "category": treatment.category,
        "subcategory": treatment.subcategory, "drug": treatment.drug, "brand": treatment.brand,
        "strength": treatment.strength, "strength_key": strength_key(treatment.strength),
        "quantity": treatment.quantity, "unit": treatment.unit, "refills": treatment.refills,
        "laterality": treatment.laterality, "retrospective": treatment.retrospective,
        "partly_authorized": determination.request.authorized is not None,
        "uds_rationale": determination.uds_status, "uds_summary": review.summary.uds_status,
        "guideline_difference": compare_guidelines(determination),
        "needs_review": bool(determination.needs_review),
    })  # fmt: skip
    for position, reason in enumerate(determination.reasons):
        evidence = reason.evidence
        _insert(db, "reasons", {
            "determination_id": determination_id, "position": position, "code": reason.code,
            "polarity": reason.polarity, "is_primary": reason.primary, "quote": evidence.quote,
            "start": evidence.start, "end": evidence.end, "match": evidence.match, "found_by": reason.found_by,
        })  # fmt: skip
    for field, values in _facets(review, determination).items():
        db.executemany("INSERT OR IGNORE INTO facets VALUES (?, ?, ?)",
                       [(determination_id, field, value) for value in values])  # fmt: skip
    db.executemany("INSERT INTO citations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                   [(determination_id, *citation) for citation in _citations(determination)])  # fmt: skip
    _put_passages(db, determination_id, determination, summary)


def _put_passages(db: sqlite3.Connection, determination_id: int, determination: Determination, summary: str) -> None:
    """The words that search reads; those of the clinical summary are for comparing cases alone."""
    passages = read_passages(determination)
    evidence = "\n".join(passage.text for passage in passages if passage.codes)
    findings = "\n".join(passage.text for passage in passages if not passage.codes)
    db.execute("INSERT INTO passages (rowid, title, evidence, findings, summary) VALUES (?, ?, ?, ?, ?)",
               [determination_id, clean_text(determination.title), evidence, findings, summary])  # fmt: skip


def _facets(review: Review, determination: Determination) -> dict[str, Iterable[str]]:
    """The several-valued fields of a determination (library.fields names them)."""
    medications = " ; ".join(review.summary.medications)
    regions, sure = determination.treatment.body_regions, has_sure_regions(determination)
    return {
        "drug": drug_names(determination.treatment.drug),
        "mentioned_drug": {name for found in find_drugs(medications) for name in drug_names(found.drug.generic)},
        "region": regions if sure else (),
        "unsure_region": () if sure else regions,
        "state": review.reviewer.licensed_states,
        "specialty": review.reviewer.specialties,
        "uds": uds_states(review, determination),
        "cites_none": cites_none(determination),
        "contradiction": [contradiction.topic for contradiction in determination.contradictions],
    }


def _citations(determination: Determination) -> Iterator[CitationRow]:
    """(role, source, chapter, year, section, first page, last page): a row for each section and each page range."""
    for role, guideline in (
        ("claims_administrator", determination.claims_administrator_guideline),
        ("maximus", determination.maximus_guideline),
    ):
        yield from _guideline_rows(role, guideline)
    if determination.rationale:
        for pages in read_rationale_pages(determination.rationale.text):
            yield "rationale", None, None, None, None, pages.first, pages.last


def _guideline_rows(role: str, guideline: Guideline | None) -> Iterator[CitationRow]:
    for citation in guideline.citations if guideline else []:
        about = (role, citation.source, citation.chapter, citation.year)
        for section in (*citation.sections, *(() if citation.sections else (None,))):
            yield *about, section, None, None
        for first, last in citation.pages:
            yield *about, None, first, last


def _list_sql(field: Field) -> str:
    if field.kind != "pages":
        return field.sql
    return ("SELECT determination_id, CASE WHEN first_page = last_page THEN CAST(first_page AS TEXT)"
            f" ELSE first_page || '-' || last_page END AS value FROM ({field.sql}) WHERE first_page IS NOT NULL")  # fmt: skip


def _columns(with_summary: bool) -> str:
    """The columns of passages that words are looked for in."""
    return "" if with_summary else "{title evidence findings} : "


def _id_list(ids: Sequence[int] | Ids) -> str:
    return json.dumps(np.asarray(ids, dtype=np.int64).tolist(), separators=(",", ":"))


def _where(filters: Sequence[Filter]) -> tuple[str, list[Any]]:
    parts, parameters = ["1"], []
    for filter in filters:
        sql, values = where_filter(filter)
        parts.append(f"({sql})")
        parameters += values
    return " AND ".join(parts), parameters


_WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 64


def match_words(text: str) -> list[str]:
    """The words of a text that are searched for, each once."""
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))[:MOST_WORDS]


def match_expression(text: str) -> str:
    """An FTS5 expression that asks for any of the words, each quoted: no character of the text is an operator."""
    return " OR ".join(f'"{word}"' for word in match_words(text))


def _read_body(letter_id: str, body: str) -> Review:
    try:
        return Review.model_validate_json(body)
    except ValidationError as error:
        raise LibraryError(
            f"the review of letter {letter_id[:12]} does not fit this version's schema; extract the letter again"
        ) from error


def _connect(records: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(records, isolation_level=None, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> int:
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    return db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values())).lastrowid or 0


_BOOLEANS = [at for at, field in enumerate(fields(Row)) if field.type == "bool"]


def _row(values: tuple[Any, ...]) -> Row:
    plain = list(values)
    for at in _BOOLEANS:
        plain[at] = bool(plain[at])
    return Row(*plain)


@contextmanager
def _sqlite_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as ours; its messages name tables and files, never values."""
    try:
        yield
    except sqlite3.Error as error:
        raise LibraryError(f"{path / RECORDS} cannot be used ({error}); `imr-llm doctor` checks a library") from error


def _batches(ids: Sequence[int], size: int = BATCH) -> Iterator[Sequence[int]]:
    for at in range(0, len(ids), size):
        yield ids[at : at + size]


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def _iso(date: datetime.date | None) -> str | None:
    return date.isoformat() if date else None
