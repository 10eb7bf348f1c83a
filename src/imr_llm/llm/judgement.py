"""The hybrid extractor's second half: a draft made by rules, with the model's judgement put in.

What is printed in fixed places stays as the rules read it: header, decision, guidelines, sections. The model is asked
for reasons, treatment, what the summary tells, the drug screen and contradictions. How the two are put together:

- reasons: the model's grounded reasons are the reasons. A code the rules found and the model, asked, did not give is
  left out; needs_review and a warning say so. Where the model failed (no usable answer, no quote that holds), or was not asked
  about a code, the rules' reason stays.
- treatment and uds_status: the rules' values stay; the model fills what they left open; a difference of category or
  of screen status goes to needs_review.
- diagnoses, medications, prior treatments, UR actions: the model's grounded ones, or the rules' where it gave none.
- contradictions: the rules' and the model's, one for each topic.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from imr_llm.cleaning import clean, clean_text
from imr_llm.contradictions import load_topics
from imr_llm.dates import read_date
from imr_llm.errors import ModelRefused
from imr_llm.llm.answers import (
    ItemAnswer,
    ItemsAnswer,
    LetterJudgement,
    SummaryAnswer,
    TreatmentAnswer,
    YesNo,
)
from imr_llm.llm.client import Ledger, ModelClient
from imr_llm.llm.evidence import Claim, Grounding, ask_grounded
from imr_llm.llm.prompts import ItemText, Prompt, describe_items, describe_question, render_messages
from imr_llm.llm.statics import describe_statics
from imr_llm.record import (
    Contradiction,
    Decision,
    Determination,
    Polarity,
    Rationale,
    Reason,
    Review,
    Summary,
    Treatment,
    UdsStatus,
    UrActionEntry,
    Warning_,
)
from imr_llm.sentences import split_clauses, split_sentences
from imr_llm.taxonomy import load_taxonomy
from imr_llm.vocabulary import treatment_values


CONTRADICTS = "summary_contradicts_rationale"


@dataclass(frozen=True)
class Judged:
    """What the model made of one item: its grounded reasons, and the codes it was asked about."""

    asked: frozenset[str]
    said: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    treatment: TreatmentAnswer | None = None
    uds_status: UdsStatus | None = None
    contradictions: tuple[Contradiction, ...] = ()
    warnings: tuple[Warning_, ...] = ()
    refused: bool = False


async def judge_letter(text: str, draft: Review, prompt: Prompt, client: ModelClient) -> Review:
    """Put the model's judgement into a draft that rules made of the letter's kept text.

    Raises ModelUnreachable, and ModelRefused when not one question got a usable answer.
    """
    started, ledger = time.monotonic(), Ledger()
    asked = [item for item in draft.determinations if item.rationale]
    warnings: list[Warning_] = []
    if prompt.about.strategy == "per_question":
        judged, summary = await _judge_by_questions(text, asked, draft.summary, prompt, client, ledger), draft.summary
    else:
        judged, summary = await _judge_by_items(text, asked, draft.summary, prompt, client, ledger, warnings)
    if judged and all(row.refused for row in judged.values()):
        raise ModelRefused("no question about this letter got a usable answer; try a larger model or another prompt")
    merged = [merge_item(item, judged.get(item.number)) for item in draft.determinations]
    determinations = [item for item, _ in merged]
    warnings += [warning for row in judged.values() for warning in row.warnings]
    warnings += [warning for _, rows in merged for warning in rows]
    run = draft.run.model_copy(
        update={
            "extractor": "hybrid",
            "model": client.settings.model,
            "prompt": prompt.label,
            "prompt_sha256": prompt.sha256,
            "usage": ledger.usage(client.settings),
            "attempts": ledger.attempts,
            "seconds": round(draft.run.seconds + time.monotonic() - started, 3),
            "warnings": [*draft.run.warnings, *warnings],
        }
    )
    return draft.model_copy(update={"determinations": determinations, "summary": summary, "run": run})


# ------------------------------------------------------------------------------------------ one question at a time


async def _judge_by_questions(
    text: str, items: Sequence[Determination], summary: Summary, prompt: Prompt, client: ModelClient, ledger: Ledger
) -> dict[int, Judged]:
    told = _show_summary(text, summary)
    judged = await asyncio.gather(*(_question_item(text, item, told, prompt, client, ledger) for item in items))
    return {item.number: row for item, row in zip(items, judged, strict=True)}


async def _question_item(
    text: str, item: Determination, summary: str, prompt: Prompt, client: ModelClient, ledger: Ledger
) -> Judged:
    polarities = polarities_of(item.decision)
    known = load_taxonomy().codes
    codes = [
        code
        for code in prompt.choose_candidates(item.treatment.category, item.treatment.subcategory)
        if known[code].polarity in polarities
    ]
    shown = _show_item(item)
    if prompt.about.findings_only:
        shown = replace(shown, rationale=keep_findings(shown.rationale, summary))
    answers = await asyncio.gather(*(_ask_question(text, item, shown, code, prompt, client, ledger) for code in codes))
    rows = list(zip(codes, answers, strict=True))
    said = frozenset(code for code, answer in rows if answer and answer[0].answer == "yes")
    reasons = [
        Reason(code=code, polarity=known[code].polarity, evidence=evidence, found_by="llm")
        for code, answer in rows
        if answer and (evidence := answer[1].evidence(text, _reason_path(item, code)))
    ]
    warnings = [warning for _, answer in rows if answer for warning in answer[1].warnings()]
    warnings += [
        Warning_(code="model_refused", message=f"no usable answer about {code}", where=_reason_path(item, code))
        for code, answer in rows
        if answer is None
    ]
    return Judged(
        asked=frozenset(code for code, answer in rows if answer),
        said=said,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
        refused=bool(rows) and all(answer is None for _, answer in rows),
    )


def keep_findings(rationale: str, summary: str) -> str:
    """The sentences of a cleaned rationale in which the reviewer finds or concludes; all of them where none does.

    Small models quote the recited guideline, or the summary that some reviewers paste into every rationale. What they
    are not shown they cannot quote.
    """
    clauses, told = split_clauses(rationale), summary.casefold()
    kept = []
    for number, (start, end) in enumerate(split_sentences(rationale)):
        roles = {clause.role for clause in clauses if clause.sentence == number}
        sentence = rationale[start:end]
        if roles & {"finding", "conclusion"} and sentence.strip(' ."').casefold() not in told:
            kept.append(sentence)
    return " ".join(kept) or rationale


async def _ask_question(
    text: str, item: Determination, shown: ItemText, code: str, prompt: Prompt, client: ModelClient, ledger: Ledger
) -> tuple[YesNo, Grounding] | None:
    """One yes/no question; None where the model gave no usable answer."""
    messages = render_messages(prompt, describe_statics(prompt), describe_question(prompt, shown, code))
    rationale = _rationale(item)

    def read_claims(answer: YesNo) -> list[Claim]:
        if answer.answer == "no":
            return []
        what = f"the words that say so ({code})"
        start, end = rationale.start, rationale.end
        return [Claim(_reason_path(item, code), what, answer.quote, start, end, code, prompt.mentions.get(code, ()))]

    try:
        return await ask_grounded(client, prompt, messages, YesNo, read_claims, text, ledger)
    except ModelRefused:
        return None


# ----------------------------------------------------------------------------------------- whole, per determination


async def _judge_by_items(
    text: str,
    items: Sequence[Determination],
    summary: Summary,
    prompt: Prompt,
    client: ModelClient,
    ledger: Ledger,
    warnings: list[Warning_],
) -> tuple[dict[int, Judged], Summary]:
    """One call for all items, or one for each; the first call also reads the summary, its warnings go to `warnings`."""
    if not items:
        return {}, summary
    groups = [list(items)] if prompt.about.strategy == "whole" else [[item] for item in items]
    answers = await asyncio.gather(
        *(_ask_items(text, group, summary, prompt, client, ledger, first=group is groups[0]) for group in groups)
    )
    judged: dict[int, Judged] = {}
    for group, answer in zip(groups, answers, strict=True):
        rows = {row.number: row for row in answer[0].items} if answer else {}
        for item in group:
            judged[item.number] = _read_item(text, item, rows.get(item.number), answer[1] if answer else None, prompt)
    first = answers[0]
    if first and isinstance(first[0], LetterJudgement) and "summary" in prompt.about.asks:
        summary = merge_summary(text, summary, first[0].summary, first[1])
        warnings += [warning for warning in first[1].warnings() if (warning.where or "").startswith("summary.")]
    return judged, summary


async def _ask_items(
    text: str,
    items: Sequence[Determination],
    summary: Summary,
    prompt: Prompt,
    client: ModelClient,
    ledger: Ledger,
    *,
    first: bool,
) -> tuple[ItemsAnswer, Grounding] | None:
    values = describe_items(_show_summary(text, summary), [_show_item(item) for item in items])
    messages = render_messages(prompt, describe_statics(prompt), values)
    by_number = {item.number: item for item in items}

    def read_claims(answer: ItemsAnswer) -> list[Claim]:
        claims = list(_claim_items(answer.items, by_number, summary, prompt))
        if isinstance(answer, LetterJudgement) and "summary" in prompt.about.asks:
            claims += claim_summary(answer.summary, summary)
        return claims

    model: type[ItemsAnswer] = LetterJudgement if first else ItemsAnswer
    try:
        return await ask_grounded(client, prompt, messages, model, read_claims, text, ledger)
    except ModelRefused:
        return None


def _claim_items(
    answers: Sequence[ItemAnswer], items: dict[int, Determination], summary: Summary, prompt: Prompt
) -> Iterator[Claim]:
    for answer in answers:
        item = items.get(answer.number)
        if item is None:
            continue
        yield from claim_item(answer, f"determinations[{item.number}]", _rationale(item), summary, prompt)


def claim_item(
    answer: ItemAnswer, path: str, rationale: Rationale, summary: Summary, prompt: Prompt
) -> Iterator[Claim]:
    """The quotes of one item's judgement, each with the section it must come from."""
    start, end = rationale.start, rationale.end
    for n, reason in enumerate(answer.reasons):
        yield Claim(f"{path}.reasons[{n}]", f"reason {reason.code}", reason.quote, start, end, reason.code)
    if "uds" in prompt.about.asks and answer.uds.status != "not_mentioned":
        yield Claim(f"{path}.uds_status", "urine drug screen", answer.uds.quote, start, end)
    if "contradictions" in prompt.about.asks and summary.start is not None and summary.end is not None:
        for n, row in enumerate(answer.contradictions):
            at = f"{path}.contradictions[{n}]"
            yield Claim(f"{at}.summary_evidence", "words of the summary", row.summary_quote, summary.start, summary.end)
            yield Claim(f"{at}.rationale_evidence", "words of the rationale", row.rationale_quote, start, end)


