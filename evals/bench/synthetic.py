"""A synthetic library: letters and reviews varied from the project's own fictitious samples, written as any others are.

Drugs, decisions, dates and reasons vary; each reason is stated by a wording of the taxonomy's own. Vectors are random
(RandomEmbedder): embedding 100,000 texts would take hours, and what is timed does not depend on what vectors mean.
"""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Iterator, Sequence
from importlib import resources

import numpy as np

from imr_llm.embeddings import BUILTIN_DIMENSION, Vectors, normalise
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.library.store import Library
from imr_llm.record import Determination, Evidence, Rationale, Reason, Request, Review
from imr_llm.rules.extractor import extract_by_rules
from imr_llm.terms.taxonomy import ReasonCode, load_taxonomy

ITEMS_A_LETTER = 5
UPHELD_SHARE = 0.85
# Brand, generic name, subcategory and how often (Norco alone is a tenth of real disputes).
DRUGS = (
    ("Norco", "hydrocodone/acetaminophen", "opioids", 20), ("Ultram", "tramadol", "opioids", 12),
    ("Percocet", "oxycodone/acetaminophen", "opioids", 8), ("MS Contin", "morphine", "opioids", 3),
    ("Flexeril", "cyclobenzaprine", "muscle_relaxants", 9), ("Soma", "carisoprodol", "muscle_relaxants", 5),
    ("Zanaflex", "tizanidine", "muscle_relaxants", 4), ("Prilosec", "omeprazole", "gi_agents", 8),
    ("Neurontin", "gabapentin", "anticonvulsants", 6), ("Naprosyn", "naproxen", "anti_inflammatories", 6),
    ("Lidoderm", "lidocaine", "topical_analgesics", 5), ("Xanax", "alprazolam", "benzodiazepines", 2),
    ("Ambien", "zolpidem", "sedative_hypnotics", 3), ("Cymbalta", "duloxetine", "antidepressants", 2),
)  # fmt: skip
STATES = ("consistent", "stated_absent", "inconsistent", "illicit_positive", "not_mentioned", "not_mentioned")


class RandomEmbedder:
    """Random vectors of length 1 in the built-in model's dimension: a text has one vector, near no other's."""

    name = "random-512"

    def embed(self, texts: Sequence[str]) -> Vectors:
        rows = np.empty((len(texts), BUILTIN_DIMENSION), dtype=np.float32)
        for at, text in enumerate(texts):
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
            rows[at] = np.random.Generator(np.random.PCG64(seed)).standard_normal(BUILTIN_DIMENSION, dtype=np.float32)
        return normalise(rows)


def fill_library(library: Library, number: int, *, seed: int = 1, several: bool = False) -> None:
    """Put `number` synthetic determinations into a library. `several` gives each reason a sentence of its own."""
    for letter, review in make_letters(number, seed=seed, several=several):
        library.put_review(letter, review)


def make_letters(number: int, *, seed: int, several: bool) -> Iterator[tuple[Letter, Review]]:
    """Letters of ITEMS_A_LETTER items, with their reviews, `number` items in all."""
    chosen = random.Random(seed)
    with resources.as_file(resources.files("imr_llm.samples") / "letters") as folder:
        reviews = [extract_by_rules(letter) for letter in read_letters([folder]) if isinstance(letter, Letter)]
    samples = [review for review in reviews if review.determinations]
    for at in range(0, number, ITEMS_A_LETTER):
        yield _make_letter(chosen, chosen.choice(samples), samples, at, min(ITEMS_A_LETTER, number - at), several)


def _make_letter(
    chosen: random.Random, sample: Review, samples: Sequence[Review], at: int, items: int, several: bool
) -> tuple[Letter, Review]:
    summary = f"Injured worker {at} has pain."
    text = f"CLINICAL CASE SUMMARY\n{summary}\n"
    determinations: list[Determination] = []
    for number in range(1, items + 1):
        base = chosen.choice(chosen.choice(samples).determinations)
        determination, written = _make_determination(chosen, base, number, at + number, len(text), several)
        determinations.append(determination)
        text += written
    letter_id = hashlib.sha256(text.encode()).hexdigest()
    file = f"synthetic-{at:07}.txt"
    date = datetime.date(chosen.choice((2013, 2014, 2015, 2015, 2016, 2016, 2017, 2018)), chosen.randint(1, 12), 15)
    start = text.index(summary)
    review = sample.model_copy(
        update={
            "letter": sample.letter.model_copy(
                update={"letter_id": letter_id, "source": file, "file": file, "characters": len(text), "pages": 1}
            ),
            "case": sample.case.model_copy(update={"case_number": f"CM99-{at:07}", "decision_date": date}),
            "summary": sample.summary.model_copy(update={"start": start, "end": start + len(summary)}),
            "determinations": determinations,
        }
    )
    return Letter(letter_id, file, file, "text/plain", 1, text), review


def _make_determination(
    chosen: random.Random, base: Determination, number: int, at: int, offset: int, several: bool
) -> tuple[Determination, str]:
    decision = "upheld" if chosen.random() < UPHELD_SHARE else "overturned"
    title, treatment = base.title, base.treatment
    if treatment.category == "pharmaceuticals" or chosen.random() < 0.4:
        brand, generic, subcategory, _ = chosen.choices(DRUGS, weights=[drug[3] for drug in DRUGS])[0]
        quantity = chosen.choice((30.0, 60.0, 90.0, 120.0, 180.0))
        title = f"{brand} 10mg #{quantity:.0f}"
        treatment = treatment.model_copy(update={
            "category": "pharmaceuticals", "subcategory": subcategory, "drug": generic, "brand": brand,
            "strength": "10mg", "quantity": quantity, "unit": "tablets",
        })  # fmt: skip
    codes = _choose_codes(chosen, "denial" if decision == "upheld" else "overturn")
    heading = f"\n{title}: {decision}\nDecision rationale: "
    sentences = [_sentence(chosen, code, at) for code in (codes if several else codes[:1])]
    start = offset + len(heading)
    reasons: list[Reason] = []
    for position, code in enumerate(codes):
        place = position if several else 0
        begin = start + sum(len(sentence) + 1 for sentence in sentences[:place])
        quote = sentences[place]
        evidence = Evidence(quote=quote, start=begin, end=begin + len(quote))
        reasons.append(Reason(code=code.code, polarity=code.polarity, primary=position == 0, evidence=evidence))
    body = " ".join(sentences)
    determination = base.model_copy(update={
        "number": number, "title": title, "request": Request(disputed=title), "treatment": treatment,
        "decision": decision, "rationale": Rationale(start=start, end=start + len(body), text=body),
        "reasons": reasons, "uds_status": chosen.choice(STATES), "contradictions": [],
    })  # fmt: skip
    return determination, f"{heading}{body}\n"


def _choose_codes(chosen: random.Random, polarity: str) -> list[ReasonCode]:
    known = [code for code in load_taxonomy().codes.values() if code.polarity == polarity]
    # The first codes are the frequent ones, as in real letters.
    found = chosen.choices(known, weights=[1 / (rank + 2) for rank in range(len(known))], k=chosen.randint(1, 3))
    return list({code.code: code for code in found}.values())


def _sentence(chosen: random.Random, code: ReasonCode, at: int) -> str:
    wording = chosen.choice(code.positive)
    return f"{wording[:1].upper()}{wording[1:]} at visit {at}."
