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
from collections.abc import Iterator
from dataclasses import replace

from imr_llm.library.filters import Filter, FilterOp, FilterValue, Measure, MeasureKind, Query
from imr_llm.search.question import Question, open_question
from imr_llm.search.question_numbers import read_dates, read_numbers, split_era
from imr_llm.search.question_reasons import read_findings, read_reasons, reason_label
from imr_llm.search.spelling import correct_spelling
from imr_llm.search.wording import Noted, load_wording
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.terms.vocabulary import (
    Term,
    drugs_of_class,
    expand_abbreviations,
    find_terms,
    load_treatments,
    subcategory_of_class,
)

__all__ = ["Filter", "FilterOp", "FilterValue", "Measure", "MeasureKind", "Query", "parse_query"]

LONGEST_QUESTION = 300


def parse_query(text: str) -> Query:
    """Read a question. Never raises: what is not understood is in `ignored`.

    A word that nobody understood and that is one or two slips from a known one is read as that, and the question anew.
    """
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
    measure = _read_measure(question)
    _tell_ambiguous(question)
    _read_contradictions(question)
    read_dates(question)
    _read_guidelines(question)
    _read_ur_action(question)
    read_numbers(question)
    _read_reviewer(question)
    read_reasons(question)
    _read_terms(question)
    _read_decision(question)
    _settle_polarity(question)
    if measure is None:
        read_findings(question)
    _read_rest(question)
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


_RATE = re.compile(
    r"\b(?:(?P<what>uphold|upheld|overturn|overturned|approval|denial|success)[ -](?:rates?|percentages?)|(?:what )?(?:percent(?:age)?|share|fraction) of|how often)\b",
    re.IGNORECASE,
)
_TOP = re.compile(
    r"\b(?:main|leading)(?: denial| overturn)? reasons\b|\b(?:top|most (?:common|frequent)|main|leading)(?! reason\b)(?: (?P<n>\d{1,2}|three|five|ten))?(?: denial| overturn)? reasons?\b|\b(?:denial|overturn) reasons\b|\b(?:what|which) reasons\b(?: (?:are|were) (?:given|found|used|cited))?(?: most)?(?: often)?(?: for)?|\b(?:most )?common (?:denial |overturn )?reasons?\b|\breasons\b(?=.{0,40}\b(?:most|common|compare|compared))",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\bcount of\b|\b(?:how many|number of|count(?: of)?)(?= (?:[\w/-]+ ){0,3}(?:letters?|cases?|determinations?|decisions?|items?|denials?|requests?|times?)\b)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:have|had|with|having)? ?(?:more than one|multiple|several|two or more) (?:disputed )?(?:items?|requests?|services?|determinations?|treatments?)(?: in dispute| disputed)?\b",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:most|least) (?:often )?(?:denied|overturned|upheld|approved) (?P<thing>treatments?|drugs?|categor(?:y|ies)|specialt(?:y|ies))\b|\b(?:which|what) (?P<field>treatments?|drugs?|categor(?:y|ies)|specialt(?:y|ies)|states?|regions?|body (?:parts?|regions?)) (?:are|is|were|was|get|gets|have|has)\b(?=.{0,60}\b(?:most|least|highest|lowest|best|worst)\b)",
    re.IGNORECASE,
)
_OFTEN = re.compile(r"\b(?:most|least) often\b|\b(?:the )?(?:highest|lowest|best|worst|most|least)\b", re.IGNORECASE)
_CITED = re.compile(
    r"\b(?:which|what) guidelines?(?: documents?| sections?)?(?: are| is)?(?: cited| used)?(?: the)?(?: most)?(?: often)?\b",
    re.IGNORECASE,
)
_BY = re.compile(
    r"\b(?:by|per|for each|grouped by|broken down by)(?: the)?(?: reviewer'?s?)? (?P<field>year|specialt(?:y|ies)|state|drug|category|subcategory|reason|decision|body region|region|layout|sex|gender|treatment|ur action|guideline)s?\b",
    re.IGNORECASE,
)
_FIELDS = {
    "body region": "region", "body part": "region", "gender": "sex", "treatment": "subcategory",
    "ur action": "ur_action",
}  # fmt: skip
_WORD_NUMBERS = {"three": 3, "five": 5, "ten": 10}


