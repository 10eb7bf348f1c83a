"""The reviewer in a question: specialty and licences, never a name."""

from __future__ import annotations

import re

from imr_llm.library.filters import FilterOp
from imr_llm.search.question import Question
from imr_llm.search.wording import load_wording

_REVIEWER = re.compile(
    r"\b(?:review(?:er|ers|ed|ing)|expert(?:'?s)?|specialt(?:y|ies)|specializ\w+|board certified|certified in|certification|decided by|decisions by|licens\w*|case and)\b",
    re.IGNORECASE,
)
_NOT_ITEM = re.compile(
    r"\s*(?:consult|referral|evaluation|visit|clearance|follow|treatment|appointment|re-?eval|physician consult|program|medication|surgery\b)",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\b(?:not |un|non )?licen[sc]\w+\b(?: to practice)?(?: only)?(?: in)?|\bout of state\b|\bfrom outside\b|\boutside(?: of)?\b",
    re.IGNORECASE,
)
# A negation counts where only a licence's words stand between it and the state.
_NOT_LICENSED = re.compile(
    r"(?:\b(?:not(?! only)|non|none|never|without|no|outside|other than|rather than|instead of|except(?: for)?|excluding|neither|nor)\b"
    r"|\bunlicen[sc]ed\b)"
    r"(?:[ ,-]+(?:licen[sc]\w+|to|practice|practicing|in|of|from|by|the|an?|any|state|currently|actively|active|either|hold|holds"
    r"|holding|have|having|had|being|been|certified|reviewers?|physicians?|doctors?|who|that|is|are|was|were))*[ ,-]*$",
    re.IGNORECASE,
)
_IN_LICENCE = re.compile(r"(?:licen[sc]\w+(?: to practice)?(?: only)?(?: in)?|outside(?: of)?) $", re.IGNORECASE)
# ", CT" is Connecticut only where the question speaks of a reviewer.
_BESIDE_STATE = re.compile(r"(?:,|\b(?:and|or|nor|but|not|except)(?: in)?) $", re.IGNORECASE)
_LICENSED_AGAIN = re.compile(r"\b(?:but|yet|only|instead|though|while|licen[sc]\w+)\b", re.IGNORECASE)


# "denied by a psychiatrist"; but "manipulation by a chiropractor" is the item.
_DECIDED_BY = re.compile(
    r"(?<=upheld )by (?:an? |the )?$|\b(?:overturned|denied|decided|reviewed|approved|signed|written|decisions?|denials?|reviews?|letters?|cases?|refused|granted|allowed|determinations?) (?P<by>by (?:an? |the )?)$",
    re.IGNORECASE,
)


# "board certified in ...": no decision is named.
_BOARD_CERTIFIED = re.compile(
    r"\b(?:board[ -]?certified|certified|diplomates?|credential(?:ed|s))\b(?: in| by)?", re.IGNORECASE
)


def read_reviewer(question: Question) -> None:
    _read_states(question)
    wording = load_wording()
    speaks = bool(_REVIEWER.search(question.text))
    found: list[tuple[str, str]] = []
    for name, pattern in wording.specialties.items():
        for match in list(question.find(pattern)):
            by = _DECIDED_BY.search(question.text[: match.start()])
            if not (speaks or by) or _NOT_ITEM.match(question.text, match.end()):
                continue
            start = by.start("by") if by and by["by"] else by.start() if by else match.start()
            words = question.take(start, match.end())
            found.append((name, words.removeprefix("by ")))
    for match in list(question.find(_BOARD_CERTIFIED)) if found else []:
        question.take(*match.span())
    if found:
        words = " or ".join(words for _, words in found)
        names = tuple(dict.fromkeys(part for name, _ in found for part in name.split(" | ")))
        question.add("specialty", "any", names, f"reviewer's specialty: {words}", words)


_OUT_OF_STATE = re.compile(
    r"\b(?:out[ -]of[ -]state|non[ -]california)\b(?: (?:physicians?|doctors?|reviewers?))?", re.IGNORECASE
)


def _read_out_of_state(question: Question) -> None:
    """These are California's letters: out of state is not licensed there."""
    for match in list(question.find(_OUT_OF_STATE)):
        words = question.take(*match.span())
        question.add("state", "none", ("California",), "reviewer not licensed in California", words)
        question.note("letters that do not print a licence are left out")


def _read_states(question: Question) -> None:
    """States in a licence's words; "CA" counts only there, a full name also by a reviewer."""
    found: list[tuple[int, int, str]] = []
    speaks = bool(_REVIEWER.search(question.text) or _LICENCE.search(question.text))
    for name, short in load_wording().states.items():
        for match in question.find(re.compile(rf"\b{name}\b", re.IGNORECASE)):
            found.append((*match.span(), name))
        for abbreviation in short:
            for match in question.find(re.compile(rf"\b{abbreviation}\b")):
                before = question.text[: match.start()]
                if _IN_LICENCE.search(before) or (speaks and _BESIDE_STATE.search(before)):
                    found.append((*match.span(), name))
    found = [f for f in found if not any(o != f and o[0] <= f[0] and f[1] <= o[1] for o in found)]
    if not found:
        _read_out_of_state(question)
        return
    found.sort()
    licence = list(question.find(_LICENCE))
    start = min([found[0][0], *(m.start() for m in licence if m.start() < found[0][0])])
    groups: dict[bool, list[tuple[int, int, str]]] = {}
    negated, last_end = False, 0
    for first, last, name in found:
        between = question.text[last_end:first]
        if refusal := _NOT_LICENSED.search(between):
            question.take(last_end + refusal.start(), first)
            negated = True
        elif _LICENSED_AGAIN.search(between):
            negated = False
        groups.setdefault(negated, []).append((first, last, name))
        last_end = last
    words = question.text[start : found[-1][1]]
    for first, last, _ in found:
        question.take(first, last)
    for match in licence:
        question.take(*match.span())
    for negated, some in groups.items():
        names = tuple(dict.fromkeys(name for _, _, name in some))
        if negated:
            question.add("state", "none", names, f"reviewer not licensed in {' or '.join(names)}", words)
            question.note("letters that do not print a licence are left out")
            continue
        either = re.search(r"\bor\b", question.text[some[0][1] : some[-1][0]], re.IGNORECASE)
        op: FilterOp = "any" if len(names) == 1 or either else "all"
        question.add(
            "state", op, names, f"reviewer licensed in {(' or ' if op == 'any' else ' and ').join(names)}", words
        )
