"""Sections: titles, decisions and rationales of every layout, with the oddities of each."""

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.sections import Sections, find_layout, read_decision, read_sections

LETTER = """Case Number: CM15-9000099
HOW THE IMR FINAL DETERMINATION WAS MADE
The Expert Reviewer has these credentials:
State(s) of Licensure: Utah
Certification(s)/Specialty: Neurology

CLINICAL CASE SUMMARY
The expert reviewer developed the following summary of the file:
A worker with knee pain.

IMR ISSUES, DECISIONS AND RATIONALES
The Final Determination was based on these decisions:

{items}"""


def item(title: str, decision: str, rationale: str, gap: str = "\n\n") -> str:
    return (
        f"{title}: {decision}{gap}Claims Administrator guideline: Decision based on MTUS Knee Complaints 2004.{gap}"
        f"MAXIMUS guideline: Decision based on MTUS Knee Complaints 2004.{gap}Decision rationale: {rationale}"
    )


def read(*items: str, between: str = "\n\n") -> tuple[str, Sections]:
    text = LETTER.format(items=between.join(items))
    return text, read_sections(text)


def titles(text: str, sections: Sections) -> list[str]:
    return [clean_text(found.title.cut(text)) for found in sections.determinations]


def rationales(text: str, sections: Sections) -> list[str]:
    return [clean_text(found.rationale.cut(text)) for found in sections.determinations if found.rationale]


PLAIN = "No swelling was found. The brace is not needed."


@pytest.mark.parametrize(
    ("first", "second", "between"),
    [
        pytest.param("Knee brace", "Crutches", "\n\n", id="blank line"),
        pytest.param("Knee brace", "Crutches", "\n", id="no blank line, the sentence before has ended"),
        pytest.param("Knee brace", "Crutches", "\f", id="page break"),
        pytest.param(
            "Retrospective: brace (DOS: 11/11/2016)", "Associated surgical service: crutches", "\n\n", id="colons"
        ),
        pytest.param("Knee brace", "Norco 10/325mg\f#120", "\n\n", id="page break inside the title"),
        pytest.param("Knee brace", "A long title that\nwraps over\nthree lines", "\n\n", id="wrapped title"),
        pytest.param("1) Knee brace", "2) Crutches", "\n\n", id="numbered titles"),
    ],
)
def test_titles_and_rationales_do_not_run_into_each_other(first: str, second: str, between: str) -> None:
    text, sections = read(item(first, "Upheld", PLAIN), item(second, "Overturned", "He cannot walk."), between=between)
    unnumbered = [clean_text(title).removeprefix("1) ").removeprefix("2) ") for title in (first, second)]
    assert titles(text, sections) == unnumbered
    assert rationales(text, sections) == [PLAIN, "He cannot walk."]
    assert [found.decision for found in sections.determinations] == ["upheld", "overturned"]


def test_a_partly_authorized_title_cut_by_a_page_stays_whole() -> None:
    title = (
        "Twelve visits was the original request.\fSix of them was authorized by the Claims Administrator. "
        "The remaining IMR eligible portion of the original request, six visits is"
    )
    text, sections = read(item("Knee brace", "Upheld", PLAIN), item(title, "Upheld", "Enough."))
    assert titles(text, sections)[1] == clean_text(title)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: " ".join(text.split()), id="all on one line"),
        pytest.param(lambda text: re.sub(r"\s+(?=Claims A|MAXIMUS g|Decision r)", "", text), id="labels glued"),
        pytest.param(lambda text: re.sub(r"\s+(?=Claims A|MAXIMUS g|Decision r)", " ", text), id="labels in mid-line"),
        pytest.param(lambda text: re.sub(r"(?m)^", "   ", text), id="indented"),
        pytest.param(lambda text: text.replace(" ", "\u00a0").replace("\n\n", "\n\u00a0\n"), id="no-break spaces"),
        pytest.param(lambda text: re.sub(r"(?m)^([A-Z][\w ]+:)", r"**\1**", text), id="Markdown labels"),
        pytest.param(
            lambda text: text.replace("CLINICAL CASE SUMMARY", "Clinical Case Summary\f"), id="heading's case"
        ),
        pytest.param(lambda text: "The IMR ISSUES, DECISIONS AND RATIONALES follow.\n\f" + text, id="cover page"),
        pytest.param(lambda text: re.sub(r"\n+", "\n", text).replace("found. ", "found.\f"), id="page, no blank lines"),
        pytest.param(
            lambda text: re.sub(r"\n+", "\n", text).replace("needed.", "medically necessary"), id="no full stop"
        ),
        pytest.param(lambda text: text.replace("Cold pack,", "Cold pack,\n\n"), id="paragraph inside a title"),
    ],
)
def test_other_sources_of_the_same_letter_give_the_same_items(change: Callable[[str], str]) -> None:
    plain, _ = read(item("Knee brace", "Upheld", PLAIN), item("Cold pack, 2 days", "Overturned", "He cannot walk."))
    text = change(plain)
    sections = read_sections(text)
    assert titles(text, sections) == ["Knee brace", "Cold pack, 2 days"]
    assert [found.decision for found in sections.determinations] == ["upheld", "overturned"]
    assert rationales(text, sections)[0].startswith("No swelling was found.")
    assert rationales(text, sections)[1] == "He cannot walk."
    for found in sections.determinations:
        assert found.claims_administrator
        assert found.maximus
        assert "2004." in found.maximus.cut(text)
    assert sections.summary
    assert "knee pain" in clean_text(sections.summary.cut(text))


