"""The client against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Callable
from email.utils import format_datetime

import pytest

from imr_llm.errors import ConfigurationError, ModelRefused, ModelUnreachable
from imr_llm.llm.answers import YesNo
from imr_llm.llm.client import OPENAI_URL, Message, ModelClient, ModelSettings
from imr_llm.llm.ledger import Ledger
from tests.model_server import ModelServer, Reply, Script

YES = Reply(content='{"answer": "yes", "quote": "The file holds no drug screen."}')
QUESTION = [Message(role="user", content="Is a screen {{missing}} {% raw %}?")]


def settings_for(server: ModelServer, **changes: object) -> ModelSettings:
    quick: dict[str, object] = {"first_wait": 0.01, "line_retries": 2, "timeout": 5.0}
    return ModelSettings(model="scripted", base_url=server.base_url, **{**quick, **changes})  # type: ignore[arg-type]


def ask(script: Script, *, times: int = 1, **changes: object) -> tuple[list[YesNo], Ledger, ModelServer]:
    ledger = Ledger()
    with ModelServer(script) as server:

        async def run() -> list[YesNo]:
            async with ModelClient(settings_for(server, **changes)) as client:
                return await asyncio.gather(*(client.ask(QUESTION, YesNo, ledger) for _ in range(times)))

        return asyncio.run(run()), ledger, server


def ask_in_vain(script: Script, error: type[Exception], **changes: object) -> tuple[Exception, Ledger, ModelServer]:
    ledger = Ledger()
    with ModelServer(script) as server:

        async def run() -> None:
            async with ModelClient(settings_for(server, **changes)) as client:
                await client.ask(QUESTION, YesNo, ledger)

        with pytest.raises(error) as caught:
            asyncio.run(run())
        return caught.value, ledger, server


def test_answer_comes_back_validated_and_booked() -> None:
    answers, ledger, server = ask([Reply(content=YES.content, prompt_tokens=70, cached_tokens=30, completion_tokens=5)])
    assert answers == [YesNo(answer="yes", quote="The file holds no drug screen.")]
    assert (ledger.input_tokens, ledger.cached_tokens, ledger.output_tokens, ledger.attempts) == (70, 30, 5, 1)
    assert server.requests[0].body["max_tokens"] == 8192


def test_messages_are_sent_as_they_are() -> None:
    _, _, server = ask([YES])
    assert server.requests[0].messages == [{"role": "user", "content": "Is a screen {{missing}} {% raw %}?"}]


def test_other_endpoints_are_held_to_the_schema_by_json_schema() -> None:
    _, _, server = ask([YES])
    schema = server.requests[0].body["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["answer"]["enum"] == ["yes", "no"]


@pytest.mark.parametrize(
    ("base_url", "own", "hint", "expected"),
    [
        (OPENAI_URL, None, None, "tools"),
        ("http://127.0.0.1:1/v1", None, None, "json_schema"),
        ("http://127.0.0.1:1/v1", None, "json", "json"),
        (OPENAI_URL, "json_schema", "json", "json_schema"),
    ],
)
def test_mode_is_the_users_then_the_prompts_then_the_endpoints(
    base_url: str, own: object, hint: object, expected: str
) -> None:
    settings = ModelSettings(model="m", base_url=base_url, mode=own)  # type: ignore[arg-type]
    assert settings.choose_mode(hint) == expected  # type: ignore[arg-type]


def test_tools_mode_works() -> None:
    answers, _, server = ask([YES], mode="tools")
    assert answers[0].answer == "yes"
    assert server.requests[0].body["tool_choice"]["function"]["name"] == "YesNo"


def test_broken_answer_is_asked_again_and_both_are_booked() -> None:
    answers, ledger, server = ask([Reply(content='{"answer": "perhaps"}'), YES])
    assert answers[0].answer == "yes"
    assert (ledger.attempts, ledger.input_tokens, ledger.output_tokens) == (2, 200, 20)
    assert len(server.requests) == 2
    assert "perhaps" in server.requests[1].messages[1]["content"]


def test_answer_that_stays_broken_is_a_refusal_and_is_booked() -> None:
    error, ledger, _ = ask_in_vain([Reply(content="not json at all")], ModelRefused)
    assert (ledger.attempts, ledger.output_tokens) == (2, 20)
    assert "2 attempts" in str(error)


@pytest.mark.parametrize("header", ["seconds", "milliseconds", "date"])
def test_retry_after_is_honoured(header: str) -> None:
    in_two_seconds = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    headers = {
        "seconds": {"Retry-After": "0.4"},
        "milliseconds": {"retry-after-ms": "400"},
        "date": {"Retry-After": format_datetime(in_two_seconds, usegmt=True)},
    }[header]
    answers, ledger, server = ask([Reply(status=429, headers=headers), YES])
    assert answers[0].answer == "yes"
    assert ledger.attempts == 2
    assert server.requests[1].at - server.requests[0].at >= 0.38


def test_retry_after_holds_back_every_call() -> None:
    def script(_: dict[str, object]) -> Reply:
        return Reply(status=429, headers={"Retry-After": "0.5"}) if len(server_requests()) == 1 else YES

    server: ModelServer
    ledger = Ledger()

    def server_requests() -> list[object]:
        return list(server.requests)

    with ModelServer(script) as server:

        async def run() -> None:
            async with ModelClient(settings_for(server, concurrency=1)) as client:
                await asyncio.gather(*(client.ask(QUESTION, YesNo, ledger) for _ in range(3)))

        asyncio.run(run())
        times = [request.at for request in server.requests]
    assert ledger.attempts == 4
    assert min(times[1:]) - times[0] >= 0.45


def test_retry_after_beyond_our_patience_ends_the_call() -> None:
    error, _, server = ask_in_vain([Reply(status=429, headers={"Retry-After": "900"})], ModelUnreachable)
    assert "900 s" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_passing_troubles_are_tried_again(status: int) -> None:
    answers, ledger, _ = ask([Reply(status=status), Reply(status=status), YES])
    assert answers[0].answer == "yes"
    assert ledger.attempts == 3


def test_trouble_that_does_not_pass_is_unreachable() -> None:
    error, ledger, server = ask_in_vain([Reply(status=503)], ModelUnreachable)
    assert "HTTP 503, 3 times" in str(error)
    assert ledger.attempts == len(server.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ModelRefused),
        (413, ModelRefused),
        (401, ModelUnreachable),
        (403, ModelUnreachable),
        (404, ModelUnreachable),
    ],
)
def test_being_turned_away_is_final(status: int, error: type[Exception]) -> None:
    raised, _, server = ask_in_vain([Reply(status=status)], error)
    assert f"HTTP {status}" in str(raised)
    assert len(server.requests) == 1


def test_nothing_listens() -> None:
    with ModelServer([YES]) as server:
        settings = settings_for(server, line_retries=1)

    async def run() -> None:
        async with ModelClient(settings) as client:
            await client.ask(QUESTION, YesNo, Ledger())

    with pytest.raises(ModelUnreachable, match="could not be reached, 2 times"):
        asyncio.run(run())


def test_slow_endpoint_times_out() -> None:
    error, _, _ = ask_in_vain([Reply(content=YES.content, delay=1.0)], ModelUnreachable, timeout=0.2, line_retries=0)
    assert "did not answer within" in str(error)


@pytest.mark.parametrize("reply", [Reply(raw=b"<html>gateway</html>"), Reply(raw=b'{"choices": []}'), Reply(raw=b"{}")])
def test_garbage_is_a_refusal(reply: Reply) -> None:
    ask_in_vain([reply], ModelRefused)


def test_connection_cut_in_mid_answer_is_tried_again() -> None:
    answers, ledger, _ = ask([Reply(content=YES.content, cut=True), YES])
    assert answers[0].answer == "yes"
    assert ledger.attempts == 2


def test_cut_off_output_is_a_refusal_with_a_remedy_and_is_booked() -> None:
    error, ledger, server = ask_in_vain([Reply(content='{"answer": "y', finish_reason="length")], ModelRefused)
    assert "max_output_tokens" in str(error)
    assert (ledger.output_tokens, len(server.requests)) == (10, 1)


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
def test_filtered_output_is_no_answer(mode: str) -> None:
    error, _, _ = ask_in_vain([Reply(content=YES.content, finish_reason="content_filter")], ModelRefused, mode=mode)
    assert "content filter" in str(error)


@pytest.mark.parametrize("mode", ["tools", "json_schema"])
def test_refused_output_is_no_answer(mode: str) -> None:
    ask_in_vain([Reply(content="", refusal="I cannot help")], ModelRefused, mode=mode)


def test_concurrency_is_bounded() -> None:
    answers, ledger, server = ask([Reply(content=YES.content, delay=0.2)], times=9, concurrency=3)
    assert len(answers) == 9
    assert 2 <= server.most_at_once <= 3
    assert ledger.attempts == 9


def test_answer_without_usage_costs_nothing_known() -> None:
    _, ledger, _ = ask([Reply(content=YES.content, usage=False)])
    assert (ledger.input_tokens, ledger.output_tokens, ledger.attempts) == (0, 0, 1)


def test_key_is_sent_but_never_shown() -> None:
    _, _, server = ask([YES], api_key="sk-very-secret")
    assert server.requests[0].headers["authorization"] == "Bearer sk-very-secret"
    assert "secret" not in repr(settings_for(server, api_key="sk-very-secret"))


def test_organisation_of_another_service_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    _, _, server = ask([YES])
    headers = server.requests[0].headers
    assert not {"openai-organization", "openai-project"} & set(headers)
    assert "sk-of-openai" not in headers["authorization"]


def test_proxy_of_the_environment_does_not_see_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answers, _, _ = ask([YES])
    assert answers[0].answer == "yes"


def test_no_answer_and_no_letter_in_logs_or_messages(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error, _, _ = ask_in_vain([Reply(content='{"answer": "the patient hurt his back"}')], ModelRefused)
    assert "hurt his back" not in caplog.text + str(error)
    assert "Is a screen" not in caplog.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: ModelSettings(model=""),
        lambda: ModelSettings(model="m", base_url="127.0.0.1:8080"),
        lambda: ModelSettings(model="m", concurrency=0),
        lambda: ModelSettings(model="m", max_output_tokens=0),
    ],
)
def test_wrong_settings_name_the_setting(make: Callable[[], ModelSettings]) -> None:
    with pytest.raises(ConfigurationError, match=r"^(model|base_url|concurrency|max_output_tokens): "):
        make()


@pytest.mark.parametrize(
    ("model", "base_url", "known"),
    [
        ("gpt-4o-mini", OPENAI_URL, True),
        ("gpt-4o-mini", "http://127.0.0.1:8081/v1", False),
        ("a-model-of-nobody", OPENAI_URL, False),
    ],
)
def test_cost_is_null_where_the_price_is_not_known(model: str, base_url: str, known: bool) -> None:
    ledger = Ledger(input_tokens=1_000_000, cached_tokens=0, output_tokens=0)
    cost = ledger.usage(ModelSettings(model=model, base_url=base_url)).cost_usd
    assert (cost is not None and cost > 0) is known


def test_cached_tokens_are_cheaper() -> None:
    settings = ModelSettings(model="gpt-4o-mini")
    fresh = Ledger(input_tokens=10_000).usage(settings).cost_usd
    cached = Ledger(input_tokens=10_000, cached_tokens=10_000).usage(settings).cost_usd
    assert fresh is not None
    assert cached is not None
    assert cached < fresh