def _read_measure(question: Question) -> Measure | None:
    """The figures asked for: a rate, a count, reasons or guidelines by frequency; the field they are split by."""
    for match in question.find(_MOST):
        question.take(*match.span())
        for often in list(question.find(_OFTEN)):
            question.take(*often.span())
        return Measure("rate", _field_name(match["field"] or match["thing"]))
    kind, top = _measure_kind(question)
    if kind is None:
        return None
    by: str | None = None
    for match in list(question.find(_BY)):
        by = _field_name(match["field"])
        question.take(*match.span())
    year = split_era(question)
    if year is not None:
        by = "year"
        question.note(f"compare the years before {year} with {year} and after in the figures by year")
    return Measure(kind, by or {"reasons": "reason", "citations": "guideline"}.get(kind), top)


def _field_name(words: str) -> str:
    """The grouping that a word of the question means: "treatments" is subcategory."""
    name = words.lower()
    name = {"categories": "category", "specialties": "specialty"}.get(name, name.rstrip("s"))
    return _FIELDS.get(name, name)


def _measure_kind(question: Question) -> tuple[MeasureKind | None, int | None]:
    for match in question.find(_TOP):
        question.take(*match.span())
        number = match["n"]
        return "reasons", (_WORD_NUMBERS.get(number.lower()) or int(number)) if number else None
    for match in question.find(_RATE):
        question.take(*match.span())
        return "rate", None
    for match in list(question.find(_SEVERAL)):
        words = question.take(*match.span())
        question.add("items", "range", (2, None), "letters with more than one disputed item", words)
        return "several_items", None
    for match in question.find(_CITED):
        question.take(*match.span())
        return "citations", None
    for match in question.find(_COUNT):
        question.take(*match.span())
        return "count", None
    return None, None


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


_DIFFERENT = re.compile(
    r"\bguidelines?\b[^.;]{0,60}\b(?:differ(?:s|ent|ed)?|not the same|another|changed)\b[^.;]{0,50}|\bdifferent guidelines?\b[^.;]{0,50}",
    re.IGNORECASE,
)
_CHRONIC_PAIN = re.compile(
    r"\b(?:2009 )?(?:mtus )?chronic pain (?:medical )?(?:treatment )?(?:guidelines?|chapter)\b(?: of 2009| \(?2009\)?)?|\b2009 (?:mtus|guidelines?)\b",
    re.IGNORECASE,
)
_SOURCE = re.compile(
    r"\b(?:(?:citing|cit(?:e|es|ed|ation)|based on|rel(?:y|ies|ied|ying) on|per|under|using|used|from)(?: the| to)? )?(?:ca )?(?P<source>mtus|odg|acoem|official disability guidelines?)\b(?: guidelines?)?",
    re.IGNORECASE,
)
_SOURCES = {"mtus": "MTUS", "odg": "ODG", "acoem": "ACOEM"}
_SECTION = re.compile(
    r"\bsections? (?:on |about |called |named |of )?\"?(?P<after>[a-z][a-z ,&()-]{3,60}?)\"?(?= (?:cited|used|in)\b|[.;?]|$)|\"(?P<before>[a-z][a-z ,&()-]{3,60})\" section\b",
    re.IGNORECASE,
)
_CITES_NONE = re.compile(
    r"\b(?P<who>claims administrator|ur|carrier|insurer|reviewer|maximus)(?:'s)? (?:cit(?:es|ed)|gave|used|did not (?:cite|use|give)(?: any)?)"
    r" (?:no |any )?(?:medical )?(?:guidelines?|evidence)\b",
    re.IGNORECASE,
)
_CHAPTER_NAME = r"post-?surgical|acupuncture|low back|neck(?: (?:and|&) upper back)?|shoulder|knee|elbow|ankle(?: (?:and|&) foot)?|forearm|wrist|hand|stress|mental|opioids?|initial approaches"
_CHAPTER = re.compile(
    rf"\b(?:cit(?:es?|ed|ing) |using |under )?(?:the )?(?:mtus |acoem |odg )?(?:chapter (?:on |about )?(?:the )?(?P<after>{_CHAPTER_NAME})|(?P<name>{_CHAPTER_NAME}) (?:complaints? |medical treatment |treatment )?(?:guidelines?|chapters?))\b",
    re.IGNORECASE,
)
_REPLACED = "the 2009 MTUS chronic pain guideline was replaced for services from 2017-12-01; check what is in force"


