"""What each `imr-llm eval STEP` does: one function a step, over the modules beside this one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imr_llm.embeddings import open_embedder
from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Outcome, Plan, choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.library.store import Library
from imr_llm.settings import Settings

from .gold import GoldRow, make_gold, read_gold, read_letters_plainly, write_gold
from .manifest import make_manifest
from .queries import label_gold, read_queries
from .runs import open_run, record_run
from .scoring import read_score, score_run, write_score
from .search_scores import read_search, write_search
from .text import show_comparison, show_score, show_search, show_verdict

RUNS = Path("imr-runs")
QUERIES = Path(__file__).with_name("queries") / "labels.yaml"


def run_step(args: argparse.Namespace, settings: Settings) -> bool:
    """Run one step; False where something failed, fell or was not found."""
    step: Callable[[argparse.Namespace, Settings], bool] = globals()[f"_{args.step}"]
    return step(args, settings)


def _run(args: argparse.Namespace, settings: Settings) -> bool:
    plan = choose_extractor(settings, args.prompt)
    _say(f"extractor: {plan.extractor} ({plan.why})")
    path = Path(args.out) if args.out else RUNS / _name_run(plan)
    run = open_run(path, make_manifest(plan, settings, args.paths))
    tally = record_run(run, plan, settings, read_letters(args.paths), max_cost=args.max_cost, report=_tell)
    if args.json:
        _print_json({"run": str(path), **tally.describe()})
    else:
        print(f"{path}: {tally.extracted} extracted, {tally.kept} kept from before, {tally.failed} failed")
    if tally.stopped:
        _say(str(tally.stopped))
    return not (tally.failed or tally.stopped) and bool(tally.extracted or tally.kept)


def _gold(args: argparse.Namespace, settings: Settings) -> bool:
    """Read every letter; an unreadable one is told and left out."""
    rows, failed = read_letters_plainly(args.paths)
    for message in failed:
        _say(f"failed: {message}")
    if not rows:
        _say("no letter was found under the given paths")
        return False
    gold = make_gold([GoldRow.model_validate(row) for row in rows], "the letters", "")
    if args.out:
        write_file(Path(args.out), "".join(write_gold(rows)))
    elif not args.json:
        sys.stdout.writelines(write_gold(rows))
    told = {
        "letters": len(gold.letters),
        "determinations": gold.determinations,
        "abstained": gold.count_abstentions(),
        "failed": failed,
        "out": args.out,
    }
    if args.json:
        _print_json(told)
    else:
        _say(f"{len(gold.letters)} letters, {gold.determinations} determinations, {len(failed)} failed")
        _say("abstained: " + (", ".join(f"{name} {n}" for name, n in gold.count_abstentions().items()) or "never"))
    return not failed


def _score(args: argparse.Namespace, settings: Settings) -> bool:
    score = score_run(Path(args.run), read_gold(Path(args.gold)))
    if args.out:
        write_score(score, Path(args.out))
    if args.json:
        _print_json(score.model_dump(mode="json", exclude={"outcomes"}))
    else:
        print(show_score(score))
    return True


def _compare(args: argparse.Namespace, settings: Settings) -> bool:
    from .compare import compare_scores  # scipy takes seconds to import, Chroma too: not for every step

    gold = Path(args.gold) if args.gold else None
    comparison = compare_scores(read_score(Path(args.before), gold), read_score(Path(args.after), gold))
    if args.json:
        _print_json(asdict(comparison))
    else:
        print(show_comparison(comparison, every=args.all))
    return True


def _report(args: argparse.Namespace, settings: Settings) -> bool:
    from .compare import compare_scores
    from .report import make_sections, name_reports, write_html, write_markdown

    gold = Path(args.gold) if args.gold else None
    score = read_score(Path(args.score), gold)
    against = compare_scores(read_score(Path(args.against), gold), score) if args.against else None
    search = read_search(Path(args.search)) if args.search else None
    sections = make_sections(score, against=against, search=search)
    title = f"imr-llm: {score.name} against {score.gold.name}"
    files = name_reports(args.out)
    write_file(Path(files["html"]), write_html(title, sections))
    write_file(Path(files["md"]), write_markdown(title, sections))
    if args.json:
        _print_json(
            {"html": files["html"], "markdown": files["md"], "sections": [section.title for section in sections]}
        )
    else:
        print(f"{files['html']} and {files['md']}")
    return True


def _search(args: argparse.Namespace, settings: Settings) -> bool:
    """Query sets over a library; its index is brought up to date first."""
    from .retrieval import judge_search

    labelled = label_gold(read_gold(Path(args.gold)))
    files = [Path(name) for name in args.queries or ()] or [QUERIES]
    if args.out and len(files) > 1:
        raise ConfigurationError("--out keeps the figures of one query set: name one with --queries")
    told = []
    for file in files:
        queries = read_queries(file)
        with Library.open(Path(args.library_path), create=False) as library:
            figures = judge_search(
                library, open_embedder(settings.embeddings, api_key=settings.api_key or None), queries, labelled
            )
        if not figures.rows:
            raise ConfigurationError(f"{file}: none of its queries can be answered by the labels of {args.gold}")
        if args.out:
            write_search(figures, Path(args.out))
        if args.json:
            told.append(asdict(figures))
        else:
            print(show_search(figures, {query.id: query.text for query in queries.queries}))
    if args.json:
        _print_json(told)
    return True


def _models(args: argparse.Namespace, settings: Settings) -> bool:
    """Every arm over the same letters; the scores are kept beside the runs."""
    from .models import read_arm, run_contest, show_contest

    arms = [read_arm(spec) for spec in args.arm]
    contest = run_contest(arms, args.paths, read_gold(Path(args.gold)), Path(args.out), os.environ, _tell)
    if args.json:
        _print_json({score.name: score.figures for score in contest.scores})
    else:
        print(show_contest(contest))
    return all(not score.coverage.failed for score in contest.scores)


def _gate(args: argparse.Namespace, settings: Settings) -> bool:
    from .gate import BASELINES, check_baselines, write_baselines

    folder = Path(args.baselines) if args.baselines else BASELINES
    if args.write:
        for name in write_baselines(folder):
            print(f"written: {folder / name}.json")
        return True
    verdict = check_baselines(folder)
    if args.json:
        _print_json(asdict(verdict))
    else:
        print(show_verdict(verdict))
    return verdict.passed


def _name_run(plan: Plan) -> str:
    parts = [plan.extractor, plan.model or "", plan.prompt.label if plan.prompt else ""]
    return "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in part) for part in parts if part)


def _tell(outcome: Outcome) -> None:
    if outcome.error is not None:
        _say(f"failed: {outcome.error}")
    elif sys.stderr.isatty() and not outcome.kept:
        _say(f"done: {outcome.source}")


def write_file(path: Path, text: str) -> None:
    """Write a file. Raises ConfigurationError where its folder is not there or not writable."""
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be written ({error.strerror}); name a file in a folder that exists"
        ) from error


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
