"""Find a quote in its own section of the letter, or say that it is not there.

A model copies a sentence with other white space, straight quotes, a final stop of its own, now and then a healed
typing error. A person who opens the letter must find the quote: so it is looked for on cleaned text, in three steps.

1. exact: the quote's characters, white space, hyphenation and quote marks folded.
2. words: the same words in the same order; case, punctuation and spacing aside ("norco 10/325 mg").
3. fuzzy: the window that rapidfuzz likes best, if it scores at the threshold and every difference is harmless.

No step passes over a difference of number, negation, side or prefix: "10/325" is not "10/352", "no relief" is not
"relief", "consistent" is not "inconsistent", "adduction" is not "abduction".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Levenshtein

from imr_llm.letters.cleaning import Cleaned, clean, clean_text

Match = Literal["exact", "fuzzy"]

FUZZY_THRESHOLD = 90.0
"""Least rapidfuzz score (0 to 100) of a fuzzy match: about one slip in ten characters."""

# A number is one token with its marks: "10/325", "78-79", "2.5", "10-13-16", "1,500". A word keeps its apostrophe.
_TOKEN = re.compile(r"\d+(?:[.,/:-]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*")
_EDGES = " \t\r\n\"'.,;:…*-"

_FUZZY_MIN_TOKENS = 4
_WINDOW_SLACK = 3

# Words that may come or go without a change of meaning.
_LIGHT = (
    "a an the of to in on at by for from with this that these those his her their its it he she they is are was were "
    "be been being has have had and as also then"
)
# Words whose coming or going turns a sentence round, or ties it to a condition, a side, a doubt.
_HEAVY = (
    "no not nor none never neither without cannot lack lacks lacking lacked absent absence denies denied deny fails "
    "failed failure unless except if until although though despite but only may might could should would must left "
    "right bilateral positive negative normal abnormal increased decreased more less before after prior former "
    "alleged allegedly possible possibly apparently rarely hardly minimal"
)
_TURNING = "no not nor never without cannot denies denied lacks lacked neither"
_LIGHT_WORDS, _HEAVY_WORDS, _TURNING_WORDS = (frozenset(row.split()) for row in (_LIGHT, _HEAVY, _TURNING))
# Pairs of beginnings that make two words opposites though they look alike.
_OPPOSITES = (
    ("hyper", "hypo"), ("ab", "ad"), ("inter", "intra"), ("pre", "post"), ("super", "sub"), ("de", "in"), ("ex", "in"),
)  # fmt: skip
_NEGATING_PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "mis", "a", "anti")


@dataclass(frozen=True)
class Located:
    """Where a quote stands: kept[start:end], found exactly or nearly, with a score of 0 to 100."""

    start: int
    end: int
    match: Match
    score: float


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int


def locate_quote(kept: str, quote: str, start: int, end: int, *, threshold: float = FUZZY_THRESHOLD) -> Located | None:
    """Find `quote` inside kept[start:end], the section it must come from; None where it does not stand there.

    The answer's offsets count in `kept`, never leave the section and never cut a word or a number in two. A quote
    that occurs twice in the section is found at its first place.
    """
    section = clean(kept, start, end)
    wanted = clean_text(quote).strip(_EDGES)
    if not wanted or not _TOKEN.search(wanted):
        return None
    tokens = _tokens(section.text)
    return (
        _locate_characters(section, tokens, wanted)
        or _locate_words(section, tokens, wanted)
        or _locate_nearly(section, tokens, wanted, threshold)
    )


def is_cut_from_negation(kept: str, located: Located, start: int) -> bool:
    """Whether the word just before the quote turns it round: "relief was seen" out of "no relief was seen".

    `start` is where the quote's section starts.
    """
    before = _tokens(clean(kept, max(start, located.start - 40), located.start).text)
    return bool(before) and (before[-1].text in _TURNING_WORDS or before[-1].text.endswith("n't"))


def _tokens(text: str) -> list[_Token]:
    return [_Token(found.group().casefold(), *found.span()) for found in _TOKEN.finditer(text)]


def _locate_characters(section: Cleaned, tokens: list[_Token], wanted: str) -> Located | None:
    inside = {at for token in tokens for at in range(token.start + 1, token.end)}
    at = section.text.find(wanted)
    while at >= 0:
        stop = at + len(wanted)
        if at not in inside and stop not in inside:
            return _located(section, at, stop, "exact", 100.0)
        at = section.text.find(wanted, at + 1)
    return None


def _locate_words(section: Cleaned, tokens: list[_Token], wanted: str) -> Located | None:
    words = [token.text for token in _tokens(wanted)]
    texts = [token.text for token in tokens]
    for at in range(len(texts) - len(words) + 1):
        if texts[at] == words[0] and texts[at : at + len(words)] == words:
            return _located(section, tokens[at].start, tokens[at + len(words) - 1].end, "fuzzy", 99.0)
    return None


def _locate_nearly(section: Cleaned, tokens: list[_Token], wanted: str, threshold: float) -> Located | None:
    words = [token.text for token in _tokens(wanted)]
    if len(words) < _FUZZY_MIN_TOKENS or len(wanted) > len(section.text) + len(wanted) // 10:
        return None
    window = fuzz.partial_ratio_alignment(
        wanted.casefold(), _same_length_casefold(section.text), score_cutoff=threshold
    )
    if window is None:
        return None
    near = [at for at, token in enumerate(tokens) if token.end > window.dest_start and token.start < window.dest_end]
    if not near:
        return None
    first, last = max(0, near[0] - _WINDOW_SLACK), min(len(tokens), near[-1] + 1 + _WINDOW_SLACK)
    harmless = _align_harmlessly(words, [token.text for token in tokens[first:last]])
    if harmless is None:
        return None
    begin, stop = tokens[first + harmless[0]].start, tokens[first + harmless[1] - 1].end
    score = fuzz.ratio(wanted.casefold(), section.text[begin:stop].casefold())
    return _located(section, begin, stop, "fuzzy", round(min(score, 99.0), 1)) if score >= threshold else None


def _align_harmlessly(words: list[str], window: list[str]) -> tuple[int, int] | None:
    """The part of the window that says what the words say; None where a difference between them could matter."""
    healed = [next((word for word in words if _is_slip(word, token)), token) for token in window]
    edits = [edit for edit in Levenshtein.opcodes(words, healed) if edit.tag != "equal"]
    begin, stop = 0, len(window)
    if edits and edits[0].tag == "insert" and edits[0].dest_start == 0:
        begin = edits.pop(0).dest_end
    if edits and edits[-1].tag == "insert" and edits[-1].dest_end == len(window):
        stop = edits.pop().dest_start
    allowed = max(1, len(words) // 10)
    for edit in edits:
        changed = [*words[edit.src_start : edit.src_end], *healed[edit.dest_start : edit.dest_end]]
        if all(word in _LIGHT_WORDS for word in changed):
            continue
        allowed -= len(changed)
        if edit.tag == "replace" or allowed < 0 or any(_is_heavy(word) for word in changed):
            return None
    return (begin, stop) if begin < stop else None


def _is_heavy(word: str) -> bool:
    return word in _HEAVY_WORDS or word[0].isdigit() or word.endswith("n't")


def _is_slip(ours: str, theirs: str) -> bool:
    """Whether two words are one word, one of them mistyped: "documention" and "documentation"."""
    shorter = min(len(ours), len(theirs))
    if shorter < 4 or ours == theirs or _is_heavy(ours) or _is_heavy(theirs):
        return False
    slips = 1 if shorter < 8 else 2
    return OSA.distance(ours, theirs, score_cutoff=slips) <= slips and not _are_opposites(ours, theirs)


def _are_opposites(ours: str, theirs: str) -> bool:
    for one, other in ((ours, theirs), (theirs, ours)):
        if any(one.startswith(a) and other.startswith(b) for a, b in _OPPOSITES):
            return True
        if any(one == prefix + other for prefix in _NEGATING_PREFIXES):
            return True
    return False


def _same_length_casefold(text: str) -> str:
    """Lower case, letter by letter, so that offsets stay true ("ß" and "İ" would grow)."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _located(section: Cleaned, start: int, end: int, match: Match, score: float) -> Located:
    return Located(*section.source_span(start, end), match, score)
