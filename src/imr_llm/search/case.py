"""Reading a case: what a pasted or uploaded text asks for, and the grounds and facts that it gives.

A whole letter is read as letters are, item by item. Of a denial or a draft what is in dispute is what the words of a
request name, not every drug in the medication list and not what was tried before.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.reading import read_text
from imr_llm.letters.sentences import split_clauses
from imr_llm.record import Review
from imr_llm.rules.absence import bounded_sentences
from imr_llm.rules.extractor import extract_by_rules
from imr_llm.search.wording import load_wording
from imr_llm.terms.vocabulary import Term, find_terms, subcategory_of_class

MOST_SENTENCES = 60


@dataclass(frozen=True)
class Case:
    """What was read from the given text: treatments and drugs in dispute, and the grounds that it gives or concedes.

    `letter`: the case number of the letter that the text is, to leave it out of what it is compared with.
    """

    drugs: tuple[str, ...] = ()
    subcategories: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    uds_status: str = "not_mentioned"
    quantities: tuple[float, ...] = ()
    letter: str | None = None


def read_case(text: str) -> Case:
    """Read a text: a whole letter, or a denial or draft."""
    review = _read_letter(text)
    if review is not None:
        return _case_of_letter(review)
    cleaned = clean_text(text)
    terms = find_terms(cleaned)
    drugs: dict[str, None] = {}
    treatments: dict[str, None] = {}
    for term in _disputed(cleaned, [term for term in terms if term.kind in ("drug", "subcategory", "drug_class")]):
        if term.kind == "drug":
            drugs[term.value] = None
        elif term.kind == "subcategory":
            treatments[term.value] = None
        elif whole := subcategory_of_class(term.value):
            treatments[whole] = None
    regions = dict.fromkeys(term.value for term in _named_regions(cleaned, terms))
    quantities = tuple(dict.fromkeys(float(number) for number in _QUANTITY.findall(cleaned)))
    return Case(
        tuple(drugs), tuple(treatments), tuple(regions), tuple(_grounds(cleaned)), _uds_status(cleaned), quantities
    )


_IS_LETTER = re.compile(r"\bdecision rationale\b|\bfinal determination\b", re.IGNORECASE)


def _read_letter(text: str) -> Review | None:
    """The review of a text that is a determination letter with items in it; else None."""
    if not _IS_LETTER.search(text):
        return None
    review = extract_by_rules(read_text(text, "pasted text"))
    return review if review.determinations else None


def _case_of_letter(review: Review) -> Case:
    items = review.determinations
    states = [item.uds_status for item in items] + [review.summary.uds_status]
    return Case(
        drugs=tuple(dict.fromkeys(item.treatment.drug for item in items if item.treatment.drug)),
        subcategories=tuple(dict.fromkeys(
            f"{item.treatment.category}.{item.treatment.subcategory}" for item in items
            if item.treatment.subcategory and not item.treatment.drug
        )),
        regions=tuple(dict.fromkeys(region for item in items for region in item.treatment.body_regions)),
        reasons=tuple(dict.fromkeys(reason.code for item in items for reason in item.reasons)),
        uds_status=next((state for state in states if state != "not_mentioned"), "not_mentioned"),
        quantities=tuple(dict.fromkeys(
            float(item.treatment.quantity) for item in items if item.treatment.quantity is not None
        )),
        letter=review.case.case_number,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------ what is in dispute

_REQUEST = re.compile(
    r"\b(?:request(?:s|ed|ing)?|dispute[ds]?|in dispute|den(?:y|ied|ial|ies)|non-?certif\w+|not certified|certif\w+|authoriz\w+|appeal\w*"
    r"|ask(?:s|ed|ing)? (?:you )?(?:for|to)|seek(?:s|ing)?|treatment in question|proposed?|approv\w+|medically necessary|medical necessity|uph(?:eld|old)|overturn\w*|re)\b",
    re.IGNORECASE,
)
# What stands beside the request: the medication list, and what came before.
_BESIDE = re.compile(
    r"\b(?:current |present |other |home )?(?:medications?|meds|drugs?)(?: list)?(?: (?:include|are|list)s?)?\s*[:=]|\b(?:taking|takes|is on|maintained on|continues (?:on|with|to take)|along with|while on|combined with)\b"
    r"|\b(?:medications?|meds) (?:include|are|consist)",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:fail(?:ed|ure|s|ing)?|tried|trial of|tri(?:al|ed)s?|complet\w+|underwent|had|has had|received|after|following|previous(?:ly)?|prior|past|history of|status post|s/p"
    r"|conservative (?:care|treatment|measures|therapy)|treated with|treatment (?:has |to date )?includ\w+|includ\w+|without (?:relief|benefit|improvement))\b",
    re.IGNORECASE,
)
_AFTERWARDS = re.compile(
    r"^[^.;]{0,60}?\b(?:fail(?:ed|s)?|did not help|gave no|without (?:relief|benefit|improvement)|provided (?:no|little)|(?:was|were) (?:tried|completed|unhelpful|ineffective|negative|normal))\b",
    re.IGNORECASE,
)


def _disputed(text: str, terms: Sequence[Term]) -> list[Term]:
    """The terms in dispute: those that a request names; without any, those that are not told of beside it; else all."""
    weights = list(zip(_weigh(text, terms), terms, strict=True))
    best = max((weight for weight, _ in weights), default=0)
    return [term for weight, term in weights if weight == best]


def _weigh(text: str, terms: Sequence[Term]) -> Iterator[int]:
    """Of each term, 2: named by a request; 1: in no part of it; 0: in a list of medications, or tried before."""
    sentences = bounded_sentences(text)
    starts = [start for start, _ in sentences]
    for term in terms:
        at = bisect_right(starts, term.start) - 1
        within = at >= 0 and term.start < sentences[at][1]
        yield _weigh_in(text, term, *(sentences[at] if within else (0, len(text))))


def _weigh_in(text: str, term: Term, start: int, end: int) -> int:
    before, after = text[start : term.start], text[term.end : end]
    asked = max((match.end() for match in _REQUEST.finditer(before)), default=-1)
    told = max((match.end() for pattern in (_BESIDE, _BEFORE) for match in pattern.finditer(before)), default=-1)
    if told > asked or _AFTERWARDS.match(after):
        return 0
    if asked >= 0 or _REQUEST.search(after):
        return 2
    return 1


def _named_regions(text: str, terms: Sequence[Term]) -> list[Term]:
    """The regions beside what is in dispute; where none is, all."""
    regions = [term for term in terms if term.kind == "body_region"]
    asked = [term for weight, term in zip(_weigh(text, regions), regions, strict=True) if weight == 2]
    return asked or regions


_QUANTITY = re.compile(r"#\s?(\d{1,4})\b")


def _grounds(text: str) -> Iterable[str]:
    """Codes whose wording stands in the text outside recited guidelines."""
    wording = load_wording()
    found: dict[str, None] = {}
    for clause in split_clauses(text)[:MOST_SENTENCES]:
        said = text[clause.start : clause.end]
        if clause.role == "recital":
            continue
        matches = [
            (match.start(), match.end(), codes)
            for codes, pattern in [*wording.absent.items(), *wording.phrases]
            for match in [pattern.search(said)]
            if match
        ]
        for start, end, codes in matches:
            # "no functional improvement is documented" holds the words of its opposite
            if not any(first <= start and end <= last and (first, last) != (start, end) for first, last, _ in matches):
                found.update(dict.fromkeys(codes.split(" | ")))
    return found


def _uds_status(text: str) -> str:
    wording = load_wording()
    for state in ("illicit_positive", "inconsistent", "consistent"):
        if wording.uds_states[state].search(text):
            return state
    if wording.illicit.search(text):
        return "illicit_positive"
    return "stated_absent" if wording.absent["missing_urine_drug_screen"].search(text) else "not_mentioned"
