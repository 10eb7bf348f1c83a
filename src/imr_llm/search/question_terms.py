"""Drugs, classes, treatments and body regions in a question, and which of them is the item in dispute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from imr_llm.library.filters import FilterOp
from imr_llm.search.question import BECAUSE, NEGATED, Question
from imr_llm.search.question_findings import tells_of_another
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
_ALL_NEGATED = re.compile(
    r"\b(?:neither|except(?: for)?|excluding|(?:leaving|leave) out|omitting|apart from|aside from|other than)[ -](?:the |any |an? )?$",
    re.IGNORECASE,
)
_JOINED = re.compile(r"\s*(?:,|,? ?\b(?:or|nor|and)\b)\s*(?:the |any |an? )?", re.IGNORECASE)
# What stands beside the item: what was tried before it, what the patient takes, what it follows.
_CONTEXT = re.compile(
    r"\b(?:after|before|following|prior(?: to)?|previous|despite|failed|failing|status post|s/p|post|history of"
    r"|instead of|(?:goes|go|went|comes|came|along) with(?: an?| the)? (?:approved|authorized|certified)|associated with|(?:to|that) go(?:es)? with|(?:approved|authorized|certified|allowed|granted|requested|ordered) (?:along )?with|because(?: the)?|since the|while(?: on)?|used against|against)(?: an?| the| his| her)? $",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|(?:is|are|was|were|still|while|already|also) on|taking|takes|prescribed|still taking"
    r"|patients? on|history of|medication list (?:includes|has|with)|records? (?:of|with|lists?))(?: the| any)? $",
    re.IGNORECASE,
)
_NOT_TAKEN = re.compile(r"\b(?:not|never|no longer|isn't|nor)\s*$", re.IGNORECASE)
_IN_RECORD = re.compile(
    r" (?:in the (?:record|records|summary|medication list|medications|chart)|mentioned|listed)\b", re.IGNORECASE
)


# "did not back up the request", "knocked back": no region.
_BACK_VERB = re.compile(
    r"\bback(?:s|ed|ing)? (?:(?:it |them |this |that |him |her |the request )?up|to|at|by|into|off)\b|\b(?:not|to|would|could|did) back (?:it|them|this|that|him|her|the)\b|\b(?:knock|com|came|sen[dt]|go|went|gave|giv|got|get|set|cut|scal|held|push|turn|bring|brought)\w* (?:it |him |her |them )?back\b",
    re.IGNORECASE,
)


def read_terms(question: Question) -> None:
    """Drugs, classes, treatments and regions; several of a kind are alternatives, since an item has one.

    Of several items the one that is only told of ("after the injection", "failed NSAIDs") is context: it ranks.
    """
    first = len(question.taken)
    values = _read_families(question)
    families = question.taken[first:]
    screens = [match.span() for match in question.find(load_wording().uds)]
    terms = [_widen(term) for term in find_terms(question.text) if question.is_free(term.start, term.end)]
    # "tox test" is a drug screen, no test of any kind
    terms = [
        t for t in terms if not any(s <= t.start and t.end <= e and (s, e) != (t.start, t.end) for s, e in screens)
    ]
    terms = _read_lists(question, terms, families=bool(values))
    context = _context_terms(question, terms, families)
    chained: int | None = None  # the end of the last item of a list that is negated as a whole
    for term in sorted(terms, key=lambda t: t.start):
        field = _field_of(question, term)
        before = question.text[: term.start]
        if (
            term.kind == "body_region"
            and term.surface.lower() == "back"
            and _BACK_VERB.search(before + "back" + question.text[term.end :])
        ) or (term.surface.lower() == "mouth" and before.lower().endswith("by ")):
            continue
        negated = NEGATED.search(before)
        joined = chained is not None and bool(_JOINED.fullmatch(question.text, chained, term.start))
        chained = term.end if joined or _ALL_NEGATED.search(before) else None
        if (
            term.kind == "body_region"
            and term.value == "abdomen_pelvis"
            and any(t.kind.startswith("drug") for t in terms)
        ):
            continue  # "no stomach bleeds": the drug is for that, or the ground is
        if term in context:
            _read_as_circumstance(question, negated.start() if negated else term.start, term.end)
            continue
        question.take(negated.start() if negated else term.start, term.end)
        for value in _values_of(term, field):
            values.setdefault((field, "none" if negated or joined else "any"), []).append((value, term.surface))
    if ("drug", "any") in values and {value for value, _ in values.get(("subcategory", "any"), ())} == {_NOT_ORAL[0]}:
        values["subcategory", "any"].append((_NOT_ORAL[1], values["subcategory", "any"][0][1]))
    _read_form(question, values)
    for (field, op), some in values.items():
        accepted = tuple(dict.fromkeys(value for value, _ in some))
        words = list(dict.fromkeys(words for _, words in some))
        label = f"{_TERM_LABELS.get(field, field)}: {'not ' if op == 'none' else ''}{' or '.join(words)}"
        question.add(field, op, accepted, label, ", ".join(words))
    _read_bare_screen(question)


# "oral cyclobenzaprine", "cyclobenzaprine tablets": not the cream
_BY_MOUTH = re.compile(r"\b(?:oral(?:ly)?|by mouth)\b", re.IGNORECASE)
_DOSE_FORM = re.compile(r" (?:tablets?|tabs?|pills?|capsules?)\b", re.IGNORECASE)
_RUBBED_IN = re.compile(
    r"\b(?:topical\w*|creams?|gels?|ointments?|patch(?:es)?|any form|either form|rubbed|applied|on the skin)\b",
    re.IGNORECASE,
)
# "not the creams", "leave out the topical"
_NO_CREAM = re.compile(
    r"(?:,\s*)?\b(?:not|no|without|excluding|exclude|leav(?:e|ing) (?:out|aside)|except(?: for)?|omit(?:ting)?|other than|minus)(?: in)? (?:the |any |its |a )?"
    r"(?:(?:topicals?|compound(?:ed)?s?|creams?|gels?|ointments?|patch(?:es)?|lotions?)(?:,? (?:or|and) )?)+\b",
    re.IGNORECASE,
)
_NOT_ORAL = ("pharmaceuticals.topical_analgesics", "pharmaceuticals.compounds")


# What holds one drug: "lidocaine patch or ointment"
_SINGLE = r" (?:patch(?:es)?|ointment)\b"


def _read_form(question: Question, values: Accepted) -> None:
    """A drug by mouth is none that is rubbed in; a patch or an ointment of a drug is no compound."""
    for words in dict.fromkeys(words for _, words in values.get(("drug", "any"), ())):
        if re.search(
            rf"\b{re.escape(words)}(?<!\bpatch)(?<!\bpatches)(?: \d+ ?%)?{_SINGLE}", question.text, re.IGNORECASE
        ) or (re.search(_SINGLE, words, re.IGNORECASE)):
            question.add("subcategory", "none", _NOT_ORAL[1:], "no compound", words)
    if ("drug", "any") not in values or _RUBBED_IN.search(_NO_CREAM.sub(" ", question.text)):
        return
    told = [*question.find(_NO_CREAM), *question.find(_BY_MOUTH)]
    for start, end in list(question.taken):
        drug = question.text[start:end] in (words for _, words in values["drug", "any"])
        if drug and (form := _DOSE_FORM.match(question.text, end)) and question.is_free(*form.span()):
            told.append(form)
    for match in told:
        words = question.take(*match.span())
        question.add("subcategory", "none", _NOT_ORAL, "by mouth: no topical analgesic or compound", words)


Accepted = dict[tuple[str, FilterOp], list[tuple[str, str]]]
"""By field and operator: each value with the question's words for it."""


