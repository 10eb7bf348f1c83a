"""The vector index: which determinations read most like a text. The only module that talks to Chroma.

Vectors are made from the passages of the records and kept with them; Chroma holds a disposable copy under chroma/ for
broad questions, with no text in it, and matrix.py another, for what a filter left: that is compared exactly, vector by
vector, however many there are. A copy is used only while it is known to hold the very determinations that the records
hold; else everything is compared from the records, and the next `update` puts it right.

    chroma/current.json        which generation counts, and what it was built from
    chroma/<generation>/       one Chroma database
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from imr_llm.embeddings import Embedder, Vectors
from imr_llm.errors import VectorIndexError
from imr_llm.library.kept import Ids, ascend, order_down
from imr_llm.library.matrix import FOLDER as VECTORS
from imr_llm.library.matrix import Matrix, Stamp, current_name, open_matrix, write_matrix
from imr_llm.library.passages import read_passages
from imr_llm.library.store import StoredVector

if TYPE_CHECKING:
    from imr_llm.library.store import Library

FOLDER = "chroma"
CURRENT = "current.json"
CANDIDATES = 400
INSERT_BATCH = 2000
EMBED_BATCH = 256
# Wide enough that a question finds what an exact scan finds (tests compare the two).
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 400, "max_neighbors": 32}

Item = TypeVar("Item")
State = Literal["ready", "missing", "out_of_date", "damaged"]


@dataclass(frozen=True)
class Nearest:
    """A determination near a text: cosine `score`, and the passage (offsets in the kept text) that is nearest."""

    id: int
    score: float
    start: int
    end: int


@dataclass(frozen=True)
class Manifest:
    """What a generation was built from. Ids of determinations are never used twice, so count and highest tell all."""

    generation: str
    model: str
    determinations: int
    highest_id: int
    passages: int


@dataclass(frozen=True)
class IndexStatus:
    """Whether Chroma's copy can be used; `embedded` determinations have vectors, of `determinations`."""

    state: State
    model: str
    determinations: int
    embedded: int
    passages: int


