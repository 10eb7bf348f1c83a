"""A question while it is being read: what has been taken from it, and what is left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from imr_llm.library.filters import Filter, FilterOp, FilterValue

_EXTREMITY = {"R": "right ", "L": "left ", "B": "bilateral ", "upper": "upper extremity", "lower": "lower extremity"}
_REWRITES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile("[\u2018\u2019\u02bc`\u00b4]"), "'"),
    (re.compile("[\u201c\u201d]"), '"'),
    (re.compile("[\u2010-\u2015]"), "-"),
    (re.compile(r"(?<!\w)w/o\b", re.IGNORECASE), "without"),
    (re.compile(r"(?<!\w)w/(?= ?[a-z])", re.IGNORECASE), "with "),
    (re.compile(r"\b(should|could|would|must)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bcan't\b", re.IGNORECASE), "can not"),
    (re.compile(r"n't\b", re.IGNORECASE), " not"),
    (re.compile(r"\b(did|does|do|is|was|were|are|has|have|had|could|would|should)nt\b", re.IGNORECASE), r"\1 not"),
    (re.compile(r"\bcant\b", re.IGNORECASE), "can not"),
    (re.compile(r"\b(?:b/c|bc|becuase|becasue|becuse|beacuse|becouse|bcuz|bcz|cuz)\b", re.IGNORECASE), "because"),
    # A nurse's shorthand
    (re.compile(r"(?<!\w)d/t\b", re.IGNORECASE), "due to"),
    (re.compile(r"\binjs?\b\.?", re.IGNORECASE), "injections"),
    (re.compile(r"\bsx\b", re.IGNORECASE), "symptoms"),
    (re.compile(r"\bhx\b", re.IGNORECASE), "history"),
    (re.compile(r"\brx'?d\b", re.IGNORECASE), "prescribed"),
    (re.compile(r"\bradic\b", re.IGNORECASE), "radiculopathy"),
    (
        re.compile(r"\bcons(?:erv)?\.? (?=care|tx|treatment|therapy|measures|management)", re.IGNORECASE),
        "conservative ",
    ),
    (re.compile(r"\bconservative tx\b", re.IGNORECASE), "conservative treatment"),
    (re.compile(r"\bingr[aei]di[ae]nt(s?)\b", re.IGNORECASE), r"ingredient\1"),
    (re.compile(r"\baltho\b", re.IGNORECASE), "although"),
    (re.compile(r"\bcmpds?\b", re.IGNORECASE), "compound"),
    (re.compile(r"\boint\b\.?", re.IGNORECASE), "ointment"),
    (re.compile(r"\bmusc (?=relax)", re.IGNORECASE), "muscle "),
    (re.compile(r"\b(\d) RFs?\b"), r"\1 refills"),
    (re.compile(r"(?<=\bor )XR\b|(?<=/)XR\b|\bXR(?= of\b)"), "x-ray"),
    (re.compile(r"\b([CTL])- (or|and) ([CTL])-spine\b"), r"\1-spine \2 \3-spine"),
    (re.compile(r"\bopiod(s?)\b", re.IGNORECASE), r"opioid\1"),
    (re.compile(r"\bclaims admin\b", re.IGNORECASE), "claims administrator"),
    (
        re.compile(r"\b(lumbar|cervical|thoracic) (?=facet(?: joint)? (?:blocks?|injections?)\b)", re.IGNORECASE),
        r"\1 spine ",
    ),
    (re.compile(r"(?<![\w#])# of\b"), "number of"),
    (re.compile(r"\b(trigger|tp) pt(s?)\b", re.IGNORECASE), r"trigger point\2"),
    (re.compile(r"(?<![\w'.-])R(?= (?:shoulder|knee|hip|wrist|hand|elbow|ankle|foot|arm|leg|thumb|heel)\b)"), "right"),
    (re.compile(r"(?<![\w'.-])L(?= (?:shoulder|knee|hip|wrist|hand|elbow|ankle|foot|arm|leg|thumb|heel)\b)"), "left"),
    (re.compile(r"\b([RLB])([UL])E\b"), lambda m: _EXTREMITY[m[1]] + _EXTREMITY["upper" if m[2] == "U" else "lower"]),
    (re.compile(r"\s+"), " "),
)

# "PT" is physical therapy but where a patient is spoken of; that is told.
_PATIENT = re.compile(
    r"\bpt(?='s\b| (?:age|has|who|denies|takes|took|never|could|can)\b)|(?<=help )pt\b|(?<=helps )pt\b|(?<=lets )pt\b|(?<=let )pt\b"
)


# "everything except opioids", "TPI but not Botox"
NEGATED = re.compile(
    r"\b(?:except(?: for)?|not(?: in)?|excluding|(?:leaving|leave|leaves) (?:out|aside)|omitting|minus|not counting|apart from|aside from|other than"
    r"|no|but not|without|non|neither|nor)[ -](?:the |any |an? )?$",
    re.IGNORECASE,
)

# What leads in to a ground: "because ...", "denied for ..."
GROUND = (
    r"\b(?:because(?: of)?|since|due to|as|on the grounds? (?:of|that)|for lack of"
    r"|(?<=denied )(?:either |only |just )?for|(?<=upheld )(?:either |only |just )?for|(?<=overturned )(?:either |only |just )?for)\b"
)
BECAUSE = re.compile(
    r"\b(?:because|since|due to|owing to|on account of|for (?:want|lack) of|on the grounds? (?:of|that)|in order to"
    r"|so(?: that)?(?= (?:the |an? )?(?:patient|worker|claimant|employee|he|she|they)\b)"
    r"|to (?:help|let|allow|enable)(?= (?:the |an? )?(?:injured )?(?:patient|worker|claimant|employee|him|her|them)\b))\b",
    re.IGNORECASE,
)


@dataclass
class Question:
    """The text in reading. Readers take spans, so that no word is read twice; they leave filters and notes.

    `circumstances` are spans that were taken as told of the case beside the item in dispute.
    """

    text: str
    filters: list[Filter] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    circumstances: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        """Has no reader taken any of text[start:end]?"""
        return all(end <= first or last <= start for first, last in self.taken)

    def find(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The pattern's matches in what is left, from left to right."""
        for match in pattern.finditer(self.text):
            if match.end() > match.start() and self.is_free(*match.span()):
                yield match

    def take(self, start: int, end: int) -> str:
        """Take a span; its words."""
        self.taken.append((start, end))
        return self.text[start:end].strip()

    def add(self, field_name: str, op: FilterOp, value: tuple[FilterValue, ...], label: str, words: str) -> None:
        """Add a filter, once."""
        new = Filter(field_name, op, value, label, words)
        if all((f.field, f.op, f.value) != (new.field, new.op, new.value) for f in self.filters):
            self.filters.append(new)

    def note(self, note: str) -> None:
        """Add a note, once."""
        if note not in self.notes:
            self.notes.append(note)

    def read_on(self, words: str) -> None:
        """Words that were taken for a filter that fell are read again with what stands around them."""
        self.circumstances += [span for span in self.taken if words and self.text[slice(*span)].strip() in words]

    def give_back(self, words: str) -> None:
        """Words that were misread are nobody's again."""
        at = self.text.find(words) if words else -1
        if at >= 0:
            self.taken = [span for span in self.taken if span[1] <= at or at + len(words) <= span[0]]

    def find_taken(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """The pattern's matches in what was taken."""
        for match in pattern.finditer(self.text):
            if not self.is_free(*match.span()):
                yield match

    def in_ground(self, at: int) -> bool:
        """Does a place stand in the ground of a decision, after "because"?"""
        ground = BECAUSE.search(self.text)
        return ground is not None and at >= ground.end()

    def has(self, field_name: str) -> bool:
        """Is there a filter on this field already?"""
        return any(f.field == field_name for f in self.filters)

    def left(self) -> Iterator[re.Match[str]]:
        """The words that nobody took."""
        yield from self.find(re.compile(r"[A-Za-z0-9][\w'/.&-]*"))


def open_question(text: str) -> Question:
    """A question with its quotation marks, dashes, contractions and white space made plain."""
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    question = Question(_PATIENT.sub("patient", text).strip())
    if _PATIENT.search(text):
        question.note('"pt" was read as patient')
    return question