def _read_families(question: Question) -> Accepted:
    """Words for several treatments at once ("imaging"); beside other items they are one more alternative."""
    found: Accepted = {}
    items = [t for t in find_terms(question.text) if t.kind != "body_region" and question.is_free(t.start, t.end)]
    terms = [(term.start, term.end) for term in items]
    drug = any(term.kind == "drug" for term in items)
    for family in load_wording().families:
        if drug and all(each.startswith("pharmaceuticals.") for each in family.subcategories):
            continue  # "cyclobenzaprine, pills or creams": forms of one drug
        for match in list(question.find(family.asked)):
            if any(start < match.end() and match.start() < end and end - start > len(match[0]) for start, end in terms):
                continue  # "CT scans" is no "scans"
            if _tells_ground(question, match.start(), terms):
                _read_as_circumstance(question, *match.span())
                continue
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
    for term in [t for t in ordered if t.kind == "drug_class" and _is_ingredient(question, t)]:
        terms = [each for t in terms for each in (_drugs_in(t) if t is term else [t])]
    for chain in _chains(question.text, ordered):
        classes = {drug for term in chain if term.kind == "drug_class" for drug in drugs_of_class(term.value)}
        for term in chain:
            if term.kind == "drug" and term.value in classes:
                question.take(term.start, term.end)
                terms = [t for t in terms if t is not term]
        drugs = [term for term in chain if term.kind in ("drug", "drug_class") and term in terms]
        if len({_field_of(question, term) for term in drugs}) > 1:
            # "Norco or a muscle relaxant": each drug of the class is one more alternative.
            whole = [term for term in drugs if term.kind == "drug_class"]
            terms = [each for t in terms for each in (_drugs_in(t) if t in whole else [t])]
        if any(term.kind == "subcategory" for term in chain):
            named = [term for term in chain if term.kind == "category"]
            terms = [each for t in terms for each in (_kinds_of(t) if t in named else [t])]
    return terms


