"""Comparing cases: what a text is about, and how near each determination is to it.

Vectors compare what is said, sentence by sentence, and words what is told; rules compare what it is about (drug,
treatment, quantity, drug screen) and the grounds that the text gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.sentences import split_clauses
from imr_llm.library.facts import drug_names
from imr_llm.search.case import MOST_SENTENCES, Case, read_case
from imr_llm.search.wording import load_wording

if TYPE_CHECKING:
    from imr_llm.embeddings import Vectors
    from imr_llm.library.index import Index
    from imr_llm.library.store import Finding, Library, Row

# What agreement is worth beside a cosine between 0 and 1.
DRUG_WEIGHT = 0.8
TREATMENT_WEIGHT = 0.6
REGION_WEIGHT = 0.4
UDS_WEIGHT = 0.2
QUANTITY_WEIGHT = 0.1
REASON_WEIGHT = 0.3
WORDS_WEIGHT = 0.5
COMPARE_AT_MOST = 2000


@dataclass(frozen=True)
class Comparison:
    """A case, and the score of each determination that was compared with it (0 to 1, nearest first)."""

    case: Case
    scores: dict[int, float]


@dataclass(frozen=True)
class Draft:
    """A text to compare with: cleaned, read, and its sentences as vectors (None: without an index)."""

    text: str
    case: Case
    vectors: Vectors | None


def read_draft(index: Index | None, text: str) -> Draft:
    """Read and embed a text, once for however many comparisons."""
    cleaned = clean_text(text)
    return Draft(cleaned, read_case(text), index.embed(_sentences(cleaned)) if index else None)


def compare_case(library: Library, index: Index | None, text: str, ids: Sequence[int]) -> Comparison:
    """Compare a text with determinations. Of very many, those that share neither words nor meaning are left out."""
    return compare_draft(library, index, read_draft(index, text), ids)


def compare_draft(library: Library, index: Index | None, draft: Draft, ids: Sequence[int]) -> Comparison:
    """As `compare_case`, for a text that was read."""
    case = draft.case
    words = _by_words(library, draft.text, ids)
    near = _near(index, draft.vectors, ids)
    compared = list(ids) if len(ids) <= COMPARE_AT_MOST else sorted({*words, *near})
    findings = library.findings(compared)
    regions = library.values_of("region", compared) if case.regions else {}
    best = _best_possible(case)
    scores = {
        row.id: min(1.0, _score(case, row, findings[row.id], regions.get(row.id, ()), near, words) / best)
        for row in library.select(ids=compared)
        if not (case.letter and row.case_number == case.letter)
    }
    return Comparison(case, dict(sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))))


def _sentences(text: str) -> list[str]:
    """The findings and the history in a text; the whole of it where there is neither."""
    told = [text[c.start : c.end] for c in split_clauses(text) if c.role in ("finding", "history")]
    return (told or [text])[:MOST_SENTENCES]


def _near(index: Index | None, vectors: Vectors | None, ids: Sequence[int]) -> dict[int, float]:
    if index is None or vectors is None:
        return {}
    return {found.id: found.score for found in index.rank_vectors(vectors, ids, limit=COMPARE_AT_MOST)}


def _by_words(library: Library, text: str, ids: Sequence[int]) -> dict[int, float]:
    """Shared words, rare ones counting more, against rationale and clinical summary; the best is 1."""
    carrying = " ".join(word for word in text.split() if word.lower().strip(".,;:") not in load_wording().stop_words)
    matches = library.match_text(carrying, ids, limit=COMPARE_AT_MOST, with_summary=True)
    best = max((match.score for match in matches), default=0.0)
    return {match.id: match.score / best for match in matches} if best > 0 else {}


def _score(
    case: Case,
    row: Row,
    findings: Sequence[Finding],
    regions: Sequence[str],
    near: dict[int, float],
    words: dict[int, float],
) -> float:
    score = max(0.0, near.get(row.id, 0.0)) + WORDS_WEIGHT * words.get(row.id, 0.0)
    if set(drug_names(row.drug)) & set(case.drugs):
        score += DRUG_WEIGHT
    if f"{row.category}.{row.subcategory}" in case.subcategories:
        score += TREATMENT_WEIGHT
    if set(regions) & set(case.regions):
        score += REGION_WEIGHT
    if case.uds_status != "not_mentioned" and case.uds_status in (row.uds_rationale, row.uds_summary):
        score += UDS_WEIGHT
    if row.quantity is not None and row.quantity in case.quantities:
        score += QUANTITY_WEIGHT
    codes = {finding.code for finding in findings}
    shared = codes & set(case.reasons)
    return score + REASON_WEIGHT * (len(shared) / len(codes | set(case.reasons)) if shared else 0.0)


def _best_possible(case: Case) -> float:
    return (
        1.0
        + WORDS_WEIGHT
        + (DRUG_WEIGHT if case.drugs else 0.0)
        + (TREATMENT_WEIGHT if case.subcategories else 0.0)
        + (REGION_WEIGHT if case.regions else 0.0)
        + (UDS_WEIGHT if case.uds_status != "not_mentioned" else 0.0)
        + (QUANTITY_WEIGHT if case.quantities else 0.0)
        + REASON_WEIGHT
    )
