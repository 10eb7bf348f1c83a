"""A run: an extractor over letters, with everything it was told on record.

    run = open_run(Path("imr-runs/rules"), manifest)     the folder, new or to be gone on with
    run = read_run(Path("imr-runs/rules"))               the same folder, to be scored

    RUN/manifest.json       how it was made (manifest.py)
    RUN/records.sqlite      a library: kept texts, reviews, failures
    RUN/exchanges.jsonl     one line an exchange with the model, as it came: letter, raw answer, seconds, error

A kill costs at most the letter in hand; the same command goes on. A folder made by another program, prompt or model
is refused: two kinds of reviews under one manifest would be a lie.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Extract, Outcome, Plan, Tally, extract_letters, open_extractor
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import Unreadable
from imr_llm.library.store import Failure, Library
from imr_llm.llm.ledger import Exchange, Ledger
from imr_llm.record import Review
from imr_llm.settings import Settings

from .manifest import Manifest, now

MANIFEST, EXCHANGES = "manifest.json", "exchanges.jsonl"


@dataclass(frozen=True)
class RunFolder:
    """A run on disk. It holds letters' texts: keep it where you keep letters."""

    path: Path
    manifest: Manifest

    def open_library(self, *, writing: bool = False) -> Library:
        """The run's letters and reviews. A run's folder is a library: `imr-llm search --library RUN` works on it."""
        return Library.open(self.path, create=writing, writing=writing)

    def exchanges(self) -> Iterator[dict[str, Any]]:
        """Every exchange on record, in order; a line that a kill tore off in the middle is left out."""
        file = self.path / EXCHANGES
        if not file.exists():
            return
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)


@dataclass(frozen=True)
class Recorded:
    """What a run made of its letters, read back: reviews and kept texts by letter id, and the sources that failed."""

    manifest: Manifest
    reviews: tuple[Review, ...]
    texts: dict[str, str]
    failures: tuple[Failure, ...]


def read_run(path: Path) -> RunFolder:
    """The run in this folder. Raises ConfigurationError where there is none."""
    file = path / MANIFEST
    try:
        return RunFolder(path, Manifest.model_validate_json(file.read_text("utf-8")))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: no run, {MANIFEST} is missing; make one with `imr-llm eval run`") from error
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{file}: not a run's manifest, or one of another version") from error


def open_run(path: Path, manifest: Manifest) -> RunFolder:
    """A new run, or the one that stands there and was made the same way. Raises ConfigurationError where it was not."""
    if not (path / MANIFEST).exists():
        if path.exists() and any(path.iterdir()):
            raise ConfigurationError(f"{path}: not empty and no run; name another folder with --out")
        path.mkdir(parents=True, exist_ok=True)
        return _keep_manifest(RunFolder(path, manifest))
    before = read_run(path).manifest
    ours, theirs = manifest.identity(), before.identity()
    differing = [name for name in ours if ours[name] != theirs[name]]
    if differing:
        raise ConfigurationError(
            f"{path}: holds a run with another {', '.join(differing)}; name another folder with --out"
        )
    letters = list(dict.fromkeys([*before.letters, *manifest.letters]))
    return _keep_manifest(RunFolder(path, before.model_copy(update={"letters": letters, "finished": None})))


def _keep_manifest(run: RunFolder) -> RunFolder:
    file = run.path / MANIFEST
    fresh = file.with_suffix(".new")
    fresh.write_text(run.manifest.model_dump_json(indent=2) + "\n", "utf-8")
    os.replace(fresh, file)
    return run


def record_run(
    run: RunFolder,
    plan: Plan,
    settings: Settings,
    letters: Iterable[Letter | Unreadable],
    *,
    max_cost: float | None = None,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> Tally:
    """Extract the letters that the run does not have yet; reviews, failures and exchanges go to the run's folder."""
    with run.open_library(writing=True) as library, _open_exchanges(run.path / EXCHANGES) as file:

        async def go() -> Tally:
            async with open_extractor(plan, settings) as extract:
                return await extract_letters(
                    letters,
                    library,
                    _listen(extract, plan, file),
                    key=plan.key,
                    concurrency=settings.concurrency,
                    max_cost=max_cost,
                    report=report,
                )

        tally = asyncio.run(go())
    if not tally.stopped:
        _keep_manifest(RunFolder(run.path, run.manifest.model_copy(update={"finished": now()})))
    return tally


def _open_exchanges(path: Path) -> TextIO:
    """The file, to be added to; the torn last line of a killed run is cut off first."""
    if path.exists():
        with path.open("rb+") as file:
            whole = file.read()
            file.truncate(whole.rfind(b"\n") + 1)
    return path.open("a", encoding="utf-8")


def _listen(extract: Extract, plan: Plan, file: TextIO) -> Extract:
    """The same extractor, each of its exchanges written down as it ends."""

    async def extract_and_record(letter: Letter, ledger: Ledger | None = None) -> Review:
        def write(exchange: Exchange) -> None:
            line = {"letter_id": letter.letter_id, "file": letter.file, "run_key": plan.key, **asdict(exchange)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()

        return await extract(letter, ledger or Ledger(listener=write))

    return extract_and_record


def load_run(run: RunFolder) -> Recorded:
    """Everything that scoring needs of a run."""
    with run.open_library() as library:
        reviews = tuple(library.iter_reviews())
        texts = {review.letter.letter_id: library.letter_text(review.letter.letter_id) for review in reviews}
        return Recorded(run.manifest, reviews, texts, tuple(library.failures()))
