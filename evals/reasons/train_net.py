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
import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
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
from transformers import AutoModel

from imr_llm.rules.reason_model import Statement, cut_statement
from imr_llm.rules.reason_net import Encoder, ReasonNet, Row, pad
from imr_llm.terms.taxonomy import load_taxonomy

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH, WARM_UP, DECAY, DROPOUT = 32, 1 / 15, 0.01, 0.1
WITHOUT_CONTEXT = 0.3  # of the examples in an epoch: questions and wordings have none
SEED = 1
NET = MODEL.with_name("reason_net.onnx")


@dataclass(frozen=True)
class Stage:
    """So many epochs, at these highest learning rates of the encoder and of the outputs."""

    epochs: float
    rate: float
    head_rate: float


FIRST, SECOND = Stage(3, 1.5e-4, 1e-3), Stage(1.5, 8e-5, 5e-4)


@dataclass(frozen=True)
class Example:
    """A statement about a treatment, the codes it states and those it could (of the decision's polarity)."""

    statement: Statement
    category: str | None
    subcategory: str | None
    codes: frozenset[str]
    possible: frozenset[str]


class Net(nn.Module):
    """MiniLM, the mean and the maximum over the sentence's own tokens, and one output a code."""

    def __init__(self, base: Path, codes: int) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * self.encoder.config.hidden_size, codes)
        nn.init.constant_(self.head.bias, -4.0)  # most sentences state nothing

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        own = ((types == 0) & (mask == 1)).unsqueeze(-1)
        mean = (hidden * own).sum(1) / own.sum(1)
        best = hidden.masked_fill(~own, -1e4).max(1).values
        scores: torch.Tensor = self.head(self.dropout(torch.cat([mean, best], -1)))
        return scores


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


def train(net: Net, encoder: Encoder, examples: Sequence[Example], codes: Sequence[str], stage: Stage) -> None:
    """Every code's own logistic loss over the examples that could state it."""
    chance = random.Random(SEED)
    labels = torch.tensor([[code in example.codes for code in codes] for example in examples], dtype=torch.float32)
    weights = torch.tensor([[code in example.possible for code in codes] for example in examples], dtype=torch.float32)
    optimizer = torch.optim.AdamW(
        [
            {"params": list(net.encoder.parameters()), "lr": stage.rate, "weight_decay": DECAY},
            {"params": list(net.head.parameters()), "lr": stage.head_rate, "weight_decay": 0.0},
        ]
    )
    steps = int(stage.epochs * len(examples) / BATCH)
    warm = max(1, int(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / (steps - warm)))
    )
    net.train()
    started, smooth = time.perf_counter(), 0.0
    for step, (some, rows) in enumerate(islice(_batches(examples, encoder, chance), steps), 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            margins = net(*_tensors(rows))
        loss = nn.functional.binary_cross_entropy_with_logits(
            margins.float(), labels[some], weight=weights[some], reduction="sum"
        ) / len(some)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        smooth = 0.98 * smooth + 0.02 * loss.item()
        if step % 100 == 0:
            print(f"{step} of {steps}, loss {smooth:.3f}, {time.perf_counter() - started:.0f} s", flush=True)
    net.eval()


def _batches(
    examples: Sequence[Example], encoder: Encoder, chance: random.Random
) -> Iterator[tuple[list[int], list[Row]]]:
    """Places of examples of like length, in any order, and their rows: epoch after epoch, without end."""
    while True:
        rows = [
            encoder.encode(
                Statement(e.statement.text) if chance.random() < WITHOUT_CONTEXT else e.statement,
                e.category,
                e.subcategory,
            )
            for e in examples
        ]
        order = list(range(len(rows)))
        chance.shuffle(order)
        batches = []
        for at in range(0, len(order), 40 * BATCH):
            near = sorted(order[at : at + 40 * BATCH], key=lambda row: len(rows[row][0]))
            batches += [near[n : n + BATCH] for n in range(0, len(near), BATCH)]
        chance.shuffle(batches)
        for some in batches:
            yield some, [rows[place] for place in some]


def _tensors(rows: Sequence[Row]) -> tuple[torch.Tensor, ...]:
    inputs = pad(rows)
    return tuple(torch.from_numpy(inputs[name]) for name in ("ids", "mask", "types"))


class Probabilities(nn.Module):
    """The net with probabilities for outputs."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.net(ids, mask, types))


def export(net: Net, file: Path) -> None:
    """Write the net for onnxruntime, its weights in eight bits."""
    example = _tensors([([101, 2053, 102, 102], [0, 0, 0, 1])] * 2)
    axes = {name: {0: "rows", 1: "tokens"} for name in ("ids", "mask", "types")}
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            Probabilities(net).eval(), example, str(full), input_names=["ids", "mask", "types"],
            output_names=["scores"], dynamic_axes=axes | {"scores": {0: "rows"}}, opset_version=17, dynamo=False,
        )  # fmt: skip
        quantize_dynamic(full, file, weight_type=QuantType.QInt8, per_channel=True)


def open_base(folder: Path) -> Path:
    """The folder, where its weights are those that this was written for."""
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise SystemExit(f"{folder}/model.safetensors is not all-MiniLM-L6-v2's: SHA-256 {found}, not {BASE_SHA256}")
    return folder


def train_on(base: Path, cases: Sequence[Case], hard: Sequence[Case]) -> Net:
    """Both stages: the wordings and `cases`, then those and the `hard` cases."""
    torch.manual_seed(SEED)
    codes = list(load_taxonomy().codes)
    net, encoder = Net(base, len(codes)), Encoder((base / "tokenizer.json").read_text(encoding="utf-8"))
    wordings = [*load_wordings(), *load_questions()]
    train(net, encoder, read_examples(wordings, cases), codes, FIRST)
    train(net, encoder, read_examples(wordings, [*cases, *hard]), codes, SECOND)
    return net


def load_corpus() -> tuple[list[Case], list[Case]]:
    """The rationales of the corpus: all but the hard negatives, and those."""
    paths = sorted((CORPUS / "rationales").glob("*.jsonl"))
    hard = [path for path in paths if path.stem == "hard_negatives"]
    return [c for path in paths if path not in hard for c in load_cases(path)], [c for p in hard for c in load_cases(p)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, required=True, help="folder of sentence-transformers/all-MiniLM-L6-v2")
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
            net = ReasonNet(file.read_bytes(), Encoder((base / "tokenizer.json").read_text(encoding="utf-8")))
        heldout = load_cases(CORPUS / "heldout.jsonl")
        report("heldout.jsonl", heldout, [net] * len(heldout))
        unseen = [case for case in real if case.group in held]
        report("real letters, every second (the patterns were written on them)", unseen, [net] * len(unseen))
        return
    export(train_on(base, [*cases, *load_samples(), *real], hard), NET)
    shutil.copyfile(base / "tokenizer.json", NET.with_name("reason_net_tokenizer.json"))
    print(f"{NET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
