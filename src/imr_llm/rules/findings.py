"""Findings: what a rationale says of this patient, found by named patterns with an assertion scope.

A pattern (data/reason_patterns.yaml) is of one of three kinds:

- ``missing``: a concept (a gain in function, a drug screen) that stands inside the scope of an absence cue. Cues that
  look forward ("no documentation of ...", "failed to show ...", "nor ...") reach to the end of the clause or to a
  turn such as "but"; cues that look back ("... is not in the records") reach to its beginning. So one list, "has not
  recorded A, nor B including C or D", yields the code of each member.
- ``stated``: a concept that stands outside every such scope ("the screen showed cocaine").
- ``said``: a whole wording, wherever it stands in a clause that can carry a reason.

Patterns are composed of named slots, e.g. {function} or {conservative}, which may be composed in turn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from imr_llm.data import parse_yaml
from imr_llm.letters.sentences import Clause, Role, split_clauses
from imr_llm.record import Polarity
from imr_llm.terms.taxonomy import load_taxonomy

Kind = Literal["missing", "stated", "said"]
_KINDS: tuple[Kind, ...] = ("missing", "stated", "said")
_SLOT = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True)
class Finding:
    """A reason found in a cleaned rationale: text[start:end] is the shortest clause or sentence that states it."""

    code: str
    polarity: Polarity
    primary: bool
    start: int
    end: int
    pattern: str


@dataclass(frozen=True)
class Subject:
    """The disputed item, as far as known: what conditions a pattern. None is unknown and rules nothing out."""

    title: str = ""
    category: str | None = None
    subcategory: str | None = None


@dataclass(frozen=True)
class Pattern:
    """One named wording of one code, and rows of text that do (`carries`) and do not (`near_misses`) carry it.

    `within` and `outside` name categories ("surgery") or category.subcategory ("surgery.spine"). A `weak` pattern
    counts only where no other says anything; a `recited` one may stand in a guideline recital, a `history` one in what
    is told of utilization review; `names_item` asks that the clause name the disputed item, `other_item` that the
    words found do not.
    """

    name: str
    code: str
    kind: Kind
    expression: re.Pattern[str]
    unless: re.Pattern[str] | None
    titled: re.Pattern[str] | None
    within: frozenset[str]
    outside: frozenset[str]
    weak: bool
    recited: bool
    names_item: bool
    other_item: bool
    history: bool
    carries: tuple[str, ...]
    near_misses: tuple[str, ...]


@dataclass(frozen=True)
class Cues:
    """The absence cues: `before` what is missing, `after` it, and the words at which a scope ends.

    `stop_back` ends a scope that looks back at what was found: "the screen showed cocaine, not explained".
    `anaphora` says that what the sentence before listed is missing: "none of these is in the notes".
    """

    before: re.Pattern[str]
    after: re.Pattern[str]
    stop: re.Pattern[str]
    stop_back: re.Pattern[str]
    anaphora: re.Pattern[str]


@dataclass(frozen=True)
class Match:
    """One pattern found in one clause, at text[start:end]."""

    pattern: Pattern
    clause: Clause
    start: int
    end: int


@cache
def load_patterns() -> tuple[Pattern, ...]:
    """The shipped patterns, compiled on first use, in the file's order."""
    raw = _load_file()
    return tuple(_read_pattern(row, raw["slots"]) for row in raw["patterns"])


@cache
def load_cues() -> Cues:
    """The shipped absence cues, compiled on first use."""
    raw = _load_file()
    cues = {
        name: _compile(raw["cues"][name], raw["slots"]) for name in ("before", "after", "stop", "stop_back", "anaphora")
    }
    return Cues(**cues)


@cache
def load_precedence() -> Mapping[str, int]:
    """Codes that are usually (-1) or seldom (1) the main ground where several are given; the others count 0."""
    order = _load_file()["precedence"]
    return {**dict.fromkeys(order["usually"], -1), **dict.fromkeys(order["seldom"], 1)}


def find_matches(text: str, subject: Subject, polarity: Polarity) -> tuple[Match, ...]:
    """Every pattern of one polarity that a cleaned rationale carries, by place and then by the file's order."""
    patterns = [
        pattern
        for pattern in load_patterns()
        if load_taxonomy().codes[pattern.code].polarity == polarity and _suits(pattern, subject)
    ]
    item = _item_words(subject.title)
    found: list[Match] = []
    before: Clause | None = None
    for clause in split_clauses(text):
        found += _match_clause(text, clause, patterns, item)
        if before is not None and load_cues().anaphora.search(text, clause.start, clause.end):
            found += _match_listed(text, before, clause, patterns)
        before = clause
    return tuple(found)


def _match_listed(text: str, listed: Clause, clause: Clause, patterns: list[Pattern]) -> list[Match]:
    """What `listed` names is said to be missing by `clause`: the patterns of kind "missing" hold of the list."""
    words = text[listed.start : listed.end]
    missing = (pattern for pattern in patterns if pattern.kind == "missing")
    return [Match(p, clause, clause.start, clause.end) for p in missing if p.expression.search(words)]


