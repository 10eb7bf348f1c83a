"""Extractors and models side by side: one command runs each arm over the same letters, and says where each is better.

rules                                                      an arm: an extractor ...
hybrid model=qwen base_url=http://127.0.0.1:8081/v1 prompt=hybrid_small_v1      ... with a model
imr-runs/llm-qwen-whole_letter_v1                          or a run that was recorded before
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Outcome, choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import read_settings

from .compare import Change, Comparison, compare_scores
from .gold import Gold
from .manifest import make_manifest
from .runs import MANIFEST, open_run, record_run
from .scoring import Score, restrict_score, score_run, write_score
from .text import HEADLINES, make_table, show_figure

_KEYS = ("model", "base_url", "prompt", "concurrency")
EXTRACTORS = ("rules", "hybrid", "llm")


@dataclass(frozen=True)
class Arm:
    """One contestant: an extractor with its model, or the folder of a recorded run."""

    name: str
    extractor: str | None = None
    options: Mapping[str, str] | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Contest:
    """The scores of all arms over the letters that all have, each of the others compared with the first, and how many
    letters of each arm were left out because another does not have them."""

    scores: tuple[Score, ...]
    comparisons: tuple[Comparison, ...]
    left_out: tuple[int, ...] = ()


def read_arm(spec: str) -> Arm:
    """An arm from its words. Raises ConfigurationError where it is none."""
    words = spec.split()
    if words and (Path(spec) / MANIFEST).is_file():
        return Arm(Path(spec).name, folder=Path(spec))
    if not words or words[0] not in EXTRACTORS:
        raise ConfigurationError(
            f"--arm {spec!r}: neither a run's folder nor one of {', '.join(EXTRACTORS)} with its model=NAME"
        )
    options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if words[0] == "rules" and options:
        raise ConfigurationError(f"--arm {spec!r}: the rules take no model")
    wrong = [word for word in words[1:] if word.split("=", 1)[0] not in _KEYS or "=" not in word]
    if wrong:
        raise ConfigurationError(f"--arm {spec!r}: {wrong[0]!r} is not one of {', '.join(f'{k}=' for k in _KEYS)}")
    host = urlsplit(options.get("base_url", "")).netloc.rpartition("@")[2].replace(":", "_")
    parts = [words[0], Path(options.get("model", "")).name, host, Path(options.get("prompt", "")).name]
    return Arm("-".join(part for part in parts if part), words[0], options)


def run_contest(
    arms: Sequence[Arm],
    letters: Sequence[str],
    gold: Gold,
    out: Path,
    environment: Mapping[str, str],
    report: Callable[[Outcome], None],
) -> Contest:
    """Run what is not recorded yet, score all. Runs and scores go to `out`; an interrupted contest goes on."""
    names = [arm.name for arm in arms]
    if len(set(names)) != len(names):
        raise ConfigurationError(
            "--arm: two arms have the same name; leave one out, or rename the folder of a recorded run"
        )
    scores = []
    for arm in arms:
        folder = arm.folder or _run_arm(arm, letters, out / arm.name, environment, report)
        score = score_run(folder, gold, arm.name)
        write_score(score, out / f"{arm.name}.json")
        scores.append(score)
    common = set.intersection(*({outcome.file for outcome in score.outcomes} for score in scores))
    if not common:
        raise ConfigurationError("--arm: the arms have no letter in common; name runs over the same letters")
    left_out = tuple(score.coverage.letters - len(common) for score in scores)
    scores = [restrict_score(score, common) for score in scores]
    return Contest(tuple(scores), tuple(compare_scores(scores[0], other) for other in scores[1:]), left_out)


def _run_arm(
    arm: Arm, letters: Sequence[str], folder: Path, environment: Mapping[str, str], report: Callable[[Outcome], None]
) -> Path:
    options = dict(arm.options or {})
    concurrency = options.get("concurrency", "")
    if concurrency and not concurrency.isdigit():
        raise ConfigurationError(f"--arm {arm.name}: concurrency must be a whole number")
    settings = read_settings(
        environment,
        extractor=arm.extractor,
        model=options.get("model"),
        base_url=options.get("base_url"),
        concurrency=int(concurrency) if concurrency else None,
    )
    plan = choose_extractor(settings, options.get("prompt"))
    run = open_run(folder, make_manifest(plan, settings, list(letters)))
    tally = record_run(run, plan, settings, read_letters(letters), report=report)
    if tally.stopped:
        raise tally.stopped
    return folder


def show_contest(contest: Contest) -> str:
    """A table of the headlines with cost, and for each arm where it is surely better or worse than the first."""
    scores = contest.scores
    named = [(name, label) for name, label in HEADLINES if any(score.figure(name).n for score in scores)]
    rows = [[label, *(show_figure(score.figure(name)) for score in scores)] for name, label in named]
    first = scores[0]
    parts = [
        f"gold {first.gold.name} ({first.gold.sha256[:12]}): {first.gold.provenance}; "
        f"{first.coverage.letters} letters, {first.coverage.gold_determinations} determinations",
        make_table(["figure", *(score.name for score in scores)], rows),
        make_table(["a letter took", *(score.name for score in scores)], _list_costs(scores)),
    ]
    if any(contest.left_out):
        told = ", ".join(f"{s.name} {n}" for s, n in zip(scores, contest.left_out, strict=True) if n)
        parts.insert(
            1,
            f"only letters that every arm has are compared; left out: {told}. What a letter took is of each whole run.",
        )
    parts += [_tell_difference(comparison) for comparison in contest.comparisons]
    return "\n\n".join(parts)


def _list_costs(scores: Sequence[Score]) -> Iterator[list[str]]:
    letters = [max(score.spent.letters, 1) for score in scores]
    both = list(zip(scores, letters, strict=True))
    yield ["seconds (median)", *(f"{score.spent.seconds_median:.1f}" for score in scores)]
    yield ["seconds (most)", *(f"{score.spent.seconds_most:.1f}" for score in scores)]
    yield ["calls", *(f"{score.spent.attempts / n:.1f}" for score, n in both)]
    yield ["input tokens", *(f"{score.spent.input_tokens / n:.0f}" for score, n in both)]
    yield ["of them cached", *(f"{score.spent.cached_tokens / n:.0f}" for score, n in both)]
    yield ["output tokens", *(f"{score.spent.output_tokens / n:.0f}" for score, n in both)]
    costs = (None if s.spent.cost_usd is None else s.spent.cost_usd / n for s, n in both)
    yield ["US dollars", *("not known" if cost is None else f"{cost:.5f}" for cost in costs)]
    yield ["letters failed", *(str(score.coverage.failed) for score in scores)]


def _tell_difference(comparison: Comparison) -> str:
    """Fields by who is better. "surely": the interval of the paired difference does not hold zero."""
    told = [f"{comparison.after} against {comparison.before}, {comparison.letters} letters:"]
    fields = [change for change in comparison.changes if _names_field(change)]
    for label, chosen in (
        ("surely better", [change for change in fields if change.rose_surely]),
        ("surely worse", [change for change in fields if change.fell_surely]),
        ("better, within chance", [c for c in fields if (c.difference.value or 0) > 0 and not c.rose_surely]),
        ("worse, within chance", [c for c in fields if (c.difference.value or 0) < 0 and not c.fell_surely]),
    ):
        if chosen:
            told.append(f"- {label}: " + ", ".join(f"{c.name} {c.difference.value:+.3f}" for c in chosen))
    gained = sum(turn.gained for turn in comparison.turns)
    told.append(f"- items: {gained} gained, {len(comparison.turns) - gained} lost")
    return "\n".join(told)


def _names_field(change: Change) -> bool:
    """One figure a field: its F1, or the share that evidence is judged by."""
    if change.difference.value in (None, 0):
        return False
    parts = change.name.split(".")
    if parts[0] in ("slices", "calibration") or "codes" in parts or "found_by" in parts:
        return False
    return parts[-1] in ("f1", "primary", "overlap", "verbatim")
