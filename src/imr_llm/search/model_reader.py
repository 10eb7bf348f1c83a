"""What the grammar left of a question, read by a model: only where it is asked for, and held to the same allow-list.

    reading = asyncio.run(read_with_model(parse_query(text), settings))
    search(library, index, text, refinement=Refinement(read=reading.read))

The model is shown the question and the words that nobody read, never a letter. It answers with words of the question
and what they mean, one of MEANINGS. A meaning counts where its words stand in the question, hold one that nobody had
read, and nothing that was understood speaks against it: a model adds to the grammar's reading and overrules none of
it. What is turned away is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, Field

from imr_llm.errors import ConfigurationError
from imr_llm.library.filters import Query
from imr_llm.record import Decision, UdsStatus, UrAction
from imr_llm.search.labels import label_value
from imr_llm.search.query import parse_query
from imr_llm.search.refinement import ModelReading, check_choice, holds_words
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import body_regions, treatment_values

if TYPE_CHECKING:
    from imr_llm.llm.client import ModelClient
    from imr_llm.llm.prompts import Prompt
    from imr_llm.settings import Settings

PROMPT = "question_v1"
MOST_MEANINGS = 8


def list_meanings() -> tuple[str, ...]:
    """Everything that words may be read as, "field=value" each: the values of the vocabularies."""
    values: dict[str, Iterable[str]] = {
        "reason": load_taxonomy().codes,
        "decision": get_args(Decision),
        "category": treatment_values(),
        "subcategory": (f"{name}.{kind}" for name, kinds in treatment_values().items() for kind in kinds),
        "region": body_regions(),
        "uds": get_args(UdsStatus),
        "ur_action": (action for action in get_args(UrAction) if action != "unknown"),
    }
    return tuple(f"{name}={value}" for name, some in values.items() for value in some)


def _offer_meanings(schema: dict[str, Any]) -> None:
    """The schema that the endpoint sees lists the meanings; an answer that keeps to none is turned away, not asked again."""
    schema["enum"] = list(list_meanings())


class Meaning(BaseModel):
    """Words of the question, and what they ask for."""

    words: str = Field(max_length=200)
    meaning: str = Field(max_length=120, json_schema_extra=_offer_meanings)


class Meanings(BaseModel):
    """A model's whole answer."""

    meanings: list[Meaning] = Field(default_factory=list, max_length=MOST_MEANINGS)


@dataclass(frozen=True)
class Reading:
    """What a model read that counts, and why the rest does not."""

    read: tuple[ModelReading, ...] = ()
    turned_away: tuple[str, ...] = ()


async def read_with_model(query: Query, settings: Settings) -> Reading:
    """Ask the configured model about the words that nobody read; without such words it is not asked.

    Raises ConfigurationError where no model is configured, ModelUnreachable and ModelRefused as the client does.
    """
    if not settings.model:
        raise ConfigurationError("no model is configured to read questions; set --model or IMR_MODEL")
    if not query.ignored or query.similar:
        return Reading()
    # They bring openai, which takes a second to import.
    from imr_llm.llm.client import ModelClient
    from imr_llm.llm.endpoint import open_endpoint
    from imr_llm.llm.prompts import load_prompt

    async with open_endpoint(settings) as endpoint, ModelClient(endpoint) as client:
        return await read_unread(query, client, load_prompt(PROMPT))


async def read_unread(query: Query, client: ModelClient, prompt: Prompt) -> Reading:
    """As `read_with_model`, of a client and a prompt."""
    from imr_llm.llm.ledger import Ledger
    from imr_llm.llm.prompts import describe_search, render_messages
    from imr_llm.llm.statics import describe_statics

    messages = render_messages(prompt, describe_statics(prompt), describe_search(query.text, query.ignored))
    answer = await client.ask(
        messages, Meanings, Ledger(), mode=prompt.about.mode, max_output_tokens=prompt.about.max_output_tokens
    )
    return judge_meanings(query, answer)


def judge_meanings(query: Query, answer: Meanings) -> Reading:
    """Which of a model's meanings count."""
    read: list[ModelReading] = []
    turned_away: list[str] = []
    for meaning in answer.meanings:
        name, _, value = meaning.meaning.partition("=")
        words = " ".join(meaning.words.split())
        objection = _object_to(query, name, value, words)
        if objection:
            turned_away.append(f'the model read "{words}" as {meaning.meaning}: {objection}')
        else:
            read.append(ModelReading(name, value, words))
    return Reading(tuple(dict.fromkeys(read)), tuple(turned_away))


def _object_to(query: Query, name: str, value: str, words: str) -> str | None:
    """Why a meaning does not count, None where it does."""
    if f"{name}={value}" not in list_meanings():
        return "not a known field and value"
    check_choice(name, value)
    if not holds_words(query.text, words):
        return "the question does not say that"
    if not any(holds_words(words, word) for word in query.ignored):
        return "these words were understood already"
    understood = [chip for chip in parse_query(query.text).filters if holds_words(words, chip.words)]
    if understood:
        return f"of these words {', '.join(chip.label for chip in understood)} was understood already"
    if name == "decision" and query.values("decision"):
        return "the question's decision was understood already"
    decisions = set(map(str, query.values("decision")))
    polarity = load_taxonomy().codes[value].polarity if name == "reason" else None
    if (polarity, decisions) in (("denial", {"overturned"}), ("overturn", {"upheld"})):
        return f"{label_value(name, value)} is a ground for the opposite decision"
    return None
