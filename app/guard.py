"""Who may speak to the page, and to whom the page may speak: two layers around the server."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing is loaded from elsewhere and nothing is sent there. Gradio builds its templates from strings: 'unsafe-eval'.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; form-action 'self'; "
        "frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
# A page of another site that gives its own name this machine's address (DNS rebinding) is refused by its name.
LOCAL_NAMES = ["127.0.0.1", "localhost", "["]


class HeadersMiddleware:
    """Adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def guard_settings(*, local_only: bool) -> dict[str, Any]:
    """The FastAPI settings that put the layers in place; `local_only` answers to this machine's own names alone."""
    layers = [Middleware(HeadersMiddleware)]
    if local_only:
        layers.append(Middleware(TrustedHostMiddleware, allowed_hosts=LOCAL_NAMES))
    return {"middleware": layers}
