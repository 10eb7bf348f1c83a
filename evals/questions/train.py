"""Train the transformer of imr_llm.search.question_net and write src/imr_llm/data/question_net.onnx.

    python evals/questions/train.py --base all-MiniLM-L6-v2            # on everything
    python evals/questions/train.py --base all-MiniLM-L6-v2 --measure  # every 12th question is kept apart and scored

Needs torch, transformers and onnx, besides the project's own environment; on two cores it takes a quarter of an hour.
`--base` is a folder with sentence-transformers/all-MiniLM-L6-v2 (config.json, tokenizer.json, model.safetensors).
`--encoder` starts from an encoder that evals/reasons/train_net.py kept (`--keep FILE`): it knows the reasons already.
Questions: corpus/*.jsonl, and those of evals/queries/labels.yaml, whose conditions say what they ask for. Of each code a
question asks, excludes it or neither: three ways that exclude each other. README.md says how well it does.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from imr_llm.search.question_net import SCREENS, Heard, QuestionNet, encode_question, output_names
from imr_llm.terms.taxonomy import load_taxonomy
from imr_llm.transformer import Row, Tokenizer, Transformer

EVALS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(EVALS / "nets"))
from minilm import SEED, Net, Stage, export, open_base, train  # noqa: E402

CORPUS = Path(__file__).with_name("corpus")
LABELS = EVALS / "queries" / "labels.yaml"
NET = EVALS.parent / "src" / "imr_llm" / "data" / "question_net.onnx"
STAGE = Stage(6, 1.5e-4, 1e-3)
AUXILIARY = "~"
"""Learned besides, and left out of the file: is a code spoken of at all?"""
HELD = 12  # --measure: every so many questions of the corpus
LEAST = 0.5


@dataclass(frozen=True)
class Example:
    """A question, the outputs that are on, and those of which nobody said anything."""

    text: str
    on: frozenset[str]
    unsaid: frozenset[str]


def make_example(
    text: str, asked: Iterable[Iterable[str]], excluded: Iterable[str], screens: Iterable[str], *, partly: bool,
    decision: str | None, said: bool,
) -> Example:  # fmt: skip
    """`said`: is a decision of None one that the question does not name, rather than one that nobody labelled?"""
    codes, excluded = [code for group in asked for code in group], list(excluded)
    if decision is None and not said:
        polarities = {load_taxonomy().codes[code].polarity for code in codes}
        decision = {("denial",): "upheld", ("overturn",): "overturned"}.get(tuple(sorted(polarities)))
    on = {f"+{c}" for c in codes} | {f"-{c}" for c in excluded} | {f"{AUXILIARY}{c}" for c in (*codes, *excluded)}
    on |= {f"={state}" for state in screens} | ({"partly"} if partly else set()) | ({decision} if decision else set())
    unsaid = frozenset() if decision or said else frozenset({"upheld", "overturned"})
    return Example(text, frozenset(on), unsaid)


def load_corpus() -> list[Example]:
    """The questions of corpus/*.jsonl."""
    rows = [json.loads(line) for path in sorted(CORPUS.glob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()]  # fmt: skip
    return [
        make_example(row["q"], row["asked"], row["excluded"], row["uds"], partly=row["partly"],
                     decision=row.get("decision"), said="decision" in row)
        for row in rows
    ]  # fmt: skip


def load_labelled() -> list[Example]:
    """The questions of labels.yaml, by their conditions."""
    rows = yaml.safe_load(LABELS.read_text(encoding="utf-8"))["queries"]
    return [_from_condition(row["text"], row["where"]) for row in rows]


def _from_condition(text: str, where: Mapping[str, Any]) -> Example:
    def values(field: str) -> list[str]:
        value = where.get(field, [])
        return value if isinstance(value, list) else [value]

    states = [state for field in ("uds", "uds_any", "uds_summary") for state in values(field)]
    asked = [values("reason"), values("primary_reason"), *([code] for code in values("reason_all"))]
    asked += [["missing_urine_drug_screen"]] * ("stated_absent" in states)
    decision = where.get("decision")
    return make_example(
        text, asked, values("reason_none"), [s for s in states if s in SCREENS and s != "stated_absent"],
        partly=where.get("partly_authorized") is True,
        decision=decision if decision in ("upheld", "overturned") else None, said=False,
    )  # fmt: skip


def train_names() -> tuple[str, ...]:
    """The outputs that are learned: the file's, then the auxiliary ones."""
    return (*output_names(), *(f"{AUXILIARY}{code}" for code in load_taxonomy().codes))


def squash(margins: torch.Tensor) -> torch.Tensor:
    """Probabilities: of each code three ways, everything else by itself."""
    n = len(load_taxonomy().codes)
    ways = torch.softmax(_ways(margins), -1)
    return torch.cat([ways[..., 1], ways[..., 2], torch.sigmoid(margins[:, 2 * n : len(output_names())])], -1)


def _ways(margins: torch.Tensor) -> torch.Tensor:
    """(questions, codes, 3): neither, asked, excluded."""
    n = len(load_taxonomy().codes)
    asked, excluded = margins[:, :n], margins[:, n : 2 * n]
    return torch.stack([torch.zeros_like(asked), asked, excluded], -1)


def teach(net: Net, tokenizer: Tokenizer, examples: Sequence[Example]) -> None:
    """Cross entropy of the three ways of each code, logistic loss of every other output."""
    names, n = train_names(), len(load_taxonomy().codes)
    labels = torch.tensor([[name in e.on for name in names] for e in examples], dtype=torch.float32)
    weights = torch.tensor([[name not in e.unsaid for name in names] for e in examples], dtype=torch.float32)
    way = torch.where(labels[:, n : 2 * n] > 0, 2, (labels[:, :n] > 0).long())
    rows = [encode_question(tokenizer, e.text) for e in examples]

    def encode(_: random.Random) -> list[Row]:
        return rows

    def loss(margins: torch.Tensor, some: list[int]) -> torch.Tensor:
        ways = nn.functional.cross_entropy(_ways(margins).reshape(-1, 3), way[some].reshape(-1), reduction="sum")
        return ways + nn.functional.binary_cross_entropy_with_logits(
            margins[:, 2 * n :], labels[some, 2 * n :], weight=weights[some, 2 * n :], reduction="sum"
        )

    train(net, encode, loss, STAGE)


def train_on(base: Path, encoder: Path | None, examples: Sequence[Example], file: Path) -> None:
    """Train, and write the net."""
    torch.manual_seed(SEED)
    net = Net(base, len(train_names()))
    if encoder:
        net.encoder.load_state_dict(torch.load(encoder, weights_only=True))
    teach(net, Tokenizer((base / "tokenizer.json").read_text(encoding="utf-8")), examples)
    export(net, file, squash)


def report(net: QuestionNet, examples: Sequence[Example]) -> None:
    """Micro F1 of grounds asked for and excluded, of screens and decisions."""
    heard = [net.hear(example.text) for example in examples]
    parts: dict[str, list[tuple[Mapping[str, float], set[str]]]] = {
        "asked": [(h.asked, _of("+", e)) for h, e in zip(heard, examples, strict=True)],
        "excluded": [(h.excluded, _of("-", e)) for h, e in zip(heard, examples, strict=True)],
        "screens": [(h.screens, _of("=", e)) for h, e in zip(heard, examples, strict=True)],
        "decision": [(_decisions(h), set(e.on & {"upheld", "overturned"}))
                     for h, e in zip(heard, examples, strict=True) if not e.unsaid],
    }  # fmt: skip
    for part, pairs in parts.items():
        found = [({name for name, score in scores.items() if score >= LEAST}, wanted) for scores, wanted in pairs]
        right = sum(len(got & wanted) for got, wanted in found)
        total = sum(len(got) + len(wanted) for got, wanted in found)
        print(f"{part:9} F1 {2 * right / max(1, total):.3f}, {sum(len(wanted) for _, wanted in found)} labels")


def _of(sign: str, example: Example) -> set[str]:
    return {name[1:] for name in example.on if name[0] == sign}


def _decisions(heard: Heard) -> Mapping[str, float]:
    return heard.decisions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--encoder", type=Path, help="weights that evals/reasons/train_net.py kept")
    parser.add_argument("--measure", action="store_true", help="score on questions that were not trained on")
    args = parser.parse_args()
    base, corpus, others = open_base(args.base), load_corpus(), load_labelled()
    if not args.measure:
        train_on(base, args.encoder, [*corpus, *others], NET)
        print(f"{NET.stat().st_size:,} bytes")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.onnx"
        train_on(base, args.encoder, [*(e for n, e in enumerate(corpus) if n % HELD), *others], file)
        report(QuestionNet(Transformer(file.read_bytes())), corpus[::HELD])


if __name__ == "__main__":
    main()
