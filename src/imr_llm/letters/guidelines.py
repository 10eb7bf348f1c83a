"""Guideline lines: what the claims administrator and the expert reviewer say they based their decision on.

A line is a row of statements:

    Decision based on MTUS <chapter> <year>[, Section(s): <names>][, and <chapter> <year>, Section(s): <names>].
    Decision based on MTUS <chapter> <topic> Page(s): 76-80.                                     (until 2015)
    ... outside of the MTUS Guidelines. Decision based on Non-MTUS Citation <source>, <chapter>, <topics>.
    ... did not cite any medical evidence for its decision.

Printed names are kept as printed; only what is printed is cited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources

from imr_llm.data import parse_yaml
from imr_llm.letters.cleaning import clean_text
from imr_llm.record import Citation, Guideline, GuidelineSource


def read_guideline(printed: str) -> Guideline:
    """Parse one guideline line, given as it stands in the kept text (after its label)."""
    text = clean_text(_join_urls(printed))
    statements = list(_STATEMENT.finditer(text))
    citations: list[Citation] = []
    for statement, following in zip(statements, [*statements[1:], None], strict=False):
        body = text[statement.end() : following.start() if following else len(text)]
        body = _OUTSIDE.sub("", body).strip()
        citations += _read_outside(body) if statement["outside"] else _read_mtus(body)
    if not statements and not _NO_EVIDENCE.search(text):
        citations += _read_free(text)
    return Guideline(text=text, cites_evidence=not _NO_EVIDENCE.search(text), citations=citations)


_STATEMENT = re.compile(
    r"Decision\s+based\s+on\s+(?:(?P<outside>Non\s?-?\s?MTUS\s+Citations?)|MTUS)\s*:?\s*", re.IGNORECASE
)
_OUTSIDE = re.compile(r"The\s+(?:Claims Administrator|Expert Reviewer)\s+based\s+(?:their|its|his/her)\s+decision\s+on\s+recommendation\(s\)\s+outside[^.]{0,60}\.?", re.IGNORECASE)  # fmt: skip
_NO_EVIDENCE = re.compile(r"(?:did|does)\s+not\s+cite\s+any\s+(?:medical\s+)?(?:evidence|guideline)", re.IGNORECASE)
_PAGES = re.compile(
    r"\(?\b(?:Page\(s\)|Pages?|pgs?\.?|pp?\.?)\s*:?\s*(?P<pages>\d{1,4}(?:\s*-\s*\d{1,4})?(?:\s*(?:,|;|and|&)\s*\d{1,4}(?:\s*-\s*\d{1,4})?(?!\w|\.\d))*)\)?\.?",
    re.IGNORECASE,
)
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_URL = re.compile(r"(?:https?://|www\.)[^\s,;()]+", re.IGNORECASE)


@dataclass(frozen=True)
class _Names:
    mtus_chapters: tuple[str, ...]
    sections_with_commas: tuple[str, ...]
    odg_chapters: tuple[str, ...]


@cache
def _names() -> _Names:
    data = parse_yaml((resources.files("imr_llm") / "data" / "guidelines.yaml").read_text(encoding="utf-8"))
    return _Names(**{key: tuple(sorted(values, key=len, reverse=True)) for key, values in data.items()})


@cache
def _chapter_pattern() -> re.Pattern[str]:
    """A known MTUS chapter or any capitalised name before a year; "Low Back Complaints 2004", "ACOEM Chapter 12 ..."."""
    known = "|".join(_loosely(name) for name in _names().mtus_chapters)
    return re.compile(
        rf"(?:^|(?:,|;|\.)?\s*(?:and\s+|&\s+)?)(?P<edition>(?:ACOEM|MTUS)[\s:,]*(?:Chapter\s+\d+\s*[:,-]?\s*)?)?"
        rf"(?:(?P<known>{known})(?:\s*,?\s*{_YEAR})?|(?P<other>[A-Z][A-Za-z&/ -]{{3,60}}?)\s+{_YEAR.replace('year', 'year2')})"
        r"(?=[\s,.;:]|$)"
    )


def _loosely(name: str) -> str:
    """The name with "&" and "and" alike, over any white space, its commas optional."""
    words = [r"(?:&|and)" if word in ("&", "and") else re.escape(word).replace(",", ",?") for word in name.split()]
    return r"\s+".join(words)


def _read_mtus(body: str) -> Iterator[Citation]:
    """The citations of one "Decision based on MTUS" statement."""
    chapters = list(_chapter_pattern().finditer(body))
    chapters = [match for index, match in enumerate(chapters) if index == 0 or _opens_citation(body, match)]
    if not chapters:
        yield _cite("MTUS", None, None, body)
        return
    for match, following in zip(chapters, [*chapters[1:], None], strict=False):
        rest = body[match.end() : following.start() if following else len(body)]
        year = match["year"] or match["year2"]
        yield _cite("MTUS", match["known"] or match["other"], int(year) if year else None, rest)


def _opens_citation(body: str, match: re.Match[str]) -> bool:
    """A further chapter counts where a year follows it, or pages ended the one before; a topic may bear its name too."""
    return bool(match["year"] or match["year2"] or _PAGES.search(body[max(0, match.start() - 30) : match.start() + 1]))


def _cite(source: GuidelineSource, chapter: str | None, year: int | None, rest: str) -> Citation:
    """A citation from what follows its chapter: sections, a topic, pages."""
    url = _URL.search(rest)
    rest = _URL.sub("", rest)
    pages = tuple(_read_pages(rest))
    rest = _PAGES.sub("", rest)
    rest = re.sub(r"^[\s,.:;)-]*(?:Section\(?s?\)?\s*:)?\s*", "", rest, flags=re.IGNORECASE)
    return Citation(
        source=source,
        chapter=" ".join(chapter.split()) if chapter else None,
        year=year,
        sections=_split_sections(rest),
        pages=list(pages),
        url=url.group().rstrip(".") if url else None,
    )


def _read_pages(text: str) -> Iterator[tuple[int, int]]:
    for printed in _PAGES.finditer(text):
        for first, last in re.findall(r"(\d{1,4})(?:\s*-\s*(\d{1,4}))?", printed["pages"]):
            start, end = int(first), int(last or first)
            if end < start:  # "110-4" is short for 110-114, and "76-8" for 76-78
                end = int(first[: len(first) - len(last)] + last)
            if start <= end:
                yield start, end


def _split_sections(text: str) -> list[str]:
    """Section names at commas that separate them; a numbered list only at its numbers."""
    text = text.strip(" .,;:")
    if not text:
        return []
    protected, names = _protect_names(text)
    if re.match(r"\d+(?:\.\d+)*\.?\s+[A-Z]", protected):
        parts = re.split(r",\s+(?=\d+(?:\.\d+)*\.?\s+[A-Z])", protected)
    else:
        parts = _split_outside_brackets(protected)
    restored = (re.sub(r"\x00(\d+)\x00", lambda mark: names[int(mark[1])], part) for part in parts)
    return [section for section in (part.strip(" .,;:") for part in restored) if not _FILLER.fullmatch(section)]


_FILLER = re.compile(r"(?:and|the|and the|or|guidelines?|treatment guidelines?|chapters?)?", re.IGNORECASE)


def _protect_names(text: str) -> tuple[str, list[str]]:
    names: list[str] = []

    def protect(match: re.Match[str]) -> str:
        names.append(match.group())
        return f"\x00{len(names) - 1}\x00"

    for name in _names().sections_with_commas:
        text = re.sub(_loosely(name), protect, text, flags=re.IGNORECASE)
    return text, names


def _split_outside_brackets(text: str) -> list[str]:
    """At ", " before a capital, a digit or a protected name, and at ";", outside brackets."""
    parts, depth, start = [], 0, 0
    for index, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]" and depth > 0)
        separates = letter == ";" or (letter == "," and re.match(r",\s*(?:and\s+)?[A-Z0-9\x00]", text[index:]))
        if depth == 0 and separates:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


# ------------------------------------------------------------------------------------------------- outside the MTUS

_ODG = re.compile(r"(?:Work\s+Loss\s+Data\s+Institute,?\s*)?(?:Official\s+Disability\s+Guidelines?(?:\s*[-,]?\s*(?:Treatment in Workers'? Comp(?:ensation)?|TWC))?(?:\s*\(ODG\))?|\bODG\b(?:[ -]TWC)?)", re.IGNORECASE)  # fmt: skip
_ACOEM = re.compile(r"(?:American\s+College\s+of\s+Occupational\s+and\s+Environmental\s+Medicine\s*)?\(?\bACOEM\b\)?", re.IGNORECASE)  # fmt: skip
_ACOEM_TITLE = re.compile(r"\s*\(?(?:Occupational Medicine\s*)?(?:Practice\s*)?(?:Guidelines?)?\)?\s*,?\s*(?:\(?\d(?:st|nd|rd|th)\s+ed(?:ition)?\b\.?\)?)?\s*,?", re.IGNORECASE)  # fmt: skip
_ANOTHER = re.compile(r"\s*(?:,?\s*and)?\s*Other\s+Medical\s+Treatment\s+Guidelines?(?:\s+or\s+Medical\s+Evidence)?\s*:?\s*", re.IGNORECASE)  # fmt: skip


def _read_outside(body: str) -> Iterator[Citation]:
    """The citations of one "Non-MTUS Citation" statement: ODG, ACOEM's own editions, web pages, anything else."""
    for part in _ANOTHER.split(body):
        for piece in _split_sources(part.strip()):
            if piece.strip(" .,;"):
                yield from _read_source(piece)


