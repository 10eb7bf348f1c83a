"""Reasons of whole rationales. All text is our own; the last tests read real letters where they are at hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from imr_llm.letters.cleaning import clean_text
from imr_llm.record import Decision
from imr_llm.rules.reasons import find_reasons

OPIOID = {"title": "Norco 10/325mg #90", "category": "pharmaceuticals", "subcategory": "opioids"}
UDS = {"title": "Urine drug screen", "category": "diagnostic_testing", "subcategory": "urine_drug_screen"}
LUMBAR_MRI = {"title": "MRI of the lumbar spine", "category": "diagnostic_testing", "subcategory": "mri"}
KNEE_SURGERY = {"title": "Left knee arthroscopy", "category": "surgery", "subcategory": "knee"}
SHARED = Path(__file__).parents[2] / "shared"


def _codes(text: str, item: dict[str, str], decision: Decision = "upheld") -> set[str]:
    found = find_reasons(
        text, decision=decision, title=item["title"], category=item["category"], subcategory=item["subcategory"]
    )
    return {finding.code for finding in found}


# The states of a drug screen: said to be missing, on record and good, on record and bad, recited, the item itself.
@pytest.mark.parametrize(
    ("text", "item", "wanted", "unwanted"),
    [
        ("No urine drug screen is on file.", OPIOID, "missing_urine_drug_screen", "aberrant_drug_behavior"),
        ("The UDS was consistent, but no plan to wean exists.", OPIOID, "no_weaning_plan", "missing_urine_drug_screen"),
        ("The last UDS was inconsistent.", OPIOID, "aberrant_drug_behavior", "missing_urine_drug_screen"),
        ("The May screen showed heroin, not explained.", OPIOID, "aberrant_drug_behavior", "missing_urine_drug_screen"),
        (
            "MTUS advises a urine drug screen. There is no record of better function.",
            OPIOID, "no_functional_improvement", "missing_urine_drug_screen",
        ),
        (
            "The risk level for misuse was not given, and no prior urine drug screen result was listed.",
            UDS, "missing_pdmp_or_risk_screen", "missing_urine_drug_screen",
        ),
        (
            "Utilization review denied it since no urine drug screen was found. No pain contract is on file.",
            OPIOID, "missing_opioid_agreement", "missing_urine_drug_screen",
        ),
    ],
)  # fmt: skip
def test_drug_screen_states(text: str, item: dict[str, str], wanted: str, unwanted: str) -> None:
    codes = _codes(text, item)
    assert wanted in codes
    assert unwanted not in codes


def test_a_coordinated_list_yields_the_code_of_each_member() -> None:
    text = (
        "The doctor has not charted better function with the drug, nor safeguards including a signed pain contract "
        "or a urine drug screen."
    )
    wanted = {"no_functional_improvement", "missing_opioid_agreement", "missing_urine_drug_screen"}
    assert _codes(text, OPIOID) == wanted


def test_the_treatment_conditions_the_code() -> None:
    text = "The exam shows no focal neurologic deficit."
    assert _codes(text, LUMBAR_MRI) == {"no_red_flag_or_new_findings"}
    esi = {"title": "Lumbar ESI", "category": "injections", "subcategory": "epidural_steroid"}
    assert _codes(text, esi) == {"no_radiculopathy_findings"}


def test_a_guideline_recital_is_no_reason() -> None:
    text = "MTUS recommends opioids only if function improves and a urine drug screen is on file."
    assert _codes(text, OPIOID) == set()


def test_an_overturned_denial_takes_overturn_codes_only() -> None:
    text = "Physical therapy and injections have failed. The MRI shows a full tear. No plan to wean is recorded."
    codes = _codes(text, KNEE_SURGERY, "overturned")
    assert codes == {"prior_care_failed", "objective_findings_support"}


def test_a_partial_overturn_takes_both() -> None:
    text = "Physical therapy has failed. The requested 12 visits exceed the guideline recommendation."
    item = {"title": "Physical therapy x 12", "category": "rehabilitation", "subcategory": "physical_therapy"}
    codes = _codes(text, item, "partially_overturned")
    assert {"prior_care_failed", "exceeds_visit_or_quantity_limit"} <= codes


@pytest.mark.parametrize("decision", ["upheld", "overturned", "partially_overturned", "other"])
def test_an_empty_rationale_gives_nothing(decision: Decision) -> None:
    assert find_reasons("", decision=decision, title="", category=None, subcategory=None) == ()


def test_exactly_one_reason_is_primary_and_the_quote_is_the_clause() -> None:
    text = (
        "ODG supports the drug after others fail; however, no first-line drug was tried and failed. "
        "In addition, side effects are not discussed."
    )
    found = find_reasons(text, decision="upheld", **OPIOID)
    assert [(f.code, f.primary, text[f.start : f.end]) for f in found] == [
        ("no_failed_first_line_drug", True, "no first-line drug was tried and failed."),
        ("side_effects_not_addressed", False, "side effects are not discussed."),
    ]


def test_an_umbrella_gives_way_to_what_says_more() -> None:
    text = "There is no record of benefit. There is no record of better function."
    assert _codes(text, OPIOID) == {"no_functional_improvement"}


_ANCHOR = re.compile(r"(?:Upheld|Overturned)\s*Claims\s+Administrator\s+guideline:")
_CORE = {
    ("000", 1): {"no_functional_improvement", "no_pain_relief_documented", "side_effects_not_addressed",
                 "ongoing_monitoring_incomplete", "no_weaning_plan", "no_treatment_goals"},
    ("000", 2): {"wrong_indication", "no_failed_conservative_care", "no_trigger_point_findings"},
    ("001", 1): {"no_functional_improvement", "missing_urine_drug_screen", "missing_opioid_agreement"},
    ("001", 2): {"short_term_use_only", "no_failed_first_line_drug", "no_functional_improvement",
                 "insufficient_records_or_rationale"},
    ("002", 1): {"poor_documented_response", "aberrant_drug_behavior", "wrong_indication", "no_weaning_plan"},
    ("003", 1): {"no_treatment_goals", "no_failed_first_line_drug", "no_pain_relief_documented",
                 "no_functional_improvement", "ongoing_monitoring_incomplete", "side_effects_not_addressed",
                 "missing_urine_drug_screen"},
    ("004", 1): {"no_failed_conservative_care", "no_trigger_point_findings", "no_functional_improvement",
                 "poor_documented_response", "no_objective_exam_findings"},
}  # fmt: skip


@pytest.mark.skipif(not (SHARED / "letters" / "seeds").is_dir(), reason="the seed letters are not at ../shared")
@pytest.mark.parametrize(("seed", "number"), _CORE)
def test_core_reasons_of_the_seed_letters(seed: str, number: int) -> None:
    path = next((SHARED / "letters" / "seeds").glob(f"{seed}_*.txt"))
    text = path.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in (SHARED / "gold" / "dev.jsonl").read_text(encoding="utf-8").splitlines()]
    row = next(row for row in rows if row["file"] == path.name and row["number"] == number)
    anchors = list(_ANCHOR.finditer(text))
    begin = text.index("Decision rationale:", anchors[number - 1].end()) + len("Decision rationale:")
    end = anchors[number].start() if number < len(anchors) else len(text)
    treatment = row["treatment"]
    found = find_reasons(
        clean_text(text[begin:end]), decision="upheld", title=row["title"],
        category=treatment["category"], subcategory=treatment["subcategory"],
    )  # fmt: skip
    codes = {finding.code for finding in found}
    assert _CORE[seed, number] <= codes
    assert len(codes - _CORE[seed, number]) <= 1
