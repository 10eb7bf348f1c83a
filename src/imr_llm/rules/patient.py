"""The patient's age and sex, as the case summary states them.

"The injured worker is a 48 year old male", "a now 52-year-old woman", "62 y/o gentleman". Ages of other people
("her 12-year-old son"), of things ("a 20-year-old injury") and of the past ("surgery at the age of 30") are not the
patient's. Without a noun, consistent pronouns tell the sex; the boilerplate's "He/she" is no evidence.
"""

from __future__ import annotations

import re
from typing import Literal

from imr_llm.record import Patient

Sex = Literal["male", "female"]

YOUNGEST = 14
OLDEST = 99

_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80}
_ONES = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_NUMBER = rf"(?:\d{{2}}|(?:{'|'.join(_TENS)})(?:[-\s](?:{'|'.join(_ONES)}))?|eighteen|nineteen)"

# "48 year old", "48-year-old", "52 years old", "48 yr. old", "62 y/o", "51yo", "60 years of age".
_AGE = re.compile(
    rf"(?<![\d./-])\b(?P<age>{_NUMBER})[\s-]*"
    r"(?:(?:years?|yrs?\.?)[\s-]*(?:old|of[\s-]age)|year'?s[\s-]old|y\s?/\s?o|y\.\s?o\.?|yo)(?![a-z])",
    re.IGNORECASE,
)
# "with an age of 45", "aged 45", "Age: 45": only where no age of the first kind stands.
_PLAIN_AGE = re.compile(
    rf"(?<!at )(?<!the )(?<!from )(?<!since )(?:\bage\s?:|\bage(?:\sis|\swas)?\s(?:of\s)?|\baged\s)\s?(?P<age>{_NUMBER})"
    r"\b(?!\s?(?:%|percent|mg|/))",
    re.IGNORECASE,
)

_MALE = r"(?:male|man|gentleman|gentlemen)"
_FEMALE = r"(?:female|woman|women|lady)"
_OTHER_PEOPLE = (
    r"(?:sons?|daughters?|child(?:ren)?|boy|girl|student|pupil|toddler|infant|baby|mother|father|wife|husband|spouse"
    r"|brother|sister|nephew|niece|grand\w+|co-?worker|colleague|client|resident|inmate|prisoner|suspect|driver"
    r"|customer|neighbou?r|physician|provider|doctor)"
)
_THINGS = (
    r"(?:injur\w+|claim|case|accident|fracture|scar|tear|fusion|surgery|mri|x-?rays?|radiograph\w*|stud(?:y|ies)|report"
    r"|history|vehicle|car|truck|implant\w*|hardware|prosthe\w+|problem|complaint)"
)
_NOT_THE_PATIENT_AFTER = re.compile(
    rf"^[\s,]*(?:(?:left|right|\w+-?hand(?:ed)?|{_MALE}|{_FEMALE}|autistic|disabled|violent|\w+-dominant)[\s,]+){{0,3}}"
    rf"(?:{_OTHER_PEOPLE}|{_THINGS})\b",
    re.IGNORECASE,
)
# "with his 12 year old", "by a 19-year-old", "restraining a 15-year-old": somebody the patient has or met.
_NOT_THE_PATIENT_BEFORE = re.compile(
    r"\b(?:(?:his|her|their)|(?:by|with|assisting|restraining|lifting|helping|caring for|transferring|against)\s+an?)\s+$",
    re.IGNORECASE,
)
_PATIENT = r"(?:injured worker|worker|patient|applicant|claimant|employee|individual|beneficiary|iw)"

