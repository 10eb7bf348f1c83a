"""What is shown of a determination that answers: its decision, its evidence, and why it is an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imr_llm.library.filters import Filter, Query
from imr_llm.search.evidence import HitEvidence, order_evidence
from imr_llm.search.question_reasons import reason_label

if TYPE_CHECKING:
    from imr_llm.library.store import Finding, Library, Row


@dataclass(frozen=True)
class Hit:
    """One determination that answers. `reasons` are codes, primary first; `evidence` what answers the question first.

    `score` is between 0 and 1, comparable within one answer only. `why` says in words what matched. `notes` are
    things to show beside the hit (a contradiction with the summary, a need for review).
    """

    letter_id: str
    file: str
    case_number: str | None
    number: int
    title: str
    decision: str
    score: float
    reasons: tuple[str, ...]
    evidence: tuple[HitEvidence, ...]
    why: str
    notes: tuple[str, ...] = ()


def make_hits(library: Library, query: Query, ids: Sequence[int], scores: dict[int, float]) -> tuple[Hit, ...]:
    """The hits of some determinations, in the order given."""
    rows = {row.id: row for row in library.select(ids=ids)}
    findings = library.findings(ids)
    contradictions = library.values_of("contradiction", ids)
    return tuple(
        _make_hit(query, rows[i], findings[i], contradictions[i], scores.get(i, 0.0)) for i in ids if i in rows
    )


def _make_hit(query: Query, row: Row, findings: list[Finding], contradictions: list[str], score: float) -> Hit:
    wanted = set(query.values("reason"))
    return Hit(
        letter_id=row.letter_id,
        file=row.file,
        case_number=row.case_number,
        number=row.number,
        title=row.title,
        decision=row.decision,
        score=score,
        reasons=tuple(dict.fromkeys(finding.code for finding in findings)),
        evidence=order_evidence(findings, wanted),
        why=explain_match(query, row, findings),
        notes=_hit_notes(row, contradictions),
    )


def _hit_notes(row: Row, contradictions: list[str]) -> tuple[str, ...]:
    notes = [f"the summary contradicts the rationale on {topic.replace('_', ' ')}" for topic in contradictions]
    return tuple(notes + (["marked for a person's review"] if row.needs_review else []))


def explain_match(query: Query, row: Row, findings: Sequence[Finding]) -> str:
    """In words, what of the question this determination matched."""
    parts = [_explain_filter(filter, row, findings) for filter in query.filters]
    if not parts:
        parts = ["close to the words of the question"]
    return "; ".join(parts)


# Fields of which the determination's own value says more than the filter's label.
_SHOWN = frozenset({
    "decision", "drug", "strength", "quantity", "refills", "ur_action", "subcategory", "category", "age", "sex",
    "letter_date", "ur_denial_date", "injury_date", "layout", "guideline_difference",
})  # fmt: skip


def _explain_filter(filter: Filter, row: Row, findings: Sequence[Finding]) -> str:
    """The filter's label, with the determination's own value where it says more."""
    if filter.field == "reason" and filter.op != "none":
        found = [f for f in findings if f.code in filter.value]
        labels = list(dict.fromkeys(reason_label(f.code) + (" (main reason)" if f.primary else "") for f in found))
        return "reason found in the rationale: " + ", ".join(labels)
    if filter.field == "reason":
        others = list(dict.fromkeys(reason_label(f.code) for f in findings))
        return filter.label + "; it was: " + ", ".join(others)
    shown = getattr(row, filter.field, None) if filter.field in _SHOWN else None
    basis = _date_basis(filter, row)
    return f"{filter.label} ({shown}{basis})" if shown not in (None, "") and filter.op != "any" else filter.label


def _date_basis(filter: Filter, row: Row) -> str:
    basis = {"letter_date": row.letter_date_basis, "injury_date": row.injury_date_basis}.get(filter.field)
    return f", {basis}" if basis else ""
