"""Dates in a question: parts of years, ranges that leave something out, bounds, and what a date is of."""

from __future__ import annotations

import pytest

from imr_llm.search.query import parse_query


@pytest.mark.parametrize(
    ("text", "field", "first", "last"),
    [
        ("decided between Feb 1 and Feb 10, 2017", "letter_date", "2017-02-01", "2017-02-10"),
        ("February 1-10, 2017", "letter_date", "2017-02-01", "2017-02-10"),
        ("from November to January 2017", "letter_date", "2016-11-01", "2017-01-31"),
        ("MRI in January and February 2017", "letter_date", "2017-01-01", "2017-02-28"),
        ("PT Q1 2017", "letter_date", "2017-01-01", "2017-03-31"),
        ("PT 2016 Q4", "letter_date", "2016-10-01", "2016-12-31"),
        ("in the second half of 2015", "letter_date", "2015-07-01", "2015-12-31"),
        ("in the spring of 2016", "letter_date", "2016-03-01", "2016-05-31"),
        ("injured in the 1990s", "injury_date", "1990-01-01", "1999-12-31"),
        ("decided on or after 3/1/2015", "letter_date", "2015-03-01", None),
        ("decided after 3/1/2015", "letter_date", "2015-03-02", None),
        ("decided no later than March 2016", "letter_date", None, "2016-03-31"),
        ("decided by March 2016", "letter_date", None, "2016-03-31"),
        ("from 2016 on", "letter_date", "2016-01-01", None),
        (
            "IMR application received between 12/18/2016 and 12/31/2016",
            "application_received",
            "2016-12-18",
            "2016-12-31",
        ),
        ("assigned in March 2016", "date_assigned", "2016-03-01", "2016-03-31"),
        ("after the change of December 2017", "letter_date", "2017-12-01", None),
    ],
)
def test_periods(text: str, field: str, first: str | None, last: str | None) -> None:
    assert (field, "range", (first, last)) in [(f.field, f.op, f.value) for f in parse_query(text).filters]


def test_a_vague_part_of_a_year_is_told() -> None:
    assert any("was read as 2016-01-01 to 2016-04-30" in note for note in parse_query("PT early 2016").notes)


@pytest.mark.parametrize(
    "text", ["rely on the 2009 chronic pain guideline", "MTUS opioids guideline 2016", "10/325 and 5/325"]
)
def test_what_is_no_date(text: str) -> None:
    assert not [f for f in parse_query(text).filters if f.op == "range"]
