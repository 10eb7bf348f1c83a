"""The llm extractor: the model reads a whole letter, of any layout, into the full record; every value is located.

Print wins over the model. Where the layout is known, the sections are the printed ones: the model's items are matched
to them, an item it did not see is still in the record, and a decision that differs from the printed word goes to
needs_review. Where it is not, a section is what stands between the words that the model says it begins and ends with.

A value that the letter does not support is null, with a warning; nothing is taken on the model's word alone but
controlled terms (a treatment's category, a body region), which have no words of their own.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from imr_llm import __version__
from imr_llm.letters.cleaning import clean, clean_text
from imr_llm.letters.dates import read_date
from imr_llm.letters.guidelines import read_guideline
from imr_llm.letters.letter import Letter
from imr_llm.letters.request import read_request
from imr_llm.letters.sections import DeterminationSection, Section, Sections, read_decision
from imr_llm.llm.answers import DeterminationAnswer, ItemAnswer, LetterAnswer, PatientAnswer, TreatmentAnswer
from imr_llm.llm.client import ModelClient
from imr_llm.llm.evidence import Claim, Grounding, ask_grounded
from imr_llm.llm.grounding import locate_quote
from imr_llm.llm.judgement import claim_item, claim_summary, read_judgement
from imr_llm.llm.ledger import Ledger
from imr_llm.llm.merging import CONTRADICTS, Differences, mark_primary, merge_summary, merge_treatment
from imr_llm.llm.prompts import Prompt, fence, render_messages
from imr_llm.llm.statics import describe_statics
from imr_llm.record import (
    Case,
    Contradiction,
    Decision,
    Determination,
    Guideline,
    LetterInfo,
    Patient,
    Rationale,
    Request,
    Review,
    Reviewer,
    Run,
    Span,
    Summary,
    Treatment,
    UrAction,
    Warning_,
    schema_sha256,
)
from imr_llm.rules.contradictions import find_contradictions
from imr_llm.terms.taxonomy import TAXONOMY_VERSION
from imr_llm.terms.vocabulary import canonical_drug, find_drugs

_DATES = ("date_assigned", "date_of_injury", "decision_date", "ur_denial_date", "application_received")
_NECESSARY = re.compile(r"\b(?P<negated>not\s*)?medically\s*necessary\b", re.IGNORECASE)
_SEX_WORD = re.compile(
    r"\b(?:(?P<male>male|man|gentleman|he|his|him|mr)|(?P<female>female|woman|lady|she|her|hers|mrs|ms))\b",
    re.IGNORECASE,
)
# "10/325mg", "5%", "0.025 %", "300 units"; a bare number is none.
_STRENGTH = re.compile(r"\d\s*(?:mg|mcg|g|ml|%|units?|iu|meq)(?!\w)", re.IGNORECASE)
_LIKE_ITEM = 80.0


@dataclass(frozen=True)
class Placed:
    """One item of the letter: what the model says of it (None: it did not see it), and where its parts stand."""

    answer: DeterminationAnswer | None
    title: Section | None
    decision: Section | None
    rationale: Section | None
    printed: DeterminationSection | None = None


async def read_whole_letter(
    letter: Letter, sections: Sections, prompt: Prompt, client: ModelClient, ledger: Ledger | None = None
) -> Review:
    """The record of one letter by the model alone. `sections` are what the layout's own labels show, if it is known.

    Raises ModelUnreachable, and ModelRefused when the model gives no usable answer.
    """
    started, ledger, text = time.monotonic(), ledger or Ledger(), letter.text
    messages = render_messages(prompt, describe_statics(prompt), {"letter": fence(_fold_lines(text))})

    def read_claims(answer: LetterAnswer) -> list[Claim]:
        return list(_claim_letter(text, answer, sections, prompt))

    answer, grounding = await ask_grounded(client, prompt, messages, LetterAnswer, read_claims, text, ledger)
    summary = _place_summary(text, answer, sections)
    placed = place_items(text, answer.determinations, sections, summary.end or 0)
    warnings: list[Warning_] = []
    summary = merge_summary(text, summary, answer.summary, grounding)
    determinations = [
        _read_determination(text, number, item, summary, grounding, prompt, warnings)
        for number, item in enumerate(placed, start=1)
    ]
    outer = [row for row in grounding.warnings() if not (row.where or "").startswith("determinations")]
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
        case=_read_case(text, answer, grounding),
        reviewer=_read_reviewer(text, answer, grounding),
        patient=_read_patient(text, answer.patient, grounding),
        summary=summary,
        determinations=determinations,
        run=Run(
            extractor="llm",
            model=client.settings.model,
            prompt=prompt.label,
            prompt_sha256=prompt.sha256,
            schema_sha256=schema_sha256(),
            taxonomy_version=TAXONOMY_VERSION,
            program_version=__version__,
            usage=ledger.usage(client.settings),
            attempts=ledger.attempts,
            seconds=round(time.monotonic() - started, 3),
            warnings=[*outer, *warnings],
        ),
    )


def _fold_lines(text: str) -> str:
    """The letter as the model sees it: its lines, without the blank ones that some sources put after each line."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


