"""The library: letters, reviews and failures on disk; one writer; a killed run; what filters select."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from library_samples import RUN, SAMPLES, fill_library, make_letter, make_review

from imr_llm.errors import LetterNotFound, LibraryBusy, LibraryError
from imr_llm.library.filters import Filter
from imr_llm.library.store import Library, match_expression, run_key


@pytest.fixture
def library(tmp_path: Path) -> Any:
    with fill_library(tmp_path / "library") as library:
        yield library


def _selected(library: Library, *filters: tuple[str, str, tuple[Any, ...]]) -> list[tuple[str, int]]:
    rows = library.select([Filter(field, op, value, "", "") for field, op, value in filters])  # type: ignore[arg-type]
    return [(row.file, row.number) for row in rows]


def test_a_review_comes_back_as_it_was_put(library: Library) -> None:
    for sample in SAMPLES:
        letter = make_letter(sample)
        assert library.get_review(letter.letter_id[:8]) == make_review(sample)
        assert library.letter_text(letter.file) == letter.text
    assert [review.letter.file for review in library.iter_reviews()] == [sample.name for sample in SAMPLES]


def test_counts(library: Library) -> None:
    counts = library.counts()
    assert (counts.letters, counts.reviews, counts.determinations, counts.reasons, counts.failures) == (4, 4, 7, 8, 0)


def test_has_review_asks_for_the_run_that_made_it(library: Library) -> None:
    letter = make_letter(SAMPLES[0])
    assert library.has_review(letter.letter_id, run_key(RUN))
    other = RUN.model_copy(update={"model": "another"})
    assert not library.has_review(letter.letter_id, run_key(other))


@pytest.mark.parametrize(
    "field", ["extractor", "model", "prompt_sha256", "schema_sha256", "taxonomy_version", "program_version"]
)
def test_run_key_changes_with_everything_that_makes_a_review(field: str) -> None:
    assert run_key(RUN.model_copy(update={field: "hybrid"})) != run_key(RUN)


def test_run_key_does_not_change_with_what_a_run_took() -> None:
    assert run_key(RUN.model_copy(update={"seconds": 9.0, "attempts": 3})) == run_key(RUN)


def test_the_same_letter_from_two_places_is_one_letter(library: Library) -> None:
    letter = make_letter(SAMPLES[0])
    library.put_review(replace(letter, source="elsewhere/copy.txt", file="copy.txt"), make_review(SAMPLES[0]))
    assert library.counts().letters == 4
    assert library.sources(letter.letter_id) == ["letters/missing.txt", "elsewhere/copy.txt"]
    assert library.find_letter("copy.txt") == letter.letter_id


def test_a_new_review_replaces_the_former(library: Library) -> None:
    sample = SAMPLES[0]
    shorter = make_review(sample).model_copy(update={"determinations": make_review(sample).determinations[:1]})
    library.put_review(make_letter(sample), shorter)
    assert library.counts().determinations == 6
    assert not library.match_text("daily")


@pytest.mark.parametrize("name", ["CM16-0000001", "cm16-0000001", "missing.txt", "letters/missing.txt"])
def test_find_letter_by_its_names(library: Library, name: str) -> None:
    assert library.find_letter(name) == make_letter(SAMPLES[0]).letter_id


@pytest.mark.parametrize("name", ["CM16-9999999", "zzzz", "", "abc", "%", "_"])
def test_find_letter_says_what_to_give(library: Library, name: str) -> None:
    with pytest.raises(LetterNotFound, match="case number"):
        library.find_letter(name)


def test_two_letters_of_one_name_are_told_apart(library: Library) -> None:
    letter = make_letter(SAMPLES[1])
    library.add_source(letter.letter_id, "other/missing.txt", "missing.txt")
    with pytest.raises(LetterNotFound, match=letter.letter_id[:12]):
        library.find_letter("missing.txt")


def test_failures_are_kept_until_they_go_well(library: Library) -> None:
    library.record_failure("letters/bad.pdf", "damaged_input", "bad.pdf: truncated", run_key="k")
    library.record_failure("letters/bad.pdf", "damaged_input", "bad.pdf: truncated", run_key="k")
    library.record_failure("letters/missing.txt", "model_unreachable", "no answer", run_key="k")
    assert [failure.source for failure in library.failures()] == ["letters/bad.pdf", "letters/missing.txt"]
    library.put_review(make_letter(SAMPLES[0]), make_review(SAMPLES[0]))
    library.clear_failure("letters/bad.pdf")
    assert library.failures() == []


def test_delete_letter_leaves_nothing_of_it(library: Library) -> None:
    library.delete_letter("missing.txt")
    assert library.counts().determinations == 5
    assert library.match_text("toxicology") == []
    assert library.check() == []


# ---------------------------------------------------------------------------------------------- selecting


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([("reason", "any", ("missing_urine_drug_screen",))], [("missing.txt", 1)]),
        ([("reason", "all", ("missing_urine_drug_screen", "no_functional_improvement"))], [("missing.txt", 1)]),
        ([("reason", "all", ("missing_urine_drug_screen", "no_weaning_plan"))], []),
        ([("primary_reason", "any", ("no_functional_improvement",))], []),
        ([("uds", "any", ("consistent",))], [("missing.txt", 1), ("consistent.txt", 1)]),
        ([("uds", "any", ("inconsistent", "illicit_positive"))], [("illicit.txt", 1)]),
        ([("uds", "any", ("stated_absent",))], [("missing.txt", 1)]),
        ([("state", "none", ("California",))], [("consistent.txt", 1)]),
        ([("state", "all", ("Texas", "California"))], [("illicit.txt", 1)]),
        ([("specialty", "any", ("Family",))], [("consistent.txt", 1)]),
        ([("specialty", "none", ("Family",)), ("drug", "any", ("hydrocodone",))], [("missing.txt", 1), ("illicit.txt", 1)]),
        ([("drug", "any", ("acetaminophen",))], []),
        ([("mentioned_drug", "any", ("carisoprodol",))], [("consistent.txt", 1)]),
        ([("strength", "is", ("10/325",)), ("age", "range", (60, None))], [("consistent.txt", 1)]),
        ([("refills", "range", (1, None))], [("missing.txt", 2)]),
        ([("ur_action", "none", ("denied",))], [("missing.txt", 1)]),
        ([("region", "any", ("shoulder",))], [("approved.txt", 1)]),
        ([("region", "any", ("cervical",))], []),
        ([("unsure_region", "any", ("cervical",))], [("approved.txt", 2)]),
        ([("pages", "overlaps", (76, 80))], [("missing.txt", 1)]),
        ([("pages", "overlaps", (79, 80))], []),
        ([("chapter", "any", ("chronic pain",))], [("missing.txt", 1)]),
        ([("guideline_difference", "any", ("section", "document"))], [("missing.txt", 1)]),
        ([("contradiction", "any", ("uds",))], [("missing.txt", 1)]),
        ([("letter_date", "range", ("2017-01-01", "2017-01-31"))], [("illicit.txt", 1)]),
        ([("year", "is", (2016,)), ("subcategory", "any", ("pharmaceuticals.muscle_relaxants",))], [("missing.txt", 2)]),
        ([("quote", "any", ("no_functional_improvement|work",))], [("missing.txt", 1)]),
        ([("quote", "any", ("no_functional_improvement|toxicology",))], []),
    ],
)  # fmt: skip
def test_select(library: Library, filters: list[Any], expected: list[tuple[str, int]]) -> None:
    assert _selected(library, *filters) == expected


def test_a_determination_without_reasons_is_no_answer_to_not_because_of(tmp_path: Path) -> None:
    bare = make_review(SAMPLES[1])
    bare = bare.model_copy(update={"determinations": [bare.determinations[0].model_copy(update={"reasons": []})]})
    with Library.open(tmp_path / "library") as library:
        library.put_review(make_letter(SAMPLES[1]), bare)
        assert _selected(library, ("reason", "none", ("missing_urine_drug_screen",))) == []
        library.put_review(make_letter(SAMPLES[1]), make_review(SAMPLES[1]))
        assert _selected(library, ("reason", "none", ("missing_urine_drug_screen",))) == [("consistent.txt", 1)]


@pytest.mark.parametrize(
    ("field", "op"), [("decision; DROP TABLE letters", "any"), ("pages", "none"), ("decision", "overlaps")]
)
def test_an_unknown_field_or_operator_is_refused(library: Library, field: str, op: str) -> None:
    with pytest.raises(LibraryError, match="filter"):
        _selected(library, (field, op, ("x",)))


def test_values_of(library: Library) -> None:
    ids = [row.id for row in library.select()]
    assert library.values_of("state", ids)[ids[0]] == ["California"]
    assert library.values_of("ur_action", ids)[ids[2]] == []


# ---------------------------------------------------------------------------------------------- full text


def test_match_text_prefers_evidence_and_leaves_recitals_and_summaries(library: Library) -> None:
    assert library.select(ids=[library.match_text("urine toxicology")[0].id])[0].file == "missing.txt"
    assert library.match_text("amphetamine", with_summary=True)
    assert [m.id for m in library.match_text("surgery")] == []
    assert library.match_text("surgery", with_summary=True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_no_text_breaks_the_full_text_query(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (title, tokenize = 'porter unicode61')")
    expression = match_expression(text)
    if expression:
        connection.execute("SELECT rowid FROM t WHERE t MATCH ?", [expression]).fetchall()
    connection.close()


@pytest.mark.parametrize("text", ['"', "a OR b NOT (c", "title: x", "NEAR(a b)", "*", "AND"])
def test_operators_of_the_full_text_language_are_words(library: Library, text: str) -> None:
    library.match_text(text)


# ---------------------------------------------------------------------------------------------- one writer, no damage


def test_a_second_writer_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    path = tmp_path / "library"
    with fill_library(path) as writer:
        writer.take_lock()
        with Library.open(path) as reader:
            assert reader.counts().letters == 4
            with pytest.raises(LibraryBusy, match="another process"):
                reader.put_review(make_letter(SAMPLES[0]), make_review(SAMPLES[0]))
        with pytest.raises(LibraryBusy):
            Library.open(path, writing=True)
    with Library.open(path, writing=True) as next_writer:
        next_writer.clear_failure("none")


def test_opening_to_read_leaves_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "library"
    with Library.open(path), Library.open(path, writing=True) as writer:
        assert writer.counts().letters == 0


def test_a_reader_in_another_thread_shares_the_library(library: Library) -> None:
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(library.counts().letters)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [4, 4, 4, 4]


def test_a_failed_write_leaves_the_former_review(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imr_llm.library.store._put_passages", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        library.put_review(make_letter(SAMPLES[0]), make_review(SAMPLES[0]))
    assert library.counts().determinations == 7
    assert library.check() == []


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_run_loses_at_most_the_letter_in_hand(tmp_path: Path) -> None:
    path = tmp_path / "library"
    script = textwrap.dedent(
        f"""
        import sys, dataclasses
        from pathlib import Path
        from imr_llm.library.store import Library
        from library_samples import SAMPLES, make_letter, make_review
        library = Library.open(Path({str(path)!r}), writing=True)
        for n in range(10_000):
            sample = dataclasses.replace(SAMPLES[0], summary=SAMPLES[0].summary + f" Visit {{n}}.")
            library.put_review(make_letter(sample), make_review(sample))
            print(n, flush=True)
        """
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    told = -1
    for line in process.stdout:
        told = int(line)
        if told >= 20:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Library.open(path, writing=True) as library:
        counts = library.counts()
        assert counts.letters == counts.reviews >= told + 1
        assert counts.determinations == 2 * counts.reviews
        assert library.check() == []


def test_a_file_that_is_no_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_text("not a database " * 100)
    with pytest.raises(LibraryError, match=r"records\.sqlite"):
        Library.open(tmp_path)


def test_a_library_that_is_not_there_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="imr-llm extract"):
        Library.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()
