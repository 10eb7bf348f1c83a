from __future__ import annotations

import datetime

import pytest

from imr_llm.rules.summary_facts import (
    SummaryFacts,
    find_dates_of_injury,
    find_ur_dates,
    match_ur_action,
    read_summary,
)

D = datetime.date


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Diagnoses include neck strain, headache and insomnia.", ["neck strain", "headache", "insomnia"]),
        ("The diagnoses have included neck strain; and headache.", ["neck strain", "headache"]),
        ("The current diagnosis is documented as sprain of the left knee.", ["sprain of the left knee"]),
        ("She is undergoing treatment for wrist pain and tendinitis.", ["wrist pain", "tendinitis"]),
        ("The worker is being treated for cervical and lumbar strain.", ["cervical and lumbar strain"]),
        ("He was diagnosed with a hip strain and a knee contusion.", ["hip strain", "knee contusion"]),
        ("Diagnoses include lumbar strain, initial encounter, and hernia.", ["lumbar strain", "hernia"]),
        (
            "Diagnoses include contusion of face, scalp and neck, and insomnia.",
            ["contusion of face, scalp and neck", "insomnia"],
        ),
        (
            "Diagnoses include strain of muscle, fascia and tendon of the back.",
            ["strain of muscle, fascia and tendon of the back"],
        ),
        (
            "Diagnoses include disc protrusion at C4-5, C5-6 and headache.",
            ["disc protrusion at C4-5, C5-6", "headache"],
        ),
        (
            "Diagnoses include neck strain and disc bulge with central and foraminal stenosis.",
            ["neck strain", "disc bulge with central and foraminal stenosis"],
        ),
        ("The applicant has filed a claim for wrist pain reportedly associated with a fall.", ["wrist pain"]),
        ("Diagnoses were not given.", []),
        ("The mechanism of injury is a fall.", []),
    ],
)
def test_reads_diagnoses(summary: str, expected: list[str]) -> None:
    assert [fact.text for fact in read_summary(summary).diagnoses] == expected


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (
            "Current medications include Norco (since at least 3-4-2014), Soma and Imitrex.",
            ["Norco", "Soma", "Imitrex"],
        ),
        ("The medications list includes norco, neurontin, and ibuprofen.", ["norco", "neurontin", "ibuprofen"]),
        ("Medication list: Norco 10-325 mg.", ["Norco 10-325 mg"]),
        ("Medication regimen listed Pamelor and Robaxin.", ["Pamelor", "Robaxin"]),
        ("The applicant was reportedly on Flexeril and Advil.", ["Flexeril", "Advil"]),
        ("Medications have included: list not provided.", []),
        ("The current medication regimen was not provided.", []),
        ("The medications were denied.", []),
        ("Pain grew without medications.", []),
    ],
)
def test_reads_medications(summary: str, expected: list[str]) -> None:
    assert [fact.text for fact in read_summary(summary).medications] == expected


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Treatment to date has included rest, therapy and a brace.", ["rest", "therapy", "brace"]),
        ("Treatments include: medication, chiropractic and injections.", ["medication", "chiropractic", "injections"]),
        ("Treatments and evaluation to date have included Norco and acupuncture.", ["Norco", "acupuncture"]),
        ("He underwent microdiscectomy in 2007.", ["microdiscectomy in 2007"]),
        ("He has undergone lumbar discectomy and fusion on 6/2/2011.", ["lumbar discectomy and fusion"]),
        ("The treatment plan included an MRI and therapy.", []),
        ("Prior treatments were not noted.", []),
        ("The request was denied as there is no evidence that the patient has failed conservative care.", []),
        (
            "Treatment to date has included ice; bracing; physical therapy and medications.",
            ["ice", "bracing", "physical therapy", "medications"],
        ),
        ("Treatment to date has included ice; hot and cold packs.", ["ice", "hot and cold packs"]),
    ],
)
def test_reads_prior_treatments(summary: str, expected: list[str]) -> None:
    assert [fact.text for fact in read_summary(summary).prior_treatments] == expected


def test_every_fact_stands_where_it_says() -> None:
    summary = (
        "Diagnoses include neck strain, and headache. Medications include Norco and Soma. Treatment has included rest."
    )
    facts = read_summary(summary)
    for fact in (*facts.diagnoses, *facts.medications, *facts.prior_treatments):
        assert summary[fact.start : fact.end] == fact.text