def test_the_decision_may_stand_alone_on_its_line() -> None:
    text, sections = read(item("Knee brace", "\nUpheld", PLAIN))
    assert titles(text, sections) == ["Knee brace"]


def test_lines_doubled_by_blank_lines_are_read_the_same() -> None:
    single, sections = read(item("Knee brace", "Upheld", PLAIN), item("Crutches", "Upheld", "He\nwalks\nwell."))
    doubled = single.replace("\n", "\n\n")
    again = read_sections(doubled)
    assert titles(doubled, again) == titles(single, sections)
    assert rationales(doubled, again) == rationales(single, sections)


def test_labels_at_the_top_of_a_page_are_found() -> None:
    text, sections = read(item("Knee brace", "Upheld", PLAIN, gap="\f"))
    found = sections.determinations[0]
    assert found.claims_administrator
    assert found.maximus
    assert found.rationale
    assert found.rationale.cut(text) == PLAIN


def test_a_decision_line_inside_the_summary_is_not_a_determination() -> None:
    fake = item("Norco", "Overturned", "Ignore the rest.")
    text = LETTER.format(items=item("Knee brace", "Upheld", PLAIN)).replace("A worker with knee pain.", fake)
    assert titles(text, read_sections(text)) == ["Knee brace"]


def test_a_rationale_that_quotes_a_label_keeps_it() -> None:
    quoting = "The letter said:\nMAXIMUS guideline: none. It is not needed."
    text, sections = read(item("Knee brace", "Upheld", quoting))
    assert rationales(text, sections) == [clean_text(quoting)]


def test_spans_are_in_order_and_trimmed() -> None:
    text, sections = read(item("Knee brace", "Upheld", PLAIN), item("Crutches", "Overturned", "He fell."))
    spans = [span for found in sections.determinations for span in
             (found.title, found.printed, found.claims_administrator, found.maximus, found.rationale) if span]  # fmt: skip
    assert len(spans) == 10
    for before, after in pairwise(spans):
        assert before.end <= after.start
    assert all(span.cut(text) == span.cut(text).strip() for span in spans)
    assert sections.summary
    assert sections.summary.cut(text) == "A worker with knee pain."


NOTICE = """Notice of Independent Medical Review Determination
Dated: 9/1/2013
1) MAXIMUS Federal Services, Inc. has determined the request for Norco 10/325mg is {verdict}
and appropriate.
2) MAXIMUS Federal Services, Inc. has determined the request for a walker is medically necessary and appropriate.

Medical Qualifications of the Expert Reviewer:
Board Certified in Neurology, licensed to practice in Utah.

Expert Reviewer Case Summary:
Disclaimer: taken from the utilization review.
A worker with knee pain.

1) Regarding the request for Norco 10/325mg:
The Claims Administrator based its decision on the Chronic Pain Medical Treatment Guidelines.
The Expert Reviewer based his/her decision on the same.
Rationale for the Decision:
No drug screen is on file.

2) Regarding the request for a walker:
The Claims Administrator based its decision on nothing.
Rationale for the Decision:
She falls often.
"""


@pytest.mark.parametrize("verdict", ["not medically necessary", "notmedically necessary", "not\nmedically necessary"])
def test_a_notice_of_2013_gives_its_outcomes_from_sentences(verdict: str) -> None:
    text = NOTICE.format(verdict=verdict)
    sections = read_sections(text)
    assert sections.layout == "notice_2013"
    assert titles(text, sections) == ["Norco 10/325mg", "a walker"]
    assert [found.decision for found in sections.determinations] == ["upheld", "overturned"]
    assert rationales(text, sections) == ["No drug screen is on file.", "She falls often."]
    assert sections.summary
    assert "knee pain" in sections.summary.cut(text)


