"""Grounds in a question that are worded as reviewers word a finding, or in words that no pattern knows.

The patterns that read letters are tried first; what they leave the sentence model hears, clause by clause, and the
reading is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType

from imr_llm.rules.findings import Subject, find_matches
from imr_llm.rules.reason_model import load_reason_model
from imr_llm.search.question import GROUND, Question
from imr_llm.search.question_reasons import CAUSE, EXCLUDED, NOT_THE_GROUND, add_reason, reason_labels
from imr_llm.search.wording import load_wording
from imr_llm.terms.taxonomy import load_taxonomy

_GROUND = re.compile(GROUND, re.IGNORECASE)
_GROUNDS = ("reason", "primary_reason", "uds", "uds_rationale", "contradiction")
_ITEMS = ("drug", "subcategory", "category")


def read_findings(question: Question) -> None:
    """Where no reason was understood: a question that is worded as reviewers word a finding asks for its reason.

    "continues with high pain scores on the regimen" is poor documented response. The patterns are those that read
    letters; a ground for an overturn is so read only where nothing else was understood. Beside a ground that was
    understood another is heard by likeness alone.
    """
    if any(question.has(field) for field in _GROUNDS):
        _read_likeness(question, beside=True)
        return
    # A ground for denial is none of what was overturned: "although UR said no red flags".
    found = [] if _side(question) == "overturn" else find_matches(question.text, Subject(), "denial")
    if not found and not question.filters:
        found = find_matches(question.text, Subject(), "overturn")
    items = {word for f in question.filters if f.field in _ITEMS for word in f.words.split(", ")}
    strong = [m for m in found if not m.pattern.weak and _is_worded(question, m.start, m.end, items)]
    strong = [m for m in strong if _agrees(question.text, m.start, m.end, m.pattern.code)]
    if not strong:
        _read_likeness(question)
        return
    codes = tuple(dict.fromkeys(match.pattern.code for match in strong))
    start, end = min(match.start for match in strong), max(match.end for match in strong)
    words = question.take(start, end)
    excluded = any(
        m.end() <= start and not _PART_END.search(question.text, m.end(), start)
        for m in _OTHER_THAN.finditer(question.text)
    ) or (NOT_THE_GROUND.search(question.text, end, end + 40) is not None)
    add_reason(question, codes, "none" if excluded else "any", words)
    question.note(f'"{words}" was read as the ground: {reason_labels(codes)}')


def _side(question: Question) -> str | None:
    """The polarity of the grounds that the decision asked for can have; None: of both."""
    decided = frozenset(str(value) for f in question.filters if f.field == "decision" for value in f.value)
    return {frozenset({"upheld"}): "denial", frozenset({"overturned"}): "overturn"}.get(decided)


_PART_END = re.compile(r"[,;.]|\b(?:but|although|though)\b", re.IGNORECASE)
LEAST_AGREEMENT, LONG_WORDING = 0.05, 6
"""How likely the sentence model must hold a pattern's reading; a tenth of it is enough for one of so many words."""


def _agrees(text: str, start: int, end: int, code: str) -> bool:
    """Whole words, and the sentence model does not hold the pattern's reading of their clause for absurd."""
    whole = not (start and text[start - 1].isalnum() and text[start].isalnum())
    first, last = next(((c.start, c.end) for c in _clauses(text) if c.start <= start < c.end), (0, len(text)))
    scores = _score(text[first : max(end, last)].strip())
    least = LEAST_AGREEMENT if len(text[start:end].split()) < LONG_WORDING else LEAST_AGREEMENT / 10
    return whole and scores.get(code, 1.0) >= least


# Clauses of a question: what stands between commas and the words that begin a ground ("cue").
_CLAUSE = re.compile(
    rf"[,;.]|(?P<cue>[:]|{GROUND}|\b(?:but|although|though|even though|despite|where|when|while|after|so)\b)",
    re.IGNORECASE,
)
CERTAIN, SURE, LIKELY, POSSIBLE, LEAD = 0.85, 0.45, 0.25, 0.1, 3.0
"""How likely the sentence model must hold a ground for it to be read: by one word that nobody understood; by itself;
where the question says what was decided, and so on which side the ground lies; where a word such as "because" leads in
to it besides. And how much likelier it must be than any other that is possible."""
MOST_CLAUSES = 24  # of one question: "because because because ..."
SHORTEST_CLAUSE = 4  # words, where nobody understood just one of them


