"""Similar determinations: the same subject first, what agrees and what the decision turned on, nothing kept."""

from __future__ import annotations

from typing import Any

import pytest
from library_samples import WordEmbedder, fill_library

from imr_llm.library.index import Index, open_index
from imr_llm.library.store import RECORDS, Library
from imr_llm.search.case import read_case
from imr_llm.search.similar import find_both_sides, find_similar, similar_json

DRAFT = "We ask for Norco 10/325 #120. The last urine drug screen was consistent. Work status is unchanged and no taper has been planned."


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("similar") / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        yield library, index


def test_a_draft_finds_its_like_and_says_what_agrees(filled: tuple[Library, Index]) -> None:
    answer = find_similar(*filled, DRAFT)
    best = answer.hits[0]
    assert (best.file, best.number) == ("consistent.txt", 1)
    assert "same drug: Norco" in best.shared
    assert "urine drug screen consistent in both" in best.shared
    assert answer.total == 7


def test_what_a_decision_turned_on_is_named(filled: tuple[Library, Index]) -> None:
    hits = {(hit.file, hit.number): hit for hit in find_similar(*filled, DRAFT, limit=0).hits}
    assert any("missing urine drug screen" in words for words in hits["missing.txt", 1].differing)
    assert any("illicit positive there, consistent here" in words for words in hits["illicit.txt", 1].differing)


def test_the_subject_comes_before_the_wording(filled: tuple[Library, Index]) -> None:
    hits = find_similar(
        *filled, "Third set of trigger point injections for spasm; work has not changed on the drug"
    ).hits
    assert hits[0].title == "Trigger point injections"


def test_only_a_decision(filled: tuple[Library, Index]) -> None:
    answer = find_similar(*filled, DRAFT, decision="overturned")
    assert [hit.decision for hit in answer.hits] == ["overturned"]
    assert answer.total == 1


def test_both_sides_at_once(filled: tuple[Library, Index]) -> None:
    sides = find_both_sides(*filled, DRAFT, 3)
    assert sides["upheld"] == find_similar(*filled, DRAFT, decision="upheld", limit=3)
    assert sides["overturned"] == find_similar(*filled, DRAFT, decision="overturned", limit=3)
    assert sides["checklist"] == sides["upheld"].checklist == sides["overturned"].checklist
    assert sides["checklist"] is not None


def test_the_text_is_embedded_once(filled: tuple[Library, Index], monkeypatch: pytest.MonkeyPatch) -> None:
    library, index = filled
    asked: list[int] = []
    embed = index.embed
    monkeypatch.setattr(index, "embed", lambda texts: asked.append(len(texts)) or embed(texts))
    find_both_sides(library, index, DRAFT)
    assert len(asked) == 1


def test_without_an_index_subject_and_grounds_decide(filled: tuple[Library, Index]) -> None:
    answer = find_similar(filled[0], None, DRAFT)
    assert answer.hits[0].file == "consistent.txt"
    assert any("no vector index" in note for note in answer.notes)


def test_limit_and_order(filled: tuple[Library, Index]) -> None:
    everything = find_similar(*filled, DRAFT, limit=0).hits
    assert len(everything) == 7
    assert [hit.score for hit in everything] == sorted((hit.score for hit in everything), reverse=True)
    assert find_similar(*filled, DRAFT, limit=2).hits == everything[:2]
    assert all(0 <= hit.score <= 1 for hit in everything)


def test_the_text_is_not_kept(filled: tuple[Library, Index]) -> None:
    library, index = filled
    find_similar(library, index, "A most peculiar xylophonist with Norco")
    for path in library.path.rglob("*"):
        assert not path.is_file() or b"xylophonist" not in path.read_bytes()


def test_json(filled: tuple[Library, Index]) -> None:
    plain = similar_json(find_similar(*filled, DRAFT))
    assert set(plain) == {"case", "total", "hits", "notes", "checklist"}
    assert {"letter_id", "number", "score", "shared", "differing", "evidence"} <= set(plain["hits"][0])
    assert (library_path := filled[0].path / RECORDS).exists(), library_path


@pytest.mark.parametrize("text", ["", "   ", "(((", "x" * 20000])
def test_any_text_can_be_compared(filled: tuple[Library, Index], text: str) -> None:
    find_similar(*filled, text)


def test_read_case() -> None:
    case = read_case(DRAFT)
    assert case.drugs == ("hydrocodone/acetaminophen",)
    assert case.uds_status == "consistent"
    assert case.quantities == (120.0,)
    assert "no_weaning_plan" in case.reasons


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("No urine drug screen is in the chart.", "stated_absent"),
        ("The tox screen showed amphetamine.", "illicit_positive"),
        ("Drug screen inconsistent.", "inconsistent"),
        ("He takes Norco.", "not_mentioned"),
    ],
)
def test_drug_screen_of_a_case(text: str, status: str) -> None:
    assert read_case(text).uds_status == status


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (
            "Norco was denied: there is no urine drug screen and no functional improvement is documented.",
            {"missing_urine_drug_screen", "no_functional_improvement"},
        ),
        ("The FCE was denied as premature.", {"response_to_current_care_pending", "too_early_in_course"}),
        ("Functional improvement is documented.", {"benefit_documented"}),
    ],
)
def test_a_text_gives_no_ground_and_its_opposite(text: str, reasons: set[str]) -> None:
    assert set(read_case(text).reasons) == reasons