# "a compounded cream with a muscle relaxer in it"
_MADE_OF = re.compile(
    r"\b(?:compound\w*|mixed|mixtures?)\b.{0,40}\b(?:with|containing|contains?|contained|including|includes?|made (?:with|of|from)|has|have|having)"
    r"(?: an?| the| any)? $",
    re.IGNORECASE,
)


def _is_ingredient(question: Question, term: Term) -> bool:
    """Is a class what a compound that is named before it holds?"""
    return _MADE_OF.search(question.text[: term.start]) is not None


def _chains(text: str, terms: list[Term]) -> Iterator[list[Term]]:
    """Lists of two terms or more; "surgical consults" is one thing, told by its second word."""
    described = {
        first for first, second in pairwise(terms)
        if first.kind == "category" and text[first.end : second.start].isspace()
    }  # fmt: skip
    terms = [term for term in terms if term not in described]
    chain: list[Term] = []
    for term in terms:
        if chain and not _LISTED.fullmatch(text, chain[-1].end, term.start):
            if len(chain) > 1:
                yield chain
            chain = []
        chain.append(term)
    if len(chain) > 1:
        yield chain


def _kinds_of(category: Term) -> list[Term]:
    return [
        replace(category, kind="subcategory", value=f"{category.value}.{name}")
        for name in treatment_values()[category.value]
    ]


def _drugs_in(named: Term) -> list[Term]:
    return [replace(named, kind="drug", value=drug) for drug in sorted(drugs_of_class(named.value))]


_LISTED = re.compile(r"\s*(?:,|/|,? ?\b(?:or|and)\b)\s*(?:(?:any |the )?(?:other|another) |any |an? )?", re.IGNORECASE)


def _is_context(question: Question, start: int) -> bool:
    """Do words that nobody read yet make what follows a circumstance? "films before the MRI" was a ground: MRI is the item."""
    told = _CONTEXT.search(question.text[:start])
    return told is not None and question.is_free(*told.span())


