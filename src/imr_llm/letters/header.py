"""The letter's printed front matter: case header and reviewer lines.

    Case Number: CM16-0000000                 State(s) of Licensure: California, Texas
    Date Assigned: 11/09/2016 Date of Injury: 10/13/2016
    Priority: Standard Application            Certification(s)/Specialty: Family Practice
    Received:
    11/03/2016

The last label always wraps over two lines, and PDF readers set its value before or after it.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.dates import read_date
from imr_llm.record import Case, Reviewer, Warning_

_DATE = r"(?:[A-Z][a-z]{2,8}\.?\s+\d{1,2}\s*,\s*\d{4}|\d{1,2}\s*[/-]\s*\d{1,2}\s*[/-]\s*\d{2,4})"
_CASE_NUMBER = re.compile(r"Case\s+(?:Number|No\.?|#)\s*:?\s*(?P<value>[A-Z]{2}\s?\d{2}\s?-\s?\d{4,8})", re.IGNORECASE)
_PRIORITY = re.compile(r"Priority\s*:\s*(?P<value>Standard|Expedited|Regular|Urgent|[A-Z][a-z]+)", re.IGNORECASE)
_DATE_LABELS: dict[str, str] = {
    "date_assigned": r"Date\s+Assigned\s*:",
    "date_of_injury": r"Date\s+of\s+Injury\s*:",
    "decision_date": r"(?:Decision\s+Date|Date\s+of\s+(?:Final\s+)?(?:Decision|Determination))\s*:",
    "ur_denial_date": r"(?:UR\s+Denial\s+Date|UR\s+Decision\s+Date|Date\s+of\s+(?:the\s+)?(?:UR|Utilization\s+Review)\s+(?:Decision|Denial)|Utilization\s+Review\s+(?:Decision|Denial)\s+Date)\s*:",
    "application_received": r"(?:IMR\s+)?Application\s+(?:Date\s+)?Received\s*:|Received\s+Date\s*:",
}  # fmt: skip
# What else states a date where its own label does not: the date of the covering notice ("Dated: 9/1/2013"), and
# "Application 11/03/2016 Received:" or "Standard 11/03/2016 Application Received:", as some PDF readers give a cell.
_FALLBACKS: dict[str, re.Pattern[str]] = {
    "decision_date": re.compile(rf"\bDated\s*:\s*(?P<value>{_DATE})", re.IGNORECASE),
    "application_received": re.compile(
        rf"Application\s+(?P<value>{_DATE})\s+Received\s*:"
        rf"|Priority\s*:\s*[A-Za-z]{{3,12}}\s+(?P<before>{_DATE})\s+Application\s+Received\s*:",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True)
class FrontMatter:
    """Case header and reviewer lines, with a warning for each printed value that cannot be right."""

    case: Case
    reviewer: Reviewer
    warnings: tuple[Warning_, ...] = ()


def read_front_matter(header: str, reviewer: str) -> FrontMatter:
    """Read both from their sections' kept text; either may be empty. What is not printed is null."""
    text = _join_columns(clean_text(header))
    values: dict[str, datetime.date | None] = {}
    warnings: list[Warning_] = []
    for field, label in _DATE_LABELS.items():
        printed = re.search(rf"(?:{label})\s*(?P<value>{_DATE})", text, re.IGNORECASE)
        if printed is None and field in _FALLBACKS:
            printed = _FALLBACKS[field].search(text)
        value = next(filter(None, printed.groupdict().values())) if printed else ""
        values[field] = read_date(re.sub(r"\s*([/-])\s*", r"\1", value)) if printed else None
        if printed and values[field] is None:
            warnings.append(
                Warning_(code="impossible_date", message="no such date in the calendar", where=f"case.{field}")
            )
        elif printed is None and re.search(label, text, re.IGNORECASE):
            warnings.append(Warning_(code="value_missing", message="label without a value", where=f"case.{field}"))
    number = _CASE_NUMBER.search(text)
    priority = _PRIORITY.search(text)
    case = Case(
        case_number=re.sub(r"\s", "", number["value"]) if number else None,
        priority=priority["value"].capitalize() if priority else None,
        **values,
    )
    return FrontMatter(case, read_reviewer(reviewer), tuple(warnings))


_LABEL = "|".join([r"Case\s+Number\s*:", r"Priority\s*:", *_DATE_LABELS.values()])
_VALUE = rf"[A-Z]{{2}}\d{{2}}-\d{{4,8}}|{_DATE}|Standard|Expedited|Regular|Urgent"
_COLUMNS = re.compile(
    rf"(?P<labels>(?:(?:{_LABEL})\s*){{2,8}})(?P<values>(?:(?:{_VALUE})(?:\s+|$)){{2,8}})", re.IGNORECASE
)


def _join_columns(text: str) -> str:
    """A table read by columns, "Case Number: Priority: CM16-0000000 Standard", as label and value in turn."""

    def join(match: re.Match[str]) -> str:
        labels = re.findall(_LABEL, match["labels"], re.IGNORECASE)
        values = re.findall(_VALUE, match["values"], re.IGNORECASE)
        if len(labels) != len(values):
            return match.group()
        return " ".join(f"{label} {value}" for label, value in zip(labels, values, strict=True)) + " "

    return _COLUMNS.sub(join, text)


