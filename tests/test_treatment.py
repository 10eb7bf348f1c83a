"""Rows of disputed items, in our own words, and what they ask for."""

from __future__ import annotations

import pytest

from imr_llm.record import Treatment
from imr_llm.rules.treatment import (
    classify_item,
    painful_regions,
    read_drug_amount,
    read_refills,
    read_regions,
    read_service_amount,
    read_strength,
    read_treatment,
)
from imr_llm.terms.vocabulary import TreatmentEntry, load_treatments


def kind_of(item: str) -> str | None:
    found = classify_item(item)
    return f"{found.category}.{found.subcategory}" if found else None


ENTRIES = load_treatments().entries
POSITIVE = [(entry, item) for entry in ENTRIES for item in entry.positive]
NEAR_MISS = [(entry, item) for entry in ENTRIES for item in entry.near_miss]


@pytest.mark.parametrize(("entry", "item"), POSITIVE, ids=[f"{e.subcategory}: {i}" for e, i in POSITIVE])
def test_every_entry_finds_its_positive_rows(entry: TreatmentEntry, item: str) -> None:
    assert kind_of(item) == entry.subcategory


@pytest.mark.parametrize(("entry", "item"), NEAR_MISS, ids=[f"not {e.subcategory}: {i}" for e, i in NEAR_MISS])
def test_no_entry_takes_its_near_misses(entry: TreatmentEntry, item: str) -> None:
    assert kind_of(item) != entry.subcategory


HEADS = [
    # the head decides, not what follows or stands before it
    ("Consultation for a cervical epidural injection", "evaluation_management.specialist_consultation"),
    ("Lumbar epidural injection with a consult at the same place", "injections.epidural_steroid"),
    ("Lumbar epidural injection consultation", "evaluation_management.specialist_consultation"),
    ("Follow-up visit with pain management", "evaluation_management.follow_up_visit"),
    ("Post-operative PT for the right shoulder", "rehabilitation.physical_therapy"),
    ("Associated surgical service: cold therapy unit", "dmepos.cold_hot_therapy"),
    ("Pre-op EKG", "diagnostic_testing.cardiac_pulmonary"),
    ("Pre-op medical clearance", "surgery.preop_clearance"),
    ("MRI-guided injection of the left hip", "injections.joint_or_bursa_steroid"),
    ("Ultrasound guided cortisone injection, right wrist", "injections.joint_or_bursa_steroid"),
    ("Lab: CBC", "diagnostic_testing.laboratory"),
    ("PT/INR", "diagnostic_testing.laboratory"),
    ("PT 2x6", "rehabilitation.physical_therapy"),
    ("Transportation to appointments with the pain specialist", "transportation.medical_transport"),
    ("Physical therapy evaluation", "rehabilitation.physical_therapy"),
    ("Referral for acupuncture", "rehabilitation.acupuncture"),
    ("TOC to a spine surgeon", "evaluation_management.specialist_consultation"),
    ("TENS unit electrodes", "dmepos.supplies"),
    ("TENS unit purchase with supplies", "dmepos.tens"),
    ("MRI of the left knee after knee arthroscopy", "diagnostic_testing.mri"),
    ("Right shoulder arthroscopy with a sling and post-op PT", "surgery.shoulder"),
    ("Lumbar fusion L4-5 with bone growth stimulator", "surgery.spine"),
    ("Spine surgery consultation", "evaluation_management.specialist_consultation"),
    ("Knee surgery follow-up visit", "evaluation_management.follow_up_visit"),
    ("Norco for pain after the knee arthroscopy", "pharmaceuticals.opioids"),
    ("Toradol 10mg #20", "pharmaceuticals.anti_inflammatories"),
    ("Toradol 60mg IM", "injections.intramuscular"),
    ("Physcial therapy 6 visits", "rehabilitation.physical_therapy"),
    ("Spinal cord stimulator trial", "surgery.neurostimulator_pump"),
    ("Psychological clearance for a spinal cord stimulator", "behavioral_mental_health.psychological_evaluation"),
    ("", None),
    ("The remaining portion of it", None),
]


@pytest.mark.parametrize(("item", "kind"), HEADS)
def test_the_head_of_an_item_decides(item: str, kind: str | None) -> None:
    assert kind_of(item) == kind


