"""Numbers in a question: quantity, strength, refills, age, pages and visits."""

from __future__ import annotations

import re

from imr_llm.search.question import Question
from imr_llm.terms.strength import strength_key
from imr_llm.terms.vocabulary import find_terms

_N = r"(\d{1,4})"
_PAGES = re.compile(
    rf"\b(?:pages?|pgs?\.?|pp?\.)\s*(?:number |no\.? )?{_N}(?:\s*(?:-|to|through)\s*{_N})?", re.IGNORECASE
)
_FEW = {"one": 1, "single": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20, "twenty-four": 24, "thirty": 30, "forty": 40, "forty-five": 45, "sixty": 60, "ninety": 90}  # fmt: skip
_SOME = rf"(?:\d{{1,4}}|{'|'.join(sorted(_FEW, key=len, reverse=True))})"
_REFILLS = re.compile(
    rf"\b(?:(?P<none>no|without|zero|0)|(?:with|carrying|having|including|plus|that (?:have|has|had|carry|carried|include[ds]?|came with|come with)) (?:any )?|(?P<n>{_SOME}) )\s?refills?\b|\brefills?: ?(?P<m>\d{{1,2}})\b",
    re.IGNORECASE,
)
_HASH = re.compile(
    r"(?:\b(?P<of>tablets?|tabs?|pills?|capsules?|caps?|patches) )?(?:#|\b(?:qty|quantity)(?: of)?:?)\s?(?P<n>\d{1,4})\b(?: (?P<unit>tablets?|tabs?|pills?|capsules?|caps?|patches)\b)?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"\b(?P<n>{_SOME}) (?:additional |more )?(?P<unit>tablets?|tabs?|pills?|capsules?|caps?|patches|visits?|sessions?|injections?|grams?|gms?|milliliters?)\b",
    re.IGNORECASE,
)
_COMBINED = re.compile(r"(?<![\w/.-])(\d{1,3}(?:\.\d+)?\s?[/-]\s?\d{3}(?:\.\d+)?)\s?(?:mg)?(?![\w/-])", re.IGNORECASE)
_STRENGTH = re.compile(
    r"(?<![\w/.-])(\d{1,4}(?:\.\d+)?\s?(?:mg|mcg)(?:/ml)?|\d{1,2}(?:\.\d+)?\s?%)(?! (?:or more |of )?(?:relief|pain|reduction|improvement))(?!\w)",
    re.IGNORECASE,
)
_AGE_RANGE = re.compile(
    r"\b(?:ages?|aged|between) (\d{2})(?:\s?-\s?| (?:to|and) )(\d{2})(?: years?(?: old)?)?\b(?!\d)", re.IGNORECASE
)
_AGE_OVER = re.compile(
    r"\b(?:(?:aged? )?(?:over|above|older than)(?: age)?|age ?>=?) ?(\d{2})\b(?: years?(?: old| of age)?)?(?! ?(?:%|mg|visits|weeks|days|tablets|percent|sessions))",
    re.IGNORECASE,
)
_AGE_UNDER = re.compile(
    r"\b(?:(?:aged? )?(?:under|below|younger than)(?: age)?|age ?<=?) ?(\d{2})\b(?: years?(?: old| of age)?)?(?! ?(?:%|mg|visits|weeks|days|tablets|percent|sessions))",
    re.IGNORECASE,
)
_AGE = re.compile(
    r"\b(\d{2}) ?-?(?:yo\b|y/o\b|years? old\b|year-old\b|-years?-old\b)|\bage(?:d)? (\d{2})\b", re.IGNORECASE
)
_PERSON = re.compile(r"\b(?:patients?|workers?|wom[ae]n|m[ae]n|claimants?|applicants?)\s*$", re.IGNORECASE)
# "aged 60 and over", "patients 60 or older", "age 50+", "at least 60 years old", "50 or younger"
_AGE_OPEN = re.compile(
    r"\b(?:(?P<of>ages?|aged|at least|at most) )?(?:aged? )?(?P<n>\d{2})(?: years?)?(?: old| of age)?"
    r"(?:(?P<plus>\+)(?!\w)|(?: years)? (?:and|or) (?:(?P<more>older|over|above|up|more)|(?P<less>younger|under|below|less))\b(?: years?(?: old)?)?)"
    r"|\bat (?P<bound>least|most) (?P<m>\d{2})(?: years? (?:old|of age)|(?: years)? of age)\b",
    re.IGNORECASE,
)
_DECADE = re.compile(r"\bin (?:his|her|their) (\d)0'?s\b", re.IGNORECASE)
# Units that are used for one another.
_ALIKE = (("tablets", "capsules"), ("visits", "sessions"))
_UNITS = {
    "ta": "tablets",
    "pi": "tablets",
    "ca": "capsules",
    "pa": "patches",
    "vi": "visits",
    "se": "sessions",
    "in": "injections",
    "gr": "grams",
    "gm": "grams",
    "mi": "ml",
}


