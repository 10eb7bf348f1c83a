"""The reasons of one determination, by rules: findings in its own rationale, one of them primary.

A reason is a ground the reviewer gives for this decision about this patient. An upheld denial takes denial codes, an
overturned one overturn codes; a partial overturn can take both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from imr_llm.findings import Finding, Match, Subject, find_matches, load_precedence
from imr_llm.record import Decision, Polarity
from imr_llm.taxonomy import load_taxonomy

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


def find_reasons(
    rationale: str, *, decision: Decision, title: str, category: str | None, subcategory: str | None
) -> tuple[Finding, ...]:
    """The findings of a cleaned rationale that carry a reason code, in the text's order; exactly one is primary.

    `category` and `subcategory` are those of data/treatments.yaml, None where unknown. Offsets count characters of
    `rationale`. No ground that the patterns know: an empty tuple.
    """
    subject = Subject(title, category, subcategory)
    matches = [match for polarity in _POLARITIES[decision] for match in find_matches(rationale, subject, polarity)]
    kept = _drop_umbrellas(_keep_best(_drop_weak(matches)))
    if not kept:
        return ()
    primary = min(kept, key=_rank_as_primary)
    return tuple(_to_finding(match, rationale, match is primary) for match in sorted(kept, key=lambda m: m.start))


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


def _rank_as_primary(match: Match) -> tuple[int, int]:
    """Lower is more likely the main ground: by the code's precedence, then by place."""
    return load_precedence().get(match.pattern.code, 0), match.start


def _to_finding(match: Match, rationale: str, primary: bool) -> Finding:
    code = match.pattern.code
    start, end = _quote_span(match, rationale)
    return Finding(code, load_taxonomy().codes[code].polarity, primary, start, end, match.pattern.name)


def _quote_span(match: Match, rationale: str) -> tuple[int, int]:
    """The clause that states the finding, without the connective before it and the comma after it."""
    clause = match.clause
    lead = _LEAD.match(rationale, clause.start, clause.end)
    start = lead.end() if lead and lead.end() <= match.start else clause.start
    end = clause.start + len(rationale[clause.start : clause.end].rstrip(" ,;"))
    return start, max(end, match.end)
