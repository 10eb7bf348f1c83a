from __future__ import annotations

import pytest

from imr_llm.rules.patient import read_patient

AGES = [
    ("The injured worker is a 48 year old male.", 48),
    ("The injured worker is a(n) 48-year-old male.", 48),
    ("This is a 52 years old male patient.", 52),
    ("A now 48-year-old female filed it.", 48),
    ("The patient is a 62 y/o gentleman.", 62),
    ("A 51yo lady with knee pain.", 51),
    ("A 51 y.o. woman with knee pain.", 51),
    ("The claimant, a 48 yr. old man, fell.", 48),
    ("The applicant is 39 years of age.", 39),
    ("The patient has an age of 45 and works as a cook.", 45),
    ("Age: 33. Sex: female.", 33),
    ("The employee, aged 57, lifted a crate.", 57),
    ("The worker is a forty-eight-year-old roofer.", 48),
    ("The worker is a sixty year old roofer.", 60),
    ("His 12-year-old son drove the 44 year old man home.", 44),
    ("The teacher was hit by a 17 year old student. The teacher is a 36-year-old woman.", 36),
    ("She was restraining a 15-year-old boy.", None),
    ("The patient has a 20-year-old injury.", None),
    ("The patient has worked for this employer for 20 years.", None),
    ("The patient had a fusion at the age of 30.", None),
    ("He has used it for 10 years; old records were not sent.", None),
    ("The injured worker is a 12 year old male.", None),
    ("Strength 5/5, 48 years ago.", None),
    ("The injured worker has had back pain since 2001.", None),
    ("", None),
]

SEXES = [
    ("The injured worker is a 48 year old male, who fell.", "male"),
    ("This is a 48-year-old right hand dominant female.", "female"),
    ("The patient is a 62 y/o gentleman.", "male"),
    ("A 51yo F with knee pain.", "female"),
    ("A 51yo lady with knee pain.", "female"),
    ("The injured worker is a female who fell.", "female"),
    ("The patient is a pleasant, obese man with knee pain.", "male"),
    ("Ms. (redacted) fell from a ladder.", "female"),
    ("The worker is a 51 year old. Pain has grown. He rates his pain at 6.", "male"),
    ("The worker is a 51 year old. She cannot sit.", "female"),
    ("The worker fell. She said so. The physician noted that he would refer.", "female"),
    ("The worker is a 33 year old nurse helped by her male co-worker.", None),
    ("The 45 year old worker was assisting a male student.", None),
    ("The worker is a 45 year old male. The worker is a 45 year old female.", None),
    ("The worker fell. He was seen. She was seen again.", None),
    ("The reviewer was chosen for his/her experience. He/she is in practice.", None),
    ("The worker fell. The doctor wrote that he would call.", None),
    ("The worker is treated for male erectile disorder.", None),
    ("The worker fell.", None),
]


@pytest.mark.parametrize(("summary", "age"), AGES)
def test_reads_the_age(summary: str, age: int | None) -> None:
    assert read_patient(summary).age == age


@pytest.mark.parametrize(("summary", "sex"), SEXES)
def test_reads_the_sex(summary: str, sex: str | None) -> None:
    assert read_patient(summary).sex == sex
