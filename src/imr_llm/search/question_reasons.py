"""Reasons in a question: which grounds, and whether they are asked for or excluded.

Three states of a drug screen stay apart: "no drug screen" is a reason, "a consistent screen" and "an inconsistent
screen" are states of one that was done, and "screens are not mentioned" is a third. A bare "drug screen" is the item
in dispute, unless the question calls it a cause ("denied because of the drug screen").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from imr_llm.library.filters import FilterOp
from imr_llm.rules.findings import Subject, find_matches
from imr_llm.rules.reason_model import load_reason_model
from imr_llm.rules.reasons import MISSING_SCREEN
from imr_llm.search.question import GROUND, Question
from imr_llm.search.wording import Wording, load_wording
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import find_terms

UDS_CODES = (MISSING_SCREEN, "aberrant_drug_behavior")
UDS_BAD = ("inconsistent", "illicit_positive")
UDS_DONE = ("consistent", *UDS_BAD, "done_result_unknown")

_CAUSE = r"(?:because of|because|due to|for|based on|on account of|on the grounds? of|over|on)"
_NOT = r"(?:not|never|(?:(?:for )?(?:other |different )?reasons? )?other than|for reasons besides|besides|except(?: for| where)?|excluding|exclude|rather than|aside from|apart from|instead of|unless)"
# "denied but NOT because of the ...", "other than ..." right before a reason.
_EXCLUDED = re.compile(
    rf"\b{_NOT}(?: just| only| simply| denied| upheld)?(?: {_CAUSE})?(?: the| a| an| any| it was| it| they| that| being| having)*\s*$",
    re.IGNORECASE,
)
# "did not rest on the ...", "were not about ...", "had nothing to do with ..."
_NOT_RESTING = re.compile(
    r"\b(?:(?:not|never) (?:rest|turn|hing|depend|rel|focus|bas|found|hang|about|over)\w*(?: (?:on|upon|in))?|(?:nothing|little) to do with|unrelated to)"
    r"(?: the| a| an| any| its| missing| lack of| being)*\s*$",
    re.IGNORECASE,
)
# "without blaming the ...", "where no one complained about ..."
_UNBLAMED = re.compile(
    r"\b(?:(?:without|no one|nobody|never|not) (?:blam|cit|mention|rais|invok|object|complain|rel|point|fault|not|bring|us)\w*(?: up)?"
    r"(?: (?:about|of|on|to|over|at))?|(?:no|without(?: any)?) (?:mention|complaint|question|issue) (?:of|about|over|with))(?: (?:the |an? )?(?:failure to (?:try|use)|failing to (?:try|use)|failing|trying|not trying))?(?: the| a| an| any| it was| its)*\s*$",
    re.IGNORECASE,
)
# "... was not the problem", "... was not held against it"
_NOT_THE_GROUND = re.compile(
    r"\s*,?\s*(?:(?:was|were|is|are|being)(?:n't| not| never)|not|never)(?: (?:the|a|an|its|any|considered|seen as|part of|one of|among))* "
    r"(?:problem|issue|complaint|objection|sticking point|reasons|reason|ground|grounds|cause|basis|factor|concern|obstacle|why|held against (?:it|them|him|her|the request)|"
    r"cited|raised|mentioned|given|used|invoked|relied on|in dispute|at issue|the point|decisive|questioned|in question|challenged|contested|doubted|disputed|criticized)(?: (?:given|cited))?\b",
    re.IGNORECASE,
)
_GROUND = re.compile(GROUND, re.IGNORECASE)
_EXCLUDING = (_EXCLUDED, _UNBLAMED, _NOT_RESTING)
_CAUSED = re.compile(rf"\b{_CAUSE}(?: the| a| an| his| her| their)*\s*$", re.IGNORECASE)
# "requests for a drug screen": there the screen is the item.
_ASKED_FOR = re.compile(
    r"\b(?:requests?|requested|orders?|authorization|prescriptions?|bills?) for(?: an?| the)*\s*$", re.IGNORECASE
)
_OR = re.compile(r"\b(?:or|either)\b", re.IGNORECASE)
_COORDINATE = re.compile(
    r"\s*(?:,\s*(?:and |or |nor )?|(?:and|or|nor|&|/)\s*)(?:no |a |an |the |signed |any |without |documented |objective |measurable )*",
    re.IGNORECASE,
)
_COORDINATE_BACK = re.compile(r"\s*,? (?:or|nor) (?:an? |the |any )?(?:\w+ )?", re.IGNORECASE)
_AND_BACK = re.compile(r"\s*,? and (?:an? |the |any )?(?:\w+ )?", re.IGNORECASE)
_NOT_MENTIONED = re.compile(
    r"\s*(?:is|was|are|were|has|have)?\s*(?:not|never)(?: even| been| ever)* (?:mentioned|discussed)\b", re.IGNORECASE
)
_NO_MENTION = re.compile(
    r"\b(?:(?:no|without(?: any)?) (?:mention|discussion) of|(?:nothing|not a word|silent|no word)(?: is| was)?(?: said| written| stated| reported| noted)?(?: either way| at all| one way or the other)?(?: about| of| on| regarding)(?: whether)?(?: there (?:is|was))?|(?:(?:do|does|did) not|never)(?: even| ever)? (?:mention|discuss)(?:s|ed)?)"
    r"(?: a| an| any| the| patient's| worker's| claimant's| his| her| own)*\s*$",
    re.IGNORECASE,
)
# "no drug screen is mentioned": the negation stands before the screen, the mention after it.
_SILENT = re.compile(
    r"\b(?:rationale|reviewer|decision|letter|reasoning|determination)s?(?: itself)? (?:never|(?:does|did|do) ?n[o']t|(?:does|did|do) not)(?: even| ever)? "
    r"(?:touch(?:es)? (?:on|upon)|address(?:es)?|speaks? (?:of|to)|brings? up|go(?:es)? into|refers? to|say(?:s)? anything (?:about|of)|mentions?|discuss(?:es)?)"
    r"(?: a| an| any| the| patient's| worker's| claimant's| his| her| own)*\s*$",
    re.IGNORECASE,
)
_NO_SCREEN = re.compile(
    r"\b(?:no|without(?: an?| any)?|not any)(?: recent| current| prior| single)?\s*$", re.IGNORECASE
)
_IS_MENTIONED = re.compile(
    r"\s*(?:is |was |are |were |has been |have been |being )?(?:even |ever )?(?:mentioned|discussed)\b", re.IGNORECASE
)


# "no clear radiculopathy on examination" is no presence of it; nor is "lack of both function and documented relief".
_NEGATION = r"\b(?:no|not|without|lack(?:ing|ed|s)?(?: of)?|never|absent|missing|nor|n't|absence of)"
_LIST_DENIED = re.compile(
    rf"{_NEGATION}(?: both(?: \w+){{1,4}} and|(?: \w+,?){{1,6}}? (?:or|nor))(?: \w+){{0,2}}\s*$", re.IGNORECASE
)
_DENIED = re.compile(rf"{_NEGATION}(?: \w+){{0,2}}\s*$", re.IGNORECASE)


# "a urine test had been done, whatever it showed"
_DONE = re.compile(
    r" (?:had been|has been|have been|was|were) (?:actually |in fact )?(?:done|performed|collected|obtained|completed|on (?:record|file))\b",
    re.IGNORECASE,
)
_NO = re.compile(r"\b(?:no|not|without|lack of|never|neither|nor|n't)(?: an?| any)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class _Mention:
    """Words that name reasons (`codes`) or states of a drug screen (`states`)."""

    start: int
    end: int
    codes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def read_reasons(question: Question) -> None:
    """Take every mention of a reason or of a drug screen's state; several are asked for together unless "or"."""
    wording = load_wording()
    _read_not_mentioned(question, wording)
    mentions = _longest(question, list(_mentions(question, wording)))
    mentions = sorted([*mentions, *_coordinated(question, wording, mentions)], key=lambda m: m.start)
    for group in _joined_by_or(question, mentions):
        _add_filter(question, group)
    for group in _joined_by_or(question, list(_causes(question, wording))):
        _add_filter(question, group)


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
    found = find_matches(question.text, Subject(), "denial")
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
    labels = " or ".join(reason_label(code) for code in codes)
    if any(m.end() <= start and not _PART_END.search(question.text, m.end(), start)
           for m in _OTHER_THAN.finditer(question.text)):  # fmt: skip
        question.add("reason", "none", codes, f"reason is not: {labels}", words)
    else:
        question.add("reason", "any", codes, f"reason: {labels}", words)
    question.note(f'"{words}" was read as the ground: {labels}')


