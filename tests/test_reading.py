"""Reading: every kind of input, and one clear error for each kind of bad one while the rest goes on."""

import io
import json
import zipfile
from pathlib import Path

import pypdf
import pytest

from imr_llm.letters import reading
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import Unreadable, drop_running_lines, read_letters, read_text

SAMPLES = Path(__file__).parents[1] / "samples" / "letters"
A_PDF = SAMPLES / "knee_arthroscopy_overturned.pdf"


def read_one(path: Path) -> Letter | Unreadable:
    (item,) = read_letters([path])
    return item


def fails_with(path: Path, code: str, *words: str) -> None:
    item = read_one(path)
    assert isinstance(item, Unreadable), item
    assert item.error.code == code
    for word in (path.name, *words):
        assert word in str(item.error)


def test_a_pdf_has_its_pages_joined_and_its_paragraphs_marked() -> None:
    letter = read_one(A_PDF)
    assert isinstance(letter, Letter)
    assert letter.media_type == "application/pdf"
    assert letter.pages == letter.text.count("\f") + 1 > 1
    assert "\n\nMAXIMUS guideline:" in letter.text
    assert "\r" not in letter.text
    assert read_one(A_PDF) == letter


def test_a_text_is_kept_but_for_its_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_bytes(b"\xef\xbb\xbfNorco:  Upheld\r\n\r\n second\rthird\f4")
    letter = read_one(file)
    assert isinstance(letter, Letter)
    assert letter.text == "Norco:  Upheld\n\n second\nthird\f4"
    assert letter.pages == 2
    assert len(letter.letter_id) == 64


def test_utf16_with_its_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Norco: Upheld \u2013 done", encoding="utf-16")
    letter = read_one(file)
    assert isinstance(letter, Letter)
    assert letter.text == "Norco: Upheld \u2013 done"


@pytest.mark.parametrize(
    ("name", "content", "code", "word"),
    [
        ("a.pdf", b"<html>not found</html>", "damaged_input", "not a PDF"),
        ("b.pdf", b"", "no_text", "empty"),
        ("c.txt", b"", "no_text", "empty"),
        ("d.txt", b" \n\n ", "no_text", "empty"),
        ("e.txt", "caf\u00e9 Norco".encode("latin-1"), "damaged_input", "iconv"),
        ("f.txt", b"\x00\x01\x00" * 500, "damaged_input", "binary"),
        ("g.zip", b"PK not really", "damaged_input", "zip"),
        ("h.docx", b"PK", "unsupported_input", "convert"),
        ("i.jsonl", b"{not json}\n", "damaged_input", "JSON"),
        ("j.jsonl", b'{"source": "x"}\n', "damaged_input", '"text"'),
    ],
)
def test_bad_files_have_one_clear_error(tmp_path: Path, name: str, content: bytes, code: str, word: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    fails_with(file, code, word)


def test_a_truncated_pdf_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "cut.pdf"
    file.write_bytes(A_PDF.read_bytes()[:700])
    fails_with(file, "damaged_input", "truncated")


def make_pdf(pages: int, password: str | None = None) -> bytes:
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(width=100, height=100)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("pages", "password", "code", "word"),
    [
        (1, None, "no_text", "OCR"),
        (1, "secret", "password_protected", "password"),
        (301, None, "too_large", "301 pages"),
    ],
)
def test_pdfs_without_text_with_a_password_or_too_long(
    tmp_path: Path, pages: int, password: str | None, code: str, word: str
) -> None:
    file = tmp_path / "made.pdf"
    file.write_bytes(make_pdf(pages, password))
    fails_with(file, code, word)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    fails_with(tmp_path / "nowhere.txt", "unsupported_input", "no such file")


def test_an_oversize_file_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    file = tmp_path / "big.txt"
    file.write_text("Norco is not a short word")
    fails_with(file, "too_large", "split")


def test_an_oversize_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CHARACTERS", 10)
    with pytest.raises(reading.OversizeInput, match="pasted"):
        read_text("much more than ten", "pasted")


