"""The extra [local]: llama.cpp's own server, inside this process, on a GGUF file that the user names.

    async with serve_locally(Path("model.gguf")) as endpoint:
        settings = ModelSettings(model=endpoint.model, base_url=endpoint.base_url, api_key=endpoint.api_key)

It listens on a free port of the loopback address alone, with a key made for this run, and downloads nothing.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imr_llm.errors import ConfigurationError

_MAGIC = b"GGUF"


@dataclass(frozen=True)
class LocalEndpoint:
    """A running server's model name, address and key."""

    model: str
    base_url: str
    api_key: str = field(repr=False)


def is_gguf(name: str) -> bool:
    """Whether a model's name is a GGUF file rather than a name that an endpoint knows."""
    return name.lower().endswith(".gguf")


@asynccontextmanager
async def serve_locally(
    file: Path, *, context_tokens: int = 8192, threads: int | None = None
) -> AsyncIterator[LocalEndpoint]:
    """Serve a GGUF file on the loopback address until the block is left.

    context_tokens: prompt and answer together. threads: default, every core. Raises ConfigurationError where the
    extra is not installed, or the file is no model that llama.cpp can load.
    """
    _check_file(file)
    key = secrets.token_urlsafe(24)
    server = await asyncio.to_thread(_start_server, file, key, context_tokens, threads or os.cpu_count() or 1)
    try:
        yield LocalEndpoint(file.name, f"{server.listening_address}/v1", key)
    finally:
        # The server stops when its last reference goes; that waits for its threads.
        box = [server]
        del server
        await asyncio.to_thread(box.clear)


def _check_file(file: Path) -> None:
    try:
        with file.open("rb") as handle:
            magic = handle.read(len(_MAGIC))
    except OSError as error:
        raise ConfigurationError(f"model: '{file}' cannot be read; name a GGUF file") from error
    if magic != _MAGIC:
        raise ConfigurationError(f"model: '{file}' is no GGUF file; llama.cpp reads GGUF only")


def _start_server(file: Path, key: str, context_tokens: int, threads: int) -> Any:
    # Idle OpenMP threads that spin would take the cores from the rest of the program. Read when llama.cpp is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        llama = importlib.import_module("xllamacpp")
    except ImportError as error:
        raise ConfigurationError(
            "model: a GGUF file needs the extra [local]: pip install 'imr-llm[local]'; or name an endpoint's model and "
            "its --base-url"
        ) from error
    parameters = llama.CommonParams()
    parameters.model.path = str(file)
    parameters.model_alias = {file.name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [key]
    parameters.n_ctx = context_tokens
    parameters.n_parallel = 1
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.use_jinja = True
    parameters.offline = True
    parameters.ui = False
    parameters.verbosity = 0
    parameters.sampling.temp = 0.0
    try:
        return llama.Server(parameters)
    except RuntimeError as error:
        raise ConfigurationError(f"model: llama.cpp could not load '{file}'; is the file complete?") from error
