"""Export: one row a determination as csv, jsonl or parquet; never capped."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from imr_llm.errors import ConfigurationError
from imr_llm.search.reading import read_question
from imr_llm.search.refinement import Refinement

if TYPE_CHECKING:
    from imr_llm.library.store import Library, Row

Format = Literal["csv", "jsonl", "parquet"]
LISTS = (
    "region",
    "unsure_region",
    "state",
    "specialty",
    "uds",
    "contradiction",
    "guideline_source",
    "section",
    "pages",
)
# A cell that starts so is run as a formula by spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export_determinations(
    library: Library,
    path: Path | None,
    *,
    query: str = "",
    format: Format = "csv",
    refinement: Refinement | None = None,
) -> int:
    """Write what a question selects (empty: everything) to a file, or to stdout for None; the number of rows.

    `refinement` are a reader's edits of the filters.

    csv is UTF-8 with a byte order mark, lists joined by " | ", and a cell that a spreadsheet would run as a formula
    gets a leading apostrophe. jsonl and parquet keep lists as lists. parquet needs the extra: `imr-llm[parquet]`.
    Raises ConfigurationError for an unknown format or where pyarrow is missing.
    """
    rows = list(read_rows(library, query, refinement))
    if format == "csv":
        _write_csv(rows, path)
    elif format == "jsonl":
        with _text_file(path) as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    elif format == "parquet":
        _write_parquet(rows, path)
    else:
        raise ConfigurationError(f"--format {format}: not a format; use csv, jsonl or parquet")
    return len(rows)


def read_rows(library: Library, query: str = "", refinement: Refinement | None = None) -> Iterator[dict[str, Any]]:
    """One flat row a determination, in the order they were added: its fields, then its reasons with their quotes."""
    parsed = read_question(library, query, refinement)
    rows = [] if parsed.unanswerable else library.select(parsed.filters)
    ids = [row.id for row in rows]
    findings = library.findings(ids)
    lists = {name: library.values_of(name, ids) for name in LISTS}
    for row in rows:
        yield {
            **_plain(row),
            **{name: lists[name][row.id] for name in LISTS},
            "reasons": [finding.code for finding in findings[row.id]],
            "primary_reason": next((finding.code for finding in findings[row.id] if finding.primary), None),
            "quotes": [finding.quote for finding in findings[row.id]],
        }


def _plain(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row).items() if name != "id"}


def _write_csv(rows: Sequence[Mapping[str, Any]], path: Path | None) -> None:
    names = list(rows[0]) if rows else []
    with _text_file(path, bom=True) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        if names:
            writer.writerow(names)
        writer.writerows([_cell(row[name]) for name in names] for row in rows)


def _cell(value: Any) -> Any:
    """A value as a spreadsheet may take it."""
    if isinstance(value, list):
        value = " | ".join(str(item) for item in value)
    if isinstance(value, str):
        value = " ".join(value.split())
        return f"'{value}" if value.startswith(_FORMULA) else value
    return value


def _write_parquet(rows: list[dict[str, Any]], path: Path | None) -> None:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise ConfigurationError("--format parquet needs pyarrow: pip install imr-llm[parquet]") from error
    table = pyarrow.Table.from_pylist(rows)
    if path is not None:
        parquet.write_table(table, path)
        return
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    sys.stdout.buffer.write(buffer.getvalue())


@contextmanager
def _text_file(path: Path | None, *, bom: bool = False) -> Iterator[IO[str]]:
    """A text file, or stdout (without the byte order mark, which would stand in a pipe's data)."""
    if path is None:
        yield sys.stdout
        return
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        yield file
