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


_GAP = r"[^\S\n\f]{0,200}"  # spaces within a line, no-break spaces too
_MARK = r"[*_#]{0,4}"  # "**Decision rationale:**", "## CLINICAL CASE SUMMARY": text converted to Markdown
_LINE = rf"(?:^|(?<=\f)){_GAP}(?:[*_#]{{1,4}}{_GAP})?"  # a label opens a line or a page


def _heading(words: str) -> re.Pattern[str]:
    """A heading: in capitals where it opens a line, else in any case alone on its line, else in capitals anywhere."""
    return re.compile(
        rf"{_LINE}(?P<opening>{words})|{_LINE}(?P<alone>(?i:{words})){_GAP}{_MARK}{_GAP}(?=[\n\f]|\Z)|(?P<anywhere>{words})",
        re.MULTILINE,
    )


def _find_heading(heading: re.Pattern[str], text: str, start: int = 0) -> re.Match[str] | None:
    """Its best match: a cover page may speak of a heading before the letter prints it."""
    found = {str(match.lastgroup): match for match in reversed(list(heading.finditer(text, start)))}
    return found.get("opening") or found.get("alone") or found.get("anywhere")


_HOW_HEADING = _heading(_spaced("HOW THE IMR FINAL DETERMINATION WAS MADE"))
_SUMMARY_HEADING = _heading(r"CLINICAL\s+CASE\s+SUMMARY\s*:?")
_DECISIONS_HEADING = _heading(r"IMR\s+ISSUES\s*,\s*DECISIONS\s+AND\s+RATIONALES?")
_SET_FORTH = re.compile(
    r"[\s*#]*(?:The\s+Final\s+Determination\s+was\s+based\s+on\b[^:]{0,160}|[^:]{0,160}set\s+forth\s+below\s*):"
)
# "The expert reviewer developed the following clinical case summary ..., including all medical records:"
_SUMMARY_LEAD = re.compile(
    r"\s*The\s+(?:expert|physician)\s+reviewer\s+developed\s+the\s+following\s[^:]{0,200}:", re.IGNORECASE
)
_LICENSURE = re.compile(r"State\(?s?\)?\s+of\s+Licensure\s*:", re.IGNORECASE)
_PROSE_REVIEWER = re.compile(r"(?:Board\s+Certified\s+in|licensed\s+to\s+practice\s+in)\s", re.IGNORECASE)

_CLAIMS_LABEL = rf"Claims\s+Administrator(?:'s|\u2019s)?\s+guidelines?\s*:{_MARK}"
_MAXIMUS_LABEL = rf"MAXIMUS\s+guidelines?\s*:{_MARK}"
_RATIONALE_LABEL = rf"Decision\s+rationale\s*:{_MARK}"
_DECISION_WORD = r"(?:Partially\s+(?:Overturned|Upheld)|Upheld\s+in\s+part|Overturned\s+in\s+part|Upheld|Overturned|Modified|Withdrawn)"
# "Norco 10/325mg #120: Upheld" and, after blank lines, "Claims Administrator guideline:"
_ANCHOR = re.compile(
    rf"(?<![A-Za-z])(?P<decision>{_DECISION_WORD})\.?{_MARK}\s*{_MARK}(?={_CLAIMS_LABEL}|{_MAXIMUS_LABEL}|{_RATIONALE_LABEL})",
    re.IGNORECASE,
)
_ITEM_LABELS = tuple(
    (name, tuple(re.compile(place + label, re.IGNORECASE | re.MULTILINE) for place in (_LINE, "")))
    for name, label in (("claims", _CLAIMS_LABEL), ("maximus", _MAXIMUS_LABEL), ("rationale", _RATIONALE_LABEL))
)
_CLOSING = re.compile(rf"{_LINE}(?:Disclaimer\s*:|Dated\s*:|cc\s*:|/JR\b)", re.MULTILINE)


def _read_standard(text: str, layout: Layout) -> Sections:
    summary_heading = _find_heading(_SUMMARY_HEADING, text)
    decisions_heading = _find_heading(_DECISIONS_HEADING, text, summary_heading.end() if summary_heading else 0)
    how_heading = _find_heading(_HOW_HEADING, text)
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
    labels = _find_labels(text, anchor.end(), end)
    parts: dict[str, Section] = {}
    for (name, label), following in zip(labels, [*labels[1:], None], strict=False):
        parts[name] = _trim_marks(text, label.end(), following[1].start() if following else end)
    return DeterminationSection(
        title,
        read_decision(anchor["decision"]),
        Section(*anchor.span("decision")),
        parts.get("claims"),
        parts.get("maximus"),
        parts.get("rationale"),
    )


