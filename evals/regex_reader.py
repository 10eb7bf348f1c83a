"""A deliberately plain second reader of IMR determination letters: it makes gold rows, so it never guesses.

Labels made by the program under test would only repeat its mistakes. So this reader shares nothing with it: it opens
the PDF by itself, and all that it knows of a letter is in the regular expressions below. Where it is not certain, it
leaves the field out and lists its name under "abstained": that costs coverage, a wrong value would cost the gold its
worth. A field that is None is certainly not printed.

The story, in the order of the file:
1. A letter becomes lines. Each knows its distance from the line above and how much of it is bold, because that, not
   the wording, separates a rationale from the next title.
2. The header table is read only if every label in it has its own value directly behind it.
3. Layout, licences, specialties, age and sex are read from their own sections and from set phrases.
4. The determinations are certain only if a decision word and the three labels come in strict turn throughout.
5. A title is certain only if all that shows where it starts agrees.
"""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

DATES = ("date_of_injury", "ur_denial_date", "application_received", "date_assigned", "decision_date")  # as they follow
HEADER_FIELDS = ("case_number", *DATES, "priority")
LETTER_FIELDS = ("determination_count", "layout", *HEADER_FIELDS, "licensed_states", "specialties", "age", "sex")
ROW_FIELDS = ("title", "decision", "claims_administrator_guideline", "maximus_guideline")

# ---------------------------------------------------------------------------------------------- 1. letters as lines

Gap = Literal["tight", "blank", "unsure"]  # unsure: a new page, or a distance between that of one line and of two
TIGHT, BLANK = 1.25, 1.7  # in units of the letter's usual distance between two lines
BOLD_WEIGHT = 600
DOUBLE_SPACED = 0.95  # the share of lines with an empty line above, in a text that has one behind every line


class Line(NamedTuple):
    """One printed line: its text, the gap between it and the line above, and how many of its first letters are bold."""

    text: str
    gap: Gap = "tight"
    bold: int = 0


def _page_lines(page: pdfium.PdfPage) -> list[tuple[str, float, int]]:
    """Text, height and bold letters of each line of a PDF page. PDFium writes U+0002 for a hyphen that ends a line."""
    textpage = page.get_textpage()
    lines: list[tuple[str, float, int]] = []
    text, height, bold = "", 0.0, 0
    x, y = pdfium_c.c_double(), pdfium_c.c_double()
    codes = [pdfium_c.FPDFText_GetUnicode(textpage, index) for index in range(textpage.count_chars())]
    for index, code in enumerate([*codes, ord("\n")]):
        if code in (0x02, ord("\r"), ord("\n")):
            text = text.rstrip() + ("-" if code == 0x02 else "")
            lines += [(text, height, min(bold, len(text)))] if text else []
            text, bold = "", 0
        elif text or not chr(code).isspace():
            if not text and pdfium_c.FPDFText_GetCharOrigin(textpage, index, x, y):
                height = y.value
            if bold == len(text) and (
                chr(code).isspace() or pdfium_c.FPDFText_GetFontWeight(textpage, index) >= BOLD_WEIGHT
            ):
                bold += 1
            text += chr(code)
    return lines


