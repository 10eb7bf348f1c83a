"""Export: one row a determination, formulas made harmless, nothing capped."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from library_samples import SAMPLES, Item, Sample, fill_library

from imr_llm.errors import ConfigurationError
from imr_llm.library.store import Library
from imr_llm.search.export import export_determinations


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with fill_library(tmp_path_factory.mktemp("export") / "library") as library:
        yield library


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_a_row_for_each_determination(library: Library, tmp_path: Path) -> None:
    assert export_determinations(library, tmp_path / "all.csv") == 7
    rows = _csv(tmp_path / "all.csv")
    assert [row["number"] for row in rows] == ["1", "2", "1", "1", "1", "2", "3"]
    assert rows[0]["reasons"] == "missing_urine_drug_screen | no_functional_improvement"
    assert rows[0]["primary_reason"] == "missing_urine_drug_screen"
    assert (tmp_path / "all.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_a_question_selects(library: Library, tmp_path: Path) -> None:
    assert export_determinations(library, tmp_path / "x.csv", query="cases denied for missing UDS") == 1
    assert export_determinations(library, tmp_path / "x.csv", query="cases with Soma") == 0


def test_jsonl_keeps_lists(library: Library, tmp_path: Path) -> None:
    export_determinations(library, tmp_path / "x.jsonl", query="Norco", format="jsonl")
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [row["uds"] for row in rows] == [["consistent", "stated_absent"], ["consistent"], ["illicit_positive"]]


def test_parquet(library: Library, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the parquet extra")
    assert export_determinations(library, tmp_path / "x.parquet", format="parquet") == 7
    assert parquet.read_table(tmp_path / "x.parquet").num_rows == 7


def test_stdout(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_determinations(library, None, query="Flexeril") == 1
    assert "cyclobenzaprine" in capsys.readouterr().out


@pytest.mark.parametrize("title", ['=HYPERLINK("http://x","y")', "+1", "-2 visits", "@SUM(A1)", "  =1"])
def test_a_formula_is_made_text(tmp_path: Path, title: str) -> None:
    sample = replace(SAMPLES[0], items=(Item(title=title, rationale="None was sent to us at all."),))
    with fill_library(tmp_path / "library", (sample,)) as library:
        export_determinations(library, tmp_path / "x.csv")
    assert _csv(tmp_path / "x.csv")[0]["title"].startswith("'")


def test_nothing_is_capped(tmp_path: Path) -> None:
    samples = tuple(
        Sample(
            name=f"{n}.txt", summary=f"Visit {n}.", items=(Item(title="Brace", rationale=f"Number {n} has no need."),)
        )
        for n in range(120)
    )
    with fill_library(tmp_path / "library", samples) as library:
        assert export_determinations(library, tmp_path / "x.csv") == 120


def test_an_unknown_format_is_named(library: Library, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="parquet"):
        export_determinations(library, tmp_path / "x.xls", format="xls")  # type: ignore[arg-type]
