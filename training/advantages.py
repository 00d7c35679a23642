"""From the returns of a group to the advantage of each game. Pure functions of one group.

A registry entry maps the returns of G games of one task to G advantages. Sums run in float64 with
exact rounding, and a group counts as constant when its range is below a tolerance: the standard
deviation of eight times 0.1 is 1.4e-17 and would otherwise be divided by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

Advantage = Callable[[Sequence[float]], list[float]]
"""Returns of the games of one group -> advantages, one a game."""

RANGE_TOLERANCE = 1e-8
"""Returns closer together than this are the same return."""


def is_constant(returns: Sequence[float]) -> bool:
    """Whether a group carries no signal: one game, or all returns equal.

    >>> is_constant([0.2 + 0.2 + 0.2, 0.6])
    True
    """
    return len(returns) < 2 or max(returns) - min(returns) < RANGE_TOLERANCE


def centered(returns: Sequence[float]) -> list[float]:
    """R - mean: Dr. GRPO (Liu et al. 2025, arXiv 2503.20783), the unbiased direction.

    >>> centered([1.0, 0.0, 0.0, 1.0])
    [0.5, -0.5, -0.5, 0.5]
    """
    if is_constant(returns):
        return [0.0] * len(returns)
    mean = math.fsum(returns) / len(returns)
    return [r - mean for r in returns]


def standardized(returns: Sequence[float]) -> list[float]:
    """(R - mean) / (sample std + 1e-4): GRPO (Shao et al. 2024, arXiv 2402.03300) as TRL has it."""
    return _scaled(returns, ddof=1, eps=1e-4)


def population_standardized(returns: Sequence[float]) -> list[float]:
    """(R - mean) / population std: the form taught in the GRPO course.

    >>> pound = [0.8, 0.6, 0.8, 0.0, 0.2, 0.3, 0.5, 0.2]
    >>> [round(a, 4) for a in population_standardized(pound)]
    [1.3525, 0.6312, 1.3525, -1.5328, -0.8115, -0.4508, 0.2705, -0.8115]
    """
    return _scaled(returns, ddof=0, eps=0.0)


def _scaled(returns: Sequence[float], *, ddof: int, eps: float) -> list[float]:
    deviations = centered(returns)
    if is_constant(returns):
        return deviations
    variance = math.fsum(d * d for d in deviations) / (len(returns) - ddof)
    scale = math.sqrt(variance) + eps
    return [d / scale for d in deviations]


ADVANTAGES: Mapping[str, Advantage] = {
    "centered": centered,
    "standardized": standardized,
    "population_standardized": population_standardized,
}
