"""A batch: what is done stays done, failures are on record, money has a limit, and a kill costs one letter."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from letters import SAMPLES

from imr_llm.errors import ConfigurationError, DamagedInput, LibraryBusy, ModelUnreachable
from imr_llm.extraction import UNREACHED_IN_A_ROW, Outcome, Tally, choose_extractor, estimate_run, extract_letters
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import Unreadable, read_letters, read_text
from imr_llm.library.store import Library
from imr_llm.record import Review, Usage
from imr_llm.rules.extractor import extract_by_rules
from imr_llm.settings import read_settings

PLAN = choose_extractor(read_settings({}, extractor="rules"))
NORCO = SAMPLES / "norco_missing_uds.txt"


async def by_rules(letter: Letter) -> Review:
    return extract_by_rules(letter)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.open(tmp_path / "library", writing=True) as opened:
        yield opened


def run(items: list[Letter | Unreadable], library: Library, extract=by_rules, **options: object) -> Tally:  # type: ignore[no-untyped-def]
    return asyncio.run(extract_letters(items, library, extract, key=PLAN.key, **options))  # type: ignore[arg-type]


def samples(count: int) -> list[Letter | Unreadable]:
    return list(read_letters([SAMPLES]))[:count]


# ------------------------------------------------------------------------------------------------ which extractor


@pytest.mark.parametrize(
    ("environment", "extractor", "why"),
    [
        ({}, "rules", "no model is configured"),
        ({"IMR_MODEL": "m", "IMR_BASE_URL": "http://127.0.0.1:1/v1"}, "hybrid", "a model is configured"),
        ({"IMR_MODEL": "m"}, "rules", "IMR_API_KEY is not set"),
        ({"IMR_MODEL": "m", "IMR_API_KEY": "k"}, "hybrid", "a model is configured"),
        ({"IMR_MODEL": "m", "IMR_API_KEY": "k", "IMR_EXTRACTOR": "rules"}, "rules", "asked for"),
        ({"IMR_MODEL": "m", "IMR_API_KEY": "k", "IMR_EXTRACTOR": "llm"}, "llm", "asked for"),
    ],
)
def test_choose_extractor(environment: dict[str, str], extractor: str, why: str) -> None:
    plan = choose_extractor(read_settings(environment))
    assert plan.extractor == extractor
    assert why in plan.why
    assert (plan.prompt is None) == (extractor == "rules")


def test_a_model_extractor_without_a_model_is_a_usage_error() -> None:
    with pytest.raises(ConfigurationError, match="IMR_MODEL"):
        choose_extractor(read_settings({}, extractor="hybrid"))


def test_the_run_key_changes_with_model_and_prompt() -> None:
    keys = {
        choose_extractor(read_settings({"IMR_API_KEY": "k"}, model=model, extractor=extractor)).key
        for model in ("a", "b")
        for extractor in ("hybrid", "llm", "rules")
    }
    assert len(keys) == 5  # rules has no model


# ------------------------------------------------------------------------------------------------------- a batch


def test_each_letter_is_kept_and_is_not_done_twice(library: Library) -> None:
    outcomes: list[Outcome] = []
    first = run(samples(3), library, report=outcomes.append)
    again = run(samples(4), library, report=outcomes.append)
    forced = run(samples(2), library, force=True)
    assert (first.extracted, first.kept) == (3, 0)
    assert (again.extracted, again.kept) == (1, 3)
    assert (forced.extracted, forced.kept) == (2, 0)
    assert [outcome.kept for outcome in outcomes] == [False] * 3 + [True] * 3 + [False]
    assert library.counts().letters == 4


def test_the_same_bytes_in_two_places_are_one_letter(library: Library, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(NORCO.read_bytes())
    tally = run(list(read_letters([tmp_path / "a.txt", tmp_path / "b.txt"])), library)
    assert tally.extracted == 1
    assert library.counts().letters == 1
    (letter_id,) = tally.letter_ids
    assert len(library.sources(letter_id)) == 2


def test_bad_input_goes_on_record_and_the_rest_goes_on(library: Library) -> None:
    bad = Unreadable("bad.pdf", DamagedInput("bad.pdf: not a PDF"))
    tally = run([bad, *samples(1)], library)
    assert (tally.extracted, tally.failed) == (1, 1)
    (failure,) = library.failures()
    assert (failure.source, failure.code) == ("bad.pdf", "damaged_input")


def test_a_model_that_fails_on_one_letter_fails_that_letter_alone(library: Library) -> None:
    letters = samples(2)

    async def extract(letter: Letter) -> Review:
        if letter == letters[0]:
            raise ModelUnreachable("no answer")
        return extract_by_rules(letter)

    tally = run(letters, library, extract)
    assert (tally.extracted, tally.failed) == (1, 1)
    assert run(letters, library).extracted == 1
    assert library.failures() == []


def test_an_endpoint_that_is_gone_ends_the_batch_early(library: Library) -> None:
    async def extract(letter: Letter) -> Review:
        raise ModelUnreachable("no answer")

    tally = run(samples(9), library, extract)
    assert tally.failed == UNREACHED_IN_A_ROW
    assert tally.stopped
    assert "in a row" in str(tally.stopped)
    assert run(samples(9), library).extracted == 9


def test_a_fault_of_ours_fails_its_letter_and_shows_no_letter_text(library: Library) -> None:
    async def extract(letter: Letter) -> Review:
        raise ValueError(letter.text)

    tally = run(samples(1), library, extract)
    assert tally.failed == 1
    (failure,) = library.failures()
    assert failure.code == "internal_fault"
    assert "ValueError" in failure.message
    assert len(failure.message) < 400


def test_no_letter_is_begun_once_the_money_is_spent(library: Library) -> None:
    async def extract(letter: Letter) -> Review:
        review = extract_by_rules(letter)
        run_ = review.run.model_copy(update={"usage": Usage(input_tokens=10, cost_usd=0.5), "attempts": 1})
        return review.model_copy(update={"run": run_})

    tally = run(samples(5), library, extract, max_cost=0.9)
    assert tally.extracted == 2
    assert tally.stopped
    assert "spent 1.0000" in str(tally.stopped)
    assert tally.input_tokens == 20


def test_so_many_letters_at_once_and_no_more(library: Library) -> None:
    in_the_air = most = 0

    async def extract(letter: Letter) -> Review:
        nonlocal in_the_air, most
        in_the_air += 1
        most = max(most, in_the_air)
        await asyncio.sleep(0.02)
        in_the_air -= 1
        return extract_by_rules(letter)

    assert run(samples(6), library, extract, concurrency=3).extracted == 6
    assert most == 3


def test_an_estimate_extracts_nothing(library: Library) -> None:
    run(samples(1), library)
    estimate = estimate_run([*samples(3), Unreadable("x", DamagedInput("x"))], library, PLAN, "")
    assert (estimate.letters, estimate.done, estimate.unreadable) == (2, 1, 1)
    assert library.counts().letters == 1


def test_an_unknown_layout_is_kept_and_reported() -> None:
    review = extract_by_rules(read_text("Dear Sir, the knee brace is denied.", "a.txt"))
    assert review.letter.layout == "unknown"
    assert review.determinations == []
    assert [warning.code for warning in review.run.warnings] == ["layout_unknown"]


# ---------------------------------------------------------------------------------------------------------- a kill

SLOW = """
import asyncio, sys
from pathlib import Path
from imr_llm.extraction import extract_letters
from imr_llm.library.store import Library
from imr_llm.letters.reading import read_letters
from imr_llm.rules.extractor import extract_by_rules

