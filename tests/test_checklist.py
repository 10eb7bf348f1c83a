"""The checklist of a treatment: grounds of each side with n, interval and quotes at their place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_samples import NORCO, SAMPLES, Item, Sample, fill_library

from imr_llm.library.store import Library
from imr_llm.search.case import read_case
from imr_llm.search.checklist import check_case, check_query, make_checklist
from imr_llm.search.query import parse_query
from imr_llm.search.stats import make_rate


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("checklist") / "library") as library:
        yield library


def test_both_sides(library: Library) -> None:
    checklist = make_checklist(library, library.select_ids())
    assert (checklist.upheld, checklist.overturned) == (6, 1)
    assert {(line.code, line.n, line.of) for line in checklist.documented} == {("limited_request_reasonable", 1, 1)}
    assert len(checklist.missing) == 7
    assert all(line.of == 6 and line.small for line in checklist.missing)


def test_a_line_has_its_interval_and_quotes_at_their_place(library: Library) -> None:
    checklist = check_case(library, read_case("Norco 10/325 #120"))
    assert checklist is not None
    assert (checklist.treatment, checklist.upheld, checklist.overturned) == ("hydrocodone/acetaminophen", 3, 0)
    line = next(line for line in checklist.missing if line.code == "missing_urine_drug_screen")
    rate = make_rate(1, 3)
    assert (line.n, line.of, line.share, line.low, line.high) == (1, 3, rate.share, rate.low, rate.high)
    assert line.label == "missing urine drug screen"
    (quote,) = line.quotes
    assert (quote.file, quote.case_number, quote.number) == ("missing.txt", "CM16-0000001", 1)
    assert library.letter_text(quote.letter_id)[quote.start : quote.end] == quote.quote
    assert checklist.documented == ()


@pytest.mark.parametrize(
    ("text", "treatment"),
    [
        ("The neck hurts.", None),
        ("Trigger point injections are asked for.", "trigger point"),
        ("Norco and Flexeril", "hydrocodone/acetaminophen or cyclobenzaprine"),
        ("Tramadol for the knee", "tramadol"),
    ],
)
def test_the_treatment_of_a_case(library: Library, text: str, treatment: str | None) -> None:
    checklist = check_case(library, read_case(text))
    assert (checklist.treatment if checklist else None) == treatment


@pytest.mark.parametrize(
    ("text", "upheld"),
    [("Norco overturned", 3), ("left shoulder", None), ("denied", None), ("physical therapy for the shoulder", 0)],
)
def test_the_treatment_of_a_question_whatever_was_decided(library: Library, text: str, upheld: int | None) -> None:
    checklist = check_query(library, parse_query(text))
    assert (checklist.upheld if checklist else None) == upheld


def test_most_frequent_first_main_grounds_quoted_and_each_from_another_letter(tmp_path: Path) -> None:
    main = (("no_weaning_plan", "No taper has been planned."),)
    other = (("no_functional_improvement", "Work status is the same."), *main)
    rationale = "Work status is the same. No taper has been planned."
    samples = tuple(
        Sample(
            name=f"{n}.txt",
            summary=f"Visit {n}.",
            items=tuple(
                Item(title=f"Norco {n}-{k}", rationale=rationale, reasons=main if n > 5 else other, treatment=NORCO)
                for k in range(2)
            ),
        )
        for n in range(10)
    )
    with fill_library(tmp_path / "library", samples) as library:
        checklist = make_checklist(library, library.select_ids(), most=1)
    (line,) = checklist.missing
    assert (line.code, line.n, line.of, line.small) == ("no_weaning_plan", 20, 20, False)
    assert [quote.file for quote in line.quotes] == ["6.txt", "7.txt", "8.txt"]


def test_partly_overturned_is_on_neither_side(tmp_path: Path) -> None:
    item = replace(SAMPLES[0].items[1], decision="partially_overturned")
    with fill_library(tmp_path / "library", (replace(SAMPLES[0], items=(item,)),)) as library:
        checklist = make_checklist(library, library.select_ids())
    assert (checklist.upheld, checklist.overturned, checklist.missing, checklist.documented) == (0, 0, (), ())


def test_of_nothing(library: Library) -> None:
    assert make_checklist(library, []).missing == ()
