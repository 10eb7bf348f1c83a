"""Dates in a question: days, months, quarters, seasons and years, of the decision or of what the words beside them name."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass

from imr_llm.letters.dates import find_dates
from imr_llm.library.filters import FilterValue
from imr_llm.search.question import Question

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if number}
_MONTHS |= {name.lower(): number for number, name in enumerate(calendar.month_abbr) if number} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_YEAR = r"(?:19[5-9]\d|20[0-4]\d)"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"(?:{_MONTH})\.? {_DAY},? {_YEAR}|\d{{1,2}}[/-]\d{{1,2}}[/-]\d{{2,4}}|{_YEAR}-\d\d-\d\d"
# Parts of a year, as its first and last month; a winter is that which begins in the year before.
_PARTS = {
    "q1": (1, 3), "1q": (1, 3), "first quarter": (1, 3), "1st quarter": (1, 3),
    "q2": (4, 6), "2q": (4, 6), "second quarter": (4, 6), "2nd quarter": (4, 6),
    "q3": (7, 9), "3q": (7, 9), "third quarter": (7, 9), "3rd quarter": (7, 9),
    "q4": (10, 12), "4q": (10, 12), "fourth quarter": (10, 12), "4th quarter": (10, 12), "last quarter": (10, 12),
    "first half": (1, 6), "1st half": (1, 6), "h1": (1, 6), "second half": (7, 12), "2nd half": (7, 12), "h2": (7, 12),
    "early": (1, 4), "mid": (5, 8), "middle": (5, 8), "late": (9, 12), "start": (1, 4), "beginning": (1, 4), "end": (9, 12),
    "winter": (0, 2), "spring": (3, 5), "summer": (6, 8), "fall": (9, 11), "autumn": (9, 11),
}  # fmt: skip
_VAGUE = ("early", "mid", "middle", "late", "start", "beginning", "end", "winter", "spring", "summer", "fall", "autumn")
_PART = "|".join(sorted(_PARTS, key=len, reverse=True))
_WHEN_TEXT = (
    rf"(?:(?:the )?(?:{_PART})[ -](?:of )?{_YEAR}\b(?!-\d)|{_YEAR} ?(?:q[1-4]|h[12])\b|{_YEAR}'?s\b"
    rf"|(?:(?:{_MONTH})\.?,? (?:of )?)?{_YEAR}\b(?!-\d)|{_DATE})"
)
_WHEN = re.compile(_WHEN_TEXT, re.IGNORECASE)
# Of two dates the first may leave out what the last says: "Feb 1 and Feb 10, 2017", "February 1-10, 2017".
_RANGE = re.compile(
    rf"\b(?:(?:from|between|in|during)\s+)?(?P<first>{_DATE}|(?:(?:{_MONTH})\.?,? (?:of )?)?{_YEAR}|(?:{_MONTH})\.?(?: {_DAY}\b)?)"
    rf"\s*(?:-|to|and|through|thru|until|till)\s*(?P<last>{_DATE}|(?:(?:{_MONTH})\.?,? (?:of )?)?{_YEAR}|{_DAY},? {_YEAR})\b(?!-\d)",
    re.IGNORECASE,
)
# How a period bounds: from its first day, after its last, before its first, up to its last.
_BOUNDS = {
    "since": "since|starting|on or after|on and after|no earlier than|not earlier than|not before|as of|from",
    "until": "until|till|through|up to|on or before|on and before|no later than|not later than|not after|by",
    "after": "after|later than|past|following",
    "before": "before|prior to|earlier than|preceding",
}
_BOUND = re.compile(
    r"\b(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _BOUNDS.items()) + r")\b(?P<event>(?: [a-z]+){0,5}?)"
    rf" (?=(?P<when>{_WHEN_TEXT}))",
    re.IGNORECASE,
)
# "from 2016", "by the reviewer in 2016": a bound only beside the date itself, or where "on" follows it.
_ONWARD = re.compile(r" ?(?:on|onwards?|forward|and on)\b", re.IGNORECASE)
_LOOSE = re.compile(r"(?:from|by|past|following|as of|starting)\b", re.IGNORECASE)
_OR_LATER = re.compile(
    r"(?: (?:or|and) (?:(?P<later>later|after|newer|more recent|since)|(?:earlier|before|older))| (?P<on>onwards?|forward|and on))\b",
    re.IGNORECASE,
)
_IN = re.compile(r"\b(?:in|during|of|dated|for|on|from)(?: the)?\s*$", re.IGNORECASE)
_IN_YEAR = re.compile(r"\b(?:in|during|dated|from)\s*$", re.IGNORECASE)
_ERA_SPLIT = re.compile(rf"\bbefore and after (?P<year>{_YEAR})\b", re.IGNORECASE)
_GUIDELINE = re.compile(r"\b(?:guidelines?|mtus|acoem|odg|edition|chapter)\b", re.IGNORECASE)
_GUIDELINE_BEFORE = re.compile(r"\b(?:guidelines?|mtus|acoem|odg|edition|chapter|complaints),? \(?$", re.IGNORECASE)
# What a date is of: the words before it.
_LINK = r"(?: (?:was|were|is|are|been|dated?|dates?|made|denied|denial|decision|occurring|that|occurred|happened|workers|received|filed|submitted|sent|came|coming|on|in|from|or|it|and|the))*"
_NAMED = (
    (
        re.compile(rf"\b(?:(?:imr )?(?:applications?|appeals?)|(?:imr|review) requests?|requests? for (?:imr|review)|applied)(?: for (?:an )?(?:imr|review))?{_LINK}\s*$", re.IGNORECASE),
        "application_received", "application received",
    ),
    (re.compile(rf"\b(?:assigned|assignment)(?: to (?:the )?(?:reviewer|maximus|review))?{_LINK}\s*$", re.IGNORECASE), "date_assigned", "date assigned"),
    (re.compile(rf"\b(?:ur|utilization review){_LINK}\s*$", re.IGNORECASE), "ur_denial_date", "UR decision"),
    (
        re.compile(rf"\b(?:injur(?:y|ies|ed)|doi|date of injury|hurt|accidents?){_LINK}\s*$", re.IGNORECASE),
        "injury_date", "date of injury",
    ),
    (
        re.compile(rf"\b(?:decisions?|decided|letters?|determinations?|dated?){_LINK}\s*$", re.IGNORECASE),
        "letter_date", "decision date",
    ),
)  # fmt: skip
FIRST_YEAR = 2013
"""Of independent medical review: a year by itself is one of its letters'."""
_BASIS_NOTE = "dates are the decision date where the letter prints one, else the latest date in the letter (derived)"