def read_numbers(question: Question) -> None:
    """Pages, strength, quantity, refills and age, in that order."""
    _read_pages(question)
    _read_strengths(question)
    _read_quantities(question)
    _read_refills(question)
    _read_age(question)


# "twelve sessions were requested, six were authorized": six are in dispute; "the remaining 6"
_SPLIT = re.compile(
    rf"(?<![\w#])x?(?P<all>{_SOME})\b(?: [a-z]+){{0,3}}? (?:requested|asked for|ordered),? (?:[a-z]+,? ){{0,4}}?(?P<part>{_SOME})\b(?! mg)",
    re.IGNORECASE,
)
_REMAINING = re.compile(
    rf"\b(?:remaining|other|balance of) (?P<n>{_SOME})\b(?! (?:mg|weeks?|months?|days?)\b)", re.IGNORECASE
)


def read_split(question: Question) -> None:
    """What is left in dispute of an amount that was authorized in part."""
    for match in question.find(_SPLIT):
        left = _count(match["all"]) - _count(match["part"])
        if left > 0 and re.search(r"auth|certif|approv|allow|gave|grant", question.text, re.IGNORECASE):
            question.add("quantity", "is", (left,), f"quantity {left:g}", match[0])
            return
    for match in list(question.find(_REMAINING)):
        left = _count(match["n"])
        question.add("quantity", "is", (left,), f"quantity {left:g}", question.take(*match.span()))


def _read_pages(question: Question) -> None:
    for match in list(question.find(_PAGES)):
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        words = question.take(*match.span())
        question.add(
            "pages",
            "overlaps",
            (first, max(first, last)),
            f"cites page {match[1]}" + (f"-{last}" if last > first else ""),
            words,
        )


def _read_strengths(question: Question) -> None:
    for pattern in (_COMBINED, _STRENGTH):
        for match in list(question.find(pattern)):
            key = strength_key(match[1])
            question.add("strength", "is", (key,), f"strength {key}", question.take(*match.span()))


_QUANTITY = r"(?:\b(?:qty|quantit(?:y|ies))\b\.?:?(?: (?:of|is|was|are|were|that|which))*\s?)"
_THING = r"(?:additional |more )?(?P<unit>tablets?|tabs?|pills?|capsules?|caps?|patches|visits?|sessions?|injections?|grams?|gms?|milliliters?)\b"
_NO_UNIT = r"(?![\w/%-]|\.\d| ?(?:mg|mcg|ml|percent)\b)"
_COMPARED = (
    r"(?:(?P<most>(?:no|not) (?:more|greater|higher) than|not (?:over|above|exceeding)|at (?:the )?most|up to|<=|≤)"
    r"|(?P<least>(?:no|not) (?:less|fewer|lower) than|not (?:under|below)|at (?:the )?least|>=|≥)"
    r"|(?P<over>(?:more|greater|higher|larger) than|over|above|exceed(?:s|ed|ing)?|>)"
    r"|(?P<under>(?:less|fewer|lower|smaller) than|under|below|<))"
)
_MORE = re.compile(rf"(?<!\w){_COMPARED}\s?$", re.IGNORECASE)
_SPAN = r"(?:(?:between|from) )?#?(?P<first>\d{1,4})(?: and | to |\s?-\s?| through )#?(?P<last>\d{1,4})"
_BETWEEN = (
    re.compile(rf"{_QUANTITY}{_SPAN}{_NO_UNIT}(?: {_THING})?", re.IGNORECASE),
    re.compile(rf"(?<![\w/.#-])(?!\d+ and ){_SPAN} {_THING}", re.IGNORECASE),
)
_OTHER_QUANTITY = re.compile(
    rf"\b(?:in |with |of |for )?(?:an? |any )?(?:amounts?|quantit(?:y|ies)|counts?|numbers?|qty)(?: (?:that (?:is|are|was|were)|is|are|was|were|of))? (?:other than|not|except|besides|different from) (?:#|equal to )?(?P<n>\d{{1,4}}){_NO_UNIT}(?: {_THING})?"
    rf"|\b(?:not|other than|except(?: for)?) (?:#|(?:quantit(?:y|ies)|qty|amounts?)(?: of)? #?)(?P<m>\d{{1,4}}){_NO_UNIT}",
    re.IGNORECASE,
)
_THAN = re.compile(rf"{_QUANTITY}{_COMPARED} ?#?(?P<n>\d{{1,4}}){_NO_UNIT}(?: {_THING})?", re.IGNORECASE)
# "six or fewer acupuncture visits"
_SOME_THINGS = re.compile(
    rf"\b(?P<n>{_SOME}) (?:or|and) (?P<side>more|over|greater|fewer|less|under) (?:[a-z]+,? ){{0,6}}?{_THING}",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"\s(?:or|and) (?:(?P<more>more|above|higher|greater|over)|(?P<less>less|fewer|below|under|lower))\b",
    re.IGNORECASE,
)


