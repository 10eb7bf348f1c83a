"""The facts of a clinical case summary: diagnoses, medications, prior treatments, the actions of utilization review.

Every fact is a short verbatim piece of the cleaned summary with its span. Lists are read from the places where
summaries print them ("Diagnoses include …", "Current medications: …", "Treatment to date has included …"); what is
planned, requested or said to be absent is not a fact. Actions of utilization review carry the date, what was done
and the item as printed, and are matched to a determination by the words of its title.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from imr_llm.letters.dates import FoundDate, find_dates
from imr_llm.record import UrAction
from imr_llm.rules.absence import bounded_sentences
from imr_llm.terms.vocabulary import find_drugs


@dataclass(frozen=True)
class Fact:
    """A verbatim piece of the summary: summary[start:end] == text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class UrFact:
    """One action of utilization review, told at summary[start:end]; `item` None where it is not named there."""

    date: datetime.date | None
    action: UrAction
    item: str | None
    start: int
    end: int


@dataclass(frozen=True)
class SummaryFacts:
    """What the summary states, in its own order."""

    diagnoses: tuple[Fact, ...] = ()
    medications: tuple[Fact, ...] = ()
    prior_treatments: tuple[Fact, ...] = ()
    ur_actions: tuple[UrFact, ...] = ()


def read_summary(summary: str) -> SummaryFacts:
    """Read the facts of a cleaned summary."""
    sentences = bounded_sentences(summary)
    return SummaryFacts(
        diagnoses=_read_lists(summary, sentences, _DIAGNOSES, _DIAGNOSES_END),
        medications=_read_lists(summary, sentences, _MEDICATIONS, _MEDICATIONS_END),
        prior_treatments=_read_lists(summary, sentences, _TREATMENTS, _TREATMENTS_END),
        ur_actions=_tell_once(_read_ur_actions(summary, sentences)),
    )


# ----------------------------------------------------------------------------------------------------------- lists

_PERSON = r"(?:injured\s+worker|worker|patient|applicant|claimant|employee|individual|IW|he|she)"
_COLON = r"\s*:?\s*"

