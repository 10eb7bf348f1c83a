"""`imr-llm eval ...` as a user runs it: data on stdout, the rest on stderr, and the exit status."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from imr_llm.evals.gate import SETS
from imr_llm.evals.runs import MANIFEST
from letters import SAMPLE_GOLD, SAMPLES

from imr_llm import cli

NAMES = (
    "norco_missing_uds.txt",
    "percocet_uds_contradiction.txt",
    "tens_hwave_brace.txt",
    "knee_arthroscopy_overturned.pdf",
)


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("IMR_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def imr(*arguments: str | Path) -> int:
    return cli.run(["eval", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four letters, their gold set, a run over them, and its score."""
    folder = tmp_path_factory.mktemp("eval")
    (folder / "letters").mkdir()
    for name in NAMES:
        shutil.copy(SAMPLES / name, folder / "letters")
    rows = SAMPLE_GOLD.read_text("utf-8").splitlines(keepends=True)
    (folder / "gold.jsonl").write_text("".join(row for row in rows if json.loads(row)["file"] in NAMES), "utf-8")
    assert imr("run", folder / "letters", "--extractor", "rules", "--out", folder / "run") == 0
    assert imr("score", folder / "run", "--gold", folder / "gold.jsonl", "--out", folder / "score.json") == 0
    return folder


def out_json(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


# ----------------------------------------------------------------------------------------------------------- gold


def test_gold_goes_to_stdout_and_its_summary_to_stderr(at_hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("gold", at_hand / "letters") == 0
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert {row["file"] for row in rows} == {*NAMES}
    assert {row["labels"] for row in rows} == {"regex"}
    assert f"4 letters, {len(rows)} determinations, 0 failed" in printed.err


def test_gold_to_a_file(at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("gold", at_hand / "letters", "--out", tmp_path / "g.jsonl", "--json") == 0
    told = out_json(capsys)
    assert told["determinations"] == len((tmp_path / "g.jsonl").read_text("utf-8").splitlines())
    assert (told["letters"], told["failed"]) == (4, [])
    assert imr("score", at_hand / "run", "--gold", tmp_path / "g.jsonl", "--json") == 0
    assert out_json(capsys)["gold"]["provenance"].startswith("read by the project's independent regex reader")


def test_gold_names_what_it_cannot_read_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"Zanzibar")
    assert imr("gold", tmp_path / "bad.pdf", SAMPLES / NAMES[0], tmp_path / "gone.txt") == 1
    printed = capsys.readouterr()
    assert {json.loads(line)["file"] for line in printed.out.splitlines()} == {NAMES[0]}
    assert "failed: bad.pdf: is not a PDF" in printed.err
    assert "gone.txt: no such file" in printed.err
    assert "Zanzibar" not in printed.err
    assert imr("gold", tmp_path / "bad.pdf") == 1
    assert "no letter was found" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------ run


def test_run_tells_its_folder_and_goes_on_where_it_stopped(
    tmp_path: Path, at_hand: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = [at_hand / "letters" / name for name in NAMES[:2]]
    assert imr("run", letters[0], "--extractor", "rules") == 0
    printed = capsys.readouterr()
    assert printed.out == f"{Path('imr-runs') / 'rules'}: 1 extracted, 0 kept from before, 0 failed\n"
    assert "extractor: rules (asked for)" in printed.err
    assert imr("run", *letters, "--extractor", "rules", "--json") == 0
    told = out_json(capsys)
    assert (told["extracted"], told["kept"], told["failed"], told["stopped"]) == (1, 1, 0, None)
    assert (tmp_path / "imr-runs" / "rules" / MANIFEST).exists()


def test_run_names_unreadable_letters_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"Zanzibar")
    assert imr("run", tmp_path / "bad.pdf", SAMPLES / NAMES[0], "--extractor", "rules", "--out", tmp_path / "r") == 1
    printed = capsys.readouterr()
    assert "1 extracted, 0 kept from before, 1 failed" in printed.out
    assert "failed: " in printed.err
    assert "bad.pdf: not a PDF" in printed.err
    assert "Zanzibar" not in printed.err
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"file": "bad.pdf", "number": 1, "title": "Norco", "decision": "upheld"}\n')
    capsys.readouterr()
    assert imr("score", tmp_path / "r", "--gold", gold, "--json") == 0
    told = out_json(capsys)
    assert (told["coverage"]["failed"], told["coverage"]["not_in_gold"]) == (1, 1)
    assert told["figures"]["decision.upheld.recall"]["value"] == 0.0


def test_run_refuses_another_folder_or_no_model(
    at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert imr("run", at_hand / "letters", "--extractor", "rules", "--out", tmp_path) == 2
    assert "not empty and no run" in capsys.readouterr().err
    assert imr("run", at_hand / "letters", "--extractor", "llm") == 2
    assert "no model is configured" in capsys.readouterr().err
    assert imr("run", tmp_path / "nothing", "--extractor", "rules", "--out", tmp_path / "r") == 1


# ---------------------------------------------------------------------------------------------- score and compare


def test_score_prints_a_table_or_json(at_hand: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("score", at_hand / "run", "--gold", at_hand / "gold.jsonl") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "4 letters judged, 0 of them failed" in printed.out
    assert "| determinations found" in printed.out
    assert imr("score", at_hand / "run", "--gold", at_hand / "gold.jsonl", "--json") == 0
    told = out_json(capsys)
    kept = json.loads((at_hand / "score.json").read_text("utf-8"))
    assert "outcomes" not in told
    assert told == {name: value for name, value in kept.items() if name != "outcomes"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "nowhere", "--gold", "{}/gold.jsonl"), "no run, manifest.json is missing"),
        (("score", "{}/run", "--gold", "nowhere.jsonl"), "no such file; name a gold set"),
        (("score", "{}/run", "--gold", "{}/score.json"), "score.json:1"),
        (("compare", "{}/score.json", "nowhere.json"), "no such score"),
        (("compare", "{}/score.json", "{}/run"), "name the gold set"),
        (("compare", "{}/score.json", "{}/gold.jsonl"), "not a score"),
        (("report", "nowhere.json"), "no such score"),
        (("report", "{}/score.json", "--search", "{}/gold.jsonl"), "no search figures can be read there"),
        (("report", "{}/score.json", "--out", "nowhere/r.html"), "cannot be written"),
        (("search", "{}/run", "--gold", "nowhere.jsonl"), "no such file; name a gold set"),
        (("search", "{}/run", "--gold", "{}/gold.jsonl", "--queries", "no.yaml"), "no query set can be read there"),
        (("search", "{}/run", "--gold", "{}/gold.jsonl", "--queries", "a", "--queries", "b", "--out", "s"), "--out keeps"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "magic"), "neither a run's folder nor one of"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "llm modle=x"), "'modle=x' is not one of"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "llm x"), "'x' is not one of"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "llm"), "no model is configured"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", ""), "neither a run's folder"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "rules", "--arm", "rules"), "the same name"),
        (("models", "{}/letters", "--gold", "{}/gold.jsonl", "--arm", "llm model=m concurrency=x"), "whole number"),
        (("gate", "--baselines", "nowhere"), "sets.json: cannot be read"),
    ],
)  # fmt: skip
def test_wrong_use_is_2_and_told(
    at_hand: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imr(*(each.replace("{}", str(at_hand)) for each in arguments)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in printed.err
    assert printed.err.startswith("imr-llm: ")


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["score", "x"], ["run"], ["models", "x"], ["run", "x", "--concurrency", "0"]]
)
def test_a_command_line_that_cannot_be_read_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        imr(*arguments)
    assert stopped.value.code == 2
    assert "usage: imr-llm eval" in capsys.readouterr().err


