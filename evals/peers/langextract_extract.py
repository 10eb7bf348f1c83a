"""Measure LangExtract on IMR determination letters against an OpenAI-compatible server, one JSON line a letter.

Offsets count characters of DIR/<letter base name>.txt. Letters already in OUT are skipped, whatever came of them.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import langextract as lx
import openai
from langextract.core.data import ExampleData, Extraction
from langextract.providers.openai import OpenAILanguageModel

# Upheld items take the first group, overturned items the second.
UPHELD = """
no_functional_improvement: no better function, activities or work, or none documented
no_pain_relief_documented: pain relief from the treatment is not documented
efficacy_not_documented: benefit not documented, neither pain nor function named
poor_documented_response: response is on record and too small, too short or worse
missing_urine_drug_screen: no urine drug screen or toxicology report in the records
aberrant_drug_behavior: misuse or bad drug screen: illicit drug, prescribed drug absent, early refills
ongoing_monitoring_incomplete: ongoing review or the four A's not documented
side_effects_not_addressed: side effects not documented
missing_opioid_agreement: no pain contract or opioid agreement
missing_pdmp_or_risk_screen: no CURES/PDMP report or no abuse risk screen
no_treatment_goals: no goals or endpoints of treatment
no_weaning_plan: no plan or attempt to taper or lower the dose
opioid_dose_too_high: daily opioid dose above the recommended limit
safety_risk_or_contraindication: unsafe for this patient: interaction, duplicate class, illness, age
no_failed_conservative_care: failure of therapy, exercise or other conservative care not documented
no_failed_first_line_drug: no trial, failure or intolerance of a first-line drug
not_part_of_active_program: passive or stand-alone, no active program, or home exercise would do
prerequisite_test_missing: another test or evaluation must come first
response_to_current_care_pending: result of care already authorized or started must be awaited
no_objective_exam_findings: examination missing, normal or too vague
no_trigger_point_findings: no trigger points with twitch response
no_radiculopathy_findings: no radiculopathy on examination
no_imaging_or_edx_corroboration: imaging or nerve tests missing or not supporting
no_red_flag_or_new_findings: no red flag, no nerve compromise, no change since the last study
test_would_not_change_care: result would not change treatment, no surgery planned
too_early_in_course: too early after injury
wrong_indication: not recommended for this patient's diagnosis, kind of pain or body part
no_qualifying_risk_factor: patient lacks the risk or symptom that would justify the item
no_psych_clearance: psychological evaluation not done
exceeds_visit_or_quantity_limit: more visits, injections, tablets or refills than recommended
short_term_use_only: for short-term use, and use is or would be longer
not_recommended_by_guideline: item itself not recommended, experimental or without evidence
compound_contains_nonrecommended_agent: product contains an ingredient that is not recommended
no_trial_before_purchase: no trial or rental of the device first
repeat_too_soon_or_duplicate: already done or supplied, or repeated too soon
request_not_specific: dose, frequency, duration, quantity, side or body part missing
insufficient_records_or_rationale: records too thin, or need for the item not explained
depends_on_denied_service: falls because the main service is not necessary
lower_level_alternative_adequate: a cheaper or simpler option would do
outside_imr_scope: not a medical or covered item
"""
OVERTURNED = """
guideline_criteria_met: the guideline's criteria are met
benefit_documented: past use relieved pain or improved function
monitoring_documented: drug screens, CURES or opioid agreement on record
objective_findings_support: examination, imaging or nerve tests support the item
prior_care_failed: earlier treatment failed or was not tolerated
red_flag_or_change: new, worse or red-flag finding, flare-up, after surgery
risk_factor_present: patient has a risk factor that justifies the item
limited_request_reasonable: within limits, a short trial or a reasonable consultation
supports_function_or_recovery: helps work, mobility or recovery
taper_safety: stopping at once is unsafe, supply allows tapering
ur_reasoning_rejected: utilization review misread the records or used a wrong guideline
"""
CODES = [line.split(":")[0] for line in (UPHELD + OVERTURNED).split("\n") if line]

PROMPT = f"""Extract from a part of a California Independent Medical Review (IMR) decision letter, in order of appearance:
- age: the patient's age as written in the clinical case summary; years: the number.
- sex: the word that states the patient's sex in the summary; value: male or female.
- determination: the title line of each disputed item with its decision; decision: upheld (not medically necessary),
  overturned (medically necessary), partially_overturned or other.
- reason: one finding about this patient, from the "Decision rationale" of an item, on which the decision rests; one to
  four an item. code: one from the lists below. primary: yes for the main reason of the item, else no. item: the
  treatment in a few words.
Use exact text from the letter for every extraction, with its "no" or "not". Do not paraphrase and do not overlap.
What a guideline says in general is no reason. The summary, the guideline lines and the verdict hold no reasons. "Not
documented" and "documented and bad" are different codes. Where the text has nothing to extract, return an empty list.

