"""The grammar of questions: rows of (question, filters), near misses beside them, and properties of any text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imr_llm.library.fields import FIELDS, where_filter
from imr_llm.search.query import Query, parse_query
from imr_llm.search.wording import load_wording
from imr_llm.terms.taxonomy import load_taxonomy

NORCO = ("drug", "any", ("hydrocodone/acetaminophen",))
OPIOIDS = ("subcategory", "any", ("pharmaceuticals.opioids",))
RELAXANTS = ("subcategory", "any", ("pharmaceuticals.muscle_relaxants",))
TPI = ("subcategory", "any", ("injections.trigger_point",))
ESI = ("subcategory", "any", ("injections.epidural_steroid",))
PT = ("subcategory", "any", ("rehabilitation.physical_therapy",))
UDS_ITEM = ("subcategory", "any", ("diagnostic_testing.urine_drug_screen",))
MRI = ("subcategory", "any", ("diagnostic_testing.mri",))
IMAGING = next(family.subcategories for family in load_wording().families if family.name == "imaging")
NOT_MRI_XRAY = ("subcategory", "none", ("diagnostic_testing.mri", "diagnostic_testing.xray"))
UPHELD = ("decision", "any", ("upheld",))
OVERTURNED = ("decision", "any", ("overturned",))
NO_UDS = ("reason", "any", ("missing_urine_drug_screen",))
UNMENTIONED = ("uds_rationale", "is", ("not_mentioned",))
CONSISTENT = ("uds", "any", ("consistent",))
INCONSISTENT = ("uds", "any", ("inconsistent", "illicit_positive"))
TABLETS = ("unit", "any", ("tablets", "capsules"))
VISITS = ("unit", "any", ("visits", "sessions"))
BOTH_UDS = ("missing_urine_drug_screen", "aberrant_drug_behavior")


def _reason(*codes: str) -> tuple[str, str, tuple[str, ...]]:
    return ("reason", "any", codes)


def _filters(query: Query) -> set[tuple[Any, ...]]:
    return {(f.field, f.op, f.value) for f in query.filters}


def _check(text: str, expected: set[tuple[Any, ...]]) -> None:
    query = parse_query(text)
    assert _filters(query) == expected, query


# A urine drug screen: said to be missing, on record and good, on record and bad, not mentioned, or itself in dispute.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("find cases denied for missing UDS", {NO_UDS, UPHELD}),
        ("denials because there was no urine drug screen", {NO_UDS, UPHELD}),
        ("no recent urine toxicology in the chart", {NO_UDS}),
        ("drug test was never done", {NO_UDS}),
        ("urine drug screen not documented", {NO_UDS}),
        ("lack of UDT", {NO_UDS}),
        ("failed to provide a urine drug test", {NO_UDS}),
        ("the doctor didn't order a drug screen", {NO_UDS}),
        ("absence of toxicology screening", {NO_UDS}),
        ("drug screens were consistent", {CONSISTENT}),
        ("consistent UDS", {CONSISTENT}),
        ("clean urine but denied", {CONSISTENT, UPHELD}),
        ("opioid denied even though drug screens were consistent", {CONSISTENT, OPIOIDS, UPHELD}),
        ("inconsistent UDS", {INCONSISTENT}),
        ("drug screen was inconsistent", {INCONSISTENT}),
        ("failed drug test", {INCONSISTENT}),
        ("dirty urine", {INCONSISTENT}),
        ("inconsistent tox screen or illicit drug", {INCONSISTENT}),
        ("UDS positive for cocaine", {("uds", "any", ("illicit_positive",))}),
        ("illegal drugs", {("uds", "any", ("illicit_positive",))}),
        ("denied because of inconsistent UDS", {_reason("aberrant_drug_behavior"), UPHELD}),
        ("was Norco denied for not having a UDS", {NO_UDS, NORCO, UPHELD}),
        ("UDS was done and compliant, still denied", {CONSISTENT, UPHELD}),
        ("patient tested positive for marijuana", {("uds", "any", ("illicit_positive",))}),
        ("upheld not for UDS", {("reason", "none", BOTH_UDS), UPHELD}),
        ("UDS not mentioned", {UNMENTIONED}),
        ("no mention of a urine drug screen", {UNMENTIONED}),
        ("no UDS mentioned", {UNMENTIONED}),
        ("no drug screen mentioned", {UNMENTIONED}),
        ("Norco denied, no urine drug screens were mentioned", {UNMENTIONED, NORCO, UPHELD}),
        ("rationale doesn't mention a UDS", {UNMENTIONED}),
        ("UDS not mentioned opioid", {UNMENTIONED, OPIOIDS}),
        ("no UDS", {NO_UDS}),
        ("no UDS documented", {NO_UDS}),
        ("missing UDS", {NO_UDS}),
        ("Norco denied but NOT because of the drug screen", {("reason", "none", BOTH_UDS), NORCO, UPHELD}),
        ("Norco denied other than for missing UDS", {("reason", "none", BOTH_UDS[:1]), NORCO, UPHELD}),
        ("opioids denied because of the drug screen", {_reason(*BOTH_UDS), OPIOIDS, UPHELD}),
        ("urine drug screen denied", {UDS_ITEM, UPHELD}),
        (
            "urine drug screen request denied as too frequent",
            {UDS_ITEM, UPHELD, _reason("repeat_too_soon_or_duplicate")},
        ),
        ("UDS overturned", {UDS_ITEM, OVERTURNED}),
        ("Norco overturned despite a missing UDS", {NORCO, OVERTURNED, ("uds", "any", ("stated_absent",))}),
    ],
)
def test_urine_drug_screens(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no pain contract on file", {_reason("missing_opioid_agreement")}),
        ("no UDS or pain contract", {_reason("missing_urine_drug_screen", "missing_opioid_agreement")}),
        ("no functional improvement AND no UDS", {_reason("no_functional_improvement"), NO_UDS}),
        ("no functional improvement or no UDS", {_reason("no_functional_improvement", "missing_urine_drug_screen")}),
        ("4 A's not documented", {_reason("ongoing_monitoring_incomplete")}),
        ("side effects not addressed", {_reason("side_effects_not_addressed")}),
        ("denied without a weaning plan", {_reason("no_weaning_plan"), UPHELD}),
        (
            "tramadol upheld, no functional improvement documented",
            {_reason("no_functional_improvement"), UPHELD, ("drug", "any", ("tramadol",))},
        ),
        ("MRI before x-rays", {_reason("prerequisite_test_missing"), MRI}),
        (
            "chiro denied because no improvement from earlier visits",
            {_reason("no_functional_improvement"), UPHELD, ("subcategory", "any", ("rehabilitation.chiropractic",))},
        ),
        ("continues with high pain scores on the regimen", {_reason("poor_documented_response")}),
        ("post-op physical therapy approved", {PT, OVERTURNED}),
        ("no CURES report", {_reason("missing_pdmp_or_risk_screen")}),
        ("TPI denied for no twitch response", {_reason("no_trigger_point_findings"), TPI, UPHELD}),
        ("muscle relaxants denied for long term use", {_reason("short_term_use_only"), RELAXANTS, UPHELD}),
        ("failed NSAID not documented before muscle relaxer", {_reason("no_failed_first_line_drug"), RELAXANTS}),
        ("conservative care was not exhausted", {_reason("no_failed_conservative_care")}),
        ("MRI denied with no red flags", {_reason("no_red_flag_or_new_findings"), MRI, UPHELD}),
        ("ESI without radiculopathy", {_reason("no_radiculopathy_findings"), ESI}),
        ("request not specific", {_reason("request_not_specific")}),
        ("exceeds guideline visits", {_reason("exceeds_visit_or_quantity_limit")}),
        ("Norco overturned with functional benefit documented", {_reason("benefit_documented"), NORCO, OVERTURNED}),
        (
            "surgery would not change the treatment plan",
            {_reason("test_would_not_change_care"), ("category", "any", ("surgery",))},
        ),
    ],
)
def test_reasons(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Norco upheld", {NORCO, UPHELD}),
        ("hydrocodone denied", {NORCO, UPHELD}),
        ("Norco not approved", {NORCO, UPHELD}),
        ("Norco granted", {NORCO, OVERTURNED}),
        ("Norco upheld or overturned", {NORCO, ("decision", "any", ("upheld", "overturned"))}),
        ("partially overturned physical therapy", {PT, ("decision", "any", ("partially_overturned",))}),
        ("Norco 10/325 #120", {NORCO, ("strength", "is", ("10/325",)), ("quantity", "is", (120.0,))}),
        ("Norco 10-325mg", {NORCO, ("strength", "is", ("10/325",))}),
        ("Norco with refills", {NORCO, ("refills", "range", (1, None))}),
        ("Norco without refills", {NORCO, ("refills", "is", (0,))}),
        ("12 visits of physical therapy", {PT, ("quantity", "is", (12.0,)), VISITS}),
        ("lumbar MRI", {MRI, ("region", "any", ("lumbar",))}),
        ("left knee MRI", {MRI, ("region", "any", ("knee",)), ("laterality", "is", ("left",))}),
        ("UR modified not denied", {("ur_action", "any", ("modified",))}),
        ("denied by UR but overturned", {("ur_action", "any", ("denied",)), OVERTURNED}),
        ("decisions by emergency medicine reviewers", {("specialty", "any", ("Emergency Medicine",))}),
        ("PM&R reviewer", {("specialty", "any", ("Physical Medicine",))}),
        ("reviewers not licensed in California", {("state", "none", ("California",))}),
        ("reviewer licensed in TX", {("state", "any", ("Texas",))}),
        ("reviewer licensed in Texas and California", {("state", "all", ("Texas", "California"))}),
        ("reviewer licensed in Texas or Nevada", {("state", "any", ("Texas", "Nevada"))}),
        ("licensed in Texas but not California", {("state", "any", ("Texas",)), ("state", "none", ("California",))}),
        ("licensed in TX but not in CA", {("state", "any", ("Texas",)), ("state", "none", ("California",))}),
        ("not licensed in California but in Texas", {("state", "any", ("Texas",)), ("state", "none", ("California",))}),
        ("licensed in Ohio or Nevada, not Utah", {("state", "any", ("Ohio", "Nevada")), ("state", "none", ("Utah",))}),
        ("licensed in neither Ohio nor Utah", {("state", "none", ("Ohio", "Utah"))}),
        ("Norco not approved, reviewer licensed in Texas", {NORCO, UPHELD, ("state", "any", ("Texas",))}),
        ("neither MRI nor x-ray", {NOT_MRI_XRAY}),
        ("everything except MRI and x-ray", {NOT_MRI_XRAY}),
        ("neither MRI, CT nor x-ray", {("subcategory", "none", ("diagnostic_testing.mri", "diagnostic_testing.ct", "diagnostic_testing.xray"))}),
        ("neither Norco nor tramadol denied", {("drug", "none", ("hydrocodone/acetaminophen", "tramadol")), UPHELD}),
        ("quantity more than 60", {("quantity", "range", (60.001, None))}),
        ("Norco quantity over 60", {NORCO, ("quantity", "range", (60.001, None))}),
        ("quantity of at least 90", {("quantity", "range", (90.0, None))}),
        ("quantity less than 30", {("quantity", "range", (None, 29.999))}),
        ("qty under 30", {("quantity", "range", (None, 29.999))}),
        ("quantity between 30 and 60", {("quantity", "range", (30.0, 60.0))}),
        ("between 30 and 60 tablets", {("quantity", "range", (30.0, 60.0)), TABLETS}),
        ("no more than 60 tablets", {("quantity", "range", (None, 60.0)), TABLETS}),
        ("quantity 60 or less", {("quantity", "range", (None, 60.0))}),
        ("women between 40 and 50", {("sex", "is", ("female",)), ("age", "range", (40, 50))}),
        ("page 122 trigger point", {TPI, ("pages", "overlaps", (122, 122))}),
        ("MTUS pages 76-80", {("guideline_source", "any", ("MTUS",)), ("pages", "overlaps", (76, 80))}),
        ("women over 65 on Norco", {NORCO, ("sex", "is", ("female",)), ("age", "range", (66, None))}),
        ("52 year old man", {("sex", "is", ("male",)), ("age", "range", (52, 52))}),
        ("decisions in 2016", {("letter_date", "range", ("2016-01-01", "2016-12-31"))}),
        ("decisions after 2016", {("letter_date", "range", ("2017-01-01", None))}),
        ("decisions since March 2016", {("letter_date", "range", ("2016-03-01", None))}),
        ("TPI where UR was in September 2015", {TPI, ("ur_denial_date", "range", ("2015-09-01", "2015-09-30"))}),
        ("injuries before 2005", {("injury_date", "range", (None, "2004-12-31"))}),
        ("decisions from 1/5/2016 to 2/1/2016", {("letter_date", "range", ("2016-01-05", "2016-02-01"))}),
        ("summary says the drug screen was fine but the rationale says none", {("contradiction", "any", ("uds",))}),
        ("letters that mention Soma", {("mentioned_drug", "any", ("carisoprodol",))}),
        ("cases with Soma", {("drug", "any", ("carisoprodol",))}),
        ("reviewed by an out of state physician", {("state", "none", ("California",))}),
        ("internal medicine and family practice reviewers", {("specialty", "any", ("Family", "Internal Medicine"))}),
        ("what did reviewers say about acupuncture", {("subcategory", "any", ("rehabilitation.acupuncture",))}),
        ("UR denial after December 1, 2016", {("ur_denial_date", "range", ("2016-12-02", None))}),
        ("UR approved part of the request", {("partly_authorized", "is", (True,))}),
        ("claims administrator cited no guideline", {("cites_none", "any", ("claims_administrator",))}),
        ("cites postsurgical guidelines", {("chapter", "any", ("postsurgical",))}),
        ("everything except opioids", {("subcategory", "none", ("pharmaceuticals.opioids",))}),
        ("physical therapy after shoulder surgery", {PT}),
        ("DME denied", {("category", "any", ("dmepos",)), UPHELD}),
        ("Norco more than 100 tablets", {NORCO, ("quantity", "range", (100.001, None)), TABLETS}),
        ("injured in 2014 or later", {("injury_date", "range", ("2014-01-01", None))}),
        ("no MTUS cited but ODG", {("guideline_source", "none", ("MTUS",)), ("guideline_source", "any", ("ODG",))}),
        ("retrospective Norco", {NORCO, ("retrospective", "is", (True,))}),
        ("CM16-0123456", {("case_number", "is", ("CM16-0123456",))}),
    ],
)  # fmt: skip
def test_fields(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "C2-3 fusion",  # a level is no strength
        "pain 4-5/10",
        "50% relief",
        "2009 chronic pain guideline",  # a guideline's year is no date of a decision
        "psychiatric consultation",  # an item, not the reviewer's specialty
        "page of the report",
        "reviewed by a doctor",
    ],
)
def test_near_misses(text: str) -> None:
    fields = {f.field for f in parse_query(text).filters}
    assert not fields & {"strength", "quantity", "letter_date", "specialty", "pages", "age", "state"}


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("RFA C2-3", "RFA was read as radiofrequency ablation"),
        ("what should I put in the RFA for repeat trigger points", "RFA was read as request for authorization"),
        ("PT denied", "PT was read as physical therapy"),
        ("UR modified", "UR was read as utilization review"),
        ("MED", "MED can be"),
        ("hydrocodonne denied", '"hydrocodonne" was read as'),
        ("does IMR bind my judge", "not precedent"),
        ("decisions in 2016", "latest date in the letter (derived)"),
        ("reviewers not licensed in California", "left out"),
        ("who was the reviewer", "confidential"),
        ("Norco overturned because of no UDS or no weaning plan", "ground for the opposite decision"),
    ],
)
def test_notes(text: str, note: str) -> None:
    assert note in " | ".join(parse_query(text).notes)


def test_a_misspelt_drug_is_read_and_told() -> None:
    query = parse_query("cyclobenzeprine upheld")
    assert ("drug", "any", ("cyclobenzaprine",)) in _filters(query)
    assert query.ignored == ()


def test_names_of_persons_are_refused_and_the_rest_is_answered() -> None:
    query = parse_query("who was the reviewer on the Texas family practice case and what is the patient's name")
    assert query.refused
    assert _filters(query) == {("state", "any", ("Texas",)), ("specialty", "any", ("Family",))}


def test_what_is_not_recorded_selects_nothing() -> None:
    assert parse_query("RFA dated after the UR denial").unanswerable


def test_words_not_understood_are_ignored_by_name() -> None:
    query = parse_query("Norco denied on a rainy Thursday")
    assert query.ignored == ("rainy", "Thursday")


def test_a_number_that_nobody_read_is_ignored_by_name() -> None:
    assert parse_query("Norco more than 60").ignored == ("60",)


@pytest.mark.parametrize(
    "text", ["[pasted] 50yo with neck pain on Norco", "cases like mine: Norco, no UDS", "x " * 200]
)
def test_a_case_is_compared_not_filtered(text: str) -> None:
    query = parse_query(text)
    assert query.similar
    assert query.filters == ()


@pytest.mark.parametrize(
    ("text", "kind", "by", "top"),
    [
        ("overturn rate for TPIs by year", "rate", "year", None),
        ("top five reasons Norco is denied", "reasons", "reason", 5),
        ("uphold rate by reviewer specialty for opioids", "rate", "specialty", None),
        ("how many letters had more than one disputed item", "several_items", None, None),
        ("compare denial reasons for ESI before and after 2018", "reasons", "year", None),
        ("which guideline documents are cited most when UR is overturned", "citations", "guideline", None),
    ],
)
def test_figures(text: str, kind: str, by: str | None, top: int | None) -> None:
    measure = parse_query(text).measure
    assert measure is not None
    assert (measure.kind, measure.by, measure.top) == (kind, by, top)


def test_every_code_can_be_asked_for() -> None:
    wording = load_wording()
    phrased = {code for codes, _ in wording.phrases for code in codes.split(" | ")}
    assert phrased | set(wording.absent) == set(load_taxonomy().codes)


def _positive_wordings() -> list[tuple[str, str]]:
    return [(code.code, phrase) for code in load_taxonomy().codes.values() for phrase in code.positive]


def test_the_taxonomys_own_wordings_are_often_understood() -> None:
    """Most example wordings of the taxonomy, typed as a question, ask for their code (a floor, not a score)."""
    rows = _positive_wordings()
    hits = sum(code in parse_query(phrase).values("reason") for code, phrase in rows)
    assert hits / len(rows) > 0.7, f"{hits} of {len(rows)}"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_filters_that_the_library_knows(text: str) -> None:
    query = parse_query(text)
    assert query.text == text
    for filter in query.filters:
        assert filter.field in FIELDS
        where_filter(filter)


_WORDS = st.sampled_from(
    [
        "Norco",
        "denied",
        "UDS",
        "no",
        "missing",
        "consistent",
        "not",
        "because",
        "of",
        "the",
        "MRI",
        "lumbar",
        "UR",
        "modified",
        "2016",
        "page",
        "78",
        "and",
        "or",
        "RFA",
        "PT",
        "#120",
        "10/325",
        "with",
        "refills",
        "approved",
        "screen",
        "drug",
        "but",
        "despite",
        "pain",
        "contract",
        "CA",
        "licensed",
        "in",
        "Texas",
        "under",
        "40",
        "mentioned",
        "neither",
        "nor",
        "quantity",
        "between",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS, max_size=14).map(" ".join))
def test_any_order_of_known_words_is_read_without_reading_a_word_twice(text: str) -> None:
    query = parse_query(text)
    for filter in query.filters:
        where_filter(filter)
    assert len({(f.field, f.op, f.value) for f in query.filters}) == len(query.filters)
    assert not set(query.ignored) & {"Norco", "MRI", "denied", "approved"}


def test_a_long_hostile_text_is_read_in_time() -> None:
    parse_query("no " * 5000)
    parse_query(("because it is dull " * 20)[:299])
    parse_query(("lack of both a, b or " * 20)[:299])
    parse_query(("UR approved only some of the " * 20)[:299])
    parse_query(("no evidence of documentation of " * 9)[:299])


SHARED = Path(__file__).parent.parent.parent / "shared"


@pytest.mark.skipif(not (SHARED / "queries/seeds.yaml").is_file(), reason="needs ../shared/queries/seeds.yaml")
def test_the_questions_of_the_seeds_leave_few_words() -> None:
    import yaml

    rows = yaml.safe_load((SHARED / "queries/seeds.yaml").read_text(encoding="utf-8"))["queries"]
    left = {row["id"]: parse_query(row["text"]).ignored for row in rows}
    assert sum(len(words) for words in left.values()) <= 25, left


EMG = ("subcategory", "any", ("diagnostic_testing.emg_ncv",))
COMPOUNDS = ("subcategory", "any", ("pharmaceuticals.compounds",))
CARE_FAILED = _reason("prior_care_failed")
PARTLY = ("partly_authorized", "is", (True,))


# What is there as well as what is missing; a negation before it makes it an absence.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MRI, conservative treatment tried and failed", {MRI, CARE_FAILED}),
        ("MRI, conservative treatment not tried", {MRI, _reason("no_failed_conservative_care")}),
        ("TPI with twitch response on exam", {TPI, _reason("objective_findings_support")}),
        ("TPI with no twitch response on exam", {TPI, _reason("no_trigger_point_findings")}),
        ("ESI, radiculopathy documented on examination", {ESI, _reason("objective_findings_support")}),
        ("ESI, no radiculopathy on examination", {ESI, _reason("no_radiculopathy_findings")}),
        ("MRI, red flags present", {MRI, _reason("red_flag_or_change")}),
        ("MRI, no red flags present", {MRI, _reason("no_red_flag_or_new_findings")}),
        ("plain films should have been done before the MRI", {MRI, _reason("prerequisite_test_missing")}),
        ("MRI did not back up the procedure", {_reason("no_imaging_or_edx_corroboration")}),
    ],
)
def test_what_is_documented_is_not_what_is_missing(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


# The screen as one of the two parts of the letter tells it, and what is known of its result.
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reviewer states the tox screen was consistent", {("uds_rationale", "any", ("consistent",))}),
        ("clinical summary says the drug screen was consistent", {("uds_summary", "any", ("consistent",))}),
        ("UDS was collected but the result is not known", {("uds", "any", ("done_result_unknown",))}),
        ("drug screen results pending", {("uds", "any", ("done_result_unknown",))}),
        ("urine drug screen not documented", {NO_UDS}),
        ("drug screen agreed with what was prescribed", {CONSISTENT}),
        ("the rationale never touches on the patient's drug screen", {UNMENTIONED}),
        ("nothing said about drug testing", {UNMENTIONED}),
        ("requests for a drug screen denied", {UDS_ITEM, UPHELD}),
        ("tox test denied", {UDS_ITEM, UPHELD}),
        ("lab test denied", {("subcategory", "any", ("diagnostic_testing.laboratory",)), UPHELD}),
        ("test denied", {("category", "any", ("diagnostic_testing",)), UPHELD}),
        ("neither a drug screen nor a signed pain contract", {NO_UDS, _reason("missing_opioid_agreement")}),
    ],
)
def test_who_says_what_of_the_screen(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Norco with two or more refills", {NORCO, ("refills", "range", (2.0, None))}),
        ("Norco with more than two refills", {NORCO, ("refills", "range", (3.0, None))}),
        ("Norco, three refills", {NORCO, ("refills", "is", (3.0,))}),
        ("six or fewer PT visits", {PT, ("quantity", "range", (None, 6.0)), VISITS}),
        ("PT, at least 8 visits", {PT, ("quantity", "range", (8.0, None)), VISITS}),
        ("PT, claims administrator authorized only part of it", {PT, PARTLY}),
        ("some of the visits had been authorized beforehand", {PARTLY}),
        ("partially overturned, IMR allowed part of it", {("decision", "any", ("partially_overturned",))}),
        ("ESI where the UR denial was overturned", {ESI, OVERTURNED}),
        ("retro MRI", {MRI, ("retrospective", "is", (True,))}),
        ("MRI the applicant did not win", {MRI, UPHELD}),
        ("left knee MRI", {MRI, ("region", "any", ("knee",)), ("laterality", "is", ("left",))}),
        (
            "Nucynta where side effects were left out of the notes",
            {("drug", "any", ("tapentadol",)), _reason("side_effects_not_addressed")},
        ),
        ("MRI knocked back", {MRI, UPHELD}),
        (
            "nerve studies of both upper extremities",
            {EMG, ("region", "any", ("upper_extremity",)), ("laterality", "is", ("bilateral",))},
        ),
        (
            "topical compounds over 200 grams",
            {COMPOUNDS, ("quantity", "range", (200.001, None)), ("unit", "any", ("grams",))},
        ),
        ("medications approved in part by UR", {("category", "any", ("pharmaceuticals",)), PARTLY}),
        ("imaging or an ESI", {("subcategory", "any", (*IMAGING, ESI[2][0]))}),
    ],
)
def test_amounts_requests_and_places(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("PT refused, and the visit limit was not the problem", "exceeds_visit_or_quantity_limit"),
        ("muscle relaxant denied, long term use not the reason", "short_term_use_only"),
        ("PT denied, and not for going over the visit limit", "exceeds_visit_or_quantity_limit"),
        ("denied without blaming a lack of functional improvement", "no_functional_improvement"),
        ("denied where nobody complained about a lack of functional improvement", "no_functional_improvement"),
        ("ESI denied for reasons other than untried conservative care", "no_failed_conservative_care"),
    ],
)
def test_a_ground_is_excluded_in_many_words(text: str, code: str) -> None:
    filters = _filters(parse_query(text))
    assert ("reason", "none", (code,)) in filters
    assert not [f for f in filters if f[0] == "reason" and f[1] != "none"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MRI denied because the weather in Fresno was bad that week", None),
        ("approved because everything tried before had failed", "prior_care_failed"),
        ("denied as the request never said which body part or for how many weeks", "request_not_specific"),
        ("overturned: the ask was small and inside the allowed number", "limited_request_reasonable"),
        ("right knee arthroscopy by the usual surgeon", None),
    ],
)
def test_a_ground_in_unknown_words_is_heard_only_where_it_is_likely(text: str, code: str | None) -> None:
    found = [f.value for f in parse_query(text).filters if f.field == "reason"]
    assert found == ([(code,)] if code else [])


@pytest.mark.parametrize(
    ("text", "meant", "expected"),
    [
        ("percoset denied", "percocet", {("drug", "any", ("oxycodone/acetaminophen",)), UPHELD}),
        ("acupunture", "acupuncture", {("subcategory", "any", ("rehabilitation.acupuncture",))}),
        ("lumber MRI", "lumbar", {MRI, ("region", "any", ("lumbar",))}),
        ("lost MRI", None, {MRI, UPHELD}),
        ("MRI of the sholder", "shoulder", {MRI, ("region", "any", ("shoulder",))}),
    ],
)
def test_a_misspelt_word_of_any_vocabulary_is_read_and_told(
    text: str, meant: str | None, expected: set[tuple[Any, ...]]
) -> None:
    query = parse_query(text)
    assert _filters(query) == expected
    told = [note for note in query.notes if "was read as" in note]
    assert any(meant in note for note in told) if meant else not told
    assert query.text == text


def test_what_was_missing_asks_for_reasons_and_guesses_none() -> None:
    query = parse_query("what was missing when Norco was denied, and what did the overturned ones have")
    assert query.measure
    assert query.measure.kind == "reasons"
    assert _filters(query) == {NORCO, ("decision", "any", ("upheld", "overturned"))}
    assert query.ignored == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Norco denials that were overturned", {NORCO, OVERTURNED}),
        ("MRI where the denial was overturned", {MRI, OVERTURNED}),
        ("overturned denials of PT", {PT, OVERTURNED}),
        ("denied MRI requests that were approved on appeal", {MRI, OVERTURNED}),
        ("MRI denial not upheld", {MRI, OVERTURNED}),
        ("MRI denied or overturned", {MRI, ("decision", "any", ("upheld", "overturned"))}),
        ("MRI, age 50+", {MRI, ("age", "range", (50, None))}),
        ("MRI, patients 60 or older", {MRI, ("age", "range", (60, None))}),
        ("MRI, at least 60 years old", {MRI, ("age", "range", (60, None))}),
        ("women aged 51 or more", {("sex", "is", ("female",)), ("age", "range", (51, None))}),
        ("MRI, 50 or younger", {MRI, ("age", "range", (None, 50))}),
        ("Norco 60 or more tablets", {NORCO, ("quantity", "range", (60.0, None)), TABLETS}),
        ("doctor never recorded pain relief", {_reason("no_pain_relief_documented")}),
    ],
)
def test_the_outcome_of_a_denial_and_open_ages(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


def test_a_person_by_name_is_refused() -> None:
    assert parse_query("letters reviewed by Dr. Smith").refused
    assert parse_query("patient named Garcia").refused
    assert not parse_query("doctor gave no reason").refused


@pytest.mark.parametrize(
    ("text", "op", "code"),
    [
        ("Norco denied, but not because nobody could tell how far the pain came down", "none", "no_pain_relief_documented"),
        ("Norco denied without a UDS, and nobody could tell how far the pain came down", "any", "no_pain_relief_documented"),
    ],
)  # fmt: skip
def test_a_ground_is_heard_beside_another_and_excluded(text: str, op: str, code: str) -> None:
    query = parse_query(text)
    assert (op, (code,)) in [(f.op, f.value) for f in query.filters if f.field == "reason"]
    assert any("was heard as" in note for note in query.notes)


@pytest.mark.parametrize(
    "text",
    [
        "single-ingredient lidocaine in any form denied",
        "opioids denied by an older reviewer from the coast",
        "injuries before 2004 still receiving opioids",
        "PT where we authorized some visits and the rest was upheld",
    ],
)
def test_what_is_no_ground_is_not_heard(text: str) -> None:
    assert "reason" not in [f.field for f in parse_query(text).filters]


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("Norco or other opioids denied", "subcategory", ("pharmaceuticals.opioids",)),
        ("UDS was consistent, per the reviewer", "uds_rationale", ("consistent",)),
        ("which items fell because the surgery they went with was not necessary", "reason", ("depends_on_denied_service",)),
        ("H-wave, a TENS unit should have been tried first", "reason",
         ("no_failed_conservative_care", "no_failed_first_line_drug")),
        ("relief on record but not good enough", "reason", ("poor_documented_response",)),
    ],
)  # fmt: skip
def test_wordings_of_a_later_round(text: str, field: str, value: tuple[str, ...]) -> None:
    assert (field, value) in [(f.field, f.value) for f in parse_query(text).filters]


def test_of_a_drug_and_its_class_the_class_says_all() -> None:
    assert not [f for f in parse_query("Norco or other opioids denied").filters if f.field == "drug"]
    assert [f.field for f in parse_query("Norco or tramadol denied").filters] == ["drug", "decision"]


def test_a_category_in_a_list_of_treatments_is_each_of_its_kinds() -> None:
    (treatment, _) = parse_query("more therapy, chiro or acupuncture denied").filters
    assert treatment.field == "subcategory"
    assert {"rehabilitation.physical_therapy", "rehabilitation.acupuncture"} <= set(treatment.value)


@pytest.mark.parametrize(
    "text", ["urine drug testing requested, was it approved?", "Norco, was it denied or approved", "whether they were overturned: braces"]
)  # fmt: skip
def test_asking_for_the_decision_names_none(text: str) -> None:
    assert "decision" not in [f.field for f in parse_query(text).filters]


@pytest.mark.parametrize(
    ("text", "field", "op", "value"),
    [
        ("Norco denied although a drug screen had been done", "uds", "any",
         ("consistent", "inconsistent", "illicit_positive", "done_result_unknown")),
        ("rehab denied, visit count not the complaint", "reason", "none", ("exceeds_visit_or_quantity_limit",)),
        ("MRI denied because no surgery or invasive procedure is in view", "reason", "any", ("test_would_not_change_care",)),
        ("PT denied, HEP should do by now", "reason", "any", ("not_part_of_active_program",)),
        ("labs approved because of the patient's age", "reason", "any", ("risk_factor_present",)),
        ("cream denied, first-line meds not tried", "reason", "any", ("no_failed_first_line_drug",)),
        ("denied because the response on record was too weak or too short", "reason", "any", ("poor_documented_response",)),
    ],
)  # fmt: skip
def test_wordings_of_a_sixth_round(text: str, field: str, op: str, value: tuple[str, ...]) -> None:
    assert (field, op, value) in [(f.field, f.op, f.value) for f in parse_query(text).filters]


def test_a_category_beside_a_family_is_each_of_its_kinds() -> None:
    fields = {f.field: f.value for f in parse_query("right knee: imaging, shots and therapy").filters}
    assert "category" not in fields
    assert {"diagnostic_testing.mri", "injections.viscosupplementation", "rehabilitation.physical_therapy"} <= set(
        fields["subcategory"]
    )


NO_TOPICALS = ("subcategory", "none", ("pharmaceuticals.topical_analgesics", "pharmaceuticals.compounds"))
DME = ("category", "any", ("dmepos",))
PARTLY = ("partly_authorized", "is", (True,))
DRUGS = ("category", "any", ("pharmaceuticals",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what the ground speaks of is not the item
        (
            "rehabilitation upheld because home exercise ought to take over by now",
            {("category", "any", ("rehabilitation",)), UPHELD, _reason("not_part_of_active_program")},
        ),
        ("items denied because the operation itself was not approved", {UPHELD, _reason("depends_on_denied_service")}),
        # nor is its "approved" the outcome
        (
            "TENS denied because therapy that was already approved should be completed first",
            {("subcategory", "any", ("dmepos.tens",)), UPHELD, _reason("response_to_current_care_pending")},
        ),
        # alternatives, and what is excluded
        (
            "MRI denied for no red flags or because surgery was not being considered",
            {MRI, UPHELD, _reason("no_red_flag_or_new_findings", "test_would_not_change_care")},
        ),
        (
            "MRI denied for something other than the result not changing the treatment",
            {MRI, UPHELD, ("reason", "none", ("test_would_not_change_care",))},
        ),
        (
            "compounded creams denied where the ingredients were not the reason given",
            {
                ("subcategory", "any", ("pharmaceuticals.compounds",)),
                UPHELD,
                ("reason", "none", ("compound_contains_nonrecommended_agent",)),
            },
        ),
        (
            "PT denials not based on the number of visits",
            {PT, UPHELD, ("reason", "none", ("exceeds_visit_or_quantity_limit",))},
        ),
        (
            "PT over the visit limit although functional improvement was not questioned",
            {PT, _reason("exceeds_visit_or_quantity_limit"), ("reason", "none", ("no_functional_improvement",))},
        ),
        # what UR approved of a request is a part of it
        ("DME that UR only partly approved", {DME, PARTLY}),
        ("acupuncture where UR allowed four sessions", {("subcategory", "any", ("rehabilitation.acupuncture",)), PARTLY}),
        ("medication denials where UR had already approved part of the quantity", {DRUGS, UPHELD, PARTLY}),
        # a drug by mouth is no cream
        ("cyclobenzaprine tablets", {("drug", "any", ("cyclobenzaprine",)), NO_TOPICALS}),
        ("cyclobenzaprine, pills or creams", {("drug", "any", ("cyclobenzaprine",))}),
        # what a decision did not rest on, and what it did
        (
            "MRI denials that were not about red flags",
            {MRI, UPHELD, ("reason", "none", ("no_red_flag_or_new_findings",))},
        ),
        (
            "opioid denials that did not rest on a missing or bad drug screen",
            {OPIOIDS, UPHELD, ("reason", "none", BOTH_UDS)},
        ),
        ("overturned because of a red flag", {OVERTURNED, _reason("red_flag_or_change")}),
        ("overturned because PT or medication had already failed", {OVERTURNED, _reason("prior_care_failed")}),
        ("ESI upheld, the MRI does not back it up", {ESI, UPHELD, _reason("no_imaging_or_edx_corroboration")}),
        (
            "opioid cases where both pain relief and function were undocumented",
            {OPIOIDS, _reason("no_pain_relief_documented"), _reason("no_functional_improvement")},
        ),
        ("cases where the rationale itself says the drug screen was consistent", {("uds_rationale", "any", ("consistent",))}),
        ("opioid denials where the drug screen was illicit or inconsistent", {OPIOIDS, UPHELD, INCONSISTENT}),
        ("injections denied because the diagnosis was not right for it", {
            ("category", "any", ("injections",)), UPHELD, _reason("wrong_indication"),
        }),
        # amounts before an item's name
        ("8 physical therapy visits", {PT, VISITS, ("quantity", "is", (8.0,))}),
        # lists
        (
            "ESI denied with no dermatomal, reflex or motor deficit on exam",
            {ESI, UPHELD, _reason("no_radiculopathy_findings")},
        ),
        (
            "opioids denied for lack of both functional improvement and documented pain relief",
            {OPIOIDS, UPHELD, _reason("no_functional_improvement"), _reason("no_pain_relief_documented")},
        ),
        ("denied becuase no UDS", {NO_UDS, UPHELD}),
        ("denied because it didnt say how often", {UPHELD, _reason("request_not_specific")}),
        ("everything for the right shoulder except drugs", {
            ("region", "any", ("shoulder",)), ("laterality", "is", ("right",)), ("category", "none", ("pharmaceuticals",)),
        }),
        ("specialist consults denied, whatever the reason", {
            ("subcategory", "any", ("evaluation_management.specialist_consultation",)), UPHELD,
        }),
    ],
)  # fmt: skip
def test_what_stands_in_a_ground(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("repeat ESI approved after good response to last one", {ESI, OVERTURNED, _reason("benefit_documented")}),
        ("opioid decisions dated 2014 or 2015", {OPIOIDS, ("year", "any", (2014, 2015))}),
        ("Norco denied in 2014, 2016 or 2017", {NORCO, UPHELD, ("year", "any", (2014, 2016, 2017))}),
        ("morphine equivalent dose above guideline limit", {_reason("opioid_dose_too_high")}),
        (
            "opioid continued by IMR because stopping abruptly would be unsafe",
            {OPIOIDS, OVERTURNED, _reason("taper_safety")},
        ),
        ("Norco decisions that went the worker's way", {NORCO, OVERTURNED}),
        ("Norco decisions that went the carrier's way", {NORCO, UPHELD}),
        ("Norco: benefit was on record and judged too small", {NORCO, _reason("poor_documented_response")}),
        ("ESI denied, wrong type of pain", {ESI, UPHELD, _reason("wrong_indication")}),
        ("opioid denied, tox screen did not show the prescribed med", {OPIOIDS, UPHELD, INCONSISTENT}),
        (
            "opioid denied because of cocaine or meth on the tox screen",
            {OPIOIDS, UPHELD, _reason("aberrant_drug_behavior")},
        ),
        ("early refills or second prescriber on CURES", {_reason("aberrant_drug_behavior")}),
        ("ESI the guideline simply does not recommend", {ESI, _reason("not_recommended_by_guideline")}),
        ("Norco approved because it worked", {NORCO, OVERTURNED, _reason("benefit_documented")}),
        ("nothing written about whether Norco helped", {NORCO, _reason("efficacy_not_documented")}),
        (
            "denials for lack of conservative care (PT, chiro, etc.)",
            {UPHELD, _reason("no_failed_conservative_care")},
        ),
        ("right shoulder, non-drug requests", {
            ("region", "any", ("shoulder",)), ("laterality", "is", ("right",)), ("category", "none", ("pharmaceuticals",)),
        }),
    ],
)  # fmt: skip
def test_wordings_of_a_seventh_round(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


def test_of_a_drug_that_no_screen_monitors_the_whole_letter_is_asked() -> None:
    anywhere = ("uds_anywhere", "any", ("consistent",))
    _check("muscle relaxant upheld although the drug screen was consistent", {RELAXANTS, UPHELD, anywhere})
    _check("Norco upheld although the drug screen was consistent", {NORCO, UPHELD, CONSISTENT})


def test_examples_in_brackets_are_items_where_nothing_else_is_named() -> None:
    _check("denied items (Norco, etc.)", {NORCO, UPHELD})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rt shoulder MRI denied", {MRI, UPHELD, ("region", "any", ("shoulder",)), ("laterality", "is", ("right",))}),
        ("cyclobenzaprine tabs, leave out the creams", {
            ("drug", "any", ("cyclobenzaprine",)),
            ("subcategory", "none", ("pharmaceuticals.topical_analgesics", "pharmaceuticals.compounds")),
        }),
        ("Norco in an amount other than 120", {NORCO, ("quantity", "none", (120.0,))}),
        ("any drug at all where the reviewer reversed", {OVERTURNED, ("category", "any", ("pharmaceuticals",))}),
        ("cream denied due to an ingredient the guidelines don't support", {
            UPHELD, _reason("compound_contains_nonrecommended_agent"),
            ("subcategory", "any", ("pharmaceuticals.topical_analgesics", "pharmaceuticals.compounds")),
        }),
        ("Norco denied with pain relief simply not documented, leave out those where a poor response is on record", {
            NORCO, UPHELD, _reason("no_pain_relief_documented"), ("reason", "none", ("poor_documented_response",)),
        }),
        ("ESI upheld, relief too brief or function dropped", {ESI, UPHELD, _reason("poor_documented_response")}),
        ("PT upheld with visit count as the only ground", {
            PT, UPHELD, _reason("exceeds_visit_or_quantity_limit"), ("grounds", "is", (1,)),
        }),
        ("adjuster approved 6 of 8 PT sessions", {PT, ("partly_authorized", "is", (True,))}),
        ("PT allowed for one month only, rest upheld", {PT, UPHELD, ("partly_authorized", "is", (True,))}),
        ("Norco reversed because the request was modest", {NORCO, OVERTURNED, _reason("limited_request_reasonable")}),
        ("surgical consult denied (spine surgeon, neurosurgeon etc.)", {
            UPHELD, ("subcategory", "any", ("evaluation_management.specialist_consultation",)),
            ("region", "any", ("cervical", "thoracic", "lumbar")),
        }),
    ],
)  # fmt: skip
def test_wordings_of_an_eighth_round(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MRI R shoulder - denied", {MRI, UPHELD, ("region", "any", ("shoulder",)), ("laterality", "is", ("right",))}),
        ("PT over the guideline # of visits", {PT, _reason("exceeds_visit_or_quantity_limit")}),
        ("Norco denied, response is on record and its poor", {NORCO, UPHELD, _reason("poor_documented_response")}),
        ("approved to help pt do therapy, get home or get back to work", {
            OVERTURNED, _reason("supports_function_or_recovery"),
        }),
        ("Norco denied, tox screen in chart consistent", {NORCO, UPHELD, CONSISTENT}),
        ("rx'd opioid not detected on UDS", {_reason("aberrant_drug_behavior")}),
        ("MRI no red flags and conserv care not failed, both", {
            MRI, _reason("no_red_flag_or_new_findings"), _reason("no_failed_conservative_care"),
        }),
        ("PT, part authorized by claims admin, IMR gave the rest", {PT, OVERTURNED, ("partly_authorized", "is", (True,))}),
        ("PT 12 requested 6 authorized", {PT, ("partly_authorized", "is", (True,)), ("quantity", "is", (6.0,))}),
        ("PT authorized in part, remainder denied", {PT, UPHELD, ("partly_authorized", "is", (True,))}),
        ("MRI upheld, lack of surgery plan not a ground", {
            MRI, UPHELD, ("reason", "none", ("test_would_not_change_care",)),
        }),
        ("Norco denied but not for long term use", {NORCO, UPHELD, ("reason", "none", ("short_term_use_only",))}),
        ("DME upheld except TENS", {
            UPHELD, ("category", "any", ("dmepos",)), ("subcategory", "none", ("dmepos.tens",)),
        }),
        ("facet or trigger pt injections denied", {
            UPHELD,
            ("subcategory", "any", ("injections.facet_or_medial_branch_block", "injections.trigger_point")),
        }),
        ("#60 tabs upheld", {UPHELD, ("quantity", "is", (60.0,)), TABLETS}),
        ("opioids denied, but neither a missing nor a bad urine screen was among the grounds", {
            OPIOIDS, UPHELD, ("reason", "none", BOTH_UDS),
        }),
        ("MRI denied for lack of conservative care, without red flags being a ground", {
            MRI, UPHELD, _reason("no_failed_conservative_care"), ("reason", "none", ("no_red_flag_or_new_findings",)),
        }),
        ("MRI denied, failure of conservative care was not an issue", {
            MRI, UPHELD, ("reason", "none", ("no_failed_conservative_care",)),
        }),
        ("Norco denied: rationale says no drug screen and the case summary does not report one either", {
            NORCO, UPHELD, NO_UDS, ("uds_summary", "is", ("not_mentioned",)),
        }),
        ("Norco denied though a drug screen was not said to be missing", {
            NORCO, UPHELD, ("reason", "none", ("missing_urine_drug_screen",)),
        }),
        ("diclofenac, not in a compound", {
            ("drug", "any", ("diclofenac",)), ("subcategory", "none", ("pharmaceuticals.compounds",)),
        }),
        ("muscle relaxants denied, leaving out retrospective requests", {
            RELAXANTS, UPHELD, ("retrospective", "is", (False,)),
        }),
        ("Norco carrying refills", {NORCO, ("refills", "range", (1, None))}),
        ("PT, some of the visits approved by the carrier", {PT, ("partly_authorized", "is", (True,))}),
    ],
)  # fmt: skip
def test_wordings_of_a_ninth_round(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


def test_a_drug_or_a_class_is_any_of_these_drugs() -> None:
    (drugs,) = parse_query("Norco or a muscle relaxant").filters
    assert drugs.field == "drug"
    assert {"hydrocodone/acetaminophen", "cyclobenzaprine", "carisoprodol"} <= set(drugs.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Norco denied because pain or function stayed poor on it", {NORCO, UPHELD, _reason("poor_documented_response")}),
        ("MRI denied, no strength exam in the notes", {MRI, UPHELD, _reason("no_objective_exam_findings")}),
        ("ESI denied, not part of a functional restoration program", {
            ESI, UPHELD, _reason("not_part_of_active_program"),
        }),
        ("partial authorization of a drug, balance denied", {
            UPHELD, ("category", "any", ("pharmaceuticals",)), ("partly_authorized", "is", (True,)),
        }),
        ("urine drug test requested, patient not taking opioids", {UDS_ITEM, _reason("no_qualifying_risk_factor")}),
    ],
)  # fmt: skip
def test_wordings_of_a_tenth_round(text: str, expected: set[tuple[Any, ...]]) -> None:
    _check(text, expected)


def test_an_abbreviation_that_was_read_in_one_of_its_senses_is_told() -> None:
    query = parse_query("preop labs approved to help pt recover")
    assert '"pt" was read as patient' in query.notes
    assert "rehabilitation.physical_therapy" not in query.values("subcategory")


@pytest.mark.parametrize(
    "text",
    [
        "lumbar MRI overturned although UR said no red flags",
        "PT overturned although UR found no functional improvement",
        "Norco approved even though no pain relief was documented",
    ],
)
def test_a_ground_for_denial_excludes_nothing_that_was_overturned(text: str) -> None:
    query = parse_query(text)
    assert query.values("decision") == ("overturned",)
    assert "reason" not in [f.field for f in query.filters]
    assert any("it ranks" in note for note in query.notes)


def test_a_bad_screen_that_is_held_against_the_patient_is_a_ground() -> None:
    query = parse_query("opioids denied, inconsistent urine drug screen held against the patient")
    assert _reason("aberrant_drug_behavior") in _filters(query)
    assert "uds" not in [f.field for f in query.filters]
