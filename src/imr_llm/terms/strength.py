"""Drug strengths under one key, however they are printed."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_UNIT = re.compile(r"mcg|%|mg/ml|units?", re.IGNORECASE)


def strength_key(strength: str | None) -> str | None:
    """One key for the ways to print a strength: "10/325mg", "10-325 mg" and "10/325" are "10/325"; "5%" stays."""
    if not strength:
        return None
    numbers = [f"{float(number):g}" for number in _NUMBER.findall(strength)]
    unit = _UNIT.search(strength)
    return "/".join(numbers) + (unit[0].lower() if unit else "") if numbers else None