Codes for upheld items:{UPHELD}
Codes for overturned items:{OVERTURNED}"""

EXAMPLE_UPHELD = """Decision Date: 07/24/2015 UR Denial Date: 05/29/2015
State(s) of Licensure: California, Nevada
CLINICAL CASE SUMMARY
The injured worker is a 47 year old male warehouse loader whose low back gave way on 3/7/2011
while he was stacking crates. He takes Norco four times a day. Utilization Review of 5/29/2015
allowed thirty tablets of Norco for weaning and declined the cyclobenzaprine.
IMR ISSUES, DECISIONS AND RATIONALES
Norco 10/325mg, 120 tablets: Upheld
MAXIMUS guideline: MTUS, the chapter on chronic pain, section Opioids, Page(s): 78-80.
Decision rationale: The guidelines accept long-term opioid use where the chart shows less pain,
better function, and watchfulness for misuse. No urine drug screen result could be found
anywhere in the file, and a signed pain agreement is not among the papers either. The progress
notes do not show that he does more at home or at work because of the drug. Norco 10/325mg is
therefore not medically necessary."""
EXAMPLE_MIXED = """Norco 10/325mg, sixty tablets:  Overturned
Decision rationale: The guideline would continue an opioid if the patient has returned to work
and has better pain and function. His pain falls from 8 to 3 and he works full duty as a
locksmith. The May drug screen was consistent, the CURES report shows a single prescriber, and
a signed agreement is on file. Norco is medically necessary.
Office visits: three, once a month:  Upheld
Decision rationale: One visit has been allowed already; three booked in advance go beyond what
a stable patient on an unchanged prescription calls for. The request is not medically necessary."""


def _reason(code: str, primary: str, item: str, quote: str) -> Extraction:
    return Extraction("reason", quote, attributes={"code": code, "primary": primary, "item": item})


def _title(text: str, decision: str) -> Extraction:
    return Extraction("determination", text, attributes={"decision": decision})


EXAMPLES = [
    ExampleData(EXAMPLE_UPHELD, [
        Extraction("age", "47 year old", attributes={"years": "47"}),
        Extraction("sex", "male", attributes={"value": "male"}),
        _title("Norco 10/325mg, 120 tablets: Upheld", "upheld"),
        _reason("missing_urine_drug_screen", "yes", "Norco",
                "No urine drug screen result could be found anywhere in the file"),
        _reason("missing_opioid_agreement", "no", "Norco",
                "a signed pain agreement is not among the papers either"),
        _reason("no_functional_improvement", "no", "Norco", "The progress notes do not show that he does more at "
                "home or at work because of the drug"),
    ]),
    ExampleData(EXAMPLE_MIXED, [
        _title("Norco 10/325mg, sixty tablets:  Overturned", "overturned"),
        _reason("benefit_documented", "yes", "Norco",
                "His pain falls from 8 to 3 and he works full duty as a locksmith"),
        _reason("monitoring_documented", "no", "Norco", "The May drug screen was consistent, the CURES report shows "
                "a single prescriber, and a signed agreement is on file"),
        _title("Office visits: three, once a month:  Upheld", "upheld"),
        _reason("exceeds_visit_or_quantity_limit", "yes", "Office visits", "three booked in advance go beyond what a "
                "stable patient on an unchanged prescription calls for"),
    ]),
]  # fmt: skip


def _item_schema(name: str, longest: int, attributes: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = lx.schema.extraction_item_schema(name, attributes=attributes)
    schema["properties"][name] |= {"minLength": 1, "maxLength": longest}
    return schema


def output_schema() -> dict[str, Any]:
    """What the server enforces: the codes, and an end to every text and list, which small models do not find."""
    schema: dict[str, Any] = lx.schema.extractions_schema(
        _item_schema("age", 40, {"years": {"type": "string", "minLength": 1, "maxLength": 3}}),
        _item_schema("sex", 40, {"value": {"enum": ["male", "female"]}}),
        _item_schema(
            "determination", 500, {"decision": {"enum": ["upheld", "overturned", "partially_overturned", "other"]}}
        ),
        _item_schema(
            "reason",
            500,
            {"code": {"enum": CODES}, "primary": {"enum": ["yes", "no"]}, "item": {"type": "string", "maxLength": 60}},
        ),
    )
    schema["properties"]["extractions"]["maxItems"] = 16
    return schema


class Meter:
    """Stands in for the openai client and counts what LangExtract does not report."""

    def __init__(self, client: openai.OpenAI) -> None:
        self._create = client.chat.completions.create
        self.chat = self.completions = self
        self.counts = {"input_tokens": 0, "cached_tokens": 0, "output_tokens": 0, "calls": 0, "truncated": 0}

    def create(self, **params: Any) -> Any:
        """One chat completion, counted even where it fails."""
        self.counts["calls"] += 1
        response = self._create(**params)
        if response.usage:
            details = response.usage.prompt_tokens_details
            self.counts["input_tokens"] += response.usage.prompt_tokens
            self.counts["cached_tokens"] += (details and details.cached_tokens) or 0
            self.counts["output_tokens"] += response.usage.completion_tokens
        self.counts["truncated"] += any(choice.finish_reason == "length" for choice in response.choices)
        return response


class ParseErrors(logging.Handler):
    """Counts the chunks that LangExtract drops because the answer cannot be parsed."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += str(record.msg).startswith("Chunk omitted")


