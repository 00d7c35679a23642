"""A game whose reward is a weighted sum of named functions in place of its own.

In: a game and a table of functions with weights and parameters, as `env.rewards` holds it. Out: a
`TextEnv` that plays like the game, with `info["reward_parts"]` naming what every function paid.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from typing import Any, cast

from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.envs.reward_functions import (
    BLANK,
    REWARD_FUNCTIONS,
    RewardFunction,
    TurnOutcome,
    is_averaged,
    keys_read,
)
from wordle_rl.errors import ConfigError, unknown_name

Rewards = Mapping[str, float | Mapping[str, Any]]
"""Name of a function -> its weight, or a table of `weight` and the function's parameters."""
BITS: Mapping[str, float] = dict.fromkeys(
    ("information_gain", "expected_information", "guaranteed_information"), 10.0
)
"""Functions that pay bits, and how many a game has to tell: those of a thousand secrets."""
WHOLE: Mapping[str, float] = {"gamma": 1.0, "max_bits": inf}
"""Parameters of `information_gain` under which a game's bits do not depend on how it was played."""
BUDGETS = ("max_guesses", "max_attempts", "lives")
"""How the rules of a game (`public()`) call the number of answers that it allows."""
UNKNOWN_BUDGET = 10
"""Answers over which a function is averaged where the rules do not say."""
COUNTING = " (set env.options.track_candidates = true)"
HINTS: Mapping[str, str] = dict.fromkeys(
    ("candidates_left", "expected_bits", "guaranteed_bits", "win_chance"), COUNTING
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardTerm:
    """One summand of a composed reward."""

    name: str
    weight: float
    function: RewardFunction
    averaged: bool
    """Whether a game's total is the mean over the answers it allows, not their sum."""
    reads: tuple[str, ...]
    """Keys that the game's info must have."""
    parameters: Mapping[str, Any]
    """What the table sets of the function's own."""

    @property
    def keeps_order(self) -> bool:
        """Whether it is known to give no lost game more than a won one."""
        if self.name == "partial_credit":  # a win has all of it
            return self.weight >= 0
        if self.name == "information_gain":  # every ended game has the same
            return {**WHOLE, **self.parameters} == WHOLE
        return self.name in ("correct", "game")

    def check(self, info: Mapping[str, Any]) -> None:
        """Refuse a game that does not tell what the function reads.

        Raises:
            ConfigError: a key is missing in the game's opening info.
        """
        if missing := [key for key in self.reads if key not in info]:
            hint = HINTS.get(missing[0], "")
            raise ConfigError(
                f"reward function {self.name!r} reads info[{missing[0]!r}], which this game does "
                f"not tell{hint}"
            )

    def value(self, outcome: TurnOutcome) -> float:
        """What the function says of a turn, without the weight.

        Raises:
            ConfigError: it is not a finite number.
        """
        value = self.function(outcome)
        if not isinstance(value, int | float) or not isfinite(value):
            raise ConfigError(
                f"reward function {self.name!r} returned {value!r}: it must be a finite number"
            )
        return float(value)


class ComposedRewards(TextEnv):
    """A game with a reward of its user's making.

    Everything but the reward is the game's: observations, info, the end, the picture, `public()`,
    the opponent's record, and what is drawn from a seed. `game` is the game itself, for its own
    attributes.

    Args:
        game: a game that is not played elsewhere; from now on this object draws it.
        rewards: what is summed (`resolve_rewards`).

    Raises:
        ConfigError: a name, weight or parameter is wrong, or a function needs what the game does
            not tell.
    """

    def __init__(self, game: TextEnv, rewards: Rewards) -> None:
        super().__init__(render_mode=game.render_mode)
        game.render_mode = None
        self.game = game
        self.observation_space, self.action_space = game.observation_space, game.action_space
        self._terms = resolve_rewards(rewards)
        if any(term.reads for term in self._terms):
            _, opening = game.reset(seed=0)
            for term in self._terms:
                term.check(opening)
        rules = game.public()
        self._allowed = next((int(rules[k]) for k in BUDGETS if k in rules), UNKNOWN_BUDGET)
        self._clear([])

    def public(self) -> Mapping[str, Any]:
        """What the game tells anyone."""
        return self.game.public()

    def opponent_record(self) -> Sequence[tuple[str, str]]:
        """The other side of the game, where it has one."""
        return self.game.opponent_record()

    def _clear(self, infos: Sequence[Mapping[str, Any]]) -> None:
        self._infos = list(infos)
        self._faults = dict.fromkeys((term.name for term in self._terms), 0.0)

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.game._draws = self._draws
        observation, info = self.game.reset(options=options)
        self._clear([info])
        return observation, info

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        seen = self._observation
        observation, reward, terminated, truncated, info = self.game.step(action)
        outcome = TurnOutcome(
            action=action,
            observation=seen,
            next_observation=observation,
            info=info,
            earlier=tuple(self._infos),
            game_reward=reward,
            game_parts=dict(info.get("reward_parts", {})),
            turn=len(self._infos),
            ended=terminated or truncated,
        )
        parts = {term.name: term.weight * self._earned(term, outcome) for term in self._terms}
        self._infos.append(info)
        return observation, float(sum(parts.values())), terminated, {**info, "reward_parts": parts}

    def _earned(self, term: RewardTerm, outcome: TurnOutcome) -> float:
        """What a function says of a turn, or by how much that changes its mean over the game.

        A game starts faultless, and an answer takes its share away: never less than 0 in all.
        """
        value = term.value(outcome)
        if not term.averaged:
            return value
        faultless = float(term.weight > 0)
        fault = max(0.0, 1 - value if faultless else value) / self._allowed
        before = self._faults[term.name]
        self._faults[term.name] = min(1.0, before + fault)
        change = self._faults[term.name] - before
        at_start = faultless if outcome.turn == 1 else 0.0
        return at_start - change if faultless else change

    def _picture(self, *, whole: bool, colour: bool) -> str:
        return self.game._picture(whole=whole, colour=colour)


def resolve_rewards(rewards: Rewards) -> tuple[RewardTerm, ...]:
    """The summands that a table describes.

    Raises:
        ConfigError: the table is empty, or a name, weight or parameter in it is wrong.

    >>> [(term.name, term.weight) for term in resolve_rewards({"correct": 1, "format": 0.1})]
    [('correct', 1.0), ('format', 0.1)]
    """
    if not rewards:
        raise ConfigError("a composed reward needs at least one function, for example correct = 1")
    return tuple(_term(name, spec) for name, spec in rewards.items())


def scale_warning(rewards: Rewards) -> str | None:
    """A warning where a lost game can earn as much as a won one, as far as weights tell.

    A function is taken to be worth 0 to 1 a game, nothing if it `keeps_order`, and of `BITS` more.

    >>> scale_warning({"correct": 1.0, "format": 0.2, "length": -0.1})
    >>> scale_warning({"correct": 1.0, "format": 0.8, "length": -0.4})
    'reward scale: a win weighs 1, what a lost game can have too 1.2 (format, length)'
    """
    terms = resolve_rewards(rewards) if rewards else ()
    win = sum(term.weight for term in terms if term.name in ("correct", "game"))
    others = [term for term in terms if not term.keeps_order]
    rest = sum(abs(term.weight) * BITS.get(term.name, 1.0) for term in others)
    if rest < win or not others:
        return None
    names = ", ".join(term.name for term in others)
    return f"reward scale: a win weighs {win:g}, what a lost game can have too {rest:g} ({names})"


def _term(name: str, spec: float | Mapping[str, Any]) -> RewardTerm:
    parameters = dict(spec) if isinstance(spec, Mapping) else {"weight": spec}
    weight = parameters.pop("weight", None)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not isfinite(weight):
        raise ConfigError(f"reward function {name!r} needs a number as weight, not {weight!r}")
    function = _find(name)
    bound = _with_parameters(name, function, parameters) if parameters else function
    return RewardTerm(
        name=name,
        weight=float(weight),
        function=bound,
        averaged=is_averaged(function),
        reads=keys_read(function),
        parameters=parameters,
    )


def _find(name: str) -> Callable[..., float]:
    if name in REWARD_FUNCTIONS:
        return REWARD_FUNCTIONS[name]
    if not is_plugin(name):
        raise unknown_name("reward function", name, REWARD_FUNCTIONS)
    function = load_plugin("reward function", name)
    if not callable(function):
        raise ConfigError(f"reward function {name!r} is a {type(function).__name__}")
    return cast("Callable[..., float]", function)


def _with_parameters(
    name: str, function: Callable[..., float], parameters: Mapping[str, Any]
) -> RewardFunction:
    """Bind parameters; a built-in function is tried at once, so that a wrong value shows now."""
    _, *known = inspect.signature(function).parameters
    for parameter in parameters:
        if parameter not in known:
            raise unknown_name(f"parameter of reward function {name!r}:", parameter, known)
    bound = partial(function, **parameters)
    if name in REWARD_FUNCTIONS:
        try:
            bound(BLANK)
        except TypeError:
            given = ", ".join(f"{key} = {value!r}" for key, value in parameters.items())
            raise ConfigError(f"reward function {name!r} cannot take {given}") from None
    return bound