@dataclass(frozen=True)
class _Period:
    """Its first and its last day."""

    first: datetime.date
    last: datetime.date


def read_dates(question: Question) -> None:
    """Dates and years, each as a period of the decision, or of the injury, the UR decision, the application."""
    for match in list(question.find(_RANGE)):
        last = _period(match["last"]) or _period(f"{match['first'].split()[0]} {match['last']}")
        first = _period(match["first"]) or (last and _earlier(match["first"], last.first))
        if first and last and first.first <= last.last:
            _add_dates(question, match.start(), match.end(), first.first, last.last)
    for match in _bounds(question):
        _add_bound(question, match)
    for match in list(question.find(_WHEN)):
        before = question.text[: match.start()]
        period = _period(match[0])
        alone = match[0].isdigit()
        if alone and _is_guideline_year(question, match):
            continue
        if period and (not alone or _IN.search(before) or int(match[0]) >= FIRST_YEAR or _named(before)):
            start = _IN.search(before)
            _add_when(question, start.start() if start else match.start(), match, period)


def split_era(question: Question) -> int | None:
    """The year of "before and after 2018", which asks for a comparison and is no filter."""
    for match in question.find(_ERA_SPLIT):
        question.take(*match.span())
        return int(match["year"])
    return None


def whole_years(first: FilterValue, last: FilterValue) -> tuple[int, ...]:
    """The years of a period from a 1 January to a 31 December (at most 30); else none."""
    start, end = str(first or ""), str(last or "")
    if not (start.endswith("-01-01") and end.endswith("-12-31")):
        return ()
    years = range(int(start[:4]), int(end[:4]) + 1)
    return tuple(years) if 0 < len(years) <= 30 else ()


def _bounds(question: Question) -> Iterator[re.Match[str]]:
    """ "since March 2016", "on or before 2/1/2017", "from 2016 on"."""
    for match in list(question.find(_BOUND)):
        end = match.end("when")
        loose = _LOOSE.match(match[0])
        if loose and loose.end() < len(match[0].rstrip()):
            continue
        if loose and loose[0].lower() == "from" and not _ONWARD.match(question.text, end):
            continue
        if question.is_free(match.start(), end) and not _GUIDELINE.match(question.text, end + 1):
            yield match


