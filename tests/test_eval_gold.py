"""Gold sets: what is refused, what an absent key means, and that the reader of regex gold shares no code with us."""

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from imr_llm.evals.gold import PROVENANCE, GoldRow, make_gold, read_gold, read_letters_plainly, write_gold
from letters import ROOT, SAMPLE_GOLD, SAMPLES

from imr_llm.errors import ConfigurationError

READER = ROOT / "evals" / "regex_reader.py"
ROW: dict[str, Any] = {"file": "a.txt", "number": 1, "title": "Norco", "decision": "upheld", "labels": "author"}


def write(tmp_path: Path, *rows: dict[str, Any] | str) -> Path:
    file = tmp_path / "gold.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return file


# ------------------------------------------------------------------------------------------------------ what is read


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "the line: Invalid JSON"),
        ("[]", "the line: "),
        ('{"number": 1}', "file: Field required"),
        ('{"file": "a.txt", "number": "one"}', "number: "),
        ('{"file": "a.txt", "number": 1, "reasons": [{"quote": "x"}]}', r"reasons\.0\.code: Field required"),
        ('{"file": "a.txt", "number": 1, "treatment": null}', "treatment: "),
    ],
)
def test_a_wrong_line_is_named_with_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"gold\.jsonl:3: {message}.*mend the line"):
        read_gold(write(tmp_path, ROW, "", line))


def test_a_wrong_line_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as error:
        read_gold(write(tmp_path, '{"file": "a.txt", "number": "Zanzibar", "title": "Zanzibar"}'))
    assert "Zanzibar" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"), [(b"", "empty gold set"), (b" \n\n", "empty gold set"), (b"\xff\xfe", "UTF-8")]
)
def test_a_file_that_holds_no_gold_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_bytes(data)
    with pytest.raises(ConfigurationError, match=rf"gold\.jsonl: .*{message}"):
        read_gold(file)


def test_how_labels_were_made_is_told_for_every_kind_in_the_set() -> None:
    rows = [GoldRow(file="a.txt", number=1, labels="regex"), GoldRow(file="b.txt", number=1, labels="by a friend")]
    assert make_gold(rows, "g", "0").provenance == f"by a friend; {PROVENANCE['regex']}"
    assert make_gold([GoldRow(file="a.txt", number=1)], "g", "0").provenance == PROVENANCE["labelled"]


@pytest.mark.parametrize("name", ["nowhere.jsonl", "."])
def test_a_gold_set_that_is_no_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no such file|no gold set can be read there"):
        read_gold(tmp_path / name)


def test_a_determination_labelled_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gold\.jsonl: a\.txt has determination 1 twice"):
        read_gold(write(tmp_path, ROW, ROW | {"file": "b.txt"}, ROW | {"title": "Soma"}))
    two = read_gold(write(tmp_path, ROW, ROW | {"number": 2}, ROW | {"file": "b.txt"}))
    assert [(letter.file, len(letter.items)) for letter in two.letters] == [("a.txt", 2), ("b.txt", 1)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("The Final Determination was based on decisions for the disputed items/services set forth below: Norco", "Norco"),
        ("The Final Determination was based on decisions for the disputed\nitems/services set forth below:\n Norco", "Norco"),
        ("The Final Determination was based on decisions for the disputed items/service set forth below: Norco", "Norco"),
        ("Norco  10/325mg,\n#120", "Norco 10/325mg, #120"),
        ("The Final Determination of something else: Norco", "The Final Determination of something else: Norco"),
    ],
)  # fmt: skip
def test_the_boilerplate_before_a_title_is_dropped(tmp_path: Path, title: str, expected: str) -> None:
    (letter,) = read_gold(write(tmp_path, ROW | {"title": title})).letters
    assert letter.items[0].title == expected


def test_items_stand_in_order_and_the_letters_fields_come_from_any_line(tmp_path: Path) -> None:
    first = ROW | {"uds_summary": "consistent", "letter": {"age": 40}, "abstained": ["title"]}
    whole = {
        "file": "a.txt",
        "number": None,
        "letter": {"sex": "male"},
        "abstained": ["letter.age"],
        "labels": "author",
    }
    gold = read_gold(write(tmp_path, ROW | {"number": 2}, first, whole, ROW | {"file": "b.txt", "extra": 1}))
    letter = gold.letters[0]
    assert [row.number for row in letter.items] == [1, 2]
    assert letter.fields == {"age": 40, "sex": "male", "uds_summary": "consistent"}
    assert gold.unknown_keys == ("extra",)
    assert gold.determinations == 3
    assert gold.count_abstentions() == {"letter.age": 1, "title": 1}
    assert gold.provenance == PROVENANCE["author"]


def test_a_letter_without_numbered_items_is_not_whole() -> None:
    gold = make_gold([GoldRow(file="a.txt", number=None, letter={"age": 40})], "g", "0")
    assert not gold.letters[0].whole
    assert gold.determinations == 0


