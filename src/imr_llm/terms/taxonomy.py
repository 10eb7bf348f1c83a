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

import yaml

from imr_llm.record import Polarity

TAXONOMY_VERSION = "3"


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
    raw = yaml.safe_load(files("imr_llm").joinpath("data", "reasons.yaml").read_text(encoding="utf-8"))
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
