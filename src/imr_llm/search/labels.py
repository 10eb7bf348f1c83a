"""Values of fields in words, as figures, facets and near misses show them."""

from __future__ import annotations

from imr_llm.search.question_reasons import reason_label

_CODED = frozenset({"decision", "category", "subcategory", "region", "unsure_region", "uds", "ur_action"})
_ACRONYMS = frozenset(
    {"cbt", "cpm", "ct", "dvt", "ect", "eeg", "emg", "eswt", "mri", "ncv", "nmes", "prp", "pt", "tens", "tms"}
)


def label_value(field: str, value: object) -> str:
    """A value of a field of library.fields in words: "trigger_point" is "trigger point".

    >>> label_value("subcategory", "injections.trigger_point")
    'trigger point'
    """
    if field in ("reason", "primary_reason"):
        return reason_label(str(value))
    if field not in _CODED:
        return str(value)
    words = str(value).rpartition(".")[2].split("_")
    return " ".join(word.upper() if word in _ACRONYMS else word for word in words)
