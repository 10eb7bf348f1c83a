"""Thumbs on result cards, a line of JSON each in LIBRARY/feedback.jsonl: ids and the question, never letter text."""

from __future__ import annotations

import datetime
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from imr_llm.errors import ConfigurationError, LibraryError

FILE = "feedback.jsonl"
LONGEST_QUERY = 2_000
Verdict = Literal["up", "down"]
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Judgement:
    """What a reader thought of one determination as an answer to a question."""

    query: str
    refinement: str
    letter_id: str
    number: int
    verdict: Verdict


def read_verdict(value: str) -> Verdict:
    """The verdict of a click. ConfigurationError where it is neither up nor down."""
    if value not in get_args(Verdict):
        raise ConfigurationError("verdict: up or down")
    return "up" if value == "up" else "down"


def keep_judgement(library: Path, judgement: Judgement) -> None:
    """Append a judgement with its time (UTC). LibraryError where the file cannot be written."""
    at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    line = json.dumps({"at": at, **asdict(judgement)}, ensure_ascii=False)
    try:
        with _one_at_a_time, (library / FILE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
    except OSError as error:
        raise LibraryError(f"{library / FILE} cannot be written ({error.strerror})") from error
