"""WCAG 2.2 A and AA by axe-core on every tab and dialog, light and dark; no sideways scrolling on narrow screens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from driving import OpenPage, ask, open_tab

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
MISSING = "find cases denied for missing UDS"
CASE = "Norco 10/325 #120 was denied: no urine drug screen is on file, and no functional improvement is documented."


def go_to_answer(page: Page) -> None:
    ask(page, MISSING)
    page.get_by_role("button", name="Save this search").click()
    page.wait_for_selector(".imr-saved")


def go_to_similar(page: Page) -> None:
    open_tab(page, "Similar cases")
    page.get_by_label("A denial, a draft request").fill(CASE)
    page.get_by_role("button", name="Find similar cases").click()
    page.wait_for_selector(".imr-sides")


def go_to_statistics(page: Page) -> None:
    open_tab(page, "Statistics")
    page.wait_for_selector(".imr-crosstab")


def go_to_adding(page: Page) -> None:
    open_tab(page, "Add letters")
    page.get_by_role("button", name="Choose letters to add").wait_for()


def go_to_letter(page: Page) -> None:
    ask(page, MISSING)
    page.get_by_role("link", name="Read it in the letter").first.click()
    page.wait_for_selector("dialog.imr-letter[open]")


def go_to_comparison(page: Page) -> None:
    ask(page, MISSING)
    page.locator("[data-choose]").nth(0).check()
    page.locator("[data-choose]").nth(1).check()
    page.get_by_role("button", name="Compare side by side").click()
    page.wait_for_selector("dialog.imr-compared[open]")


PLACES = [go_to_answer, go_to_similar, go_to_statistics, go_to_adding, go_to_letter, go_to_comparison]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("go", PLACES, ids=lambda go: go.__name__)
def test_axe_finds_nothing(open_page: OpenPage, go: object, dark: bool) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: make browser-tools (needs npm)")
    page = open_page(dark=dark)
    go(page)  # type: ignore[operator]
    page.wait_for_timeout(400)  # colours move for a moment after a click
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", RULES)
    told = [
        f"{violation['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert told == []


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("go", PLACES, ids=lambda go: go.__name__)
def test_nothing_scrolls_sideways(open_page: OpenPage, go: object, width: int) -> None:
    page = open_page(width=width, height=800)
    go(page)  # type: ignore[operator]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_facets_are_folded_on_a_narrow_screen_alone(open_page: OpenPage) -> None:
    for width, unfolded in ((360, False), (1280, True)):
        page = open_page(width=width)
        ask(page, MISSING)
        assert page.locator(".imr-facets").evaluate("panel => panel.open") is unfolded


def test_all_of_the_search_is_reached_by_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, MISSING)
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('data-do') || document.activeElement.tagName"))
        if page.evaluate("!!document.activeElement.closest('.imr-card footer')"):
            break
    assert {"refine", "copy", "save"} <= reached
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