def _read_item(
    text: str, item: Determination, answer: ItemAnswer | None, grounding: Grounding | None, prompt: Prompt
) -> Judged:
    path = f"determinations[{item.number}]"
    if answer is None or grounding is None:
        warning = Warning_(code="model_refused", message="no usable answer about this item", where=path)
        return Judged(asked=frozenset(), warnings=(warning,), refused=True)
    return read_judgement(text, item.decision, answer, grounding, path, prompt)


def read_judgement(
    text: str, decision: Decision, answer: ItemAnswer, grounding: Grounding, path: str, prompt: Prompt
) -> Judged:
    """What holds of one item's answer: reasons with a place and a fitting polarity, and the rest."""
    known, polarities = load_taxonomy().codes, polarities_of(decision)
    warnings = [warning for warning in grounding.warnings() if (warning.where or "").startswith(path + ".")]
    reasons: dict[str, Reason] = {}
    for n, row in enumerate(answer.reasons):
        where = f"{path}.reasons[{n}]"
        evidence = grounding.evidence(text, where)
        if row.code not in known or known[row.code].polarity not in polarities:
            warnings.append(
                Warning_(code="reason_misfit", message="unknown code, or not of this decision", where=where)
            )
        elif evidence and row.code not in reasons:
            polarity = known[row.code].polarity
            reasons[row.code] = Reason(
                code=row.code, polarity=polarity, primary=row.primary, evidence=evidence, found_by="llm"
            )
    uds_holds = answer.uds.status == "not_mentioned" or f"{path}.uds_status" in grounding.located
    return Judged(
        asked=frozenset(code for code, row_code in known.items() if row_code.polarity in polarities),
        said=frozenset(row.code for row in answer.reasons),
        reasons=tuple(reasons.values()),
        treatment=answer.treatment if "treatment" in prompt.about.asks else None,
        uds_status=answer.uds.status if "uds" in prompt.about.asks and uds_holds else None,
        contradictions=tuple(_read_contradictions(text, answer, grounding, path)),
        warnings=tuple(warnings),
    )


