"""Misspelt words of a question: the known word that one was probably meant to be. What is corrected is told.

The known words are those of the vocabularies (drugs, treatments, regions), and of the wordings that the taxonomy gives
for its reasons. A word is corrected only where no reader understood it, and only if one known word lies nearest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files

from rapidfuzz.distance import OSA

from imr_llm.data import parse_yaml
from imr_llm.search.wording import load_wording
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import vocabulary_phrases
from imr_llm.transformer import english_words

SHORTEST = 6
"""Letters that a word needs to be compared; from LONG letters on it may be two slips away."""
LONG = 8
LONG_WORDING = 9
"""Letters of a word of the taxonomy that a question's word may be taken for: shorter ones are near too much."""
_WORD = re.compile(r"[a-z]+")
_DECIDED = frozenset({
    "denied", "denial", "denials", "upheld", "refused", "rejected", "overturned", "overturn", "approved", "approval",
    "approvals", "granted", "reversed", "certified", "authorized", "modified", "partially",
})  # fmt: skip
# English words that stand for others in these questions; any other English word is spelt right.
_ENGLISH_SLIPS = {"lumber": "lumbar", "message": "massage", "messages": "massage", "perineal": "peroneal"}


def correct_spelling(word: str) -> str | None:
    """The known word nearest to one that is not known: "percoset" is percocet, "acupunture" is acupuncture.

    None for a known word, for a short one, and where no word is near enough or two are equally near.
    """
    plain = word.lower()
    if plain in _ENGLISH_SLIPS:
        return _ENGLISH_SLIPS[plain]
    if len(plain) < SHORTEST or not plain.isalpha() or plain in _plain_words() or plain in english_words():
        return None
    for names in (_names(), _wordings()):
        found = _nearest(plain, names)
        if found:
            return found
    return None


def _nearest(word: str, known: frozenset[str]) -> str | None:
    allowed = 2 if len(word) >= LONG else 1
    near = sorted(
        (distance, name)
        for name in known
        if name[0] == word[0] and abs(len(name) - len(word)) <= allowed
        if (distance := OSA.distance(word, name, score_cutoff=allowed)) <= allowed
    )
    if not near or (len(near) > 1 and near[0][0] == near[1][0] and not _are_forms(near[0][1], near[1][1])):
        return None
    return near[0][1]


def _are_forms(one: str, other: str) -> bool:
    """Singular and plural are one word."""
    return one.rstrip("s") == other.rstrip("s")


@cache
def _names() -> frozenset[str]:
    """The words of drugs, treatments and regions, and those that decisions are told by."""
    return _words(vocabulary_phrases()) | _DECIDED


@cache
def _wordings() -> frozenset[str]:
    """The longer words of the taxonomy's labels and wordings."""
    phrases = [text for code in load_taxonomy().codes.values() for text in (code.label, *code.positive)]
    return frozenset(word for word in _words(phrases) if len(word) >= LONG_WORDING)


@cache
def _plain_words() -> frozenset[str]:
    """Words that are spelt right: all of the above, and every word that the questions' own wording holds."""
    source = files("imr_llm").joinpath("data", "query_terms.yaml").read_text(encoding="utf-8")
    texts = [text for code in load_taxonomy().codes.values() for text in (code.definition, *code.hard_negatives)]
    plain = frozenset(_WORD.findall(" ".join([*_strings(parse_yaml(source)), *texts]).lower()))
    return plain | _names() | _wordings() | load_wording().stop_words


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _words(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in _WORD.findall(phrase.lower()) if len(word) >= SHORTEST)
