"""Passages: the pieces of a determination that search reads, the words of its findings and nothing else.

First the quotes that prove its reasons, then the other findings of its rationale. Recited guidelines, what
utilization review did, and conclusions ("is not medically necessary") are left out: they are the same in thousands of
letters and would make everything look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from imr_llm.letters.cleaning import clean, clean_text
from imr_llm.letters.sentences import split_clauses
from imr_llm.record import Determination

SHORTEST = 20
MOST = 12


@dataclass(frozen=True)
class Passage:
    """A piece of one rationale: cleaned `text`, offsets in the kept text, the codes that it proves (may be none)."""

    text: str
    start: int
    end: int
    codes: tuple[str, ...] = ()


def read_passages(determination: Determination) -> tuple[Passage, ...]:
    """The passages of a determination, evidence first, at most MOST; the title where there is nothing else."""
    evidence = _evidence_passages(determination)
    taken = [(passage.start, passage.end) for passage in evidence]
    findings = [p for p in _finding_passages(determination) if not _overlaps(p, taken)]
    return tuple((evidence + findings)[:MOST])


def _evidence_passages(determination: Determination) -> list[Passage]:
    codes: dict[tuple[int, int], list[str]] = {}
    quotes: dict[tuple[int, int], str] = {}
    for reason in determination.reasons:
        at = (reason.evidence.start, reason.evidence.end)
        codes.setdefault(at, []).append(reason.code)
        quotes[at] = reason.evidence.quote
    return [Passage(clean_text(quotes[at]), *at, tuple(found)) for at, found in codes.items()]


def _finding_passages(determination: Determination) -> list[Passage]:
    rationale = determination.rationale
    if rationale is None:
        return []
    cleaned = clean(rationale.text)
    found: list[Passage] = []
    for clause in split_clauses(cleaned.text):
        if clause.role != "finding" or clause.end - clause.start < SHORTEST:
            continue
        start, end = cleaned.source_span(clause.start, clause.end)
        found.append(Passage(cleaned.text[clause.start : clause.end], rationale.start + start, rationale.start + end))
    return found


def _overlaps(passage: Passage, taken: list[tuple[int, int]]) -> bool:
    return any(passage.start < end and start < passage.end for start, end in taken)
