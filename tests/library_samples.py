"""Letters and reviews for the tests of library, index and search: our own text, and reviews built by hand."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imr_llm.embeddings import Vectors, normalise
from imr_llm.letters.letter import Letter
from imr_llm.library.store import Library
from imr_llm.record import (
    Case,
    Citation,
    Contradiction,
    Determination,
    Evidence,
    Guideline,
    LetterInfo,
    Patient,
    Rationale,
    Reason,
    Request,
    Review,
    Reviewer,
    Run,
    Span,
    Summary,
    Treatment,
)


@dataclass(frozen=True)
class Item:
    """One disputed item. `reasons`: (code, quote); the first is the main one."""

    title: str
    rationale: str
    reasons: tuple[tuple[str, str], ...] = ()
    decision: str = "upheld"
    treatment: dict[str, Any] = field(default_factory=dict)
    uds: str = "not_mentioned"
    ur_action: str = "unknown"
    contradictions: tuple[tuple[str, str, str], ...] = ()
    ours: tuple[Citation, ...] = ()
    theirs: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One letter in short form."""

    name: str
    summary: str
    items: tuple[Item, ...]
    case: dict[str, Any] = field(default_factory=dict)
    states: tuple[str, ...] = ("California",)
    specialties: tuple[str, ...] = ()
    uds: str = "not_mentioned"
    patient: dict[str, Any] = field(default_factory=dict)
    medications: tuple[str, ...] = ()


NORCO: dict[str, Any] = {
    "category": "pharmaceuticals",
    "subcategory": "opioids",
    "drug": "hydrocodone/acetaminophen",
    "brand": "Norco",
    "strength": "10/325mg",
    "quantity": 120.0,
    "unit": "tablets",
}
TPI: dict[str, Any] = {"category": "injections", "subcategory": "trigger_point"}
MTUS = "Chronic Pain Medical Treatment"

SAMPLES = (
    Sample(
        name="missing.txt",
        summary="Neck pain after a fall on 2/3/2011. Norco is taken daily. The last urine test was consistent.",
        case={"case_number": "CM16-0000001", "decision_date": datetime.date(2016, 5, 2)},
        specialties=("Physical Medicine & Rehabilitation",),
        uds="consistent",
        items=(
            Item(
                title="Norco 10/325mg #120",
                rationale="Page 78 of the guideline asks for review. No urine toxicology result is in the chart sent to"
                " us. Work status has not changed on the drug.",
                reasons=(
                    ("missing_urine_drug_screen", "No urine toxicology result is in the chart sent to us."),
                    ("no_functional_improvement", "Work status has not changed on the drug."),
                ),
                treatment=NORCO,
                uds="stated_absent",
                ur_action="modified",
                contradictions=(("uds", "The last urine test was consistent.", "No urine toxicology result"),),
                ours=(Citation(source="MTUS", chapter=MTUS, year=2009, sections=["Opioids for chronic pain"]),),
                theirs=(Citation(source="MTUS", chapter=MTUS, year=2009, sections=["Weaning of Medications"]),),
            ),
            Item(
                title="Flexeril 10mg #60 with 3 refills",
                rationale="Two years of daily use is past any short course.",
                reasons=(("short_term_use_only", "Two years of daily use is past any short course."),),
                treatment={
                    "category": "pharmaceuticals",
                    "subcategory": "muscle_relaxants",
                    "drug": "cyclobenzaprine",
                    "brand": "Flexeril",
                    "strength": "10mg",
                    "quantity": 60.0,
                    "unit": "tablets",
                    "refills": 3,
                },
                ur_action="denied",
            ),
        ),
    ),
    Sample(
        name="consistent.txt",
        summary="A 62 year old man with back pain. Utilization review cut the request down.",
        case={"case_number": "CM16-0000002", "decision_date": datetime.date(2016, 11, 20)},
        states=("New Jersey", "New York"),
        specialties=("Family Practice",),
        patient={"age": 62, "sex": "male"},
        medications=("Soma", "ibuprofen"),
        items=(
            Item(
                title="Norco 10/325mg #120",
                rationale="Drug screens were consistent. No taper has been planned for this man.",
                reasons=(("no_weaning_plan", "No taper has been planned for this man."),),
                treatment=NORCO,
                uds="consistent",
            ),
        ),
    ),
    Sample(
        name="illicit.txt",
        summary="Leg pain since 2001. One of the screens found amphetamine.",
        case={"case_number": "CM17-0000003", "decision_date": datetime.date(2017, 1, 9)},
        states=("Texas", "California"),
        specialties=("Internal Medicine",),
        uds="illicit_positive",
        items=(
            Item(
                title="120 Norco 10/325mg",
                rationale="The December screen found amphetamine, which the notes pass over.",
                reasons=(("aberrant_drug_behavior", "The December screen found amphetamine"),),
                treatment=NORCO,
                uds="illicit_positive",
            ),
        ),
    ),
    Sample(
        name="approved.txt",
        summary="Shoulder surgery was done in May. Pain fell from 8 to 3 on the drug.",
        case={"case_number": "CM17-0000004", "decision_date": datetime.date(2017, 2, 1)},
        specialties=("Orthopedic Surgery",),
        patient={"age": 44, "sex": "female"},
        items=(
            Item(
                title="Physical therapy, 12 visits for the left shoulder",
                rationale="Twelve visits after an operation are within the limit for this shoulder.",
                reasons=(("limited_request_reasonable", "Twelve visits after an operation are within the limit"),),
                decision="overturned",
                treatment={
                    "category": "rehabilitation",
                    "subcategory": "physical_therapy",
                    "quantity": 12.0,
                    "unit": "visits",
                    "body_regions": ["shoulder"],
                    "laterality": "left",
                },
            ),
            Item(
                title="Trigger point injections",
                rationale="Palpation found no twitch in any muscle of this patient.",
                reasons=(("no_trigger_point_findings", "Palpation found no twitch in any muscle of this patient."),),
                treatment={**TPI, "body_regions": ["cervical", "lumbar"]},
            ),
            Item(
                title="Urine drug screen",
                rationale="One was done last month.",
                treatment={"category": "diagnostic_testing", "subcategory": "urine_drug_screen"},
                reasons=(("repeat_too_soon_or_duplicate", "One was done last month."),),
            ),
        ),
    ),
)

