"""What each guess of a game gave away: how many more guesses it needs than the best one known.

After a guess the game goes on as well as a search with a narrow beam can play it (`agents.beam`),
without a limit of guesses; the regret of a guess is what that needs on average over the secrets
still possible, minus what the best known guess in its place needs. Unlike the regret of a whole
game it knows no luck: a good guess that happens to miss costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from wordle_rl.agents.beam import HOPELESS, BeamSearch, Position
from wordle_rl.agents.solver import Planner, Words
from wordle_rl.agents.word_tree import WordTree
from wordle_rl.evaluation.games import GameRecord

WIDTH = 4
"""Of the beam."""
MOST_LEFT = 50
"""Guesses with more secrets possible are not measured: the search would take too long."""


class MoveRegret:
    """The regret of every guess of a game.

    Args:
        planner: the lists of the game.
        hard_mode: whether Wordle's hard mode narrows what may be played.
        tree: the best known play; its own guesses have no regret.
    """

    def __init__(
        self, planner: Planner, *, hard_mode: bool = False, tree: WordTree | None = None
    ) -> None:
        self._planner = planner
        self._search = BeamSearch(planner, width=WIDTH, most_cells=HOPELESS, hard_mode=hard_mode)
        self._hard_mode = hard_mode
        self._tree = tree
        self._known: dict[tuple[bytes, bytes, str], float] = {}

    def of(self, game: GameRecord) -> list[float]:
        """In guesses, of every action with few enough secrets possible before it, in their order.

        An action that was refused, or that told nothing, has thrown away one guess. A guess that
        the game took and that is on no list has none.
        """
        return list(self._regrets(game))

    def _regrets(self, game: GameRecord) -> Iterator[float]:
        history: list[tuple[str, str]] = []
        left = self._planner.everything()
        for guess, marks in zip(game["guesses"], game["feedback"], strict=True):
            if 0 < len(left) <= MOST_LEFT:
                if not marks:
                    yield 1.0
                elif guess in self._planner.row_of:
                    yield self._regret(left, history, guess)
            if marks:
                history.append((guess, marks))
                left = self._planner.narrow(left, guess, marks)

    def _regret(self, left: Words, history: list[tuple[str, str]], guess: str) -> float:
        if self._tree is not None and self._tree.next_guess(history) == guess:
            return 0.0
        allowed = self._planner.hard_mode_guesses(history) if self._hard_mode else None
        key = left.tobytes(), b"" if allowed is None else allowed.tobytes(), guess
        if key not in self._known:
            self._known[key] = self._work_out(Position(left, allowed), guess)
        return self._known[key]

    def _work_out(self, position: Position, guess: str) -> float:
        cost = self._search.cost(position, guess)
        if cost >= HOPELESS:
            return 1.0
        best = self._search.cost(position, self._search.best_guess(position))
        return max(0, cost - best) / len(position.candidates)  # below it, `guess` is the best known
