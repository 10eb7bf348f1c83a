"""Where everything stands in a letter: header, reviewer, summary, and each determination's parts.

All spans are offsets into the kept text. Five layouts are read; a letter of no known layout gives layout "unknown"
and no determinations. Sample lines of each layout stand beside its patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imr_llm.letters.cleaning import clean_text
from imr_llm.record import Decision, Layout


@dataclass(frozen=True)
class Section:
    """A half-open span of the kept text."""

    start: int
    end: int

    def cut(self, text: str) -> str:
        """The kept text of this span."""
        return text[self.start : self.end]


@dataclass(frozen=True)
class DeterminationSection:
    """One disputed item. `printed` is the decision as printed; a missing part is None."""

    title: Section
    decision: Decision
    printed: Section
    claims_administrator: Section | None = None
    maximus: Section | None = None
    rationale: Section | None = None


@dataclass(frozen=True)
class Sections:
    """The letter's structure; `header` reaches to the first heading."""

    layout: Layout
    header: Section
    reviewer: Section | None
    summary: Section | None
    determinations: tuple[DeterminationSection, ...]


def read_sections(text: str) -> Sections:
    """Find the layout and every section of a letter's kept text."""
    layout = find_layout(text)
    if layout in ("standard", "standard_prose_reviewer"):
        return _read_standard(text, layout)
    if layout == "unknown":
        return Sections("unknown", Section(0, len(text)), None, None, ())
    return _read_labelled(text, layout)


def find_layout(text: str) -> Layout:
    """Which of the known layouts this letter has, by its headings and labels."""
    if _DECISIONS_HEADING.search(text) or len(_ANCHOR.findall(text)) > 0:
        if not _LICENSURE.search(text) and _PROSE_REVIEWER.search(text):
            return "standard_prose_reviewer"
        return "standard"
    if _PROFESSIONAL_HEADING.search(text):
        return "professional_review"
    if _DOCUMENTS_HEADING.search(text) and _DECISIONS_2013_HEADING.search(text):
        return "documents_reviewed_2013"
    if _NOTICE_HEADING.search(text) or _DETERMINED.search(text):
        return "notice_2013"
    return "unknown"


# ------------------------------------------------------------------------------------------------ standard (2014+)


def _spaced(words: str) -> str:
    """A pattern for these words over any white space, line ends and page breaks too."""
    return r"\s+".join(re.escape(word) for word in words.split())


_LINE = r"(?:^|(?<=\f))[ \t]*"  # a label opens a line or a page
_HOW_HEADING = re.compile(_spaced("HOW THE IMR FINAL DETERMINATION WAS MADE"))
_SUMMARY_HEADING = re.compile(r"CLINICAL\s+CASE\s+SUMMARY\s*:?")
_DECISIONS_HEADING = re.compile(r"IMR\s+ISSUES\s*,\s*DECISIONS\s+AND\s+RATIONALES?")
_SET_FORTH = re.compile(
    r"\s*(?:The\s+Final\s+Determination\s+was\s+based\s+on\b[^:]{0,160}|[^:]{0,160}set\s+forth\s+below\s*):"
)
# "The expert reviewer developed the following clinical case summary ..., including all medical records:"
_SUMMARY_LEAD = re.compile(
    r"\s*The\s+(?:expert|physician)\s+reviewer\s+developed\s+the\s+following\s[^:]{0,200}:", re.IGNORECASE
)
_LICENSURE = re.compile(r"State\(?s?\)?\s+of\s+Licensure\s*:", re.IGNORECASE)
_PROSE_REVIEWER = re.compile(r"(?:Board\s+Certified\s+in|licensed\s+to\s+practice\s+in)\s", re.IGNORECASE)

