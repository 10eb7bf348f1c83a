"""What a text says of the patient's urine drug screen: six states, read from summaries and from rationales.

A mention counts only where it tells of this patient's screen. A recited rule ("consider a urine drug screen"), a
screen that is merely planned, requested or in dispute, and its medical necessity tell nothing: not_mentioned.

A mention is a screen's name, a short name beside a drug ("the last specimen"), or, in a sentence that goes on about
the screen of the one before, a pronoun ("it", "none", "the results"). Each is read in its sentence: is it only said by
utilization review, supposed, recited or asked for; is it missing (absence.py); what did it find (screen_results.py);
was it done at all. The most telling state of all mentions wins, in this order:

    illicit_positive > inconsistent > stated_absent > consistent > done_result_unknown > not_mentioned

A bad result outweighs a later good one. "None in the records" outweighs a good or unknown result, because a reviewer
who pastes the history and then misses a recent screen finds that it is missing; an unknown result is the least.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from imr_llm.record import UdsStatus
from imr_llm.rules.absence import LONGEST_SENTENCE, Absence, bounded_sentences, find_absence
from imr_llm.rules.screen_results import ILLICIT, NAMED_DRUG, Result, read_result

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
    | \burine\b(?=\s+(?:was|were|is)\s+(?:\w+\s+)?(?:collected|obtained|sent|tested|submitted|taken|provided)\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Tests of an employer's, and tests of the blood of a crash victim, are other tests.
_OTHER_TEST_BEFORE = re.compile(
    r"\b(?:pre-?employment|post-?offer|post-?accident|workplace|employer'?s?|random\s+workplace|blood|saliva|hair|oral\s+fluid|oral|serum)\s+$",
    re.IGNORECASE,
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = r"\d{1,2}[/-]\d{1,4}(?:[/-]\d{2,4})?"
# Names that mean a drug screen only where a drug test is in dispute or a drug is named beside them: "the last screen".
_SHORT_NAME = re.compile(
    rf"""
      \b(?:(?:re-?)?screens?|(?:re-?)?screening|dip-?sticks?|immunoassays?|specimens?|toxicolog\w+|urine)\b
    | \b(?:prior|previous|last|earlier|past|recent|this|repeat|confirmatory|the|{_MONTH}|20\d\d|{_DAY})\s+(?:drug\s+)?(?:tests?|samples?|testing|panels?)\b
    | \b(?:tested|screened)\b(?!\s+for\s+(?:depression|anxiety))
    """,
    re.IGNORECASE | re.VERBOSE,
)
# Where a test is in dispute, any past test is one: "four tests in 2016", "an unexpected result in July".
_TEST_NAME = re.compile(
    rf"\b(?:tests?|testing|panels?|samples?|the\s+one(?=\s+(?:obtained|done|performed|collected|from|of|on|dated)\b)|results?\s+(?:in|of|from|on)\s+(?:{_MONTH}|{_DAY}))(?=\b|\W|$)",
    re.IGNORECASE,
)
_PAST = re.compile(
    rf"\b(?:was|were|had|has\s+been|have\s+been|have\s+each|gave|matched|showed|dated|last|prior|previous|earlier|ago|{_MONTH}|20\d\d)\b|\d/\d",
    re.IGNORECASE,
)
_OTHER_TEST = re.compile(
    r"\b(?:blood|saliva|salivary|oral\s+fluid|hair|genetic|DNA|liver|breath|EMG|nerve|stress|MRI|x-?ray|laboratory|depression"
    r"|biops\w+|surgical|cancer|infection|pregnan\w+|urinalysis|glucose|sleep)\b",
    re.IGNORECASE,
)
_DRUG_NAMED = re.compile(
    rf"\b(?:{ILLICIT}|{NAMED_DRUG}|(?:non-?|un-?)?prescri(?:bed|ptions?)|medication\s+list)\b", re.IGNORECASE
)
_PATIENTS_SCREEN = re.compile(
    r"\b(?:\w+'s|his|her)\s+(?:(?:last|most|recent|prior|latest)\s+)*screens?\b(?!\s+for)", re.IGNORECASE
)
_DRUG_NAME = re.compile(rf"\b{NAMED_DRUG}\b", re.IGNORECASE)
# "He has never been drug tested": says itself that there is none.
_UNTESTED = re.compile(
    r"\b(?:has|have|had|was|were|is|are)\s?(?:not|n't|never|yet\s+to)\s+(?:yet\s+|ever\s+|recently\s+|be\s+|been\s+|to\s+be\s+|\w+ly\s+){0,3}"
    r"(?:(?P<drug>drug|urine)[-\s]+)?(?:tested|screened|monitored)\b(?P<what>\s+(?:for|with|by|through)\s+(?:\w+\s+){0,2}(?:drugs?|substances|UDS|urine|toxicology))?",
    re.IGNORECASE,
)

# -------------------------------------------------------------------------------------- what tells nothing of it

_GUIDE = (
    r"(?:guide\s?lines?|MTUS|ODG|ACOEM|CPMTG|CA-?MTUS|Official\s+Disability|literature|criteria|standards?\s+of\s+care)"
)
_RULE = r"(?:recommend\w*|stat(?:e|es|ed|ing)|support\w*|advis\w*|suggest\w*|requir\w*|indicat(?:e|es)|endors\w*|encourag\w*|note\b|notes\b|provid(?:e|es)|consider\w*|call(?:s)?\s+for|specif(?:y|ies)|list|include[s]?|allow\w*|ask(?:s)?|expects?|want|wants|say|says|look(?:s)?\s+for|permit\w*|limit\w*)"
_RECITAL = re.compile(
    rf"""
      \b{_GUIDE}\b[^;]{{0,200}}?\b{_RULE}\b
    | \b(?:per|according\s+to|under|pursuant\s+to|as\s+recommended\s+by)\b[^;,]{{0,60}}\b{_GUIDE}\b
    | ^\W*(?:\(?[a-z0-9]\)\s*)?(?:consider|use\s+of|using|steps?\s+to|indications?|frequent\s+random|recommended)\b
    | \b(?:should|must|(?-i:may)|might|can|shall|ought\s+to|needs?\s+to)\s+(?:\w+\s+){{0,3}}?(?:be|have|include|undergo|obtain|perform|
        document|receive|order|repeat|monitor)
    | \b(?:is|are)\s+(?:an?\s+)?(?:\w+ly\s+)?(?:recommended|required|advised|suggested|indicated|considered|warranted|necessary
        |an\s+option|important|appropriate|reasonable|used|useful|helpful|mandatory|essential|expected|part\s+of)\s+
        (?:\w+\s+){{0,2}}?(?:for|in|as|to|when|if|at|prior|before|by|with|during|on|where|after|among|only|once)\b
    | \b(?:treatment|therapy|use|management|opioids?|prescribing)\s+(?:of\s+\w+\s+)?(?:calls?\s+for|requires?|warrants?|demands?|entails?)\b
    | \b(?:testing|confirmation|screens|screening)\s+(?:is|are)\s+(?:\w+ly\s+|only\s+)?(?:for|reserved|meant|intended)\b
    | \b(?:frequency|number)\s+of\s+(?:\w+\s+){{0,3}}(?:is|are|depends|should)\b
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
_REVIEWER = re.compile(
    r"\b(?:UR|utilization\s+review\w*|claims\s+administrator|adjuster|(?:peer|prior|previous|initial|earlier|first)\s+review\w*|(?:(?:prior|previous|initial|earlier|first|original)\s+)?(?:denial|non-?certification|adverse\s+determination)\s+(?:letters?\s+)?(?:(?:of|dated|on|from)\s+[\d/.-]+\s+)?(?=reason|sa[iy]|stat|wrote|found|argu|object|complain|not|claim|cit|held|indicat|observ))(?:'s)?\b[^;]{0,100}?"
    r"\b(?:not\w*|stat\w+|said|says|wrote|found|den\w+|fault\w*|cit\w+|reject\w*|non-?certif\w*|modif\w+|determin\w+|advis\w+|indicat\w+"
    r"|review|certif\w+|remark\w*|reason\w*|observ\w+|felt|believ\w+|opin\w+|argu\w+|conclu\w+|claim(?:ed|s)|mention\w*|reported|decision|complain\w*|held)\b",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(
    r"\b(?:if|unless|in\s+case|in\s+the\s+event|should\s+the)\b(?:[^,;.]|,\s+(?:such\s+as|or|and|including|like|for\s+example)\b){0,140}$",
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
    | \b(?:requested|proposed|disputed|said|instant|retrospective)\s+(?:\w+\s+){0,2}
    | \bfor\s+(?:periodic|random|ongoing|routine)\s+
    | \b(?:next|future|upcoming|subsequent)\s+(?:\w+\s+){0,2}
    )$""",
    re.IGNORECASE | re.VERBOSE,
)
_ASKED_AFTER = re.compile(
    r"""^(?:(?!\b(?:contain|show|reveal|detect|positive|negative|consistent|inconsistent|came|tested|found|f(?:ind|ail)|pick|turn|match|agree|correspond|compatib|conform|reflect|collect|obtained|underw)\w*\b
          |\b(?:and|so)\s+(?:that\s+)?(?:an?|another|one|the)\b|\bso\b)
        (?:[^.;,]|,(?!\s*(?:and|but|the|this|it|one|another|so|an?)\b))){0,90}?\b(?:
      (?:is|was|were|are|be|been|being)\s+(?:also\s+|therefore\s+|thus\s+|previously\s+|retrospectively\s+|then\s+|currently\s+|again\s+)?(?:requested|ordered(?!\s+and\s+(?:performed|collected|done|obtained|completed|reviewed))|recommended|planned|scheduled|
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
      \b(?:was|were|has\s+been|have\s+been|had\s+been|been|is|are|being)\s+(?:also\s+|already\s+|just\s+|recently\s+|previously\s+|last\s+|apparently\s+|regularly\s+|routinely\s+|periodically\s+|most\s+recently\s+|then\s+)?(?:performed|done|obtained|collected|administered|completed|
        conducted|reviewed|submitted|provided|taken|given|included|documented|noted|ordered\s+and\s+performed|available|present|in\s+place|run|
        utilized|used|in\s+use|carried\s+out|current|up\s+to\s+date|on\s+file|in\s+the\s+(?:records?|chart|file))\b
    | \b(?:dated|collected|performed|done|obtained|completed|drawn|reported)\s+(?:on\s+)?(?:\(?\d{1,2}[/-]|[A-Z][a-z]{2,8}\.?\s+(?:\d|of))
    | \b(?:on|from|of|in)\s+\(?(?:\d{1,2}[/-]\d{1,2}|(?:January|February|March|April|May|June|July|August|September|October|November|December|20\d\d))
    | ^\s*\(\s*\d{1,2}[/-] | ^\s*(?:today|\d{1,2}[/-]\d{1,2}[/-]\d{2,4})
    | ^\s*(?:results?|reports?)\s+(?:from|of|on|dated)\b
    | \bresults?\s+(?:are|is|were|was)\s+(?:still\s+)?(?:pending|awaited|unknown)\b | \bresults?\s+pending\b
    | ^\s*(?:\w+\s+){0,3}(?:tested\s+)?(?:on|in|at)\s+(?:the\s+)?(?:visits?\s+of\s+)?(?:\d{1,2}[/-]|(?:January|February|March|April|May|June|July|August|September|October|November|December)\b)
    | \b(?:took\s+place|carried\s+out|taken|ran|await\w*|sent\s+(?:out|off|to)|was\s+sent|performed\s+every|done\s+every|each\s+(?:visit|month))\b
    | \b(?:has|have|had)\s+not\s+(?:yet\s+)?(?:come\s+back|returned|been\s+returned|resulted)\b
    | \bordered\s+and\s+(?:performed|collected|done|obtained|completed)\b
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
_FINDING = re.compile(r"\b(?:present|found|detected|seen|identified)$", re.IGNORECASE)
_DETECTING = re.compile(
    r"\b(?:not|n't|never)\s+(?:\w+ly\s+)?(?:contain|show|note|list|indicate|report|reveal|raise|present)$",
    re.IGNORECASE,
)
# "a screen was collected, but its result was not in the records": done, result unknown.
_RESULT_ONLY = re.compile(r"\b(?:results?|reports?|outcomes?|findings)\b", re.IGNORECASE)
_COLLECTED = re.compile(
    r"\b(?:was|were|had\s+been|has\s+been|have\s+been)\s+(?:said\s+to\s+have\s+been\s+|reportedly\s+|\w+ly\s+)?\"?(?:performed|done"
    r"|obtained|collected|administered|completed|taken|conducted|sent)\b|\b(?:screens?|screening|tests?|testing|UDS|UDT|specimens?|samples?|toxicology)\s+(?:obtained|collected|done|performed|taken)\s+(?:on|in|at)\b|\bunderwent\b|\bhad\s+a\s+(?:urine|UDS|drug|UDT|toxicology)",
    re.IGNORECASE,
)
_NEXT_FACT = re.compile(
    r";(?!\s*(?:it|these|they|this|which|(?:the\s+)?results?|the\s+(?:latter|former))\b)|,?\s+(?:but(?!\s+(?:also\s+|was\s+|were\s+|did\s+|it\s+){0,3}(?:positive|negative|not\b|in-?consistent|show|reveal|contain|detect|find))|however|(?:although|though|while|whereas)(?![^.;]{0,60}\bprescri))\b"
    r"|,\s+(?:and\s+)?(?=(?:the(?!\s+results?)|there(?!\s+(?:is|was)\s+no\s[^.;]{0,60}\bprescri)|his|her|he|she|this|CURES|PDMP|a\s+CURES)\b)"
    r"|\s+and\s+(?=(?:there(?!\s+(?:is|was)\s+no\s[^.;]{0,60}\bprescri)|he|she|the\s+(?:patient|claimant|applicant|injured|provider|physician|pain))\b)",
    re.IGNORECASE,
)
# "when the last screen was done is unclear"
_WHETHER = re.compile(
    r"\b(?:when|whether|why|what|if|how\s+often|dates?\s+of|unclear|unknown)\b[^,;]{0,40}$", re.IGNORECASE
)
_FINITE = r"(?:was|were|is|are|had|has|have|show(?:s|ed)|reveal(?:s|ed)|tested|demonstrated|detected|indicated|did|do|does|came|turned)"
# "It was positive for …", "The results were …", "None was done": the screen of the sentence before.
_ANAPHOR = re.compile(
    rf"""(?:(?:however|but|and|yet|unfortunately|moreover)\b,?\s+)?(?P<it>
      (?:it|these|they|this|those|that|both|each|all|neither|none)(?:\s+of\s+(?:them|these|those|this|the\s+(?:screens|tests|results|samples)))?
        (?=\s+(?:all\s+|both\s+|\w+ly\s+|again\s+)?{_FINITE}\b)(?!\s+(?:is|was|has\s+been|does|did)\s[^.;,]{{0,40}}\bthat\b)
    | (?:the|its|their|those|these|that|this|such|no|her|his)?\s*(?:last|latest|most\s+recent|first|second|other|prior|former|latter|more\s+recent)?\s*
        (?:results?|findings|outcomes?|reports?|samples?|specimens?|screens?|tests?|testing|panels?|one|ones|last|latest|latter)
        (?=[^.;,]{{0,60}}\b{_FINITE}\b|\W*$)
    | there\s+(?:is|was|are|were|has\s+been)\s+(?:none|no\s+such)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_NONE = re.compile(
    r"^(?:none|neither|no\s+(?:such|one|tests?|screens?)|there\s.*\b(?:none|no\s+such))\b", re.IGNORECASE
)
_NO_RESULT = re.compile(r"^no\s+(?:results?|reports?|findings|outcomes?)\b", re.IGNORECASE)
# "..., but such a report was on file": the screen named earlier in the sentence.
_SUCH_A_TEST = re.compile(r"\bsuch\s+(?:an?\s+)?(?:reports?|tests?|testing|screens?|results?)\b", re.IGNORECASE)
# "no inconsistent screens", "no aberrant behavior on drug testing": a good result in itself.
_NO_BAD_ONES = re.compile(
    r"\b(?:inconsisten\w+|aberran\w+|abnormal\w*|illicit|illegal|unexpected|discrepan\w+|non-?prescribed|abuse|misuse)\b"
    r"(?:[\w\s/-]{0,40}\b(?:on|in|by|per|via|from|with|during|through|upon)\b[\w\s]{0,30})?\s*$",
    re.IGNORECASE,
)
# "... was found on the last two screens": the mention is where a result was found.
_PLACE = re.compile(
    rf"\b(?:on|in|by|per|via|from|with|during|through|at|of|his|her|patient's)\s+(?:(?:the|an?|his|her|their|this|that|\w+'s|injured|most|last|latest"
    rf"|recent|prior|previous|repeat|random|\S*\d\S*|one|two|three|four|first|second|in-office|office|way|of|point-of-care|quantitative|confirmatory"
    rf"|several|multiple|both|all|each|every|{_MONTH}|submitted|available)\s+){{0,6}}$",
    re.IGNORECASE,
)
_REACH = 220
_GIVEN = re.compile(
    r"\bwhich\s+(?:was|were)\s+(?:\w+ly\s+)?(?:collected|obtained|done|performed|given|completed)\b", re.IGNORECASE
)
MOST_MENTIONS = 12  # in one sentence; no reviewer names a screen so often


# "It must also be said that no screen was sent": the rule is one of speech.
_SPEECH = re.compile(
    r"\b(?:it|this|what)\s+(?:must|should|has\s+to|needs\s+to|ought\s+to|may|might|can)\s+(?:also\s+|further\s+|again\s+|then\s+)?be\s+"
    r"(?:said|noted|pointed\s+out|mentioned|added|stated|observed|remarked|emphasi[sz]ed|stressed|recalled|kept\s+in\s+mind)\s*(?:here\s*)?,?\s+(?:too,?\s+)?that\b",
    re.IGNORECASE,
)


def read_uds(text: str, *, disputed_item: str = "") -> UdsReading:
    """The state of the patient's urine drug screen in a cleaned summary or rationale, with the sentence that tells it.

    `disputed_item`: the determination's title; where that is a drug screen, plain mentions of it tell nothing.
    """
    disputed = SCREEN.search(disputed_item) is not None
    text = _SPEECH.sub(lambda match: " " * len(match[0]), text)
    best = UdsReading("not_mentioned")
    topic: _Topic | None = None
    for start, end in bounded_sentences(text):
        sentence = text[start:end]
        status = _read_sentence(sentence, disputed)
        anaphor = _ANAPHOR.match(sentence) if topic else None
        if topic and anaphor and (not topic.loose or _DRUG_NAMED.search(sentence)):
            status = _tell_more(status, _read_anaphor(sentence, anaphor, topic))
        told_from = topic.start if topic and anaphor else start
        if PRECEDENCE.index(status) < PRECEDENCE.index(best.status):
            best = UdsReading(status, told_from, end)
        if _find_mentions(sentence, disputed):
            topic = _Topic(start, status, recited=_RECITAL.search(sentence) is not None)
        elif _SHORT_NAME.search(sentence) and not _OTHER_TEST.search(sentence):
            topic = _Topic(start, status, recited=False, loose=True)
        elif not anaphor or end - told_from > LONGEST_SENTENCE:
            topic = None
    return best


@dataclass(frozen=True)
class _Topic:
    """The screen that the sentence before was about: where that sentence starts, and the state it told.

    `loose`: it named "a screen" only; what goes on about it counts where it names a drug.
    """

    start: int
    status: UdsStatus
    recited: bool
    loose: bool = False


def _tell_more(one: UdsStatus, other: UdsStatus) -> UdsStatus:
    return min(one, other, key=PRECEDENCE.index)


def _read_anaphor(sentence: str, anaphor: re.Match[str], topic: _Topic) -> UdsStatus:
    """The state that a sentence tells of the screen named in the one before."""
    start, end = anaphor.span("it")
    named = anaphor["it"]
    known = topic.recited or topic.status != "not_mentioned"
    missing = _NONE.match(named) or find_absence(sentence, start, end)
    if _NO_RESULT.match(named) or (missing and _RESULT_ONLY.search(named)):
        if topic.status == "done_result_unknown":
            return "done_result_unknown"
        return "stated_absent" if known else "not_mentioned"
    status = _read_mention(sentence, start, end, False)
    if status == "stated_absent" or _NONE.match(named):
        return "stated_absent" if known and not _read_result(sentence, start, end, False) else "not_mentioned"
    return status if status != "done_result_unknown" or known else "not_mentioned"


def _read_sentence(sentence: str, disputed: bool) -> UdsStatus:
    """The most telling state of all mentions in a sentence."""
    statuses = [_read_mention(sentence, start, end, disputed) for start, end in _find_mentions(sentence, disputed)]
    if not disputed:
        statuses += [_read_loose_mention(sentence, *span) for span in _find_loose_mentions(sentence)]
    statuses.append(_read_untested(sentence, disputed))
    return min(statuses, key=PRECEDENCE.index)


def _find_mentions(sentence: str, disputed: bool) -> list[tuple[int, int]]:
    mentions = [
        match.span()
        for match in SCREEN.finditer(sentence)
        if not _OTHER_TEST_BEFORE.search(sentence[max(0, match.start() - 30) : match.start()])
    ]
    if mentions:
        mentions += [match.span() for match in _SUCH_A_TEST.finditer(sentence, mentions[0][1])]
    if disputed:
        short = list(_SHORT_NAME.finditer(sentence))
        if _PAST.search(sentence):
            short += _TEST_NAME.finditer(sentence)
        mentions += [match.span() for match in short if not _is_inside(match.span(), mentions)]
    return mentions[:MOST_MENTIONS]


def _find_loose_mentions(sentence: str) -> list[tuple[int, int]]:
    """Short names in a sentence that names no screen, but a drug: "the last specimen was positive for codeine"."""
    about_drugs = _DRUG_NAMED.search(sentence) or _PATIENTS_SCREEN.search(sentence)
    if SCREEN.search(sentence) or _OTHER_TEST.search(sentence) or not about_drugs:
        return []
    return [match.span() for match in _SHORT_NAME.finditer(sentence)][:MOST_MENTIONS]


def _is_inside(span: tuple[int, int], mentions: list[tuple[int, int]]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in mentions)


def _read_loose_mention(sentence: str, start: int, end: int) -> UdsStatus:
    """Only what was found counts; what was not done or not filed may be another test."""
    status = _read_mention(sentence, start, end, False)
    return status if status in ("illicit_positive", "inconsistent", "consistent") else "not_mentioned"


def _read_untested(sentence: str, disputed: bool) -> UdsStatus:
    untested = _UNTESTED.search(sentence)
    if untested is None or not (disputed or untested["drug"] or untested["what"]):
        return "not_mentioned"
    return "not_mentioned" if _is_hearsay(sentence, *untested.span()) else "stated_absent"


def _read_mention(sentence: str, start: int, end: int, disputed: bool) -> UdsStatus:
    if _is_hearsay(sentence, start, end):
        return "not_mentioned"
    absence = find_absence(sentence, start, end)
    referring = absence is not None and absence.referring
    if not referring and (_is_recited(sentence, start, end) or _is_asked_for(sentence, start, end, absence)):
        return "not_mentioned"
    result = _read_result(sentence, start, end, disputed)
    if absence is not None and absence.start < start and _NO_BAD_ONES.search(sentence[absence.end : start]):
        return "consistent"
    if absence is not None and not _is_outweighed(sentence, absence, result, start, end):
        if _COLLECTED.search(sentence) and _RESULT_ONLY.search(sentence[max(0, absence.start - 80) :]):
            return "done_result_unknown"
        return "stated_absent"
    if result is not None:
        return result
    return "done_result_unknown" if _is_done(sentence, start, end) else "not_mentioned"


def _is_hearsay(sentence: str, start: int, end: int) -> bool:
    """What utilization review said, and what is only supposed: "if a screen were positive"."""
    turns = [match.end() for match in _TURN.finditer(sentence, 0, start)]
    reported = _REVIEWER.search(sentence, turns[-1] if turns else 0, start)
    return reported is not None or _SUPPOSED.search(sentence, max(0, start - _REACH), start) is not None


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


def _is_asked_for(sentence: str, start: int, end: int, absence: Absence | None) -> bool:
    """Requested, planned or in dispute. "In the absence of a screen, use is not supported" asks for none."""
    if _GIVEN.search(sentence, end):
        return False
    if _ASKED_BEFORE.search(sentence[max(0, start - _REACH) : start]):
        return True
    after = _ASKED_AFTER.match(sentence[end : end + _REACH])
    return after is not None and not (absence is not None and absence.end <= start and "," in after[0])


def _read_result(sentence: str, start: int, end: int, disputed: bool) -> Result | None:
    """The result told after the mention, or before it in its own clause; all of the clause where the mention closes it.

    "Opiates were detected, as expected, on the urine drug screen": the mention is the place of a result told before.
    """
    stop = _NEXT_FACT.search(sentence, end)
    after = sentence[start : min(stop.start() if stop else len(sentence), end + _REACH)]
    before = sentence[max(0, start - _REACH) : start]
    before = re.split(r"[.!?]\s|;|\b(?:but|however|although)\b", before)[-1]
    if not _PLACE.search(before):
        # A drug named before the screen is not what it found: "use of opioids requires a screen, which ...".
        before = _DRUG_NAME.sub("-", re.split(r",\s+(?:and\s+)?", before[-80:])[-1])
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
        # "did not show illicit drugs" tells a result too; "a consistent screen was not filed" tells none.
        return (
            result in ("inconsistent", "illicit_positive")
            or _DETECTING.search(sentence[absence.start : absence.end]) is not None
        )
    if absence.embedded:
        return False
    if _is_place_of_finding(sentence, absence, start):
        return True
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


def _is_place_of_finding(sentence: str, absence: Absence, start: int) -> bool:
    """The drug is denied, not the screen: "was not present in the screen", "the absence of codeine on the screen"."""
    gap = sentence[absence.end : start]
    place = _PLACE.search(gap)
    if place is None or "," in gap:
        return False
    denied = gap[: place.start()]
    if not denied.strip():
        return _FINDING.search(sentence, absence.start, absence.end) is not None
    return _DRUG_NAMED.search(denied) is not None


def _is_done(sentence: str, start: int, end: int) -> bool:
    before = sentence[max(0, start - _REACH) : start]
    if _WHETHER.search(before):
        return False
    stop = _NEXT_FACT.search(sentence, end)
    after = sentence[end : min(stop.start() if stop else len(sentence), end + 120)]
    return bool(_DONE_BEFORE.search(before) or _DONE.search(after))
