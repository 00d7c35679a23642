"""A model behind an OpenAI-compatible server as an agent: `api:MODEL`, for evaluation.

In: the same observations every agent gets, as a conversation. Out: what the server answers. A turn
of all running games is asked at once, `concurrency` requests at a time. Such a model cannot be
trained: a server tells no token ids.

An answer that cannot be had (`ApiClient` has tried several times) ends the evaluation: games that
nobody answered would count as lost. Finished games are on disk then, so the same command goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pydantic import Field

from wordle_rl.agents.api_client import ApiClient, ChatReply, Message
from wordle_rl.agents.base import Move, Opening, Player, View
from wordle_rl.config import Section, apply_overrides, parse
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError
from wordle_rl.records import Completion, FinishReason

PREFIX = "api:"


class ApiSettings(Section):
    """How a server is asked: `--api KEY=VALUE`."""

    base_url: str = ""
    """Up to and with the version: `http://localhost:8000/v1`; empty for `$OPENAI_BASE_URL`."""
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key."""
    max_new_tokens: int = Field(default=1024, ge=1)
    """Longest answer, its thought included."""
    system: str = ""
    """A system message before every game."""
    style: Style = "chat"
    """How games speak: plain English, or the `compact` notation of our own small models."""
    concurrency: int = Field(default=8, ge=1)
    """Requests under way at once."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Longest silence of the server."""
    retries: int = Field(default=4, ge=0)
    """Further attempts where a request fails."""
    request: dict[str, Any] = Field(default_factory=dict)
    """Further fields of a request, for example `{ reasoning_effort = "low" }`."""
    price_in: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens."""
    price_out: float = Field(default=0.0, ge=0)
    """Price of a million completion tokens."""


def read_settings(overrides: Iterable[str]) -> ApiSettings:
    """The settings of `KEY=VALUE` strings.

    Raises:
        ConfigError: there is no such setting, or a value is out of range.
    """
    return parse(ApiSettings, apply_overrides({}, overrides, flag="--api"))


@dataclass(slots=True)
class Usage:
    """What was asked of a server."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """In the currency of the prices; 0 without prices."""

    def add(self, reply: ChatReply, settings: ApiSettings) -> None:
        """Count a reply."""
        self.requests += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        self.cost += reply.prompt_tokens * settings.price_in / 1e6
        self.cost += reply.completion_tokens * settings.price_out / 1e6


@dataclass(frozen=True, kw_only=True)
class ApiAgent:
    """A model behind a server.

    Attributes:
        client: asks the server.
        settings: how.
        usage: what was asked so far.
    """

    client: ApiClient
    settings: ApiSettings
    usage: Usage = field(default_factory=Usage)
    _counting: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def name(self) -> str:
        """`api:MODEL`."""
        return PREFIX + self.client.model

    @property
    def style(self) -> Style:
        """How games speak to it."""
        return self.settings.style

    @property
    def batch_games(self) -> int:
        """Games that run together: enough to keep the server busy, few to lose by a stop."""
        return 2 * self.settings.concurrency

    @property
    def fingerprint(self) -> str:
        """A hash of the server, the model and what its answers depend on."""
        asked = (
            self.client.base_url,
            self.client.model,
            self.settings.max_new_tokens,
            self.settings.system,
            self.settings.style,
            sorted(self.settings.request.items()),
        )
        return hashlib.blake2b(repr(asked).encode(), digest_size=16).hexdigest()

    def count(self, reply: ChatReply) -> None:
        """Add a reply to the usage; threads that ask call this."""
        with self._counting:
            self.usage.add(reply, self.settings)

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        """Start games; temperature 0 is as greedy as the server can be."""
        return _ApiPlayer(self, openings, temperature)


class _ApiPlayer:
    """The running games of an `ApiAgent`: one conversation each."""

    def __init__(self, agent: ApiAgent, openings: Sequence[Opening], temperature: float) -> None:
        self._agent = agent
        self._temperature = temperature
        self._talks: list[list[Message]] = [_beginning(agent, opening) for opening in openings]
        # A game that begins in the middle: what its last answer was told, in place of the opening.
        self._newest = [_newest(opening) for opening in openings]

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        for i, view in views.items():
            told, self._newest[i] = self._newest[i], None
            content = view.observation if told is None else told
            self._talks[i].append({"role": "user", "content": content})
        games = list(views)
        pool = ThreadPoolExecutor(self._agent.settings.concurrency, thread_name_prefix="api")
        try:
            replies = list(pool.map(self._ask, games))
        finally:
            pool.shutdown(cancel_futures=True)
        return {i: self._move(i, reply) for i, reply in zip(games, replies, strict=True)}

    def _ask(self, i: int) -> ChatReply:
        reply = self._agent.client.chat(
            self._talks[i],
            temperature=self._temperature,
            max_tokens=self._agent.settings.max_new_tokens,
        )
        self._agent.count(reply)  # at once: it is paid for, though another request may fail
        return reply

    def _move(self, i: int, reply: ChatReply) -> Move:
        self._talks[i].append({"role": "assistant", "content": reply.text})
        cut = reply.finish_reason == FinishReason.LENGTH
        completion = Completion(
            text=reply.text,
            prompt_ids=(),
            token_ids=(),
            logprobs=(),
            finish_reason=FinishReason.LENGTH if cut else FinishReason.STOP,
        )
        return Move(action=reply.text, completion=completion)


def _beginning(agent: ApiAgent, opening: Opening) -> list[Message]:
    """The conversation before the first answer: a system message, turns that were played before."""
    system = agent.settings.system
    talk: list[Message] = [{"role": "system", "content": system}] if system else []
    for turn in opening.info.get("opening", ()):
        talk.append({"role": "user", "content": turn["observation"]})
        talk.append({"role": "assistant", "content": turn["action"]})
    return talk


def _newest(opening: Opening) -> str | None:
    turns = opening.info.get("opening", ())
    return str(turns[-1]["answer"]) if turns else None


def load_api_agent(name: str, settings: ApiSettings | None = None) -> ApiAgent:
    """The agent of `api:MODEL`.

    Raises:
        ConfigError: no model or no server is named, or the address or the key cannot be used.
    """
    settings = settings or ApiSettings()
    model = name.removeprefix(PREFIX)
    base_url = settings.base_url or os.environ.get("OPENAI_BASE_URL", "")
    if not model:
        raise ConfigError(f"agent {name!r} names no model: write it as api:MODEL")
    if not base_url:
        raise ConfigError(
            f"agent {name!r} has no server: --api base_url=http://localhost:8000/v1, or set "
            "$OPENAI_BASE_URL"
        )
    client = ApiClient(
        base_url=base_url,
        model=model,
        key_env=settings.key_env,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
        request=settings.request,
    )
    return ApiAgent(client=client, settings=settings)
