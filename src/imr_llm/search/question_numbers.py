"""Numbers and dates in a question: quantity, strength, refills, age, pages, visits, dates and years."""

from __future__ import annotations

import calendar
import datetime
import re
from dataclasses import dataclass

from imr_llm.letters.dates import find_dates
from imr_llm.library.filters import FilterValue
from imr_llm.search.question import Question
from imr_llm.terms.strength import strength_key
from imr_llm.terms.vocabulary import find_terms

_N = r"(\d{1,4})"
_PAGES = re.compile(
    rf"\b(?:pages?|pgs?\.?|pp?\.)\s*(?:number |no\.? )?{_N}(?:\s*(?:-|to|through)\s*{_N})?", re.IGNORECASE
)
_FEW = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12}  # fmt: skip
_SOME = rf"(?:\d{{1,4}}|{'|'.join(_FEW)})"
_REFILLS = re.compile(
    rf"\b(?:(?P<none>no|without|zero|0)|(?:with|carrying|having|including|plus|that (?:have|has|had|carry|carried|include[ds]?|came with|come with)) (?:any )?|(?P<n>{_SOME}) )\s?refills?\b|\brefills?: ?(?P<m>\d{{1,2}})\b",
    re.IGNORECASE,
)
_HASH = re.compile(
    r"(?:#|\b(?:qty|quantity)(?: of)?:?)\s?(\d{1,4})\b(?: (?P<unit>tablets?|tabs?|pills?|capsules?|caps?|patches)\b)?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"\b({_SOME}) (?:additional |more )?(tablets?|tabs?|pills?|capsules?|caps?|patches|visits?|sessions?|injections?|grams?|gms?|milliliters?)\b",
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
        if match["unit"]:
            _add_unit(question, _UNITS[match["unit"][:2].lower()], match["unit"])
    for match in list(question.find(_COUNTED)):
        unit = _UNITS[match[2][:2].lower()]
        _add_quantity(question, match, " " + unit)
        _add_unit(question, unit, match[2])
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
    number = _count(match[1])
    before = _MORE.search(question.text[: match.start()])
    after = _OR_MORE.match(question.text, match.end())
    words = question.take(before.start() if before else match.start(), after.end() if after else match.end())
    if before:
        _add_compared(question, before, number, words)
    elif after:
        value = (number, None) if after["more"] else (None, number)
        question.add("quantity", "range", value, _quantity_label(words), words)
    else:
        question.add("quantity", "is", (number,), f"quantity {match[1]}{unit}", words)


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


# ------------------------------------------------------------------------------------------------------- dates

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if number}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if number}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = r"(?:19[5-9]\d|20[0-4]\d)"
_WHEN = re.compile(
    rf"(?:(?P<month>{_MONTH})\.?,? (?:of )?)?(?P<year>{_YEAR})\b(?!-\d)|(?P<date>(?:{_MONTH})\.? \d{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}|\d{{1,2}}[/-]\d{{1,2}}[/-]\d{{2,4}}|{_YEAR}-\d\d-\d\d)",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"\b(?:from|between)?\s*(?P<first>(?:(?:{_MONTH})\.? )?{_YEAR}(?:-\d\d-\d\d)?|\d{{1,2}}/\d{{1,2}}/\d{{2,4}})\s*(?:-|to|and|through|until)\s*(?P<last>(?:(?:{_MONTH})\.? )?{_YEAR}(?:-\d\d-\d\d)?|\d{{1,2}}/\d{{1,2}}/\d{{2,4}})\b",
    re.IGNORECASE,
)
_SINCE = re.compile(
    rf"\b(?P<word>after|since|before|until|prior to|later than|earlier than|starting)\b(?P<between>(?: [a-z]+){{0,5}}?) (?={_WHEN.pattern.replace('(?P<month>', '(?:').replace('(?P<year>', '(?:').replace('(?P<date>', '(?:')})",
    re.IGNORECASE,
)
_IN = re.compile(r"\b(?:in|during|of|dated|for|on|from)\s*$", re.IGNORECASE)
_ERA_SPLIT = re.compile(rf"\bbefore and after (?P<year>{_YEAR})\b", re.IGNORECASE)
# What the date is of: the words before it.
_OF_UR = re.compile(
    r"\b(?:ur|utilization review)\b(?: (?:denial|decision|determination|was|is|were|dated|date|denied|made|in|on|from))*\s*$",
    re.IGNORECASE,
)
_OF_INJURY = re.compile(
    r"\b(?:injur(?:y|ies|ed)|doi|date of injury|hurt)(?: (?:was|were|is|occurring|that occurred|occurred|dated|dates?|from|in|on|happened|workers))*\s*$",
    re.IGNORECASE,
)
_OF_DECISION = re.compile(
    r"\b(?:decisions?|decided|letters?|dated?|determinations?)(?: (?:was|were|made|dated|is|in|on|from))*\s*$",
    re.IGNORECASE,
)
_BASIS_NOTE = "dates are the decision date where the letter prints one, else the latest date in the letter (derived)"


@dataclass(frozen=True)
class _Period:
    first: str
    last: str


