"""The page: cards and letters as safe HTML, evidence marked by its offsets, and who may connect to it."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import imr_llm
from imr_llm.errors import ConfigurationError, DamagedInput, EmptyInput
from imr_llm.record import (
    Case,
    Contradiction,
    Determination,
    Evidence,
    LetterInfo,
    Patient,
    Rationale,
    Reason,
    Request,
    Review,
    Run,
    Span,
)
from imr_llm.search.facets import Facet, FacetValue
from imr_llm.search.hits import Answer, Hit, HitEvidence, NearMiss
from imr_llm.search.query import Filter, Query, parse_query
from imr_llm.search.refinement import Refinement, filter_key, read_refinement, refine
from imr_llm.search.similar import Case as SimilarCase
from imr_llm.search.similar import SimilarAnswer, SimilarHit
from imr_llm.search.stats import Group, Rate, Statistics

ROOT = Path(__file__).resolve().parents[1]
if importlib.util.find_spec("imr_llm.app") is None:  # a checkout that is not installed: the page lies beside src
    imr_llm.__path__.append(str(ROOT))

from imr_llm.app import (  # noqa: E402
    answers,
    cards,
    compare_view,
    figures,
    hosts,
    labels,
    letter_view,
    marking,
    notices,
    page,
    results,
    similar_view,
)

ATTACK = '<script>alert(1)</script><img src=x onerror="alert(2)">\'"&{{value}}${value}'

SUMMARY = "The worker takes Norco; the screen of March was consistent with it."
FINDING = "No urine drug screen was found\nin the records that were sent."
RATIONALE = f"Opioids call for monitoring. {FINDING} The request is not necessary {ATTACK}."
TEXT = f"CLINICAL CASE SUMMARY\n{SUMMARY}\nNorco 10/325 #90: Upheld\nDecision rationale: {RATIONALE}\n"


class Reader(HTMLParser):
    """What a browser would make of a piece of HTML: its text, its tags with attributes, and what is marked."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.marked: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("input", "br"):
            self.open.append(tag)
        if tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked[-1] += data


def read_html(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


def assert_safe(reader: Reader) -> None:
    assert not {"script", "img", "iframe", "object"} & {tag for tag, _ in reader.tags}
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]


def locate(words: str) -> dict[str, Any]:
    start = TEXT.index(words)
    return {"quote": words, "start": start, "end": start + len(words)}


def make_review(**changes: Any) -> Review:
    rationale = locate(RATIONALE)
    determination = Determination(
        number=1,
        title=f"Norco 10/325 #90 {ATTACK}",
        request=Request(disputed="Norco 10/325 #90"),
        decision="upheld",
        rationale=Rationale(start=rationale["start"], end=rationale["end"], text=RATIONALE),
        reasons=[
            Reason(
                code="missing_urine_drug_screen",
                polarity="denial",
                primary=True,
                evidence=Evidence(**locate(FINDING)),
            )
        ],
        contradictions=[
            Contradiction(
                topic="urine_drug_screen",
                summary_evidence=Span(**locate("the screen of March was consistent with it")),
                rationale_evidence=Span(**locate(FINDING)),
            )
        ],
        needs_review=[f"the decision line is unusual {ATTACK}"],
    )
    review = Review(
        letter=LetterInfo(
            letter_id="ab" * 32,
            source="letters/one.pdf",
            file="one.pdf",
            media_type="application/pdf",
            pages=2,
            characters=len(TEXT),
            layout="standard",
        ),
        case=Case(case_number="CM16-0000001", decision_date=datetime.date(2016, 12, 9)),
        patient=Patient(age=48, sex="female"),
        determinations=[determination],
        run=Run(extractor="rules", schema_sha256="s", taxonomy_version="3", program_version="0"),
    )
    return review.model_copy(update=changes)


