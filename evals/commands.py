"""What each `imr-llm eval STEP` does: one function a step, over the modules beside this one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imr_llm.extraction import Outcome, Plan, choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import Settings

from .manifest import make_manifest
from .runs import open_run, record_run

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


def _name_run(plan: Plan) -> str:
    parts = [plan.extractor, plan.model or "", plan.prompt.label if plan.prompt else ""]
    return "-".join("".join(c if c.isalnum() or c in "._" else "_" for c in part) for part in parts if part)


def _tell(outcome: Outcome) -> None:
    if outcome.error is not None:
        _say(f"failed: {outcome.error}")
    elif sys.stderr.isatty() and not outcome.kept:
        _say(f"done: {outcome.source}")


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
