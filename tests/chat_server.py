"""A server of the chat-completions protocol on 127.0.0.1, as well or as badly behaved as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self


class Response(NamedTuple):
    """What the server sends; a body that is not bytes is sent as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """What it was sent."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def said(self) -> str:
        """The last message."""
        return str(self.body["messages"][-1]["content"])


Answer = Callable[[Request], Response]


def completion(text: str | None, **changes: Any) -> dict[str, Any]:
    """A well-formed chat completion."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": changes.pop("finish_reason", "stop"),
    }
    usage = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
    return {"object": "chat.completion", "choices": [choice], "usage": usage, **changes}


class ChatServer:
    """Answers every request by `answer`; a list is used up, and its last entry stays.

    `most_at_once` is how many requests were ever under way together.
    """

    def __init__(self, answer: Answer | list[Response], port: int = 0) -> None:
        self._answer = answer if callable(answer) else _from_list(answer)
        self._lock = threading.Lock()
        self._under_way = 0
        self.requests: list[Request] = []
        self.most_at_once = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner._serve(self)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        error: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        sent = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.path, dict(handler.headers), json.loads(sent or b"{}"))
        with self._lock:
            self.requests.append(request)
            self._under_way += 1
            self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            response = self._answer(request)
        finally:
            with self._lock:
                self._under_way -= 1
        body = response.body
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            handler.send_response(response.status)
            for name, value in {"Content-Length": str(len(content)), **response.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content)
        except OSError:
            pass  # a client that did not wait


def _from_list(responses: list[Response]) -> Answer:
    left = list(responses)
    lock = threading.Lock()

    def answer(request: Request) -> Response:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer
