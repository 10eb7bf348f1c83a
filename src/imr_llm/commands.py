"""What each command does: one function a command, over the same functions as the page.

Each gives True where all went well, False where some letters failed or nothing was found where a result was required.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from imr_llm import terminal
from imr_llm.doctor import examine
from imr_llm.embeddings import open_embedder
from imr_llm.errors import ConfigurationError, VectorIndexError
from imr_llm.extraction import Outcome, Plan, Tally, choose_extractor, estimate_run, extract_letters, open_extractor
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import SUFFIXES, Unreadable, decode_text, read_letters, read_text
from imr_llm.library.index import Index, open_index
from imr_llm.library.store import Library
from imr_llm.search.export import export_determinations
from imr_llm.search.hits import answer_json, search
from imr_llm.search.model_reader import read_with_model
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import Refinement
from imr_llm.search.similar import find_similar, similar_json
from imr_llm.search.stats import compute_statistics, statistics_json
from imr_llm.settings import Settings

if TYPE_CHECKING:
    from types import ModuleType

DEMO_QUERY = "find cases denied for missing UDS"
DEMO_LIBRARY = "imr-demo-library"
NEAR_MISSES = 5


def run_extract(args: argparse.Namespace, settings: Settings) -> bool:
    """Letters into the library; False where some failed."""
    if not args.paths and not args.retry_failed:
        raise ConfigurationError("extract: name at least one PATH, or --retry-failed")
    plan = choose_extractor(settings, args.prompt)
    _say(f"extractor: {plan.extractor} ({plan.why})")
    if args.dry_run:
        return _estimate(args, settings, plan)
    with Library.open(settings.library, writing=True) as library, ExitStack() as stack:
        paths = _name_paths(args, library)
        out = stack.enter_context(_open_output(args.out)) if args.out else None
        started = time.monotonic()
        report = _make_report(out)
        tally = asyncio.run(_run_batch(args, settings, plan, library, read_letters(paths), report))
        seconds = time.monotonic() - started
        status = _update_index(library, settings)
        counts = library.counts()
    summary = {**tally.describe(), "seconds": round(seconds, 2), "index": status, "library": asdict(counts)}
    if args.json:
        _print_json(summary)
    else:
        terminal.print_batch(summary, settings.library)
    if tally.stopped:
        _say(str(tally.stopped))
    nothing = not (tally.extracted or tally.kept or tally.failed or tally.stopped)
    if nothing:
        _say("no letter was found under the given paths")
    return not (tally.failed or tally.stopped or nothing)


async def _run_batch(
    args: argparse.Namespace,
    settings: Settings,
    plan: Plan,
    library: Library,
    inputs: Iterable[Letter | Unreadable],
    report: Callable[[Outcome], None],
) -> Tally:
    async with open_extractor(plan, settings) as extract:
        return await extract_letters(
            inputs,
            library,
            extract,
            key=plan.key,
            concurrency=settings.concurrency,
            max_cost=args.max_cost,
            force=args.force,
            report=report,
        )


def _open_output(path: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"--out {path}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from error


def _name_paths(args: argparse.Namespace, library: Library | None) -> Iterator[str]:
    """The paths of the command line, "-" replaced by those on stdin, and the sources that failed before."""
    for path in args.paths:
        if path == "-":
            yield from (line.rstrip("\n") for line in sys.stdin if line.strip())
        else:
            yield path
    if args.retry_failed and library is not None:
        # a member of an archive, or a line of a JSON Lines file, is retried with its whole file
        files = (failure.source.split("!")[0] for failure in library.failures())
        yield from dict.fromkeys(_without_line(file) for file in files)


def _without_line(source: str) -> str:
    path, _, line = source.rpartition(":")
    return path if line.isdigit() and path.lower().endswith(".jsonl") else source


def _make_report(out: TextIO | None) -> Callable[[Outcome], None]:
    """One line of progress a letter on a terminal, else every hundred; each review to `out`."""
    done = 0

    def report(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        if outcome.error is not None:
            named = str(outcome.error).startswith(outcome.source)
            _say(f"failed: {outcome.error}" if named else f"failed: {outcome.source}: {outcome.error}")
        elif out is not None and outcome.review is not None:
            out.write(outcome.review.model_dump_json() + "\n")
            out.flush()
        if outcome.error is None and (sys.stderr.isatty() or done % 100 == 0):
            _say(f"{done}: {outcome.source}" + (" (kept)" if outcome.kept else ""))

    return report


def _estimate(args: argparse.Namespace, settings: Settings, plan: Plan) -> bool:
    with ExitStack() as stack:
        exists = settings.library.exists()
        library = stack.enter_context(Library.open(settings.library, create=False)) if exists else None
        estimate = estimate_run(read_letters(_name_paths(args, library)), library, plan, settings.base_url)
    if args.json:
        _print_json(asdict(estimate))
    else:
        terminal.print_estimate(estimate, plan)
    return not estimate.unreadable


def _update_index(library: Library, settings: Settings) -> str:
    """Bring the vector index up to date; where that fails the records stand, and search goes by words."""
    try:
        return _open_index(library, settings).update().state
    except VectorIndexError as error:
        _say(f"{error}")
        return "damaged"


def _open_index(library: Library, settings: Settings) -> Index:
    return open_index(library, open_embedder(settings.embeddings, api_key=settings.api_key or None))


def run_index(args: argparse.Namespace, settings: Settings) -> bool:
    """The vector index, updated or rebuilt."""
    with Library.open(settings.library, create=False, writing=True) as library:
        index = _open_index(library, settings)
        status = index.rebuild() if args.rebuild else index.update()
    if args.json:
        _print_json(asdict(status))
    else:
        print(
            f"{status.state}: {status.embedded} of {status.determinations} determinations, {status.passages} passages, {status.model}"
        )
    return True


def run_search(args: argparse.Namespace, settings: Settings) -> bool:
    """A question answered, False where nothing answers it."""
    with Library.open(settings.library, create=False) as library:
        index = _open_index(library, settings)
        near = NEAR_MISSES if args.explain else 0
        refinement = _read_question(args, settings)
        answer = search(library, index, args.query, limit=args.limit, near_misses=near, refinement=refinement)
    if args.json:
        _print_json(answer_json(answer, near_misses=args.explain))
    else:
        terminal.print_answer(answer, explain=args.explain)
    return bool(answer.total)


def _read_question(args: argparse.Namespace, settings: Settings) -> Refinement:
    """What the configured model reads in the words that the grammar left, where --ask-model asks for it."""
    if not args.ask_model:
        return Refinement()
    reading = asyncio.run(read_with_model(parse_query(args.query), settings))
    for objection in reading.turned_away:
        _say(f"not taken: {objection}")
    return Refinement(read=reading.read)


def run_similar(args: argparse.Namespace, settings: Settings) -> bool:
    """Determinations like a text; the text is neither kept nor logged."""
    text = sys.stdin.read() if args.file == "-" else _read_one(args.file).text
    with Library.open(settings.library, create=False) as library:
        answer = find_similar(library, _open_index(library, settings), text, decision=args.decision, limit=args.limit)
    if args.json:
        _print_json(similar_json(answer))
    else:
        terminal.print_similar(answer)
    return bool(answer.hits)


def _read_one(path: str) -> Letter:
    """The one letter or text of a file; a file of any other name is read as text."""
    file = Path(path)
    if file.is_file() and file.suffix.lower() not in SUFFIXES:
        return read_text(decode_text(file.read_bytes(), path), path)
    for item in read_letters([path]):
        if isinstance(item, Unreadable):
            raise item.error
        return item
    raise ConfigurationError(f"{path}: no letter in it")


def run_stats(args: argparse.Namespace, settings: Settings) -> bool:
    """Figures, with n and interval, False where no determination is selected."""
    with Library.open(settings.library, create=False) as library:
        refinement = _read_question(args, settings)
        statistics = compute_statistics(library, args.query, by=args.by, refinement=refinement)
    if args.json:
        _print_json(statistics_json(statistics))
    else:
        terminal.print_statistics(statistics)
    return bool(statistics.overall.determinations)


def run_show(args: argparse.Namespace, settings: Settings) -> bool:
    """One review, or its letter's kept text."""
    with Library.open(settings.library, create=False) as library:
        if args.text:
            text = library.letter_text(args.letter)
            if args.json:
                _print_json({"letter_id": library.find_letter(args.letter), "text": text})
            else:
                sys.stdout.write(text)
            return True
        review = library.get_review(args.letter)
    if args.json:
        print(review.model_dump_json(indent=2))
    else:
        terminal.print_review(review)
    return True


