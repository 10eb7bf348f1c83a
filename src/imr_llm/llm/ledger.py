"""What asking about one letter took: every attempt, its raw answer, its tokens and its seconds.

A Ledger is made for one letter and handed down to whoever asks; a `listener` hears of each exchange as it ends, so
that an evaluation run can keep what an endpoint really said. Without one nothing is kept but sums.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from imr_llm.llm.pricing import price_tokens
from imr_llm.record import Usage


class Priced(Protocol):
    """What a price depends on (client.ModelSettings has it)."""

    @property
    def model(self) -> str: ...
    @property
    def base_url(self) -> str: ...


@dataclass(frozen=True)
class Exchange:
    """One attempt: what was asked for, and what came back.

    asked_for: name of the response model. request_sha256: of the messages as sent. response: the endpoint's answer as
    it came (None where none came). error: why the attempt failed on the line, in our words ("HTTP 429", "time-out").
    It holds letter text: keep it where the user keeps letters, never in a log.
    """

    asked_for: str
    request_sha256: str
    seconds: float
    response: Mapping[str, Any] | None = field(default=None, repr=False)
    error: str | None = None


@dataclass
class Ledger:
    """Tokens and attempts spent, failed ones too."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    attempts: int = 0
    listener: Callable[[Exchange], None] | None = field(default=None, repr=False)

    def book(self, completion: Any) -> None:
        """Book one answer's tokens. To be called before instructor sums them up in place."""
        usage = getattr(completion, "usage", None)
        if usage is None:
            return
        details = getattr(usage, "prompt_tokens_details", None)
        self.input_tokens += usage.prompt_tokens or 0
        self.output_tokens += usage.completion_tokens or 0
        self.cached_tokens += getattr(details, "cached_tokens", None) or 0

    def usage(self, settings: Priced) -> Usage:
        """The record's usage, priced where endpoint and model are on the price list."""
        cost = price_tokens(
            settings.model,
            settings.base_url,
            input_tokens=self.input_tokens,
            cached_tokens=self.cached_tokens,
            output_tokens=self.output_tokens,
        )
        return Usage(
            input_tokens=self.input_tokens,
            cached_tokens=self.cached_tokens,
            output_tokens=self.output_tokens,
            cost_usd=cost,
        )


class Attempts:
    """Times the attempts of one trip and tells the ledger, and its listener, of each."""

    def __init__(self, ledger: Ledger, asked_for: str) -> None:
        self._ledger = ledger
        self._asked_for = asked_for
        self._request_sha256 = ""
        self._started: float | None = None

    def begin(self, messages: Sequence[Any]) -> None:
        """An attempt goes out."""
        self._ledger.attempts += 1
        self._started = time.monotonic()
        if self._ledger.listener:
            body = json.dumps(messages, sort_keys=True, ensure_ascii=False, default=str)
            self._request_sha256 = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()

    def answer(self, completion: Any) -> None:
        """Its answer came: book the tokens, pass the raw answer on."""
        self._ledger.book(completion)
        self._tell(completion.model_dump(mode="json") if self._ledger.listener else None, None)

    def fail(self, error: str) -> None:
        """No answer came of it. Does nothing where none is out."""
        if self._started is not None:
            self._tell(None, error)

    def _tell(self, response: Mapping[str, Any] | None, error: str | None) -> None:
        seconds = time.monotonic() - (self._started or time.monotonic())
        self._started = None
        if self._ledger.listener:
            exchange = Exchange(self._asked_for, self._request_sha256, round(seconds, 3), response, error)
            self._ledger.listener(exchange)
