"""The field's words: drugs, drug classes, treatments and body regions, with where they stand in a text.

Two readers use it. A query is read by `find_terms` ("opioids denied for the low back" holds a drug class and a region).
A disputed item is read by `treatment.read_treatment`, which uses the finer doors: `find_drugs`, `find_regions`,
`expand_abbreviations` and `load_treatments`.

The words live in data/drugs.yaml, data/treatments.yaml, data/regions.yaml and data/abbreviations.yaml; each is read
once, when first needed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise, permutations
from typing import Generic, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rapidfuzz.distance import OSA

from imr_llm.data import parse_yaml
from imr_llm.errors import ConfigurationError
from imr_llm.record import BodyRegion, Laterality, Unit

TermKind = Literal["drug", "brand", "drug_class", "category", "subcategory", "body_region"]


@dataclass(frozen=True)
class Term:
    """One word of the field in a text: `surface == text[start:end]`.

    kind        value
    drug        generic name as in `Treatment.drug` ("hydrocodone/acetaminophen")
    brand       brand as in `Treatment.brand`, of a product that has no generic name ("Theramine")
    drug_class  a class of data/drugs.yaml ("opioid"); `drugs_of_class` and `subcategory_of_class` say what it holds
    category    a treatment category ("injections")
    subcategory "category.subcategory" ("injections.epidural_steroid")
    body_region a `BodyRegion` ("lumbar")
    """

    kind: TermKind
    value: str
    start: int
    end: int
    surface: str


@dataclass(frozen=True)
class Drug:
    """One drug of the vocabulary. `subcategory` is that of "pharmaceuticals" its class belongs to.

    `form` is what "#30" of it counts where that is not tablets, `tablets_at` the strengths that are tablets after all;
    `unnamed` says that no generic name exists: `generic` then only describes it.
    """

    generic: str
    drug_class: str
    subcategory: str
    form: Unit | None = None
    tablets_at: tuple[str, ...] = ()
    unnamed: bool = False


@dataclass(frozen=True)
class DrugMention:
    """A drug named in a text. `brand` is the brand as the vocabulary writes it, None where the generic name stands."""

    drug: Drug
    brand: str | None
    start: int
    end: int


@dataclass(frozen=True)
class RegionMention:
    """A body region named in a text, and the side that is said of it ("na" where none is).

    `loose` marks a word that names the region only for want of a better one ("spine" for lumbar)."""

    region: BodyRegion
    laterality: Laterality
    start: int
    end: int
    loose: bool = False


# --- the data files, as they must look -----------------------------------------------------------------------------


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _ClassEntry(_Entry):
    subcategory: str
    parents: list[str] = []
    synonyms: list[str] = []


class _DrugEntry(_Entry):
    drug: str
    drug_class: str = Field(alias="class")
    also: list[str] = []
    form: Unit | None = None
    tablets_at: list[str] = []
    unnamed: bool = False
    brands: list[str] = []
    names: list[str] = []
    case: list[str] = []


class _DrugFile(_Entry):
    version: str
    classes: dict[str, _ClassEntry]
    drugs: list[_DrugEntry]


class _AbbreviationEntry(_Entry):
    abbr: str
    phrase: str
    exact: bool = False
    when: str | None = None
    unless: str | None = None


class _AbbreviationFile(_Entry):
    version: str
    abbreviations: list[_AbbreviationEntry]


class _RegionEntry(_Entry):
    terms: list[str]
    patterns: list[str] = []
    not_before: str | None = None


class _RegionFile(_Entry):
    version: str
    regions: dict[BodyRegion, _RegionEntry]


class TreatmentEntry(_Entry):
    """Words for one subcategory. Of several entries found in an item the lowest rank wins, then the first named.

    `terms` are phrases that a query may use too, `query_terms` are too loose for an item; `patterns` are for items.
    """

    subcategory: str
    rank: int = 2
    terms: list[str] = []
    patterns: list[str] = []
    query_terms: list[str] = []
    positive: list[str]
    near_miss: list[str]


class TreatmentFile(_Entry):
    """data/treatments.yaml: the categories and the entries that find them."""

    version: str
    categories: dict[str, list[str]]
    category_terms: dict[str, list[str]]
    setting: list[str]
    entries: list[TreatmentEntry]


FileModel = TypeVar("FileModel", bound=BaseModel)


def _load(name: str, model: type[FileModel]) -> FileModel:
    """Read one data file of the package. Raises ConfigurationError where it breaks its rules."""
    try:
        raw = parse_yaml(resources.files("imr_llm").joinpath("data", name).read_text(encoding="utf-8"))
        return model.model_validate(raw)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"data/{name} cannot be used: {error}; restore the file of this version") from error


@cache
def load_treatments() -> TreatmentFile:
    """The treatment categories and the entries that find them."""
    return _load("treatments.yaml", TreatmentFile)


@cache
def _drug_file() -> _DrugFile:
    return _load("drugs.yaml", _DrugFile)


# --- phrases: a text is compared word by word, so "Ben-Gay" and "ben gay" are one ------------------------------------

_WORD = re.compile(r"[a-z0-9]+", re.IGNORECASE)
_SEPARATOR = re.compile(r"[\s/\-#.,'()&+]{1,4}")
Payload = TypeVar("Payload")


class Phrases(Generic[Payload]):
    """Phrases to look for, longest first; the last word may take a plural "s"."""

    def __init__(self) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], Payload, str | None]]] = {}

    def add(self, phrase: str, payload: Payload, *, exact: bool = False) -> None:
        """Add a phrase; `exact` asks for the same capitals. The first payload of a phrase stays."""
        words = tuple(_WORD.findall(phrase.lower()))
        entries = self._by_first.setdefault(words[0], [])
        if all(entry[0] != words for entry in entries):
            entries.append((words, payload, phrase if exact else None))
            entries.sort(key=lambda entry: -len(entry[0]))

    def find(self, text: str) -> Iterator[tuple[int, int, Payload]]:
        """The phrases in the text from left to right, longest first, none overlapping another."""
        words = [(match.group().lower(), *match.span()) for match in _WORD.finditer(text)]
        at = 0
        while at < len(words):
            found = self._longest_at(text, words, at)
            if found is None:
                at += 1
                continue
            length, payload = found
            yield words[at][1], words[at + length - 1][2], payload
            at += length

    def _longest_at(self, text: str, words: list[tuple[str, int, int]], at: int) -> tuple[int, Payload] | None:
        first = words[at][0]
        for key in (first, first[:-1] if first.endswith("s") else first):
            for phrase, payload, exact in self._by_first.get(key, ()):
                if self._stands(text, words[at : at + len(phrase)], phrase, exact):
                    return len(phrase), payload
        return None

    @staticmethod
    def _stands(text: str, words: list[tuple[str, int, int]], phrase: tuple[str, ...], exact: str | None) -> bool:
        if len(words) != len(phrase):
            return False
        *most, last = [word for word, _, _ in words]
        if tuple(most) != phrase[:-1] or last not in (phrase[-1], phrase[-1] + "s"):
            return False
        gaps = (text[left[2] : right[1]] for left, right in pairwise(words))
        if not all(_SEPARATOR.fullmatch(gap) for gap in gaps):
            return False
        return exact is None or text[words[0][1] : words[-1][2]] == exact


# --- drugs ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _DrugName:
    drug: Drug
    brand: str | None


# The class of what is asked for as an injection: "Botox" and "Synvisc" are terms of subcategories of injections.
INJECTABLE = "injectable"
_FORM_WORDS = r"(?:patch(?:es)?|pain patch|gel|cream|lotion|ointment|solution|pump)"
_BRAND_FORM = re.compile(rf"(?i)(?:\s+1%)?\s+{_FORM_WORDS}$")


def _drug(entry: _DrugEntry) -> Drug:
    subcategory = _drug_file().classes[entry.drug_class].subcategory
    return Drug(entry.drug, entry.drug_class, subcategory, entry.form, tuple(entry.tablets_at), entry.unnamed)


@cache
def _drug_names() -> Phrases[_DrugName]:
    phrases: Phrases[_DrugName] = Phrases()
    for entry in _drug_file().drugs:
        drug = _drug(entry)
        for brand in entry.brands:
            phrases.add(brand, _DrugName(drug, _BRAND_FORM.sub("", brand)))
        for name in (*entry.names, *_orders(entry.drug)):
            phrases.add(name, _DrugName(drug, None))
        for name in entry.case:
            phrases.add(name, _DrugName(drug, None), exact=True)
    return phrases


def _orders(generic: str) -> Iterator[str]:
    """The ingredients in every order, two or three of them; a longer compound is put together in treatment.py."""
    ingredients = generic.split("/")
    yield from (generic,) if len(ingredients) > 3 else ("/".join(order) for order in permutations(ingredients))


@cache
def _generic_words() -> dict[str, _DrugName]:
    """Generic names of one word that a misspelling may be compared with. No brands: "tendon" is not Tencon."""
    words: dict[str, _DrugName] = {}
    for entry in _drug_file().drugs:
        for name in (entry.drug, *entry.names):
            if name.isalpha() and len(name) >= _SHORTEST_MISSPELT and entry.drug_class != INJECTABLE:
                words.setdefault(name.lower(), _DrugName(_drug(entry), None))
    return words


_SHORTEST_MISSPELT = 6


def find_drugs(text: str, *, misspelt: bool = False) -> tuple[DrugMention, ...]:
    """The drugs named in the text, from left to right. With `misspelt`, a word of six letters or more that is one
    slip away from a generic name counts (two from nine letters on), and only where no name stands spelt out."""
    found = tuple(DrugMention(name.drug, name.brand, start, end) for start, end, name in _drug_names().find(text))
    return found or (tuple(_find_misspelt(text)) if misspelt else ())


def _find_misspelt(text: str) -> Iterator[DrugMention]:
    for match in re.finditer(r"[A-Za-z]{6,}", text):
        name = _nearest_name(match.group().lower())
        if name is not None:
            yield DrugMention(name.drug, name.brand, *match.span())


@cache
def _nearest_name(word: str) -> _DrugName | None:
    """The name one slip away: "cyclobenzeprine" is cyclobenzaprine; "therapist" is no drug."""
    allowed = 2 if len(word) >= 9 else 1
    near = [
        (OSA.distance(word, name, score_cutoff=allowed), name)
        for name in _generic_words()
        if name[:2] == word[:2] and abs(len(name) - len(word)) <= allowed
    ]
    distance, name = min(near, default=(allowed + 1, ""))
    return _generic_words()[name] if distance <= allowed else None


@cache
def drugs_by_ingredients() -> dict[frozenset[str], Drug]:
    """The drug (combination) of a set of ingredients, for products that are written out ingredient by ingredient."""
    known: dict[frozenset[str], Drug] = {}
    for entry in _drug_file().drugs:
        drug = _drug(entry)
        known.setdefault(frozenset(entry.drug.split("/")), drug)
    return known


@cache
def drugs_of_class(drug_class: str) -> frozenset[str]:
    """The generic names in a class, its narrower classes included. Empty for a class that does not exist."""
    file = _drug_file()
    narrower = {name for name, entry in file.classes.items() if name == drug_class or drug_class in entry.parents}
    return frozenset(entry.drug for entry in file.drugs if narrower & {entry.drug_class, *entry.also})


def subcategory_of_class(drug_class: str) -> str | None:
    """ "category.subcategory" where the class is the whole of a subcategory ("opioid"), else None ("ppi")."""
    entry = _drug_file().classes.get(drug_class)
    if entry is None or entry.parents or entry.subcategory == "other":
        return None
    peers = [n for n, e in _drug_file().classes.items() if e.subcategory == entry.subcategory and not e.parents]
    return f"pharmaceuticals.{entry.subcategory}" if peers == [drug_class] else None


def canonical_drug(name: str) -> str | None:
    """The generic name for a brand or generic name, None where the vocabulary does not hold it."""
    mentions = find_drugs(name)
    return (
        mentions[0].drug.generic if len(mentions) == 1 and mentions[0].end - mentions[0].start > len(name) / 2 else None
    )


@cache
def _class_names() -> Phrases[str]:
    phrases: Phrases[str] = Phrases()
    for name, entry in _drug_file().classes.items():
        for synonym in entry.synonyms:
            phrases.add(synonym, name)
    return phrases


def find_drug_classes(text: str) -> tuple[tuple[int, int, str], ...]:
    """(start, end, class) of each drug class named in the text."""
    return tuple(_class_names().find(text))


def class_subcategory(drug_class: str) -> str:
    """The subcategory of "pharmaceuticals" that a class of data/drugs.yaml belongs to."""
    return _drug_file().classes[drug_class].subcategory


# --- abbreviations -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expanded:
    """A text with its abbreviations written out. `starts[i]`, `ends[i]`: where its character i comes from."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the text as given that expanded[start:end] comes from (start < end)."""
        return self.starts[start], self.ends[end - 1]