def make_hit(**changes: Any) -> Hit:
    values: dict[str, Any] = {
        "letter_id": "ab" * 32,
        "file": "one.pdf",
        "case_number": "CM16-0000001",
        "number": 1,
        "title": f"Norco 10/325 #90 {ATTACK}",
        "decision": "upheld",
        "score": 1.0,
        "reasons": ("missing_urine_drug_screen",),
        "evidence": (HitEvidence(**locate(FINDING), code="missing_urine_drug_screen"),),
        "why": f"reason found {ATTACK}",
    }
    return Hit(**{**values, **changes})


def make_answer(*hits: Hit, query: Query | None = None, notes: tuple[str, ...] = ()) -> Answer:
    return Answer(query or Query("norco"), len(hits), hits, 1, 1, notes)


# ---------------------------------------------------------------------------------------------------- marking


@pytest.mark.parametrize(
    ("text", "marks", "marked"),
    [
        ("no screen on file", [(3, 9)], ["screen"]),
        ("no screen on file", [], []),
        ("no screen on file", [(0, 9), (3, 17)], ["no ", "screen", " on file"]),  # overlap: cut, never nested
        ("no screen on file", [(0, 17), (3, 9)], ["no ", "screen", " on file"]),  # one inside another
        ("a < b & c", [(2, 5)], ["< b"]),  # offsets count characters of the text, not of the HTML
        ("short", [(2, 99)], ["ort"]),  # beyond the end
        ("short", [(3, 3), (4, 2)], []),  # empty and reversed marks are none
    ],
)
def test_marks_stand_at_their_offsets(text: str, marks: list[tuple[int, int]], marked: list[str]) -> None:
    reader = read_html(marking.mark_text(text, [marking.Mark(start, end, "denial") for start, end in marks]))
    assert reader.text == text
    assert reader.marked == marked


def test_an_attack_in_a_letter_is_shown_as_text() -> None:
    reader = read_html(marking.mark_text(ATTACK, [marking.Mark(3, 30, 'x" onclick="y', ATTACK)]))
    assert reader.text == ATTACK
    assert_safe(reader)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 70 + "\nreads on", "x" * 70 + " reads on"),
        ("short line\nnext line", "short line\nnext line"),
        ("x" * 70 + "\n\nnext paragraph", "x" * 70 + "\n\nnext paragraph"),
        ("x" * 70 + "\nDecision rationale: no", "x" * 70 + "\nDecision rationale: no"),
        ("x" * 66 + " documen\ufffe\ntation", "x" * 66 + " documentation"),
        ("x" * 70 + "\n\fnext page", "x" * 70 + " next page"),
        ("\n\n".join(["y" * 80] * 6), " ".join(["y" * 80] * 6)),  # an empty line after every line
    ],
)
def test_page_width_line_breaks_are_not_shown(text: str, shown: str) -> None:
    flowing = marking.reflow(text)
    assert len(flowing) == len(text)
    assert unescape(marking.escape_text(flowing)) == shown


def test_characters_that_would_not_print_or_would_reorder_the_text_are_replaced() -> None:
    assert marking.escape_text("a\x00b\u202ec\u200bd") == "a\ufffdb\ufffdcd"


def test_a_quote_stands_in_its_neighbourhood_cut_at_words() -> None:
    text = "far away words " * 20 + "no screen" + " and more words" * 20
    start = text.index("no screen")
    reader = read_html(marking.quote_in_context(text, start, start + 9, kind="denial", around=30))
    assert reader.marked == ["no screen"]
    assert reader.text.startswith("… away words far away words no screen and more")
    assert reader.text.endswith("and more …")


# ------------------------------------------------------------------------------------------------------ cards


def test_a_card_says_what_was_decided_why_and_in_whose_words() -> None:
    reader = read_html(results.render_answer(make_answer(make_hit()), {"ab" * 32: make_review()}))
    flat = " ".join(reader.text.split())
    for words in (
        "Upheld",
        "the denial stands",
        "CM16-0000001",
        "decided 9 Dec 2016",
        "Why it matched",
        "1 determination",
    ):
        assert words in flat
    assert labels.label_reason("missing_urine_drug_screen") in flat
    assert " ".join(FINDING.split()) in [" ".join(marked.split()) for marked in reader.marked]


