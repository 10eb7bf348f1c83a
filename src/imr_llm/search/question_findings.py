"""Grounds in a question that are worded as reviewers word a finding: the patterns that read letters read them too."""

from __future__ import annotations

import re

from imr_llm.rules.findings import Subject, find_matches
from imr_llm.rules.reason_model import load_reason_model
from imr_llm.search.question import GROUND, Question
from imr_llm.search.question_net import hear
from imr_llm.search.question_reasons import CAUSE, NOT_THE_GROUND, add_reason, reason_labels

_GROUNDS = ("reason", "primary_reason", "uds", "uds_rationale", "contradiction")
_ITEMS = ("drug", "subcategory", "category")


def read_findings(question: Question) -> None:
    """Where no reason was understood: a question that is worded as reviewers word a finding asks for its reason.

    "continues with high pain scores on the regimen" is poor documented response. The patterns are those that read
    letters; a ground for an overturn is so read only where nothing else was understood.
    """
    if any(question.has(field) for field in _GROUNDS):
        return
    # A ground for denial is none of what was overturned: "although UR said no red flags".
    found = [] if decided_side(question) == "overturn" else find_matches(question.text, Subject(), "denial")
    if not found and not question.filters:
        found = find_matches(question.text, Subject(), "overturn")
    items = {word for f in question.filters if f.field in _ITEMS for word in f.words.split(", ")}
    strong = [m for m in found if not m.pattern.weak and _is_worded(question, m.start, m.end, items)]
    strong = [m for m in strong if _agrees(question.text, m.start, m.end, m.pattern.code)]
    if not strong:
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


def decided_side(question: Question) -> str | None:
    """The polarity of the grounds that the decision asked for can have; None: of both."""
    decided = frozenset(str(value) for f in question.filters if f.field == "decision" for value in f.value)
    return {frozenset({"upheld"}): "denial", frozenset({"overturned"}): "overturn"}.get(decided)


_PART_END = re.compile(r"[,;.]|\b(?:but|although|though)\b", re.IGNORECASE)
LEAST_AGREEMENT, LONG_WORDING = 0.05, 6
"""How likely the sentence model must hold a pattern's reading; a tenth of it is enough for one of so many words."""


def _agrees(text: str, start: int, end: int, code: str) -> bool:
    """Whole words, and the sentence model does not hold the pattern's reading of their clause for absurd."""
    whole = not (start and text[start - 1].isalnum() and text[start].isalnum())
    cuts = [0, *(cut for match in _CLAUSE.finditer(text) for cut in match.span()), len(text)]
    first, last = next(((a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True) if a <= start < b), (0, len(text)))
    scores = load_reason_model().score(text[first : max(end, last)].strip())
    least = LEAST_AGREEMENT if len(text[start:end].split()) < LONG_WORDING else LEAST_AGREEMENT / 10
    return whole and scores.get(code, 1.0) >= least


# Clauses of a question: what stands between commas and the words that begin a ground.
_CLAUSE = re.compile(
    rf"[,;.]|[:]|{GROUND}|\b(?:but|although|though|even though|despite|where|when|while|after|so)\b",
    re.IGNORECASE,
)
# "for something other than ...": what follows is excluded.
_OTHER_THAN = re.compile(
    rf"\b(?:(?:not|never) {CAUSE}|(?:other than|besides|except(?: for| where)?|excluding|rather than|aside from|apart from|instead of)(?: {CAUSE})?) ",
    re.IGNORECASE,
)


LEAST_HEARD = 0.5
"""How likely the net must hold a ground for it to say what the ground speaks of."""
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
    heard = {code for code, score in hear(question.text).asked.items() if score >= LEAST_HEARD}
    return bool(heard) and heard <= _OF_ANOTHER


def _is_worded(question: Question, start: int, end: int, items: set[str]) -> bool:
    """Are these words of a finding, and not a date, an age or a guideline that was read already?"""
    taken = [question.text[s:e].strip() for s, e in question.taken if s < end and start < e
             and (s, e) not in question.circumstances]  # fmt: skip
    return all(words in items for words in taken)
