"""Players without a model, for every table: what chance, logic and planning reach.

    random              any legal word
    random-consistent   any answer that fits all feedback so far
    greedy-patterns     the word with the most different answers it can get
    greedy-entropy      the word whose answer is worth the most bits

Each plays through the same `Agent` protocol as a language model and sees no more than it does:
the rules and lists of `Opening.public`, and the feedback in `View.info`. A baseline reads no
temperature; its chance comes from `Opening.seed` alone. `greedy-patterns:salet` always opens with
SALET. In hard mode all of them keep to its rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.solver import (
    Criterion,
    Planner,
    Words,
    by_entropy,
    by_patterns,
    planner_for,
)
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError, unknown_name


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


def _play_best(board: Board, criterion: Criterion) -> str:
    left = board.planner.candidates(board.history)
    if not len(left):
        return board.planner.fitting_guesses(board.history)[0]
    return board.planner.best_guess(left, criterion, board.allowed())


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An agent that plays by a strategy.

    Args:
        name: the name shown in reports.
        strategy: how the next word is found.
        opener: the first word of every game; by default the strategy's own.
    """

    name: str
    strategy: Strategy
    opener: str | None = None
    style: Style = "compact"

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> BaselinePlayer:
        """Start games; a baseline plays the same at every temperature.

        Raises:
            ConfigError: the opener cannot be played in one of the games.
        """
        boards = [_board(opening) for opening in openings]
        for planner in {id(board.planner): board.planner for board in boards}.values():
            if self.opener is not None and self.opener not in planner.row_of:
                raise ConfigError(f"opener {self.opener!r} is not a legal word of this game")
        return BaselinePlayer(self.strategy, self.opener, boards)


def _board(opening: Opening) -> Board:
    public = opening.public
    return Board(
        planner=planner_for(tuple(public["guesses"]), tuple(public["answers"])),
        hard_mode=bool(public.get("hard_mode", False)),
        rng=np.random.default_rng(opening.seed),
    )


class BaselinePlayer:
    """The running games of one baseline."""

    def __init__(self, strategy: Strategy, opener: str | None, boards: Sequence[Board]) -> None:
        self._strategy = strategy
        self._opener = opener
        self._boards = boards

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Answer every game in `views`."""
        return {game: Move(action=self._next(game, view)) for game, view in views.items()}

    def _next(self, game: int, view: View) -> str:
        board = self._boards[game]
        board.read(view.info)
        if self._opener is not None and not board.history:
            return self._opener
        return self._strategy(board)


BASELINES: dict[str, Strategy] = {
    "random": play_random,
    "random-consistent": play_random_consistent,
    "greedy-patterns": play_greedy_patterns,
    "greedy-entropy": play_greedy_entropy,
}
"""Name -> strategy."""


def load_baseline(name: str) -> Baseline:
    """The baseline of a name such as `random` or, with an opener, `greedy-patterns:salet`.

    Raises:
        ConfigError: there is no such baseline.

    >>> load_baseline("greedy-patterns:salet").opener
    'salet'
    """
    base, _, opener = name.partition(":")
    if base not in BASELINES:
        raise unknown_name("baseline", base, BASELINES)
    return Baseline(name=name, strategy=BASELINES[base], opener=opener.strip().lower() or None)
