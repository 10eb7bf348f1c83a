"""Train the transformer of imr_llm.rules.reason_net and write src/imr_llm/data/reason_net.onnx and its tokenizer.

    python evals/reasons/train_net.py --base all-MiniLM-L6-v2            # on the corpus, and on ../shared where at hand
    python evals/reasons/train_net.py --base all-MiniLM-L6-v2 --measure  # score on labels not trained on; writes nothing

Needs torch, transformers, onnx and what train.py needs, besides the project's own environment. `--base` is a folder with
sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0: config.json, tokenizer.json, model.safetensors); the weights are
checked against their SHA-256. Every sentence and clause of the corpus is an example, with the end of what stands before
it and its treatment; of a code whose polarity the decision excludes nothing is learned. It learns in two stages: all but
the hard negatives first, then everything at half the rate. On two cores that takes an hour.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from train import (
    CORPUS,
    MODEL,
    Case,
    Sentence,
    load_cases,
    load_questions,
    load_real,
    load_samples,
    load_wordings,
    report,
)

from imr_llm.rules.reason_model import Statement, cut_statement
from imr_llm.rules.reason_net import ReasonNet, encode_statement
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.transformer import Row, Tokenizer, Transformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "nets"))
from minilm import SEED, Net, Stage, export, open_base, train

WITHOUT_CONTEXT = 0.3  # of the examples in an epoch: questions and wordings have none
NET = MODEL.with_name("reason_net.onnx")
FIRST, SECOND = Stage(3, 1.5e-4, 1e-3), Stage(1.5, 8e-5, 5e-4)


@dataclass(frozen=True)
class Example:
    """A statement about a treatment, the codes it states and those it could (of the decision's polarity)."""

    statement: Statement
    category: str | None
    subcategory: str | None
    codes: frozenset[str]
    possible: frozenset[str]


def read_examples(wordings: Iterable[Sentence], cases: Iterable[Case]) -> list[Example]:
    """Single wordings without context; of each rationale its sentences, clauses and quotes, each in its place."""
    taxonomy = load_taxonomy().codes

    def possible(polarities: Iterable[str]) -> frozenset[str]:
        return frozenset(code for code, about in taxonomy.items() if about.polarity in polarities)

    examples = [
        Example(Statement(s.text), s.category, s.subcategory, s.codes, possible(s.polarities)) for s in wordings
    ]
    for case in cases:
        for (start, end), sentence in case.spans().items():
            statement = cut_statement(case.rationale, start, end)
            examples.append(
                Example(statement, case.category, case.subcategory, sentence.codes, possible(sentence.polarities))
            )
    return examples


def teach(net: Net, tokenizer: Tokenizer, examples: Sequence[Example], codes: Sequence[str], stage: Stage) -> None:
    """Every code's own logistic loss over the examples that could state it."""
    labels = torch.tensor([[code in example.codes for code in codes] for example in examples], dtype=torch.float32)
    weights = torch.tensor([[code in example.possible for code in codes] for example in examples], dtype=torch.float32)

    def encode(chance: random.Random) -> list[Row]:
        return [
            encode_statement(
                tokenizer,
                Statement(e.statement.text) if chance.random() < WITHOUT_CONTEXT else e.statement,
                e.category,
                e.subcategory,
            )
            for e in examples
        ]

    def loss(margins: torch.Tensor, some: list[int]) -> torch.Tensor:
        return nn.functional.binary_cross_entropy_with_logits(
            margins, labels[some], weight=weights[some], reduction="sum"
        )

    train(net, encode, loss, stage)


def train_on(base: Path, cases: Sequence[Case], hard: Sequence[Case]) -> Net:
    """Both stages: the wordings and `cases`, then those and the `hard` cases."""
    torch.manual_seed(SEED)
    codes = list(load_taxonomy().codes)
    net, tokenizer = Net(base, len(codes)), Tokenizer((base / "tokenizer.json").read_text(encoding="utf-8"))
    wordings = [*load_wordings(), *load_questions()]
    teach(net, tokenizer, read_examples(wordings, cases), codes, FIRST)
    teach(net, tokenizer, read_examples(wordings, [*cases, *hard]), codes, SECOND)
    return net


def load_corpus() -> tuple[list[Case], list[Case]]:
    """The rationales of the corpus: all but the hard negatives, and those."""
    paths = sorted((CORPUS / "rationales").glob("*.jsonl"))
    hard = [path for path in paths if path.stem == "hard_negatives"]
    return [c for path in paths if path not in hard for c in load_cases(path)], [c for p in hard for c in load_cases(p)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--keep", type=Path, help="keep the encoder's weights, for evals/questions/train.py")
    parser.add_argument("--measure", action="store_true", help="score on labels that were not trained on")
    args = parser.parse_args()
    base, (cases, hard) = open_base(args.base), load_corpus()
    real = load_real()
    if args.measure:
        held = sorted({case.group for case in real})[1::2]
        seen = [case for case in real if case.group not in held]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "net.onnx"
            export(train_on(base, [*cases, *load_samples(), *seen], hard), file)
            tokenizer = Tokenizer((base / "tokenizer.json").read_text(encoding="utf-8"))
            net = ReasonNet(Transformer(file.read_bytes()), tokenizer)
        heldout = load_cases(CORPUS / "heldout.jsonl")
        report("heldout.jsonl", heldout, [net] * len(heldout))
        unseen = [case for case in real if case.group in held]
        report("real letters, every second (the patterns were written on them)", unseen, [net] * len(unseen))
        return
    net = train_on(base, [*cases, *load_samples(), *real], hard)
    export(net, NET)
    if args.keep:
        torch.save(net.encoder.state_dict(), args.keep)
    shutil.copyfile(base / "tokenizer.json", NET.with_name("tokenizer.json"))
    print(f"{NET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
