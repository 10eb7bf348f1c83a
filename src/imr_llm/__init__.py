"""Structured, grounded determinations from independent medical review letters."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("imr-llm")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
