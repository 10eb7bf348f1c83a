"""A small transformer that reads a sentence of a rationale in its place: how likely it states each reason code.

It stands beside the linear model of reason_model.py, which sees a sentence alone and counts its words; the transformer
sees what stands before it too ("Utilization review wrote that. I do not agree.") and knows wordings by their meaning.
It is MiniLM (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0) trained on by evals/reasons/train_net.py, which says
on what; data/reason_net.onnx holds its weights in eight bits, data/reason_net_tokenizer.json its words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imr_llm.rules.reason_model import Statement
from imr_llm.terms.taxonomy import load_taxonomy

LONGEST_SENTENCE, LONGEST_CONTEXT = 72, 32
"""Tokens of a sentence, and of what stands before it, from the end of that."""
LONGEST_TEXT = 2_000
"""Characters of a sentence that are looked at for its tokens."""
BATCH = 32
_START, _END = 101, 102


Row = tuple[list[int], list[int]]
"""Token ids and their types: the sentence (0); its treatment and what stands before it (1)."""


class Encoder:
    """Statements as token ids."""

    def __init__(self, tokenizer: str) -> None:
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def encode(self, statement: Statement, category: str | None, subcategory: str | None) -> Row:
        """A statement about a treatment."""
        about = f"{category} {subcategory or ''}".replace("_", " ") if category else ""
        first = [_START, *self._ids(statement.text[:LONGEST_TEXT])[:LONGEST_SENTENCE], _END]
        second = [*self._ids(about), _END]
        if before := self._ids(statement.before)[-LONGEST_CONTEXT:]:
            second += [*before, _END]
        return first + second, [0] * len(first) + [1] * len(second)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


def pad(rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
    """The net's inputs, each (rows, tokens of the longest): "ids", "mask" and "types"."""
    longest = max(len(ids) for ids, _ in rows)
    inputs = {name: np.zeros((len(rows), longest), dtype=np.int64) for name in ("ids", "mask", "types")}
    for row, (ids, types) in enumerate(rows):
        inputs["ids"][row, : len(ids)] = ids
        inputs["mask"][row, : len(ids)] = 1
        inputs["types"][row, : len(types)] = types
    return inputs


class ReasonNet:
    """The transformer in onnxruntime; `codes` in the order of the taxonomy."""

    def __init__(self, model: bytes, encoder: Encoder) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Between two statements' batches the cores belong to whoever else works.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._encoder = encoder
        self.codes = tuple(load_taxonomy().codes)

    def score_all(
        self, statements: Sequence[Statement], category: str | None, subcategory: str | None
    ) -> NDArray[np.float32]:
        """The probability, 0 to 1, that each statement (a row) about a treatment states each code (a column)."""
        rows = [self._encoder.encode(statement, category, subcategory) for statement in statements]
        scores = np.zeros((len(rows), len(self.codes)), dtype=np.float32)
        # Those of like length together: little is padded.
        order = sorted(range(len(rows)), key=lambda row: len(rows[row][0]))
        for at in range(0, len(order), BATCH):
            some = order[at : at + BATCH]
            scores[some] = self._session.run(["scores"], pad([rows[row] for row in some]))[0]
        return scores


@cache
def load_reason_net() -> ReasonNet:
    """The packaged net."""
    data = resources.files("imr_llm.data")
    tokenizer = (data / "reason_net_tokenizer.json").read_text(encoding="utf-8")
    return ReasonNet((data / "reason_net.onnx").read_bytes(), Encoder(tokenizer))
