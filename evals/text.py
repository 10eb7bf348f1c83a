"""Scores, comparisons and search figures as Markdown tables: for the terminal, for files, for a commit's message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from .figures import Figure
from .scoring import Score
from .search_scores import ARMS, RANKINGS, QueryRow, SearchFigures

if TYPE_CHECKING:  # these bring scipy and Chroma
    from .compare import Change, Comparison
    from .gate import Verdict

HEADLINES = (
    ("determinations.f1", "determinations found"),
    ("decision.overturned.f1", "overturned"),
    ("decision.upheld.f1", "upheld"),
    ("decision.macro.f1", "decision, macro"),
    ("reasons.micro.f1", "reasons, micro"),
    ("reasons.macro.f1", "reasons, macro over codes with 3 gold cases or more"),
    ("reasons.primary", "primary reason"),
    ("fields.treatment.subcategory.f1", "treatment subcategory"),
    ("fields.treatment.drug.f1", "drug"),
    ("uds_rationale.macro.f1", "urine drug screen in the rationale, macro over states"),
    ("evidence.verbatim", "evidence verbatim at its offsets"),
    ("evidence.overlap", "evidence overlap with the gold quote"),
    ("calibration.errors_caught", "wrong items that a reviewer of the flagged ones would see"),
)


def make_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table, its columns padded so that it reads on a terminal too; all but the first align right."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(head), *cells]) for at in range(len(head))]

    def line(row: Sequence[str]) -> str:
        padded = [cell.ljust(widths[at]) if at == 0 else cell.rjust(widths[at]) for at, cell in enumerate(row)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ("-" if at == 0 else ":") for at, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in cells)])


def show_figure(figure: Figure) -> str:
    """ "0.974 [0.959, 0.988]"."""
    return "-" if figure.value is None else f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def show_score(score: Score) -> str:
    """What to know first of a score, and then every field."""
    parts = [describe_score(score), make_table(
        ("figure", "value [95 %]", "n"),
        ((label, show_figure(f), f.n) for name, label in HEADLINES if (f := score.figure(name)).n),
    ), make_table(
        ("field", "precision", "recall", "F1 [95 %]", "right", "wrong", "missing", "invented"), list_fields(score)
    )]  # fmt: skip
    return "\n\n".join(parts)


def describe_score(score: Score) -> str:
    """Run, gold and coverage, in lines."""
    made, gold, cover, spent = score.manifest, score.gold, score.coverage, score.spent
    model = f", model {made.model}, prompt {made.prompt}" if made.model else ""
    commit = f"{made.commit[:12]}{' with changes' if made.dirty else ''}" if made.commit else "no checkout"
    lines = [
        f"run {score.name}: extractor {made.extractor}{model}; program {made.program_version}, {commit}",
        f"gold {gold.name} ({gold.sha256[:12]}), {gold.determinations} determinations: labels {gold.provenance}",
        f"{cover.letters} letters judged, {cover.failed} of them failed; {cover.gold_determinations} determinations in "
        f"gold, {cover.found_determinations} found",
        f"{spent.seconds_median:.2f} s a letter (median; most {spent.seconds_most:.2f}), {spent.attempts} calls, "
        f"{spent.input_tokens} input and {spent.output_tokens} output tokens, "
        + ("cost not known" if spent.cost_usd is None else f"{spent.cost_usd:.4f} USD"),
    ]
    if not cover.finished:
        lines.append("NOT FINISHED: the run has not gone through all its letters; run it again to go on")
    if cover.not_in_run:
        lines.append(f"{len(cover.not_in_run)} letters of the gold set are not in the run and were left out")
    if cover.not_in_gold:
        lines.append(f"{cover.not_in_gold} letters of the run are not in the gold set and were left out")
    if gold.abstentions:
        told = ", ".join(f"{name} {number}" for name, number in gold.abstentions.items())
        lines.append(f"gold abstains on: {told}")
    if gold.unknown_keys:
        lines.append(f"keys of the gold set that nothing is scored for: {', '.join(gold.unknown_keys)}")
    return "\n".join(lines)


def list_fields(score: Score) -> list[tuple[object, ...]]:
    """A row a field."""
    rows: list[tuple[object, ...]] = []
    for name, counts in score.counts.items():
        if not any(counts[side] for side in ("right", "wrong", "missing", "invented")):
            continue  # neither side has it anywhere
        base = {"determinations": "determinations", "reasons": "reasons.micro"}.get(name, f"fields.{name}")
        precision, recall, f1 = (score.figure(f"{base}.{part}") for part in ("precision", "recall", "f1"))
        rows.append((
            name, _plain(precision), _plain(recall), show_figure(f1),
            counts["right"], counts["wrong"], counts["missing"], counts["invented"],
        ))  # fmt: skip
    return rows


def _plain(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3f}"


def show_comparison(comparison: Comparison, *, every: bool = False) -> str:
    """What differs (or `every` figure), McNemar's tests, and the letters behind it."""
    changes = [change for change in comparison.changes if every or change.difference.value or _appears(change)]
    named = [change for change in changes if not change.name.startswith(("slices.", "calibration."))]
    parts = [
        f"{comparison.before} -> {comparison.after}: {comparison.letters} letters compared"
        + (f", {comparison.left_out} left out (only in one of the two)" if comparison.left_out else ""),
        make_table(("figure", "before", "after", "difference [95 %]"), (_row(change) for change in named))
        if named
        else "no figure differs",
        make_table(
            ("field", "both right", "only before", "only after", "both wrong", "McNemar p"),
            (
                (t.field, t.both_right, t.only_before, t.only_after, t.both_wrong, f"{t.p:.4f}")
                for t in comparison.tests
            ),
        ),
    ]
    for gained, title in ((False, "Lost"), (True, "Gained")):
        turns = sorted(
            (t for t in comparison.turns if t.gained is gained), key=lambda t: (t.field, t.file, t.number or 0, t.what)
        )
        if turns:
            rows = [f"- {t.field}: {t.file}{f' item {t.number}' if t.number else ''}: {t.what}" for t in turns]
            parts.append(f"{title} ({len(turns)})\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _appears(change: Change) -> bool:
    return (change.before.value is None) != (change.after.value is None)


def _row(change: Change) -> tuple[str, str, str, str]:
    difference = change.difference
    mark = " -" if change.fell_surely else " +" if change.rose_surely else ""
    told = (
        "-" if difference.value is None
        else f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]{mark}"
    )  # fmt: skip
    return change.name, _plain(change.before), _plain(change.after), told


