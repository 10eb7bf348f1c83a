"""The words that questions are asked in: data/query_terms.yaml, compiled once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import yaml

from imr_llm.data import parse_yaml
from imr_llm.errors import ConfigurationError

Pattern = re.Pattern[str]


@dataclass(frozen=True)
class Ambiguous:
    """An abbreviation with several readings; each reading has the words around it that decide for it."""

    abbreviation: Pattern
    readings: tuple[tuple[str, Pattern], ...]
    neither: str


@dataclass(frozen=True)
class Subtype:
    """A narrower kind of a reason: the question's words for it, and words that the finding's quote must hold."""

    code: str
    asked: Pattern
    quote: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Words for several treatments at once: "imaging" is MRI, CT, X-ray and ultrasound."""

    name: str
    asked: Pattern
    subcategories: tuple[str, ...]


@dataclass(frozen=True)
class Noted:
    """A wording that brings a note to the user."""

    pattern: Pattern
    note: str


@dataclass(frozen=True)
class Wording:
    """Every pattern of the file, under the file's own names. `absent`, `objects`, `present`, `there` and `causes` are by reason code:
    a thing said to be missing, the thing, a thing said to be there, that thing, and what a cause alone makes a ground."""

    absent: Mapping[str, Pattern]
    objects: Mapping[str, Pattern]
    phrases: tuple[tuple[str, Pattern], ...]
    present: Mapping[str, Pattern]
    there: Mapping[str, Pattern]
    causes: Mapping[str, Pattern]
    groups: Mapping[str, Pattern]
    subtypes: tuple[Subtype, ...]
    families: tuple[Family, ...]
    uds: Pattern
    uds_states: Mapping[str, Pattern]
    illicit: Pattern
    decisions: Mapping[str, Pattern]
    ur_actions: Mapping[str, Pattern]
    specialties: Mapping[str, Pattern]
    states: Mapping[str, tuple[str, ...]]
    contradictions: Mapping[str, Pattern]
    ambiguous: Mapping[str, Ambiguous]
    unanswerable: tuple[Noted, ...]
    advice: tuple[Noted, ...]
    private: Noted
    stop_words: frozenset[str]


@cache
def load_wording() -> Wording:
    """The shipped wording. Raises ConfigurationError where the file breaks its rules."""
    try:
        text = files("imr_llm").joinpath("data", "query_terms.yaml").read_text(encoding="utf-8")
        return _read_wording(parse_yaml(text))
    except (OSError, yaml.YAMLError, re.error, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"data/query_terms.yaml cannot be used: {error}; restore the file of this version"
        ) from error


def _read_wording(raw: Mapping[str, Any]) -> Wording:
    words: Mapping[str, str] = raw["words"]
    absence = {name: _expand(pattern, words) for name, pattern in raw["absence"].items()}
    objects = {code: _expand(pattern, words) for code, pattern in raw["absent"].items()}
    uds = _expand(words["uds"], words)

    def table(name: str) -> Mapping[str, Pattern]:
        return MappingProxyType({key: _compile(_expand(pattern, words)) for key, pattern in raw[name].items()})

    return Wording(
        absent=MappingProxyType(
            {code: _compile_absence(thing, absence, listed=code not in _ITEMS) for code, thing in objects.items()}
        ),
        objects=MappingProxyType({code: _compile(thing) for code, thing in objects.items()}),
        phrases=tuple((code, _compile(_expand(p, words))) for code, some in raw["phrases"].items() for p in some),
        present=MappingProxyType(
            {code: _compile_presence(_expand(p, words), raw["presence"]) for code, p in raw["present"].items()}
        ),
        there=table("present"),
        causes=table("causes"),
        groups=table("groups"),
        subtypes=tuple(
            Subtype(row["code"], re.compile(row["asked"], re.IGNORECASE), tuple(row["quote"]))
            for row in raw["subtypes"]
        ),
        families=tuple(
            Family(name, _compile(row["asked"]), tuple(row["subcategories"])) for name, row in raw["families"].items()
        ),
        uds=_compile(uds),
        uds_states=MappingProxyType(
            {state: _compile_state(uds, _expand(p, words)) for state, p in raw["uds_states"].items()}
        ),
        illicit=_compile(_expand(raw["illicit"], words)),
        decisions=table("decisions"),
        ur_actions=table("ur_actions"),
        specialties=table("specialties"),
        states=MappingProxyType({name: tuple(short) for name, short in raw["states"].items()}),
        contradictions=table("contradictions"),
        ambiguous=MappingProxyType({name: _read_ambiguous(name, row) for name, row in raw["ambiguous"].items()}),
        unanswerable=_read_noted(raw["unanswerable"]),
        advice=_read_noted(raw["advice"]),
        private=_read_noted([raw["private"]])[0],
        stop_words=frozenset(raw["stop_words"].split()),
    )


