"""The local server: what it refuses, and how it is started. A fake stands in for llama.cpp's module."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from imr_llm.errors import ConfigurationError
from imr_llm.llm.local import LocalEndpoint, is_gguf, serve_locally


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    file = tmp_path / "tiny-q4.gguf"
    file.write_bytes(b"GGUF" + bytes(64))
    return file


def serve(file: Path) -> LocalEndpoint:
    async def run() -> LocalEndpoint:
        async with serve_locally(file, context_tokens=2048, threads=1) as endpoint:
            return endpoint

    return asyncio.run(run())


class FakeLlama(ModuleType):
    """xllamacpp as far as it is used; it remembers the parameters, and how many servers are alive."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__("xllamacpp")
        self.parameters: Any = None
        self.alive = 0
        fake = self

        class Server:
            listening_address = "http://127.0.0.1:4711"

            def __init__(self, parameters: Any) -> None:
                if fails:
                    raise RuntimeError("failed to load")
                fake.parameters = parameters
                fake.alive += 1

            def __del__(self) -> None:
                fake.alive -= 1

        self.Server = Server

    @staticmethod
    def CommonParams() -> Any:
        names = ("model", "cpuparams", "cpuparams_batch", "sampling")
        return SimpleNamespace(**{name: SimpleNamespace() for name in names})


def test_server_is_on_loopback_behind_a_key_and_offline(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeLlama()
    monkeypatch.setitem(sys.modules, "xllamacpp", fake)
    endpoint = serve(model_file)
    assert (endpoint.model, endpoint.base_url) == ("tiny-q4.gguf", "http://127.0.0.1:4711/v1")
    assert fake.parameters.hostnames == ["127.0.0.1"]
    assert fake.parameters.port == 0
    assert fake.parameters.api_keys == [endpoint.api_key]
    assert fake.parameters.offline is True
    assert fake.parameters.n_ctx == 2048
    assert endpoint.api_key not in repr(endpoint)
    assert fake.alive == 0


def test_every_run_has_a_key_of_its_own(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", FakeLlama())
    assert serve(model_file).api_key != serve(model_file).api_key


def test_file_that_llama_cannot_load(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", FakeLlama(fails=True))
    with pytest.raises(ConfigurationError, match="could not load"):
        serve(model_file)


def test_extra_that_is_not_installed(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigurationError, match=r"imr-llm\[local\]"):
        serve(model_file)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        serve(tmp_path / "no.gguf")


def test_file_that_is_no_model(tmp_path: Path) -> None:
    file = tmp_path / "letter.gguf"
    file.write_text("not a model")
    with pytest.raises(ConfigurationError, match="no GGUF file"):
        serve(file)


@pytest.mark.parametrize(("name", "local"), [("a/b/Model.GGUF", True), ("gpt-4o-mini", False), ("gguf", False)])
def test_model_names(name: str, local: bool) -> None:
    assert is_gguf(name) is local
