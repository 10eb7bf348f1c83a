from __future__ import annotations

import datetime

import pytest

from imr_llm.letters.dates import find_dates, read_date

D = datetime.date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10/13/2016", D(2016, 10, 13)),
        ("10-13-16", D(2016, 10, 13)),
        ("10/14/ 2016", D(2016, 10, 14)),
        ("1/3/09", D(2009, 1, 3)),
        (" 7-4-1988. ", D(1988, 7, 4)),
        ("11.15.2016", D(2016, 11, 15)),
        ("2016-11-15", D(2016, 11, 15)),
        ("November 15, 2016", D(2016, 11, 15)),
        ("November 15,2016", D(2016, 11, 15)),
        ("Sept. 3rd, 2014", D(2014, 9, 3)),
        ("MAY 1 2017", D(2017, 5, 1)),
        ("15 November 2016", D(2016, 11, 15)),
        ("4/5/39", D(2039, 4, 5)),
        ("4/5/40", D(1940, 4, 5)),
        ("02/30/2016", None),
        ("13/01/2016", None),
        ("02/29/2015", None),
        ("December 9, 3026", None),
        ("March 2015", None),
        ("2001", None),
        ("", None),
        ("seen on 10/13/2016", None),
    ],
)
def test_reads_a_date(text: str, expected: datetime.date | None) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seen on 10/14/ 2016 and (11-2-16)", [("10/14/ 2016", D(2016, 10, 14)), ("11-2-16", D(2016, 11, 2))]),
        ("from 6/20/16-7/20/16", [("6/20/16", D(2016, 6, 20)), ("7/20/16", D(2016, 7, 20))]),
        ("on 12/30/2009.He fell", [("12/30/2009", D(2009, 12, 30))]),
        ("dated November 15, 2016.", [("November 15, 2016", D(2016, 11, 15))]),
        ("since at least 02-05-2015)", [("02-05-2015", D(2015, 2, 5))]),
        ("on 02/30/2016 the", [("02/30/2016", None)]),
        ("Trezix 320.5-30-16mg", []),
        ("5-30-16 mg capsules", []),
        ("Norco 10-325 mg, pain 8/10", []),
        ("strength 5/5, L4-5 and L5-S1", []),
        ("call 1-800-555-2016", []),
        ("in May of 2016", []),
        ("from 2001 to 12-2016", []),
    ],
)
def test_finds_dates_where_they_stand(text: str, expected: list[tuple[str, datetime.date | None]]) -> None:
    assert [(text[found.start : found.end], found.date) for found in find_dates(text)] == expected