class Index:
    """The vectors of one library under one embedding model. `update` and `rebuild` take the writer's lock."""

    def __init__(self, library: Library, embedder: Embedder) -> None:
        self._library = library
        self._embedder = embedder
        self._folder = library.path / FOLDER
        self._vectors = library.path / VECTORS
        self._clients: dict[str, Any] = {}
        self._matrix: tuple[str, Matrix] | None = None

    @property
    def model(self) -> str:
        """The embedding model's name."""
        return self._embedder.name

    # ------------------------------------------------------------------------------------------ keeping

    def status(self) -> IndexStatus:
        """Compare Chroma's copy with the records."""
        ids = self._library.determination_ids()
        missing = len(self._library.without_vectors(self.model))
        manifest = self._manifest()
        return IndexStatus(
            self._state(manifest), self.model, len(ids), len(ids) - missing, manifest.passages if manifest else 0
        )

    def update(self, progress: Callable[[int, int], None] | None = None, *, with_chroma: bool = True) -> IndexStatus:
        """Embed what is new, and bring the copies up to date; a missing or damaged one is built anew.

        Without Chroma's copy questions that no filter narrows are compared exactly too. `progress(done, of)` counts embedded determinations. Raises LibraryBusy where another process writes.
        """
        self._library.take_lock()
        self._embed_new(progress)
        if self._open_matrix() is None:
            self._write_matrix()
        if not with_chroma:
            return self.status()
        manifest = self._manifest()
        state = self._state(manifest)
        if manifest is None or state in ("missing", "damaged"):
            self._build()
        elif state == "out_of_date":
            try:
                self._bring_up_to_date(manifest)
            except VectorIndexError:
                self._build()
        return self.status()

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> IndexStatus:
        """Make every vector and Chroma's copy again, from the records alone."""
        self._library.take_lock()
        self._library.delete_vectors(self.model)
        self._embed_new(progress)
        self._write_matrix()
        self._build()
        return self.status()

    def _embed_new(self, progress: Callable[[int, int], None] | None) -> None:
        waiting = set(self._library.without_vectors(self.model))
        letters: dict[str, dict[int, int]] = {}
        for determination_id, (letter_id, number) in self._library.determination_ids().items():
            if determination_id in waiting:
                letters.setdefault(letter_id, {})[number] = determination_id
        done = 0
        for some in _batches(list(letters), EMBED_BATCH // 4):
            vectors = self._embed_letters({letter_id: letters[letter_id] for letter_id in some})
            self._library.put_vectors(self.model, vectors)
            done += sum(len(letters[letter_id]) for letter_id in some)
            if progress:
                progress(done, len(waiting))

    def _embed_letters(self, letters: dict[str, dict[int, int]]) -> list[StoredVector]:
        """Vectors of the passages of some letters' determinations; the title stands in where there is no passage."""
        places: list[tuple[int, int, int, int]] = []
        texts: list[str] = []
        for review in self._library.iter_reviews(letters):
            for determination in review.determinations:
                determination_id = letters[review.letter.letter_id].get(determination.number)
                if determination_id is None:
                    continue
                passages = read_passages(determination)
                for position, passage in enumerate(passages):
                    places.append((determination_id, position, passage.start, passage.end))
                    texts.append(passage.text)
                if not passages:
                    places.append((determination_id, 0, 0, 0))
                    texts.append(determination.title)
        vectors = self._embedder.embed(texts)
        return [
            StoredVector(*place, vector.astype("<f4").tobytes()) for place, vector in zip(places, vectors, strict=True)
        ]

    # ------------------------------------------------------------------------------------------ asking

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, to ask with (`rank_vectors`)."""
        return self._embedder.embed(texts)

    def rank(self, text: str, ids: Sequence[int] | None = None, *, limit: int = CANDIDATES) -> list[Nearest]:
        """The determinations nearest to a text, best first: of all of them, or of `ids`.

        Exact for `ids`; of all of them Chroma's candidates are taken, so that the list may be shorter than `limit`.
        """
        return self.rank_vectors(self._embedder.embed([text]), ids, limit=limit)

    def rank_texts(
        self, texts: Sequence[str], ids: Sequence[int] | None = None, *, limit: int = CANDIDATES
    ) -> list[Nearest]:
        """As `rank`, for a text in several pieces: a determination's score is the mean of its best match to each."""
        return self.rank_vectors(self._embedder.embed(texts), ids, limit=limit) if texts else []

    def rank_vectors(
        self, vectors: Vectors, ids: Sequence[int] | None = None, *, limit: int = CANDIDATES
    ) -> list[Nearest]:
        """As `rank_texts`, for vectors of length 1 already made."""
        if ids is not None:
            return self.rank_exactly(vectors, ids, limit=limit)
        manifest = self._manifest()
        if manifest is None or self._state(manifest) != "ready":
            return self.rank_exactly(vectors, limit=limit)
        try:
            candidates = self._ask_chroma(manifest, vectors)
        except VectorIndexError:
            return self.rank_exactly(vectors, limit=limit)
        return self.rank_exactly(vectors, sorted(candidates), limit=limit)

    def order_ids(self, text: str, ids: Sequence[int] | Ids) -> Ids:
        """The ids of some determinations, the nearest to a text first, by an exact comparison."""
        vectors = self._embedder.embed([text])
        matrix = self._open_matrix()
        if matrix is None:
            return np.asarray(
                [found.id for found in self._compare_stored(vectors, np.asarray(ids).tolist())], dtype=np.int64
            )
        found, scores = matrix.compare(vectors, ascend(ids))
        return found[order_down(scores)]

    def rank_exactly(
        self, vectors: Vectors, ids: Sequence[int] | None = None, *, limit: int | None = None
    ) -> list[Nearest]:
        """Compare with every vector of `ids` (or of all determinations); the nearest `limit`."""
        matrix = self._open_matrix()
        if matrix is None:
            return self._compare_stored(vectors, ids)[:limit]
        found, scores = matrix.compare(vectors, None if ids is None else ascend(ids))
        best = order_down(scores)[:limit]
        return [
            Nearest(determination_id, score, *matrix.nearest_place(vectors, determination_id))
            for determination_id, score in zip(found[best].tolist(), scores[best].tolist(), strict=True)
        ]

    def _compare_stored(self, vectors: Vectors, ids: Sequence[int] | None) -> list[Nearest]:
        """As `rank_exactly`, from the records alone."""
        stored = self._library.vectors(self.model, ids)
        if not stored:
            return []
        matrix = np.frombuffer(b"".join(row.vector for row in stored), dtype="<f4").reshape(len(stored), -1)
        similar = matrix @ vectors.T
        owners = np.asarray([row.id for row in stored])
        starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
        scores = np.maximum.reduceat(similar, starts, axis=0).mean(axis=1)
        nearest = [
            self._nearest(stored, similar, first, last, float(score))
            for first, last, score in zip(starts.tolist(), [*starts[1:].tolist(), len(stored)], scores, strict=True)
        ]
        return sorted(nearest, key=lambda found: (-found.score, found.id))

    @staticmethod
    def _nearest(
        stored: list[StoredVector], similar: NDArray[np.float32], first: int, last: int, score: float
    ) -> Nearest:
        best = stored[first + int(similar[first:last].max(axis=1).argmax())]
        return Nearest(best.id, score, best.start, best.end)

    # ------------------------------------------------------------------------------------------ the matrix

    def _open_matrix(self) -> Matrix | None:
        """The mapped vectors, while they are those of the records."""
        name = current_name(self._vectors, self._stamp())
        if name is None:
            return None
        if self._matrix is None or self._matrix[0] != name:
            opened = open_matrix(self._vectors, name)
            if opened is None:
                return None
            self._matrix = name, opened
        return self._matrix[1]

    def _write_matrix(self) -> None:
        ids = sorted(self._library.determination_ids())
        batches = (self._library.vectors(self.model, some) for some in _batches(ids, INSERT_BATCH))
        write_matrix(self._vectors, self._stamp(), self._library.count_vectors(self.model), batches)

    def _stamp(self) -> Stamp:
        return Stamp(self.model, *self._library.id_bounds())

    # ------------------------------------------------------------------------------------------ Chroma

    def _state(self, manifest: Manifest | None) -> State:
        if manifest is None or not (self._folder / manifest.generation).is_dir():
            return "missing"
        ids = self._library.id_bounds()
        if manifest.model != self.model:
            return "missing"
        if (manifest.determinations, manifest.highest_id) != ids:
            return "out_of_date"
        try:
            with _chroma_errors():
                count = self._collection(manifest.generation).count()
        except VectorIndexError:
            return "damaged"
        return "ready" if count == manifest.passages else "damaged"

    def _build(self) -> None:
        """Build a generation beside the current one, verify it, point to it, remove the others."""
        generation = uuid.uuid4().hex[:12]
        stored = self._library.vectors(self.model)
        with _chroma_errors():
            collection = self._collection(generation)
            _insert(collection, stored)
            count = collection.count()
        if count != len(stored):
            raise VectorIndexError(
                f"the new vector index holds {count} of {len(stored)} passages; run `imr-llm index --rebuild`"
            )
        self._point_to(generation, len(stored))
        self._remove_others(generation)

    def _bring_up_to_date(self, manifest: Manifest) -> None:
        """Remove the passages of determinations that are gone, add those of new ones."""
        with _chroma_errors():
            collection = self._collection(manifest.generation)
            held: dict[int, list[str]] = {}
            for key in collection.get(include=[])["ids"]:
                held.setdefault(int(key.partition(":")[0]), []).append(key)
            wanted = set(self._library.determination_ids())
            gone = [key for determination_id in held.keys() - wanted for key in held[determination_id]]
            for some in _batches(gone, INSERT_BATCH):
                collection.delete(ids=list(some))
            _insert(collection, self._library.vectors(self.model, sorted(wanted - held.keys())))
            count = collection.count()
        expected = self._library.count_vectors(self.model)
        if count != expected:
            raise VectorIndexError(f"the vector index holds {count} of {expected} passages after the update")
        self._point_to(manifest.generation, expected)

    def _ask_chroma(self, manifest: Manifest, vectors: Vectors) -> set[int]:
        """Determinations among the nearest passages to each vector."""
        wanted = min(CANDIDATES, manifest.passages)
        if wanted == 0:
            return set()
        with _chroma_errors():
            answer = self._collection(manifest.generation).query(
                query_embeddings=list(vectors), n_results=wanted, include=[]
            )
        return {int(key.partition(":")[0]) for keys in answer["ids"] for key in keys}

    def _collection(self, generation: str) -> Any:
        """The collection of a generation; its name holds the model's name and hash."""
        return self._client(generation).get_or_create_collection(
            f"determinations-{self.model}", configuration={"hnsw": HNSW}, embedding_function=None
        )

    def _client(self, generation: str) -> Any:
        if generation not in self._clients:
            import chromadb
            from chromadb.config import Settings

            path = self._folder / generation
            path.mkdir(parents=True, exist_ok=True)
            self._clients[generation] = chromadb.PersistentClient(
                path=str(path), settings=Settings(anonymized_telemetry=False)
            )
        return self._clients[generation]

    def _manifest(self) -> Manifest | None:
        try:
            return Manifest(**json.loads((self._folder / CURRENT).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None  # absent or unreadable: it is built again

    def _point_to(self, generation: str, passages: int) -> None:
        """Make a generation the current one, in one step of the file system."""
        count, highest = self._library.id_bounds()
        manifest = Manifest(generation, self.model, count, highest, passages)
        beside = self._folder / f"{CURRENT}.new"
        beside.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
        os.replace(beside, self._folder / CURRENT)

    def _remove_others(self, generation: str) -> None:
        for path in self._folder.iterdir():
            if path.is_dir() and path.name != generation:
                self._clients.pop(path.name, None)
                shutil.rmtree(path, ignore_errors=True)  # a file still open elsewhere goes with the next build


def open_index(library: Library, embedder: Embedder) -> Index:
    """The index of a library. Nothing is read or built yet: see `Index.update`."""
    return Index(library, embedder)


def _insert(collection: Any, stored: Iterable[StoredVector]) -> None:
    for some in _batches(list(stored), INSERT_BATCH):
        collection.add(
            ids=[f"{row.id}:{row.position}" for row in some],
            embeddings=[np.frombuffer(row.vector, dtype="<f4") for row in some],
        )


@contextmanager
def _chroma_errors() -> Iterator[None]:
    """Whatever Chroma raises (it has many kinds, Rust panics among them) as our one error."""
    try:
        yield
    except VectorIndexError:
        raise
    except BaseException as error:
        # A panic of Chroma's Rust core is no Exception; what else is none (an interrupt) passes.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise VectorIndexError(
            f"the vector index cannot be used ({type(error).__name__}); `imr-llm index --rebuild` makes it again"
        ) from error


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