@dataclass(frozen=True)
class _Abbreviation:
    pattern: re.Pattern[str]
    phrase: str
    when: re.Pattern[str] | None
    unless: re.Pattern[str] | None


_CONTEXT = 60


@cache
def _abbreviations() -> tuple[_Abbreviation, ...]:
    def compiled(pattern: str | None) -> re.Pattern[str] | None:
        return re.compile(pattern, re.IGNORECASE) if pattern else None

    return tuple(
        _Abbreviation(
            re.compile(rf"(?<![A-Za-z0-9]){re.escape(a.abbr)}(?![A-Za-z0-9])", 0 if a.exact else re.IGNORECASE),
            a.phrase,
            compiled(a.when),
            compiled(a.unless),
        )
        for a in _load("abbreviations.yaml", _AbbreviationFile).abbreviations
    )


def expand_abbreviations(text: str) -> Expanded:
    """Write out the abbreviations whose reading is clear: "PT 2x6 for the L/S" reads "physical therapy 2x6 ..."."""
    hits: list[tuple[int, int, str]] = []
    for abbreviation in _abbreviations():
        for match in abbreviation.pattern.finditer(text):
            around = text[max(0, match.start() - _CONTEXT) : match.end() + _CONTEXT]
            if abbreviation.when is not None and not abbreviation.when.search(around):
                continue
            if abbreviation.unless is not None and abbreviation.unless.search(around):
                continue
            hits.append((match.start(), match.end(), abbreviation.phrase))
    return _rewrite(text, _without_overlaps(hits, lambda hit: (hit[0], hit[1])))