def _pdf_lines(data: bytes) -> list[Line]:
    """The lines of a PDF. No gap can be measured at the top of a page: there it is unsure."""
    with pdfium.PdfDocument(data) as document:
        pages = [_page_lines(page) for page in document]
    steps = sorted(above[1] - line[1] for page in pages for above, line in pairwise(page) if above[1] > line[1])
    usual = steps[len(steps) // 4] if steps else 1.0  # the lower quarter: a short letter is half paragraphs
    lines: list[Line] = []
    for page in pages:
        for index, (text, height, bold) in enumerate(page):
            step = (page[index - 1][1] - height) / usual if index else None
            gap: Gap = "unsure" if step is None or TIGHT <= step <= BLANK else "tight" if step < TIGHT else "blank"
            lines.append(Line(text, gap, bold))
    return lines


# the empty lines above a line, and the line
SPACED_LINE = re.compile(r"((?:^[^\S\n]*\n)*)[^\S\n]*(\S.*)", re.M)


def _text_lines(text: str) -> list[Line]:
    """The lines of a text file, single-spaced or with an empty line behind every line; a form feed is a new page."""
    spaced = SPACED_LINE.findall(re.sub(r"\r\n?", "\n", text).replace("\f", "\n\f\n"))
    double = sum(bool(above) for above, _ in spaced[1:]) >= DOUBLE_SPACED * max(len(spaced) - 1, 1)
    return [Line(line.rstrip(), _text_gap(above, double)) for above, line in spaced]


def _text_gap(above: str, double_spaced: bool) -> Gap:
    """What the empty lines above a line mean. More of them than a paragraph needs may be a page that ended there."""
    if above.count("\n") <= double_spaced:
        return "tight"
    if double_spaced:  # a printed empty line keeps its space, the end of a page leaves none
        return "blank" if above.strip("\n") and "\f" not in above else "unsure"
    return "blank" if above.count("\n") <= 2 and "\f" not in above else "unsure"


# -------------------------------------------------------------------------------------------------- shared patterns

HOW_MADE = re.compile(r"^HOW THE IMR FINAL DETERMINATION WAS MADE$", re.M)
ISSUES = re.compile(r"^IMR ISSUES, DECISIONS AND RATIONALES$", re.M)
# "CLINICAL CASE SUMMARY", in older letters "CASE SUMMARY:"
SUMMARY_START = re.compile(r"^(?:CLINICAL CASE SUMMARY|CASE SUMMARY:|Case Summary:)$", re.M)
# "IMR ISSUES, DECISIONS AND RATIONALES", in older letters "DOCUMENTS REVIEWED FOR DETERMINATION:"
SUMMARY_END = re.compile(
    r"""^(?: IMR\ ISSUES,\ DECISIONS\ AND\ RATIONALES$ | IMR\ DECISION\(S\)\ AND\ RATIONALE\(S\)$
           | (?:DOCUMENTS\ REVIEWED|Documents\ Reviewed)\b )""",
    re.M | re.X,
)
# a hyphen at a line's end belongs to the word or does not; ligatures and control characters come from the extraction
UNSURE_PRINT = re.compile(r"[-\u00ad\u2010\u2011]\n | [\x00-\x08\x0b-\x1f\ufb00-\ufb06\ufffc-\uffff]", re.X)


def _only(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The match of a pattern that stands exactly once in the text; a second one makes both doubtful."""
    found = list(pattern.finditer(text))
    return found[0] if len(found) == 1 else None


def _fold(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _printed(text: str) -> str | None:
    """The text on one line; None where it is empty or where its print is not sure."""
    return None if UNSURE_PRINT.search(text.strip()) else _fold(text) or None


# ------------------------------------------------------------------------------------------------ 2. header table

LABELS = {  # "Date Assigned: 01/02/2016 Date of Injury: 03/04/2015"
    "case_number": re.compile(r"\b(?:MAXIMUS )?Case Number:"),
    "date_assigned": re.compile(r"\bDate Assigned:"),
    "date_of_injury": re.compile(r"\bDate of Injury:"),
    "decision_date": re.compile(r"\bDecision Date:|^Notice of Independent Medical Review Determination\s+Dated:", re.M),
    "ur_denial_date": re.compile(r"\bUR Denial Date:|\bDate of UR Decision:"),
    "application_received": re.compile(r"\b(?:IMR )?Application\s+Received:"),
    "priority": re.compile(r"\bPriority:"),
}
DAY = re.compile(r"\s*(\d{1,2})/(\d{1,2})/(\d{4})(?!\S)")  # "01/02/2016"
WORD = {  # "CM16-0000000" and "Standard"
    "case_number": re.compile(r"\s*(CM\d{2}-\d{7})(?!\S)"),
    "priority": re.compile(r"\s*(Standard|Expedited)(?!\S)"),
}
# "HOW THE IMR FINAL DETERMINATION WAS MADE", in older letters "ISSUE AT DISPUTE:" or the number "1)"
HEADER_END = re.compile(r"^(?:HOW THE IMR FINAL DETERMINATION WAS MADE$|ISSUE AT DISPUTE:$|1\) )", re.M)


def _iso(day: re.Match[str]) -> str | None:
    try:
        return date(int(day[3]), int(day[1]), int(day[2])).isoformat()
    except ValueError:
        return None  # a day that no calendar has


def _header(text: str) -> dict[str, Any]:
    """The header fields; all None where the letter begins with the first heading and holds no label anywhere.

    A label without its value, a date without its label, or dates that do not follow each other show a scrambled table,
    in which no value is sure.
    """
    if HOW_MADE.match(text) and not any(label.search(text) for label in LABELS.values()):
        return dict.fromkeys(HEADER_FIELDS)
    end = HEADER_END.search(text)
    head = text[: end.start()] if end else ""
    values: dict[str, re.Match[str]] = {}
    for name, label in LABELS.items():
        if label.search(head):
            at = _only(label, head)
            value = WORD.get(name, DAY).match(head, at.end()) if at else None
            if value is None:
                return {}
            values[name] = value
    if len(re.findall(r"\d/\d{1,2}/\d", head)) != sum(name in DATES for name in values):
        return {}
    read = {name: value[1] if name in WORD else _iso(value) for name, value in values.items()}
    found = {name: value for name, value in read.items() if value is not None}
    dates = [found[name] for name in DATES if name in found]
    return found if dates == sorted(dates) else {}


# ---------------------------------------------------------------------------------------------- 3. reviewer, patient

STATE = re.compile(
    r"""Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|District\ of\ Columbia|Florida|Georgia|
    Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|
    Mississippi|Missouri|Montana|Nebraska|Nevada|New\ (?:Hampshire|Jersey|Mexico|York)|North\ (?:Carolina|Dakota)|Ohio|
    Oklahoma|Oregon|Pennsylvania|Rhode\ Island|South\ (?:Carolina|Dakota)|Tennessee|Texas|Utah|Vermont|Virginia|
    Washington|West\ Virginia|Wisconsin|Wyoming""",
    re.X,
)
# "State(s) of Licensure: Ohio, Utah" and on the next line "Certification(s)/Specialty: Family Practice"
CREDENTIALS = re.compile(
    r"State\(s\)\ of\ Licensure:(?P<states>[^:]*)\n Certification\(s\)/Specialty:(?P<specialties>[^:]*)\Z", re.X
)
# "... is Board Certified in Psychiatry, and is licensed to practice in Ohio."
PROSE_CREDENTIALS = re.compile(
    r"""\bBoard\s+Certified\s+in\s+(?P<specialties>[^,.;:]+),?\s+and\s+is\s+
        licensed\s+to\s+practice\s+in\s+(?P<states>[^.;:]+)\.""",
    re.X,
)
SPECIALTY = re.compile(r"[A-Z][A-Za-z&'/() -]{2,70}")  # "Pain Management"
WRAP_IN_A_NAME = re.compile(r"[^,&\s]\s*\n")  # a wrap after "," or "&" goes on; any other may part two names
TWO_NAMES = re.compile(r"\band\b|[/&]")  # in prose, "A and B" is one specialty or two


def _reviewer(text: str) -> dict[str, Any]:
    """Layout, states and specialties, from the two labels or the one prose sentence, between their headings only."""
    how, summary, issues = (_only(heading, text) for heading in (HOW_MADE, SUMMARY_START, ISSUES))
    made = text[how.end() : summary.start()].strip() if how and summary else ""
    labelled, prose = _only(CREDENTIALS, made), _only(PROSE_CREDENTIALS, made)
    match = labelled or prose
    if match is None or (labelled and prose):
        return {}
    found: dict[str, Any] = {}
    if summary and issues and summary.start() < issues.start():
        found["layout"] = "standard" if labelled else "standard_prose_reviewer"
    states = re.split(r", ?" if labelled else r", and | and |, ", _fold(match["states"]))
    if all(STATE.fullmatch(state) for state in states):
        found["licensed_states"] = states
    specialties = re.split(r", ?", _fold(match["specialties"]))
    sure = not (WRAP_IN_A_NAME.search(match["specialties"]) if labelled else TWO_NAMES.search(specialties[0]))
    if sure and all(SPECIALTY.fullmatch(name) for name in specialties):
        found["specialties"] = specialties
    return found


# "48 year old", "48-year-old", "52 years old", "59 years of age", "48 y/o"
AGE = re.compile(r"\b(\d{1,3}) [\s-]* (?: (?:years?|yrs?\.?) [\s-]* old | years?\s+of\s+age | y/?o ) \b", re.X | re.I)
OTHER_AGE = re.compile(r"\bage[ds]?:?\s+(?:of\s+)?(\d{1,3})\b|\b(\d{1,3})\s*y\.\s?o\b", re.I)  # "at age 40"
# "was 40 years old", "at the time"
OTHER_TIME = re.compile(r"\bat\s+(?:the|that)\s+time\b|\b(?:when|then)\b|\bwas\s+(?:an?\s+)?\d", re.I)
# "48 year old male", "48-year-old, right-hand dominant woman"
AGED_SEX = re.compile(
    AGE.pattern + r",? \s+ (?: (?:right|left)[\s-]+hand(?:ed)? [\s-]+ (?:dominant\s+)? )? (male|man|female|woman) \b",
    re.X | re.I,
)
MALE_WORD = re.compile(r"(?<![/\w])(?:male|man|gentleman|he|him|his|himself|(?-i:Mr))\b(?!/)", re.I)  # but not "he/she"
FEMALE_WORD = re.compile(r"(?<![/\w])(?:female|woman|lady|she|her|hers|herself|(?-i:Mrs|Ms))\b(?!/)", re.I)
OPENING = 400  # characters of the summary in which the age has to stand
WORKING_AGES = range(14, 100)


def _patient(text: str) -> dict[str, Any]:
    """Age and sex, from the summary alone, if it opens with one age and no word in it speaks for the other sex."""
    start = _only(SUMMARY_START, text)
    end = SUMMARY_END.search(text, start.end()) if start else None
    summary = _fold(text[start.end() : end.start()]) if start and end else ""
    found: dict[str, Any] = {}
    age = AGE.search(summary, 0, OPENING)
    ages = {*AGE.findall(summary), *("".join(both) for both in OTHER_AGE.findall(summary))}
    if age and ages == {age[1]} and int(age[1]) in WORKING_AGES:
        sentence = summary[summary.rfind(". ", 0, age.start()) + 1 : age.end() + 15].split(". ")[0]
        if not OTHER_TIME.search(sentence):
            found["age"] = int(age[1])
    sexes = {"male" if match[2].lower() in ("male", "man") else "female" for match in AGED_SEX.finditer(summary)}
    for sex, other in (("male", FEMALE_WORD), ("female", MALE_WORD)):
        if sexes == {sex} and not other.search(summary):
            found["sex"] = sex
    return found


# ------------------------------------------------------------------------------------------------- 4. determinations

# "Some item: Upheld", then "Claims Administrator guideline: ...", "MAXIMUS guideline: ...", "Decision rationale: ..."
DETERMINATION = re.compile(
    r""":\s*(?P<decision>Upheld|Overturned)\s*\n
        Claims\ Administrator\ guideline:(?P<claims_administrator_guideline>.*?)\n
        MAXIMUS\ guideline:(?P<maximus_guideline>.*?)\n
        Decision\ rationale:""",
    re.X | re.S,
)
# each of these, wherever it stands and however it is written, has to belong to a determination
ANCHORS = (
    re.compile(r":\s*(?:Upheld|Overturned|Partially\b.*|Modified\b.*)\s*$", re.M | re.I),
    re.compile(r"Claims\s+Administrator\s+guideline\s*:", re.I),
    re.compile(r"MAXIMUS\s+guideline\s*:", re.I),
    re.compile(r"Decision\s+rationale\s*:", re.I),
)


def _determinations(text: str) -> list[re.Match[str]]:
    """All determinations in order; none if an anchor behind the heading is missing, doubled or out of turn."""
    heading = _only(ISSUES, text)
    found = list(DETERMINATION.finditer(text, heading.end())) if heading else []
    return found if heading and {len(anchor.findall(text, heading.end())) for anchor in ANCHORS} == {len(found)} else []


# ---------------------------------------------------------------------------------------------------------- 5. titles

# "The Final Determination was based on decisions for the disputed items/services set forth below:"
INTRODUCTION = re.compile(r"^IMR ISSUES.*\nThe\s+Final\s+Determination\s+was\s+based\s+on\s[^:]{0,120}:\n", re.M)
SENTENCE_END = re.compile(r"[.?!][\"'\u201d\u2019)]*$")
NOT_A_TITLE = re.compile(r"medically\s+(?:un)?necessary|Decision\s+rationale|guideline\s*:|IMR\s+Case\s+Number", re.I)
LONGEST_TITLE = 600


def _later_title(lines: list[Line], rationale: int, last: int, colon: int) -> int | None:
    """The first line of a title that follows a rationale, if all that shows it agrees; `last` holds the title's colon.

    Where the title is bold, the bold run has to start a paragraph: behind a blank line, or at the top of a page, where
    no gap can be measured and the print alone tells. Where it is not, a blank line is all there is: then a page break
    abstains, the words on both sides of the blank line have to look like an end and a start, and no line of the title
    may end a sentence, as it would in a rationale that runs into the title.
    """
    gap = next((index for index in range(last, rationale, -1) if lines[index].gap != "tight"), rationale)
    if lines[last].bold >= colon:
        bold = last
        while bold > rationale and lines[bold - 1].bold == len(lines[bold - 1].text):
            bold -= 1
        inside = [line.gap for line in lines[bold + 1 : last + 1]]
        return bold if bold > rationale and lines[bold].gap != "tight" and "blank" not in inside else None
    if gap == rationale or lines[gap].gap != "blank" or lines[gap].text[0].islower():
        return None
    ends = [bool(SENTENCE_END.search(line.text)) for line in lines[gap - 1 : last]]
    return gap if ends == [True] + [False] * (last - gap) else None


def _title(lines: list[Line], text: str, before: re.Match[str] | None, this: re.Match[str]) -> str | None:
    """A determination's title: what stands between the introduction, or the last rationale, and the decision."""
    last = text.count("\n", 0, this.start())
    if before is None:
        introduction = _only(INTRODUCTION, text[: this.start()])
        first = text.count("\n", 0, introduction.end()) if introduction else None
        if first is not None and any(line.gap == "blank" for line in lines[first + 1 : last + 1]):
            return None
    else:
        colon = this.start() - text.rfind("\n", 0, this.start()) - 1
        first = _later_title(lines, text.count("\n", 0, before.end()), last, colon)
    if first is None:
        return None
    start = sum(len(line.text) + 1 for line in lines[:first])
    title = _printed(text[start : this.start()])
    return title if title and len(title) <= LONGEST_TITLE and not NOT_A_TITLE.search(title) else None


# --------------------------------------------------------------------------------------------------------- gold rows


def _rows(lines: list[Line], file: str) -> list[dict[str, Any]]:
    """The gold rows of a letter: what is certain, and the names of what is not."""
    if not lines:
        raise ValueError(f"{file}: holds no text; run text recognition on it or leave it out of the gold set")
    text = "\n".join(line.text for line in lines)
    found = _determinations(text)
    letter: dict[str, Any] = {"determination_count": len(found)} if found else {}
    letter |= _reviewer(text) | _header(text) | _patient(text)
    missing = [f"letter.{name}" for name in LETTER_FIELDS if name not in letter]
    if not found:
        abstained = ["number", *ROW_FIELDS, *missing]
        return [{"file": file, "number": None, "labels": "regex", "letter": letter, "abstained": abstained}]
    rows: list[dict[str, Any]] = []
    for number, (before, this) in enumerate(zip([None, *found], found, strict=False), start=1):
        values = {
            "title": _title(lines, text, before, this),
            "decision": this["decision"].lower(),
            "claims_administrator_guideline": _printed(this["claims_administrator_guideline"]),
            "maximus_guideline": _printed(this["maximus_guideline"]),
        }
        certain = {name: value for name, value in values.items() if value is not None}
        abstained = [name for name in ROW_FIELDS if name not in certain]
        rows.append({"file": file, "number": number, **certain, "labels": "regex", "abstained": abstained})
    rows[0] |= {"letter": letter, "abstained": rows[0]["abstained"] + missing}
    return rows


def read_gold_text(text: str, file: str) -> list[dict[str, Any]]:
    """The gold rows of a letter that is already text."""
    return _rows(_text_lines(text), file)


def read_gold(path: Path) -> list[dict[str, Any]]:
    """The gold rows of one .pdf or .txt letter; ValueError, without a word of the letter, if it is unreadable."""
    try:
        if path.suffix.lower() == ".pdf":
            return _rows(_pdf_lines(path.read_bytes()), path.name)
        if path.suffix.lower() == ".txt":
            return read_gold_text(path.read_bytes().decode("utf-8-sig"), path.name)
    except OSError:
        raise ValueError(f"{path.name}: cannot be opened; check the path and the permissions") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: is not UTF-8 text; save it again as UTF-8") from None
    except pdfium.PdfiumError:
        raise ValueError(f"{path.name}: is not a PDF that opens without a password; fetch the file again") from None
    raise ValueError(f"{path.name}: is neither .pdf nor .txt; give a letter of one of these kinds")
