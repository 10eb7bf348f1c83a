"""The letter view: evidence in place, jumps by button and keyboard, and hostile letters as text."""

from __future__ import annotations

from driving import OpenPage, ask


def test_evidence_is_jumped_to_by_button_and_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    ask(page, "find cases denied for missing UDS")
    link = page.get_by_role("link", name="Read it in the letter").first
    link.click()
    page.wait_for_selector("dialog.imr-letter[open]")
    told = page.locator(".imr-jumps [role=status]")
    assert told.inner_text().startswith("1 of ")
    page.get_by_role("button", name="Next evidence").click()
    assert told.inner_text().startswith("2 of ")
    assert page.evaluate("document.activeElement.matches('mark.imr-here')")
    page.keyboard.press("Alt+ArrowDown")
    assert told.inner_text().startswith("3 of ")
    page.keyboard.press("Alt+ArrowUp")
    page.get_by_role("button", name="Previous evidence").click()
    assert told.inner_text().startswith("1 of ")
    assert page.locator("mark.imr-here").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog.imr-letter", state="detached")
    assert link.evaluate("link => link === document.activeElement")


def test_a_letter_has_an_address_of_its_own(open_page: OpenPage) -> None:
    page = open_page("?letter=CM15-9000002&item=1")
    page.wait_for_selector("dialog.imr-letter[open]")
    assert "contradicts itself" in page.locator("dialog.imr-letter").inner_text()


def test_a_letter_that_is_not_there_is_told(open_page: OpenPage) -> None:
    page = open_page("?letter=CM15-0000000")
    page.wait_for_selector("dialog.imr-letter[open]")
    assert "cannot be shown" in page.locator("dialog.imr-letter").inner_text()


def test_a_hostile_letter_is_shown_as_text(open_page: OpenPage) -> None:
    page = open_page("?letter=hostile_injection_and_markup.txt&item=1")
    page.wait_for_selector("dialog.imr-letter[open]")
    text = page.locator(".imr-letter-text")
    assert '<script>alert("imr")</script>' in text.inner_text()
    assert "{{ 7 * 7 }}" in text.inner_text()
    assert "<b onmouseover=" in text.inner_text()
    assert text.locator("script, img, [onmouseover], [onerror]").count() == 0
    page.keyboard.press("Escape")
    ask(page, "Fioricet denied")
    page.wait_for_selector(".imr-card")
    assert page.locator(".imr-card script, .imr-card img").count() == 0
