"""What is kept of a query set's judging: rows, figures with their intervals, and the file they stand in."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imr_llm.errors import ConfigurationError

from .figures import Figure, Measure, Ratio, draw_weights, make_figure
from .rows import write_rows

PROGRAM, DENSE, BM25 = "imr-llm", "Chroma dense", "BM25"
ARMS = (PROGRAM, DENSE, BM25)
RANKINGS = ("ndcg@10", "r_precision", "reciprocal_rank")


@dataclass(frozen=True)
class Miss:
    """One determination that should have come and did not, or came and should not have."""

    file: str
    number: int
    wrong: bool
    fault: str


@dataclass(frozen=True)
class QueryRow:
    """A query judged. set_f1: of what the program returned (None: the query asks for a ranking); `ranks` by arm."""

    id: str
    family: str
    answers: int
    returned: int
    right: int
    set_f1: float | None
    ranks: dict[str, dict[str, float]] = field(default_factory=dict)
    parse: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    misses: tuple[Miss, ...] = ()


@dataclass(frozen=True)
class PairRow:
    """A pair judged: by arm, the share of document pairs that both of its queries put in the right order."""

    id: str
    right: dict[str, float]


@dataclass(frozen=True)
class SearchFigures:
    """A query set over a library. skipped: queries that the labels cannot answer (a count, a field not labelled)."""

    queries: str
    sha256: str
    determinations: int
    rows: tuple[QueryRow, ...]
    pairs: tuple[PairRow, ...]
    skipped: tuple[str, ...]
    figures: dict[str, Figure]


def make_search_figures(rows: Sequence[QueryRow], pairs: Sequence[PairRow]) -> dict[str, Figure]:
    """Means over queries with their intervals (bootstrap over queries), for all, by family, and over pairs."""
    measures = measure_search(rows)
    weights = draw_weights(len(rows)) if rows else np.zeros((0, 0))
    figures = {name: make_figure(each, weights) for name, each in measures.items()}
    for arm in pairs[0].right if pairs else ():
        shares = np.array([pair.right[arm] for pair in pairs])
        figures[f"pairs.{arm}"] = make_figure(Ratio(shares, np.ones(len(pairs))), draw_weights(len(pairs)))
    return figures


def measure_search(rows: Sequence[QueryRow]) -> dict[str, Measure]:
    """Every measure over queries: "set.f1", "set.exact", "set.family.uds.f1", "rank.BM25.ndcg@10" ..."""
    found: dict[str, Measure] = {}
    sets = [row.set_f1 is not None for row in rows]
    found["set.f1"] = _mean(rows, lambda row: row.set_f1)
    found["set.exact"] = _mean(rows, lambda row: None if row.set_f1 is None else float(row.set_f1 == 1.0))
    found["set.precision"] = _mean(
        rows, lambda row: None if row.set_f1 is None or not row.returned else row.right / row.returned
    )
    found["set.recall"] = _mean(
        rows, lambda row: None if row.set_f1 is None or not row.answers else row.right / row.answers
    )
    for family in sorted({row.family for row, is_set in zip(rows, sets, strict=True) if is_set}):
        found[f"set.family.{family}.f1"] = _mean(rows, lambda row, f=family: row.set_f1 if row.family == f else None)  # type: ignore[misc]
    for arm in sorted({arm for row in rows for arm in row.ranks}, key=ARMS.index):
        for name in RANKINGS:
            found[f"rank.{arm}.{name}"] = _mean(
                rows,
                lambda row, a=arm, n=name: row.ranks[a][n] if row.ranks else None,  # type: ignore[misc]
            )
    return found


def _mean(rows: Sequence[QueryRow], value: Callable[[QueryRow], float | None]) -> Ratio:
    values = [value(row) for row in rows]
    return Ratio(np.array([each or 0.0 for each in values]), np.array([float(each is not None) for each in values]))


def write_search(figures: SearchFigures, path: Path) -> None:
    """Keep search figures, a line a query."""
    body = asdict(figures)
    rows = body.pop("rows")
    write_rows(path, body, "rows", rows)


def read_search(path: Path) -> SearchFigures:
    """Kept search figures, counted anew. Raises ConfigurationError where the file holds none."""
    try:
        raw = json.loads(path.read_text("utf-8"))
        rows = tuple(_read_row(row) for row in raw["rows"])
        pairs = tuple(PairRow(**pair) for pair in raw["pairs"])
        figures = make_search_figures(rows, pairs)
        skipped = tuple(raw["skipped"])
        return SearchFigures(raw["queries"], raw["sha256"], raw["determinations"], rows, pairs, skipped, figures)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path}: no search figures can be read there; make them with --out") from error


def _read_row(row: dict[str, Any]) -> QueryRow:
    tuples = {name: tuple(row[name]) for name in ("parse", "ignored")}
    return QueryRow(**{**row, **tuples, "misses": tuple(Miss(**miss) for miss in row["misses"])})
