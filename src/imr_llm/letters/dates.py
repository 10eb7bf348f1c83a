"""Dates as the letters print them: 10/13/2016, 10-13-16, "10/14/ 2016", "November 15, 2016".

A printed date that the calendar does not have ("02/30/2016", "December 9, 3026") is found with `date` None: the
reader then knows that something is printed there, and that it cannot be believed. A month without a day
("March 2015") is no date.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

EARLIEST_YEAR = 1900
LATEST_YEAR = 2099
# Injuries of the 1940s still have open claims; no letter speaks of 2040.
LAST_TWO_DIGIT_YEAR_OF_2000S = 39

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_YEAR = r"(?:\d{4}|\d{2})"
# Not a strength ("5-30-16mg"), not the middle of a longer row of numbers.
_AFTER = r"(?!\d)(?!\s?(?:mg|mcg|ml)\b)"

_DATE = re.compile(
    rf"""
      (?<!\d)(?<!\d[-/.]) (?P<iso_year>\d{{4}})-(?P<iso_month>\d{{2}})-(?P<iso_day>\d{{2}}) {_AFTER}(?!-\d)
    | (?<!\d)(?<!\d[/.]) (?P<slash_month>\d{{1,2}})\s?/\s?(?P<slash_day>\d{{1,2}})\s?/\s?(?P<slash_year>{_YEAR})
      {_AFTER}(?!/)
    | (?<!\d)(?<!\d[-/.]) (?P<dash_month>\d{{1,2}})\s?-\s?(?P<dash_day>\d{{1,2}})\s?-\s?(?P<dash_year>{_YEAR})
      {_AFTER}(?!-\d)
    | (?<!\d)(?<!\d[-/.]) (?P<dot_month>\d{{1,2}})\.(?P<dot_day>\d{{1,2}})\.(?P<dot_year>{_YEAR}) {_AFTER}(?!\.\d)
    | \b(?P<name_month>{_MONTH_NAME})\.?\s?(?P<name_day>\d{{1,2}})(?:st|nd|rd|th)?\s?,?\s?(?P<name_year>\d{{4}})(?!\d)
    | (?<!\d)(?P<day_first>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?(?P<month_second>{_MONTH_NAME})\.?,?
      \s(?P<year_third>\d{{4}})(?!\d)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PARTS = (
    ("iso_year", "iso_month", "iso_day"),
    ("slash_year", "slash_month", "slash_day"),
    ("dash_year", "dash_month", "dash_day"),
    ("dot_year", "dot_month", "dot_day"),
    ("name_year", "name_month", "name_day"),
    ("year_third", "month_second", "day_first"),
)


@dataclass(frozen=True)
class FoundDate:
    """A printed date at text[start:end]; `date` is None where the calendar does not have it."""

    date: datetime.date | None
    start: int
    end: int


def find_dates(text: str) -> tuple[FoundDate, ...]:
    """Every full date that the text prints, in order."""
    return tuple(FoundDate(_date_of(match), match.start(), match.end()) for match in _DATE.finditer(text))


def read_date(text: str) -> datetime.date | None:
    """The date that `text` is (white space and closing punctuation aside); None where it is none, or impossible."""
    match = _DATE.fullmatch(text.strip(" \t\r\n.,;:()"))
    return _date_of(match) if match else None


def _date_of(match: re.Match[str]) -> datetime.date | None:
    year, month, day = next(
        (match[year], match[month], match[day]) for year, month, day in _PARTS if match[year] is not None
    )
    number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
    full_year = _full_year(year)
    if not EARLIEST_YEAR <= full_year <= LATEST_YEAR:
        return None
    try:
        return datetime.date(full_year, number, int(day))
    except ValueError:
        return None


def _full_year(year: str) -> int:
    if len(year) == 4:
        return int(year)
    return int(year) + (2000 if int(year) <= LAST_TWO_DIGIT_YEAR_OF_2000S else 1900)
