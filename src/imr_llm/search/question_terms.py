"""Drugs, classes, treatments and body regions in a question, and which of them is the item in dispute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from imr_llm.library.filters import FilterOp
from imr_llm.search.question import NEGATED, Question
from imr_llm.search.wording import load_wording
from imr_llm.terms.vocabulary import (
    Term,
    drugs_of_class,
    expand_abbreviations,
    find_terms,
    load_treatments,
    subcategory_of_class,
    treatment_values,
)

# "neither MRI, CT nor x-ray", "except MRI and x-ray": the negation holds for what is joined to it.
_ALL_NEGATED = re.compile(r"\b(?:neither|except(?: for)?|excluding|other than)[ -](?:the |any |an? )?$", re.IGNORECASE)
_JOINED = re.compile(r"\s*(?:,|,? ?\b(?:or|nor|and)\b)\s*(?:the |any |an? )?", re.IGNORECASE)
# What stands beside the item: what was tried before it, what the patient takes, what it follows.
_CONTEXT = re.compile(
    r"\b(?:after|before|following|prior(?: to)?|previous|despite|failed|failing|status post|s/p|post|history of"
    r"|instead of|(?:goes|go|went|comes|came|along) with(?: an?| the)? (?:approved|authorized|certified)|because(?: the)?|since the|while(?: on)?|used against|against)(?: an?| the| his| her)? $",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|(?:is|are|was|were|still|while|already|also) on|taking|takes|prescribed|still taking"
    r"|patients? on|history of|medication list (?:includes|has|with)|records? (?:of|with|lists?))(?: the| any)? $",
    re.IGNORECASE,
)
_IN_RECORD = re.compile(
    r" (?:in the (?:record|records|summary|medication list|medications|chart)|mentioned|listed)\b", re.IGNORECASE
)


# "did not back up the request", "knocked back": no region.
_BACK_VERB = re.compile(
    r"\bback(?:s|ed|ing)? (?:up|to|at|by|into|off)\b|\b(?:knock|com|came|sen[dt]|go|went|gave|giv|got|get|set|cut|scal|held|push|turn|bring|brought)\w* (?:it |him |her |them )?back\b",
    re.IGNORECASE,
)


def read_terms(question: Question) -> None:
    """Drugs, classes, treatments and regions; several of a kind are alternatives, since an item has one.

    Of several items the one that is only told of ("after the injection", "failed NSAIDs") is context: it ranks.
    """
    values = _read_families(question)
    screens = [match.span() for match in question.find(load_wording().uds)]
    terms = [_widen(term) for term in find_terms(question.text) if question.is_free(term.start, term.end)]
    # "tox test" is a drug screen, no test of any kind
    terms = [
        t for t in terms if not any(s <= t.start and t.end <= e and (s, e) != (t.start, t.end) for s, e in screens)
    ]
    terms = _read_lists(question, terms, families=bool(values))
    context = _context_terms(question, terms)
    chained: int | None = None  # the end of the last item of a list that is negated as a whole
    for term in sorted(terms, key=lambda t: t.start):
        field = _field_of(question, term)
        before = question.text[: term.start]
        if (
            term.kind == "body_region"
            and term.surface.lower() == "back"
            and _BACK_VERB.search(before + "back" + question.text[term.end :])
        ):
            continue
        negated = NEGATED.search(before)
        joined = chained is not None and bool(_JOINED.fullmatch(question.text, chained, term.start))
        chained = term.end if joined or _ALL_NEGATED.search(before) else None
        question.take(negated.start() if negated else term.start, term.end)
        if term in context:
            question.note(f'"{term.surface}" was read as context, not as the item in dispute')
            continue
        for value in _values_of(term, field):
            values.setdefault((field, "none" if negated or joined else "any"), []).append((value, term.surface))
    for (field, op), some in values.items():
        accepted = tuple(dict.fromkeys(value for value, _ in some))
        words = list(dict.fromkeys(words for _, words in some))
        label = f"{_TERM_LABELS.get(field, field)}: {'not ' if op == 'none' else ''}{' or '.join(words)}"
        question.add(field, op, accepted, label, ", ".join(words))
    _read_bare_screen(question)


Accepted = dict[tuple[str, FilterOp], list[tuple[str, str]]]
"""By field and operator: each value with the question's words for it."""