RUN = Run(extractor="rules", schema_sha256="0" * 64, taxonomy_version="3", program_version="0.1.0")


def make_letter(sample: Sample) -> Letter:
    """The letter's text: the summary, then every item."""
    parts = [f"SUMMARY\n{sample.summary}\n"]
    parts += [f"\n{item.title}: {item.decision}\nDecision rationale: {item.rationale}\n" for item in sample.items]
    text = "".join(parts)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Letter(digest, f"letters/{sample.name}", sample.name, "text/plain", 1, text)


def make_review(sample: Sample, run: Run = RUN) -> Review:
    """The review of `make_letter(sample)`, every quote at its place."""
    letter = make_letter(sample)
    at = letter.text.index(sample.summary)
    return Review(
        letter=LetterInfo(
            letter_id=letter.letter_id,
            source=letter.source,
            file=letter.file,
            media_type=letter.media_type,
            pages=1,
            characters=len(letter.text),
            layout="standard",
        ),
        case=Case(**sample.case),
        reviewer=Reviewer(licensed_states=list(sample.states), specialties=list(sample.specialties)),
        patient=Patient(**sample.patient),
        summary=Summary(
            start=at,
            end=at + len(sample.summary),
            uds_status=sample.uds,  # type: ignore[arg-type]
            medications=list(sample.medications),
        ),
        determinations=[_make_determination(letter.text, n, item) for n, item in enumerate(sample.items, start=1)],
        run=run,
    )


def _make_determination(text: str, number: int, item: Item) -> Determination:
    start = text.index(item.rationale)
    return Determination(
        number=number,
        title=item.title,
        request=Request(disputed=item.title),
        treatment=Treatment(**item.treatment),
        decision=item.decision,  # type: ignore[arg-type]
        ur_action=item.ur_action,  # type: ignore[arg-type]
        claims_administrator_guideline=_make_guideline(item.theirs),
        maximus_guideline=_make_guideline(item.ours),
        rationale=Rationale(start=start, end=start + len(item.rationale), text=item.rationale),
        reasons=[
            Reason(
                code=code,
                polarity="overturn" if item.decision == "overturned" else "denial",
                primary=at == 0,
                evidence=Evidence(**_span(text, quote, start).model_dump()),
            )
            for at, (code, quote) in enumerate(item.reasons)
        ],
        uds_status=item.uds,  # type: ignore[arg-type]
        contradictions=[
            Contradiction(topic=topic, summary_evidence=_span(text, said), rationale_evidence=_span(text, denied))
            for topic, said, denied in item.contradictions
        ],
    )


def _make_guideline(citations: tuple[Citation, ...]) -> Guideline | None:
    return Guideline(text="as printed", cites_evidence=True, citations=list(citations)) if citations else None


def _span(text: str, quote: str, start: int = 0) -> Span:
    at = text.index(quote, start)
    return Span(quote=quote, start=at, end=at + len(quote))


def fill_library(path: Path, samples: tuple[Sample, ...] = SAMPLES) -> Library:
    """A library with the samples in it."""
    library = Library.open(path)
    for sample in samples:
        library.put_review(make_letter(sample), make_review(sample))
    return library


class WordEmbedder:
    """An embedder for tests: a text is the bag of its words, hashed; no model, and the same every time."""

    def __init__(self, name: str = "words-1") -> None:
        self.name = name
        self.texts = 0

    def embed(self, texts: Any) -> Vectors:
        rows = np.zeros((len(texts), 64), dtype=np.float32)
        for at, text in enumerate(texts):
            for word in text.lower().split():
                rows[at, int(hashlib.sha256(word.strip(".,").encode()).hexdigest(), 16) % 64] += 1
        self.texts += len(texts)
        return normalise(rows)