ACTIONS = [
    (
        "On 2/3/15, UR modified the request for Norco 10/325mg #120 to #20.",
        [(D(2015, 2, 3), "modified", "Norco 10/325mg #120")],
    ),
    (
        "On 4-7-2015 UR non-certified the request for Soma #60 and Norco #75 was modified to #60.",
        [(D(2015, 4, 7), "denied", "Soma #60"), (D(2015, 4, 7), "modified", "Norco #75")],
    ),
    ("A utilization review of 5-6-15 non-certified the request.", [(D(2015, 5, 6), "denied", None)]),
    (
        "In its report dated May 4, 2016, the claims administrator failed to approve a request for a brace.",
        [(D(2016, 5, 4), "denied", "brace")],
    ),
    (
        "A UR dated 6-5-16 non- certified a request for hearing aids.",
        [(D(2016, 6, 5), "denied", "hearing aids")],
    ),
    (
        "On 3-4-2016, UR modified it. Massage for 9 sessions was the original request.",
        [(D(2016, 3, 4), "modified", "Massage for 9 sessions")],
    ),
    (
        "On 3-4-2016 UR denied the request for Soma #60. The requested creams were also denied.",
        [(D(2016, 3, 4), "denied", "Soma #60"), (D(2016, 3, 4), "denied", "creams")],
    ),
    (
        "UR of 3-4-2016 modified the request for Soma #60. Soma #60 was the original request.",
        [(D(2016, 3, 4), "modified", "Soma #60")],
    ),
    (
        "On 3-4-2016 UR modified the request. On 5-4-2016 UR modified the request for Soma #60.",
        [(D(2016, 3, 4), "modified", None), (D(2016, 5, 4), "modified", "Soma #60")],
    ),
    (
        "The review by UR of 2-2-2016 non-certified a request for hip MRI and certified a request for Norco.",
        [(D(2016, 2, 2), "denied", "hip MRI")],
    ),
    (
        "The RFA was signed on 3/9/2016, and the prior denial came on 3/17/2016.",
        [(D(2016, 3, 17), "denied", None)],
    ),
    ("On 1/2/17 utilization review delayed the request for a brace.", [(D(2017, 1, 2), "delayed", "brace")]),
    ("A sling had been also denied by UR on 3-4-2016.", [(D(2016, 3, 4), "denied", "sling")]),
    (
        "UR denied on 3-4-2016 Soma #60 for want of benefit.",
        [(D(2016, 3, 4), "denied", "Soma #60 for want of benefit")],
    ),
    ("UR retrospectively denied a hand splint on March 4, 2016.", [(D(2016, 3, 4), "denied", "hand splint")]),
    ("The UR of 3/4/2016 found a sling to be not medically necessary.", [(D(2016, 3, 4), "denied", "sling")]),
    ("On 3-4-2016 UR conditionally non-certified Soma #60.", [(D(2016, 3, 4), "denied", "Soma #60")]),
    (
        "UR of 3-4-2016 modified a request for Soma #60 to Soma #20, apparently for weaning.",
        [(D(2016, 3, 4), "modified", "Soma #60")],
    ),
    (
        "A sling was non-certified by UR on 3/4/2016 as it was late, and massage was partially certified.",
        [(D(2016, 3, 4), "denied", "sling"), (D(2016, 3, 4), "modified", "massage")],
    ),
    ("The examiner found the knee to be not swollen.", []),
    ("He denied any numbness and does modified work.", []),
    ("The request for authorization dated 1/2/17 asks for a brace.", []),
]


@pytest.mark.parametrize(("summary", "expected"), ACTIONS)
def test_reads_the_actions_of_the_review(summary: str, expected: list[tuple[datetime.date, str, str | None]]) -> None:
    assert [(fact.date, fact.action, fact.item) for fact in read_summary(summary).ur_actions] == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Norco 10/325mg #75", "modified"),
        ("Soma 350mg #60", "denied"),
        ("MRI of the cervical spine", "unknown"),
        ("Soma #60 was the original request. Soma #20 was authorized by the Claims Administrator", "modified"),
    ],
)
def test_finds_whose_action_it_is(title: str, expected: str) -> None:
    facts = read_summary("On 4/7/15 UR non-certified the request for Soma #60 and Norco #75 was modified.")
    assert match_ur_action(title, facts) == expected


def test_one_action_for_everything() -> None:
    facts = read_summary("A utilization review of 5-6-15 non-certified the request.")
    assert match_ur_action("Trigger point injection", facts) == "denied"
    assert match_ur_action("Trigger point injection", SummaryFacts()) == "unknown"
    assert find_ur_dates(facts) == (D(2015, 5, 6),)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("He sustained an industrial injury on 10-13-16.", [D(2016, 10, 13)]),
        ("A cook with a date of injury on 06-23-2004. Seen on 7/7/2015.", [D(2004, 6, 23)]),
        ("An industrial injury of October 10, 2015.", [D(2015, 10, 10)]),
        ("A history of an occupational claim from 10/20/ 2016.", [D(2016, 10, 20)]),
        ("A worker with an industrial injury date of 10-16-2016.", [D(2016, 10, 16)]),
        ("A reported date of injury of 02/30/2016.", [None]),
        ("He has been treated since 2001.", []),
        ("He was seen on 10/13/2016.", []),
    ],
)
def test_finds_dates_of_injury(summary: str, expected: list[datetime.date | None]) -> None:
    assert [found.date for found in find_dates_of_injury(summary)] == expected
