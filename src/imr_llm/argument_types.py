"""What values on the command line may be: argparse types that several commands share."""

from __future__ import annotations

import argparse

from imr_llm.settings import MOST_AT_ONCE


def letters_at_once(text: str) -> int:
    """A whole number of letters in the air at once. Raises argparse.ArgumentTypeError for any other text."""
    if not text.isdigit() or not 1 <= int(text) <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_AT_ONCE}")
    return int(text)


def dollars(text: str) -> float:
    """An amount of US dollars, 0 or more. Raises argparse.ArgumentTypeError for any other text."""
    try:
        value = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of dollars") from error
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of dollars, 0 or more")
    return value
