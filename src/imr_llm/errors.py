"""Every error this package raises on purpose, in one tree.

    ImrError
    ├── InputError            a letter (or what should be one) cannot be read
    │   ├── UnsupportedInput      not a kind of file that holds letters
    │   ├── DamagedInput          truncated, not what its name says, bad archive
    │   ├── ProtectedInput        needs a password
    │   ├── EmptyInput            no text in it (scanned pages, empty file)
    │   └── OversizeInput         beyond the limits in reading.py
    ├── ConfigurationError    a setting, flag or file of the user's is wrong
    │   └── PromptError           a prompt file breaks its own rules
    ├── ExtractionError       a letter was read but no review came of it
    │   ├── ModelUnreachable      the endpoint did not answer, or refused us
    │   ├── ModelRefused          the endpoint answered, but with nothing usable
    │   ├── ExtractionFault       a fault of this program's own on this letter
    │   └── BudgetExceeded        --max-cost is spent
    ├── LibraryError          the library directory cannot be used
    │   ├── LibraryBusy           another process writes to it
    │   ├── LibraryTooNew         written by a newer version of this program
    │   └── LetterNotFound        no letter by that id, case number or file name
    └── VectorIndexError      the vector index is missing or damaged (rebuild it)

A message names the file or field, the rule that was broken and the remedy. It never holds letter text.
"""

from __future__ import annotations


class ImrError(Exception):
    """Base of all errors raised on purpose; `code` is its stable, snake-case name in records and JSON."""

    code = "error"


class InputError(ImrError):
    """One input cannot be read as a letter."""

    code = "unreadable_input"


class UnsupportedInput(InputError):
    """Not a kind of file that holds letters."""

    code = "unsupported_input"


class DamagedInput(InputError):
    """Truncated, not what its name says, or an unsafe archive."""

    code = "damaged_input"


class ProtectedInput(InputError):
    """The file asks for a password."""

    code = "password_protected"


class EmptyInput(InputError):
    """There is no text in the file."""

    code = "no_text"


class OversizeInput(InputError):
    """The file passes a size limit."""

    code = "too_large"


class ConfigurationError(ImrError):
    """A setting, flag or file of the user's is wrong."""

    code = "configuration"


class PromptError(ConfigurationError):
    """A prompt file breaks the rules for prompt files."""

    code = "prompt"


class ExtractionError(ImrError):
    """A letter was read, but no review came of it."""

    code = "extraction_failed"


class ModelUnreachable(ExtractionError):
    """The endpoint did not answer, or refused us, after every retry."""

    code = "model_unreachable"


class ModelRefused(ExtractionError):
    """The endpoint answered, but never with anything usable."""

    code = "model_refused"


class ExtractionFault(ExtractionError):
    """A fault of this program's own on this letter; the batch goes on."""

    code = "internal_fault"


class BudgetExceeded(ExtractionError):
    """--max-cost is spent; no further letter is begun."""

    code = "budget_exceeded"


class LibraryError(ImrError):
    """The library directory cannot be used."""

    code = "library"


class LibraryBusy(LibraryError):
    """Another process is writing to the library."""

    code = "library_busy"


class LibraryTooNew(LibraryError):
    """The library was written by a newer version of this program."""

    code = "library_too_new"


class LetterNotFound(LibraryError):
    """No letter in the library answers to that name."""

    code = "letter_not_found"


class VectorIndexError(ImrError):
    """The vector index is missing or damaged; it can always be rebuilt from the records."""

    code = "vector_index"