DRUGS = [
    ("Norco 10/325mg #90", "opioids", "hydrocodone/acetaminophen", "Norco", "10/325mg", 90, "tablets", None),
    ("60 Norco 5-325 mg (one month supply)", "opioids", "hydrocodone/acetaminophen", "Norco", "5-325mg", 60, "tablets", None),
    ("Tylenol #3 one to two tabs every 6 hours #40", "opioids", "acetaminophen/codeine", "Tylenol #3", None, 40, "tablets", None),
    ("Ultram (tramadol) 50 mg, quantity: 60 with 2 refills", "opioids", "tramadol", "Ultram", "50mg", 60, "tablets", 2),
    ("Butrans 10mcg/hr patch #4", "opioids", "buprenorphine", "Butrans", "10mcg/hr", 4, "patches", None),
    ("Gabapentin 300mg #90, no refills", "anticonvulsants", "gabapentin", None, "300mg", 90, "capsules", 0),
    ("Gabapentin 600mg #90", "anticonvulsants", "gabapentin", None, "600mg", 90, "tablets", None),
    ("Metaxolone 800mg #60", "muscle_relaxants", "metaxalone", None, "800mg", 60, "tablets", None),
    ("Diclofenac/misoprostol 50-0.2mg #60 x 3 refills", "anti_inflammatories", "diclofenac/misoprostol", None, "50-0.2mg", 60, "tablets", 3),
    ("Diclofenac 1% gel 100 grams", "topical_analgesics", "diclofenac", None, "1%", 100, "grams", None),
    ("Lidoderm 5% patch, #2 boxes", "topical_analgesics", "lidocaine", "Lidoderm", "5%", 2, "units", None),
    ("Ketoprofen 20% cream 60gm", "compounds", "ketoprofen", None, "20%", 60, "grams", None),
    ("Flurbiprofen 20%/Baclofen 5%/Menthol 4% cream, 180gms", "compounds", "flurbiprofen/baclofen/menthol", None, "20%/5%/4%", 180, "grams", None),
    ("Synapryn 10mg/1ml oral suspension 500ml", "opioids", "tramadol", "Synapryn", "10mg/1ml", 500, "ml", None),
    ("Ibuprofen 800mg/Famotidine 26.6mg #90", "anti_inflammatories", "ibuprofen/famotidine", None, "800mg", 90, "tablets", None),
    ("Two month supply of sildenafil 50mg", "other", "sildenafil", None, "50mg", 2, "months", None),
    ("Theramine #60", "medical_foods", None, "Theramine", None, 60, "capsules", None),
    ("Topical compound cream", "compounds", None, None, None, None, None, None),
    ("Omeprazole 20mg, one twice daily #60", "gi_agents", "omeprazole", None, "20mg", 60, "capsules", None),
]  # fmt: skip


@pytest.mark.parametrize("row", DRUGS, ids=[str(row[0]) for row in DRUGS])
def test_drugs(row: tuple[str, str, str, str, str, float, str, int]) -> None:
    item, subcategory, drug, brand, strength, quantity, unit, refills = row
    got = read_treatment(item)
    assert got.category == "pharmaceuticals"
    assert (got.subcategory, got.drug, got.brand, got.strength) == (subcategory, drug, brand, strength)
    assert (got.quantity, got.unit, got.refills) == (quantity, unit, refills)


SERVICES = [
    ("PT 2x6 for the neck", 12, "visits"),
    ("Physical therapy 2 times a week for 4 weeks", 8, "visits"),
    ("Acupuncture twice per week for three weeks", 6, "visits"),
    ("Chiropractic care, 1-2 times per week for 4-6 weeks", 12, "visits"),
    ("Physical therapy two times a week for six weeks (12 sessions)", 12, "sessions"),
    ("Therapy two times four visits (8) for the back", 8, "visits"),
    ("Two PT sessions for the back and eight PT sessions for the wrist", 10, "sessions"),
    ("Wound care nurse, 1-2 visits", 2, "visits"),
    ("Daily RN visits for 4 weeks", 28, "visits"),
    ("Home health aide 4 hours a day, 5 days a week for 6 weeks", 30, "days"),
    ("Psychotherapy once a month for 6 months", 6, "visits"),
    ("TENS unit 30 day trial", 30, "days"),
    ("Standard wheelchair for a 2 month rental", 2, "months"),
    ("Cold therapy unit for one week", 1, "weeks"),
    ("Gym membership for one year", 12, "months"),
    ("Trigger point injections x 4", 4, "injections"),
    ("Series of three ESIs at L4-5", 3, "injections"),
    ("Botox 200 units", 200, "units"),
    ("Urine drug screen #1", 1, None),
    # near misses: numbers that are no amounts
    ("Facet injections L4-5, L5-S1", None, None),
    ("MRI of the knee, DOS 11/12/2016", None, None),
    ("Synvisc-One injection, left knee", None, None),
    ("Dental crown for tooth #19", None, None),
    ("Follow-up visit CPT 99213", None, None),
    ("Knee brace purchase", None, None),
]


