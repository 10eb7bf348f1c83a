"""Front matter: header fields and reviewer lines, however a PDF reader sets them."""

import datetime

import pytest

from imr_llm.letters.header import read_front_matter, read_reviewer

HEADER = """Case Number: CM16-0999999
Date Assigned: 11/08/2016 Date of Injury: 10/11/2014
Decision Date: 12/07/2016 UR Denial Date: 11/02/2016
{application}
"""
DAY = datetime.date(2016, 11, 4)


@pytest.mark.parametrize(
    "application",
    [
        "Priority: Standard Application \nReceived: \n11/04/2016",
        "Priority: Standard Application Received: 11/04/2016",
        "Priority: Standard Application 11/04/2016\nReceived:",
        "Priority: Standard\nApplication Received: November 4, 2016",
        "Priority: Standard\nIMR Application Received:\n11/ 4/2016",
        "Priority: Standard 11/04/2016\nApplication\nReceived:",
        "Priority:\nApplication Received:\n\nStandard\n11/04/2016",
    ],
)
def test_every_header_field_is_read(application: str) -> None:
    found = read_front_matter(HEADER.format(application=application), "")
    assert found.case.model_dump() == {
        "case_number": "CM16-0999999",
        "date_assigned": datetime.date(2016, 11, 8),
        "date_of_injury": datetime.date(2014, 10, 11),
        "decision_date": datetime.date(2016, 12, 7),
        "application_received": DAY,
        "ur_denial_date": datetime.date(2016, 11, 2),
        "priority": "Standard",
    }
    assert found.warnings == ()


def test_the_table_s_decision_date_wins_over_the_cover_page_s() -> None:
    found = read_front_matter("Dated: 12/15/2016\nDecision Date: 12/07/2016", "")
    assert found.case.decision_date == datetime.date(2016, 12, 7)


def test_columns_of_unlike_length_are_not_joined() -> None:
    found = read_front_matter("Date Assigned:\nDecision Date:\nDate of Injury:\n1/2/2016\n1/3/2016", "")
    assert found.case.date_assigned is None


def test_labels_of_2013_mean_the_same() -> None:
    found = read_front_matter(
        "MAXIMUS Case Number: CM13-0000001\nDetermination Dated: 9/1/2013\nDate of UR Decision: 8/1/2013", ""
    )
    assert found.case.case_number == "CM13-0000001"
    assert found.case.decision_date == datetime.date(2013, 9, 1)
    assert found.case.ur_denial_date == datetime.date(2013, 8, 1)


def test_nothing_printed_is_null_and_an_impossible_date_is_a_warning() -> None:
    assert set(read_front_matter("", "").case.model_dump().values()) == {None}
    found = read_front_matter("Date of Injury: 13/45/2016\nDate Assigned:\nDecision Date: 1/2/2016", "")
    assert found.case.date_of_injury is None
    assert {(warning.code, warning.where) for warning in found.warnings} == {
        ("impossible_date", "case.date_of_injury"),
        ("value_missing", "case.date_assigned"),
    }


@pytest.mark.parametrize(
    ("section", "states", "specialties"),
    [
        ("State(s) of Licensure: California,Texas\nCertification(s)/Specialty: Family Practice", ["California", "Texas"], ["Family Practice"]),
        ("has the following\ncredentials: State(s) of Licensure: New York, Ohio\nCertification(s)/Specialty: Neurology, Pain\nManagement",
         ["New York", "Ohio"], ["Neurology", "Pain Management"]),
        ("State(s) of Licensure: CA, west virginia\nCertification(s)/Specialty: Sports Medicinea",
         ["California", "West Virginia"], ["Sports Medicinea"]),
        ("Certification(s)/Specialty: Public Health &\nGeneral Preventive Medicine\nState(s) of Licensure: Iowa",
         ["Iowa"], ["Public Health & General Preventive Medicine"]),
        ("The reviewer is Board Certified in Geriatric Medicine, and is licensed to practice in Nevada. He/she works.",
         ["Nevada"], ["Geriatric Medicine"]),
        ("is Board Certified in Family Practice and has a subspecialty in Pain Management and is licensed to practice in Texas and Ohio.",
         ["Texas", "Ohio"], ["Family Practice", "Pain Management"]),
        ("Board certified in Physical Medicine and Rehabilitation and is licensed to practice in West Virginia.",
         ["West Virginia"], ["Physical Medicine and Rehabilitation"]),
        ("No credentials are given.", [], []),
    ],
)  # fmt: skip
def test_read_reviewer(section: str, states: list[str], specialties: list[str]) -> None:
    reviewer = read_reviewer(section)
    assert reviewer.licensed_states == states
    assert reviewer.specialties == specialties