def _read_guidelines(question: Question) -> None:
    for match in list(question.find(_DIFFERENT)):
        words = question.take(*match.span())
        question.add(
            "guideline_difference",
            "any",
            ("section", "document"),
            "reviewer used another guideline section or document than the claims administrator",
            words,
        )
        question.note("a section that is only broader or narrower is not counted as different")
    for match in list(question.find(_CHRONIC_PAIN)):
        words = question.take(*match.span())
        question.add("chapter", "any", ("chronic pain",), "guideline chapter: chronic pain", words)
        question.note(_REPLACED)
    for match in list(question.find(_CITES_NONE)):
        who = "maximus" if match["who"].lower() in ("reviewer", "maximus") else "claims_administrator"
        if not re.search(r"\bno\b|\bnot\b", match[0], re.IGNORECASE):
            continue
        words = question.take(*match.span())
        question.add("cites_none", "any", (who,), f"{who.replace('_', ' ')} cites no guideline", words)
    for match in list(question.find(_CHAPTER)):
        name = (match["after"] or match["name"]).lower().replace("-", "")
        question.add("chapter", "any", (name,), f"guideline chapter: {name}", question.take(*match.span()))
    for match in list(question.find(_SOURCE)):
        if re.match(r" (?:was )?(?:adopted|adoption|adopts)", question.text[match.end() :], re.IGNORECASE) or re.search(
            r"\badopted $", question.text[: match.start("source")], re.IGNORECASE
        ):
            question.take(*match.span())
            continue
        name = _SOURCES.get(match["source"].lower(), "ODG")
        negated = _NEGATED.search(question.text[: match.start()])
        words = question.take(negated.start() if negated else match.start(), match.end())
        question.add(
            "guideline_source",
            "none" if negated else "any",
            (name,),
            f"guideline: {'not ' if negated else ''}{name}",
            words,
        )
    for match in list(question.find(_SECTION)):
        name = (match["after"] or match["before"]).strip()
        question.add("section", "any", (name,), f"guideline section: {name}", question.take(*match.span()))


_UR = r"(?:ur|utilization review|claims administrator|carrier|insurer|adjuster)"


