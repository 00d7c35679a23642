"""The generalisation gap: how much better an agent plays the secrets it was trained on.

Training secrets minus held-out ones, which are different secrets, so the two sides are resampled
independently (`statistics.difference_interval`) where `paired` resamples them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import Measure, score, secret_totals
from wordle_rl.evaluation.statistics import difference_interval
from wordle_rl.records import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Training secrets minus held-out secrets."""

    win_rate: Estimate
    """Above zero where training secrets are won more often."""
    score: Estimate
    """Below zero where they need fewer guesses."""


def generalisation_gap(
    train: Sequence[GameRecord],
    held_out: Sequence[GameRecord],
    *,
    max_guesses: int,
    seed: int = 0,
) -> Gap:
    """The gap between games of one mode on training secrets and on held-out ones."""

    def difference(measure: Measure) -> Estimate:
        a, b = (secret_totals(games, measure) for games in (train, held_out))
        return difference_interval(a, b, seed=seed)

    return Gap(
        win_rate=difference(lambda game: float(game["solved"])),
        score=difference(lambda game: score(game, max_guesses)),
    )
