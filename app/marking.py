"""Letter text as safe HTML, with pieces of it marked by their offsets.

Letters are untrusted: every piece is escaped first, and a mark is placed by cutting the text at the mark's offsets,
never by looking for words. Escaping and marking therefore cannot disturb each other.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# A line of this many characters or more was broken by the page's width, not by its writer.
LONG_LINE = 58

# Stands for a character that is not to be shown. Kept texts may hold it too, and it is invisible there as well.
_HIDDEN = "\u200b"
_HYPHEN_AT_LINE_END = re.compile(r"[\u00ad\ufffe\u0002][ \t]*\n?")
_LINE_BREAKS = re.compile(r"[ \t]*[\n\f][\n\f \t]*")
# A line that begins like this begins a part of the letter, however long the line before it was.
_PART_BEGINS = re.compile(
    r"(?:[A-Z][A-Z ,]{12,80}$|(?:Claims Administrator|MAXIMUS) guideline\b|Decision rationale\b"
    r"|Case Number:|Date Assigned:|Decision Date:|Priority:|State\(s\) of|Certification\(s\)|The Expert Reviewer"
    r"|[^:\n]{3,160}: {1,3}(?:Upheld|Overturned)\b)",
    re.MULTILINE,
)
# What a letter's form prints in front of what was written: "Decision rationale:", a heading, an item's decision line.
_LEAD_IN = re.compile(
    r"^[ \t]*(?P<words>[A-Z][A-Z ,]{12,80}$|(?:Claims Administrator|MAXIMUS) guideline: ?|Decision rationale: ?"
    r"|[^:\n]{3,160}: {1,3}(?:Upheld|Overturned)\b)",
    re.MULTILINE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Mark:
    """A piece of the text to mark: [start, end) in the text's own offsets; `kind` is the style, `label` says why."""

    start: int
    end: int
    kind: str
    label: str = ""


def mark_text(text: str, marks: Sequence[Mark], start: int = 0, end: int | None = None) -> str:
    """text[start:end] as HTML, with every mark that touches it. Marks may overlap; `text` may be a `reflow` of it.

    A mark is cut where another begins or ends, so the pieces never nest; its label stands after its last piece.
    """
    end = len(text) if end is None else min(end, len(text))
    inside = [mark for mark in marks if mark.start < end and mark.end > start and mark.start < mark.end]
    edges = {start, end} | {min(max(edge, start), end) for mark in inside for edge in (mark.start, mark.end)}
    cuts = sorted(edges)
    return "".join(_show_piece(text, first, last, inside) for first, last in pairwise(cuts))


def escape_text(text: str) -> str:
    """A piece of a letter as HTML text: escaped, without the characters that would not print or would reorder it."""
    shown = _UNPRINTABLE.sub("\ufffd", text.replace(_HIDDEN, "")).replace("\f", " ")
    return html.escape(shown, quote=True)


def reflow(text: str) -> str:
    """The text with its page-width line breaks turned to spaces; same length, so that offsets stay true.

    "…denied because of\\nmissing records" reads on as one line; a break after a short line, and a blank line in a
    text that does not have one after every line, stays. A hyphen that only breaks a line is hidden with its break.
    """
    double_spaced = _is_double_spaced(text)
    joined = _HYPHEN_AT_LINE_END.sub(lambda hyphen: _HIDDEN * len(hyphen.group()), text)
    characters = list(joined)
    for gap in _LINE_BREAKS.finditer(joined):
        first, last = gap.span()
        if _is_soft(text, first, last, double_spaced=double_spaced):
            shown = " "
        else:
            shown = "\n\n" if text.count("\n", first, last) > (2 if double_spaced else 1) else "\n"
        characters[first:last] = shown[: last - first] + _HIDDEN * (last - first - len(shown))
    return "".join(characters)


def find_lead_ins(text: str) -> list[Mark]:
    """The headings of a `reflow`ed letter's form, as marks of the kind "lead": set bold, to find one's way."""
    return [Mark(*match.span("words"), "lead") for match in _LEAD_IN.finditer(text.replace(_HIDDEN, " "))]


def quote_in_context(text: str, start: int, end: int, *, kind: str, label: str = "", around: int = 110) -> str:
    """text[start:end] marked, with up to `around` characters of its neighbourhood on either side, cut at words."""
    first, last = _word_start(text, start, around), _word_end(text, end, around)
    lead = "" if first == 0 else "… "
    tail = "" if last == len(text) else " …"
    return lead + mark_text(text, [Mark(start, end, kind, label)], first, last) + tail


def _show_piece(text: str, first: int, last: int, marks: Sequence[Mark]) -> str:
    piece = escape_text(text[first:last])
    active = [mark for mark in marks if mark.start <= first and mark.end >= last]
    if not active:
        return piece
    if all(mark.kind == "lead" for mark in active):
        return f'<b class="imr-heading">{piece}</b>' if piece.isupper() else f"<b>{piece}</b>"
    kinds = " ".join(dict.fromkeys(f"imr-mark-{html.escape(mark.kind, quote=True)}" for mark in active))
    ending = "; ".join(dict.fromkeys(mark.label for mark in active if mark.end == last and mark.label))
    why = "; ".join(dict.fromkeys(mark.label for mark in active if mark.label))
    title = f' title="{html.escape(why, quote=True)}"' if why else ""
    label = f' data-label="{html.escape(ending, quote=True)}"' if ending else ""
    return f'<mark class="imr-mark {kinds}"{title}{label}>{piece}</mark>'


def _is_double_spaced(text: str) -> bool:
    """Some sources have an empty line after every line."""
    lines = text.split("\n")
    full = sum(1 for line in lines if line.strip())
    empty_after = sum(1 for line, after in pairwise(lines) if line.strip() and not after.strip())
    return full > 3 and empty_after > 0.8 * full


def _is_soft(text: str, start: int, end: int, *, double_spaced: bool) -> bool:
    line_start = max(text.rfind("\n", 0, start), text.rfind("\f", 0, start)) + 1
    long_before = start - line_start >= LONG_LINE
    allowed = 2 if double_spaced else 1
    if not long_before or end >= len(text) or text.count("\n", start, end) > allowed:
        return False
    return _PART_BEGINS.match(text, end) is None


def _word_start(text: str, start: int, around: int) -> int:
    if start <= around:
        return 0
    space = text.find(" ", start - around, start)
    return space + 1 if space >= 0 else start


def _word_end(text: str, end: int, around: int) -> int:
    if end + around >= len(text):
        return len(text)
    space = text.rfind(" ", end, end + around)
    return space if space >= 0 else end
