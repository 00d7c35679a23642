"""Ratings: against closed forms, an independent fit, and in any order of games."""

import math
import random
import sys

import numpy as np
import pytest

from tests.stored import ends
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.ratings import CENTRE, POINTS, PRIOR_SD, Pairing, fit_ratings


def pairing(a: str, b: str, wins: int, draws: int, losses: int) -> Pairing:
    return Pairing(a=a, b=b, wins=wins, draws=draws, losses=losses)


def test_two_players_agree_with_the_closed_form() -> None:
    """With much data the prior is nothing: the difference is the log odds, its variance 1/npq."""
    ratings = fit_ratings([pairing("a", "b", 600, 0, 200)])
    found = ratings.difference("a", "b")
    assert found.value == pytest.approx(POINTS * math.log(3), abs=6)
    deviation = POINTS / math.sqrt(800 * 0.75 * 0.25)
    low, _, high = ends(found)
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.03)


def test_a_draw_is_half_a_win_for_each() -> None:
    draws = fit_ratings([pairing("a", "b", 10, 20, 10)])
    halves = fit_ratings([pairing("a", "b", 20, 0, 20)])
    np.testing.assert_allclose(draws.means, halves.means)
    np.testing.assert_allclose(draws.covariance, halves.covariance)
    assert draws.of("a").value == pytest.approx(CENTRE)


def test_the_optimum_of_the_posterior_by_brute_force() -> None:
    """One unknown: by symmetry r_a = -r_b, so a grid search over the difference finds the mode."""
    ratings = fit_ratings([pairing("a", "b", 9, 1, 0)])
    d = np.linspace(0, 10, 200_001)
    sd = PRIOR_SD / POINTS
    negative = 9.5 * np.logaddexp(0, -d) + 0.5 * np.logaddexp(0, d) + d**2 / 4 / sd**2
    assert ratings.difference("a", "b").value == pytest.approx(
        POINTS * d[negative.argmin()], abs=0.02
    )


def test_the_order_of_games_changes_nothing() -> None:
    pairings = [
        pairing("a", "b", 12, 3, 5),
        pairing("b", "c", 7, 0, 9),
        pairing("a", "c", 1, 1, 4),
        pairing("d", "a", 2, 0, 2),
    ]
    first = fit_ratings(pairings)
    for seed in range(5):
        random.Random(seed).shuffle(pairings)
        again = fit_ratings(pairings)
        assert again.players == first.players
        np.testing.assert_array_equal(again.means, first.means)
        np.testing.assert_array_equal(again.covariance, first.covariance)


def test_seats_in_a_pairing_may_be_swapped() -> None:
    a = fit_ratings([pairing("a", "b", 12, 3, 5)])
    b = fit_ratings([pairing("b", "a", 5, 3, 12)])
    np.testing.assert_array_equal(a.means, b.means)


def test_who_never_lost_has_a_finite_rating_that_grows_with_games() -> None:
    few = ends(fit_ratings([pairing("a", "b", 5, 0, 0)]).difference("a", "b"))
    many = ends(fit_ratings([pairing("a", "b", 100, 0, 0)]).difference("a", "b"))
    assert 0 < few[1] < many[1] < 3000
    assert few[0] < 0 < many[0]


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    """Strengths drawn from the prior, games from the model: 95 % intervals hold about 95 %."""
    rng = np.random.default_rng(0)
    held = total = 0
    for _ in range(50):
        truth = rng.normal(0, PRIOR_SD / POINTS, size=3)
        pairings = []
        for i in range(3):
            for j in range(i):
                wins = int(rng.binomial(60, 1 / (1 + math.exp(truth[j] - truth[i]))))
                pairings.append(pairing(str(i), str(j), wins, 0, 60 - wins))
        ratings = fit_ratings(pairings)
        for i in range(3):
            for j in range(i):
                low, _, high = ends(ratings.difference(str(i), str(j)))
                held += low <= POINTS * (truth[i] - truth[j]) <= high
                total += 1
    assert 0.9 <= held / total <= 0.99


def test_without_choix_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "choix", None)
    with pytest.raises(ConfigError, match=r"pip install 'wordle-rl\[ratings\]'"):
        fit_ratings([pairing("a", "b", 1, 0, 0)])