def _read_contradictions(text: str, answer: ItemAnswer, grounding: Grounding, path: str) -> Iterator[Contradiction]:
    topics = {topic.topic for topic in load_topics()}
    for n, row in enumerate(answer.contradictions):
        ours = grounding.span(text, f"{path}.contradictions[{n}].summary_evidence")
        theirs = grounding.span(text, f"{path}.contradictions[{n}].rationale_evidence")
        if ours and theirs and row.topic in topics:
            yield Contradiction(topic=row.topic, summary_evidence=ours, rationale_evidence=theirs)


# ------------------------------------------------------------------------------------------------- putting together


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
    kept = [row for code, row in ours.items() if code not in theirs and code not in judged.asked - judged.said]
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


# -------------------------------------------------------------------------------------------------------- summary

_LISTS = ("diagnoses", "medications", "prior_treatments")


def claim_summary(answer: SummaryAnswer, summary: Summary) -> Iterator[Claim]:
    """The quotes of the summary's facts; all must stand in the summary."""
    if summary.start is None or summary.end is None:
        return
    for name in _LISTS:
        for n, quote in enumerate(getattr(answer, name)):
            yield Claim(f"summary.{name}[{n}]", name.replace("_", " "), quote, summary.start, summary.end)
    for n, row in enumerate(answer.ur_actions):
        yield Claim(f"summary.ur_actions[{n}]", "utilization review", row.quote, summary.start, summary.end)


def merge_summary(text: str, ours: Summary, theirs: SummaryAnswer, grounding: Grounding) -> Summary:
    """The model's grounded facts, list by list; the rules' list where none of the model's holds."""
    update: dict[str, object] = {}
    for name in _LISTS:
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


# ---------------------------------------------------------------------------------------------------------- small


def polarities_of(decision: Decision) -> frozenset[Polarity]:
    """Which reasons fit a decision: a denial that stands has denial reasons; a split or unread one may have both."""
    if decision == "upheld":
        return frozenset({"denial"})
    return frozenset({"overturn"}) if decision == "overturned" else frozenset({"denial", "overturn"})


def _show_item(item: Determination) -> ItemText:
    return ItemText(item.number, item.title, item.decision, clean_text(_rationale(item).text))


def _show_summary(text: str, summary: Summary) -> str:
    return clean(text, summary.start, summary.end).text if summary.start is not None else ""


def _rationale(item: Determination) -> Rationale:
    if item.rationale is None:
        raise ValueError(f"determination {item.number} has no rationale to judge")
    return item.rationale


def _reason_path(item: Determination, code: str) -> str:
    return f"determinations[{item.number}].reasons.{code}"
