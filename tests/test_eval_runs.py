"""Runs against a scripted model: what is written down, what a broken-off run keeps, and what may not be mixed."""

import hashlib
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imr_llm.evals.gold import read_gold
from imr_llm.evals.manifest import IDENTITY, Manifest, make_manifest
from imr_llm.evals.runs import EXCHANGES, MANIFEST, RunFolder, load_run, open_run, read_run, record_run
from imr_llm.evals.scoring import score_run, write_score
from letters import SAMPLE_GOLD, SAMPLES
from model_server import ModelServer, Reply, Script

from imr_llm import cli
from imr_llm.errors import ConfigurationError
from imr_llm.extraction import Plan, Tally, choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import Settings, read_settings

KEY = "sk-this-key-must-be-nowhere"
NORCO, TENS, SOMA = (SAMPLES / f"{name}.txt" for name in ("norco_missing_uds", "tens_hwave_brace", "prose_reviewer_soma_long_term"))  # fmt: skip
NOTHING = Reply(content=json.dumps({"items": [{"number": number} for number in range(1, 6)]}))
BUSY = Reply(status=429, headers={"Retry-After": "0"})


def configure(server: ModelServer | None = None, extractor: str = "hybrid", **flags: Any) -> tuple[Settings, Plan]:
    prompt = flags.pop("prompt", None)
    environment = {"IMR_API_KEY": KEY, "IMR_CONCURRENCY": "1", "IMR_TIMEOUT": "20"}
    base_url = server.base_url if server else "http://127.0.0.1:9/v1"
    settings = read_settings(
        environment, **{"model": "scripted", "base_url": base_url, "extractor": extractor, **flags}
    )
    return settings, choose_extractor(settings, prompt)


def run(path: Path, server: ModelServer, *letters: Path, **options: Any) -> Tally:
    settings, plan = configure(server, **options)
    folder = open_run(path, make_manifest(plan, settings, [letter.name for letter in letters]))
    return record_run(folder, plan, settings, read_letters(letters))


def exchanges(path: Path) -> list[dict[str, Any]]:
    return list(read_run(path).exchanges())


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("IMR_", "OPENAI_"))]:
        monkeypatch.delenv(name)


def serve(*script: Reply) -> ModelServer:
    return ModelServer(list(script))


# ------------------------------------------------------------------------------------------------------ exchanges


