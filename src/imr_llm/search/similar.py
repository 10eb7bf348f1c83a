"""Similar determinations: a letter, a denial or a draft request as text -> what was decided in cases like it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from imr_llm.library.facts import drug_names
from imr_llm.library.filters import Filter
from imr_llm.search.case import Case
from imr_llm.search.checklist import Checklist, check_case
from imr_llm.search.comparison import Draft, compare_draft, read_draft
from imr_llm.search.evidence import HitEvidence, order_evidence
from imr_llm.search.labels import label_value
from imr_llm.search.question_reasons import reason_label

if TYPE_CHECKING:
    from imr_llm.library.index import Index
    from imr_llm.library.store import Finding, Library, Row

__all__ = ["BothSides", "Case", "SimilarAnswer", "SimilarHit", "find_both_sides", "find_similar", "similar_json"]


@dataclass(frozen=True)
class SimilarHit:
    """A determination like the text: `shared` and `differing` say in words what agrees and what it turned on."""

    letter_id: str
    file: str
    case_number: str | None
    number: int
    title: str
    decision: str
    score: float
    reasons: tuple[str, ...]
    evidence: tuple[HitEvidence, ...]
    shared: tuple[str, ...]
    differing: tuple[str, ...]


@dataclass(frozen=True)
class SimilarAnswer:
    """The nearest determinations, best first; `total` were compared.

    `checklist` is of the text's treatment, over all its determinations; None where no treatment was recognised.
    """

    case: Case
    total: int
    hits: tuple[SimilarHit, ...]
    notes: tuple[str, ...] = ()
    checklist: Checklist | None = None


class BothSides(TypedDict):
    """The nearest upheld and the nearest overturned determinations, and the checklist for the treatment."""

    upheld: SimilarAnswer
    overturned: SimilarAnswer
    checklist: Checklist | None


def find_similar(
    library: Library, index: Index | None, text: str, *, decision: str | None = None, limit: int = 10
) -> SimilarAnswer:
    """The determinations nearest to a text; `decision` keeps only e.g. "overturned". The text is not kept or logged.

    `limit` 0 gives all that were compared.
    """
    draft = read_draft(index, text)
    return _answer(library, index, draft, decision, limit, check_case(library, draft.case))


def find_both_sides(library: Library, index: Index | None, text: str, limit: int = 10) -> BothSides:
    """The nearest upheld and the nearest overturned determinations; the text is read, and the checklist made, once.

    `limit` 0 gives all that were compared.
    """
    draft = read_draft(index, text)
    checklist = check_case(library, draft.case)
    return BothSides(
        upheld=_answer(library, index, draft, "upheld", limit, checklist),
        overturned=_answer(library, index, draft, "overturned", limit, checklist),
        checklist=checklist,
    )


def _answer(
    library: Library, index: Index | None, draft: Draft, decision: str | None, limit: int, checklist: Checklist | None
) -> SimilarAnswer:
    filters = [Filter("decision", "is", (decision,), f"decision: {decision}", "")] if decision else []
    ids = library.select_ids(filters)
    comparison = compare_draft(library, index, draft, ids)
    shown = list(comparison.scores) if limit == 0 else list(comparison.scores)[:limit]
    rows = {row.id: row for row in library.select(ids=shown)}
    findings = library.findings(shown)
    hits = tuple(_make_hit(comparison.case, rows[i], findings[i], comparison.scores[i]) for i in shown)
    return SimilarAnswer(
        comparison.case,
        len(comparison.scores) if draft.case.letter else len(ids),
        hits,
        _notes(index, comparison.case),
        checklist,
    )


def similar_json(answer: SimilarAnswer) -> dict[str, Any]:
    """The answer as `imr-llm similar --json` prints it."""
    return {
        "case": asdict(answer.case),
        "total": answer.total,
        "hits": [{**asdict(hit), "score": round(hit.score, 4)} for hit in answer.hits],
        "notes": list(answer.notes),
        "checklist": asdict(answer.checklist) if answer.checklist else None,
    }


def _make_hit(case: Case, row: Row, findings: Sequence[Finding], score: float) -> SimilarHit:
    codes = tuple(dict.fromkeys(finding.code for finding in findings))
    return SimilarHit(
        letter_id=row.letter_id,
        file=row.file,
        case_number=row.case_number,
        number=row.number,
        title=row.title,
        decision=row.decision,
        score=score,
        reasons=codes,
        evidence=order_evidence(findings, case.reasons),
        shared=tuple(_shared(case, row, codes)),
        differing=tuple(_differing(case, row, codes)),
    )


def _shared(case: Case, row: Row, codes: Sequence[str]) -> Iterable[str]:
    if set(drug_names(row.drug)) & set(case.drugs):
        yield f"same drug: {row.brand or row.drug}"
    if f"{row.category}.{row.subcategory}" in case.subcategories and row.subcategory:
        yield f"same treatment: {label_value('subcategory', f'{row.category}.{row.subcategory}')}"
    for code in codes:
        if code in case.reasons:
            yield f"same ground: {reason_label(code)}"
    if case.uds_status != "not_mentioned" and case.uds_status in (row.uds_rationale, row.uds_summary):
        yield f"urine drug screen {case.uds_status.replace('_', ' ')} in both"


def _differing(case: Case, row: Row, codes: Sequence[str]) -> Iterable[str]:
    for code in codes:
        if code not in case.reasons:
            yield f"turned on, and not in the text: {reason_label(code)}"
    theirs = row.uds_rationale if row.uds_rationale != "not_mentioned" else row.uds_summary
    if "not_mentioned" not in (case.uds_status, theirs) and case.uds_status not in (row.uds_rationale, row.uds_summary):
        yield f"urine drug screen: {theirs.replace('_', ' ')} there, {case.uds_status.replace('_', ' ')} here"


def _notes(index: Index | None, case: Case) -> tuple[str, ...]:
    notes = ["letters are not precedent; nearness is of wording and subject, not of outcome"]
    if index is None:
        notes.append("compared by subject and grounds alone: there is no vector index")
    if case.letter:
        notes.append(
            f"read as letter {case.letter}, item by item; the letter itself is left out where the library holds it"
        )
    if not (case.drugs or case.subcategories):
        notes.append("no drug or treatment was recognised in the text")
    return tuple(notes)
