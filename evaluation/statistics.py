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

from wordle_rl.records import Estimate
from wordle_rl.seeding import generator

Z_95 = 1.959963984540054
RESAMPLES = 10_000
Values = NDArray[np.float64]


def wilson(successes: int, n: int) -> Estimate:
    """A rate with its 95 % Wilson score interval; without games there is nothing to say.

    >>> e = wilson(12, 20)
    >>> round(e.low, 3), round(e.value, 3), round(e.high, 3)
    (0.387, 0.6, 0.781)
    """
    if n == 0:
        return Estimate(value=None, low=None, high=None)
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
        return Estimate(value=None, low=None, high=None)
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
