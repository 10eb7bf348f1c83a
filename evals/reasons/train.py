"""Train the sentence model of imr_llm.rules.reason_model and write src/imr_llm/data/reason_model.npz.

    python evals/reasons/train.py            # on the corpus, and on the labelled letters of ../shared where at hand
    python evals/reasons/train.py --measure  # score on labels that were not trained on; writes nothing

Needs scikit-learn and scipy besides the project's own environment. The corpus (evals/reasons/corpus) was written for this
project: wordings.jsonl, single sentences with the codes they state; rationales/, whole rationales with labels;
questions.txt, the words in which users ask for a ground; heldout.jsonl, rationales that nothing is trained on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.letter import Letter
from imr_llm.letters.reading import read_letters
from imr_llm.letters.sections import read_sections
from imr_llm.letters.sentences import split_statements
from imr_llm.rules.reason_model import BLOCKS, ReasonModel, embed_sentences, read_features, vectorise
from imr_llm.rules.reasons import LOOK_ALIKE, SURE, find_by_patterns, is_absurd, score_codes
from imr_llm.terms.taxonomy import load_taxonomy

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SHARED = ROOT.parent / "shared"
MODEL = ROOT / "src" / "imr_llm" / "data" / "reason_model.npz"
SEEN_AT_LEAST = {"words": 2, "letters": 4, "treatment": 1}
STRENGTH = 20.0  # inverse of the regularisation


@dataclass(frozen=True)
class Sentence:
    """One sentence, the codes it states, and the decisions it could stand under (its codes' polarity)."""

    text: str
    codes: frozenset[str]
    category: str | None
    subcategory: str | None
    polarities: frozenset[str]


@dataclass(frozen=True)
class Case:
    """One labelled rationale; `group` keeps a letter's determinations together in a fold."""

    title: str
    decision: str
    category: str | None
    subcategory: str | None
    rationale: str
    reasons: tuple[tuple[str, str], ...]
    group: str

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(code for code, _ in self.reasons)

    def sentences(self) -> list[Sentence]:
        """Its sentences and their clauses, each with the codes whose quote lies mostly in it; and the quotes themselves."""
        return list(self.spans().values())

    def spans(self) -> dict[tuple[int, int], Sentence]:
        """The sentences by their places in the rationale."""
        polarity = {"upheld": {"denial"}, "overturned": {"overturn"}}.get(self.decision, {"denial", "overturn"})
        spans = dict.fromkeys((s.start, s.end) for s in split_statements(self.rationale))
        for _, quote in self.reasons:
            at = self.rationale.find(quote)
            if at >= 0:
                spans.setdefault((at, at + len(quote)))
        return {
            (start, end): Sentence(
                self.rationale[start:end],
                self._codes_in(start, end),
                self.category,
                self.subcategory,
                frozenset(polarity),
            )
            for start, end in spans
        }

    def _codes_in(self, start: int, end: int) -> frozenset[str]:
        codes = set()
        for code, quote in self.reasons:
            at = self.rationale.find(quote)
            shared = min(end, at + len(quote)) - max(start, at)
            if at >= 0 and shared >= 0.5 * min(end - start, len(quote)):
                codes.add(code)
        return frozenset(codes)


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def load_wordings() -> list[Sentence]:
    taxonomy = load_taxonomy().codes
    sentences = []
    for row in read_jsonl(CORPUS / "wordings.jsonl"):
        polarities = {taxonomy[code].polarity for code in row["codes"]} or {"denial", "overturn"}
        if row.get("why") == "contrary":
            polarities = {"denial"}  # in favour of the patient: no ground of a denial, but maybe one of an overturn
        sentences.append(
            Sentence(
                clean_text(row["text"]),
                frozenset(row["codes"]),
                row.get("category"),
                row.get("subcategory"),
                frozenset(polarities),
            )
        )
    return sentences


def load_questions() -> list[Sentence]:
    """The phrases of questions.txt, each with its codes."""
    sentences = []
    for line in (CORPUS / "questions.txt").read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        codes, _, phrases = line.partition(":")
        stated = frozenset() if codes == "-" else frozenset(code.strip() for code in codes.split(","))
        if unknown := stated - set(load_taxonomy().codes):
            raise SystemExit(f"questions.txt: {sorted(unknown)} are no codes")
        sentences += [
            Sentence(phrase.strip(), stated, None, None, frozenset({"denial", "overturn"}))
            for phrase in phrases.split(" / ")
        ]
    return sentences


def load_cases(path: Path) -> list[Case]:
    return [
        Case(
            row["title"], row["decision"], row["category"], row["subcategory"], clean_text(row["rationale"]),
            tuple((reason["code"], clean_text(reason["quote"])) for reason in row["reasons"]), f"{path.stem}-{number}",
        )
        for number, row in enumerate(read_jsonl(path))
    ]  # fmt: skip


def load_rationales() -> list[Case]:
    """Every whole rationale of the corpus."""
    return [case for path in sorted((CORPUS / "rationales").glob("*.jsonl")) for case in load_cases(path)]


def load_letters(gold: Path, folders: Sequence[Path]) -> list[Case]:
    """Labelled letters: labels from `gold`, rationales from the letters themselves."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_jsonl(gold):
        rows[row["file"]].append(row)
    cases = []
    for letter in read_letters(folders):
        if not isinstance(letter, Letter):
            continue
        for row, item in zip(rows.get(letter.file, []), read_sections(letter.text).determinations, strict=False):
            if item.rationale:
                reasons = tuple((reason["code"], clean_text(reason["quote"])) for reason in row["reasons"])
                treatment = row["treatment"]
                cases.append(
                    Case(row["title"], row["decision"], treatment["category"], treatment["subcategory"],
                         clean_text(item.rationale.cut(letter.text)), reasons, letter.file)
                )  # fmt: skip
    return cases


def load_real() -> list[Case]:
    if not (SHARED / "gold" / "dev.jsonl").exists():
        print("the real letters of ../shared are not at hand: training without them", file=sys.stderr)
        return []
    return load_letters(SHARED / "gold" / "dev.jsonl", [SHARED / "letters" / "dev", SHARED / "letters" / "seeds"])


def load_samples() -> list[Case]:
    return load_letters(ROOT / "samples" / "gold.jsonl", [ROOT / "samples" / "letters"])


def train(wordings: Iterable[Sentence], cases: Iterable[Case]) -> ReasonModel:
    """One logistic regression a code, over the sentences that could state it."""
    sentences = [*wordings, *(sentence for case in cases for sentence in case.sentences())]
    features = [read_features(s.text, s.category, s.subcategory) for s in sentences]
    places, rarity = _number_features(features)
    rows = [vectorise(found, places, rarity) for found in features]
    matrix = csr_matrix(
        (
            np.concatenate([values for _, values in rows]),
            np.concatenate([np.asarray(columns, dtype=np.int64) for columns, _ in rows]),
            np.cumsum([0, *(len(columns) for columns, _ in rows)]),
        ),
        shape=(len(rows), len(rarity)),
    )
    matrix = hstack([matrix, csr_matrix(_embed([s.text for s in sentences]))]).tocsr()
    codes = tuple(load_taxonomy().codes)
    weights = np.zeros((matrix.shape[1], len(codes)), dtype=np.float32)
    bias = np.full(len(codes), -20.0, dtype=np.float32)
    for place, code in enumerate(codes):
        polarity = load_taxonomy().codes[code].polarity
        chosen = np.array([polarity in sentence.polarities for sentence in sentences])
        stated = np.array([code in sentence.codes for sentence in sentences])[chosen]
        if stated.sum() >= 3:
            fitted = LogisticRegression(C=STRENGTH, solver="liblinear", max_iter=300).fit(matrix[chosen], stated)
            weights[:, place], bias[place] = fitted.coef_[0], fitted.intercept_[0]
    halves = weights.astype(np.float16)
    return ReasonModel(codes, places, rarity, halves[: len(rarity)], halves[len(rarity) :], bias)


_VECTORS: dict[str, np.ndarray[Any, np.dtype[np.float32]]] = {}


def _embed(texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vectors of sentences; each is made once, for however many trainings."""
    new = [text for text in dict.fromkeys(texts) if text not in _VECTORS]
    _VECTORS.update(zip(new, embed_sentences(new), strict=True))
    return np.stack([_VECTORS[text] for text in texts])


def _number_features(
    features: Sequence[dict[str, Counter[str]]],
) -> tuple[dict[str, dict[str, int]], np.ndarray[Any, np.dtype[np.float32]]]:
    places: dict[str, dict[str, int]] = {}
    rarity: list[float] = []
    for block in BLOCKS:
        seen = Counter(name for found in features for name in found[block])
        names = sorted(name for name, count in seen.items() if count >= SEEN_AT_LEAST[block])
        places[block] = {name: len(rarity) + offset for offset, name in enumerate(names)}
        rarity += [
            1.0 if block == "treatment" else float(np.log((1 + len(features)) / (1 + seen[name])) + 1.0)
            for name in names
        ]
    return places, np.asarray(rarity, dtype=np.float32)


def save(model: ReasonModel, path: Path) -> None:
    np.savez_compressed(
        path,
        codes="\n".join(model.codes),
        rarity=model.rarity,
        weights=model.weights,
        vector_weights=model.vector_weights,
        bias=model.bias,
        **{f"{block}_names": "\n".join(model.places[block]) for block in BLOCKS},
    )


# --------------------------------------------------------------------------------------------------------- measuring


def count(pairs: Iterable[tuple[frozenset[str], set[str]]]) -> str:
    """Micro precision, recall and F1 over (labels, found) pairs."""
    true = found = wanted = 0
    for labels, codes in pairs:
        true, found, wanted = true + len(labels & codes), found + len(codes), wanted + len(labels)
    precision, recall = true / max(found, 1), true / max(wanted, 1)
    return f"P {precision:.3f} R {recall:.3f} F1 {2 * precision * recall / max(precision + recall, 1e-9):.3f}"


def report(name: str, cases: Sequence[Case], models: Sequence[ReasonModel]) -> None:
    """Patterns alone, the model alone and both together; `models` holds the model to use for each case."""
    about: list[dict[str, Any]] = [
        {"decision": c.decision, "category": c.category, "subcategory": c.subcategory} for c in cases
    ]
    beliefs = [score_codes(c.rationale, readers=[m], **a) for c, m, a in zip(cases, models, about, strict=True)]
    patterns = [find_by_patterns(c.rationale, title=c.title, **a) for c, a in zip(cases, about, strict=True)]
    labels = [case.codes for case in cases]
    print(f"{name}: {len(cases)} rationales, {sum(map(len, labels))} reasons")
    by_pattern = [{finding.code for finding in found} for found in patterns]
    print(f"  patterns alone                {count(zip(labels, by_pattern, strict=True))}")
    kept = [
        {finding.code for finding in found if not is_absurd(finding, believed)}
        for found, believed in zip(patterns, beliefs, strict=True)
    ]
    for sure in sorted({0.1, 0.2, 0.25, SURE, 0.4}):
        sure_of = [
            {code for code, belief in row.stated.items() if belief.score >= sure and code not in LOOK_ALIKE}
            for row in beliefs
        ]
        both = [certain | found for certain, found in zip(sure_of, kept, strict=True)]
        print(f"  model >= {sure:.2f}                 {count(zip(labels, sure_of, strict=True))}")
        print(f"  model >= {sure:.2f} or a pattern    {count(zip(labels, both, strict=True))}", flush=True)


def measure(folds: int = 4) -> None:
    """Held-out rationales with everything else trained on; real letters unseen by the model, whole letters at a time."""
    wordings, rationales, samples, real = (
        [*load_wordings(), *load_questions()],
        load_rationales(),
        load_samples(),
        load_real(),
    )
    heldout = load_cases(CORPUS / "heldout.jsonl")
    report("heldout.jsonl", heldout, [train(wordings, [*rationales, *samples, *real])] * len(heldout))
    corpus_only = train(wordings, rationales)
    report("sample letters, model trained on the corpus alone", samples, [corpus_only] * len(samples))
    report(
        "real letters, model trained on the corpus alone (the patterns were written on them)",
        real,
        [corpus_only] * len(real),
    )
    groups = sorted({case.group for case in real})
    by_group: dict[str, ReasonModel] = {}
    for fold in range(folds):
        held = groups[fold::folds]
        model = train(wordings, [*rationales, *samples, *(case for case in real if case.group not in held)])
        by_group |= dict.fromkeys(held, model)
    report(
        f"real letters, {folds} folds of letters (the patterns were written on them)",
        real,
        [by_group[case.group] for case in real],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true")
    if parser.parse_args().measure:
        measure()
        return
    wordings = [*load_wordings(), *load_questions()]
    model = train(wordings, [*load_rationales(), *load_samples(), *load_real()])
    save(model, MODEL)
    print(f"{len(model.rarity):,} features, {len(model.codes)} codes, {MODEL.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
