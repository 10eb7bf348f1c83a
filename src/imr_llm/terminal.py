"""Answers as text on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imr_llm.doctor import Finding
from imr_llm.extraction import Estimate, Plan
from imr_llm.letters.cleaning import clean_text
from imr_llm.library.store import Counts
from imr_llm.record import Determination, Review
from imr_llm.search.checklist import CheckLine, Checklist
from imr_llm.search.hits import Answer, Hit, HitEvidence, tell_figures
from imr_llm.search.query import Query
from imr_llm.search.similar import SimilarAnswer
from imr_llm.search.stats import SMALL, Group, Rate, Statistics

WIDTH = 100
CHECK_LINES = 5
DISCLAIMER = (
    "Machine-extracted from public letters; not precedent, not legal or medical advice; a sample, not the universe."
)


def print_answer(answer: Answer, *, explain: bool = False) -> None:
    """Hits with their evidence, after what was understood of the question."""
    _print_query(answer.query, (*answer.notes, *tell_figures(answer)), explain=explain)
    shown = f", {len(answer.hits)} shown" if len(answer.hits) < answer.total else ""
    print(
        f"{answer.total} of {answer.determinations_searched} determinations "
        f"in {answer.letters_searched} letters answer{shown}"
    )
    for place, hit in enumerate(answer.hits, start=1):
        _print_hit(f"{place:>3}.", hit)
        print(_wrap(f"why: {hit.why}", 5))
        for note in hit.notes:
            print(_wrap(f"note: {note}", 5))
    if answer.checklist:
        _print_checklist(answer.checklist)
    if explain and answer.near_misses:
        print(f"\nnear misses: {len(answer.near_misses)} that fail one condition")
        for miss in answer.near_misses:
            _print_hit("  ~ ", miss.hit)
            print(_wrap(f"fails: {miss.because}", 5))


def _print_hit(mark: str, hit: Hit) -> None:
    print(f"\n{mark} {hit.decision.upper().replace('_', ' ')}  {_fold(hit.title, 5)}")
    where = f"{hit.case_number}, determination {hit.number}  [{hit.file}]"
    print(f"     {where if hit.case_number else f'{hit.file}, determination {hit.number}'}")
    _print_evidence(hit.evidence)


def _print_query(query: Query, notes: Iterable[str], *, explain: bool) -> None:
    if query.filters:
        print("understood: " + "; ".join(chosen.label for chosen in query.filters))
    if query.ignored:
        print("ignored: " + ", ".join(query.ignored))
    for note in notes:
        print(f"note: {note}")
    if explain:
        for chosen in query.filters:
            print(f"  {chosen.field} {chosen.op} {chosen.value!r}   from {chosen.words!r}")
        print(
            f"  ranked by: {query.free_text!r}" if query.free_text else "  ranked by: relevance to the whole question"
        )


def _print_evidence(evidence: Iterable[HitEvidence]) -> None:
    for piece in evidence:
        label = f"{piece.code}: " if piece.code else ""
        print(_wrap(f'{label}"{clean_text(piece.quote)}" [{piece.start}:{piece.end}]', 5))


def print_similar(answer: SimilarAnswer) -> None:
    """The nearest determinations, with what agrees and what they turned on."""
    for note in answer.notes:
        print(f"note: {note}")
    print(f"{len(answer.hits)} nearest of {answer.total} determinations")
    for place, hit in enumerate(answer.hits, start=1):
        print(f"\n{place:>3}. {hit.decision.upper().replace('_', ' ')}  {_fold(hit.title, 5)}")
        print(f"     {hit.case_number or hit.file}, determination {hit.number}  score {hit.score:.2f}")
        if hit.shared:
            print(_wrap("shared: " + "; ".join(hit.shared), 5))
        if hit.differing:
            print(_wrap("differs: " + "; ".join(hit.differing), 5))
        _print_evidence(hit.evidence)
    if answer.checklist:
        _print_checklist(answer.checklist)


def _print_checklist(checklist: Checklist) -> None:
    """What was missing where the denial stood, what was documented where it fell; the first lines, a quote each."""
    marked = "; * fewer than 10 determinations" if min(checklist.upheld, checklist.overturned) < SMALL else ""
    print(f"\nchecklist: {checklist.treatment} (shares with 95 % Wilson intervals{marked})")
    _print_side(f"found missing or against it, of {checklist.upheld} upheld", checklist.missing)
    _print_side(f"documented, of {checklist.overturned} overturned", checklist.documented)


def _print_side(heading: str, lines: tuple[CheckLine, ...]) -> None:
    print(f"  {heading}:" + ("" if lines else " nothing"))
    for line in lines[:CHECK_LINES]:
        rate = Rate(line.n, line.of, line.share, line.low, line.high)
        print(f"    {_rate(rate):<22}{line.label}{' *' if line.small else ''}")
        for quote in line.quotes[:1]:
            where = f"{quote.case_number or quote.file}, determination {quote.number}"
            print(_wrap(f'"{clean_text(quote.quote)}" [{where}]', 8))


def print_statistics(statistics: Statistics) -> None:
    """A table of groups: n, upheld and overturned with share and 95 % interval."""
    _print_query(statistics.query, statistics.notes, explain=False)
    print(f"by {statistics.by} ({statistics.basis}); shares with 95 % Wilson intervals; * fewer than 10 determinations")
    rows = [*statistics.groups, statistics.overall]
    width = min(44, max([len(_label(group)) for group in rows], default=10) + 2)
    print(f"{'':<{width}}{'n':>6}{'letters':>9}  {'upheld':<26}{'overturned':<26}")
    for group in statistics.groups:
        _print_group(_label(group), group, width)
    _print_group("all", statistics.overall, width)
    print(f"{statistics.letters_with_several} letters have more than one determination")


def _label(group: Group) -> str:
    return group.label + (" *" if group.small else "")


def _print_group(label: str, group: Group, width: int) -> None:
    print(
        f"{label[: width - 1]:<{width}}{group.determinations:>6}{group.letters:>9}  "
        f"{_rate(group.upheld):<26}{_rate(group.overturned):<26}".rstrip()
    )


def _rate(rate: Rate) -> str:
    if rate.share is None or rate.low is None or rate.high is None:
        return "-"
    return f"{rate.n} ({rate.share:.0%}, {rate.low:.0%}-{rate.high:.0%})"


def print_review(review: Review) -> None:
    """One review, for reading."""
    letter, case = review.letter, review.case
    print(f"{case.case_number or letter.file}   {letter.layout}, {letter.pages} pages   id {letter.letter_id[:12]}")
    dates = {
        "injury": case.date_of_injury,
        "UR denial": case.ur_denial_date,
        "received": case.application_received,
        "assigned": case.date_assigned,
        "decided": case.decision_date,
    }
    print("   ".join(f"{name} {value}" for name, value in dates.items() if value))
    print(
        f"reviewer: {', '.join(review.reviewer.specialties) or '?'}; licensed in {', '.join(review.reviewer.licensed_states) or '?'}"
    )
    print(f"patient: {review.patient.age or '?'}, {review.patient.sex or '?'}")
    for item in review.determinations:
        _print_determination(item)
    for warning in review.run.warnings:
        print(_wrap(f"warning: {warning.code}: {warning.message}", 0))
    model = f", {review.run.model}" if review.run.model else ""
    print(f"extracted by {review.run.extractor}{model}, imr-llm {review.run.program_version}")


def _print_determination(item: Determination) -> None:
    print(f"\n{item.number}. {item.decision.upper().replace('_', ' ')}  {_fold(item.title, 3)}")
    treatment = item.treatment
    details = [
        f"{treatment.category or '?'}/{treatment.subcategory or '?'}",
        treatment.drug,
        treatment.strength,
        f"{treatment.quantity:g} {treatment.unit or ''}".strip() if treatment.quantity is not None else None,
        f"{treatment.refills} refills" if treatment.refills else None,
        ", ".join(treatment.body_regions) or None,
        treatment.laterality if treatment.laterality != "na" else None,
    ]
    print("   " + "; ".join(detail for detail in details if detail) + f"   UR: {item.ur_action}")
    for role, line in (
        ("claims administrator", item.claims_administrator_guideline),
        ("MAXIMUS", item.maximus_guideline),
    ):
        if line:
            print(_wrap(f"{role}: {line.text}", 3))
    for reason in item.reasons:
        mark = "*" if reason.primary else "-"
        print(
            _wrap(
                f'{mark} {reason.code}: "{clean_text(reason.evidence.quote)}" [{reason.evidence.start}:{reason.evidence.end}]',
                3,
            )
        )
    if item.uds_status != "not_mentioned":
        print(f"   urine drug screen: {item.uds_status}")
    for clash in item.contradictions:
        print(
            _wrap(
                f'contradiction ({clash.topic}): summary "{clean_text(clash.summary_evidence.quote)}"; rationale "{clean_text(clash.rationale_evidence.quote)}"',
                3,
            )
        )
    if item.needs_review:
        print(_wrap("needs review: " + ", ".join(item.needs_review), 3))


def print_batch(summary: Mapping[str, Any], library: Path) -> None:
    """What a batch did."""
    held = summary["library"]
    print(
        f"{summary['extracted']} extracted, {summary['kept']} already done, {summary['failed']} failed "
        f"in {summary['seconds']} s"
    )
    if summary["input_tokens"]:
        cost = "unknown price" if summary["cost_usd"] is None else f"{summary['cost_usd']} USD"
        print(f"{summary['input_tokens']:,} tokens in, {summary['output_tokens']:,} out, {cost}")
    print(f"{library}: {held['letters']} letters, {held['determinations']} determinations, index {summary['index']}")


def print_estimate(estimate: Estimate, plan: Plan) -> None:
    """What a batch would do."""
    print(
        f"{estimate.letters} letters to extract by {plan.extractor}, {estimate.done} already done, {estimate.unreadable} unreadable"
    )
    if plan.model:
        cost = "price not known" if estimate.cost_usd is None else f"about {estimate.cost_usd:.2f} USD"
        print(f"about {estimate.input_tokens:,} tokens in ({plan.model}), {cost}")


def print_findings(findings: Iterable[Finding]) -> None:
    """The doctor's findings, a line each."""
    for finding in findings:
        print(f"{'ok ' if finding.ok else 'BAD'}  {finding.name:<12} {finding.detail}")


def print_demo(answer: Answer, counts: Counts, library: Path, seconds: float) -> None:
    """What the demo did, what to do next, and last the answer."""
    print(
        f"{counts.letters} sample letters, {counts.determinations} determinations, {counts.reasons} reasons with evidence in {seconds:.1f} s"
    )
    print(
        f"(fictitious letters, written for this project; extracted by rules, nothing left this machine; library: {library})"
    )
    print("\nNext:")
    print(f"  imr-llm search 'lumbar MRI overturned' --library {library}     another question")
    print(f"  imr-llm stats --by category --library {library}                overturn rates")
    print(f"  imr-llm serve --library {library}                              the page, http://127.0.0.1:7860")
    print("  imr-llm extract FOLDER                                              your own letters (PDF, text, zip)")
    print("  IMR_BASE_URL=http://host/v1 IMR_MODEL=name imr-llm extract FOLDER   with your own model")
    print(f"\n$ imr-llm search '{answer.query.text}' --library {library}")
    print_answer(answer)
    print(f"\n{DISCLAIMER}")


def _fold(text: str, indent: int) -> str:
    return textwrap.fill(clean_text(text), WIDTH, initial_indent="", subsequent_indent=" " * indent)


def _wrap(text: str, indent: int) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
