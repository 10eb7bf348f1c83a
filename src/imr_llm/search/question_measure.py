"""Figures that a question asks for: a rate, a count, reasons or guidelines by frequency, and what they are split by."""

from __future__ import annotations

import re

from imr_llm.library.filters import Measure, MeasureKind
from imr_llm.search.question import Question
from imr_llm.search.question_dates import split_era

_RATE = re.compile(
    r"\b(?:(?P<what>uphold|upheld|overturn|overturned|approval|denial|success)[ -](?:rates?|percentages?)|(?:what )?(?:percent(?:age)?|share|fraction) of|how often)\b",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"\bwhat (?:was|were|is|are) (?:missing|lacking|wanting|documented|found missing)\b|\b(?:and )?what did the (?=(?:overturned|approved|upheld|denied)\b)|\b(?:main|leading)(?: denial| overturn)? reasons\b|\b(?:top|most (?:common|frequent)|main|leading)(?! reason\b)(?: (?P<n>\d{1,2}|three|five|ten))?(?: denial| overturn)? reasons?\b|\b(?:denial|overturn) reasons\b|\b(?:what|which) reasons\b(?: (?:are|were) (?:given|found|used|cited))?(?: most)?(?: often)?(?: for)?|\b(?:most )?common (?:denial |overturn )?reasons?\b|\breasons\b(?=.{0,40}\b(?:most|common|compare|compared))",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\bcount of\b|\b(?:how many|number of|count(?: of)?)(?= (?:[\w/-]+ ){0,3}(?:letters?|cases?|determinations?|decisions?|items?|denials?|requests?|times?)\b)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:have|had|with|having)? ?(?:more than one|multiple|several|two or more) (?:disputed )?(?:items?|requests?|services?|determinations?|treatments?)(?: in dispute| disputed)?\b",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:most|least) (?:often )?(?:denied|overturned|upheld|approved) (?P<thing>treatments?|drugs?|categor(?:y|ies)|specialt(?:y|ies))\b|\b(?:which|what) (?P<field>treatments?|drugs?|categor(?:y|ies)|specialt(?:y|ies)|states?|regions?|body (?:parts?|regions?)) (?:are|is|were|was|get|gets|have|has)\b(?=.{0,60}\b(?:most|least|highest|lowest|best|worst)\b)",
    re.IGNORECASE,
)
_OFTEN = re.compile(r"\b(?:most|least) often\b|\b(?:the )?(?:highest|lowest|best|worst|most|least)\b", re.IGNORECASE)
_CITED = re.compile(
    r"\b(?:which|what) guidelines?(?: documents?| sections?)?(?: are| is)?(?: cited| used)?(?: the)?(?: most)?(?: often)?\b",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|per|for each|grouped by|broken down by)(?: the)?(?: reviewer'?s?)? (?P<field>year|specialt(?:y|ies)|state|drug|category|subcategory|reason|decision|body region|region|layout|sex|gender|treatment|ur action|guideline)s?\b",
    re.IGNORECASE,
)
_FIELDS = {
    "body region": "region", "body part": "region", "gender": "sex", "treatment": "subcategory",
    "ur action": "ur_action",
}  # fmt: skip
_WORD_NUMBERS = {"three": 3, "five": 5, "ten": 10}


def read_measure(question: Question) -> Measure | None:
    """The figures asked for: a rate, a count, reasons or guidelines by frequency; the field they are split by."""
    for match in question.find(_MOST):
        question.take(*match.span())
        for often in list(question.find(_OFTEN)):
            question.take(*often.span())
        return Measure("rate", _field_name(match["field"] or match["thing"]))
    kind, top = _measure_kind(question)
    if kind is None:
        return None
    by: str | None = None
    for match in list(question.find(_BY)):
        by = _field_name(match["field"])
        question.take(*match.span())
    year = split_era(question)
    if year is not None:
        by = "year"
        question.note(f"compare the years before {year} with {year} and after in the figures by year")
    return Measure(kind, by or {"reasons": "reason", "citations": "guideline"}.get(kind), top)


def _field_name(words: str) -> str:
    """The grouping that a word of the question means: "treatments" is subcategory."""
    name = words.lower()
    name = {"categories": "category", "specialties": "specialty"}.get(name, name.rstrip("s"))
    return _FIELDS.get(name, name)


def _measure_kind(question: Question) -> tuple[MeasureKind | None, int | None]:
    asked = list(question.find(_TOP))
    for match in asked:
        question.take(*match.span())
    if asked:
        number = asked[0]["n"]
        return "reasons", (_WORD_NUMBERS.get(number.lower()) or int(number)) if number else None
    for match in question.find(_RATE):
        if question.in_ground(match.start()):
            continue  # "because the request did not say how often"
        question.take(*match.span())
        return "rate", None
    for match in list(question.find(_SEVERAL)):
        words = question.take(*match.span())
        question.add("items", "range", (2, None), "letters with more than one disputed item", words)
        return "several_items", None
    for match in question.find(_CITED):
        question.take(*match.span())
        return "citations", None
    for match in question.find(_COUNT):
        question.take(*match.span())
        return "count", None
    return None, None
