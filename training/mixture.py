"""Several games in one run: `wordle,guess-number,math`, or with shares `wordle=4,math=1`.

A mixture is a tuple of games with the share of the tasks that each gets. One game is a mixture too.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from wordle_rl.errors import ConfigError, unknown_name


@dataclass(frozen=True, slots=True, kw_only=True)
class MixedGame:
    """One game of a mixture."""

    env_id: str
    share: float
    """Of the tasks; the shares of a mixture sum to 1."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the game."""


def mixture(text: str, options: Mapping[str, Any]) -> tuple[MixedGame, ...]:
    """Read games, separated by commas, each with its weight after `=` (1 by default).

    Args:
        text: for example `wordle`, or `wordle=4,guess-number,math`.
        options: arguments of the one game; of a mixture, a table of arguments for each game, or
            several that share its tasks equally.

    Raises:
        ConfigError: an entry is empty, twice there or has no positive weight, or options are those
            of another game.

    >>> [(game.env_id, game.share) for game in mixture("wordle=3,math", {})]
    [('wordle', 0.75), ('math', 0.25)]
    """
    weights: dict[str, float] = {}
    for entry in text.split(","):
        name, _, weight = (part.strip() for part in entry.partition("="))
        if not name or name in weights:
            raise ConfigError(f"games {text!r}: {name!r} is {'twice there' if name else 'no name'}")
        weights[name] = _weight(text, weight or "1")
    total = sum(weights.values())
    if len(weights) == 1:
        return (MixedGame(env_id=next(iter(weights)), share=1.0, options=options),)
    for name in options:
        if name not in weights:
            raise unknown_name("game in the options:", name, weights)
    variants = {name: _tables(name, options.get(name, {})) for name in weights}
    return tuple(
        MixedGame(env_id=name, share=weight / total / len(variants[name]), options=values)
        for name, weight in weights.items()
        for values in variants[name]
    )


def allot(games: Sequence[MixedGame], count: int) -> list[MixedGame]:
    """The game of each of `count` tasks, in proportion to the shares.

    >>> [game.env_id for game in allot(mixture("wordle=3,math", {}), 4)]
    ['wordle', 'wordle', 'wordle', 'math']
    """
    ends = list(accumulate(game.share for game in games))
    places = [bisect_right(ends, (task + 0.5) / count) for task in range(count)]
    return [games[min(place, len(games) - 1)] for place in places]


def _tables(name: str, values: Any) -> Sequence[Mapping[str, Any]]:
    tables: Sequence[Any] = values if isinstance(values, list) and values else [values]
    for table in tables:
        if not isinstance(table, Mapping):
            raise ConfigError(f"options of {name!r} are {values!r}: give tables of arguments")
    return tables


def _weight(text: str, weight: str) -> float:
    try:
        value = float(weight)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ConfigError(f"games {text!r}: weight {weight!r} is not a positive number")
    return value