@pytest.mark.parametrize("extractor", ["hybrid", "llm"])
def test_every_exchange_is_written_as_it_came(tmp_path: Path, extractor: str) -> None:
    answer = NOTHING if extractor == "hybrid" else Reply(content=json.dumps({"determinations": []}))
    with serve(answer) as server:
        tally = run(tmp_path / "run", server, NORCO, extractor=extractor)
        sent = [request.messages for request in server.requests]
    assert tally.extracted == 1
    told = exchanges(tmp_path / "run")
    assert len(told) == len(sent) >= 1
    (review,) = load_run(read_run(tmp_path / "run")).reviews
    assert review.run.extractor == extractor
    assert review.run.attempts == len(told)
    for each, messages in zip(told, sent, strict=True):
        assert each["file"] == NORCO.name
        assert each["letter_id"] == review.letter.letter_id
        assert each["error"] is None
        assert each["seconds"] >= 0
        assert each["response"]["usage"]["prompt_tokens"] == answer.prompt_tokens
        assert each["response"]["choices"][0]["message"]["content"] == answer.content
        body = json.dumps(messages, sort_keys=True, ensure_ascii=False)
        assert each["request_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    assert {each["run_key"] for each in told} == {configure(server, extractor=extractor)[1].key}


def test_a_busy_endpoint_and_its_answer_are_two_exchanges(tmp_path: Path) -> None:
    with serve(BUSY, NOTHING) as server:
        assert run(tmp_path / "run", server, NORCO).extracted == 1
    first, second = exchanges(tmp_path / "run")
    assert (first["error"], first["response"]) == ("HTTP 429", None)
    assert second["error"] is None
    assert second["response"]["choices"]
    assert first["request_sha256"] == second["request_sha256"]


def test_exchanges_of_a_letter_that_failed_are_kept(tmp_path: Path) -> None:
    with serve(Reply(content="no answer at all")) as server:
        tally = run(tmp_path / "run", server, NORCO)
    assert (tally.extracted, tally.failed) == (0, 1)
    told = exchanges(tmp_path / "run")
    assert [each["response"]["choices"][0]["message"]["content"] for each in told] == ["no answer at all"] * 2
    loaded = load_run(read_run(tmp_path / "run"))
    assert loaded.reviews == ()
    (failure,) = loaded.failures
    assert failure.code == "model_refused"
    score = score_run(tmp_path / "run", read_gold(SAMPLE_GOLD))
    assert (score.coverage.letters, score.coverage.failed) == (1, 1)
    assert score.figure("determinations.recall").value == 0.0


def test_a_run_by_rules_has_no_exchanges(tmp_path: Path) -> None:
    with serve(NOTHING) as server:
        run(tmp_path / "run", server, NORCO, extractor="rules")
        assert server.requests == []
    assert exchanges(tmp_path / "run") == []


# --------------------------------------------------------------------------------------------------------- privacy


def test_the_key_is_in_no_file_of_a_run(tmp_path: Path) -> None:
    with serve(BUSY, NOTHING, Reply(status=401)) as server:
        run(tmp_path / "run", server, NORCO, TENS)
        assert all(KEY in request.headers["authorization"] for request in server.requests)
        address = server.base_url.replace("http://", f"http://user:{KEY}@")
        run(tmp_path / "other", server, NORCO, base_url=address)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {MANIFEST, EXCHANGES, "records.sqlite"} <= {file.name for file in files}
    assert [file.name for file in files if KEY.encode() in file.read_bytes()] == []
    host = server.base_url.removeprefix("http://").removesuffix("/v1")
    assert read_run(tmp_path / "other").manifest.endpoint == host


def test_no_letter_text_on_stderr_or_in_a_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = [line.strip() for line in NORCO.read_text("utf-8").splitlines() if len(line.strip()) > 40]
    assert len(words) > 10

    def echo(body: dict[str, Any]) -> Reply:
        """An endpoint that repeats what it was sent: in an answer, then in an error."""
        text = body["messages"][-1]["content"]
        number = len(server.requests)
        return Reply(content=text) if number <= 2 else Reply(status=400, raw=json.dumps({"error": text}).encode())

    monkeypatch.setenv("IMR_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    copy = tmp_path / "second.txt"
    copy.write_text(NORCO.read_text("utf-8") + "\n\nEnd of the copy.\n", "utf-8")
    with ModelServer(echo) as server:
        options = ["--extractor", "hybrid", "--model", "scripted", "--base-url", server.base_url, "--concurrency", "1"]
        assert cli.run(["eval", "run", str(NORCO), str(copy), "--out", str(tmp_path / "run"), *options]) == 1
    printed = capfd.readouterr()
    assert printed.err.count("failed: ") == 2
    told = printed.err + printed.out + caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert [line for line in words if line in told] == []
    assert KEY not in told
    assert any(line in (tmp_path / "run" / EXCHANGES).read_text("utf-8") for line in words)  # it was sent back to us


# -------------------------------------------------------------------------------------------------- going on with it


def letters_asked(server: ModelServer) -> Iterator[str]:
    for request in server.requests:
        shown = request.messages[-1]["content"]
        yield from (file.name for file in (NORCO, TENS, SOMA) if case_of(file) in shown)


def case_of(file: Path) -> str:
    """Words of the letter that no other has: its first disputed item's title."""
    rows = [json.loads(line) for line in SAMPLE_GOLD.read_text("utf-8").splitlines()]
    title: str = next(row["title"] for row in rows if row["file"] == file.name)
    return title


def test_a_broken_off_run_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with serve(NOTHING) as server:
        assert run(path, server, NORCO).extracted == 1
        asked = len(server.requests)
        with (path / EXCHANGES).open("ab") as file:
            file.write(b'{"letter_id": "torn off by a ki')
        assert [each["file"] for each in exchanges(path)] == [NORCO.name] * asked  # read without the torn line
        tally = run(path, server, NORCO, TENS, SOMA)
        assert (tally.kept, tally.extracted) == (1, 2)
        assert list(letters_asked(server)) == [NORCO.name] * asked + [TENS.name, SOMA.name]
    told = exchanges(path)
    assert [each["file"] for each in told] == [NORCO.name] * asked + [TENS.name, SOMA.name]
    assert b"torn off" not in (path / EXCHANGES).read_bytes()
    manifest = read_run(path).manifest
    assert manifest.letters == [NORCO.name, TENS.name, SOMA.name]
    assert manifest.finished
    assert len(load_run(read_run(path)).reviews) == 3


def test_a_letter_that_failed_is_tried_again(tmp_path: Path) -> None:
    with serve(Reply(status=400), NOTHING) as server:
        assert run(tmp_path / "run", server, NORCO).failed == 1
        assert run(tmp_path / "run", server, NORCO).extracted == 1
    assert [each["error"] for each in exchanges(tmp_path / "run")] == ["HTTP 400", None]
    loaded = load_run(read_run(tmp_path / "run"))
    assert (len(loaded.reviews), loaded.failures) == (1, ())


def test_a_run_that_stopped_early_is_not_finished(tmp_path: Path) -> None:
    settings, plan = configure(extractor="rules")
    folder = open_run(tmp_path / "run", make_manifest(plan, settings, [NORCO.name]))
    tally = record_run(folder, plan, settings, read_letters([NORCO]), max_cost=0.0)
    assert tally.stopped
    assert read_run(tmp_path / "run").manifest.finished is None
    with pytest.raises(ConfigurationError, match="no letter of this run is done yet"):
        score_run(tmp_path / "run", read_gold(SAMPLE_GOLD))
    record_run(folder, plan, settings, read_letters([NORCO]))
    assert read_run(tmp_path / "run").manifest.finished


def manifest_of(**options: Any) -> Manifest:
    settings, plan = configure(**options)
    return make_manifest(plan, settings, ["letters"])


@pytest.mark.parametrize(
    ("options", "differing"),
    [
        ({"model": "another"}, "model"),
        ({"prompt": "hybrid_small_v1"}, "prompt_sha256"),
        ({"base_url": "http://127.0.0.1:10/v1"}, "endpoint"),
        ({"extractor": "llm"}, "extractor, prompt_sha256"),
        ({"extractor": "rules"}, "extractor, model, endpoint, prompt_sha256"),
    ],
)
def test_a_run_made_another_way_is_refused(tmp_path: Path, options: dict[str, Any], differing: str) -> None:
    open_run(tmp_path / "run", manifest_of())
    kept = (tmp_path / "run" / MANIFEST).read_bytes()
    with pytest.raises(ConfigurationError, match=rf"holds a run with another {differing}; name another folder"):
        open_run(tmp_path / "run", manifest_of(**options))
    assert (tmp_path / "run" / MANIFEST).read_bytes() == kept
    assert open_run(tmp_path / "run", manifest_of()).manifest.extractor == "hybrid"


def test_a_run_by_another_state_of_the_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_run(tmp_path / "run", manifest_of())
    monkeypatch.setattr("imr_llm.evals.manifest.hash_source", lambda: "f" * 64)
    with pytest.raises(ConfigurationError, match="another source_sha256;"):
        open_run(tmp_path / "run", manifest_of())


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty and no run"):
        open_run(tmp_path, manifest_of())
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(ConfigurationError, match=r"no run, manifest\.json is missing"):
        read_run(tmp_path)
    (tmp_path / MANIFEST).write_text('{"manifest_version": "9"}')
    with pytest.raises(ConfigurationError, match=r"manifest\.json: not a run's manifest"):
        open_run(tmp_path, manifest_of())


def test_an_empty_folder_becomes_a_run(tmp_path: Path) -> None:
    assert open_run(tmp_path, manifest_of()).manifest == read_run(tmp_path).manifest


# -------------------------------------------------------------------------------------------------------- manifest


def test_a_manifest_names_what_made_the_run_and_not_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "somebodys-laptop")
    monkeypatch.setattr("socket.gethostname", lambda: "somebodys-laptop")
    made = json.loads(manifest_of().model_dump_json())
    assert set(IDENTITY) <= set(made)
    for name in ("prompt_sha256", "schema_sha256", "source_sha256"):
        assert len(made[name]) == 64
        int(made[name], 16)
    assert (made["commit"] is None) == (made["dirty"] is None)
    assert made["commit"] is None or len(made["commit"]) == 40
    assert set(made["machine"]) == {"system", "processor", "cpus", "python"}
    assert {"openai", "pydantic", "pypdfium2"} <= set(made["packages"])
    assert (made["model"], made["endpoint"], made["prompt"]) == ("scripted", "127.0.0.1:9", "hybrid_large_v1")
    assert "somebodys-laptop" not in json.dumps(made)


def test_a_manifest_of_rules_names_no_model() -> None:
    made = manifest_of(extractor="rules")
    assert (made.model, made.endpoint, made.prompt, made.prompt_sha256) == (None, None, None, None)


# --------------------------------------------------------------------------------------------------------- scoring


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    path = tmp_path_factory.mktemp("runs") / "run"
    script: Script = [NOTHING]
    with ModelServer(script) as server:
        run(path, server, NORCO, TENS)
    return read_run(path)


def test_scoring_needs_no_model(judged: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("scoring must not open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    score = score_run(judged.path, read_gold(SAMPLE_GOLD))
    assert score.coverage.letters == 2
    assert score.spent.attempts == 2
    assert score.spent.input_tokens == 2 * NOTHING.prompt_tokens
    assert score.spent.cost_usd is None  # a scripted model has no price


SCORE = """
import sys
from pathlib import Path
from imr_llm.evals.gold import read_gold
from imr_llm.evals.scoring import score_run, write_score
run, gold, out = map(Path, sys.argv[1:])
write_score(score_run(run, read_gold(gold)), out)
"""


def test_scoring_twice_gives_the_same_bytes(judged: RunFolder, tmp_path: Path) -> None:
    """In another process too, where sets are iterated in another order."""
    write_score(score_run(judged.path, read_gold(SAMPLE_GOLD)), tmp_path / "first.json")
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    arguments = [str(judged.path), str(SAMPLE_GOLD), str(tmp_path / "second.json")]
    subprocess.run([sys.executable, "-c", SCORE, *arguments], env=environment, check=True)
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