@pytest.mark.parametrize(("item", "quantity", "unit"), SERVICES)
def test_amounts_of_services(item: str, quantity: float | None, unit: str | None) -> None:
    got = read_treatment(item)
    assert (got.quantity, got.unit) == (quantity, unit)


def test_amounts_stand_alone() -> None:
    drug, service = classify_item("Norco #30"), classify_item("PT x 9")
    assert drug is not None
    assert service is not None
    assert read_drug_amount("Norco #30", drug).quantity == 30
    assert read_service_amount("PT x 9", service).quantity == 9


@pytest.mark.parametrize(
    ("item", "strength"),
    [
        ("Norco 10/325 mg #60", "10/325mg"),
        ("Norco 10/325 #60", "10/325"),
        ("Trezix 320.5 / 30 / 16 mg", "320.5/30/16mg"),
        ("Fentanyl 25mcg/hr", "25mcg/hr"),
        ("Lidocaine 5% ointment", "5%"),
        ("Soma #60, seen 11/12/2016", None),
    ],
)
def test_strength(item: str, strength: str | None) -> None:
    assert read_strength(item) == strength


@pytest.mark.parametrize(
    ("item", "refills"),
    [
        ("#60 with one refill", 1), ("refills: 3", 3), ("x 2 refills", 2), ("no refills", 0), ("refill x1", 1),
        ("with refill", 1), ("#60", None), ("refillable 60", None),
    ],
)  # fmt: skip
def test_refills(item: str, refills: int | None) -> None:
    assert read_refills(item) == refills


SUMMARY = (
    "The worker was diagnosed with cervical strain and right shoulder impingement. She complains of neck and right "
    "shoulder pain radiating to the right hand. The examination showed tenderness of the low back."
)


def test_regions_come_from_the_item_first() -> None:
    got = read_treatment("MRI of the left knee", summary=SUMMARY)
    assert (got.body_regions, got.laterality) == (["knee"], "left")


def test_regions_the_item_leaves_out_come_from_the_summary() -> None:
    got = read_treatment("Naproxen 500mg #60", summary=SUMMARY)
    assert (got.body_regions, got.laterality) == (["cervical", "shoulder"], "right")
    assert [mention.region for mention in painful_regions("The exam showed tenderness of the hip.")] == []


def test_the_spine_is_the_part_of_it_that_hurts() -> None:
    assert read_treatment("Spine surgeon consultation", summary=SUMMARY).body_regions == ["cervical"]
    assert read_treatment("Spine surgeon consultation").body_regions == ["lumbar"]
    assert read_treatment("Psychological evaluation", summary=SUMMARY).body_regions == ["psyche"]


def test_a_side_the_item_leaves_out_comes_from_elsewhere() -> None:
    assert read_treatment("Shoulder arthroscopy", summary=SUMMARY).laterality == "right"
    assert read_treatment("Knee arthroscopy", summary=SUMMARY).laterality == "na"


def test_the_side_of_what_has_but_one_is_not_the_treatments() -> None:
    summary = "Diagnoses include left lumbar radiculitis and neck strain."
    assert read_treatment("Naproxen 500mg #60", summary=summary).laterality == "na"
    assert read_treatment("Left lumbar radiofrequency ablation", summary=summary).laterality == "left"


def test_a_listed_limb_is_meant_beside_its_part() -> None:
    listed = "She complains of neck, elbow, and arm pain."
    assert read_treatment("Naproxen 500mg #60", summary=listed).body_regions == [
        "cervical",
        "elbow",
        "upper_extremity",
    ]
    aside = "She complains of elbow pain. She complains of pain in the arm."
    assert read_treatment("Naproxen 500mg #60", summary=aside).body_regions == ["elbow"]