def _split_sources(text: str) -> Iterator[str]:
    """Each named source, or each web address where nothing else is named, opens a citation."""
    marks = sorted({match.start() for pattern in (_ODG, _ACOEM) for match in pattern.finditer(text)})
    marks = [mark for index, mark in enumerate(marks) if index == 0 or _names_anew(text, marks[index - 1], mark)]
    if not marks and len(_URL.findall(text)) > 1:
        marks = [match.start() for match in _URL.finditer(text)]
    starts = marks if marks and not text[: marks[0]].strip(" ,.;:") else [0, *marks[1:]]
    yield from (text[start:end].strip(" ,;") for start, end in zip(starts, [*starts[1:], len(text)], strict=True))


def _names_anew(text: str, before: int, at: int) -> bool:
    """ "ODG ... and ODG Preface" is the same source in one list; only another source opens a citation."""
    return bool(_ODG.match(text, before)) != bool(_ODG.match(text, at))


def _read_source(text: str) -> Iterator[Citation]:
    odg = _ODG.search(text)
    if odg:
        before = text[: odg.start()].strip(" ,")
        first, *others = _split_chapters(text[odg.end() :])
        chapter, printed_year, rest = _read_odg_chapter(first)
        yield _cite("ODG", chapter, printed_year, f"{before}, {rest}" if before else rest)
        for other in others:
            chapter, printed_year, rest = _read_odg_chapter(other)
            yield _cite("ODG", chapter, printed_year, rest)
        return
    acoem = _ACOEM.search(text)
    year = re.search(rf"\b{_YEAR}\b", text)
    if acoem:
        chapter, _, rest = _read_odg_chapter(_ACOEM_TITLE.sub("", text[acoem.end() :], count=1))
        yield _cite("ACOEM", chapter, int(year["year"]) if year else None, rest)
    else:
        yield _cite("other", None, int(year["year"]) if year else None, text)


