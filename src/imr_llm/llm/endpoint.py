"""The endpoint that a configuration means: the configured one, or a llama.cpp started on the user's GGUF file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imr_llm.errors import ConfigurationError
from imr_llm.llm.client import ModelSettings
from imr_llm.llm.local import serve_locally

if TYPE_CHECKING:
    from imr_llm.settings import Settings


@asynccontextmanager
async def open_endpoint(settings: Settings) -> AsyncIterator[ModelSettings]:
    """What to ask, for as long as this is open. Raises ConfigurationError where no model is named."""
    if settings.model is None:
        raise ConfigurationError("no model is configured; set --model or IMR_MODEL")
    if not settings.runs_locally:
        yield ModelSettings(
            model=settings.model,
            base_url=settings.base_url,
            api_key=settings.api_key,
            concurrency=settings.concurrency,
            timeout=settings.timeout,
        )
        return
    async with serve_locally(Path(settings.model)) as local:
        yield ModelSettings(
            model=local.model,
            base_url=local.base_url,
            api_key=local.api_key,
            concurrency=1,
            timeout=settings.timeout,
        )
