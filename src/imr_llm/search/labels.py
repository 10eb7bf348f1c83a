"""Values of fields in words, as figures, facets and near misses show them."""

from __future__ import annotations

from imr_llm.search.question_reasons import reason_label

_CODED = frozenset({"decision", "category", "subcategory", "region", "unsure_region", "uds", "ur_action"})


def label_value(field: str, value: object) -> str:
    """A value of a field of library.fields in words: "trigger_point" is "trigger point".

    >>> label_value("subcategory", "injections.trigger_point")
    'trigger point'
    """
    if field in ("reason", "primary_reason"):
        return reason_label(str(value))
    return str(value).rpartition(".")[2].replace("_", " ") if field in _CODED else str(value)
