"""What the grammar left of a question, as the net hears it: grounds, facts of the drug screen, the decision.

The net (question_net.py) hears the whole question. It adds what it is sure of where words would be ignored otherwise,
and mends two misreadings of the grammar: a ground that is excluded, and one that is not spoken of. Every such reading is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from imr_llm.library.filters import Filter
from imr_llm.rules.reasons import MISSING_SCREEN
from imr_llm.search.question import GROUND, Question
from imr_llm.search.question_findings import decided_side, read_findings
from imr_llm.search.question_net import Heard, hear
from imr_llm.search.question_reasons import UDS_BAD, UDS_CODES, add_reason, reason_labels
from imr_llm.search.wording import load_wording
from imr_llm.terms.taxonomy import load_taxonomy

LIKELY, BESIDE, SAME_CLAUSE = 0.5, 0.7, 0.9
"""How likely the net must hold a ground: where none was read; beside another; in the words that gave the other."""
RUNNER_UP = 0.25
"""... and one that is easily taken for it, to be accepted as well."""
SURE, UNLIKELY = 0.6, 0.2
"""To turn a reading round: how likely the net must hold what it hears instead, and how unlikely what was read."""
DECIDED, CONTRARY = 0.8, 0.95
"""To read a decision where none was read; against one that was."""
PARTLY = 0.85
SHORT = 4
"""Words of a question that the grammar reads as well as anybody."""
EXCLUDED_WITH_WORD, EXCLUDED_WITHOUT = 0.2, 0.6
"""The share of what is heard of a ground that must say it is excluded: where a word such as "except" is there, or none.
Few questions exclude anything, so that the net says it with reserve."""
_EXCEPT = re.compile(
    r"\b(?:(?:but|and) not|not (?:because|for|due|on|over|about|held|count\w*|turn\w*|bas\w+|rest\w*|those|ones|where|when|just|only|at issue|the|an?)"
    r"|never (?:the|an?|because|for)|other (?:than|grounds?|reasons?)|except\w*|exclud\w*|leav\w+|skip\w*|minus|without|besides|apart|aside|rather than|instead"
    r"|nothing to do|unrelated|omit\w*|drop\w*|ignor\w+|unless|regardless|no matter|no part|no issue|no problem|any ground but|something else"
    r"|different|was ?n[o']t|were ?n[o']t|is ?n[o']t|did not|does not|played no|filter\w* out|weed\w* out|take out|hide)\b",
    re.IGNORECASE,
)
_SCREEN = "diagnostic_testing.urine_drug_screen"
_GROUNDS = ("reason", "primary_reason", "uds", "uds_anywhere", "uds_rationale", "uds_summary", "contradiction")
_STATES = ("uds", "uds_anywhere", "uds_rationale", "uds_summary")
_SIDES = {"upheld": "denial", "overturned": "overturn"}


def read_by_ear(question: Question) -> bool:
    """Hear what is left, after every other reader. Were words given back, for items to be read in them?"""
    heard = hear(question.text)
    before = len(question.taken)
    codes = _mend_grounds(question, heard)
    given_back = len(question.taken) < before
    if not question.filters:
        read_findings(question)  # a bare finding, in a reviewer's words
    codes |= _hear_grounds(question, heard)
    screen = _hear_screen(question, heard)
    _drop_screen_item(question, heard=screen or MISSING_SCREEN in codes)
    _drop_primary_service(question)
    if heard.partly >= PARTLY and not question.has("partly_authorized") and (words := _unread(question)):
        span = _span(words)
        question.add(
            "partly_authorized", "is", (True,), "part was authorized before the review", question.text[slice(*span)]
        )
        _tell(question, span, "part was authorized before the review")
    _hear_decision(question, heard)
    read_findings(question)
    return given_back


# ------------------------------------------------------------------------------------------------------- grounds


def _mend_grounds(question: Question, heard: Heard) -> set[str]:
    """A ground that is excluded in words that the grammar does not know, and one that nobody spoke of.

    The codes of those that were turned round.
    """
    turned: set[str] = set()
    asked, excluded = _grounds(question, heard)
    settled = any(f.op == "none" and f.field == "reason" for f in question.filters)
    for filter in [f for f in question.filters if f.field == "reason"]:
        codes = [str(code) for code in filter.value]
        wanted, unwanted = (max(scores.get(code, 0.0) for code in codes) for scores in (asked, excluded))
        silent = heard.screens["not_mentioned"]
        if filter.op == "none" and set(codes) <= set(UDS_CODES) and silent >= DECIDED and unwanted < LIKELY:
            question.filters.remove(filter)
            question.give_back(filter.words)
        elif (
            filter.op == "any"
            and unwanted >= LIKELY > wanted
            and (not settled or max(heard.excluded[code] for code in codes) >= SAME_CLAUSE)
        ):
            question.filters.remove(filter)
            add_reason(question, tuple(codes), "none", filter.words)
            question.note(f'"{filter.words}" was heard as excluded: {reason_labels(codes)}')
            turned.update(codes)
        elif filter.op == "none" and wanted >= SURE and max(heard.excluded[code] for code in codes) < UNLIKELY / 4:
            question.filters.remove(filter)
            add_reason(question, tuple(codes), "any", filter.words)
            question.note(f'"{filter.words}" was heard as asked for: {reason_labels(codes)}')
            turned.update(codes)
        elif filter.op == "any" and wanted >= SURE and (heard_codes := _of_those_heard(codes, heard)) != codes:
            question.filters.remove(filter)
            add_reason(question, tuple(heard_codes), "any", filter.words)
        elif max(wanted, unwanted) < UNLIKELY and len(question.text.split()) > SHORT:
            question.filters.remove(filter)
            question.give_back(filter.words)
            question.note(f'"{filter.words}" is no ground here, as far as was heard: {reason_labels(codes)}')
    for filter in [f for f in question.filters if f.field in _STATES and f.op == "any"]:
        states = [str(state) for state in filter.value]
        missing = heard.asked[MISSING_SCREEN] if "stated_absent" in states else 0.0
        grounds = max(scores[code] for scores in (heard.asked, heard.excluded) for code in UDS_CODES)
        if max(missing, *(heard.screens[state] for state in states)) < UNLIKELY / 4 and grounds >= SURE:
            question.filters.remove(filter)
            question.give_back(filter.words)
    return turned


def _grounds(question: Question, heard: Heard) -> tuple[dict[str, float], dict[str, float]]:
    """How likely each ground is asked for, and how likely each is excluded."""
    share = EXCLUDED_WITH_WORD if _EXCEPT.search(question.text) else EXCLUDED_WITHOUT
    return heard.grounds(share, excluded=False), heard.grounds(share, excluded=True)


def _of_those_heard(codes: list[str], heard: Heard) -> list[str]:
    """Of alternatives that one wording gave, those that the net does not rule out."""
    return [code for code in codes if heard.asked[code] + heard.excluded[code] >= UNLIKELY / 2]


@dataclass(frozen=True)
class _Sound:
    """A ground that the net hears, and where."""

    code: str
    score: float
    clause: tuple[int, int]


def _hear_grounds(question: Question, heard: Heard) -> set[str]:
    """Grounds asked for and excluded that nobody read, each told by words that nobody read: their codes."""
    side, added = _side(question, heard), set[str]()
    for op, scores in zip(("any", "none"), _grounds(question, heard), strict=True):
        known = {str(code) for f in question.filters if f.field in ("reason", "primary_reason") for code in f.value}
        read = any(question.has(field) for field in _GROUNDS)
        least = BESIDE if read else LIKELY
        likely = {code: score for code, score in _of_side(scores, side).items() if score >= least}
        sounds: list[_Sound] = []
        for code, score in sorted(likely.items(), key=lambda pair: -pair[1]):
            if code in known:
                continue
            if code in UDS_CODES and any(question.has(field) for field in _STATES):
                continue  # told as a fact
            clause = _told_in(question, code, op, score)
            other = _alike_filter(question, code) if op == "any" else None
            if other and (clause is None or other.words in question.text[slice(*clause)] or score < SAME_CLAUSE):
                _widen(question, other, code, score)
                continue
            few = clause is None or sum(clause[0] <= word.start() < clause[1] for word in _unread(question)) < 2
            if clause and (score >= SAME_CLAUSE or not (few or _gave_ground(question, clause))):
                sounds.append(_Sound(code, score, clause))
        for group in _grouped(question, sounds, scores):
            added |= _add_sounds(question, group, op)
    return added


def _alike_filter(question: Question, code: str) -> Filter | None:
    """The filter that asks for a ground that is easily taken for this one."""
    alike = set(_alike(code))
    return next(
        (f for f in question.filters if f.field == "reason" and f.op == "any" and set(map(str, f.value)) & alike), None
    )


def _widen(question: Question, filter: Filter, code: str, score: float) -> None:
    """Either of the two is accepted."""
    if score >= SURE:
        question.filters.remove(filter)
        add_reason(question, (*map(str, filter.value), code), "any", filter.words)


_BOTH = re.compile(r"\b(?:and|both|plus|nor|besides|as well as|together)\b|[&+]", re.IGNORECASE)


def _grouped(question: Question, sounds: list[_Sound], scores: Mapping[str, float]) -> list[list[_Sound]]:
    """Alternatives together: codes easily taken for each other, and those of one clause that does not join two things."""
    groups: list[list[_Sound]] = []
    for sound in sounds:
        either = not _BOTH.search(question.text[slice(*sound.clause)])
        for group in groups:
            if any(other.code in _alike(sound.code) for other in group) or (either and group[0].clause == sound.clause):
                group.append(sound)
                break
        else:
            groups.append([sound])
    for group in groups:
        own = {sound.code for sound in group}
        for code in _alike(group[0].code):
            if code not in own and RUNNER_UP <= scores.get(code, 0.0) < LIKELY:
                group.append(_Sound(code, scores[code], group[0].clause))
    return groups


def _add_sounds(question: Question, group: list[_Sound], op: str) -> set[str]:
    """One filter for a group, if words are left to tell it by: its codes."""
    words = [word for word in _unread(question) if group[0].clause[0] <= word.start() < group[0].clause[1]]
    if not words and group[0].score < CONTRARY:
        return set()
    span = _span(words) if words else group[0].clause
    codes = tuple(dict.fromkeys(sound.code for sound in group))
    said = question.text[slice(*span)].strip()
    before = next((f for f in reversed(question.filters) if f.field == "reason" and f.op == "any"), None)
    if (
        op == "any"
        and before
        and _OR_ELSE.search(question.text[: group[0].clause[0]] + question.text[slice(*group[0].clause)])
    ):
        # "..., or because ...": one more of the grounds before
        question.filters.remove(before)
        add_reason(question, (*map(str, before.value), *codes), "any", f"{before.words}, {said}")
        _tell(question, span, f"the ground: {reason_labels(codes)}")
        return set(codes)
    add_reason(question, codes, "none" if op == "none" else "any", said)
    _tell(question, span, f"the ground{' that is excluded' if op == 'none' else ''}: {reason_labels(codes)}")
    return set(codes)


_OR_ELSE = re.compile(
    r"\bor(?: else)? (?:because(?: of)?|for|due to|that|since)\b(?:(?!\b(?:because|since|due to)\b).)*$", re.IGNORECASE
)
_COMPOUND = ("compound_contains_nonrecommended_agent", "not_recommended_by_guideline")


def _alike(code: str) -> Iterable[str]:
    """The codes that are easily taken for one."""
    for pair in (*load_taxonomy().confusion_pairs, _COMPOUND):
        if code in pair:
            yield from (other for other in pair if other != code)


def _side(question: Question, heard: Heard) -> str | None:
    """The polarity that grounds can have: by the decision that was read, else by other grounds, else as it is heard."""
    if question.has("decision"):
        return decided_side(question)
    codes = load_taxonomy().codes
    read = {codes[str(c)].polarity for f in question.filters if f.field == "reason" and f.op == "any" for c in f.value}
    if len(read) == 1:
        return read.pop()
    likely = [name for name, score in heard.decisions.items() if score >= DECIDED]
    return _SIDES[likely[0]] if len(likely) == 1 else None


def _of_side(scores: Mapping[str, float], side: str | None) -> dict[str, float]:
    known = load_taxonomy().codes
    return {code: score for code, score in scores.items() if side in (None, known[code].polarity)}


def _gave_ground(question: Question, clause: tuple[int, int]) -> bool:
    """Was a ground read in this clause already?"""
    text = question.text[slice(*clause)]
    return any(f.words and f.words in text for f in question.filters if f.field in _GROUNDS)


# -------------------------------------------------------------------------------------------- screen and decision


def _hear_screen(question: Question, heard: Heard) -> bool:
    """A fact of the drug screen: "although the pee test came back the way it should". Was one added?"""
    told = next((f for f in question.filters if f.field in _STATES), None)
    if told and told.field == "uds" and told.op == "any":
        more = tuple(state for state, score in heard.screens.items() if score >= SURE and state not in told.value)
        if more and "not_mentioned" not in more and "consistent" not in (*more, *told.value):
            states = (*map(str, told.value), *more)
            question.filters.remove(told)
            question.add("uds", "any", states, f"urine drug screen is {_said(states)}", told.words)
    if told or question.has("contradiction"):
        return False
    if any(set(map(str, f.value)) & set(UDS_CODES) for f in question.filters if f.field == "reason"):
        return False
    states = tuple(state for state, score in heard.screens.items() if score >= LIKELY)
    if "consistent" in states:  # a screen is not both
        states = (max(states, key=lambda state: heard.screens[state]),)
    elif set(states) & set(UDS_BAD):
        states = tuple(state for state in heard.screens if heard.screens[state] >= RUNNER_UP)
    words = _unread(question) or list(question.find_taken(load_wording().uds))
    if not states or not words:
        return False
    span = _span(words)
    label = f"urine drug screen is {_said(states)}"
    if states == ("not_mentioned",):
        question.add(
            "uds_rationale", "is", states, "rationale does not mention a drug screen", question.text[slice(*span)]
        )
    else:
        question.add("uds", "any", states, label, question.text[slice(*span)])
    _tell(question, span, label)
    return True


def _said(states: Iterable[str]) -> str:
    return " or ".join("said to be missing" if s == "stated_absent" else s.replace("_", " ") for s in states)


def _drop_screen_item(question: Question, *, heard: bool) -> None:
    """A screen that is told of is not the item in dispute; where no other item is named, only if that was `heard`."""
    told = any(question.has(field) for field in _STATES)
    told = told or any(
        set(map(str, f.value)) & set(UDS_CODES) for f in question.filters if f.field in ("reason", "primary_reason")
    )
    for filter in [f for f in question.filters if f.field == "subcategory" and f.op == "any" and _SCREEN in f.value]:
        others = tuple(value for value in filter.value if value != _SCREEN)
        items = [f for f in question.filters if f.field in ("drug", "category", "subcategory") and f is not filter]
        if not told or not (others or items or heard):
            continue
        question.filters.remove(filter)
        if others:
            screen = load_wording().uds
            words = [word for word in filter.words.split(", ") if not screen.fullmatch(word)]
            question.add("subcategory", "any", others, f"treatment: {' or '.join(words)}", ", ".join(words))


def _drop_primary_service(question: Question) -> None:
    """ "what fell along with the operation": the operation is not the item."""
    if any("depends_on_denied_service" in f.value for f in question.filters if f.field == "reason" and f.op == "any"):
        for filter in [f for f in question.filters if f.field == "category" and f.value == ("surgery",)]:
            question.filters.remove(filter)
            question.note(f'"{filter.words}" was read as context, not as the item in dispute')


_NOT_BEFORE = re.compile(r"\b(?:not|never|no|without)\b(?: \w+){0,2} ?$", re.IGNORECASE)


def _hear_decision(question: Question, heard: Heard) -> None:
    """ "kept denied", "let it through"; against the grammar only where the net is all but certain."""
    (decision, score), (_, other) = sorted(heard.decisions.items(), key=lambda pair: -pair[1])
    told = next((f for f in question.filters if f.field == "decision"), None)
    label = f"decision: {decision}"
    if told:
        if (
            score < CONTRARY
            or other > 1 - CONTRARY
            or told.value == (decision,)
            or "partially_overturned" in told.value
        ):
            return
        at = question.text.find(told.words)
        if len(told.value) == 1 and not _NOT_BEFORE.search(question.text[max(0, at - 25) : max(0, at)]):
            return  # "denied", "did not win" say it outright; "wasn't ok'd" does not
        joined = r"\W+(?:or|and|vs|versus)?\W*(?:\w+\W+)?".join(re.escape(word) for word in told.words.split(", "))
        if len(told.value) > 1 and re.search(joined, question.text):
            return
        question.filters.remove(told)
        question.filters.append(Filter("decision", "any", (decision,), label, told.words))
        question.note(f'"{told.words}" was heard as {label}')
        return
    words = _unread(question)
    if score < DECIDED or not words:
        return
    best = min(words, key=lambda word: _without(question.text, word.span()).decisions[decision])
    if _without(question.text, best.span()).decisions[decision] > score - UNLIKELY:
        return  # implied by a ground, at most
    question.add("decision", "any", (decision,), label, best[0])
    _tell(question, best.span(), label)


# --------------------------------------------------------------------------------------------------------- words

_CLAUSE = re.compile(
    rf"[,;.:]|{GROUND}|\b(?:but|although|though|even though|despite|in spite of|where|when|while|after|and|so)\b",
    re.IGNORECASE,
)
MOST_CLAUSES = 12


def _told_in(question: Question, code: str, op: str, score: float) -> tuple[int, int] | None:
    """The clause without which the net hears the ground least, among those with words that nobody read; where the net is
    all but certain, among those that tell of another thing ("because surgery was not being considered")."""
    unread = _unread(question)
    places = [word.start() for word in unread] or (
        [first for first, _ in question.circumstances] if score >= CONTRARY else []
    )
    cuts = [0, *(match.start() for match in _CLAUSE.finditer(question.text)), len(question.text)]
    clauses = [(first, last) for first, last in pairwise(cuts) if any(first <= place < last for place in places)]
    if len(clauses) < 2:
        return clauses[0] if clauses else None

    def left(clause: tuple[int, int]) -> float:
        without = _without(question.text, clause)
        return (without.asked if op == "any" else without.excluded)[code]

    return min(clauses[:MOST_CLAUSES], key=left)


def _without(text: str, span: tuple[int, int]) -> Heard:
    return hear(" ".join((text[: span[0]] + " " + text[span[1] :]).split()))


def _unread(question: Question) -> list[re.Match[str]]:
    """The words of content that nobody read."""
    stop = load_wording().stop_words
    return [match for match in question.left() if len(match[0]) > 2 and match[0].lower() not in stop]


def _span(words: list[re.Match[str]]) -> tuple[int, int]:
    return words[0].start(), words[-1].end()


def _tell(question: Question, span: tuple[int, int], reading: str) -> None:
    """Take the unread words of a span, and tell how they were read."""
    for word in list(question.left()):
        if span[0] <= word.start() < span[1]:
            question.take(*word.span())
    question.note(f'"{question.text[slice(*span)].strip()}" was heard as {reading}')
