"""JSON files of the harness with a line a row, so that a change of a row can be read as one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def write_rows(path: Path, head: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write `head` as JSON, and behind its fields `name`, a list with a line a row."""
    opening = json.dumps(head, indent=1, ensure_ascii=False)[:-2]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{opening},\n "{name}": [\n{lines}\n]}}\n', "utf-8")