def _split_chapters(text: str) -> list[str]:
    """ "Low back, Manipulation; Neck and Upper back, Manipulation" cites two chapters."""
    first, *others = text.split(";")
    chapters = [first]
    for piece in others:
        if _read_odg_chapter(piece)[0]:
            chapters.append(piece)
        else:
            chapters[-1] += f";{piece}"
    return chapters


def _read_odg_chapter(text: str) -> tuple[str | None, int | None, str]:
    """(chapter, year, rest) of what follows "Official Disability Guidelines (ODG)"."""
    known = "|".join(_loosely(name) for name in _names().odg_chapters)
    qualifier = (
        r"(?:\s*(?:Chapter|section|Disorders|Treatment in Workers Comp)\b|\s*[-,]?\s*Lumbar\s+(?:&|and)\s+Thoracic\b"
        r"|\s*\((?:Acute|Chronic|updated|Online|trauma|web|Lumbar|Thoracic)[^)]{0,90}\)|\s*\(?\d{1,2}/\d{1,2}/\d{2,4}\)?)"
    )
    lead = re.match(
        rf"^[\s,:;(/-]*(?:{_YEAR}\b[\s,]*)?(?:\(?(?:Web|Online)\s+Version\)?[\s,]*)?(?:Chapters?\s*:?\s*)?",
        text,
        re.IGNORECASE,
    )
    assert lead is not None  # every part of the pattern is optional
    year = int(lead["year"]) if lead["year"] else None
    chapter = re.compile(rf"(?P<name>{known})(?P<more>{qualifier}*)(?=[\s,.:;()/-]|$)", re.IGNORECASE).match(
        text, lead.end()
    )
    if chapter is None:
        return None, year, text[lead.end() :]
    rest = re.sub(r"^[\s,.:;/-]*", "", text[chapter.end() :])
    if rest.startswith("(") and rest.rstrip(" .").endswith(")") and rest.count("(") >= 1:
        rest = rest.rstrip(" .")[1:-1] if _closes_at_end(rest.rstrip(" .")) else rest
    return chapter["name"], year, rest


