"""Two readings of one item put together: the rules' draft and the model's judgement.

- reasons: the model's grounded reasons are the reasons. A code the rules found and the model, asked, did not give is
  left out; needs_review and a warning say so. Where the model failed (no usable answer, no quote that holds), or was not asked
  about a code, the rules' reason stays. It stays too where the prompt says so (`no_overrules: false`): a small model's
  no is worth less than what the rules found, and the two are joined.
- treatment and uds_status: the rules' values stay; the model fills what they left open; a difference of category or
  of screen status goes to needs_review.
- diagnoses, medications, prior treatments, UR actions: the model's grounded ones, or the rules' where it gave none.
- contradictions: the rules' and the model's, one for each topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.dates import read_date
from imr_llm.llm.answers import SummaryAnswer, TreatmentAnswer
from imr_llm.llm.evidence import Grounding
from imr_llm.record import (
    Contradiction,
    Determination,
    Reason,
    Summary,
    Treatment,
    UdsStatus,
    UrActionEntry,
    Warning_,
)
from imr_llm.terms.vocabulary import treatment_values

CONTRADICTS = "summary_contradicts_rationale"
SUMMARY_LISTS = ("diagnoses", "medications", "prior_treatments")


@dataclass(frozen=True)
class Judged:
    """What the model made of one item: its grounded reasons, and the codes it was asked about."""

    asked: frozenset[str]
    said: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    treatment: TreatmentAnswer | None = None
    uds_status: UdsStatus | None = None
    contradictions: tuple[Contradiction, ...] = ()
    overrules: bool = True
    warnings: tuple[Warning_, ...] = ()
    refused: bool = False


def merge_item(item: Determination, judged: Judged | None) -> tuple[Determination, list[Warning_]]:
    """The draft's item with the judgement put in, by the rules at the head of this module, and what differed."""
    if judged is None:
        return item, []
    if judged.refused:
        return item.model_copy(update={"needs_review": [*item.needs_review, "model_gave_no_usable_answer"]}), []
    differences = Differences(f"determinations[{item.number}]")
    reasons = _merge_reasons(item, judged, differences)
    treatment = merge_treatment(item.treatment, judged.treatment, differences)
    settled = {"no_reason_found": bool(reasons), "treatment_not_recognised": treatment.category is not None}
    contradictions = _merge_contradictions(item.contradictions, judged.contradictions)
    doubts = [note for note in item.needs_review if not settled.get(note)]
    if contradictions and CONTRADICTS not in doubts:
        doubts.append(CONTRADICTS)
    update = {
        "reasons": reasons,
        "treatment": treatment,
        "uds_status": _merge_uds(item.uds_status, judged.uds_status, differences),
        "contradictions": contradictions,
        "needs_review": [*doubts, *(f"extractors_disagree_on_{row}" for row in differences.fields)],
    }
    return item.model_copy(update=update), differences.warnings


class Differences:
    """What two extractors say differently about one item: a doubt for the item, a warning with both sides."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.fields: list[str] = []
        self.warnings: list[Warning_] = []

    def add(self, field: str, rules: str, model: str) -> None:
        """Note that `field` differs."""
        self.fields.append(field)
        message = f"rules: {rules or 'nothing'}; model: {model or 'nothing'}"
        self.warnings.append(Warning_(code="extractors_disagree", message=message, where=f"{self._path}.{field}"))


def _merge_reasons(item: Determination, judged: Judged, differences: Differences) -> list[Reason]:
    ours = {reason.code: reason for reason in item.reasons}
    theirs = {reason.code: reason for reason in judged.reasons}
    asked_of_ours = {code for code in ours if code in judged.asked}
    if asked_of_ours != set(theirs):
        differences.add("reasons", ", ".join(sorted(asked_of_ours)), ", ".join(sorted(theirs)))
    if not theirs:
        return list(item.reasons)
    # The model said the code but lost its quote, or was never asked: the rules' reason stays.
    denied = judged.asked - judged.said if judged.overrules else frozenset()
    kept = [row for code, row in ours.items() if code not in theirs and code not in denied]
    merged = sorted([*theirs.values(), *kept], key=lambda reason: reason.evidence.start)
    return mark_primary(merged, next((reason.code for reason in item.reasons if reason.primary), None))


def mark_primary(reasons: Sequence[Reason], fallback: str | None = None) -> list[Reason]:
    """Exactly one primary: the model's own, else the rules', else the first in the rationale."""
    if not reasons:
        return []
    chosen = next((r.code for r in reasons if r.primary and r.found_by == "llm"), None)
    if chosen is None:
        chosen = fallback if any(r.code == fallback for r in reasons) else reasons[0].code
    return [r.model_copy(update={"primary": r.code == chosen}) for r in reasons]


def merge_treatment(ours: Treatment, theirs: TreatmentAnswer | None, differences: Differences) -> Treatment:
    """Fill what the rules left open, with values of the vocabulary only."""
    if theirs is None:
        return ours
    vocabulary = treatment_values()
    category = theirs.category if theirs.category in vocabulary else None
    if ours.category and category and category != ours.category:
        differences.add("treatment", ours.category, category)
        return ours
    subcategory = theirs.subcategory if theirs.subcategory in vocabulary.get(category or "", ()) else None
    fills: dict[str, object] = {"category": category, "subcategory": subcategory}
    if ours.category is None:
        # Only for an item the rules could not place at all: elsewhere a null of theirs means that nothing is printed.
        fills |= {"body_regions": list(theirs.body_regions), "laterality": theirs.laterality}
    return ours.model_copy(
        update={name: value for name, value in fills.items() if getattr(ours, name) in (None, [], "na") and value}
    )


def _merge_uds(ours: UdsStatus, theirs: UdsStatus | None, differences: Differences) -> UdsStatus:
    if theirs is None or theirs == ours:
        return ours
    if ours == "not_mentioned":
        return theirs
    differences.add("uds_status", ours, theirs)
    return ours


def _merge_contradictions(ours: Sequence[Contradiction], theirs: Sequence[Contradiction]) -> list[Contradiction]:
    topics = {row.topic for row in ours}
    return [*ours, *(row for row in theirs if row.topic not in topics)]


def merge_summary(text: str, ours: Summary, theirs: SummaryAnswer, grounding: Grounding) -> Summary:
    """The model's grounded facts, list by list; the rules' list where none of the model's holds."""
    update: dict[str, object] = {}
    for name in SUMMARY_LISTS:
        spans = [grounding.span(text, f"summary.{name}[{n}]") for n in range(len(getattr(theirs, name)))]
        values = list(dict.fromkeys(clean_text(span.quote) for span in spans if span))
        if values:
            update[name] = values
    actions = list(_read_ur_actions(text, theirs, grounding))
    if actions:
        update["ur_actions"] = actions
    return ours.model_copy(update=update)


def _read_ur_actions(text: str, answer: SummaryAnswer, grounding: Grounding) -> Iterator[UrActionEntry]:
    """A UR action with its date and item where these stand in the quote itself."""
    for n, row in enumerate(answer.ur_actions):
        span = grounding.span(text, f"summary.ur_actions[{n}]")
        if span is None:
            continue
        quote = clean_text(span.quote)
        date = read_date(row.date) if row.date and clean_text(row.date) in quote else None
        item = clean_text(row.item) if row.item and clean_text(row.item).lower() in quote.lower() else None
        yield UrActionEntry(date=date, action=row.action, item=item)
