"""Extraction of a batch: letters in, reviews in the library, failures on record.

`choose_extractor` says which extractor a configuration means and why; `extract_letters` runs it over the letters, so
many at once, and keeps each review as soon as it is made: a kill costs at most the letters in hand.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from imr_llm import __version__
from imr_llm.errors import (
    BudgetExceeded,
    ConfigurationError,
    ExtractionError,
    ExtractionFault,
    ImrError,
    ModelUnreachable,
)
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import Unreadable
from imr_llm.letters.sections import read_sections
from imr_llm.library.store import Library, run_key
from imr_llm.record import Extractor, Review, Run, schema_sha256
from imr_llm.rules.extractor import extract_by_rules
from imr_llm.settings import OPENAI_BASE_URL, Settings
from imr_llm.terms.taxonomy import TAXONOMY_VERSION

if TYPE_CHECKING:
    from imr_llm.llm.ledger import Ledger
    from imr_llm.llm.prompts import Prompt

HYBRID_PROMPT = "hybrid_large_v1"
SMALL_HYBRID_PROMPT = "hybrid_small_v1"
WHOLE_LETTER_PROMPT = "whole_letter_v1"


class Extract(Protocol):
    """An extractor as a function of a letter; what its model is asked and answers is told to the ledger, if given."""

    def __call__(self, letter: Letter, ledger: Ledger | None = None, /) -> Awaitable[Review]: ...


@dataclass(frozen=True)
class Plan:
    """Which extractor runs, with what, and why that one."""

    extractor: Extractor
    why: str
    model: str | None = None
    prompt: Prompt | None = None

    @property
    def key(self) -> str:
        """The run key under which a letter counts as done."""
        return run_key(
            Run(
                extractor=self.extractor,
                model=self.model,
                prompt=self.prompt.label if self.prompt else None,
                prompt_sha256=self.prompt.sha256 if self.prompt else None,
                schema_sha256=schema_sha256(),
                taxonomy_version=TAXONOMY_VERSION,
                program_version=__version__,
            )
        )


def choose_extractor(settings: Settings, prompt: str | Path | None = None) -> Plan:
    """Auto is hybrid where a model is configured, else rules. Raises ConfigurationError for a model extractor without a model."""
    if settings.extractor == "rules":
        return Plan("rules", "asked for")
    if settings.extractor == "auto":
        if not settings.model:
            return Plan("rules", "no model is configured (--model or IMR_MODEL)")
        if settings.base_url == OPENAI_BASE_URL and not settings.api_key and not settings.runs_locally:
            return Plan("rules", "a model is named but IMR_API_KEY is not set and IMR_BASE_URL names no other endpoint")
    extractor: Extractor = "llm" if settings.extractor == "llm" else "hybrid"
    if not settings.model:
        raise ConfigurationError(f"extractor {extractor}: no model is configured; set --model or IMR_MODEL")
    default = WHOLE_LETTER_PROMPT if extractor == "llm" else HYBRID_PROMPT
    if extractor == "hybrid" and settings.runs_locally:
        default = SMALL_HYBRID_PROMPT
    from imr_llm.llm.prompts import load_prompt  # brings openai

    loaded = load_prompt(prompt or default)
    if loaded.about.extractor != extractor:
        raise ConfigurationError(
            f"prompt {loaded.label}: it is written for {loaded.about.extractor}, and the extractor is {extractor}; name "
            "another --prompt or --extractor"
        )
    why = "asked for" if settings.extractor == extractor else f"a model is configured ({settings.model})"
    return Plan(extractor, why, Path(settings.model).stem if settings.runs_locally else settings.model, loaded)


@asynccontextmanager
async def open_extractor(plan: Plan, settings: Settings) -> AsyncIterator[Extract]:
    """The plan's extractor as a function of a letter; a local model's server lives as long as this does."""
    if plan.extractor == "rules":

        async def extract(letter: Letter, ledger: Ledger | None = None) -> Review:
            return extract_by_rules(letter)

        yield extract
        return
    assert plan.prompt is not None  # choose_extractor loads one for every model extractor
    from imr_llm.llm.client import ModelClient  # openai takes a second to import: not for a run by rules
    from imr_llm.llm.endpoint import open_endpoint
    from imr_llm.llm.judgement import judge_letter
    from imr_llm.llm.whole_letter import read_whole_letter

    prompt = plan.prompt
    async with open_endpoint(settings) as endpoint, ModelClient(endpoint) as client:

        async def ask(letter: Letter, ledger: Ledger | None = None) -> Review:
            if plan.extractor == "hybrid":
                return await judge_letter(letter.text, extract_by_rules(letter), prompt, client, ledger)
            return await read_whole_letter(letter, read_sections(letter.text), prompt, client, ledger)

        yield ask


# --------------------------------------------------------------------------------------------------------- a batch

UNREACHED_IN_A_ROW = 5


@dataclass(frozen=True)
class Outcome:
    """What became of one input: a review (new, or kept from before), or the error."""

    source: str
    review: Review | None = None
    kept: bool = False
    error: ImrError | None = None


@dataclass
class Tally:
    """Counts of a batch, and what it cost."""

    extracted: int = 0
    kept: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    stopped: ExtractionError | None = None
    letter_ids: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        """Add one outcome."""
        if outcome.error is not None:
            self.failed += 1
            return
        assert outcome.review is not None  # an outcome is a review or an error
        self.letter_ids.append(outcome.review.letter.letter_id)
        if outcome.kept:
            self.kept += 1
            return
        usage = outcome.review.run.usage
        self.extracted += 1
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cost_usd += usage.cost_usd or 0.0
        self.unpriced += usage.cost_usd is None and outcome.review.run.attempts > 0

    def describe(self) -> dict[str, Any]:
        """The counts as plain values; the cost is null where a price is not known."""
        return {
            "extracted": self.extracted,
            "kept": self.kept,
            "failed": self.failed,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": None if self.unpriced else round(self.cost_usd, 6),
            "stopped": str(self.stopped) if self.stopped else None,
        }


async def extract_letters(
    inputs: Iterable[Letter | Unreadable],
    library: Library,
    extract: Extract,
    *,
    key: str,
    concurrency: int = 1,
    max_cost: float | None = None,
    force: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> Tally:
    """Run `extract` over the inputs, `concurrency` at once, keeping every review and failure as it comes.

    A letter that has a review under `key` is not extracted again unless `force`. Past `max_cost` (US dollars) no
    further letter is begun, nor after UNREACHED_IN_A_ROW letters that the endpoint failed. `report` is called once for each input that was dealt with, in order of completion.
    """
    tally = Tally()
    queue = iter(inputs)
    begun: set[str] = set()
    unreached: list[Outcome] = []

    async def work() -> None:
        for item in _take(queue):
            if isinstance(item, Letter) and item.letter_id in begun:
                library.add_source(item.letter_id, item.source, item.file)
                continue  # the same bytes again, in another place
            if isinstance(item, Letter):
                begun.add(item.letter_id)
            if max_cost is not None and tally.cost_usd >= max_cost:
                tally.stopped = BudgetExceeded(
                    f"--max-cost {max_cost:g}: spent {tally.cost_usd:.4f} USD; run again to go on"
                )
                return
            if tally.stopped:
                return
            await asyncio.sleep(0)  # the rules never wait: without this an interrupt would not be heard
            outcome = await _deal_with(item, library, extract, key, force)
            tally.count(outcome)
            report(outcome)
            unreached[:] = [*unreached, outcome] if isinstance(outcome.error, ModelUnreachable) else []
            if len(unreached) >= UNREACHED_IN_A_ROW:
                tally.stopped = ModelUnreachable(
                    f"the model's endpoint failed {len(unreached)} letters in a row; mend it, then run again to go on"
                )

    async with asyncio.TaskGroup() as group:
        for _ in range(max(1, concurrency)):
            group.create_task(work())
    return tally


def _take(queue: Iterator[Letter | Unreadable]) -> Iterator[Letter | Unreadable]:
    """The next inputs of a queue that several workers share."""
    yield from queue


async def _deal_with(item: Letter | Unreadable, library: Library, extract: Extract, key: str, force: bool) -> Outcome:
    if isinstance(item, Unreadable):
        return _keep_failure(item.source, item.error, library, key)
    if not force and library.has_review(item.letter_id, key):
        library.add_source(item.letter_id, item.source, item.file)
        return Outcome(item.source, review=library.get_review(item.letter_id), kept=True)
    try:
        review = await extract(item)
    except ExtractionError as error:
        return _keep_failure(item.source, error, library, key, item.letter_id)
    except Exception as error:  # noqa: BLE001  # a fault of ours on one letter must not end the batch
        fault = ExtractionFault(f"{item.source}: {_describe_fault(error)}; please report it")
        return _keep_failure(item.source, fault, library, key, item.letter_id)
    library.put_review(item, review)
    return Outcome(item.source, review=review)


def _keep_failure(source: str, error: ImrError, library: Library, key: str, letter_id: str | None = None) -> Outcome:
    library.record_failure(source, error.code, str(error), run_key=key, letter_id=letter_id)
    return Outcome(source, error=error)


def _describe_fault(error: Exception) -> str:
    """Kind and place of an unexpected error; its message could hold letter text and stays out."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {frames[-1].name} ({Path(frames[-1].filename).name}:{frames[-1].lineno})"


