"""Settings: flag, then environment, then default.

| environment          | meaning                                                    | default               |
|----------------------|------------------------------------------------------------|-----------------------|
| IMR_LIBRARY          | the library directory                                      | ./imr-library         |
| IMR_MODEL            | model name, or the path of a GGUF file                     | none                  |
| IMR_BASE_URL         | an OpenAI-compatible endpoint                              | https://api.openai.com/v1 |
| IMR_API_KEY          | its key; falls back to OPENAI_API_KEY                      | none                  |
| IMR_EXTRACTOR        | auto, rules, hybrid or llm                                 | auto                  |
| IMR_EMBEDDINGS       | builtin, or http://host/v1#model                           | builtin               |
| IMR_CONCURRENCY      | letters in the air at once                                 | 4                     |
| IMR_TIMEOUT          | seconds that an answer may take; more for a slow machine   | 180; 1800 for a file  |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from imr_llm.errors import ConfigurationError
from imr_llm.llm.local import is_gguf

OPENAI_BASE_URL = "https://api.openai.com/v1"
MOST_AT_ONCE = 1000
ExtractorChoice = Literal["auto", "rules", "hybrid", "llm"]


@dataclass(frozen=True)
class Settings:
    """What the user configured; a key never shows in a repr, a log or an error."""

    library: Path
    model: str | None
    base_url: str
    api_key: str = field(repr=False)
    extractor: ExtractorChoice
    embeddings: str
    concurrency: int
    timeout: float

    @property
    def runs_locally(self) -> bool:
        """Is the model a GGUF file that this program starts itself?"""
        return self.model is not None and is_gguf(self.model)


def read_settings(
    environment: Mapping[str, str],
    *,
    library: str | None = None,
    model: str | None = None,
    base_url: str | None = None,
    extractor: str | None = None,
    concurrency: int | None = None,
) -> Settings:
    """Settings from flags (None: not given) and an environment. Raises ConfigurationError naming the variable."""
    choice = extractor or environment.get("IMR_EXTRACTOR") or "auto"
    if choice not in get_args(ExtractorChoice):
        raise ConfigurationError(f"extractor: {choice!r} is not one of {', '.join(get_args(ExtractorChoice))}")
    named = model or environment.get("IMR_MODEL") or None
    return Settings(
        library=Path(library or environment.get("IMR_LIBRARY") or "imr-library"),
        model=named,
        base_url=base_url or environment.get("IMR_BASE_URL") or OPENAI_BASE_URL,
        api_key=environment.get("IMR_API_KEY") or environment.get("OPENAI_API_KEY") or "",
        extractor=choice,  # type: ignore[arg-type]  # checked against the literal's own values above
        embeddings=environment.get("IMR_EMBEDDINGS") or "builtin",
        concurrency=concurrency if concurrency is not None else _read_count(environment, "IMR_CONCURRENCY", 4),
        timeout=_read_seconds(environment, "IMR_TIMEOUT", 1800.0 if is_gguf(named or "") else 180.0),
    )


def _read_seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name)
    if not value:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name}: must be a number of seconds above 0")
    return seconds


def _read_count(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name)
    if not value:
        return default
    if not value.isdigit() or not 1 <= int(value) <= MOST_AT_ONCE:
        raise ConfigurationError(f"{name}: must be a whole number from 1 to {MOST_AT_ONCE}")
    return int(value)
