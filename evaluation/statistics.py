"""Intervals: how far a measured number may be from the truth.

`wilson` for a rate of independent games (Wilson 1927; sound at 0 and 100 %, where the textbook
interval is not), `ratio_interval` for everything else: a percentile bootstrap that draws whole
secrets, since games with the same secret are alike (Miller 2024, arXiv 2411.00640).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wordle_rl.records import NOTHING, Estimate
from wordle_rl.seeding import generator

Z_95 = 1.959963984540054
Z_POWER = 0.8416212335729143
"""The normal quantile of 80 %: the usual power of a test."""
RESAMPLES = 10_000
Values = NDArray[np.float64]


def wilson(successes: int, n: int) -> Estimate:
    """A rate with its 95 % Wilson score interval; without games there is nothing to say.

    >>> e = wilson(12, 20)
    >>> round(e.low, 3), round(e.value, 3), round(e.high, 3)
    (0.387, 0.6, 0.781)
    """
    if n == 0:
        return NOTHING
    rate, z2 = successes / n, Z_95**2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return Estimate(
        value=rate,
        low=0.0 if successes == 0 else centre - half,
        high=1.0 if successes == n else centre + half,
    )


def ratio_interval(totals: ArrayLike, counts: ArrayLike, *, seed: int = 0) -> Estimate:
    """sum(totals) / sum(counts) over clusters, with a bootstrap interval over the clusters.

    Args:
        totals: the sum of the measured values in each cluster, [clusters].
        counts: how many values there are in each, [clusters]; 0 is allowed.
        seed: fixes the resamples.

    Returns:
        The mean over all values; None where there are none.
    """
    total = np.asarray(totals, dtype=np.float64)
    count = np.asarray(counts, dtype=np.float64)
    if not count.sum():
        return NOTHING
    means = _resampled(total, count, seed)
    low, high = np.percentile(means[~np.isnan(means)], [2.5, 97.5])
    return Estimate(value=float(total.sum() / count.sum()), low=float(low), high=float(high))


def _resampled(total: Values, count: Values, seed: int) -> Values:
    """The mean in every resample, [RESAMPLES]; nan where a resample drew no value.

    Clusters with the same total and count are interchangeable, and there are few kinds of them: so
    a resample is one draw of how many clusters of each kind it holds.
    """
    kinds, sizes = np.unique(np.stack([total, count], axis=1), axis=0, return_counts=True)
    rng = generator("bootstrap", seed)
    drawn = rng.multinomial(len(total), sizes / len(total), size=RESAMPLES)  # [RESAMPLES, kinds]
    sums, counts = (drawn @ kinds).T
    means: Values = np.divide(sums, counts, out=np.full(RESAMPLES, np.nan), where=counts > 0)
    return means


def difference_interval(
    a: tuple[ArrayLike, ArrayLike], b: tuple[ArrayLike, ArrayLike], *, seed: int = 0
) -> Estimate:
    """A ratio minus another one, of clusters that have nothing to do with each other.

    Args:
        a: totals and counts as `ratio_interval` takes them.
        b: the same of what is taken away.
        seed: fixes the resamples.

    Returns:
        The difference, with the interval of independent bootstraps; None where a side is empty.
    """
    (total_a, count_a), (total_b, count_b) = (
        [np.asarray(x, dtype=np.float64) for x in side] for side in (a, b)
    )
    if not (count_a.sum() and count_b.sum()):
        return NOTHING
    means = _resampled(total_a, count_a, seed) - _resampled(total_b, count_b, seed + 1)
    low, high = np.percentile(means[~np.isnan(means)], [2.5, 97.5])
    value = float(total_a.sum() / count_a.sum() - total_b.sum() / count_b.sum())
    return Estimate(value=value, low=float(low), high=float(high))


def detectable(estimate: Estimate, *, results: int = 2) -> float | None:
    """The smallest true difference that a test at 5 % finds four times out of five.

    (z(97.5 %) + z(80 %)) standard errors of the difference (Miller 2024, section 5), the standard
    error of one result being the width of its interval / 3.92.

    Args:
        estimate: what was measured.
        results: 2 for the difference from another result as uncertain as this one; 1 where
            `estimate` is a difference already.

    Returns:
        None where nothing was measured, or nothing varied.

    >>> round(detectable(wilson(112, 225)), 3)
    0.131
    """
    if estimate.low is None or estimate.high is None or estimate.low == estimate.high:
        return None
    error = (estimate.high - estimate.low) / (2 * Z_95)
    return (Z_95 + Z_POWER) * math.sqrt(results) * error


def pass_at_k(n: int, wins: int, k: int) -> float:
    """The chance that one of `k` games is won, without bias, from `wins` of `n` played.

    1 - C(n - wins, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374).

    >>> [round(pass_at_k(8, 2, k), 4) for k in (1, 2, 4, 8)]
    [0.25, 0.4643, 0.7857, 1.0]
    """
    return 1.0 - math.comb(n - wins, k) / math.comb(n, k)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value of McNemar's test on the secrets that just one of two won.

    >>> mcnemar(10, 2) == 2 * (1 + 12 + 66) / 2**12
    True
    """
    n, k = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, i) for i in range(k + 1))
    return min(1.0, float(2 * tail / 2**n))


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
