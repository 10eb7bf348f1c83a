"""Guidelines in a question: source, chapter, section, and how reviewer and claims administrator differ."""

from __future__ import annotations

import re

from imr_llm.search.question import NEGATED, Question

_DIFFERENT = re.compile(
    r"\bguidelines?\b[^.;]{0,60}\b(?:differ(?:s|ent|ed)?|not the same|another|changed)\b[^.;]{0,50}|\bdifferent guidelines?\b[^.;]{0,50}",
    re.IGNORECASE,
)
_CHRONIC_PAIN = re.compile(
    r"\b(?:2009 )?(?:mtus )?chronic pain (?:medical )?(?:treatment )?(?:guidelines?|chapter)\b(?: of 2009| \(?2009\)?)?|\b2009 (?:mtus|guidelines?)\b",
    re.IGNORECASE,
)
# Who cites: "the reviewer relied on ODG", "UR's ODG", "... cited by Maximus"
_REVIEWER = r"(?:imr|independent|expert|physician)?[ -]?(?:reviewers?|experts?|maximus|imr)"
_CARRIER = r"(?:ur|utilization review|claims administrators?|carriers?|insurers?|adjusters?|payers?|payors?)"
_CITE = (
    r"(?:citing|cit(?:es?|ed|ations?)|quot(?:es?|ed|ing)|based (?:(?:it|its|their|his|her|the|this) (?:decisions?|denials?|opinions?) )?on"
    r"|rel(?:y|ies|ied|ying) (?:up)?on|per|under|us(?:es?|ed|ing)|from|appl(?:y|ies|ied|ying)|follow(?:s|ed|ing)?|answered with|turned to"
    r"|went (?:by|with)|looked (?:at|to)|leaned on|invok(?:es?|ed|ing)|referenc(?:es?|ed|ing))"
)
_ONLY = r"(?:nothing (?:but|except|other than|besides)|no (?:other )?(?:guideline|source) but|only|solely|just|exclusively|purely)"
_LED = (
    rf"\b(?:(?:the )?(?:(?P<reviewer>{_REVIEWER})|(?P<carrier>{_CARRIER}))(?:'s)? )?"
    rf"(?:(?:has|had|have|also|went|goes|decision|denial|guideline|(?P<first_only>{_ONLY})) )*(?:{_CITE} )?(?:to )?(?:the )?(?:(?P<only>{_ONLY}) )?(?:to )?(?:the )?"
)
_BY = (
    rf"(?P<alone> (?:alone|only|exclusively|solely|and nothing else))?"
    rf"(?:(?: (?:was|were|is|being|as))*(?: (?:cited|used|quoted|applied|relied (?:up)?on|invoked|followed))? by (?:the )?(?:(?P<by_reviewer>{_REVIEWER})|(?P<by_carrier>{_CARRIER}))\b)?"
)
_SOURCE = re.compile(
    rf"{_LED}(?:ca )?(?P<source>(?P<non>non[ -]|outside (?:of )?(?:the )?)?mtus|odg|acoem|official disability guidelines?)\b(?: (?:guidelines?|citations?|sources?|evidence|references?))?{_BY}",
    re.IGNORECASE,
)
_SOURCES = {"mtus": "MTUS", "odg": "ODG", "acoem": "ACOEM"}
_SECTION = re.compile(
    r"\bsections? (?:on |about |called |named |of )?\"?(?P<after>[a-z][a-z ,&()-]{3,60}?)\"?(?= (?:cited|used|in)\b|[.;?]|$)|\"(?P<before>[a-z][a-z ,&()-]{3,60})\" section\b",
    re.IGNORECASE,
)
_CITES_NONE = re.compile(
    r"\b(?P<who>claims administrator|ur|carrier|insurer|reviewer|maximus)(?:'s)? (?:cit(?:es|ed)|gave|used|did not (?:cite|use|give)(?: any)?)"
    r" (?:no |any )?(?:medical )?(?:guidelines?|evidence)\b",
    re.IGNORECASE,
)
_CHAPTER_NAME = r"post-?surgical|acupuncture|low back|neck(?: (?:and|&) upper back)?|shoulder|knee|elbow|ankle(?: (?:and|&) foot)?|forearm|wrist|hand|stress|mental|opioids?|initial approaches"
_CHAPTER = re.compile(
    rf"{_LED}(?:mtus |acoem |odg )?(?:chapter (?:on |about )?(?:the )?(?P<after>{_CHAPTER_NAME})|(?P<name>{_CHAPTER_NAME}) (?:complaints? |medical treatment |treatment )?(?:guidelines?|chapters?))\b(?:,? \(?(?P<year>20\d\d)\)?)?{_BY}",
    re.IGNORECASE,
)
# Other documents, as their guideline line prints them.
_OTHER = re.compile(
    rf"{_LED}(?P<name>up ?to ?date|cochrane|medicare|cms|mdguidelines|aanem|aaos|aans|cdc|fda|pubmed|medscape|mayo clinic|washington state|colorado)\b(?: guidelines?)?{_BY}",
    re.IGNORECASE,
)
_REPLACED = "the 2009 MTUS chronic pain guideline was replaced for services from 2017-12-01; check what is in force"


