"""Does a reason's evidence stand where it says, and is it what the gold quote says?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from imr_llm.record import Determination, Reason

_SOFT_HYPHEN = "\u00ad"
_SAME = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"
})  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """Where a reason's evidence stands. verbatim: text[start:end] == quote; inside: in its own item's rationale;
    whole_words: it cuts no word or number in two at either end."""

    verbatim: bool
    inside: bool
    whole_words: bool


def check_standing(text: str, item: Determination, reason: Reason) -> Standing:
    """Hold a reason's evidence against the letter's kept text."""
    start, end = reason.evidence.start, reason.evidence.end
    inside = item.rationale is not None and item.rationale.start <= start < end <= item.rationale.end
    return Standing(
        verbatim=bool(reason.evidence.quote) and text[start:end] == reason.evidence.quote,
        inside=inside,
        whole_words=not (_cuts_word(text, start) or _cuts_word(text, end)),
    )


def _cuts_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def overlap_with_gold(text: str, item: Determination, reason: Reason, quotes: list[str]) -> float | None:
    """Intersection over union of the evidence and the gold quote nearest to it, in characters that are no white space.

    The gold quote is looked for in the item's rationale, white space and quote marks folded; None where no gold
    quote stands there, so that nothing can be said.
    """
    first, last = (item.rationale.start, item.rationale.end) if item.rationale else (0, len(text))
    ours = set(range(reason.evidence.start, reason.evidence.end))
    ours = {at for at in ours if at < len(text) and not text[at].isspace()}
    found = [_share(ours, theirs) for quote in quotes for theirs in find_folded(text, quote, first, last)]
    return max(found, default=None)


def find_folded(text: str, quote: str, start: int, end: int) -> Iterator[set[int]]:
    """The offsets of each place where the quote's characters, white space aside, stand in text[start:end]."""
    offsets = [at for at in range(start, min(end, len(text))) if not text[at].isspace() and text[at] != _SOFT_HYPHEN]
    plain = "".join(text[at] for at in offsets).translate(_SAME).lower()
    wanted = "".join(quote.replace(_SOFT_HYPHEN, "").split()).translate(_SAME).lower()
    if not wanted or len(plain) != len(offsets):
        return
    at = plain.find(wanted)
    while at >= 0:
        yield set(offsets[at : at + len(wanted)])
        at = plain.find(wanted, at + 1)


def _share(ours: set[int], theirs: set[int]) -> float:
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
