"""What became of every labelled field: run and gold side by side, letter by letter, before anything is counted.

An outcome holds states, codes and numbers, never a letter's words, so that scores may be committed as baselines: of
lists whose members are printed words (specialties, citations) it holds hashes.
A letter that failed stays in: all that gold has of it is missing. A letter that was not in the run is left out and
counted; so is one that gold does not know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import BaseModel

from imr_llm.errors import ConfigurationError
from imr_llm.record import Determination, Review

from .alignment import Pair, align
from .evidence import check_standing, overlap_with_gold
from .fields import (
    ITEM_FIELDS,
    LETTER_FIELDS,
    UNLABELLED,
    ItemField,
    LetterField,
    State,
    Unlabelled,
    Values,
    compare_values,
)
from .gold import Gold, GoldLetter
from .runs import Recorded

MANY_ITEMS = 4
PRINTED_LISTS = frozenset({"specialties", "licensed_states", "maximus_citations"})


class Members(BaseModel, frozen=True, extra="forbid"):
    """A field that is a set: which of its members were found, which not, and which are not in gold."""

    right: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    invented: tuple[str, ...] = ()


class Place(BaseModel, frozen=True, extra="forbid"):
    """A reason's evidence: `code`, who found it, how it was matched, whether it holds; `overlap` with the gold quote,
    None where the code is not in gold or its quote is not in the rationale."""

    code: str
    found_by: str
    match: str
    verbatim: bool
    inside: bool
    whole_words: bool
    overlap: float | None = None


class Outcome(BaseModel, frozen=True, extra="forbid"):
    """One determination (number: gold's; found: the record's), or the letter as a whole (neither).

    states: by field; sets: the members of those that are sets. classes: gold's and the record's value of decision and
    of the drug screen, where they are classes of their own. slices: what the item is counted under besides.
    """

    file: str
    number: int | None = None
    found: int | None = None
    failed: bool = False
    states: dict[str, State] = {}
    sets: dict[str, Members] = {}
    classes: dict[str, tuple[str | None, str | None]] = {}
    evidence: tuple[Place, ...] = ()
    rejected: int = 0
    flags: tuple[str, ...] = ()
    slices: dict[str, str] = {}


@dataclass(frozen=True)
class Judged:
    """All outcomes, and which letters could not be judged: not in the run, or not in gold."""

    outcomes: tuple[Outcome, ...]
    not_in_run: tuple[str, ...]
    not_in_gold: tuple[str, ...]


def judge_run(recorded: Recorded, gold: Gold) -> Judged:
    """Hold a run against a gold set."""
    reviews = _Reviews(recorded)
    outcomes: list[Outcome] = []
    absent: list[str] = []
    for letter in gold.letters:
        review = reviews.find(letter)
        if review is None and not reviews.failed(letter):
            absent.append(letter.file)
            continue
        text = recorded.texts[review.letter.letter_id] if review else ""
        outcomes += _judge_letter(letter, review, text)
    return Judged(tuple(outcomes), tuple(absent), reviews.unclaimed())


class _Reviews:
    """A run's reviews by what gold may call a letter: its file name, that without its ending, or its case number."""

    def __init__(self, recorded: Recorded) -> None:
        self._by_name: dict[str, list[Review]] = {}
        self._reviews = recorded.reviews
        self._failed = {_stem(failure.source) for failure in recorded.failures}
        self._claimed: set[str] = set()
        for review in recorded.reviews:
            for name in {review.letter.file, _stem(review.letter.file), review.case.case_number}:
                if name:
                    self._by_name.setdefault(name, []).append(review)

    def find(self, letter: GoldLetter) -> Review | None:
        for name in (letter.file, _stem(letter.file), letter.fields.get("case_number")):
            found = self._by_name.get(name or "", [])
            if len(found) > 1:
                raise ConfigurationError(
                    f"gold names {letter.file}, and the run has {len(found)} letters of that name; "
                    "score letters of the same name in runs of their own"
                )
            if found:
                self._claimed.add(found[0].letter.letter_id)
                return found[0]
        return None

    def failed(self, letter: GoldLetter) -> bool:
        return _stem(letter.file) in self._failed

    def unclaimed(self) -> tuple[str, ...]:
        return tuple(review.letter.file for review in self._reviews if review.letter.letter_id not in self._claimed)


def _stem(name: str) -> str:
    file = PurePosixPath(name.split("!")[-1])
    return file.stem if file.suffix.lower() in (".pdf", ".txt") else file.name


def _judge_letter(letter: GoldLetter, review: Review | None, text: str) -> Iterator[Outcome]:
    yield _judge_whole(letter, review)
    if not letter.whole:
        return
    layout = review.letter.layout if review else "failed"
    for pair in align(letter.items, review.determinations if review else []):
        yield _judge_pair(letter, pair, review, text, layout)


