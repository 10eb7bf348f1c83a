"""The report: one page that loads nothing and escapes everything, and the same numbers as Markdown."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imr_llm.evals.compare import compare_scores
from imr_llm.evals.figures import Figure
from imr_llm.evals.gold import GoldRow, make_gold, read_gold, read_letters_plainly
from imr_llm.evals.manifest import make_manifest
from imr_llm.evals.outcomes import Members, Outcome
from imr_llm.evals.report import Section, Table, make_sections, name_reports, write_html, write_markdown
from imr_llm.evals.runs import open_run, record_run
from imr_llm.evals.scoring import Score, score_run
from imr_llm.evals.search_scores import DENSE, PROGRAM, Miss, PairRow, QueryRow, SearchFigures, make_search_figures
from imr_llm.evals.text import HEADLINES, show_figure
from letters import SAMPLE_GOLD, SAMPLES

from imr_llm.extraction import choose_extractor
from imr_llm.letters.reading import read_letters
from imr_llm.settings import read_settings

HOSTILE = "<script>alert(1)</script>.txt"
NAMES = (
    "norco_missing_uds",
    "percocet_uds_contradiction",
    "prose_reviewer_psychotherapy_overturned",
    "unknown_layout_letter",
)
VOID = {"meta", "path", "circle", "br", "link", "img", "input", "hr"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = read_settings({}, extractor="rules")
    plan = choose_extractor(settings)
    path = tmp_path_factory.mktemp("report") / "rules"
    run = open_run(path, make_manifest(plan, settings, list(NAMES)))
    record_run(run, plan, settings, read_letters([SAMPLES / f"{name}.txt" for name in NAMES]))
    return path


@pytest.fixture(scope="module")
def score(recorded: Path) -> Score:
    """Four sample letters, with what their author labelled."""
    return score_run(recorded, read_gold(SAMPLE_GOLD))


def renamed(score: Score, name: str) -> Score:
    """The same score as if its first letter had this file name; one item is wrong and one invented in it."""
    first = score.outcomes[0].file
    outcomes = [each.model_copy(update={"file": name}) if each.file == first else each for each in score.outcomes]
    wrong = Members(missing=("missing_urine_drug_screen",))
    outcomes.append(Outcome(file=name, number=8, found=8, states={"reasons": "wrong"}, sets={"reasons": wrong}))
    outcomes.append(Outcome(file=name, found=9))
    return score.model_copy(update={"outcomes": tuple(outcomes)})


def search_figures() -> SearchFigures:
    ranks = {arm: {"ndcg@10": 0.25, "r_precision": 0.5, "reciprocal_rank": 1.0} for arm in (PROGRAM, DENSE)}
    misses = (Miss(HOSTILE, 1, False, "question"), Miss("b.txt", 2, True, "extraction"))
    rows = (
        QueryRow("l1", "uds", 2, 2, 1, 0.5, ranks, ("reason: <b>missing</b>",), ("zebra",), misses),
        QueryRow("l2", "mri", 1, 1, 1, 1.0, ranks),
    )
    pairs = (PairRow("p1", {PROGRAM: 1.0, DENSE: 0.0}),)
    return SearchFigures("labels.yaml", "0" * 64, 8, rows, pairs, ("l9",), make_search_figures(rows, pairs))


class Page(HTMLParser):
    """A page taken apart: its tables' rows, its bars, its headings; complains where tags do not close in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.lines: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "h2":
            self.headings.append("")
        if tag == "li":
            self.lines.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> at {self.getpos()} closes another element"

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data.strip()
        elif "h2" in self.open:
            self.headings[-1] += data
        elif "li" in self.open:
            self.lines[-1] += data


def page_of(score: Score, **parts: Any) -> tuple[str, Page]:
    text = write_html("a title & <more>", make_sections(score, **parts))
    return text, Page(text)


# -------------------------------------------------------------------------------------------------------- the page


