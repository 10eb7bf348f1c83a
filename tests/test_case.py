"""Reading a case: what is in dispute is what a request names, and a whole letter is read item by item."""

from __future__ import annotations

from typing import Any

import pytest
from letters import SAMPLES

from imr_llm.search.case import read_case


@pytest.mark.parametrize(
    ("text", "drugs", "treatments"),
    [
        ("Disputed treatment: epidural steroid injection L4-5. Meds: Norco, gabapentin.", (), ("injections.epidural_steroid",)),
        ("MRI of the lumbar spine is requested. Conservative care included physical therapy and Norco without relief.",
         (), ("diagnostic_testing.mri",)),
        ("We appeal the denial of chiropractic care for the neck. Current medications: ibuprofen.", (), ("rehabilitation.chiropractic",)),
        ("The patient completed 12 sessions of physical therapy which did not help. Request: MRI right knee.",
         (), ("diagnostic_testing.mri",)),
        ("Patient is on Norco and gabapentin. I request Norco 10/325 #120.", ("hydrocodone/acetaminophen",), ()),
        ("Norco 10/325", ("hydrocodone/acetaminophen",), ()),
        ("hello", (), ()),
    ],
)  # fmt: skip
def test_what_is_in_dispute(text: str, drugs: tuple[str, ...], treatments: tuple[str, ...]) -> None:
    case = read_case(text)
    assert (case.drugs, case.subcategories) == (drugs, treatments)


def test_a_region_counts_where_the_request_names_it() -> None:
    case = read_case("He has neck and low back pain. An MRI of the right knee is requested.")
    assert case.regions == ("knee",)


def test_a_whole_letter_is_read_item_by_item() -> None:
    text = (SAMPLES / "norco_consistent_uds_no_benefit.txt").read_text(encoding="utf-8")
    case: Any = read_case(text)
    assert case.letter == "CM15-9000004"
    assert "hydrocodone/acetaminophen" in case.drugs
    assert "no_weaning_plan" in case.reasons
    assert case.uds_status == "consistent"
