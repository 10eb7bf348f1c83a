"""Compare what could carry the reasons, on labels that were not used to build it.

    python evals/reasons/compare.py --gold ../shared/gold/dev.jsonl --letters ../shared/letters
    python evals/reasons/compare.py --labels held-out.jsonl --train other.jsonl

Gold rows hold the labels only: their rationales are read from the letters. `--labels` rows hold the rationale too
(title, decision, category, subcategory, rationale, reasons). Arms that learn are trained fold by letter on the gold,
or on `--train` where that is given, and never see a letter that they are scored on. The patterns do not learn; which
rows they were written after is for the caller to know (see README.md).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imr_llm.letters.cleaning import clean_text
from imr_llm.letters.reading import Unreadable, read_letters
from imr_llm.letters.sections import read_sections
from imr_llm.letters.sentences import split_clauses
from imr_llm.rules.extractor import findings
from imr_llm.rules.reasons import find_by_patterns
from imr_llm.terms.taxonomy import load_taxonomy

FOLDS = 5
THRESHOLDS = np.arange(0.05, 0.95, 0.05)


@dataclass(frozen=True)
class Row:
    """One labelled determination. `quotes` are (code, cleaned quote)."""

    letter: str
    title: str
    decision: Any
    category: str | None
    subcategory: str | None
    rationale: str
    quotes: tuple[tuple[str, str], ...]

    @property
    def codes(self) -> frozenset[str]:
        """The labelled codes."""
        return frozenset(code for code, _ in self.quotes)

    @property
    def polarity(self) -> str:
        """The polarity of the codes that the decision allows."""
        return "overturn" if self.decision == "overturned" else "denial"


Scores = list[dict[str, float]]
Arm = Callable[[Sequence[Row], Sequence[Row]], list[frozenset[str]]]


def read_gold(gold: Path, letters: Path) -> list[Row]:
    """Gold rows with the rationales of their letters."""
    texts = {
        letter.file: letter.text for letter in read_letters([letters]) if not isinstance(letter, Unreadable)
    }  # fmt: skip
    rows = []
    for raw in map(json.loads, gold.read_text(encoding="utf-8").splitlines()):
        text = texts[raw["file"]]
        items = read_sections(text).determinations
        section = items[raw["number"] - 1].rationale if len(items) >= raw["number"] else None
        rationale = clean_text(section.cut(text)) if section else ""
        rows.append(_to_row({**raw, **raw["treatment"], "rationale": rationale}, raw["file"]))
    return rows


def read_labels(path: Path) -> list[Row]:
    """Rows that hold their rationale."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_to_row(raw, raw.get("letter") or raw["id"]) for raw in map(json.loads, lines)]


