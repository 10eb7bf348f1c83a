"""What a model is asked to answer: the response models, flat and bounded.

Every list has a greatest length and every text too: without one, a small model never closes it. Codes are held to
the taxonomy by an enum in the schema, which servers that constrain the answer enforce. Texts that must be located in
the letter are called `quote`, or say so.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from imr_llm.record import BodyRegion, Decision, Laterality, UdsStatus, Unit, UrAction
from imr_llm.terms.taxonomy import load_taxonomy

QUOTE_LENGTH = 500
Quote = Annotated[str, Field(max_length=QUOTE_LENGTH)]
ShortQuote = Annotated[str, Field(max_length=160)]


def _add_codes(schema: dict[str, Any]) -> None:
    schema["enum"] = list(load_taxonomy().codes)


def _require_all(schema: dict[str, Any]) -> None:
    schema["required"] = list(schema.get("properties", ()))


class _Answer(BaseModel):
    # The schema requires every field, since a small model leaves out whatever it may; validation does not, and an
    # added key is dropped: neither is worth asking again.
    model_config = ConfigDict(frozen=True, extra="ignore", json_schema_extra=_require_all)


class YesNo(_Answer):
    """One question about one rationale. `quote`: the words of the text that say so; empty where the answer is no."""

    answer: Literal["yes", "no"]
    quote: Quote = ""


class ReasonAnswer(_Answer):
    """One ground of the decision, with the words of the rationale that state it."""

    code: Annotated[str, Field(json_schema_extra=_add_codes)]
    quote: Quote
    primary: bool = False


class TreatmentAnswer(_Answer):
    """The disputed item in controlled terms; null where the letter does not say."""

    category: str | None = None
    subcategory: str | None = None
    drug: str | None = None
    strength: str | None = None
    quantity: float | None = None
    unit: Unit | None = None
    refills: int | None = None
    body_regions: Annotated[list[BodyRegion], Field(max_length=4)] = []
    laterality: Laterality = "na"


class UdsAnswer(_Answer):
    """What the rationale says of the patient's urine drug screen."""

    status: UdsStatus = "not_mentioned"
    quote: Quote = ""


class ContradictionAnswer(_Answer):
    """The summary states what the rationale says is missing; one quote from each."""

    topic: str
    summary_quote: Quote
    rationale_quote: Quote


class UrActionAnswer(_Answer):
    """One action of utilization review; `date` as printed, `quote` from the summary."""

    action: UrAction
    item: ShortQuote | None = None
    date: Annotated[str, Field(max_length=40)] | None = None
    quote: Quote


class SummaryAnswer(_Answer):
    """Facts of the clinical case summary, each in the summary's own words."""

    diagnoses: Annotated[list[ShortQuote], Field(max_length=15)] = []
    medications: Annotated[list[ShortQuote], Field(max_length=20)] = []
    prior_treatments: Annotated[list[ShortQuote], Field(max_length=15)] = []
    ur_actions: Annotated[list[UrActionAnswer], Field(max_length=10)] = []


class ItemAnswer(_Answer):
    """Judgement on one disputed item; `number` as it was given."""

    number: int
    reasons: Annotated[list[ReasonAnswer], Field(max_length=8)] = []
    treatment: TreatmentAnswer = TreatmentAnswer()
    uds: UdsAnswer = UdsAnswer()
    contradictions: Annotated[list[ContradictionAnswer], Field(max_length=3)] = []


class ItemsAnswer(_Answer):
    """Judgement on the disputed items that were asked about."""

    items: Annotated[list[ItemAnswer], Field(max_length=30)]


class LetterJudgement(ItemsAnswer):
    """Judgement on the items, and the facts of the summary."""

    summary: SummaryAnswer = SummaryAnswer()


class CaseAnswer(_Answer):
    """The header as printed; null where it is not printed."""

    case_number: Annotated[str, Field(max_length=40)] | None = None
    date_assigned: Annotated[str, Field(max_length=40)] | None = None
    date_of_injury: Annotated[str, Field(max_length=40)] | None = None
    decision_date: Annotated[str, Field(max_length=40)] | None = None
    ur_denial_date: Annotated[str, Field(max_length=40)] | None = None
    application_received: Annotated[str, Field(max_length=40)] | None = None
    priority: Annotated[str, Field(max_length=40)] | None = None


class ReviewerAnswer(_Answer):
    """The reviewer's credentials as printed; never a name."""

    licensed_states: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=8)] = []
    specialties: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=6)] = []


class PatientAnswer(_Answer):
    """Age in years and sex; `quote`: the words of the summary that say so."""

    age: int | None = None
    sex: Literal["male", "female"] | None = None
    quote: ShortQuote = ""


class LetterSummaryAnswer(SummaryAnswer):
    """The clinical case summary: its first and its last words, and its facts."""

    begin: ShortQuote = ""
    end: ShortQuote = ""


class DeterminationAnswer(_Answer):
    """One disputed item of a whole letter, every text in the letter's own words."""

    title: Quote
    decision: Decision
    decision_quote: ShortQuote
    claims_administrator_guideline: Quote | None = None
    maximus_guideline: Quote | None = None
    rationale_begin: ShortQuote
    rationale_end: ShortQuote
    reasons: Annotated[list[ReasonAnswer], Field(max_length=8)] = []
    treatment: TreatmentAnswer = TreatmentAnswer()
    uds: UdsAnswer = UdsAnswer()


class LetterAnswer(_Answer):
    """A whole letter."""

    case: CaseAnswer = CaseAnswer()
    reviewer: ReviewerAnswer = ReviewerAnswer()
    patient: PatientAnswer = PatientAnswer()
    summary: LetterSummaryAnswer = LetterSummaryAnswer()
    determinations: Annotated[list[DeterminationAnswer], Field(max_length=25)]


class Requote(_Answer):
    """Another try at quote `number`; empty where the text does not say it."""

    number: int
    quote: Quote = ""


class Requotes(_Answer):
    """Another try at the quotes that were not found."""

    quotes: Annotated[list[Requote], Field(max_length=20)]