def _context_terms(question: Question, terms: list[Term], families: list[tuple[int, int]]) -> list[Term]:
    """Items named beside the one in dispute; a broad category beside a treatment is context too."""
    items = [term for term in terms if term.kind != "body_region"]
    told = [
        term for term in items if _is_context(question, term.start) and _field_of(question, term) != "mentioned_drug"
    ]
    if len(told) == len(items) and not all(question.in_ground(term.start) for term in told):
        told = []
    places = [*((term.start, term.end) for term in items), *families]
    told += [term for term in items if term not in told and _tells_ground(question, term.start, places)]
    told += [term for term in items if term not in told and _is_glossed(question, term, items)]
    told += [term for term in items if term not in told and len(items) > 1 and _told_of_patient(question, term)[1]]
    left = [term for term in items if term not in told and _field_of(question, term) != "mentioned_drug"]
    # "DME (braces, TENS, supplies)": examples of it
    categories = [term for term in left if term.kind == "category"]
    for category in categories:
        examples = _EXAMPLES.match(question.text, category.end)
        if examples and not any(category.end <= t.start < examples.start("examples") for t in left):
            return told + [t for t in left if examples.start("examples") < t.start < examples.end()]
    if named := [term for term in left if question.text[term.end :].lower().startswith(" category")]:
        told += [term for term in left if term not in named]
    elif any(t not in categories and not NEGATED.search(question.text[: t.start]) for t in left):
        told += categories
    return told


_EXAMPLES = re.compile(r"[\w\s]{0,20}(?P<examples>\([^)]*\))")


# "(PT, chiro, etc.)"
_GLOSS = re.compile(
    r"\([^()]*(?:\betc\b|\.\.|\be\.?g\b|\bi\.e\b|\bsuch as\b|\blike\b|\bfor example\b)[^()]*\)", re.IGNORECASE
)


def _told_of_patient(question: Question, term: Term) -> tuple[re.Match[str] | None, bool]:
    """The words that make a drug one that the patient takes ("on Norco"), and are they denied ("not on opioids")?"""
    told = _MENTIONED.search(question.text[: term.start])
    return told, told is not None and _NOT_TAKEN.search(question.text[: told.start()]) is not None


def _is_glossed(question: Question, term: Term, items: list[Term]) -> bool:
    """Is it an example in brackets, of a ground or of another item?"""
    gloss = next((m for m in _GLOSS.finditer(question.text) if m.start() < term.start and term.end < m.end()), None)
    return gloss is not None and (
        question.has("reason") or any(not gloss.start() < other.start < gloss.end() for other in items)
    )


def _tells_ground(question: Question, at: int, items: list[tuple[int, int]]) -> bool:
    """Does what is named there belong to the ground of a decision, on one of the `items` or on anything?

    "rehabilitation upheld because a home exercise program should take over" asks for rehabilitation.
    """
    ground = BECAUSE.search(question.text) or _WHERE.search(question.text)
    if ground is None or at < ground.end():
        return False
    told_before = any(end <= ground.start() for _, end in items)
    if ground.re is BECAUSE and (told_before or ground[0].lower().startswith(("so", "to ", "in order"))):
        return True
    return tells_of_another(question, ground.end())


# "denials where therapy already under way comes first"
_WHERE = re.compile(
    r"\b(?:den(?:ied|ials?)|upheld|refused|overturned|approv(?:ed|als?)|overturns?|reversals?|cases?|items?|everything|anything) (?:where|when)\b",
    re.IGNORECASE,
)


def _read_as_circumstance(question: Question, start: int, end: int) -> None:
    question.take(start, end)
    question.circumstances.append((start, end))
    question.note(f'"{question.text[start:end]}" was read as context, not as the item in dispute')


def _read_bare_screen(question: Question) -> None:
    """A drug screen in words that the treatments do not have ("toxicology testing every month") is the item."""
    for match in list(question.find(load_wording().uds)):
        words = question.take(*match.span())
        question.add("subcategory", "any", ("diagnostic_testing.urine_drug_screen",), f"treatment: {words}", words)


_TERM_LABELS = {"mentioned_drug": "drug mentioned in the record", "subcategory": "treatment", "region": "body region"}


def _field_of(question: Question, term: Term) -> str:
    told, denied = _told_of_patient(question, term)
    if denied or (told and not question.is_free(*told.span())):
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
