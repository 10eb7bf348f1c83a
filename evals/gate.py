"""The gate: the offline extractor and the search, held against the committed baselines. Nobody makes them worse unseen.

A baseline is a score (or search figures) of its own file in baselines/, which also says what it was made from. The
gate makes the same again with the program as it is, and fails where a figure fell

- below the lower end of the baseline's interval, or
- surely: the interval of the difference on the same letters (the same queries) lies below zero.

A figure that stood at 1.0 has an interval of nothing, so that one lost item is enough: what is printed in a fixed
place may not be lost at all. A fall is told with the letters behind it. Baselines change by a commit of their own.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from imr_llm.embeddings import open_embedder
from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Plan
from imr_llm.letters.reading import read_letters
from imr_llm.settings import read_settings

from .compare import Comparison, Turn, compare_scores
from .figures import Figure, draw_weights
from .gold import Gold, GoldRow, make_gold, read_gold, read_letters_plainly, write_gold
from .manifest import ask_git, make_manifest
from .queries import label_gold, read_queries
from .retrieval import judge_search
from .runs import open_run, record_run
from .scoring import Score, read_score, score_run, write_score
from .search_scores import PROGRAM, QueryRow, SearchFigures, measure_search, read_search, write_search

ROOT = Path(__file__).resolve().parents[1]
BASELINES = Path(__file__).with_name("baselines")
SETS = "sets.json"
GUARDED = ("determinations.", "decision.", "uds_", "fields.", "reasons.", "evidence.")
# Not better when higher: how much is located fuzzily, and what is refused.
UNGUARDED = ("evidence.located_fuzzy", "evidence.rejected")


class LetterSet(BaseModel, frozen=True, extra="forbid"):
    """What a baseline is made from. Paths count from the project's root; gold "regex" is made by the regex reader.

    optional: where its letters are not at hand the set is left out, and said to be.
    """

    letters: list[str]
    gold: dict[str, str]
    queries: dict[str, str] = {}
    optional: bool = False

    def is_at_hand(self) -> bool:
        """Are all its letters, labels and queries there?"""
        files = [*self.letters, *(name for name in self.gold.values() if name != "regex"), *self.queries.values()]
        return all((ROOT / file).exists() for file in files)


@dataclass(frozen=True)
class Fall:
    """One figure that fell too far, and how: below its interval, or surely; with the items behind it."""

    baseline: str
    figure: str
    before: Figure
    after: Figure
    why: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What the gate found. `complaints`: a baseline that cannot be compared, or that changed along with other things."""

    falls: tuple[Fall, ...]
    lost: dict[str, tuple[Turn, ...]]
    gained: dict[str, int]
    compared: dict[str, int]
    left_out: tuple[str, ...]
    complaints: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Did nothing fall, and was something compared?"""
        return not self.falls and not self.complaints and bool(self.compared)


def read_sets(folder: Path) -> dict[str, LetterSet]:
    """The sets that baselines are made from, by name."""
    try:
        raw = json.loads((folder / SETS).read_text("utf-8"))
        return {name: LetterSet.model_validate(row) for name, row in raw.items()}
    except (OSError, ValueError, ValidationError) as error:
        raise ConfigurationError(f"{folder / SETS}: cannot be read; name a folder of baselines, or mend it") from error


def check_baselines(folder: Path = BASELINES) -> Verdict:
    """Run, score and ask again, and compare: one to two minutes for samples and real letters."""
    falls: list[Fall] = []
    lost: dict[str, tuple[Turn, ...]] = {}
    gained: dict[str, int] = {}
    compared: dict[str, int] = {}
    complaints = [*check_history(folder)]
    sets = read_sets(folder)
    for name, made in _make_all(sets):
        file = folder / f"{name}.json"
        if not file.exists():
            complaints.append(f"{file.name}: there is no such baseline; write it with `imr-llm eval gate --write`")
            continue
        try:
            if isinstance(made, Score):
                baseline = read_score(file)
                comparison = compare_scores(baseline, made)
                falls += _find_falls(name, baseline, comparison)
                lost[name] = tuple(turn for turn in comparison.turns if not turn.gained)
                gained[name] = sum(turn.gained for turn in comparison.turns)
                compared[name] = comparison.letters
            else:
                before = read_search(file)
                falls += _find_search_falls(name, before, made)
                compared[name] = len(made.rows)
        except ConfigurationError as error:
            complaints.append(f"{error}; if labels or queries changed, write the baselines anew in a commit of its own")
    left_out = tuple(name for name, each in sets.items() if not each.is_at_hand())
    return Verdict(tuple(falls), lost, gained, compared, left_out, tuple(complaints))


def write_baselines(folder: Path = BASELINES) -> list[str]:
    """Write the baseline of every set that is at hand; the names written."""
    names = []
    for name, made in _make_all(read_sets(folder)):
        if isinstance(made, Score):
            write_score(made, folder / f"{name}.json")
        else:
            write_search(made, folder / f"{name}.json")
        names.append(name)
    return names


def _make_all(sets: dict[str, LetterSet]) -> Iterator[tuple[str, Score | SearchFigures]]:
    """Run the offline extractor over each set at hand, once, and judge it by each of its gold and query sets."""
    settings = read_settings({}, extractor="rules")
    plan = Plan("rules", "the gate runs what needs no model")
    for name, each in sets.items():
        if not each.is_at_hand():
            if not each.optional:
                raise ConfigurationError(f"{name}: its letters or labels are missing; is this a whole checkout?")
            continue
        paths = [str(ROOT / path) for path in each.letters]
        with tempfile.TemporaryDirectory(prefix="imr-gate-") as folder:
            run = open_run(Path(folder) / "run", make_manifest(plan, settings, each.letters))
            record_run(run, plan, settings, read_letters(paths))
            golds = {label: _make_gold(source, paths) for label, source in each.gold.items()}
            for label, gold in golds.items():
                yield f"{name}-{label}", score_run(run.path, gold, f"{name}-{label}")
            labelled = label_gold(next(iter(golds.values())))
            for label, file in each.queries.items():
                with run.open_library() as library:
                    found = judge_search(library, open_embedder(), read_queries(ROOT / file), labelled)
                yield f"{name}-search-{label}", found


def _make_gold(source: str, paths: list[str]) -> Gold:
    if source != "regex":
        return read_gold(ROOT / source)
    rows, failed = read_letters_plainly(paths)
    if failed:
        raise ConfigurationError(f"the regex reader cannot read: {'; '.join(failed)}")
    return make_gold([GoldRow.model_validate(row) for row in rows], "regex", hash_lines(rows))


def hash_lines(rows: list[dict[str, Any]]) -> str:
    """The SHA-256 that these rows would have as a file."""
    return hashlib.sha256("".join(write_gold(rows)).encode()).hexdigest()


# ---------------------------------------------------------------------------------------------------- what fell


def _find_falls(name: str, baseline: Score, comparison: Comparison) -> Iterator[Fall]:
    if missing := len(baseline.tables.letters) - comparison.letters:
        yield Fall(name, "letters", *_plain(len(baseline.tables.letters), comparison.letters), f"{missing} are gone")
    for change in comparison.changes:
        if not change.name.startswith(GUARDED) or change.name in UNGUARDED:
            continue
        before = baseline.figure(change.name)
        why = _judge_fall(before, change.after, change.difference)
        if why:
            items = tuple(_name_items(change.name, comparison))
            yield Fall(name, change.name, before, change.after, why, items)


def _judge_fall(before: Figure, after: Figure, difference: Figure) -> str | None:
    if before.value is None or before.low is None:
        return None
    if after.value is None:
        return "nothing is left of it"
    if after.value < before.low - 1e-6 and after.value < before.value:
        return f"below the baseline's interval [{before.low:.3f}, {before.high:.3f}]"
    if difference.high is not None and difference.high < -1e-9:
        return f"surely: the difference lies in [{difference.low:+.3f}, {difference.high:+.3f}]"
    return None


def _plain(before: int, after: int) -> tuple[Figure, Figure]:
    return Figure(before, before, before, before), Figure(after, after, after, before)


def _name_items(figure: str, comparison: Comparison) -> Iterator[str]:
    """The determinations that a figure's field lost."""
    parts = figure.split(".")
    field = {"fields": ".".join(parts[1:-1]), "evidence": figure}.get(parts[0], parts[0])
    code = parts[2] if figure.startswith("reasons.codes.") else None
    if figure == "reasons.primary":
        field = "primary_reason"
    for turn in comparison.turns:
        if turn.gained or turn.field != field or (code and turn.what.split()[0] != code):
            continue
        if parts[0] == "decision" and parts[1] not in ("macro", "accuracy") and parts[1] not in turn.what:
            continue
        yield f"{turn.file}{f' item {turn.number}' if turn.number else ''}: {turn.what}"


