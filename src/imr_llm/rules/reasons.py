"""The reasons of one determination, by rules: findings in its own rationale, one of them primary.

Two readers look at every rationale. Composed patterns (findings.py) know what they know for certain and say exactly
where; a linear model of sentences (reason_model.py) recognises wordings that nobody wrote a pattern for. A code is a
reason where the model is sure of a sentence, or where a pattern fires and the model does not hold it for absurd.

A reason is a ground the reviewer gives for this decision about this patient. An upheld denial takes denial codes, an
overturned one overturn codes; a partial overturn can take both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from imr_llm.letters.sentences import split_clauses, split_sentences
from imr_llm.record import Decision, Polarity
from imr_llm.rules.findings import Finding, Match, Subject, find_matches, load_precedence
from imr_llm.rules.reason_model import ReasonModel, load_reason_model
from imr_llm.rules.uds import read_uds
from imr_llm.terms.taxonomy import load_taxonomy

_POLARITIES: Mapping[Decision, tuple[Polarity, ...]] = {
    "upheld": ("denial",),
    "overturned": ("overturn",),
    "partially_overturned": ("denial", "overturn"),
    "other": (),
}
# An umbrella code says less than these; beside one of them it says nothing.
_SPECIFIC: Mapping[str, frozenset[str]] = {
    "efficacy_not_documented": frozenset({"no_functional_improvement", "no_pain_relief_documented"}),
}
# "Six visits are reasonable and within the guideline": the limit is the ground, not the guideline.
_REPEATS = frozenset({"guideline_criteria_met"})
# "Additionally, there is no ...": the finding begins after the connective.
_LEAD = re.compile(
    r"(?:(?:and|but|however|although|though|whereas|nevertheless|unfortunately|moreover|furthermore|additionally|"
    r"in addition|also|therefore|thus|hence|further|finally|lastly|as such|consequently|in this case|in this clinical "
    r"situation|in this instance|given that|based on this|accordingly|yet|so|then)\b,?\s*)+",
    re.IGNORECASE,
)


# Chosen on labels that were not trained on: evals/reasons/train.py --measure.
SURE = 0.15  # from here on the model's word is enough
ABSURD = 0.002  # below this a pattern's word is not
# "Said to be missing" and "on record and bad" are words apart that look alike to a model: it may not guess these.
BY_MODEL = "sentence model"
# "The records do not show X" where X has a code of its own is that code alone.
_CATCH_ALL = "insufficient_records_or_rationale"
MISSING_SCREEN = "missing_urine_drug_screen"
NOT_GUESSED = frozenset({MISSING_SCREEN, "aberrant_drug_behavior"})


def find_reasons(
    rationale: str, *, decision: Decision, title: str, category: str | None, subcategory: str | None
) -> tuple[Finding, ...]:
    """The findings of a cleaned rationale that carry a reason code, in the text's order; exactly one is primary.

    `category` and `subcategory` are those of data/treatments.yaml, None where unknown. Offsets count characters of
    `rationale`. No ground that either reader knows: an empty tuple.
    """
    believed = score_codes(rationale, decision=decision, category=category, subcategory=subcategory)
    by_pattern = {
        finding.code: finding
        for finding in find_by_patterns(
            rationale, decision=decision, title=title, category=category, subcategory=subcategory
        )
    }
    by_pattern = _find_missing_screen(rationale, decision, title, category) | by_pattern
    kept = [finding for code, finding in by_pattern.items() if believed[code].score >= ABSURD or code in NOT_GUESSED]
    codes = {finding.code for finding in kept}
    kept += [
        Finding(code, load_taxonomy().codes[code].polarity, False, belief.start, belief.end, BY_MODEL)
        for code, belief in believed.items()
        if code not in codes and belief.score >= SURE and code not in NOT_GUESSED
    ]
    return _mark_primary([finding for finding in kept if not _is_said_better(finding, kept)])


def _is_said_better(finding: Finding, others: list[Finding]) -> bool:
    """Does another finding say the same more exactly?"""
    if finding.code == _CATCH_ALL and finding.pattern == BY_MODEL:
        return any(other.start < finding.end and finding.start < other.end for other in others if other is not finding)
    return any(other.code in _SPECIFIC.get(finding.code, frozenset()) for other in others)


def _find_missing_screen(rationale: str, decision: Decision, title: str, category: str | None) -> dict[str, Finding]:
    """The drug screen that uds.py reads as said to be missing is a ground against a drug."""
    if decision != "upheld" or category != "pharmaceuticals":
        return {}
    reading = read_uds(rationale, disputed_item=title)
    if reading.status != "stated_absent":
        return {}
    return {MISSING_SCREEN: Finding(MISSING_SCREEN, "denial", False, reading.start, reading.end, "screen reader")}


@dataclass(frozen=True)
class Belief:
    """How likely the model holds it that rationale[start:end], a sentence, states a code."""

    score: float
    start: int
    end: int


def score_codes(
    rationale: str,
    *,
    decision: Decision,
    category: str | None,
    subcategory: str | None,
    model: ReasonModel | None = None,
) -> dict[str, Belief]:
    """For each code that the decision can have, the sentence most likely to state it.

    Only sentences with a finding in them count: a recited guideline or utilization review's history states no reason.
    `model`: the packaged one, unless another is to be measured.
    """
    model, taxonomy = model or load_reason_model(), load_taxonomy()
    best = {
        code: Belief(0.0, 0, 0) for code, about in taxonomy.codes.items() if about.polarity in _POLARITIES[decision]
    }
    clauses = [clause for clause in split_clauses(rationale) if clause.role == "finding"]
    sentences = [
        (start, end)
        for start, end in split_sentences(rationale)
        if any(clause.start < end and clause.end > start for clause in clauses)
    ]
    scores = model.score_all([rationale[start:end] for start, end in sentences], category, subcategory)
    for (start, end), scored in zip(sentences, scores, strict=True):
        for code, score in scored.items():
            if code in best and score > best[code].score:
                best[code] = Belief(score, start, end)
    return best


def _mark_primary(findings: list[Finding]) -> tuple[Finding, ...]:
    """The main ground: by the code's precedence, then the first in the text."""
    ordered = sorted(findings, key=lambda finding: (finding.start, finding.end, finding.code))
    if not ordered:
        return ()
    first = min(ordered, key=lambda finding: (load_precedence().get(finding.code, 0), finding.start))
    return tuple(replace(finding, primary=finding is first) for finding in ordered)


