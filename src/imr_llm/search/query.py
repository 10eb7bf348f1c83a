"""A question in plain words becomes filters: what was understood, what was not, and what to tell the user.

    query = parse_query("Norco denied but not because of the drug screen")
    [f.label for f in query.filters]
    ->  ["reason is not: ...", "drug: Norco", "decision: upheld"]

The grammar is deterministic: the wording of data/query_terms.yaml, the taxonomy, the drugs, treatments and regions of
the vocabulary, and a few word orders. The readers go from the most specific wording to the least; each takes the
words it has read. Nothing is guessed silently: a reading that was chosen or a spelling that was corrected is told in
`notes`, a word that nobody read stands in `ignored`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from imr_llm.library.facts import MONITORED
from imr_llm.library.filters import Filter, FilterOp, FilterValue, Measure, MeasureKind, Query
from imr_llm.search.question import NEGATED, Question, open_question
from imr_llm.search.question_dates import read_dates
from imr_llm.search.question_guidelines import read_guidelines
from imr_llm.search.question_hearing import read_by_ear
from imr_llm.search.question_measure import read_measure
from imr_llm.search.question_net import forget
from imr_llm.search.question_numbers import read_numbers, read_split
from imr_llm.search.question_reasons import add_reason, read_reasons, reason_labels
from imr_llm.search.question_reviewer import read_reviewer
from imr_llm.search.question_terms import read_terms
from imr_llm.search.spelling import correct_spelling
from imr_llm.search.wording import Noted, load_wording
from imr_llm.terms.taxonomy import COUNTERPARTS, load_taxonomy
from imr_llm.terms.vocabulary import drugs_by_ingredients

__all__ = ["Filter", "FilterOp", "FilterValue", "Measure", "MeasureKind", "Query", "parse_query"]

LONGEST_QUESTION = 300


def parse_query(text: str) -> Query:
    """Read a question. Never raises: what is not understood is in `ignored`.

    A word that nobody understood and that is one or two slips from a known one is read as that, and the question anew.
    """
    try:
        return _parse(text)
    finally:
        forget()


def _parse(text: str) -> Query:
    question = open_question(text)
    if _is_case(question.text):
        return _read_case(question, text)
    query = _read_question(question, text)
    corrected = {word: right for word in query.ignored if (right := correct_spelling(word))}
    if not corrected:
        return query
    again = open_question(text)
    for word, right in corrected.items():
        again.text = re.sub(rf"(?<![\w']){re.escape(word)}(?![\w'])", right, again.text)
        again.note(f'"{word}" was read as {right}')
    return _read_question(again, text)


def _read_question(question: Question, text: str) -> Query:
    """One pass of the readers over a question."""
    refused = _read_noted(question, (load_wording().private,))
    unanswerable = _read_noted(question, load_wording().unanswerable)
    _read_advice(question)
    measure = read_measure(question)
    _tell_ambiguous(question)
    _read_contradictions(question)
    read_dates(question)
    read_guidelines(question)
    read_split(question)
    _read_ur_action(question)
    read_numbers(question)
    read_reviewer(question)
    read_reasons(question)
    read_terms(question)
    _read_decision(question)
    _read_rest(question)
    _read_drugs(question)
    _settle_polarity(question)
    _look_anywhere(question)
    if measure is None:
        if read_by_ear(question):
            read_terms(question)
        _read_drugs(question)
        _settle_polarity(question)
        _look_anywhere(question)
    left = [match[0] for match in question.left() if _carries(match[0]) or match[0].isdigit()]
    return Query(
        text=text,
        filters=tuple(question.filters),
        ignored=tuple(dict.fromkeys(left)),
        free_text=_ranking_text(question),
        notes=tuple(question.notes),
        measure=measure,
        refused=refused,
        unanswerable=unanswerable,
    )


# ------------------------------------------------------------------------------------------------- what is asked

_CASE = re.compile(
    r"^\W*pasted\W|\b(?:cases?|letters?|determinations?) (?:just )?like (?:mine|this|my case|ours)\b|^similar to\b",
    re.IGNORECASE,
)


def _is_case(text: str) -> bool:
    """A pasted paragraph or "cases like mine: ..." is a case to compare with, not a question."""
    return bool(_CASE.search(text)) or len(text) > LONGEST_QUESTION


def _read_case(question: Question, text: str) -> Query:
    """Of a case only the decision asked for is a filter; everything else is compared."""
    body = _CASE.sub(" ", question.text)
    return Query(
        text=text, free_text=body.strip(" :,[]"), similar=True,
        notes=("read as a case: the nearest determinations are shown, nothing was excluded",),
    )  # fmt: skip


def _read_noted(question: Question, rows: tuple[Noted, ...]) -> str | None:
    """The note of the first wording that stands in the question; the words are taken."""
    note: str | None = None
    for row in rows:
        for match in list(question.find(row.pattern)):
            question.take(*match.span())
            question.note(row.note)
            note = note or row.note
    return note


def _read_advice(question: Question) -> None:
    for row in load_wording().advice:
        for match in list(question.find(row.pattern)):
            question.take(*match.span())
            question.note(row.note)


# ------------------------------------------------------------------------------------------------- readers


def _tell_ambiguous(question: Question) -> None:
    """An abbreviation with several readings: the words around it decide, and the reading is told."""
    for name, row in load_wording().ambiguous.items():
        for match in row.abbreviation.finditer(question.text):
            around = question.text[: match.start()] + " " + question.text[match.end() :]
            reading = next((reading for reading, near in row.readings if near.search(around)), None)
            question.note(f"{name} was read as {reading}" if reading else row.neither)
            if name == "RFA" and reading != "radiofrequency ablation":
                question.take(*match.span())
            if name == "UR":
                continue


_CONTRADICTED = re.compile(
    r"\b(?:summary|records?|history) (?:says?|said|shows?|showed|states?|has|documents?|lists?|records?|reports?)\b[^.;]{0,80}?(?:,|\b(?:but|while|yet|and|whereas|although)\b)[^.;]{0,40}?\b(?:rationale|reviewer)\b[^.;]{0,60}"
    r"|\b(?:rationale|reviewer) (?:says?|said|states?|claims?|found|finds)\b[^.;]{0,80}?(?:,|\b(?:but|while|yet|though|whereas|although)\b)[^.;]{0,40}?\b(?:summary|records?|history)\b[^.;]{0,60}"
    r"|\bcontradict\w*[^.;]{0,80}|\bconflicts?(?:ing)?\b[^.;]{0,80}",
    re.IGNORECASE,
)


def _read_contradictions(question: Question) -> None:
    wording = load_wording()
    for match in list(question.find(_CONTRADICTED)):
        topics = tuple(topic for topic, words in wording.contradictions.items() if words.search(match[0]))[:1]
        words = question.take(*match.span())
        wanted = topics or tuple(wording.contradictions)
        about = topics[0].replace("_", " ") if topics else "anything"
        question.add("contradiction", "any", wanted, f"summary contradicts the rationale on {about}", words)


_UR = r"(?:ur|utilization review|claims administrator|carrier|insurer|adjuster|claims adjuster)"


_A_PART = r"(?:a |an |the )?(?:part|some|portion|fraction|fewer|less|smaller (?:number|amount))\b"
_OF_IT = r"(?: of (?:(?:the |what was |it |original(?:ly)? )*(?:requests?|requested|asked for|quantity|visits|sessions|it|them)?))?"
# What is in dispute UR did not grant, so that what "UR approved" is a part of it.
_PARTLY = re.compile(
    rf"\b(?:the |had |has |have |was |were |been |that |where |only |but )*{_UR} (?:(?:had|has|have|only|just|already|previously|initially|earlier|partly|partially|did) )*"
    r"(?:(?:partly|partially|in part) )?(?:approved?|granted|allowed|authorized?|certified|certify|gave (?=some|part|only|fewer|less))"
    rf"(?: only| just)?(?: in part\b)?(?:(?: for)?(?: only)? (?:an? )?(?:shorter|fewer|smaller|lesser) \w+(?: or only (?:an?|one|two) \w+)?)?(?: {_A_PART})?"
    rf"(?: (?:\d+|two|three|four|five|six|eight|ten|twelve|twenty)(?: (?:visits?|sessions?|treatments?|tablets?|days?|weeks?|months?))?\b(?: (?:out )?of (?:the |an? )?(?:\d+|two|three|four|five|six|eight|ten|twelve|twenty)\b)?)?{_OF_IT}(?:,? or something less)?"
    rf"|\b(?:was |were |been |had been )*(?:authorized|certified)(?: only| just)? (?:in part|partly|partially)\b(?: (?:before|prior to) (?:the )?(?:review|imr))?(?: by (?:the )?{_UR})?"
    rf"|\bpartial(?:ly)? (?:auth|cert)\w*\b(?: by (?:the )?{_UR})?"
    rf"|\b(?:only )?(?:some|part|half|most|a part|a portion) of (?:the |its |his |her |these )?(?:requested |original )?\w+ (?:already |previously )?(?:authorized|certified|approved|granted|allowed) by (?:the )?{_UR}"
    r"|\b\d+ (?:\w+ )?(?:were |was )?(?:requested|asked for),? (?:and |but |only |with )?\d+ (?:\w+ )?(?:were |was )?(?:authorized|certified|approved|granted)\b"
    r"|\b(?:was |were |been )*(?:allowed|approved|authorized|granted|certified) (?:for )?(?:(?:only|just) (?:an? |one |two |three |\d+ )(?:visits?|sessions?|treatments?|tablets?|days?|weeks?|months?)\b|(?:an? |one |two |three |\d+ )(?:visits?|sessions?|treatments?|tablets?|days?|weeks?|months?) only\b)"
    rf"|\b(?:was |were |been |only |just |partly |partially )*(?:authorized|certified)(?: only| just)? {_A_PART}"
    rf"{_OF_IT}"
    rf"|\b(?:only )?(?:some|part) (?:of (?:it|them) )?(?:was |were |had been |already )*(?:authorized|certified|approved) by (?:the )?{_UR}"
    r"|\b(?:\w+ ){0,3}(?:rental|visits|sessions|refills?|tablets|months?|weeks?)(?: supply| rental)? (?:was|were|had been|has been|have been) (?:already |previously )(?:authorized|certified|approved)\b"
    rf"|\b(?:approved|authorized|certified|granted|allowed)(?: only)? in part (?:by|at) (?:the )?{_UR}(?: level)?"
    rf"|\b(?:part|partly|partially) (?:authorized|certified|authorization|certification)(?: requests?| before(?: the review)?| by (?:the )?{_UR})?"
    r"|\b(?:original(?:ly)?|requested|asked for)(?: requests?)?(?: for)? \d+(?: \w+)?,? (?:only |and |but |with )?(?:authorized|certified|got|given) (?:only )?\d+\b"
    r"|\b(?:authorized|certified|approved|granted) (?:only )?\d+ (?:out )?of (?:the |an? )?\d+\b|\b\d+ (?:out )?of (?:the |an? )?\d+ (?:\w+ )?(?:were |was |had been )?(?:authorized|certified)\b"
    rf"|\b(?:only )?(?:some|part|a part|a portion|portions?)(?: of (?:[\w'-]+ ){{1,7}}?)? ?(?:was |were |had been |has been |have been |been |got )(?:already |previously |partly )?(?:authorized|certified)(?: (?:beforehand|before|earlier|already))?(?: by (?:the )?{_UR})?",
    re.IGNORECASE,
)


_UR_OVERTURNED = re.compile(
    rf"\b(?P<ur>(?:the )?{_UR}(?:'s)? (?:denials?|decisions?|determinations?|non-?certifications?))(?= (?:was |were |is |are |got |being )?(?:overturn|upheld|uphold|revers|affirm|sustain))",
    re.IGNORECASE,
)


def _read_ur_action(question: Question) -> None:
    """ "UR modified", "denied by UR", "modified not denied"; "UR approved part of it".

    "where the UR denial was overturned" speaks of the decision: every letter is about something that UR did not grant.
    """
    for match in list(question.find(_UR_OVERTURNED)):
        question.take(*match.span("ur"))
    for match in list(question.find(_PARTLY)):
        words = question.take(*match.span())
        question.add("partly_authorized", "is", (True,), "part was authorized before the review", words)
    for action, wording in load_wording().ur_actions.items():
        inner = wording.pattern
        for pattern in (
            rf"\b{_UR}(?: (?:was|is|action|decision|only|had|has|that))* (?:{inner})(?:,? (?:and |but )?not (?:denied|modified)| (?:instead of|rather than) (?:denying|denied|deny|a denial))?",
            rf"(?:{inner}) by (?:the )?{_UR}\b",
            rf"(?:{inner}),? (?:and |but )?not (?:denied|modified)\b" if action == "modified" else r"(?!)",
        ):
            for match in list(question.find(re.compile(pattern, re.IGNORECASE))):
                question.add(
                    "ur_action", "any", (action,), f"utilization review: {action}", question.take(*match.span())
                )


# "was it approved, and why?" asks for the decision; it names none.
_WHETHER = re.compile(
    r"(?:\b(?:was|were|is|are|did|has|have) (?:it|they|this|that one|these|those|he|she|the (?:request|item|drug|treatment)s?)"
    r"|\b(?:whether|if) (?:it|they|this|these|those|the (?:request|item|drug|treatment)s?) (?:was|were|is|are|had been|has been|got|gets))"
    r"(?: (?:get|been|then|finally|later|ever|eventually|itself))*(?: \w+,? (?:or|and)(?: not)?)?\s*$",
    re.IGNORECASE,
)


# "which ones were allowed and which not"
_AND_WHICH_NOT = re.compile(r"(?: and|,| or) which (?:ones )?(?:were |was |are )?(?:not|n't)\b", re.IGNORECASE)


def _read_decision(question: Question) -> None:
    """The reviewer's decision; "upheld or overturned" asks for either and excludes nothing but other outcomes."""
    found: list[tuple[int, int, str]] = []
    for decision, pattern in load_wording().decisions.items():
        found += [(*match.span(), decision) for match in question.find(pattern)]
    kept: list[tuple[int, int, str]] = []
    for start, end, decision in sorted(found, key=lambda f: (f[0] - f[1], f[0])):
        if question.is_free(start, end):
            question.take(start, end)
            if question.in_ground(start) and any(not question.in_ground(last) for _, last, _ in found):
                # "denied because care that was already approved comes first"
                question.circumstances.append((start, end))
                continue
            if _WHETHER.search(question.text[:start]) or _AND_WHICH_NOT.match(question.text, end):
                continue
            kept.append((start, end, decision))
    if not kept:
        return
    kept = _without_overturned_denials(question, sorted(kept))
    decisions = tuple(dict.fromkeys(decision for _, _, decision in kept))
    if "partially_overturned" in decisions and not re.search(
        r"\bor\b", question.text[kept[0][0] : kept[-1][1]], re.IGNORECASE
    ):
        decisions = ("partially_overturned",)  # "partially overturned, how many visits approved"
    words = ", ".join(question.text[start:end] for start, end, _ in kept)
    question.add(
        "decision", "any", decisions, "decision: " + " or ".join(d.replace("_", " ") for d in decisions), words
    )


