"""Similar cases, statistics, adding letters, and the states of an empty library."""

from __future__ import annotations

import shutil
from pathlib import Path

from driving import SAMPLES, OpenPage, ask, open_tab

ADDED = "input[type=file][multiple]"
CASE = "Norco 10/325 #120 was denied: no urine drug screen is on file, and no functional improvement is documented."


def test_similar_cases_of_a_pasted_text_stand_side_by_side(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Similar cases")
    page.get_by_label("A denial, a draft request").fill(CASE)
    page.get_by_role("button", name="Find similar cases").click()
    page.wait_for_selector(".imr-sides")
    upheld, overturned = page.locator(".imr-column").all()
    assert "Upheld" in upheld.inner_text()
    assert "Overturned" in overturned.inner_text()
    assert "What they turned on" in page.locator(".imr-turning").inner_text()
    lines = page.locator(".imr-checklist li")
    assert "Missing urine drug screen" in page.locator(".imr-checklist").inner_text()
    assert " of " in lines.first.inner_text()
    lines.first.locator("summary").click()
    assert lines.first.locator("blockquote").first.is_visible()


def test_similar_cases_of_an_uploaded_letter(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Similar cases")
    page.locator("input[type=file]").first.set_input_files(SAMPLES / "tramadol_no_screen_on_file.pdf")
    page.wait_for_selector(".imr-sides")
    assert "Tramadol" in page.locator("#imr-similar").inner_text()


def test_statistics_have_bars_n_and_the_basis_of_dates(open_page: OpenPage) -> None:
    page = open_page()
    open_tab(page, "Statistics")
    page.wait_for_selector(".imr-crosstab")
    text = page.locator("#imr-figures").inner_text()
    for words in ("95% interval", "Reasons for denial, by treatment", "Dated from", "few", " of "):
        assert words in text
    assert page.locator(".imr-table .imr-bar").count() > 5
    page.get_by_label("Which determinations?").fill("opioids")
    page.get_by_role("button", name="Count").click()
    page.get_by_text("drug class", exact=False).or_(page.locator("#imr-figures .imr-chip")).first.wait_for()


def test_letters_are_added_and_found(open_page: OpenPage, tmp_path: Path) -> None:
    new = tmp_path / "new_letter.txt"
    text = (SAMPLES / "norco_missing_uds.txt").read_text(encoding="utf-8")
    new.write_text(text.replace("CM15-9000001", "CM15-9000777").replace("Norco", "Vicodin"), encoding="utf-8")
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no pdf at all")
    page = open_page()
    open_tab(page, "Add letters")
    page.locator(ADDED).set_input_files([new, bad])
    page.locator("#imr-added h2", has_text="Done").wait_for()
    told = page.locator("#imr-added").inner_text()
    assert "2 of 2 letters, 1 added, 1 failed" in told
    assert "bad.pdf" in told
    assert "not a PDF" in told
    open_tab(page, "Search")
    ask(page, "Vicodin denied")
    assert "CM15-9000777" in page.locator(".imr-card").first.inner_text()


def test_a_busy_library_is_told(open_page: OpenPage, library: Path, tmp_path: Path) -> None:
    from imr_llm.library.store import Library

    page = open_page()
    open_tab(page, "Add letters")
    letter = Path(shutil.copy(SAMPLES / "tens_hwave_brace.txt", tmp_path))
    with Library.open(library, writing=True):
        page.locator(ADDED).set_input_files(letter)
        page.get_by_text("The library is busy").wait_for()


def test_an_empty_library_says_how_to_fill_it(open_page: OpenPage, empty_address: str) -> None:
    page = open_page(base=empty_address)
    page.get_by_text("There are no letters here yet").first.wait_for()
    open_tab(page, "Statistics")
    page.locator("#imr-figures", has_text="There are no letters here yet").wait_for()