def _read_quantities(question: Question) -> None:
    for pattern in _BETWEEN:
        for match in list(question.find(pattern)):
            first, last = sorted((float(match["first"]), float(match["last"])))
            words = question.take(*match.span())
            question.add("quantity", "range", (first, last), f"quantity {first:g} to {last:g}", words)
            if match["unit"]:
                _add_unit(question, _UNITS[match["unit"][:2].lower()], match["unit"])
    for match in list(question.find(_OTHER_QUANTITY)):
        number = float(match["n"] or match["m"])
        question.add("quantity", "none", (number,), f"quantity not {number:g}", question.take(*match.span()))
    for match in list(question.find(_THAN)):
        _add_compared(question, match, float(match["n"]), question.take(*match.span()))
        if match["unit"]:
            _add_unit(question, _UNITS[match["unit"][:2].lower()], match["unit"])
    for match in list(question.find(_SOME_THINGS)):
        limit, at_least = _count(match["n"]), match["side"].lower() in ("more", "over", "greater")
        words = question.take(match.start(), match.end("side"))  # "PT visits" is the item's own name
        question.add("quantity", "range", (limit, None) if at_least else (None, limit), _quantity_label(words), words)
        _add_unit(question, _UNITS[match["unit"][:2].lower()], match["unit"])
    for match in list(question.find(_HASH)):
        _add_quantity(question, match, "")
        if unit := match["unit"] or match["of"]:
            _add_unit(question, _UNITS[unit[:2].lower()], unit)
    for match in list(question.find(_COUNTED)):
        unit = _UNITS[match["unit"][:2].lower()]
        _add_quantity(question, match, " " + unit)
        _add_unit(question, unit, match["unit"])
    _read_counted_items(question)


# "12 physical therapy visits": the item's name stands between.
_NUMBER_BEFORE = re.compile(rf"\b(?P<n>{_SOME}) (?:additional |more |extra )?$", re.IGNORECASE)
_UNIT_OF_ITEM = re.compile(r"(?:.*\s)?(?P<unit>visits?|sessions?|injections?|tablets?|capsules?)$", re.IGNORECASE)
_UNIT_AFTER = re.compile(r" (?P<unit>visits?|sessions?|injections?|tablets?|capsules?)\b", re.IGNORECASE)


def _read_counted_items(question: Question) -> None:
    for term in find_terms(question.text):
        number = _NUMBER_BEFORE.search(question.text[: term.start])
        unit = _UNIT_AFTER.match(question.text, term.end) or _UNIT_OF_ITEM.match(term.surface)
        if term.kind == "body_region" or not (number and unit) or not question.is_free(*number.span("n")):
            continue
        words = question.take(*number.span("n"))
        question.add("quantity", "is", (_count(words),), f"quantity {words}", words)
        _add_unit(question, _UNITS[unit["unit"][:2].lower()], unit["unit"])


def _add_unit(question: Question, unit: str, words: str) -> None:
    """ "12 visits" are 12 sessions too, but never 12 tablets."""
    units = next((alike for alike in _ALIKE if unit in alike), (unit,))
    question.add("unit", "any", units, f"unit: {' or '.join(units)}", words)


