"""Search: filters decide, ranking orders, every hit says why, and the three states of a drug screen stay apart."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_samples import SAMPLES, Item, WordEmbedder, fill_library

from imr_llm.letters.letter import Letter
from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Library
from imr_llm.search import (
    query,
    question_dates,
    question_findings,
    question_guidelines,
    question_hearing,
    question_measure,
    question_numbers,
    question_reasons,
    question_reviewer,
    question_terms,
    ranking,
)
from imr_llm.search.hits import answer_json, fuse, search

UDS_QUESTIONS = ("q13", "q14", "q15", "q16", "q31", "q39")
SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("search") / "library") as library:
        index = open_index(library, WordEmbedder())
        index.update()
        yield library, index


def _found(filled: tuple[Library, Index], text: str) -> list[tuple[str, int]]:
    return [(hit.file, hit.number) for hit in search(*filled, text, limit=0).hits]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("find cases denied for missing UDS", {("missing.txt", 1)}),
        ("drug screens were consistent", {("missing.txt", 1), ("consistent.txt", 1)}),
        ("inconsistent UDS", {("illicit.txt", 1)}),
        ("Norco denied but NOT because of the drug screen", {("consistent.txt", 1)}),
        ("urine drug screen denied", {("approved.txt", 3)}),
        ("denied for no functional improvement and no UDS", {("missing.txt", 1)}),
        ("no UDS or no weaning plan", {("missing.txt", 1), ("consistent.txt", 1)}),
        ("cyclobenzaprine with refills", {("missing.txt", 2)}),
        ("physical therapy for the left shoulder approved", {("approved.txt", 1)}),
        ("reviewers not licensed in California", {("consistent.txt", 1)}),
        ("Norco cited page 78", {("missing.txt", 1)}),
        ("summary says the drug screen was fine but the rationale says none", {("missing.txt", 1)}),
        ("Norco in 2016", {("missing.txt", 1), ("consistent.txt", 1)}),
        ("letters that mention Soma", {("consistent.txt", 1)}),
        ("women", {("approved.txt", 1), ("approved.txt", 2), ("approved.txt", 3)}),
        ("CM17-0000003", {("illicit.txt", 1)}),
        ("RFA dated after the UR denial", set()),
        ("licensed in Texas but not California", set()),
        ("Norco licensed in Texas and California", {("illicit.txt", 1)}),
        ("licensed in New York but not California", {("consistent.txt", 1)}),
    ],
)
def test_answers(filled: tuple[Library, Index], text: str, expected: set[tuple[str, int]]) -> None:
    assert set(_found(filled, text)) == expected


def test_a_hit_shows_the_quote_that_answers_first_and_says_why(filled: tuple[Library, Index]) -> None:
    hit = search(*filled, "no functional improvement").hits[0]
    assert hit.evidence[0].code == "no_functional_improvement"
    text = filled[0].letter_text(hit.letter_id)
    assert [text[e.start : e.end] for e in hit.evidence] == [e.quote for e in hit.evidence]
    assert hit.reasons == ("missing_urine_drug_screen", "no_functional_improvement")
    assert "no functional improvement" in hit.why
    assert "contradicts the rationale on uds" in hit.notes[0]


def test_the_main_reason_comes_first(tmp_path: Path) -> None:
    reasons = SAMPLES[0].items[0].reasons
    first = replace(
        SAMPLES[0],
        name="other.txt",
        summary="Another neck.",
        items=(replace(SAMPLES[0].items[0], reasons=reasons[::-1], contradictions=()),),
    )
    with fill_library(tmp_path / "library", (first, SAMPLES[0])) as library:
        assert [h.file for h in search(library, None, "no urine drug screen").hits] == ["missing.txt", "other.txt"]


def test_in_a_broad_set_the_words_order_the_best_by_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = replace(SAMPLES[0].items[0], contradictions=())
    minor = replace(main, reasons=main.reasons[::-1], title="Norco Norco Norco")
    samples = tuple(
        replace(SAMPLES[0], name=f"{name}.txt", summary=name, items=(item,))
        for name, item in (("minor", minor), ("main", main), ("other", main))
    )
    weighed: list[list[int]] = []
    order_by_words = Library.order_by_words

    def order(self: Library, text: str, ids: Any) -> Any:
        weighed.append(list(ids))
        return order_by_words(self, text, ids)

    monkeypatch.setattr(Library, "order_by_words", order)
    with fill_library(tmp_path / "library", samples) as library:
        for closely in (3, 2):
            monkeypatch.setattr(ranking, "READ_CLOSELY", closely)
            found = [hit.file for hit in search(library, None, "Norco without urine drug screen").hits]
            assert set(found) == {"main.txt", "other.txt", "minor.txt"}
        assert found[-1] == "minor.txt"
    assert weighed == [[1, 2, 3], [2, 3]]


def test_recited_guidelines_and_conclusions_do_not_rank(tmp_path: Path) -> None:
    recital = Item(
        title="Brace", rationale="Guidelines recommend a brace for chauffeurs. It is not medically necessary."
    )
    finding = Item(title="Splint", rationale="This worker was never a chauffeur, so that no splint is called for.")
    samples = tuple(
        replace(SAMPLES[0], name=f"{i.title}.txt", summary=f"{i.title}.", items=(i,)) for i in (recital, finding)
    )
    with fill_library(tmp_path / "library", samples) as library:
        assert [h.title for h in search(library, None, "chauffeurs").hits] == ["Splint"]


def test_without_a_filter_the_most_relevant_come(filled: tuple[Library, Index]) -> None:
    answer = search(*filled, "palpation muscle twitch")
    assert answer.hits[0].title == "Trigger point injections"
    assert any("most relevant" in note for note in answer.notes) or answer.query.filters


def test_an_empty_answer_says_what_was_searched(filled: tuple[Library, Index]) -> None:
    answer = search(*filled, "cases with Soma")
    assert answer.total == 0
    notes = " ".join(answer.notes)
    assert "none found in the 4 letters (7 determinations)" in notes
    assert "mentions Soma" in notes


def test_an_unsure_region_is_told_and_not_counted(filled: tuple[Library, Index]) -> None:
    answer = search(*filled, "cervical trigger point injections")
    assert answer.total == 0
    assert any("1 more name the region only in the summary" in note for note in answer.notes)


def test_limit(filled: tuple[Library, Index]) -> None:
    assert len(search(*filled, "denied", limit=2).hits) == 2
    answer = search(*filled, "denied", limit=0)
    assert len(answer.hits) == answer.total == 6


def test_the_order_is_the_same_every_time_and_scores_fall(filled: tuple[Library, Index]) -> None:
    first, second = (search(*filled, "Norco denied", limit=0).hits for _ in range(2))
    assert first == second
    scores = [hit.score for hit in first]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_without_an_index_the_answers_are_the_same(filled: tuple[Library, Index]) -> None:
    library, _ = filled
    for text in ("find cases denied for missing UDS", "Norco upheld", "urine drug screen denied"):
        assert set(_found((library, None), text)) == set(_found(filled, text))  # type: ignore[arg-type]


def test_json_is_the_contract(filled: tuple[Library, Index]) -> None:
    plain = answer_json(search(*filled, "find cases denied for missing UDS"))
    assert plain["total"] == 1
    assert set(plain["query"]) == {"text", "filters", "ignored", "notes"}
    assert set(plain["query"]["filters"][0]) == {"field", "op", "value", "label", "words"}
    contract = {
        "letter_id",
        "file",
        "case_number",
        "number",
        "title",
        "decision",
        "score",
        "reasons",
        "evidence",
        "why",
    }
    assert contract <= set(plain["hits"][0])


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("who was the reviewer", "confidential"),
        ("RFA dated after the UR denial", "not in the records"),
        ("PT denied", "physical therapy"),
    ],
)
def test_json_tells_how_the_question_was_read(filled: tuple[Library, Index], text: str, note: str) -> None:
    assert note in " ".join(answer_json(search(*filled, text))["query"]["notes"])


ONE_OF_EACH = (
    "Norco 10/325 #120 with refills denied", "no UDS", "UDS not mentioned opioid", "consistent UDS", "DME", "lumbar MRI",
    "left knee", "retrospective", "UR approved part of the request", "UR modified", "marked: needs review",
    "CM16-0123456", "decisions in 2016", "UR denial after December 1, 2016", "injuries before 2005", "women over 65",
    "expedited", "unknown layout", "how many letters had more than one disputed item", "letters that mention Soma",
    "early refills", "licensed in Texas but not California", "family practice reviewers", "cites postsurgical guidelines", "cites the section on braces",
    "claims administrator cited no guideline", "summary contradicts the rationale", "MTUS pages 76-80",
    "reviewer used a different guideline", "quantity more than 60", "neither MRI nor x-ray", "12 visits",
    "main reason was no conservative care", "decisions in 2014 or 2016", "PT denied, visit count the only ground",
    "no UDS in the rationale and the summary does not report one either", "Flexeril, consistent UDS",
    "application received in March 2016", "assigned in March 2016", "reviewer cited ODG", "ODG cited by UR",
    "based on ODG", "cited nothing but ODG", "the reviewer used only the MTUS", "UR relied on ACOEM alone",
    "reviewer applied the knee chapter", "carrier cited the low back chapter", "MTUS opioids guideline 2016",
    "reviewer used UpToDate",
)  # fmt: skip


def _fields_of_the_parser() -> set[str]:
    """The field names that the readers' sources write down: question.add("name", ...) and the rows of _REST."""
    names: set[str] = set()
    modules = (
        question_dates,
        question_findings,
        question_guidelines,
        question_hearing,
        question_measure,
        question_numbers,
        question_reasons,
        question_reviewer,
        question_terms,
    )
    for module in (query, *modules):
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add":
                first = node.args[0]
                names |= {str(first.value)} if isinstance(first, ast.Constant) and len(node.args) == 5 else set()
    terms = {"drug", "mentioned_drug", "category", "subcategory", "region"}
    terms |= {
        "guideline_source",
        "reviewer_source",
        "ur_source",
        "sole_source",
        "sole_reviewer_source",
        "sole_ur_source",
    }
    terms |= {"chapter", "reviewer_chapter", "ur_chapter", "reviewer_section"}
    return names | {row[1] for row in query._REST} | terms | {row[1] for row in question_dates._NAMED}


