"""What a sentence says is missing: is the thing named at sentence[start:end] said to be absent or undocumented?

Two shapes carry the denial. A cue before the thing governs it, even down a list ("has not documented better
function, side effects, or a urine drug screen"); or the first predicate after it does ("a pain contract and a drug
screen were not provided"). A new clause ends the reach of a cue: in "no side effects are noted and the drug screen
was consistent" nothing is missing. What a rule merely asks for ("without documented benefit, refills are not
advised"; "unless function improves") is for the caller to leave out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from imr_llm.letters.sentences import split_sentences

# Codes that say that something is missing: their evidence must itself say so. "The patient did have consistent
# screens" cannot carry missing_urine_drug_screen, whatever a model thinks of it.
ABSENCE_CODES = frozenset({
    "missing_urine_drug_screen", "missing_opioid_agreement", "missing_pdmp_or_risk_screen", "no_functional_improvement",
    "no_pain_relief_documented", "efficacy_not_documented", "side_effects_not_addressed", "no_treatment_goals",
    "ongoing_monitoring_incomplete", "no_weaning_plan", "no_trigger_point_findings", "no_radiculopathy_findings",
    "no_failed_conservative_care", "no_failed_first_line_drug", "no_psych_clearance", "no_trial_before_purchase",
})  # fmt: skip
# "record": no documentation of it, not addressed. "existence": none, no evidence of it.
AbsenceKind = Literal["record", "existence"]


@dataclass(frozen=True)
class Absence:
    """The denying words, sentence[start:end]. `coordinated`: other list members stand between them and the thing.

    `embedded`: the thing stands in a clause that the cue opens ("no evidence that ..."). `referring`: a later clause
    denies it by a pronoun ("..., these are not specified").
    """

    kind: AbsenceKind
    start: int
    end: int
    coordinated: bool = False
    embedded: bool = False
    referring: bool = False


LONGEST_REACH = 260
LONGEST_SENTENCE = 2000

_ADVERBS = (
    r"(?:(?:been|being|be|clearly|adequately|specifically|otherwise|yet|fully|sufficiently|well|properly|objectively"
    r"|explicitly|currently|recently|even|also|consistently|appropriately|any|formally|quite|made|made\sany|likewise|similarly|found|to\sbe|comprehensively|readily)\s+){0,3}"
)
_RECORDING = (
    r"(?:document(?:s|ed|ing)?|provid(?:e|es|ed|ing)|includ(?:e|es|ed|ing)|contain(?:s|ed)?|specif(?:y|ies|ied|ying)"
    r"|address(?:es|ed|ing)?|mention(?:s|ed|ing)?|describ(?:e|es|ed|ing)|discuss(?:es|ed|ing)?|report(?:s|ed|ing)?"
    r"|note|notes|noted|noting|submit(?:s|ted|ting)?|quantif(?:y|ies|ied|ying)|detail(?:s|ed|ing)?|outlin(?:e|es|ed|ing)"
    r"|record(?:s|ed|ing)?|furnish(?:es|ed)?|suppl(?:y|ies|ied)|reflect(?:s|ed|ing)?|list(?:s|ed)?|stat(?:e|es|ed)"
    r"|comment(?:s|ed)?\s(?:on|upon)|account(?:s|ed)?\sfor|set\sforth|attach(?:ed)?|forward(?:ed)?|accompan(?:y|ied)"
    r"|made\savailable|available|present(?:ed)?|in\sevidence|on\sfile|of\srecord|apparent|evident|seen|found|locate(?:d)?"
    r"|obtain(?:ed)?|perform(?:ed)?|complet(?:e|ed)|done|carried\sout|undertaken|taken|ordered|administered|collected|conducted|reviewed"
    r"|received|in\sthe\s(?:\w+\s)?(?:records?|chart|file|documentation|notes)|part\sof\sthe\s(?:records?|file|documentation)"
    r"|among\sthe\s(?:records?|documents?))"
)
_SHOWING = (
    r"(?:show(?:s|n|ed|ing)?|demonstrat(?:e|es|ed|ing)|establish(?:es|ed|ing)?|identif(?:y|ies|ied)|indicat(?:e|es|ed|ing)"
    r"|reveal(?:s|ed|ing)?|evidence(?:d)?|experienc(?:e|ed)|achieve(?:d)?|obtain(?:ed)?|had|have|undergo(?:ne)?"
    r"|underwent|attempt(?:ed)?|tried|trialed|fail(?:ed)?|exhaust(?:ed)?|sign(?:ed)?|resulted\sin|gain(?:ed)?"
    r"|support(?:ed)?|substantiate(?:d)?|confirm(?:ed)?|give(?:n|s)?|gave|exist(?:s|ed)?)"
)
_NOT = r"(?:(?:do|does|did|has|have|had|is|are|was|were|could|can|will|would)\s?(?:not|n't|never)|cannot|never|neither)"
_MODIFIERS = (
    r"(?:(?:any|clear|clearly|recent|current|objective|specific|specifically|documented|adequate|sufficient|further"
    r"|additional|available|submitted|supporting|formal|explicit|medical|clinical|such|meaningful|significant|real"
    r"|quantifi(?:ed|able)|quantitative|measurable|ongoing|updated|legible|detailed|convincing|compelling|prior"
    r"|previous|corroborating|included|other|written|actual|definitive|good|provided|seeming|associated|progress"
    r"|noted|reliable|valid|credible|the|subjective|and|or)\s+){0,4}"
)
_RECORD_NOUN = (
    r"(?:documentation|documented|documents?|mention|discussion|description|notation|records?|reports?|notes?|report"
    r"|information|statements?|assessments?|quantification|details?|account|reference|comment(?:ary)?|documentations)"
)
_PROOF_NOUN = r"(?:evidence|indications?(?!\sfor)|data|proof|confirmation|suggestion|signs?|showing|demonstration)"
_NO = (
    r"(?:no|little|insufficient|inadequate|limited|scant|minimal|without|lack(?:s|ed|ing)?(?:\s+of)?|absence\s+of|nor)"
)

_CUE = re.compile(
    rf"""
      (?P<record>
          \b{_NO}\s+(?:an?\s+|any\s+|the\s+)?{_MODIFIERS}{_RECORD_NOUN}\b
        | \b{_NOT}\s+{_ADVERBS}{_RECORDING}\b
        | \b(?:fail(?:s|ed|ing|ure)?|neglect(?:s|ed)?|omit(?:s|ted)?)\s+to\s+(?:\w+ly\s+)?{_RECORDING}\b
        | \bma[dk]es?\s+no\s+(?:mention|reference)\b
        | \b(?:none|nothing|neither|not\s+one)\s+(?:of|in)\s+(?:the|these|those|his|her|all|my)\s+(?:[\w'-]+\s+){{0,4}}?(?:also\s+)?
            (?:{_RECORDING}|{_SHOWING}|holds?|has|have|is|are|tells?|speaks?\s+of|suggests?|refers?\s+to)\b
        | \b(?:I|we|one)\s+(?:do|did|could|can)\s?(?:not|n't)\s+(?:\w+ly\s+)?(?:see|find|locate|identify)\b
        | \bno(?:where|t\s+anywhere)\b(?:[^.;,]{{0,60}}?\b(?:is|are|was|were|do|does)\s+(?:there|I|we|they)\b|\s+(?:is|are)\b)
        | \bnor\s+(?:has|have|had|is|are|was|were|does|did|do|could|can)\b
        | \b(?:unable\s+to|cannot\s+be|could\s+not\s+be|could\s+not)\s+(?:find|found|locate|located|identify|identified)\b
        | \b(?:silent\s+(?:on|as\s+to|about|regarding)|undocumented|unaddressed)\b
        | \bomit(?:s|ted|ting)?\b
      )
    | (?P<existence>
          \b{_NO}\s+(?:an?\s+|any\s+|the\s+)?{_MODIFIERS}{_PROOF_NOUN}\b
        | \b{_NOT}\s+{_ADVERBS}{_SHOWING}\b
        | \b(?:does|did|do)\s?(?:not|n't)\s+(?:appear|seem|look)\b
        | \b{_NOT}\s+{_ADVERBS}(?:assessed|monitored|evaluated|checked|verified|followed|tracked|watched|screened|tested)\s+
            (?:[\w']+\s+){{0,3}}?(?:by|via|with|through|using)\b
        | \b(?:fail(?:s|ed|ing|ure)?)\s+to\s+(?:\w+ly\s+)?{_SHOWING}\b
        | \b(?:lack(?:s|ed|ing)?\s+of|lack(?:s|ed|ing)|absence\s+of|devoid\s+of|missing)\b
      )
    | (?P<bare> \b(?:no|without|nor|neither|not\s+(?:a\s+single|one|any))\b )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_FINITE = (
    r"(?:is|are|was|were|has|have|had|did|does|do|will|would|could|can|should|must|may|might|shows?|showed|reveals?|revealed"
    r"|indicates?|indicated|denies|denied|reports?|reported|states?|stated|continues?|continued|remains?|remained"
    r"|complains?|complained|presents?|presented|demonstrates?|demonstrated|confirms?|confirmed|came|gives?|gave"
    r"|provides?|provided|improves?|improved|helps?|helped|fails?|failed|appears?|appeared|lacks?|lacked)"
)
# The reach of a cue ends here: a turn, a reason, a relative clause, a condition, or a clause with its own subject.
_BREAK = re.compile(
    rf"""
      ;|[.!?]\s
    | \b(?:but|however|although|though|while|whereas|because|since|therefore|thus|hence|yet|despite|except|aside\s+from
        |other\s+than|if|unless|until|which|whom|whose|given|despite|rather\s+than|instead|beyond)\b
    | (?:,|\band)\s+(?:and\s+)?(?:also\s+)?(?:(?:the|there|his|her|their|he|she|it|this|that|a|an|these|no|patient|claimant
        |applicant)\s+)(?:[\w'/-]+\s+){{0,5}}?{_FINITE}\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# A bare "no X" reaches no farther than its own list of nouns: not "no change in X", not "no X from Y".
_AUXILIARY = r"(?:is|are|was|were|has|have|had|did|does|do|will|would|could|can|should|must|may|might)"
_END_OF_NOUNS = re.compile(
    rf"\b(?:{_AUXILIARY}|in(?![\s-]office)|with|on|from|to(?![\s-]date)|by|at|after|during|for|through|over|as|than)\b",
    re.I,
)
_EMBEDDING = re.compile(
    r"^\s*(?:that|whether|if|how|the\s+(?:patient|claimant|applicant)|(?:he|she)\b|of\s+(?:how|whether))", re.I
)

# Not the noun in "CURES reports were not provided".
_PREDICATE = re.compile(
    rf"\b{_FINITE}\b(?!,?\s+(?:and\s+[\w\s]{{1,30}}?\s)?{_AUXILIARY}\b)|\b{_AUXILIARY}\b", re.IGNORECASE
)
_RELATIVE = re.compile(r"\b(?:that|which|who|to|would|could|can|may|might|should|will)\s+(?:\w+ly\s+)?$", re.IGNORECASE)
_MISSING_PREDICATE = re.compile(
    rf"""^(?:
        (?:do|does|did|has|have|had|is|are|was|were|could|can)\s?(?:not|n't|never)\s+{_ADVERBS}
          (?P<recorded>{_RECORDING}|addressed|quantified|shown|demonstrated|established|identified|indicated|evidenced)\b
      | (?:is|are|was|were|appears?|remains?|has\s+been|have\s+been)\s+(?:(?:also|still|both|all|likewise|again|simply
          |otherwise|\w+ly)\s+){{0,2}}(?:lacking|missing|absent|unavailable|undocumented|omitted|unaddressed
          |not\s+(?:\w+ly\s+)?{_RECORDING}|nowhere\b|neither\b)
      | (?:fails?|failed)\s+to\s+be\b
      | lacks?\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_CLAUSE_END = re.compile(r";|[.!?]\s|,?\s+\b(?:but|however|although|though|while|whereas)\b", re.IGNORECASE)


# "Pain relief and side effects should be recorded, these are not specified": the rule's list is what is missing.
_BY_REFERENCE = re.compile(
    rf"""(?:[,;.:]|(?=\s(?:and|but)\s))\s+(?:and\s+|however,?\s+|but\s+|yet\s+)?(?:
        (?:these|those|all\s+of\s+(?:this|these|which)|this|such\s+\w+|the\s+same|the\s+above)\s+(?:\w+\s+){{0,2}}?
          (?:is|are|was|were|has|have)\s+(?:not|n't)\s+{_ADVERBS}{_RECORDING}
      | (?<=but\s)(?:never|not)\s+{_RECORDING}
      | (?<=but\s)(?:it\s+|they\s+)?(?:is|are|was|were|has|have)\s?(?:not|n't)\s+{_ADVERBS}{_RECORDING}
      | none\s+of\s+(?:this|these|those|which|them|the\s+above)\s+(?:\w+\s+){{0,2}}?(?:is|are|was|were|has|have|could)\b
      | (?:none|no\s+(?:(?:recent|current|such|newer|later|other|prior|subsequent)\s+){{0,2}}(?:one|ones|report|reports|test|tests|screen|screens))\s+
          (?:is|are|was|were|has|have|had|could)\s+(?:be\s+)?{_ADVERBS}(?:{_RECORDING}|to\s+be\s+found|there|here|in\b|on\b)
      | (?:there\s+(?:is|was|are|were|has\s+been)|I\s+(?:see|find|found)|we\s+(?:see|find|found))\s+none\b
      | there\s+(?:is|was)\s+no\s+{_RECORD_NOUN}\s+(?:\w+\s+){{0,3}}?(?:this|these|those|such)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def bounded_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of cleaned text, none longer than LONGEST_SENTENCE: what never ends is cut, at a space if any."""
    spans: list[tuple[int, int]] = []
    for start, end in split_sentences(text):
        while end - start > LONGEST_SENTENCE:
            cut = text.rfind(" ", start + 1, start + LONGEST_SENTENCE)
            cut = cut if cut > start else start + LONGEST_SENTENCE
            spans.append((start, cut))
            start = cut + 1 if text[cut] == " " else cut
        spans.append((start, end))
    return tuple(spans)


def find_absence(sentence: str, start: int, end: int) -> Absence | None:
    """The words that say that sentence[start:end] is missing, or None where none do."""
    return _absence_after(sentence, end) or _absence_before(sentence, start) or _absence_by_reference(sentence, end)


def _absence_by_reference(sentence: str, end: int) -> Absence | None:
    denial = _BY_REFERENCE.search(sentence, end, end + LONGEST_REACH)
    return Absence("record", denial.start(), denial.end(), coordinated=True, referring=True) if denial else None


def _absence_after(sentence: str, end: int) -> Absence | None:
    """The first finite predicate after the thing, where it is a denial; relative clauses are passed over."""
    stop = _CLAUSE_END.search(sentence, end, end + LONGEST_REACH)
    limit = stop.start() if stop else min(len(sentence), end + LONGEST_REACH)
    for verb in _PREDICATE.finditer(sentence, end, limit):
        denial = _MISSING_PREDICATE.match(sentence[verb.start() : verb.start() + 120])
        if denial is None and _RELATIVE.search(sentence[max(end, verb.start() - 24) : verb.start()]):
            continue
        if denial is None:
            return None
        return Absence("record", verb.start(), verb.start() + denial.end())
    return None


def _absence_before(sentence: str, start: int) -> Absence | None:
    """The cue before the thing whose reach covers it, the farthest first ("has not documented X, nor Y")."""
    base = max(0, start - LONGEST_REACH)
    for cue in _CUE.finditer(sentence, base, start):
        gap = sentence[cue.end() : start]
        if _BREAK.search(gap):
            continue
        if cue["bare"] and (_END_OF_NOUNS.search(gap) or len(gap) > 90):
            continue
        return Absence(
            "record" if cue["record"] else "existence",
            cue.start(),
            cue.end(),
            coordinated=re.search(r",|\b(?:and|or|nor)\b", gap) is not None,
            embedded=_EMBEDDING.match(gap) is not None,
        )
    return None