_DIAGNOSES = re.compile(
    rf"""
      \b(?:diagnos[ei]s|diagnostic\s+impressions?|(?:clinical\s+)?impressions?|assessments?)
        (?:\s+(?:at\s+that\s+time|on\s+(?:this|that)\s+date|listed|given))?\s*
        (?:(?:have|has|had)\s+(?:also\s+)?included|(?:that\s+)?includ(?:ed|es|ing|e)\b|(?:are|is|were|was)\s+(?:documented|listed|noted|given|reported)\s+(?:as|to\s+be)
          |(?:are|is|were|was)(?:\s+as\s+follows)?(?!\s+(?:not|made|unclear|unchanged|given|established|that))|consist(?:s|ed)?\s+of|(?<=[Ss]is)\s+of|(?<=[Ss]es)\s+of|:){_COLON}
    | \b(?:undergoing|under|receiving|received|seeking)\s+treatments?\s+for{_COLON}
    | \b(?:is|was|are|been|being)\s+(?:also\s+|currently\s+)?(?:being\s+)?(?:treated|followed|managed|evaluated\s+and\s+treated)\s+for{_COLON}
    | \b(?:diagnosed\s+(?:with|as\s+having|as|to\s+have)|carries\s+(?:the\s+|a\s+)?diagnos[ei]s\s+of|given\s+(?:the\s+|a\s+)?diagnos[ei]s\s+of)\s+
    | \bhas\s+filed\s+a\s+claim\s+for\s+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DIAGNOSES_END = re.compile(
    r"\s+(?:reportedly\s+)?(?:associated\s+with|attributed\s+to|allegedly|secondary\s+to\s+an?\s+industrial|as\s+a\s+result\s+of)\b"
    r"|\s+since\s+\d{4}|\s+(?:and|with)\s+(?:reported|complain|has\s+been|is\s+being|was\s+treated|underwent|had\s+)\b"
    r"|,?\s+(?:who|which|that)\s|,\s+(?:and\s+)?(?:the|his|her)\s+(?:treating|requesting|patient|injured)\b|\bdue\s+to\s+(?:a\s+|an\s+)?(?:fall|industrial|work)",
    re.IGNORECASE,
)
_MEDICATIONS = re.compile(
    rf"""
      \b(?:medications?|mediations?|medicines|medication\s+(?:list|regimen|history)|medications?\s+list|drug\s+regimen|prescriptions?)
        (?:\s+(?:at\s+that\s+time|in\s+use|used|prescribed|list|regimen|on\s+(?:this|that)\s+date|\(?\d{{1,2}}[-/]\d{{1,2}}[-/]\d{{2,4}}\)?))?
        (?:\s*(?:have|has|had)\s+included|\s*includ(?:ed|es|ing|e)\b|\s+list(?:ed|s)\b(?!\s+(?:was|were|is|not))(?:\s+as)?|\s+(?:are|is|were|was)\s+(?:listed|noted|documented|given|reported)\s+(?:as|to\s+(?:be|include))
          |\s+(?:currently\s+)?(?:are|is|were|was)(?:\s+as\s+follows)?(?!\s+(?:not|un|refilled|renewed|denied|continued|prescribed|effective|helpful|helping|provided|ordered|requested|non|modified|reviewed|being|to\b|only|the\s+same|taken|reduc|decreas|able|working|recommended|discontinu))
          |\s+consist(?:s|ed)?\s+of|\s+prescribed|\s*:){_COLON}
    | \b{_PERSON}\s+(?:is|was|has\s+been|had\s+been)\s+(?:currently\s+|reportedly\s+|also\s+|then\s+)?(?:taking|using|prescribed|utilizing|maintained\s+on)\s+
    | \b{_PERSON}\s+(?:currently\s+|reportedly\s+)?(?:takes|uses)\s+
    | \b(?:applicant|patient|worker|claimant|he|she)\s+was\s+(?:reportedly\s+|apparently\s+)?(?:on|given\s+refills\s+of|given\s+prescriptions?\s+for)\s+
        (?=[A-Z])
    """,
    re.IGNORECASE | re.VERBOSE,
)
_MEDICATIONS_END = re.compile(
    r",?\s+(?:several|some|all|both|most)\s+of\s+which\b|\s+and\s+(?:states?|reports?|notes?|has|had|is|was|continues?)\b|,\s+(?:which|who|the\s+attending|and\s+(?:the|he|she|it))\b"
    r"|\s+which\b|\s+for\s+(?:the\s+)?(?:pain|chronic|his|her|low|neck|treatment|relief|sleep|spasms?|\d)\b|,?\s+but\b|\s+since\s+(?:at\s+least\s+)?\d|\s+until\b|\s+to\s+(?:help|treat|relieve|manage|control)\b"
    r"|\s+with\s+(?:benefit|relief|good|some|no|minimal|improvement|pain|\d)|,?\s+and\s+(?:physical\s+therapy|was\s+placed)|;\s+\d+\s+",
    re.IGNORECASE,
)
_TREATMENTS = re.compile(
    rf"""
      \b(?:(?:prior|past|previous|relevant|conservative|current|other|extensive|initial)\s+)*(?:treatments?|therap(?:y|ies)|conservative\s+(?:care|management|measures|treatments?)|medical\s+management|care)
        (?:\s*(?:,|and|-|/)\s*(?:diagnostics?|evaluations?|(?:diagnostic\s+)?testing|management|therapies|studies))?
        (?:\s+rendered)?(?:\s+history)?(?:\s+to\s+date|\s+thus\s+far|\s+so\s+far|\s+for\s+this\s+injury|\s+received)?
        \s*(?:(?:have|has|had)\s+(?:also\s+|previously\s+)?(?:included|consisted\s+of|been(?!\s+(?:not|un|denied|author|approv|request)))|includ(?:ed|es|ing|e)\b|consist(?:s|ed)\s+of|(?:are|were|is|was)\s+(?:noted|documented|listed|reported)\s+(?:as|to\s+include)|rendered\s+included|:){_COLON}
    | \b{_PERSON}\s+(?:has|had|have)\s+(?:also\s+|previously\s+)?(?:been\s+)?(?:treated\s+(?:conservatively\s+)?(?:with|by)|tried|failed|trialed|received|attempted|completed|undergone)\s+
    | \b{_PERSON}\s+(?:underwent|completed|received|was\s+(?:initially\s+)?treated\s+(?:conservatively\s+)?with)\s+
    | \b{_PERSON}\s+has\s+had\s+(?=(?:chiro|physical|acup|epidural|inject|massage|therapy|PT\b|TENS|surg|aqua))
    | \b(?:past\s+)?surgical\s+history\s+(?:is\s+)?(?:included?|includes|of|consists\s+of|:|significant\s+for|positive\s+for){_COLON}
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TREATMENTS_END = re.compile(
    r",?\s+(?:which|but|however|although)\b|\s+and\s+(?:has|had|is|was|continues?|reports?|stated?)\b|\s+which\b"
    r"|\s+(?:shows?|showed|reveal(?:s|ed))\b|\s+without\s+(?:\w+\s+){0,2}(?:benefit|relief|improvement)|\s+with\s+(?:\d+\s?%|\w+\s+)?(?:improvement|relief|benefit)|,?\s+following\s+(?:the|his|her)\b",
    re.IGNORECASE,
)
# "Treatment plan included", "is being treated", "no prior treatment", "request for treatment".
_NOT_A_LIST_BEFORE = re.compile(
    r"\b(?:no|not|without|denies|denied|plan|plans|planned|request(?:s|ed|ing)?|recommend\w*|proposed|future|additional|further|for|rule\s+out|non|pain)\s+"
    r"(?:(?:any|prior|previous|past|other|current|of|for|the|a|an)\s+)*$",
    re.IGNORECASE,
)
# "denied, as there is no evidence the patient has failed conservative care"
_SAID_TO_BE_MISSING = re.compile(
    r"\b(?:no|lack\s+of|without|insufficient)\s+(?:\w+\s+){0,2}(?:evidence|documentation|indication)\b|\b(?:denied|non-?certified)\b",
    re.IGNORECASE,
)
_NOT_A_FACT = re.compile(
    r"^(?:not\b|none\b|no\b|n/?a\b|unknown|unspecified$|list\s+not|unclear|un\w+\s+to|noncontributory|as\s+follows|as\s+(?:above|needed|prescribed)|prn|the\s+same|same|able|to\b"
    r"|that\b|this\b|it\b|there\b|other\s+treatments?$|etc\.?$|(?:the\s+)?(?:above|following)\b|due\s+to|he\b|she\b|they\b|more\b|less\b|helping|helps|effective)",
    re.IGNORECASE,
)
_LEAD_WORDS = re.compile(
    r"^(?:(?:and|or|as\s+well\s+as|plus|both|also|of|the|a|an|at\s+least\s+one\s+session\s+of|a\s+course\s+of|with|having|has|diagnosed\s+with|the\s+following|multiple|several|medications?(?:\s+(?:have|has)\s+included|\s+includ(?:ing|es))?\s*:|\"|:|-|;)(?:\s+|(?<=[:;\"-])))+",
    re.IGNORECASE,
)
_TAIL_WORDS = re.compile(
    r"\s*(?:\(since[^)]*\)|\(unspecified\)|since\s+(?:at\s+least\s+)?[\d/-]{6,10}|,?\s*(?:initial|subsequent)\s+encounter(?=$)"
    r"|\s+(?:on|at|dated)\s+(?:the\s+)?\(?[\d/-]{6,10}\)?(?:\s+(?:visit|through.{0,12}))?|\s+followed\s+by\s+removal|\s+through\s+[\d/-]{6,10}"
    r"|\s+for\s+(?:pain|this\s+injury|headaches|his\s+injury|her\s+injury)|[,;:.\s\"-]+)$",
    re.IGNORECASE,
)
LONGEST_ITEM = 160
LONGEST_LIST = 900

# Pieces that are no item of their own: they belong to the piece before ("…, initial encounter"; "contusion of face,
# scalp and neck") or to the piece after ("cervical, thoracic and lumbar sprain").
_PLACE = (
    r"(?:cervical|thoracic|lumbar|lumbosacral|sacral|sacroiliac|neck|mid|upper|lower|low|back|head|face|scalp|jaw|shoulders?|elbows?|wrists?|hands?|fingers?|hips?"
    r"|knees?|ankles?|foot|feet|legs?|arms?|extremit(?:y|ies)|limbs?|buttocks?|spine|left|right|bilateral|trunk|chest|pelvis|ribs?|thighs?|groin|forearms?|thumb|joint|region|and|or|mid-?back|mid-?cervical|brain)"
)
_ONLY_PLACE = re.compile(rf"^(?:and\s+)?(?:{_PLACE}[\s/-]*)+$", re.IGNORECASE)
_TO_THE_PIECE_BEFORE = re.compile(
    r"^(?:and\s+)?(?:[CTLS]\d|(?:initial|subsequent|sequela)\b.{0,20}$|(?:\w+\s+)?(?:region|level|site|encounter|side|type|limb)\b.{0,20}$|fascia\b|tendons?\b|fasciae?\b|unspecified(?:\s+(?:side|site|part))?$|not\s+elsewhere|not\s+otherwise"
    r"|as\s+well$|not\s+intractable|without\b|with\b|closed$|open$|acute$|chronic$|severe$|mild$|moderate$|improved\b|resolved\b|stable\b|most\s+likely\b|(?:non)?-?displaced$|status\s+post\s+being|worse\b|greater\b|including\b)",
    re.IGNORECASE,
)
_TAKES_A_PLACE = r"\b(?:of|to|in|at|for|region|left|right|displacement|dislocation|radiculopathy|sprain|strain)\b|\bsyndrome|^\s*\w+\s*$"
# "cervical and lumbar sprain", "discectomy and fusion", "C5-6 and C6-7": one item.
_ONE_ITEM_AND = re.compile(
    rf"\b(?:{_PLACE}|muscles?|fascia|synovitis|discectomy|decompression|laminectomy|reduction|incision|nausea|recess|canal|central|foraminal|facet|ice|hot|cold|anterior|posterior|acute|rest|sit"
    rf"|[CTLS]\d(?:-[CTLS]?\d)?)$"
)
_ONE_ITEM_AFTER = re.compile(
    rf"(?:{_PLACE}|tendons?|tenosynovitis|fusion|drainage|vomiting|heat|stenosis|foraminal|neural\s+foraminal|lateral\s+recess|ligament(?:um)?|[CTLS]\d)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:sprains?|strains?|pains?|injur\w+|fractures?|contusions?|syndrome|radiculopathy|tears?|tendin\w+|arthr\w+|disease|dysfunction"
    r"|protrusions?|stiffness|impingement|spasms?|headaches?|neuropathy|weakness|numbness|derangement|bursitis|\w+itis|\w+algia)\b",
    re.IGNORECASE,
)
_COMMA = re.compile(r"\s*,\s*(?:and\s+|as\s+well\s+as\s+)?(?!\d{3}\b)|\s+as\s+well\s+as\s+")
_AND = re.compile(r"\s+and\s+(?!/?or\b)")
# "ice; therapy; physical therapy and medications": the last two of a list whose semicolons ran out.
_AND_MEDICATIONS = re.compile(r"\s+and\s+(?=(?:\w+\s+)?(?:medications?|rest|home\s+exercises?)\W*$)", re.IGNORECASE)
_SEMICOLON = re.compile(r"\s*;\s*(?:and\s+)?")


def _read_lists(
    summary: str, sentences: tuple[tuple[int, int], ...], lead: re.Pattern[str], stop: re.Pattern[str]
) -> tuple[Fact, ...]:
    """The items of every list that `lead` opens, once each, in order."""
    facts: dict[str, Fact] = {}
    for start, end in sentences:
        for first, last in _list_spans(summary, start, end, lead, stop):
            for fact in _split_list(summary, first, last):
                facts.setdefault(fact.text.lower(), fact)
    return tuple(sorted(facts.values(), key=lambda fact: fact.start))


def _list_spans(
    summary: str, start: int, end: int, lead: re.Pattern[str], stop: re.Pattern[str]
) -> Iterator[tuple[int, int]]:
    at = start
    while match := lead.search(summary, at, end):
        at = match.end()
        if _NOT_A_LIST_BEFORE.search(summary[max(start, match.start() - 60) : match.start()]):
            continue
        if _SAID_TO_BE_MISSING.search(summary[start : match.start()]):
            continue
        last = min(end, match.end() + LONGEST_LIST)
        stopped = stop.search(summary, match.end(), last)
        again = lead.search(summary, match.end(), last)
        last = min(last, stopped.start() if stopped else last, again.start() if again else last)
        if last > match.end():
            yield match.end(), last


def _split_list(summary: str, start: int, end: int) -> Iterator[Fact]:
    for first, last in _merge_pieces(summary, _split_pieces(summary, start, end)):
        fact = _trim_item(summary, first, last)
        if fact is not None:
            yield fact


def _split_pieces(summary: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut at semicolons where there are any, else at commas and the closing "and"; never inside parentheses."""
    text = summary[start:end]
    masked = re.sub(r"\([^()]*\)", lambda match: "_" * len(match[0]), text)
    if _SEMICOLON.search(masked.rstrip(" ;.")):
        cuts = [match.span() for match in _SEMICOLON.finditer(masked)]
        cuts += [match.span() for match in _AND_MEDICATIONS.finditer(masked, cuts[-1][1] if cuts else 0)]
    else:
        cuts = [match.span() for match in _COMMA.finditer(masked)]
        tail = cuts[-1][1] if cuts else 0
        closing = [match.span() for match in _AND.finditer(masked, tail) if not _joins_one_item(masked, match)]
        cuts += closing[-1:]
    edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
    return [(start + a, start + b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b > a]


def _joins_one_item(text: str, conjunction: re.Match[str]) -> bool:
    """ "cervical and lumbar sprain": places (or parts of one procedure) on both sides of the "and"."""
    before = text[: conjunction.start()].rsplit(",", 1)[-1]
    if re.search(r"\b(?:right|left)$", before) and re.match(r"(?:left|right)\b", text[conjunction.end() :]):
        return True
    if _CONDITION.search(before) and _CONDITION.search(text, conjunction.end()):
        return False
    return bool(_ONE_ITEM_AND.search(before) and _ONE_ITEM_AFTER.match(text, conjunction.end()))


def _merge_pieces(summary: str, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join pieces that are no item of their own to the one they belong to."""
    merged: list[tuple[int, int]] = []
    waiting: int | None = None
    for first, last in pieces:
        words = summary[first:last].strip(" .")
        before = summary[slice(*merged[-1])] if merged else ""
        if _ONLY_PLACE.match(words):
            if merged and waiting is None and re.search(_TAKES_A_PLACE, before, re.IGNORECASE):
                merged[-1] = (merged[-1][0], last)
            elif waiting is None:
                waiting = first
            continue
        if merged and waiting is None and _TO_THE_PIECE_BEFORE.match(words):
            merged[-1] = (merged[-1][0], last)
            continue
        merged.append((waiting if waiting is not None else first, last))
        waiting = None
    if waiting is not None:
        merged.append((waiting, pieces[-1][1]))
    return merged


def _trim_item(summary: str, start: int, end: int) -> Fact | None:
    """The item without leading "and", trailing dates and punctuation; None for what is no item."""
    text = summary[start:end]
    lead = _LEAD_WORDS.match(text.lstrip())
    offset = len(text) - len(text.lstrip()) + (lead.end() if lead else 0)
    text = text[offset:]
    while (tail := _TAIL_WORDS.search(text)) and tail.start() < len(text):
        text = text[: tail.start()]
    if not 2 <= len(text) <= LONGEST_ITEM or _NOT_A_FACT.match(text) or not re.search(r"[A-Za-z]{2}", text):
        return None
    return Fact(text, start + offset, start + offset + len(text))


# -------------------------------------------------------------------------------------------------- utilization review

_REVIEW = re.compile(
    r"\butilization\s+review|\bUR\b|\bclaims\s+administrator|\b(?:prior|previous|original|initial)\s+(?:utilization\s+)?(?:review|determination|denial|decision)\b"
    r"|\bpreviously\s+(?:non-?\s?certified|denied|modified)|\bwas\s+(?:previously\s+)?(?:non-?\s?certified|denied|modified)\b|\bwere\s+(?:previously\s+)?(?:non-?\s?certified|denied|modified)\b"
    r"|\brationale\s+for\s+denial\b",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"(?P<denied>\bnon-?\s?certif(?:ied|ies|y|ication)\b|\bnot\s+certif(?:ied|y)\b|\bnoncertified\b|\bden(?:ied|y|ies|ial)\b|\bfailed\s+to\s+(?:approve|authorize|certify)\b"
    r"|\b(?:was|were|is|are|as)\s+not\s+(?:be\s+)?medically\s+(?:necessary|appropriate)|\bnot\s+(?:approved|authorized)\b|\bdisapproved\b|\brejected\b|\bdeclined\b"
    r"|\b(?:found|deemed|considered|determined)\s+[^.;]{3,200}?\s+(?:to\s+be\s+|as\s+)?not\s+(?:to\s+be\s+)?medically\s+(?:necessary|appropriate)"
    r"|\badverse(?:ly)?\s+(?:decision|determin\w+))"
    r"|(?P<modified>\bmodif(?:ied|y|ies|ication)\b|\bpartially\s+(?:certif|approv|authoriz|den)\w+|\bcertified\s+(?:with|in)\s+(?:modif|part)\w*|\bconditionally\s+(?:certified|approved))"
    r"|(?P<delayed>\bdelayed\b|\bdefer(?:red|s|ral)?\b|\bwithheld\s+pending\b)"
    r"|(?P<granted>(?<!non-)(?<!non )(?<!not )\b(?:certified|approved|authorized)\b)",
    re.IGNORECASE,
)
_PARTLY_GRANTED = re.compile(r"(?P<item>[^.;:]{3,260}?)\s+(?:was|is|were)\s+the\s+original\s+request\b", re.IGNORECASE)
_REQUEST_FOR = re.compile(
    r"\b(?:requests?(?:\s+(?:was|were)\s+(?:received|submitted|made))?|prescriptions?|authorization|coverage)\s+(?:made\s+)?(?:for|of|or)\s+(?!authori[sz]ation\b(?!\s+(?:for|of)))(?:authorization\s+(?:for|of)\s+)?(?:an?\s+|the\s+)?(?:prescription\s+(?:for|of)\s+)?",
    re.IGNORECASE,
)
_ITEM_END = re.compile(
    r"\s+(?:due\s+to|as\s+(?:an?|there|the|independence|guidelines|not|it)|because|since|stating|citing|noting|to\s+(?:the\s+)?(?:\d[\dx]*|allow|certify|authorize|approve|one|two|three|four|six|a\s|nerve|Norco)"
    r"|based\s+on|indicating|given\s+that|per\s+(?:the\s+)?(?:guidelines|MTUS|ODG)|from\s+date|with\s+(?:a\s+)?rationale)\b"
    r"|\s+(?:was|were|is|are|has\s+been|have\s+been|had\s+been|that\s+(?:was|were))\b|\s+by\s+(?:the\s+)?(?:utilization|UR\b|claims)|;|,\s+(?:due|as|because|citing|stating|and\s+(?:was|modified|denied))\b"
    r"|\s+and\s+(?:certified|modified|denied|non-?certified|approved|authorized)\b|\s+to\s+(?:\w+\s+[\d#]|#)|\s+(?:provided|dispensed|performed|rendered|given)\s+on\b|,?\s+(?:apparently|reportedly|seemingly|presumably|invoking|referencing)\b"
    r"|\s+on\s+(?:\d{1,2}[-/]\d|(?:January|February|March|April|May|June|July|August|September|October|November|December)\s)|\s+was\b",
    re.IGNORECASE,
)
# "… non-certified the request for A and B was modified to C": two actions.
_SECOND_ACTION = re.compile(
    r"\s+and\s+(?=[^.;]{2,160}?\s(?:was|were)\s+(?:partially\s+)?(?:modified|denied|non-?\s?certified|delayed|approved|certified)\b)"
    r"|\s+and\s+(?=(?:certified|modified|denied|non-?\s?certified|delayed|deferred|approved|authorized)\s+(?:the\s+|a\s+)?(?:request|prescription)?)"
    r"|;\s+(?=[^.;]{2,160}?\s(?:was|were)\s+(?:modified|denied|non-?\s?certified)\b)",
    re.IGNORECASE,
)


def _read_ur_actions(summary: str, sentences: tuple[tuple[int, int], ...]) -> Iterator[UrFact]:
    """The actions of utilization review; a sentence without a date takes that of the review told just before it."""
    date: datetime.date | None = None
    in_review = False
    for start, end in sentences:
        sentence = summary[start:end]
        partly = _PARTLY_GRANTED.search(sentence)
        if not (_REVIEW.search(sentence) or partly or (in_review and _ACTION.search(sentence))):
            in_review = in_review and end - start < 200
            continue
        in_review = True
        date = _review_date(sentence) or date
        if partly:
            first = start + partly.start("item") + _lead_in(partly["item"])
            item = summary[first : start + partly.end("item")].strip(" ,")
            yield UrFact(date, "modified", item, start, end)
            continue
        yield from _read_clauses(summary, start, end, date)


def _tell_once(actions: Iterable[UrFact]) -> tuple[UrFact, ...]:
    """Each action once: "the request was modified. Norco #90 was the original request." tells one and not two.

    The first action of a review, told without its item, is that of the next sentence that names one; an action that
    is told again in the same words is the same.
    """
    told = list(actions)
    kept: dict[tuple[datetime.date | None, UrAction, str | None], UrFact] = {}
    for place, fact in enumerate(told):
        following = told[place + 1] if place + 1 < len(told) else None
        opens = place == 0 or told[place - 1].date != fact.date
        if fact.item is None and opens and following and (following.date, following.action) == (fact.date, fact.action):
            continue
        kept.setdefault((fact.date, fact.action, fact.item and fact.item.lower()), fact)
    return tuple(kept.values())


def _read_clauses(summary: str, start: int, end: int, date: datetime.date | None) -> Iterator[UrFact]:
    sentence = summary[start:end]
    cuts = [0]
    for cut in _SECOND_ACTION.finditer(sentence):
        if _ACTION.search(sentence, cuts[-1], cut.start()):
            cuts.append(cut.end())
    cuts.append(len(sentence))
    for first, last in pairwise(cuts):
        clause = re.sub(r"\s+and\s*$", "", sentence[first:last])
        match = _ACTION.search(clause)
        if match is None or match.lastgroup == "granted" or _is_hypothetical(clause, match):
            continue
        action: UrAction = "denied" if match["denied"] else "modified" if match["modified"] else "delayed"
        yield UrFact(date, action, _item_of(clause, match), start + first, start + first + len(clause.rstrip()))


def _is_hypothetical(clause: str, match: re.Match[str]) -> bool:
    """ "denied any numbness" and "modified work" are no actions of a review."""
    return bool(
        re.match(
            r"\s+(?:any|having|numbness|pain|radiat|nausea|tinnitus|work|dut|activit|radical|job|rankin)",
            clause[match.end() :],
            re.I,
        )
        or re.search(
            r"\b(?:patient|worker|applicant|claimant|he|she|rationale\s+for|for\s+the|reason\s+for)\s+$",
            clause[: match.start()],
            re.I,
        )
    )


# "The requested TENS unit was previously denied": the words that the action is said of.
_SUBJECT = re.compile(
    r"(?:^|[,:]\s+|\b(?:the|that)\s+)(?:the\s+)?(?:requested\s+)?(?P<item>(?!request)[^;:]{3,160}?)\s+(?:was|were|had\s+been|has\s+been|have\s+been)\s+"
    r"(?:(?:previously|also|subsequently|likewise|similarly|both|all)\s+){0,2}$",
    re.IGNORECASE,
)


def _item_of(clause: str, action: re.Match[str]) -> str | None:
    """The item as printed: after "request for", else the object or the subject of the action."""
    request = _REQUEST_FOR.search(clause)
    subject = _SUBJECT.search(clause[: action.start()])
    named = _cut_item(subject["item"]) if subject else None
    if named and not _REVIEW.search(named) and (request is None or request.start() > action.end()):
        return named
    if request:
        return _cut_item(clause[request.end() :])
    after = clause[action.end() :]
    determined = re.search(
        r"\b(?:determined|found|deemed|considered)\s+(?:that\s+)?(?P<item>[^.;]{3,240}?)\s+(?:was|were|is|are|to\s+be|as)\s+not\b",
        clause,
        re.I,
    )
    if determined:
        return _cut_item(determined["item"])
    direct = re.match(
        r"(?:\s+on\s+\d{1,2}[-/]\d{1,2}[-/]\d{2,4})?\s+(?!(?:was|were|is|made|came|issued|on|due|by|for|as)\b)(?:the\s+)?(?:requested\s+|request\s+of\s+)?(?P<item>[^.;]{3,240})\.?$",
        after,
    )
    return _cut_item(direct["item"]) if direct else None


_NO_ITEM = re.compile(
    r"^(?:(?:the|this|these|all|both|requested|original|prior|requests?|treatments?|services?|medications?|topical|determination|review|utilization|UR|authorization|it|they|on|dated|by|due|as)\b[\s,]*)+(?:$|\(?\d|\W)",
    re.IGNORECASE,
)


def _cut_item(text: str) -> str | None:
    text = text.lstrip()
    stop = _ITEM_END.search(text)
    item = text[: stop.start()] if stop else text
    item = re.sub(
        r"^(?:(?:additionally|in addition|also|moreover|furthermore|further)[\s,]+)?(?:the\s+requested|requested|requests?\s+for|the|an?(?=\s\w))\s+",
        "",
        item,
        flags=re.IGNORECASE,
    ).strip(' ,.;:"')
    return item if len(item) > 2 and not _NO_ITEM.match(item) else None


def _lead_in(text: str) -> int:
    """How much of "On 12-21-2016 UR modified the request. Noted eight visits" stands before the item itself."""
    lead = re.search(
        r"^.*\b(?:noted|indicated|the\s+request\s+for|a\s+request\s+for|modified|that)\s+", text, re.IGNORECASE
    )
    return lead.end() if lead else len(text) - len(text.lstrip())


def _review_date(sentence: str) -> datetime.date | None:
    """The date of the review: the one nearest to the words that name it; else the only one."""
    dates = [
        found for found in find_dates(sentence) if found.date is not None and not _is_another_date(sentence, found)
    ]
    anchors = [match.start() for match in _REVIEW.finditer(sentence)] or [
        match.start() for match in _ACTION.finditer(sentence) if match.lastgroup != "granted"
    ]
    if not dates or not anchors:
        return None
    return min(dates, key=lambda found: min(abs(found.start - anchor) for anchor in anchors)).date


def _is_another_date(sentence: str, found: FoundDate) -> bool:
    """Dates of service, of the request and of visits are not the review's."""
    before = sentence[max(0, found.start - 40) : found.start]
    after = sentence[found.end : found.end + 25]
    return bool(
        re.search(
            r"\b(?:DOS|date\s+of\s+service|service|visit|provided|performed|Rx\s+date|received|authorization(?:\s+form)?\s+dated|RFA\s+dated|note\s+dated|progress\s+report\s+dated|signed|presented|evaluated)\W*(?:on\s+|of\s+|from\s+)?$",
            before,
            re.I,
        )
        or re.match(r"\s+(?:date\s+of\s+service|office\s+visit|note|RFA)", after, re.I)
    )


# -------------------------------------------------------------------------------------- which action is whose

_WORD = re.compile(r"[a-z]{3,}|\d+(?:\.\d+)?")
_COMMON_WORDS = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "without",
        "per",
        "day",
        "week",
        "weeks",
        "times",
        "time",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "twelve",
        "mg",
        "tablet",
        "tablets",
        "capsule",
        "capsules",
        "refill",
        "refills",
        "request",
        "requested",
        "original",
        "right",
        "left",
        "bilateral",
        "eligible",
        "remaining",
        "portion",
        "authorized",
        "claims",
        "administrator",
        "imr",
        "month",
        "supply",
        "date",
        "service",
        "dos",
        "quantity",
        "qty",
        "total",
        "use",
        "daily",
        "each",
        "session",
        "sessions",
        "visit",
        "visits",
        "was",
        "were",
        "upheld",
        "via",
        "from",
        "both",
    ]
)


