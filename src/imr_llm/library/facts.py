"""What the tables know beyond the record: values derived from it, each derived in one way and named as derived.

The record stays what the letter prints. A filter needs more: a date where the header is cut off, the pages cited
inside a rationale, whether the two guideline lines agree, which drug screens bear on an item.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Literal

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.dates import find_dates
from imr_llm.record import Citation, Determination, Guideline, Review
from imr_llm.terms.vocabulary import find_regions

Basis = Literal["printed", "derived"]

# Items on which a drug screen bears: the screen itself and drugs that are monitored by it.
MONITORED = frozenset(
    {"opioids", "benzodiazepines", "barbiturate_analgesics", "sedative_hypnotics", "urine_drug_screen"}
)
_UNNAMED_INGREDIENTS = frozenset({"acetaminophen", "aspirin", "caffeine"})


@dataclass(frozen=True)
class Dated:
    """A date as ISO text, and whether the letter prints it as such or it was derived; both null where unknown."""

    date: str | None = None
    basis: Basis | None = None


@dataclass(frozen=True)
class LetterFacts:
    """Dates of a letter: of the decision (else its latest date), of the UR decision, of the injury; its summary."""

    letter: Dated
    ur_denial: Dated
    injury: Dated
    summary: str


@dataclass(frozen=True)
class PageRange:
    """Pages of a guideline that a rationale prints."""

    first: int
    last: int


def derive_letter_facts(text: str, review: Review) -> LetterFacts:
    """The dates of a letter; `text` is its kept text."""
    start, end = review.summary.start, review.summary.end
    summary = clean_text(text[start:end]) if start is not None and end is not None else ""
    return LetterFacts(
        letter=_letter_date(clean_text(text), review),
        ur_denial=_ur_date(review),
        injury=_injury_date(summary, review),
        summary=summary,
    )


def _letter_date(text: str, review: Review) -> Dated:
    """The decision date, else the latest date that the letter prints (a letter is dated after what it tells)."""
    if review.case.decision_date:
        return Dated(review.case.decision_date.isoformat(), "printed")
    dates = [found.date for found in find_dates(text) if found.date]
    today = datetime.date.today()
    believable = [date for date in dates if date <= today]
    return Dated(max(believable).isoformat(), "derived") if believable else Dated()


def _ur_date(review: Review) -> Dated:
    if review.case.ur_denial_date:
        return Dated(review.case.ur_denial_date.isoformat(), "printed")
    dates = [action.date for action in review.summary.ur_actions if action.date]
    return Dated(max(dates).isoformat(), "derived") if dates else Dated()


_INJURY = re.compile(r"\b(?:injur(?:y|ies|ed)|DOI)\b[^.;]{0,40}$", re.IGNORECASE)
# "has been treated for low back pain since 2001": the injury is no later.
_SINCE = re.compile(
    r"\b(?:treated|treatment|injur\w+|symptoms|pain)\b[^.;]{0,60}\bsince (?:\w+ )?((?:19|20)\d\d)\b", re.IGNORECASE
)
_INJURY_REACH = 60


def _injury_date(summary: str, review: Review) -> Dated:
    if review.case.date_of_injury:
        return Dated(review.case.date_of_injury.isoformat(), "printed")
    for found in find_dates(summary):
        if found.date and _INJURY.search(summary, max(0, found.start - _INJURY_REACH), found.start):
            return Dated(found.date.isoformat(), "derived")
    since = _SINCE.search(summary)
    return Dated(f"{since[1]}-12-31", "derived") if since else Dated()


_GUIDE = re.compile(r"\b(?:MTUS|ODG|ACOEM|guide ?lines?|CPMTG)\b", re.IGNORECASE)
_PAGES = re.compile(
    r"\b(?:page\(s\)|pages?|pgs?\.?|pp?\.)\s*:?\s*(\d{1,3}(?:\s?-\s?\d{1,3})?(?:\s?(?:,|and|&)\s?\d{1,3}(?:\s?-\s?\d{1,3})?)*)\b(?![\d/])",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(\d{1,3})(?:\s?-\s?(\d{1,3}))?")
_GUIDE_REACH = 250


def read_rationale_pages(rationale: str) -> tuple[PageRange, ...]:
    """Guideline pages printed in a rationale ("Opioids, Pages 78-80"); pages of a medical record are not."""
    text = clean_text(rationale)
    found: list[PageRange] = []
    for match in _PAGES.finditer(text):
        if not _GUIDE.search(text, max(0, match.start() - _GUIDE_REACH), min(len(text), match.end() + _GUIDE_REACH)):
            continue
        found += [_page_range(first, last) for first, last in _RANGE.findall(match[1])]
    return tuple(dict.fromkeys(found))


def _page_range(first: str, last: str) -> PageRange:
    start = int(first)
    # "178-80" is 178 to 180.
    end = int(first[: len(first) - len(last)] + last) if last else start
    return PageRange(start, max(start, end))


def drug_names(drug: str | None) -> tuple[str, ...]:
    """The names a drug is found by: its own, and its ingredients (not the acetaminophen that nobody means)."""
    if not drug:
        return ()
    parts = [part for part in drug.split("/") if part not in _UNNAMED_INGREDIENTS]
    return tuple(dict.fromkeys([drug, *parts]))


def uds_states(review: Review, determination: Determination) -> tuple[str, ...]:
    """What the letter says of the patient's drug screen, where that bears on this item: rationale, then summary."""
    states = [determination.uds_status]
    if determination.treatment.subcategory in MONITORED:
        states.append(review.summary.uds_status)
    return tuple(dict.fromkeys(state for state in states if state != "not_mentioned"))


