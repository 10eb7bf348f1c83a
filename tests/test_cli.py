"""The command line, as a user runs it: exit status, stdout for data, stderr for the rest."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from letters import ROOT, SAMPLES

from imr_llm import cli
from imr_llm.commands import DEMO_QUERY


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IMR_MODEL", "IMR_BASE_URL", "IMR_API_KEY", "OPENAI_API_KEY", "IMR_EXTRACTOR", "IMR_EMBEDDINGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IMR_LIBRARY", str(tmp_path / "library"))


def imr(*arguments: str | Path) -> int:
    return cli.run([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cli") / "library"
    assert imr("extract", SAMPLES, "--library", path, "--extractor", "rules") == 0
    return path


def out_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_demo_ends_with_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("demo", "--library", tmp_path / "demo") == 0
    out = capsys.readouterr().out
    assert DEMO_QUERY in out
    answer = out.split(DEMO_QUERY)[-1]
    for file in ("norco_missing_uds", "tramadol_no_screen_on_file", "percocet_uds_contradiction", "notice_2013_norco"):
        assert file in answer
    for file in ("norco_consistent_uds", "oxycodone_prescribed", "hydrocodone_illicit", "urine_drug_screen_too"):
        assert file not in answer
    assert imr("demo", "--library", tmp_path / "demo", "--json") == 0
    assert out_json(capsys)["total"] == 4


def test_auto_says_on_stderr_which_extractor_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("extract", SAMPLES / "norco_missing_uds.txt") == 0
    printed = capsys.readouterr()
    assert "extractor: rules (no model is configured" in printed.err
    assert "1 extracted" in printed.out


def test_some_failed_is_1_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"no pdf")
    out = tmp_path / "reviews.jsonl"
    assert imr("extract", bad, SAMPLES / "norco_missing_uds.txt", "--out", out, "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["failed"] == 1
    assert "bad.pdf: not a PDF" in printed.err
    (review,) = (json.loads(line) for line in out.read_text("utf-8").splitlines())
    assert review["letter"]["file"] == "norco_missing_uds.txt"
    bad.write_bytes((SAMPLES / "knee_arthroscopy_overturned.pdf").read_bytes())
    assert imr("extract", "--retry-failed", "--json") == 0
    assert out_json(capsys)["extracted"] == 1


def test_paths_come_from_stdin_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{SAMPLES / 'norco_missing_uds.txt'}\n\n"))
    assert imr("extract", "-", "--json") == 0
    assert out_json(capsys)["extracted"] == 1


def test_a_dry_run_makes_no_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("extract", SAMPLES, "--dry-run", "--json") == 0
    assert out_json(capsys)["letters"] > 20
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["search", "x", "--library", "nowhere"], 1),
        (["extract"], 2),
        (["extract", "x", "--extractor", "llm"], 2),
        (["extract", "--dry-run", "nowhere.txt"], 1),
        (["similar", "nowhere.txt"], 1),
    ],
)
def test_exit_status(arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr(*arguments) == status
    assert capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["search"], ["search", "x", "--limit", "-1"], ["stats", "--wrong"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        imr(*arguments)
    assert stopped.value.code == 2


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr("imr_llm.commands.run_doctor", interrupt)
    assert imr("doctor") == 130


def test_search_prints_the_contract(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("search", DEMO_QUERY, "--library", filled, "--limit", "0", "--json") == 0
    answer = out_json(capsys)
    assert set(answer) >= {"query", "total", "hits"}
    assert set(answer["query"]) >= {"text", "filters", "ignored"}
    assert answer["total"] == len(answer["hits"]) == 4
    wanted = {"letter_id", "file", "case_number", "number", "title", "decision", "score", "reasons", "evidence", "why"}
    assert all(set(hit) >= wanted for hit in answer["hits"])
    assert imr("search", DEMO_QUERY, "--library", filled, "--explain") == 0
    printed = capsys.readouterr().out
    assert "missing_urine_drug_screen" in printed
    assert "4 of " in printed


def test_explain_shows_near_misses(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("search", "lumbar MRI overturned", "--library", filled, "--explain") in (0, 1)
    printed = capsys.readouterr().out
    assert "fails: decision: upheld" in printed
    imr("search", "lumbar MRI overturned", "--library", filled, "--explain", "--json")
    assert out_json(capsys)["near_misses"][0]["because"] == "decision: upheld"
    imr("search", "lumbar MRI overturned", "--library", filled, "--json")
    assert "near_misses" not in out_json(capsys)


def test_similar_prints_a_checklist(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("similar", SAMPLES / "norco_missing_uds.txt", "--library", filled) == 0
    printed = capsys.readouterr().out
    assert "found missing or against it, of " in printed
    assert "documented, of " in printed
    assert imr("similar", SAMPLES / "norco_missing_uds.txt", "--library", filled, "--json") == 0
    assert set(out_json(capsys)["checklist"]) == {"treatment", "upheld", "overturned", "missing", "documented"}


def test_nothing_found_is_1(filled: Path) -> None:
    assert imr("search", "Botox for migraine overturned", "--library", filled) == 1


def test_show_gives_review_and_text(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("show", "norco_missing_uds.txt", "--library", filled, "--json") == 0
    review = out_json(capsys)
    assert imr("show", review["case"]["case_number"], "--library", filled, "--text") == 0
    text = capsys.readouterr().out
    evidence = review["determinations"][0]["reasons"][0]["evidence"]
    assert text[evidence["start"] : evidence["end"]] == evidence["quote"]
    assert imr("show", review["letter"]["letter_id"][:10], "--library", filled) == 0
    assert "UPHELD" in capsys.readouterr().out
    assert imr("show", "CM99-0000000", "--library", filled) == 1


def test_stats_export_similar_index_and_doctor(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imr("stats", "--by", "decision", "--library", filled) == 0
    assert "upheld" in capsys.readouterr().out
    assert imr("stats", "opioids", "--by", "category", "--library", filled, "--json") == 0
    assert capsys.readouterr().out.startswith("{")
    assert imr("export", "--format", "csv", "--library", filled) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out.removeprefix("\ufeff"))))
    assert len(rows) > 60
    assert imr("export", "Norco", "--format", "jsonl", "--out", tmp_path / "n.jsonl", "--library", filled) == 0
    assert imr("similar", SAMPLES / "norco_missing_uds.txt", "--library", filled) == 0
    assert (
        imr("similar", SAMPLES / "norco_missing_uds.txt", "--decision", "overturned", "--json", "--library", filled)
        == 0
    )
    assert imr("index", "--library", filled) == 0
    assert imr("index", "--rebuild", "--json", "--library", filled) == 0
    capsys.readouterr()
    assert imr("doctor", "--json", "--library", filled) == 0
    findings = {finding["name"]: finding for finding in out_json(capsys)}
    assert findings["index"]["ok"]
    assert "nothing leaves this machine" in findings["endpoint"]["detail"]
    assert imr("doctor", "--repair", "--library", filled) == 0


def test_no_letter_text_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "private.txt"
    file.write_text("Zanzibar patient pasted this.")
    assert imr("extract", file) == 0
    assert "Zanzibar" not in capsys.readouterr().err


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("demo", "--library", tmp_path / "demo") == 0
    printed = capsys.readouterr().out.splitlines()
    block = (ROOT / "README.md").read_text("utf-8").split("```")[3].strip("\n").splitlines()
    assert block[0].startswith("$ imr-llm search")
    assert len(block) > 10
    assert [line for line in block[1:] if line != "..." and line not in printed] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["extract", "x", "--max-cost", "nan"],
        ["extract", "x", "--max-cost", "-1"],
        ["extract", "x", "--concurrency", "0"],
        ["extract", "x", "--concurrency", "many"],
    ],
)
def test_a_wrong_amount_is_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        imr(*arguments)
    assert stopped.value.code == 2
    assert arguments[-1] in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(
    filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "nowhere" / "out.jsonl"
    assert imr("extract", SAMPLES / "norco_missing_uds.txt", "--out", nowhere) == 2
    assert imr("export", "--out", nowhere, "--library", filled) == 1
    assert capsys.readouterr().err.count(str(nowhere)) == 2


def test_nothing_spent_is_not_nothing_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("extract", SAMPLES, "--max-cost", "0") == 1
    assert "no letter was found" not in capsys.readouterr().err


def test_a_text_of_any_name_can_be_compared(filled: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    draft.write_text("Norco 10/325 for low back pain; no urine drug screen is on file.")
    assert imr("similar", draft, "--library", filled) == 0