def _read_ambiguous(name: str, row: Mapping[str, Any]) -> Ambiguous:
    readings = tuple((reading, re.compile(near, re.IGNORECASE)) for reading, near in row["readings"].items())
    return Ambiguous(re.compile(rf"\b{name}s?\b"), readings, row["neither"])


def _read_noted(rows: Iterable[Mapping[str, str]]) -> tuple[Noted, ...]:
    return tuple(Noted(re.compile(row["pattern"], re.IGNORECASE), row["note"]) for row in rows)


_NAME = re.compile(r"\{([a-z_]+)\}")


def _expand(pattern: str, words: Mapping[str, str]) -> str:
    """Put the words in for their names, names within words too."""
    while _NAME.search(pattern):
        pattern = _NAME.sub(lambda match: words[match[1]], pattern)
    return pattern


def _spaced(pattern: str) -> str:
    """A space of the file stands for white space or a hyphen; " ?" for one that may be missing."""
    return re.sub(r" (?!\?)", r"[\\s-]{1,3}", pattern.replace(" ?", r"[\s-]?"))


def _compile(pattern: str) -> Pattern:
    return re.compile(rf"(?<![\w']){_spaced(f'(?:{pattern})')}(?![\w'])", re.IGNORECASE)


# Things that are items as well: "neither MRI nor x-ray" excludes the two, it does not miss them.
_ITEMS = frozenset({
    "missing_urine_drug_screen", "no_imaging_or_edx_corroboration", "prerequisite_test_missing", "no_psych_clearance",
    "no_failed_conservative_care", "no_failed_first_line_drug", "no_trial_before_purchase",
})  # fmt: skip


def _compile_absence(thing: str, absence: Mapping[str, str], *, listed: bool) -> Pattern:
    """ "no X" or "X was not documented"; a few filler words may stand between. `listed`: "neither X nor Y" too."""
    before, fillers, after, tail = absence["before"], absence["fillers"], absence["after"], absence["tail"]
    if listed:
        before = f"(?:{before}|neither|nor)"
    return _compile(f"{before} {fillers}{{0,4}}(?:{thing})(?: {after}| {tail})?|(?:{thing}) (?:{after})")


def _compile_presence(thing: str, presence: Mapping[str, str]) -> Pattern:
    """ "X documented", "with X"; of what was tried before: "X tried and failed"."""
    before, after, failed = presence["before"], presence["after"], presence["failed"]
    if "failed" in thing or "earlier" in thing:
        return _compile(f"(?:{thing})(?:,? (?:and|or) (?:\\w+ ){{0,2}}\\w+)? (?:{failed})")
    both = f"(?:{thing})(?: (?:and|or) (?:{thing}))?"
    return _compile(f"(?:{before}) {both}(?: (?:{after}))?|{both} (?:{after})")


_SAID = "(?:(?:results? |reports? |that )?(?:(?:was |were )?(?:done|completed|performed|obtained) and )?(?:was|were|is|are|has been|have been|came back|come back|shows?|showed|being|result(?:s|ed)?(?: in| as)?)(?: all| always| also| positive)? )?(?:(?:was |were )?(?:done|completed|performed|obtained) and )?"


def _compile_state(uds: str, state: str) -> Pattern:
    """ "consistent drug screens", "drug screens were all consistent"."""
    return _compile(
        f"(?:{state}) (?:and \\w+ )?(?:(?:for|with|on) )?(?:the )?(?:{uds})|(?:{uds}) (?:(?:in|on) (?:the )?(?:chart|file|record|records) )?{_SAID}(?:{state})"
    )
