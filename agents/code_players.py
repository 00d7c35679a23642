"""Mastermind's baselines.

random              any code
random-consistent   any code that fits all pegs so far
greedy-patterns     the code with the most different answers it can get ("most parts")
greedy-entropy      the code whose answer is worth the most bits
solver              a beam search to the end of the game
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.beam import BeamSearch, Position
from wordle_rl.agents.game_players import Begin, GamePlayers, NextMove
from wordle_rl.agents.solver import (
    MASTERMIND,
    Planner,
    Words,
    by_entropy,
    by_patterns,
)
from wordle_rl.envs.pegs import Codes, all_codes


@dataclass(slots=True)
class Board:
    """What a baseline knows of one running game."""

    planner: Planner
    beam: BeamSearch
    rng: np.random.Generator
    history: list[tuple[str, str]] = field(default_factory=list)

    def read(self, info: Mapping[str, Any]) -> None:
        """Take in the answer to the last guess; a refused one has none."""
        if info.get("feedback"):
            self.history.append((info["guess"], info["feedback"]))

    def left(self) -> Words:
        """The codes that fit, as positions in the planner's lists."""
        return self.planner.candidates(self.history)


Strategy = Callable[[Board], str]
"""Board -> the next code."""


def play_random(board: Board) -> str:
    """Any code."""
    codes = board.planner.guesses
    return codes[int(board.rng.integers(len(codes)))]


def play_random_consistent(board: Board) -> str:
    """Any code that fits."""
    return board.planner.answers[int(board.rng.choice(board.left()))]


def play_greedy_patterns(board: Board) -> str:
    """The code with the most different answers."""
    return board.planner.best_guess(board.left(), by_patterns)


def play_greedy_entropy(board: Board) -> str:
    """The code whose answer has the most bits."""
    return board.planner.best_guess(board.left(), by_entropy)


def play_solver(board: Board) -> str:
    """The first guess of the shortest tree that the beam finds."""
    return board.beam.best_guess(Position(board.left()))


def _player(strategy: Strategy) -> Begin:
    def begin(opening: Opening) -> NextMove:
        planner, beam = _planning(_codes(opening.public))
        board = Board(planner, beam, np.random.default_rng(opening.seed))

        def move(view: View) -> str:
            board.read(view.info)
            return strategy(board)

        return move

    return begin


@lru_cache(maxsize=8)
def _planning(codes: Codes) -> tuple[Planner, BeamSearch]:
    planner = Planner(codes, codes, MASTERMIND)
    return planner, BeamSearch(planner)


def _codes(public: Mapping[str, Any]) -> Codes:
    return all_codes(public["length"], public["colours"], public["duplicates"])


CODE_PLAYERS = GamePlayers(
    players={
        "random": _player(play_random),
        "random-consistent": _player(play_random_consistent),
        "greedy-patterns": _player(play_greedy_patterns),
        "greedy-entropy": _player(play_greedy_entropy),
        "solver": _player(play_solver),
    },
    is_legal=lambda public, code: code in _planning(_codes(public))[0].row_of,
)
