"""What the words about a drug screen say that it found: illicit, inconsistent, consistent, or nothing.

The words are cut into tokens: denials, words of finding ("positive", "did show"), things found (an illicit drug, a
prescribed one, one that was not prescribed) and judgements ("as expected", "aberrant"). One walk from left to right
pairs each thing with the finding and denial that govern it:

    an illicit drug found                                           illicit
    a prescribed drug not found, one not prescribed found, alcohol  inconsistent
    a prescribed drug found, an illicit one not found               consistent
    a judgement speaks for itself; denied, it says the opposite
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["illicit_positive", "inconsistent", "consistent"]

ILLICIT = (
    r"(?:illicits?|illegal|street\s+drugs?|drugs?\s+of\s+abuse|(?:meth)?-?amph?etamines?|cocaine|crack|benzoylecgonine"
    r"|heroin|marijuana|marihuana|cannab\w+|THC|tetrahydro\w+|PCP|phencyclidine|ecstasy|MDMA|6-?(?:MAM|AM)\b|LSD"
    r"|6-?monoacetyl\w+|hashish|banned\s+substances?)"
)
NAMED_DRUG = (
    r"(?:norco|vicodin|lortab|(?:nor)?hydrocodone|hydromorphone|dilaudid|(?:nor)?oxycod\w+|oxycontin|percocet|roxicodone"
    r"|oxymorphone|opana|(?:hydro)?morphine|ms\s?contin|kadian|(?:o-?desmethyl-?)?tramadol|ultram|tapentadol|nucynta"
    r"|methadone|EDDP|(?:nor)?fentanyl|duragesic|(?:nor)?buprenorphine|butrans|suboxone|codeine|opioids?|opiates?"
    r"|narcotics?|benzodiazepines?|alprazolam|xanax|diazepam|valium|(?:nor)?diazepam|temazepam|restoril|oxazepam"
    r"|lorazepam|ativan|clonazepam|klonopin|carisoprodol|soma|meprobamate|gabapentin|pregabalin|lyrica|barbiturates?"
    r"|butalbital|zolpidem|ambien|cyclobenzaprine|flexeril|hysingla|zohydro|demerol|meperidine)"
)
_PRESCRIBED = (
    r"(?:(?:the|his|her|their|current|patient's|known|listed|these|those)\s+(?:(?!illicit|illegal|street|non|un)\w+\s+){0,2}?"
    r"(?:medications?|medicines?|drugs?|pills)(?=[\s,.;)]|$)"
    r"|(?:the\s+)?prescribed(?:\s+\w+){0,2}?\s+(?:medications?|medicines?|drugs?|analgesics?|substances?)"
    r"|what\s+(?:is|was|has\s+been)\s+prescribed|(?<!not\s)(?<!been\s)prescribed(?=\s+\w)"
    r"|metabolites|medications?)"
)
# "No opioid contract", "opioid use": not a drug in the urine.
_NOT_THE_DRUG = (
    r"(?![\s-]+(?:contract|agreement|therapy|risk|treatment|dos(?:e|es|age|ing)|refills?|taper|management|dependen\w+"
    r"|monitoring|misuse|abuse|program|tolerance|prescription|consent|surveillance|naive|request|class|education"
    r"|guidelines?|compliance|list|regimen|history|use\b|user|addiction|screen|test))"
)
_PAST_DOSE = r"(?:(?:been|being|currently|actually|listed\s+as|otherwise|\w+ly)\s+){0,2}"
_UNPRESCRIBED = rf"""
      non-?\s?prescri(?:bed|ption)|un-?prescribed|undisclosed|unlisted|unauthorized
    | (?:not|never|n't|neither)\s+{_PAST_DOSE}(?:prescribed|dispensed|listed|reported|disclosed|issued|on\s+(?:his|her|the)\s+(?:\w+\s+)?list
        |(?:a\s+)?part\s+of\s+(?:his|her|the)|among\s+(?:his|her|the)|supposed)
    | (?:nobody|no\s+one|no\s+provider|no\s+doctor)\s+(?:had\s+|has\s+)?prescribed
    | no\s+(?:record|evidence|documentation|indication|sign)\s+(?:that|of)\s+(?:\w+\s+){{0,5}}?prescri\w+
    | (?:no|without\s+(?:an?|any))\s+(?:(?:known|valid|active|current|recorded|documented|corresponding)\s+)?prescriptions?
    | only\s+\w+\s+(?:is|was|has\s+been)\s+prescribed
    | (?:beyond|outside(?:\s+of)?|other\s+than|besides)\s+(?:what|those|the|his|her)(?:\s+\w+){{0,3}}?\s*prescribed
    | which\s+(?:he|she|the\s+patient)\s+(?:is|was)\s+not\b
