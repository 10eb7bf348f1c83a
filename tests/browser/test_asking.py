"""Asking, taking filters away, choosing facets, comparing, permalinks, saved searches, thumbs, exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest
from driving import OpenPage, ask

from tests.model_server import ModelServer, Reply

if TYPE_CHECKING:
    from playwright.sync_api import Page

MISSING = "find cases denied for missing UDS"


def total(page: Page) -> int:
    return int(page.locator(".imr-total b").inner_text().split()[0])


def settle(page: Page, part: str) -> None:
    """Wait until the answer's refinement holds (or, for "", is) something."""
    found = f'.imr-result[data-refinement*="{part}"]' if part else '.imr-result[data-refinement=""]'
    page.wait_for_selector(found)
    page.wait_for_selector("#imr-answer:not(.imr-busy)")


def test_a_question_is_answered_with_evidence(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    card = page.locator(".imr-card").first
    assert total(page) == 4
    assert "Upheld" in card.inner_text()
    assert "Why it matched" in card.inner_text()
    assert "urine drug screen" in card.locator("mark").first.inner_text()


def test_an_example_is_asked_by_a_click(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Norco overturned").click()
    page.wait_for_selector('.imr-result[data-question="Norco overturned"]')
    assert page.get_by_label("Ask in plain words").input_value() == "Norco overturned"


def test_a_word_that_was_not_understood_is_shown(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "Norco denied zzyzx")
    assert "zzyzx" in page.locator(".imr-ignored").inner_text()


def test_without_a_model_there_is_nobody_to_ask(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "Norco denied zzyzx")
    assert page.get_by_role("button", name="Ask ").count() == 0


def test_a_model_is_asked_about_unused_words(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = [
        {"words": "mow the lawn", "meaning": "reason=no_functional_improvement"},
        {"words": "denied", "meaning": "decision=overturned"},
    ]
    with ModelServer([Reply(content=json.dumps({"meanings": meanings})), Reply(status=401)]) as server:
        monkeypatch.setenv("IMR_MODEL", "scripted")
        monkeypatch.setenv("IMR_BASE_URL", server.base_url)
        page = open_page()
        ask(page, "Norco denied, mow the lawn")
        page.get_by_role("button", name="Ask scripted at 127.0.0.1").click()
        settle(page, "mow the lawn")
        assert page.get_by_role("button", name="remove filter reason").count() == 1
        assert "was read by a model" in page.locator(".imr-notes").inner_text()
        assert "understood already" in page.locator(".imr-notes").inner_text()
        assert page.locator(".imr-ignored").count() == 0
        page.get_by_role("button", name="remove filter reason").click()
        settle(page, "")
        page.get_by_role("button", name="Ask scripted at 127.0.0.1").click()
        page.wait_for_selector("text=the model was not heard")
        assert total(page) > 0


def test_a_chip_is_removed_by_keyboard_and_restored(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "Norco denied")
    before = total(page)
    page.get_by_role("button", name="remove filter decision").focus()
    page.keyboard.press("Enter")
    settle(page, "decision")
    assert total(page) > before
    assert page.get_by_role("button", name="remove filter decision").count() == 0
    assert page.evaluate("document.activeElement.className") == "imr-total"
    page.get_by_role("button", name="as asked").click()
    settle(page, "")
    assert total(page) == before


def test_a_facet_is_chosen_and_taken_back(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    value = page.locator('[data-facet="drug_name=tramadol"]')
    count = int(value.locator("b").inner_text())
    value.click()
    settle(page, "tramadol")
    assert total(page) == count
    assert page.locator('[data-facet="drug_name=tramadol"]').get_attribute("aria-pressed") == "true"
    assert page.evaluate("document.activeElement.dataset.facet") == "drug_name=tramadol"
    page.keyboard.press("Enter")
    settle(page, "")
    assert total(page) == 4


def test_what_almost_answers_says_why_not(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    almost = page.locator(".imr-almost")
    assert "Did not" in almost.inner_text()
    assert almost.locator("ol > li").count() > 0


def test_two_are_compared_over_the_page(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    for at in (0, 1):
        page.locator("[data-choose]").nth(at).check()
    page.get_by_role("button", name="Compare side by side").click()
    page.wait_for_selector("dialog.imr-compared[open]")
    heads = page.locator(".imr-compared thead th").all_inner_texts()
    assert len(heads) == 2
    for row in ("Decision", "Treatment", "Reasons", "In its words", "Drug screen", "Reviewer’s guideline"):
        assert page.get_by_role("rowheader", name=row, exact=True).count() == 1
    page.locator(".imr-compared a[data-letter]").first.click()
    page.wait_for_selector("dialog.imr-letter[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.imr-letter", state="detached")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.imr-compared", state="detached")
    assert page.evaluate("document.activeElement.dataset.do") == "compare"


def test_a_permalink_holds_the_question_and_its_changes(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    page.locator('[data-facet="drug_name=tramadol"]').click()
    settle(page, "tramadol")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_text("Link copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    page.reload()
    settle(page, "tramadol")
    assert total(page) == 1
    assert page.get_by_label("Ask in plain words").input_value() == MISSING


def test_a_broken_permalink_is_told(open_page: OpenPage) -> None:
    page = open_page(f"?q=Norco&r={quote_plus('{broken')}")
    assert "refinement" in page.locator(".imr-notice-problem").inner_text()


def test_an_address_with_markup_in_it_is_shown_as_text(open_page: OpenPage) -> None:
    attack = '"><img src=x onerror=alert(1)>'
    page = open_page(f"?q={quote_plus(attack)}")
    page.wait_for_selector(".imr-result")
    assert page.locator(".imr-result").get_attribute("data-question") == attack
    assert page.locator("#imr-answer img").count() == 0


def test_a_saved_search_tells_what_is_new_and_is_removed(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    page.get_by_role("button", name="Save this search").click()
    page.get_by_text("Saved searches (1)").wait_for()
    kept = json.loads(page.evaluate("localStorage.getItem('imr-saved-searches')"))
    assert [search["question"] for search in kept] == [MISSING]
    assert len(kept[0]["ids"]) == 4
    assert not any("urine drug screen result" in text for text in [json.dumps(kept)])  # no letter text
    kept[0]["ids"] = kept[0]["ids"][1:]
    page.evaluate("text => localStorage.setItem('imr-saved-searches', text)", json.dumps(kept))
    page.goto(page.url.split("?")[0])
    page.get_by_text("Saved searches (1)").click()
    page.get_by_text("1 new since last time").wait_for()
    page.locator(".imr-saved a").click()
    page.wait_for_selector(".imr-fresh")
    page.wait_for_selector(f'.imr-result[data-question="{MISSING}"]')
    page.get_by_text("1 new since last time").wait_for(state="detached")
    page.get_by_role("button", name="remove saved search").click()
    page.wait_for_selector(".imr-saved", state="detached")


def test_a_thumb_lands_in_the_library(open_page: OpenPage, library: Path) -> None:
    page = open_page()
    ask(page, MISSING)
    page.get_by_role("button", name="It does not answer the question").first.click()
    page.get_by_text("Noted in feedback.jsonl").wait_for()
    (line,) = (library / "feedback.jsonl").read_text(encoding="utf-8").splitlines()
    judged = json.loads(line)
    assert (judged["query"], judged["verdict"], judged["number"]) == (MISSING, "down", 1)
    assert page.locator('.imr-thumb[aria-pressed="true"]').count() == 1


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_all_of_an_answer_is_exported(open_page: OpenPage, tmp_path: Path, form: str) -> None:
    if form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
    page = open_page()
    ask(page, "upheld")
    name = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}[form]
    with page.expect_download() as downloading:
        page.get_by_role("button", name=f"Download as {name}").click()
    path = tmp_path / f"export.{form}"
    downloading.value.save_as(path)
    if form == "csv":
        rows = len(list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines())))
    elif form == "jsonl":
        rows = len(path.read_text(encoding="utf-8").splitlines())
    else:
        rows = parquet.read_table(path).num_rows
    assert rows == total(page)
    assert rows > page.locator(".imr-card").count()


def test_what_no_filter_selects_is_not_exported(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "lifts boxes in a warehouse")
    page.wait_for_selector(".imr-card")
    assert page.get_by_role("button", name="Download as CSV").count() == 0


def test_show_more_shows_more(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "upheld")
    assert page.locator(".imr-card").count() == 20
    page.get_by_role("button", name="Show more").click()
    page.wait_for_function("document.querySelectorAll('.imr-card').length === 40")


def test_back_asks_the_question_before(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    ask(page, "Norco overturned")
    page.go_back()
    page.wait_for_selector(f'.imr-result[data-question="{MISSING}"]')
    assert page.get_by_label("Ask in plain words").input_value() == MISSING


def test_a_second_reason_narrows(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    before = total(page)
    page.locator('[data-facet="reason=no_functional_improvement"]').click()
    settle(page, "no_functional_improvement")
    assert 0 < total(page) <= before


def test_the_answer_is_skipped_to(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("document.activeElement.blur()")
    assert page.locator(".imr-skip").get_attribute("href") == "#imr-answer"