_CLAIMS_LABEL = r"Claims\s+Administrator(?:'s|\u2019s)?\s+guidelines?\s*:"
_MAXIMUS_LABEL = r"MAXIMUS\s+guidelines?\s*:"
_RATIONALE_LABEL = r"Decision\s+rationale\s*:"
_DECISION_WORD = r"(?:Partially\s+(?:Overturned|Upheld)|Upheld\s+in\s+part|Overturned\s+in\s+part|Upheld|Overturned|Modified|Withdrawn)"
# "Norco 10/325mg #120: Upheld" and, after blank lines, "Claims Administrator guideline:"
_ANCHOR = re.compile(
    rf"(?<![A-Za-z])(?P<decision>{_DECISION_WORD})[ \t.]*\s+(?={_CLAIMS_LABEL}|{_MAXIMUS_LABEL}|{_RATIONALE_LABEL})",
    re.IGNORECASE,
)
_ITEM_LABEL = re.compile(
    rf"{_LINE}(?:(?P<claims>{_CLAIMS_LABEL})|(?P<maximus>{_MAXIMUS_LABEL})|(?P<rationale>{_RATIONALE_LABEL}))",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING = re.compile(rf"{_LINE}(?:Disclaimer\s*:|Dated\s*:|cc\s*:|/JR\b)", re.MULTILINE)


def _read_standard(text: str, layout: Layout) -> Sections:
    summary_heading = _SUMMARY_HEADING.search(text)
    decisions_heading = _DECISIONS_HEADING.search(text, summary_heading.end() if summary_heading else 0)
    how_heading = _HOW_HEADING.search(text)
    decisions_start = decisions_heading.end() if decisions_heading else (summary_heading or _START.search(text)).end()  # type: ignore[union-attr]
    first = next((h for h in (how_heading, summary_heading, decisions_heading) if h), None)
    header = Section(0, first.start() if first else 0)
    reviewer_start = how_heading.start() if how_heading else header.end
    reviewer_end = summary_heading.start() if summary_heading else decisions_start
    summary = None
    if summary_heading:
        summary_end = decisions_heading.start() if decisions_heading else summary_heading.end()
        lead = _SUMMARY_LEAD.match(text, summary_heading.end(), summary_end)
        summary = _trim(text, lead.end() if lead else summary_heading.end(), summary_end)
    return Sections(
        layout,
        header,
        Section(reviewer_start, reviewer_end) if reviewer_end > reviewer_start else None,
        summary,
        tuple(_read_items(text, decisions_start)),
    )


_START = re.compile(r"\A")


def _read_items(text: str, start: int) -> Iterator[DeterminationSection]:
    """Every determination after `start`: decision anchors first, then titles backwards, then the parts between."""
    anchors = list(_ANCHOR.finditer(text, start))
    opens: list[int] = []  # where each determination begins, its number included
    for index, anchor in enumerate(anchors):
        if index == 0:
            lead = _SET_FORTH.match(text, start, anchor.start())
            opens.append(lead.end() if lead else start)
        else:
            rationale_start = _rationale_start(text, anchors[index - 1].end(), anchor.start())
            opens.append(_title_start(text, rationale_start, anchor.start()))
    for index, anchor in enumerate(anchors):
        end = opens[index + 1] if index + 1 < len(anchors) else _closing_start(text, anchor.end())
        yield _read_item(text, _trim_title(text, opens[index], anchor.start()), anchor, end)


def _read_item(text: str, title: Section, anchor: re.Match[str], end: int) -> DeterminationSection:
    labels: list[re.Match[str]] = []
    for label in _ITEM_LABEL.finditer(text, anchor.end(), end):
        if label.lastgroup not in {seen.lastgroup for seen in labels}:
            labels.append(label)
        if label.lastgroup == "rationale":
            break  # a rationale may quote the other labels
    parts: dict[str, Section] = {}
    for label, following in zip(labels, [*labels[1:], None], strict=False):
        parts[str(label.lastgroup)] = _trim(text, label.end(), following.start() if following else end)
    return DeterminationSection(
        title,
        read_decision(anchor["decision"]),
        Section(*anchor.span("decision")),
        parts.get("claims"),
        parts.get("maximus"),
        parts.get("rationale"),
    )


def read_decision(printed: str) -> Decision:
    """The decision that a printed word or sentence states; "other" where it states none of the three."""
    words = clean_text(printed).lower()
    if "partial" in words or "in part" in words or words.startswith("modified"):
        return "partially_overturned"
    if "upheld" in words:
        return "upheld"
    if "overturned" in words:
        return "overturned"
    return "other"


def _rationale_start(text: str, start: int, end: int) -> int:
    label = re.compile(_RATIONALE_LABEL, re.IGNORECASE).search(text, start, end)
    return label.end() if label else start


# A rationale's last words where its full stop is missing: "... is not medically necessary"
_VERDICT_END = re.compile(
    r"(?:necessary|appropriate|certified|recommended|warranted|indicated|established|supported|authorized|overturned"
    r"|upheld|approved|denied|met)\s*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]\u201d\u2019]*\s*$")
# The second and third sentence of a partly authorised request's title, which a page break may cut off from the first.
_TITLE_CONTINUES = re.compile(
    r"\s*(?:[^.]{0,250}\bwas\s+authorized\s+by\b|The\s+remaining\s+IMR|The\s+original\s+request\s*,)", re.IGNORECASE
)
_TITLE_OPENS = re.compile(r"\bw(?:as|ere)\s+the\s+original\s+request\b|\bwas\s+authorized\s+by\b", re.IGNORECASE)


def _title_start(text: str, start: int, end: int) -> int:
    """Where the title that ends at `end` begins: after the last real paragraph break, page breaks seen through."""
    breaks = _paragraph_breaks(text, start, end)
    while breaks:
        at = breaks.pop()
        if not _is_inside_title(text, breaks[-1] if breaks else start, at, end):
            return at
    return _line_after_sentence(text, start, end)


def _paragraph_breaks(text: str, start: int, end: int) -> list[int]:
    """Where paragraphs begin between start and end: after blank lines (three line ends where lines are doubled), or a page."""
    pattern = _DOUBLED_BREAK if _is_doubled(text) else _BREAK
    return [match.end() for match in pattern.finditer(text, start, end) if text[match.end() : end].strip(" :\n\t\f")]


_BREAK = re.compile(r"[ \t]*\n[ \t]*\n\s*|[ \t\n]*\f\s*")
_DOUBLED_BREAK = re.compile(r"[ \t]*\n[ \t]*\n[ \t]*\n\s*|[ \t\n]*\f\s*")


def _is_doubled(text: str) -> bool:
    """Does a blank line follow nearly every line?"""
    lines = [line.strip() for line in text.strip().split("\n")]
    filled = [index for index, line in enumerate(lines[:-1]) if line]
    followed = sum(1 for index in filled if not lines[index + 1])
    return len(filled) > 5 and followed > 0.9 * len(filled)


def _is_inside_title(text: str, before: int, at: int, end: int) -> bool:
    """Is the break at `at` a page break within the title, rather than the end of the rationale before it?"""
    above = text[before:at]
    if _TITLE_CONTINUES.match(text, at, end) and _TITLE_OPENS.search(above[-500:]):
        return True
    if "\f" not in text[at - 8 : at] and text[max(0, at - 8) : at].count("\n") < 4:
        return False  # an ordinary blank line
    return not _SENTENCE_END.search(above) and not _VERDICT_END.search(above.rstrip())


def _line_after_sentence(text: str, start: int, end: int) -> int:
    """For text without blank lines: the title's first line follows the last line that ends a sentence."""
    at = start
    for match in re.finditer(r"[.!?][\"')\]\u201d\u2019]*[ \t]*\n\s*", text[start:end]):
        rest = text[start + match.end() : end]
        if rest.strip(" :\n\t\f") and not _TITLE_CONTINUES.match(rest):
            at = start + match.end()
    return at


def _closing_start(text: str, start: int) -> int:
    closing = _CLOSING.search(text, start)
    return closing.start() if closing else len(text)


# --------------------------------------------------------------------------------- the three labelled layouts of 2013

_PROFESSIONAL_HEADING = re.compile(
    r"MEDICAL\s+PROFESSIONAL\s+REVIEW\b|" + _LINE + r"ISSUES?\s+AT\s+DISPUTE\s*:", re.MULTILINE
)
_DOCUMENTS_HEADING = re.compile(rf"{_LINE}DOCUMENTS\s+REVIEWED\b", re.MULTILINE)
_DECISIONS_2013_HEADING = re.compile(r"IMR\s+DECISION\(?S?\)?\s+AND\s+RATIONALE\(?S?\)?")
_NOTICE_HEADING = re.compile(
    r"Notice\s+of\s+Independent\s+Medical\s+Review\s+Determination|INDEPENDENT\s+MEDICAL\s+REVIEW\s+DECISION\s+AND\s+RATIONALE",
    re.IGNORECASE,
)
# "1) MAXIMUS Federal Services, Inc. has determined the request for X is notmedically necessary and appropriate."
_OUTCOME = (
    r"(?P<verdict>\b(?:is|are|was|were)\s+(?:(?:partially|in\s+part)\s+)?(?:not\s*)?medically\s*necessary"
    r"(?:\s*(?:and|/)\s*appropriate)?(?:\s+in\s+part)?)"
)
_DETERMINED = re.compile(
    r"(?:^[ \t]*(?P<number>\d{1,2})\s*[.)]\s*)?(?:MAXIMUS[^.\n]{0,60}(?:Inc\.?|Services)?\s*)\s*has\s+determined\s+(?:that\s+)?"
    rf"the\s+requests?(?:ed)?\s+(?:for|of)?\s*(?P<title>[\s\S]{{2,450}}?)\s+{_OUTCOME}",
    re.MULTILINE,
)
# "1. The request for a knee brace is not medically necessary and appropriate."
_NUMBERED_OUTCOME = re.compile(
    rf"{_LINE}(?P<number>\d{{1,2}})\s*[.)]\s*(?:The\s+request(?:ed)?\s+(?:for\s+)?)?(?P<title>[^\n][\s\S]{{2,450}}?)\s+{_OUTCOME}",
    re.MULTILINE | re.IGNORECASE,
)
_REGARDING = re.compile(
    rf"{_LINE}(?:(?P<number>\d{{1,2}})\s*[.)]\s*)?Regarding\s+the\s+requests?\s+(?:for|of)\s+(?P<title>[\s\S]{{2,450}}?)\s*:",
    re.MULTILINE | re.IGNORECASE,
)
_RATIONALE_2013 = re.compile(
    rf"{_LINE}(?:RATIONALE\s+FOR\s+WHY\s+THE\s+REQUESTED\s+[^:]{{0,120}}|Rationale\s+for\s+(?:the|its|this)\s+Decision"
    r"|(?:The\s+)?(?:Physician|Expert)\s+Reviewer['\u2019]?s\s+decision\s+rationale|Decision\s+rationale|Rationale)\s*:",
    re.MULTILINE | re.IGNORECASE,
)
# "The Claims Administrator based its decision on ..." / "The Expert Reviewer based his/her decision on ..."
_CLAIMS_BASED = re.compile(
    r"(?:The\s+)?Claims\s+Administrator\s+(?:based|did\s+not|relied)|" + _CLAIMS_LABEL, re.IGNORECASE
)
_REVIEWER_BASED = re.compile(
    r"(?:The\s+)?(?:Expert|Physician|Professional)\s+Reviewer\s+(?:based|relied|found|did\s+not)|"
    rf"{_MAXIMUS_LABEL}|MEDICAL\s+TREATMENT\s+GUIDELINE\(?S?\)?\s+RELIED\s+UPON[^:]{{0,120}}:",
    re.IGNORECASE,
)
_LABELS_2013: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(rf"{_LINE}(?:{pattern})", re.MULTILINE | re.IGNORECASE))
    for name, pattern in (
        ("decisions", r"IMR\s+DECISION\(?S?\)?\s+AND\s+RATIONALE\(?S?\)?|INDEPENDENT\s+MEDICAL\s+REVIEW\s+DECISION\s+AND\s+RATIONALE"),
        ("issue", r"ISSUES?\s+AT\s+DISPUTE\s*:"),
        ("summary", r"(?:CLINICAL|EXPERT\s+REVIEWER)?\s*CASE\s+SUMMARY\s*:?[ \t]*(?:\n|(?<=:))"),
        ("documents", r"DOCUMENTS\s+REVIEWED(?:\s+FOR\s+DETERMINATION)?\s*:?"),
        ("guideline", r"MEDICAL\s+TREATMENT\s+GUIDELINE\(?S?\)?\s+RELIED\s+UPON[^:]{0,120}:"),
        ("rationale", r"RATIONALE\s+FOR\s+WHY\s+THE\s+REQUESTED\s+[^:]{0,120}:"),
        ("reviewer", r"MEDICAL\s+REVIEWER\s+QUALIFICATIONS\s*:|MEDICAL\s+QUALIFICATIONS\s+OF\s+THE\s+(?:EXPERT\s+|PROFESSIONAL\s+)?REVIEWER\s*:?"
                     r"|HOW\s+THE\s+IMR\s+(?:FINAL\s+DETERMINATION|DECISION)\s+WAS\s+MADE"),
    )
)  # fmt: skip


