"""The reasons of one determination, by rules: findings in its own rationale, one of them primary.

Composed patterns (findings.py) know what they know for certain and say exactly where; two models recognise wordings
that nobody wrote a pattern for: a linear one of single sentences (reason_model.py) and a small transformer that reads
a sentence after what stands before it (reason_net.py). Both are asked, and the mean of their log-odds counts. A code is
a reason where the models are sure of a statement, or where a pattern fires and they do not hold it for absurd.

A reason is a ground the reviewer gives for this decision about this patient. An upheld denial takes denial codes, an
overturned one overturn codes; a partial overturn can take both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imr_llm.letters.sentences import split_statements
from imr_llm.record import Decision, Polarity
from imr_llm.rules.absence import ABSENCE_CODES
from imr_llm.rules.findings import Finding, Match, Subject, find_matches, load_precedence
from imr_llm.rules.reason_model import Statement, cut_statement, load_reason_model
from imr_llm.rules.reason_net import load_reason_net
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


# Chosen on labels that were not trained on: evals/reasons/README.md.
SURE = 0.3  # from here on the models' word is enough
ABSURD = 0.1  # below this a pattern's word is not
SURE_OF_RECITAL = 0.7  # from here on even what looks like a recital or history is taken for a finding
# Where the first model holds every code for less likely, the second, which takes longer, is not asked.
RULED_OUT, RULED_OUT_OF_RECITAL = 0.02, 0.1
BY_MODEL = "sentence models"
# "The records do not show X" where X has a code of its own is that code alone.
_CATCH_ALL = "insufficient_records_or_rationale"
MISSING_SCREEN = "missing_urine_drug_screen"
# "Said to be missing" and "on record and bad" are words apart that look alike to a model: these it must be certain of.
LOOK_ALIKE = frozenset({MISSING_SCREEN, "aberrant_drug_behavior"})
CERTAIN = 0.6
# A sentence that denies nothing is no word for what is missing or normal, whatever the model thinks of it: "there was
# documentation of failed therapy".
_DENYING = ABSENCE_CODES | {
    "no_red_flag_or_new_findings", "no_objective_exam_findings", "no_imaging_or_edx_corroboration",
    "prerequisite_test_missing", "insufficient_records_or_rationale", "no_qualifying_risk_factor",
}  # fmt: skip
_DENIAL = re.compile(
    r"\b(?:no|not|nor|none|neither|never|nothing|nobody|nowhere|any|without|cannot|lack\w*|absen\w+|missing|devoid|silent|"
    r"scant|fail(?:s|ed|ing|ure)? to|insufficient\w*|inadequate\w*|incomplete\w*|un(?:clear|known|documented|supported|"
    r"specified|able|changed|remarkable|available|addressed|explained)\w*|omit\w*|little|minimal\w*|limited|normal|intact|"
    r"vague\w*|yet to|remains? to|rather than|instead|before|prior to|only|first|should)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
# What is granted is not what is held against the patient.
_CONCEDED = re.compile(
    r"\W*(?:it is (?:true|conceded|acknowledged|granted|noted|recognized) that|admittedly|granted,|to be sure)\b",
    re.IGNORECASE,
)


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
    kept = [finding for finding in by_pattern.values() if not is_absurd(finding, believed)]
    codes = {finding.code for finding in kept}
    kept += [
        Finding(code, load_taxonomy().codes[code].polarity, False, belief.start, belief.end, BY_MODEL)
        for code, belief in believed.stated.items()
        if code not in codes and belief.score >= (CERTAIN if code in LOOK_ALIKE else SURE)
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
    """How likely the model holds it that rationale[start:end], a sentence or a clause, states a code."""

    score: float
    start: int
    end: int


@dataclass(frozen=True)
class Beliefs:
    """Of each code that the decision can have: the statement most likely to make it (`stated`: of those that can).

    `likeliest` is the highest score of any, `statements` are those that the model was asked about.
    """

    stated: Mapping[str, Belief]
    likeliest: Mapping[str, float]
    statements: tuple[tuple[int, int], ...]


def is_absurd(finding: Finding, believed: Beliefs) -> bool:
    """Does the model, asked about the finding's own sentence, hold its code for out of the question?"""
    asked = any(start < finding.end and finding.start < end for start, end in believed.statements)
    return asked and finding.code not in LOOK_ALIKE and believed.likeliest[finding.code] < ABSURD