def show_search(figures: SearchFigures, texts: Mapping[str, str], *, failures: bool = True) -> str:
    """Sets, rankings with the baselines, pairs, and the failures with the parse that caused them."""
    at = figures.figures
    asked = f"{len(figures.rows)} queries of {figures.queries} ({figures.sha256[:12]}) over {figures.determinations} "
    told = (
        asked + "determinations" + (f"; {len(figures.skipped)} left out, not labelled here" if figures.skipped else "")
    )
    sets = [name for name in at if name.startswith("set.")]
    arms = [arm for arm in ARMS if f"rank.{arm}.ndcg@10" in at]
    parts = [
        told,
        make_table(("set", "value [95 %]", "queries"), ((name, show_figure(at[name]), at[name].n) for name in sets)),
        make_table(
            ("ranking", *RANKINGS, "both of a pair right"),
            (
                (
                    arm,
                    *(show_figure(at[f"rank.{arm}.{name}"]) for name in RANKINGS),
                    show_figure(at[f"pairs.{arm}"]) if f"pairs.{arm}" in at else "-",
                )
                for arm in arms
            ),
        ),
    ]
    wrong = [row for row in figures.rows if row.misses]
    if wrong and failures:
        parts.append(f"Failures ({len(wrong)})\n" + "\n".join(_show_failure(row, texts) for row in wrong))
    return "\n\n".join(parts)


def _show_failure(row: QueryRow, texts: Mapping[str, str]) -> str:
    missing = [miss for miss in row.misses if not miss.wrong]
    wrong = [miss for miss in row.misses if miss.wrong]
    lines = [
        f"- {row.id} {texts.get(row.id, '')!r}: {row.right} of {row.answers} found, {len(wrong)} wrong",
        f"  understood: {'; '.join(row.parse) or 'nothing'}"
        + (f"; ignored: {', '.join(row.ignored)}" if row.ignored else ""),
    ]
    for label, misses in (("missing", missing), ("wrong", wrong)):
        if misses:
            shown = [f"{miss.file}#{miss.number} ({miss.fault})" for miss in misses[:5]]
            lines.append(f"  {label}: {', '.join(shown)}" + (f" and {len(misses) - 5} more" if len(misses) > 5 else ""))
    return "\n".join(lines)


def show_verdict(verdict: Verdict) -> str:
    """What the gate found: every fall with the items behind it, and what was lost without a figure falling too far."""
    lines = [
        f"{name}: {n} {'queries' if '-search-' in name else 'letters'} compared" for name, n in verdict.compared.items()
    ]
    lines += [f"{name}: left out, its letters are not at hand" for name in verdict.left_out]
    for name, turns in verdict.lost.items():
        if turns or verdict.gained[name]:
            lines.append(f"{name}: {len(turns)} lost, {verdict.gained[name]} gained against the baseline")
            lines += [
                f"  lost: {turn.field}: {turn.file}{f' item {turn.number}' if turn.number else ''}: {turn.what}"
                for turn in turns[:20]
            ]
            if len(turns) > 20:
                lines.append(f"  and {len(turns) - 20} more")
    for fall in verdict.falls:
        lines.append(f"FELL {fall.baseline} {fall.figure}: {_plain(fall.before)} -> {_plain(fall.after)}, {fall.why}")
        lines += [f"  {item}" for item in fall.items[:10]]
        if len(fall.items) > 10:
            lines.append(f"  and {len(fall.items) - 10} more")
    lines += [f"COMPLAINT {complaint}" for complaint in verdict.complaints]
    lines.append("gate: passed" if verdict.passed else "gate: FAILED")
    return "\n".join(lines)
