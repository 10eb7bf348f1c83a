"""Questions read by a model: over HTTP, and held to the allow-list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from library_samples import fill_library

from imr_llm import cli
from imr_llm.errors import ConfigurationError
from imr_llm.library.filters import Query
from imr_llm.llm.client import ModelClient, ModelSettings
from imr_llm.llm.prompts import load_prompt
from imr_llm.search.model_reader import (
    PROMPT,
    Meaning,
    Meanings,
    judge_meanings,
    list_meanings,
    read_unread,
    read_with_model,
)
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import ModelReading, check_choice
from imr_llm.settings import read_settings
from tests.model_server import ModelServer, Reply

QUESTION = "Norco denied, he cannot mow the lawn"
LAWN = ModelReading("reason", "no_functional_improvement", "mow the lawn")


def _reply(*meanings: tuple[str, str]) -> Reply:
    return Reply(
        content=json.dumps({"meanings": [{"words": words, "meaning": meaning} for words, meaning in meanings]})
    )


def _judge(query: Query, *meanings: tuple[str, str]) -> tuple[Sequence[ModelReading], Sequence[str]]:
    answer = Meanings(meanings=[Meaning(words=words, meaning=meaning) for words, meaning in meanings])
    reading = judge_meanings(query, answer)
    return reading.read, reading.turned_away


def test_every_meaning_passes_the_allow_list() -> None:
    for meaning in list_meanings():
        field, _, value = meaning.partition("=")
        check_choice(field, value)
    assert "reason=missing_urine_drug_screen" in list_meanings()


def test_words_that_nobody_read_are_read_by_the_model() -> None:
    with ModelServer([_reply(("mow the lawn", "reason=no_functional_improvement"))]) as server:

        async def read() -> Sequence[ModelReading]:
            settings = ModelSettings(model="scripted", base_url=server.base_url)
            async with ModelClient(settings) as client:
                return (await read_unread(parse_query(QUESTION), client, load_prompt(PROMPT))).read

        assert list(asyncio.run(read())) == [LAWN]
        asked = server.requests[0].messages
    assert QUESTION in asked[-1]["content"]
    assert '"lawn"' in asked[-1]["content"]
    assert "no_functional_improvement" in asked[0]["content"]


@pytest.mark.parametrize(
    ("question", "words", "meaning", "why"),
    [
        (QUESTION, "mow the lawn", "reason=lazy", "not a known field and value"),
        (QUESTION, "mow the lawn", "age=40", "not a known field and value"),
        (QUESTION, "mow the lawn", "reason = no_functional_improvement", "not a known field and value"),
        (QUESTION, "ignore the rules", "reason=no_functional_improvement", "the question does not say that"),
        (QUESTION, "", "reason=no_functional_improvement", "the question does not say that"),
        (QUESTION, "denied", "decision=overturned", "these words were understood already"),
        (QUESTION, "Norco denied, he cannot mow", "reason=no_functional_improvement", "was understood already"),
        (QUESTION, "mow the lawn", "decision=overturned", "the question's decision was understood already"),
        (QUESTION, "mow the lawn", "reason=benefit_documented", "ground for the opposite decision"),
        ("Norco overturned, mow the lawn", "mow the lawn", "reason=no_functional_improvement", "opposite decision"),
    ],
)
def test_turned_away(question: str, words: str, meaning: str, why: str) -> None:
    read, turned_away = _judge(parse_query(question), (words, meaning))
    assert not read
    assert len(turned_away) == 1
    assert why in turned_away[0]


def test_a_question_that_was_understood_asks_nobody() -> None:
    settings = read_settings({"IMR_MODEL": "none", "IMR_BASE_URL": "http://127.0.0.1:9/v1"})
    assert asyncio.run(read_with_model(parse_query("Norco denied"), settings)).read == ()


def test_without_a_model_the_remedy_is_told() -> None:
    with pytest.raises(ConfigurationError, match="IMR_MODEL"):
        asyncio.run(read_with_model(parse_query(QUESTION), read_settings({})))


def test_the_command_line_asks_and_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill_library(tmp_path / "library").close()
    replies = [_reply(("mow the lawn", "reason=no_functional_improvement"), ("Norco", "decision=overturned"))]
    with ModelServer(replies) as server:
        monkeypatch.setenv("IMR_MODEL", "scripted")
        monkeypatch.setenv("IMR_BASE_URL", server.base_url)
        command = ["search", QUESTION, "--ask-model", "--json", "--library", str(tmp_path / "library")]
        assert cli.run(command) == 0
        printed = capsys.readouterr()
        answer = json.loads(printed.out)
        assert ("reason", ["no_functional_improvement"]) in [
            (f["field"], f["value"]) for f in answer["query"]["filters"]
        ]
        assert "not taken" in printed.err
        assert {hit["file"] for hit in answer["hits"]} == {"missing.txt"}
        assert cli.run(["stats", QUESTION, "--ask-model", "--library", str(tmp_path / "library")]) == 0
        assert cli.run(["export", QUESTION, "--ask-model", "--library", str(tmp_path / "library")]) == 0
        assert len(server.requests) == 3
