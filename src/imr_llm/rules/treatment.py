"""The disputed item in the terms of the vocabulary: what is asked for, how much of it, and for which part of the body.

An item is read from its head: "Consultation for an epidural injection" asks for a consultation, "Lidocaine patch for the
shoulder" for a drug. `classify_item` decides that; the amounts and the body regions follow from what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from imr_llm.record import BodyRegion, Laterality, Treatment, Unit
from imr_llm.terms.vocabulary import (
    INJECTABLE,
    Drug,
    DrugMention,
    RegionMention,
    TreatmentEntry,
    class_subcategory,
    compile_phrase,
    drugs_by_ingredients,
    expand_abbreviations,
    find_drug_classes,
    find_drugs,
    find_regions,
    load_treatments,
)


@dataclass(frozen=True)
class Classified:
    """What an item asks for. `drugs` are the mentions (in the item's text) that make up the drug asked for, if any."""

    category: str
    subcategory: str
    drugs: tuple[DrugMention, ...] = ()


@dataclass(frozen=True)
class Amount:
    """How much of it."""

    quantity: float | None = None
    unit: Unit | None = None


def read_treatment(
    item: str,
    *,
    summary: str = "",
    rationale: str = "",
    title: str = "",
    other_items: Sequence[str] = (),
) -> Treatment:
    """Read one disputed item; every text is cleaned text.

    `item` is what is in dispute ("two sessions of acupuncture"); `title` the whole title it stands in, for what the
    item leaves out. `summary` and `rationale` give the body regions that neither names, and `other_items`, the
    letter's other titles, those of the surgery that an associated service belongs to.
    """
    item, title = item[:LONGEST_ITEM], title[:LONGEST_ITEM]
    texts = (title, item) if _ONLY_AMOUNT.fullmatch(item) else (item, title)
    found = next((kind for text in (*texts, _first_sentence(rationale)) if (kind := classify_item(text))), None)
    if found is None:
        return Treatment(retrospective=_is_retrospective(item, title))
    regions, laterality = read_regions(found, item, title=title, other_items=other_items, summary=summary)
    is_drug = found.category == "pharmaceuticals"
    named = found if is_drug else _with_substance(found, item)
    amount = read_drug_amount(item, found) if is_drug else read_service_amount(item, named)
    return Treatment(
        category=found.category,
        subcategory=found.subcategory,
        drug=_drug_name(named),
        brand=_brand(named.drugs),
        strength=_strength(named, item, title),
        quantity=amount.quantity,
        unit=amount.unit,
        refills=read_refills(item) if is_drug else None,
        body_regions=regions,
        laterality=laterality,
        retrospective=_is_retrospective(item, title),
    )


# A title is at most about 450 characters long; what is much longer is not one, and costs time.
LONGEST_ITEM = 1500
# What is left in dispute may be an amount alone: "six visits", "#30 with one refill".
_ONLY_AMOUNT = re.compile(
    r"(?:[\W\d]|\b(?:the|of|with|and|for|a|an|additional|remaining|more|other|visits?|sessions?|refills?|tablets?|tabs?|"
    r"capsules?|units?|days?|weeks?|months?|times|x|per|week|once|twice|is|portion|one|two|three|four|five|six|seven|"
    r"eight|nine|ten|eleven|twelve|total|quantity|qty|treatments?|supply|rental|trial)\b){1,60}",
    re.IGNORECASE,
)


# --- what is asked for ---------------------------------------------------------------------------------------------

# A drug that opens its item ("Prospective request for 60 Norco 10/325mg") is what is asked for, unless the words say
# that it is put in with a needle, or measured.
_OPENING = re.compile(
    r"(?:[\s\W\d]|\b(?:retrospective|prospective|concurrent|request|requests|for|of|the|a|an|one|two|three|prescription|"
    r"prescriptions|rx|refills?|pharmacy|purchase|months?|supply|coverage|container|bottles?|box(?:es)?|tubes?|tabs?|"
    r"tablets?|capsules?|medications?|drugs?|post|operative|post-?op|op|topical|compound(?:ed)?|cream|trial|generic|"
    r"brand|name|continued|use|associated|surgical|services?|dos|new|oral|additional|remaining|days?|outpatient|and|"
    r"with|unknown|quantity|qty|ongoing|patch(?:es)?|ointment|lotion|gel|kit|fusepaq|dispensed|in|office)\b)*",
    re.IGNORECASE,
)
_NOT_A_DRUG_ITEM = re.compile(
    r"\b(?:injections?|inj|injected|infusions?|blocks?|intramuscular|im|levels?|test(?:s|ing)?|screen(?:s|ing)?|pump|iv|"
    r"intravenous|intrathecal|intra-?articular|epidural|chemodenervation|iontophoresis|phonophoresis)\b",
    re.IGNORECASE,
)
_NEEDLE_BRAND_DRUGS = frozenset({"insulin", "enoxaparin", "denosumab", "teriparatide"})
_HEAD_RANK, _DRUG_RANK, _CLASS_RANK = 0, 3, 4


@cache
def _entry_patterns() -> tuple[tuple[TreatmentEntry, tuple[re.Pattern[str], ...]], ...]:
    return tuple(
        (entry, tuple(map(compile_phrase, entry.terms)) + tuple(re.compile(p, re.IGNORECASE) for p in entry.patterns))
        for entry in load_treatments().entries
    )


@cache
def _setting() -> re.Pattern[str]:
    return re.compile("|".join(load_treatments().setting), re.IGNORECASE)


def classify_item(item: str) -> Classified | None:
    """What the item asks for: of all words found in it, the lowest rank wins, then the first named, then the longest.

    None where nothing is found in it. The drug mentions are offsets into `item`.
    """
    drugs = tuple(mention for mention in find_drugs(item, misspelt=True) if mention.drug.drug_class != INJECTABLE)
    text = _without_setting(expand_abbreviations(item).text)
    candidates = [(*key, _classified(entry)) for key, entry in _found_entries(text)]
    if drugs:
        candidates.append(_drug_candidate(item, text, drugs))
    elif classes := find_drug_classes(text):
        start, end, drug_class = classes[0]
        named = Classified("pharmaceuticals", class_subcategory(drug_class))
        candidates.append((_CLASS_RANK, start, start - end, named))
    best = min(candidates, key=lambda candidate: candidate[:3], default=None)
    return best[3] if best else None


def _classified(entry: TreatmentEntry) -> Classified:
    category, subcategory = entry.subcategory.split(".")
    return Classified(category, subcategory)


def _without_setting(text: str) -> str:
    """The text with what only says how or when blanked out; positions stay."""
    return _setting().sub(lambda match: " " * len(match.group()), text.lower())


def _found_entries(text: str) -> Iterable[tuple[tuple[int, int, int], TreatmentEntry]]:
    for entry, patterns in _entry_patterns():
        matches = [match for pattern in patterns if (match := pattern.search(text)) is not None]
        if matches:
            first = min(matches, key=lambda match: (match.start(), -match.end()))
            yield (entry.rank, first.start(), first.start() - first.end()), entry


def _drug_candidate(item: str, text: str, drugs: tuple[DrugMention, ...]) -> tuple[int, int, int, Classified]:
    first = drugs[0]
    opening = _OPENING.match(item)
    opens = opening is not None and opening.end() >= first.start
    by_needle = _NOT_A_DRUG_ITEM.search(text) is not None and first.drug.generic not in _NEEDLE_BRAND_DRUGS
    product = _product(item, drugs)
    rank = _HEAD_RANK if opens and not by_needle else _DRUG_RANK
    return rank, first.start, first.start - first.end, product


# --- drugs ---------------------------------------------------------------------------------------------------------

_TOPICAL_FORM = re.compile(
    r"\b(?:creams?|gels?|ointments?|lotions?|topical(?:ly)?|patch(?:es)?|roll-?on|transdermal|liniment|rub|foam|spray|"
    r"base|salve|balm)\b|%",
    re.IGNORECASE,
)
_COMPOUND_WORD = re.compile(r"\bcompound(?:ed|ing|s)?\b", re.IGNORECASE)
_BETWEEN_INGREDIENTS = re.compile(
    r"[\s/,;+&()%.\-\d]*(?:(?:mg|mcg|gm|g|ml|percent|and|with|in|hcl|hydrochloride|sodium|sod|potassium|citrate|"
    r"sulfate|bitartrate|tartrate|base|cream|gel|topical|plus)\b[\s/,;+&()%.\-\d]*){0,8}",
    re.IGNORECASE,
)
# Marketed on skin, or a patch that works from inside: the form does not change the class.
_FORM_KEEPS_CLASS = frozenset(
    {"fentanyl", "buprenorphine", "clonidine", "nicotine", "nitroglycerin", "scopolamine", "methylphenidate",
     "sumatriptan", "zolmitriptan", "naloxone", "butorphanol", "ketorolac", "desmopressin", "calcitonin", "azelastine"}
)  # fmt: skip
_TOPICAL_OWN_CLASSES = frozenset(
    {"antibiotic", "antifungal", "dermatologic", "eye or ear drug", "topical analgesic", "topical nsaid",
     "topical anesthetic", "compound", "medical food", "hormone", "asthma drug", "antiviral", "corticosteroid"}
)  # fmt: skip
_MARKETED_TOPICALS = frozenset({"diclofenac", "doxepin"})


def _product(item: str, drugs: tuple[DrugMention, ...]) -> Classified:
    """One drug, a known combination, or a compound, from the drugs an item names."""
    mentions = _ingredients(item, drugs)
    names = _distinct(mention.drug.generic for mention in mentions)
    tail = item[mentions[0].start : mentions[-1].end + 60]
    on_skin = _TOPICAL_FORM.search(item) is not None
    if len(names) > 1:
        known = drugs_by_ingredients().get(frozenset(part for name in names for part in name.split("/")))
        if known is not None and not (on_skin and known.drug_class not in _TOPICAL_OWN_CLASSES):
            return Classified("pharmaceuticals", known.subcategory, mentions)
        if on_skin or _COMPOUND_WORD.search(item) or len(names) > 2 or "/" in tail:
            return Classified("pharmaceuticals", "compounds", mentions)
        return Classified("pharmaceuticals", mentions[0].drug.subcategory, mentions[:1])
    return Classified("pharmaceuticals", _subcategory_of_one(item, mentions[0].drug, on_skin), mentions)


def _ingredients(item: str, drugs: tuple[DrugMention, ...]) -> tuple[DrugMention, ...]:
    """The first drug and those that are listed on with it: "Ultram (tramadol)", "ketoprofen 10% / baclofen 2%"."""
    run = [drugs[0]]
    for mention in drugs[1:]:
        if not _BETWEEN_INGREDIENTS.fullmatch(item[run[-1].end : mention.start]):
            break
        run.append(mention)
    return tuple(run)


def _subcategory_of_one(item: str, drug: Drug, on_skin: bool) -> str:
    if _COMPOUND_WORD.search(item) and on_skin:
        return "compounds"
    if not on_skin or drug.generic in _FORM_KEEPS_CLASS or drug.drug_class in _TOPICAL_OWN_CLASSES:
        return drug.subcategory
    return "topical_analgesics" if drug.generic in _MARKETED_TOPICALS else "compounds"


# A service that is named by its substance ("Botox", "Toradol IM") carries it; the mixture of a joint injection does not.
_NAMED_BY_SUBSTANCE = frozenset({"botulinum_toxin", "viscosupplementation", "intramuscular", "acupuncture", "infusion"})


def _with_substance(found: Classified, item: str) -> Classified:
    if found.subcategory not in _NAMED_BY_SUBSTANCE:
        return found
    return Classified(found.category, found.subcategory, find_drugs(item)[:1])


def _drug_name(found: Classified) -> str | None:
    names = _distinct(mention.drug.generic for mention in found.drugs if not mention.drug.unnamed)
    if not names:
        return None
    if len(names) == 1:
        return names[0]
    known = drugs_by_ingredients().get(frozenset(part for name in names for part in name.split("/")))
    if known is not None and known.subcategory == found.subcategory:
        return known.generic
    return "/".join(_distinct(part for name in names for part in name.split("/")))


def _brand(mentions: tuple[DrugMention, ...]) -> str | None:
    return next((mention.brand for mention in mentions if mention.brand), None)


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _strength(named: Classified, item: str, title: str) -> str | None:
    """The drug's strength; what is printed for a toxin or a gel is its amount."""
    if not named.drugs or any(mention.drug.drug_class == INJECTABLE for mention in named.drugs):
        return None
    return read_strength(item) or read_strength(title)


# "10/325mg", "10 mg / 325 mg", "75-0.2mg", "320.5/30/16mg", "5%", "100mg/ml"
_NUMBER = r"\d{1,5}(?:,\d{3})?(?:\.\d{1,3})?|\.\d{1,3}"
_MASS = r"(?:mg|mcg|ug|µg|milligrams?|meq|iu|units?)"
_STRENGTH = re.compile(
    rf"(?<![#\d.,/])(?:{_NUMBER})\s?(?:{_MASS}\b)?(?:\s?[-/]\s?(?:{_NUMBER})\s?(?:{_MASS}\b)?){{0,3}}"
    rf"(?:(?<=[a-zµ])|\s?{_MASS}\b)(?:\s?/\s?(?:\d{{0,3}}\s?(?:ml|hr|hour|g|gm)\b))?"
    rf"|(?<![#\d.,])(?:{_NUMBER})\s?(?:%|percent\b)",
    re.IGNORECASE,
)
_BARE_STRENGTH = re.compile(
    r"(?<![#\d./])\d{1,3}(?:\.\d)?\s?[/-]\s?(?:325|300|500|650|750|660|200|100|8|2)\b(?!\s?[/-]\d)"
)


def read_strength(item: str) -> str | None:
    """The strength as printed without spaces; of a compound the percentages joined by "/"."""
    matches = [re.sub(r"\s+", "", match.group()) for match in _STRENGTH.finditer(item)]
    percents = [strength for strength in matches if strength.endswith(("%", "percent"))]
    if len(percents) > 1:
        return "/".join(percents)
    if matches:
        return matches[0]
    bare = _BARE_STRENGTH.search(item)
    return re.sub(r"\s+", "", bare.group()) if bare else None


# --- amounts -------------------------------------------------------------------------------------------------------

_WORDS = {
    "a": 1, "an": 1, "one": 1, "once": 1, "two": 2, "twice": 2, "three": 3, "thrice": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "eighteen": 18, "twenty": 20, "twenty-four": 24, "thirty": 30, "sixty": 60,
    "ninety": 90,
}  # fmt: skip
_WORD_NUMBER = "|".join(sorted(_WORDS, key=len, reverse=True))
_N = rf"(?:\d{{1,4}}(?:,\d{{3}})?(?:\.\d{{1,2}})?|\b(?:{_WORD_NUMBER})\b)"
_COUNT = rf"(?:{_N}\s?(?:-|to|or)\s?)?(?P<n>{_N})\s?(?:\(\s?\d{{1,4}}\s?\))?"


def _number(word: str) -> float:
    word = word.lower().replace(",", "")
    return float(_WORDS[word]) if word in _WORDS else float(word)


_DRUG_UNITS: tuple[tuple[str, Unit], ...] = (
    (r"tab(?:let)?s?\b|pills?\b|caplets?\b|tabs?\.|odt\b", "tablets"),
    (r"cap(?:sule)?s?\b", "capsules"),
    (r"patch(?:es)?\b", "patches"),
    (r"grams?\b|gms?\b|gr\b|g\b", "grams"),
    (r"ml\b|milliliters?\b|cc\b", "ml"),
)
_OTHER_DRUG_UNITS = (
    r"(?:box(?:es)?|bottles?|tubes?|containers?|kits?|jars?|units?|films?|lozenges?|suppositor(?:y|ies)|strips?|"
    r"inhalers?|vials?|packs?|packages?|pads?|sprays?|packets?|pens?|syringes?|cartons?|doses?)\b"
)
_NUMBERED = re.compile(r"#\s?(?P<n>\d{1,4}(?:,\d{3})?)(?!\s?(?:%|mg))|\bno\.\s?(?P<m>\d{1,4})\b", re.IGNORECASE)
_QUANTITY_WORD = re.compile(
    rf"\b(?:qty|quantity|count|disp|dispense[d]?|quantities)\b\.?\s?(?:of|:|=|-)?\s?#?\s?(?P<n>{_N})", re.IGNORECASE
)
_SUPPLY = re.compile(
    rf"{_COUNT}[\s-]{{0,2}}(?P<unit>days?|weeks?|months?)(?:'s?)?[\s-]{{0,2}}(?:worth of |of )?(?:supply|coverage|of|prescription)"
    rf"|\bfor\s(?P<n2>{_N})\s(?P<unit2>months?|days?|weeks?)\b",
    re.IGNORECASE,
)
_TIMES_COUNT = re.compile(
    r"(?:\bx|×|\btimes)\s?(?P<n>\d{1,4})\b(?!\s?(?:refill|rf|month|week|day|mg|/))", re.IGNORECASE
)
_PERIOD: dict[str, Unit] = {"d": "days", "w": "weeks", "m": "months"}


def read_drug_amount(item: str, found: Classified) -> Amount:
    """How many tablets, grams, patches of a drug are asked for: "#60", "quantity 90", "60 tablets", "one month supply"."""
    drugs = find_drugs(item, misspelt=True)
    text = _STRENGTH.sub(lambda match: " " * len(match.group()), _without_dates(_without_names(item, drugs)))
    if drugs and (ahead := _COUNT_AHEAD.search(item[: drugs[0].start])) is not None:
        value = _number(ahead.group("n"))
        return Amount(value, _unit_of_numbered(item, text, ahead.end(), value, found))
    counted = _counted_units(text)
    if counted is not None and counted.quantity is not None:
        return counted
    numbered = _NUMBERED.search(text) or _QUANTITY_WORD.search(text)
    if numbered is not None:
        value = _number(next(group for group in numbered.groups() if group))
        return Amount(value, _unit_of_numbered(item, text, numbered.end(), value, found))
    supply = _SUPPLY.search(text)
    if supply is not None:
        period = supply.group("unit") or supply.group("unit2")
        return Amount(_number(supply.group("n") or supply.group("n2")), _PERIOD[period[0].lower()])
    times = _TIMES_COUNT.search(text)
    if times is not None:
        value = _number(times.group("n"))
        return Amount(value, _unit_of_numbered(item, text, times.end(), value, found))
    return Amount()


# "120 Norco 10/325mg", "Prescription of 90 gabapentin"; not "2 prescriptions of Norco".
_COUNT_AHEAD = re.compile(r"(?<![\d/.#-])(?P<n>\d{2,4})\s(?:of\s)?$")


def _without_names(item: str, drugs: Iterable[DrugMention]) -> str:
    """The item with the drugs' names blanked out: the 3 of "Tylenol #3" is no amount."""
    for mention in drugs:
        item = item[: mention.start] + " " * (mention.end - mention.start) + item[mention.end :]
    return item


def _counted_units(text: str) -> Amount | None:
    """ "60 tablets", "#1 box", "120 gm"; not what is taken at a time ("one tablet twice daily")."""
    for unit_pattern, unit in (*_DRUG_UNITS, (_OTHER_DRUG_UNITS, "units")):
        pattern = rf"(?P<n>#?\s?{_N})\s?(?:-\s?)?(?:count\s)?(?:{unit_pattern})"
        for match in re.finditer(pattern, text, re.IGNORECASE):
            if not _is_dose(text, match.start(), match.end(), _number(match.group("n").strip("# "))):
                return Amount(_number(match.group("n").strip("# ")), unit)
    return None


_DOSING = re.compile(
    r"\s?\(?s?\)?\s?(?:by mouth|po\b|p\.o\.|orally|daily|every|each|q\s?\d|qd|qhs|bid|tid|qid|b\.i\.d|t\.i\.d|twice|once|"
    r"at (?:bed|night)|per day|a day|nightly|three times|two times|prn|as needed|four times|one time|q\.|1 time|2 times)",
    re.IGNORECASE,
)
_TAKING = re.compile(
    r"\b(?:take|takes|taking|apply|applied|use)\s?$|\b(?:take|apply)\s[\w\s-]{0,8}$|\s-\s?$", re.IGNORECASE
)


def _is_dose(text: str, start: int, end: int, value: float) -> bool:
    if _TAKING.search(text[max(0, start - 14) : start]):
        return True
    return value <= 4 and not text[start:end].lstrip().startswith("#") and _DOSING.match(text, end) is not None


def _unit_of_numbered(item: str, text: str, at: int, value: float, found: Classified) -> Unit:
    after = text[at : at + 14].lower()
    if re.match(rf"\s?\(?{_OTHER_DRUG_UNITS}", after):
        return "units"
    if re.match(r"\s?(?:grams?|gms?|g)\b", after):
        return "grams"
    for pattern, unit in _DRUG_UNITS:
        if re.search(rf"(?<![a-z]){pattern}", item if unit == "patches" else text, re.IGNORECASE):
            return unit
    if re.search(r"\b(?:film|dose ?pa(?:c)?k|troche|lozenge|strip)s?\b", item, re.IGNORECASE):
        return "units"
    if re.search(
        r"\b(?:cream|gel|ointment|lotion|compound|solution|spray|drops|box|tube|bottle|kit|inhaler)", text, re.I
    ):
        return "units" if value <= 10 else "grams"
    if found.subcategory in ("topical_analgesics", "compounds"):
        return _unit_on_skin(value, found)
    return _usual_form(item, found)


def _usual_form(item: str, found: Classified) -> Unit:
    drug = found.drugs[0].drug if found.drugs else None
    if drug is None or drug.form is None:
        return "tablets"
    strength = (read_strength(item) or "").lower()
    return "tablets" if strength in drug.tablets_at else drug.form


def _unit_on_skin(value: float, found: Classified) -> Unit:
    brand = (_brand(found.drugs) or "").lower()
    if brand in ("lidoderm", "flector", "terocin", "qutenza", "salonpas") or (found.drugs and value == 30):
        return "patches"
    return "units" if value <= 10 else "grams"


_REFILLS = re.compile(
    rf"(?:\bx|\+|\bwith)?\s?(?P<n>{_N}|\bno\b|\bzero\b)\s?(?:\(\d\)\s?)?(?:additional\s)?(?:refills?|rf)\b"
    r"|\b(?:refills?|rf)\b\s?(?:[:=x#-]|of|times)?\s?#?(?P<m>\d{1,2})\b(?!\s?(?:mg|/))",
    re.IGNORECASE,
)


def read_refills(item: str) -> int | None:
    """The refills asked for: "with 2 refills", "refills: 3", "no refills" (0); None where none are spoken of."""
    match = _REFILLS.search(item)
    if match is None:
        return 1 if re.search(r"\bwith (?:a )?refill\b", item, re.IGNORECASE) else None
    word = match.group("n") or match.group("m")
    return 0 if word.lower() in ("no", "zero") else int(_number(word))


_ADVERB = r"(?:x|×|times?|visits?|sessions?|days?|treatments?|hours? a day,? \w+ days?)"
_PER_WEEK = re.compile(
    rf"(?:{_N}\s?(?:-|to)\s?)?(?P<times>{_N})\s?(?:\(\d{{1,2}}\)\s?)?{_ADVERB}?[\s,]?"
    rf"(?:(?:/|\bper|\ba|\beach|\bevery)?\s?(?P<each>week|wk|month|w)\b|\b(?:weekly|wkly|(?P<monthly>monthly))\b)[\s,]{{0,2}}"
    rf"(?:for|x|×|times|over|during|-|/|of)?\s?(?:the next |a total of |a duration of |duration of |an additional )?"
    rf"(?:{_N}\s?(?:-|to)\s?)?(?P<weeks>{_N})\s?(?:\(\d{{1,2}}\)\s?)?(?P<period>weeks?|wks?|months?|w\b)",
    re.IGNORECASE,
)
_TIMES_WEEKS = re.compile(
    rf"(?P<times>{_N})\s?(?:\(\d{{1,2}}\)\s?)?(?:x|×|times|for)\s?(?P<weeks>{_N})\s?(?:\(\d{{1,2}}\)\s?)?(?P<period>weeks?|wks?|months?)\b",
    re.IGNORECASE,
)
_DAILY = re.compile(
    rf"\b(?:daily|once a day|every day|each day)\b[^.;\d]{{0,20}}\b(?:for|x|times)\s(?P<weeks>{_N})\s(?P<period>weeks?|months?)\b",
    re.I,
)
_SHORT_COURSE = re.compile(
    rf"(?<![\d/.])(?P<times>\d|\b(?:{_WORD_NUMBER}))\s?(?:[x×]|\btimes)\s?(?P<weeks>\d{{1,2}}|(?:{_WORD_NUMBER})\b)(?![\d/.])",
    re.IGNORECASE,
)
_STATED_TOTAL = re.compile(
    rf"\b(?:total(?: of|:)?\s?|visits?\s?\(|sessions?\s?\(|weeks?,?\s?\(|#)(?:{_N}\s?-\s?)?(?P<n>\d{{1,3}})\b(?:\s?(?P<unit>visits?|sessions?))?",
    re.IGNORECASE,
)
_SERVICE_UNITS: tuple[tuple[str, Unit], ...] = (
    (r"sessions?", "sessions"),
    (r"visits?|appointments?|treatments?|consultations?|office visits?", "visits"),
    (r"injections?", "injections"),
    (r"days?", "days"),
    (r"weeks?", "weeks"),
    (r"months?", "months"),
)
_SERVICE_COUNT = {
    unit: re.compile(
        rf"(?:{_N}\s?(?:-|to|or)\s?)?(?<![\d/.])(?P<n>{_N})\s?(?:\(\s?\w{{1,9}}\s?\)\s?)?[\s-]?"
        rf"(?:additional |more |initial |total |further |extra |individual |follow-?up |post-?operative |office |new |home )?"
        rf"(?:[a-z/&-]{{2,15}}\s){{0,3}}?(?:{pattern})\b(?!\s?(?:a|per|/)\s?(?:week|month))",
        re.IGNORECASE,
    )
    for pattern, unit in _SERVICE_UNITS
}
# "4 hours a day, 5 days a week for 6 weeks" is thirty days of help.
_DAYS_A_WEEK = re.compile(
    rf"(?P<n>{_N})\s?days?\s?(?:/|a|per|each)\s?(?:week|wk)\b[\s,]{{0,2}}(?:for|x|times)\s?(?P<weeks>{_N})\s?(?:weeks?|wks?)",
    re.IGNORECASE,
)
_SERVICE_TIMES = re.compile(
    rf"(?:(?<![a-z])x|×|\btimes)\s?(?P<n>{_N})\b(?!\s?(?:/|per w|a w|week|wk|month|day|hour))", re.I
)
_VISIT_CATEGORIES = frozenset({"rehabilitation", "behavioral_mental_health", "evaluation_management", "home_health"})


def read_service_amount(item: str, found: Classified) -> Amount:
    """How many visits, sessions, injections, days of anything but a drug are asked for.

    A course is multiplied out ("2 times a week for 4 weeks" is 8 visits), of a range the upper end counts, and a total
    that is stated goes before both.
    """
    text = _without_dates(_without_regions_of_levels(_without_names(item, find_drugs(item))))
    text = re.sub(r"(?i)\btooth #?\s?\d+|\bteeth [#\d, -]+|\b\d+\s?(?:mg|cc|ml|mcg|%|hz|minutes?|mins?)\b", " ", text)
    total = _STATED_TOTAL.search(text)
    if total is not None and found.category in _VISIT_CATEGORIES:
        return Amount(_number(total.group("n")), _unit_of_service(text, found))
    days = _DAYS_A_WEEK.search(text)
    if days is not None and found.category == "home_health":
        return Amount(_number(days.group("n")) * _number(days.group("weeks")), "days")
    for unit in _units_sought(found):
        values = [_number(match.group("n")) for match in _SERVICE_COUNT[unit].finditer(_without_courses(text))]
        if values:
            return Amount(
                sum(values) if unit in ("visits", "sessions") and len(values) > 1 and _adds(text) else values[0], unit
            )
    course = _course(text)
    if course is not None and found.category in _VISIT_CATEGORIES:
        return Amount(course, _unit_of_service(text, found))
    year = re.search(rf"(?P<n>{_N})[\s-]year\b", text, re.IGNORECASE)
    if year is not None and found.subcategory in (
        "gym_or_pool_membership",
        "weight_loss",
        "interferential_nmes_other_stim",
    ):
        return Amount(12 * _number(year.group("n")), "months")
    special = _special_amount(text, found)
    if special is not None:
        return special
    times = _SERVICE_TIMES.search(text) or _NUMBERED.search(text) or _QUANTITY_WORD.search(text)
    if times is not None:
        value = next(group for group in times.groups() if group)
        return Amount(_number(value), _unit_of_service(text, found))
    hours = re.search(rf"(?P<n>{_N})\shours?\b", text, re.IGNORECASE)
    if hours is not None and found.category == "programs":
        return Amount(_number(hours.group("n")))
    return Amount()


def _special_amount(text: str, found: Classified) -> Amount | None:
    """Units of a toxin, a series of injections, a pair of crutches: amounts in words of their own."""
    if found.subcategory == "botulinum_toxin" and (units := re.search(r"(\d{2,3})\s?(?:-\s?)?units?\b", text, re.I)):
        return Amount(float(units.group(1)), "units")
    if found.category == "injections" and (series := re.search(rf"\bseries of (?P<n>{_N})", text, re.I)):
        return Amount(_number(series.group("n")), "injections")
    if found.category == "dmepos" and (
        pairs := re.search(rf"(?P<n>{_N})\s(?:pairs?|units?|pieces?|sets?|box(?:es)?|packs?)\b", text, re.I)
    ):
        return Amount(_number(pairs.group("n")), "units")
    if found.category == "dmepos" and re.search(r"\bpurchase (?:of )?(?:an?|one)\b", text, re.I):
        return Amount(1, "units")
    return None


def _units_sought(found: Classified) -> tuple[Unit, ...]:
    if found.category in ("dmepos", "surgery", "programs"):
        return ("sessions", "visits", "days", "weeks", "months")
    if found.category == "injections":
        return ("injections", "sessions", "visits")
    if found.category == "diagnostic_testing":
        return ()
    if found.subcategory == "gym_or_pool_membership":
        return ("months", "weeks", "visits", "sessions")
    return (
        ("sessions", "visits", "days", "weeks", "months") if found.category == "home_health" else ("sessions", "visits")
    )


def _adds(text: str) -> bool:
    """Two counts that stand beside each other for two parts: "two sessions for the back and eight for the wrist"."""
    return " and " in text and not re.search(r"\([^)]*(?:sessions|visits)[^)]*\)|total", text, re.IGNORECASE)


def _without_courses(text: str) -> str:
    for pattern in (_PER_WEEK, _TIMES_WEEKS, _DAILY, _SHORT_COURSE):
        text = pattern.sub(lambda match: " " * len(match.group()), text)
    return text


def _course(text: str) -> float | None:
    """The visits of a course: so many times a week for so many weeks."""
    daily = _DAILY.search(text)
    if daily is not None:
        return 7 * _number(daily.group("weeks")) * (4 if daily.group("period").lower().startswith("month") else 1)
    match = _PER_WEEK.search(text) or _TIMES_WEEKS.search(text) or _SHORT_COURSE.search(text)
    if match is None:
        return None
    groups = match.groupdict()
    per_month = bool(groups.get("monthly")) or (groups.get("each") or "").lower() == "month"
    for_months = (groups.get("period") or "").lower().startswith("month")
    return _number(match.group("times")) * _number(match.group("weeks")) * (4 if for_months and not per_month else 1)


def _unit_of_service(text: str, found: Classified) -> Unit | None:
    if found.category in _VISIT_CATEGORIES:
        return "sessions" if re.search(r"\bsessions?\b", text, re.IGNORECASE) else "visits"
    if found.category == "injections":
        return "injections"
    if found.category == "dmepos":
        return "days" if re.search(r"\b(?:trial|daily|rental|days?)\b", text, re.IGNORECASE) else "units"
    return None


def _without_dates(text: str) -> str:
    """Dates and procedure codes blanked out: their numbers are no amounts."""
    return re.sub(
        r"\b\d{1,2}\s?[/-]\s?\d{1,2}\s?[/-]\s?\d{2,4}\b|\b(?:cpt|hcpcs|icd|ndc|code)s?\b[\s:#-]{0,3}[a-z]?\d[\d.-]{2,14}",
        lambda match: " " * len(match.group()),
        text,
        flags=re.IGNORECASE,
    )


def _without_regions_of_levels(text: str) -> str:
    """Spine levels blanked out: "L4-5 x 2" is two of them, not five."""
    return re.sub(r"\b[CTLS]\d{1,2}(?:\s?[-/,&]\s?[CTLS]?\d{1,2})*\b", lambda match: " " * len(match.group()), text)


# --- where on the body ---------------------------------------------------------------------------------------------

_FIXED_REGIONS: dict[str, BodyRegion] = {
    "urine_drug_screen": "systemic", "laboratory": "systemic", "preop_clearance": "systemic",
    "genetic_pharmacogenetic": "systemic", "cardiac_pulmonary": "chest", "sleep_study": "systemic",
    "psychotherapy_cbt": "psyche", "psychological_evaluation": "psyche", "psychiatric_medication_management": "psyche",
    "biofeedback": "psyche", "hypnotherapy": "psyche", "tms_ect": "psyche", "psych_testing": "psyche",
    "neuropsych_testing": "psyche", "partial_hospitalization": "psyche", "weight_loss": "systemic",
    "detoxification": "systemic", "audiology_vision_test": "head", "hearing_vision": "head", "brain_injury": "head",
    "migraine_agents": "head", "barbiturate_analgesics": "head", "dental": "face_jaw", "hearing": "head", "vision": "head",
    "intramuscular": "systemic", "eeg_evoked_potentials": "head",
    "speech_cognitive_therapy": "head", "vestibular": "head", "anesthesia_sedation": "systemic",
}  # fmt: skip
_SYSTEMIC_IN_PHARMACY = frozenset({"other", "medical_foods", "gi_agents", "sedative_hypnotics"})


def read_regions(
    found: Classified, item: str, *, title: str = "", other_items: Sequence[str] = (), summary: str = ""
) -> tuple[list[BodyRegion], Laterality]:
    """The body regions the item is for, and the side: from the item, else its title, else by what kind of item it is,
    else from the surgery it belongs to, else the painful regions of the summary.

    A limb that is named without its side takes the side that the title, the other items or the summary give it.
    """
    for text in (item, title):
        mentions = _named_regions(text)
        if mentions and all(mention.loose and mention.region in _SPINE for mention in mentions):
            return _gather(tuple(m for m in painful_regions(summary) if m.region in _SPINE) or mentions)
        if mentions:
            regions, side = _gather(_with_mid_back(text, mentions, summary))
            return regions, side if side != "na" else _side_elsewhere(regions, (title, *other_items, summary))
    if found.subcategory == "gi_agents" and _complains_of_stomach(summary):
        return ["abdomen_pelvis"], "na"
    if found.category == "pharmaceuticals" and found.subcategory in _SYSTEMIC_IN_PHARMACY:
        return ["systemic"], "na"
    if found.subcategory in _FIXED_REGIONS:
        return [_FIXED_REGIONS[found.subcategory]], "na"
    if _ASSOCIATED.search(item + " " + title) or found.subcategory in _ALWAYS_ASSOCIATED:
        mentions = _surgery_regions(other_items)
        if mentions:
            return _gather(mentions)
    if found.subcategory == "supplies" and not _SUPPLIES_OF_A_DEVICE.search(item):
        return ["unspecified"], "na"
    return _regions_of_summary(found, summary)


# Electrodes go where the stimulator does; gloves, wipes and pads are for no part of the body.
_SUPPLIES_OF_A_DEVICE = re.compile(
    r"\b(?:tens|stimulat\w*|nmes|h-?wave|interferential|electrodes?|batter\w*|patch(?:es)?|lead|device|unit|suppl\w+|"
    r"brace|dressings?|wound)\b",
    re.IGNORECASE,
)

_STOMACH = re.compile(
    r"\b(?:(?:epigastric|(?:upper )?abdominal|stomach|gastric) (?:pain|discomfort|burning|tenderness|upset)|heartburn|"
    r"dyspepsia|acid reflux|gastritis|gastroesophageal reflux)\b",
    re.IGNORECASE,
)
# "denied heartburn", "no indication of dyspepsia", "at risk of gastritis": nobody complains of it.
_NO_COMPLAINT = re.compile(
    r"\b(?:no|not|non|without|den(?:y|ies|ied)|negative|lack|absence|risk|prevent\w*|prophyla\w*|avoid\w*|if)\b",
    re.IGNORECASE,
)


def _complains_of_stomach(summary: str) -> bool:
    return any(
        not _NO_COMPLAINT.search(re.split(r"[.;]", summary[max(0, match.start() - 120) : match.start()])[-1])
        for match in _STOMACH.finditer(summary)
    )


# "the neck and back": the whole back, not "low back", "back brace" or "back surgery".
_WHOLE_BACK = re.compile(
    r"(?<!low )(?<!lower )(?<!mid )(?<!middle )(?<!upper )(?<!mid-)(?<!come )\bback\b(?!\s(?:brace|support|surgery|pain|to\b))",
    re.I,
)


def _with_mid_back(text: str, mentions: tuple[RegionMention, ...], summary: str) -> tuple[RegionMention, ...]:
    """A back that the summary tells to ache in its middle too is both halves of it."""
    if not _WHOLE_BACK.search(text) or any(mention.region == "thoracic" for mention in mentions):
        return mentions
    halves = painful_regions(summary)
    if not {"thoracic", "lumbar"} <= {mention.region for mention in halves}:
        return mentions
    return mentions + tuple(mention for mention in halves if mention.region == "thoracic")


_SPINE: frozenset[BodyRegion] = frozenset({"cervical", "thoracic", "lumbar", "sacroiliac"})
_LIMBS: frozenset[BodyRegion] = frozenset(
    {"shoulder", "elbow", "wrist_hand", "hip", "knee", "ankle_foot", "upper_extremity", "lower_extremity"}
)
_CLEAR_REGIONS = 6


def _side_elsewhere(regions: list[BodyRegion], texts: Sequence[str]) -> Laterality:
    if len(regions) != 1 or regions[0] not in _LIMBS:
        return "na"
    for text in texts:
        sides = {m.laterality for m in find_regions(expand_abbreviations(text).text) if m.region == regions[0]} - {"na"}
        if sides:
            return next(iter(sides)) if len(sides) == 1 else "na"
    return "na"


# "Left sided neck pain": the side of what has but one is no side of the treatment that a whole summary is the ground of.
_MIDLINE: frozenset[BodyRegion] = frozenset({"cervical", "thoracic", "lumbar", "head"})


def _regions_of_summary(found: Classified, summary: str) -> tuple[list[BodyRegion], Laterality]:
    if found.subcategory in _PSYCHOTROPICS and _PSYCHE.search(summary):
        return ["psyche"], "na"
    mentions = painful_regions(summary)
    if mentions and len({mention.region for mention in mentions}) <= _CLEAR_REGIONS:
        return _gather(replace(m, laterality="na") if m.region in _MIDLINE else m for m in mentions)
    by_mouth = found.category == "pharmaceuticals" and found.subcategory not in ("topical_analgesics", "compounds")
    return (["systemic"] if by_mouth else ["unspecified"]), "na"


_PSYCHOTROPICS = frozenset({"antidepressants", "psychotropics_other", "benzodiazepines"})
_PSYCHE = re.compile(r"\b(?:depress\w+|anxi\w+|ptsd|post-?\s?traumatic stress|psych\w+|panic)\b", re.IGNORECASE)


# "by mouth" is no part of the body, nor is a nasal spray for one, nor "psych" in "medication management".
_MEANS = re.compile(
    r"\b(?:by|per) mouth\b|\bnasal spray\b|\b(?:left|right) over\b|\bhead-?set\b|\bhand-?held\b", re.IGNORECASE
)


def _named_regions(text: str) -> tuple[RegionMention, ...]:
    """The regions an item names; "spine" beside a level of it ("spine surgeon, cervical") adds none."""
    mentions = find_regions(_MEANS.sub(lambda match: " " * len(match.group()), expand_abbreviations(text).text))
    return tuple(mention for mention in mentions if not mention.loose) or mentions


_ASSOCIATED = re.compile(r"\bassociated surgical\b|\bpost-?\s?op|\bpre-?\s?op", re.IGNORECASE)
_ALWAYS_ASSOCIATED = frozenset({"assistant_surgeon", "facility_inpatient_stay", "cold_hot_therapy", "cpm"})


def _surgery_regions(other_items: Sequence[str]) -> tuple[RegionMention, ...]:
    for other in other_items:
        kind = classify_item(other)
        if kind is not None and kind.category == "surgery":
            mentions = find_regions(expand_abbreviations(other).text)
            if mentions:
                return mentions
    return ()


def _gather(mentions: Iterable[RegionMention]) -> tuple[list[BodyRegion], Laterality]:
    """The regions, each once, and the side they share; both sides of one region are "bilateral", of two "na"."""
    sides: dict[BodyRegion, set[Laterality]] = {}
    for mention in mentions:
        sides.setdefault(mention.region, set()).add(mention.laterality)
    sided = [frozenset(found - {"na"}) for found in sides.values() if found - {"na"}]
    if not sided:
        return list(sides), "na"
    if any(len(found) > 1 for found in sided) and len(sided) == 1:
        return list(sides), "bilateral"
    return list(sides), next(iter(sided[0])) if set(sided) == {sided[0]} and len(sided[0]) == 1 else "na"


_COMPLAINT = re.compile(
    r"\b(?:complain\w*|c/o|presents?|presented|presenting|report(?:s|ed|ing)|subjective|symptoms?|continues? to|"
    r"(?:had|has|having|with|of|ongoing|persistent|chronic|rates?) (?:\w+ ){0,4}pain|pain (?:in|of|at|to)|suffers?)\b",
    re.IGNORECASE,
)
_DIAGNOSIS = re.compile(
    r"\b(?:diagnos[ei]s|diagnosed|(?:undergoing|being|been|receiving) (?:treatment|treated|care) for|treated for|"
    r"claim for|impressions?|assessments?|status post|s/p|injur(?:y|ies|ed) (?:to|of|his|her|the)|sprain|strain)\b",
    re.IGNORECASE,
)
# Where nothing is called a complaint or a diagnosis: what hurts, then whatever was hurt.
_HURTS = re.compile(
    r"\b(?:pain(?:s|ful)?|aches?|aching|sore(?:ness)?|hurts?|burning|stiff\w*|spasms?)\b", re.IGNORECASE
)
# An examination, a picture, a treatment or the review's own history names regions that may not be in question.
_ASIDE = re.compile(
    r"\b(?:exam(?:ination)?|objective|tenderness|palpation|range of motion|mri|x-?rays?|emg|radiograph\w*|imaging|"
    r"request(?:ed|s)?|authori[sz]\w*|denied|non-certified|utilization|treatments? (?:to date|has|have|included)|prior treatment|"
    r"treatment plan|plan of care|medications? (?:include|included)|mechanism|reflex\w*|test(?:s|ing)? (?:was|were)|denie[sd])\b",
    re.IGNORECASE,
)
# "low back pain radiating to the left leg" is a complaint of the low back.
_RADIATION = re.compile(
    r"\b(?:radiat\w+|shoot\w+|going (?:down|into)|goes|travel\w+|extend\w+|numbness|tingling|into|down)\b[^.;]{0,90}",
    re.IGNORECASE,
)
_WIDER: dict[BodyRegion, frozenset[BodyRegion]] = {
    "upper_extremity": frozenset({"shoulder", "elbow", "wrist_hand"}),
    "lower_extremity": frozenset({"hip", "knee", "ankle_foot", "lumbar"}),
}


# "neck, shoulder, and arm pain": a limb that is listed beside its part is meant in its own right.
_LISTED_LIMB: tuple[tuple[BodyRegion, re.Pattern[str]], ...] = (
    ("upper_extremity", re.compile(r"\b(?:shoulder|elbow|wrist|hand)s?,? and (?:left |right |bilateral )?(?:fore)?arms? pain", re.I)),
    ("lower_extremity", re.compile(r"\b(?:hip|knee|ankle|foot|feet)s?,? and (?:left |right |bilateral )?(?:lower )?(?:leg|thigh|calf)s? pain", re.I)),
)  # fmt: skip


@lru_cache(maxsize=8)
def painful_regions(summary: str) -> tuple[RegionMention, ...]:
    """The regions that the summary's diagnoses and complaints name, in the order first named; a whole limb only where
    no part of it is named, and the mind only where nothing else is."""
    sentences = re.split(r"(?<=[.;])\s*(?=[A-Z\"(])", expand_abbreviations(summary).text)
    told = [sentence for sentence in sentences if not _ASIDE.search(sentence)]
    mentions = (
        _regions_in(s for s in told if _DIAGNOSIS.search(s) or _COMPLAINT.search(s))
        or _regions_in(s for s in told if _HURTS.search(s))
        or tuple(m for m in _regions_in(told) if m.region in _SPINE | _LIMBS)
    )
    named = {mention.region for mention in mentions}
    listed = {region for region, pattern in _LISTED_LIMB if pattern.search(summary)}
    return tuple(m for m in mentions if m.region in listed or not (_WIDER.get(m.region, frozenset()) & named))


def _regions_in(sentences: Iterable[str]) -> tuple[RegionMention, ...]:
    return tuple(
        mention
        for sentence in sentences
        for mention in find_regions(_RADIATION.sub(" ", sentence))
        if not mention.loose and mention.region != "psyche"
    )


# --- the rest ------------------------------------------------------------------------------------------------------

_RETROSPECTIVE = re.compile(
    r"\bretro(?:spective(?:ly)?)?\b|\b(?:dos|d\.o\.s\.|dates? of service)\b|\b(?:performed|dispensed|provided|given|"
    r"administered|rendered) on \d",
    re.IGNORECASE,
)


def _is_retrospective(item: str, title: str) -> bool:
    return _RETROSPECTIVE.search(f"{item} {title}") is not None


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.;])\s", text, maxsplit=1)[0][:300]