# ----------------------------------------------------------------------------------------------------- before a run

CHARACTERS_PER_TOKEN = 4.0  # of English prose, for an estimate only


@dataclass(frozen=True)
class Estimate:
    """What a run would do, without doing it; `cost_usd` is null where the model's price is not known."""

    letters: int
    done: int
    unreadable: int
    input_tokens: int
    cost_usd: float | None


def estimate_run(inputs: Iterable[Letter | Unreadable], library: Library | None, plan: Plan, base_url: str) -> Estimate:
    """Count what `extract_letters` would do. Tokens: the letter and the prompt once, at four characters a token."""
    from imr_llm.llm.pricing import price_tokens  # reads a long price list

    letters = done = unreadable = characters = 0
    for item in inputs:
        if isinstance(item, Unreadable):
            unreadable += 1
        elif library is not None and library.has_review(item.letter_id, plan.key):
            done += 1
        else:
            letters += 1
            characters += len(item.text) + (len(plan.prompt.system) if plan.prompt else 0)
    tokens = round(characters / CHARACTERS_PER_TOKEN) if plan.prompt else 0
    cost = (
        price_tokens(plan.model, base_url, input_tokens=tokens, cached_tokens=0, output_tokens=letters * 800)
        if plan.model
        else 0.0
    )
    return Estimate(letters, done, unreadable, tokens, cost)
