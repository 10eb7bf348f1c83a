"""The report of a score: the same sections as one self-contained HTML page and as Markdown.

A report is sections, a section tables, a table cells; a Figure in a cell is drawn with its interval on the page and
printed as "0.974 [0.959, 0.988]" in Markdown. Nothing is loaded from anywhere: styles stand in the page, plots are
inline SVG. Every text is escaped by the template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import jinja2

from imr_llm.terms.taxonomy import load_taxonomy

from .figures import ERRORS_IN, LEAST_GOLD, RESAMPLES, Figure
from .scoring import Score
from .search_scores import RANKINGS, SearchFigures
from .text import HEADLINES, make_table, show_figure

if TYPE_CHECKING:
    from .compare import Comparison

Cell = str | int | float | Figure
LONGEST_LIST = 400


@dataclass(frozen=True)
class Table:
    """A table; `caption` says what it shows and how to read it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A headed part of the report."""

    title: str
    note: str
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()


def make_sections(
    score: Score, *, against: Comparison | None = None, search: SearchFigures | None = None
) -> list[Section]:
    """The report's sections, in order."""
    sections = [_tell_run(score), _tell_headlines(score), _tell_decisions(score), _tell_fields(score)]
    if any(name.startswith("reasons.") for name in score.figures):
        sections += [_tell_reasons(score), _tell_codes(score)]
    sections += [_tell_screens(score), _tell_evidence(score), _tell_calibration(score), _tell_slices(score)]
    if against:
        sections.append(_tell_comparison(against))
    if search:
        sections.append(_tell_search(search))
    return [
        section for section in [*sections, _tell_errors(score), _tell_method(score)] if section.tables or section.lines
    ]


def write_markdown(title: str, sections: Sequence[Section]) -> str:
    """The report as Markdown."""
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.title}")
        if section.note:
            parts.append(section.note)
        for table in section.tables:
            rows = [[show_figure(cell) if isinstance(cell, Figure) else cell for cell in row] for row in table.rows]
            parts += [f"**{table.caption}**" if table.caption else "", make_table(table.head, rows)]
        if section.lines:
            parts.append("\n".join(f"- {line}" for line in section.lines))
    return "\n\n".join(part for part in parts if part) + "\n"


def write_html(title: str, sections: Sequence[Section]) -> str:
    """The report as one page."""
    template = resources.files("imr_llm.evals").joinpath("report.html.j2").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.tests["figure"] = lambda value: isinstance(value, Figure)
    return environment.from_string(template).render(title=title, sections=sections)


# ------------------------------------------------------------------------------------------------------- sections


def _tell_run(score: Score) -> Section:
    made, gold, cover, spent = score.manifest, score.gold, score.coverage, score.spent
    commit = "no checkout" if made.commit is None else made.commit + (" with uncommitted changes" if made.dirty else "")
    rows: list[tuple[Cell, ...]] = [
        ("extractor", made.extractor),
        ("model", f"{made.model} at {made.endpoint}" if made.model else "none"),
        ("prompt", f"{made.prompt} ({(made.prompt_sha256 or '')[:12]})" if made.prompt else "none"),
        ("program", f"{made.program_version}, commit {commit}, source {made.source_sha256[:12]}"),
        ("schema, taxonomy", f"{made.schema_sha256[:12]}, {made.taxonomy_version}"),
        ("machine", f"{made.machine.system} {made.machine.processor}, {made.machine.cpus} cores, Python {made.machine.python}"),
        ("run", f"{made.started} to {made.finished or 'NOT FINISHED'}"),
        ("gold set", f"{gold.name} ({gold.sha256[:12]}), {gold.letters} letters, {gold.determinations} determinations"),
        ("labels", gold.provenance),
        ("judged", f"{cover.letters} letters, {cover.failed} of them failed (what gold has of them counts as missing)"),
        ("left out", f"{len(cover.not_in_run)} letters of the gold set that are not in the run, {cover.not_in_gold} of the run that are not in gold"),
        ("determinations", f"{cover.gold_determinations} in gold, {cover.found_determinations} found"),
    ]  # fmt: skip
    if gold.abstentions:
        rows.append(("gold abstains", ", ".join(f"{name} {n}" for name, n in gold.abstentions.items())))
    letters = max(spent.letters, 1)
    cost = "not known" if spent.cost_usd is None else f"{spent.cost_usd / letters:.5f}"
    costs = (
        ("seconds", f"{spent.seconds / letters:.2f}", f"{spent.seconds_median:.2f}", f"{spent.seconds_most:.2f}"),
        ("calls", f"{spent.attempts / letters:.1f}", "", ""),
        ("input tokens", f"{spent.input_tokens / letters:.0f}", "", ""),
        ("of them cached", f"{spent.cached_tokens / letters:.0f}", "", ""),
        ("output tokens", f"{spent.output_tokens / letters:.0f}", "", ""),
        ("US dollars", cost, "", ""),
    )
    return Section("The run", "", (
        Table("What was run, and against what", ("", ""), tuple(rows)),
        Table("What a letter took", ("a letter", "mean", "median", "most"), costs),
    ))  # fmt: skip


