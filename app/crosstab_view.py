"""Reasons by treatment and the basis of dates as HTML: n, denominator and a bar in every cell; small ones marked."""

from __future__ import annotations

import datetime
from html import escape

from .crosstab import Column, Crosstab, Dates
from .labels import count_of, label_code, label_reason, show_date


def render_crosstab(table: Crosstab) -> str:
    """The table; nothing where no denied item gives a reason."""
    if not table.reasons:
        return ""
    heads = "".join(_render_column(column) for column in table.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(label_reason(code))}</th>{_render_cells(table, at)}</tr>'
        for at, code in enumerate(table.reasons)
    )
    return (
        '<div class="imr-table imr-crosstab" tabindex="0" role="region" aria-label="Reasons by treatment"><table>'
        f'<caption>Reasons for denial, by treatment</caption><thead><tr><th scope="col">Reason</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
        f'<p class="imr-basis">Of the {count_of(table.denied, "upheld determination")} above; each column is divided by'
        " its own n. A determination can give several reasons. Faded: fewer than 10 in the column.</p>"
    )


def render_dates(dates: Dates) -> str:
    """Where the dates come from, in a line."""
    span = f"from {_show(dates.first)} to {_show(dates.last)}" if dates.first and dates.last else "no date known"
    parts = [
        f"{dates.printed:,} by the decision date that the letter prints",
        f"{dates.derived:,} by the latest date in the letter (derived)" if dates.derived else "",
        f"{dates.unknown:,} undated" if dates.unknown else "",
    ]
    return f'<p class="imr-basis">Dated {span}: {"; ".join(part for part in parts if part)}.</p>'


def _render_column(column: Column) -> str:
    small = ' <small class="imr-small">few</small>' if column.small else ""
    return f'<th scope="col">{escape(label_code(column.treatment))}<br><small>n {column.of:,}</small>{small}</th>'


def _render_cells(table: Crosstab, at: int) -> str:
    pairs = zip(table.columns, table.cells[at], strict=True)
    return "".join(_render_cell(column, count) for column, count in pairs)


def _render_cell(column: Column, count: int) -> str:
    few = ' class="imr-few"' if column.small else ""
    if not count:
        return f'<td{few}><span class="imr-none">–</span></td>'
    share = count / column.of
    return (
        f'<td{few}><div class="imr-bar" aria-hidden="true"><i class="imr-denied" style="width:{100 * share:.1f}%"></i>'
        f"</div><b>{share:.0%}</b> <small>{count} of {column.of}</small></td>"
    )


def _show(date: str | None) -> str:
    return show_date(datetime.date.fromisoformat(date)) if date else ""
