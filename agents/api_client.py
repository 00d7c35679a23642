"""A small client of OpenAI-compatible servers: one chat completion a call, retried where it helps.

In: messages. Out: a `ChatReply` with the text and what it took in tokens; `ask` gets anything else
that a server has. The protocol is one POST of JSON that OpenAI, vLLM, SGLang, llama.cpp, Ollama and
most providers speak alike, so the standard library is all it takes. An `ApiClient` may be used by
many threads at once.

The key is read from the environment, travels in one header, and is kept out of everything that is
printed: repr, errors, and what a server says that repeats it. Redirects are refused, since the
header would go with them.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from wordle_rl.errors import ConfigError, ModelError

T = TypeVar("T")
Message = Mapping[str, str]
"""`role` (system, user or assistant) and `content`."""

TRANSIENT = frozenset({408, 409, 425, 429})
"""Client errors that pass; so do all server errors (5xx). Any other status will not change."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0
MOST_BYTES = 16 * 2**20
"""Most of an answer that is read."""
SHOWN_CHARS = 200
"""Most of a server's complaint that is shown."""


class ApiError(ModelError):
    """A server did not answer as it should."""


class TransientApiError(ApiError):
    """It may at another time: overloaded, unreachable, too slow, or its answer makes no sense."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """How long the server asks to be left alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """One chat completion."""

    text: str
    finish_reason: str
    """`stop`, `length` where it was cut, or what else the server calls it."""
    prompt_tokens: int
    """0 where the server does not say."""
    completion_tokens: int


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Turns a redirect into an error of its status."""

    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any
    ) -> None:
        """Go nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiClient:
    """Chat completions of one model on one server.

    Raises:
        ConfigError: the address or the key cannot be used.
    """

    base_url: str
    """Up to and with the version, for example `http://localhost:8000/v1`."""
    model: str
    """The server's name for it."""
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; unset or empty for a server without keys."""
    timeout_s: float = 60.0
    """Longest silence of the server."""
    retries: int = 4
    """Further attempts after a failure that may pass."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of every request; they win over those that are set here."""
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    _key: str = field(init=False, repr=False)
    _opener: urllib.request.OpenerDirector = field(init=False, repr=False)
    _random: random.Random = field(init=False, repr=False, default_factory=random.Random)

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", checked_url(self.base_url))
        object.__setattr__(self, "_key", _read_key(self.key_env))
        object.__setattr__(self, "_opener", urllib.request.build_opener(_NoRedirects))

    def chat(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int
    ) -> ChatReply:
        """One answer to a conversation.

        After a failure that may pass it waits and tries again: 0.5 s, then twice as long each time,
        times a random factor from 0.5 to 1.5 so that many clients do not come back together; longer
        where the server asks for it (Retry-After), and never above a minute.

        Args:
            messages: the conversation so far.
            temperature: of sampling.
            max_tokens: longest answer; not sent where `request` sets `max_completion_tokens`.

        Raises:
            TransientApiError: every attempt failed.
            ApiError: the server refuses this request, and would again.
        """
        body = self._body(messages, temperature, max_tokens)
        return self.ask("chat/completions", _read_reply, body)

    def ask(
        self, path: str, read: Callable[[str, bytes], T], body: Mapping[str, Any] | None = None
    ) -> T:
        """Ask `base_url`/`path` for something, with retries as in `chat`.

        Args:
            path: below the base.
            read: (url, what came) -> the answer; raises TransientApiError where it makes no sense.
            body: sent as JSON, by POST; None for a GET.

        Raises:
            TransientApiError: every attempt failed.
            ApiError: the server refuses this request, and would again.
        """
        for attempt in range(self.retries):
            try:
                return self._attempt(path, read, body)
            except TransientApiError as error:
                self.sleep(self._pause_s(attempt, error.retry_after_s))
        return self._attempt(path, read, body)

    def _body(
        self, messages: Sequence[Message], temperature: float, max_tokens: int
    ) -> dict[str, Any]:
        fields = {
            "model": self.model,
            "messages": [dict(message) for message in messages],
            "temperature": temperature,
            "max_tokens": max_tokens,
            **self.request,
        }
        if "max_completion_tokens" in fields:
            del fields["max_tokens"]
        return fields

    def _pause_s(self, attempt: int, asked_s: float | None) -> float:
        pause = FIRST_PAUSE_S * 2.0**attempt * self._random.uniform(0.5, 1.5)
        return min(max(pause, asked_s or 0.0), LONGEST_PAUSE_S)

    def _attempt(
        self, path: str, read: Callable[[str, bytes], T], body: Mapping[str, Any] | None
    ) -> T:
        """One attempt. What is raised names neither headers nor the request, so not the key."""
        headers = {"Content-Type": "application/json", "User-Agent": "wordle-rl"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        url = f"{self.base_url}/{path}"
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, sent, headers)
        try:
            with self._opener.open(request, timeout=self.timeout_s) as response:
                return read(url, response.read(MOST_BYTES))
        except urllib.error.HTTPError as error:
            failure = self._refusal(url, error)
        except TimeoutError:
            failure = TransientApiError(f"{url}: no answer for {self.timeout_s:g} s")
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            failure = TransientApiError(f"{url}: {self._shown(str(reason) or repr(reason))}")
        raise failure

    def _refusal(self, url: str, error: urllib.error.HTTPError) -> ApiError:
        with error:
            try:
                said = error.read(MOST_BYTES).decode(errors="replace")
            except (OSError, http.client.HTTPException):
                said = ""
        message = f"{url} answered {error.code}: {self._shown(_complaint(said)) or error.reason}"
        if error.code in TRANSIENT or error.code >= 500:
            return TransientApiError(message, _seconds(error.headers.get("Retry-After")))
        hint = f" (is the key in ${self.key_env} right?)" if error.code in (401, 403) else ""
        return ApiError(message + hint)

    def _shown(self, text: str) -> str:
        """A server's words on one line, cut, and without the key."""
        text = " ".join(text.split())
        if self._key:
            text = text.replace(self._key, "[key]")
        return "".join(c if c.isprintable() else "?" for c in text)[:SHOWN_CHARS]


