"""Where the summary states a fact that the rationale says is missing.

The summary says "he is more functional on his medications"; the rationale says "no functional benefit has been
documented". Attorneys look for exactly this. A false one embarrasses, so every step leans to silence: the denial must
be about this patient, the fact must not be planned or negated, both must be about the same kind of treatment, drug or
body region where these are named, and (where the reasons are known) the denial must be one of them. What is merely
bad ("relief was too short") denies nothing. The wordings stand in data/contradictions.yaml.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from imr_llm.data import parse_yaml
from imr_llm.letters.dates import find_dates
from imr_llm.letters.sentences import split_clauses
from imr_llm.rules.absence import bounded_sentences, find_absence
from imr_llm.rules.uds import UdsReading, read_uds
from imr_llm.terms.vocabulary import find_drug_classes, find_drugs, find_regions

RECENT_DAYS = 180


@dataclass(frozen=True)
class FoundContradiction:
    """The sentence of the cleaned summary that states the fact, and that of the rationale which denies it."""

    topic: str
    summary_start: int
    summary_end: int
    rationale_start: int
    rationale_end: int


@dataclass(frozen=True)
class Rule:
    """One way to contradict; the fields are explained at the head of data/contradictions.yaml."""

    denied: re.Pattern[str]
    record_only: bool
    requires: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    measured: re.Pattern[str] | None
    stated: tuple[re.Pattern[str], ...]
    stated_loosely: tuple[re.Pattern[str], ...]
    same: frozenset[str]
    skip_repeated: bool


@dataclass(frozen=True)
class Topic:
    """What a contradiction can be about. The examples are sentences of our own, checked by tests."""

    topic: str
    label: str
    definition: str
    codes: frozenset[str]
    rules: tuple[Rule, ...]
    examples: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class _Denial:
    """A sentence that says that `thing` is missing, and the sentences that tell what is asked for."""

    start: int
    end: int
    sentence: str
    thing: str
    item: str


@dataclass(frozen=True)
class _Statement:
    start: int
    end: int
    sentence: str


@cache
def load_topics() -> tuple[Topic, ...]:
    """The shipped topics in the file's order, read on first use."""
    raw = parse_yaml(files("imr_llm").joinpath("data", "contradictions.yaml").read_text(encoding="utf-8"))
    return tuple(_read_topic(row) for row in raw["topics"])


def find_contradictions(
    summary: str, rationale: str, *, reason_codes: Collection[str]
) -> tuple[FoundContradiction, ...]:
    """At most one contradiction a topic between a cleaned summary and a cleaned rationale, in the topics' order.

    `reason_codes`: the codes of the reasons found in this rationale. A denial that is no reason contradicts nothing;
    an empty collection says that none are known, and then the wording decides alone.
    """
    if not summary or not rationale:
        return ()
    found = (
        _find_uds(summary, rationale) if topic.topic == "uds" else _find_topic(topic, summary, rationale)
        for topic in load_topics()
        if not reason_codes or topic.codes & set(reason_codes)
    )
    return tuple(contradiction for contradiction in found if contradiction is not None)


# ------------------------------------------------------------------------------------------------------- topics


def _find_topic(topic: Topic, summary: str, rationale: str) -> FoundContradiction | None:
    for rule in topic.rules:
        for denial in find_denials(rule, rationale):
            for statement in find_statements(rule, summary, denial.sentence):
                if _is_same(rule, statement, denial) and not _is_repeated(rule, rationale, denial):
                    return FoundContradiction(topic.topic, statement.start, statement.end, denial.start, denial.end)
    return None


def find_denials(rule: Rule, rationale: str) -> Iterator[_Denial]:
    """The sentences of the rationale that say of this patient that the rule's thing is missing."""
    clauses = split_clauses(rationale)
    sentences = bounded_sentences(rationale)
    item = " ".join(rationale[a:b] for a, b in sentences if _ASKS.search(rationale[a:b]))
    for start, end in sentences:
        sentence = rationale[start:end]
        for match in rule.denied.finditer(sentence):
            absence = find_absence(sentence, *match.span())
            if absence is None or (rule.record_only and absence.kind != "record"):
                continue
            role = next((c.role for c in clauses if c.start <= start + match.start() < c.end), "finding")
            if role in ("recital", "history") and not absence.referring:
                continue
            around = sentence[max(0, min(match.start(), absence.start) - 60) : max(match.end(), absence.end) + 100]
            if rule.requires and not rule.requires.search(around):
                continue
            if rule.unless and rule.unless.search(around):
                continue
            if _ASIDE.search(sentence[: match.start()]):
                continue
            yield _Denial(start, end, sentence, match[0], item)


