"""A small transformer that reads a whole question: which grounds it asks for and which it excludes, in whatever words.

The grammar knows the wordings that it was given; people have more ("they never showed the pills let him do anything
again"). The net is MiniLM (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0) trained on by evals/questions/train.py on
questions of many voices; data/question_net.onnx holds its weights in eight bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.transformer import END, START, Row, Tokenizer, Transformer, load_tokenizer, read_model

SCREENS = ("consistent", "inconsistent", "illicit_positive", "done_result_unknown", "not_mentioned", "stated_absent")
"""What a question may tell of the drug screen as a fact; "stated_absent" beside an approval."""
LONGEST = 72
"""Tokens of a question that are read."""


def output_names() -> tuple[str, ...]:
    """The net's outputs: "+code" a ground asked for, "-code" one excluded, "=state" of the screen, "partly" authorized,
    and the decision."""
    codes = tuple(load_taxonomy().codes)
    return (
        *(f"+{code}" for code in codes), *(f"-{code}" for code in codes), *(f"={state}" for state in SCREENS),
        "partly", "upheld", "overturned",
    )  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """How likely, 0 to 1, a question asks for a ground or excludes it; states of the screen; the decision."""

    asked: Mapping[str, float]
    excluded: Mapping[str, float]
    screens: Mapping[str, float]
    decisions: Mapping[str, float]
    partly: float

    def grounds(self, share: float, *, excluded: bool) -> dict[str, float]:
        """How likely each ground is spoken of, of those that are asked for, or of those that are excluded: where at least
        that `share` of what is heard says so."""
        return {
            code: asked + self.excluded[code]
            for code, asked in self.asked.items()
            if (self.excluded[code] >= share * (asked + self.excluded[code])) == excluded
        }


def encode_question(tokenizer: Tokenizer, text: str) -> Row:
    """A question as token ids."""
    ids = [START, *tokenizer.ids(text)[:LONGEST], END]
    return ids, [0] * len(ids)


class QuestionNet:
    """The transformer."""

    def __init__(self, transformer: Transformer) -> None:
        self._transformer, self._tokenizer, self._names = transformer, load_tokenizer(), output_names()

    def hear(self, text: str) -> Heard:
        """Read a question."""
        row = encode_question(self._tokenizer, text)
        scores = self._transformer.score([row], len(self._names))[0].tolist()
        by_name = dict(zip(self._names, scores, strict=True))

        def of(sign: str) -> dict[str, float]:
            return {name[1:]: score for name, score in by_name.items() if name[0] == sign}

        decisions = {name: by_name[name] for name in ("upheld", "overturned")}
        return Heard(of("+"), of("-"), of("="), decisions, by_name["partly"])


@cache
def load_question_net() -> QuestionNet:
    """The packaged net."""
    return QuestionNet(Transformer(read_model("question_net.onnx")))


@lru_cache(maxsize=256)
def hear(text: str) -> Heard:
    """What the packaged net hears in a question; kept until `forget`, since one question is heard in parts, again and again."""
    return load_question_net().hear(text)


def forget() -> None:
    """Keep nothing of what was asked."""
    hear.cache_clear()
