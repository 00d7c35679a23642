"""One running game of TextArena behind a guard: seeded, quiet, offline, and never raising.

TextArena is imported here and only when a game is made. Everything that is wrong in a game is put
right by `text_arena_repairs`; everything it does to the process is kept in a `PrivateWorld`.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from importlib import import_module
from math import isfinite
from typing import Any, cast

import numpy as np

from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.parsing import visible_text
from wordle_rl.envs.text_arena_games import arena_name
from wordle_rl.envs.text_arena_text import GAME, Said, to_ascii
from wordle_rl.envs.text_arena_world import PrivateWorld
from wordle_rl.errors import ConfigError

Build = Callable[[], Any]
"""Makes the TextArena environment of a game, without wrappers."""

GAME_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    re.error,
)
"""What TextArena's code may raise. A failed game is data."""
MAX_DEALS = 50
"""Deals that cannot be played, one after the other, before a game is given up."""
READ_AS_SETS = frozenset({"Crosswords", "LogicPuzzle", "WordSearch"})
"""Games that read an action into a set of strings; see `PrivateWorld.entered`."""
INSTALL_NLTK = "python -m nltk.downloader words averaged_perceptron_tagger_eng"


class ArenaEngine:
    """A game of TextArena and what each player has heard of it.

    Copying or pickling it mid-game gives a game that goes on identically.
    """

    def __init__(
        self,
        game_id: str,
        players: int,
        options: Mapping[str, Any] | None = None,
        build: Build | None = None,
    ) -> None:
        """Make a game. Raises ConfigError if TextArena cannot make it here.

        Args:
            game_id: an id of TextArena.
            players: how many play.
            options: arguments of the game's class in TextArena, in place of the id's own.
            build: makes the game in place of TextArena's registry.
        """
        self._id = game_id
        self._name = arena_name(game_id)
        self._players = players
        self._options = dict(options or {})
        self._build = build
        self._world = PrivateWorld()
        self._env = self._made()
        if not _imports_numpy(cast(Hashable, type(self._env))):
            self._world.leave_numpy_out()
        self.adds_brackets = build is not None or _adds_brackets(game_id)
        """Whether an action without brackets is put in brackets."""
        self._ordered_in = type(self._env).__module__ if self._name in READ_AS_SETS else ""
        self._clear()

    @property
    def env(self) -> Any:
        """The TextArena environment itself, to look at and not to touch."""
        return self._env

    @property
    def done(self) -> bool:
        """Whether the game is over."""
        return bool(self.error) or bool(self._env.state.done)

    @property
    def to_move(self) -> int:
        """The player whose action is next."""
        return int(self._env.state.current_player_id)

    @property
    def won(self) -> bool:
        """Whether a one-player game has ended with a win."""
        from wordle_rl.envs.text_arena_repairs import is_won

        return not self.error and self.done and is_won(self._env, self._name)

    @property
    def secret(self) -> str:
        """What the game hides, to be told after the end; empty where it hides no one thing."""
        from wordle_rl.envs.text_arena_repairs import secret_of

        return secret_of(self._env, self._name)

    def reset(self, seed: int) -> None:
        """Deal a new game from a seed in [0, 2**31).

        Deals that fail, cannot be won or tell their solution are dealt again.

        Raises:
            ConfigError: no deal of many could be played.
        """
        self._clear()
        self._world.seed(seed)
        failure = "no deal can be played"
        for _ in range(MAX_DEALS):
            try:
                if self._is_dealt(seed):
                    self._collect(GAME)
                    return
            except GAME_FAILURES as error:
                failure = f"{type(error).__name__}: {error}"
            seed = (seed + 1) % 2**31
        raise ConfigError(f"TextArena game {self._id!r} cannot start: {to_ascii(failure)}")

    def step(self, action: str) -> None:
        """Play one action for the player to move. What the game raises becomes `error`."""
        from wordle_rl.envs.text_arena_repairs import handed_over

        mover = self.to_move
        try:
            with self._world.entered(ordered_in=self._ordered_in):
                self._env.step(action=handed_over(self.read(action), self._name))
        except GAME_FAILURES as error:
            self.error = to_ascii(f"{type(error).__name__}: {error}")
        self.refused = self.is_invalid(mover) or getattr(self._env.state, "error_count", 0) > 0
        self._collect(mover)

    def read(self, text: str) -> str:
        """What of a player's text is handed to the game.

        Thinking is left out (`parsing.visible_text`), the last `MAX_ACTION` characters are kept,
        and text without any bracket is put in brackets where TextArena's own wrapper does so.
        """
        action = visible_text(text)[-MAX_ACTION:].strip()
        if self.adds_brackets and "[" not in action and "]" not in action:
            return f"[{action}]"
        return action

    def heard(self, player: int) -> tuple[Said, ...]:
        """Everything a player has been told since the start."""
        return tuple(self._heard[player])

    def reward(self, player: int) -> float:
        """TextArena's own reward; 0 while the game runs, and for what is no finite number."""
        value = self._paid(player)
        return float(value) if _is_finite(value) else 0.0

    def problem(self, player: int) -> str:
        """What the game raised, or the reward that is no finite number; empty nearly always."""
        value = self._paid(player)
        return self.error or ("" if _is_finite(value) else to_ascii(repr(value)))

    def is_invalid(self, player: int) -> bool:
        """Whether invalid moves of this player ended its game."""
        return bool(self._env.state.game_info[player]["invalid_move"])

    def reason(self, player: int) -> str:
        """Why the game ended, in the game's words."""
        return to_ascii(str(self._env.state.game_info[player].get("reason") or ""))

    def _paid(self, player: int) -> Any:
        return (self._env.state.rewards or {}).get(player, 0)

    def _clear(self) -> None:
        self.error = ""
        self.refused = False
        self._heard: list[list[Said]] = [[] for _ in range(self._players)]

    def _is_dealt(self, seed: int) -> bool:
        from wordle_rl.envs.text_arena_repairs import LOADS_LISTS, is_fair, repair

        self._world.seed(seed)
        if self._name not in LOADS_LISTS:
            self._env = self._made()
        with self._world.entered(ordered_in=self._ordered_in):
            self._env.reset(num_players=self._players, seed=seed)
            repair(self._env, self._name)
            return is_fair(self._env, self._name)

    def _collect(self, mover: int) -> None:
        """Take what was said out of the game's queues. An action is said by who made it."""
        state = self._env.state
        state.observations[self.to_move] = self._env.get_observation()[1]
        for player in range(self._players):
            queue, state.observations[player] = state.observations[player], []
            self._heard[player] += [self._said(entry, mover) for entry in queue]

    def _said(self, entry: tuple[Any, Any, Any], mover: int) -> Said:
        sender, text, kind = entry
        if isinstance(kind, str):  # Countdown and others mix the order of these three up
            text, label = kind, "player_action"
        else:
            label = str(kind.name).lower()
        if label == "player_action":  # TowerOfHanoi and others do not say whose it was
            sender = mover
        name = self._env.state.role_mapping.get(sender, f"Player {sender}")
        return Said(sender, to_ascii(str(name)), label, to_ascii(str(text)))

    def _made(self) -> Any:
        env = self._built()
        from wordle_rl.envs.text_arena_repairs import repair_lists  # imports TextArena

        repair_lists(env, self._name)
        return env

    def _built(self) -> Any:
        registry()  # imports TextArena, and with it NLTK, whose downloads are then refused
        with warnings.catch_warnings(), self._world.entered():
            warnings.simplefilter("ignore")
            try:
                return self._build() if self._build else _make(self._id, self._options)
            except LookupError as error:
                raise ConfigError(_lacks_data(self._id, error)) from error
            except SyntaxError as error:
                raise ConfigError(
                    f"TextArena game {self._id!r} is no valid Python here ({error.msg}): "
                    "choose another game"
                ) from error
            except (ImportError, OSError) as error:
                raise ConfigError(
                    f"TextArena game {self._id!r} is incomplete as installed "
                    f"({type(error).__name__}): choose another game"
                ) from error
            except (TypeError, ValueError, AssertionError) as error:
                raise ConfigError(
                    f"TextArena game {self._id!r} does not take the options {self._options!r}: "
                    f"{error}"
                ) from error


