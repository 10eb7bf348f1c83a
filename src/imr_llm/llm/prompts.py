"""Prompt files: front matter, parts, few-shot examples; read strictly, rendered strictly, by this module alone.

A prompt file is Markdown. Its front matter (YAML) says which extractor it serves (or "search": the reading of a
question) and by which strategy it asks; each line "# name" opens a part:

    # system      what the model is and what it must do; static, so that providers' prefix caches hit
    # ask         the question, with {{placeholders}}; the letter's text comes last in it
    # requote     (extractors only) what is said when quotes were not found; {{failures}}
    # questions   (per_question only) YAML: code -> the yes/no question
    # candidates  (per_question only) YAML: which codes to ask about, by treatment
    # mentions    (per_question only) YAML: code -> beginnings of words, of which a quote for that code must hold one
    # example     YAML: the placeholders of `ask` and the `answer`; as many parts as there are examples

A placeholder that is unknown, missing or left over is a PromptError. Values go in verbatim and are never read as
templates. What comes from a letter is fenced by a mark that the letter does not contain: a letter is untrusted input.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from imr_llm.errors import PromptError
from imr_llm.letters.cleaning import clean_text
from imr_llm.llm.client import AnswerMode, Message

Strategy = Literal["whole", "per_determination", "per_question"]
Ask = Literal["reasons", "treatment", "summary", "uds", "contradictions"]
M = TypeVar("M", bound=BaseModel)

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")
_STRAY_BRACES = re.compile(r"\{\{|\}\}")
_PART = re.compile(r"^# +([a-z]+)[ \t]*$", re.MULTILINE)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)

STATIC_PLACEHOLDERS = frozenset({"reason_codes", "treatment_categories", "contradiction_topics"})
# By extractor and strategy: the placeholders of `ask`, and the keys of an example (beside its answer).
_ASK_PLACEHOLDERS: Mapping[tuple[str, Strategy], frozenset[str]] = {
    ("llm", "whole"): frozenset({"letter"}),
    ("hybrid", "whole"): frozenset({"items", "summary", "rationales"}),
    ("hybrid", "per_determination"): frozenset({"items", "summary", "rationales"}),
    ("hybrid", "per_question"): frozenset({"title", "rationale", "question"}),
    ("search", "whole"): frozenset({"question", "unread"}),
}
_EXAMPLE_KEYS: Mapping[tuple[str, Strategy], frozenset[str]] = {
    ("llm", "whole"): frozenset({"letter"}),
    ("hybrid", "whole"): frozenset({"summary", "items"}),
    ("hybrid", "per_determination"): frozenset({"summary", "items"}),
    ("hybrid", "per_question"): frozenset({"title", "rationale", "question"}),
    ("search", "whole"): frozenset({"question", "unread"}),
}


class FrontMatter(BaseModel):
    """What a prompt file says of itself.

    mode: a hint, the user's own setting wins. asks: what the answer is used for; the rules keep the rest.
    no_overrules: a code that the model was asked about and did not give takes the rules' reason away.
    findings_only: distrust reasons whose quote the rules read as a recited guideline or as history (small models).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    extractor: Literal["hybrid", "llm", "search"]
    strategy: Strategy
    mode: AnswerMode | None = None
    max_output_tokens: int = Field(default=4096, ge=16)
    asks: tuple[Ask, ...] = get_args(Ask)
    findings_only: bool = False
    no_overrules: bool = True


class Candidates(BaseModel):
    """One row of `candidates`: the codes to ask about where category (and subcategory) fit; the first that fits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str | None = None
    subcategory: tuple[str, ...] = ()
    codes: tuple[str, ...]


class CandidateRows(RootModel[tuple[Candidates, ...]]):
    """The part `candidates`."""


class Mentions(RootModel[dict[str, tuple[str, ...]]]):
    """The part `mentions`."""


class Questions(RootModel[dict[str, str]]):
    """The part `questions`."""


@dataclass(frozen=True)
class Prompt:
    """A prompt file, read. `label` is what a record names it by; `sha256` is of the file's bytes."""

    about: FrontMatter
    system: str
    ask: str
    requote: str
    examples: tuple[Mapping[str, Any], ...]
    questions: Mapping[str, str]
    candidates: tuple[Candidates, ...]
    mentions: Mapping[str, tuple[str, ...]]
    sha256: str

    @property
    def label(self) -> str:
        """Name and version, as a record names the prompt."""
        return f"{self.about.name}_v{self.about.version}"

    def choose_candidates(self, category: str | None, subcategory: str | None) -> tuple[str, ...]:
        """The codes to ask about for an item of this treatment."""
        for row in self.candidates:
            if row.category in (None, category) and (not row.subcategory or subcategory in row.subcategory):
                return row.codes
        return ()