def _add_bound(question: Question, match: re.Match[str]) -> None:
    period, end = _period(match["when"]), match.end("when")
    if period is None:
        return
    if onward := _ONWARD.match(question.text, end):
        end = onward.end()
    day = datetime.timedelta(days=1)
    if match["since"] or (match["after"] and match["event"]):  # "after the change of December 2017"
        first, last = period.first, None
    elif match["until"]:
        first, last = None, period.last
    elif match["before"]:
        first, last = None, period.first - day
    else:
        first, last = period.last + day, None
    _add_dates(question, match.start(), end, first, last)


def _add_when(question: Question, start: int, match: re.Match[str], period: _Period) -> None:
    """ "in 2014", "in 2014 or later"."""
    open_end = _OR_LATER.match(question.text, match.end())
    if open_end is None:
        _add_dates(question, start, match.end(), period.first, period.last)
        if (words := match[0].lower().removeprefix("the ")).startswith(_VAGUE):
            question.note(f'"{words}" was read as {period.first} to {period.last}')
    elif open_end["later"] or open_end["on"]:
        _add_dates(question, start, open_end.end(), period.first, None)
    else:
        _add_dates(question, start, open_end.end(), None, period.last)


def _named(before: str) -> tuple[re.Match[str], str, str] | None:
    """What a date is of ("date of injury 2010"): the words, the field and its label."""
    return next(((match, field, label) for pattern, field, label in _NAMED if (match := pattern.search(before))), None)


def _is_guideline_year(question: Question, match: re.Match[str]) -> bool:
    """ "the 2009 chronic pain guideline", "ACOEM 2016": no date of a letter."""
    after = question.text[match.end() : match.end() + 60]
    return bool(_GUIDELINE.search(after) and not _IN_YEAR.search(question.text[: match.start()])) or bool(
        _GUIDELINE_BEFORE.search(question.text[: match.start()])
    )


def _add_dates(
    question: Question, start: int, end: int, first: datetime.date | None, last: datetime.date | None
) -> None:
    """A filter on the date that the words before it name, else on the decision's."""
    found = _named(question.text[:start])
    field, label = (found[1], found[2]) if found else ("letter_date", "decision date")
    if found and question.is_free(found[0].start(), start):
        start = found[0].start()
    words = question.take(start, end)
    since, until = first.isoformat() if first else None, last.isoformat() if last else None
    if field == "letter_date":
        question.note(_BASIS_NOTE)
        if _add_alternative_year(question, since, until, words):
            return
    question.add(field, "range", (since, until), f"{label} {since or 'any time'} to {until or 'today'}", words)


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


_MONTH_YEAR = re.compile(rf"(?P<month>{_MONTH})\.?,? (?:of )?(?P<year>{_YEAR})", re.IGNORECASE)
_PART_YEAR = re.compile(rf"(?:the )?(?P<part>{_PART})[ -](?:of )?(?P<year>{_YEAR})", re.IGNORECASE)
_YEAR_PART = re.compile(rf"(?P<year>{_YEAR}) ?(?P<part>q[1-4]|h[12])", re.IGNORECASE)


def _period(text: str) -> _Period | None:
    """The first and last day of a year, a decade, a part of a year, a month or a day."""
    text = text.strip()
    if match := _PART_YEAR.fullmatch(text) or _YEAR_PART.fullmatch(text):
        first, last = _PARTS[match["part"].lower()]
        return _months(int(match["year"]), first, last)
    if match := _MONTH_YEAR.fullmatch(text):
        month = _MONTHS[match["month"].lower()]
        return _months(int(match["year"]), month, month)
    if re.fullmatch(rf"{_YEAR}'?s", text, re.IGNORECASE):
        year = int(text[:4])
        span = 9 if year % 10 == 0 else 0
        return _Period(datetime.date(year, 1, 1), datetime.date(year + span, 12, 31))
    if re.fullmatch(_YEAR, text):
        return _months(int(text), 1, 12)
    found = find_dates(text)
    return _Period(found[0].date, found[0].date) if found and found[0].date else None


def _months(year: int, first: int, last: int) -> _Period:
    start = datetime.date(year - 1, 12, 1) if first == 0 else datetime.date(year, first, 1)
    return _Period(start, datetime.date(year, last, calendar.monthrange(year, last)[1]))


def _earlier(text: str, last: datetime.date) -> _Period | None:
    """The period that leaves out its year: the last of its name before the other's."""
    for year in (last.year, last.year - 1):
        period = _period(f"{text} {year}")
        if period and period.first <= last:
            return period
    return None