def match_ur_action(title: str, facts: SummaryFacts) -> UrAction:
    """What utilization review did with the item of this title; "unknown" where the summary does not tell.

    Where the title says that part was authorized, or the summary tells one action for everything, that decides;
    else the action whose item shares most of the title's telling words.
    """
    if re.search(
        r"\bwas\s+the\s+original\s+request\b|\bremaining\s+IMR\s+eligible\b|\bwas\s+authorized\s+by\b",
        title,
        re.IGNORECASE,
    ):
        return "modified"
    ranked = sorted(
        ((_likeness(title, fact.item), fact) for fact in facts.ur_actions if fact.item), key=lambda pair: -pair[0]
    )
    if ranked and ranked[0][0] >= 0.34:
        return ranked[0][1].action
    unnamed = {fact.action for fact in facts.ur_actions if fact.item is None}
    if len(unnamed) == 1:
        return unnamed.pop()
    actions = {fact.action for fact in facts.ur_actions}
    return actions.pop() if len(actions) == 1 else "unknown"


def _likeness(title: str, item: str | None) -> float:
    """How much of the title's telling words the item has, or of the item's the title; words count twice as much as
    numbers. A drug by any of its names decides: the same one is alike, another one is not."""
    ours, theirs = _drugs(title), _drugs(item or "")
    if ours and theirs:
        return 1.0 if ours & theirs else 0.0
    wanted, offered = _telling_words(title), _telling_words(item or "")
    shared = sum(_weight(word) for word in wanted & offered)
    return max(shared / _total(wanted), 0.8 * shared / _total(offered))