def _rewrite(text: str, hits: list[tuple[int, int, str]]) -> Expanded:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for first, last, phrase in [*hits, (len(text), len(text), "")]:
        pieces += [text[at:first], phrase]
        starts += [*range(at, first), *[first] * len(phrase)]
        ends += [*range(at + 1, first + 1), *[last] * len(phrase)]
        at = last
    return Expanded("".join(pieces), tuple(starts), tuple(ends))


# --- body regions --------------------------------------------------------------------------------------------------

_SIDES: tuple[tuple[re.Pattern[str], Laterality], ...] = (
    (re.compile(r"\b(?:bilateral(?:ly)?|both|bilat|left (?:and|or) right|right (?:and|or) left|left/right|right/left|l/r|b/l)\b", re.I), "bilateral"),
    (re.compile(r"\b(?:left|lt|left-sided)\b", re.I), "left"),
    (re.compile(r"\b(?:right|rt|right-sided)\b", re.I), "right"),
)  # fmt: skip
_SIDE_BEFORE = 28
# "knee, left", "carpal tunnel release (right)", "nerve block bilateral"
_SIDE_BEHIND = re.compile(
    r"(?:\s(?:joint|block|blocks|splint|brace|injections?))?(?:(?:\s[a-z]{3,14}){0,2}\s?[,(-]\s?|\s)"
    r"(left|right|lt|rt|bilateral(?:ly)?|bilat)(?=[\s,.;:)]|$)",
    re.IGNORECASE,
)
# What may stand between a side and the region it belongs to: "left lateral elbow", "right and left shoulder".
_LEADS_ON = re.compile(
    r"(?:\s(?:and|or|&)\s(?:left|right|lt|rt))?\s(?:(?!and\b|or\b|side\b|to\b)[a-z]{3,14}\s)?", re.IGNORECASE
)