def _judge_whole(letter: GoldLetter, review: Review | None) -> Outcome:
    states: dict[str, State] = {}
    sets: dict[str, Members] = {}
    for field in LETTER_FIELDS:
        gold = field.gold(letter)
        if gold is not UNLABELLED:
            _compare(field, gold, field.found(review) if review else None, states, sets)
    classes: dict[str, tuple[str | None, str | None]] = {}
    if "uds_summary" in letter.fields:
        found = review.summary.uds_status if review else None
        classes["uds_summary"] = (letter.fields["uds_summary"], found)
    return Outcome(file=letter.file, failed=review is None, states=states, sets=sets, classes=classes)


def _compare(
    field: LetterField | ItemField, gold: Values, found: Values, states: dict[str, State], sets: dict[str, Members]
) -> None:
    states[field.name] = compare_values(gold, found, field.same)
    if isinstance(gold, frozenset) or isinstance(found, frozenset):
        ours = found if isinstance(found, frozenset) else frozenset()
        theirs = gold if isinstance(gold, frozenset) else frozenset()
        show = _hash_words if field.name in PRINTED_LISTS else sorted
        sets[field.name] = Members(
            right=tuple(show(ours & theirs)),
            missing=tuple(show(theirs - ours)),
            invented=tuple(show(ours - theirs)),
        )


def _hash_words(members: Iterable[str]) -> list[str]:
    return sorted(hashlib.sha256(member.encode()).hexdigest()[:8] for member in members)


def _judge_pair(letter: GoldLetter, pair: Pair, review: Review | None, text: str, layout: str) -> Outcome:
    row, item = pair.gold, pair.found
    states: dict[str, State] = {}
    sets: dict[str, Members] = {}
    for field in ITEM_FIELDS:
        gold = _gold_value(field, pair, letter)
        if gold is not UNLABELLED:
            _compare(field, gold, field.found(item) if item else None, states, sets)
    where = f"determinations[{item.number}]" if item else None
    warnings = review.run.warnings if review else []
    rejected = [w for w in warnings if w.code in ("ungrounded_quote", "reason_misfit") and _within(w.where, where)]
    return Outcome(
        file=letter.file,
        number=row.number if row else None,
        found=item.number if item else None,
        failed=review is None,
        states=states,
        sets=sets,
        classes=dict(_classes(pair, letter)),
        evidence=tuple(_places(pair, text)) if item else (),
        rejected=len(rejected),
        flags=tuple(item.needs_review) if item else (),
        slices=_slices(letter, pair, layout),
    )


def _within(path: str | None, where: str | None) -> bool:
    return bool(path and where and path.startswith(where + ".reasons"))


def _gold_value(field: ItemField, pair: Pair, letter: GoldLetter) -> Values | Unlabelled:
    """The gold value; for an invented item None, so far as the letter's other items are labelled with this field."""
    if pair.gold is not None:
        return field.gold(pair.gold)
    return None if any(field.gold(row) is not UNLABELLED for row in letter.items) else UNLABELLED


def _classes(pair: Pair, letter: GoldLetter) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    for name in ("decision", "uds_rationale"):
        if not any(row.has(name) for row in letter.items):
            continue
        if pair.gold is not None and not pair.gold.has(name):
            continue
        gold = getattr(pair.gold, name) if pair.gold else None
        attribute = "uds_status" if name == "uds_rationale" else name
        yield name, (gold, getattr(pair.found, attribute) if pair.found else None)


def _places(pair: Pair, text: str) -> Iterator[Place]:
    item: Determination | None = pair.found
    assert item is not None  # the caller asks for found items only
    quotes: dict[str, list[str]] = {}
    for label in pair.gold.reasons if pair.gold else ():
        quotes.setdefault(label.code, []).append(label.quote)
    for reason in item.reasons:
        standing = check_standing(text, item, reason)
        share = overlap_with_gold(text, item, reason, quotes[reason.code]) if reason.code in quotes else None
        yield Place(
            code=reason.code,
            found_by=reason.found_by,
            match=reason.evidence.match,
            verbatim=standing.verbatim,
            inside=standing.inside,
            whole_words=standing.whole_words,
            overlap=None if share is None else round(share, 4),
        )


def _slices(letter: GoldLetter, pair: Pair, layout: str) -> dict[str, str]:
    """What the item is counted under besides: by gold's labels, by the record's where gold has none."""
    row, item = pair.gold, pair.found
    category = row.treatment.get("category") if row else item.treatment.category if item else None
    decision = row.decision if row else item.decision if item else None
    items = len(letter.items)
    number = "1" if items == 1 else f"2-{MANY_ITEMS - 1}" if items < MANY_ITEMS else f"{MANY_ITEMS} or more"
    return {
        "treatment": category or "none",
        "decision": decision or "none",
        "layout": layout,
        "determinations": number,
    }