def registry() -> Mapping[str, Any]:
    """TextArena's ids and what each of them makes.

    Raises:
        ConfigError: TextArena is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            specs: Mapping[str, Any] = import_module("textarena.envs.registration").ENV_REGISTRY
        except ImportError as error:
            raise ConfigError(
                f"TextArena cannot be imported ({error}): run `pip install textarena`"
            ) from error
    return specs


def _make(game_id: str, options: Mapping[str, Any]) -> Any:
    """The game of an id without any wrapper, as `textarena.make(game_id + "-raw")` makes it."""
    spec = registry()[game_id]
    module_name, _, class_name = spec.entry_point.partition(":")
    make = getattr(import_module(module_name), class_name)
    return make(**{**spec.kwargs, **options})


@cache
def _imports_numpy(game: type) -> bool:
    """Whether a module of the game's package holds numpy: only then can it draw from there."""
    package = game.__module__.rpartition(".")[0] or game.__module__
    return any(
        np in vars(module).values()
        for name, module in list(sys.modules.items())
        if name == game.__module__ or name.startswith(f"{package}.")
    )


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float | np.number) and bool(isfinite(value))


def _adds_brackets(game_id: str) -> bool:
    wrappers = registry()[game_id].default_wrappers or []
    return any(wrapper.__name__ == "ActionFormattingWrapper" for wrapper in wrappers)


def _lacks_data(game_id: str, error: LookupError) -> str:
    if isinstance(error, KeyError | IndexError):
        return f"TextArena game {game_id!r} cannot be made: {type(error).__name__}: {error}"
    return (
        f"TextArena game {game_id!r} needs NLTK data that is not installed: "
        f"run `{INSTALL_NLTK}` once"
    )