def _tell_headlines(score: Score) -> Section:
    note = (
        "About nine of ten real determinations are upheld, so a program that always says so is right nine times of "
        "ten: read the overturned class and the macro averages, not the accuracy."
    )
    rows = tuple((label, f, f.n) for name, label in HEADLINES if (f := score.figure(name)).n)
    return Section("At a glance", note, (Table("F1 unless it says otherwise", ("figure", "value", "n"), rows),))


def _prf(score: Score, base: str) -> tuple[Figure, Figure, Figure]:
    return score.figure(f"{base}.precision"), score.figure(f"{base}.recall"), score.figure(f"{base}.f1")


def _classes(score: Score, field: str) -> list[str]:
    return [name.split(".")[1] for name in score.figures if name.startswith(f"{field}.") and name.endswith(".f1") and ".macro." not in name]  # fmt: skip


def _class_table(score: Score, field: str, caption: str) -> Iterator[Table]:
    labels = _classes(score, field)
    if not labels:
        return
    rows: list[tuple[Cell, ...]] = [(label, *_prf(score, f"{field}.{label}")) for label in labels]
    rows.append(("macro", "", "", score.figure(f"{field}.macro.f1")))
    rows.append(("accuracy", "", "", score.figure(f"{field}.accuracy")))
    yield Table(caption, ("class", "precision", "recall", "F1"), tuple(rows))
    pairs = Counter(outcome.classes[field] for outcome in score.outcomes if field in outcome.classes)
    ours = sorted({found or "nothing" for _, found in pairs})
    golds = sorted({gold or "not in gold" for gold, _ in pairs})
    matrix: tuple[tuple[Cell, ...], ...] = tuple(
        (
            gold,
            *(
                sum(n for (g, o), n in pairs.items() if (g or "not in gold", o or "nothing") == (gold, own))
                for own in ours
            ),
        )
        for gold in golds
    )
    yield Table("Gold in rows, the record in columns", ("gold", *ours), matrix)


def _tell_decisions(score: Score) -> Section:
    found = Table("Determinations, aligned by the best assignment of titles and numbers", (
        "", "precision", "recall", "F1"), (("determinations", *_prf(score, "determinations")),))  # fmt: skip
    tables = [found] if score.coverage.gold_determinations else []
    return Section(
        "Determinations and decisions", "", (*tables, *_class_table(score, "decision", "Decisions by class"))
    )


def _tell_fields(score: Score) -> Section:
    rows = tuple(
        (name, *_prf(score, f"fields.{name}"), c["right"], c["wrong"], c["missing"], c["invented"], c["absent"])
        for name, c in score.counts.items()
        if name not in ("reasons", "determinations")
    )
    note = "A value that differs is wrong, one that only gold has is missing, one that only the record has is invented. Lists count by their members."
    head = ("field", "precision", "recall", "F1", "right", "wrong", "missing", "invented", "neither has it")
    return Section("Fields", note, (Table("", head, rows),))


def _tell_reasons(score: Score) -> Section:
    rows: list[tuple[Cell, ...]] = [
        ("micro", *_prf(score, "reasons.micro")),
        (f"macro over the {score.figure('reasons.macro.f1').n} codes with {LEAST_GOLD} gold cases or more", *_prf(score, "reasons.macro")),
    ]  # fmt: skip
    groups = [
        name.split(".")[2] for name in score.figures if name.startswith("reasons.groups.") and name.endswith(".f1")
    ]
    shares: list[tuple[Cell, ...]] = [
        ("the whole set of an item right", score.figure("reasons.whole_set"), score.figure("reasons.whole_set").n),
        ("the primary reason right", score.figure("reasons.primary"), score.figure("reasons.primary").n),
        *(
            (f"right, of those found by {name.split('.')[2]}", figure, figure.n)
            for name in score.figures
            if name.startswith("reasons.found_by.") and (figure := score.figure(name)).n
        ),
    ]
    return Section("Reasons", "A set of codes for each determination.", (
        Table("", ("average", "precision", "recall", "F1"), tuple(rows)),
        Table("By group", ("group", "precision", "recall", "F1"), tuple((g, *_prf(score, f"reasons.groups.{g}")) for g in groups)),
        Table("", ("share", "value", "n"), tuple(shares)),
    ))  # fmt: skip


