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
_SOURCE = re.compile(
    r"\b(?:(?:citing|cit(?:e|es|ed|ation)|based on|rel(?:y|ies|ied|ying) on|per|under|using|used|from)(?: the| to)? )?(?:ca )?(?P<source>mtus|odg|acoem|official disability guidelines?)\b(?: guidelines?)?",
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
    rf"\b(?:cit(?:es?|ed|ing) |using |under )?(?:the )?(?:mtus |acoem |odg )?(?:chapter (?:on |about )?(?:the )?(?P<after>{_CHAPTER_NAME})|(?P<name>{_CHAPTER_NAME}) (?:complaints? |medical treatment |treatment )?(?:guidelines?|chapters?))\b",
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
        question.add("chapter", "any", (name,), f"guideline chapter: {name}", question.take(*match.span()))
    for match in list(question.find(_SOURCE)):
        if re.match(r" (?:was )?(?:adopted|adoption|adopts)", question.text[match.end() :], re.IGNORECASE) or re.search(
            r"\badopted $", question.text[: match.start("source")], re.IGNORECASE
        ):
            question.take(*match.span())
            continue
        name = _SOURCES.get(match["source"].lower(), "ODG")
        negated = NEGATED.search(question.text[: match.start()])
        words = question.take(negated.start() if negated else match.start(), match.end())
        question.add(
            "guideline_source",
            "none" if negated else "any",
            (name,),
            f"guideline: {'not ' if negated else ''}{name}",
            words,
        )
    for match in list(question.find(_SECTION)):
        name = (match["after"] or match["before"]).strip()
        question.add("section", "any", (name,), f"guideline section: {name}", question.take(*match.span()))