def test_a_card_shows_both_sides_of_a_contradiction() -> None:
    reader = read_html(cards.render_hit(make_hit(notes=("the summary contradicts the rationale",)), make_review()))
    assert "The letter contradicts itself" in reader.text
    assert "the screen of March was consistent with it" in reader.marked
    assert "the summary contradicts the rationale" not in reader.text  # said once


@pytest.mark.parametrize("review", [make_review(), None])
def test_a_card_is_safe_html(review: Review | None) -> None:
    reader = read_html(cards.render_hit(make_hit(), review))
    assert ATTACK in reader.text
    assert_safe(reader)


def test_a_quote_outside_the_rationale_is_shown_by_itself() -> None:
    evidence = (HitEvidence(ATTACK, 0, len(ATTACK)),)
    reader = read_html(cards.render_hit(make_hit(evidence=evidence), make_review(determinations=[])))
    assert reader.marked == [ATTACK]


def test_a_card_links_to_its_letter() -> None:
    reader = read_html(cards.render_hit(make_hit(number=3), None))
    links = [attributes for tag, attributes in reader.tags if tag == "a"]
    assert [link["href"] for link in links] == [f"?letter={'ab' * 32}&item=3"]


def test_the_question_is_shown_as_it_was_read() -> None:
    query = Query(
        "please Noroc denied",
        filters=(Filter("decision", "is", ("upheld",), f"decision: upheld {ATTACK}", "denied"),),
        ignored=("please",),
        notes=("“Noroc” was read as Norco",),
    )
    reader = read_html(results.render_answer(make_answer(make_hit(), query=query, notes=query.notes), {}))
    assert "decision: upheld" in reader.text
    assert "“denied”" in reader.text
    assert "Not used please" in reader.text
    assert reader.text.count("“Noroc” was read as Norco") == 1
    assert_safe(reader)


def test_every_filter_can_be_removed_and_the_question_had_as_it_was_asked() -> None:
    query = parse_query("Norco denied")
    reader = read_html(results.render_answer(make_answer(make_hit(), query=query), {}))
    removals = [
        tag["aria-label"] for _, tag in reader.tags if str(tag.get("aria-label", "")).startswith("remove filter")
    ]
    assert removals == [f"remove filter {chip.label}" for chip in query.filters]
    assert "As asked" not in reader.text
    edited = Refinement(dropped=(filter_key(query.filters[0]),))
    answer = make_answer(make_hit(), query=refine(query, edited))
    assert "As asked" in read_html(results.render_answer(answer, {}, refinement=edited)).text


def test_words_that_prove_two_reasons_are_shown_once() -> None:
    pieces = tuple(
        HitEvidence(**locate(FINDING), code=code) for code in ("missing_urine_drug_screen", "no_weaning_plan")
    )
    reader = read_html(cards.render_hit(make_hit(evidence=pieces), make_review(determinations=[])))
    assert len(reader.marked) == 1
    for piece in pieces:
        assert reader.text.count(labels.label_reason(str(piece.code))) >= 1


def test_an_answer_carries_its_own_address() -> None:
    edited = Refinement(added=(("year", "2016"),))
    query = refine(parse_query(f"Norco {ATTACK}"), edited)
    answer = make_answer(make_hit(), query=query)
    reader = read_html(results.render_answer(answer, {}, refinement=edited, ids=("abcd.1",)))
    (wrapper,) = [tag for _, tag in reader.tags if tag.get("class") == "imr-result"]
    assert wrapper["data-question"] == f"Norco {ATTACK}"
    assert read_refinement(str(wrapper["data-refinement"])) == edited
    assert wrapper["data-ids"] == "abcd.1"
    assert_safe(reader)


def test_facets_are_buttons_with_exact_counts() -> None:
    values = (FacetValue("upheld", "upheld", 3, True), FacetValue("overturned", "overturned", 1, False))
    answer = make_answer(make_hit(), query=parse_query("Norco denied"))
    facets = (Facet("decision", "decision", values),)
    reader = read_html(results.render_answer(answer, {}, facets=facets))
    pressed = {tag["data-facet"]: tag["aria-pressed"] for _, tag in reader.tags if "data-facet" in tag}
    assert pressed == {"decision=upheld": "true", "decision=overturned": "false"}
    assert "Overturned 1" in " ".join(reader.text.split())