def _tell_codes(score: Score) -> Section:
    known = load_taxonomy().codes
    rows = []
    for code, counts in score.tables.codes.items():
        totals = counts.totals()
        group = known[code].group if code in known else "unknown"
        rows.append(
            (code, group, *_prf(score, f"reasons.codes.{code}"), totals["right"], totals["missing"], totals["invented"])
        )
    rows.sort(key=lambda row: (-(int(row[5]) + int(row[6])), row[0]))
    head = ("code", "group", "precision", "recall", "F1", "right", "missing", "invented")
    return Section("Reasons, code by code", "Most frequent in gold first.", (Table("", head, tuple(rows)),))


def _tell_screens(score: Score) -> Section:
    note = "Said to be missing, on record and bad, and not mentioned are three things: see what is taken for what."
    tables = [
        *_class_table(score, "uds_rationale", "What the rationale says of the patient's screen"),
        *_class_table(score, "uds_summary", "What the summary says"),
    ]
    return Section("Urine drug screen", note, tuple(tables))


def _tell_evidence(score: Score) -> Section:
    told = (
        ("evidence.verbatim", "text[start:end] is the quote"),
        ("evidence.inside", "inside its own item's rationale"),
        ("evidence.whole_words", "cuts no word or number in two"),
        ("evidence.located_exact", "of all quotes given: located exactly"),
        ("evidence.located_fuzzy", "of all quotes given: located nearly"),
        ("evidence.rejected", "of all quotes given: rejected, not in the record"),
        ("evidence.overlap", "overlap with the gold quote (intersection over union of characters)"),
        ("evidence.touches_gold", "touches the gold quote"),
    )
    rows = tuple((label, f, f.n) for name, label in told if (f := score.figure(name)).n)
    return Section("Evidence", "", (Table("", ("share", "value", "n"), rows),) if rows else ())


def _tell_calibration(score: Score) -> Section:
    told = (
        ("calibration.flagged", "items marked for a person's review"),
        ("calibration.errors_caught", "of the wrong items: marked"),
        ("calibration.wrong_if_flagged", "of the marked items: wrong"),
        ("calibration.wrong_if_not_flagged", "of the unmarked items: wrong"),
    )
    rows = [(label, f, f.n) for name, label in told if (f := score.figure(name)).n]
    rows += [
        (f"of those marked {name.split('.')[2]}: wrong", f, f.n)
        for name in score.figures
        if name.startswith("calibration.flags.") and (f := score.figure(name)).n
    ]
    note = f"What somebody would catch who looks at the marked items alone. Wrong: one of {', '.join(ERRORS_IN)} is."
    return Section("Review flags", note, (Table("", ("share", "value", "n"), tuple(rows)),) if rows else ())


def _tell_slices(score: Score) -> Section:
    names = sorted({tuple(name.split(".")[1:3]) for name in score.figures if name.startswith("slices.")})
    parts = ("decision", "treatment.subcategory", "treatment.drug", "reasons.f1")
    tables = []
    for kind in dict.fromkeys(name for name, _ in names):
        rows: list[tuple[Cell, ...]] = []
        for _, value in (pair for pair in names if pair[0] == kind):
            count = sum(outcome.slices.get(kind) == value for outcome in score.tables.items)
            rows.append((value, count, *(score.figure(f"slices.{kind}.{value}.{part}") for part in parts)))
        head = (kind, "items", "decision right", "subcategory right", "drug right", "reasons F1")
        tables.append(Table(f"By {kind}", head, tuple(sorted(rows, key=lambda row: -int(str(row[1]))))))
    return Section("Slices", "Few items make wide intervals: mind the count.", tuple(tables))


