"""Sentences and clauses of a rationale, each with the part it plays.

Reviewers write in turn what a guideline says (a recital), what utilization review did (history), what they find of
this patient (a finding) and what follows (a conclusion). Only findings and conclusions can carry a reason, so the
part is settled before any wording is looked for. A sentence such as "Use is endorsed after NSAIDs fail; however, the
notes do not mention them" plays two parts: the unit is the clause.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Literal

Role = Literal["recital", "history", "finding", "conclusion"]


@dataclass(frozen=True)
class Clause:
    """A clause of the cleaned rationale: text[start:end]. `sentence` numbers its sentence from 0."""

    start: int
    end: int
    sentence: int
    role: Role


# A full stop after one of these ends no sentence: "vs.", "p. 78", "Dr. X", "e.g.".
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|Dr|Mr|Ms|Mrs|pp?|pgs?|approx|et al|ch|sec|fig|Inc|St|No|cf|max|min|tabs?|caps?|a\.m|p\.m)"
    r"|\b[A-Z](?:\.[A-Z])*|\b[A-Z]\.[A-Z]\.[A-Z])$"
)
# "…was tried. The notes…", and glued by a lost space: "…was tried.The notes…".
_SENTENCE_END = re.compile(r"[.!?]+[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])|(?<=[a-z)\]0-9])\.(?=[A-Z][a-z])")

_WHO = (
    r"(?:this |the )?(?:patient|claimant|applicant|injured worker|injured employee|worker|employee|individual|IW|"
    r"(?:treating|attending|requesting|prescribing|primary) (?:physician|provider|doctor)|provider|physician|"
    r"(?:medical |clinical |available |submitted |provided )*(?:records?|documentation|reports?)|"
    r"medical necessity|(?:current |present |requested )*request)"
)
# Where a sentence turns from one part to another.
_TURN = re.compile(
    r";\s+"
    r"|,?\s+(?=(?:however|but|although|though|whereas|nevertheless|nonetheless|unfortunately)\b)"
    rf",?|,\s+(?=(?:and |as |since |because |yet |so |then )?(?:there (?:is|are|was|were|has|have)\b|{_WHO}\b|it is\b|"
    r"this request\b))"
    r"|\s+(?=and (?:also )?there (?:is|are|was|were)\b)"
    r"|,?\s+(?=along with the fact\b)|,\s+(?=not (?:demonstrated|documented|shown|met|seen|established|provided) )"
    r"|\s+(?=nor (?:is|are|was|were|has|have|does|did) )",
    re.IGNORECASE,
)

_GUIDE = (
    r"(?:MTUS|ODG|ACOEM|Official Disability|guide ?lines?|CPMTG|FDA|C\.?C\.?R\.?|literature|Medicare|AMA Guides|"
    r"chapter|schedule|evidence-based)"
)
_SAYS = (
    r"(?:states?|recommends?|indicates?|supports?|notes?|suggests?|requires?|allows?|advises?|provides?|specif(?:y|ies)|"
    r"mentions?|discuss(?:es)?|outlines?|lists?|describes?|reports?|considers?|endorses?|stipulates?|address(?:es)?|"
    r"do(?:es)? not|defines?|refers?|recommend|caution|limits? (?:use|the|to|it)|maintains?|says?|reads?|observes?|cites?|"
    r"asks?|wants?|calls? for|looks? for|expects?|insists?|urges?|directs?|permits?|discourages?|favou?rs?|warns?|"
    r"reserves?|restricts?|demands?)"
)
_RECITAL = re.compile(
    rf"{_GUIDE}\b[^;]{{0,160}}?\b{_SAYS}\b"
    r"|^\W*(?:the )?(?:goal|aim|purpose|intended|intent)\b"
    rf"|^\W*(?:(?:additionally|also|furthermore|moreover|in addition|however|further),? )?(?:the )?(?:per|according to|as per|as (?:noted|stated|set forth|outlined|defined) (?:on|in|by)|"
    rf"based on|under|in accordance with|pursuant to|following)\b[^;]{{0,120}}?{_GUIDE}"
    r"|\b(?:criteria|indications?) (?:for|include)\b[^;]{0,120}?\b(?:are|is|include|includes|should|must)\b"
    r"|^\W*(?:indications?|criteria(?! (?:are|were|is|was|have|has)\b)|recommended|not recommended|under study)\b[^;]{0,40}[:.]"
    rf"|^\W*(?:the )?{_GUIDE}(?: [\w-]+){{0,3}}? (?:adds?|gives?|grants?|sets? (?:out|forth)|contemplates?|names?)\b"
    r"|^\W*(?:exceptions?|candidates?|indications?) (?:are|is|include)\b"
    r"|^\W*most (?:[\w-]+ ){1,3}(?:improve|get better|resolve|recover|heal|go away)\b"
    r"|\bnot (?:suggested|advised|recommended|to be \w+) (?:for (?:longer|more)|past|beyond)\b[^;]{0,60}\b(?:without|unless)\b",
    re.IGNORECASE,
)
# A generic rule needs no guideline's name: "X is recommended only after Y", "repeat blocks require Z".
_GENERIC = re.compile(
    r"\b(?:is|are) (?:not |only |generally |also |an? |usually |routinely |often |sometimes )*"
    r"(?:recommended|indicated|considered|reserved|supported|appropriate|warranted|"
    r"an option|first[- ]line|used)\b[^;]{0,40}?\b(?:for|to|as|when|where|if|in|only|after|unless|until|prior|provided|except)\b"
    r"|\b(?:is|are) (?:not |only )?to (?:be|have|include|document|show|demonstrate|receive)\b|\b(?:is|are) the (?:\w+ )?(?:test|study|"
    r"treatment|drug|option) (?:of choice )?for\b"
    r"|\b(?:should|must|may|can) (?:only |also |not |never |generally )*"
    r"(?:be|have|include|occur|receive|take|consider|start|begin|continue|undergo|demonstrate|require|avoid)\b"
    r"|\b(?:has|have) (?:not|never) been (?:shown|proven) to|\bno (?:proven|benefit beyond)\b|\bevidence exists\b|\btesting exists\b"
    r"|\bas effective as\b|^\W*(?:muscle relaxants|opioids|NSAIDs|benzodiazepines|anti-?\w+s|topicals?(?: \w+)?|"
    r"supports|modalities|injections|studies|blocks) (?:show|have|are|do|may|can|cause|carry)\b",
    re.IGNORECASE,
)
# These words are about the case at hand, whatever else the clause says.
_CASE = re.compile(
    r"^\W*(?:given|in light of|because|due to)\b|\bwould (?:exceed|surpass)\b|\b(?:should|could) have\b|"
    r"\bby (?:now|this point)\b|\bin this (?:case|clinical|instance|scenario|patient|particular)|\bin the case of th|\bthis (?:patient|claimant|"
    r"applicant|injured|individual|worker|employee|IW|request|case|medication|drug|item|"
    r"therapy|treatment|device|modality|service|procedure|study|test|product|cream)\b|\bhere\b|\brequest(?:ed|ing|s)?\b"
    r"|\b(?:submitted|provided|supplied|available)[- ](?:\w+ ){0,2}(?:records?|documentation|notes?|reports?|documents?|"
    r"files?|information|for review)\b|\b(?:records?|documentation|notes?|reports?|documents?|information) "
    r"(?:\w+ )?(?:submitted|provided|supplied|available|reviewed|for review)\b|\b(?:medical|clinical|progress|office) "
    r"(?:records?|notes?|reports?)\b"
    r"|\b(?:the|attending|treating|requesting|prescribing) (?:provider|physician|doctor|surgeon)(?:'s)?\b",
    re.IGNORECASE,
)
# These are, unless a guideline is speaking: "the guideline says that there is no proof of ...".
_ABSENCE = re.compile(
    r"(?<!\bif )(?<!\bunless )(?<!\bwhen )(?<!\buntil )(?<!\bwhere )\bthere (?:is|was|were|are|has been|have been|had been)\b|\b(?:lack|absence) of\b|\babsent\b|\bwithout (?:\w+ )?"
    r"(?:evidence|documentation)\b|\b(?:records?|documentation|notes?|reports?|documents?)\b[^;]{0,30}?\b(?:does|do|did|"
    r"fails?|failed|reveals?|shows?|indicates?|indicated|is|was|were|has|have|lacks?)\b",
    re.IGNORECASE,
)
_PERSON = re.compile(
    r"\b(?:the |an? )?(?:patient|claimant|applicant|injured worker|injured employee|worker|employee|individual|IW)"
    r"(?:'s)?\b|\b(?:he|she|his|her)\b",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:until|if|when|unless|once|whether|in|for|by|that|part of) (?:the |a |an )?(?:patients?|individuals?)\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"\b(?:claims administrator's|peer|earlier|previous) review(?:er)?\b|\b(?:utilization review(?:er)?|the UR\b|UR (?:denied|determin|physician|review|decision|non)|prior review(?:er)?|"
    r"claims administrator)\b[^;]{0,120}?\b(?:denied|non-?certif\w+|modified|certified|approved|authorized|found|"
    r"determined|noted|recommended|stated)\b|\bwas (?:previously )?(?:non-?certified|modified to|partially certified)\b",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"\b(?:not|un|non)[- ]?(?:\w+ ){0,2}medically[- ]?(?:necessary|unnecessary|appropriate)|\bmedically unnecessary"
    r"|\b(?:is|are|was|were) (?:\w+ ){0,3}medically necessary|\bmedical necessity\b[^;]{0,80}?\b(?:not|is|was|been)\b",
    re.IGNORECASE,
)
_CONTRAST = re.compile(r"\W*(?:however|but|nevertheless|nonetheless|unfortunately)\b", re.IGNORECASE)
_LONGEST_QUOTATION = 4000
_LONGEST_CLAUSE = 1200
_SHORTEST_STATEMENT = 4  # words


def split_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The (start, end) of each sentence of cleaned text, white space at the edges left out."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if _ABBREVIATION.search(text, max(start, match.start() - 12), match.start()):
            continue
        spans.append((start, match.start() + len(match.group().rstrip())))
        start = match.end()
    if text[start:].strip():
        spans.append((start, len(text.rstrip())))
    return tuple(spans)


def split_clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of a cleaned rationale in order, each with its role."""
    quoted = _quotations(text)
    clauses: list[Clause] = []
    before: Role | None = None
    for number, (start, end) in enumerate(split_sentences(text)):
        cuts = [start] + [m.end() for m in _TURN.finditer(text, start, end) if m.end() - start > 12] + [end]
        cuts = [at for first, last in itertools.pairwise(cuts) for at in range(first, last, _LONGEST_CLAUSE)]
        cuts.append(end)
        for first, last in itertools.pairwise(cuts):
            last = first + len(text[first:last].rstrip())
            if last <= first:
                continue
            role = _role(text[first:last], before, first == start, _is_quoted(first, last, quoted))
            before = role
            clauses.append(Clause(first, last, number, role))
    return tuple(clauses)


