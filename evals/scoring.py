"""A score: a run held against a gold set, kept as one JSON file that holds no word of a letter.

It has what the run was made with, which gold (by hash), the figures with their intervals, and the outcomes behind
them: so two scores can be compared item by item, and a committed baseline is a score like any other.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from imr_llm.errors import ConfigurationError
from imr_llm.record import Review

from .figures import Figure, Tables, make_figures, measure
from .gold import Gold, read_gold
from .manifest import Manifest
from .outcomes import Outcome, judge_run
from .rows import write_rows
from .runs import load_run, read_run


class GoldInfo(BaseModel, frozen=True, extra="forbid"):
    """Which gold set: a score compares with another only if both have the same bytes behind them."""

    name: str
    sha256: str
    provenance: str
    letters: int
    determinations: int
    abstentions: dict[str, int] = {}
    unknown_keys: tuple[str, ...] = ()


class Coverage(BaseModel, frozen=True, extra="forbid"):
    """Which letters were judged. Failed ones are judged too: everything that gold has of them is missing."""

    letters: int
    failed: int
    finished: bool
    not_in_run: tuple[str, ...]
    not_in_gold: int
    gold_determinations: int
    found_determinations: int


class Spent(BaseModel, frozen=True, extra="forbid"):
    """What the run took: sums, and the median and the largest of a letter; calls and tokens of failed letters too.

    cost_usd: of the letters that gave a review; null where no price is known.
    """

    letters: int
    attempts: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None
    seconds: float
    seconds_median: float
    seconds_most: float


class Score(BaseModel, frozen=True, extra="forbid"):
    """A run's score. `outcomes` are the ground of all else: figures and counts are made from them anew when read."""

    score_version: Literal["1"] = "1"
    name: str
    manifest: Manifest
    gold: GoldInfo
    coverage: Coverage
    spent: Spent
    figures: dict[str, Any]
    counts: dict[str, dict[str, int]]
    outcomes: tuple[Outcome, ...]

    @cached_property
    def tables(self) -> Tables:
        """The outcomes counted."""
        return Tables(self.outcomes)

    def figure(self, name: str) -> Figure:
        """A figure by name; one that this score does not have is out of 0."""
        return Figure(**self.figures[name]) if name in self.figures else Figure(None, None, None, 0)


def score_run(path: Path, gold: Gold, name: str | None = None) -> Score:
    """Hold the run in a folder against a gold set. No model, no network."""
    run = read_run(path)
    recorded = load_run(run)
    if not recorded.reviews and not recorded.failures:
        raise ConfigurationError(f"{path}: no letter of this run is done yet; run it again to go on")
    judged = judge_run(recorded, gold)
    if not judged.outcomes:
        raise ConfigurationError(
            f"{path}: none of its letters is in {gold.name}; gold names letters by file name or case number"
        )
    tables = Tables(judged.outcomes)
    whole = [outcome for outcome in judged.outcomes if outcome.number is None and outcome.found is None]
    return Score(
        name=name or path.name,
        manifest=recorded.manifest,
        gold=GoldInfo(
            name=gold.name,
            sha256=gold.sha256,
            provenance=gold.provenance,
            letters=len(gold.letters),
            determinations=gold.determinations,
            abstentions=gold.count_abstentions(),
            unknown_keys=gold.unknown_keys,
        ),
        coverage=Coverage(
            letters=len(tables.letters),
            failed=sum(outcome.failed for outcome in whole),
            finished=recorded.manifest.finished is not None,
            not_in_run=judged.not_in_run,
            not_in_gold=len(judged.not_in_gold),
            gold_determinations=sum(outcome.number is not None for outcome in tables.items),
            found_determinations=sum(outcome.found is not None for outcome in tables.items),
        ),
        spent=_sum_spent(recorded.reviews, list(run.exchanges())),
        figures=_make_figures(tables),
        counts=_make_counts(tables),
        outcomes=judged.outcomes,
    )


def restrict_score(score: Score, files: Collection[str]) -> Score:
    """The score over some of its letters alone; what the run took stays that of all."""
    outcomes = tuple(outcome for outcome in score.outcomes if outcome.file in files)
    tables = Tables(outcomes)
    coverage = score.coverage.model_copy(
        update={
            "letters": len(tables.letters),
            "failed": sum(o.failed for o in outcomes if o.number is None and o.found is None),
            "gold_determinations": sum(o.number is not None for o in tables.items),
            "found_determinations": sum(o.found is not None for o in tables.items),
        }
    )
    figures, counts = _make_figures(tables), _make_counts(tables)
    return score.model_copy(update={"outcomes": outcomes, "coverage": coverage, "figures": figures, "counts": counts})


def _make_figures(tables: Tables) -> dict[str, Any]:
    return {name: asdict(figure) for name, figure in make_figures(measure(tables), len(tables.letters)).items()}


def _make_counts(tables: Tables) -> dict[str, dict[str, int]]:
    fields = {field: counts.totals() for field, counts in tables.fields.items()}
    return {"determinations": tables.aligned.totals(), **fields}


def _sum_spent(reviews: Sequence[Review], exchanges: Sequence[Mapping[str, Any]]) -> Spent:
    usages = [review.run.usage for review in reviews]
    attempts = sum(review.run.attempts for review in reviews)
    tokens = {
        "input_tokens": sum(usage.input_tokens for usage in usages),
        "cached_tokens": sum(usage.cached_tokens for usage in usages),
        "output_tokens": sum(usage.output_tokens for usage in usages),
    }
    if exchanges:
        attempts, tokens = len(exchanges), _sum_tokens(exchanges)
    seconds = [review.run.seconds for review in reviews] or [0.0]
    priced = [0.0 if not review.run.attempts else review.run.usage.cost_usd for review in reviews]
    costs = [cost for cost in priced if cost is not None]
    return Spent(
        letters=len(reviews),
        attempts=attempts,
        **tokens,
        cost_usd=round(sum(costs), 6) if len(costs) == len(usages) else None,
        seconds=round(sum(seconds), 3),
        seconds_median=round(statistics.median(seconds), 4),
        seconds_most=round(max(seconds), 4),
    )


def _sum_tokens(exchanges: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Tokens as the endpoint counted them, answer by answer."""
    usages = [((exchange["response"] or {}).get("usage") or {}) for exchange in exchanges]
    details = [(usage.get("prompt_tokens_details") or {}) for usage in usages]
    return {
        "input_tokens": sum(usage.get("prompt_tokens") or 0 for usage in usages),
        "cached_tokens": sum(detail.get("cached_tokens") or 0 for detail in details),
        "output_tokens": sum(usage.get("completion_tokens") or 0 for usage in usages),
    }


def write_score(score: Score, path: Path) -> None:
    """Keep a score: a line an outcome, so that a change of it can be read as one."""
    body = score.model_dump(mode="json", exclude={"outcomes"})
    rows = [outcome.model_dump(mode="json", exclude_defaults=True) for outcome in score.outcomes]
    write_rows(path, body, "outcomes", rows)


def read_score(path: Path, gold: Path | None = None) -> Score:
    """A kept score; or, given a gold set, the score of the run in a folder."""
    if path.is_dir():
        if gold is None:
            raise ConfigurationError(f"{path} is a run: name the gold set to score it with, --gold GOLD.jsonl")
        return score_run(path, read_gold(gold))
    try:
        score = Score.model_validate_json(path.read_text("utf-8"))
        tables = Tables(score.outcomes)
        return score.model_copy(update={"figures": _make_figures(tables), "counts": _make_counts(tables)})
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: no such score; make it with `imr-llm eval score RUN --out`") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: not a score, or one of another version; score the run again") from error
