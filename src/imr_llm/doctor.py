"""`imr-llm doctor`: what is installed, configured and reachable, and whether a library is whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, util
from urllib.parse import urlsplit

import httpx

from imr_llm import __version__
from imr_llm.embeddings import open_embedder
from imr_llm.errors import ImrError
from imr_llm.extraction import choose_extractor
from imr_llm.library.index import open_index
from imr_llm.library.store import Library
from imr_llm.settings import Settings

NEEDED = ("chromadb", "instructor", "openai", "pydantic", "pypdfium2", "rapidfuzz")
OPTIONAL = (("gradio", "page"), ("pyarrow", "parquet"), ("xllamacpp", "local"))


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `ok` is false only where something has to be mended."""

    name: str
    ok: bool
    detail: str


def examine(settings: Settings, *, repair: bool = False) -> list[Finding]:
    """Look at everything; `repair` mends the library's indexes. Contacts no address but the configured endpoint."""
    return [
        *_examine_packages(),
        _examine_extractor(settings),
        _examine_endpoint(settings),
        _examine_embeddings(settings),
        *_examine_library(settings, repair),
    ]


def _examine_packages() -> Iterator[Finding]:
    yield Finding("imr-llm", True, f"{__version__}, Python {sys.version.split()[0]}")
    for name in NEEDED:
        installed = util.find_spec(name) is not None
        yield Finding(name, installed, metadata.version(name) if installed else "not installed: pip install imr-llm")
    for name, extra in OPTIONAL:
        installed = util.find_spec(name) is not None
        detail = metadata.version(name) if installed else f"not installed (optional): pip install 'imr-llm[{extra}]'"
        yield Finding(name, True, detail)


def _examine_extractor(settings: Settings) -> Finding:
    try:
        plan = choose_extractor(settings)
    except ImrError as error:
        return Finding("extractor", False, str(error))
    prompt = f", prompt {plan.prompt.label}" if plan.prompt else ""
    return Finding("extractor", True, f"{plan.extractor} ({plan.why}){prompt}")


def _examine_endpoint(settings: Settings) -> Finding:
    """Ask the configured endpoint for its models; nothing is asked of anybody where no model is configured."""
    if not settings.model:
        return Finding("endpoint", True, "no model configured: nothing leaves this machine")
    if settings.runs_locally:
        return Finding("endpoint", True, f"llama.cpp on {settings.model}, started when needed")
    host = urlsplit(settings.base_url).netloc.rpartition("@")[2]
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    try:
        answer = httpx.get(
            f"{settings.base_url.rstrip('/')}/models", headers=headers, timeout=10, follow_redirects=False
        )
    except httpx.HTTPError as error:
        return Finding("endpoint", False, f"{host} does not answer ({type(error).__name__}); check IMR_BASE_URL")
    if answer.status_code in (401, 403):
        return Finding("endpoint", False, f"{host} refuses the key (status {answer.status_code}); check IMR_API_KEY")
    return Finding("endpoint", answer.status_code < 500, f"{host} answers (status {answer.status_code})")


def _examine_embeddings(settings: Settings) -> Finding:
    try:
        embedder = open_embedder(settings.embeddings, api_key=settings.api_key or None)
        size = embedder.embed(["a sentence"]).shape[1]
    except ImrError as error:
        return Finding("embeddings", False, str(error))
    return Finding("embeddings", True, f"{embedder.name}, {size} dimensions")


def _examine_library(settings: Settings, repair: bool) -> Iterator[Finding]:
    if not settings.library.exists():
        yield Finding("library", True, f"{settings.library}: none yet; imr-llm extract makes it")
        return
    try:
        with Library.open(settings.library, create=False, writing=repair) as library:
            problems = library.check()
            counts = library.counts()
            index = open_index(library, open_embedder(settings.embeddings, api_key=settings.api_key or None))
            if repair:
                index.update()
            status = index.status()
    except ImrError as error:
        yield Finding("library", False, str(error))
        return
    held = f"{settings.library}: {counts.letters} letters, {counts.determinations} determinations"
    yield Finding("library", not problems, "; ".join([held, *problems]))
    yield Finding(
        "failures", True, f"{counts.failures} sources failed" + (" (extract --retry-failed)" if counts.failures else "")
    )
    remedy = "" if status.state == "ready" else "; imr-llm doctor --repair, or imr-llm index"
    yield Finding(
        "index",
        status.state == "ready",
        f"{status.state}: {status.embedded} of {status.determinations} determinations{remedy}",
    )