# -------------------------------------------------------------------------------------------------------- reviewer

_STATES_LINE = re.compile(
    r"State\(?s?\)?\s+of\s+Licensure\s*:\s*(?P<states>.*?)(?=\s*Certification\(?s?\)?\s*/\s*Specialt|\s*$)",
    re.IGNORECASE,
)
_SPECIALTY_LINE = re.compile(
    r"Certification\(?s?\)?\s*/\s*Specialt(?:y|ies)\s*:\s*(?P<specialties>.*?)(?=\s*State\(?s?\)?\s+of\s+Licensure|\s*$)",
    re.IGNORECASE,
)
# "is Board Certified in Internal Medicine, has a subspecialty in Pain Management and is licensed to practice in Texas"
_CERTIFIED = re.compile(
    r"(?:board[\s-]+certified\s+in|(?:sub)?special(?:ty|izes|ist)\s+in|fellowship[\s-]+trained\s+in)\s+"
    r"(?P<specialties>[^.;]{3,160}?)(?=\s*,?\s*(?:and\s+)?(?:(?:he/she|she|he)\s+)?(?:is|has|was|with|holds|who|a\s+subspecialty)\b|\s*[.;]|\s*$)",
    re.IGNORECASE,
)
_LICENSED = re.compile(r"licensed\s+to\s+practice\s+(?:medicine\s+)?in\s+(?P<states>[^.;]{2,200})", re.IGNORECASE)
_STATES: dict[str, str] = dict(
    entry.split("=") for entry in ["AL=Alabama", "AK=Alaska", "AZ=Arizona", "AR=Arkansas", "CA=California", "CO=Colorado", "CT=Connecticut", "DE=Delaware", "DC=District_of_Columbia", "FL=Florida", "GA=Georgia", "GU=Guam", "HI=Hawaii", "ID=Idaho", "IL=Illinois", "IN=Indiana", "IA=Iowa", "KS=Kansas", "KY=Kentucky", "LA=Louisiana", "ME=Maine", "MD=Maryland", "MA=Massachusetts", "MI=Michigan", "MN=Minnesota", "MS=Mississippi", "MO=Missouri", "MT=Montana", "NE=Nebraska", "NV=Nevada", "NH=New_Hampshire", "NJ=New_Jersey", "NM=New_Mexico", "NY=New_York", "NC=North_Carolina", "ND=North_Dakota", "OH=Ohio", "OK=Oklahoma", "OR=Oregon", "PA=Pennsylvania", "PR=Puerto_Rico", "RI=Rhode_Island", "SC=South_Carolina", "SD=South_Dakota", "TN=Tennessee", "TX=Texas", "UT=Utah", "VT=Vermont", "VA=Virginia", "VI=Virgin_Islands", "WA=Washington", "WV=West_Virginia", "WI=Wisconsin", "WY=Wyoming"]
)  # fmt: skip
STATES: tuple[str, ...] = tuple(name.replace("_", " ") for name in _STATES.values())
_STATE_NAME = re.compile(
    "|".join(rf"\b{re.escape(name)}\b" for name in sorted(STATES, key=len, reverse=True)), re.IGNORECASE
)
_BY_NAME = {name.lower(): name for name in STATES}


def read_reviewer(section: str) -> Reviewer:
    """Licence states and specialties, from the labelled lines or, in older letters, from the prose."""
    text = clean_text(section)
    states = _STATES_LINE.search(text)
    specialties = _SPECIALTY_LINE.search(text)
    if states or specialties:
        return Reviewer(
            licensed_states=_read_states(states["states"]) if states else [],
            specialties=_split_list(specialties["specialties"]) if specialties else [],
        )
    licensed = _LICENSED.search(text)
    return Reviewer(
        licensed_states=_find_states(licensed["states"]) if licensed else [],
        specialties=_unique(name for match in _CERTIFIED.finditer(text) for name in _split_prose(match["specialties"])),
    )


def _read_states(printed: str) -> list[str]:
    """State names in full; a postal abbreviation is spelled out, an unknown name kept as printed."""
    return _unique(
        _BY_NAME.get(name.lower(), _STATES.get(name.upper(), name).replace("_", " ")) for name in _split_list(printed)
    )


def _find_states(prose: str) -> list[str]:
    return _unique(_BY_NAME[match.group().lower()] for match in _STATE_NAME.finditer(prose))


def _split_list(printed: str) -> list[str]:
    return _unique(part.strip(" .") for part in re.split(r"\s*[,;]\s*(?:and\s+)?", printed))


# names that hold an "and" of their own
_ONE_NAME = re.compile(
    r"\b(Physical Medicine|Allergy|Colon|Obstetrics|Hospice|Neck) and (?=Rehabilitation|Immunology|Rectal|Gynecology|Palliative)",
    re.IGNORECASE,
)


def _split_prose(printed: str) -> list[str]:
    """ "Family Practice and Pain Medicine" holds two, "Physical Medicine and Rehabilitation" one."""
    protected = _ONE_NAME.sub("\\1\x00", printed)
    parts = re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", protected)
    return [part.replace("\x00", " and ").strip(" ,.") for part in parts if part.strip(" ,.")]


def _unique(values: object) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]  # type: ignore[call-overload]
