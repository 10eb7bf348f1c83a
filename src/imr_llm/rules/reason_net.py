"""A small transformer that reads a sentence of a rationale in its place: how likely it states each reason code.

It stands beside the linear model of reason_model.py, which sees a sentence alone and counts its words; the transformer
sees what stands before it too ("Utilization review wrote that. I do not agree.") and knows wordings by their meaning.
It is MiniLM (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0) trained on by evals/reasons/train_net.py, which says
on what; data/reason_net.onnx holds its weights in eight bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imr_llm.rules.reason_model import Statement
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.transformer import END, START, Row, Tokenizer, Transformer, load_tokenizer, read_model

LONGEST_SENTENCE, LONGEST_CONTEXT = 72, 32
"""Tokens of a sentence, and of what stands before it, from the end of that."""
LONGEST_TEXT = 2_000
"""Characters of a sentence that are looked at for its tokens."""


def encode_statement(tokenizer: Tokenizer, statement: Statement, category: str | None, subcategory: str | None) -> Row:
    """A statement about a treatment: the sentence, then its treatment and what stands before it."""
    about = f"{category} {subcategory or ''}".replace("_", " ") if category else ""
    first = [START, *tokenizer.ids(statement.text[:LONGEST_TEXT])[:LONGEST_SENTENCE], END]
    second = [*tokenizer.ids(about), END]
    if before := tokenizer.ids(statement.before)[-LONGEST_CONTEXT:]:
        second += [*before, END]
    return first + second, [0] * len(first) + [1] * len(second)


class ReasonNet:
    """The transformer; `codes` in the order of the taxonomy."""

    def __init__(self, transformer: Transformer, tokenizer: Tokenizer) -> None:
        self._transformer, self._tokenizer = transformer, tokenizer
        self.codes = tuple(load_taxonomy().codes)

    def score_all(
        self, statements: Sequence[Statement], category: str | None, subcategory: str | None
    ) -> NDArray[np.float32]:
        """The probability, 0 to 1, that each statement (a row) about a treatment states each code (a column)."""
        rows = [encode_statement(self._tokenizer, statement, category, subcategory) for statement in statements]
        return self._transformer.score(rows, len(self.codes))


@cache
def load_reason_net() -> ReasonNet:
    """The packaged net."""
    return ReasonNet(Transformer(read_model("reason_net.onnx")), load_tokenizer())