# ------------------------------------------------------------------------------------------------ finding the places


def _place_summary(text: str, answer: LetterAnswer, sections: Sections) -> Summary:
    """The printed summary section; else what stands between the words the model says it begins and ends with."""
    span = sections.summary or _between(text, answer.summary.begin, answer.summary.end, 0, len(text))
    return Summary(start=span.start, end=span.end) if span else Summary()


def place_items(text: str, answers: Sequence[DeterminationAnswer], sections: Sections, start: int) -> list[Placed]:
    """Every item with its places, in the letter's order: the printed ones, or the model's where none are printed."""
    if sections.determinations:
        return _match_printed(text, answers, sections.determinations)
    placed: list[Placed] = []
    at = start
    for answer in answers:
        item = _place_item(text, answer, at)
        placed.append(item)
        at = item.rationale.end if item.rationale else at
    return placed


def _match_printed(
    text: str, answers: Sequence[DeterminationAnswer], printed: Sequence[DeterminationSection]
) -> list[Placed]:
    """The model's item for each printed one, each used once: by its title; what is left, in order, if as many are."""
    free = list(answers)
    chosen: list[DeterminationAnswer | None] = []
    for section in printed:
        title = clean_text(section.title.cut(text)).casefold()
        best = max(free, key=lambda answer: _likeness(title, answer), default=None)
        if best is not None and _likeness(title, best) >= _LIKE_ITEM:
            free.remove(best)
            chosen.append(best)
        else:
            chosen.append(None)
    if len(answers) == len(printed):
        chosen = [answer or free.pop(0) for answer in chosen]
    return [
        Placed(answer, section.title, section.printed, section.rationale, section)
        for answer, section in zip(chosen, printed, strict=True)
    ]


def _likeness(title: str, answer: DeterminationAnswer) -> float:
    """0 to 100. A model may give of "X was the original request. ... Z is" the Z alone."""
    theirs = clean_text(answer.title).casefold()
    return max(fuzz.ratio(title, theirs), 0.95 * fuzz.partial_ratio(title, theirs) if len(theirs) > 8 else 0.0)


def _place_item(text: str, answer: DeterminationAnswer, start: int) -> Placed:
    """An item of a letter without known labels, looked for after the item before it."""
    rationale = _between(text, answer.rationale_begin, answer.rationale_end, start, len(text))
    until = rationale.start if rationale else len(text)
    title = _section_of(text, answer.title, start, until) or _section_of(text, answer.title, 0, len(text))
    # "1. The request for X is not medically necessary" may stand before, or close, the rationale.
    decision = _section_of(text, answer.decision_quote, start, rationale.end if rationale else len(text))
    return Placed(answer, title, decision, rationale)


def _between(text: str, begin: str, end: str, start: int, stop: int) -> Section | None:
    first = locate_quote(text, begin, start, stop)
    last = locate_quote(text, end, first.start, stop) if first else None
    return Section(first.start, last.end) if first and last else None


def _section_of(text: str, quote: str, start: int, stop: int) -> Section | None:
    found = locate_quote(text, quote, start, stop)
    return Section(found.start, found.end) if found else None


# --------------------------------------------------------------------------------------------------------- claims


