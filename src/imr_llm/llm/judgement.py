"""The hybrid extractor's second half: a draft made by rules, with the model's judgement put in.

What is printed in fixed places stays as the rules read it: header, decision, guidelines, sections. The model is asked
for reasons, treatment, what the summary tells, the drug screen and contradictions. How it is asked is the prompt
file's strategy: all items in one call, one call an item, or one question at a time (questions.py). How the two
readings are put together is in merging.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from imr_llm.errors import ModelRefused
from imr_llm.llm.answers import ItemAnswer, ItemsAnswer, LetterJudgement, SummaryAnswer
from imr_llm.llm.client import ModelClient
from imr_llm.llm.evidence import Claim, Grounding, ask_grounded
from imr_llm.llm.ledger import Ledger
from imr_llm.llm.merging import SUMMARY_LISTS, Judged, merge_item, merge_summary
from imr_llm.llm.prompts import Prompt, describe_items, render_messages
from imr_llm.llm.questions import judge_by_questions
from imr_llm.llm.shown import polarities_of, rationale_of, show_item, show_summary
from imr_llm.llm.statics import describe_statics
from imr_llm.record import (
    Contradiction,
    Decision,
    Determination,
    Rationale,
    Reason,
    Review,
    Summary,
    Warning_,
)
from imr_llm.rules.contradictions import load_topics
from imr_llm.terms.taxonomy import load_taxonomy

# A letter has up to 21 items; what is said of more than ten may not fit into one answer.
MOST_ITEMS_PER_CALL = 10


async def judge_letter(
    text: str, draft: Review, prompt: Prompt, client: ModelClient, ledger: Ledger | None = None
) -> Review:
    """Put the model's judgement into a draft that rules made of the letter's kept text.

    Raises ModelUnreachable, and ModelRefused when not one question got a usable answer.
    """
    started, ledger = time.monotonic(), ledger or Ledger()
    asked = [item for item in draft.determinations if item.rationale]
    warnings: list[Warning_] = []
    if prompt.about.strategy == "per_question":
        judged, summary = await judge_by_questions(text, asked, draft.summary, prompt, client, ledger), draft.summary
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


async def _judge_by_items(
    text: str,
    items: Sequence[Determination],
    summary: Summary,
    prompt: Prompt,
    client: ModelClient,
    ledger: Ledger,
    warnings: list[Warning_],
) -> tuple[dict[int, Judged], Summary]:
    """One call for all items (ten at a time), or one for each; the first call also reads the summary, its warnings go to `warnings`."""
    if not items:
        return {}, summary
    size = MOST_ITEMS_PER_CALL if prompt.about.strategy == "whole" else 1
    groups = [items[at : at + size] for at in range(0, len(items), size)]
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
    values = describe_items(show_summary(text, summary), [show_item(item) for item in items])
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
        yield from claim_item(answer, f"determinations[{item.number}]", rationale_of(item), summary, prompt)


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


def claim_summary(answer: SummaryAnswer, summary: Summary) -> Iterator[Claim]:
    """The quotes of the summary's facts; all must stand in the summary."""
    if summary.start is None or summary.end is None:
        return
    for name in SUMMARY_LISTS:
        for n, quote in enumerate(getattr(answer, name)):
            yield Claim(f"summary.{name}[{n}]", name.replace("_", " "), quote, summary.start, summary.end)
    for n, row in enumerate(answer.ur_actions):
        yield Claim(f"summary.ur_actions[{n}]", "utilization review", row.quote, summary.start, summary.end)


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
        overrules=prompt.about.no_overrules,
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
