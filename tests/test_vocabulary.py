"""Rows of wording for the vocabulary: what a query or an item means by its words, and what it does not mean."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import pytest

from imr_llm.errors import ConfigurationError
from imr_llm.record import BodyRegion
from imr_llm.terms import vocabulary
from imr_llm.terms.vocabulary import (
    Phrases,
    canonical_drug,
    drugs_by_ingredients,
    drugs_of_class,
    expand_abbreviations,
    find_drugs,
    find_regions,
    find_terms,
    load_treatments,
    subcategory_of_class,
    treatment_values,
)

QUERIES = [
    ("Norco upheld", [("drug", "hydrocodone/acetaminophen", "Norco")]),
    ("opioids denied", [("drug_class", "opioid", "opioids")]),
    ("muscle relaxers", [("drug_class", "muscle relaxant", "muscle relaxers")]),
    ("any NSAID", [("drug_class", "nsaid", "NSAID")]),
    ("PPIs", [("drug_class", "ppi", "PPIs")]),
    ("benzos", [("drug_class", "benzodiazepine", "benzos")]),
    ("sleep meds", [("drug_class", "sleep medication", "sleep meds")]),
    ("compound creams", [("drug_class", "compound", "compound creams")]),
    ("Theramine", [("brand", "Theramine", "Theramine")]),
    ("TFESIs at L5-S1", [("subcategory", "injections.epidural_steroid", "TFESIs"), ("body_region", "lumbar", "L5-S1")]),
    ("ESI", [("subcategory", "injections.epidural_steroid", "ESI")]),
    ("Botox", [("subcategory", "injections.botulinum_toxin", "Botox")]),
    ("injections", [("category", "injections", "injections")]),
    ("missing UDS", [("subcategory", "diagnostic_testing.urine_drug_screen", "UDS")]),
    ("PT for knees", [("subcategory", "rehabilitation.physical_therapy", "PT"), ("body_region", "knee", "knees")]),
    ("chiro", [("subcategory", "rehabilitation.chiropractic", "chiro")]),
    ("low back", [("body_region", "lumbar", "low back")]),
    ("neck", [("body_region", "cervical", "neck")]),
    ("surgery", [("category", "surgery", "surgery")]),
    ("IF units", [("subcategory", "dmepos.interferential_nmes_other_stim", "IF units")]),
    # near misses: words that only look like the field's
    ("if the unit was denied", []),
    ("what to write in the RFA", []),
    ("please ensure the ability of the tendon", []),
    ("reviewers licensed in Texas", []),
    ("cyclobenzeprine", []),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_find_terms(query: str, expected: list[tuple[str, str, str]]) -> None:
    terms = find_terms(query)
    assert [(term.kind, term.value, term.surface) for term in terms] == expected
    assert all(query[term.start : term.end] == term.surface for term in terms)


def test_terms_do_not_overlap() -> None:
    terms = find_terms("epidural steroid injection, knee arthroscopy, urine drug screen and Norco for low back pain")
    assert [term.value for term in terms] == [
        "injections.epidural_steroid", "surgery.knee", "diagnostic_testing.urine_drug_screen",
        "hydrocodone/acetaminophen", "lumbar",
    ]  # fmt: skip
    assert all(left.end <= right.start for left, right in pairwise(terms))


@pytest.mark.parametrize(
    ("text", "generic", "brand"),
    [
        ("Norco", "hydrocodone/acetaminophen", "Norco"),
        ("hydrocodone-APAP", "hydrocodone/acetaminophen", None),
        ("acetaminophen/hydrocodone", "hydrocodone/acetaminophen", None),
        ("Tylenol #3", "acetaminophen/codeine", "Tylenol #3"),
        ("Tylenol", "acetaminophen", "Tylenol"),
        ("MS Contin", "morphine", "MS Contin"),
        ("Ben-Gay", "methyl salicylate/menthol", "Ben-Gay"),
        ("Lidoderm patches", "lidocaine", "Lidoderm"),
        ("Voltaren gel", "diclofenac", "Voltaren"),
        ("Soma", "carisoprodol", "Soma"),
    ],
)
def test_find_drugs(text: str, generic: str, brand: str | None) -> None:
    [mention] = find_drugs(text)
    assert (mention.drug.generic, mention.brand) == (generic, brand)
    assert canonical_drug(text) == generic


@pytest.mark.parametrize("text", ["somatic", "the patient has ability", "ensure", "Normal", "therapist", "orthotics"])
def test_ordinary_words_are_no_drugs(text: str) -> None:
    assert find_drugs(text, misspelt=True) == ()


def test_misspelling_counts_only_when_asked_for() -> None:
    assert find_drugs("metaxolone") == ()
    assert [mention.drug.generic for mention in find_drugs("metaxolone", misspelt=True)] == ["metaxalone"]


def test_classes() -> None:
    assert {"hydrocodone/acetaminophen", "fentanyl", "buprenorphine/naloxone", "tramadol"} <= drugs_of_class("opioid")
    assert not {"carisoprodol", "butalbital/acetaminophen/caffeine", "naloxone"} & drugs_of_class("opioid")
    assert "omeprazole" in drugs_of_class("ppi")
    assert "ranitidine" not in drugs_of_class("ppi")
    assert {"celecoxib", "naproxen"} <= drugs_of_class("nsaid")
    assert "temazepam" in drugs_of_class("benzodiazepine") & drugs_of_class("sleep medication")
    assert drugs_of_class("no such class") == frozenset()


def test_a_class_is_a_subcategory_only_where_it_is_the_whole_of_it() -> None:
    assert subcategory_of_class("opioid") == "pharmaceuticals.opioids"
    assert subcategory_of_class("benzodiazepine") == "pharmaceuticals.benzodiazepines"
    assert subcategory_of_class("ppi") is None
    assert subcategory_of_class("antibiotic") is None
    assert subcategory_of_class("no such class") is None


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("PT 2x6", "physical therapy 2x6"),
        ("PT/PTT", "PT/PTT"),
        ("IF unit", "interferential unit"),
        ("If the unit", "If the unit"),
        ("RFA at L4-5", "radiofrequency ablation at L4-5"),
        ("per the RFA", "per the RFA"),
        ("EMG/NCS RUE", "electromyography/nerve conduction study right upper extremity"),
    ],
)
def test_abbreviations(text: str, expanded: str) -> None:
    assert expand_abbreviations(text).text == expanded


def test_an_expanded_character_knows_its_source() -> None:
    text = "two TFESIs at L5"
    expanded = expand_abbreviations(text)
    start = expanded.text.index("epidural")
    first, last = expanded.source_span(start, start + len("epidural"))
    assert text[first:last] == "TFESIs"
    at = expanded.text.index("L5")
    assert expanded.source_span(at, at + 2) == (text.index("L5"), len(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("right knee", [("knee", "right")]),
        ("knee, left", [("knee", "left")]),
        ("bilateral wrists", [("wrist_hand", "bilateral")]),
        ("left shoulder, elbow and low back", [("shoulder", "left"), ("elbow", "left"), ("lumbar", "na")]),
        ("right ankle and left wrist", [("ankle_foot", "right"), ("wrist_hand", "left")]),
        ("right and left knee", [("knee", "bilateral")]),
        ("left and right hip", [("hip", "bilateral")]),
        ("lumbar spine, left shoulder", [("lumbar", "na"), ("shoulder", "left")]),
        ("neck pain, right lateral elbow", [("cervical", "na"), ("elbow", "right")]),
        ("neck sprain, right and left hip", [("cervical", "na"), ("hip", "bilateral")]),
        ("knee, right and ankle, left", [("knee", "right"), ("ankle_foot", "left")]),
        ("elbow, left, and wrist", [("elbow", "left"), ("wrist_hand", "left")]),
        ("C5-C6", [("cervical", "na")]),
        ("T8-9", [("thoracic", "na")]),
        ("L4-S1", [("lumbar", "na")]),
        ("SI joint", [("sacroiliac", "na")]),
        ("head of the line", []),
        ("vitamin B12", []),
        ("spinal cord", []),
        ("thoracic outlet syndrome", []),
    ],
)
def test_find_regions(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(mention.region, mention.laterality) for mention in find_regions(text)] == expected


def test_phrases_take_the_longest_and_ask_for_capitals_where_told() -> None:
    phrases: Phrases[str] = Phrases()
    phrases.add("low back", "lumbar")
    phrases.add("low", "low")
    phrases.add("Boost", "drink", exact=True)
    assert list(phrases.find("Low-back, low; boost Boost")) == [(0, 8, "lumbar"), (10, 13, "low"), (21, 26, "drink")]


def test_data_agree_with_each_other() -> None:
    values = treatment_values()
    named = {f"{category}.{value}" for category, subs in values.items() for value in subs}
    file = load_treatments()
    assert {entry.subcategory for entry in file.entries} <= named
    assert set(file.category_terms) == set(values) - {"other"}
    assert all(drug.subcategory in values["pharmaceuticals"] for drug in drugs_by_ingredients().values())
    regions = {mention.region for mention in find_regions("neck, jaw, low back, hip")}
    assert regions <= set(get_args(BodyRegion))


def test_every_subcategory_that_is_no_drug_has_an_entry() -> None:
    entries = {entry.subcategory for entry in load_treatments().entries}
    missing = {
        f"{category}.{value}"
        for category, values in treatment_values().items()
        for value in values
        if category != "pharmaceuticals"
    } - entries
    assert missing == {"dental_vision_hearing.hearing"}


def test_a_damaged_data_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"data/no_such\.yaml"):
        vocabulary._load("no_such.yaml", vocabulary.TreatmentFile)
