"""The generalisation gap: its sign, and that the two sides are not paired."""

import pytest

from tests.test_paired import games
from wordle_rl.evaluation.gap import generalisation_gap


def test_training_secrets_minus_held_out_ones() -> None:
    gap = generalisation_gap(games(3, 3, 7, 3), games(4, 7), max_guesses=6)
    assert gap.win_rate.value == pytest.approx(3 / 4 - 1 / 2)
    assert gap.score.value == pytest.approx(4 - 5.5)


def test_the_sides_are_independent() -> None:
    # The same games on both sides: a paired difference would know that it is exactly zero.
    own = games(*[2 + i % 6 for i in range(90)])
    score = generalisation_gap(own, own, max_guesses=6).score
    assert score.value == 0.0
    assert score.low is not None
    assert score.high is not None
    spread = 1.96 * (35 / 12 * 2 / 90) ** 0.5
    assert (score.low, score.high) == pytest.approx((-spread, spread), abs=0.04)
