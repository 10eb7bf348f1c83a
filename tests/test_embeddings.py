"""Embeddings: the packaged model is checked before use, an endpoint is spoken to over HTTP, vectors have length 1."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imr_llm import embeddings
from imr_llm.embeddings import BuiltinEmbedder, EndpointEmbedder, normalise, open_embedder, verify_files
from imr_llm.errors import ConfigurationError, ModelRefused, ModelUnreachable


def test_the_packaged_model_runs_offline() -> None:
    vectors = open_embedder().embed(["no drug screen on file", "a drug screen is missing", "left knee brace"])
    assert vectors.shape == (3, 512)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_no_texts_give_no_rows() -> None:
    assert open_embedder().embed([]).shape == (0, 512)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.npz").write_bytes(b"other weights")
    with pytest.raises(ConfigurationError, match=r"weights\.npz.*SHA-256"):
        verify_files(tmp_path, {"weights.npz": "0" * 64})
    with pytest.raises(ConfigurationError, match=r"sp\.model cannot be read"):
        verify_files(tmp_path, {"sp.model": "0" * 64})


def test_changed_weights_stop_the_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings._load_builtin.cache_clear()
    monkeypatch.setattr(embeddings, "BUILTIN_FILES", {"weights.npz": "0" * 64})
    with pytest.raises(ConfigurationError, match="SHA-256"):
        BuiltinEmbedder().embed(["x"])
    embeddings._load_builtin.cache_clear()


@pytest.mark.parametrize("setting", ["", "minilm", "http://host/v1", "ftp://host#model", "#model", "http://#model"])
def test_a_setting_that_names_no_model_is_refused(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="IMR_EMBEDDINGS"):
        open_embedder(setting)


def test_models_are_told_apart_by_name() -> None:
    one, two = open_embedder("http://h/v1#m"), open_embedder("http://h/v1#n")
    assert len({one.name, two.name, BuiltinEmbedder.name}) == 3
    assert all(character.isalnum() or character == "-" for character in one.name)


def test_normalise_keeps_zeros() -> None:
    assert normalise(np.asarray([[3, 4], [0, 0]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
    ]


class _Endpoint:
    """A real HTTP server on loopback that answers as told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append({"path": self.path, **body})
                endpoint.keys.append(self.headers.get("Authorization"))
                status, answer = endpoint.answers.pop(0) if endpoint.answers else (200, endpoint.embed(body["input"]))
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    @staticmethod
    def embed(texts: list[str]) -> dict[str, Any]:
        rows = [{"index": at, "embedding": [float(len(text)), 1.0, 0.0]} for at, text in enumerate(texts)]
        return {"data": rows[::-1]}


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Endpoint]:
    monkeypatch.setattr("imr_llm.embeddings.time.sleep", lambda seconds: None)
    server = _Endpoint()
    yield server
    server.server.shutdown()
    server.server.server_close()


def test_an_endpoint_is_asked_in_batches_and_its_order_restored(endpoint: _Endpoint) -> None:
    texts = ["x" * n for n in range(1, 71)]
    vectors = open_embedder(f"{endpoint.url}#m", api_key="k").embed(texts)
    assert vectors.shape == (70, 3)
    assert [len(request["input"]) for request in endpoint.requests] == [64, 6]
    assert np.all(np.diff(vectors[:, 0]) > 0)
    assert endpoint.requests[0]["path"] == "/v1/embeddings"
    assert endpoint.keys[0] == "Bearer k"


def test_a_busy_endpoint_is_asked_again(endpoint: _Endpoint) -> None:
    endpoint.answers = [(429, {}), (503, {})]
    assert EndpointEmbedder(endpoint.url, "m").embed(["a"]).shape == (1, 3)
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {"error": "secret words of the letter"}), ModelUnreachable),
        ((200, {"data": []}), ModelRefused),
        ((200, {"nothing": 1}), ModelRefused),
        ((200, {"data": [{"index": 0, "embedding": ["a"]}]}), ModelRefused),
        ((200, {"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}), ModelRefused),
    ],
)
def test_what_an_endpoint_answers_is_checked_and_not_repeated(
    endpoint: _Endpoint, answer: tuple[int, Any], error: type[Exception]
) -> None:
    endpoint.answers = [answer]
    with pytest.raises(error) as raised:
        EndpointEmbedder(endpoint.url, "m").embed(["secret words of the letter"])
    assert "secret" not in str(raised.value)


def test_an_endpoint_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imr_llm.embeddings.time.sleep", lambda seconds: None)
    with pytest.raises(ModelUnreachable, match="cannot be reached"):
        EndpointEmbedder("http://127.0.0.1:9/v1", "m").embed(["a"])
