"""What the page says in words: labels for codes, dates and counts, and the page's standing texts."""

from __future__ import annotations

import datetime

from imr_llm.terms.taxonomy import load_taxonomy

DECISIONS = {
    "upheld": "Upheld",
    "overturned": "Overturned",
    "partially_overturned": "Partly overturned",
    "other": "Other outcome",
}
MEANINGS = {
    "upheld": "the denial stands",
    "overturned": "the treatment was approved",
    "partially_overturned": "part of it was approved",
    "other": "",
}
EXAMPLES = (
    "find cases denied for missing UDS",
    "Norco overturned",
    "trigger point injections denied in the cervical spine",
    "Norco denied but not because of the drug screen",
    "MRI denied because there were no red flags",
    "physical therapy denied, too many visits",
    "opioids denied although the drug screen was consistent",
    "surgery approved after conservative care failed",
    "muscle relaxant denied, short term use only",
    "lumbar MRI denied",
    "denied for no functional improvement",
)
ABBREVIATIONS = frozenset(
    [
        "ur",
        "imr",
        "uds",
        "mri",
        "ct",
        "emg",
        "ncs",
        "tens",
        "ems",
        "dme",
        "dmepos",
        "nsaid",
        "ppi",
        "ssri",
        "snri",
        "pdmp",
        "rfa",
        "mtus",
        "odg",
        "acoem",
        "esi",
        "tpi",
        "ekg",
        "gi",
    ]
)
DISCLAIMER = (
    "Machine-extracted from published letters: check every quote against its letter. Not legal or medical advice; "
    "IMR decisions are not precedent, and the letters here are a sample, not all there are."
)


def label_decision(decision: str) -> str:
    """ "Upheld" for upheld, and so on; an unknown decision as it stands."""
    return DECISIONS.get(decision, decision.replace("_", " ").capitalize())


def label_reason(code: str) -> str:
    """A reason code in words, from the taxonomy; a code of an older taxonomy is spelled out."""
    known = load_taxonomy().codes.get(code)
    return spell_label(known.label if known else code)


def polarity_of(code: str) -> str:
    """denial, overturn, or "" for a code of an older taxonomy."""
    known = load_taxonomy().codes.get(code)
    return known.polarity if known else ""


def label_code(code: str) -> str:
    """A code as words: "chronic_pain_program" -> "Chronic pain program"; of "injection.trigger_point" the last part."""
    return spell_label(code.rpartition(".")[2].replace("_", " ").strip())


def spell_label(label: str) -> str:
    """A label with a capital at its beginning and abbreviations in capitals: "ur reasoning" -> "UR reasoning"."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in label.replace("_", " ").split()]
    spelled = " ".join(words)
    return spelled[:1].upper() + spelled[1:]


def count_of(number: int, one: str, many: str = "") -> str:
    """ "1 letter", "1,204 letters"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def show_date(date: datetime.date | None) -> str:
    """ "9 Dec 2016", or "" where the date is not known."""
    return f"{date.day} {date:%b %Y}" if date else ""


def label_facet_value(field: str, value: str, label: str) -> str:
    """A facet's value in words: decisions and reasons as everywhere on the page, others by their own label."""
    if field == "decision":
        return label_decision(value)
    return spell_label(label or value)


_DOUBTS = {
    "decision_unclear": "the decision is not clear",
    "rationale_missing": "no rationale was found",
    "no_reason_found": "no reason was found in its rationale",
    "treatment_not_recognised": "the treatment was not recognised",
    "rationale_differs_from_decision": "the rationale says otherwise than the printed decision",
    "summary_contradicts_rationale": "the summary contradicts the rationale",
}


def label_doubt(code: str) -> str:
    """Why a person should look at a determination, in words."""
    return _DOUBTS.get(code, code.replace("_", " "))
