"""The one door to the PDF reader (pypdfium2).

PDFium gives a page's lines without the blank lines between paragraphs, and in these letters only a blank line
separates a rationale from the next title. So the vertical gap between lines is measured, and a blank line put where
it is clearly more than the page's usual line spacing.
"""

from __future__ import annotations

import itertools
import statistics
import threading

import pypdfium2
import pypdfium2.raw as pdfium_c

from imr_llm.errors import DamagedInput, OversizeInput, ProtectedInput

MAX_PAGES = 300
PARAGRAPH_GAP = 1.45  # times the usual line spacing; the letters have 1.0 within and 2.0 between paragraphs

_PDFIUM = threading.Lock()  # PDFium is not thread-safe


def read_pdf(data: bytes, name: str) -> tuple[str, int]:
    """The text of a PDF, pages joined by a form feed, and its number of pages. `name` is used in errors only."""
    if b"%PDF-" not in data[:1024]:
        raise DamagedInput(f"{name}: not a PDF (no %PDF- mark at its start); check the download or the file name")
    with _PDFIUM:
        document = _open_document(data, name)
        try:
            pages = len(document)
            if pages > MAX_PAGES:
                raise OversizeInput(
                    f"{name}: {pages} pages, more than the {MAX_PAGES} a letter may have; cut out the letter's pages"
                )
            if pages == 0:
                raise DamagedInput(f"{name}: a PDF without pages; download it again")
            return "\f".join(_read_page(document, number, name) for number in range(pages)), pages
        finally:
            document.close()


def _open_document(data: bytes, name: str) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pdfium_c.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise ProtectedInput(f"{name}: the PDF asks for a password; save a copy without one") from error
        raise DamagedInput(f"{name}: damaged or truncated PDF ({error}); download it again") from error


def _read_page(document: pypdfium2.PdfDocument, number: int, name: str) -> str:
    try:
        page = document[number]
    except pypdfium2.PdfiumError as error:
        raise DamagedInput(f"{name}: page {number + 1} cannot be read ({error}); download it again") from error
    try:
        text_page = page.get_textpage()
        try:
            return _mark_paragraphs(text_page)
        finally:
            text_page.close()
    finally:
        page.close()


def _mark_paragraphs(text_page: pypdfium2.PdfTextPage) -> str:
    """The page's text with a blank line wherever the page shows one."""
    raw = text_page.get_text_range()
    lines = raw.replace("\r\n", "\n").split("\n")
    if text_page.count_chars() != len(raw):  # character numbers would not fit: leave the paragraphs unmarked
        return "\n".join(lines)
    bottoms = _line_bottoms(text_page, raw)
    gaps = [above - below for above, below in itertools.pairwise(bottoms) if above - below > 1]
    if not gaps:
        return "\n".join(lines)
    usual = statistics.median_low(sorted(gaps)[: max(1, len(gaps) * 3 // 4)])
    kept = lines[:1]
    for line, above, below in zip(lines[1:], bottoms, bottoms[1:], strict=False):
        if above - below > PARAGRAPH_GAP * usual:
            kept.append("")
        kept.append(line)
    return "\n".join(kept)


def _line_bottoms(text_page: pypdfium2.PdfTextPage, raw: str) -> list[float]:
    """For every line of `raw`, the bottom of its first visible character in points; a blank line repeats the last."""
    bottoms: list[float] = []
    at = 0
    for line in raw.split("\n"):
        stripped = line.strip()
        if stripped:
            _, bottom, _, _ = text_page.get_charbox(at + line.index(stripped[0]), loose=True)
            bottoms.append(bottom)
        else:
            bottoms.append(bottoms[-1] if bottoms else 0.0)
        at += len(line) + 1
    return bottoms
