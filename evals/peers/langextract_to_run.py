"""What langextract_extract.py wrote, as a run that `imr-llm eval score` and `eval models` can judge like any other.

    python evals/peers/langextract_to_run.py OUT.jsonl RUN --model M --letters LETTERS...

An item is a 'determination' extraction; a reason belongs to the item in whose printed rationale its located text
stands, else to the item that its attribute `item` names best. Nothing is repaired: a reason that LangExtract could
not locate keeps its words without a place (evidence.verbatim tells how many), unless --located-only leaves it out.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imr_llm.evals.manifest import make_manifest, now
from imr_llm.evals.runs import MANIFEST, open_run
from rapidfuzz import fuzz

from imr_llm.extraction import Plan
from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.letters.sections import DeterminationSection, read_sections
from imr_llm.record import (
    Determination,
    Evidence,
    LetterInfo,
    Patient,
    Rationale,
    Reason,
    Request,
    Review,
    Run,
    Usage,
    schema_sha256,
)
from imr_llm.settings import read_settings
from imr_llm.terms.taxonomy import TAXONOMY_VERSION, load_taxonomy

_DECISION = re.compile(r"[:\s]*(?:Upheld|Overturned)\s*$", re.IGNORECASE)


def make_review(letter: Letter, row: dict[str, Any], model: str, *, located_only: bool) -> Review:
    """One letter's extractions as a review."""
    extractions = row["extractions"]
    sections = read_sections(letter.text)
    items = [each for each in extractions if each["class"] == "determination"]
    placed = [_place(item, sections.determinations) for item in items]
    titles = [clean_text(_DECISION.sub("", item["text"])) for item in items]
    reasons = list(_assign(letter.text, extractions, items, placed, titles, located_only=located_only))
    determinations = [
        Determination(
            number=number,
            title=title,
            request=Request(disputed=title),
            decision=item["attributes"].get("decision", "other"),
            rationale=_rationale(letter.text, section),
            reasons=_primary_once([reason for at, reason in reasons if at == number]),
        )
        for number, (item, section, title) in enumerate(zip(items, placed, titles, strict=True), start=1)
    ]
    return Review(
        letter=LetterInfo(
            letter_id=letter.letter_id, source=letter.source, file=letter.file, media_type=letter.media_type,
            pages=letter.pages, characters=len(letter.text), layout=sections.layout,
        ),
        patient=Patient(age=_age(extractions), sex=_attribute(extractions, "sex", "value")),
        determinations=determinations,
        run=Run(
            extractor="llm", model=model, schema_sha256=schema_sha256(), taxonomy_version=TAXONOMY_VERSION,
            program_version="langextract", attempts=row["calls"], seconds=row["seconds"],
            usage=Usage(
                input_tokens=row["input_tokens"], cached_tokens=row["cached_tokens"], output_tokens=row["output_tokens"]
            ),
        ),
    )  # fmt: skip


def _place(item: dict[str, Any], sections: tuple[DeterminationSection, ...]) -> DeterminationSection | None:
    """The printed item whose title the extraction touches."""
    if item["start"] is None:
        return None
    return next((s for s in sections if s.title.start < item["end"] and item["start"] < s.title.end), None)


def _rationale(text: str, section: DeterminationSection | None) -> Rationale | None:
    if section is None or section.rationale is None:
        return None
    start, end = section.rationale.start, section.rationale.end
    return Rationale(start=start, end=end, text=text[start:end])


def _assign(
    text: str,
    extractions: list[dict[str, Any]],
    items: list[dict[str, Any]],
    placed: list[DeterminationSection | None],
    titles: list[str],
    *,
    located_only: bool,
) -> Iterator[tuple[int, Reason]]:
    """Each reason with the number of its item; one that no item can be found for is lost, as it is to a user."""
    known = load_taxonomy().codes
    for each in extractions:
        if each["class"] != "reason" or not items or (located_only and each["start"] is None):
            continue
        at = next((n for n, s in enumerate(placed) if s and s.rationale and each["start"] is not None
                   and s.rationale.start <= each["start"] < s.rationale.end), None)  # fmt: skip
        if at is None:
            named = str(each["attributes"].get("item", ""))
            at = max(range(len(items)), key=lambda n: fuzz.token_set_ratio(named.lower(), titles[n].lower()))
        code = each["attributes"].get("code", "")
        located = each["start"] is not None
        start, end = (each["start"], each["end"]) if located else (0, 0)
        yield (
            at + 1,
            Reason(
                code=code,
                polarity=known[code].polarity if code in known else "denial",
                primary=each["attributes"].get("primary") == "yes",
                evidence=Evidence(
                    quote=text[start:end] if located else each["text"],
                    start=start,
                    end=end,
                    match="exact" if each["alignment"] == "MATCH_EXACT" else "fuzzy",
                ),
                found_by="llm",
            ),
        )


def _primary_once(reasons: list[Reason]) -> list[Reason]:
    """The first that is called primary stays so."""
    first = next((n for n, reason in enumerate(reasons) if reason.primary), None)
    return [reason.model_copy(update={"primary": n == first}) for n, reason in enumerate(reasons)]


def _attribute(extractions: list[dict[str, Any]], kind: str, name: str) -> Any:
    return next((each["attributes"].get(name) for each in extractions if each["class"] == kind), None)


def _age(extractions: list[dict[str, Any]]) -> int | None:
    years = str(_attribute(extractions, "age", "years") or "")
    return int(years) if years.isdigit() else None


def main() -> None:
    """Write the run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--letters", nargs="+", required=True)
    parser.add_argument("--located-only", action="store_true")
    options = parser.parse_args()
    rows = {row["file"]: row for line in options.out.read_text("utf-8").splitlines() for row in [json.loads(line)]}
    plan = Plan("llm", "LangExtract", options.model)
    run = open_run(options.run, make_manifest(plan, read_settings({}, model=options.model), options.letters))
    with run.open_library(writing=True) as library:
        for letter in read_letters(options.letters):
            if isinstance(letter, Letter) and letter.file in rows:
                review = make_review(letter, rows[letter.file], options.model, located_only=options.located_only)
                library.put_review(letter, review)
    done = run.manifest.model_copy(update={"finished": now()})
    (run.path / MANIFEST).write_text(done.model_dump_json(indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
