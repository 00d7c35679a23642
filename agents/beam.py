"""Looking ahead to the end: the decision tree with the fewest guesses, searched with a beam.

For a set of candidates the `width` most promising guesses are followed to the end of every game in
the same way; the one that needs the fewest guesses in all is played. What cannot beat the best so
far is dropped early by a bound: a group of k needs at least 2k - 1 further guesses, one for one of
its words and two for each other. So a guess with p answers needs at least 3n - p for n candidates,
and one less if it is a candidate. Most small sets reach their bound, which makes the search quick.

Guesses are ranked by what their groups are likely to cost, after the bound has sorted out those
that are far from the best. Width 1 is a greedy player; with a width of all guesses the tree is
optimal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wordle_rl.agents.solver import Planner, Values, Words, by_patterns

HOPELESS = 1 << 40
"""More guesses than any tree needs."""
LOSS = 1 << 20
"""What a word counts that is not found in time: a tree that finds one more is better whatever it
costs."""
SHORTLIST = 4
"""Guesses ranked by their likely cost for each that is tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """What is known in the middle of a game."""

    candidates: Words
    """Positions in the planner's answers, ascending, not empty."""
    allowed: Words | None = None
    """What hard mode leaves to play, positions in the planner's guesses; None for all of them."""
    guesses_left: int | None = None
    """None for as many as it takes."""

    @property
    def turns(self) -> int:
        """Guesses left; n candidates never need more than n."""
        n = len(self.candidates)
        return n if self.guesses_left is None else min(n, self.guesses_left)