def has_sure_regions(determination: Determination) -> bool:
    """Is the item itself for these regions? A drug treats every painful region; of a procedure without a region in
    its title, a summary that speaks of neck and back does not say which one it is for."""
    regions = determination.treatment.body_regions
    if len(regions) < 2 or determination.treatment.category == "pharmaceuticals":
        return True
    return any(mention.region in regions for mention in find_regions(clean_text(determination.title)))


GuidelineDifference = Literal["same", "narrower_or_broader", "section", "document"]


def compare_guidelines(determination: Determination) -> GuidelineDifference | None:
    """How far the reviewer's guideline differs from the claims administrator's; None where either cites none.

    "document": no source or chapter in common. "section": the same document, no section in common.
    "narrower_or_broader": one names some of the other's sections, or a section by a longer name.
    """
    theirs, ours = determination.claims_administrator_guideline, determination.maximus_guideline
    if not (theirs and ours and theirs.citations and ours.citations):
        return None
    if not _documents(theirs) & _documents(ours):
        return "document"
    return _compare_sections(_sections(theirs), _sections(ours))


def cites_none(determination: Determination) -> tuple[str, ...]:
    """Who says in a guideline line that no medical evidence was cited."""
    lines = {
        "claims_administrator": determination.claims_administrator_guideline,
        "maximus": determination.maximus_guideline,
    }
    return tuple(who for who, line in lines.items() if line is not None and not line.cites_evidence)


def _compare_sections(theirs: frozenset[str], ours: frozenset[str]) -> GuidelineDifference:
    if theirs == ours or not theirs or not ours:
        return "same"
    shared = any(one == other or _names_within(one, other) for one in theirs for other in ours)
    return "narrower_or_broader" if shared else "section"


def _names_within(one: str, other: str) -> bool:
    """A section named within the other's name; a bare topic ("opioids") says less, it is not another section."""
    first, second = set(one.split()), set(other.split())
    return first < second or second < first


def _documents(guideline: Guideline) -> frozenset[str]:
    return frozenset(_document(citation) for citation in guideline.citations)


def _document(citation: Citation) -> str:
    chapter = (citation.chapter or "").casefold()
    return f"{citation.source} chronic pain" if "chronic pain" in chapter else f"{citation.source} {chapter}".strip()


_FILLERS = re.compile(r"[^a-z0-9 ]|\b(?:of|the|for|and|in|guidelines?)\b")


def _sections(guideline: Guideline) -> frozenset[str]:
    names = (section for citation in guideline.citations for section in citation.sections)
    folded = (" ".join(_FILLERS.sub(" ", name.casefold()).split()) for name in names)
    return frozenset(name for name in folded if name)
