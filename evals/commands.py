"""What each `imr-llm eval STEP` does: one function a step, over the modules beside this one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Outcome, Plan, choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import Settings

from .compare import compare_scores
from .gold import GoldRow, make_gold, read_gold, read_letters_plainly, write_gold
from .manifest import make_manifest
from .runs import open_run, record_run
from .scoring import read_score, score_run, write_score
from .text import show_comparison, show_score

RUNS = Path("imr-runs")


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
    told = {
        "run": str(path),
        "extracted": tally.extracted,
        "kept": tally.kept,
        "failed": tally.failed,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "cost_usd": None if tally.unpriced else round(tally.cost_usd, 6),
        "stopped": str(tally.stopped) if tally.stopped else None,
    }
    if args.json:
        _print_json(told)
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
    if args.out:
        write_file(Path(args.out), "".join(write_gold(rows)))
    elif not args.json:
        sys.stdout.writelines(write_gold(rows))
    gold = make_gold([GoldRow.model_validate(row) for row in rows], "regex", "")
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
    gold = Path(args.gold) if args.gold else None
    comparison = compare_scores(read_score(Path(args.before), gold), read_score(Path(args.after), gold))
    if args.json:
        _print_json(asdict(comparison))
    else:
        print(show_comparison(comparison, every=args.all))
    return True


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
