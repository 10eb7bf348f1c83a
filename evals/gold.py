"""Gold sets: what a letter's determinations should be, one JSON line a determination, by file name and number.

    {"file": "norco_missing_uds.txt", "number": 1, "title": "Norco 10/325mg", "decision": "upheld",
     "reasons": [{"code": "missing_urine_drug_screen", "quote": "No screen is on file", "primary": true}],
     "treatment": {"category": "pharmaceuticals", ...}, "request": {...}, "uds_rationale": "stated_absent",
     "uds_summary": "not_mentioned", "claims_administrator_guideline": "...", "maximus_guideline": "...",
     "maximus_citations": [...], "letter": {"age": 47, ...}, "labels": "author", "abstained": ["letter.age"]}

A key that is not there is not labelled and nothing is scored for it; null says that the letter does not have it.
`letter`, with the fields of the whole letter, stands on a letter's first line. A number of null: the line speaks of
the letter alone. A gold set is named by the SHA-256 of its bytes: two scores against different bytes do not compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imr_llm.errors import ConfigurationError
from imr_llm.letters.cleaning import clean_text
from imr_llm.record import Decision, UdsStatus

from . import regex_reader

PROVENANCE = {
    "regex": "read by the project's independent regex reader, which abstains where it is not sure",
    "author": "fictitious letters, labelled by their author: a check of the workings, no measure on real letters",
    "labelled": "made by models and adjudicated, not by people, unless the guide beside the labels says otherwise",
}
# The labels of some first items hold the boilerplate sentence that precedes them in the letter.
_LEAD = (
    "The Final Determination was based on decisions for the disputed items/services set forth below:",
    "The Final Determination was based on decisions for the disputed items/service set forth below:",
)


class GoldReason(BaseModel):
    """A reason with the shortest verbatim words that state it; compare them with white space folded."""

    model_config = ConfigDict(frozen=True)

    code: str
    quote: str = ""
    primary: bool = False


class GoldRow(BaseModel):
    """One line. Which keys it has is in `model_fields_set`; keys unknown to us are kept in `model_extra`."""

    model_config = ConfigDict(frozen=True, extra="allow")

    file: str
    number: int | None = None
    title: str | None = None
    decision: Decision | None = None
    reasons: list[GoldReason] = []
    treatment: dict[str, Any] = {}
    request: dict[str, Any] = {}
    uds_rationale: UdsStatus | None = None
    uds_summary: UdsStatus | None = None
    claims_administrator_guideline: str | None = None
    maximus_guideline: str | None = None
    maximus_citations: list[dict[str, Any]] | None = None
    letter: dict[str, Any] = {}
    labels: str = "labelled"
    abstained: list[str] = Field(default=[])

    def has(self, key: str) -> bool:
        """Is there a label for this key? The primary reason is labelled wherever reasons are."""
        return ("reasons" if key == "primary_reason" else key) in self.model_fields_set

    @property
    def primary_reason(self) -> str | None:
        """The code of the main ground; None where no reason is labelled."""
        return next((reason.code for reason in self.reasons if reason.primary), None)


@dataclass(frozen=True)
class GoldLetter:
    """A letter's labels: `fields` of the whole letter, `items` in order; `whole` where every item is labelled."""

    file: str
    fields: dict[str, Any]
    items: tuple[GoldRow, ...]
    abstained: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """False where the set does not say which determinations the letter has."""
        return bool(self.items)


@dataclass(frozen=True)
class Gold:
    """A gold set. name: its file's base name; provenance: how the labels were made, in words for a report."""

    name: str
    sha256: str
    letters: tuple[GoldLetter, ...]
    provenance: str
    unknown_keys: tuple[str, ...]

    @property
    def determinations(self) -> int:
        """How many determinations are labelled."""
        return sum(len(letter.items) for letter in self.letters)

    def count_abstentions(self) -> dict[str, int]:
        """How often the set abstains, by field."""
        counts: dict[str, int] = {}
        for letter in self.letters:
            for name in (*letter.abstained, *(name for row in letter.items for name in row.abstained)):
                counts[name] = counts.get(name, 0) + 1
        return dict(sorted(counts.items()))


def read_gold(path: Path) -> Gold:
    """The gold set in a file. Raises ConfigurationError naming the line and what is wrong with it."""
    if not path.exists():
        raise ConfigurationError(f"{path}: no such file; name a gold set (JSON Lines)")
    try:
        data = path.read_bytes()
        lines = data.decode("utf-8").split("\n")  # JSON strings may hold other line ends
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: no gold set can be read there; name a JSON Lines file in UTF-8") from error
    rows = [_read_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise ConfigurationError(f"{path}: an empty gold set; it needs one line a determination")
    return make_gold(rows, path.name, hashlib.sha256(data).hexdigest())


def make_gold(rows: list[GoldRow], name: str, sha256: str) -> Gold:
    """Rows put together letter by letter. Raises ConfigurationError where a determination is labelled twice."""
    by_file: dict[str, list[GoldRow]] = {}
    for row in rows:
        by_file.setdefault(row.file, []).append(row)
    kinds = sorted({row.labels for row in rows})
    return Gold(
        name=name,
        sha256=sha256,
        letters=tuple(_make_letter(file, own, name) for file, own in by_file.items()),
        provenance="; ".join(PROVENANCE.get(kind, kind) for kind in kinds),
        unknown_keys=tuple(sorted({key for row in rows for key in row.model_extra or ()})),
    )


def _read_row(path: Path, number: int, line: str) -> GoldRow:
    try:
        row = GoldRow.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise ConfigurationError(f"{path}:{number}: {where}: {first['msg']}; mend the line") from error
    if row.title is None:
        return row
    title = clean_text(row.title)
    for lead in _LEAD:
        title = title.removeprefix(lead).strip()
    return row.model_copy(update={"title": title})


def _make_letter(file: str, rows: list[GoldRow], name: str) -> GoldLetter:
    items = sorted((row for row in rows if row.number is not None), key=lambda row: row.number or 0)
    numbers = [row.number for row in items]
    if len(set(numbers)) != len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise ConfigurationError(f"{name}: {file} has determination {twice} twice; leave one of the two lines out")
    fields: dict[str, Any] = {}
    for row in rows:
        fields |= row.letter
    for row in items:
        if row.has("uds_summary"):
            fields.setdefault("uds_summary", row.uds_summary)
    abstained = [key for row in rows if row.number is None for key in row.abstained]
    return GoldLetter(file, fields, tuple(items), tuple(abstained))


def read_letters_plainly(paths: Iterable[str | Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """The gold rows that the independent regex reader makes of letters, and what it could not read."""
    rows: list[dict[str, Any]] = []
    failed: list[str] = []
    for path in paths:
        for file in _list_letters(Path(path)):
            if not file.exists():
                failed.append(f"{file}: no such file; check the path")
                continue
            try:
                rows += regex_reader.read_gold(file)
            except ValueError as error:
                failed.append(str(error))
    return rows, failed


def _list_letters(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix.lower() in (".pdf", ".txt"))


def write_gold(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of a gold set; every row is checked as `read_gold` would."""
    for row in rows:
        yield GoldRow.model_validate(row).model_dump_json(exclude_unset=True) + "\n"
