"""What every browser test does: ask, change tabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "letters"
OpenPage = Callable[..., "Page"]


def ask(page: Page, question: str) -> None:
    """Type a question, and wait for its answer."""
    box = page.get_by_label("Ask in plain words")
    box.fill(question)
    box.press("Enter")
    page.wait_for_selector(f'.imr-result[data-question="{question}"]')


def open_tab(page: Page, name: str) -> None:
    """Go to a tab by its name."""
    page.get_by_role("tab", name=name).click()
