"""Migrations: recorded by name, run once, and a library from the future is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from imr_llm.errors import LibraryTooNew
from imr_llm.library.migrations import MIGRATIONS
from imr_llm.library.store import RECORDS, Library


def _names(path: Path) -> list[str]:
    connection = sqlite3.connect(path / RECORDS)
    names = [row[0] for row in connection.execute("SELECT name FROM migrations ORDER BY rowid")]
    connection.close()
    return names


def test_every_migration_is_recorded_once(tmp_path: Path) -> None:
    for _ in range(2):
        Library.open(tmp_path).close()
    assert _names(tmp_path) == [migration.name for migration in MIGRATIONS]


def test_names_are_unique_and_in_order() -> None:
    names = [migration.name for migration in MIGRATIONS]
    assert names == sorted(set(names))


def test_a_library_of_an_older_version_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imr_llm.library.store.MIGRATIONS", MIGRATIONS[:2])
    Library.open(tmp_path).close()
    assert _names(tmp_path) == [migration.name for migration in MIGRATIONS[:2]]
    monkeypatch.undo()
    with Library.open(tmp_path) as library:
        assert library.failures() == []


def test_a_library_of_a_newer_version_is_refused_and_unchanged(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / RECORDS)
    connection.execute("INSERT INTO migrations VALUES ('9999_from_the_future', '2030-01-01')")
    connection.commit()
    connection.close()
    with pytest.raises(LibraryTooNew, match="9999_from_the_future"):
        Library.open(tmp_path)
    assert "9999_from_the_future" in _names(tmp_path)


def test_write_ahead_log_is_on(tmp_path: Path) -> None:
    Library.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / RECORDS)
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
