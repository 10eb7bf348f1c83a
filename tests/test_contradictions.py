from __future__ import annotations

import pytest

from imr_llm.rules.contradictions import Topic, find_contradictions, find_denials, find_statements, load_topics
from imr_llm.terms.taxonomy import load_taxonomy

TOPICS = {topic.topic: topic for topic in load_topics()}


def _rows(name: str) -> list[tuple[str, str]]:
    return [(topic.topic, text) for topic in load_topics() if topic.rules for text in topic.examples[name]]


def _states(topic: Topic, sentence: str) -> bool:
    return any(next(find_statements(rule, sentence), None) is not None for rule in topic.rules)


def _denies(topic: Topic, sentence: str) -> bool:
    return any(next(find_denials(rule, sentence), None) is not None for rule in topic.rules)


@pytest.mark.parametrize(("topic", "sentence"), _rows("says"))
def test_the_summary_states_the_fact(topic: str, sentence: str) -> None:
    assert _states(TOPICS[topic], sentence)


@pytest.mark.parametrize(("topic", "sentence"), _rows("silent"))
def test_the_summary_does_not_state_the_fact(topic: str, sentence: str) -> None:
    assert not _states(TOPICS[topic], sentence)


@pytest.mark.parametrize(("topic", "sentence"), _rows("denies"))
def test_the_rationale_denies_the_fact(topic: str, sentence: str) -> None:
    assert _denies(TOPICS[topic], sentence)


@pytest.mark.parametrize(("topic", "sentence"), _rows("recites"))
def test_the_rationale_does_not_deny_the_fact(topic: str, sentence: str) -> None:
    assert not _denies(TOPICS[topic], sentence)


def test_codes_are_codes_of_the_taxonomy() -> None:
    assert all(topic.codes <= set(load_taxonomy().codes) for topic in load_topics())


NORCO = "The requested Norco is not medically necessary."
FOUND = [
    ("uds", "The latest urine drug screen was consistent.", f"There is no urine drug screen in the records. {NORCO}"),
    ("uds", "A UDS was positive for cocaine.", f"No urine drug screen was provided. {NORCO}"),
    ("pain_relief", "He rates pain 4/10 with his medications and 10/10 without them.",
     f"The records do not document the response as to pain relief. {NORCO}"),
    ("pain_relief", "Norco lowers his pain by 30 percent.", f"There is no documentation of a reduction in pain. {NORCO}"),
    ("function", "She is more functional on her medications.",
     f"The physician has not documented objective evidence of functional benefit. {NORCO}"),
    ("opioid_agreement", "He has a signed opioid agreement.", f"There is no pain contract in the chart. {NORCO}"),
    ("side_effects", "He denies side effects.", f"Side effects are not addressed in the records. {NORCO}"),
    ("conservative_care", "She completed six sessions of physical therapy.",
     "There is no indication that the patient has attempted physical therapy. The requested MRI is not medically necessary."),
    ("conservative_care", "Physical therapy was not helpful.",
     "There is no evidence that conservative care failed. The requested MRI is not medically necessary."),
    ("imaging", "X-rays of the left hip showed degenerative changes.",
     "Plain films of the left hip are not documented. The requested hip MRI is not medically necessary."),
    ("exam_findings", "Sensation was decreased in the L5 distribution.",
     "The physician has not documented deficits in sensation or reflexes. The requested lumbar injection is not medically necessary."),
    ("first_line_drug", "She failed ibuprofen and naproxen.",
     "There is no documented failure of NSAIDs. The requested Lidoderm is not medically necessary."),
    ("duration_of_use", "Medications include Flexeril (since at least 3-4-2014).",
     "The physician has not documented duration of treatment. The requested Flexeril is not medically necessary."),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "summary", "rationale"), FOUND)
def test_finds_the_contradiction(topic: str, summary: str, rationale: str) -> None:
    found = find_contradictions(f"He fell. {summary} He is tired.", rationale, reason_codes=())
    assert [one.topic for one in found] == [topic]


NOT_FOUND = [
    # planned, requested, negated or told by utilization review: no fact
    ("A urine drug screen was requested.", f"There is no urine drug screen in the records. {NORCO}"),
    ("The goal is to improve function with medication.", f"There is no documentation of functional benefit. {NORCO}"),
    ("Utilization review noted 50% relief with Norco and denied it.", f"No pain relief is documented. {NORCO}"),
    ("He needs help with activities of daily living.", f"There is no documentation of functional benefit. {NORCO}"),
    ("She has increased pain with activities of daily living on her medications.",
     f"There is no documentation of functional benefit. {NORCO}"),
    # documented and bad: nothing is missing
    ("He rates pain 8/10 with medications and 9/10 without.", f"The relief of one point is not significant. {NORCO}"),
    ("An injection gave 90% relief for two weeks.", "There was no relief of at least 50% for six weeks with the injections."),
    # a recited rule denies nothing
    ("He denies side effects.", f"Guidelines ask for documentation of side effects. {NORCO}"),
    # other treatment, drug, region, or class
    ("Medications helped his functional mobility.",
     "There was no documentation of an improvement in function with chiropractic treatment. The requested chiropractic care is denied."),
    ("Gabapentin lowers his pain by 40 percent.", f"There is no documentation of pain relief with Norco. {NORCO}"),
    ("X-rays of the left hip showed degenerative changes.", "An x-ray of the shoulder was not provided."),
    ("She failed ibuprofen.", "The notes do not show failure of antidepressants."),
    ("Treatment has included physical therapy.", "There is no documentation of prior acupuncture."),
    # tried is not failed
    ("Treatment has included physical therapy.", "There is no evidence that physical therapy failed."),
    # a good word is no figure
    ("Medications help his pain.", f"There is no quantified documentation of pain relief. {NORCO}"),
    # the rationale repeats the fact: it weighs it
    ("He rates pain 4/10 with medications and 9/10 without.",
     f"Pain is 4/10 with medications and 9/10 without. There is no documentation of pain relief over time. {NORCO}"),
    # an old screen
    ("A UDS of 1/5/2015 was consistent. He was seen on 11/1/2016.", f"No recent urine drug screen was provided. {NORCO}"),
    ("", "There is no urine drug screen."),
]  # fmt: skip


@pytest.mark.parametrize(("summary", "rationale"), NOT_FOUND)
def test_finds_no_contradiction(summary: str, rationale: str) -> None:
    assert find_contradictions(summary, rationale, reason_codes=()) == ()


def test_a_denial_that_is_no_reason_contradicts_nothing() -> None:
    summary, rationale = (
        "The urine drug screen was consistent.",
        f"There is no urine drug screen in the records. {NORCO}",
    )
    assert find_contradictions(summary, rationale, reason_codes={"missing_urine_drug_screen"})
    assert not find_contradictions(summary, rationale, reason_codes={"supports_function_or_recovery"})


def test_both_sentences_are_told() -> None:
    summary = "He fell. The urine drug screen was consistent. He is tired."
    rationale = f"Norco is an opioid. There is no urine drug screen in the records. {NORCO}"
    (found,) = find_contradictions(summary, rationale, reason_codes=())
    assert summary[found.summary_start : found.summary_end] == "The urine drug screen was consistent."
    assert rationale[found.rationale_start : found.rationale_end] == "There is no urine drug screen in the records."


def test_a_pasted_summary_makes_no_contradiction_of_itself() -> None:
    summary = "He rates pain 9/10. With medications his pain is 4-5 out of 10. The urine drug screen was consistent."
    rationale = f"{summary} The physician has not documented a pain contract. {NORCO}"
    assert find_contradictions(summary, rationale, reason_codes=()) == ()