def find_statements(rule: Rule, summary: str, denying: str = "") -> Iterator[_Statement]:
    """The sentences of the summary that state the fact; only measured ones against a denial of measured ones."""
    measured = rule.measured is not None and rule.measured.search(denying) is not None
    patterns = rule.stated if measured else rule.stated + rule.stated_loosely
    for start, end in bounded_sentences(summary):
        sentence = summary[start:end]
        if _OF_THE_REVIEW.search(sentence):
            continue
        if any(_holds(pattern, sentence) for pattern in patterns):
            yield _Statement(start, end, sentence)


def _holds(pattern: re.Pattern[str], sentence: str) -> bool:
    return any(
        not _UNREAL.search(sentence[max(0, match.start() - 70) : match.start()]) for match in pattern.finditer(sentence)
    )


def _is_repeated(rule: Rule, rationale: str, denial: _Denial) -> bool:
    """Does the rationale state the fact itself? Then it weighs it, and misses nothing."""
    if not rule.skip_repeated:
        return False
    others = rationale[: denial.start] + " " * (denial.end - denial.start) + rationale[denial.end :]
    return next(find_statements(rule, others, denial.sentence), None) is not None


# "The requested Norco …", "the request for …", "… is not medically necessary": the sentences that name the item.
_ASKS = re.compile(r"\brequest\w*\b|\bmedical(?:ly)?\s+(?:necess|un)", re.IGNORECASE)
# The thing as a condition, or as what the missing findings would have supported ("… to warrant an x-ray").
_ASIDE = re.compile(
    r"\b(?:unless|until|if|when|once|should|in\s+order\s+to)\b[^,;]{0,80}$"
    r"|\b(?:warrant|support|justif|necessitat|indicat\w*\s+the\s+need|need\s+for|rationale\s+for|request\w*\s+for)\w*\s+(?:\w+\s+){0,4}$",
    re.IGNORECASE,
)
_OF_THE_REVIEW = re.compile(
    r"\butilization\s+review|\bUR\b|\bclaims\s+administrator\b|\b(?:was|were|previously)\s+(?:\w+\s+)?(?:denied|non-?\s?certified|modified)\b"
    r"|\bnon-?\s?certified\b|\brationale\s+for\s+denial\b|\bprior\s+(?:review|determination)\b|\boriginal\s+request\b",
    re.IGNORECASE,
)
_UNREAL = re.compile(
    r"\b(?:no|not|never|without|unable|cannot|lack\s+of|plan\w*|will|would|could|should|recommend\w*|request\w*|pending|scheduled"
    r"|order(?:ed|s)?|requir\w*|need(?:s|ed)?|referr\w+|refer|in\s+order\s+to|goals?|to\s+see\s+if|hop\w+|expect\w*|difficult\w*|authori[sz]\w+|advised|if|neither|nor|denie[sd])\b[^.;]{0,40}$|\bto\s*$",
    re.IGNORECASE,
)

# -------------------------------------------------------------------------------- the same treatment, drug, region

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("injection", r"\b(?:injections?|injected|blocks?|epidurals?|ESIs?|neurotom\w+|ablation|rhizotomy|botox|viscosuppl\w+)\b"),
        ("physical therapy", r"\b(?:physical\s+therapy|physiotherapy|PT|therapeutic\s+exercise\w*|aquatic\s+therapy|home\s+exercise\w*)\b"),
        ("chiropractic", r"\b(?:chiropract\w+|chirotherapy|manipulations?|manual\s+therapy)\b"),
        ("acupuncture", r"\bacupuncture\b"),
        ("massage", r"\bmassage\b"),
        ("device", r"\b(?:TENS|H-wave|interferential|brace|orthos[ie]s|stimulator|unit)\b"),
        ("surgery", r"\b(?:surg\w+|arthroscop\w+|fusion|discectomy)\b"),
        ("psychological care", r"\b(?:psych\w+|cognitive|CBT|biofeedback)\b"),
        ("mri", r"\b(?:MRIs?|magnetic\s+resonance)\b"),
        ("ct", r"\bCT\b"),
        ("electrodiagnostics", r"\b(?:EMG|NCV|NCS|electrodiagnos\w+|nerve\s+conduction)\b"),
        ("medication", r"\b(?:medications?|medicines?|meds|drugs?|opioids?|opiates?|narcotics?|analgesics?|NSAIDs?|tablets?|capsules?|prescriptions?|refills?|relaxants?|creams?|ointments?|gels?|patch(?:es)?)\b"),
    )
)  # fmt: skip


def _is_same(rule: Rule, statement: _Statement, denial: _Denial) -> bool:
    if "item" in rule.same and not _is_same_item(statement.sentence, denial):
        return False
    if "noun" in rule.same and not _kinds(denial.thing) <= _kinds(statement.sentence):
        return False
    if "drug" in rule.same and not _is_same_drug(statement.sentence, denial):
        return False
    if "class" in rule.same and not _is_same_class(statement.sentence, denial.thing):
        return False
    return "region" not in rule.same or _is_same_region(statement.sentence, denial)


