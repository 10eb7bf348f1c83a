"""Every vector of a library in one file, mapped into memory, so that a broad set is compared exactly and fast.

A copy like Chroma's: made from the records, thrown away at any time. It is read only while it is stamped with the
very determinations that the records hold.

    vectors/current.json         what the files were made from
    vectors/<name>/rows.npy      float32, a row a passage, by determination and position
    vectors/<name>/places.npy    int64: determination, start and end in the kept text, a row a passage
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imr_llm.embeddings import Vectors
from imr_llm.errors import VectorIndexError
from imr_llm.library.kept import Ids
from imr_llm.library.store import StoredVector

FOLDER = "vectors"
CURRENT = "current.json"
# Of a set wider than this share of the library all rows are multiplied: reading on is faster than picking.
WIDE = 0.25
# Determinations picked at once: few enough that their rows stay in the cache of the processor.
PICKED = 256


@dataclass(frozen=True)
class Stamp:
    """What vectors were made from. Ids of determinations are never used twice: count and highest tell all."""

    model: str
    determinations: int
    highest_id: int


@dataclass(frozen=True)
class Matrix:
    """`ids` of determinations, ascending; the rows of `ids[n]` are rows[first[n]:first[n + 1]]."""

    ids: Ids
    first: Ids
    places: Ids
    rows: Vectors

    def compare(self, vectors: Vectors, ids: Ids | None = None) -> tuple[Ids, NDArray[np.float32]]:
        """Determinations (of `ids`, ascending, or all) that have vectors, and the score of each.

        A score is the mean over `vectors` of the best cosine among the determination's passages.
        """
        at = np.arange(len(self.ids)) if ids is None else self._positions(ids)
        if len(at) == 0:
            return self.ids[:0], np.zeros(0, dtype=np.float32)
        if len(at) > WIDE * len(self.ids):
            best = _best_of(self.rows @ vectors.T, self.first[:-1])[at]
        else:
            best = np.concatenate([self._pick(vectors, at[n : n + PICKED]) for n in range(0, len(at), PICKED)])
        return self.ids[at], best.mean(axis=1) if best.shape[1] > 1 else best[:, 0]

    def nearest_place(self, vectors: Vectors, determination_id: int) -> tuple[int, int]:
        """Offsets of the passage of a determination that is nearest to any of the vectors."""
        at = int(np.searchsorted(self.ids, determination_id))
        first, last = int(self.first[at]), int(self.first[at + 1])
        best = first + int((self.rows[first:last] @ vectors.T).max(axis=1).argmax())
        return int(self.places[best, 1]), int(self.places[best, 2])

    def _positions(self, ids: Ids) -> Ids:
        at = np.searchsorted(self.ids, ids)
        at[at == len(self.ids)] = 0
        return at[self.ids[at] == ids] if len(self.ids) else at[:0]

    def _pick(self, vectors: Vectors, at: Ids) -> NDArray[np.float32]:
        """The best cosine of each of some determinations to each vector."""
        counts = self.first[at + 1] - self.first[at]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        rows = np.arange(int(counts.sum())) + np.repeat(self.first[at] - starts, counts)
        return _best_of(self.rows[rows] @ vectors.T, starts)


def _best_of(similar: NDArray[np.float32], starts: Ids) -> NDArray[np.float32]:
    """The best of the rows from each start to the next."""
    if len(starts) == len(similar):
        return similar
    best: NDArray[np.float32] = np.maximum.reduceat(similar, starts, axis=0)
    return best


def write_matrix(folder: Path, stamp: Stamp, number: int, batches: Iterable[Sequence[StoredVector]]) -> None:
    """Write `number` passages' vectors, in order of determination and position, and make them the current ones."""
    name = uuid.uuid4().hex[:12]
    (folder / name).mkdir(parents=True)
    places = np.zeros((number, 3), dtype=np.int64)
    rows: Any = None
    at = 0
    for stored in batches:
        some = np.frombuffer(b"".join(row.vector for row in stored), dtype="<f4").reshape(len(stored), -1)
        if rows is None:
            shape = (number, some.shape[1])
            rows = np.lib.format.open_memmap(folder / name / "rows.npy", mode="w+", dtype="<f4", shape=shape)
        rows[at : at + len(stored)] = some
        places[at : at + len(stored)] = [(row.id, row.start, row.end) for row in stored]
        at += len(stored)
    if at != number:
        raise VectorIndexError(f"{at} of {number} vectors were read; run `imr-llm index`")
    if rows is not None:
        np.save(folder / name / "places.npy", places)
        del rows  # written out
    beside = folder / f"{CURRENT}.new"
    beside.write_text(json.dumps({"name": name, "rows": at, **asdict(stamp)}), encoding="utf-8")
    os.replace(beside, folder / CURRENT)
    for path in folder.iterdir():
        if path.is_dir() and path.name != name:
            shutil.rmtree(path, ignore_errors=True)  # a file still mapped elsewhere goes with the next writing


def current_name(folder: Path, stamp: Stamp) -> str | None:
    """The name of the current files, None where there are none or they were made from anything else."""
    try:
        current = json.loads((folder / CURRENT).read_text(encoding="utf-8"))
        return str(current["name"]) if current == {**current, **asdict(stamp)} else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # absent or unreadable: it is written again


def open_matrix(folder: Path, name: str) -> Matrix | None:
    """The vectors in the files of a name, None where they are absent or damaged."""
    try:
        rows = np.load(folder / name / "rows.npy", mmap_mode="r")
        places = np.load(folder / name / "places.npy")
    except (OSError, ValueError, EOFError):
        return None
    if rows.ndim != 2 or rows.dtype != np.float32 or places.shape != (len(rows), 3) or not len(rows):
        return None
    owners = places[:, 0]
    first = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    return Matrix(owners[first], np.r_[first, len(owners)], places, np.asarray(rows))
