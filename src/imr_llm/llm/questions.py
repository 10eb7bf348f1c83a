"""The strategy per_question: one yes/no question for each reason code that an item of this treatment may have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from imr_llm.errors import ModelRefused
from imr_llm.letters.sentences import split_clauses, split_sentences
from imr_llm.llm.answers import YesNo
from imr_llm.llm.client import ModelClient
from imr_llm.llm.evidence import Claim, Grounding, ask_grounded, says_why
from imr_llm.llm.ledger import Ledger
from imr_llm.llm.merging import Judged
from imr_llm.llm.prompts import ItemText, Prompt, describe_question, render_messages
from imr_llm.llm.shown import polarities_of, rationale_of, show_item, show_summary
from imr_llm.llm.statics import describe_statics
from imr_llm.record import Determination, Reason, Summary, Warning_
from imr_llm.terms.taxonomy import load_taxonomy


async def judge_by_questions(
    text: str, items: Sequence[Determination], summary: Summary, prompt: Prompt, client: ModelClient, ledger: Ledger
) -> dict[int, Judged]:
    """The judgement on each item, by its number."""
    told = show_summary(text, summary)
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
    shown = show_item(item)
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
        overrules=prompt.about.no_overrules,
        reasons=tuple(reasons),
        warnings=tuple(warnings),
        refused=bool(rows) and all(answer is None for _, answer in rows),
    )


def keep_findings(rationale: str, summary: str) -> str:
    """The sentences of a cleaned rationale in which the reviewer finds, or concludes with a ground; all where none does.

    Small models quote the recited guideline, or the summary that some reviewers paste into every rationale. What they
    are not shown they cannot quote.
    """
    clauses, told = split_clauses(rationale), summary.casefold()
    kept = []
    for number, (start, end) in enumerate(split_sentences(rationale)):
        roles = {clause.role for clause in clauses if clause.sentence == number}
        sentence = rationale[start:end]
        if says_why(roles, sentence) and sentence.strip(' ."').casefold() not in told:
            kept.append(sentence)
    return " ".join(kept) or rationale


async def _ask_question(
    text: str, item: Determination, shown: ItemText, code: str, prompt: Prompt, client: ModelClient, ledger: Ledger
) -> tuple[YesNo, Grounding] | None:
    """One yes/no question; None where the model gave no usable answer."""
    messages = render_messages(prompt, describe_statics(prompt), describe_question(prompt, shown, code))
    rationale = rationale_of(item)

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


def _reason_path(item: Determination, code: str) -> str:
    return f"determinations[{item.number}].reasons.{code}"