def run_export(args: argparse.Namespace, settings: Settings) -> bool:
    """A result as a file or on stdout, False where it is empty."""
    if args.format == "parquet" and not args.out and sys.stdout.isatty():
        raise ConfigurationError("--format parquet: not for a terminal; name a file with --out")
    with Library.open(settings.library, create=False) as library:
        out, refinement = Path(args.out) if args.out else None, _read_question(args, settings)
        rows = export_determinations(library, out, query=args.query, format=args.format, refinement=refinement)
    _say(f"{rows} determinations" + (f" -> {args.out}" if args.out else ""))
    return bool(rows)


def run_serve(args: argparse.Namespace, settings: Settings) -> bool:
    """The page, until interrupted."""
    _load_page().serve(settings.library, args.host, args.port)
    return True


def _load_page() -> ModuleType:
    try:
        return importlib.import_module("imr_llm.app.page")
    except ModuleNotFoundError as error:
        raise ConfigurationError("the page needs Gradio: pip install 'imr-llm[page]'") from error


def run_doctor(args: argparse.Namespace, settings: Settings) -> bool:
    """What is installed, configured, reachable and whole, False where something needs mending."""
    findings = examine(settings, repair=args.repair)
    if args.json:
        _print_json([asdict(finding) for finding in findings])
    else:
        terminal.print_findings(findings)
    return all(finding.ok for finding in findings)


def run_demo(args: argparse.Namespace, settings: Settings) -> bool:
    """The main job on the packaged sample letters, with the embedded defaults whatever is configured."""
    settings = replace(
        settings, library=Path(args.library or DEMO_LIBRARY), extractor="rules", model=None, embeddings="builtin"
    )
    plan = choose_extractor(settings)
    started = time.monotonic()
    with (
        resources.as_file(resources.files("imr_llm.samples") / "letters") as folder,
        Library.open(settings.library, writing=True) as library,
    ):
        tally = asyncio.run(_run_demo_batch(plan, settings, library, folder))
        index = _open_index(library, settings)
        index.update()
        answer = search(library, index, DEMO_QUERY)
        counts = library.counts()
    seconds = time.monotonic() - started
    if args.json:
        _print_json({**answer_json(answer), "library": asdict(counts), "seconds": round(seconds, 2)})
    else:
        terminal.print_demo(answer, counts, settings.library, seconds)
    if args.serve:
        _load_page().serve(settings.library, embedder=open_embedder(settings.embeddings))
    return bool(answer.total and not tally.failed)


async def _run_demo_batch(plan: Plan, settings: Settings, library: Library, folder: Path) -> Tally:
    async with open_extractor(plan, settings) as extract:
        return await extract_letters(read_letters([folder]), library, extract, key=plan.key, report=_make_report(None))


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