def _closes_at_end(text: str) -> bool:
    """Does the bracket that opens the text close at its very end?"""
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return index == len(text) - 1
    return False


# ----------------------------------------------------------------------------------------------- sentences of 2013


def _read_free(text: str) -> Iterator[Citation]:
    """ "The Claims Administrator based its decision on the Chronic Pain Medical Treatment Guidelines, pages 79-81, part
    of the MTUS": each document that is named, with the pages up to the next."""
    known = "|".join(_loosely(name) for name in _names().mtus_chapters)
    documents = re.compile(rf"(?P<mtus>(?:{known}))|(?P<odg>{_ODG.pattern})|(?P<acoem>{_ACOEM.pattern})", re.IGNORECASE)
    found = list(documents.finditer(text))
    for match, following in zip(found, [*found[1:], None], strict=False):
        rest = text[match.end() : following.start() if following else len(text)]
        year = re.match(rf"\s*,?\s*\(?{_YEAR}\)?", rest)
        if match["mtus"]:
            yield _bare("MTUS", match["mtus"], year, rest)
        elif match["odg"]:
            chapter, _, _ = _read_odg_chapter(rest)
            yield _bare("ODG", chapter, year, rest)
        elif following is None or not following["mtus"]:
            chapter, _, _ = _read_odg_chapter(rest)
            yield _bare("ACOEM", chapter, year, rest)


def _bare(source: GuidelineSource, chapter: str | None, year: re.Match[str] | None, rest: str) -> Citation:
    """A citation in running prose: "(2009), Opioids, criteria for use, pages 76-80, which is part of the MTUS"."""
    url = _URL.search(rest)
    topic = _TOPIC.match(rest, year.end() if year else 0)
    return Citation(
        source=source,
        chapter=" ".join(chapter.split()) if chapter else None,
        year=int(year["year"]) if year else None,
        sections=_split_sections(topic["topic"]) if topic else [],
        pages=list(_read_pages(rest)),
        url=url.group().rstrip(".") if url else None,
    )


# what stands between a document's name and its pages, or the end of the sentence
_TOPIC = re.compile(
    r"\)?\s*[,:]\s*(?:Sections?\s*:?\s*(?:on\s+)?)?(?P<topic>(?!which|part\b|and\b|because|pages?\b|pgs?\b)[A-Z][^.;]{2,120}?)\s*"
    r"(?=,?\s*\(?(?:pages?|pgs?|pp?)\b\.?|,?\s*(?:which|part\s+of|because|and\s+(?:on|the|by))\b|[.;]|$)"
)


def _join_urls(printed: str) -> str:
    """A web address broken over lines made whole: its hyphen at the line end is its own (PDFium gives U+FFFE)."""
    return re.sub(
        r"(?:https?://|www\.)\S+(?:\n\S*[/._-]\S+)*",
        lambda match: match.group().replace("\ufffe", "-").replace("\n", ""),
        printed,
    )
