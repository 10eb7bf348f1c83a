"""Figures as HTML: counts and overturn rates with n and a 95% interval, a bar for each; no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from imr_llm.search.stats import Group, Rate, Statistics, label_grouping

from .answers import Figures
from .chips import render_query
from .crosstab_view import render_crosstab, render_dates
from .labels import count_of, spell_label
from .notices import render_notes, render_notice

ROWS_SHOWN = 40


def render_figures(counted: Figures) -> str:
    """All that the statistics tab shows: rates by the field, where the dates come from, reasons by treatment."""
    shown = render_statistics(counted.statistics)
    if not counted.statistics.overall.determinations:
        return shown
    return shown + render_dates(counted.dates) + render_crosstab(counted.reasons)


def render_statistics(statistics: Statistics) -> str:
    """The figures for a question: an overall line, then a row with a bar for each group."""
    read = render_query(statistics.query)
    if statistics.query.refused:
        return read + render_notice("This question is not answered", statistics.query.refused)
    notes = render_notes(dict.fromkeys((*statistics.query.notes, *statistics.notes)))
    if statistics.overall.determinations == 0:
        return read + notes + render_notice("Nothing to count", "No determination fits everything above.")
    return read + notes + render_table(statistics)


def render_table(statistics: Statistics) -> str:
    """The figures alone: the overall line and the groups."""
    return _render_overall(statistics) + _render_groups(statistics)


def show_share(rate: Rate) -> str:
    """ "12%", or a dash where there is nothing to divide by."""
    if rate.share is None:
        return "–"
    return f"{rate.share:.1%}" if 0 < rate.share < 0.01 else f"{rate.share:.0%}"


def show_interval(rate: Rate) -> str:
    """ "7–21%": the 95% Wilson interval."""
    if rate.low is None or rate.high is None:
        return ""
    return f"{100 * rate.low:.0f}–{100 * rate.high:.0f}%"


def _render_overall(statistics: Statistics) -> str:
    overall = statistics.overall
    tiles = [
        _render_tile(f"{overall.determinations:,}", f"determinations in {count_of(overall.letters, 'letter')}"),
        _render_rate_tile("upheld: the denial stands", overall.upheld),
        _render_rate_tile("overturned", overall.overturned),
    ]
    if overall.partially_overturned.n:
        tiles.append(_render_rate_tile("partly overturned", overall.partially_overturned))
    return f'<div class="imr-tiles">{"".join(tiles)}</div><p class="imr-basis">{escape(statistics.basis)}</p>'


def _render_tile(figure: str, label: str) -> str:
    return f'<div class="imr-tile"><b>{figure}</b><span>{escape(label)}</span></div>'


def _render_rate_tile(label: str, rate: Rate) -> str:
    detail = f"{label} ({rate.n:,} of {rate.of:,}; 95% interval {show_interval(rate)})" if rate.of else label
    return _render_tile(show_share(rate), detail)


def _render_groups(statistics: Statistics) -> str:
    rows = "".join(_render_group(group) for group in statistics.groups[:ROWS_SHOWN])
    left_out = len(statistics.groups) - ROWS_SHOWN
    rest = (
        f'<p class="imr-basis">{count_of(left_out, "more row")} not shown here; the command line prints them all.</p>'
        if left_out > 0
        else ""
    )
    overlap = (
        '<p class="imr-basis">A determination can stand in several rows, so rows do not add up to the total.</p>'
        if statistics.overlapping
        else ""
    )
    by = spell_label(label_grouping(statistics.by))
    return (
        f'<div class="imr-table"><table><caption>Overturned, by {escape(label_grouping(statistics.by))}</caption><thead><tr>'
        f'<th scope="col">{escape(by)}</th><th scope="col" class="imr-number">n</th>'
        '<th scope="col" class="imr-number imr-letters">Letters</th><th scope="col">Overturned, with 95% interval</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>{overlap}{rest}"
    )


def _render_group(group: Group) -> str:
    label = escape(spell_label(group.label or "not stated"))
    small = ' <small class="imr-small">few</small>' if group.small else ""
    return (
        f'<tr{" class=imr-few" if group.small else ""}><th scope="row">{label}{small}</th>'
        f'<td class="imr-number">{group.determinations:,}</td><td class="imr-number imr-letters">{group.letters:,}</td>'
        f"<td>{_render_bar(group.overturned)}</td></tr>"
    )


def _render_bar(rate: Rate) -> str:
    """The share as a bar, its interval as a line over it, and both in words."""
    if rate.share is None or rate.low is None or rate.high is None:
        return '<span class="imr-none">no decision to count</span>'
    words = f"<b>{show_share(rate)}</b> <span>{rate.n:,} of {rate.of:,}</span><span>({show_interval(rate)})</span>"
    return (
        '<div class="imr-rate"><div class="imr-bar" aria-hidden="true">'
        f'<i style="width:{100 * rate.share:.1f}%"></i>'
        f'<u style="left:{100 * rate.low:.1f}%;width:{100 * (rate.high - rate.low):.1f}%"></u></div>'
        f"<p>{words}</p></div>"
    )


def list_fields(fields: Sequence[str]) -> list[tuple[str, str]]:
    """(label, field) pairs for a drop-down."""
    return [(spell_label(label_grouping(field)), field) for field in fields]
