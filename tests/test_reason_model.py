"""The sentence model: its features, and that it has learned what patterns cannot list. In our own words."""

import math

import pytest

from imr_llm.rules.reason_model import (
    BLOCKS,
    Statement,
    cut_statement,
    load_reason_model,
    read_features,
    vectorise,
)
from imr_llm.rules.reason_net import load_reason_net
from imr_llm.rules.reasons import find_reasons
from imr_llm.terms.taxonomy import load_taxonomy


def test_persons_and_numbers_are_made_alike() -> None:
    first = read_features("The claimant had 12 visits.", "rehabilitation", "physical_therapy")
    second = read_features("The injured worker had 8 visits.", "rehabilitation", "physical_therapy")
    assert first == second
    assert first["words"]["patient had"] == 1
    assert " pat" in first["letters"]
    assert read_features("The claimant had 12 visits.", "dmepos", "tens")["treatment"] != first["treatment"]


def test_every_block_is_of_length_one_times_its_weight() -> None:
    model = load_reason_model()
    columns, values = vectorise(
        read_features("No relief was seen.", "pharmaceuticals", "opioids"), model.places, model.rarity
    )
    assert len(columns) == len(values) == len(set(columns))
    assert math.isclose(float(values @ values), 1.5**2 + 1.0**2 + 0.75**2, rel_tol=1e-4)
    assert set(model.places) == set(BLOCKS)


def test_the_model_knows_the_taxonomy_and_nothing_else() -> None:
    assert set(load_reason_model().codes) == set(load_taxonomy().codes)


def test_an_empty_sentence_states_nothing() -> None:
    assert max(load_reason_model().score("", None, None).values()) < 0.2


@pytest.mark.parametrize(
    ("text", "category", "subcategory", "code"),
    [
        ("Nothing shows that her daily function got any better while she took it.", "pharmaceuticals", "opioids", "no_functional_improvement"),
        ("The chart is silent on any toxicology screen.", "pharmaceuticals", "opioids", "missing_urine_drug_screen"),
        ("Nothing in the examination points to a red flag.", "diagnostic_testing", "mri", "no_red_flag_or_new_findings"),
        ("As the operation is not certified, the sling is not needed either.", "dmepos", "brace_orthosis", "depends_on_denied_service"),
    ],
)  # fmt: skip
def test_unlisted_wordings_are_recognised(text: str, category: str, subcategory: str, code: str) -> None:
    scores = load_reason_model().score(text, category, subcategory)
    assert max(scores, key=lambda name: scores[name]) == code


@pytest.mark.parametrize(
    "text",
    [
        "The guideline advises a urine drug screen before opioids are begun.",
        "The patient did have consistent urine drug screens.",
        "Utilization review had found no urine drug screen.",
        "The request for Norco is not medically necessary.",
    ],
)
def test_recitals_history_contrary_facts_and_conclusions_give_no_missing_screen(text: str) -> None:
    found = find_reasons(text, decision="upheld", title="Norco", category="pharmaceuticals", subcategory="opioids")
    assert "missing_urine_drug_screen" not in {finding.code for finding in found}


def test_the_net_reads_a_statement_in_its_place() -> None:
    before = "Utilization review wrote that function was not shown to improve."
    rationale = f"{before} That is mistaken. No weaning plan is on file."
    statement = cut_statement(rationale, rationale.index("That"), rationale.index("No weaning"))
    assert statement.before == before
    net = load_reason_net()
    alone, refuted, missing = net.score_all(
        [
            Statement("There is no documentation that function improved with Norco."),
            statement,
            Statement("No weaning plan is on file.", before),
        ],
        "pharmaceuticals",
        "opioids",
    )
    code = list(net.codes).index
    assert alone[code("no_functional_improvement")] > 0.5 > refuted[code("no_functional_improvement")]
    assert missing[code("no_weaning_plan")] > 0.5
    assert net.score_all([], None, None).shape == (0, len(net.codes))


def test_what_utilization_review_objected_is_no_reason_where_the_reviewer_refutes_it() -> None:
    rationale = (
        "The claims administrator objected that no functional gain was shown. That fault I cannot find, as the May note "
        "measures it. A signed opioid agreement, however, is nowhere in the file."
    )
    found = find_reasons(rationale, decision="upheld", title="Norco", category="pharmaceuticals", subcategory="opioids")
    assert {finding.code for finding in found} == {"missing_opioid_agreement"}
