"""The rules extractor: a letter's review from what is printed, without a model.

The story: sections -> front matter -> what the summary says -> one determination after the other, each value with
its place in the letter -> warnings where the letter contradicts itself. A hybrid run starts from this same review.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Iterator

from imr_llm import __version__
from imr_llm.letters.cleaning import Cleaned, clean, clean_text
from imr_llm.letters.guidelines import read_guideline
from imr_llm.letters.header import FrontMatter, read_front_matter
from imr_llm.letters.letter import Letter
from imr_llm.letters.request import read_request
from imr_llm.letters.sections import DeterminationSection, Section, Sections, read_sections
from imr_llm.record import (
    Contradiction,
    Decision,
    Determination,
    Evidence,
    Guideline,
    LetterInfo,
    Rationale,
    Reason,
    Request,
    Review,
    Run,
    Span,
    Summary,
    Treatment,
    UrActionEntry,
    Warning_,
    schema_sha256,
)
from imr_llm.rules.contradictions import find_contradictions
from imr_llm.rules.patient import read_patient
from imr_llm.rules.reasons import find_reasons
from imr_llm.rules.summary_facts import SummaryFacts, find_dates_of_injury, find_ur_dates, match_ur_action, read_summary
from imr_llm.rules.treatment import read_treatment
from imr_llm.rules.uds import read_uds
from imr_llm.terms.taxonomy import TAXONOMY_VERSION

_NOWHERE = Section(0, 0)


def extract_by_rules(letter: Letter) -> Review:
    """The review of one letter. Never fails on a readable letter: an unknown layout gives no determinations and says so."""
    started = time.perf_counter()
    text = letter.text
    sections = read_sections(text)
    front = read_front_matter(sections.header.cut(text), (sections.reviewer or _NOWHERE).cut(text))
    summary = clean(text, *_bounds(sections.summary))
    facts = read_summary(summary.text)
    titles = [clean_text(section.title.cut(text)) for section in sections.determinations]
    determinations = [
        _read_determination(text, number, section, summary, facts, titles)
        for number, section in enumerate(sections.determinations, start=1)
    ]
    warnings = [*front.warnings, *_check_letter(sections, front, summary, facts, determinations)]
    return Review(
        letter=LetterInfo(
            letter_id=letter.letter_id,
            source=letter.source,
            file=letter.file,
            media_type=letter.media_type,
            pages=letter.pages,
            characters=len(text),
            layout=sections.layout,
        ),
        case=front.case,
        reviewer=front.reviewer,
        patient=read_patient(summary.text),
        summary=_make_summary(sections.summary, summary, facts),
        determinations=determinations,
        run=Run(
            extractor="rules",
            schema_sha256=schema_sha256(),
            taxonomy_version=TAXONOMY_VERSION,
            program_version=__version__,
            seconds=round(time.perf_counter() - started, 4),
            warnings=warnings,
        ),
    )


def _bounds(section: Section | None) -> tuple[int, int]:
    return (section.start, section.end) if section else (0, 0)


def _make_summary(section: Section | None, summary: Cleaned, facts: SummaryFacts) -> Summary:
    return Summary(
        start=section.start if section else None,
        end=section.end if section else None,
        diagnoses=[found.text for found in facts.diagnoses],
        medications=[found.text for found in facts.medications],
        prior_treatments=[found.text for found in facts.prior_treatments],
        ur_actions=[UrActionEntry(date=found.date, action=found.action, item=found.item) for found in facts.ur_actions],
        uds_status=read_uds(summary.text).status,
    )


def _read_determination(
    text: str,
    number: int,
    section: DeterminationSection,
    summary: Cleaned,
    facts: SummaryFacts,
    titles: list[str],
) -> Determination:
    title = titles[number - 1]
    others = [other for place, other in enumerate(titles, start=1) if place != number]
    request = read_request(title)
    rationale = clean(text, *_bounds(section.rationale))
    treatment = read_treatment(
        request.disputed, title=title, summary=summary.text, rationale=rationale.text, other_items=others
    )
    reasons = _read_reasons(text, rationale, section.decision, title, treatment)
    contradictions = _read_contradictions(text, summary, rationale, reasons)
    return Determination(
        number=number,
        title=title,
        request=request,
        treatment=treatment,
        decision=section.decision,
        ur_action="modified" if request.authorized else match_ur_action(request.disputed, facts),
        claims_administrator_guideline=_read_line(text, section.claims_administrator),
        maximus_guideline=_read_line(text, section.maximus),
        rationale=_cut_rationale(text, section.rationale),
        reasons=reasons,
        uds_status=read_uds(rationale.text, disputed_item=title).status,
        contradictions=contradictions,
        needs_review=list(_doubts(section, rationale.text, treatment, reasons, contradictions)),
    )


def _read_line(text: str, section: Section | None) -> Guideline | None:
    return read_guideline(section.cut(text)) if section else None


def _cut_rationale(text: str, section: Section | None) -> Rationale | None:
    return Rationale(start=section.start, end=section.end, text=section.cut(text)) if section else None


def _read_reasons(text: str, rationale: Cleaned, decision: Decision, title: str, treatment: Treatment) -> list[Reason]:
    findings = find_reasons(
        rationale.text,
        decision=decision,
        title=title,
        category=treatment.category,
        subcategory=treatment.subcategory,
    )
    return [
        Reason(
            code=finding.code,
            polarity=finding.polarity,
            primary=finding.primary,
            evidence=Evidence(**_cut(text, rationale, finding.start, finding.end).model_dump()),
            found_by="rules",
        )
        for finding in findings
    ]


def _read_contradictions(text: str, summary: Cleaned, rationale: Cleaned, reasons: list[Reason]) -> list[Contradiction]:
    return [
        Contradiction(
            topic=found.topic,
            summary_evidence=_cut(text, summary, found.summary_start, found.summary_end),
            rationale_evidence=_cut(text, rationale, found.rationale_start, found.rationale_end),
        )
        for found in find_contradictions(summary.text, rationale.text, reason_codes={reason.code for reason in reasons})
    ]


def _cut(text: str, cleaned: Cleaned, start: int, end: int) -> Span:
    """The verbatim piece of the kept text behind a span of cleaned text."""
    first, last = cleaned.source_span(start, end)
    return Span(quote=text[first:last], start=first, end=last)


# --------------------------------------------------------------------------------------------- doubts and warnings

# "... the request is not medically necessary." as the rationale's own verdict
_VERDICT = re.compile(
    r"\b(?:is|are|was|were)\s+(?:therefore,?\s+|thus\s+|also\s+|hereby\s+|(?:deemed|considered|determined|found)\s+(?:to be\s+)?)*"
    r"(?P<negated>not\s+|un)?(?:to be\s+)?medically\s+(?P<bad>un)?(?:necessary|appropriate|reasonable)",
    re.IGNORECASE,
)
_STRENGTH = re.compile(r"\d+(?:\.\d+)?(?:\s?/\s?\d+(?:\.\d+)?)*\s?(?:mg|mcg|%)", re.IGNORECASE)


def _doubts(
    section: DeterminationSection,
    rationale: str,
    treatment: Treatment,
    reasons: list[Reason],
    contradictions: list[Contradiction],
) -> Iterator[str]:
    """Why a person should look at this determination, as stable snake-case words."""
    if section.decision == "other":
        yield "decision_unclear"
    if section.rationale is None or not rationale:
        yield "rationale_missing"
    elif not reasons:
        yield "no_reason_found"
    if treatment.category is None:
        yield "treatment_not_recognised"
    if _verdict_differs(rationale, section.decision):
        yield "rationale_differs_from_decision"
    if contradictions:
        yield "summary_contradicts_rationale"


def _verdict_differs(rationale: str, decision: Decision) -> bool:
    """Does every verdict sentence of the rationale say the opposite of the printed decision? The print wins."""
    verdicts = {bool(match["negated"] or match["bad"]) for match in _VERDICT.finditer(rationale)}
    return (decision == "upheld" and verdicts == {False}) or (decision == "overturned" and verdicts == {True})


def _check_letter(
    sections: Sections, front: FrontMatter, summary: Cleaned, facts: SummaryFacts, determinations: list[Determination]
) -> Iterator[Warning_]:
    """What the reader of the whole review should know; a letter's contradictions with itself among it."""
    if sections.layout == "unknown":
        yield Warning_(
            code="layout_unknown", message="no known layout; kept without determinations", where="letter.layout"
        )
    elif not determinations:
        yield Warning_(code="no_determination", message="no decision line was found", where="determinations")
    if sections.layout != "unknown" and sections.summary is None:
        yield Warning_(code="summary_missing", message="no clinical case summary was found", where="summary")
    told = {found.date for found in find_dates_of_injury(summary.text) if found.date is not None}
    yield from _compare_dates("date_of_injury", front.case.date_of_injury, told)
    yield from _compare_dates("ur_denial_date", front.case.ur_denial_date, set(find_ur_dates(facts)))
    for item in determinations:
        yield from _check_request(item.number, item.request)


def _compare_dates(field: str, printed: datetime.date | None, told: set[datetime.date]) -> Iterator[Warning_]:
    """Header and summary may give different dates for the same event: both are told."""
    if printed and told and printed not in told:
        dates = ", ".join(sorted(date.isoformat() for date in told))
        yield Warning_(
            code=f"{field}_differs",
            message=f"header {printed.isoformat()}, summary {dates}",
            where=f"case.{field}",
        )


def _check_request(number: int, request: Request) -> Iterator[Warning_]:
    """A title may write 320.5 once and 30.5 then for the same strength: both stay, with a warning."""
    if request.original is None:
        return
    before = {strength.replace(" ", "").lower() for strength in _STRENGTH.findall(request.original)}
    after = {strength.replace(" ", "").lower() for strength in _STRENGTH.findall(request.disputed)}
    if before and after and not after <= before:
        yield Warning_(
            code="strength_differs",
            message=f"original request {', '.join(sorted(before))}; in dispute {', '.join(sorted(after))}",
            where=f"determinations[{number}].request",
        )