@cache
def _region_names() -> Phrases[BodyRegion]:
    phrases: Phrases[BodyRegion] = Phrases()
    for region, entry in _load("regions.yaml", _RegionFile).regions.items():
        for term in entry.terms:
            phrases.add(term, region)
    return phrases


@cache
def _region_patterns() -> tuple[tuple[BodyRegion, re.Pattern[str]], ...]:
    file = _load("regions.yaml", _RegionFile)
    return tuple((region, re.compile(p, re.I)) for region, entry in file.regions.items() for p in entry.patterns)


@cache
def _region_vetoes() -> dict[BodyRegion, re.Pattern[str]]:
    file = _load("regions.yaml", _RegionFile)
    return {region: re.compile(e.not_before, re.I) for region, e in file.regions.items() if e.not_before}


def find_regions(text: str) -> tuple[RegionMention, ...]:
    """The body regions named in the text, from left to right, each with its side where one stands by it."""
    hits = [(start, end, region) for start, end, region in _region_names().find(text)]
    hits += [(*match.span(), region) for region, pattern in _region_patterns() for match in pattern.finditer(text)]
    hits = [hit for hit in hits if not _vetoed(text, hit)]
    found = _without_overlaps(hits, lambda hit: (hit[0], hit[1]))
    mentions: list[RegionMention] = []
    floor = 0
    for place, (start, end, region) in enumerate(found):
        following = found[place + 1][0] if place + 1 < len(found) else len(text) + 1
        side, reached = _side_of(text, max(floor, start - _SIDE_BEFORE), start, end, following)
        joined = mentions and re.fullmatch(r"[\s,/&+-]*(?:and|or)?[\s,/&+-]*", text[floor:start])
        if side == "na" and joined:
            side = mentions[-1].laterality if region not in _SPINAL else "na"
        mentions.append(RegionMention(region, side, start, end, text[start:end].lower() in _LOOSE_WORDS))
        floor = reached
    return tuple(mentions)