def test_the_page_loads_nothing_and_runs_nothing(score: Score) -> None:
    against = compare_scores(score, renamed(score, "another.txt"))
    text, page = page_of(score, against=against, search=search_figures())
    for foreign in ("http://", "https://", "<script", "url(", "@import", "javascript:"):
        assert foreign not in text.lower(), foreign
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "embed", "form")
        assert not {name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")}
        assert tag != "a" or (attributes["href"] or "").startswith("#part")
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"}) in page.tags  # fmt: skip


def test_the_page_is_well_formed_and_its_links_lead_somewhere(score: Score) -> None:
    text, page = page_of(score)
    assert page.open == []
    assert text.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    links = [(attributes["href"] or "").removeprefix("#") for tag, attributes in page.tags if tag == "a"]
    assert ids == links
    assert len(set(ids)) == len(ids) == len(page.headings) > 8
    for rows in ("At a glance", "Fields", "Reasons", "Urine drug screen", "Evidence", "Everything that is not right"):
        assert rows in page.headings


def test_hostile_names_are_shown_and_not_run(score: Score) -> None:
    hostile = renamed(score, HOSTILE)
    lost = tuple(
        each.model_copy(update={"states": {"decision": "wrong"}}) if (each.file, each.number) == (HOSTILE, 1) else each
        for each in hostile.outcomes
    )
    against = compare_scores(hostile, hostile.model_copy(update={"outcomes": lost}))
    assert any(turn.file == HOSTILE for turn in against.turns)
    text, page = page_of(hostile, against=against, search=search_figures())
    assert "<script" not in text
    assert "<b>missing" not in text
    assert page.open == []
    assert any(line.startswith(f"{HOSTILE} item 8: reasons: missing") for line in page.lines)
    assert f"{HOSTILE}: item 9 of the record is not in gold" in page.lines
    assert any(line.startswith(f"LOST decision: {HOSTILE} item 1") for line in page.lines)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.txt" in text
    assert "<title>a title &amp; &lt;more&gt;</title>" in text


# ----------------------------------------------------------------------------------------------------- its numbers


def find_rows(markdown: str, title: str) -> list[list[str]]:
    """The cells of every table row of a section, without the rules."""
    (section,) = [part for part in markdown.split("\n## ") if part.startswith(title + "\n")]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_markdown_and_page_have_the_same_headlines(score: Score) -> None:
    markdown = write_markdown("title", make_sections(score))
    _, page = page_of(score)
    rows = find_rows(markdown, "At a glance")[1:]
    named = {label: score.figure(name) for name, label in HEADLINES if score.figure(name).n}
    assert [row[0] for row in rows] == list(named)
    first = page.rows.index(["figure", "value", "n"]) + 1
    on_page = {row[0]: row[1:] for row in page.rows[first : first + len(named)]}
    for label, value, n in rows:
        figure = named[label]
        assert value == show_figure(figure)
        assert int(n) == figure.n
        assert on_page[label] == [value.split(" ")[0], n]


def test_markdown_has_every_section_and_table_of_the_page(score: Score) -> None:
    sections = make_sections(score, search=search_figures())
    markdown = write_markdown("title", sections)
    page = Page(write_html("title", sections))
    assert re.findall(r"^## (.*)$", markdown, re.M) == page.headings == [section.title for section in sections]
    assert len([line for line in markdown.splitlines() if line.startswith("| ")]) == sum(
        len(table.rows) + 1 for section in sections for table in section.tables
    )


def test_accuracy_is_shown_only_beside_its_classes(score: Score) -> None:
    seen = 0
    for section in make_sections(score, search=search_figures()):
        for table in section.tables:
            labels = [str(row[0]) for row in table.rows]
            if "accuracy" in labels:
                seen += 1
                assert labels[-2:] == ["macro", "accuracy"]
                assert len(labels) > 2
                assert all(isinstance(cell, Figure) for row in table.rows[:-2] for cell in row[1:])
            assert not any("accuracy" in label.lower() for label in labels if label != "accuracy")
    assert seen == 3  # decisions, and the drug screen in rationale and summary
    assert not any("accuracy" in name or "accuracy" in label for name, label in HEADLINES)


BAR = re.compile(r"M(?P<start>[\d.]+) 6h(?P<width>[\d.]+)")


def test_every_interval_is_drawn_within_its_bar(score: Score) -> None:
    _, page = page_of(score, search=search_figures())
    titles = [attributes["title"] or "" for tag, attributes in page.tags if attributes.get("class") == "figure"]
    whiskers = [attributes["d"] or "" for _, attributes in page.tags if attributes.get("class") == "whisker"]
    dots = [float(attributes["cx"] or 0) for tag, attributes in page.tags if tag == "circle"]
    assert len(titles) == len(whiskers) == len(dots) > 100
    for title, whisker, dot in zip(titles, whiskers, dots, strict=True):
        value, low, high = (float(each) for each in re.findall(r"\d\.\d{4}", title)[:3])
        drawn = BAR.fullmatch(whisker)
        assert drawn, whisker
        start, width = float(drawn["start"]), float(drawn["width"])
        assert start == pytest.approx(2 + 100 * low, abs=0.01)
        assert width == pytest.approx(min(max(100 * (high - low), 0.5), 100 - 100 * low), abs=0.02)
        assert dot == pytest.approx(2 + 100 * value, abs=0.01)
        assert 2 <= start <= dot <= 102
        assert start + width <= 102.5  # an interval of nothing is drawn half a unit wide


@pytest.mark.parametrize("bounds", [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.5, 0.0, 1.0), (0.3333333, 0.1, 0.9)])
def test_extreme_figures_are_drawn(bounds: tuple[float, float, float]) -> None:
    section = Section("s", "", (Table("", ("a", "b"), (("x", Figure(*bounds, 7)),)),))
    page = Page(write_html("t", [section]))
    (whisker,) = [attributes["d"] or "" for _, attributes in page.tags if attributes.get("class") == "whisker"]
    drawn = BAR.fullmatch(whisker)
    assert drawn
    assert float(drawn["start"]) >= 2
    assert float(drawn["start"]) + float(drawn["width"]) <= 102.5
    assert page.rows[-1] == ["x", f"{bounds[0]:.3f}"]


