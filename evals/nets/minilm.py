"""MiniLM with outputs of our own: the network, its training loop and its file. Shared by the trainers of both nets.

Needs torch, transformers and onnx, besides the project's own environment.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from transformers import AutoModel

from imr_llm.transformer import Row, pad

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BATCH, WARM_UP, DECAY, DROPOUT = 32, 1 / 15, 0.01, 0.1
SEED = 1


@dataclass(frozen=True)
class Stage:
    """So many epochs, at these highest learning rates of the encoder and of the outputs."""

    epochs: float
    rate: float
    head_rate: float


class Net(nn.Module):
    """MiniLM, the mean and the maximum over the text's own tokens, and the outputs."""

    def __init__(self, base: Path, outputs: int) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(base)
        self.dropout = nn.Dropout(DROPOUT)
        self.head = nn.Linear(2 * self.encoder.config.hidden_size, outputs)
        nn.init.constant_(self.head.bias, -4.0)  # most texts state nothing

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        own = ((types == 0) & (mask == 1)).unsqueeze(-1)
        mean = (hidden * own).sum(1) / own.sum(1)
        best = hidden.masked_fill(~own, -1e4).max(1).values
        scores: torch.Tensor = self.head(self.dropout(torch.cat([mean, best], -1)))
        return scores


def train(
    net: Net,
    encode: Callable[[random.Random], Sequence[Row]],
    loss: Callable[[torch.Tensor, list[int]], torch.Tensor],
    stage: Stage,
) -> None:
    """`encode` gives every example's row anew for each epoch; `loss` that of the margins of some of them, summed."""
    chance = random.Random(SEED)
    number = len(encode(chance))
    optimizer = torch.optim.AdamW(
        [
            {"params": list(net.encoder.parameters()), "lr": stage.rate, "weight_decay": DECAY},
            {"params": list(net.head.parameters()), "lr": stage.head_rate, "weight_decay": 0.0},
        ]
    )
    steps = int(stage.epochs * number / BATCH)
    warm = max(1, int(WARM_UP * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / (steps - warm)))
    )
    net.train()
    started, smooth = time.perf_counter(), 0.0
    for step, (some, rows) in enumerate(islice(_batches(encode, chance), steps), 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            margins = net(*to_tensors(rows))
        cost = loss(margins.float(), some) / len(some)
        optimizer.zero_grad()
        cost.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        smooth = 0.98 * smooth + 0.02 * cost.item()
        if step % 100 == 0:
            print(f"{step} of {steps}, loss {smooth:.3f}, {time.perf_counter() - started:.0f} s", flush=True)
    net.eval()


def _batches(
    encode: Callable[[random.Random], Sequence[Row]], chance: random.Random
) -> Iterator[tuple[list[int], list[Row]]]:
    """Places of examples of like length, in any order, and their rows: epoch after epoch, without end."""
    while True:
        rows = encode(chance)
        order = list(range(len(rows)))
        chance.shuffle(order)
        batches = []
        for at in range(0, len(order), 40 * BATCH):
            near = sorted(order[at : at + 40 * BATCH], key=lambda row: len(rows[row][0]))
            batches += [near[n : n + BATCH] for n in range(0, len(near), BATCH)]
        chance.shuffle(batches)
        for some in batches:
            yield some, [rows[place] for place in some]


def to_tensors(rows: Sequence[Row]) -> tuple[torch.Tensor, ...]:
    """Rows as the network takes them: ids, mask and types."""
    inputs = pad(rows)
    return tuple(torch.from_numpy(inputs[name]) for name in ("ids", "mask", "types"))


class _Probabilities(nn.Module):
    def __init__(self, net: Net, squash: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.net, self.squash = net, squash

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        return self.squash(self.net(ids, mask, types))


def export(net: Net, file: Path, squash: Callable[[torch.Tensor], torch.Tensor] = torch.sigmoid) -> None:
    """Write the net for onnxruntime, its weights in eight bits; `squash` makes probabilities of its margins."""
    example = to_tensors([([101, 2053, 102, 102], [0, 0, 0, 1])] * 2)
    axes = {name: {0: "rows", 1: "tokens"} for name in ("ids", "mask", "types")}
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            _Probabilities(net, squash).eval(), example, str(full), input_names=["ids", "mask", "types"],
            output_names=["scores"], dynamic_axes=axes | {"scores": {0: "rows"}}, opset_version=17, dynamo=False,
        )  # fmt: skip
        quantize_dynamic(full, file, weight_type=QuantType.QInt8, per_channel=True)


def open_base(folder: Path) -> Path:
    """The folder, where its weights are those that this was written for."""
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise SystemExit(f"{folder}/model.safetensors is not all-MiniLM-L6-v2's: SHA-256 {found}, not {BASE_SHA256}")
    return folder