def _drugs(text: str) -> frozenset[str]:
    return frozenset(mention.drug.generic for mention in find_drugs(text))


def _total(words: frozenset[str]) -> int:
    return max(1, sum(_weight(word) for word in words))


def _telling_words(text: str) -> frozenset[str]:
    lowered = text.lower()
    for pattern, plain in _SAME_WORDS:
        lowered = pattern.sub(plain, lowered)
    return frozenset(word[:9] for word in _WORD.findall(lowered) if word not in _COMMON_WORDS)


_SAME_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bmagnetic\s+resonance\s+imaging\b|\bmris?\b|\bmr\b"), "mri"),
    (re.compile(r"\bphysiotherapy\b|\bpt\b"), "physical therapy"),
    (re.compile(r"\bchiro\w*"), "chiropractic"),
    (re.compile(r"\becho puncture\b"), "acupuncture"),
    (re.compile(r"\b(?:uds|udt|urine drug \w+|urine toxicology\w*)"), "urine drug"),
    (re.compile(r"\bemg\b|\bncv\b|\bncs\b|electrodiagnostic"), "electrodiagnostic"),
    (re.compile(r"\bfce\b"), "functional capacity evaluation"),
    (re.compile(r"\besi\b"), "epidural steroid injection"),
    (re.compile(r"\binjections\b"), "injection"),
)