_PARTLY = re.compile(
    rf"\b(?:(?:the |had |has |have |was |were |been |that |where |only |but )*{_UR} (?:had |has |have |only |just |partly |partially )*"
    r"(?:approved|granted|allowed|authorized|certified)|(?:was |were |been |only |just |partly |partially )*(?:authorized|certified))(?: only| just)? (?:a |an |the )?(?:part|some|portion|fraction|fewer|less|smaller (?:number|amount))\b"
    r"(?: of (?:(?:the |what was |it |original(?:ly)? )*(?:requests?|requested|asked for|visits|sessions|it|them)?))?(?:,? or something less)?"
    rf"|\b(?:only )?(?:some|part) (?:of (?:it|them) )?(?:was |were |had been |already )*(?:authorized|certified|approved) by (?:the )?{_UR}"
    r"|\b(?:partly|partially) (?:authorized|certified)(?: requests?| before(?: the review)?)?"
    r"|\b(?:only )?(?:some|part|a part|a portion|portions?)(?: of (?:[\w'-]+ ){1,7}?)? ?(?:was |were |had been |has been |have been |been |got )(?:already |previously |partly )?(?:authorized|certified)(?: (?:beforehand|before|earlier|already))?(?: by (?:the )?(?:ur|utilization review|claims administrator|carrier|insurer|adjuster))?",
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
            rf"\b{_UR}(?: (?:was|is|action|decision|only|had|has|that))* (?:{inner})(?:,? (?:and |but )?not (?:denied|modified))?",
            rf"(?:{inner}) by (?:the )?{_UR}\b",
            rf"(?:{inner}),? (?:and |but )?not (?:denied|modified)\b" if action == "modified" else r"(?!)",
        ):
            for match in list(question.find(re.compile(pattern, re.IGNORECASE))):
                question.add(
                    "ur_action", "any", (action,), f"utilization review: {action}", question.take(*match.span())
                )


_REVIEWER = re.compile(
    r"\b(?:review(?:er|ers|ed|ing)|specialt(?:y|ies)|board certified|certified in|certification|decided by|decisions by|licens\w*|case and)\b",
    re.IGNORECASE,
)
_NOT_ITEM = re.compile(
    r"\s*(?:consult|referral|evaluation|visit|clearance|follow|treatment|appointment|re-?eval|physician consult|program|medication|surgery\b)",
    re.IGNORECASE,
)
_LICENCE = re.compile(
    r"\b(?:not |un|non )?licen[sc]\w+\b(?: to practice)?(?: only)?(?: in)?|\bout of state\b|\bfrom outside\b|\boutside(?: of)?\b",
    re.IGNORECASE,
)
# A negation counts where only a licence's words stand between it and the state.
_NOT_LICENSED = re.compile(
    r"(?:\b(?:not(?! only)|non|never|without|no|outside|other than|rather than|instead of|except(?: for)?|excluding|neither|nor)\b"
    r"|\bunlicen[sc]ed\b)"
    r"(?:[ ,-]+(?:licen[sc]\w+|to|practice|practicing|in|of|from|by|the|an?|any|state|currently|actively|active|either|hold|holds"
    r"|holding|have|having|had|being|been|certified|reviewers?|physicians?|doctors?|who|that|is|are|was|were))*[ ,-]*$",
    re.IGNORECASE,
)
_IN_LICENCE = re.compile(r"(?:licen[sc]\w+(?: to practice)?(?: only)?(?: in)?|outside(?: of)?) $", re.IGNORECASE)
# ", CT" is Connecticut only where the question speaks of a reviewer.
_BESIDE_STATE = re.compile(r"(?:,|\b(?:and|or|nor|but|not|except)(?: in)?) $", re.IGNORECASE)
_LICENSED_AGAIN = re.compile(r"\b(?:but|yet|only|instead|though|while|licen[sc]\w+)\b", re.IGNORECASE)


# "denied by a psychiatrist"; but "manipulation by a chiropractor" is the item.
_DECIDED_BY = re.compile(
    r"(?<=upheld )by (?:an? |the )?$|\b(?:overturned|denied|decided|reviewed|approved|signed|written|decisions?|denials?|reviews?|letters?|cases?|refused|granted|allowed|determinations?) (?P<by>by (?:an? |the )?)$",
    re.IGNORECASE,
)


def _read_reviewer(question: Question) -> None:
    _read_states(question)
    wording = load_wording()
    speaks = bool(_REVIEWER.search(question.text))
    found: list[tuple[str, str]] = []
    for name, pattern in wording.specialties.items():
        for match in list(question.find(pattern)):
            by = _DECIDED_BY.search(question.text[: match.start()])
            if not (speaks or by) or _NOT_ITEM.match(question.text, match.end()):
                continue
            start = by.start("by") if by and by["by"] else by.start() if by else match.start()
            words = question.take(start, match.end())
            found.append((name, words.removeprefix("by ")))
    if found:
        words = " or ".join(words for _, words in found)
        names = tuple(dict.fromkeys(part for name, _ in found for part in name.split(" | ")))
        question.add("specialty", "any", names, f"reviewer's specialty: {words}", words)


