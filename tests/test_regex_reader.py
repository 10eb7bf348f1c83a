"""Invented letters, each with one thing that a plain reader must read right or leave alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def load() -> ModuleType:
    """The reader as a stranger loads it: by its path, with nothing of the project at hand."""
    spec = importlib.util.spec_from_file_location(
        "regex_reader", Path(__file__).parents[1] / "evals" / "regex_reader.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reader = load()

HEADER = """Case Number: CM16-0000001
Date Assigned: 03/04/2016 Date of Injury: 1/2/2015
Decision Date: 04/05/2016 UR Denial Date: 02/01/2016
Priority: Standard Application
Received:
02/10/2016
"""
MADE = "HOW THE IMR FINAL DETERMINATION WAS MADE\nSomebody read the file.\n"
REVIEWER = """The Expert Reviewer has the following credentials:
State(s) of Licensure: Vermont,New York
Certification(s)/Specialty: Family Practice, Public Health &
General Preventive Medicine
"""
SUMMARY = "The case is about a 41-year-old male who slipped on 1/2/2015. He has pain."
INTRODUCTION = "The Final Determination was based on decisions for the disputed items/services set forth below:\n"


def item(title: str, decision: str = "Upheld", rationale: str = "Nothing supports it.") -> str:
    return (
        f"{title}: {decision}\n\nClaims Administrator guideline: Decision based on\nInvented Guide 2001.\n\n"
        f"MAXIMUS guideline: Decision based on Made-up Chapter.\n\nDecision rationale: {rationale}\n\n"
    )


def letter(
    *items: str,
    header: str = HEADER,
    reviewer: str = REVIEWER,
    summary: str = SUMMARY,
    introduction: str = INTRODUCTION,
) -> str:
    return (
        f"{header}\n{MADE}\n{reviewer}\nCLINICAL CASE SUMMARY\n{summary}\n\n"
        f"IMR ISSUES, DECISIONS AND RATIONALES\n{introduction}\n{''.join(items)}"
    )


def rows(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = reader.read_gold_text(text, "a.txt")
    return found


def about(text: str) -> dict[str, Any]:
    found: dict[str, Any] = rows(text)[0]["letter"]
    return found


def test_plain_letter_is_read_in_full() -> None:
    first, second = rows(letter(item("Left boot"), item("Right boot: size 9", "Overturned")))
    guidelines = {
        "claims_administrator_guideline": "Decision based on Invented Guide 2001.",
        "maximus_guideline": "Decision based on Made-up Chapter.",
    }
    assert second == {
        "file": "a.txt", "number": 2, "title": "Right boot: size 9", "decision": "overturned", **guidelines,
        "labels": "regex", "abstained": [],
    }  # fmt: skip
    assert first == {
        "file": "a.txt", "number": 1, "title": "Left boot", "decision": "upheld", **guidelines,
        "labels": "regex", "abstained": [],
        "letter": {
            "determination_count": 2, "layout": "standard", "case_number": "CM16-0000001", "date_assigned": "2016-03-04",
            "date_of_injury": "2015-01-02", "decision_date": "2016-04-05", "ur_denial_date": "2016-02-01",
            "application_received": "2016-02-10", "priority": "Standard", "licensed_states": ["Vermont", "New York"],
            "specialties": ["Family Practice", "Public Health & General Preventive Medicine"], "age": 41, "sex": "male",
        },
    }  # fmt: skip


def test_windows_line_ends_and_a_blank_line_behind_every_line() -> None:
    doubled = letter(item("Left boot"), item("Right boot")).replace("\n\n", "\n \n").replace("\n", "\r\n\r\n")
    assert [row["title"] for row in rows(doubled)] == ["Left boot", "Right boot"]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Left boot,\nsize 9", "Left boot, size 9"),
        ("Service:  left boot", "Service: left boot"),
        (
            "A boot was the original request. One lace was authorized. The\nremaining portion is",
            "A boot was the original request. One lace was authorized. The remaining portion is",
        ),
    ],
)
def test_title_on_one_line(title: str, expected: str) -> None:
    assert [row["title"] for row in rows(letter(item(title), item(title)))] == [expected, expected]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(item("Left boot").rstrip() + "\n" + item("Right boot"), id="no blank line before it"),
        pytest.param(item("Left boot") + item("Right\f boot"), id="page break within it"),
        pytest.param(item("Left boot").rstrip() + "\n\f" + item("Right boot"), id="page break before it"),
        pytest.param(item("Left boot") + "\n\n\n" + item("Right boot"), id="too many blank lines"),
        pytest.param(item("Left boot", rationale="No end") + item("Right boot"), id="rationale without an end"),
        pytest.param(item("Left boot") + item("right boot"), id="starts like the rest of a sentence"),
        pytest.param(item("Left boot", rationale="One.\n\nTwo.").rstrip() + "\n" + item("Boot"), id="runs into it"),
        pytest.param(item("Left boot") + item("Right post-\noperative boot"), id="hyphen at the end of a line"),
    ],
)
def test_doubtful_title_abstains(between: str) -> None:
    first, second = rows(letter(between))
    assert first["title"] == "Left boot"
    assert "title" not in second
    assert second["abstained"] == ["title"]
    assert second["decision"] == "upheld"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(letter(item("Left boot", "Modified")), id="another decision word"),
        pytest.param(letter(item("Left boot"), "Right boot: Upheld\n"), id="decision without labels"),
        pytest.param(letter(item("Left boot", rationale="See MAXIMUS guideline: none.")), id="label within a line"),
        pytest.param(letter(item("Left boot")).replace("ISSUES,", "QUESTIONS,"), id="no heading"),
        pytest.param("Dear reader,\nwe agree.\n", id="no letter of a known layout"),
    ],
)
def test_unsure_number_gives_one_row(text: str) -> None:
    (row,) = rows(text)
    assert row["number"] is None
    assert row["abstained"][:5] == ["number", *reader.ROW_FIELDS]
    assert "letter.determination_count" in row["abstained"]
    assert not set(reader.ROW_FIELDS) & set(row)


def test_no_introduction_no_first_title() -> None:
    assert rows(letter(item("Left boot"), introduction=""))[0]["abstained"] == ["title"]


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("1/2/2015\nDecision", "2/30/2015\nDecision", ["date_of_injury"]),
        ("Date of Injury: 1/2/2015\n", "\n", ["date_of_injury"]),
        ("03/04/2016 Date of Injury: 1/2/2015", "Date of Injury: 03/04/2016 1/2/2015", list(reader.HEADER_FIELDS)),
        ("1/2/2015\nDecision", "1/2/2017\nDecision", list(reader.HEADER_FIELDS)),
        ("Priority", "Date Assigned: 03/04/2016\nPriority", list(reader.HEADER_FIELDS)),
    ],
)
def test_doubtful_header_abstains(old: str, new: str, lost: list[str]) -> None:
    (row,) = rows(letter(item("Left boot"), header=HEADER.replace(old, new)))
    assert row["abstained"] == [f"letter.{name}" for name in reader.HEADER_FIELDS if name in lost]


def test_letter_without_a_header_table_has_null_fields() -> None:
    found = about(letter(item("Left boot"), header="").lstrip())
    assert [found[name] for name in reader.HEADER_FIELDS] == [None] * len(reader.HEADER_FIELDS)


@pytest.mark.parametrize(
    ("reviewer", "layout", "states", "specialties"),
    [
        (
            "The physician reviewer is Board Certified in Psychiatry, and is licensed to practice\nin Vermont and Utah.",
            "standard_prose_reviewer", ["Vermont", "Utah"], ["Psychiatry"],
        ),
        (
            "A person Board Certified in Pain Medicine and Surgery and is licensed to practice in Vermont.",
            "standard_prose_reviewer", ["Vermont"], None,
        ),
        (
            "credentials: State(s) of Licensure: Vermont\nCertification(s)/Specialty: Surgery",
            "standard", ["Vermont"], ["Surgery"],
        ),
        (
            "State(s) of Licensure: Vermont, Atlantis\nCertification(s)/Specialty: Family\nPractice",
            "standard", None, None,
        ),
        ("Somebody.", None, None, None),
    ],
)  # fmt: skip
def test_reviewer(reviewer: str, layout: str | None, states: list[str] | None, specialties: list[str] | None) -> None:
    found = about(letter(item("Left boot"), reviewer=reviewer + "\n"))
    assert found.get("layout") == layout
    assert (found.get("licensed_states"), found.get("specialties")) == (states, specialties)


@pytest.mark.parametrize(
    ("summary", "age", "sex"),
    [
        ("This is a(n) 52 years old right hand dominant woman. She limps.", 52, "female"),
        ("At 59 years of age, the worker lifts boxes.", 59, None),
        ("A 33 year old male. His 12 year old son helps.", None, "male"),
        ("A 33 year old male, aged 34 by the note.", None, "male"),
        ("The worker was 33 years old at the time of the fall.", None, None),
        ("A 33 year old male. She limps.", 33, None),
        ("A 33 year old male; an MR scan of MS type. He/she was told.", 33, "male"),
        ("A 7 year old male.", None, "male"),
        ("A worker. " + "Pain. " * 80 + "A 33 year old.", None, None),
    ],
)
def test_patient(summary: str, age: int | None, sex: str | None) -> None:
    found = about(letter(item("Left boot"), summary=summary))
    assert (found.get("age"), found.get("sex")) == (age, sex)


def test_older_notice_gives_its_header_alone() -> None:
    (row,) = rows(
        "Notice of Independent Medical Review Determination\nDated: 9/8/2013\n\nDate of UR Decision: 6/5/2013\n"
        "Date of Injury: 1/2/2012\nIMR Application Received: 7/6/2013\nMAXIMUS Case Number: CM13-0000002\n\n"
        "1) MAXIMUS Federal Services, Inc. has determined the request for a boot is not medically necessary.\n"
    )
    assert row["letter"] == {
        "case_number": "CM13-0000002", "date_of_injury": "2012-01-02", "decision_date": "2013-09-08",
        "ur_denial_date": "2013-06-05", "application_received": "2013-07-06",
    }  # fmt: skip


def pdf(*pages: str) -> bytes:
    """A PDF with a line for each line of a page. A line is bold from its start up to the last "|" in it."""

    def font(name: str, stem: int) -> str:  # the width of the stems is what makes a font bold
        descriptor = f"<< /Type /FontDescriptor /FontName /{name} /Flags 32 /StemV {stem} >>"
        return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /FontDescriptor {descriptor} >>"

    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        font("Times-Roman", 80),
        font("Times-Bold", 140),
    ]
    for number, page in enumerate(pages):
        shown = []
        for row, line in enumerate(page.replace("(", r"\(").replace(")", r"\)").split("\n")):
            bold, _, plain = line.rpartition("|")
            shown.append(f"BT 1 0 0 1 60 {760 - 13 * row} Tm /F2 11 Tf ({bold}) Tj /F1 11 Tf ({plain}) Tj ET")
        stream = "\n".join(shown)
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {6 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    body, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\nstartxref\n"
    return f"{body}{body.index('xref')}\n%%EOF\n".encode()


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(["\n\nRight boot|: Upheld"], "Right boot", id="bold behind a gap"),
        pytest.param(["\n\nRight boot: Upheld"], "Right boot", id="plain behind a gap"),
        pytest.param(["", "Right boot|: Upheld"], "Right boot", id="bold at the top of a page"),
        pytest.param(["\n\nRight boot,|", "size 9|: Upheld"], "Right boot, size 9", id="bold over a page end"),
        pytest.param(["", "Right boot: Upheld"], None, id="plain at the top of a page"),
        pytest.param(["\n\nRight boot,", "size 9: Upheld"], None, id="plain over a page end"),
        pytest.param(["\nRight boot|: Upheld"], None, id="bold without a gap"),
        pytest.param(["\n\nRight boot.|\n\nSize 9|: Upheld"], None, id="bold with a gap inside"),
        pytest.param(["\n\nSome words.\nRight boot|: Upheld"], None, id="gap and bold disagree"),
    ],
)
def test_pdf_title(tmp_path: Path, second: list[str], expected: str | None) -> None:
    start = letter(item("Left boot|")).rstrip()
    end = "\n\n" + item("", "Upheld").split("\n\n", 1)[1].rstrip()
    pages = [start + second[0], *second[1:]]
    pages[-1] += end
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(*pages))
    rows = reader.read_gold(path)
    assert [row.get("title") for row in rows] == ["Left boot", expected]
    assert [row["decision"] for row in rows] == ["upheld", "upheld"]


def test_pdf_hyphen_at_the_end_of_a_line_abstains(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf(letter(item("Post-\noperative boot")).replace("Made-up", "Made-\nup")))
    (row,) = reader.read_gold(path)
    assert row["abstained"] == ["title", "maximus_guideline"]


def test_letter_is_the_same_as_pdf_and_as_text(tmp_path: Path) -> None:
    text = letter(item("Left boot"), item("Right boot", "Overturned"))
    (tmp_path / "a.pdf").write_bytes(pdf(text))
    (tmp_path / "a.txt").write_text(text, encoding="utf-8-sig")
    from_text = reader.read_gold(tmp_path / "a.txt")
    assert [row | {"file": "a.txt"} for row in reader.read_gold(tmp_path / "a.pdf")] == from_text


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("a.pdf", b"%PDF-1.4 secret", "not a PDF"),
        ("a.pdf", pdf(""), "no text"),
        ("a.txt", b" \n\n", "no text"),
        ("a.txt", b"secret \xff\xfe", "not UTF-8"),
        ("a.doc", b"secret", "neither"),
        ("gone.txt", None, "cannot be opened"),
    ],
)
def test_unreadable_file(tmp_path: Path, name: str, data: bytes | None, rule: str) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"^{name}: .*{rule}.*; ") as error:
        reader.read_gold(path)
    assert "secret" not in str(error.value)