def find_by_patterns(
    rationale: str, *, decision: Decision, title: str, category: str | None, subcategory: str | None
) -> tuple[Finding, ...]:
    """What the patterns alone find, in the text's order."""
    subject = Subject(title, category, subcategory)
    matches = [match for polarity in _POLARITIES[decision] for match in find_matches(rationale, subject, polarity)]
    kept = _drop_umbrellas(_keep_best(_drop_weak(matches)))
    return tuple(_to_finding(match, rationale) for match in sorted(kept, key=lambda m: m.start))


def _drop_weak(matches: list[Match]) -> list[Match]:
    """Weak patterns speak only where no other does."""
    strong = [match for match in matches if not match.pattern.weak]
    return strong or matches


def _keep_best(matches: list[Match]) -> list[Match]:
    """One match a code: a finding before a recital, then the first in the text."""
    best: dict[str, Match] = {}
    for match in sorted(matches, key=lambda m: (m.clause.role == "recital", m.start)):
        best.setdefault(match.pattern.code, match)
    return list(best.values())


def _drop_umbrellas(matches: list[Match]) -> list[Match]:
    """Leave out an umbrella code beside a code that says more, and one that only repeats another's clause."""
    codes = {match.pattern.code for match in matches}
    taken = {match.clause for match in matches if match.pattern.code not in _REPEATS}
    return [
        match
        for match in matches
        if not codes & _SPECIFIC.get(match.pattern.code, frozenset())
        and not (match.pattern.code in _REPEATS and match.clause in taken)
    ]


def _to_finding(match: Match, rationale: str) -> Finding:
    code = match.pattern.code
    start, end = _quote_span(match, rationale)
    return Finding(code, load_taxonomy().codes[code].polarity, False, start, end, match.pattern.name)


def _quote_span(match: Match, rationale: str) -> tuple[int, int]:
    """The clause that states the finding, without the connective before it and the comma after it."""
    clause = match.clause
    lead = _LEAD.match(rationale, clause.start, clause.end)
    start = lead.end() if lead and lead.end() <= match.start else clause.start
    end = clause.start + len(rationale[clause.start : clause.end].rstrip(" ,;"))
    return start, max(end, match.end)