def test_near_misses_say_what_matched_and_what_did_not() -> None:
    failed = Filter("decision", "any", ("overturned",), "decision: overturned", "overturned")
    misses = (NearMiss(make_hit(why="drug: Norco"), failed, f"decision: upheld {ATTACK}"),)
    answer = dataclasses.replace(make_answer(make_hit()), near_misses=misses)
    reader = read_html(results.render_answer(answer, {}))
    flat = " ".join(reader.text.split())
    assert "Matched drug: Norco" in flat.replace("Matched", "Matched ").replace("  ", " ")
    assert f"decision: upheld {ATTACK}" in reader.text
    assert_safe(reader)


def test_determinations_stand_side_by_side() -> None:
    review = make_review()
    pair = (review, review.determinations[0])
    reader = read_html(compare_view.render_comparison([pair, pair]))
    rows = [tag for tag, attributes in reader.tags if tag == "th" and attributes.get("scope") == "row"]
    columns = [tag for tag, attributes in reader.tags if tag == "th" and attributes.get("scope") == "col"]
    assert (len(rows), len(columns)) == (8, 2)
    assert "in all" in reader.text
    assert_safe(reader)


def test_a_refusal_gives_its_reason_and_no_cards() -> None:
    reader = read_html(
        results.render_answer(make_answer(make_hit(), query=Query("who", refused="names are not kept")), {})
    )
    assert "names are not kept" in reader.text
    assert "Why it matched" not in reader.text


def test_no_hit_says_so() -> None:
    reader = read_html(results.render_answer(make_answer(notes=("none found in the 3 letters",)), {}))
    assert "Nothing fits" in reader.text
    assert "none found in the 3 letters" in reader.text


def test_an_empty_library_says_how_to_fill_it() -> None:
    assert "imr-llm extract FOLDER" in read_html(notices.render_empty_library("my library")).text


def test_similar_cases_stand_side_by_side_with_the_reasons_that_differ() -> None:
    def answer(decision: str, *codes: str) -> SimilarAnswer:
        hit = SimilarHit(
            letter_id="ab" * 32,
            file="one.pdf",
            case_number=None,
            number=1,
            title="Norco",
            decision=decision,
            score=1.0,
            reasons=codes,
            evidence=(),
            shared=("same drug: Norco",),
            differing=(f"turned on, and not in the text: {labels.label_reason(codes[0])}",),
        )
        return SimilarAnswer(SimilarCase(drugs=("hydrocodone/acetaminophen",)), 2, (hit,))

    both = {
        "upheld": answer("upheld", "missing_urine_drug_screen", "no_treatment_goals"),
        "overturned": answer("overturned", "guideline_criteria_met"),
    }
    text = " ".join(read_html(similar_view.render_similar(both, {})).text.split())
    turned_on = text[text.index("What they turned on") :]
    for code in ("missing_urine_drug_screen", "no_treatment_goals", "guideline_criteria_met"):
        assert labels.label_reason(code) in turned_on
    assert "same drug: Norco" in text
    assert "turned on, and not in the text" not in text  # the label beside it says so


# ----------------------------------------------------------------------------------------------------- letter


def test_the_letter_is_shown_whole_with_its_evidence_in_place() -> None:
    reader = read_html(letter_view.render_text(make_review(), TEXT, 1))
    assert " ".join(reader.text.split()) == " ".join(TEXT.split())
    marked = [" ".join(piece.split()) for piece in reader.marked]
    assert marked == ["the screen of March was consistent with it", " ".join(FINDING.split())]
    assert_safe(reader)