def _weight(word: str) -> int:
    return 1 if word[0].isdigit() else 2


# ------------------------------------------------------------------------------------------------------------ dates

_INJURY = re.compile(
    r"(?:\b(?:industrial|occupational|work|work-related|cumulative|reported|specific|date|dates|personal|traumatic)[-\s]+(?:related\s+|work\s+|trauma\s+)?)*"
    r"\b(?:injur(?:y|ies|ed)|DOI|claim|accident|trauma)\b(?:\s+date)?(?:\s+of\s+injury)?(?:\s+(?:occurr(?:ed|ing)|that\s+occurred|sustained|reported|dated|dating))?"
    r"\s*(?:(?:on|of|from|dated|is|was|to|:|,|-)\s*(?:or\s+about\s+)?)*$",
    re.IGNORECASE,
)


def find_dates_of_injury(summary: str) -> tuple[FoundDate, ...]:
    """The full dates that the summary gives as the injury's, in order; a bare year ("since 2001") is no date."""
    return tuple(
        found for found in find_dates(summary) if _INJURY.search(summary[max(0, found.start - 80) : found.start])
    )


def find_ur_dates(facts: SummaryFacts) -> tuple[datetime.date, ...]:
    """The dates of utilization review that the summary gives, each once, in order."""
    return tuple(dict.fromkeys(_dates_of(facts.ur_actions)))


def _dates_of(actions: Iterable[UrFact]) -> Iterator[datetime.date]:
    return (action.date for action in actions if action.date is not None)