_OUT_OF_STATE = re.compile(
    r"\b(?:out[ -]of[ -]state|non[ -]california)\b(?: (?:physicians?|doctors?|reviewers?))?", re.IGNORECASE
)


def _read_out_of_state(question: Question) -> None:
    """These are California's letters: out of state is not licensed there."""
    for match in list(question.find(_OUT_OF_STATE)):
        words = question.take(*match.span())
        question.add("state", "none", ("California",), "reviewer not licensed in California", words)
        question.note("letters that do not print a licence are left out")


def _read_states(question: Question) -> None:
    """States in a licence's words; "CA" counts only there, a full name also by a reviewer."""
    found: list[tuple[int, int, str]] = []
    speaks = bool(_REVIEWER.search(question.text) or _LICENCE.search(question.text))
    for name, short in load_wording().states.items():
        for match in question.find(re.compile(rf"\b{name}\b", re.IGNORECASE)):
            found.append((*match.span(), name))
        for abbreviation in short:
            for match in question.find(re.compile(rf"\b{abbreviation}\b")):
                before = question.text[: match.start()]
                if _IN_LICENCE.search(before) or (speaks and _BESIDE_STATE.search(before)):
                    found.append((*match.span(), name))
    found = [f for f in found if not any(o != f and o[0] <= f[0] and f[1] <= o[1] for o in found)]
    if not found:
        _read_out_of_state(question)
        return
    found.sort()
    licence = list(question.find(_LICENCE))
    start = min([found[0][0], *(m.start() for m in licence if m.start() < found[0][0])])
    groups: dict[bool, list[tuple[int, int, str]]] = {}
    negated, last_end = False, 0
    for first, last, name in found:
        between = question.text[last_end:first]
        if refusal := _NOT_LICENSED.search(between):
            question.take(last_end + refusal.start(), first)
            negated = True
        elif _LICENSED_AGAIN.search(between):
            negated = False
        groups.setdefault(negated, []).append((first, last, name))
        last_end = last
    words = question.text[start : found[-1][1]]
    for first, last, _ in found:
        question.take(first, last)
    for match in licence:
        question.take(*match.span())
    for negated, some in groups.items():
        names = tuple(dict.fromkeys(name for _, _, name in some))
        if negated:
            question.add("state", "none", names, f"reviewer not licensed in {' or '.join(names)}", words)
            question.note("letters that do not print a licence are left out")
            continue
        either = re.search(r"\bor\b", question.text[some[0][1] : some[-1][0]], re.IGNORECASE)
        op: FilterOp = "any" if len(names) == 1 or either else "all"
        question.add(
            "state", op, names, f"reviewer licensed in {(' or ' if op == 'any' else ' and ').join(names)}", words
        )


# "everything except opioids", "TPI but not Botox"
_NEGATED = re.compile(
    r"\b(?:except(?: for)?|not|excluding|other than|no|but not|without|non|neither|nor)[ -](?:the |any |an? )?$",
    re.IGNORECASE,
)
# "neither MRI, CT nor x-ray", "except MRI and x-ray": the negation holds for what is joined to it.
_ALL_NEGATED = re.compile(r"\b(?:neither|except(?: for)?|excluding|other than)[ -](?:the |any |an? )?$", re.IGNORECASE)
_JOINED = re.compile(r"\s*(?:,|,? ?\b(?:or|nor|and)\b)\s*(?:the |any |an? )?", re.IGNORECASE)
# What stands beside the item: what was tried before it, what the patient takes, what it follows.
_CONTEXT = re.compile(
    r"\b(?:after|before|following|prior(?: to)?|previous|despite|failed|failing|status post|s/p|post|history of"
    r"|instead of|because(?: the)?|since the|while(?: on)?|used against|against)(?: an?| the| his| her)? $",
    re.IGNORECASE,
)
_MENTIONED = re.compile(
    r"\b(?:mention(?:s|ed|ing)?|(?:is|are|was|were|still|while|already|also) on|taking|takes|prescribed|still taking"
    r"|patients? on|history of|medication list (?:includes|has|with)|records? (?:of|with|lists?))(?: the| any)? $",
    re.IGNORECASE,
)
_IN_RECORD = re.compile(
    r" (?:in the (?:record|records|summary|medication list|medications|chart)|mentioned|listed)\b", re.IGNORECASE
)


