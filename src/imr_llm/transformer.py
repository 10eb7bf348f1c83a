"""Small transformers in onnxruntime, and the word pieces they read.

Both nets of this program are MiniLM (sentence-transformers/all-MiniLM-L6-v2, Apache-2.0) trained on: rules/reason_net.py
reads the sentences of rationales, search/question_net.py reads questions. data/tokenizer.json holds the words of both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

START, END = 101, 102
"""The ids that begin a text and end each part of it."""
BATCH = 32

Row = tuple[list[int], list[int]]
"""Token ids and their types: 0 in the text that is read, 1 in what is told beside it."""


class Tokenizer:
    """Word pieces as ids, from the text of a tokenizer file."""

    def __init__(self, file: str) -> None:
        from tokenizers import Tokenizer as Pieces

        self._pieces = Pieces.from_str(file)
        self._pieces.no_truncation()
        self._pieces.no_padding()

    def ids(self, text: str) -> list[int]:
        """The ids of a text, without those that begin and end it."""
        found: list[int] = self._pieces.encode(text, add_special_tokens=False).ids
        return found


def pad(rows: Sequence[Row]) -> dict[str, NDArray[np.int64]]:
    """A net's inputs, each (rows, tokens of the longest): "ids", "mask" and "types"."""
    longest = max(len(ids) for ids, _ in rows)
    inputs = {name: np.zeros((len(rows), longest), dtype=np.int64) for name in ("ids", "mask", "types")}
    for row, (ids, types) in enumerate(rows):
        inputs["ids"][row, : len(ids)] = ids
        inputs["mask"][row, : len(ids)] = 1
        inputs["types"][row, : len(types)] = types
    return inputs


class Transformer:
    """A net with one probability for each of its outputs."""

    def __init__(self, model: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Between two batches the cores belong to whoever else works.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def score(self, rows: Sequence[Row], outputs: int) -> NDArray[np.float32]:
        """The probabilities, 0 to 1: a row for each of `rows`, a column for each output."""
        scores = np.zeros((len(rows), outputs), dtype=np.float32)
        # Those of like length together: little is padded.
        order = sorted(range(len(rows)), key=lambda row: len(rows[row][0]))
        for at in range(0, len(order), BATCH):
            some = order[at : at + BATCH]
            scores[some] = self._session.run(["scores"], pad([rows[row] for row in some]))[0]
        return scores


def read_model(name: str) -> bytes:
    """A packaged net."""
    return (resources.files("imr_llm.data") / name).read_bytes()


@cache
def load_tokenizer() -> Tokenizer:
    """The packaged word pieces."""
    return Tokenizer(_tokenizer_file())


@cache
def english_words() -> frozenset[str]:
    """The words, in small letters, that the tokenizer knows whole: thirty thousand that are common in English."""
    return frozenset(word for word in json.loads(_tokenizer_file())["model"]["vocab"] if word.isalpha())


def _tokenizer_file() -> str:
    return (resources.files("imr_llm.data") / "tokenizer.json").read_text(encoding="utf-8")
