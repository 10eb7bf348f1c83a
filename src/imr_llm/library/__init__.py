"""The library: a directory whose records.sqlite is the record of truth. See `store.Library`."""

from __future__ import annotations

from imr_llm.library.store import Failure, Library, Row

__all__ = ["Failure", "Library", "Row"]