# "did not back up the request", "knocked back": no region.
_BACK_VERB = re.compile(
    r"\bback(?:s|ed|ing)? (?:up|to|at|by|into|off)\b|\b(?:knock|com|came|sen[dt]|go|went|gave|giv|got|get|set|cut|scal|held|push|turn|bring|brought)\w* (?:it |him |her |them )?back\b",
    re.IGNORECASE,
)


def _read_terms(question: Question) -> None:
    """Drugs, classes, treatments and regions; several of a kind are alternatives, since an item has one.

    Of several items the one that is only told of ("after the injection", "failed NSAIDs") is context: it ranks.
    """
    values = _read_families(question)
    terms = [_widen(term) for term in find_terms(question.text) if question.is_free(term.start, term.end)]
    context = _context_terms(question, terms)
    chained: int | None = None  # the end of the last item of a list that is negated as a whole
    for term in sorted(terms, key=lambda t: t.start):
        field = _field_of(question, term)
        before = question.text[: term.start]
        if (
            term.kind == "body_region"
            and term.surface.lower() == "back"
            and _BACK_VERB.search(before + "back" + question.text[term.end :])
        ):
            continue
        negated = _NEGATED.search(before)
        joined = chained is not None and bool(_JOINED.fullmatch(question.text, chained, term.start))
        chained = term.end if joined or _ALL_NEGATED.search(before) else None
        question.take(negated.start() if negated else term.start, term.end)
        if term in context:
            question.note(f'"{term.surface}" was read as context, not as the item in dispute')
            continue
        for value in _values_of(term, field):
            values.setdefault((field, "none" if negated or joined else "any"), []).append((value, term.surface))
    for (field, op), some in values.items():
        accepted = tuple(dict.fromkeys(value for value, _ in some))
        words = list(dict.fromkeys(words for _, words in some))
        label = f"{_TERM_LABELS.get(field, field)}: {'not ' if op == 'none' else ''}{' or '.join(words)}"
        question.add(field, op, accepted, label, ", ".join(words))
    _read_bare_screen(question)


Accepted = dict[tuple[str, FilterOp], list[tuple[str, str]]]
"""By field and operator: each value with the question's words for it."""


def _read_families(question: Question) -> Accepted:
    """Words for several treatments at once ("imaging"); beside other items they are one more alternative."""
    found: Accepted = {}
    terms = [(term.start, term.end) for term in find_terms(question.text) if term.kind != "body_region"]
    for family in load_wording().families:
        for match in list(question.find(family.asked)):
            if any(start < match.end() and match.start() < end and end - start > len(match[0]) for start, end in terms):
                continue  # "CT scans" is no "scans"
            negated = _NEGATED.search(question.text[: match.start()])
            question.take(negated.start() if negated else match.start(), match.end())
            some = found.setdefault(("subcategory", "none" if negated else "any"), [])
            some += [(subcategory, match[0]) for subcategory in family.subcategories]
    return found


