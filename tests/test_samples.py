"""The sample letters and their labels agree with each other, with the taxonomy and with the record."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from imr_llm.letters.pdf import read_pdf
from imr_llm.record import Case, Citation, Decision, Layout, Patient, Reviewer, Treatment, UdsStatus
from imr_llm.terms.taxonomy import load_taxonomy

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "samples"
LETTER_FOLDER = SAMPLES / "letters"
GOLD: list[dict[str, Any]] = [json.loads(line) for line in (SAMPLES / "gold.jsonl").read_text("utf-8").splitlines()]
LETTERS = sorted(path.name for path in LETTER_FOLDER.iterdir() if path.suffix in {".txt", ".pdf"})
FIRST = {row["file"]: row["letter"] for row in GOLD if row["number"] == 1}


def fold(text: str) -> str:
    return " ".join(text.split())


def read_sample(name: str) -> str:
    data = (LETTER_FOLDER / name).read_bytes()
    return read_pdf(data, name)[0] if name.endswith(".pdf") else data.decode("utf-8")


def rows_of(name: str) -> list[dict[str, Any]]:
    return [row for row in GOLD if row["file"] == name]


def name_row(row: dict[str, Any]) -> str:
    return f"{row['file']}-{row['number']}"


def test_every_letter_has_its_gold_and_no_gold_is_stray() -> None:
    assert len(LETTERS) == 30
    assert sorted({row["file"] for row in GOLD}) == LETTERS


@pytest.mark.parametrize("name", LETTERS)
def test_determinations_are_numbered_from_one(name: str) -> None:
    rows = rows_of(name)
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(("letter" in row) == (row["number"] == 1) for row in rows)


@pytest.mark.parametrize("name", LETTERS)
def test_every_quote_and_title_stands_in_its_letter(name: str) -> None:
    text = fold(read_sample(name))
    for row in rows_of(name):
        assert fold(row["title"]).lower() in text.lower(), row["number"]
        for reason in row["reasons"]:
            assert fold(reason["quote"]) in text, (row["number"], reason["code"])
        for part in filter(None, row["request"].values()):
            assert fold(part) in text, (row["number"], part)


@pytest.mark.parametrize("row", GOLD, ids=name_row)
def test_reasons_are_of_the_taxonomy_and_of_the_decisions_side(row: dict[str, Any]) -> None:
    codes = load_taxonomy().codes
    sides = {"upheld": {"denial"}, "overturned": {"overturn"}, "partially_overturned": {"denial", "overturn"}}
    assert {codes[reason["code"]].polarity for reason in row["reasons"]} <= sides[row["decision"]]
    assert sum(reason["primary"] for reason in row["reasons"]) == 1


@pytest.mark.parametrize("row", GOLD, ids=name_row)
def test_values_fit_the_record(row: dict[str, Any]) -> None:
    Treatment(**row["treatment"])
    for citation in row.get("maximus_citations", []):
        Citation(**citation)
    assert row["decision"] in get_args(Decision)
    assert {row["uds_rationale"], row["uds_summary"]} <= set(get_args(UdsStatus))


@pytest.mark.parametrize("name", LETTERS)
def test_letter_facts_fit_the_record(name: str) -> None:
    letter = FIRST[name]
    Case(**{field: letter[field] for field in Case.model_fields})
    Reviewer(**{field: letter[field] for field in Reviewer.model_fields})
    Patient(**{field: letter[field] for field in Patient.model_fields})
    text = fold(read_sample(name))
    for value in (letter["case_number"], *letter["licensed_states"], *letter["specialties"]):
        assert value is None or value in text


def test_all_layouts_are_covered() -> None:
    assert {letter["layout"] for letter in FIRST.values()} == set(get_args(Layout))


def test_all_uds_states_are_covered() -> None:
    assert {row["uds_rationale"] for row in GOLD} == set(get_args(UdsStatus))


def test_case_numbers_are_fictitious_and_unique() -> None:
    numbers = [number for name in LETTERS for number in set(re.findall(r"\bCM\d\d-\d{7}\b", read_sample(name)))]
    assert len(numbers) == len(set(numbers)) == 29  # one letter has lost its header page
    assert all(re.fullmatch(r"CM15-90000\d\d", number) for number in numbers)


def test_denied_for_missing_uds_is_this_set() -> None:
    found = {
        name_row(row) for row in GOLD for reason in row["reasons"] if reason["code"] == "missing_urine_drug_screen"
    }
    assert found == {
        "norco_missing_uds.txt-1",
        "percocet_uds_contradiction.txt-1",
        "tramadol_no_screen_on_file.pdf-1",
        "notice_2013_norco_and_trigger_points.txt-1",
    }
    assert all(row["decision"] == "upheld" for row in GOLD if name_row(row) in found)


def test_what_the_readme_promises_of_the_files() -> None:
    raw = {name: (LETTER_FOLDER / name).read_bytes() for name in LETTERS}
    text = {name: read_sample(name) for name in LETTERS}
    assert [name for name, data in raw.items() if b"/Encrypt" in data] == ["tramadol_no_screen_on_file.pdf"]
    assert b"/AESV" in raw["tramadol_no_screen_on_file.pdf"]
    assert [name for name, data in raw.items() if name.endswith(".txt") and b"\r\n" in data] == [
        "tapentadol_uds_result_pending.txt"
    ]
    assert "transforaminal, \funder fluoroscopy" in text["epidural_and_facet_blocks.pdf"]
    assert "<script>" in text["hostile_injection_and_markup.txt"]
    readme = (SAMPLES / "README.md").read_text("utf-8")
    assert all(f"| {name} |" in readme for name in LETTERS)