_THOUGH = re.compile(r"\b(?:although|though|even though|despite|while|but)\s*$", re.IGNORECASE)
_AND = re.compile(r"\s*and\b", re.IGNORECASE)
# "for something other than ...": what follows is excluded.
_OTHER_THAN = re.compile(
    rf"\b(?:(?:not|never) {CAUSE}|(?:other than|besides|except(?: for| where)?|excluding|rather than|aside from|apart from|instead of)(?: {CAUSE})?) ",
    re.IGNORECASE,
)
# "..., or because ...", "either for ... or for ...": one more of the grounds before.
_OR_ELSE = re.compile(r"\bor(?: else)? (?:because(?: of)?|for|due to|that|since)\b", re.IGNORECASE)
_OR_ELSE_BEFORE = re.compile(rf"{_OR_ELSE.pattern}[\w\s]{{0,12}}$", re.IGNORECASE)
# "which letters ...": who asks does not tell a ground.
_ASKS = re.compile(
    r"\s*(?:and )?(?:what|which|how|why|who|whose|where|when|did|do|does|is|are|was|were|can|show|list|find)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Heard:
    """A ground that the sentence model hears in a clause, with the words that nobody had read."""

    score: float
    codes: tuple[str, ...]
    unread: tuple[re.Match[str], ...]
    excluded: bool
    else_of: bool
    """Is it an alternative to the ground before it?"""


def _read_likeness(question: Question, *, beside: bool = False) -> None:
    """A clause in words that no pattern knows: the ground that the sentence model hears in it.

    It takes words that nobody understood, two of them or a word such as "because" before one, unless the model is
    certain, and a model that is sure (`beside` another ground, of the clause by itself); the reading is told. "not
    because ..." before the clause excludes its ground.
    """
    side = _side(question)
    clauses = islice(_heard_clauses(question.text, whole=not beside), MOST_CLAUSES)
    heard = [each for clause in clauses
             if (each := _hear_clause(question, clause, side, beside=beside))]  # fmt: skip
    if not heard:
        return
    best = max(heard, key=lambda each: each.score)
    words = question.text[best.unread[0].start() : best.unread[-1].end()]
    for match in best.unread:
        question.take(*match.span())
    question.note(f'"{words}" was read, by likeness, as the ground: {reason_labels(best.codes)}')
    before = [f for f in question.filters if f.field == "reason" and f.op == "any"]
    if best.else_of and before:
        question.filters.remove(before[-1])
        codes = tuple(dict.fromkeys([*(str(code) for code in before[-1].value), *best.codes]))
        add_reason(question, codes, "any", f"{before[-1].words}, {words}")
        return
    add_reason(question, best.codes, "none" if best.excluded else "any", words)


def _hear_clause(question: Question, clause: _Clause, side: str | None, *, beside: bool) -> _Heard | None:
    """The ground of one clause, if the model is sure enough of it."""
    start, end = clause.start, clause.end
    unread = tuple(match for match in question.left() if start <= match.start() < end and _is_content(match[0]))
    if len(unread) < (2 if beside else 1) or _ASKS.match(question.text[start:end]):
        return None
    if beside and _is_settled(question, clause):
        return None  # "normal, missing or too vague": the same ground in other words
    else_of = _OR_ELSE_BEFORE.search(question.text[: unread[0].start()]) is not None
    least = LIKELY
    if len(unread) < 2 and not clause.ground:
        least = CERTAIN
    elif side is None or (beside and not else_of):
        least = SURE
    elif clause.ground and len(unread) > 1:
        least = POSSIBLE
    words = _without_taken(question, start, end)
    if len(unread) < 2 and len(words.split()) < SHORTEST_CLAUSE:
        return None
    codes, score = _hear(words, side)
    if not codes or score < least:
        return None
    text = question.text
    excluded = EXCLUDED.search(text[:start]) or NOT_THE_GROUND.search(text[:end], unread[0].start())
    return _Heard(score, codes, unread, excluded is not None, else_of)


def _is_settled(question: Question, clause: _Clause) -> bool:
    """Does the clause only say more of a ground that was read?"""
    start, end = clause.start, clause.end
    if _THOUGH.search(question.text[:start]) or not (clause.cued or _AND.match(question.text, start, end)):
        return True
    read = " ".join(f.words for f in question.filters if f.field in _GROUNDS)
    own = [question.text[s:e].strip() for s, e in question.taken if start <= s and e <= end]
    return not _OR_ELSE_BEFORE.search(question.text[:start]) and any(words and words in read for words in own)


def _without_taken(question: Question, start: int, end: int) -> str:
    """The clause without the words that other readers took: an item's own name is no ground.

    What was read as a circumstance stays: "because a home exercise program should take over".
    """
    told = [at for first, last in question.circumstances for at in range(first, last)]
    left = [at for at in range(start, end) if at in told or question.is_free(at, at + 1)]
    return " ".join("".join(question.text[at] for at in left).split())


@dataclass(frozen=True)
class _Clause:
    """A part of a question. cued: a word such as "where" leads in to it; ground: a word such as "because"."""

    start: int
    end: int
    cued: bool = False
    ground: bool = False


def _heard_clauses(text: str, *, whole: bool) -> Iterator[_Clause]:
    """The parts in which a ground may be heard: the clauses, all that follows "because", its alternatives, the `whole`."""
    yield from _clauses(text)
    for match in _CLAUSE.finditer(text):
        if match["cue"] and whole:
            yield _Clause(match.end(), len(text), cued=True, ground=_GROUND.fullmatch(match[0]) is not None)
    for match in _OTHER_THAN.finditer(text):
        yield _Clause(match.end(), len(text), cued=True, ground=True)
    for match in _OR_ELSE.finditer(text):
        yield _Clause(match.end(), len(text), cued=True, ground=True)
    if whole:
        yield _Clause(0, len(text))


def _clauses(text: str) -> Iterator[_Clause]:
    at, cued, ground = 0, False, False
    for match in _CLAUSE.finditer(text):
        yield _Clause(at, match.start(), cued, ground)
        at, cued, ground = match.end(), match["cue"] is not None, _GROUND.fullmatch(match[0]) is not None
    yield _Clause(at, len(text), cued, ground)


def _is_content(word: str) -> bool:
    return len(word) > 2 and word.lower() not in load_wording().stop_words


@lru_cache(maxsize=64)  # clauses overlap
def _score(clause: str) -> Mapping[str, float]:
    """How likely the sentence model holds it that a clause states each code."""
    return MappingProxyType(load_reason_model().score(clause))


def _hear(clause: str, side: str | None) -> tuple[tuple[str, ...], float]:
    """The ground that a clause states, and how likely it is: of one side, or of both.

    Two that are easily taken for each other may share the lead; without a clear lead there is none.
    """
    known = load_taxonomy().codes
    scores = _score(clause)
    ordered = sorted(
        ((score, code) for code, score in scores.items() if side in (None, known[code].polarity)), reverse=True
    )
    (first, code), (second, other), (third, _) = ordered[:3]
    if first >= LEAD * second:
        return (code,), first
    if {code, other} in [set(pair) for pair in load_taxonomy().confusion_pairs] and first >= LEAD * third:
        return (code, other), first
    return (), first


_OF_ANOTHER = frozenset({
    "depends_on_denied_service", "response_to_current_care_pending", "no_failed_conservative_care",
    "no_failed_first_line_drug", "prerequisite_test_missing", "no_imaging_or_edx_corroboration", "no_psych_clearance",
    "not_part_of_active_program", "lower_level_alternative_adequate", "objective_findings_support", "prior_care_failed",
    "supports_function_or_recovery",
})  # fmt: skip


def tells_of_another(question: Question, start: int) -> bool:
    """Does the ground that begins there speak of another thing than the item, as in "because surgery was not approved"?"""
    ground = question.text[start:]
    read = [f for f in question.filters if f.field == "reason" and f.words in ground]
    if read:
        return any(set(f.value) <= _OF_ANOTHER for f in read)
    codes, score = _hear(ground, None)
    return score >= LIKELY and set(codes) <= _OF_ANOTHER and bool(codes)


def _is_worded(question: Question, start: int, end: int, items: set[str]) -> bool:
    """Are these words of a finding, and not a date, an age or a guideline that was read already?"""
    taken = [question.text[s:e].strip() for s, e in question.taken if s < end and start < e
             and (s, e) not in question.circumstances]  # fmt: skip
    return all(words in items for words in taken)
