"""Ask, find every quote of the answer in its own section, ask once more for those that are not there.

A claim is one quote of an answer with the section it must stand in. A claim that holds has a place in the letter; one
that fails twice is dropped by whoever asked, with a warning. Nothing here writes a letter's or a model's words into a
warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from pydantic import BaseModel

from imr_llm.errors import ModelRefused
from imr_llm.letters.cleaning import clean, clean_text
from imr_llm.letters.sentences import Role, split_clauses
from imr_llm.llm.answers import Requotes
from imr_llm.llm.client import Message, ModelClient
from imr_llm.llm.grounding import Located, is_cut_from_negation, locate_quote
from imr_llm.llm.ledger import Ledger
from imr_llm.llm.prompts import Prompt, fill
from imr_llm.record import Evidence, Span, Warning_
from imr_llm.rules.absence import ABSENCE_CODES

T = TypeVar("T", bound=BaseModel)
MOST_REQUOTES = 20

_ABSENCE = re.compile(
    r"\b(?:no|not|nor|none|neither|never|without|cannot|lack\w*|absen\w+|missing|fail\w*|insufficient\w*|inadequate\w*|"
    r"incomplete\w*|unclear|un\w{5,}|omit\w*|little|minimal\w*|limited|unless|any|rather than|instead|negative|normal|"
    r"vague\w*|yet to|remains? to|need(?:s|ed)? to|required? (?:to be|prior)|prior to|before|only)\b|n['\u2019]t\b",
    re.IGNORECASE,
)

_GROUND = re.compile(
    r"\b(?:because|since|as|given|due|without|lack\w*|absen\w+|document\w*|evidence|criteria|fail\w*|no|guidelines?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Claim:
    """A quote that must stand in text[start:end]. `where` is its path in the record, `what` names it to the model.

    `code`: the reason code it is to carry; `mentions`: beginnings of words of which the quote must hold one.
    """

    where: str
    what: str
    quote: str
    start: int
    end: int
    code: str | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grounding:
    """Which claims hold, by their path, and which do not, with why."""

    located: Mapping[str, Located]
    failed: Mapping[str, str]

    def evidence(self, text: str, where: str) -> Evidence | None:
        """The letter's own words for the claim at `where`; None where it failed."""
        found = self.located.get(where)
        if found is None:
            return None
        return Evidence(quote=text[found.start : found.end], start=found.start, end=found.end, match=found.match)

    def span(self, text: str, where: str) -> Span | None:
        """As `evidence`, without the match."""
        found = self.located.get(where)
        return Span(quote=text[found.start : found.end], start=found.start, end=found.end) if found else None

    def improve(self, second: Grounding) -> Grounding:
        """This grounding with what a second try found; what failed twice keeps its first reason."""
        failed = {where: why for where, why in self.failed.items() if where not in second.located}
        return Grounding({**self.located, **second.located}, failed)

    def warnings(self) -> list[Warning_]:
        """One warning for each claim that failed."""
        return [
            Warning_(code="ungrounded_quote", message=f"dropped: {why}", where=at) for at, why in self.failed.items()
        ]


async def ask_grounded(
    client: ModelClient,
    prompt: Prompt,
    messages: Sequence[Message],
    response_model: type[T],
    read_claims: Callable[[T], Sequence[Claim]],
    text: str,
    ledger: Ledger,
) -> tuple[T, Grounding]:
    """Ask, locate every claim of the answer, and re-ask once, in one message, for the quotes that were not found."""
    limit = prompt.about.max_output_tokens
    value = await client.ask(messages, response_model, ledger, mode=prompt.about.mode, max_output_tokens=limit)
    claims = read_claims(value)
    grounding = ground_claims(text, claims, findings_only=prompt.about.findings_only)
    again = [claim for claim in claims if claim.where in grounding.failed][:MOST_REQUOTES]
    if not again:
        return value, grounding
    failures = "\n".join(
        f"{number}. {claim.what}: {grounding.failed[claim.where]}" for number, claim in enumerate(again, 1)
    )
    conversation = [
        *messages,
        Message(role="assistant", content=value.model_dump_json(exclude_defaults=True)),
        Message(role="user", content=fill(prompt.requote, {"failures": failures}, "requote")),
    ]
    try:
        retry = await client.ask(conversation, Requotes, ledger, mode=prompt.about.mode, max_output_tokens=limit)
    except ModelRefused:
        # The answer as it came is worth keeping; its failed quotes are dropped and warned of as they are.
        return value, grounding
    quotes = {row.number: row.quote for row in retry.quotes}
    second = [replace(claim, quote=quotes.get(number, "")) for number, claim in enumerate(again, 1)]
    return value, grounding.improve(ground_claims(text, second, findings_only=prompt.about.findings_only))


def ground_claims(text: str, claims: Sequence[Claim], *, findings_only: bool = False) -> Grounding:
    """Look for every claim in its own section. `findings_only`: a reason must not rest on a recital or on history."""
    located: dict[str, Located] = {}
    failed: dict[str, str] = {}
    for claim in claims:
        found = check_claim(text, claim, findings_only=findings_only)
        if isinstance(found, Located):
            located[claim.where] = found
        else:
            failed[claim.where] = found
    return Grounding(located, failed)


def check_claim(text: str, claim: Claim, *, findings_only: bool = False) -> Located | str:
    """Where the claim's quote stands, or why it does not hold, in words for the model and for a warning."""
    if not claim.quote.strip():
        return "there is no quote"
    found = locate_quote(text, claim.quote, claim.start, claim.end)
    if found is None:
        return "the quote does not stand in its section word for word"
    if is_cut_from_negation(text, found, claim.start):
        return "the quote leaves out the 'no' or 'not' before it"
    if claim.code in ABSENCE_CODES and not _ABSENCE.search(text[found.start : found.end]):
        return "the quote does not itself say that anything is missing"
    if claim.mentions and not _mentions(text[found.start : found.end], claim.mentions):
        return "the quote does not speak of what the question is about"
    if claim.code and findings_only and not _holds_finding(text, claim, found):
        return (
            "the quote recites a guideline, tells history or gives the bare verdict; it is no finding on this patient"
        )
    return found


def _mentions(quote: str, beginnings: Sequence[str]) -> bool:
    words = clean_text(quote).casefold()
    return any(re.search(rf"\b{re.escape(beginning.casefold())}", words) for beginning in beginnings)


def _holds_finding(text: str, claim: Claim, found: Located) -> bool:
    """Whether the quote touches a clause of its section that finds something, or concludes and says why."""
    section = clean(text, claim.start, claim.end)
    first, last = section.cleaned_span(found.start, found.end)
    touched = [row for row in split_clauses(section.text) if row.start < last and row.end > first]
    return not touched or says_why({row.role for row in touched}, section.text[first:last])


def says_why(roles: Collection[Role], sentence: str) -> bool:
    """Whether a sentence of these roles can carry a reason: a finding, or a conclusion that is not a bare verdict.

    "The request is not medically necessary" is one; "... as no screen is documented" is not.
    """
    return "finding" in roles or ("conclusion" in roles and _GROUND.search(sentence) is not None)