def _read_families(question: Question) -> Accepted:
    """Words for several treatments at once ("imaging"); beside other items they are one more alternative."""
    found: Accepted = {}
    terms = [(term.start, term.end) for term in find_terms(question.text) if term.kind != "body_region"]
    for family in load_wording().families:
        for match in list(question.find(family.asked)):
            if any(start < match.end() and match.start() < end and end - start > len(match[0]) for start, end in terms):
                continue  # "CT scans" is no "scans"
            negated = NEGATED.search(question.text[: match.start()])
            question.take(negated.start() if negated else match.start(), match.end())
            some = found.setdefault(("subcategory", "none" if negated else "any"), [])
            some += [(subcategory, match[0]) for subcategory in family.subcategories]
    return found


def _widen(term: Term) -> Term:
    """A category's own name asks for the category, though an item so named is the commonest of its kind."""
    if term.kind != "subcategory":
        return term
    name = expand_abbreviations(term.surface).text.lower().rstrip("s")
    for category, names in load_treatments().category_terms.items():
        if name in names and term.value.startswith(f"{category}."):
            return replace(term, kind="category", value=category)
    return term


def _read_lists(question: Question, terms: list[Term], *, families: bool) -> list[Term]:
    """Alternatives of different kinds: of "Norco or other opioids" the class says all, and in "therapy, chiro or
    acupuncture" the category is one more treatment, each of its kinds by name; so too beside `families` ("imaging,
    shots and therapy").
    """
    if families:
        terms = [each for t in terms for each in (_kinds_of(t) if t.kind == "category" else [t])]
    ordered = sorted((term for term in terms if term.kind != "body_region"), key=lambda t: t.start)
    for first, second in pairwise(ordered):
        if not _LISTED.fullmatch(question.text, first.end, second.start):
            continue
        for term, other in ((first, second), (second, first)):
            if term.kind == "drug" and other.kind == "drug_class" and term.value in drugs_of_class(other.value):
                question.take(term.start, term.end)
                terms = [t for t in terms if t is not term]
            if term.kind == "category" and other.kind == "subcategory":
                terms = [each for t in terms for each in (_kinds_of(term) if t is term else [t])]
    return terms


def _kinds_of(category: Term) -> list[Term]:
    return [
        replace(category, kind="subcategory", value=f"{category.value}.{name}")
        for name in treatment_values()[category.value]
    ]


_LISTED = re.compile(r"\s*(?:,|/|,? ?\bor\b)\s*(?:(?:any |the )?(?:other|another) |any |an? )?", re.IGNORECASE)


def _is_context(question: Question, start: int) -> bool:
    """Do words that nobody read yet make what follows a circumstance? "films before the MRI" was a ground: MRI is the item."""
    told = _CONTEXT.search(question.text[:start])
    return told is not None and question.is_free(*told.span())


def _context_terms(question: Question, terms: list[Term]) -> list[Term]:
    """Items named beside the one in dispute; a broad category beside a treatment is context too."""
    items = [term for term in terms if term.kind != "body_region"]
    told = [
        term for term in items if _is_context(question, term.start) and _field_of(question, term) != "mentioned_drug"
    ]
    if len(told) == len(items):
        told = []
    left = [term for term in items if term not in told and _field_of(question, term) != "mentioned_drug"]
    if any(term.kind != "category" for term in left):
        told += [term for term in left if term.kind == "category"]
    return told


def _read_bare_screen(question: Question) -> None:
    """A drug screen in words that the treatments do not have ("toxicology testing every month") is the item."""
    for match in list(question.find(load_wording().uds)):
        words = question.take(*match.span())
        question.add("subcategory", "any", ("diagnostic_testing.urine_drug_screen",), f"treatment: {words}", words)


_TERM_LABELS = {"mentioned_drug": "drug mentioned in the record", "subcategory": "treatment", "region": "body region"}


def _field_of(question: Question, term: Term) -> str:
    told = _MENTIONED.search(question.text[: term.start])
    if told and not question.is_free(*told.span()):
        told = None  # "UDS not mentioned, opioid": the mention is the screen's
    mentioned = told or _IN_RECORD.match(question.text, term.end)
    if term.kind == "drug":
        return "mentioned_drug" if mentioned else "drug"
    if term.kind == "drug_class":
        if mentioned:
            return "mentioned_drug"
        return "subcategory" if subcategory_of_class(term.value) else "drug"
    return {"category": "category", "subcategory": "subcategory", "body_region": "region"}[term.kind]


SPINE = ("cervical", "thoracic", "lumbar")


def _values_of(term: Term, field: str) -> Iterator[str]:
    if term.kind == "body_region" and term.surface.lower() in ("spine", "spinal"):
        yield from SPINE  # no part of it is named
        return
    if term.kind != "drug_class":
        yield term.value
        return
    whole = subcategory_of_class(term.value) if field == "subcategory" else None
    yield from [whole] if whole else sorted(drugs_of_class(term.value))
