"""The page: `serve` a library in the browser, or `build_page` to mount it elsewhere.

    serve(Path("imr-library"))                                          http://127.0.0.1:7860
    IMR_AUTH=user:password ... serve(Path("imr-library"), host="0.0.0.0")

It speaks to nobody but its visitors: importing this module turns Gradio's analytics off, before Gradio is imported
(which happens when a page is built), and every answer forbids the browser to load anything from elsewhere.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imr_llm.errors import ConfigurationError

from .hosts import is_loopback

if TYPE_CHECKING:
    import gradio as gr

    from imr_llm.embeddings import Embedder

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

STYLE = Path(__file__).with_name("style.css")
LARGEST_UPLOAD = "64mb"  # what letters/reading.py takes of one file


def build_page(library_path: Path, *, embedder: Embedder | None = None) -> gr.Blocks:
    """The page over a library, not yet served; an absent library is made, and is empty.

    `embedder` reads questions for the index; without one, words alone rank. Launch it with `**launch_settings()`.
    """
    _require_gradio()
    from .answers import open_library
    from .layout import lay_out

    return lay_out(open_library(library_path, embedder))


def serve(
    library_path: Path,
    host: str = "127.0.0.1",
    port: int = 7860,
    *,
    embedder: Embedder | None = None,
    auth: tuple[str, str] | None = None,
    open_browser: bool = False,
) -> None:
    """Serve the page, its API and (with gradio[mcp], and without auth) its MCP tools, until interrupted.

    Without an `embedder` IMR_EMBEDDINGS names one; without `auth` (user, password) it is read from IMR_AUTH. Raises
    ConfigurationError for a host that is not this machine's own without auth, and for a port that cannot be had.
    """
    _bypass_proxies()
    settings = launch_settings(host, auth or read_auth(os.environ.get("IMR_AUTH")))
    page = build_page(library_path, embedder=embedder or _open_embedder())
    try:
        _, url, _ = page.launch(
            server_name=host, server_port=port, inbrowser=open_browser, prevent_thread_lock=True, quiet=True, **settings
        )
    except OSError as error:
        raise ConfigurationError(f"{host}:{port} cannot be used ({error}); choose another --port") from error
    print(f"{library_path}: the page is at {url} (Ctrl-C ends it)", file=sys.stderr)
    page.block_thread()


def launch_settings(host: str = "127.0.0.1", auth: tuple[str, str] | None = None) -> dict[str, Any]:
    """What `Blocks.launch` needs for this page. ConfigurationError for a host open to others without `auth`."""
    if not is_loopback(host) and auth is None:
        raise ConfigurationError(f'{host} can be reached by others: set IMR_AUTH="user:password", or stay on 127.0.0.1')
    _require_gradio()
    from .guard import guard_settings
    from .theme import build_theme

    return {
        "theme": build_theme(),
        "css_paths": [STYLE],
        "auth": auth,
        "app_kwargs": guard_settings(local_only=is_loopback(host)),
        "footer_links": ["api"],
        "max_file_size": LARGEST_UPLOAD,
        # Gradio lists MCP tools to anybody and cannot log in to itself: with auth they are off.
        "mcp_server": auth is None and importlib.util.find_spec("mcp") is not None,
        "run_history": False,
        "share": False,
        "show_error": False,
        "ssr_mode": False,
    }


def read_auth(setting: str | None) -> tuple[str, str] | None:
    """IMR_AUTH as (user, password); None where it is not set. ConfigurationError where it is malformed."""
    if not setting:
        return None
    user, colon, password = setting.partition(":")
    if not (user and colon and password):
        raise ConfigurationError('IMR_AUTH must be "user:password", with both parts')
    return user, password


def _bypass_proxies() -> None:
    """Gradio asks itself whether it is up, and would ask through a proxy that the environment names."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*known, "127.0.0.1", "localhost"]))


def _open_embedder() -> Embedder:
    from imr_llm.embeddings import open_embedder
    from imr_llm.settings import read_settings

    settings = read_settings(os.environ)
    return open_embedder(settings.embeddings, api_key=settings.api_key or None)


def _require_gradio() -> None:
    if importlib.util.find_spec("gradio") is None:
        raise ConfigurationError('the page needs Gradio, which is not installed: pip install "imr-llm[page]"')
