from __future__ import annotations

import pytest

from imr_llm.rules.screen_results import read_result

ROWS = [
    ("UDS positive for cocaine", "illicit_positive"),
    ("UDS showed no cocaine, heroin or THC", "consistent"),
    ("UDS negative for opioids, cocaine was detected", "illicit_positive"),
    ("no cocaine was found on the UDS", "consistent"),
    ("UDS did not contain the prescribed codeine", "inconsistent"),
    ("codeine was not detected on the UDS", "inconsistent"),
    ("UDS negative for codeine, as expected", "consistent"),
    ("UDS positive for codeine", "consistent"),
    ("UDS positive for codeine, which was not prescribed", "inconsistent"),
    ("UDS showed nothing that was not prescribed", "consistent"),
    ("UDS positive for codeine although only Norco is prescribed", "inconsistent"),
    ("UDS positive for alcohol", "inconsistent"),
    ("UDS was aberrant", "inconsistent"),
    ("UDS without aberrancy", "consistent"),
    ("UDS did not match the prescriptions", "inconsistent"),
    ("UDS to detect cocaine", None),
    ("UDS to check for misuse", None),
    ("UDS consistent with the guidelines", None),
    ("UDS and an opioid contract", None),
    ("UDS, so misuse is the question", None),
    ("", None),
]


@pytest.mark.parametrize(("words", "expected"), ROWS)
def test_reads_the_result(words: str, expected: str | None) -> None:
    assert read_result(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [("testing is appropriate", None), ("the last test was appropriate", "consistent")],
)
def test_praise_of_a_disputed_test_is_no_result(words: str, expected: str | None) -> None:
    assert read_result(words, disputed=True) == expected