def _read_labelled(text: str, layout: Layout) -> Sections:
    """The layouts of 2013: labels or headings open sections; the outcome is a sentence."""
    labels = sorted(
        (match.start(), match.end(), name, match.group())
        for name, pattern in _LABELS_2013
        for match in pattern.finditer(text)
    )
    spans: dict[str, Section] = {}
    for (_, label_end, name, _), following in zip(
        labels, [*[start for start, *_ in labels[1:]], len(text)], strict=True
    ):
        if name not in spans:
            spans[name] = _trim(text, label_end, following)
    if layout == "professional_review":
        items = _read_professional(text, labels, spans)
    else:
        items = tuple(_read_outcomes(text, spans["decisions"].start if layout == "documents_reviewed_2013" else 0))
    header = Section(0, min([start for start, *_ in labels] + [item.title.start for item in items] + [len(text)]))
    return Sections(layout, header, spans.get("reviewer"), spans.get("summary"), items)


def _read_professional(
    text: str, labels: list[tuple[int, int, str, str]], spans: dict[str, Section]
) -> tuple[DeterminationSection, ...]:
    """One issue, whose outcome stands in the rationale's label: "... SERVICE IS/WAS NOT MEDICALLY NECESSARY:"."""
    if "issue" not in spans:
        return ()
    label = next(((start, end, words) for start, end, name, words in labels if name == "rationale"), None)
    outcome = Section(label[0], label[1]) if label else spans["issue"]
    decision = _read_verdict(label[2]) if label else "other"
    item = DeterminationSection(spans["issue"], decision, outcome, None, spans.get("guideline"), spans.get("rationale"))
    return (item,)