def test_every_field_of_the_parser_runs(filled: tuple[Library, Index]) -> None:
    asked = {f.field for text in ONE_OF_EACH for f in search(*filled, text).query.filters}
    assert asked == _fields_of_the_parser()


def test_fuse() -> None:
    scores = fuse({"words": [1, 2], "vectors": [1, 3]})
    assert scores[1] == pytest.approx(1.0)
    assert scores[1] > scores[2] > 0
    assert fuse({}) == {}


# ---------------------------------------------------------------------------------------------- real letters


def _seed_rows() -> list[dict[str, Any]]:
    if not (SHARED / "queries/seeds.yaml").is_file():
        return []
    import yaml

    rows: list[dict[str, Any]] = yaml.safe_load((SHARED / "queries/seeds.yaml").read_text(encoding="utf-8"))["queries"]
    return [row for row in rows if isinstance(row.get("seed_gold"), list)]


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from imr_llm.embeddings import open_embedder
    from imr_llm.rules.extractor import extract_by_rules

    with Library.open(tmp_path_factory.mktemp("seeds") / "library") as library:
        for path in sorted((SHARED / "letters/seeds").glob("*.txt")):
            data = path.read_bytes()
            text = data.decode("utf-8").replace("\r\n", "\n")
            letter = Letter(hashlib.sha256(data).hexdigest(), str(path), path.name, "text/plain", 1, text)
            library.put_review(letter, extract_by_rules(letter))
        index = open_index(library, open_embedder())
        index.update()
        yield library, index


