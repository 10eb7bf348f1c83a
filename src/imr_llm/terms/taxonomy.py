"""The reason taxonomy: 51 codes (40 grounds for a denial, 11 for an overturn) in 7 groups.

The codes, their definitions and their wordings stand in data/reasons.yaml; this module reads them once and hands them
out as values. A record names the taxonomy it was made with by TAXONOMY_VERSION.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from imr_llm.data import parse_yaml
from imr_llm.record import Polarity

TAXONOMY_VERSION = "3"

# What is missing in an upheld item -> the ground that it is where it is there.
COUNTERPARTS: Mapping[str, str] = {
    "no_objective_exam_findings": "objective_findings_support", "no_imaging_or_edx_corroboration": "objective_findings_support",
    "no_radiculopathy_findings": "objective_findings_support", "no_trigger_point_findings": "objective_findings_support",
    "no_functional_improvement": "benefit_documented", "no_pain_relief_documented": "benefit_documented",
    "efficacy_not_documented": "benefit_documented", "no_failed_conservative_care": "prior_care_failed",
    "no_failed_first_line_drug": "prior_care_failed", "missing_urine_drug_screen": "monitoring_documented",
    "missing_opioid_agreement": "monitoring_documented", "missing_pdmp_or_risk_screen": "monitoring_documented",
    "ongoing_monitoring_incomplete": "monitoring_documented", "no_red_flag_or_new_findings": "red_flag_or_change",
    "no_qualifying_risk_factor": "risk_factor_present", "no_weaning_plan": "taper_safety",
}  # fmt: skip


@dataclass(frozen=True)
class ReasonCode:
    """One code. `positive` and `hard_negatives` are wordings of our own that do, and do not, carry the code."""

    code: str
    group: str
    polarity: Polarity
    definition: str
    label: str
    applies_to: tuple[str, ...]
    positive: tuple[str, ...]
    hard_negatives: tuple[str, ...]
    subtypes: tuple[str, ...]


@dataclass(frozen=True)
class Taxonomy:
    """All codes by name, in the file's order, and what each group asks."""

    version: str
    groups: Mapping[str, str]
    codes: Mapping[str, ReasonCode]
    confusion_pairs: tuple[tuple[str, str], ...]


@cache
def load_taxonomy() -> Taxonomy:
    """The shipped taxonomy, read on first use."""
    raw = parse_yaml(files("imr_llm").joinpath("data", "reasons.yaml").read_text(encoding="utf-8"))
    codes = {row["code"]: _read_code(row) for row in raw["codes"]}
    return Taxonomy(
        version=str(raw["meta"]["version"]),
        groups=MappingProxyType(dict(raw["groups"])),
        codes=MappingProxyType(codes),
        confusion_pairs=tuple((first, second) for first, second in raw["confusion_pairs"]),
    )


def _read_code(row: Mapping[str, Any]) -> ReasonCode:
    return ReasonCode(
        code=row["code"],
        group=row["group"],
        polarity=row["polarity"],
        definition=row["definition"],
        label=row.get("label") or row["code"].replace("_", " "),
        applies_to=tuple(row.get("applies_to", ())),
        positive=tuple(row["positive"]),
        hard_negatives=tuple(row["hard_negatives"]),
        subtypes=tuple(row.get("subtypes", ())),
    )
