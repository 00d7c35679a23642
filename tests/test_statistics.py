"""Intervals against published figures, closed forms and a plain bootstrap."""

import itertools
import math

import numpy as np
import pytest

from wordle_rl.evaluation import statistics
from wordle_rl.evaluation.statistics import (
    detectable,
    difference_interval,
    mcnemar,
    pass_at_k,
    ratio_interval,
    wilson,
)
from wordle_rl.records import Estimate

stats = pytest.importorskip("scipy.stats", reason="scipy comes with choix, an extra")


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


# --- against scipy as it is installed


@pytest.mark.parametrize("n", [1, 7, 20, 225, 2146])
def test_wilson_is_that_of_scipy(n: int) -> None:
    for wins in {0, 1, n // 3, n // 2, n - 1, n}:
        theirs = stats.binomtest(wins, n).proportion_ci(method="wilson")
        assert bounds(wilson(wins, n)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize("only_a", range(0, 40, 3))
def test_mcnemar_is_the_binomial_test_of_scipy(only_a: int) -> None:
    for only_b in range(1, 30, 4):
        theirs = stats.binomtest(only_a, only_a + only_b, 0.5).pvalue
        assert mcnemar(only_a, only_b) == pytest.approx(theirs, rel=1e-9)


def test_the_bootstrap_of_clusters_is_that_of_scipy() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 5, size=150)
    totals = rng.binomial(counts, rng.beta(0.6, 0.4, size=150))
    theirs = stats.bootstrap(
        (totals, counts),
        lambda t, c, axis=-1: t.sum(axis=axis) / c.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert bounds(ratio_interval(totals, counts)) == pytest.approx(tuple(theirs), abs=0.006)
    assert theirs.high - theirs.low > 0.1


# --- against statsmodels 0.15.0 and scipy 1.17.1, whose numbers these are


@pytest.mark.parametrize(
    ("wins", "n", "low", "high"),
    [  # proportion_confint(method="wilson"), and binomtest(...).proportion_ci(method="wilson")
        (12, 20, 0.3865815007622531, 0.781193467627183),
        (113, 225, 0.43740408637579675, 0.5669657511752894),
        (219, 225, 0.9430530319860436, 0.9877223663953026),
        (225, 225, 0.9832134489943798, 1.0),
        (1, 7, 0.02567962434474355, 0.5131278292743189),
    ],
)
def test_wilson_is_that_of_statsmodels(wins: int, n: int, low: float, high: float) -> None:
    assert bounds(wilson(wins, n)) == pytest.approx((low, high), abs=1e-12)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p_value"), [(20, 9, 0.06142834573984146), (37, 18, 0.014453833533827728)]
)
def test_mcnemar_is_that_of_statsmodels(only_a: int, only_b: int, p_value: float) -> None:
    assert mcnemar(only_a, only_b) == pytest.approx(p_value, rel=1e-12)


def test_the_clustered_bootstrap_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1, 8, size=225)
    low, high = bounds(ratio_interval(values, np.ones(225)))
    assert (low, high) == pytest.approx((3.937777777777778, 4.471111111111111), abs=0.015)
    wins = rng.binomial(4, rng.beta(1, 1, size=200))
    low, high = bounds(ratio_interval(wins, np.full(200, 4)))
    assert (low, high) == pytest.approx((0.4475, 0.5425), abs=0.003)


def test_the_detectable_difference_is_that_of_a_power_analysis() -> None:
    # zt_ind_solve_power(nobs1=225, alpha=0.05, power=0.8) * 0.5; Wilson is 1 % narrower.
    assert detectable(wilson(112, 225)) == pytest.approx(0.13206785615633543, rel=0.015)
    assert detectable(Estimate(value=0.1, low=0.0, high=0.2), results=1) == pytest.approx(
        2.8016 * 0.1 / 1.96, rel=1e-4
    )


@pytest.mark.parametrize("estimate", [wilson(0, 0), Estimate(value=1.0, low=1.0, high=1.0)])
def test_what_does_not_vary_detects_nothing(estimate: Estimate) -> None:
    assert detectable(estimate) is None


def test_the_power_is_eighty_percent() -> None:
    # Two results of 400 games whose true rates lie as far apart as one of them says is detectable.
    rng = np.random.default_rng(3)
    gap = detectable(wilson(160, 400))
    assert gap is not None
    a, b = (rng.binomial(400, p, size=20_000) / 400 for p in (0.4, 0.4 + gap))
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / 400)
    assert (np.abs(b - a) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.02)


# --- pass@k


@pytest.mark.parametrize("wins", range(6))
def test_pass_at_k_is_the_share_of_choices_with_a_win(wins: int) -> None:
    games = [True] * wins + [False] * (5 - wins)
    for k in range(1, 6):
        choices = list(itertools.combinations(games, k))
        assert pass_at_k(5, wins, k) == pytest.approx(sum(map(any, choices)) / len(choices))


def test_pass_at_k_is_unbiased() -> None:
    rate, n, k = 0.3, 8, 3
    weights = [math.comb(n, w) * rate**w * (1 - rate) ** (n - w) for w in range(n + 1)]
    expected = sum(p * pass_at_k(n, wins, k) for wins, p in enumerate(weights))
    assert expected == pytest.approx(1 - (1 - rate) ** k)


# --- intervals hold what they say


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.66, 0.97])
def test_wilson_covers_at_its_rate(rate: float) -> None:
    n = 225
    held = 0.0
    for wins in range(n + 1):
        low, high = bounds(wilson(wins, n))
        weight = math.comb(n, wins) * rate**wins * (1 - rate) ** (n - wins)
        held += weight * (low <= rate <= high)
    assert held == pytest.approx(0.95, abs=0.02)


def test_the_clustered_bootstrap_covers_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    # Secrets differ in how easy they are: a bootstrap over games would cover about 80 %.
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        wins = rng.binomial(4, rng.beta(0.6, 0.4, size=100))
        low, high = bounds(ratio_interval(wins, np.full(100, 4)))
        held += low <= 0.6 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_the_interval_of_a_difference_covers_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 1000)
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        a, b = rng.poisson(4.0, size=90), rng.poisson(3.5, size=60)
        low, high = bounds(difference_interval((a, np.ones(90)), (b, np.ones(60))))
        held += low <= 0.5 <= high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_a_difference_from_nothing_is_nothing() -> None:
    assert difference_interval(([1.0], [1]), ([0.0], [0])).value is None
