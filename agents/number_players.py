"""Number guessing's baselines.

random              any number of the range
random-consistent   any number that is still possible
solver              the middle of what is possible: binary search, which is optimal
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.game_players import Begin, GamePlayers, NextMove
from wordle_rl.envs.guess_number import Interval, read_number


@dataclass(slots=True)
class Board:
    """What a baseline knows of one running game."""

    everything: Interval
    possible: Interval
    rng: np.random.Generator

    def read(self, info: Mapping[str, Any]) -> None:
        """Take in the hint to the last guess; a refused one has none."""
        if info.get("feedback"):
            self.possible = self.possible.narrow(int(info["guess"]), info["feedback"])

    def pick(self, interval: Interval) -> int:
        """One number of an interval, each with equal chance."""
        return int(self.rng.integers(*interval, endpoint=True))


Strategy = Callable[[Board], int]
"""Board -> the next number."""


def play_random(board: Board) -> int:
    """Any number of the range."""
    return board.pick(board.everything)


def play_random_consistent(board: Board) -> int:
    """Any number that fits all hints."""
    return board.pick(board.possible)


def play_solver(board: Board) -> int:
    """The middle; of two middles the lower."""
    return (board.possible.low + board.possible.high) // 2


def _player(strategy: Strategy) -> Begin:
    def begin(opening: Opening) -> NextMove:
        everything = _range(opening.public)
        board = Board(everything, everything, np.random.default_rng(opening.seed))

        def move(view: View) -> str:
            board.read(view.info)
            return str(strategy(board))

        return move

    return begin


def _range(public: Mapping[str, Any]) -> Interval:
    return Interval(public["lo"], public["hi"])


def _is_legal(public: Mapping[str, Any], opener: str) -> bool:
    number = read_number(opener)
    return number is not None and _range(public).holds(number)


NUMBER_PLAYERS = GamePlayers(
    players={
        "random": _player(play_random),
        "random-consistent": _player(play_random_consistent),
        "solver": _player(play_solver),
    },
    is_legal=_is_legal,
)
