"""Looking ahead to the end: the decision tree with the fewest guesses, searched with a beam.

For a set of candidates the `width` guesses with the most patterns are tried, each followed to the
end of every game in the same way; the one that needs the fewest guesses in all is played. Width 1
is the greedy player. Sets too large to search are split greedily.
"""

from __future__ import annotations

import numpy as np

from wordle_rl.agents.solver import Planner, Words, by_patterns

HOPELESS = 1 << 40
"""More guesses than any tree needs."""


class BeamSearch:
    """The best guess for every set of candidates, each worked out once.

    Args:
        planner: the lists and how guesses are scored; every answer has to be a guess.
        width: guesses tried at every step.
        most_cells: sets for which guesses times candidates is more are split greedily.
    """

    def __init__(self, planner: Planner, *, width: int = 8, most_cells: int = 400_000) -> None:
        self._planner = planner
        self._width = width
        self._most_cells = most_cells
        self._known: dict[bytes, tuple[int, int]] = {}

    def best_guess(self, candidates: Words) -> str:
        """The guess to play; `candidates` are positions in the planner's answers, not empty."""
        if len(candidates) * len(self._planner.guesses) > self._most_cells:
            return self._planner.best_guess(candidates, by_patterns)
        return self._planner.guesses[self._solve(candidates)[1]]

    def _solve(self, candidates: Words) -> tuple[int, int]:
        """Guesses that find every candidate once, summed, and the row of the first of them."""
        n = len(candidates)
        if n <= 2:  # one, or one and then the other
            return 2 * n - 1, int(self._planner.answer_rows[candidates[0]])
        key = candidates.tobytes()
        if key not in self._known:
            self._known[key] = self._search(candidates)
        return self._known[key]

    def _search(self, candidates: Words) -> tuple[int, int]:
        planner = self._planner
        everything = np.arange(len(planner.guesses))
        counts = planner.counts(everything, candidates)
        is_candidate = np.isin(everything, planner.answer_rows[candidates])
        order = np.lexsort((planner.rank, ~is_candidate, -by_patterns(counts)))
        rows = order[: self._width]
        # A group of k needs at least 2k - 1 further guesses: one for itself, two for each other.
        groups = counts[rows]
        bounds = len(candidates) + (2 * groups - (groups > 0)).sum(axis=1) - is_candidate[rows]
        best, best_row = HOPELESS, -1
        for row, bound in zip(rows.tolist(), bounds.tolist(), strict=True):
            total = self._total(row, candidates) if bound < best else HOPELESS
            if total < best:
                best, best_row = total, row
        return best, best_row

    def _total(self, row: int, candidates: Words) -> int:
        """Guesses in all when the guess of `row` is played first."""
        patterns = self._planner.patterns[row, candidates]
        groups = [candidates[patterns == pattern] for pattern in np.unique(patterns)]
        if len(groups) == 1:
            return HOPELESS  # tells nothing
        is_found = [self._planner.answer_rows[group[0]] == row for group in groups]
        return len(candidates) + sum(
            self._solve(group)[0]
            for group, found in zip(groups, is_found, strict=True)
            if not (found and len(group) == 1)
        )