def _match_clause(text: str, clause: Clause, patterns: list[Pattern], item: frozenset[str]) -> list[Match]:
    words = text[clause.start : clause.end]
    scopes = find_scopes(words)
    found = []
    for pattern in patterns:
        if not _may_stand_in(pattern, clause.role) or (pattern.names_item and not _names(words, item)):
            continue
        span = _find_in(pattern, words, scopes)
        if span is None or (pattern.unless is not None and pattern.unless.search(words)):
            continue
        if not (pattern.other_item and _names(words[span[0] : span[1]], item)):
            found.append(Match(pattern, clause, clause.start + span[0], clause.start + span[1]))
    return found


def _may_stand_in(pattern: Pattern, role: Role) -> bool:
    """Findings and conclusions carry reasons; a recital or history only those of patterns made for it."""
    return {"recital": pattern.recited, "history": pattern.history}.get(role, True)


def _find_in(pattern: Pattern, words: str, scopes: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    """The first place in a clause where the pattern holds, under its kind's rule about absence scopes."""
    if pattern.kind == "missing":
        inside = (pattern.expression.search(words, first, last) for first, last in scopes)
        return min((match.span() for match in inside if match), default=None)
    for match in pattern.expression.finditer(words):
        touches = any(first < match.end() and match.start() < last for first, last in scopes)
        if pattern.kind == "said" or not touches:
            return match.span()
    return None


def find_scopes(words: str) -> tuple[tuple[int, int], ...]:
    """The (start, end) stretches of a clause that are said to be missing, in order, none overlapping."""
    cues = load_cues()
    scopes: list[tuple[int, int]] = []
    for cue in cues.before.finditer(words):
        stop = cues.stop.search(words, cue.end())
        scopes.append((cue.end(), stop.start() if stop else len(words)))
    for cue in cues.after.finditer(words):
        turns = [turn.end() for turn in cues.stop.finditer(words, 0, cue.start())]
        shown = [verb.end() for verb in cues.stop_back.finditer(words, max(turns, default=0), cue.start())]
        if not (shown and cue.group().lower().startswith("not")):
            scopes.append((max(shown or turns, default=0), cue.end()))
    return _merge(scopes)


def _merge(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join spans that overlap, so that a long list of cues is read once."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _suits(pattern: Pattern, subject: Subject) -> bool:
    """Whether a pattern is meant for this treatment; an unknown category rules nothing out."""
    if pattern.titled is not None and not pattern.titled.search(subject.title):
        return False
    if subject.category is None:
        return True
    names = {subject.category, f"{subject.category}.{subject.subcategory}"}
    if pattern.within and not names & pattern.within:
        return False
    return not names & pattern.outside


_PLAIN_WORDS = frozenset(
    [
        "request",
        "requested",
        "original",
        "remaining",
        "portion",
        "eligible",
        "claims",
        "administrator",
        "authorized",
        "therapy",
        "treatment",
        "session",
        "sessions",
        "visits",
        "visit",
        "weeks",
        "times",
        "week",
        "month",
        "months",
        "with",
        "without",
        "right",
        "left",
        "bilateral",
        "lumbar",
        "cervical",
        "thoracic",
        "spine",
        "shoulder",
        "knee",
        "ankle",
        "wrist",
        "hand",
        "lower",
        "upper",
        "extremity",
        "extremities",
        "back",
        "neck",
        "pain",
        "days",
        "tablets",
        "tablet",
        "capsules",
        "refill",
        "refills",
        "unit",
        "units",
        "purchase",
        "rental",
        "quantity",
        "retrospective",
        "total",
        "additional",
        "service",
        "services",
        "associated",
        "surgical",
        "medication",
        "per",
        "for",
        "and",
        "the",
        "of",
        "use",
    ]
)


def _item_words(title: str) -> frozenset[str]:
    """The telling words of a title, in lower case."""
    return frozenset(w for w in re.findall(r"[a-z][a-z-]{2,}", title.lower()) if w not in _PLAIN_WORDS)


def _names(words: str, item: frozenset[str]) -> bool:
    return not item.isdisjoint(re.findall(r"[a-z][a-z-]{2,}", words.lower()))


@cache
def _load_file() -> Mapping[str, Any]:
    text = files("imr_llm").joinpath("data", "reason_patterns.yaml").read_text(encoding="utf-8")
    raw: Mapping[str, Any] = parse_yaml(text)
    return raw


def _read_pattern(row: Mapping[str, Any], slots: Mapping[str, str]) -> Pattern:
    kind = next(kind for kind in _KINDS if kind in row)
    return Pattern(
        name=row["name"],
        code=row["code"],
        kind=kind,
        expression=_compile(row[kind], slots),
        unless=_compile(row["unless"], slots) if "unless" in row else None,
        titled=_compile(row["titled"], slots) if "titled" in row else None,
        within=frozenset(row.get("within", ())),
        outside=frozenset(row.get("outside", ())),
        weak=row.get("weak", False),
        recited=row.get("recited", False),
        names_item=row.get("names_item", False),
        other_item=row.get("other_item", False),
        history=row.get("history", False),
        carries=tuple(row["carries"]),
        near_misses=tuple(row["near_misses"]),
    )


def _compile(expression: str, slots: Mapping[str, str]) -> re.Pattern[str]:
    """Compile an expression with its {slots} filled in; a slot is matched whole, white space in YAML folds to one."""
    return re.compile(_expand(expression, slots), re.IGNORECASE)


def _expand(expression: str, slots: Mapping[str, str]) -> str:
    folded = re.sub(r"\s*\n\s*", "", expression.strip())
    return _SLOT.sub(lambda slot: f"(?:{_expand(slots[slot.group(1)], slots)})", folded)