def split_statements(text: str) -> tuple[Clause, ...]:
    """What could state a finding by itself: the sentences of a cleaned rationale and, of those with several clauses,
    each clause of some words.

    A sentence is given once for each role that its clauses play; its number is in `sentence`.
    """
    clauses = split_clauses(text)
    statements: list[Clause] = []
    for number, (start, end) in enumerate(split_sentences(text)):
        within = [clause for clause in clauses if clause.sentence == number]
        statements += [Clause(start, end, number, role) for role in dict.fromkeys(clause.role for clause in within)]
        if len(within) > 1:
            statements += [c for c in within if len(text[c.start : c.end].split()) >= _SHORTEST_STATEMENT]
    return tuple(statements)


# "visits at which the physician tracks pain": any physician's.
_ANY_PHYSICIAN = re.compile(
    r"\b(?:at|in|for|by|during) which the (?:treating )?(?:physician|provider|prescriber|doctor|clinician)\b",
    re.IGNORECASE,
)


def _role(clause: str, before: Role | None, opens: bool, is_quoted: bool) -> Role:
    """The part a clause plays. What follows a recital stays one, unless it turns to the patient or to an absence."""
    if is_quoted:
        return "recital"
    if _HISTORY.search(clause):
        return "history"
    if not _CASE.search(_ANY_PHYSICIAN.sub("", clause)) and _recites(clause, before, opens):
        return "recital"
    if _CONCLUSION.search(clause):
        return "conclusion"
    return "finding"


def _recites(clause: str, before: Role | None, opens: bool) -> bool:
    if _RECITAL.search(clause):
        return True
    goes_on = before == "recital" and not opens and not _CONTRAST.match(clause)
    if _ABSENCE.search(clause) or not (goes_on or _GENERIC.search(clause)):
        return False
    return not _PERSON.search(clause) or _SUPPOSED.search(clause) is not None


def _quotations(text: str) -> tuple[tuple[int, int], ...]:
    """Spans between double quotation marks; a mark that is never closed opens nothing."""
    marks = [at for at, character in enumerate(text) if character == '"']
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return tuple((first, last) for first, last in pairs if last - first <= _LONGEST_QUOTATION)


def _is_quoted(start: int, end: int, quoted: tuple[tuple[int, int], ...]) -> bool:
    """A clause inside a quotation; a few quoted words ("radiating" pain) in it do not make it one."""
    inside = sum(max(0, min(end, last + 1) - max(start, first)) for first, last in quoted)
    return inside > 0.8 * (end - start)
