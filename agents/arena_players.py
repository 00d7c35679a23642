"""Baselines of TextArena's games.

random              a move of `opponents.candidate_moves`: any legal one where the game lists them
random-consistent   the same: nothing is hidden that a move could contradict
greedy              a move that wins at once where there is one, else any (TicTacToe, Nim)
solver              a player that makes no mistake, in the games that have one (TicTacToe, Nim)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.game_players import Begin, GamePlayers, NextMove
from wordle_rl.envs.opponents import opponent_by_rule

OPPONENT_OF = {
    "random": "random",
    "random-consistent": "random",
    "greedy": "greedy",
    "solver": "perfect",
}
"""Baseline -> the opponent that plays like it."""


def _player(name: str) -> Begin:
    """A player that answers as the opponent of a name does."""

    def begin(opening: Opening) -> NextMove:
        opponent = opponent_by_rule(name, opening.public["game"])
        spelled = speller(opening.public)
        rng = np.random.default_rng(opening.seed)
        heard = ""

        def move(view: View) -> str:
            nonlocal heard
            heard = f"{heard}{view.observation}\n"
            return spelled(opponent(heard, rng))

        return move

    return begin


def speller(public: Mapping[str, Any]) -> Callable[[str], str]:
    """What turns an opponent's move into an answer to the game of these rules."""
    return _bare if public["adds_brackets"] else str


def _bare(move: str) -> str:
    """A move without its brackets, where the game puts them there again.

    >>> _bare("[4]"), _bare("[0 1][1 1]")
    ('4', '[0 1][1 1]')
    """
    inside = move[1:-1]
    return inside if move == f"[{inside}]" and not set(inside) & set("[]") else move


def _is_legal(public: Mapping[str, Any], opener: str) -> bool:
    """The rules do not list the first moves, so nothing is refused before the game does."""
    del public
    return bool(opener)


ARENA_PLAYERS = GamePlayers(
    players={baseline: _player(opponent) for baseline, opponent in OPPONENT_OF.items()},
    is_legal=_is_legal,
)
