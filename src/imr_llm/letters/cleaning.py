"""Clean text with a way back: every cleaned character knows where it stands in the kept text.

Letters come with hard line wraps, hyphenation ("documen-\\ntation"), ligatures, curly quotes, page breaks and, in
some sources, a blank line after every line. Rules read the cleaned text, one flowing line; evidence is cut from the
kept text at the offsets that `Cleaned.source_span` gives.

A cleaner is one named pattern with its replacement; CLEANERS applies them in order.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True)
class Cleaner:
    """One rewriting of the text. `example` is (before, after), checked by a test."""

    name: str
    pattern: re.Pattern[str]
    replacement: str
    example: tuple[str, str]


_WRAP = r"[ \t]*\r?\n(?:[ \t]*\r?\n)?[ \t]*"
_PREFIXES = ("non", "pre", "post", "self", "anti", "over", "well", "long", "short", "high", "low", "mid", "x")
_AFTER_PREFIX = "|".join(rf"(?<=\b{prefix}-)" for prefix in _PREFIXES)
_BEFORE_HYPHEN = "|".join(rf"(?<=\b{prefix})" for prefix in _PREFIXES)
_SOFT = "[\u00ad\ufffe\u0002]"

CLEANERS: tuple[Cleaner, ...] = (
    # PDFium marks a hyphen that only breaks a line with U+FFFE; some PDFs hold the soft hyphen itself.
    Cleaner("soft hyphen after a prefix", re.compile(rf"(?i:{_BEFORE_HYPHEN}){_SOFT}[ \t]*\r?\n?[ \t]*"), "-",
            ("non\ufffecertified", "non-certified")),
    Cleaner("soft hyphen at a line end", re.compile(rf"{_SOFT}[ \t]*\r?\n?[ \t]*"), "",
            ("documen\ufffe\ntation", "documentation")),
    # "documen-\ntation" is one word, "non-\ncertified" keeps its hyphen: only known prefixes do.
    Cleaner("hyphen kept before a capital or a digit", re.compile(rf"(?<=\w-){_WRAP}(?=[A-Z0-9])"), "",
            ("ODG-\nTWC", "ODG-TWC")),
    Cleaner("hyphen kept after a prefix", re.compile(rf"(?i:{_AFTER_PREFIX}){_WRAP}(?=[a-z])"), "",
            ("non-\ncertified", "non-certified")),
    Cleaner("hyphenation", re.compile(rf"(?<=[a-z])-{_WRAP}(?=[a-z])"), "",
            ("documen-\ntation", "documentation")),
    Cleaner("ligature ffi", re.compile("\ufb03"), "ffi", ("e\ufb03cacy", "efficacy")),
    Cleaner("ligature ffl", re.compile("\ufb04"), "ffl", ("mu\ufb04e", "muffle")),
    Cleaner("ligature ff", re.compile("\ufb00"), "ff", ("e\ufb00ect", "effect")),
    Cleaner("ligature fi", re.compile("\ufb01"), "fi", ("bene\ufb01t", "benefit")),
    Cleaner("ligature fl", re.compile("\ufb02"), "fl", ("\ufb02are", "flare")),
    Cleaner("single quotes", re.compile("[\u2018\u2019\u201b\u02bc\u00b4`]"), "'", ("patient\u2019s", "patient's")),
    Cleaner("double quotes", re.compile("[\u201c\u201d\u201f]"), '"', ("\u201cyes\u201d", '"yes"')),
    Cleaner("dashes", re.compile("[\u2010\u2011\u2012\u2013\u2014\u2212]"), "-", ("78\u201380", "78-80")),
    Cleaner("multiplication sign", re.compile("\u00d7"), "x", ("2 \u00d7 6", "2 x 6")),
    Cleaner("marks without meaning", re.compile("[\u00ae\u2122\u200b\u200c\u200d\ufeff]"), "", ("Norco\u00ae", "Norco")),
    Cleaner("white space", re.compile(r"[\s\u00a0\x00-\x1f]+"), " ", ("a  b\n\n\fc", "a b c")),
)  # fmt: skip


@dataclass(frozen=True)
class Cleaned:
    """Cleaned text of kept[start:end], and the map back to the kept text.

    `starts[i]` and `ends[i]` are the kept-text span of cleaned character i.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    origin: int

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """The kept-text span of cleaned[start:end]; an empty span maps to an empty span."""
        if start >= end:
            at = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else self.origin)
            return at, at
        return self.starts[start], self.ends[end - 1]

    def cleaned_span(self, start: int, end: int) -> tuple[int, int]:
        """The cleaned span that covers kept[start:end]."""
        first = bisect_right(self.ends, start)
        last = bisect_right(self.starts, end - 1) if end > start else first
        return first, max(first, last)


def clean(kept: str, start: int = 0, end: int | None = None) -> Cleaned:
    """Clean kept[start:end]: wraps, hyphenation, ligatures, quotes, page breaks; no white space at either edge."""
    end = len(kept) if end is None else end
    text = kept[start:end]
    starts = list(range(start, end))
    ends = list(range(start + 1, end + 1))
    for cleaner in CLEANERS:
        text, starts, ends = _apply(cleaner, text, starts, ends)
    lead = len(text) - len(text.lstrip())
    stop = len(text.rstrip())
    stop = max(stop, lead)
    return Cleaned(text[lead:stop], tuple(starts[lead:stop]), tuple(ends[lead:stop]), start)


def clean_text(kept: str) -> str:
    """The cleaned text alone, for values that need no way back (a title, a guideline line)."""
    return clean(kept).text


def _apply(cleaner: Cleaner, text: str, starts: list[int], ends: list[int]) -> tuple[str, list[int], list[int]]:
    """Run one cleaner, carrying the two offset lists along; a replacement spreads over the span it replaces."""
    pieces: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    at = 0
    for match in cleaner.pattern.finditer(text):
        first, last = match.span()
        pieces += [text[at:first], cleaner.replacement]
        new_starts += starts[at:first]
        new_ends += ends[at:first]
        if cleaner.replacement:
            new_starts += [starts[first]] * len(cleaner.replacement)
            new_ends += [ends[last - 1]] * len(cleaner.replacement)
        at = last
    if not pieces:
        return text, starts, ends
    pieces.append(text[at:])
    return "".join(pieces), new_starts + starts[at:], new_ends + ends[at:]
