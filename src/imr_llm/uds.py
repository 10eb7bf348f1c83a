"""What a text says of the patient's urine drug screen: six states, read from summaries and from rationales.

A mention counts only where it tells of this patient's screen. A recited rule ("consider a urine drug screen"), a
screen that is merely planned, requested or in dispute, and its medical necessity tell nothing: not_mentioned.

Each mention is read in its sentence, and the most telling state wins, in this order:

    illicit_positive > inconsistent > stated_absent > consistent > done_result_unknown > not_mentioned

A bad result outweighs a later good one. "None in the records" outweighs a good or unknown result, because a reviewer
who pastes the history and then misses a recent screen finds that it is missing; an unknown result is the least.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imr_llm.absence import LONGEST_SENTENCE, Absence, bounded_sentences, find_absence
from imr_llm.record import UdsStatus
from imr_llm.screen_results import ILLICIT, NAMED_DRUG, Result, read_result

PRECEDENCE: tuple[UdsStatus, ...] = (
    "illicit_positive",
    "inconsistent",
    "stated_absent",
    "consistent",
    "done_result_unknown",
    "not_mentioned",
)


@dataclass(frozen=True)
class UdsReading:
    """The state, and the sentence text[start:end] that tells it; 0, 0 for not_mentioned."""

    status: UdsStatus
    start: int = 0
    end: int = 0


# ---------------------------------------------------------------------------------------------- the screen's names

_TOX = r"(?:toxicolog\w*|toxilog\w*|toxicity|tox)"
_TEST = r"(?:screen(?:s|ing|ings|ed)?|scree?n?|tests?|testing|testings|panels?|monitoring|analys[ie]s|assays?|reports?|results?|studies|study|profiles?|evaluations?|surveillance|samples?|specimens?|checks?)"
SCREEN = re.compile(
    rf"""
      \bUD[ST](?:'?s)?\b | \bU-?\s?tox\b | \bUDS/UDT\b | \bUDM\b
    | \burin(?:e|ary)[-\s]+(?:drugs?|{_TOX}|narcotics?|opi(?:oid|ate)s?)(?:[-\s/]+(?:of\s+abuse|{_TOX}|drug|confirmation|
        compliance|quantitative|qualitative|{_TEST})){{0,4}}
    | \burin(?:e|ary)\s+(?:screen(?:s|ing)?|test(?:s|ing)?|analys[ie]s|samples?|specimens?|monitoring)\s+
        (?:for|to\s+(?:detect|check|screen))\s+(?:\w+\s+){{0,2}}?(?:drugs?|medications?|substances|opi\w+|illicit|illegal|
        compliance|toxicology)
    | \burin(?:e\s+analys[ie]s|alys[ie]s)\s+(?:for\s+|with\s+)?(?:\w+\s+)?(?:drugs?|{_TOX}|opi\w+|illicit\s\w+)(?:[-\s]+{_TEST}){{0,2}}
    | \burine\s+(?:screen(?:s|ing)?|test(?:s|ing)?|samples?|specimens?|dip(?:stick)?s?|immunoassays?)\b
        (?!\s+for\s+(?:infection|protein|glucose|pregnancy))
    | \b{_TOX}[-\s]+(?:urine[-\s]+)?(?:drug[-\s]+)?{_TEST}(?:\s+{_TEST})?
    | \bdrugs?(?:[-\s]+of[-\s]+abuse)?[-\s]+(?:urine\s+|toxicology\s+)?(?:screen(?:s|ing|ings)?|test(?:s|ing)?)(?:\s+(?:results?|reports?))?
    | \btoxicology\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Tests of an employer's, and tests of the blood of a crash victim, are other tests.
_OTHER_TEST_BEFORE = re.compile(
    r"\b(?:pre-?employment|post-?offer|post-?accident|workplace|employer'?s?|random\s+workplace|blood)\s+$", re.IGNORECASE
)
# "The last screen", "the dipstick": drug tests only where a drug test is in dispute or a drug is named beside them.
_SHORT_NAME = re.compile(
    r"\b(?:(?:re-?)?screens?|(?:re-?)?screening|dip-?sticks?|immunoassays?|specimens?"
    r"|(?:prior|previous|last|earlier|past|recent|this|repeat|confirmatory|the)\s+(?:drug\s+)?(?:tests?|samples?|testing))\b",
    re.IGNORECASE,
)

# -------------------------------------------------------------------------------------- what tells nothing of it

_GUIDE = r"(?:guide\s?lines?|MTUS|ODG|ACOEM|CPMTG|CA-?MTUS|Official\s+Disability|literature|criteria|standards?\s+of\s+care)"
_RULE = r"(?:recommend\w*|stat(?:e|es|ed|ing)|support\w*|advis\w*|suggest\w*|requir\w*|indicat(?:e|es)|endors\w*|encourag\w*|note\b|notes\b|provid(?:e|es)|consider\w*|call(?:s)?\s+for|specif(?:y|ies)|list|include[s]?|allow\w*|ask(?:s)?|expects?|want|wants|say|says|look(?:s)?\s+for|permit\w*|limit\w*)"
_RECITAL = re.compile(
    rf"""
      \b{_GUIDE}\b[^;]{{0,200}}?\b{_RULE}\b
    | \b(?:per|according\s+to|under|pursuant\s+to|as\s+recommended\s+by)\b[^;,]{{0,60}}\b{_GUIDE}\b
    | ^\W*(?:\(?[a-z0-9]\)\s*)?(?:consider|use\s+of|using|steps?\s+to|indications?|frequent\s+random|recommended)\b
    | \b(?:should|must|may|might|can|shall|ought\s+to|needs?\s+to)\s+(?:\w+\s+){{0,3}}?(?:be|have|include|undergo|obtain|perform|
        document|receive|order|repeat|monitor)
    | \b(?:is|are)\s+(?:an?\s+)?(?:\w+ly\s+)?(?:recommended|required|advised|suggested|indicated|considered|warranted|necessary
        |an\s+option|important|appropriate|reasonable|used|useful|helpful|mandatory|essential|expected|part\s+of)\s+
        (?:\w+\s+){{0,2}}?(?:for|in|as|to|when|if|at|prior|before|by|with|during|on)\b
    | \bwith\s+issues\s+of\s+abuse\b | \bconsider(?:ation\s+of)?\s+(?:the\s+)?(?:use\s+of\s+)?an?\b
    | \b(?:patients?|individuals?)\s+at\s+(?:low|moderate|high)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_THIS_PATIENT = re.compile(
    r"\b(?:the|this|that|said)\s+(?:patient|claimant|applicant|injured\s+worker|injured\s+employee|worker|employee"
    r"|individual|member|IW|file|chart|case|records?|documentation|physician|provider|requesting|treating|attending)"
    r"|\b(?:he|she|his|her)\b"
    r"|\bhere\b|\bin\s+this\s+(?:case|instance)|\bthere\s+(?:is|was|were|are|has|have)\b|\brecords?\b|\bsubmitted\b"
    r"|\bdated\b|\bdocumentation\b|\d{1,2}[/-]\d{1,2}[/-]\d{2,4}|\b(?:lack|absence)\s+of\b|\b(?:is|was|were|are)\s+not\b"
    r"|\bno\s+(?:\w+\s+){0,2}(?:urine|UDS|UDT|drug|toxicology)|\bnone\b",
    re.IGNORECASE,
)
_TURN = re.compile(
    r";\s+|,?\s+(?=(?:however|but|although|though|whereas|nevertheless|yet)\b)"
    r"|,\s+(?=(?:and\s+|as\s+|since\s+|because\s+|while\s+)?(?:there|the\s+(?:patient|records?|provider|physician)|none|no)\b)",
    re.IGNORECASE,
)
_ASKED_BEFORE = re.compile(
    r"""(?:
      \b(?:request(?:s|ed|ing)?|authoriz\w+|RFA|certif\w+|approv\w+|need|necessity|indications?|rationale|reasons?|justif\w+
        |support|frequency|order(?:s|ed|ing)?|recommend(?:s|ed|ing|ation|ations)?|plan(?:s|ned|ning)?|prescri\w+|schedul\w+
        |ask(?:s|ed|ing)?|seek(?:s|ing)?|sought|propos\w+|need(?:s|ed)|warrant\w*|denied|denial|certify|non-?certif\w+|deny
        |modif\w+|issue|appropriateness)\s+
        (?:(?:for|of|the|a|an|to|that|was|were|is|are|be|made|authorization|requests?|original|use|this|his|her|and|any|each|
           undergo|perform|obtain|have|conduct|do|repeat|performing|obtaining|medical|necessity|claimant|patient|another|
           additional|further|periodic|random|routine|future|including|included|include|includes|consisted|consists|
           point-of-care|in-office|baseline|quarterly|monthly|retrospective|prospective|\d+|one|two|three|four|x\d)[\s,]+){0,7}
    | \b(?:will|to|would|shall)\s+(?:\w+\s+){0,2}?(?:obtain|perform|undergo|order|repeat|do|have|conduct|be|continue|administer|get|collect|provide|use|receive)\s+(?:\w+\s+){0,4}
    | \btreatment\s+plan\b[^.;]{0,200}
    | \bplan(?:s|ned)?\b[^.;]{0,60}
    | \b(?:requested|proposed|disputed|current|present|said|instant|retrospective)\s+(?:\w+\s+){0,2}
    | \bfor\s+(?:periodic|random|ongoing|routine)\s+
    | \b(?:next|future|upcoming|subsequent)\s+(?:\w+\s+){0,2}
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_ASKED_AFTER = re.compile(
    r"""^(?:(?!\b(?:contain|show|reveal|detect|positive|negative|consistent|inconsistent|came|tested)\w*\b)
        (?:[^.;,]|,(?!\s*(?:and|but|the|this|it)\b))){0,90}?\b(?:
      (?:is|was|were|are|be|been|being)\s+(?:also\s+|therefore\s+|thus\s+|previously\s+|retrospectively\s+|then\s+|currently\s+|again\s+)?(?:requested|ordered|recommended|planned|scheduled|
        denied|certified|non-?certified|authorized|approved|modified|sought|proposed|prescribed|disputed|advised|suggested|
        deferred|pending\s+authorization|in\s+dispute|at\s+issue|upheld|overturned|supported|justified|warranted|
        not\s+(?:\w+\s+){0,2}(?:medically|necessary|indicated|warranted|supported|certified|authorized|approved|justified|
          reasonable|recommended|required|needed|established|appropriate|substantiated)|medically|indicated|
          necessary|reasonable|needed|required|(?:reasonable|appropriate)\s+and\s+(?:medically|necessary|reasonable)|unnecessary|redundant|excessive|premature)
    | (?:is|was|are|were)\s+to\s+be\b
    | will\s+be | would\s+be | should\s+be | to\s+be\s+(?:performed|done|obtained|ordered)
    | (?:has|have)\s+not\s+been\s+(?:\w+\s+)?established
    | cannot\s+be\s+(?:\w+\s+)?(?:established|supported|certified|justified|recommended)
    | in\s+(?:the\s+)?(?:future|\d+\s+(?:weeks|months))
    | at\s+(?:the\s+)?(?:next|follow)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)

# ------------------------------------------------------------------------------------------- that it was done

_DONE = re.compile(
    r"""
      \b(?:was|were|has\s+been|have\s+been|had\s+been|been|is|are|being)\s+(?:also\s+|recently\s+|previously\s+|last\s+|apparently\s+|regularly\s+|routinely\s+|periodically\s+|most\s+recently\s+|then\s+)?(?:performed|done|obtained|collected|administered|completed|
        conducted|reviewed|submitted|provided|taken|given|included|documented|noted|ordered\s+and\s+performed|available|present|in\s+place|run|
        utilized|used|in\s+use|carried\s+out|current|up\s+to\s+date|on\s+file|in\s+the\s+(?:records?|chart|file))\b
    | \b(?:dated|collected|performed|done|obtained|completed|drawn|reported)\s+(?:on\s+)?(?:\(?\d{1,2}[/-]|[A-Z][a-z]{2,8}\.?\s+(?:\d|of))
    | \b(?:on|from|of|in)\s+\(?(?:\d{1,2}[/-]\d{1,2}|(?:January|February|March|April|May|June|July|August|September|October|November|December|20\d\d))
    | ^\s*\(\s*\d{1,2}[/-] | ^\s*(?:today|\d{1,2}[/-]\d{1,2}[/-]\d{2,4})
    | ^\s*(?:results?|reports?)\s+(?:from|of|on|dated)\b
    | \bresults?\s+(?:are|is|were|was)\s+(?:still\s+)?(?:pending|awaited|unknown)\b | \bresults?\s+pending\b
    | \bpending\b | \b(?:was|were)\s+(?:not\s+(?:yet\s+)?back|sent)\b
    | \b(?:on\s+file|up\s+to\s+date|in\s+the\s+(?:records?|chart|file))\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
_DONE_BEFORE = re.compile(
    r"""(?:
      \b(?:underwent|undergone|undergoes|undergoing|had|has\s+had|have\s+had|completed|performed|performs|obtained|collected|reviewed|administered|submitted\s+to
        |received|given|provided\s+(?:a|his|her)|conducted|documented|documents|subject\s+to|monitored\s+(?:with|by|through|via)|compliance\s+through|participates?\s+in
        |utiliz\w+|includ(?:es|ed|ing)|includes:|included:|contains?|contained|using|with|tested\s+(?:with|by)|screened\s+(?:with|by)|took|gave)
        \s+(?:(?:a|an|the|his|her|their|one|two|three|prior|previous|past|recent|random|routine|periodic|multiple|several|regular|serial|most|last|
        latest|in-office|point-of-care|an?\s+office|diagnostic|testing|studies|signed|opioid|pain|contract|agreement|CURES|PDMP|report|
        medications?|and|up-to-date|current|[\w-]+,)[\s,]*){0,8}
    | \b(?:latest|last|most\s+recent|prior|previous|past|earlier|repeat|repeated|serial|several|multiple|recent)\s+(?:\w+\s+){0,1}
    | \b\d{1,2}[/-]\d{1,2}[/-]\d{2,4}\)?,?\s+(?:\w+\s+)?
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
# "a screen was collected, but its result was not in the records": done, result unknown.
_RESULT_ONLY = re.compile(r"\bresults?\b|\breports?\b", re.IGNORECASE)
_COLLECTED = re.compile(
    r"\b(?:was|were|had\s+been|has\s+been|have\s+been)\s+(?:said\s+to\s+have\s+been\s+|reportedly\s+|\w+ly\s+)?\"?(?:performed|done"
    r"|obtained|collected|administered|completed|taken|conducted|sent)\b|\bunderwent\b|\bhad\s+a\s+(?:urine|UDS|drug|UDT|toxicology)",
    re.IGNORECASE,
)
_NEXT_FACT = re.compile(
    r";(?!\s*(?:it|these|they|this|which|(?:the\s+)?results?)\b)|,?\s+(?:but(?!\s+(?:also\s+|was\s+|were\s+)?(?:positive|negative|not\b|in-?consistent))|however|although|though|while|whereas)\b"
    r"|,\s+(?:and\s+)?(?=(?:the(?!\s+results?)|there|his|her|he|she|this|CURES|PDMP|a\s+CURES)\b)"
    r"|\s+and\s+(?=(?:there|he|she|the\s+(?:patient|claimant|applicant|injured|provider|physician|pain))\b)",
    re.IGNORECASE,
)
# "when the last screen was done is unclear"
_WHETHER = re.compile(r"\b(?:when|whether|if|how\s+often|dates?\s+of|unclear|unknown)\b[^,;]{0,40}$", re.IGNORECASE)
# "It was positive for …", "The results were …": the screen of the sentence before.
_CONTINUES = re.compile(
    r"(?:it|these|they|this|both|all)\s+(?:\w+\s+)?(?:was|were|is|are|showed|shows|came|had|revealed|tested|demonstrated"
    r"|detected|indicated|did)\b|(?:(?:the|its|their)\s+)?(?:results?|findings|sample|specimen)\b",
    re.IGNORECASE,
)
# "no inconsistent screens", "no aberrant behavior on drug testing": a good result in itself.
_NO_BAD_ONES = re.compile(
    r"\b(?:inconsisten\w+|aberran\w+|abnormal\w*|illicit|illegal|unexpected|discrepan\w+|non-?prescribed|abuse|misuse)\b"
    r"(?:[\w\s/-]{0,40}\b(?:on|in|by|per|via|from|with|during|through|upon)\b[\w\s]{0,30})?\s*$",
    re.IGNORECASE,
)
# "... was found on the last two screens": the mention is where a result was found.
_PLACE = re.compile(r"\b(?:on|in|by|per|via|from|with|during|through|at|of)\s+(?:[\w/.'-]+\s+){0,5}$", re.IGNORECASE)
_REACH = 220
MOST_MENTIONS = 12  # in one sentence; no reviewer names a screen so often


def read_uds(text: str, *, disputed_item: str = "") -> UdsReading:
    """The state of the patient's urine drug screen in a cleaned summary or rationale, with the sentence that tells it.

    `disputed_item`: the determination's title; where that is a drug screen, plain mentions of it tell nothing.
    """
    disputed = SCREEN.search(disputed_item) is not None
    best = UdsReading("not_mentioned")
    for start, end in _join_sentences(text):
        status = _read_sentence(text[start:end], disputed)
        if PRECEDENCE.index(status) < PRECEDENCE.index(best.status):
            best = UdsReading(status, start, end)
    return best


def _join_sentences(text: str) -> list[tuple[int, int]]:
    """Sentences; one that names a screen takes in the next where that goes on about it."""
    spans = bounded_sentences(text)
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        before = joined[-1] if joined else None
        if before and end - before[0] <= LONGEST_SENTENCE and SCREEN.search(text, *before) and _CONTINUES.match(text, start):
            joined[-1] = (before[0], end)
        else:
            joined.append((start, end))
    return joined


def _read_sentence(sentence: str, disputed: bool) -> UdsStatus:
    """The most telling state of all mentions in a sentence."""
    statuses = [_read_mention(sentence, start, end, disputed) for start, end in _find_mentions(sentence, disputed)]
    return min(statuses, key=PRECEDENCE.index, default="not_mentioned")


def _find_mentions(sentence: str, disputed: bool) -> list[tuple[int, int]]:
    mentions = [
        match.span()
        for match in SCREEN.finditer(sentence)
        if not _OTHER_TEST_BEFORE.search(sentence[max(0, match.start() - 30) : match.start()])
    ]
    if disputed or (not mentions and re.search(rf"\b{ILLICIT}", sentence, re.IGNORECASE)):
        mentions += [match.span() for match in _SHORT_NAME.finditer(sentence) if not _is_inside(match.span(), mentions)]
    return mentions[:MOST_MENTIONS]


def _is_inside(span: tuple[int, int], mentions: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in mentions)


def _read_mention(sentence: str, start: int, end: int, disputed: bool) -> UdsStatus:
    absence = find_absence(sentence, start, end)
    referring = absence is not None and absence.referring
    if not referring and (_is_recited(sentence, start, end) or _is_asked_for(sentence, start, end)):
        return "not_mentioned"
    result = _read_result(sentence, start, end, disputed)
    if absence is not None and absence.start < start and _NO_BAD_ONES.search(sentence[absence.end : start]):
        return "consistent"
    if absence is not None and not _is_outweighed(sentence, absence, result, start, end):
        if _COLLECTED.search(sentence) and _RESULT_ONLY.search(sentence[absence.start - 80 if absence.start > 80 else 0 :]):
            return "done_result_unknown"
        return "stated_absent"
    if result is not None:
        return result
    if _is_done(sentence, start, end):
        return "done_result_unknown"
    return "not_mentioned"


def _is_recited(sentence: str, start: int, end: int) -> bool:
    """A rule of a guideline, in this clause, with no turn to this patient; or words inside a quotation."""
    if sentence[:start].count('"') % 2 == 1 and '"' in sentence[end:]:
        return True
    turns = [match.end() for match in _TURN.finditer(sentence, 0, start)]
    first = turns[-1] if turns else 0
    stop = _TURN.search(sentence, end)
    clause = sentence[first : stop.start() if stop else len(sentence)]
    if not _RECITAL.search(clause):
        return False
    return not _THIS_PATIENT.search(clause)


def _is_asked_for(sentence: str, start: int, end: int) -> bool:
    before = sentence[max(0, start - _REACH) : start]
    return bool(_ASKED_BEFORE.search(before) or _ASKED_AFTER.match(sentence[end : end + _REACH]))


def _read_result(sentence: str, start: int, end: int, disputed: bool) -> Result | None:
    """The result told after the mention, or before it in its own clause; all of the clause where the mention closes it.

    "Opiates were detected, as expected, on the urine drug screen": the mention is the place of a result told before.
    """
    stop = _NEXT_FACT.search(sentence, end)
    after = sentence[start : min(stop.start() if stop else len(sentence), end + _REACH)]
    before = sentence[max(0, start - _REACH) : start]
    before = re.split(r"[.!?]\s|;|\b(?:but|however|although)\b", before)[-1]
    if not _PLACE.search(before):
        before = re.split(r",\s+(?:and\s+)?", before[-80:])[-1]
    return read_result(f"{before}{after}", disputed=disputed)


def _is_outweighed(sentence: str, absence: Absence, result: Result | None, start: int, end: int) -> bool:
    """Does the screen's own result outweigh a denying cue before it?

    "No side effects, and the drug screen was consistent" has one; "no evidence that the screen was consistent" and
    "no documentation of a consistent screen" have not.
    """
    if result is None:
        return False
    if absence.referring:
        return True
    if absence.start >= end:
        # "did not contain the prescribed drug", "the bad result was not addressed": the screen is there, and bad.
        return result in ("inconsistent", "illicit_positive")
    if absence.embedded:
        return False
    own_verb = re.match(
        r"^\)?[^.;,]{0,60}?\b(?:is|are|was|were|shows?|showed|reveals?|revealed|came|has\s+been|have\s+been|remains?|confirms?|confirmed"
        r"|demonstrates?|demonstrated|indicates?|indicated|tested)\b",
        sentence[end:],
        re.IGNORECASE,
    )
    if absence.coordinated and own_verb:
        return True
    bare = re.fullmatch(r"no|without|nor", sentence[absence.start : absence.end], re.IGNORECASE)
    return bool(absence.coordinated and bare)


def _is_done(sentence: str, start: int, end: int) -> bool:
    before = sentence[max(0, start - _REACH) : start]
    if _WHETHER.search(before):
        return False
    stop = _NEXT_FACT.search(sentence, end)
    after = sentence[end : min(stop.start() if stop else len(sentence), end + 120)]
    return bool(_DONE_BEFORE.search(before) or _DONE.search(after))