def _is_same_item(statement: str, denial: _Denial) -> bool:
    """Both about pills, or both about needles; a fact about no treatment at all fits none."""
    theirs = _kinds(denial.sentence) or _kinds(denial.item)
    return bool(_kinds(statement) & theirs)


def _kinds(text: str) -> frozenset[str]:
    kinds = {name for name, pattern in _KINDS if pattern.search(text)}
    if find_drugs(text):
        kinds.add("medication")
    return frozenset(kinds)


def _is_same_drug(statement: str, denial: _Denial) -> bool:
    """A fact about named drugs fits only a denial, or a request, that names one of them."""
    ours = {mention.drug.generic for mention in find_drugs(statement)}
    theirs = {mention.drug.generic for mention in find_drugs(f"{denial.sentence} {denial.item}")}
    return not ours or not theirs or bool(ours & theirs)


def _is_same_class(statement: str, thing: str) -> bool:
    """ "Failure of antidepressants" is not contradicted by a failed NSAID; "first-line therapy" names no class."""
    wanted = {name for _, _, name in find_drug_classes(thing)}
    given = {mention.drug.drug_class for mention in find_drugs(statement)}
    given |= {name for _, _, name in find_drug_classes(statement)}
    return not wanted or bool(wanted & given)


_LIMBS = {
    "shoulder": "upper_extremity", "elbow": "upper_extremity", "wrist_hand": "upper_extremity",
    "hip": "lower_extremity", "knee": "lower_extremity", "ankle_foot": "lower_extremity",
    "sacroiliac": "lumbar",
}  # fmt: skip
_NERVES = {"upper_extremity": "cervical", "lower_extremity": "lumbar"}


def _is_same_region(statement: str, denial: _Denial) -> bool:
    ours = _regions(statement)
    theirs = _regions(denial.sentence) or _regions(denial.item)
    return not ours or not theirs or bool(ours & theirs)


def _regions(text: str) -> frozenset[str]:
    """The regions named; a nerve's limb stands for its part of the spine too ("L5", "foot drop", "lumbar")."""
    named = {mention.region for mention in find_regions(text)}
    regions: set[str] = set(named)
    for match in re.finditer(r"\b([CTLS])\d\b", text):
        regions.add({"C": "cervical", "T": "thoracic", "L": "lumbar", "S": "lumbar"}[match[1]])
    if re.search(r"\bradicul\w+|\bdermatom\w+|\breflex\w*|\bfoot\s+drop\b|\bsensation\b", text, re.IGNORECASE):
        limbs = {_LIMBS.get(region, region) for region in regions}
        regions |= {_NERVES[limb] for limb in limbs if limb in _NERVES}
    return frozenset(regions)


# -------------------------------------------------------------------------------------------- the drug screen


def _find_uds(summary: str, rationale: str) -> FoundContradiction | None:
    theirs = read_uds(rationale)
    if theirs.status != "stated_absent":
        return None
    ours = read_uds(summary)
    if ours.status in ("not_mentioned", "stated_absent") or _is_too_old(
        summary, ours, rationale[theirs.start : theirs.end]
    ):
        return None
    return FoundContradiction("uds", ours.start, ours.end, theirs.start, theirs.end)


def _is_too_old(summary: str, reading: UdsReading, denying: str) -> bool:
    """ "No recent screen" is not contradicted by one that the summary dates half a year before its last date."""
    if not re.search(r"\b(?:recent|current|updated|up-to-date|latest|since)\b", denying, re.IGNORECASE):
        return False
    screens = _dates(summary[reading.start : reading.end])
    last = max(_dates(summary), default=None)
    return bool(screens and last and (last - max(screens)).days > RECENT_DAYS)


def _dates(text: str) -> list[datetime.date]:
    return [found.date for found in find_dates(text) if found.date is not None]


# ------------------------------------------------------------------------------------------------------ the file


def _read_topic(row: Mapping[str, Any]) -> Topic:
    return Topic(
        topic=row["topic"],
        label=row["label"],
        definition=row["definition"],
        codes=frozenset(row["codes"]),
        rules=tuple(_read_rule(rule) for rule in row["rules"]),
        examples={name: tuple(row.get(name, ())) for name in ("says", "silent", "denies", "recites")},
    )


def _read_rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        denied=_compile(row["denied"]),
        record_only=row["absence"] == "record",
        requires=_compile(row["requires"]) if "requires" in row else None,
        unless=_compile(row["unless"]) if "unless" in row else None,
        measured=_compile(row["measured"]) if "measured" in row else None,
        stated=tuple(_compile(pattern) for pattern in row["stated"]),
        stated_loosely=tuple(_compile(pattern) for pattern in row.get("stated_loosely", ())),
        same=frozenset(row["same"]),
        skip_repeated=row["repeated"] == "skip",
    )


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