_LOOSE_WORDS = frozenset(
    {"spine", "spinal", "spinolator", "paraspinal", "paraspinals", "psychological", "psychiatric", "psych"}
)
_SPINAL: frozenset[BodyRegion] = frozenset({"cervical", "thoracic", "lumbar", "head", "psyche", "systemic", "chest"})


def _vetoed(text: str, hit: tuple[int, int, BodyRegion]) -> bool:
    veto = _region_vetoes().get(hit[2])
    return veto is not None and veto.match(text, hit[1]) is not None


def _side_of(text: str, floor: int, start: int, end: int, following: int) -> tuple[Laterality, int]:
    """The side nearest before the region ("left knee"), else just after it ("knee, left"), and where its words end.

    A side that leads on to the region that starts at `following` is that one's: "lumbar spine, left shoulder".
    """
    before = text[floor:start]
    sides = [(match.end(), -match.start(), side) for pattern, side in _SIDES for match in pattern.finditer(before)]
    if sides:
        return max(sides)[2], end
    after = _SIDE_BEHIND.match(text, end)
    if after is None or after.end() >= following or _LEADS_ON.fullmatch(text, after.end(), following):
        return "na", end
    return next((side for pattern, side in _SIDES if pattern.fullmatch(after.group(1))), "na"), after.end()


# --- treatments ----------------------------------------------------------------------------------------------------


def compile_phrase(phrase: str) -> re.Pattern[str]:
    """A phrase as a pattern: any of space, slash and hyphen between its words, a plural at its end."""
    words = [re.escape(word) for word in re.findall(r"[^\s/-]+", phrase)]
    return re.compile(r"(?<![a-z0-9])" + r"[\s/-]{1,3}".join(words) + r"(?:s|es)?(?![a-z0-9])", re.IGNORECASE)