def _widen(term: Term) -> Term:
    """A category's own name asks for the category, though an item so named is the commonest of its kind."""
    if term.kind != "subcategory":
        return term
    name = expand_abbreviations(term.surface).text.lower().rstrip("s")
    for category, names in load_treatments().category_terms.items():
        if name in names and term.value.startswith(f"{category}."):
            return replace(term, kind="category", value=category)
    return term


def _is_context(question: Question, start: int) -> bool:
    """Do words that nobody read yet make what follows a circumstance? "films before the MRI" was a ground: MRI is the item."""
    told = _CONTEXT.search(question.text[:start])
    return told is not None and question.is_free(*told.span())


def _context_terms(question: Question, terms: list[Term]) -> list[Term]:
    """Items named beside the one in dispute; a broad category beside a treatment is context too."""
    items = [term for term in terms if term.kind != "body_region"]
    told = [
        term for term in items if _is_context(question, term.start) and _field_of(question, term) != "mentioned_drug"
    ]
    if len(told) == len(items):
        told = []
    left = [term for term in items if term not in told and _field_of(question, term) != "mentioned_drug"]
    if any(term.kind != "category" for term in left):
        told += [term for term in left if term.kind == "category"]
    return told


def _read_bare_screen(question: Question) -> None:
    """A drug screen in words that the treatments do not have ("toxicology testing every month") is the item."""
    for match in list(question.find(load_wording().uds)):
        words = question.take(*match.span())
        question.add("subcategory", "any", ("diagnostic_testing.urine_drug_screen",), f"treatment: {words}", words)


_TERM_LABELS = {"mentioned_drug": "drug mentioned in the record", "subcategory": "treatment", "region": "body region"}


def _field_of(question: Question, term: Term) -> str:
    told = _MENTIONED.search(question.text[: term.start])
    if told and not question.is_free(*told.span()):
        told = None  # "UDS not mentioned, opioid": the mention is the screen's
    mentioned = told or _IN_RECORD.match(question.text, term.end)
    if term.kind == "drug":
        return "mentioned_drug" if mentioned else "drug"
    if term.kind == "drug_class":
        if mentioned:
            return "mentioned_drug"
        return "subcategory" if subcategory_of_class(term.value) else "drug"
    return {"category": "category", "subcategory": "subcategory", "body_region": "region"}[term.kind]


SPINE = ("cervical", "thoracic", "lumbar")


def _values_of(term: Term, field: str) -> Iterator[str]:
    if term.kind == "body_region" and term.surface.lower() in ("spine", "spinal"):
        yield from SPINE  # no part of it is named
        return
    if term.kind != "drug_class":
        yield term.value
        return
    whole = subcategory_of_class(term.value) if field == "subcategory" else None
    yield from [whole] if whole else sorted(drugs_of_class(term.value))


def _read_decision(question: Question) -> None:
    """The reviewer's decision; "upheld or overturned" asks for either and excludes nothing but other outcomes."""
    found: list[tuple[int, int, str]] = []
    for decision, pattern in load_wording().decisions.items():
        found += [(*match.span(), decision) for match in question.find(pattern)]
    kept: list[tuple[int, int, str]] = []
    for start, end, decision in sorted(found, key=lambda f: (f[0] - f[1], f[0])):
        if question.is_free(start, end):
            question.take(start, end)
            kept.append((start, end, decision))
    if not kept:
        return
    kept.sort()
    decisions = tuple(dict.fromkeys(decision for _, _, decision in kept))
    if "partially_overturned" in decisions and not re.search(
        r"\bor\b", question.text[kept[0][0] : kept[-1][1]], re.IGNORECASE
    ):
        decisions = ("partially_overturned",)  # "partially overturned, how many visits approved"
    words = ", ".join(question.text[start:end] for start, end, _ in kept)
    question.add(
        "decision", "any", decisions, "decision: " + " or ".join(d.replace("_", " ") for d in decisions), words
    )