def load_prompt(name_or_path: str | Path) -> Prompt:
    """Read a prompt: one that comes with the program ("hybrid_small_v1"), or a file of the user's own (*.md).

    Raises PromptError, which names the part that breaks the rules.
    """
    text = _read_text(name_or_path)
    front = _FRONT_MATTER.match(text)
    if not front:
        raise PromptError(f"{name_or_path}: no front matter; the file must begin with a block between two lines '---'")
    about = _check_model(FrontMatter, _read_yaml(front[1], name_or_path, "front matter"), name_or_path, "front matter")
    parts, examples = _split_parts(text[front.end() :], name_or_path)
    prompt = Prompt(
        about=about,
        system=parts.get("system", ""),
        ask=parts.get("ask", ""),
        requote=parts.get("requote", ""),
        examples=tuple(_read_yaml(example, name_or_path, "example") for example in examples),
        questions=_read_part(Questions, parts, "questions", name_or_path).root,
        candidates=_read_part(CandidateRows, parts, "candidates", name_or_path).root,
        mentions=_read_part(Mentions, parts, "mentions", name_or_path).root,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    _check_prompt(prompt, name_or_path)
    return prompt


def render_messages(prompt: Prompt, statics: Mapping[str, str], values: Mapping[str, str]) -> list[Message]:
    """The messages of one question: system, examples, and last the question about the letter.

    `statics` fill the system part and are the same for every letter; `values` fill `ask`. Values from a letter must
    have gone through `describe_items`, `describe_question` or `fence`.
    """
    system = fill(prompt.system, {name: statics[name] for name in placeholders(prompt.system)}, "system")
    messages = [Message(role="system", content=system)]
    for example in prompt.examples:
        messages.append(Message(role="user", content=fill(prompt.ask, describe_example(prompt, example), "example")))
        messages.append(Message(role="assistant", content=json.dumps(example["answer"], ensure_ascii=False)))
    messages.append(Message(role="user", content=fill(prompt.ask, values, "ask")))
    return messages


@dataclass(frozen=True)
class ItemText:
    """One disputed item as a prompt shows it; `number` as in the record."""

    number: int
    title: str
    decision: str
    rationale: str


def describe_items(summary: str, items: Sequence[ItemText]) -> dict[str, str]:
    """The values of a hybrid question about several items: what is asked about, and the texts, fenced."""
    return {
        "items": "\n".join(f"{item.number}. {quote_inline(item.title)} - decision: {item.decision}" for item in items),
        "summary": fence(summary),
        "rationales": "\n".join(f"Rationale of item {item.number}:\n{fence(item.rationale)}" for item in items),
    }


def describe_question(prompt: Prompt, item: ItemText, code: str) -> dict[str, str]:
    """The values of one yes/no question about one item."""
    return {
        "title": quote_inline(item.title),
        "rationale": fence(item.rationale),
        "question": prompt.questions[code],
    }


def describe_search(question: str, unread: Sequence[str]) -> dict[str, str]:
    """The values of a question to a search: its text, fenced, and the words in it that nobody read."""
    return {"question": fence(question), "unread": json.dumps(list(unread), ensure_ascii=False)}


def describe_example(prompt: Prompt, example: Mapping[str, Any]) -> dict[str, str]:
    """An example's values, made as those of a real letter are."""
    if prompt.about.extractor == "llm":
        return {"letter": fence(example["letter"])}
    if prompt.about.extractor == "search":
        return describe_search(example["question"], example["unread"])
    if prompt.about.strategy == "per_question":
        item = ItemText(1, example["title"], "", example["rationale"])
        return describe_question(prompt, item, example["question"])
    rows = example["items"]
    items = [ItemText(n, row["title"], row["decision"], row["rationale"]) for n, row in enumerate(rows, 1)]
    return describe_items(example["summary"], items)


def fill(template: str, values: Mapping[str, str], part: str) -> str:
    """Put the values in, in one pass: what a value holds is never looked at again."""
    wanted = placeholders(template)
    if wanted != set(values):
        missing, left_over = sorted(wanted - set(values)), sorted(set(values) - wanted)
        raise PromptError(f"prompt part '{part}': values missing for {missing}, values without a place {left_over}")
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def placeholders(template: str) -> set[str]:
    """The placeholder names of a template."""
    return set(_PLACEHOLDER.findall(template))


def fence(text: str) -> str:
    """The text between two lines that bear a mark it does not contain, so that it cannot pretend to end."""
    mark = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
    while mark in text:
        mark = hashlib.sha256(mark.encode()).hexdigest()[:8]
    return f"<<text {mark}>>\n{text.strip()}\n<<end of text {mark}>>"


def quote_inline(text: str) -> str:
    """A short piece of a letter on one line, in quote marks that it cannot close."""
    return json.dumps(clean_text(text), ensure_ascii=False)


def _read_text(name_or_path: str | Path) -> str:
    try:
        if isinstance(name_or_path, Path) or name_or_path.endswith(".md") or "/" in name_or_path:
            return Path(name_or_path).read_text(encoding="utf-8")
        return files("imr_llm.prompts").joinpath(f"{name_or_path}.md").read_text(encoding="utf-8")
    except (OSError, ModuleNotFoundError, UnicodeDecodeError) as error:
        raise PromptError(f"prompt '{name_or_path}': cannot be read; name a shipped prompt or a .md file") from error


def _split_parts(body: str, source: str | Path) -> tuple[dict[str, str], list[str]]:
    if body[: getattr(_PART.search(body), "start", lambda: 0)()].strip():
        raise PromptError(f"{source}: text before the first part; every text belongs under a line '# name'")
    headings = list(_PART.finditer(body))
    parts: dict[str, str] = {}
    examples: list[str] = []
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        content = body[heading.end() : following.start() if following else len(body)].strip()
        name = heading[1]
        if name == "example":
            examples.append(content)
        elif name in parts:
            raise PromptError(f"{source}: part '{name}' stands twice")
        elif name in ("system", "ask", "requote", "questions", "candidates", "mentions"):
            parts[name] = content
        else:
            raise PromptError(f"{source}: unknown part '{name}'")
    return parts, examples


def _check_prompt(prompt: Prompt, source: str | Path) -> None:
    """The rules that hold between the parts of one file."""
    needed = {"system": prompt.system, "ask": prompt.ask}
    if prompt.about.extractor != "search":
        needed["requote"] = prompt.requote
    for name, text in needed.items():
        if not text:
            raise PromptError(f"{source}: part '{name}' is missing")
    allowed = _ASK_PLACEHOLDERS.get((prompt.about.extractor, prompt.about.strategy))
    if allowed is None:
        raise PromptError(f"{source}: extractor {prompt.about.extractor} has no strategy {prompt.about.strategy}")
    _check_placeholders(prompt.system, STATIC_PLACEHOLDERS, frozenset(), f"{source}: system")
    _check_placeholders(prompt.ask, allowed, allowed, f"{source}: ask")
    if "requote" in needed:
        _check_placeholders(prompt.requote, frozenset({"failures"}), frozenset({"failures"}), f"{source}: requote")
    for example in prompt.examples:
        keys = _EXAMPLE_KEYS[prompt.about.extractor, prompt.about.strategy] | {"answer"}
        if set(example) != keys:
            raise PromptError(f"{source}: example: its keys must be {sorted(keys)}")
    if prompt.about.strategy == "per_question":
        asked = {code for row in prompt.candidates for code in row.codes}
        if not asked:
            raise PromptError(f"{source}: per_question needs the parts 'questions' and 'candidates'")
        asked |= {str(example["question"]) for example in prompt.examples} | set(prompt.mentions)
        if unknown := sorted(asked - set(prompt.questions)):
            raise PromptError(f"{source}: no question is written for {unknown}")


def _check_placeholders(template: str, allowed: frozenset[str], required: frozenset[str], where: str) -> None:
    found = placeholders(template)
    if _STRAY_BRACES.search(_PLACEHOLDER.sub("", template)):
        raise PromptError(f"{where}: braces that are no placeholder; write {{{{name}}}} in lower case")
    if found - allowed:
        raise PromptError(f"{where}: unknown placeholders {sorted(found - allowed)}; known are {sorted(allowed)}")
    if required - found:
        raise PromptError(f"{where}: placeholders missing: {sorted(required - found)}")


def _read_yaml(text: str, source: str | Path, part: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PromptError(f"{source}: part '{part}' is not valid YAML") from error


def _read_part(model: type[M], parts: Mapping[str, str], part: str, source: str | Path) -> M:
    """An optional YAML part; an empty one where the file has none."""
    empty = "[]" if model is CandidateRows else "{}"
    return _check_model(model, _read_yaml(parts.get(part, empty), source, part), source, part)


def _check_model(model: type[M], value: object, source: str | Path, part: str) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
        raise PromptError(f"{source}: part '{part}': wrong or missing {fields}") from error
