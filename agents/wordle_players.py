"""Wordle's baselines.

    random              any legal word
    random-consistent   any answer that fits all feedback so far
    greedy-patterns     the word with the most different answers it can get
    greedy-entropy      the word whose answer is worth the most bits
    solver              the decision tree that ships for the lists; for other lists, and off the
                        tree, greedy-patterns after the opener that suits it best

In hard mode all of them keep to its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.game_players import Begin, GamePlayers, NextMove
from wordle_rl.agents.solver import (
    Criterion,
    Planner,
    Words,
    by_entropy,
    by_patterns,
    planner_for,
)
from wordle_rl.agents.word_tree import packaged_tree

SOLVER_OPENER = "slate"
"""Of the twenty openers with the most patterns the best for `greedy-patterns` on our answers: a
mean of 3.404 guesses, against 3.409 after its own choice (trace)."""


@dataclass(slots=True)
class Board:
    """What a baseline knows of one running game."""

    planner: Planner
    hard_mode: bool
    rng: np.random.Generator
    history: list[tuple[str, str]] = field(default_factory=list)

    def read(self, info: Mapping[str, Any]) -> None:
        """Take in the answer to the last guess; a refused one has no feedback."""
        if info.get("feedback"):
            self.history.append((info["guess"], info["feedback"]))

    def allowed(self) -> Words | None:
        """The words the rules allow now; None for all of them."""
        if not self.hard_mode or not self.history:
            return None
        return self.planner.hard_mode_guesses(self.history)

    def pick(self, words: Sequence[str]) -> str:
        """One of `words`, each with equal chance."""
        return words[int(self.rng.integers(len(words)))]


Strategy = Callable[[Board], str]
"""Board -> the next word."""


def play_random(board: Board) -> str:
    """Any legal word."""
    allowed, guesses = board.allowed(), board.planner.guesses
    return board.pick(guesses if allowed is None else [guesses[i] for i in allowed])


def play_random_consistent(board: Board) -> str:
    """Any answer that fits; where the secret is no answer, any playable word that fits."""
    planner = board.planner
    left = planner.candidates(board.history)
    if len(left):
        return planner.answers[int(left[board.rng.integers(len(left))])]
    return board.pick(planner.fitting_guesses(board.history))


def play_greedy_patterns(board: Board) -> str:
    """The word with the most different answers."""
    return _play_best(board, by_patterns)


def play_greedy_entropy(board: Board) -> str:
    """The word whose answer has the most bits."""
    return _play_best(board, by_entropy)


def play_solver(board: Board) -> str:
    """The tree that ships for these lists; where it has nothing to say, greedy by patterns."""
    planner, hard_mode = board.planner, board.hard_mode
    tree = packaged_tree(planner.answers, planner.guesses, hard_mode=hard_mode)
    planned = tree and tree.next_guess(board.history)
    if planned:
        return planned
    if not board.history and SOLVER_OPENER in planner.row_of:
        return SOLVER_OPENER
    return play_greedy_patterns(board)


def _play_best(board: Board, criterion: Criterion) -> str:
    left = board.planner.candidates(board.history)
    if not len(left):
        return board.planner.fitting_guesses(board.history)[0]
    return board.planner.best_guess(left, criterion, board.allowed())


def _player(strategy: Strategy) -> Begin:
    def begin(opening: Opening) -> NextMove:
        board = board_of(opening)

        def move(view: View) -> str:
            board.read(view.info)
            return strategy(board)

        return move

    return begin


def board_of(opening: Opening) -> Board:
    """What a player knows of a game that has just begun."""
    public = opening.public
    return Board(
        planner=_planner(public),
        hard_mode=bool(public.get("hard_mode", False)),
        rng=np.random.default_rng(opening.seed),
    )


def _planner(public: Mapping[str, Any]) -> Planner:
    return planner_for(tuple(public["guesses"]), tuple(public["answers"]))


WORDLE_PLAYERS = GamePlayers(
    players={
        "random": _player(play_random),
        "random-consistent": _player(play_random_consistent),
        "greedy-patterns": _player(play_greedy_patterns),
        "greedy-entropy": _player(play_greedy_entropy),
        "solver": _player(play_solver),
    },
    is_legal=lambda public, word: word in _planner(public).row_of,
)