def _add_compared(question: Question, compared: re.Match[str], number: float, words: str) -> None:
    """ "more than 60" leaves 60 out, "at least 60" does not; a quantity may be a fraction."""
    label = _quantity_label(words)
    if compared["over"] or compared["least"]:
        question.add("quantity", "range", (number + (0.001 if compared["over"] else 0), None), label, words)
    else:
        question.add("quantity", "range", (None, number - (0.001 if compared["under"] else 0)), label, words)


def _quantity_label(words: str) -> str:
    return "quantity " + re.sub(rf"^{_QUANTITY}", "", words, flags=re.IGNORECASE)


def _add_quantity(question: Question, match: re.Match[str], unit: str) -> None:
    """ "#120" is that number, "more than 100 tablets" and "#90 or more" are ranges."""
    number = _count(match["n"])
    before = _MORE.search(question.text[: match.start()])
    after = _OR_MORE.match(question.text, match.end())
    words = question.take(before.start() if before else match.start(), after.end() if after else match.end())
    if before:
        _add_compared(question, before, number, words)
    elif after:
        value = (number, None) if after["more"] else (None, number)
        question.add("quantity", "range", value, _quantity_label(words), words)
    else:
        question.add("quantity", "is", (number,), f"quantity {match['n']}{unit}", words)


def _count(words: str) -> float:
    """The number that a numeral or a word for a small number says."""
    return float(_FEW.get(words.lower(), words))


_SOME_OR_MORE = re.compile(rf"\b(?P<n>{_SOME}) (?:or|and) (?P<side>more|fewer|less) refills?\b", re.IGNORECASE)


def _read_refills(question: Question) -> None:
    for match in list(question.find(_SOME_OR_MORE)):
        at_least = match["side"].lower() == "more"
        limit = _count(match["n"])
        words = question.take(*match.span())
        question.add("refills", "range", (limit, None) if at_least else (None, limit), f"refills: {words}", words)
    for match in list(question.find(_REFILLS)):
        number = match["n"] or match["m"]
        before = _MORE.search(question.text[: match.start()]) if number else None
        words = question.take(before.start() if before else match.start(), match.end())
        if match["none"]:
            question.add("refills", "is", (0,), "no refills", words)
        elif before and number:
            low = _count(number) + (1 if before["over"] else 0)
            high = _count(number) - (1 if before["under"] else 0)
            value = (low, None) if before["over"] or before["least"] else (None, high)
            question.add("refills", "range", value, f"refills: {words}", words)
        elif number:
            question.add("refills", "is", (_count(number),), f"{number} refills", words)
        else:
            question.add("refills", "range", (1, None), "with refills", words)


def _read_age(question: Question) -> None:
    for match in list(question.find(_AGE_RANGE)):
        _add_age(question, match, int(match[1]), int(match[2]))
    for match in list(question.find(_AGE_OPEN)):
        loose = match["plus"] or (match["more"] or match["less"] or "").lower() in (
            "more",
            "less",
            "over",
            "under",
            "up",
        )
        if loose and not (
            match["of"]
            or _PERSON.search(question.text[: match.start()])
            or "year" in match[0].lower()
            or "age" in match[0].lower()
        ):
            continue  # "60 or more tablets"
        number = int(match["n"] or match["m"])
        below = match["less"] or (match["bound"] or "").lower() == "most"
        _add_age(question, match, None if below else number, number if below else None)
    for match in list(question.find(_AGE_OVER)):
        _add_age(question, match, int(match[1]) + (0 if "=" in match[0] else 1), None)
    for match in list(question.find(_AGE_UNDER)):
        _add_age(question, match, None, int(match[1]) - (0 if "=" in match[0] else 1))
    for match in list(question.find(_DECADE)):
        _add_age(question, match, int(match[1]) * 10, int(match[1]) * 10 + 9)
    for match in list(question.find(_AGE)):
        age = int(match[1] or match[2])
        _add_age(question, match, age, age)


def _add_age(question: Question, match: re.Match[str], first: int | None, last: int | None) -> None:
    label = f"age {first}" if first == last else f"age {first or 0} to {last}" if last else f"age {first} or more"
    question.add("age", "range", (first, last), label, question.take(*match.span()))
