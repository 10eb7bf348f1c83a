from __future__ import annotations

import pytest

from imr_llm.rules.absence import find_absence

MISSING = [
    ("There is no documentation of better function.", "better function", "record"),
    ("The physician has not documented pain relief or better function.", "better function", "record"),
    ("The notes fail to address side effects.", "side effects", "record"),
    ("The chart is silent on side effects.", "side effects", "record"),
    ("Side effects are not addressed.", "Side effects", "record"),
    ("Side effects, goals and a drug screen were not provided.", "goals", "record"),
    ("CURES reports were not provided.", "CURES", "record"),
    ("A drug screen, which would show compliance, is lacking.", "drug screen", "record"),
    ("Pain relief and goals should be written down, these are not specified.", "goals", "record"),
    ("There is no evidence of better function.", "better function", "existence"),
    ("There is no pain contract, CURES query, or drug screen.", "drug screen", "existence"),
    ("Without a drug screen, use cannot be judged.", "drug screen", "existence"),
    ("The patient has not had a trial of therapy.", "trial of therapy", "existence"),
    ("There is a lack of x-rays.", "x-rays", "existence"),
    ("None of the notes includes a drug screen.", "drug screen", "record"),
    ("Nowhere in the chart is there a drug screen.", "drug screen", "record"),
    ("I do not see a drug screen.", "drug screen", "record"),
    ("Neither a contract nor a drug screen came with it.", "contract", "existence"),
    ("Misuse is not monitored by way of a drug screen.", "drug screen", "existence"),
    ("It does not appear that he had a drug screen.", "drug screen", "existence"),
    ("Not a single drug screen came with it.", "drug screen", "existence"),
    ("There is no up to date drug screen.", "drug screen", "existence"),
    ("Goals, a drug screen: none are present.", "drug screen", "record"),
    ("A drug screen is advised but was not found in the file.", "drug screen", "record"),
]
THERE = [
    ("The notes document better function.", "better function"),
    ("No side effects are noted and the drug screen was consistent.", "drug screen was"),
    ("There is no documentation of goals; the drug screen was consistent.", "drug screen"),
    ("There is no documentation of goals, but side effects are listed.", "side effects"),
    ("There is no pain with walking or a drug screen.", "drug screen"),
    ("The drug screen was consistent and CURES was not queried.", "drug screen"),
    ("There was no indication for a drug screen.", "drug screen"),
    ("None of this bears on a drug screen.", "drug screen"),
    ("A drug screen was done but was not asked for.", "drug screen"),
]


@pytest.mark.parametrize(("sentence", "thing", "kind"), MISSING)
def test_finds_what_is_missing(sentence: str, thing: str, kind: str) -> None:
    start = sentence.index(thing)
    absence = find_absence(sentence, start, start + len(thing))
    assert absence is not None
    assert absence.kind == kind


@pytest.mark.parametrize(("sentence", "thing"), THERE)
def test_what_is_there_is_not_missing(sentence: str, thing: str) -> None:
    start = sentence.index(thing)
    assert find_absence(sentence, start, start + len(thing)) is None


def test_the_denying_words_are_told() -> None:
    sentence = "The physician has not documented a drug screen."
    absence = find_absence(sentence, sentence.index("drug"), len(sentence) - 1)
    assert absence is not None
    assert sentence[absence.start : absence.end] == "has not documented"