_REST: tuple[tuple[str, str, FilterOp, tuple[FilterValue, ...], str], ...] = (
    (r"\b(?:fe ?males?|wom[ae]n)\b", "sex", "is", ("female",), "sex: female"),
    (r"\b(?:males?|m[ae]n)\b", "sex", "is", ("male",), "sex: male"),
    (
        r"\b(?:drugs?|meds|prescriptions?)(?= (?:was |were |is |are )?(?:denied|upheld|refused|overturned|approved|allowed|granted)\b)",
        "category",
        "any",
        ("pharmaceuticals",),
        "treatment category: pharmaceuticals",
    ),
    (r"\bretro(?:spective(?:ly)?)?\b|\bafter the fact\b", "retrospective", "is", (True,), "retrospective request"),
    (r"\bneeds? (?:a )?(?:manual |human )?review\b", "needs_review", "is", (True,), "marked for a person's review"),
    (
        r"(?<!has )(?<!had )(?<!have )(?<!was )(?<!were )(?<!been )(?<!not )(?<!patient )(?<!worker )(?<!him )(?<!her )"
        r"\bleft(?:[ -]sided)?\b(?! (?:out|off|over|behind|with|without|the|him|her|them|unable|able|no|nothing|to|it|un\w+|by|in|at|work)\b)",
        "laterality",
        "is",
        ("left",),
        "side: left",
    ),
    (r"\bright(?:[ -]sided)?\b(?! to)", "laterality", "is", ("right",), "side: right"),
    (r"\bbilateral\b", "laterality", "is", ("bilateral",), "side: both"),
    (r"\bexpedited\b", "priority", "any", ("Expedited", "expedited"), "priority: expedited"),
    (r"\b(?:2013 notice|notice layout|notice format)\b", "layout", "is", ("notice_2013",), "layout: notice of 2013"),
    (r"\bunknown layout\b", "layout", "is", ("unknown",), "layout: unknown"),
    (r"\bCM\d\d-?\d{7}\b", "case_number", "is", (), "case number"),
)


def _read_rest(question: Question) -> None:
    for pattern, field, op, value, label in _REST:
        for match in list(question.find(re.compile(pattern, re.IGNORECASE))):
            words = question.take(*match.span())
            question.add(field, op, value or (words.upper(),), label if value else f"{label} {words.upper()}", words)


# What is missing in an upheld item is there in an overturned one: "overturned, but not for exam or imaging findings".
_COUNTERPART = {
    "no_objective_exam_findings": "objective_findings_support", "no_imaging_or_edx_corroboration": "objective_findings_support",
    "no_radiculopathy_findings": "objective_findings_support", "no_trigger_point_findings": "objective_findings_support",
    "no_functional_improvement": "benefit_documented", "no_pain_relief_documented": "benefit_documented",
    "efficacy_not_documented": "benefit_documented", "no_failed_conservative_care": "prior_care_failed",
    "no_failed_first_line_drug": "prior_care_failed", "missing_urine_drug_screen": "monitoring_documented",
    "missing_opioid_agreement": "monitoring_documented", "missing_pdmp_or_risk_screen": "monitoring_documented",
    "ongoing_monitoring_incomplete": "monitoring_documented", "no_red_flag_or_new_findings": "red_flag_or_change",
    "no_qualifying_risk_factor": "risk_factor_present", "no_weaning_plan": "taper_safety",
}  # fmt: skip


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
        if filter.op == "none" and opposite == "overturn":
            continue
        question.filters.remove(filter)
        if filter.op == "none":
            others = tuple(dict.fromkeys(_COUNTERPART[c.code] for c in codes if c.code in _COUNTERPART))
            labels = " or ".join(reason_label(code) for code in others)
            if others:
                question.add("reason", "none", others, f"reason is not: {labels}", filter.words)
            continue
        if filter.value == ("missing_urine_drug_screen",):
            question.add("uds", "any", ("stated_absent",), "urine drug screen is said to be missing", filter.words)
            continue
        said = " or ".join(reason_label(code.code) for code in codes)
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