def read_guidelines(question: Question) -> None:
    for match in list(question.find(_DIFFERENT)):
        words = question.take(*match.span())
        question.add(
            "guideline_difference",
            "any",
            ("section", "document"),
            "reviewer used another guideline section or document than the claims administrator",
            words,
        )
        question.note("a section that is only broader or narrower is not counted as different")
    for match in list(question.find(_CHRONIC_PAIN)):
        words = question.take(*match.span())
        question.add("chapter", "any", ("chronic pain",), "guideline chapter: chronic pain", words)
        question.note(_REPLACED)
    for match in list(question.find(_CITES_NONE)):
        who = "maximus" if match["who"].lower() in ("reviewer", "maximus") else "claims_administrator"
        if not re.search(r"\bno\b|\bnot\b", match[0], re.IGNORECASE):
            continue
        words = question.take(*match.span())
        question.add("cites_none", "any", (who,), f"{who.replace('_', ' ')} cites no guideline", words)
    for match in list(question.find(_CHAPTER)):
        name = (match["after"] or match["name"]).lower().replace("-", "")
        whose, field = _whose(match, "chapter")
        words = question.take(*match.span())
        question.add(field, "any", (name,), f"{whose}guideline chapter: {name}", words)
        if match["year"]:
            question.add("guideline_year", "any", (int(match["year"]),), f"guideline of {match['year']}", words)
    for match in list(question.find(_OTHER)):
        # "CMS" and the like are sources only where somebody cites them
        if not re.match(rf"(?:up ?to ?date|cochrane)\b|.*\b{_CITE}\b", match[0], re.IGNORECASE):
            continue
        name = re.sub(r"\s", "", match["name"]) if match["name"].lower().startswith("up") else match["name"]
        whose, field = _whose(match, "section")
        field = field if field in ("section", "reviewer_section") else "section"
        question.add(field, "any", (name,), f"{whose}guideline: {name}", question.take(*match.span()))
    for match in list(question.find(_SOURCE)):
        _read_source(question, match)
    for match in list(question.find(_SECTION)):
        name = (match["after"] or match["before"]).strip()
        question.add("section", "any", (name,), f"guideline section: {name}", question.take(*match.span()))


def _read_source(question: Question, match: re.Match[str]) -> None:
    """A source, with who cites it and whether alone; "non-MTUS" is any other."""
    if re.match(r" (?:was )?(?:adopted|adoption|adopts)", question.text[match.end() :], re.IGNORECASE) or re.search(
        r"\badopted $", question.text[: match.start("source")], re.IGNORECASE
    ):
        question.take(*match.span())
        return
    negated = NEGATED.search(question.text[: match.start()])
    words = question.take(negated.start() if negated else match.start(), match.end())
    alone = bool(match["first_only"] or match["only"] or match["alone"])
    whose, field = _whose(match, "source")
    if match["non"]:
        question.add(field, "any", ("ODG", "ACOEM", "other"), f"{whose}guideline: not from the MTUS", words)
        return
    name = _SOURCES.get(match["source"].lower(), "ODG")
    if alone and not negated:
        sole = {"guideline_source": "sole_source"}.get(field, f"sole_{field}")
        question.add(sole, "any", (name,), f"{whose}guideline: {name} alone", words)
        return
    said = f"{whose}guideline: {'not ' if negated else ''}{name}"
    question.add(field, "none" if negated else "any", (name,), said, words)


def _whose(match: re.Match[str], what: str) -> tuple[str, str]:
    """Who cites it, for the label, and the field."""
    if match["reviewer"] or match["by_reviewer"]:
        return "reviewer's ", f"reviewer_{what}"
    if match["carrier"] or match["by_carrier"]:
        return "claims administrator's ", f"ur_{what}"
    return "", "guideline_source" if what == "source" else what