def test_the_letter_view_names_the_case_and_opens_at_the_determination() -> None:
    reader = read_html(letter_view.render_letter(make_review(), TEXT, 1))
    assert "CM16-0000001" in reader.text
    assert "For a person to check" in reader.text
    assert any(attributes.get("id") == "imr-item-1" for _, attributes in reader.tags)
    assert_safe(reader)


def test_a_letter_without_determinations_is_still_shown() -> None:
    reader = read_html(letter_view.render_letter(make_review(determinations=[]), TEXT))
    assert "No decision was found" in reader.text
    assert "Decision rationale" in reader.text


# ---------------------------------------------------------------------------------------------------- figures


def make_statistics() -> Statistics:
    rate, none = Rate(1, 4, 0.25, 0.0456, 0.6994), Rate(0, 0, None, None, None)
    group = Group("opioid", f"opioid {ATTACK}", 4, 3, Rate(3, 4, 0.75, 0.3006, 0.9544), rate, none, small=True)
    return Statistics(Query(""), "category", "all letters", group, (group,), 1, overlapping=True)


def test_figures_name_n_and_interval() -> None:
    reader = read_html(figures.render_statistics(make_statistics()))
    text = " ".join(reader.text.split())
    for words in ("25%", "1 of 4", "5–70%", "few", "do not add up"):
        assert words in text
    assert_safe(reader)


# ------------------------------------------------------------------------------------------------- connecting


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False),
        ("192.168.1.5", False), ("localhost.example.org", False), ("", False),
    ],
)  # fmt: skip
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert hosts.is_loopback(host) is loopback


def test_a_host_open_to_others_needs_auth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMR_AUTH", raising=False)
    with pytest.raises(ConfigurationError, match="IMR_AUTH"):
        page.serve(tmp_path, host="0.0.0.0")


@pytest.mark.parametrize("setting", ["nobody", ":secret", "nobody:"])
def test_malformed_auth_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="user:password"):
        page.read_auth(setting)


def test_auth_may_hold_a_colon_in_the_password() -> None:
    assert page.read_auth("nobody:a:b") == ("nobody", "a:b")
    assert page.read_auth(None) is None


@pytest.mark.parametrize(
    ("username", "host", "allowed"),
    [(None, "127.0.0.1", True), (None, "::1", True), (None, "192.168.1.7", False), ("nobody", "192.168.1.7", True)],
)
def test_only_this_machine_or_a_login_may_write(username: str | None, host: str, allowed: bool) -> None:
    pytest.importorskip("gradio")
    from imr_llm.app.wiring import may_write

    request = SimpleNamespace(username=username, client=SimpleNamespace(host=host))
    assert may_write(request) is allowed  # type: ignore[arg-type]