def checked_url(base_url: str) -> str:
    """An address as it is asked; raises ConfigError where it is none, or holds a password."""
    parts = urlsplit(base_url)
    if parts.username or parts.password:
        raise ConfigError("base_url holds a name or password: give the key by key_env")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ConfigError(
            f"base_url {base_url!r} is not an address such as http://localhost:8000/v1"
        )
    return base_url.rstrip("/").removesuffix("/chat/completions")


def _read_key(name: str) -> str:
    key = os.environ.get(name, "").strip() if name else ""
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigError(f"the key in ${name} holds characters that no key has")
    return key


def _read_reply(url: str, body: bytes) -> ChatReply:
    """The completion in an answer; a shape that is another is a failure of the server."""
    try:
        answer = json.loads(body)
        choice = answer["choices"][0]
        text = choice["message"]["content"]
        usage = answer.get("usage") or {}
        return ChatReply(
            text=_text(text),
            finish_reason=str(choice.get("finish_reason") or "stop"),
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        raise TransientApiError(f"{url}: the answer is not a chat completion") from None


def _text(content: Any) -> str:
    """The text of a message; a reasoning model that was cut while it thought has none."""
    if content is None:
        return ""
    if not isinstance(content, str):
        raise TypeError("content is not text")
    return content


def _complaint(said: str) -> str:
    """What a server says is wrong: `error.message` where it has one, else all of it."""
    try:
        error = json.loads(said)["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, LookupError, TypeError):
        return said


def _seconds(retry_after: str | None) -> float | None:
    """A Retry-After header, in seconds or as a date, from now."""
    if retry_after is None:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