def _read_outcomes(text: str, start: int) -> Iterator[DeterminationSection]:
    """Items whose outcome is a sentence, each joined with the rationale that follows it or bears its number."""
    outcomes = _first_by_number(
        list(_DETERMINED.finditer(text, start)) or list(_NUMBERED_OUTCOME.finditer(text, start))
    )
    regarding = list(_REGARDING.finditer(text, start))
    details = regarding if len(regarding) >= len(outcomes) else outcomes
    for index, outcome in enumerate(outcomes):
        detail = details[index]
        end = details[index + 1].start() if index + 1 < len(details) else _closing_start(text, detail.end())
        title = _trim(text, *outcome.span("title"))
        item = DeterminationSection(title, _read_verdict(outcome["verdict"]), Section(*outcome.span("verdict")))
        yield _read_detail(text, item, detail.end(), end)


def _first_by_number(outcomes: list[re.Match[str]]) -> list[re.Match[str]]:
    """The first outcome of each number: a letter may repeat its list of decisions."""
    seen: set[str] = set()
    first: list[re.Match[str]] = []
    for outcome in outcomes:
        number = outcome["number"] or clean_text(outcome["title"]).lower()
        if number not in seen:
            seen.add(number)
            first.append(outcome)
    return first


def _read_detail(text: str, item: DeterminationSection, start: int, end: int) -> DeterminationSection:
    """Guideline sentences and rationale of one item of 2013, between start and end."""
    rationale = _RATIONALE_2013.search(text, start, end)
    guidelines_end = rationale.start() if rationale else end
    claims = _CLAIMS_BASED.search(text, start, guidelines_end)
    maximus = _REVIEWER_BASED.search(text, claims.end() if claims else start, guidelines_end)
    claims_end = maximus.start() if maximus else guidelines_end
    return replace(
        item,
        claims_administrator=_trim(text, claims.start(), claims_end) if claims else None,
        maximus=_trim(text, maximus.start(), guidelines_end) if maximus else None,
        rationale=_trim(text, rationale.end(), end) if rationale else None,
    )


def _read_verdict(printed: str) -> Decision:
    """ "is not medically necessary" upholds the denial, "is medically necessary" overturns it."""
    words = clean_text(printed).lower()
    if "partial" in words or "in part" in words:
        return "partially_overturned"
    return "upheld" if re.search(r"\bnot\s*medically", words) else "overturned"


# ------------------------------------------------------------------------------------------------------- small pieces


def _trim(text: str, start: int, end: int) -> Section:
    """The span without white space at its edges."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Section(start, end)


def _trim_title(text: str, start: int, end: int) -> Section:
    """A title without white space, its trailing colon and the "1." or "1)" of a numbered list."""
    span = _trim(text, start, end)
    number = re.compile(r"\d{1,2}[.)]\s+").match(text, span.start, span.end)
    start = number.end() if number else span.start
    end = span.end
    while end > start and (text[end - 1] == ":" or text[end - 1].isspace()):
        end -= 1
    return Section(start, end)
