"""`TextEnv`: the base of every game. Text in, text out, Gymnasium's five values."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from copy import copy, deepcopy
from functools import cache
from typing import Any, ClassVar, Literal, Self, TextIO, TypedDict

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Text

from wordle_rl.envs.draws import WORD, Draws
from wordle_rl.envs.spaces import SharedText
from wordle_rl.envs.statuses import is_legal
from wordle_rl.errors import ConfigError

Style = Literal["chat", "compact"]
"""`chat`: plain English for instruction-tuned models. `compact`: one short line for small ones."""
History = Literal["last", "full"]
"""`last`: the newest row (the conversation holds the rest). `full`: the whole board, Markov."""

CHARSET = "".join(map(chr, range(32, 127))) + "\n"
"""Printable ASCII and newline: what observations are made of."""
MAX_OBSERVATION, MAX_ACTION = 16_384, 8_192
"""Most characters of an observation, and of an action that is read."""


@cache
def _spaces() -> tuple[Text, Text]:
    """Of observations and actions. Each game has a copy: making a space costs as much as a game."""
    observations = SharedText(MAX_OBSERVATION, min_length=0, charset=CHARSET)
    return observations, Text(MAX_ACTION, min_length=0, charset=CHARSET)


class Played(TypedDict):
    """One action of an opening: what was seen before it, and what the game made of it."""

    observation: str
    action: str
    answer: str
    info: Mapping[str, Any]


class TextEnv(gymnasium.Env[str, str]):
    """A game that speaks text.

    A subclass implements `_start`, `_move` and `public`, and sets `info["solved"]` itself; one with
    a board of its own to look at overrides `_picture`. Any string is an action; what cannot be
    understood gets a status in info, never an exception. Randomness comes from `self.np_random`, or
    is the one number of `self._draw`. The secret is in neither observation, info nor repr before
    the end.
    """

    DRAW_VERSION: ClassVar[int] = 1
    """Rises when a seed draws another game than it did: results by seed are not comparable then."""

    # Gymnasium's own name and type, so neither a ClassVar nor immutable.
    metadata = {"render_modes": ["ansi", "human"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None) -> None:
        """Set the spaces. Raises ValueError for a render mode that is not in the metadata."""
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            known = ", ".join(self.metadata["render_modes"])
            raise ValueError(f"unknown render_mode {render_mode!r}: use one of {known}, or None")
        self.render_mode = render_mode
        self.observation_space, self.action_space = map(copy, _spaces())
        self._draws = Draws()
        self._running = False
        self._observation = ""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start a new game and return its first observation and info.

        Every game knows the option `opening`: actions that are played at once, for a start in the
        middle. They count as turns and pay nothing. The observation shows all that was said, and
        `info["opening"]` has it action by action (`Played`).

        Raises:
            ConfigError: an option is not allowed, or an action of the opening is refused or ends
                the game.
        """
        if options is not None and not isinstance(options, Mapping):
            raise ConfigError(f"reset options {options!r} are no dict: write {{'secret': ...}}")
        self._seed(seed)
        given = dict(options) if options else {}
        opening = _actions(given.pop("opening")) if "opening" in given else ()
        self._running = False
        self._observation, info = self._start(given)
        self._draws.is_fresh = False
        self._running = True
        if self.render_mode == "human":
            self.render()
        return (self._observation, info) if not opening else self._play_opening(opening)

    def _seed(self, seed: int | None) -> None:
        """Start anew from a seed: Gymnasium's own generator, once somebody asks for it."""
        if isinstance(seed, int) and seed >= 0:
            self._draws = Draws(+seed)  # of True, 1
        else:
            super().reset(seed=seed)

    # Gymnasium has two plain attributes here, and sets and reads them as such.
    @property
    def _np_random(self) -> np.random.Generator | None:
        return self._draws.generator

    @_np_random.setter
    def _np_random(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, value: np.random.Generator | None
    ) -> None:
        self._draws.generator = value

    @property
    def _np_random_seed(self) -> int | None:
        return self._draws.seed

    @_np_random_seed.setter
    def _np_random_seed(  # pyright: ignore[reportIncompatibleVariableOverride]
        self, value: int | None
    ) -> None:
        self._draws.seed = value

    def _draw(self, size: int) -> int:
        """A number from 0 to size - 1: the first one after a seed without making a generator."""
        word = self._draws.first_word()
        return int(self.np_random.integers(size)) if word is None else word * size >> WORD

    def _play_opening(self, actions: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """Play actions that are not the player's own."""
        played: list[Played] = []
        for action in actions:
            seen = self._observation
            answer, _, ended, _, info = self.step(action)
            status = info.get("status", "ok")
            if ended or not is_legal(status):
                self._running = False
                what = "ends the game" if ended else f"is refused ({status})"
                raise ConfigError(f"opening {action!r} {what}: leave it out")
            played.append(Played(observation=seen, action=action, answer=answer, info=info))
        self._observation = self._resumed(played)
        return self._observation, {**played[-1]["info"], "reward_parts": {}, "opening": played}

    def _resumed(self, played: Sequence[Played]) -> str:
        """The first observation after an opening: everything that was said."""
        said = (f"{turn['observation']}\n> {_shown(turn['action'])}" for turn in played)
        return "\n".join([*said, self._observation])

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Play one action.

        Raises:
            ResetNeeded: before the first reset, or after the game has ended.
            TypeError: if the action is not a string.
        """
        if not isinstance(action, str):
            raise TypeError(f"an action is a str, got {type(action).__name__}: {action!r}")
        if not self._running:
            raise ResetNeeded("the game is over or was never started: call reset() first")
        observation, reward, terminated, info = self._move(action)
        self._observation, self._running = observation, not terminated
        if self.render_mode == "human":
            self.render()
        return observation, reward, terminated, False, info

    def render(self) -> str | None:
        """The game as text (mode "ansi"), or what is new in it, printed (mode "human")."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() shows nothing: make the game with a render_mode")
            return None
        if self.render_mode == "ansi":
            return self._picture(whole=True, colour=False)
        print(self._picture(whole=False, colour=shows_colour(sys.stdout)))
        return None

    def news(self) -> str:
        """What is new since the last action, or the opening, as a person reads it in any style."""
        return self._picture(whole=False, colour=False)

    def opponent_record(self) -> Sequence[tuple[str, str]]:
        """What the other player of a game for two has heard and answered, turn by turn."""
        return ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A game that goes on as this one would. What describes it (`spec`) is shared."""
        memo[id(self.spec)] = self.spec
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(deepcopy(self.__dict__, memo))
        return twin

    @abstractmethod
    def public(self) -> Mapping[str, Any]:
        """Rules and lists that any player may know (never the secret), for agents that plan."""

    @abstractmethod
    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Draw a new secret from `self.np_random` or take it from `options`."""

    @abstractmethod
    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        """Play one action of a running game: observation, reward, terminated, info."""

    def _picture(self, *, whole: bool, colour: bool) -> str:
        """The game for a person to look at: all of it, or what the newest action changed."""
        return self._observation


def _actions(opening: Any) -> tuple[str, ...]:
    """The actions of an opening; raises ConfigError for anything but a sequence of strings."""
    actions = tuple(opening) if isinstance(opening, Iterable) else (opening,)
    if isinstance(opening, str) or not all(isinstance(action, str) for action in actions):
        raise ConfigError(f"opening {opening!r} is no list of actions: give one as ['crane']")
    return actions


def _shown(action: str) -> str:
    """An action as an observation can hold it: printable ASCII on one line."""
    return "".join(c if c in CHARSET and c != "\n" else "?" for c in action)


def shows_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal and the user has not set NO_COLOR (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")
