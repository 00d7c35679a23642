"""Who acts: an `Agent` opens many games at once and a `Player` advances all of them together.

The rollout hands every running game's newest observation to `Player.act` in one call, so a language
model can decode all games in one batch. A game that is missing from a call is over, or waits for
another player.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from wordle_rl.envs.base import Style
from wordle_rl.records import Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an agent is told when a game begins."""

    observation: str
    info: Mapping[str, Any]
    seed: int
    """Seeds the agent's own randomness in this game (not the game's)."""
    public: Mapping[str, Any]
    """`TextEnv.public()`: rules and word lists any player may know, never the secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the agent sees before it moves: the newest observation and the game's info."""

    observation: str
    info: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What the agent says; `completion` where a language model sampled it."""

    action: str
    completion: Completion | None = None


class Player(Protocol):
    """The running games of one agent."""

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Answer every game in `views` (index of its opening -> what it sees now)."""
        ...


class Agent(Protocol):
    """Anything that can play."""

    @property
    def name(self) -> str:
        """The name shown in reports."""
        ...

    @property
    def style(self) -> Style:
        """The observation style this agent reads."""
        ...

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        """Start `len(openings)` games. Temperature 0 means the agent's best move, always."""
        ...


@runtime_checkable
class Foreseeing(Protocol):
    """An agent that can tell how likely its answers are."""

    def likely_answers(
        self, prompt_ids: tuple[int, ...], *, count: int
    ) -> Sequence[tuple[str, float]]:
        """The likeliest answers to a prompt, each with its probability at temperature 1."""
        ...
