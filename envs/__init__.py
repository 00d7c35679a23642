"""The games: Gymnasium environments that speak text. Importing this package registers them.

`GAMES` is the table of what there is. Entry points are strings, so no game is imported before it is
made, and registering twice does nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium

from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name

__all__ = ["GAMES", "Game", "make_env", "register_games", "resolve_env_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """One registered environment."""

    env_id: str
    entry_point: str
    summary: str
    """One line for `wordle-rl envs`."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)


GAMES: dict[str, Game] = {
    "wordle": Game(
        env_id="wordle-rl/Wordle-v0",
        entry_point="wordle_rl.envs.wordle:WordleEnv",
        summary="find a secret word from coloured feedback",
    ),
    "wordle-hard": Game(
        env_id="wordle-rl/WordleHard-v0",
        entry_point="wordle_rl.envs.wordle:WordleEnv",
        summary="Wordle in hard mode: hints that were found must be used",
        kwargs={"hard_mode": True},
    ),
}
"""Short name -> game."""


def register_games() -> None:
    """Register every game with Gymnasium; one that is registered already is left alone."""
    for game in GAMES.values():
        if game.env_id not in gymnasium.registry:
            gymnasium.register(game.env_id, game.entry_point, kwargs=dict(game.kwargs))


def resolve_env_id(name: str) -> str:
    """The Gymnasium id of a short name or of an id.

    Raises:
        ConfigError: there is no such game; the message names the nearest.

    >>> resolve_env_id("wordle"), resolve_env_id("wordle-rl/WordleHard-v0")
    ('wordle-rl/Wordle-v0', 'wordle-rl/WordleHard-v0')
    """
    if name in GAMES:
        return GAMES[name].env_id
    if name in gymnasium.registry:
        return name
    own = [game.env_id for game in GAMES.values()]
    raise unknown_name("game", name, [*GAMES, *own])


def make_env(env_id: str, **options: Any) -> TextEnv:
    """Make a game, without the per-step checks that `gymnasium.make` wraps around it.

    Args:
        env_id: a short name (`wordle`), a Gymnasium id (`wordle-rl/Wordle-v0`), or a user's own
            `package.module:Class`.
        options: arguments of the game, for example `style="compact"`.

    Raises:
        ConfigError: no such game, no such option, or what was named is not a `TextEnv`.
    """
    env = _make_plugin(env_id, options) if is_plugin(env_id) else _make(env_id, options)
    if not isinstance(env, TextEnv):
        raise ConfigError(f"game {env_id!r} is a {type(env).__name__}: it must be a TextEnv")
    return env


def _make(name: str, options: Mapping[str, Any]) -> object:
    env_id = resolve_env_id(name)
    creator = gymnasium.spec(env_id).entry_point
    if isinstance(creator, str):
        creator = load_plugin("game", creator)
    _check_options(name, creator, options)
    return gymnasium.make(env_id, disable_env_checker=True, **options).unwrapped


def _make_plugin(name: str, options: Mapping[str, Any]) -> object:
    creator = load_plugin("game", name)
    if not callable(creator):
        raise ConfigError(f"game {name!r} is a {type(creator).__name__}: name a TextEnv class")
    _check_options(name, creator, options)
    return creator(**options)


def _check_options(name: str, creator: Any, options: Mapping[str, Any]) -> None:
    """Raise for an option that the game does not have, with the nearest that it has."""
    parameters = inspect.signature(creator).parameters.values()
    known = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    if len(known) < len(parameters):
        return
    for option in options:
        if option not in known:
            raise unknown_name(f"option of game {name!r}:", option, known)


register_games()
