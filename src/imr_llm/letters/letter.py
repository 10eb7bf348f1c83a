"""A letter: its identity and its kept text, the text that every offset in a review counts in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Letter:
    """One letter as read.

    letter_id: SHA-256 of the bytes it was read from, in hex. source: path (or what a JSON Lines record calls its
    source) as given. file: base name. pages: pages of the PDF, or form feeds + 1 of a text. text: the kept text;
    line ends are "\\n", pages are joined by "\\f", nothing else is changed.
    """

    letter_id: str
    source: str
    file: str
    media_type: str
    pages: int
    text: str = field(repr=False)


def hash_bytes(data: bytes) -> str:
    """The letter id of these bytes."""
    return hashlib.sha256(data).hexdigest()