def test_compare_names_what_was_lost(at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score = json.loads((at_hand / "score.json").read_text("utf-8"))
    outcome = next(each for each in score["outcomes"] if each.get("number") == 1 and each["file"] == NAMES[0])
    assert outcome["states"]["treatment.drug"] == "correct"
    outcome["states"]["treatment.drug"] = "wrong"
    (tmp_path / "worse.json").write_text(json.dumps(score), "utf-8")
    assert imr("compare", at_hand / "score.json", tmp_path / "worse.json") == 0
    told = capsys.readouterr().out
    assert f"Lost (1)\n- treatment.drug: {NAMES[0]} item 1: correct -> wrong" in told
    assert imr("compare", at_hand / "score.json", tmp_path / "worse.json", "--json") == 0
    (turn,) = out_json(capsys)["turns"]
    assert (turn["file"], turn["number"], turn["gained"]) == (NAMES[0], 1, False)
    same = ("compare", at_hand / "score.json", at_hand / "run", "--gold", at_hand / "gold.jsonl")
    assert imr(*same) == 0
    assert "no figure differs" in capsys.readouterr().out
    assert imr(*same, "--all") == 0
    assert "fields.treatment.drug.f1" in capsys.readouterr().out


# ----------------------------------------------------------------------------------------------- search and report

QUERIES = """
queries:
- {id: l1, text: norco denied for missing UDS, family: uds, where: {decision: upheld, reason: [missing_urine_drug_screen]}}
- {id: l2, text: knee arthroscopy overturned, family: surgery, where: {decision: overturned, region: [knee]}}
- {id: l3, text: how many, family: counts}
pairs:
- {id: p1, first: l1, second: l2}
"""


def test_search_is_kept_and_shown_in_a_report(
    at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.yaml").write_text(QUERIES, "utf-8")
    shutil.copytree(at_hand / "run", tmp_path / "run")
    ask = ("search", tmp_path / "run", "--gold", at_hand / "gold.jsonl", "--queries", tmp_path / "own.yaml")
    assert imr(*ask, "--out", tmp_path / "search.json") == 0
    told = capsys.readouterr().out
    assert "2 queries of own.yaml" in told
    assert "1 left out, not labelled here" in told
    assert [arm for arm in ("| imr-llm ", "| Chroma dense ", "| BM25 ") if arm not in told] == []
    report = (
        "report",
        at_hand / "score.json",
        "--against",
        at_hand / "score.json",
        "--search",
        tmp_path / "search.json",
    )
    assert imr(*report, "--out", tmp_path / "r.html", "--json") == 0
    made = out_json(capsys)
    assert {"Compared", "Search"} <= set(made["sections"])
    assert (Path(made["html"]), Path(made["markdown"])) == (tmp_path / "r.html", tmp_path / "r.md")
    assert "<h2>Search</h2>" in (tmp_path / "r.html").read_text("utf-8")
    assert "## Search" in (tmp_path / "r.md").read_text("utf-8")


def test_report_of_a_run_stands_where_one_is(at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imr("report", at_hand / "run", "--gold", at_hand / "gold.jsonl") == 0
    assert capsys.readouterr().out == "imr-report.html and imr-report.md\n"
    assert (tmp_path / "imr-report.html").exists()


# --------------------------------------------------------------------------------------------------------- models


def test_models_sets_an_extractor_beside_a_recorded_run(
    at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(at_hand / "run", tmp_path / "recorded before")
    arms = ("--arm", "rules", "--arm", tmp_path / "recorded before")
    options = (
        "models",
        at_hand / "letters" / NAMES[0],
        "--gold",
        at_hand / "gold.jsonl",
        "--out",
        tmp_path / "m",
        *arms,
    )
    assert imr(*options) == 0
    told = capsys.readouterr().out
    heads = [line for line in told.splitlines() if line.startswith("| figure ")]
    assert [cell.strip() for cell in heads[0].strip("|").split("|")] == ["figure", "rules", "recorded before"]
    assert "recorded before against rules, 1 letters:" in told
    assert "| US dollars" in told
    assert {file.name for file in (tmp_path / "m").iterdir()} == {"rules", "rules.json", "recorded before.json"}
    assert imr(*options, "--json") == 0
    assert set(out_json(capsys)) == {"rules", "recorded before"}


def test_models_with_a_letter_that_failed_is_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"no pdf")
    gold = tmp_path / "gold.jsonl"
    gold.write_text('{"file": "bad.pdf", "number": 1, "title": "Norco", "decision": "upheld"}\n')
    assert imr("models", tmp_path / "bad.pdf", "--gold", gold, "--arm", "rules", "--out", tmp_path / "m") == 1
    printed = capsys.readouterr()
    assert "| letters failed" in printed.out
    assert "failed: " in printed.err


# ----------------------------------------------------------------------------------------------------------- gate


def test_gate_writes_baselines_passes_and_fails(
    at_hand: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "baselines"
    folder.mkdir()
    letters = [str(at_hand / "letters" / name) for name in NAMES[:3]]
    sets = {"few": {"letters": letters, "gold": {"labels": str(at_hand / "gold.jsonl")}}}
    (folder / SETS).write_text(json.dumps(sets), "utf-8")
    assert imr("gate", "--baselines", folder) == 1
    assert "few-labels.json: there is no such baseline" in capsys.readouterr().out
    assert imr("gate", "--baselines", folder, "--write") == 0
    assert capsys.readouterr().out == f"written: {folder / 'few-labels'}.json\n"
    assert imr("gate", "--baselines", folder) == 0
    printed = capsys.readouterr()
    assert "few-labels: 3 letters compared" in printed.out
    assert printed.out.endswith("gate: passed\n")
    baseline = json.loads((folder / "few-labels.json").read_text("utf-8"))
    baseline["figures"]["fields.age.f1"] = {"value": 1.0, "low": 1.0, "high": 1.0, "n": 6}
    for outcome in baseline["outcomes"]:
        if "age" in outcome["states"]:
            outcome["states"]["age"] = "correct"
    (folder / "few-labels.json").write_text(json.dumps(baseline), "utf-8")
    assert imr("gate", "--baselines", folder, "--json") == 0
    assert out_json(capsys)["falls"] == []
    sets["few"]["letters"] = letters[:2]
    (folder / SETS).write_text(json.dumps(sets), "utf-8")
    assert imr("gate", "--baselines", folder) == 1
    assert "1 are gone" in capsys.readouterr().out
