"""The tables of records.sqlite, as migrations that are recorded by name.

A migration that has landed is never edited or renamed: a later one changes what it made. A library that records a
name which is not in this list was written by a newer version (LibraryTooNew).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Migration:
    """A named step: `script` is SQL, run once inside the transaction that records the name."""

    name: str
    script: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "0001_letters_and_reviews",
        (
            """CREATE TABLE letters (
                 letter_id TEXT PRIMARY KEY, file TEXT NOT NULL, media_type TEXT NOT NULL, pages INTEGER NOT NULL,
                 characters INTEGER NOT NULL, layout TEXT NOT NULL, text TEXT NOT NULL, added_at TEXT NOT NULL)""",
            """CREATE TABLE sources (
                 letter_id TEXT NOT NULL REFERENCES letters ON DELETE CASCADE, source TEXT NOT NULL,
                 file TEXT NOT NULL, PRIMARY KEY (letter_id, source))""",
            # The review as it was made (JSON), and the letter's fields that filters ask for.
            """CREATE TABLE reviews (
                 letter_id TEXT PRIMARY KEY REFERENCES letters ON DELETE CASCADE, run_key TEXT NOT NULL,
                 body TEXT NOT NULL, body_sha256 TEXT NOT NULL, stored_at TEXT NOT NULL, case_number TEXT,
                 decision_date TEXT, letter_date TEXT, letter_date_basis TEXT, ur_denial_date TEXT,
                 ur_denial_date_basis TEXT, injury_date TEXT, injury_date_basis TEXT, age INTEGER, sex TEXT,
                 priority TEXT, layout TEXT NOT NULL, items INTEGER NOT NULL, extractor TEXT NOT NULL, model TEXT,
                 program_version TEXT NOT NULL)""",
            "CREATE INDEX reviews_by_case ON reviews (case_number)",
        ),
    ),
    Migration(
        "0002_determinations",
        (
            """CREATE TABLE determinations (
                 id INTEGER PRIMARY KEY AUTOINCREMENT,
                 letter_id TEXT NOT NULL REFERENCES reviews ON DELETE CASCADE, number INTEGER NOT NULL,
                 title TEXT NOT NULL, decision TEXT NOT NULL, ur_action TEXT NOT NULL, category TEXT, subcategory TEXT,
                 drug TEXT, brand TEXT, strength TEXT, strength_key TEXT, quantity REAL, unit TEXT, refills INTEGER,
                 laterality TEXT NOT NULL, retrospective INTEGER NOT NULL, partly_authorized INTEGER NOT NULL,
                 uds_rationale TEXT NOT NULL, uds_summary TEXT NOT NULL, guideline_difference TEXT,
                 needs_review INTEGER NOT NULL, UNIQUE (letter_id, number))""",
            """CREATE TABLE reasons (
                 determination_id INTEGER NOT NULL REFERENCES determinations ON DELETE CASCADE, position INTEGER NOT NULL,
                 code TEXT NOT NULL, polarity TEXT NOT NULL, is_primary INTEGER NOT NULL, quote TEXT NOT NULL,
                 start INTEGER NOT NULL, end INTEGER NOT NULL, match TEXT NOT NULL, found_by TEXT NOT NULL,
                 PRIMARY KEY (determination_id, position)) WITHOUT ROWID""",
            "CREATE INDEX reasons_by_code ON reasons (code, determination_id)",
            # Fields that hold several values: region, state, specialty, drug, mentioned_drug, uds, contradiction ...
            """CREATE TABLE facets (
                 determination_id INTEGER NOT NULL REFERENCES determinations ON DELETE CASCADE, field TEXT NOT NULL,
                 value TEXT NOT NULL, PRIMARY KEY (field, value, determination_id)) WITHOUT ROWID""",
            "CREATE INDEX facets_by_determination ON facets (determination_id, field)",
            """CREATE TABLE citations (
                 determination_id INTEGER NOT NULL REFERENCES determinations ON DELETE CASCADE, role TEXT NOT NULL,
                 source TEXT, chapter TEXT, year INTEGER, section TEXT, first_page INTEGER, last_page INTEGER)""",
            "CREATE INDEX citations_by_determination ON citations (determination_id)",
            "CREATE INDEX citations_by_page ON citations (first_page, last_page)",
            """CREATE VIRTUAL TABLE passages USING fts5 (
                 title, evidence, findings, summary, tokenize = 'porter unicode61 remove_diacritics 2')""",
        ),
    ),
    Migration(
        "0003_attempts_and_failures",
        (
            """CREATE TABLE attempts (
                 id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, letter_id TEXT, run_key TEXT NOT NULL,
                 code TEXT NOT NULL, message TEXT NOT NULL, at TEXT NOT NULL)""",
            "CREATE INDEX attempts_by_source ON attempts (source)",
            """CREATE TABLE failures (
                 source TEXT PRIMARY KEY, letter_id TEXT, run_key TEXT NOT NULL, code TEXT NOT NULL,
                 message TEXT NOT NULL, at TEXT NOT NULL)""",
        ),
    ),
    Migration(
        "0004_vectors",
        (
            # One row a passage; `vector` is little-endian float32 of the model's dimension. Made again at any time.
            """CREATE TABLE vectors (
                 determination_id INTEGER NOT NULL REFERENCES determinations ON DELETE CASCADE, model TEXT NOT NULL,
                 position INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, vector BLOB NOT NULL,
                 PRIMARY KEY (determination_id, model, position)) WITHOUT ROWID""",
        ),
    ),
    Migration(
        "0005_covering_indexes",
        (
            # What filters and counts ask for without the wide rows that it stands in (a review's body among them).
            """CREATE INDEX determinations_by_decision ON determinations
                 (decision, category, subcategory, drug, ur_action, letter_id)""",
            """CREATE INDEX reviews_facts ON reviews
                 (letter_id, letter_date, ur_denial_date, injury_date, age, sex, priority, layout, items, case_number)""",
            "CREATE INDEX reasons_by_primary ON reasons (is_primary, code, determination_id)",
        ),
    ),
    Migration(
        "0006_narrow_indexes",
        (
            # One condition each, with nothing else in it: what a broad filter reads of a large library.
            "CREATE INDEX determinations_by_outcome ON determinations (decision)",
            "CREATE INDEX determinations_by_category ON determinations (category)",
            "CREATE INDEX determinations_by_treatment ON determinations (category || '.' || subcategory)",
            "CREATE INDEX reviews_by_date ON reviews (letter_date, letter_id)",
        ),
    ),
    Migration(
        "0007_dates_of_the_header",
        (
            "ALTER TABLE reviews ADD COLUMN application_received TEXT",
            "ALTER TABLE reviews ADD COLUMN date_assigned TEXT",
            """UPDATE reviews SET application_received = json_extract(body, '$.case.application_received'),
                 date_assigned = json_extract(body, '$.case.date_assigned')""",
        ),
    ),
)
