"""A browser over a served page: Debian's Chromium driven by Playwright, nothing downloaded, every request recorded.

IMR_CHROMIUM names another browser. Where there is none these tests are skipped, and say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from driving import SAMPLES, OpenPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A page of a slow machine: two cores, shared.
PATIENCE = 20_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


def find_chromium() -> str:
    """The browser's path, or a skip."""
    named = os.environ.get("IMR_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(named).exists():
        pytest.skip(f"no browser at {named}: apt-get install chromium, or set IMR_CHROMIUM")
    return named


def serve(path: Path) -> Iterator[str]:
    """The page over a library, on a free loopback port, until the generator is closed."""
    pytest.importorskip("gradio")
    from imr_llm.app import page

    blocks = page.build_page(path)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **page.launch_settings())
    yield url
    blocks.close(verbose=False)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of the sample letters, read by rules; the tests may add to it."""
    from imr_llm.app.adding import add_letters

    from imr_llm.library.store import Library

    os.environ["IMR_EXTRACTOR"] = "rules"
    folder = tmp_path_factory.mktemp("served")
    copies = [Path(shutil.copy(letter, folder)) for letter in sorted(SAMPLES.iterdir())]
    with Library.open(folder / "library") as filled:
        list(add_letters(filled, None, copies))
    return folder / "library"


@pytest.fixture(scope="session")
def address(library: Path) -> Iterator[str]:
    """The page over `library`."""
    yield from serve(library)


@pytest.fixture(scope="session")
def empty_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over a library without letters."""
    yield from serve(tmp_path_factory.mktemp("empty") / "library")


@pytest.fixture(scope="session")
def browser(address: str, empty_address: str) -> Iterator[Browser]:
    """Started after the servers: Playwright's event loop runs in this thread as long as the browser does."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make install")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Opens the page (or another address) in a fresh profile; at the end nothing may have gone outside or failed."""
    contexts, outside, problems = [], [], []

    def note(url: str, base: str) -> None:
        if not url.startswith((base, base.replace("http", "ws"), "data:", "blob:")):
            outside.append(url)

    def open_it(
        path: str = "", *, width: int = 1280, height: int = 900, dark: bool = False, base: str = address
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            accept_downloads=True,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base.rstrip("/"))
        contexts.append(context)
        context.on("request", lambda request: note(request.url, base))
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(f"a dialog: {dialog.message}"))
        page.goto(base + path)
        page.wait_for_selector("#imr-header h1")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert outside == []
    assert problems == []