class BeamSearch:
    """The best guess at every position, each worked out once.

    Args:
        planner: the lists and how guesses are scored; every answer has to be a guess.
        width: guesses tried at every step.
        most_cells: sets for which guesses times candidates is more are split greedily.
        hard_mode: whether Wordle's hard mode narrows what may be played.
    """

    def __init__(
        self,
        planner: Planner,
        *,
        width: int = 8,
        most_cells: int = 400_000,
        hard_mode: bool = False,
    ) -> None:
        self._planner = planner
        self._width = width
        self._most_cells = most_cells
        self._hard_mode = hard_mode
        self._known: dict[tuple[bytes, bytes, int], tuple[int, int]] = {}
        self._tellers: dict[bytes, int] = {}
        self._likely_costs = _likely_costs(len(planner.answers), planner.scoring.growth)

    def best_guess(self, position: Position) -> str:
        """The guess to play."""
        planner = self._planner
        if len(position.candidates) * len(self._choice(position)) > self._most_cells:
            return planner.best_guess(position.candidates, by_patterns, position.allowed)
        return planner.guesses[self._solve(position)[1]]

    def cost(self, position: Position, guess: str, *, below: int = HOPELESS) -> int:
        """Guesses that find every candidate once, summed, when `guess` is played first.

        A word that is not found in time counts `LOSS`. The search ends as soon as the sum cannot
        come out under `below`, and returns `HOPELESS`.
        """
        return self._total(self._planner.row_of[guess], position, below)

    def shortlist(self, position: Position, n: int) -> list[str]:
        """The `n` guesses that look best, the most promising first."""
        return [self._planner.guesses[row] for row in self._ranked(position, n)[0]]

    def after(self, position: Position, guess: str) -> dict[int, Position]:
        """The positions a guess leads to, by its pattern; without the one where it is right."""
        return {
            pattern: self._next(position, group, guess, pattern)
            for pattern, group in self._groups(self._planner.row_of[guess], position).items()
        }

    def _choice(self, position: Position) -> Words:
        if position.allowed is not None:
            return position.allowed
        return np.arange(len(self._planner.guesses))

    def _solve(self, position: Position, below: int = HOPELESS) -> tuple[int, int]:
        """The cost of the best guess that is found, and its row.

        Where nothing is found that costs less than `below`, that and -1.
        """
        candidates, turns = position.candidates, position.turns
        n = len(candidates)
        if turns == 0:
            return LOSS * n, -1
        if n <= 2 or turns == 1:  # one, and then the other while there is time
            cost = 2 * n - 1 if n <= turns else n + LOSS * (n - 1)
            return cost, int(self._planner.answer_rows[candidates[0]])
        limits = b"" if position.allowed is None else position.allowed.tobytes()
        key = (candidates.tobytes(), limits, turns)
        cost, row = self._known.get(key, (0, -1))
        if row < 0 and cost < below:
            cost, row = self._known[key] = self._search(position, below)
        return cost, row

    def _search(self, position: Position, below: int) -> tuple[int, int]:
        teller = self._teller(position.candidates)
        if teller >= 0:  # nothing can beat it
            return 2 * len(position.candidates) - 1, teller
        best, best_row = below, -1
        tried = 0
        for row, bound in zip(*self._ranked(position, SHORTLIST * self._width), strict=True):
            if bound >= best:
                continue
            if tried >= self._width and best < LOSS:
                break
            total = self._total(row, position, best)
            tried += 1
            if total < best:
                best, best_row = total, row
        return best, best_row

    def _teller(self, candidates: Words) -> int:
        """The row of a candidate that tells all candidates apart; -1 where there is none."""
        key = candidates.tobytes()
        if key not in self._tellers:
            own = self._planner.answer_rows[candidates]
            answers = np.sort(self._planner.patterns[np.ix_(own, candidates)], axis=1)
            apart = (answers[:, 1:] != answers[:, :-1]).all(axis=1)
            self._tellers[key] = int(own[apart.argmax()]) if apart.any() else -1
        return self._tellers[key]

    def _ranked(self, position: Position, n: int) -> tuple[list[int], list[int]]:
        """The rows of the `n` guesses of lowest bound, by their likely cost; and their bounds."""
        planner, candidates = self._planner, position.candidates
        rows = self._choice(position)
        is_candidate = np.isin(rows, planner.answer_rows[candidates])
        patterns = planner.count_patterns(rows, candidates)
        bounds = 3 * len(candidates) - patterns - is_candidate
        chosen = np.lexsort((planner.rank[rows], bounds))[:n]
        likely = self._likely_costs[planner.counts(rows[chosen], candidates)].sum(axis=1)
        order = chosen[np.lexsort((chosen, likely - is_candidate[chosen]))]
        return rows[order].tolist(), bounds[order].tolist()

    def _total(self, row: int, position: Position, below: int) -> int:
        """`cost` of the guess of a row."""
        groups = sorted(self._groups(row, position).items(), key=lambda item: -len(item[1]))
        n = len(position.candidates)
        if groups and len(groups[0][1]) == n:
            return HOPELESS  # tells nothing
        total = n + sum(2 * len(group) - 1 for _, group in groups)
        guess = self._planner.guesses[row]
        in_time = position.guesses_left is None or position.guesses_left >= 3
        for pattern, group in groups:
            if total >= below:
                return HOPELESS
            if in_time and self._teller(group) >= 0:  # as good as its bound, whatever is allowed
                continue
            others = total - (2 * len(group) - 1)
            following = self._next(position, group, guess, pattern)
            total = others + self._solve(following, below - others)[0]
        return total if total < below else HOPELESS

    def _groups(self, row: int, position: Position) -> dict[int, Words]:
        """The candidates behind each pattern of a guess, without the guess itself."""
        patterns = self._planner.patterns_by_answer[position.candidates, row]
        order = np.argsort(patterns, kind="stable")
        ordered, sorted_candidates = patterns[order], position.candidates[order]
        ends = [*(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(order)]
        groups, start = {}, 0
        for end in ends:
            if end - start > 1 or self._planner.answer_rows[sorted_candidates[start]] != row:
                groups[int(ordered[start])] = sorted_candidates[start:end]
            start = end
        return groups

    def _next(self, position: Position, group: Words, guess: str, pattern: int) -> Position:
        left = None if position.guesses_left is None else position.guesses_left - 1
        allowed = position.allowed
        if self._hard_mode and len(group) > 2:
            choice = self._choice(position)
            allowed = self._planner.narrow_allowed(choice, guess, pattern)
        return Position(group, allowed, left)


def _likely_costs(most: int, growth: float) -> Values:
    """Guesses, summed, that good play needs for groups of 0 to `most`, [most + 1].

    One for a group of one, three for two, and for more a mean that grows with their logarithm.
    """
    sizes = np.arange(most + 1)
    means = 1.5 + growth * np.log(np.maximum(sizes, 2) / 2)
    return np.where(sizes < 2, sizes, sizes * means)
