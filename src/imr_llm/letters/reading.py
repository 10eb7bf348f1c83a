"""Letters from files: PDF, text, JSON Lines, zip archives and folders of them.

`read_letters` yields one Letter, or one Unreadable with the error, for each letter it meets; bad input never stops
the rest. Nothing is ever unpacked to disk.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath

from imr_llm.errors import (
    DamagedInput,
    EmptyInput,
    InputError,
    OversizeInput,
    ProtectedInput,
    UnsupportedInput,
)
from imr_llm.letters.letter import Letter, hash_bytes
from imr_llm.letters.pdf import read_pdf

MAX_BYTES = 64 * 1024 * 1024  # of one file or archive member
MAX_CHARACTERS = 1_000_000  # of one letter's text; the longest letters seen have 40,000
MAX_MEMBERS = 100_000  # of one archive
SUFFIXES = (".pdf", ".txt", ".zip", ".jsonl")


@dataclass(frozen=True)
class Unreadable:
    """An input that gave no letter, and why."""

    source: str
    error: InputError


def read_letters(paths: Iterable[str | Path]) -> Iterator[Letter | Unreadable]:
    """Every letter in these files and folders, in order; folders are walked in name order."""
    for path in paths:
        for file in _walk(Path(path)):
            yield from _read_file(file)


def read_text(text: str, source: str, letter_id: str | None = None) -> Letter:
    """A letter from text already in memory (a JSON Lines record, pasted text)."""
    kept = drop_running_lines(text.replace("\r\n", "\n").replace("\r", "\n"))
    _check_text(kept, source)
    return Letter(
        letter_id=letter_id or hash_bytes(text.encode("utf-8", "surrogatepass")),
        source=source,
        file=_base_name(source),
        media_type="text/plain",
        pages=kept.count("\f") + 1,
        text=kept,
    )


# "Page 2 of 5", "CM16-0000000 Page 2", "Final Determination Letter for IMR Case Number CM16-0000000 2"
_CASE = r"(?:[A-Za-z ]{0,50}\bCase\s(?:Number|No\.?)\s*:?\s*)?[A-Z]{2}\d\d-\d{4,8}"
_PAGE = r"Page\s+\d{1,3}(?:\s*(?:of|/)\s*\d{1,3})?"
_RUNNING_LINE = re.compile(
    rf"(?:(?:^|(?<=\f))[^\S\n\f]*(?:{_PAGE}|(?P<case>{_CASE})(?:[^\S\n\f]+(?:{_PAGE}|\d{{1,3}}))?)[^\S\n\f]*(?=[\n\f]|\Z))",
    re.MULTILINE,
)
_PAGE_NUMBER = re.compile(r"\A\s*(?P<top>\d{1,3})[^\S\n]*\n|\n[^\S\n]*(?P<foot>\d{1,3})\s*\Z")


def drop_running_lines(text: str) -> str:
    """The text without page numbers and without the case number repeated on later pages, a form feed in their place.

    Both would part a title from its decision, or a sentence from its other half. The first case number stays.
    """
    pages = [_drop_page_number(page, number) for number, page in enumerate(text.split("\f"), start=1)]
    text = "\f".join(pages) if len(pages) > 1 else text
    pieces, at, first = [], 0, True
    for line in _RUNNING_LINE.finditer(text):
        if line["case"] and first:
            first = False
            continue
        pieces.append(text[at : line.start()])
        at = line.end()
    if not pieces:
        return text
    kept = [piece.strip() for piece in [*pieces, text[at:]]]
    return "\f".join(piece for piece in kept if piece)


def _drop_page_number(page: str, number: int) -> str:
    """The page without a line at its top or foot that holds its own number and nothing else."""
    line = _PAGE_NUMBER.search(page)
    if line is None or int(line["top"] or line["foot"]) != number:
        return page
    return page[: line.start()] + page[line.end() :]


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.is_dir() and not child.is_symlink():
            yield from _walk(child)
        elif child.suffix.lower() in SUFFIXES:
            yield child


def _read_file(path: Path) -> Iterator[Letter | Unreadable]:
    source = str(path)
    try:
        if path.exists() and path.suffix.lower() not in SUFFIXES:
            raise UnsupportedInput(f"{source}: not a .pdf, .txt, .jsonl or .zip file; convert it or leave it out")
        data = _load(path)
    except InputError as error:
        yield Unreadable(source, error)
        return
    if path.suffix.lower() == ".zip":
        yield from _read_archive(data, source)
    else:
        yield from _read_bytes(data, source)


def _load(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise OversizeInput(f"{path}: {size:,} bytes, more than {MAX_BYTES:,}; split it")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnsupportedInput(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise DamagedInput(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _read_bytes(data: bytes, source: str) -> Iterator[Letter | Unreadable]:
    """The letter, or for JSON Lines the letters, in one file's bytes."""
    suffix = PurePosixPath(source).suffix.lower()
    if suffix == ".jsonl":
        yield from _read_json_lines(data, source)
        return
    try:
        if suffix == ".pdf":
            yield _read_pdf_letter(data, source)
        else:
            yield read_text(decode_text(data, source), source, letter_id=hash_bytes(data))
    except InputError as error:
        yield Unreadable(source, error)