def _claim_letter(text: str, answer: LetterAnswer, sections: Sections, prompt: Prompt) -> Iterator[Claim]:
    """Every quote of the answer, with the section it must come from."""
    summary = _place_summary(text, answer, sections)
    header_end = summary.start or len(text)
    for name in type(answer.case).model_fields:
        if value := getattr(answer.case, name):
            yield Claim(f"case.{name}", name.replace("_", " "), value, 0, header_end)
    for name in type(answer.reviewer).model_fields:
        for n, value in enumerate(getattr(answer.reviewer, name)):
            yield Claim(f"reviewer.{name}[{n}]", name.replace("_", " "), value, 0, len(text))
    if answer.patient.quote:
        start, end = (summary.start, summary.end) if summary.start is not None else (0, len(text))
        yield Claim("patient", "age and sex", answer.patient.quote, start, end or len(text))
    yield from claim_summary(answer.summary, summary)
    for number, item in enumerate(place_items(text, answer.determinations, sections, summary.end or 0), start=1):
        if item.answer is None:
            continue
        path = f"determinations[{number}]"
        yield from _claim_lines(item, path, len(text))
        rationale = item.rationale or Section(0, 0)
        place = Rationale(start=rationale.start, end=rationale.end, text="")
        yield from claim_item(_judgement_of(item.answer, number), path, place, summary, prompt)


def _claim_lines(item: Placed, path: str, end: int) -> Iterator[Claim]:
    """The guideline lines that are not printed under a known label."""
    if item.answer is None or item.printed is not None:
        return
    for name in ("claims_administrator_guideline", "maximus_guideline"):
        if quote := getattr(item.answer, name):
            yield Claim(f"{path}.{name}", name.replace("_", " "), quote, 0, end)


def _judgement_of(answer: DeterminationAnswer, number: int) -> ItemAnswer:
    return ItemAnswer(number=number, reasons=answer.reasons, treatment=answer.treatment, uds=answer.uds)


# ------------------------------------------------------------------------------------------------- reading the values


def _read_determination(
    text: str,
    number: int,
    item: Placed,
    summary: Summary,
    grounding: Grounding,
    prompt: Prompt,
    warnings: list[Warning_],
) -> Determination:
    path = f"determinations[{number}]"
    title = clean_text(item.title.cut(text)) if item.title else clean_text(item.answer.title if item.answer else "")
    request = read_request(title)
    rationale = item.rationale
    doubts = list(_doubts(text, item))
    base = Determination(
        number=number,
        title=title,
        request=request,
        treatment=Treatment(retrospective="retrospective" in title.casefold()),
        decision=_choose_decision(text, item),
        ur_action=_match_action(request, summary),
        claims_administrator_guideline=_read_line(text, item, "claims_administrator", path, grounding),
        maximus_guideline=_read_line(text, item, "maximus", path, grounding),
        rationale=Rationale(start=rationale.start, end=rationale.end, text=rationale.cut(text)) if rationale else None,
        needs_review=doubts,
    )
    if item.answer is None:
        return base
    judged = read_judgement(text, base.decision, _judgement_of(item.answer, number), grounding, path, prompt)
    warnings += judged.warnings
    contradictions = list(_find_contradictions(text, summary, rationale, [reason.code for reason in judged.reasons]))
    doubts += [] if judged.reasons else ["no_reason_found"]
    doubts += [CONTRADICTS] if contradictions else []
    told = " ".join([title, _cut(text, summary), rationale.cut(text) if rationale else ""])
    return base.model_copy(
        update={
            "treatment": _read_treatment(item.answer.treatment, base.treatment, title, clean_text(told)),
            "reasons": mark_primary(sorted(judged.reasons, key=lambda reason: reason.evidence.start)),
            "uds_status": judged.uds_status or "not_mentioned",
            "contradictions": contradictions,
            "needs_review": doubts,
        }
    )


def _find_contradictions(
    text: str, summary: Summary, rationale: Section | None, codes: Sequence[str]
) -> Iterator[Contradiction]:
    """What the summary states and this rationale says is missing, found by wording where the model gave the reason."""
    if rationale is None or summary.start is None or not codes:
        return
    told, said = clean(text, summary.start, summary.end), clean(text, rationale.start, rationale.end)
    for found in find_contradictions(told.text, said.text, reason_codes=codes):
        yield Contradiction(
            topic=found.topic,
            summary_evidence=_cut_span(text, *told.source_span(found.summary_start, found.summary_end)),
            rationale_evidence=_cut_span(text, *said.source_span(found.rationale_start, found.rationale_end)),
        )


def _cut_span(text: str, start: int, end: int) -> Span:
    return Span(quote=text[start:end], start=start, end=end)


def _doubts(text: str, item: Placed) -> Iterator[str]:
    """Why a person should look at this item, as stable words."""
    if item.answer is None:
        yield "model_missed_item"
        return
    printed = _read_printed(text, item)
    if printed is None:
        yield "decision_not_located"
    elif printed != item.answer.decision:
        yield "model_differs_from_printed_decision"
    if item.title is None:
        yield "title_not_located"
    if item.rationale is None:
        yield "rationale_missing"


