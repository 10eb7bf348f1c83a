"""Letters added from the page: read, extracted by the configured extractor, kept, indexed; step by step.

One upload at a time. What was uploaded is removed, whatever happens; a bad file is told and the rest goes on.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from imr_llm.errors import ImrError, LibraryBusy, VectorIndexError
from imr_llm.extraction import Outcome, Plan, Tally, choose_extractor, extract_letters, open_extractor
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import Unreadable, read_letters
from imr_llm.library.index import Index
from imr_llm.library.store import Library
from imr_llm.settings import Settings, read_settings

Stage = Literal["reading", "extracting", "indexing", "done"]
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Progress:
    """How far an upload is: `done` of `of` letters, of which some were added, known already, or failed (name, why).

    `names`: those that were added, with the number of determinations that were found in each.
    """

    stage: Stage
    of: int = 0
    done: int = 0
    added: int = 0
    known: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    names: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class _Run:
    """What the working thread tells: outcomes, then None; an error that ended it."""

    outcomes: queue.Queue[Outcome | None] = field(default_factory=queue.Queue)
    tally: Tally | None = None
    error: BaseException | None = None


def plan_extraction() -> tuple[Plan, Settings]:
    """The extractor that the environment configures. Raises ConfigurationError."""
    settings = read_settings(os.environ)
    return choose_extractor(settings), settings


def add_letters(library: Library, index: Index | None, paths: Sequence[Path]) -> Iterator[Progress]:
    """Add the letters of uploaded files, yielding after each. Raises LibraryBusy, ConfigurationError, LibraryError."""
    try:
        with _writing(library):
            yield Progress("reading")
            letters = [_rename(item, path) for path in paths for item in read_letters([path])]
            yield from _extract(library, index, letters)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


def _extract(library: Library, index: Index | None, letters: list[Letter | Unreadable]) -> Iterator[Progress]:
    plan, settings = plan_extraction()
    progress = Progress("extracting", of=len(letters))
    yield progress
    run = _Run()
    thread = threading.Thread(target=_work, args=(run, library, letters, plan, settings), daemon=True)
    thread.start()
    while (outcome := run.outcomes.get()) is not None:
        progress = _count(progress, outcome)
        yield progress
    thread.join()
    for source, _ in progress.failed:  # told here and now: the file is removed, and cannot be tried again
        library.clear_failure(source)
    if run.error:
        raise run.error
    notes = [str(run.tally.stopped)] if run.tally and run.tally.stopped else []
    yield replace(progress, stage="indexing")
    try:
        if index is not None:
            index.update()
    except VectorIndexError as error:
        notes.append(f"{error}; words alone rank until then")
    yield replace(progress, stage="done", notes=tuple(notes))


def _work(run: _Run, library: Library, letters: Sequence[Letter | Unreadable], plan: Plan, settings: Settings) -> None:
    """In a thread of its own: the page's server has an event loop already."""

    async def extract_all() -> Tally:
        async with open_extractor(plan, settings) as extract:
            return await extract_letters(
                letters, library, extract, key=plan.key, concurrency=settings.concurrency, report=run.outcomes.put
            )

    try:
        run.tally = asyncio.run(extract_all())
    except BaseException as error:  # noqa: BLE001  # raised again where the page waits for it
        run.error = error
    finally:
        run.outcomes.put(None)


def _count(progress: Progress, outcome: Outcome) -> Progress:
    done = progress.done + 1
    if outcome.error is not None:
        failed = (*progress.failed, (outcome.source, _without_name(outcome.source, outcome.error)))
        return replace(progress, done=done, failed=failed)
    if outcome.kept:
        return replace(progress, done=done, known=progress.known + 1)
    found = len(outcome.review.determinations) if outcome.review else 0
    names = (*progress.names, (outcome.source, found))
    return replace(progress, done=done, added=progress.added + 1, names=names)


def _without_name(source: str, error: ImrError) -> str:
    return str(error).removeprefix(source).removeprefix(":").strip()


def _rename(item: Letter | Unreadable, path: Path) -> Letter | Unreadable:
    """A letter's source is the file as its owner calls it, not the place where the server kept it for a moment."""
    source = item.source.replace(str(path), path.name)
    if isinstance(item, Letter):
        return replace(item, source=source)
    return Unreadable(source, type(item.error)(str(item.error).replace(str(path), path.name)))


@contextmanager
def _writing(library: Library) -> Iterator[None]:
    """Be the one writer; LibraryBusy where another process, or another visitor, adds letters just now."""
    if not _one_at_a_time.acquire(blocking=False):
        raise LibraryBusy("letters are being added from another window; wait for that to end")
    try:
        library.take_lock()
        try:
            yield
        finally:
            library.release_lock()
    finally:
        _one_at_a_time.release()