def test_the_whole_back_is_both_halves_where_both_hurt() -> None:
    both = "Diagnoses include thoracic strain and lumbar strain."
    assert read_treatment("Massage for the neck and back", summary=both).body_regions == [
        "cervical",
        "lumbar",
        "thoracic",
    ]
    assert read_treatment("Massage for the low back", summary=both).body_regions == ["lumbar"]
    assert read_treatment("Massage for the back", summary="Diagnoses include lumbar strain.").body_regions == ["lumbar"]


def test_a_stomach_drug_is_for_the_stomach_that_hurts() -> None:
    item = "Omeprazole 20mg #30"
    assert read_treatment(item, summary="He has had epigastric pain with naproxen.").body_regions == ["abdomen_pelvis"]
    assert read_treatment(item, summary="He denied heartburn or abdominal pain.").body_regions == ["systemic"]
    assert read_treatment(item, summary="He has knee pain.").body_regions == ["systemic"]


def test_supplies_are_for_no_region_unless_a_device_takes_them_there() -> None:
    summary = "Diagnoses include knee strain."
    assert read_treatment("Disposable gloves", summary=summary).body_regions == ["unspecified"]
    assert read_treatment("TENS electrodes", summary=summary).body_regions == ["knee"]


def test_the_purchase_of_a_thing_is_one() -> None:
    bought = read_treatment("Purchase of a shower chair")
    assert (bought.quantity, bought.unit) == (1.0, "units")
    assert read_treatment("Shower chair").quantity is None


def test_an_associated_service_goes_with_its_surgery() -> None:
    got = read_treatment(
        "Associated surgical service: cold therapy unit",
        other_items=("Pre-op EKG", "Left knee arthroscopy"),
        summary=SUMMARY,
    )
    assert (got.body_regions, got.laterality) == (["knee"], "left")


@pytest.mark.parametrize(
    ("item", "regions"),
    [
        ("Urine drug screen", ["systemic"]),
        ("Pre-op EKG", ["chest"]),
        ("Cognitive behavioral therapy x 6", ["psyche"]),
        ("Sildenafil 50mg #10", ["systemic"]),
        ("Norco #60, one by mouth twice a day", ["systemic"]),
        ("Lidoderm patch #30", ["unspecified"]),
        ("EMG/NCV BUE", ["upper_extremity"]),
    ],
)
def test_regions_without_a_summary(item: str, regions: list[str]) -> None:
    assert read_treatment(item).body_regions == regions


@pytest.mark.parametrize(
    ("item", "retrospective"),
    [
        ("Retrospective: Soma #30", True), ("Voltaren gel, DOS: 11/11/2016", True), ("Retro Toradol injection", True),
        ("Soma #30", False), ("Retrocalcaneal bursa injection", False),
    ],
)  # fmt: skip
def test_retrospective(item: str, retrospective: bool) -> None:
    assert read_treatment(item).retrospective is retrospective


def test_the_title_speaks_where_the_item_does_not() -> None:
    title = "Carpal tunnel release, left, with six PT visits was the original request. What remains, six visits"
    got = read_treatment("six visits", title=title)
    assert (got.subcategory, got.laterality) == ("hand_wrist", "left")


def test_an_amount_alone_is_read_beside_its_title() -> None:
    title = "Norco 10/325mg #60 with two refills was the original request. The remaining portion, one refill"
    got = read_treatment("one refill", title=title)
    assert (got.drug, got.strength, got.quantity, got.refills) == ("hydrocodone/acetaminophen", "10/325mg", None, 1)
    assert read_treatment("#30", title="Soma 350mg #60 was the original request. The rest, #30").quantity == 30


def test_nothing_is_guessed() -> None:
    assert read_treatment("the balance of it") == Treatment()


@pytest.mark.parametrize(
    ("summary", "regions"),
    [
        ("The worker slipped and landed on her low back. Percocet has been used since 2011.", ["lumbar"]),
        ("Left knee is sore after a day on ladders. On examination the hip is tender.", ["knee"]),
        ("Neck pain is constant. A box fell on his foot in 2009.", ["cervical"]),
        ("The worker is 44 years old.", ["systemic"]),
    ],
)
def test_the_region_of_a_drug_is_what_hurts_else_whatever_was_hurt(summary: str, regions: list[str]) -> None:
    item = "Percocet 10/325mg #60"
    found = classify_item(item)
    assert found is not None
    assert read_regions(found, item, summary=summary)[0] == regions
