"""The only door to openai and instructor: ask any OpenAI-compatible endpoint for a pydantic answer.

Two kinds of failure have two loops. What the line does (429, 5xx, no connection, time-out) is waited out here, as the
endpoint's Retry-After says; openai's own retries are off, so every attempt is seen. What the model says (broken JSON,
a value the schema forbids) is instructor's to ask again, with the validation error. Every answer's tokens are booked
in the ledger as they come in, failed answers too.

Nothing is rendered here: messages go out as they are, and instructor's templating (`context=`) is never used, since
it would run the letter as a template. The libraries' loggers are silenced: they print answers and messages.
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import ipaddress
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, TypeVar, cast
from urllib.parse import urlsplit

import instructor
import openai
from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException
from instructor.core.hooks import Hooks
from pydantic import BaseModel

from imr_llm.errors import ConfigurationError, ModelRefused, ModelUnreachable
from imr_llm.llm.ledger import Attempts, Ledger

OPENAI_URL = "https://api.openai.com/v1"
AnswerMode = Literal["tools", "json_schema", "json"]
T = TypeVar("T", bound=BaseModel)

_MODES = {
    "tools": instructor.Mode.TOOLS,
    "json_schema": instructor.Mode.JSON_SCHEMA,
    "json": instructor.Mode.JSON,
}
_PASSING_STATUS = frozenset({408, 409, 425, 429})
_LETTER_STATUS = frozenset({400, 413, 422})
_REMEDY_BY_STATUS = {
    400: "the letter may be longer than the model's context, or the endpoint may not know this answer mode",
    401: "check the API key (IMR_API_KEY)",
    403: "the key may not use this model",
    404: "check the model's name and the base URL",
    413: "the letter is longer than the endpoint accepts",
}


class Message(TypedDict):
    """One chat message, sent as it is."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ModelSettings:
    """Which endpoint and model to ask, and how patiently.

    mode: how the answer's schema is enforced; None: as the prompt hints, else tools at api.openai.com and json_schema
    anywhere else (servers such as llama.cpp and vLLM constrain the answer to it). timeout, first_wait, longest_wait:
    seconds; a Retry-After beyond longest_wait ends the call. line_retries: further attempts after the line failed;
    answer_retries: after an answer that breaks the schema. concurrency: calls in the air at once.
    temperature None is for models that take no temperature.
    """

    model: str
    base_url: str = OPENAI_URL
    api_key: str = field(default="", repr=False)
    mode: AnswerMode | None = None
    max_output_tokens: int = 8192
    timeout: float = 180.0
    concurrency: int = 4
    line_retries: int = 4
    answer_retries: int = 1
    first_wait: float = 1.0
    longest_wait: float = 120.0
    temperature: float | None = 0.0

    def __post_init__(self) -> None:
        if not self.model:
            raise ConfigurationError("model: no model is named; set --model or IMR_MODEL")
        address = urlsplit(self.base_url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ConfigurationError(
                "base_url: not an http(s) address; set --base-url or IMR_BASE_URL to something like "
                "http://127.0.0.1:8081/v1"
            )
        for name in ("max_output_tokens", "concurrency", "timeout"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name}: must be above zero")

    def choose_mode(self, hint: AnswerMode | None = None) -> AnswerMode:
        """The answer mode: the user's own choice, else the prompt's hint, else the endpoint's habit."""
        return self.mode or hint or ("tools" if _is_openai(self.base_url) else "json_schema")


class ModelClient:
    """An endpoint under settings. Use it as an async context manager; it may serve many letters at once."""

    def __init__(self, settings: ModelSettings) -> None:
        _silence_loggers()
        self.settings = settings
        self._openai = _open_client(settings)
        self._room = asyncio.Semaphore(settings.concurrency)
        self._resume_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._openai.close()

    async def ask(
        self,
        messages: Sequence[Message],
        response_model: type[T],
        ledger: Ledger,
        *,
        mode: AnswerMode | None = None,
        max_output_tokens: int | None = None,
    ) -> T:
        """Ask for a `response_model`. `mode` is the prompt's hint; every attempt and its tokens go to `ledger`.

        Raises ModelUnreachable when the endpoint does not answer or turns us away, ModelRefused when it answers with
        nothing usable: schema broken to the end, output cut off, filtered or refused, letter too long.
        """
        chosen = self.settings.choose_mode(mode)
        tokens = min(max_output_tokens or self.settings.max_output_tokens, self.settings.max_output_tokens)
        for attempt in range(self.settings.line_retries + 1):
            try:
                return await self._ask_once(messages, response_model, ledger, chosen, tokens)
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                await self._wait_or_give_up(error, attempt)
        raise AssertionError("the last attempt either returns or raises")

    async def _ask_once(
        self, messages: Sequence[Message], response_model: type[T], ledger: Ledger, mode: AnswerMode, tokens: int
    ) -> T:
        """One trip through instructor, which may ask again after an answer that breaks the schema."""
        watch = _Watch(Attempts(ledger, response_model.__name__))
        asker = instructor.from_openai(self._openai, mode=_MODES[mode])
        async with self._room:
            await asyncio.sleep(max(0.0, self._resume_at - time.monotonic()))
            try:
                value = await asker.create(
                    response_model=response_model,
                    messages=cast(Any, [dict(message) for message in messages]),
                    max_retries=self.settings.answer_retries,
                    strict=False,
                    hooks=watch.hooks(),
                    **_call_options(self.settings, tokens),
                )
            except (openai.APIConnectionError, openai.APIStatusError) as error:
                watch.attempts.fail(_describe_silence(error))
                raise
            except IncompleteOutputException as error:
                raise ModelRefused(
                    f"the answer did not end within {tokens} tokens; raise max_output_tokens, or use a prompt that "
                    "asks for less at a time"
                ) from error
            except InstructorRetryException as error:
                if isinstance(error.__cause__, openai.APIConnectionError | openai.APIStatusError):
                    watch.attempts.fail(_describe_silence(error.__cause__))
                    raise error.__cause__ from None
                raise ModelRefused(
                    f"{self.settings.model} gave no answer that fits the schema in {error.n_attempts} attempts; try a "
                    "larger model or a prompt that asks for less at a time"
                ) from error
        watch.check_finish()
        # A plain copy: instructor hangs the raw response, prompt and all, onto the value it returns.
        return response_model.model_validate(value.model_dump())

    async def _wait_or_give_up(self, error: openai.APIConnectionError | openai.APIStatusError, attempt: int) -> None:
        """Sleep before the next attempt, or raise ours. A Retry-After holds back every call of this client."""
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        if status is not None and status < 500 and status not in _PASSING_STATUS:
            raise _translate_status(status, self.settings) from error
        if attempt >= self.settings.line_retries:
            raise _translate_silence(error, status, attempt + 1, self.settings) from error
        asked = _read_retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
        if asked is not None and asked > self.settings.longest_wait:
            raise ModelUnreachable(
                f"{_host(self.settings)} asks for a wait of {asked:.0f} s, longer than {self.settings.longest_wait:.0f}"
                " s; try again later, or with less concurrency"
            ) from error
        if asked is not None:
            self._resume_at = max(self._resume_at, time.monotonic() + asked)
            return
        wait = min(self.settings.first_wait * 2.0**attempt, self.settings.longest_wait)
        await asyncio.sleep(wait * (0.5 + random.random() / 2))


class _Watch:
    """Sees each request and answer of one trip, and remembers how the last one ended."""

    def __init__(self, attempts: Attempts) -> None:
        self.attempts = attempts
        self._finish: str | None = None

    def hooks(self) -> Hooks:
        hooks = Hooks()
        hooks.on("completion:kwargs", self._begin)
        hooks.on("completion:response", self._answer)
        return hooks

    def _begin(self, *_: object, **request: Any) -> None:
        self.attempts.begin(request.get("messages", ()))

    def _answer(self, completion: Any) -> None:
        self.attempts.answer(completion)
        choices = getattr(completion, "choices", None) or [None]
        self._finish = getattr(choices[0], "finish_reason", None)

    def check_finish(self) -> None:
        """instructor lets a filtered answer pass where what is left of it happens to fit the schema."""
        if self._finish == "content_filter":
            raise ModelRefused("the endpoint's content filter cut the answer off; try another model")


def _open_client(settings: ModelSettings) -> openai.AsyncOpenAI:
    loopback = _is_loopback(settings.base_url)
    client = openai.AsyncOpenAI(
        api_key=settings.api_key or "none",
        base_url=settings.base_url,
        timeout=settings.timeout,
        max_retries=0,
        # A proxy named in the environment must not see what is meant for this machine.
        http_client=openai.DefaultAsyncHttpxClient(trust_env=not loopback),
    )
    if not _is_openai(settings.base_url):
        # openai reads these two from the environment; they are OpenAI's business alone.
        client.organization, client.project = None, None
    return client


def _call_options(settings: ModelSettings, tokens: int) -> dict[str, Any]:
    limit = "max_completion_tokens" if _is_openai(settings.base_url) else "max_tokens"
    options: dict[str, Any] = {"model": settings.model, limit: tokens}
    if settings.temperature is not None:
        options["temperature"] = settings.temperature
    return options


def _translate_status(status: int, settings: ModelSettings) -> ModelRefused | ModelUnreachable:
    remedy = _REMEDY_BY_STATUS.get(status, "see the endpoint's own log")
    message = f"{_host(settings)} turned the request away (HTTP {status}): {remedy}"
    return ModelRefused(message) if status in _LETTER_STATUS else ModelUnreachable(message)


def _describe_silence(error: openai.APIConnectionError | openai.APIStatusError) -> str:
    if isinstance(error, openai.APIStatusError):
        return f"HTTP {error.status_code}"
    return "time-out" if isinstance(error, openai.APITimeoutError) else "no connection"


def _translate_silence(error: Exception, status: int | None, attempts: int, settings: ModelSettings) -> Exception:
    if status is not None:
        what = f"answered HTTP {status}"
    elif isinstance(error, openai.APITimeoutError):
        what = f"did not answer within {settings.timeout:.0f} s"
    else:
        what = "could not be reached"
    return ModelUnreachable(f"{_host(settings)} {what}, {attempts} times; check the server and --base-url")


def _read_retry_after(headers: Any) -> float | None:
    """Seconds that the endpoint asks us to wait: retry-after-ms, or Retry-After in seconds or as an HTTP date."""
    try:
        return max(0.0, float(headers["retry-after-ms"]) / 1000)
    except (KeyError, ValueError):
        pass
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.datetime.now(moment.tzinfo)).total_seconds())


def _host(settings: ModelSettings) -> str:
    """The endpoint without a user name or key that somebody may have written into the address."""
    address = urlsplit(settings.base_url)
    return f"{address.hostname}:{address.port}" if address.port else str(address.hostname)


def _is_openai(base_url: str) -> bool:
    return urlsplit(base_url).hostname == "api.openai.com"


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _silence_loggers() -> None:
    """instructor logs validation errors, which quote the answer; openai logs requests at debug level."""
    logging.getLogger("instructor").setLevel(logging.CRITICAL + 1)
    logging.getLogger("openai").setLevel(logging.WARNING)
