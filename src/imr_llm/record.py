"""The review: the structured record of one letter. This module is the public contract.

A review is one JSON object. Offsets count characters of the letter's kept text (`imr-llm show LETTER --text`),
and `text[start:end] == quote` wherever a match is "exact". A value the letter does not support is null.
Changing a field here is a new SCHEMA_VERSION.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal["1"] = "1"

Layout = Literal[
    "standard", "standard_prose_reviewer", "notice_2013", "documents_reviewed_2013", "professional_review", "unknown"
]
Decision = Literal["upheld", "overturned", "partially_overturned", "other"]
UrAction = Literal["denied", "modified", "delayed", "unknown"]
UdsStatus = Literal[
    "consistent", "inconsistent", "illicit_positive", "done_result_unknown", "stated_absent", "not_mentioned"
]
Polarity = Literal["denial", "overturn"]
Match = Literal["exact", "fuzzy"]
FoundBy = Literal["rules", "llm"]
Laterality = Literal["left", "right", "bilateral", "na"]
BodyRegion = Literal[
    "cervical", "thoracic", "lumbar", "sacroiliac", "shoulder", "elbow", "wrist_hand", "hip", "knee", "ankle_foot",
    "upper_extremity", "lower_extremity", "head", "face_jaw", "chest", "abdomen_pelvis", "psyche", "systemic",
    "unspecified",
]  # fmt: skip
Unit = Literal[
    "tablets", "capsules", "grams", "ml", "patches", "visits", "sessions", "injections", "days", "weeks", "months",
    "units",
]  # fmt: skip
Extractor = Literal["rules", "hybrid", "llm"]
GuidelineSource = Literal["MTUS", "ODG", "ACOEM", "other"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LetterInfo(_Record):
    """Which letter this is. `letter_id` is the SHA-256 of the bytes as read, in hex; `characters` of kept text."""

    letter_id: str
    source: str
    file: str
    media_type: str
    pages: int
    characters: int
    layout: Layout


class Case(_Record):
    """The letter's header. A date that is printed but impossible is null, with a warning."""

    case_number: str | None = None
    date_assigned: datetime.date | None = None
    date_of_injury: datetime.date | None = None
    decision_date: datetime.date | None = None
    ur_denial_date: datetime.date | None = None
    application_received: datetime.date | None = None
    priority: str | None = None


class Reviewer(_Record):
    """What the letter says of the reviewer; never a name."""

    licensed_states: list[str] = []
    specialties: list[str] = []


class Patient(_Record):
    """Age in years and sex, as the case summary states them."""

    age: int | None = None
    sex: Literal["male", "female"] | None = None


class Span(_Record):
    """A verbatim piece of the kept text: `text[start:end] == quote`."""

    quote: str
    start: int
    end: int


class Evidence(Span):
    """A located quote. A fuzzy match keeps the letter's own words at its offsets, not the words that were asked for."""

    match: Match = "exact"


class UrActionEntry(_Record):
    """One action of utilization review as the summary tells it."""

    date: datetime.date | None = None
    action: UrAction = "unknown"
    item: str | None = None


class Summary(_Record):
    """The clinical case summary: where it stands, and what it says."""

    start: int | None = None
    end: int | None = None
    diagnoses: list[str] = []
    medications: list[str] = []
    prior_treatments: list[str] = []
    ur_actions: list[UrActionEntry] = []
    uds_status: UdsStatus = "not_mentioned"


class Request(_Record):
    """What was asked for. `original` and `authorized` are set only where part was authorized before the review."""

    original: str | None = None
    authorized: str | None = None
    disputed: str


class Treatment(_Record):
    """The disputed item in the terms of data/treatments.yaml and data/drugs.yaml.

    `drug` is the generic name in lower case, ingredients joined by "/"; `quantity` counts `unit`s in dispute.
    """

    category: str | None = None
    subcategory: str | None = None
    drug: str | None = None
    brand: str | None = None
    strength: str | None = None
    quantity: float | None = None
    unit: Unit | None = None
    refills: int | None = None
    body_regions: list[BodyRegion] = []
    laterality: Laterality = "na"
    retrospective: bool = False


class Citation(_Record):
    """One guideline citation as printed; a page range is [first, last]."""

    source: GuidelineSource
    chapter: str | None = None
    year: int | None = None
    sections: list[str] = []
    pages: list[tuple[int, int]] = []
    url: str | None = None


class Guideline(_Record):
    """A guideline line: `cites_evidence` is false where it says that no medical evidence was cited."""

    text: str
    cites_evidence: bool
    citations: list[Citation] = []


class Rationale(_Record):
    """The decision rationale, whole: `text` is the kept text from start to end."""

    start: int
    end: int
    text: str


class Reason(_Record):
    """A finding about this patient in this item's own rationale. Codes: data/reasons.yaml."""

    code: str
    polarity: Polarity
    primary: bool = False
    evidence: Evidence
    found_by: FoundBy = "rules"


class Contradiction(_Record):
    """The summary states what the rationale says is missing. Topics: data/contradictions.yaml."""

    topic: str
    summary_evidence: Span
    rationale_evidence: Span


class Determination(_Record):
    """The decision on one disputed item. `upheld`: the denial stands."""

    number: int = Field(ge=1)
    title: str
    request: Request
    treatment: Treatment = Treatment()
    decision: Decision
    ur_action: UrAction = "unknown"
    claims_administrator_guideline: Guideline | None = None
    maximus_guideline: Guideline | None = None
    rationale: Rationale | None = None
    reasons: list[Reason] = []
    uds_status: UdsStatus = "not_mentioned"
    contradictions: list[Contradiction] = []
    needs_review: list[str] = []


class Usage(_Record):
    """Tokens of every attempt, failed ones too; `cost_usd` is null where the model's price is not known."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class Warning_(_Record):
    """Something the reader of a review should know. `where` is a field path such as "determinations[2].reasons"."""

    code: str
    message: str
    where: str | None = None


class Run(_Record):
    """How the review was made."""

    extractor: Extractor
    model: str | None = None
    prompt: str | None = None
    prompt_sha256: str | None = None
    schema_sha256: str
    taxonomy_version: str
    program_version: str
    usage: Usage = Usage()
    attempts: int = 0
    seconds: float = 0.0
    warnings: list[Warning_] = []


class Review(_Record):
    """The structured record of one letter."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    letter: LetterInfo
    case: Case = Case()
    reviewer: Reviewer = Reviewer()
    patient: Patient = Patient()
    summary: Summary = Summary()
    determinations: list[Determination] = []
    run: Run


@cache
def schema_sha256() -> str:
    """The hash that changes whenever the record's JSON schema does."""
    schema = json.dumps(Review.model_json_schema(), sort_keys=True)
    return hashlib.sha256(schema.encode()).hexdigest()