def _miss(seeds: tuple[Library, Index], row: dict[str, Any]) -> str | None:
    answer = search(*seeds, row["text"], limit=0)
    found = [f"{hit.file[:3]}-{hit.number}" for hit in answer.hits]
    right = found[0] == row["seed_gold"][0] if answer.query.similar else set(found) == set(row["seed_gold"])
    return None if right else f"{row['id']} {row['text']}: {found}, not {row['seed_gold']}"


needs_seeds = pytest.mark.skipif(
    not _seed_rows(), reason="needs ../shared/queries/seeds.yaml and ../shared/letters/seeds"
)


@needs_seeds
@pytest.mark.parametrize("row", [row for row in _seed_rows() if row["id"] in UDS_QUESTIONS], ids=lambda row: row["id"])
def test_the_seeds_questions_about_drug_screens(seeds: tuple[Library, Index], row: dict[str, Any]) -> None:
    assert _miss(seeds, row) is None


@needs_seeds
def test_the_demo_question_over_the_seeds(seeds: tuple[Library, Index]) -> None:
    hits = search(*seeds, "find cases denied for missing UDS").hits
    assert {(hit.file[:3], hit.number) for hit in hits} == {("001", 1), ("003", 1)}


@needs_seeds
def test_the_seeds_questions(seeds: tuple[Library, Index]) -> None:
    """The reviews are the rules' own, so that a miss can be the extraction's as well as the question's."""
    misses = [miss for row in _seed_rows() if (miss := _miss(seeds, row))]
    assert len(misses) <= 4, misses


def test_what_was_missing_is_answered_by_a_checklist(filled: tuple[Library, Index]) -> None:
    answer = search(*filled, "what was missing when Norco was denied")
    assert answer.checklist
    assert answer.checklist.upheld
    assert {line.code for line in answer.checklist.missing}
    assert answer_json(answer)["checklist"]["treatment"] == answer.checklist.treatment
    assert search(*filled, "Norco denied").checklist is None