_SEX_NOUN_AFTER_AGE = re.compile(
    rf"^[\s,-]{{0,3}}(?:(?!who|with|by|that|of|and|helped)[\w/'-]+[\s,]+){{0,6}}?(?P<sex>{_MALE}|{_FEMALE}|m|f)\b(?!\s+(?:co-?worker|student|patient's))",
    re.IGNORECASE,
)
_SEX_NOUN = re.compile(
    rf"\b(?:(?:{_PATIENT})(?:\s*\(\w+\))?(?:,|\s+(?:is|was))|this is|case involves|evaluated)\s+(?:now\s+)?an?\s+"
    rf"(?:(?!who|with|by|that)[\w-]+[\s,]+){{0,5}}?(?P<sex>{_MALE}|{_FEMALE})\b(?!\s+co-?worker)",
    re.IGNORECASE,
)
_TITLE = re.compile(r"\b(?P<sex>Mr|Mrs|Ms)\b\.?")
_HE_OR_SHE = re.compile(
    r"\b(?:s?he\s?/\s?s?he|him\s?/\s?hers?|his\s?/\s?hers?|hers?\s?/\s?(?:his|him)"
    r"|s/he|he or she|she or he|his or her|her or his|him or her)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:(?P<male>he|him|his|himself)|(?P<female>she|her|hers|herself))\b", re.IGNORECASE)
# A pronoun in a sentence with somebody else in it may be theirs: "the doctor states that he will refer".
_SOMEBODY_ELSE = re.compile(
    rf"\b(?:physicians?|providers?|doctors?|dr|surgeons?|therapists?|chiropractors?|specialists?|psychologists?"
    rf"|practitioners?|supervisor|employer|{_OTHER_PEOPLE})\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?]+(?:[.!?](?!\s|$)[^.!?]*)*")


def read_patient(summary: str) -> Patient:
    """Age in years and sex from a cleaned summary; null where it does not say, or says both."""
    first = _find_age(summary)
    age = _number(first["age"]) if first else None
    if age is None:
        plain = _PLAIN_AGE.search(summary)
        age = _number(plain["age"]) if plain else None
    return Patient(age=age if age is not None and YOUNGEST <= age <= OLDEST else None, sex=_read_sex(summary))


def _find_age(summary: str) -> re.Match[str] | None:
    return next((match for match in _AGE.finditer(summary) if _is_the_patients(summary, match)), None)


def _is_the_patients(summary: str, match: re.Match[str]) -> bool:
    if _NOT_THE_PATIENT_AFTER.match(summary[match.end() : match.end() + 80]):
        return False
    return not _NOT_THE_PATIENT_BEFORE.search(summary[max(0, match.start() - 40) : match.start()])


def _read_sex(summary: str) -> Sex | None:
    named = {_sex_of(word) for word in _sex_words(summary)}
    if named:
        return named.pop() if len(named) == 1 else None
    return _sex_by_pronouns(summary)


def _sex_words(summary: str) -> list[str]:
    """The nouns and titles that call the patient male or female."""
    words = []
    for age in _AGE.finditer(summary):
        noun = _SEX_NOUN_AFTER_AGE.match(summary[age.end() : age.end() + 80])
        if noun and _is_the_patients(summary, age):
            words.append(noun["sex"])
    words += [match["sex"] for match in _SEX_NOUN.finditer(summary)]
    return words or [match["sex"] for match in _TITLE.finditer(summary)]


def _sex_of(word: str) -> Sex:
    return "male" if re.fullmatch(rf"{_MALE}|m|mr", word, re.IGNORECASE) else "female"


def _sex_by_pronouns(summary: str) -> Sex | None:
    found: set[Sex] = set()
    for sentence in _SENTENCE.finditer(_HE_OR_SHE.sub(" ", summary)):
        if _SOMEBODY_ELSE.search(sentence[0]):
            continue
        found |= {"male" if match["male"] else "female" for match in _PRONOUN.finditer(sentence[0])}
    return found.pop() if len(found) == 1 else None


def _number(word: str) -> int:
    if word.isdigit():
        return int(word)
    tens, _, ones = word.lower().replace("-", " ").partition(" ")
    return {"eighteen": 18, "nineteen": 19, **_TENS}[tens] + (_ONES[ones] if ones else 0)