def _choose_decision(text: str, item: Placed) -> Decision:
    """The printed decision. Without one in the letter's words, "other": the model's word alone decides nothing."""
    return _read_printed(text, item) or "other"


def _read_printed(text: str, item: Placed) -> Decision | None:
    if item.printed is not None:
        return item.printed.decision
    if item.decision is None:
        return None
    words = item.decision.cut(text)
    decision = read_decision(words)
    if decision != "other":
        return decision
    verdict = _NECESSARY.search(clean_text(words))
    if verdict is None:
        return None
    return "upheld" if verdict["negated"] else "overturned"


def _read_line(text: str, item: Placed, who: str, path: str, grounding: Grounding) -> Guideline | None:
    """A guideline line: the printed section, else the model's located words."""
    if item.printed is not None:
        section = item.printed.maximus if who == "maximus" else item.printed.claims_administrator
        return read_guideline(section.cut(text)) if section else None
    span = grounding.span(text, f"{path}.{who}_guideline")
    return read_guideline(span.quote) if span else None


def _match_action(request: Request, summary: Summary) -> UrAction:
    """What utilization review did with this item, by the summary's own entries."""
    if request.authorized:
        return "modified"
    disputed = request.disputed.casefold()
    rows = [row for row in summary.ur_actions if row.item]
    best = max(rows, key=lambda row: fuzz.token_set_ratio(disputed, str(row.item).casefold()), default=None)
    if best and fuzz.token_set_ratio(disputed, str(best.item).casefold()) >= _LIKE_ITEM:
        return best.action
    return "unknown"


def _read_treatment(answer: TreatmentAnswer, ours: Treatment, title: str, told: str) -> Treatment:
    """The treatment in controlled terms; a drug, a strength or a number only where the letter has it.

    An item that is no drug has a drug only if its title names one: the patient's other drugs are not the item's.
    """
    merged = merge_treatment(ours, answer, Differences(""))
    about_item = told if merged.category == "pharmaceuticals" else title
    generic = canonical_drug(answer.drug) if answer.drug else None
    named = {mention.drug.generic: mention.brand for mention in find_drugs(about_item)}
    numbers = set(re.findall(r"\d+(?:\.\d+)?", told))
    strength = answer.strength if answer.strength and _STRENGTH.search(answer.strength) else None
    if strength and locate_quote(about_item, strength, 0, len(about_item)) is None:
        strength = None
    quantity = answer.quantity if answer.quantity is not None and f"{answer.quantity:g}" in numbers else None
    return merged.model_copy(
        update={
            "drug": generic if generic in named else None,
            "brand": named.get(generic) if generic else None,
            "strength": strength,
            "quantity": quantity,
            "unit": answer.unit if quantity is not None else None,
            "refills": answer.refills if str(answer.refills) in numbers else None,
        }
    )


def _read_case(text: str, answer: LetterAnswer, grounding: Grounding) -> Case:
    """The header's values where they are printed; a date that the calendar does not have is null."""
    printed = {
        name: clean_text(span.quote)
        for name in type(answer.case).model_fields
        if (span := grounding.span(text, f"case.{name}"))
    }
    dates = {name: read_date(printed[name]) for name in _DATES if name in printed}
    return Case.model_validate(
        {"case_number": printed.get("case_number"), "priority": printed.get("priority"), **dates}
    )


def _read_reviewer(text: str, answer: LetterAnswer, grounding: Grounding) -> Reviewer:
    def printed(name: str) -> list[str]:
        spans = [grounding.span(text, f"reviewer.{name}[{n}]") for n in range(len(getattr(answer.reviewer, name)))]
        return list(dict.fromkeys(clean_text(span.quote) for span in spans if span))

    return Reviewer(licensed_states=printed("licensed_states"), specialties=printed("specialties"))


def _read_patient(text: str, answer: PatientAnswer, grounding: Grounding) -> Patient:
    """Age and sex, each only where the quote itself holds it: small models invent what a letter is silent about."""
    span = grounding.span(text, "patient")
    quote = clean_text(span.quote) if span else ""
    age = answer.age if answer.age is not None and re.search(rf"\b{answer.age}\b", quote) else None
    words = {kind for match in _SEX_WORD.finditer(quote) if (kind := match.lastgroup)}
    return Patient(age=age, sex=answer.sex if words == {answer.sex} else None)


def _cut(text: str, summary: Summary) -> str:
    return text[summary.start : summary.end] if summary.start is not None else ""