def _find_search_falls(name: str, before: SearchFigures, after: SearchFigures) -> Iterator[Fall]:
    if before.sha256 != after.sha256:
        raise ConfigurationError(f"{name}: the queries are not those of the baseline")
    old, new = {row.id: row for row in before.rows}, {row.id: row for row in after.rows}
    shared = [i for i in old if i in new]
    if len(shared) < len(old):
        gone = tuple(f"query {i}" for i in old if i not in new)
        yield Fall(name, "queries", *_plain(len(old), len(shared)), f"{len(gone)} can no longer be answered", gone)
    ours, theirs = measure_search([old[i] for i in shared]), measure_search([new[i] for i in shared])
    weights = draw_weights(len(shared))
    for figure, measure in ours.items():
        if not figure.startswith(("set.", "rank.imr-llm.")):
            continue
        was, now = before.figures[figure], after.figures.get(figure, Figure(None, None, None, 0))
        low, high = np.nanpercentile(theirs[figure].resampled(weights) - measure.resampled(weights), (2.5, 97.5))
        difference = Figure(0.0, float(low), float(high), len(shared))
        if why := _judge_fall(was, now, difference):
            worse = (i for i in shared if _falls(figure, old[i], new[i]))
            yield Fall(name, figure, was, now, why, tuple(f"query {i}" for i in worse))
    yield from _find_pair_falls(name, before, after)


