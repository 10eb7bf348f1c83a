"""The taxonomy is whole, and every name that other files take from it exists."""

from __future__ import annotations

import pytest

from imr_llm.rules.findings import load_patterns, load_precedence
from imr_llm.terms.taxonomy import TAXONOMY_VERSION, load_taxonomy

CODES = sorted(load_taxonomy().codes)


def test_there_are_51_codes_in_7_groups() -> None:
    taxonomy = load_taxonomy()
    assert len(taxonomy.codes) == 51
    polarities = [code.polarity for code in taxonomy.codes.values()]
    assert polarities.count("denial") == 40
    assert polarities.count("overturn") == 11
    assert {code.group for code in taxonomy.codes.values()} == set(taxonomy.groups)
    assert len(taxonomy.groups) == 7


def test_the_file_and_the_module_state_the_same_version() -> None:
    assert load_taxonomy().version == TAXONOMY_VERSION


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_definition_wordings_and_a_pattern(code: str) -> None:
    row = load_taxonomy().codes[code]
    assert row.definition.endswith(".")
    assert row.positive
    assert row.hard_negatives
    assert any(pattern.code == code for pattern in load_patterns())


def test_polarity_follows_the_group() -> None:
    for code in load_taxonomy().codes.values():
        assert (code.polarity == "overturn") == (code.group == "overturn")


def test_confusion_pairs_and_precedence_name_codes_that_exist() -> None:
    known = set(load_taxonomy().codes)
    assert {code for pair in load_taxonomy().confusion_pairs for code in pair} <= known
    assert set(load_precedence()) <= known
