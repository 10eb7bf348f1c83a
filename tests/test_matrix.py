"""The mapped vectors: the scores of the records, and never those of other records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from library_samples import SAMPLES, WordEmbedder, fill_library, make_letter, make_review

from imr_llm.library import matrix as matrices
from imr_llm.library.index import Index, open_index
from imr_llm.library.matrix import CURRENT, FOLDER, Matrix
from imr_llm.library.store import Library

TEXTS = ["No urine toxicology result", "taper", "work status; amphetamine"]


@pytest.fixture
def filled(tmp_path: Path) -> Any:
    samples = tuple(
        replace(sample, name=f"{n}-{sample.name}", summary=f"Visit {n}. {sample.summary}")
        for n in range(4)
        for sample in SAMPLES
    )
    with fill_library(tmp_path / "library", samples) as library:
        index = open_index(library, WordEmbedder())
        index.update(with_chroma=False)
        yield library, index


def _rounded(found: Any) -> list[Any]:
    return [(f.id, round(f.score, 5), f.start, f.end) for f in found]


@pytest.mark.parametrize("wide", [0.0, 1.0])
@pytest.mark.parametrize("picked", [3, 20_000])
@pytest.mark.parametrize("texts", [TEXTS[:1], TEXTS])
def test_scores_are_those_of_the_records(
    filled: tuple[Library, Index], wide: float, picked: int, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    library, index = filled
    monkeypatch.setattr(matrices, "WIDE", wide)
    monkeypatch.setattr(matrices, "PICKED", picked)
    vectors = WordEmbedder().embed(texts)
    for ids in (None, library.select_ids()[2:17], library.select_ids()[::-3], [], [9999, 1]):
        assert index._open_matrix() is not None
        mapped = index.rank_exactly(vectors, ids)
        stored = index._compare_stored(vectors, ids)
        assert sorted(_rounded(mapped)) == sorted(_rounded(stored))
        scores = [found.score for found in mapped]
        assert scores == sorted(scores, reverse=True)


def test_order_ids(filled: tuple[Library, Index]) -> None:
    library, index = filled
    ids = library.select_ids()[3:]
    ranked = [found.id for found in index.rank("taper", ids, limit=len(ids))]
    assert index.order_ids("taper", ids).tolist() == ranked


def test_ties_are_in_order_of_ids(filled: tuple[Library, Index]) -> None:
    library, index = filled
    scores = {found.id: found.score for found in index.rank("taper", library.select_ids(), limit=100)}
    order = index.order_ids("taper", library.select_ids()[::-1]).tolist()
    assert len(set(scores.values())) < len(scores)
    assert order == sorted(scores, key=lambda i: (-scores[i], i))


def test_stale_vectors_are_not_read(filled: tuple[Library, Index]) -> None:
    library, index = filled
    library.delete_letter("0-missing.txt")
    assert index._open_matrix() is None
    assert len(index.rank("taper", library.select_ids(), limit=100)) == 26
    library.put_review(make_letter(SAMPLES[0]), make_review(SAMPLES[0]))
    assert index._open_matrix() is None
    index.update(with_chroma=False)
    assert index._open_matrix() is not None
    assert len(index.rank("taper", library.select_ids(), limit=100)) == 28


def test_another_models_vectors_are_not_read(filled: tuple[Library, Index]) -> None:
    assert open_index(filled[0], WordEmbedder("words-2"))._open_matrix() is None


@pytest.mark.parametrize("damage", ["manifest", "folder", "rows", "places", "cut"])
def test_damaged_files_are_written_again(filled: tuple[Library, Index], damage: str) -> None:
    library, index = filled
    expected = _rounded(index.rank("taper", library.select_ids()))
    folder = library.path / FOLDER
    name = next(path for path in folder.iterdir() if path.is_dir())
    if damage == "manifest":
        (folder / CURRENT).write_text('{"name": 3}')
    elif damage == "folder":
        (name / "rows.npy").unlink()
    elif damage == "cut":
        (name / "rows.npy").write_bytes((name / "rows.npy").read_bytes()[:-100])
    else:
        (name / f"{damage}.npy").write_bytes(b"broken")
    again = open_index(library, WordEmbedder())
    assert again._open_matrix() is None
    assert _rounded(again.rank("taper", library.select_ids())) == expected
    again.update(with_chroma=False)
    assert again._open_matrix() is not None
    assert _rounded(again.rank("taper", library.select_ids())) == expected
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_no_letter_text_in_the_files(filled: tuple[Library, Index]) -> None:
    for path in (filled[0].path / FOLDER).rglob("*"):
        assert not path.is_file() or b"toxicology" not in path.read_bytes()


def test_a_determination_may_have_any_number_of_passages() -> None:
    rows = np.eye(4, dtype=np.float32)
    places = np.asarray([[2, 0, 5], [2, 6, 9], [5, 1, 2], [7, 0, 0]])
    matrix = Matrix(np.asarray([2, 5, 7]), np.asarray([0, 2, 3, 4]), places, rows)
    ids, scores = matrix.compare(rows[1:2], np.asarray([2, 3, 7]))
    assert (ids.tolist(), scores.tolist()) == ([2, 7], [1.0, 0.0])
    assert matrix.nearest_place(rows[1:2], 2) == (6, 9)