def test_importing_the_page_turns_analytics_off_and_leaves_gradio_alone() -> None:
    code = (
        f"import sys, imr_llm; imr_llm.__path__.append({str(ROOT)!r})\n"
        "import imr_llm.app.page, os; print(os.environ['GRADIO_ANALYTICS_ENABLED'], 'gradio' in sys.modules)"
    )
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "True", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_style_asks_for_nothing_from_elsewhere() -> None:
    assert not re.search(r"https?:|@import|url\(", page.STYLE.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------------ upload


def test_an_export_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imr_llm.letters.letter import Letter
    from imr_llm.library.store import Library

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with Library.open(tmp_path / "library") as library:
        library.put_review(Letter("ab" * 32, "letters/one.pdf", "one.pdf", "application/pdf", 2, TEXT), make_review())
        made = answers.make_export(answers.OpenLibrary(library, None), "", "jsonl")
    lines = base64.b64decode(made).decode("utf-8").splitlines()
    assert [json.loads(line)["file"] for line in lines] == ["one.pdf"]
    assert list(scratch.iterdir()) == []


def test_an_upload_is_read_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "draft.txt"
    file.write_text("Norco was denied.", encoding="utf-8")
    assert answers.read_upload(file) == "Norco was denied."
    assert not file.exists()


@pytest.mark.parametrize(
    ("name", "data", "error"), [("draft.txt", b"  ", EmptyInput), ("draft.pdf", b"not a pdf", DamagedInput)]
)
def test_an_unreadable_upload_is_named_without_its_folder(
    tmp_path: Path, name: str, data: bytes, error: type[Exception]
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(error) as caught:
        answers.read_upload(file)
    assert name in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert not file.exists()


# ----------------------------------------------------------------------------------------------- over the wire


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page over a library of one letter, served on a free loopback port."""
    pytest.importorskip("gradio")
    from imr_llm.letters.letter import Letter
    from imr_llm.library.store import Library

    path = tmp_path_factory.mktemp("library")
    with Library.open(path) as library:
        library.put_review(Letter("ab" * 32, "letters/one.pdf", "one.pdf", "application/pdf", 2, TEXT), make_review())
    blocks = page.build_page(path)
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **page.launch_settings())
    yield url
    blocks.close(verbose=False)


def call(address: str, name: str, *values: Any) -> Any:
    from gradio_client import Client

    client = Client(address, verbose=False, analytics_enabled=False)
    return client.predict(*values, api_name=f"/{name}")


def test_the_api_is_the_four_endpoints_alone(address: str) -> None:
    import httpx

    named = httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]
    assert set(named) == {"/search", "/similar", "/statistics", "/get_review"}


def test_the_api_answers(address: str) -> None:
    found = call(address, "search", "find cases denied for missing UDS", 5)
    assert [hit["number"] for hit in found["hits"]] == [1]
    evidence = found["hits"][0]["evidence"][0]
    assert TEXT[evidence["start"] : evidence["end"]] == evidence["quote"]
    refined = call(address, "search", "denied for missing UDS", 5, '{"add": [["decision", "overturned"]]}')
    assert [chip["value"] for chip in refined["query"]["filters"] if chip["field"] == "decision"] == [
        ["upheld", "overturned"]
    ]
    assert call(address, "get_review", "CM16-0000001")["letter"]["file"] == "one.pdf"
    assert call(address, "similar", "Norco denied, no drug screen", "", 3)["total"] == 1
    assert call(address, "statistics", "", "decision")["by"] == "decision"


def test_the_api_tells_our_errors(address: str) -> None:
    with pytest.raises(Exception, match="CM16-9999999"):
        call(address, "get_review", "CM16-9999999")


def test_every_answer_forbids_loading_from_elsewhere(address: str) -> None:
    import httpx

    page_itself = httpx.get(address)
    assert "default-src 'self'" in page_itself.headers["content-security-policy"]
    assert page_itself.headers["referrer-policy"] == "no-referrer"
    assert "fonts.googleapis" not in page_itself.text.split("window.gradio_config")[-1]


def test_another_sites_name_for_this_machine_is_refused(address: str) -> None:
    import httpx

    assert httpx.get(address, headers={"Host": "attacker.example"}).status_code == 400


def test_with_auth_nothing_is_answered_without_it(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    import httpx

    settings = page.launch_settings("127.0.0.1", ("nobody", "secret"))
    blocks = page.build_page(tmp_path / "library")
    _, url, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **settings)
    try:
        for path in ("config", "gradio_api/info", "gradio_api/openapi.json"):
            assert httpx.get(url + path).status_code == 401
        asked = httpx.post(url + "gradio_api/call/search", json={"data": ["Norco", 2]})
        assert asked.status_code == 401
        assert httpx.get(url + "gradio_api/mcp/schema").status_code == 404
    finally:
        blocks.close(verbose=False)


def test_mcp_tools_are_the_four_endpoints(address: str) -> None:
    pytest.importorskip("mcp")
    import httpx

    tools = httpx.get(f"{address}gradio_api/mcp/schema").json()
    assert sorted(tool["name"] for tool in tools) == ["get_review", "search", "similar", "statistics"]
    assert all(tool["inputSchema"]["properties"] for tool in tools)


def test_threads_share_the_page(address: str) -> None:
    totals: list[int] = []
    threads = [
        threading.Thread(target=lambda: totals.append(call(address, "search", "denied for missing UDS", 5)["total"]))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [1, 1, 1]
