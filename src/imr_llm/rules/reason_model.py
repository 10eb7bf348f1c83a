"""A linear model of single sentences: how likely a sentence of a rationale states each reason code.

It stands beside the patterns of findings.py and the transformer of reason_net.py: patterns know what they know for
certain, the models recognise wordings nobody wrote a pattern for. A sentence is a bag of words (one to three in a row), of letters (three to five in a row
within a word) and of the treatment it is about, beside its vector by the packaged sentence encoder; each code has one
weight a feature (logistic regression). Trained by evals/reasons/train.py, which says on what; the weights are
data/reason_model.npz.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from imr_llm.embeddings import BuiltinEmbedder

BLOCKS = ("words", "letters", "treatment")
BLOCK_WEIGHTS: Mapping[str, float] = {"words": 1.5, "letters": 1.0, "treatment": 0.75}

_PERSON = re.compile(r"\b(?:injured worker|claimant|applicant|employee|worker|iw|pt)\b")
_WORD = re.compile(r"[a-z0']+")


def read_features(text: str, category: str | None, subcategory: str | None) -> dict[str, Counter[str]]:
    """Feature counts of a cleaned sentence, block by block. Numbers and words for the patient are made alike."""
    folded = _PERSON.sub("patient", re.sub(r"\d+", "0", text.lower()))
    words = _WORD.findall(folded)
    return {
        "words": Counter(_rows_of_words(words, 3)),
        "letters": Counter(_rows_of_letters(words, 3, 5)),
        "treatment": Counter([f"category={category}", f"subcategory={subcategory}"]),
    }


def _rows_of_words(words: Sequence[str], longest: int) -> Iterator[str]:
    for length in range(1, longest + 1):
        for start in range(len(words) - length + 1):
            yield " ".join(words[start : start + length])


def _rows_of_letters(words: Iterable[str], shortest: int, longest: int) -> Iterator[str]:
    for word in words:
        padded = f" {word} "
        for length in range(shortest, min(longest, len(padded)) + 1):
            for start in range(len(padded) - length + 1):
                yield padded[start : start + length]


CONTEXT = 160
"""Characters before a sentence that may be read with it."""


@dataclass(frozen=True)
class Statement:
    """A cleaned sentence or clause, and the last words that stand `before` it in its rationale (may be empty)."""

    text: str
    before: str = ""


def cut_statement(rationale: str, start: int, end: int) -> Statement:
    """rationale[start:end], with the last words before it."""
    before = rationale[:start].rstrip()
    if len(before) > CONTEXT:
        before = before[-CONTEXT:].partition(" ")[2]
    return Statement(rationale[start:end], before)


@dataclass(frozen=True)
class ReasonModel:
    """Weights of a trained model: `places` and `rarity` by block and feature, `weights` (features, codes).

    `vector_weights` (dimensions, codes) are those of a sentence's vector.
    """

    codes: tuple[str, ...]
    places: Mapping[str, Mapping[str, int]]
    rarity: NDArray[np.float32]
    weights: NDArray[np.float16]
    vector_weights: NDArray[np.float16]
    bias: NDArray[np.float32]

    def score(self, text: str, category: str | None = None, subcategory: str | None = None) -> dict[str, float]:
        """As `score_all`, for one sentence, by code."""
        return dict(zip(self.codes, self.score_all([Statement(text)], category, subcategory)[0].tolist(), strict=True))

    def score_all(
        self, statements: Sequence[Statement], category: str | None, subcategory: str | None
    ) -> NDArray[np.float32]:
        """The probability, 0 to 1, that each statement (a row) about a treatment states each code (a column).

        What stands before a statement is not looked at.
        """
        if not statements:
            return np.zeros((0, len(self.codes)), dtype=np.float32)
        texts = [statement.text for statement in statements]
        margins = embed_sentences(texts) @ self.vector_weights.astype(np.float32) + self.bias
        for row, text in enumerate(texts):
            places, values = vectorise(read_features(text, category, subcategory), self.places, self.rarity)
            margins[row] += values @ self.weights[places].astype(np.float32)
        scores: NDArray[np.float32] = 1.0 / (1.0 + np.exp(-margins))
        return scores


def embed_sentences(texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of sentences, a row each."""
    return BuiltinEmbedder().embed(texts)


def vectorise(
    features: Mapping[str, Counter[str]], places: Mapping[str, Mapping[str, int]], rarity: NDArray[np.float32]
) -> tuple[list[int], NDArray[np.float32]]:
    """(columns, values) of a sentence: damped counts times rarity, each block of length 1 times its weight."""
    columns: list[int] = []
    values: list[float] = []
    for block in BLOCKS:
        known = places[block]
        found = [(known[name], count) for name, count in features[block].items() if name in known]
        row = [(1.0 + math.log(count)) * float(rarity[place]) for place, count in found]
        length = math.sqrt(sum(value * value for value in row)) or 1.0
        columns += [place for place, _ in found]
        values += [BLOCK_WEIGHTS[block] * value / length for value in row]
    return columns, np.asarray(values, dtype=np.float32)


@cache
def load_reason_model() -> ReasonModel:
    """The packaged model."""
    with (
        resources.as_file(resources.files("imr_llm.data") / "reason_model.npz") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        names = {block: str(data[f"{block}_names"]).split("\n") for block in BLOCKS}
        rarity, weights, vector_weights, bias = (data[name] for name in ("rarity", "weights", "vector_weights", "bias"))
        codes = tuple(str(data["codes"]).split("\n"))
    places: dict[str, dict[str, int]] = {}
    at = 0
    for block in BLOCKS:
        places[block] = {name: at + offset for offset, name in enumerate(names[block])}
        at += len(names[block])
    return ReasonModel(codes, places, rarity, weights, vector_weights, bias)
