"""The vector index: exact and approximate agree, it follows the records, and damage is repaired."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_samples import SAMPLES, Item, Sample, WordEmbedder, fill_library, make_letter, make_review

from imr_llm.errors import VectorIndexError
from imr_llm.library.index import CURRENT, FOLDER, Index, open_index
from imr_llm.library.store import Library

WORDS = [
    "gait",
    "brace",
    "thumb",
    "ankle",
    "scar",
    "stairs",
    "grip",
    "sleep",
    "nausea",
    "driver",
    "lifting",
    "swelling",
    "numb",
    "cane",
    "fever",
    "reflex",
]


def _many(number: int) -> tuple[Sample, ...]:
    """Letters whose rationales differ in their words."""
    return tuple(
        Sample(
            name=f"{n:03}.txt",
            summary=f"Visit {n}.",
            items=(
                Item(
                    title=f"Item {n}",
                    rationale=f"The chart says {WORDS[n % 16]} and {WORDS[n * 7 % 16]} and {WORDS[n * n % 16]} in visit {n}.",
                    reasons=(
                        ("no_objective_exam_findings", f"{WORDS[n * 7 % 16]} and {WORDS[n * n % 16]} in visit {n}"),
                    ),
                ),
            ),
        )
        for n in range(number)
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("many") / "library", _many(300)) as library:
        index = open_index(library, WordEmbedder())
        index.update()
        yield library, index


def _titles(library: Library, found: list[Any]) -> list[str]:
    rows = {row.id: row.title for row in library.select(ids=[f.id for f in found])}
    return [rows[f.id] for f in found]


@pytest.mark.parametrize("text", ["grip and cane", "fever", "swelling and stairs and sleep", "nothing of the kind"])
def test_chroma_finds_what_an_exact_scan_finds(
    many: tuple[Library, Index], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, index = many
    exact = index.rank(text, [row.id for row in library.select()], limit=10)
    asked: list[str] = []
    ask = index._ask_chroma

    def ask_and_note(*args: Any) -> set[int]:
        asked.append("chroma")
        return ask(*args)

    monkeypatch.setattr(index, "_ask_chroma", ask_and_note)
    assert [(f.id, round(f.score, 5)) for f in index.rank(text, limit=10)] == [(f.id, round(f.score, 5)) for f in exact]
    assert asked


def test_a_filtered_set_is_compared_exactly(many: tuple[Library, Index], monkeypatch: pytest.MonkeyPatch) -> None:
    library, index = many
    ids = [row.id for row in library.select()][10:40]
    monkeypatch.setattr(index, "_ask_chroma", lambda *args: pytest.fail("Chroma was asked for a narrow set"))
    found = index.rank("grip and cane", ids, limit=5)
    assert {f.id for f in found} <= set(ids)
    assert found == sorted(found, key=lambda f: (-f.score, f.id))


def test_a_score_comes_with_the_nearest_passage(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        best = index.rank("No urine toxicology result is in the chart", limit=1)[0]
        row = library.select(ids=[best.id])[0]
        assert (
            library.letter_text(row.letter_id)[best.start : best.end]
            == "No urine toxicology result is in the chart sent to us."
        )
        assert best.score > 0.8


def test_nothing_of_a_letter_is_handed_to_chroma(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        open_index(library, WordEmbedder()).update()
        # Its graph files (*.bin) are written with room to spare, which holds whatever the memory held: not looked at.
        tables = [path for path in (tmp_path / "library" / FOLDER).rglob("chroma.sqlite3*") if path.is_file()]
        assert tables
        for path in tables:
            assert b"toxicology" not in path.read_bytes()
        with closing(sqlite3.connect(next(path for path in tables if path.suffix == ".sqlite3"))) as chroma:
            assert chroma.execute("SELECT count(*) FROM embeddings").fetchone()[0] > 0
            assert chroma.execute("SELECT count(*) FROM embedding_metadata").fetchone()[0] == 0


def test_the_model_is_part_of_the_collections_name(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        open_index(library, WordEmbedder("words-1")).update()
        other = open_index(library, WordEmbedder("words-2"))
        assert other.status().state == "missing"
        assert other.update().state == "ready"


def test_update_embeds_only_what_is_new(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library", SAMPLES[:2]) as library:
        embedder = WordEmbedder()
        index = open_index(library, embedder)
        index.update()
        before = embedder.texts
        assert index.update().state == "ready"
        assert embedder.texts == before
        library.put_review(make_letter(SAMPLES[2]), make_review(SAMPLES[2]))
        assert index.status().state == "out_of_date"
        status = index.update()
        assert (status.state, status.embedded, status.determinations) == ("ready", 4, 4)
        assert embedder.texts - before <= 3


def test_a_deleted_letter_leaves_the_index(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        library.delete_letter("missing.txt")
        assert "missing.txt" not in {library.select(ids=[f.id])[0].file for f in index.rank("toxicology result")}
        assert index.update().state == "ready"


def test_while_out_of_date_answers_are_exact(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library", SAMPLES[:1]) as library:
        embedder = WordEmbedder()
        index = open_index(library, embedder)
        index.update()
        library.put_review(make_letter(SAMPLES[1]), make_review(SAMPLES[1]))
        index._embed_new(None)
        assert index.status().state == "out_of_date"
        assert _titles(library, index.rank("No taper has been planned", limit=1)) == ["Norco 10/325mg #120"]


@pytest.mark.parametrize("damage", ["manifest", "folder", "database", "count"])
def test_a_damaged_index_is_rebuilt_from_the_records(tmp_path: Path, damage: str) -> None:
    with fill_library(tmp_path / "library") as library:
        index = open_index(library, WordEmbedder())
        before = index.update()
        found = index.rank("toxicology result", limit=3)
        folder = tmp_path / "library" / FOLDER
        generation = next(path for path in folder.iterdir() if path.is_dir())
        if damage == "manifest":
            (folder / CURRENT).write_text("{not json")
        elif damage == "folder":
            shutil.rmtree(generation)
        elif damage == "database":
            (generation / "chroma.sqlite3").write_bytes(b"broken" * 1000)
        else:
            (folder / CURRENT).write_text(
                (folder / CURRENT).read_text().replace(f'"passages": {before.passages}', '"passages": 1')
            )
        again = open_index(library, WordEmbedder())
        assert again.status().state in ("missing", "damaged")
        assert again.rank("toxicology result", limit=3) == found
        assert again.update().state == "ready"
        assert again.rank("toxicology result", limit=3) == found
        assert len([path for path in folder.iterdir() if path.is_dir()]) == 1


def test_rebuild_gives_the_same_answers(tmp_path: Path) -> None:
    with fill_library(tmp_path / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        before = index.rank("toxicology result")
        assert index.rebuild().state == "ready"
        assert index.rank("toxicology result") == before


def test_an_empty_library_has_an_empty_index(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        index = open_index(library, WordEmbedder())
        assert index.update().state == "ready"
        assert index.rank("anything") == []


def test_an_item_without_passages_is_found_by_its_title(tmp_path: Path) -> None:
    sample = replace(SAMPLES[0], items=(Item(title="Left wrist brace", rationale="It is not medically necessary."),))
    with fill_library(tmp_path / "library", (sample,)) as library:
        index = open_index(library, WordEmbedder())
        assert index.update().passages == 1
        assert index.rank("wrist brace")[0].score > 0.5


def test_chromas_errors_are_ours(many: tuple[Library, Index], monkeypatch: pytest.MonkeyPatch) -> None:
    _, index = many
    manifest = index._manifest()
    assert manifest is not None

    def fail(generation: str) -> Any:
        raise RuntimeError("Error creating hnsw segment reader")

    monkeypatch.setattr(index, "_collection", fail)
    with pytest.raises(VectorIndexError, match="--rebuild"):
        index._ask_chroma(manifest, WordEmbedder().embed(["x"]))
    assert index.rank("grip and cane", limit=3)