class SentenceReader(Protocol):
    """A model that reads statements of a rationale. `codes` names the columns of its scores."""

    @property
    def codes(self) -> Sequence[str]: ...

    def score_all(
        self, statements: Sequence[Statement], category: str | None, subcategory: str | None
    ) -> NDArray[np.float32]:
        """The probability, 0 to 1, that each statement (a row) about a treatment states each code (a column)."""
        ...


def score_codes(
    rationale: str,
    *,
    decision: Decision,
    category: str | None,
    subcategory: str | None,
    readers: Sequence[SentenceReader] | None = None,
) -> Beliefs:
    """What the sentence models hold of each code.

    Sentences with a finding or the conclusion in them, and such clauses of theirs, count ("as the surgery is not
    necessary, neither is the sling"); what looks like a recited guideline or like utilization review's history states a
    reason only where the models are all but certain. `readers`: the packaged models, unless others are to be measured.
    """
    readers, taxonomy = readers or (load_reason_model(), load_reason_net()), load_taxonomy()
    codes = [code for code, about in taxonomy.codes.items() if about.polarity in _POLARITIES[decision]]
    stated, likeliest = dict.fromkeys(codes, Belief(0.0, 0, 0)), dict.fromkeys(codes, 0.0)
    asked: dict[tuple[int, int], bool] = {}
    for statement in split_statements(rationale):
        at = statement.start, statement.end
        asked[at] = asked.get(at, False) or statement.role in ("finding", "conclusion")
    statements = [cut_statement(rationale, start, end) for start, end in asked]
    columns = [list(readers[0].codes).index(code) for code in codes]
    first = readers[0].score_all(statements, category, subcategory)
    likely = first[:, columns].max(axis=1, initial=0.0)
    least = np.where(list(asked.values()), RULED_OUT, RULED_OUT_OF_RECITAL)
    scores = _average(readers, statements, first, np.flatnonzero(likely >= least), category, subcategory)
    for ((start, end), counts), scored in zip(asked.items(), scores, strict=True):
        for code in codes:
            score = scored[code]
            if not counts and (score < SURE_OF_RECITAL or code in LOOK_ALIKE):
                continue
            likeliest[code] = max(likeliest[code], score)
            if score > stated[code].score and _can_state(rationale[start:end], code):
                stated[code] = Belief(score, start, end)
    return Beliefs(stated, likeliest, tuple(at for at, counts in asked.items() if counts))


def _average(
    readers: Sequence[SentenceReader],
    statements: Sequence[Statement],
    first: NDArray[np.float32],
    possible: NDArray[np.int64],
    category: str | None,
    subcategory: str | None,
) -> list[dict[str, float]]:
    """What the readers hold of each statement, by code: the mean of their log-odds as a probability.

    `first` are the first reader's scores; the others are asked of the `possible` statements, and hold the rest for out
    of the question.
    """
    odds = _log_odds(first)
    for reader in readers[1:]:
        scores = np.zeros_like(first)
        if len(possible):
            order = [list(reader.codes).index(code) for code in readers[0].codes]
            asked = reader.score_all([statements[at] for at in possible], category, subcategory)
            scores[possible] = asked[:, order]
        odds += _log_odds(scores)
    means = 1 / (1 + np.exp(-odds / len(readers)))
    return [dict(zip(readers[0].codes, row, strict=True)) for row in means.tolist()]


def _log_odds(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    clipped = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return odds


def _can_state(sentence: str, code: str) -> bool:
    return not _CONCEDED.match(sentence) and (code not in _DENYING or _DENIAL.search(sentence) is not None)


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