def _find_labels(text: str, start: int, end: int) -> list[tuple[str, re.Match[str]]]:
    """The item's labels in their order; where none opens a line, as in text whose wraps were lost, one within a line."""
    labels: list[tuple[str, re.Match[str]]] = []
    rationale = _find_label(_ITEM_LABELS[-1][1], text, start, end)
    for name, patterns in _ITEM_LABELS[:-1]:  # a rationale may quote the labels before it
        label = _find_label(patterns, text, start, rationale.start() if rationale else end)
        if label:
            labels.append((name, label))
            start = label.end()
    return [*labels, ("rationale", rationale)] if rationale else labels


def _find_label(patterns: tuple[re.Pattern[str], ...], text: str, start: int, end: int) -> re.Match[str] | None:
    at_once = patterns[-1].match(text, start, end)
    return at_once or next((match for pattern in patterns if (match := pattern.search(text, start, end))), None)


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
    r"\s*(?:(?:[^.]|\.(?=\d)){0,250}\bwas\s+authorized\s+by\b"
    r"|The\s+Claims\s+Administrator\s+(?:has\s+)?authorized\b|The\s+remaining\s+IMR|The\s+original\s+request\s*,)",
    re.IGNORECASE,
)
_TITLE_OPENS = re.compile(r"\bw(?:as|ere)\s+the\s+original\s+request\b|\bwas\s+authorized\s+by\b", re.IGNORECASE)


# "Ketamine 10% in a base, 120 grams," at a paragraph's end: a break that a page left behind
_CUT_OFF = re.compile(r"(?:,|\b(?:of|for|to|and|with|the))\s*$")


def _title_start(text: str, start: int, end: int) -> int:
    """Where the title that ends at `end` begins: after the last real paragraph break, page breaks seen through."""
    breaks = _paragraph_breaks(text, start, end)
    while breaks:
        at = breaks.pop()
        if not _is_inside_title(text, breaks[-1] if breaks else start, at, end):
            return at if _BLANK_LINE.search(text) else _line_after_sentence(text, at, end)
    return _line_after_sentence(text, start, end)


def _paragraph_breaks(text: str, start: int, end: int) -> list[int]:
    """Where paragraphs begin between start and end: after blank lines (three line ends where lines are doubled), or a page."""
    pattern = _DOUBLED_BREAK if _is_doubled(text) else _BREAK
    return [match.end() for match in pattern.finditer(text, start, end) if text[match.end() : end].strip(" :\n\t\f")]


_BLANK_LINE = re.compile(rf"\n{_GAP}\n")
_PAGE_BREAK = rf"(?:{_GAP}\n){{0,20}}{_GAP}\f\s*"
_BREAK = re.compile(rf"{_GAP}\n{_GAP}\n\s*|{_PAGE_BREAK}")
_DOUBLED_BREAK = re.compile(rf"{_GAP}\n{_GAP}\n{_GAP}\n\s*|{_PAGE_BREAK}")


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
    if _CUT_OFF.search(above[-40:]):
        return True
    if "\f" not in text[at - 8 : at] and text[max(0, at - 8) : at].count("\n") < 4:
        return False  # an ordinary blank line
    return not _SENTENCE_END.search(above) and not _VERDICT_END.search(above.rstrip())


def _line_after_sentence(text: str, start: int, end: int) -> int:
    """For text without blank lines: the title's first line follows the last line that ends a sentence."""
    at = start
    line_ends = _SENTENCE_LINE if "\n" in text[start:end] else _SENTENCE
    for match in line_ends.finditer(text[start:end]):
        rest = text[start + match.end() : end]
        if rest.strip(" :\n\t\f") and not _TITLE_CONTINUES.match(rest):
            at = start + match.end()
    return at