"""
_TOKEN = re.compile(
    rf"""
      (?P<stop> ;(?!\s*(?:the\s+(?:latter|former)|neither|both)\b) | [.!?](?=\s|$) | \b(?:but(?!\s+not\s+(?:for|the|any|his|her)\b)|however|although|though|whereas|while|yet|despite|in\s+spite\s+of|notwithstanding)\b
        | ,?\s(?:and|as|since|because)\s+(?=(?:the\s+)?(?:patient|claimant|applicant|he|she|there|his|her|CURES|provider|physician|pain|function|worker)\b) )
    | \b(?P<aside> (?:continu\w+|found|noted|reported|appear\w*|seem\w*|known|said|shown|proved|judged)\s+to\b )
    | \b(?P<purpose> (?:to|for|of)\s+(?:\w+\s+){{0,2}}?(?:assess|detect|monitor|screen|test|check|determine|evaluate|verify|ensure|rule\s+out
        |confirm|identify|look|watch|document|guard|assist|establish|see|demonstrate|show)(?:ing|ion|ation|ment)?\b
        | (?:(?:assess|monitor|check|look)(?:ing|s)?|screening|testing)\s+for | whether | \bif\b ) (?!\s+positive)
    | \b(?P<unprescribed> {_UNPRESCRIBED})
    | (?P<off> \b(?:negative|but\s+not(?:\s+for)?|absent|undetect\w+|absence\s+of|lack(?:s|ed|ing)?(?:\s+of)?(?!\s+(?:as|for|from|in|here|to|at|on)\b|\s*[.,;])|(?:free|clear|devoid)\s+(?:of|from)|ruled\s+out|not\s+there)\b )
    | (?P<no> \b(?:no|not|never|without|nothing|none|neither|nor|denie[sd]|(?:fail(?:s|ed|ure|ing)?|unable)\s+to|cannot|not\s+(?:been\s+)?any)\b | n't\b )
    | \b(?P<bad> inconsisten\w+|in-consistent|discrepan\w+|unexpected\w*|abnormal\w*|aberran\w+|irregular\w*|non-?\s?complian\w+|inappropriate\w*
        |adulterated|diluted?|tampered|substituted|unexplained|problematic|concerning|failed|refus(?:es|ed|al)|declined\s+to|violat\w+
        |out\s+of\s+the\s+ordinary|rais(?:es|ed|ing)\s+(?:\w+\s+){{0,2}}?(?:questions?|concerns?)|conflict(?:s|ed|ing)?|at\s+odds|contrary\s+to|contradict\w*|mismatch\w*|anomal\w+|incongru\w+|unsatisfactory|suspicious|differ(?:s|ed)?\s+from|disagree\w*|at\s+variance|incompatible)\b
    | \b(?P<worry> misuse|abuse|diver(?:sion|ting)|red\s+flags?|surpris\w+|concerns?|questions?|problems?|issues?)\b
    | \b(?P<good> consistent(?!\s+with\s+(?:the\s+|current\s+|cited\s+|these\s+)*(?:guid|MTUS|ODG|ACOEM|recommend|standard|criteria|CA\b|California|evidence))
        |complian(?:ce|t)(?!\s+(?:monitor|test|check|screen|with\s+(?:the\s+)?(?:guid|MTUS|ODG|ACOEM)))|concordant|satisfactory|unremarkable|appropriate(?:ly)?
        |as\s+(?:(?:would|should|to|is\s+to)\s+be\s+|was\s+|were\s+|is\s+)?(?:expected|anticipated|prescribed|directed)|as\s+(?:they|it|he|she)\s+should
        |which\s+(?:was|is|were|are)\s+(?:to\s+be\s+)?expected|in\s+order
        |within\s+expect\w+|expected(?!\s+to\b)|in\s+accord(?:ance)?|in\s+harmony|within\s+normal\s+limits|normal|clean|congruent|adher(?:ent|ence)|compatible
        |match(?:es|ed|ing)?|agree[sd]?|in\s+agreement|agreement\s+with|in\s+line|in\s+keeping|in\s+conformity|conform\w*|corroborat\w+|correspond\w*
        |coincid\w+|passed|validat\w+|bears?\s+out|borne\s+out|verified|proper(?:ly)?|correct(?:ly)?|acceptable|reassuring|fitting|fits|tall(?:y|ies|ied)|square[sd]?\s+with|in\s+step)\b
    | \b(?P<illicit>{ILLICIT})(?:\s+(?:and|or)\s+(?:illegal|illicit))?(?:\s+(?:drugs?|substances?|metabolites?))?(?![\w-]*(?:\s+(?:and|or)\s+)?(?:card|history))
    | \b(?P<alcohol>alcohol|ethanol|ethyl|EtG|EtOH)\b
    | \b(?P<drug>{NAMED_DRUG}|{_PRESCRIBED})\b{_NOT_THE_DRUG}
    | \b(?P<anything>(?:all\s+|any\s+|tested\s+|other\s+)*(?:substances|drugs)|anything)\b
    | (?P<found> \b(?:positiv\w+|(?:was|were|been)\s+noted|(?:notable|remarkable|significant)\s+for|(?:reports?|screens?|tests?|results?|UDS|UDT)\s+with|show\w*|reveal\w*|detect\w*|presence|present|found|find(?:s|ings?)?|contain\w*|turn(?:s|ed)?\s+up|pick(?:s|ed)?\s+up
        |yield\w*|indicat\w*|confirm\w*|demonstrat\w*|identif\w*|evidence[ds]?|came\s+back|returned|seen|traces?|disclos\w+|reflect\w*|appear(?:s|ed)?\s+(?:on|in)
        |demonstrable|on\s+board|recovered|measured)\b | (?<=\s)\+(?=\s) )
    | (?P<verb> \b(?:was|were|is|are|has|have|had|been)\b )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_COMMA = re.compile(r",\s?$")
_OWN_VERB = re.compile(r"\s+(?:metabolites?\s+)?(?:was|were|is|are)\s", re.IGNORECASE)
_PASSIVE = re.compile(
    r"positiv|was|were|been|detected|present|found|seen|noted|identified|confirmed|revealed|shown|turn|appear|on board|recovered|evident",
    re.I,
)
_EXPECTED = re.compile(r"as\s|which|expected|appropriately|fitting", re.IGNORECASE)
# "appropriate", "in compliance": said of the test itself where a test is what is asked for.
_WEAK = re.compile(
    r"appropriate|complian|normal|verified|proper|correct|acceptable|fit|in\s+accord|clean|expected|in\s+order", re.I
)
_PAST_TEST = re.compile(
    r"\b(?:results?|findings?|last|prior|previous|earlier|past|recent|came\s+back|was\s+found|were\s+found|each|all|dated)\b|\d/\d|\b20\d\d\b"
    r"|\b(?:was|were|been)\s+(?:tested|screened)",
    re.IGNORECASE,
)
_AIM_BEFORE = re.compile(r"\b(?:for|of|whether|ensure|on)\s+(?:\w+\s+)?$", re.IGNORECASE)
_ADJECTIVE = re.compile(r"non|un", re.IGNORECASE)  # "unprescribed codeine", not "codeine, never prescribed"
_NEXT = 16  # characters between two members of a list
_NEAR = 45  # characters between a denial and what it denies
_FAR = 110  # characters that a finding reaches down a list


@dataclass
class _Walk:
    """Where the walk stands.

    found: the finding that governs, made at `at`. denied: the end of a denial that waits for what it denies; listed:
    the end of what was denied last, whose list may go on. waiting: things named before their finding, each False
    where denied. facts: things with True where found.
    """

    found: bool | None = None
    at: int = 0
    denied: int | None = None
    listed: int | None = None
    aimed: bool = False
    waiting: list[tuple[str, bool]] = field(default_factory=list)
    facts: list[tuple[str, bool]] = field(default_factory=list)
    judgements: set[Result] = field(default_factory=set)


def read_result(words: str, *, disputed: bool = False) -> Result | None:
    """The result that `words`, cleaned text about one screen, tells; `disputed`: a screen is what is asked for."""
    walk = _Walk()
    for match in _TOKEN.finditer(words):
        _take_token(walk, match, words, disputed)
    walk.facts += [
        (thing, found) for thing, found in walk.waiting if not found and thing in ("illicit", "unprescribed")
    ]
    return _weigh(walk)


def _weigh(walk: _Walk) -> Result | None:
    facts = set(walk.facts)
    if ("illicit", True) in facts:
        return "illicit_positive"
    if facts & {("unprescribed", True), ("alcohol", True), ("drug", False)} or "inconsistent" in walk.judgements:
        return "inconsistent"
    if facts & {("illicit", False), ("drug", True), ("unprescribed", False), ("anything", False)} or walk.judgements:
        return "consistent"
    return None


def _take_token(walk: _Walk, match: re.Match[str], words: str, disputed: bool) -> None:
    kind = match.lastgroup
    if kind == "stop":
        walk.found, walk.denied, walk.listed, walk.aimed, walk.waiting = None, None, None, False, []
    elif kind == "verb":
        walk.aimed = False
    elif kind == "purpose":
        walk.aimed = True
    elif walk.aimed or kind in ("aside", None):
        return
    elif kind == "no":
        walk.denied = match.end()
    elif kind in ("found", "off"):
        _take_finding(walk, match, kind == "found")
    elif kind in ("good", "bad", "worry"):
        _take_judgement(walk, match, words, disputed)
    elif kind == "unprescribed" and _ADJECTIVE.match(match[0]) is None:
        _take_disclaimer(walk, match)
    else:
        if _OWN_VERB.match(words, match.end()) and _COMMA.search(words, max(0, match.start() - 2), match.start()):
            walk.found = None  # "negative for opioids, cocaine was detected": a thing with a finding of its own
        _take_thing(walk, kind, match)


def _take_finding(walk: _Walk, match: re.Match[str], found: bool) -> None:
    found = found != _is_denied(walk, match.start())
    if match["off"] or _PASSIVE.match(match[0]):
        walk.facts += [(thing, found and named) for thing, named in walk.waiting]
        walk.waiting = []
    walk.found, walk.at, walk.denied, walk.listed = found, match.end(), None, None


def _take_judgement(walk: _Walk, match: re.Match[str], words: str, disputed: bool) -> None:
    word, good = match[0], match["good"] is not None
    # "tramadol and nothing else, in keeping with ...": a comma ends a denial's reach to praise.
    cut = good and walk.denied is not None and re.search(r",|\band\b", words[walk.denied : match.start()]) is not None
    denied = (_is_denied(walk, match.start()) and not cut) or (not good and _goes_on(walk, match.start()))
    if denied:
        walk.denied, walk.listed = None, match.end()
    if match["worry"] and not denied:
        return
    if good and word.lower().startswith("complian") and _AIM_BEFORE.search(words, 0, match.start()):
        return
    if disputed and _WEAK.match(word) and not _PAST_TEST.search(words):
        return
    if good and not denied and _EXPECTED.match(word):
        walk.facts = [fact for fact in walk.facts if fact != ("drug", False)]
    walk.judgements.add("consistent" if good != denied else "inconsistent")


def _take_disclaimer(walk: _Walk, match: re.Match[str]) -> None:
    """A disclaimer ("..., which was not prescribed") is of the thing named last, whatever clause stands between."""
    if _is_denied(walk, match.start()):
        _take_thing(walk, "unprescribed", match)
    elif walk.waiting:
        walk.waiting[-1] = ("unprescribed", walk.waiting[-1][1])
    elif walk.facts and walk.facts[-1][0] == "drug":
        walk.facts.append(("unprescribed", walk.facts.pop()[1]))
    elif walk.found is not None:
        walk.facts.append(("unprescribed", walk.found))


def _take_thing(walk: _Walk, thing: str, match: re.Match[str]) -> None:
    start, end = match.span()
    if _is_denied(walk, start):
        # "showed no cocaine": the denial reaches down the list that follows.
        walk.found = None if walk.found is None else False
        walk.denied, walk.listed = None, end
        (walk.waiting if walk.found is None else walk.facts).append((thing, False))
    elif walk.found is not None and start - walk.at <= _FAR:
        walk.facts.append((thing, walk.found))
    else:
        denied = _goes_on(walk, start)
        walk.listed = end if denied else None
        walk.waiting.append((thing, not denied))
    walk.at = end


def _is_denied(walk: _Walk, start: int) -> bool:
    return walk.denied is not None and start - walk.denied <= _NEAR


def _goes_on(walk: _Walk, start: int) -> bool:
    """Is this the next member of a denied list, as in "no cocaine, heroin or ..." (a list of things)?"""
    return walk.listed is not None and start - walk.listed <= _NEXT