@cache
def _treatment_terms() -> tuple[tuple[TermKind, str, re.Pattern[str]], ...]:
    file = load_treatments()
    terms: list[tuple[TermKind, str, re.Pattern[str]]] = [
        ("subcategory", entry.subcategory, compile_phrase(phrase))
        for entry in file.entries
        for phrase in (*entry.terms, *entry.query_terms)
    ]
    terms += [
        ("category", category, compile_phrase(phrase))
        for category, phrases in file.category_terms.items()
        for phrase in phrases
    ]
    return tuple(terms)


def vocabulary_phrases() -> list[str]:
    """Every name and phrase that stands for a drug, a class of drugs, a treatment or a region, as written down."""
    drugs, treatments, regions = _drug_file(), load_treatments(), _load("regions.yaml", _RegionFile)
    phrases = [name for entry in drugs.drugs for name in (entry.drug, *entry.names, *entry.brands)]
    phrases += [name for key, entry in drugs.classes.items() for name in (key, *entry.synonyms)]
    phrases += [name for entry in treatments.entries for name in (*entry.terms, *entry.query_terms)]
    phrases += [name for names in treatments.category_terms.values() for name in names]
    return phrases + [name for region in regions.regions.values() for name in region.terms]


# --- terms of a query ----------------------------------------------------------------------------------------------

Hit = TypeVar("Hit")


def _without_overlaps(hits: list[Hit], span: Callable[[Hit], tuple[int, int]]) -> list[Hit]:
    """The longest of the hits that overlap (the first given where they are equally long), in the text's order."""
    kept: list[Hit] = []
    spans: list[tuple[int, int]] = []  # of those, in order: only neighbours can overlap
    for hit in sorted(hits, key=lambda h: (span(h)[0] - span(h)[1], span(h)[0])):
        start, end = span(hit)
        at = bisect_left(spans, (start, start))
        if (at == 0 or spans[at - 1][1] <= start) and (at == len(spans) or end <= spans[at][0]):
            spans.insert(at, (start, end))
            kept.append(hit)
    return sorted(kept, key=span)


@lru_cache(maxsize=16)  # the readers of a question ask for the same text
def find_terms(text: str) -> tuple[Term, ...]:
    """The field's words in a query or sentence, from left to right, none overlapping another, longest first.

    Brands and generics, drug classes, treatment categories and subcategories (synonyms, plurals, abbreviations) and
    body regions. A misspelt drug is not one: whoever guesses at it (`find_drugs(..., misspelt=True)`) should say so.
    A drug goes before a drug class of the same length, that before a treatment, that before a region.
    """
    expanded = expand_abbreviations(text)
    wide = expanded.text
    hits: list[tuple[TermKind, str, int, int]] = []
    hits += [_drug_hit(mention) for mention in find_drugs(wide) if mention.drug.drug_class != INJECTABLE]
    hits += [("drug_class", name, start, end) for start, end, name in find_drug_classes(wide)]
    hits += [(kind, value, *m.span()) for kind, value, pattern in _treatment_terms() for m in pattern.finditer(wide)]
    hits += [("body_region", m.region, m.start, m.end) for m in find_regions(wide)]
    terms: list[Term] = []
    for kind, value, first, last in _without_overlaps(hits, lambda hit: (hit[2], hit[3])):
        start, end = expanded.source_span(first, last)
        terms.append(Term(kind, value, start, end, text[start:end]))
    return tuple(terms)


def _drug_hit(mention: DrugMention) -> tuple[TermKind, str, int, int]:
    if mention.drug.unnamed and mention.brand:
        return "brand", mention.brand, mention.start, mention.end
    return "drug", mention.drug.generic, mention.start, mention.end


def treatment_values() -> dict[str, list[str]]:
    """Every treatment category with its subcategories."""
    return {category: list(values) for category, values in load_treatments().categories.items()}


def body_regions() -> tuple[str, ...]:
    """Every body region."""
    return get_args(BodyRegion)