def extract_letter(text: str, options: argparse.Namespace, client: openai.OpenAI) -> dict[str, Any]:
    """One letter's extractions with what they cost. An error is told in the line, not raised."""
    model = OpenAILanguageModel(
        model_id=options.model, api_key=options.api_key, base_url=options.base_url, temperature=0.0, max_workers=1,
        max_output_tokens=options.max_output_tokens,
    )  # fmt: skip
    if options.constraints == "codes":
        model.apply_output_schema(output_schema())
    elif options.constraints == "examples":
        model.apply_schema(OpenAILanguageModel.get_schema_class().from_examples(EXAMPLES))  # type: ignore[union-attr]
    model._client = meter = Meter(client)
    dropped = ParseErrors()
    logging.getLogger("absl").addHandler(dropped)
    extractions: list[Extraction] = []
    error = None
    started = time.monotonic()
    try:
        document: Any = lx.extract(
            text, PROMPT, EXAMPLES, model=model, use_schema_constraints=False, fence_output=None,
            max_char_buffer=options.max_char_buffer, context_window_chars=options.context_window_chars or None,
            extraction_passes=options.passes, batch_length=1, max_workers=1, show_progress=False,
            resolver_params={"suppress_parse_errors": True, "accept_match_lesser": options.accept_lesser},
            prompt_validation_level=lx.prompt_validation.PromptValidationLevel.ERROR, prompt_validation_strict=True,
        )  # fmt: skip
        extractions = document.extractions or []
    except Exception as failure:  # noqa: BLE001 - one letter must not stop the others
        error = f"{type(failure).__name__}: {failure}"[:300]
    finally:
        logging.getLogger("absl").removeHandler(dropped)
    seconds = round(time.monotonic() - started, 2)
    found = [describe(extraction) for extraction in extractions]
    return {"seconds": seconds, **meter.counts, "parse_errors": dropped.count, "error": error, "extractions": found}


def describe(extraction: Extraction) -> dict[str, Any]:
    """One extraction as written to OUT; start, end and alignment are null where it was not located."""
    span, status = extraction.char_interval, extraction.alignment_status
    return {
        "class": extraction.extraction_class,
        "text": extraction.extraction_text,
        "start": span.start_pos if span else None,
        "end": span.end_pos if span else None,
        "alignment": status.name if status else None,
        "attributes": extraction.attributes or {},
    }


def read_kept_text(folder: Path, letter: Path) -> str:
    """The letter's kept text, from letter.pdf.txt or letter.txt, with its line ends untouched."""
    whole = folder / f"{letter.name}.txt"
    path = whole if whole.exists() else folder / f"{letter.stem}.txt"
    return path.read_bytes().decode("utf-8")


def read_done(out: Path) -> set[str]:
    """The names of the letters that OUT holds. A last line that a killed run left unfinished is cut off."""
    text = out.read_text("utf-8") if out.exists() else ""
    *lines, rest = text.split("\n")
    if rest:
        out.write_text("".join(line + "\n" for line in lines), "utf-8")
    return {json.loads(line)["file"] for line in lines}


def main() -> int:
    """Run every letter that OUT does not hold yet; 1 where the server has gone or a letter failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", nargs="+", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--api-key", default="none")
    parser.add_argument("--constraints", choices=["codes", "examples", "none"], default="codes")
    parser.add_argument("--max-char-buffer", type=int, default=2500)
    parser.add_argument("--context-window-chars", type=int, default=0)
    parser.add_argument("--max-output-tokens", type=int, default=1500)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--accept-lesser", action="store_true", help="keep LangExtract's MATCH_LESSER spans")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one call")
    options = parser.parse_args()
    client = openai.OpenAI(api_key=options.api_key, base_url=options.base_url, timeout=options.timeout, max_retries=0)
    try:
        texts = {letter.name: read_kept_text(options.texts, letter) for letter in options.letters}
    except (OSError, UnicodeDecodeError) as failure:
        parser.error(f"--texts: {failure}")
    done = read_done(options.out)
    failed = False
    with options.out.open("a", encoding="utf-8") as out:
        for name, text in texts.items():
            if name in done:
                continue
            try:
                client.models.list()
            except openai.OpenAIError as failure:
                print(f"{options.base_url} does not answer ({type(failure).__name__}); stopped", file=sys.stderr)
                return 1
            result = {"file": name, **extract_letter(text, options, client)}
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
            out.flush()
            failed = failed or result["error"] is not None
            print(name, result["seconds"], "s", result["error"] or "", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