def test_a_figure_out_of_nothing_is_a_dash() -> None:
    section = Section("s", "", (Table("", ("a", "b"), (("x", Figure(None, None, None, 0)),)),))
    assert Page(write_html("t", [section])).rows[-1] == ["x", "–"]
    assert "| x | - |" in write_markdown("t", [section])


# ------------------------------------------------------------------------------------------------------ its parts


def test_comparison_and_search_appear_only_when_given(score: Score) -> None:
    plain = [section.title for section in make_sections(score)]
    assert not {"Compared", "Search"} & set(plain)
    worse = tuple(
        each.model_copy(update={"states": {**each.states, "decision": "wrong"}}) if each.number == 1 else each
        for each in score.outcomes
    )
    against = compare_scores(score, score.model_copy(update={"outcomes": worse, "name": "worse"}))
    sections = {each.title: each for each in make_sections(score, against=against, search=search_figures())}
    compared = sections["Compared"]
    assert "fields.decision.f1" in [row[0] for row in compared.tables[0].rows]
    assert "decision" in [row[0] for row in compared.tables[1].rows]
    assert any(line.startswith("LOST decision: norco_missing_uds.txt item 1") for line in compared.lines)
    search = sections["Search"]
    assert search.note == "2 queries of labels.yaml over 8 determinations."
    assert [row[0] for row in search.tables[1].rows] == [PROGRAM, DENSE]
    (line,) = search.lines
    assert line.startswith("l1: 1 of 2 found, 1 wrong; understood: reason: <b>missing</b>; ignored: zebra; fault: ")
    assert set(plain) < set(sections)


def test_the_run_is_told_with_what_was_left_out(score: Score) -> None:
    (table, _) = make_sections(score)[0].tables
    told = {str(row[0]): str(row[1]) for row in table.rows}
    assert told["extractor"] == "rules"
    assert told["judged"].startswith("4 letters, 0 of them failed")
    assert told["left out"].startswith("26 letters of the gold set that are not in the run, 0 of the run")
    assert score.gold.sha256[:12] in told["gold set"]
    assert "fictitious letters" in told["labels"]
    unfinished = score.model_copy(update={"manifest": score.manifest.model_copy(update={"finished": None})})
    (table, _) = make_sections(unfinished)[0].tables
    assert "NOT FINISHED" in str(dict(row[:2] for row in table.rows)["run"])  # type: ignore[misc]


def test_a_gold_set_without_reasons_makes_a_report_without_them(recorded: Path) -> None:
    rows, failed = read_letters_plainly([SAMPLES / f"{name}.txt" for name in NAMES])
    assert failed == []
    score = score_run(recorded, make_gold([GoldRow.model_validate(row) for row in rows], "regex", "0" * 64))
    sections = make_sections(score)
    titles = [section.title for section in sections]
    assert "Determinations and decisions" in titles
    assert not {"Reasons", "Reasons, code by code", "Urine drug screen"} & set(titles)
    assert Page(write_html("t", sections)).open == []


@pytest.mark.parametrize("out", ["r.html", "r.md", "r"])
def test_both_files_have_one_name(out: str) -> None:
    assert name_reports(out) == {"html": "r.html", "md": "r.md"}


def test_a_confusion_counts_every_judged_item(score: Score) -> None:
    (section,) = [each for each in make_sections(score) if each.title == "Determinations and decisions"]
    matrix = section.tables[-1]
    total = int(np.sum([[int(str(cell)) for cell in row[1:]] for row in matrix.rows]))
    assert total == sum("decision" in outcome.classes for outcome in score.outcomes)
