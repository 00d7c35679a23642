"""The games: Gymnasium environments that speak text. Importing this package registers them.

`GAMES` is the table of what there is. Entry points are strings, so no game is imported before it is
made, and registering twice does nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import gymnasium

from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.composed_rewards import ComposedRewards, Rewards
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name

__all__ = [
    "GAMES",
    "Game",
    "make_env",
    "options_of",
    "register_games",
    "resolve_env_id",
    "supported",
]


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
    "textarena": Game(
        env_id="wordle-rl/TextArena-v0",
        entry_point="wordle_rl.envs.text_arena:TextArenaEnv",
        summary="any offline game of TextArena for one or two: textarena:TicTacToe-v0",
        kwargs={"game": "GuessTheNumber-v0"},
    ),
    "textarena-wordle": Game(
        env_id="wordle-rl/TextArenaWordle-v0",
        entry_point="wordle_rl.envs.text_arena_wordle:TextArenaWordleEnv",
        summary="Wordle with TextArena's prompt and rules, on our words",
    ),
    "guess-number": Game(
        env_id="wordle-rl/GuessNumber-v0",
        entry_point="wordle_rl.envs.guess_number:GuessNumberEnv",
        summary="find a secret number by being told higher or lower",
    ),
    "mastermind": Game(
        env_id="wordle-rl/Mastermind-v0",
        entry_point="wordle_rl.envs.mastermind:MastermindEnv",
        summary="find a secret code from black and white pegs",
    ),
    "hangman": Game(
        env_id="wordle-rl/Hangman-v0",
        entry_point="wordle_rl.envs.hangman:HangmanEnv",
        summary="find a secret word letter by letter",
    ),
    "math": Game(
        env_id="wordle-rl/MathQA-v0",
        entry_point="wordle_rl.envs.math_qa:MathQAEnv",
        summary="answer a question with an exact number",
    ),
}
"""Short name -> game."""
ARENA_PREFIX = "textarena:"
"""`textarena:Sokoban-v0` is the game `textarena` with the option `game="Sokoban-v0"`."""


def register_games() -> None:
    """Register every game with Gymnasium; one that is registered already is left alone."""
    for game in GAMES.values():
        if game.env_id not in gymnasium.registry:
            gymnasium.register(
                game.env_id,
                game.entry_point,
                kwargs=dict(game.kwargs),
                order_enforce=False,  # a TextEnv refuses a step out of order itself
                disable_env_checker=True,  # the tests run `check_env` on every game
            )


def resolve_env_id(name: str) -> str:
    """The Gymnasium id of a short name or of an id.

    Raises:
        ConfigError: there is no such game; the message names the nearest.

    >>> resolve_env_id("wordle"), resolve_env_id("wordle-rl/WordleHard-v0")
    ('wordle-rl/Wordle-v0', 'wordle-rl/WordleHard-v0')
    """
    if name.startswith(ARENA_PREFIX):
        name = "textarena"
    if name in GAMES:
        return GAMES[name].env_id
    if name in gymnasium.registry:
        return name
    own = [game.env_id for game in GAMES.values()]
    raise unknown_name("game", name, [*GAMES, *own])


def make_env(env_id: str, *, rewards: Rewards | None = None, **options: Any) -> TextEnv:
    """Make a game, without the per-step checks that `gymnasium.make` wraps around it.

    Args:
        env_id: a short name (`wordle`, `textarena:Sokoban-v0`), a Gymnasium id
            (`wordle-rl/Wordle-v0`), or a user's own `package.module:Class`.
        rewards: functions to sum in place of the game's own reward, with their weights, for
            example `{"correct": 1.0, "format": 0.1}`; see `reward_functions`.
        options: arguments of the game, for example `style="compact"`.

    Raises:
        ConfigError: no such game, option or reward function, or what was named is no `TextEnv`.
    """
    if env_id.startswith(ARENA_PREFIX):
        game = env_id.removeprefix(ARENA_PREFIX)
        if options.setdefault("game", game) != game:
            raise ConfigError(f"option game {options['game']!r}: leave it out, {env_id!r} says it")
        env_id = "textarena"
    _check_options(env_id, options)
    if is_plugin(env_id):
        env = _creator(env_id)(**options)
    else:
        env = _made(resolve_env_id(env_id), options)
    if not isinstance(env, TextEnv):
        raise ConfigError(f"game {env_id!r} is a {type(env).__name__}: it must be a TextEnv")
    return ComposedRewards(env, rewards) if rewards else env


def _made(env_id: str, options: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    """A registered game; what its options are that it cannot use is one line."""
    try:
        return gymnasium.make(env_id, disable_env_checker=True, **options).unwrapped
    except ConfigError:
        raise
    except (AttributeError, TypeError, ValueError) as error:
        if not options:
            raise
        given = ", ".join(f"{key}={value!r}" for key, value in options.items())
        reason = str(error).partition(" was raised from the environment creator")[0]
        raise ConfigError(f"game {env_id!r} does not take {given}: {reason}") from error


def options_of(env_id: str) -> dict[str, Any] | None:
    """The arguments that a game takes, with their defaults; None where it takes any.

    Raises:
        ConfigError: there is no such game.

    >>> (options_of("wordle") or {})["max_guesses"]
    6
    """
    parameters = _parameters(_creator(env_id))
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    preset = {} if is_plugin(env_id) else gymnasium.spec(resolve_env_id(env_id)).kwargs
    return {p.name: preset.get(p.name, p.default) for p in parameters}


def supported(env_id: str, **options: Any) -> dict[str, Any]:
    """Those of some options that a game takes: one of one's own needs no styles or splits.

    >>> supported("textarena", style="compact", split="train")
    {'style': 'compact'}
    """
    known = options_of(env_id)
    return {k: v for k, v in options.items() if known is None or k in known}


@cache
def _parameters(creator: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    """What is to be known for every game of a step, and costs as much as making one."""
    return tuple(inspect.signature(creator).parameters.values())


def _creator(name: str) -> Callable[..., Any]:
    """What makes a game: its class, or a function."""
    spec = name if is_plugin(name) else gymnasium.spec(resolve_env_id(name)).entry_point
    creator = load_plugin("game", spec) if isinstance(spec, str) else spec
    if not callable(creator):
        raise ConfigError(f"game {name!r} is a {type(creator).__name__}: name a TextEnv class")
    return creator


def _check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise for an option that the game does not have, with the nearest that it has.

    What is a flag by default has to be one: any text would do for true.
    """
    known = options_of(name)
    for option, value in options.items():
        if known is not None and option not in known:
            raise unknown_name(f"option of game {name!r}:", option, known)
        if known is not None and isinstance(known[option], bool) and not isinstance(value, bool):
            raise ConfigError(f"option {option} of game {name!r} is {value!r}: write true or false")


register_games()
