"""The quotes that a hit shows: located words of the letter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imr_llm.library.store import Finding


@dataclass(frozen=True)
class HitEvidence:
    """A verbatim quote of the letter with its offsets in the kept text; `code` is the reason it proves, if any."""

    quote: str
    start: int
    end: int
    match: str = "exact"
    code: str | None = None


def order_evidence(findings: Sequence[Finding], wanted: Collection[object]) -> tuple[HitEvidence, ...]:
    """The quotes of some reasons, those of the wanted codes first."""
    ordered = sorted(findings, key=lambda finding: finding.code not in wanted)
    return tuple(HitEvidence(f.quote, f.start, f.end, f.match, f.code) for f in ordered)
