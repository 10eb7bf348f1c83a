"""Reasons in a question: which grounds, and whether they are asked for or excluded.

Three states of a drug screen stay apart: "no drug screen" is a reason, "a consistent screen" and "an inconsistent
screen" are states of one that was done, and "screens are not mentioned" is a third. A bare "drug screen" is the item
in dispute, unless the question calls it a cause ("denied because of the drug screen").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imr_llm.library.filters import FilterOp
from imr_llm.rules.reasons import MISSING_SCREEN
from imr_llm.search.question import Question
from imr_llm.search.wording import Wording, load_wording
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import find_terms

UDS_CODES = (MISSING_SCREEN, "aberrant_drug_behavior")
UDS_BAD = ("inconsistent", "illicit_positive")
UDS_DONE = ("consistent", *UDS_BAD, "done_result_unknown")

CAUSE = r"(?:because of|because|due to|for|based on|on account of|on the grounds? of|over|on)"
_NOT = (
    r"(?:not|never|(?:(?:for )?(?:other |different )?reasons? )?other than|for reasons besides|besides|except(?: for| where)?"
    r"|excluding|exclude|rather than|aside from|apart from|instead of|unless"
    r"|(?:leav(?:e|ing) (?:out|aside)|omit(?:ting)?|skip(?:ping)?|without|not|minus) (?:those|the ones|ones|cases|items|any"
    r"|letters)(?: (?:where|with|that|which|in which))?(?: (?:have|has|had|there (?:is|was)))?)"
)
# "denied but NOT because of the ...", "other than ..." right before a reason.
EXCLUDED = re.compile(
    rf"\b{_NOT}(?: just| only| simply| denied| upheld)?(?: {CAUSE})?(?: anything (?:about|to do with|concerning|in)| something (?:about|to do with))?(?: the| a| an| any| it was| it| they| that| being| having)*\s*$",
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
NOT_THE_GROUND = re.compile(
    r"\s*,?\s*(?:(?:was|were|is|are|being)(?:n't| not| never)|not|never)(?: (?:the|a|an|its|any|considered|seen as|part of|one of|among))* "
    r"(?:problem|issue|complaint|objection|sticking point|reasons|reason|ground|grounds|cause|basis|factor|concern|obstacle|why|held against (?:it|them|him|her|the request)|"
    r"cited|raised|mentioned|given|used|invoked|relied on|in dispute|at issue|the point|decisive|questioned|in question|challenged|contested|doubted|disputed|criticized)(?: (?:given|cited))?\b",
    re.IGNORECASE,
)
# "neither a missing nor a bad screen was among the grounds"
_AMONG_THE_GROUNDS = re.compile(
    r"\s*(?:was|were|is|are|being) (?:(?:an? |the |one of the |among the |part of the )*(?:grounds?|reasons?|issues?|basis|cause|problem)|cited|raised|held against (?:it|them))\b",
    re.IGNORECASE,
)
# "without red flags being a ground"
_BEING_GROUND = re.compile(
    r"\s*(?:being|having been) (?:an? |the |one of the |among the |part of the )*(?:grounds?|reasons?|issues?|basis|cause|problem)\b",
    re.IGNORECASE,
)
# "an inconsistent screen held against the patient"
_HELD_AGAINST = re.compile(
    r",?\s*(?:(?:and|which|that|it) )?(?:(?:that|it|which) )?(?:was |were |is |being )?(?:held|used|counted) against (?:him|her|them|it|the \w+)\b",
    re.IGNORECASE,
)
_EXCLUDING = (EXCLUDED, _UNBLAMED, _NOT_RESTING)
_CAUSED = re.compile(rf"\b{CAUSE}(?: the| a| an| his| her| their)*\s*$", re.IGNORECASE)
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


_OTHER_IMAGING = re.compile(
    r"\b(?:cts?|x-?rays?|films?|radiographs?|ultrasounds?|emgs?|ncvs?|scans?|imaging)\b[^,;]{0,40},\s*(?:but |and )?$",
    re.IGNORECASE,
)
_FOR = re.compile(r"not (?:for|because|due)\b", re.IGNORECASE)
_BUT = re.compile(r"\b(?:but|though|although)\s*$", re.IGNORECASE)
_IS_PART = re.compile(
    r"\s*(?:(?:is|was|were|are|far|well|being|above|over|beyond|past|under|the|a|an|its|of|in|by)\s+){0,4}",
    re.IGNORECASE,
)


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
            if code == "no_imaging_or_edx_corroboration" and _OTHER_IMAGING.search(before):
                continue  # "CT or plain films, no MRI" leaves an item out
            if _DENIED_GROUND.fullmatch(match[0]) or (_FOR.match(match[0]) and _BUT.search(before)):
                continue  # "the ingredient was not the reason given", "denied but not for long term use"
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
            if any(_IS_PART.fullmatch(question.text, end, match.start()) for _, end in told):
                continue  # "morphine dose above the guideline limit" says one thing
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
            after = NOT_THE_GROUND.match(question.text, match.end())
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
    excluded = (
        any(_take_before(question, pattern, start) for pattern in _EXCLUDING)
        or _take_after(question, NOT_THE_GROUND, end)
        or (words.lower().startswith("neither ") and _take_after(question, _AMONG_THE_GROUNDS, end))
        or (words.lower().startswith(("without ", "no ")) and _take_after(question, _BEING_GROUND, end))
    )
    caused = not excluded and (_take_before(question, _CAUSED, start) or _take_after(question, _HELD_AGAINST, end))
    if states and not codes and states != ("consistent",) and (caused or excluded):
        # A bad screen named as the cause is a ground, not a fact of the record.
        codes, states = ("aberrant_drug_behavior",), ()
    if codes and states:
        codes = tuple(dict.fromkeys([*codes, *(["aberrant_drug_behavior"] if set(states) & set(UDS_BAD) else [])]))
        states = () if set(states) & set(UDS_BAD) else states
    if codes:
        lone = len(group) == 1 and not _LISTED.match(question.text, end)
        _add_reason(question, codes, "none" if excluded else "any", words, lone=lone)
        if not excluded and len(group) == 1:
            _read_sole(question)
    if states:
        _add_states(question, states, "none" if excluded else "any", words, (start, end))


# One of several kinds of the reason: "relief too brief, or function dropped".
_LISTED = re.compile(r"\s*,?\s*or\b", re.IGNORECASE)
# "as the only ground", "and nothing else"
_SOLE = re.compile(
    r"\b(?:as |was |is |being )*(?:the |its |their )?(?:only|sole|single|one and only) (?:reason|ground|cause|basis|finding|problem)s?(?: given| cited| stated)?\b"
    r"|\b(?:and |but )?(?:for )?(?:nothing else|no other (?:reason|ground|cause)s?|no reason but)\b|\bon (?:that|this) ground alone\b|\bfor (?:that|this) reason alone\b",
    re.IGNORECASE,
)


def _read_sole(question: Question) -> None:
    """A reason that stands alone."""
    for match in list(question.find(_SOLE)):
        question.add("grounds", "is", (1,), "it is the only reason", question.take(*match.span()))


# "the reviewer states that the screen was consistent", "the summary says so": one of the two alone is asked for.
_SAYS = r"(?:says?|said|states?|stated|reports?|reported|notes?|noted|finds?|found|shows?|showed|documents?|documented|mentions?|mentioned|tells|told|writes?|describes?|lists?|listed|gives?|gave|records?|recorded|has|claims?|acknowledges?|acknowledged|admits?|admitted|concedes?|conceded|agrees?|agreed|confirms?|confirmed|observes?|observed)"
_WHO_SAYS = re.compile(
    rf"\b(?:(?:the |clinical |case |that |which |where |whose )*(?:(?P<summary>summary|case summary|clinical summary|history)|(?P<rationale>rationale|reviewers?|decision|physician reviewer))(?: itself| himself| herself)? (?:{_SAYS}|has|with)|(?:according to|in|per) the (?:clinical |case )*(?:(?P<in_summary>summary)|(?P<in_rationale>rationale)),?)(?: that)?(?: the| a| an| patient's| his| her| there (?:is|was|were))*\s*$",
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
    main = next(iter(question.find(_MAIN)), None) if op == "any" else None
    if main:
        question.take(*main.span())
        question.add("primary_reason", op, codes, f"main reason: {reason_labels(codes)}", words)
        return
    add_reason(question, codes, op, words)
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


# "... and the summary does not report one either"
_SUMMARY_SILENT = re.compile(
    r"(?:,? (?:and|but|while|nor))?,? (?:does )?(?:the )?(?:case |clinical )*summary(?: itself)? (?:(?:does not|did not|never|nor does)(?: even)? (?:report|mention|speak of|list|have|record|show|note)s?|is silent(?: on| about)?|says nothing(?: of| about)?|makes no mention of)(?: (?:one|it|any|that|a screen|the screen))?(?: either)?",
    re.IGNORECASE,
)
# "though a drug screen was not said to be missing"
_NOT_MISSING = re.compile(
    r" (?:is|was|are|were) not (?:said to be |found (?:to be )?|called |held to be |reported (?:as )?|considered )?(?:missing|absent|lacking)\b",
    re.IGNORECASE,
)


def _read_not_mentioned(question: Question, wording: Wording) -> None:
    """ "the drug screen is not mentioned" is neither a missing screen nor a good one."""
    if wording.uds.search(question.text):
        for match in list(question.find(_SUMMARY_SILENT)):
            words = question.take(*match.span())
            question.add("uds_summary", "is", ("not_mentioned",), "summary does not mention a drug screen", words)
    for match in list(question.find(wording.uds)):
        if there := _NOT_MISSING.match(question.text, match.end()):
            add_reason(question, (MISSING_SCREEN,), "none", question.take(match.start(), there.end()))
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


def add_reason(question: Question, codes: tuple[str, ...], op: FilterOp, words: str) -> None:
    """Ask for any of some reasons (`op` "any"), or for none of them ("none")."""
    question.add("reason", op, codes, f"reason{' is not' if op == 'none' else ''}: {reason_labels(codes)}", words)


def reason_labels(codes: Iterable[str]) -> str:
    """Reason codes in words, as alternatives."""
    return " or ".join(reason_label(code) for code in codes)


def reason_label(code: str) -> str:
    """A reason code in words."""
    known = load_taxonomy().codes.get(code)
    return known.label if known else code.replace("_", " ")