def _find_pair_falls(name: str, before: SearchFigures, after: SearchFigures) -> Iterator[Fall]:
    """A pair of opposite states that was in the right order throughout may not be lost."""
    now = {pair.id: pair.right.get(PROGRAM, 0.0) for pair in after.pairs}
    worse = tuple(f"pair {p.id}" for p in before.pairs if now.get(p.id, 0.0) < p.right.get(PROGRAM, 0.0))
    was, is_now = (each.figures.get(f"pairs.{PROGRAM}", Figure(None, None, None, 0)) for each in (before, after))
    if worse and was.low is not None and (is_now.value or 0.0) < was.low:
        yield Fall(
            name,
            f"pairs.{PROGRAM}",
            was,
            is_now,
            f"below the baseline's interval [{was.low:.3f}, {was.high:.3f}]",
            worse,
        )


def _falls(figure: str, before: QueryRow, after: QueryRow) -> bool:
    if figure.startswith("set."):
        return (after.set_f1 or 0.0) < (before.set_f1 or 0.0)
    ranking = figure.rpartition(".")[2]
    return after.ranks.get(PROGRAM, {}).get(ranking, 0.0) < before.ranks.get(PROGRAM, {}).get(ranking, 0.0)


# ---------------------------------------------------------------------------------------------------- history


def check_history(folder: Path) -> Iterator[str]:
    """Baselines change only by a commit of their own: the last that touched them must have touched nothing else."""
    last = ask_git(folder, "log", "-1", "--format=%H", "--", ".") or ""
    if not last:
        return  # no checkout, or a baseline that is not committed yet
    every = (ask_git(folder, "show", "--name-only", "--format=", last) or "").split()
    ours = (ask_git(folder, "show", "--name-only", "--format=", "--relative", last) or "").split()
    if len(every) > len(ours):
        yield f"the commit {last[:12]} changed baselines and other files: baselines change by a commit of their own"