async def extract(letter):
    await asyncio.sleep(0.05)
    return extract_by_rules(letter)

with Library.open(Path(sys.argv[1]), writing=True) as library:
    asyncio.run(extract_letters(read_letters([sys.argv[2]]), library, extract, key=sys.argv[3],
                                report=lambda outcome: print("done", flush=True)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a signal of Unix")
def test_kill_9_costs_at_most_the_letter_in_hand(tmp_path: Path) -> None:
    path = tmp_path / "library"
    command = [sys.executable, "-c", SLOW, str(path), str(SAMPLES), PLAN.key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(5):
            assert process.stdout.readline() == "done\n"
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    with Library.open(path, writing=True) as library:
        kept = library.counts().letters
        assert 5 <= kept <= 7
        assert library.check() == []
        tally = run(list(read_letters([SAMPLES])), library)
        assert tally.kept == kept
        assert (
            library.counts().letters
            == tally.kept + tally.extracted
            == len([p for p in SAMPLES.iterdir() if p.suffix in (".txt", ".pdf")])
        )


def test_an_interrupt_ends_a_run_by_rules(tmp_path: Path) -> None:
    """The rules never wait for anything: the batch itself must listen between two letters."""
    for number in range(400):
        (tmp_path / f"{number}.txt").write_text(NORCO.read_text("utf-8") + f"\n{number}", "utf-8")
    # A shell starts what it runs in the background deaf to SIGINT, and children inherit that: the program here is not.
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from imr_llm.cli import main; main(sys.argv[1:])"
    arguments = ["extract", str(tmp_path), "--extractor", "rules", "--library", str(tmp_path / "l")]
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _count_reviews(tmp_path / "l"):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130, told
    assert 0 < _count_reviews(tmp_path / "l") < 400
    assert "Traceback" not in told


def _count_reviews(path: Path) -> int:
    if not (path / "records.sqlite").exists():
        return 0
    try:
        with Library.open(path) as library:
            return library.counts().reviews
    except LibraryBusy:
        return 0  # the program is making its tables at this moment: ask again