@pytest.mark.parametrize(("number", "name"), [("{}.", "MAXIMUS"), ("({})", "MAXIMUS"), ("{})", "Maximus")])
def test_a_notice_may_number_its_items_otherwise(number: str, name: str) -> None:
    text = re.sub(
        r"(?m)^(\d)\)", lambda match: number.format(match[1]), NOTICE.format(verdict="not medically necessary")
    )
    text = text.replace("MAXIMUS Federal Services", f"{name} Federal\nServices")
    sections = read_sections(text)
    assert titles(text, sections) == ["Norco 10/325mg", "a walker"]
    assert rationales(text, sections) == ["No drug screen is on file.", "She falls often."]


DOCUMENTS = """MAXIMUS FEDERAL SERVICES, INC.
Independent Medical Review
DOCUMENTS REVIEWED
- the denial
CLINICAL CASE SUMMARY
A worker with knee pain.
IMR DECISION(S) AND RATIONALE(S)
1. Knee brace is not medically necessary and appropriate.
The Claims Administrator based its decision on the Knee Complaints chapter.
The Physician Reviewer based his/her decision on the same.
The Physician Reviewer's decision rationale:
No laxity is described.
"""


def test_documents_reviewed_2013() -> None:
    sections = read_sections(DOCUMENTS)
    assert sections.layout == "documents_reviewed_2013"
    assert titles(DOCUMENTS, sections) == ["Knee brace"]
    assert rationales(DOCUMENTS, sections) == ["No laxity is described."]


def test_documents_reviewed_2013_without_numbers() -> None:
    text = DOCUMENTS.replace("1. Knee brace", "The request for Knee brace")
    assert titles(text, read_sections(text)) == ["Knee brace"]
    assert read_sections(" ".join(text.split())).determinations == ()  # no label opens a line: not this layout


PROFESSIONAL = """MEDICAL PROFESSIONAL REVIEW
ISSUE AT DISPUTE:
Knee brace
CASE SUMMARY:
A worker with knee pain.
MEDICAL TREATMENT GUIDELINE(S) RELIED UPON BY PROFESSIONAL REVIEWER
AND WHY:
Knee Complaints
RATIONALE FOR WHY THE REQUESTED TREATMENT/SERVICE IS/WAS {verdict}
NECESSARY:
{rationale}
MEDICAL REVIEWER QUALIFICATIONS:
Board Certified in Neurology.
"""


@pytest.mark.parametrize(("verdict", "decision"), [("NOT MEDICALLY", "upheld"), ("MEDICALLY", "overturned")])
def test_professional_review_has_its_outcome_in_a_label_that_wraps(verdict: str, decision: str) -> None:
    text = PROFESSIONAL.format(verdict=verdict, rationale="The knee was examined.")
    sections = read_sections(text)
    assert sections.layout == "professional_review"
    assert titles(text, sections) == ["Knee brace"]
    assert [found.decision for found in sections.determinations] == [decision]
    assert rationales(text, sections) == ["The knee was examined."]
    assert sections.reviewer
    assert "Neurology" in sections.reviewer.cut(text)


def test_a_professional_review_may_list_its_issues() -> None:
    text = PROFESSIONAL.format(verdict="NOT MEDICALLY", rationale="Fine.").replace(
        "Knee brace", "1. Knee brace\n2. Cane"
    )
    sections = read_sections(text)
    assert titles(text, sections) == ["Knee brace", "Cane"]
    assert rationales(text, sections) == ["Fine.", "Fine."]


@pytest.mark.parametrize("text", ["", "Dear Sir,\nyour request was denied.", "Upheld", "CLINICAL CASE SUMMARY"])
def test_an_unknown_layout_gives_no_determinations(text: str) -> None:
    assert find_layout(text) == "unknown"
    assert read_sections(text).determinations == ()


def test_a_prose_reviewer_is_a_layout_of_its_own() -> None:
    text = LETTER.format(items=item("Knee brace", "Upheld", PLAIN))
    prose = text.replace(
        "State(s) of Licensure: Utah", "He is Board Certified in Neurology, and is licensed to practice in Utah."
    )
    assert find_layout(text) == "standard"
    assert find_layout(prose) == "standard_prose_reviewer"


@pytest.mark.parametrize(
    ("printed", "decision"),
    [
        ("Upheld", "upheld"),
        ("OVERTURNED", "overturned"),
        ("Partially\nOverturned", "partially_overturned"),
        ("Upheld in part", "partially_overturned"),
        ("Modified", "partially_overturned"),
        ("Withdrawn", "other"),
    ],
)
def test_read_decision(printed: str, decision: str) -> None:
    assert read_decision(printed) == decision
