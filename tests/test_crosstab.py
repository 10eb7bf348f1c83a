"""Reasons by treatment, over letters built by hand."""

from __future__ import annotations

from pathlib import Path

from imr_llm.app.adding import add_letters
from imr_llm.app.crosstab import count_reasons_by_treatment, describe_dates
from imr_llm.app.crosstab_view import render_crosstab, render_dates
from letters import ROOT

from imr_llm.library.store import Library

SAMPLES = ROOT / "samples" / "letters"


def fill(library: Library, folder: Path) -> None:
    folder.mkdir()
    for name in ("norco_missing_uds.txt", "percocet_uds_contradiction.txt", "norco_overturned_well_monitored.txt"):
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    list(add_letters(library, None, sorted(folder.iterdir())))


def test_reasons_are_counted_among_the_denied_items_of_a_treatment(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library") as library:
        fill(library, tmp_path / "uploads")
        table = count_reasons_by_treatment(library, [])
        dates = describe_dates(library.select())
    column = [found.treatment for found in table.columns].index("pharmaceuticals.opioids")
    assert table.columns[column].of == 2
    assert table.columns[column].small
    assert table.cells[table.reasons.index("missing_urine_drug_screen")][column] == 2
    assert "benefit_documented" not in table.reasons
    shown = render_crosstab(table)
    assert "2 of 2" in shown
    assert "few" in shown
    assert (dates.derived, dates.unknown) == (0, 0)
    assert "by the decision date that the letter prints" in render_dates(dates)
