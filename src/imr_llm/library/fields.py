"""The fields that a filter may name, and the SQL that a filter becomes.

Only names of FIELDS reach the SQL text; every value is a bound parameter. "none" asks for a known field: a
determination whose reasons nobody found is no answer to "denied, but not because of the drug screen".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imr_llm.errors import LibraryError
from imr_llm.library.filters import Filter, FilterValue

Kind = Literal["value", "list", "pages", "name", "quote"]
Where = tuple[str, list[FilterValue]]


@dataclass(frozen=True)
class Field:
    """A field of a determination. `sql` is its expression, or for a list the query of (determination_id, value).

    kind "value": one value; "list": several; "pages": page ranges; "name": printed names, matched in part; "quote":
    reasons with a word of their quote, asked for as "code|word".
    `unknown` are values that stand for not known.
    """

    name: str
    label: str
    kind: Kind
    sql: str
    unknown: tuple[str, ...] = ()


def _value(name: str, label: str, sql: str | None = None, unknown: tuple[str, ...] = ()) -> Field:
    return Field(name, label, "value", sql or f"d.{name}", unknown)


def _facet(name: str, label: str) -> Field:
    return Field(name, label, "list", f"SELECT determination_id, value FROM facets WHERE field = '{name}'")


def _printed(name: str, label: str, column: str, role: str = "") -> Field:
    where = f" WHERE role = '{role}'" if role else ""
    return Field(name, label, "name", f"SELECT determination_id, {column} AS value FROM citations{where}")


def _source(name: str, label: str, role: str = "") -> Field:
    where = f" AND role = '{role}'" if role else ""
    return Field(
        name, label, "list",
        f"SELECT determination_id, source AS value FROM citations WHERE source IS NOT NULL{where}",
    )  # fmt: skip


def _sole_source(name: str, label: str, role: str = "") -> Field:
    """The source where it is the only one."""
    where = f" AND role = '{role}'" if role else ""
    return Field(
        name, label, "list",
        f"SELECT determination_id, min(source) AS value FROM citations WHERE source IS NOT NULL{where}"
        " GROUP BY determination_id HAVING count(DISTINCT source) = 1",
    )  # fmt: skip


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        _value("decision", "decision"),
        _value("category", "treatment category"),
        _value("subcategory", "treatment", "d.category || '.' || d.subcategory"),
        _value("drug_name", "drug", "d.drug"),
        _value("strength", "strength", "d.strength_key"),
        _value("quantity", "quantity"),
        _value("unit", "unit"),
        _value("refills", "refills"),
        _value("laterality", "side", unknown=("na",)),
        _value("retrospective", "retrospective"),
        _value("partly_authorized", "part authorized before"),
        _value("ur_action", "utilization review", unknown=("unknown",)),
        _value("guideline_difference", "guideline of claims administrator and reviewer"),
        _value("needs_review", "needs a person's review"),
        Field("case_number", "case number", "name",
              "SELECT d.id AS determination_id, v.case_number AS value FROM determinations d"
              " JOIN reviews v ON v.letter_id = d.letter_id"),
        Field("title", "words of the title", "name", "SELECT id AS determination_id, title AS value FROM determinations"),
        _value("letter_date", "date of the decision", "v.letter_date"),
        _value("year", "year of the decision", "CAST(substr(v.letter_date, 1, 4) AS INTEGER)"),
        _value("ur_denial_date", "date of the UR decision", "v.ur_denial_date"),
        _value("injury_date", "date of injury", "v.injury_date"),
        _value("application_received", "application received", "v.application_received"),
        _value("date_assigned", "date assigned", "v.date_assigned"),
        _value("age", "age", "v.age"),
        _value("sex", "sex", "v.sex"),
        _value("priority", "priority", "v.priority"),
        _value("layout", "layout", "v.layout"),
        _value("items", "disputed items in the letter", "v.items"),
        Field("reason", "reason", "list", "SELECT determination_id, code AS value FROM reasons"),
        Field("primary_reason", "main reason", "list",
              "SELECT determination_id, code AS value FROM reasons WHERE is_primary = 1"),
        _value("grounds", "number of reasons",
               "(SELECT count(DISTINCT code) FROM reasons WHERE determination_id = d.id)"),
        _facet("drug", "drug"),
        _facet("mentioned_drug", "drug mentioned in the record"),
        _facet("region", "body region"),
        _facet("unsure_region", "body region named in the summary alone"),
        Field("quote", "words of the finding", "quote",
              "SELECT determination_id, code || ': ' || quote AS value FROM reasons"),
        _facet("state", "reviewer's licence"),
        Field("specialty", "reviewer's specialty", "name",
              "SELECT determination_id, value FROM facets WHERE field = 'specialty'"),
        _facet("uds", "urine drug screen"),
        Field("uds_anywhere", "urine drug screen in the letter", "list",
              "SELECT determination_id, value FROM facets WHERE field = 'uds'"
              " UNION SELECT id AS determination_id, uds_summary AS value FROM determinations"),
        _value("uds_rationale", "urine drug screen in the rationale"),
        _value("uds_summary", "urine drug screen in the summary"),
        _facet("cites_none", "cites no guideline"),
        _facet("contradiction", "summary against rationale"),
        _source("guideline_source", "guideline"),
        _source("reviewer_source", "reviewer's guideline source", "maximus"),
        _source("ur_source", "claims administrator's guideline source", "claims_administrator"),
        _sole_source("sole_source", "only guideline source"),
        _sole_source("sole_reviewer_source", "reviewer's only guideline source", "maximus"),
        _sole_source("sole_ur_source", "claims administrator's only guideline source", "claims_administrator"),
        Field("document", "reviewer's guideline", "list",
              "SELECT determination_id, trim(source || ' ' || coalesce(chapter, '')) AS value FROM citations"
              " WHERE role = 'maximus'"),
        Field("guideline_year", "guideline's year", "list", "SELECT determination_id, year AS value FROM citations"),
        _printed("chapter", "guideline chapter", "chapter"),
        _printed("reviewer_chapter", "reviewer's guideline chapter", "chapter", "maximus"),
        _printed("ur_chapter", "claims administrator's guideline chapter", "chapter", "claims_administrator"),
        _printed("section", "guideline section", "section"),
        _printed("reviewer_section", "reviewer's guideline section", "section", "maximus"),
        Field("pages", "guideline pages", "pages", "SELECT determination_id, first_page, last_page FROM citations"),
    )
}  # fmt: skip


def where_filter(filter: Filter) -> Where:
    """The SQL condition of one filter, over d (determinations) and v (reviews), and its parameters.

    Raises LibraryError for a field or an operator that there is not.
    """
    field = FIELDS.get(filter.field)
    if field is None:
        raise LibraryError(f"filter field {filter.field!r} is not known; use one of {', '.join(sorted(FIELDS))}")
    where = _WHERE.get((field.kind, filter.op))
    if where is None:
        raise LibraryError(f"filter {filter.field!r}: operator {filter.op!r} does not go with this field")
    return where(field, filter.value)


def select_filter(filter: Filter) -> Where:
    """The SELECT of the ids that satisfy one filter, each once. Raises as `where_filter` does."""
    where, values = where_filter(filter)
    field = FIELDS[filter.field]
    if (field.kind, filter.op) == ("list", "any"):
        # The list itself tells: no determination need be looked up.
        return f"SELECT DISTINCT determination_id AS id {_among(field, filter.value)}", values
    return f"SELECT d.id {from_tables(where)} WHERE {where}", values


def from_tables(sql: str) -> str:
    """The tables that an expression speaks of; a letter's own are joined where they are asked for alone."""
    reviews = " JOIN reviews v ON v.letter_id = d.letter_id" if "v." in sql else ""
    return f"FROM determinations d{reviews}"


