"""What number guessing's random player would have said: soft targets for its games.

    games of `random-consistent` -> for each turn, P(next digit), as in `symbols`

The player draws one of the numbers that are still possible, each with equal chance, so what it may
say next is known exactly; imitating that has the same gradient in expectation without the noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wordle_rl.envs.guess_number import Interval
from wordle_rl.records import Episode
from wordle_rl.training.symbols import Codes, Probabilities, encode_answers, next_symbols

MOST_NUMBERS = 10_000
"""A range of more has no soft targets: there is a weight for each number on every turn."""


def number_targets(games: Sequence[Episode], everything: Interval) -> list[list[Probabilities]]:
    """For each game and turn, [digits + 1, A]: how likely each symbol was.

    Args:
        games: whole games of `random-consistent`, none begun half-way.
        everything: the numbers of the game; at most `MOST_NUMBERS`.
    """
    possible = np.array([interval for game in games for interval in _intervals(game, everything)])
    guesses = [int(turn.info["guess"]) for game in games for turn in game.turns]
    numbers = np.arange(everything.low, everything.high + 1)
    codes: Codes = encode_answers([str(number) for number in numbers])
    low, high = possible[:, :1], possible[:, 1:]
    weights = ((numbers >= low) & (numbers <= high)).astype(np.float32)  # [N, W]
    probs = iter(next_symbols(weights, codes[np.array(guesses) - everything.low], codes))
    return [[next(probs)[: len(turn.info["guess"]) + 1] for turn in game.turns] for game in games]


def _intervals(game: Episode, everything: Interval) -> list[Interval]:
    """What was possible before each turn."""
    found, possible = [], everything
    for turn in game.turns:
        found.append(possible)
        possible = possible.narrow(int(turn.info["guess"]), turn.info["feedback"])
    return found