def read_dates(question: Question) -> None:
    """Dates and years, each as a period of the decision, of the UR decision or of the injury."""
    for match in list(question.find(_RANGE)):
        first, last = _period(match["first"]), _period(match["last"])
        if first and last:
            _add_dates(question, match.start(), match.end(), first.first, last.last)
    for match in list(question.find(_SINCE)):
        when = _WHEN.match(question.text, match.end())
        period = _period(when[0]) if when else None
        if when and period and question.is_free(match.start(), when.end()):
            _add_open(question, match, when, period)
    for match in list(question.find(_WHEN)):
        before = question.text[: match.start()]
        period = _period(match[0])
        if period and (
            _IN.search(before) or match["month"] or match["date"] or _is_lone_year(question, match) or _is_named(before)
        ):
            start = _IN.search(before)
            _add_when(question, start.start() if start else match.start(), match.end(), period)


_OR_LATER = re.compile(
    r" (?:or|and) (?:(?P<later>later|after|newer|more recent)|(?:earlier|before|older))\b", re.IGNORECASE
)


def _add_when(question: Question, start: int, end: int, period: _Period) -> None:
    """ "in 2014", "in 2014 or later"."""
    open_end = _OR_LATER.match(question.text, end)
    if open_end is None:
        _add_dates(question, start, end, period.first, period.last)
    elif open_end["later"]:
        _add_dates(question, start, open_end.end(), period.first, None)
    else:
        _add_dates(question, start, open_end.end(), None, period.last)


def split_era(question: Question) -> int | None:
    """The year of "before and after 2018", which asks for a comparison and is no filter."""
    for match in question.find(_ERA_SPLIT):
        question.take(*match.span())
        return int(match["year"])
    return None


def _is_named(before: str) -> bool:
    """ "date of injury 2010"."""
    return bool(_OF_UR.search(before) or _OF_INJURY.search(before))


def _is_lone_year(question: Question, match: re.Match[str]) -> bool:
    """A year of IMR's that is no guideline's ("the 2009 chronic pain guideline" is)."""
    after = question.text[match.end() : match.end() + 60].lower()
    return int(match["year"]) >= 2013 and not re.search(r"guideline|mtus|acoem|odg|edition", after)


def _add_open(question: Question, match: re.Match[str], when: re.Match[str], period: _Period) -> None:
    word = match["word"].lower()
    later = word in ("after", "since", "later than", "starting")
    first, last = (period.first, None) if later else (None, _day_before(period.first))
    if word == "after" and when["year"] and not when["month"]:
        first = _day_after(period.last)
    if word == "until":
        last = period.last
    _add_dates(question, match.start(), when.end(), first, last)


_DATED = (
    (_OF_UR, "ur_denial_date", "UR decision"),
    (_OF_INJURY, "injury_date", "date of injury"),
    (_OF_DECISION, "letter_date", "decision date"),
)


def _add_dates(question: Question, start: int, end: int, first: str | None, last: str | None) -> None:
    """A filter on the date that the words before it name, else on the decision's."""
    found = next(((m, n, said) for p, n, said in _DATED if (m := p.search(question.text[:start]))), None)
    name, label = (found[1], found[2]) if found else ("letter_date", "decision date")
    if found and question.is_free(found[0].start(), start):
        start = found[0].start()
    words = question.take(start, end)
    if name == "letter_date":
        question.note(_BASIS_NOTE)
        if _add_alternative_year(question, first, last, words):
            return
    question.add(name, "range", (first, last), f"{label} {first or 'any time'} to {last or 'today'}", words)


def _add_alternative_year(question: Question, first: str | None, last: str | None, words: str) -> bool:
    """ "2014 or 2016": a letter has one date, so that another whole year is an alternative to those before it."""
    year = whole_years(first, last)
    before = next((f for f in question.filters if f.field in ("letter_date", "year")), None)
    if before is None or len(year) != 1:
        return False
    years = before.value if before.field == "year" else whole_years(*before.value)
    if not years or year[0] in years:
        return False
    question.filters.remove(before)
    accepted = tuple(sorted([*(int(str(each)) for each in years), *year]))
    label = f"decision date in {' or '.join(map(str, accepted))}"
    question.add("year", "any", accepted, label, f"{before.words}, {words}")
    return True


def whole_years(first: FilterValue, last: FilterValue) -> tuple[int, ...]:
    """The years of a period from a 1 January to a 31 December (at most 30); else none."""
    start, end = str(first or ""), str(last or "")
    if not (start.endswith("-01-01") and end.endswith("-12-31")):
        return ()
    years = range(int(start[:4]), int(end[:4]) + 1)
    return tuple(years) if 0 < len(years) <= 30 else ()


def _period(text: str) -> _Period | None:
    """The first and last day of a year, a month or a day."""
    found = find_dates(text)
    if found and found[0].date:
        return _Period(found[0].date.isoformat(), found[0].date.isoformat())
    match = _WHEN.fullmatch(text.strip())
    if match is None or not match["year"]:
        return None
    year = int(match["year"])
    if not match["month"]:
        return _Period(f"{year}-01-01", f"{year}-12-31")
    month = _MONTHS[match["month"].lower()]
    return _Period(f"{year}-{month:02}-01", f"{year}-{month:02}-{calendar.monthrange(year, month)[1]:02}")


def _day_before(date: str) -> str:
    return (datetime.date.fromisoformat(date) - datetime.timedelta(days=1)).isoformat()


def _day_after(date: str) -> str:
    return (datetime.date.fromisoformat(date) + datetime.timedelta(days=1)).isoformat()