_PARTED = re.compile(r",|;|\b(?:or|and|but|vs|versus|than|while|whereas|whether)\b", re.IGNORECASE)


def _without_overturned_denials(question: Question, found: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Where a denial is what was overturned ("denials that were overturned", "overturned denials"), that alone is asked."""
    told = []
    for start, end, decision in found:
        others = [
            (first, last)
            for first, last, other in found
            if decision == "upheld" and other == "overturned" and question.text[start:end].lower().startswith("den")
        ]
        if not any(
            len(between := question.text[min(end, last) : max(start, first)]) < 60 and not _PARTED.search(between)
            for first, last in others
        ):
            told.append((start, end, decision))
    return told


_REST: tuple[tuple[str, str, FilterOp, tuple[FilterValue, ...], str], ...] = (
    (r"\b(?:fe ?males?|wom[ae]n)\b", "sex", "is", ("female",), "sex: female"),
    (r"\b(?:males?|m[ae]n)\b", "sex", "is", ("male",), "sex: male"),
    (
        r"\b(?:except(?: for)?|excluding|other than|apart from|not|no) (?:any |the )?(?:drugs|medications|meds|medicines|prescriptions)\b"
        r"|\bnon[ -]?(?:drug|medication|pharmaceutical|pharmacy|med|prescription)s?\b(?: (?:requests?|items?|treatments?|services?|care|therap(?:y|ies))\b)?",
        "category",
        "none",
        ("pharmaceuticals",),
        "treatment category: not pharmaceuticals",
    ),
    (
        r"\b(?:drugs?|meds|prescriptions?) (?:requests?|items?|disputes?|determinations?|cases?)\b"
        r"|\b(?:drugs?|meds|medications?|prescriptions?)(?= (?:denials?|approvals?|reversals?)\b)",
        "category",
        "any",
        ("pharmaceuticals",),
        "treatment category: pharmaceuticals",
    ),
    (
        r"\bretro(?:spective(?:ly)?)?\b|\bafter the fact\b"
        r"|\b(?:had |has |have |was |were )?already (?:been )?(?:given|rendered|dispensed|provided|performed|done|used)\b(?= (?:and|before|when|but)\b.{0,60}\b(?:review|pay|paid|refus|denied|authoriz|asked))",
        "retrospective",
        "is",
        (True,),
        "retrospective request",
    ),
    (r"\bneeds? (?:a )?(?:manual |human )?review\b", "needs_review", "is", (True,), "marked for a person's review"),
    (
        r"(?<!has )(?<!had )(?<!have )(?<!was )(?<!were )(?<!been )(?<!not )(?<!patient )(?<!worker )(?<!him )(?<!her )"
        r"\bleft(?:[ -]sided)?\b(?! (?:out|off|over|behind|with|without|the|him|her|them|unable|able|no|nothing|to|it|un\w+|by|in|at|work)\b)",
        "laterality",
        "is",
        ("left",),
        "side: left",
    ),
    (
        r"(?<!not )(?<!n't )(?<!all )\bright(?:[ -]sided)?\b(?! (?:to|for|one|thing|choice|drug|treatment|diagnosis|way|away|now)\b)",
        "laterality",
        "is",
        ("right",),
        "side: right",
    ),
    (
        r"\brt\.?(?= (?:shoulders?|knees?|hips?|wrists?|hands?|elbows?|ankles?|foot|feet|arms?|legs?|thumbs?|heels?|fingers?|upper|lower|carpal|side))",
        "laterality",
        "is",
        ("right",),
        "side: right",
    ),
    (
        r"\blt\.?(?= (?:shoulders?|knees?|hips?|wrists?|hands?|elbows?|ankles?|foot|feet|arms?|legs?|thumbs?|heels?|fingers?|upper|lower|carpal|side))",
        "laterality",
        "is",
        ("left",),
        "side: left",
    ),
    (
        r"\bbilateral(?:ly)?\b|\bboth (?=(?:upper |lower )?(?:sides?|knees|shoulders|hands|wrists|legs|arms|extremities|feet|ankles|hips|elbows|thumbs|heels)\b)",
        "laterality",
        "is",
        ("bilateral",),
        "side: both",
    ),
    (r"\bexpedited\b", "priority", "any", ("Expedited", "expedited"), "priority: expedited"),
    (r"\b(?:2013 notice|notice layout|notice format)\b", "layout", "is", ("notice_2013",), "layout: notice of 2013"),
    (r"\bunknown layout\b", "layout", "is", ("unknown",), "layout: unknown"),
    (r"\bCM\d\d-?\d{7}\b", "case_number", "is", (), "case number"),
    (
        r"\bCM\d\d-\d{3,6}(?!\d)|(?<=case )\d{7}\b|(?<=case number )\d{7}\b|(?<=case no )\d{7}\b",
        "case_number",
        "any",
        (),
        "case number with",
    ),
)


def _read_rest(question: Question) -> None:
    for pattern, field, op, value, label in _REST:
        for match in list(question.find(re.compile(pattern, re.IGNORECASE))):
            negated = (
                NEGATED.search(question.text[: match.start()]) if field in ("retrospective", "laterality") else None
            )
            words = question.take(negated.start() if negated else match.start(), match.end())
            if negated and field == "laterality":
                question.add(field, "none", value, label.replace(": ", ": not "), words)
            elif negated:
                question.add(field, op, (False,), f"not a {label}", words)
            else:
                question.add(
                    field, op, value or (words.upper(),), label if value else f"{label} {words.upper()}", words
                )


_DRUGS = re.compile(
    r"(?:^|\b(?:all|any|the|of|or|find|show|me|list|every|which|where|these|authorized|approved|denied|upheld|overturned|disputed|requested|retro|retrospective) )(?P<drugs>drugs|medications|meds|prescriptions|medicines|pills|rx)\b"
    r"|\b(?:any|every|each|what|which|of an?|for an?) (?:kind of |type of |sort of )?(?P<one>drug|medication|med|medicine|prescription)(?: at all)?\b"
    r"|\bnon[ -]?\w+ (?P<other>drugs|medications|meds|prescriptions|medicines|pills)\b"
    r"|\b(?P<decided>drugs?|meds?|medications?|prescriptions?|rx)(?= (?:was |were |is |are |only |partly |partially )*(?:authorized|certified|denied|upheld|refused|overturned|approved|allowed|granted)\b)",
    re.IGNORECASE,
)


def _read_drugs(question: Question) -> None:
    """ "drugs that were partly authorized": where no other item is named, drugs of any kind are."""
    if any(f.field in ("drug", "subcategory", "category") and f.op != "none" for f in question.filters):
        return
    for match in _DRUGS.finditer(question.text):
        span = match.span(next(name for name in ("drugs", "one", "other", "decided") if match[name]))
        if question.is_free(*span) and not question.in_ground(match.start()):
            words = question.take(*span)
            question.add("category", "any", ("pharmaceuticals",), f"category: {words}", words)


def _look_anywhere(question: Question) -> None:
    """Of drugs that no screen monitors ("muscle relaxants, although the screen was consistent") the whole letter is asked."""
    items = {str(value).rpartition(".")[2] for f in question.filters if f.field == "subcategory" for value in f.value}
    named = {value for f in question.filters if f.field == "drug" for value in f.value}
    items |= {drug.subcategory for drug in drugs_by_ingredients().values() if drug.generic in named}
    if not items or items & MONITORED:
        return
    for filter in [f for f in question.filters if f.field == "uds" and f.op == "any"]:
        question.filters.remove(filter)
        question.add("uds_anywhere", "any", filter.value, filter.label, filter.words)


# What an upheld denial would find missing, where the question excludes its being there: "failure of care was no issue".
_REFUSED: Mapping[str, str] = {
    "prior_care_failed": "no_failed_conservative_care",
    "benefit_documented": "no_functional_improvement",
    "objective_findings_support": "no_objective_exam_findings",
    "risk_factor_present": "no_qualifying_risk_factor",
    "red_flag_or_change": "no_red_flag_or_new_findings",
}


def _settle_polarity(question: Question) -> None:
    """A ground for denial in a question for overturned items (or the other way round) excludes everything: it ranks.

    One of them is a fact as well as a ground: "overturned despite a missing drug screen". A thing that is excluded as
    the ground of an overturn is excluded by its counterpart.
    """
    decisions = {value for f in question.filters if f.field == "decision" for value in f.value}
    opposite = {frozenset({"overturned"}): "denial", frozenset({"upheld"}): "overturn"}.get(frozenset(decisions))  # type: ignore[arg-type]
    for filter in [f for f in question.filters if f.field == "reason"]:
        codes = [load_taxonomy().codes[str(code)] for code in filter.value if str(code) in load_taxonomy().codes]
        if opposite is None or not codes or any(code.polarity != opposite for code in codes):
            continue
        question.filters.remove(filter)
        question.read_on(filter.words)
        if filter.op == "none":
            told = COUNTERPARTS if opposite == "denial" else _REFUSED
            others = tuple(dict.fromkeys(told[c.code] for c in codes if c.code in told))
            if others:
                add_reason(question, others, "none", filter.words)
            continue
        if filter.value == ("missing_urine_drug_screen",):
            question.add("uds", "any", ("stated_absent",), "urine drug screen is said to be missing", filter.words)
            continue
        said = reason_labels(code.code for code in codes)
        question.note(f'"{filter.words}" ({said}) is a ground for the opposite decision: it ranks, it does not exclude')


def _carries(word: str) -> bool:
    """Does a word say something to search for?"""
    plain = word.lower().strip(".'/&-")
    return len(plain) > 1 and plain not in load_wording().stop_words and not plain.isdigit()


def _ranking_text(question: Question) -> str:
    """The content words of the question, those of filters too; the decision's words are in every letter."""
    decisions = " ".join(
        f.words.lower() for f in question.filters if f.field in ("decision", "ur_action", "letter_date")
    )
    words = re.findall(r"[A-Za-z0-9][\w'/-]*", question.text)
    return " ".join(word for word in words if _carries(word) and word.lower() not in decisions.split())