@pytest.mark.parametrize(
    ("row", "key", "expected"),
    [
        ({}, "decision", False),
        ({"decision": None}, "decision", True),
        ({"reasons": []}, "reasons", True),
        ({"reasons": []}, "primary_reason", True),
        ({}, "primary_reason", False),
    ],
)
def test_what_is_labelled(row: dict[str, Any], key: str, expected: bool) -> None:
    assert GoldRow.model_validate({"file": "a.txt", **row}).has(key) is expected


# ------------------------------------------------------------------------------------------------------ what is written


def test_absent_keys_stay_absent_and_null_stays_null(tmp_path: Path) -> None:
    rows = [ROW, {"file": "a.txt", "number": 2, "decision": None, "reasons": [{"code": "x"}], "own_key": [1]}]
    written = [json.loads(line) for line in write_gold(rows)]
    assert written == rows
    file = tmp_path / "gold.jsonl"
    file.write_text("".join(write_gold(rows)), "utf-8")
    second = read_gold(file).letters[0].items[1]
    assert second.model_fields_set == {"file", "number", "decision", "reasons", "own_key"}
    assert not second.has("title")


def test_the_samples_gold_survives_being_written() -> None:
    rows = [json.loads(line) for line in SAMPLE_GOLD.read_text("utf-8").splitlines()]
    assert [json.loads(line) for line in write_gold(rows)] == rows


def test_a_gold_set_is_named_by_its_bytes(tmp_path: Path) -> None:
    file = write(tmp_path, ROW)
    first = read_gold(file)
    assert first.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert read_gold(file).sha256 == first.sha256
    file.write_bytes(file.read_bytes() + b"\n")
    second = read_gold(file)
    assert second.letters == first.letters
    assert second.sha256 != first.sha256


# ------------------------------------------------------------------------------------------- the independent reader


def test_letters_that_cannot_be_read_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"no pdf")
    (tmp_path / "good.txt").write_bytes((SAMPLES / "norco_missing_uds.txt").read_bytes())
    (tmp_path / "notes.md").write_text("not a letter")
    rows, failed = read_letters_plainly([tmp_path, tmp_path / "gone.txt"])
    assert {row["file"] for row in rows} == {"good.txt"}
    assert [Path(message.split(":")[0]).name for message in failed] == ["bad.pdf", "gone.txt"]


def test_the_reader_agrees_with_the_authors_labels_wherever_it_is_sure() -> None:
    theirs = {(row.file, row.number): row for letter in read_gold(SAMPLE_GOLD).letters for row in letter.items}
    rows, failed = read_letters_plainly([SAMPLES])
    assert failed == []
    sure = [row for row in rows if "decision" in row]
    assert len(sure) > 40
    assert [row["file"] for row in sure if row["decision"] != theirs[row["file"], row["number"]].decision] == []


def test_the_reader_imports_nothing_of_the_project() -> None:
    allowed = {*sys.stdlib_module_names, "pypdfium2"}
    imported: set[str] = set()
    for node in ast.walk(ast.parse(READER.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            imported.add(node.module or "")
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in ("__import__", "import_module", "exec", "eval", "run_path", "run_module")
    assert "pypdfium2" in imported
    assert "importlib" not in imported
    assert {name.split(".")[0] for name in imported} <= allowed


ALONE = """
import importlib.util, json, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        root = name.split(".")[0]
        if root not in sys.stdlib_module_names and not root.startswith("pypdfium2"):
            raise ImportError(f"refused: {name}")

sys.path.append(sys.argv[1])
sys.meta_path.insert(0, Refuse())
try:
    import imr_llm
except ImportError as error:
    assert "refused" in str(error)
else:
    raise SystemExit("the refusal does not work")
spec = importlib.util.spec_from_file_location("alone", sys.argv[2])
module = importlib.util.module_from_spec(spec)
sys.modules["alone"] = module
spec.loader.exec_module(module)
from pathlib import Path
print(json.dumps([module.read_gold(Path(name)) for name in sys.argv[3:]]))
assert not [name for name in sys.modules if name.split(".")[0] == "imr_llm"]
"""


def test_the_reader_runs_where_nothing_of_the_project_can_be_imported() -> None:
    """Isolated, without site-packages' own start-up files; only the folder of pypdfium2 is lent to it."""
    import pypdfium2

    files = [SAMPLES / "norco_missing_uds.txt", SAMPLES / "knee_arthroscopy_overturned.pdf"]
    lent = str(Path(pypdfium2.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", ALONE, lent, str(READER), *map(str, files)]
    alone = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert [rows[0]["file"] for rows in alone] == [file.name for file in files]
    with_us, _ = read_letters_plainly(files)
    assert [row for rows in alone for row in rows] == with_us
    assert alone[0][0]["decision"] == "upheld"


def test_a_line_end_inside_a_string_is_no_end_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    file.write_text("".join(write_gold([{"file": "a.txt", "number": 1, "title": "x\u2028y"}])), "utf-8")
    assert read_gold(file).determinations == 1