_PART_END = re.compile(r"[,;.]|\b(?:but|although|though)\b", re.IGNORECASE)
LEAST_AGREEMENT, LONG_WORDING = 0.05, 6
"""How likely the sentence model must hold a pattern's reading; a tenth of it is enough for one of so many words."""


def _agrees(text: str, start: int, end: int, code: str) -> bool:
    """Whole words, and the sentence model does not hold the pattern's reading of their clause for absurd."""
    whole = not (start and text[start - 1].isalnum() and text[start].isalnum())
    first, last = next(((c.start, c.end) for c in _clauses(text) if c.start <= start < c.end), (0, len(text)))
    scores = load_reason_model().score(text[first : max(end, last)].strip())
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
SHORTEST_CLAUSE = 4  # words, where nobody understood just one of them


_THOUGH = re.compile(r"\b(?:although|though|even though|despite|while|but)\s*$", re.IGNORECASE)
_AND = re.compile(r"\s*and\b", re.IGNORECASE)
# "..., or because ...", "either for ... or for ...": one more of the grounds before.
_OTHER_THAN = re.compile(
    rf"\b(?:(?:not|never) {_CAUSE}|(?:other than|besides|except(?: for| where)?|excluding|rather than|aside from|apart from|instead of)(?: {_CAUSE})?) ",
    re.IGNORECASE,
)
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
    certain, and a model that is sure (`beside` another ground, of the clause by itself); the reading is told. "not because ..." before the clause
    excludes its ground.
    """
    decided = {value for f in question.filters if f.field == "decision" for value in f.value}
    side = {frozenset({"upheld"}): "denial", frozenset({"overturned"}): "overturn"}.get(
        frozenset(str(value) for value in decided)
    )
    heard = [each for clause in _heard_clauses(question.text, whole=not beside)
             if (each := _hear_clause(question, clause, side, beside=beside))]  # fmt: skip
    if not heard:
        return
    best = max(heard, key=lambda each: each.score)
    words = question.text[best.unread[0].start() : best.unread[-1].end()]
    for match in best.unread:
        question.take(*match.span())
    labels = " or ".join(reason_label(code) for code in best.codes)
    question.note(f'"{words}" was read, by likeness, as the ground: {labels}')
    before = [f for f in question.filters if f.field == "reason" and f.op == "any"]
    if best.else_of and before:
        question.filters.remove(before[-1])
        codes = tuple(dict.fromkeys([*(str(code) for code in before[-1].value), *best.codes]))
        words = f"{before[-1].words}, {words}"
        question.add("reason", "any", codes, f"reason: {' or '.join(reason_label(code) for code in codes)}", words)
        return
    label = f"reason is not: {labels}" if best.excluded else f"reason: {labels}"
    question.add("reason", "none" if best.excluded else "any", best.codes, label, words)


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
    return _Heard(score, codes, unread, _EXCLUDED.search(question.text[:start]) is not None, else_of)


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


def _hear(clause: str, side: str | None) -> tuple[tuple[str, ...], float]:
    """The ground that a clause states, and how likely it is: of one side, or of both.

    Two that are easily taken for each other may share the lead; without a clear lead there is none.
    """
    known = load_taxonomy().codes
    scores = load_reason_model().score(clause)
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


def _mentions(question: Question, wording: Wording) -> Iterator[_Mention]:
    for state, pattern in wording.uds_states.items():
        for match in question.find(pattern):
            states = UDS_BAD if state != "consistent" else ("consistent",)
            yield _Mention(*match.span(), states=states if state == "inconsistent" else (state,))
    for match in question.find(wording.uds):
        done = _DONE.match(question.text, match.end())
        if done and not _NO.search(question.text[: match.start()]):
            yield _Mention(match.start(), done.end(), states=UDS_DONE)
    for match in question.find(wording.illicit):
        yield _Mention(*match.span(), states=("illicit_positive",))
    told: list[tuple[int, int]] = []
    for code, pattern in [*wording.absent.items(), *wording.phrases]:
        codes = tuple(code.split(" | "))
        there = load_taxonomy().codes[codes[0]].polarity == "overturn"
        for match in question.find(pattern):
            before = question.text[: match.start()]
            if there and (_NO.search(before) or _LIST_DENIED.search(before)):
                continue  # "never recorded pain relief"
            if _DENIED_GROUND.fullmatch(match[0]):
                continue  # "the ingredient was not the reason given"
            told.append(match.span())
            yield _Mention(*match.span(), codes=codes)
    for code, pattern in wording.present.items():
        for match in question.find(pattern):
            before = question.text[: match.start()]
            said_otherwise = any(match.start() < end and start < match.end() for start, end in told)
            if not (said_otherwise or _DENIED.search(before) or _LIST_DENIED.search(before)):
                yield _Mention(*match.span(), codes=(code,))
    for group, pattern in wording.groups.items():
        for match in question.find(pattern):
            yield _Mention(
                *match.span(), codes=tuple(c.code for c in load_taxonomy().codes.values() if c.group == group)
            )


def _longest(question: Question, mentions: list[_Mention]) -> list[_Mention]:
    """The longest of the mentions that overlap; the words are taken."""
    kept: list[_Mention] = []
    for mention in sorted(mentions, key=lambda m: (m.start - m.end, m.start)):
        if question.is_free(mention.start, mention.end):
            question.take(mention.start, mention.end)
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def _coordinated(question: Question, wording: Wording, mentions: list[_Mention]) -> Iterator[_Mention]:
    """ "no drug screen or pain contract": the contract is missing too."""
    for mention in mentions:
        if not (set(mention.codes) & set(wording.absent)):
            continue
        end = mention.end
        things = [thing for code in mention.codes if (thing := wording.objects.get(code))]
        led = any(m.end() == end for thing in things for m in thing.finditer(question.text, mention.start, end))
        while led and (joined := _COORDINATE.match(question.text, end)):
            found = max(
                ((match.end(), code) for code, thing in wording.objects.items()
                 if (match := thing.match(question.text, joined.end())) and question.is_free(*match.span())),
                default=None,
            )  # fmt: skip
            if found is None:
                break
            question.take(joined.end(), found[0])
            yield _Mention(joined.end(), found[0], codes=(found[1],))
            end = found[0]
        # "psych clearance or a baseline evaluation was missing"
        words = question.text[mention.start : mention.end].lower()
        for code, thing in wording.objects.items():
            for match in question.find(thing):
                both = "both " in question.text[max(0, match.start() - 5) : match.start()].lower() or " both " in words
                conjunction = _AND_BACK if both else _COORDINATE_BACK
                if match.end() < mention.start and conjunction.fullmatch(question.text, match.end(), mention.start):
                    question.take(match.start(), mention.start)
                    yield _Mention(*match.span(), codes=(code,))


_IS_CLAUSE = re.compile(
    r" (?:it (?:goes|went|comes|came) with )?(?:was|were|is|are|had|has|did)\b(?! not the\b)", re.IGNORECASE
)
_DENIED_GROUND = re.compile(
    r"(?:is |was |were |are )?not (?:the |a |an )*(?:reason|ground|grounds|cause|basis|rationale|explanation)s?(?: (?:given|provided|cited))?$",
    re.IGNORECASE,
)


def _causes(question: Question, wording: Wording) -> Iterator[_Mention]:
    """ "because of the drug screen": every reason that turns on that thing."""
    items = [term for term in find_terms(question.text) if term.kind != "body_region"]
    for code, thing in [*wording.objects.items(), *wording.causes.items()]:
        for match in question.find(thing):
            before = question.text[: match.start()]
            after = _NOT_THE_GROUND.match(question.text, match.end())
            excluded = after or next((found for p in _EXCLUDING if (found := p.search(before))), None)
            if not (_CAUSED.search(before) or excluded) or _ASKED_FOR.search(before):
                continue
            if code != MISSING_SCREEN and code not in wording.causes and not excluded:
                continue
            if _DENIED_GROUND.search(question.text[: match.end()]):
                continue  # "the ingredient was not the reason given"
            if excluded and not after and _IS_CLAUSE.match(question.text, match.end()):
                continue  # "not because the NSAID was denied" is no matter of having tried it
            is_item = any(term.start <= match.start() and match.end() <= term.end for term in items)
            if code != MISSING_SCREEN and is_item and not _CAUSED.search(before):
                continue  # "everything except MRI" excludes an item, no ground
            question.take(*match.span())
            yield _Mention(*match.span(), codes=UDS_CODES if code == MISSING_SCREEN else (code,))
    if wording.decisions["overturned"].search(question.text) and not wording.decisions["upheld"].search(question.text):
        for code, thing in wording.there.items():
            if code == "prior_care_failed":
                continue  # it takes a word for its failure
            for match in question.find(thing):
                if _CAUSED.search(question.text[: match.start()]):
                    question.take(*match.span())
                    yield _Mention(*match.span(), codes=(code,))


def _joined_by_or(question: Question, mentions: list[_Mention]) -> Iterator[list[_Mention]]:
    """Neighbours with "or" between them belong together."""
    group: list[_Mention] = []
    for mention in mentions:
        again = len(group) > 1 and bool(mention.codes) and mention.codes == group[-1].codes
        if group and not again and not _are_alternatives(question, group[-1], mention):
            yield group
            group = []
        group.append(mention)
    if group:
        yield group


def _are_alternatives(question: Question, first: _Mention, second: _Mention) -> bool:
    """ "or" between them; or a comma alone between two codes that are easily taken for each other: said twice over."""
    if second.start - first.end >= 30:
        return False
    if _OR.search(question.text, first.end, second.start):
        return True
    pairs = {frozenset(pair) for pair in load_taxonomy().confusion_pairs}
    alike = any(frozenset((one, other)) in pairs for one in first.codes for other in second.codes)
    return alike and question.text[first.end : second.start].strip() in (",", "/", "(")


def _add_filter(question: Question, group: list[_Mention]) -> None:
    codes = tuple(dict.fromkeys(code for mention in group for code in mention.codes))
    states = tuple(dict.fromkeys(state for mention in group for state in mention.states))
    start, end = group[0].start, group[-1].end
    words = question.text[start:end].strip()
    excluded = any(_take_before(question, pattern, start) for pattern in _EXCLUDING) or _take_after(
        question, _NOT_THE_GROUND, end
    )
    caused = not excluded and _take_before(question, _CAUSED, start)
    if states and not codes and states != ("consistent",) and (caused or excluded):
        # A bad screen named as the cause is a ground, not a fact of the record.
        codes, states = ("aberrant_drug_behavior",), ()
    if codes and states:
        codes = tuple(dict.fromkeys([*codes, *(["aberrant_drug_behavior"] if set(states) & set(UDS_BAD) else [])]))
        states = () if set(states) & set(UDS_BAD) else states
    if codes:
        _add_reason(question, codes, "none" if excluded else "any", words, lone=len(group) == 1)
    if states:
        _add_states(question, states, "none" if excluded else "any", words, (start, end))


# "the reviewer states that the screen was consistent", "the summary says so": one of the two alone is asked for.
_SAYS = r"(?:says?|said|states?|stated|reports?|reported|notes?|noted|finds?|found|shows?|showed|documents?|documented|mentions?|mentioned|tells|told|writes?|describes?|lists?|listed|gives?|gave|records?|recorded|has|claims?|acknowledges?|acknowledged|admits?|concedes?|conceded|agrees?|confirms?|confirmed|observes?|observed)"
_WHO_SAYS = re.compile(
    rf"\b(?:(?:the |clinical |case |that |which |where |whose )*(?:(?P<summary>summary|case summary|clinical summary|history)|(?P<rationale>rationale|reviewers?|decision|physician reviewer)) (?:{_SAYS}|has|with)|(?:according to|in|per) the (?:clinical |case )*(?:(?P<in_summary>summary)|(?P<in_rationale>rationale)),?)(?: that)?(?: the| a| an| patient's| his| her| there (?:is|was|were))*\s*$",
    re.IGNORECASE,
)


# "... were consistent, per the reviewer"
_SAID_BY = re.compile(
    r",? (?:per|according to|by|in) (?:the )?(?:clinical |case )*(?:(?P<summary>(?P<in_summary>summary))|(?P<rationale>(?P<in_rationale>(?:reviewer's )?rationale|reviewer|physician reviewer)))\b",
    re.IGNORECASE,
)


def _add_states(question: Question, states: tuple[str, ...], op: FilterOp, words: str, place: tuple[int, int]) -> None:
    """States of a screen, in either part of the letter, or in the part that the question names."""
    said = _WHO_SAYS.search(question.text[: place[0]]) or _SAID_BY.match(question.text, place[1])
    field_name, who = "uds", ""
    if said and op == "any" and question.is_free(*said.span()):
        by_summary = bool(said["summary"] or said["in_summary"])
        field_name, who = ("uds_summary", "summary: ") if by_summary else ("uds_rationale", "rationale: ")
        question.take(*said.span())
    told = " or ".join(state.replace("_", " ") for state in states)
    label = f"{who}urine drug screen is {'not ' if op == 'none' else ''}{told}"
    question.add(field_name, op, states, label, words)


# "the main reason was ..."; but "main reasons" asks for figures.
_MAIN = re.compile(
    r"\b(?:(?:main|primary|principal|chief|leading|first) (?:reason|ground|cause|basis)|mainly|primarily|chiefly|principally)\b",
    re.IGNORECASE,
)


def _add_reason(question: Question, codes: tuple[str, ...], op: FilterOp, words: str, *, lone: bool) -> None:
    labels = " or ".join(reason_label(code) for code in codes)
    main = next(iter(question.find(_MAIN)), None) if op == "any" else None
    if main:
        question.take(*main.span())
        question.add("primary_reason", op, codes, f"main reason: {labels}", words)
        return
    question.add("reason", op, codes, f"reason is not: {labels}" if op == "none" else f"reason: {labels}", words)
    if op == "none" or not lone or _OR.search(words):
        return
    for subtype in load_wording().subtypes:
        if (subtype.code,) == codes and subtype.asked.search(words):
            quoted = tuple(f"{subtype.code}|{word}" for word in subtype.quote)
            question.add("quote", "any", quoted, f"the finding speaks of {' or '.join(subtype.quote)}", words)
            return


def _take_before(question: Question, pattern: re.Pattern[str], start: int) -> bool:
    match = pattern.search(question.text[:start])
    if match is None or not question.is_free(*match.span()):
        return False
    question.take(*match.span())
    return True


def _take_after(question: Question, pattern: re.Pattern[str], end: int) -> bool:
    match = pattern.match(question.text, end)
    if match is None or not question.is_free(*match.span()):
        return False
    question.take(*match.span())
    return True


def _read_not_mentioned(question: Question, wording: Wording) -> None:
    """ "the drug screen is not mentioned" is neither a missing screen nor a good one."""
    for match in list(question.find(wording.uds)):
        said = question.text[: match.start()]
        before, after = (
            _SILENT.search(said) or _NO_MENTION.search(said),
            _NOT_MENTIONED.match(question.text, match.end()),
        )
        if not (before or after):
            before, after = _NO_SCREEN.search(said), _IS_MENTIONED.match(question.text, match.end())
            if not (before and after):
                continue
        start, end = before.start() if before else match.start(), after.end() if after else match.end()
        words = question.take(start, end)
        question.add("uds_rationale", "is", ("not_mentioned",), "rationale does not mention a drug screen", words)


def reason_label(code: str) -> str:
    """A reason code in words."""
    known = load_taxonomy().codes.get(code)
    return known.label if known else code.replace("_", " ")