def _marks(values: tuple[FilterValue, ...]) -> str:
    return ", ".join("?" * len(values))


def _value_any(field: Field, values: tuple[FilterValue, ...]) -> Where:
    return f"({field.sql}) IN ({_marks(values)})", list(values)


def _value_none(field: Field, values: tuple[FilterValue, ...]) -> Where:
    excluded = (*values, *field.unknown)
    return f"({field.sql}) IS NOT NULL AND ({field.sql}) NOT IN ({_marks(excluded)})", list(excluded)


def _value_range(field: Field, values: tuple[FilterValue, ...]) -> Where:
    first, last = values
    conditions = [f"({field.sql}) IS NOT NULL"]
    conditions += [f"({field.sql}) >= ?"] if first is not None else []
    conditions += [f"({field.sql}) <= ?"] if last is not None else []
    return " AND ".join(conditions), [value for value in values if value is not None]


def _list_any(field: Field, values: tuple[FilterValue, ...]) -> Where:
    return f"d.id IN (SELECT determination_id {_among(field, values)})", list(values)


def _among(field: Field, values: tuple[FilterValue, ...]) -> str:
    return f"FROM ({field.sql}) WHERE value IN ({_marks(values)})"


def _list_all(field: Field, values: tuple[FilterValue, ...]) -> Where:
    parts = [_list_any(field, (value,))[0] for value in values]
    return " AND ".join(parts), list(values)


