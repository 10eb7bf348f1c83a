"""A scripted OpenAI-compatible server on loopback: real HTTP, a thread a request, every request kept.

    with ModelServer([Reply(content='{"answer": "no"}')]) as server:
        settings = ModelSettings(model="scripted", base_url=server.base_url)

Replies are given in order; the last one is given again for ever. A script may also be a function of the request's
body, for tests whose calls come in no fixed order.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """One answer. `raw` replaces the whole body; `cut` promises more bytes than it sends, then hangs up."""

    content: str = "{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    finish_reason: str = "stop"
    prompt_tokens: int = 100
    cached_tokens: int = 0
    completion_tokens: int = 10
    refusal: str | None = None
    raw: bytes | None = None
    cut: bool = False
    delay: float = 0.0
    usage: bool = True


@dataclass(frozen=True)
class Request:
    """A request as it came: its JSON body, its headers in lower case, and when."""

    body: dict[str, Any]
    headers: Mapping[str, str]
    at: float

    @property
    def messages(self) -> list[dict[str, str]]:
        """The chat messages."""
        return list(self.body["messages"])


Script = Sequence[Reply] | Callable[[dict[str, Any]], Reply]


class ModelServer:
    """The server; `requests` in the order they came, `most_at_once` how many were being answered together."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._running = 0
        self.most_at_once = 0
        self.requests: list[Request] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        """The address to point a client at."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _choose(self, body: dict[str, Any], number: int) -> Reply:
        if callable(self._script):
            return self._script(body)
        return self._script[min(number, len(self._script) - 1)]

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server._lock:
                    number = len(server.requests)
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    server.requests.append(Request(body, headers, time.monotonic()))
                    server._running += 1
                    server.most_at_once = max(server.most_at_once, server._running)
                try:
                    reply = server._choose(body, number)
                    time.sleep(reply.delay)
                    self._send(reply, body)
                finally:
                    with server._lock:
                        server._running -= 1

            def _send(self, reply: Reply, body: dict[str, Any]) -> None:
                payload = reply.raw if reply.raw is not None else _completion(reply, body)
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(payload) + (1000 if reply.cut else 0)))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(payload)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the client gave up waiting, as it should
                if reply.cut:
                    self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handler


def _completion(reply: Reply, body: dict[str, Any]) -> bytes:
    """A chat completion in the shape that the request asked for: a tool call, or plain content."""
    if reply.status >= 400:
        return json.dumps({"error": {"message": "scripted", "type": "scripted"}}).encode()
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    if "tools" in body and reply.refusal is None:
        name = body["tools"][0]["function"]["name"]
        call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": reply.content}}
        message |= {"content": None, "tool_calls": [call]}
    completion: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": reply.finish_reason, "message": message, "logprobs": None}],
    }
    if reply.usage:
        completion["usage"] = {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "total_tokens": reply.prompt_tokens + reply.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
        }
    return json.dumps(completion).encode()
