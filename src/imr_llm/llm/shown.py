"""What a model is shown of an item, and which reasons fit its decision."""

from __future__ import annotations

from imr_llm.letters.cleaning import clean, clean_text
from imr_llm.llm.prompts import ItemText
from imr_llm.record import Decision, Determination, Polarity, Rationale, Summary


def polarities_of(decision: Decision) -> frozenset[Polarity]:
    """Which reasons fit a decision: a denial that stands has denial reasons; a split or unread one may have both."""
    if decision == "upheld":
        return frozenset({"denial"})
    return frozenset({"overturn"}) if decision == "overturned" else frozenset({"denial", "overturn"})


def show_item(item: Determination) -> ItemText:
    """The item with its rationale as one flowing line."""
    return ItemText(item.number, item.title, item.decision, clean_text(rationale_of(item).text))


def show_summary(text: str, summary: Summary) -> str:
    """The summary as one flowing line; empty where the letter has none."""
    return clean(text, summary.start, summary.end).text if summary.start is not None else ""


def rationale_of(item: Determination) -> Rationale:
    """The rationale of an item that is asked about."""
    if item.rationale is None:
        raise ValueError(f"determination {item.number} has no rationale to judge")
    return item.rationale