def _to_row(raw: Mapping[str, Any], letter: str) -> Row:
    quotes = tuple((reason["code"], clean_text(reason["quote"])) for reason in raw["reasons"])
    return Row(
        letter, raw["title"], raw["decision"], raw.get("category"), raw.get("subcategory"),
        clean_text(raw["rationale"]), quotes,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------- the arms


def use_patterns(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """Composed patterns with roles and absence scopes, as shipped."""
    return [
        frozenset(
            finding.code
            for finding in find_by_patterns(
                row.rationale, decision=row.decision, title=row.title,
                category=row.category, subcategory=row.subcategory,
            )
        )
        for row in test
    ]  # fmt: skip


def use_patterns_without_scope(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """The same patterns, every clause taken for missing and for stated: what assertion scope is worth."""
    with _replaced("_find_in", lambda pattern, words, scopes: _first_span(pattern, words)):
        return use_patterns(train, test)


def use_patterns_without_roles(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """The same patterns, recitals and history read as findings: what telling roles apart is worth."""
    with _replaced("_may_stand_in", lambda pattern, role: True):
        return use_patterns(train, test)


def use_context(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """The same concepts under the rules of ConText as medspacy ships them, in place of our own scopes."""
    import medspacy
    from loguru import logger
    from medspacy.target_matcher import TargetRule

    logger.remove()  # its sentence splitter logs every sentence
    nlp = medspacy.load(enable=["medspacy_tokenizer", "medspacy_target_matcher", "medspacy_context"])
    nlp.get_pipe("medspacy_target_matcher").add(
        [TargetRule("word", "CONCEPT", pattern=[{"IS_ALPHA": True}])]
    )  # every word is a target: its negation tells where the scopes are

    def scopes(words: str) -> tuple[tuple[int, int], ...]:
        negated = [word for word in nlp(words).ents if word._.is_negated]
        return findings._merge([(word.start_char, word.end_char + 1) for word in negated])

    with _replaced("find_scopes", scopes):
        return use_patterns(train, test)


def use_taxonomy_vectors(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """Sentence vectors: a clause near a code's own wordings, nearer than to its hard negatives."""
    threshold = _best_threshold(_taxonomy_scores(train), train)
    return _at_threshold(_taxonomy_scores(test), threshold)


def use_tfidf(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """Logistic regression on word and character TF-IDF of the gold quotes, a clause at a time."""
    return _at_threshold(_learned_scores(train, test, _tfidf_features), 0.35)


def use_vector_regression(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """Logistic regression on sentence vectors of the gold quotes, a clause at a time."""
    return _at_threshold(_learned_scores(train, test, _vector_features), 0.35)


def use_patterns_and_tfidf(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """The patterns, and what the TF-IDF arm is sure of beside them."""
    sure = _at_threshold(_learned_scores(train, test, _tfidf_features), 0.6)
    return [left | right for left, right in zip(use_patterns(train, test), sure, strict=True)]


def use_patterns_and_vectors(train: Sequence[Row], test: Sequence[Row]) -> list[frozenset[str]]:
    """The patterns, and what the regression on sentence vectors is sure of beside them."""
    sure = _at_threshold(_learned_scores(train, test, _vector_features), 0.6)
    return [left | right for left, right in zip(use_patterns(train, test), sure, strict=True)]


ARMS: dict[str, Arm] = {
    "patterns": use_patterns,
    "patterns, no scope": use_patterns_without_scope,
    "patterns, no roles": use_patterns_without_roles,
    "patterns, ConText scope": use_context,
    "vectors against the taxonomy": use_taxonomy_vectors,
    "regression on TF-IDF": use_tfidf,
    "regression on vectors": use_vector_regression,
    "patterns + TF-IDF": use_patterns_and_tfidf,
    "patterns + vectors": use_patterns_and_vectors,
}


@contextmanager
def _replaced(name: str, value: object) -> Iterator[None]:
    """One function of imr_llm.rules.findings replaced for a while."""
    before = getattr(findings, name)
    setattr(findings, name, value)
    try:
        yield
    finally:
        setattr(findings, name, before)


def _first_span(pattern: findings.Pattern, words: str) -> tuple[int, int] | None:
    match = pattern.expression.search(words)
    return match.span() if match else None


def _clauses(row: Row) -> list[str]:
    return [row.rationale[clause.start : clause.end] for clause in split_clauses(row.rationale)]


def _embed(texts: Sequence[str]) -> np.ndarray:
    from imr_llm.embeddings import open_embedder

    new = [text for text in dict.fromkeys(texts) if text not in _VECTORS]
    _VECTORS.update(zip(new, open_embedder().embed(new), strict=True))
    return np.stack([_VECTORS[text] for text in texts]) if texts else np.zeros((0, 512))


_VECTORS: dict[str, np.ndarray] = {}


def _taxonomy_scores(rows: Sequence[Row]) -> Scores:
    codes = load_taxonomy().codes.values()
    good = {code.code: _embed([code.definition, *code.positive]) for code in codes}
    bad = {code.code: _embed(list(code.hard_negatives)) for code in codes}
    scores: Scores = []
    for row in rows:
        vectors = _embed(_clauses(row))
        row_scores = {}
        for code in codes:
            if code.polarity == row.polarity and len(vectors):
                near, far = (vectors @ good[code.code].T).max(axis=1), (vectors @ bad[code.code].T).max(axis=1)
                row_scores[code.code] = float(np.where(near > far, near, 0).max())
        scores.append(row_scores)
    return scores


def _best_threshold(scores: Scores, rows: Sequence[Row]) -> float:
    return float(max(THRESHOLDS, key=lambda at: score_codes(_at_threshold(scores, at), rows)["f1"]))


def _at_threshold(scores: Scores, threshold: float) -> list[frozenset[str]]:
    return [frozenset(code for code, score in row.items() if score >= threshold) for row in scores]


Features = Callable[[Sequence[str], Sequence[str]], tuple[Any, Any]]


def _learned_scores(train: Sequence[Row], test: Sequence[Row], features: Features) -> Scores:
    """The best score of each code over a rationale's clauses, one regression a code, clauses labelled by the quotes."""
    from sklearn.linear_model import LogisticRegression

    texts = [(row, clause) for row in train for clause in _clauses(row)]
    probes = [(number, clause) for number, row in enumerate(test) for clause in _clauses(row)]
    known, unseen = features([clause for _, clause in texts], [clause for _, clause in probes])
    labels = [{code for code, quote in row.quotes if _covers(clause, quote)} for row, clause in texts]
    scores: Scores = [{} for _ in test]
    for code in sorted({code for found in labels for code in found}):
        truth = np.array([code in found for found in labels])
        if truth.sum() < 3:
            continue
        model = LogisticRegression(C=10, max_iter=300, class_weight="balanced").fit(known, truth)
        polarity = load_taxonomy().codes[code].polarity
        for (number, _), score in zip(probes, model.predict_proba(unseen)[:, 1], strict=True):
            if test[number].polarity == polarity:
                scores[number][code] = max(scores[number].get(code, 0.0), float(score))
    return scores


def _covers(clause: str, quote: str) -> bool:
    return bool(quote) and (quote in clause or clause in quote or quote[:40] in clause)


def _tfidf_features(known: Sequence[str], unseen: Sequence[str]) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    union = make_union(
        TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True, min_df=2),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=3, max_features=30000),
    )
    return union.fit_transform(known), union.transform(unseen)


def _vector_features(known: Sequence[str], unseen: Sequence[str]) -> tuple[Any, Any]:
    return _embed(list(known)), _embed(list(unseen))


# ---------------------------------------------------------------------------------------------------- scoring


def score_codes(found: Sequence[frozenset[str]], rows: Sequence[Row]) -> dict[str, float]:
    """Micro precision, recall and F1 over codes as sets."""
    right = sum(len(codes & row.codes) for codes, row in zip(found, rows, strict=True))
    given, wanted = sum(map(len, found)), sum(len(row.codes) for row in rows)
    precision, recall = right / max(given, 1), right / max(wanted, 1)
    return {"precision": precision, "recall": recall, "f1": 2 * right / max(given + wanted, 1)}


def predict_by_fold(arm: Arm, rows: Sequence[Row]) -> list[frozenset[str]]:
    """Each row predicted by an arm that saw no row of its letter."""
    letters = sorted({row.letter for row in rows})
    found: list[frozenset[str]] = [frozenset()] * len(rows)
    for fold in range(FOLDS):
        held = set(letters[fold::FOLDS])
        numbers = [number for number, row in enumerate(rows) if row.letter in held]
        train = [row for row in rows if row.letter not in held]
        for number, codes in zip(numbers, arm(train, [rows[n] for n in numbers]), strict=True):
            found[number] = codes
    return found


def main() -> None:
    """Print one line an arm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, help="labels without rationales (dev.jsonl)")
    parser.add_argument("--letters", type=Path, help="the folder of the gold's letters")
    parser.add_argument("--labels", type=Path, help="labelled rationales to score, in place of the gold")
    parser.add_argument("--train", type=Path, action="append", default=[], help="labelled rationales to learn from")
    parser.add_argument("--arm", action="append", choices=ARMS, help="only this arm (may be repeated)")
    arguments = parser.parse_args()
    gold = read_gold(arguments.gold, arguments.letters) if arguments.gold else []
    train = gold + [row for path in arguments.train for row in read_labels(path)]
    rows = read_labels(arguments.labels) if arguments.labels else gold
    print(f"{len(rows)} determinations, {sum(len(row.codes) for row in rows)} reasons")
    for name in arguments.arm or ARMS:
        try:
            found = ARMS[name](train, rows) if arguments.labels else predict_by_fold(ARMS[name], rows)
        except ImportError as error:
            print(f"{name:30} not run: {error.name} is not installed")
            continue
        score = score_codes(found, rows)
        print(f"{name:30} P {score['precision']:.3f}  R {score['recall']:.3f}  F1 {score['f1']:.3f}", flush=True)


if __name__ == "__main__":
    main()