def _list_none(field: Field, values: tuple[FilterValue, ...]) -> Where:
    known = f"d.id IN (SELECT determination_id FROM ({field.sql}))"
    return f"{known} AND NOT {_list_any(field, values)[0]}", list(values)


def _name_any(field: Field, values: tuple[FilterValue, ...]) -> Where:
    """A printed name holds the words asked for, in any case."""
    likes = " OR ".join("value LIKE ? ESCAPE '\\'" for _ in values)
    escaped = [str(value).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for value in values]
    return f"d.id IN (SELECT determination_id FROM ({field.sql}) WHERE {likes})", [f"%{value}%" for value in escaped]


def _name_is(field: Field, values: tuple[FilterValue, ...]) -> Where:
    """One of these printed names, as a whole."""
    return f"d.id IN (SELECT determination_id FROM ({field.sql}) WHERE value IN ({_marks(values)}))", list(values)


def _name_none(field: Field, values: tuple[FilterValue, ...]) -> Where:
    condition, parameters = _name_any(field, values)
    known = f"d.id IN (SELECT determination_id FROM ({field.sql}) WHERE value IS NOT NULL)"
    return f"{known} AND NOT {condition}", parameters


def _quote_any(field: Field, values: tuple[FilterValue, ...]) -> Where:
    """A reason of this code whose quote holds this word."""
    likes = " OR ".join("value LIKE ?" for _ in values)
    patterns = ["{}: %{}%".format(*str(value).split("|", 1)) for value in values]
    return f"d.id IN (SELECT determination_id FROM ({field.sql}) WHERE {likes})", list(patterns)


def _pages_overlap(field: Field, values: tuple[FilterValue, ...]) -> Where:
    first, last = values
    inner = f"SELECT determination_id FROM ({field.sql}) WHERE first_page <= ? AND last_page >= ?"
    return f"d.id IN ({inner})", [last, first]


_WHERE = {
    ("value", "any"): _value_any,
    ("value", "is"): _value_any,
    ("value", "none"): _value_none,
    ("value", "range"): _value_range,
    ("list", "any"): _list_any,
    ("list", "all"): _list_all,
    ("list", "none"): _list_none,
    ("name", "any"): _name_any,
    ("name", "is"): _name_is,
    ("name", "none"): _name_none,
    ("quote", "any"): _quote_any,
    ("pages", "overlaps"): _pages_overlap,
}