def _tell_comparison(comparison: Comparison) -> Section:
    changed = [
        c for c in comparison.changes if c.difference.value and not c.name.startswith(("slices.", "calibration."))
    ]
    rows = tuple(
        (
            change.name,
            change.before,
            change.after,
            f"{change.difference.value:+.3f} [{change.difference.low:+.3f}, {change.difference.high:+.3f}]",
            "fell" if change.fell_surely else "rose" if change.rose_surely else "within chance",
        )
        for change in changed
    )
    tests = tuple(
        (t.field, t.both_right, t.only_before, t.only_after, t.both_wrong, f"{t.p:.4f}") for t in comparison.tests
    )
    lines = [
        f"{'gained' if turn.gained else 'LOST'} {turn.field}: {turn.file}{f' item {turn.number}' if turn.number else ''}: {turn.what}"
        for turn in sorted(comparison.turns, key=lambda t: (t.gained, t.field, t.file, t.number or 0))
    ]
    note = f"{comparison.before} → {comparison.after}, {comparison.letters} letters that both judged; differences over the same resampled letters."
    if len(lines) > LONGEST_LIST:
        lines[LONGEST_LIST:] = [f"and {len(lines) - LONGEST_LIST} more"]
    note += f" {comparison.left_out} letters that only one of them judged are left out." if comparison.left_out else ""
    return Section("Compared", note, (
        Table("Figures that differ", ("figure", "before", "after", "difference [95 %]", ""), rows),
        Table("Paired items (McNemar, exact)", ("field", "both right", "only before", "only after", "both wrong", "p"), tests),
    ), tuple(lines))  # fmt: skip


def _tell_search(search: SearchFigures) -> Section:
    at = search.figures
    sets = tuple((name.removeprefix("set."), at[name], at[name].n) for name in at if name.startswith("set."))
    arms = tuple(dict.fromkeys(name.split(".")[1] for name in at if name.startswith("rank.")))
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            arm,
            *(at[f"rank.{arm}.{each}"] for each in RANKINGS),
            at.get(f"pairs.{arm}", Figure(None, None, None, 0)),
        )
        for arm in arms
    )
    lines = [
        f"{row.id}: {row.right} of {row.answers} found, {sum(m.wrong for m in row.misses)} wrong; understood: "
        f"{'; '.join(row.parse) or 'nothing'}; ignored: {', '.join(row.ignored) or 'nothing'}; fault: "
        + ", ".join(f"{fault} {n}" for fault, n in Counter(miss.fault for miss in row.misses).items())
        for row in search.rows
        if row.misses
    ]
    note = f"{len(search.rows)} queries of {search.queries} over {search.determinations} determinations."
    return Section("Search", note, (
        Table("Answers as sets", ("", "value", "queries"), sets),
        Table("Answers as rankings", ("", *RANKINGS, "both of a pair right"), rows),
    ), tuple(lines))  # fmt: skip


def _tell_errors(score: Score) -> Section:
    lines = []
    for outcome in score.outcomes:
        where = outcome.file + (f" item {outcome.number}" if outcome.number else "")
        if outcome.number is None and outcome.found is not None:
            lines.append(f"{where}: item {outcome.found} of the record is not in gold")
            continue
        for field, state in outcome.states.items():
            if state in ("correct", "absent"):
                continue
            members = outcome.sets.get(field)
            told: str = state
            if members:
                told = "; ".join(
                    f"{side} {', '.join(getattr(members, side))}"
                    for side in ("missing", "invented")
                    if getattr(members, side)
                )
            lines.append(f"{where}: {field}: {told}")
    more = len(lines) - LONGEST_LIST
    shown = lines[:LONGEST_LIST] + ([f"and {more} more"] if more > 0 else [])
    return Section("Everything that is not right", "", (), tuple(shown))


def _tell_method(score: Score) -> Section:
    lines = (
        f"Intervals: 95 %, percentiles of {RESAMPLES} bootstrap samples of letters (a letter's items go together).",
        "precision = right / (right + wrong + invented); recall = right / (right + wrong + missing); F1 their harmonic mean.",
        "Items of gold and record are aligned by the assignment that fits titles and numbers best; what fits none is missing or invented.",
        "Letters that failed stay in: all that gold has of them is missing. Every figure by its name: imr-llm eval score --json.",
        f"Labels: {score.gold.provenance}.",
    )
    return Section("How it was measured", "", (), lines)


def name_reports(out: str) -> Mapping[str, str]:
    """The two files of a report: the page as named, the Markdown beside it."""
    base = out.removesuffix(".html").removesuffix(".md")
    return {"html": f"{base}.html", "md": f"{base}.md"}
