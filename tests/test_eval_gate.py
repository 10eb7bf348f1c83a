"""The gate on the sample letters: the program as it is passes, and every damage to the extractor is caught and named."""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from imr_llm.evals.gate import BASELINES, SETS, LetterSet, check_baselines, check_history, read_sets
from imr_llm.evals.text import show_verdict

from imr_llm import extraction
from imr_llm.letters.letter import Letter
from imr_llm.record import Determination, Evidence, Reason, Review
from imr_llm.rules.extractor import extract_by_rules

SAMPLE_SETS = {"samples": {"letters": ["samples/letters"], "gold": {"labels": "samples/gold.jsonl", "regex": "regex"}}}


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    """The committed baselines of the samples alone, without the queries: a few seconds."""
    folder = tmp_path / "baselines"
    folder.mkdir()
    for name in ("samples-labels", "samples-regex"):
        shutil.copy(BASELINES / f"{name}.json", folder)
    (folder / SETS).write_text(json.dumps(SAMPLE_SETS), "utf-8")
    return folder


def damage(change: Callable[[Determination], Determination], *files: str) -> Callable[[Letter], Review]:
    def extract(letter: Letter) -> Review:
        review = extract_by_rules(letter)
        if files and letter.file not in files:
            return review
        return review.model_copy(update={"determinations": [change(item) for item in review.determinations]})

    return extract


def drop_code(item: Determination) -> Determination:
    kept = [reason for reason in item.reasons if reason.code != "missing_urine_drug_screen"]
    return item.model_copy(update={"reasons": kept})


def shift(reason: Reason, by: int) -> Reason:
    moved = {"start": reason.evidence.start + by, "end": reason.evidence.end + by}
    return reason.model_copy(update={"evidence": Evidence(**{**reason.evidence.model_dump(), **moved})})


def shift_offsets(item: Determination) -> Determination:
    return item.model_copy(update={"reasons": [shift(reason, 1) for reason in item.reasons]})


def cut_quotes(item: Determination) -> Determination:
    """Offsets and quote shifted together: verbatim, but another piece of the letter."""
    assert item.rationale is not None
    text, start = item.rationale.text, item.rationale.start

    def cut(reason: Reason) -> Reason:
        first = max(reason.evidence.start - 9, start)
        last = max(reason.evidence.end - 9, first + 1)
        quote = text[first - start : last - start]
        return reason.model_copy(update={"evidence": Evidence(quote=quote, start=first, end=last)})

    return item.model_copy(update={"reasons": [cut(reason) for reason in item.reasons]})


def swap_decision(item: Determination) -> Determination:
    swapped = {"upheld": "overturned", "overturned": "upheld"}.get(item.decision, item.decision)
    return item.model_copy(update={"decision": swapped if item.number == 1 else item.decision})


def lose_item(item: Determination) -> Determination:
    return item.model_copy(update={"title": "Something else altogether", "number": item.number + 20})


def test_the_program_as_it_is_passes(baselines: Path) -> None:
    verdict = check_baselines(baselines)
    assert verdict.passed, show_verdict(verdict)
    assert verdict.compared == {"samples-labels": 30, "samples-regex": 30}


@pytest.mark.parametrize(
    ("change", "files", "figure", "item"),
    [
        (drop_code, (), "reasons.codes.missing_urine_drug_screen.recall", "norco_missing_uds.txt item 1"),
        (shift_offsets, (), "evidence.verbatim", None),
        (cut_quotes, (), "evidence.overlap", None),
        (swap_decision, ("hydrocodone_illicit_positive.txt",), "decision.overturned.precision", "hydrocodone_illicit"),
        (lose_item, ("norco_missing_uds.txt",), "determinations.precision", "norco_missing_uds.txt"),
    ],
)
def test_damage_is_caught_and_named(
    baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Determination], Determination],
    files: tuple[str, ...],
    figure: str,
    item: str | None,
) -> None:
    monkeypatch.setattr(extraction, "extract_by_rules", damage(change, *files))
    verdict = check_baselines(baselines)
    assert not verdict.passed
    falls = {fall.figure: fall for fall in verdict.falls}
    assert figure in falls, sorted(falls)
    told = show_verdict(verdict)
    assert f"FELL samples-labels {figure}" in told
    if item:
        assert any(each.startswith(item) for each in falls[figure].items)


def test_a_missing_or_foreign_baseline_is_a_complaint(baselines: Path) -> None:
    score = json.loads((baselines / "samples-labels.json").read_text("utf-8"))
    score["gold"]["sha256"] = "0" * 64
    (baselines / "samples-labels.json").write_text(json.dumps(score), "utf-8")
    (baselines / "samples-regex.json").unlink()
    verdict = check_baselines(baselines)
    assert not verdict.passed
    told = show_verdict(verdict)
    assert "score both with the same gold set" in told
    assert "samples-regex.json: there is no such baseline" in told


def test_a_set_whose_letters_are_not_at_hand_is_left_out_and_said_to_be(baselines: Path) -> None:
    elsewhere = LetterSet(letters=["../nowhere"], gold={"labels": "../nowhere/gold.jsonl"}, optional=True)
    sets = {**SAMPLE_SETS, "elsewhere": elsewhere.model_dump()}
    (baselines / SETS).write_text(json.dumps(sets), "utf-8")
    verdict = check_baselines(baselines)
    assert verdict.left_out == ("elsewhere",)
    assert "elsewhere: left out" in show_verdict(verdict)
    assert not replace(verdict, compared={}).passed


def test_baselines_change_by_a_commit_of_their_own(baselines: Path) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(baselines.parent)]
    for arguments in (["init", "-q"], ["add", baselines.name], ["commit", "-qm", "baselines"]):
        subprocess.run([*git, *arguments], check=True)
    assert list(check_history(baselines)) == []
    (baselines.parent / "program.py").write_text("changed\n", "utf-8")
    (baselines / SETS).write_text(json.dumps(SAMPLE_SETS, indent=1), "utf-8")
    for arguments in (["add", "program.py", baselines.name], ["commit", "-qm", "both"]):
        subprocess.run([*git, *arguments], check=True)
    (complaint,) = check_history(baselines)
    assert "a commit of their own" in complaint


def test_every_committed_baseline_belongs_to_a_set() -> None:
    sets = read_sets(BASELINES)
    names = {f"{name}-{label}" for name, each in sets.items() for label in each.gold}
    names |= {f"{name}-search-{label}" for name, each in sets.items() for label in each.queries}
    assert {file.stem for file in BASELINES.glob("*.json")} - {"sets"} == names