_SENTENCE = re.compile(r"(?:[.!?][\"')\]\u201d\u2019]*|\bmedically\s+(?:necessary|appropriate))\s+(?=[A-Z0-9(])")
_SENTENCE_LINE = re.compile(
    rf"[.!?][\"')\]\u201d\u2019]*{_GAP}[\n\f]\s*|\bmedically\s+(?:necessary|appropriate){_GAP}[\n\f]\s*(?=[A-Z0-9(])"
)


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
_NUMBER = r"[(#]?\s?(?P<number>\d{1,2})\s*[.)]\s*"  # "1)", "1.", "(1)", "#1)"
_DETERMINED = re.compile(
    rf"(?:{_LINE}{_NUMBER})?(?i:MAXIMUS)(?:\s+Federal\s+Services)?[^.\n\f]{{0,60}}(?:\s*Inc\.?)?\s*has\s+determined\s+(?:that\s+)?"
    rf"the\s+requests?(?:ed)?\s+(?:for|of)?\s*(?P<title>[\s\S]{{2,450}}?)\s+{_OUTCOME}",
    re.MULTILINE,
)
# "1. The request for a knee brace is not medically necessary and appropriate."
_NUMBERED_OUTCOME = re.compile(
    rf"{_LINE}{_NUMBER}(?:The\s+request(?:ed)?\s+(?:for\s+)?)?(?P<title>[^\n][\s\S]{{2,450}}?)\s+{_OUTCOME}",
    re.MULTILINE | re.IGNORECASE,
)
# The same without a number, where the claims administrator's basis follows at once.
_PLAIN_OUTCOME = re.compile(
    rf"{_LINE}(?P<number>)(?:The\s+request(?:ed)?\s+(?:for\s+)?)?(?P<title>[^\s.][^\n]{{2,200}}(?:\n[^\n]{{2,200}}){{0,3}}?)\s+{_OUTCOME}"
    r"\.?\s+(?=(?:The\s+)?Claims\s+Administrator\s+(?:based|did\s+not|relied))",
    re.MULTILINE | re.IGNORECASE,
)
_REGARDING = re.compile(
    rf"{_LINE}(?:{_NUMBER})?Regarding\s+the\s+requests?\s+(?:for|of)\s+(?P<title>[\s\S]{{2,450}}?)\s*:",
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
        ("summary", r"(?-i:CLINICAL\s+CASE\s+SUMMARY)\b|(?:CLINICAL|EXPERT\s+REVIEWER)?\s*CASE\s+SUMMARY\s*:?[ \t]*(?:\n|(?<=:))"),
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
        labels, [*[start for start, *_ in labels[1:]], len(text)], strict=False
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
    """One issue, or a numbered list of them, whose outcome stands in the rationale's label: "... SERVICE IS/WAS NOT MEDICALLY NECESSARY:"."""
    if "issue" not in spans:
        return ()
    label = next(((start, end, words) for start, end, name, words in labels if name == "rationale"), None)
    outcome = Section(label[0], label[1]) if label else spans["issue"]
    decision = _read_verdict(label[2]) if label else "other"
    issue = spans["issue"]
    numbers = list(re.compile(_LINE + _NUMBER, re.MULTILINE).finditer(text, issue.start, issue.end))
    ends = [*[number.start() for number in numbers[1:]], issue.end]
    several = [_trim(text, number.end(), end) for number, end in zip(numbers, ends, strict=False)]
    return tuple(
        DeterminationSection(title, decision, outcome, None, spans.get("guideline"), spans.get("rationale"))
        for title in several or [issue]
    )


def _read_outcomes(text: str, start: int) -> Iterator[DeterminationSection]:
    """Items whose outcome is a sentence, each joined with the rationale that follows it or bears its number."""
    outcomes = _first_by_number(
        next(
            filter(
                None, (list(kind.finditer(text, start)) for kind in (_DETERMINED, _NUMBERED_OUTCOME, _PLAIN_OUTCOME))
            ),
            [],
        )
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
        title = clean_text(outcome["title"]).lower()
        if (outcome["number"] or title) not in seen:
            first.append(outcome)
        seen |= {outcome["number"] or title, title}
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


def _trim_marks(text: str, start: int, end: int) -> Section:
    """The span without white space and Markdown marks ("**") at its edges."""
    while start < end and (text[start].isspace() or text.startswith("**", start) or text.startswith("##", start)):
        start += 1 if text[start].isspace() else 2
    while end > start and (
        text[end - 1].isspace() or text.endswith("**", start, end) or text.endswith("##", start, end)
    ):
        end -= 1 if text[end - 1].isspace() else 2
    return Section(start, max(start, end))


def _trim_title(text: str, start: int, end: int) -> Section:
    """A title without white space, its trailing colon and the "1." or "1)" of a numbered list."""
    span = _trim_marks(text, start, end)
    number = re.compile(r"\d{1,2}[.)]\s+").match(text, span.start, span.end)
    start = number.end() if number else span.start
    end = span.end
    while end > start and (text[end - 1] == ":" or text[end - 1].isspace()):
        end -= 1
    return Section(start, end)
