"""Passages: what search reads of a determination, and what it does not."""

from __future__ import annotations

from dataclasses import replace

from library_samples import SAMPLES, Item, make_letter, make_review

from imr_llm.library.passages import MOST, read_passages


def _texts(item: Item) -> list[str]:
    sample = replace(SAMPLES[0], items=(item,))
    text = make_letter(sample).text
    passages = read_passages(make_review(sample).determinations[0])
    assert all(text[p.start : p.end] == p.text for p in passages)
    return [passage.text for passage in passages]


def test_evidence_comes_first_and_is_not_read_twice() -> None:
    item = SAMPLES[0].items[0]
    assert _texts(item)[0] == "No urine toxicology result is in the chart sent to us."
    assert len([text for text in _texts(item) if "toxicology" in text]) == 1


def test_recitals_history_and_conclusions_are_left_out() -> None:
    item = Item(
        title="Wrist brace",
        rationale="MTUS guidelines recommend bracing after fractures. Utilization review denied the brace in June."
        " The worker's wrist has healed without pain. The request is not medically necessary.",
    )
    assert _texts(item) == ["The worker's wrist has healed without pain."]


def test_one_quote_for_two_reasons_is_one_passage_with_both_codes() -> None:
    quote = "No urine toxicology result is in the chart sent to us."
    item = replace(
        SAMPLES[0].items[0], reasons=(("missing_urine_drug_screen", quote), ("ongoing_monitoring_incomplete", quote))
    )
    passage = read_passages(make_review(replace(SAMPLES[0], items=(item,))).determinations[0])[0]
    assert passage.codes == ("missing_urine_drug_screen", "ongoing_monitoring_incomplete")


def test_a_long_rationale_gives_a_bounded_number() -> None:
    item = Item(title="Brace", rationale=" ".join(f"The worker walked {n} miles without a brace." for n in range(60)))
    assert len(_texts(item)) == MOST
