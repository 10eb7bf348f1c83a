"""The request behind a title: what was asked for, what was authorized before the review, what is in dispute.

<X> was the original request. <Y> was authorized by the Claims Administrator. The remaining IMR eligible portion
    of the original request, <Z> is
<X> was the original request. The Claims Administrator authorized <Y>, leaving the original request IMR eligible.
    The original request, <X> is
"""

from __future__ import annotations

import re

from imr_llm.record import Request

_ORIGINAL = re.compile(r"^(?P<original>.{1,500}?)[\s,]+(?:was|were)\s+the\s+original\s+requests?\b", re.IGNORECASE)
_AUTHORIZED = re.compile(
    r"original\s+requests?\s*[.,;]\s*(?:The\s+Claims\s+Administrator\s+(?:has\s+)?authorized\s+(?P<after>.{1,400}?)"
    r"\s*,?\s*leaving\s+the|(?P<before>.{1,400}?)[\s,]+(?:was|were)\s+authorized\s+by\s+the\s+Claims\s+Administrator)",
    re.IGNORECASE,
)
_DISPUTED = re.compile(
    r".*(?:remaining\s+(?:IMR\s+eligible\s+)?portion\s+of\s+the\s+original\s+request|\bThe\s+original\s+request(?=\s*,))\s*[,:]?\s*"
    r"(?P<disputed>.{1,500}?)[\s,]*(?:\b(?:is|are)\b)?[\s:,]*$",
    re.IGNORECASE,
)
_TRAILING_VERB = re.compile(r"\s+(?:is|are)\s*:?\s*$", re.IGNORECASE)


def read_request(title: str) -> Request:
    """Split a cleaned title; where nothing was authorized before the review, the whole of it is in dispute."""
    original = _ORIGINAL.search(title)
    if original is None:
        return Request(disputed=_TRAILING_VERB.sub("", title) or title)
    authorized = _AUTHORIZED.search(title, original.start("original"))
    disputed = _DISPUTED.search(title, original.end())
    return Request(
        original=original["original"].strip(),
        authorized=(authorized["after"] or authorized["before"]).strip() if authorized else None,
        disputed=disputed["disputed"].strip() if disputed else original["original"].strip(),
    )