def _read_pdf_letter(data: bytes, source: str) -> Letter:
    if not data:
        raise EmptyInput(f"{source}: the file is empty; download it again")
    text, pages = read_pdf(data, source)
    if not text.strip():
        raise EmptyInput(f"{source}: no text layer (scanned pages); run it through an OCR program first")
    _check_text(text, source)
    kept = drop_running_lines(text)
    return Letter(hash_bytes(data), source, _base_name(source), "application/pdf", pages, kept)


def _read_json_lines(data: bytes, source: str) -> Iterator[Letter | Unreadable]:
    try:
        lines = decode_text(data, source).split("\n")
    except InputError as error:
        yield Unreadable(source, error)
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            record = json.loads(line)
            if not isinstance(record, dict) or not isinstance(record.get("text"), str):
                raise DamagedInput(f'{where}: not an object with a string "text"; each line needs {{"text", "source"}}')
            named = record.get("source")
            yield read_text(record["text"], named if isinstance(named, str) and named else where)
        except json.JSONDecodeError as error:
            yield Unreadable(where, DamagedInput(f"{where}: not JSON ({error.msg} at column {error.colno})"))
        except InputError as error:
            yield Unreadable(where, error)


def _read_archive(data: bytes, source: str) -> Iterator[Letter | Unreadable]:
    try:
        archive = zipfile.ZipFile(BytesIO(data))
    except zipfile.BadZipFile as error:
        yield Unreadable(source, DamagedInput(f"{source}: not a zip archive, or truncated; make it again"))
        del error
        return
    with archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        if len(members) > MAX_MEMBERS:
            yield Unreadable(source, OversizeInput(f"{source}: {len(members):,} members, more than {MAX_MEMBERS:,}"))
            return
        for member in members:
            where = f"{source}!{member.filename}"
            try:
                content = _read_member(archive, member, where)
            except InputError as error:
                yield Unreadable(where, error)
            else:
                if content is not None:
                    yield from _read_bytes(content, where)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> bytes | None:
    """A member's bytes; None for a member that is no letter (a read-me, a picture)."""
    if _climbs_out(member.filename):
        raise DamagedInput(f"{where}: the archive names a path outside itself; make the archive again")
    suffix = PurePosixPath(member.filename).suffix.lower()
    if suffix == ".zip":
        raise UnsupportedInput(f"{where}: an archive inside an archive; unpack it first")
    if suffix not in SUFFIXES:
        return None
    if member.flag_bits & 0x1:
        raise ProtectedInput(f"{where}: the archive asks for a password; make it again without one")
    if member.file_size > MAX_BYTES:
        raise OversizeInput(f"{where}: {member.file_size:,} bytes unpacked, more than {MAX_BYTES:,}")
    try:
        with archive.open(member) as stream:
            content = stream.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise DamagedInput(f"{where}: damaged archive member; make the archive again") from error
    if len(content) > MAX_BYTES:
        raise OversizeInput(f"{where}: more than {MAX_BYTES:,} bytes unpacked")
    return content


def _climbs_out(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    return parts.is_absolute() or ".." in parts.parts or bool(PureWindowsPath(name).drive)


def decode_text(data: bytes, source: str) -> str:
    """Text from bytes: UTF-8, or UTF-16 with its mark. Raises EmptyInput and DamagedInput naming `source`."""
    if not data.strip():
        raise EmptyInput(f"{source}: the file is empty; download it again")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DamagedInput(
            f"{source}: not {encoding.removesuffix('-sig').upper()} text (byte {error.start}); "
            "convert it, for example with iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


def _check_text(text: str, source: str) -> None:
    if not text.strip():
        raise EmptyInput(f"{source}: no text in it; download it again")
    if len(text) > MAX_CHARACTERS:
        raise OversizeInput(f"{source}: {len(text):,} characters, more than a letter's {MAX_CHARACTERS:,}; split it")
    if text.count("\x00") > len(text) // 100 + 1:
        raise DamagedInput(f"{source}: binary data, not text; check what the file is")


def _base_name(source: str) -> str:
    return PurePosixPath(source.replace("\\", "/").split("!")[-1]).name or source