def test_a_folder_is_walked_in_order_and_other_files_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c.txt", "b/a.TXT", "a.txt", "notes.md", "picture.png"):
        (tmp_path / name).write_text(f"letter {name}")
    assert [Path(item.source).name for item in read_letters([tmp_path])] == ["a.txt", "a.TXT", "c.txt"]


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_archive_gives_its_letters_and_an_error_for_each_bad_member(tmp_path: Path) -> None:
    archive = make_zip(
        tmp_path / "letters.zip",
        {
            "in/one.txt": b"the first letter",
            "../climbs.txt": b"out",
            "/root.txt": b"out",
            "C:\\windows.txt": b"out",
            "inner.zip": b"PK",
            "readme.md": b"no letter",
            "two.pdf": A_PDF.read_bytes(),
            "bad.pdf": b"no pdf",
        },
    )
    items = list(read_letters([archive]))
    letters = [item for item in items if isinstance(item, Letter)]
    errors = {item.source.split("!")[1]: item.error.code for item in items if isinstance(item, Unreadable)}
    assert [letter.file for letter in letters] == ["one.txt", "two.pdf"]
    assert letters[0].source == f"{archive}!in/one.txt"
    assert errors == {
        "../climbs.txt": "damaged_input",
        "/root.txt": "damaged_input",
        "C:\\windows.txt": "damaged_input",
        "inner.zip": "unsupported_input",
        "bad.pdf": "damaged_input",
    }
    assert not (tmp_path.parent / "climbs.txt").exists()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.txt", b"0" * 200_000)
    monkeypatch.setattr(reading, "MAX_BYTES", 100_000)
    (item,) = read_letters([tmp_path / "bomb.zip"])
    assert isinstance(item, Unreadable)
    assert item.error.code == "too_large"


def test_json_lines_give_a_letter_a_line_and_name_bad_lines(tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    rows = [
        json.dumps({"text": "letter one", "source": "https://example.org/1.pdf"}),
        "",
        "[1]",
        json.dumps({"text": "two"}),
    ]
    file.write_text("\n".join(rows))
    items = list(read_letters([file]))
    assert [item.source for item in items] == ["https://example.org/1.pdf", f"{file}:3", f"{file}:4"]
    assert isinstance(items[1], Unreadable)
    assert isinstance(items[0], Letter)
    assert items[0].file == "1.pdf"


def test_bad_input_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"nothing")
    (tmp_path / "b.txt").write_text("a letter")
    assert [type(item) for item in read_letters([tmp_path])] == [Unreadable, Letter]


def test_the_same_bytes_have_the_same_id_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a letter")
    (tmp_path / "b.txt").write_text("a letter")
    first, second = read_letters([tmp_path])
    assert isinstance(first, Letter)
    assert isinstance(second, Letter)
    assert first.letter_id == second.letter_id


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Brace:\n\nPage 1 of 2\n\fUpheld\nPage 2 of 2", "Brace:\fUpheld"),
        ("Brace:\nPage 1 of 2\nUpheld", "Brace:\fUpheld"),
        (
            "Case Number: CM16-0999999\nBrace:\fCase Number: CM16-0999999\nUpheld",
            "Case Number: CM16-0999999\nBrace:\fUpheld",
        ),
        (
            "CM16-0999999\nBrace:\nFinal Letter for IMR Case Number CM16-0999999 2\nUpheld",
            "CM16-0999999\nBrace:\fUpheld",
        ),
        ("Brace:\n1\fUpheld\n2", "Brace:\fUpheld"),
        ("See page 2 of 5.\n76\fUpheld", "See page 2 of 5.\n76\fUpheld"),
        ("Refills:\n1", "Refills:\n1"),
    ],
)
def test_page_numbers_and_the_repeated_case_number_are_not_kept(text: str, kept: str) -> None:
    assert drop_running_lines(text) == kept
