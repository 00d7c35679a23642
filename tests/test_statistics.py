"""Intervals against published figures, closed forms and a plain bootstrap."""

import numpy as np
import pytest

from wordle_rl.evaluation.statistics import mcnemar, ratio_interval, wilson
from wordle_rl.records import Estimate


def bounds(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [
        (12, 20, 0.387, 0.781),
        (60, 100, 0.502, 0.691),
        (300, 500, 0.5565, 0.642),
        (0, 20, 0.0, 0.161),
        (20, 20, 0.839, 1.0),
        (100, 100, 0.963, 1.0),
        (0, 500, 0.0, 0.0076),
    ],
)
def test_wilson_intervals(wins: int, n: int, low: float, high: float) -> None:
    estimate = wilson(wins, n)
    assert estimate.value == wins / n
    assert bounds(estimate) == pytest.approx((low, high), abs=5.1e-4)


@pytest.mark.parametrize(("wins", "n"), [(1, 7), (12, 20), (499, 500)])
def test_wilson_bounds_solve_the_score_equation(wins: int, n: int) -> None:
    for p in bounds(wilson(wins, n)):
        assert abs(wins / n - p) == pytest.approx(1.959964 * (p * (1 - p) / n) ** 0.5, rel=1e-6)


def test_wilson_of_nothing_is_nothing() -> None:
    assert wilson(0, 0) == Estimate(value=None, low=None, high=None)


def test_the_seed_fixes_the_bootstrap() -> None:
    values, counts = np.sqrt(np.arange(30)), np.ones(30)
    first = ratio_interval(values, counts, seed=1)
    assert ratio_interval(values, counts, seed=1) == first
    assert ratio_interval(values, counts, seed=2) != first


def test_the_bootstrap_equals_one_that_draws_cluster_by_cluster() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 5, size=60)
    totals = counts * rng.integers(1, 7, size=60)
    draws = rng.integers(60, size=(20_000, 60))
    means = totals[draws].sum(axis=1) / counts[draws].sum(axis=1)
    estimate = ratio_interval(totals, counts)
    assert estimate.value == totals.sum() / counts.sum()
    assert bounds(estimate) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=0.03)


def test_the_bootstrap_agrees_with_the_normal_interval_of_a_mean() -> None:
    values = np.arange(400) % 7
    low, high = bounds(ratio_interval(values, np.ones(400)))
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)


def test_a_mean_of_nothing_is_nothing() -> None:
    assert ratio_interval([0, 0], [0, 0]) == Estimate(value=None, low=None, high=None)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p_value"),
    [(0, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (1, 9, 22 / 1024), (1000, 1000, 1.0)],
)
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int, p_value: float) -> None:
    assert mcnemar(only_a, only_b) == p_value
    assert mcnemar(only_b, only_a) == p_value
