"""From the rewards of a step to the advantage of each game. Pure functions, chosen by name.

Estimators of one group are functions of the returns of its G games; `by_group` makes an `Advantage`
of them. Those that look at the whole step are an `Advantage` themselves; credit by turn is in
`turn_advantages`. Sums run in float64 with exact rounding, and a group counts as constant when its
range is below a tolerance: the standard deviation of eight times 0.1 is 1.4e-17 and would otherwise
be divided by.

R is the return of a game, mean and std those of its group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from wordle_rl.errors import ConfigError
from wordle_rl.training.credit import (
    RANGE_TOLERANCE,
    Advantage,
    AdvantageInputs,
    GroupInputs,
    Values,
    deviations,
)
from wordle_rl.training.credit import is_constant as is_constant
from wordle_rl.training.rank_advantages import RANK_ADVANTAGES, RANK_FORMULAS
from wordle_rl.training.registry import resolve
from wordle_rl.training.turn_advantages import TURN_ADVANTAGES, TURN_FORMULAS

GroupAdvantage = Callable[[Sequence[float]], list[float]]
"""Returns of the games of one group -> advantages, one a game."""

EPS = 1e-4
"""Added to a standard deviation, as TRL does."""


def by_group(function: GroupAdvantage) -> Advantage:
    """An advantage that sees the returns of one group at a time; all turns of a game share it.

    >>> inputs = AdvantageInputs.of_returns([[1.0, 0.0], [0.0, 0.0]])
    >>> by_group(centered)(inputs)
    [[[0.5], [-0.5]], [[0.0], [0.0]]]
    """

    def advantage(inputs: AdvantageInputs) -> Values:
        return [_spread(group, function(group.returns)) for group in inputs.groups]

    return advantage


# --- of one group


def centered(returns: Sequence[float]) -> list[float]:
    """R - mean: Dr. GRPO (Liu et al. 2025, arXiv 2503.20783), the unbiased direction.

    >>> centered([1.0, 0.0, 0.0, 1.0])
    [0.5, -0.5, -0.5, 0.5]
    """
    return deviations(returns)


def leave_one_out(returns: Sequence[float]) -> list[float]:
    """R - mean of the others = G / (G - 1) (R - mean): RLOO (Ahmadian et al. 2024, 2402.14740).

    >>> leave_one_out([1.0, 0.0, 0.0])
    [1.0, -0.5, -0.5]
    """
    size = len(returns)
    return [a * size / (size - 1) for a in deviations(returns)] if size > 1 else [0.0] * size


def standardized(returns: Sequence[float]) -> list[float]:
    """(R - mean) / (sample std + 1e-4): GRPO (Shao et al. 2024, arXiv 2402.03300) as TRL has it."""
    return _scaled(returns, ddof=1, eps=EPS)


def population_standardized(returns: Sequence[float]) -> list[float]:
    """(R - mean) / population std: the form taught in the GRPO course.

    >>> pound = [0.8, 0.6, 0.8, 0.0, 0.2, 0.3, 0.5, 0.2]
    >>> [round(a, 4) for a in population_standardized(pound)]
    [1.3525, 0.6312, 1.3525, -1.5328, -0.8115, -0.4508, 0.2705, -0.8115]
    """
    return _scaled(returns, ddof=0, eps=0.0)


def mean_normalized(returns: Sequence[float]) -> list[float]:
    """(R - mean) / mean: MaxRL (arXiv 2602.02710), which weighs hard tasks up.

    Raises:
        ConfigError: if a return is negative: a mean below zero would turn the gradient round.

    >>> mean_normalized([1.0, 0.0, 0.0, 0.0])
    [3.0, -1.0, -1.0, -1.0]
    """
    if any(r < 0 for r in returns):
        raise ConfigError(
            f"a game returned {min(returns):g}, and maxrl divides by the mean return: "
            "use a reward that is never negative (env.reward=binary)"
        )
    mean = 1.0 if is_constant(returns) else _mean(returns)
    return [d / mean for d in deviations(returns)]


# --- of the whole step


def raw_returns(inputs: AdvantageInputs) -> Values:
    """R: REINFORCE without a baseline (Williams 1992)."""
    return [_spread(group, group.returns) for group in inputs.groups]


def batch_centered(inputs: AdvantageInputs) -> Values:
    """R - mean over all games of the step."""
    everything = [game.total for game in inputs.games]
    mean = _mean(everything) if everything else 0.0
    return _minus(inputs, [mean] * len(inputs.groups))


def history_centered(inputs: AdvantageInputs) -> Values:
    """R - moving average of earlier steps: a baseline that needs no group."""
    return _minus(inputs, [inputs.baseline] * len(inputs.groups))


def greedy_centered(inputs: AdvantageInputs) -> Values:
    """R - R of the greedy game: ReMax (Li et al. 2023, arXiv 2310.10505).

    Raises:
        ValueError: if no greedy game was played.
    """
    baselines = [group.greedy_return for group in inputs.groups]
    missing = [g.task_id for g in inputs.groups if g.greedy_return is None]
    if missing:
        raise ValueError(f"no greedy game was played of task {missing[0]!r}")
    return _minus(inputs, [b for b in baselines if b is not None])


def length_weighted(inputs: AdvantageInputs) -> Values:
    """R - sum(length R) / sum(length): OPO's baseline (Hao et al. 2025, arXiv 2505.23585)."""
    values: Values = []
    for group in inputs.groups:
        returns, total = group.returns, sum(game.length for game in group.games)
        weighted = math.fsum(game.length * game.total for game in group.games)
        flat = is_constant(returns) or not total
        values.append(_spread(group, [0.0 if flat else r - weighted / total for r in returns]))
    return values


def batch_standardized(inputs: AdvantageInputs) -> Values:
    """(R - mean) / (sample std of all returns of the step + 1e-4): Lite PPO (arXiv 2508.08221)."""
    scale = _std([game.total for game in inputs.games], ddof=1) + EPS
    return [_spread(g, [a / scale for a in deviations(g.returns)]) for g in inputs.groups]


def signal_rescaled(inputs: AdvantageInputs) -> Values:
    """Alpha (R - mean), alpha = games / games of groups with a signal: GPG (arXiv 2504.02546)."""
    useful = sum(len(g.games) for g in inputs.groups if not is_constant(g.returns))
    alpha = len(inputs.games) / max(useful, 1)
    return [_spread(g, [alpha * a for a in deviations(g.returns)]) for g in inputs.groups]


def part_standardized(inputs: AdvantageInputs) -> Values:
    """Each reward component standardised in its group, summed, over the batch's std: GDPO.

    Liu et al. 2026, arXiv 2601.05242. A rare component then counts as much as a common one. The
    sum has mean 0 in every group, so the batch's mean is 0 too and only its std is divided by.

    Raises:
        ConfigError: if a game has no reward components.
    """
    sums_P = [_part_sums(group) for group in inputs.groups]
    scale = _std([value for sums in sums_P for value in sums], ddof=1) + EPS
    return [
        _spread(group, [value / scale for value in sums])
        for group, sums in zip(inputs.groups, sums_P, strict=True)
    ]


ADVANTAGES: Mapping[str, Advantage] = {
    "raw_returns": raw_returns,
    "batch_centered": batch_centered,
    "history_centered": history_centered,
    "greedy_centered": greedy_centered,
    "centered": by_group(centered),
    "leave_one_out": by_group(leave_one_out),
    "standardized": by_group(standardized),
    "population_standardized": by_group(population_standardized),
    "batch_standardized": batch_standardized,
    "mean_normalized": by_group(mean_normalized),
    "length_weighted": length_weighted,
    "signal_rescaled": signal_rescaled,
    "part_standardized": part_standardized,
    **TURN_ADVANTAGES,
    **RANK_ADVANTAGES,
}
FORMULAS: Mapping[str, str] = {
    "raw_returns": "A = R",
    "batch_centered": "A = R - mean R of the step",
    "history_centered": "A = R - moving average of earlier steps",
    "greedy_centered": "A = R - R of the greedy game",
    "centered": "A = R - mean",
    "leave_one_out": "A = R - mean of the others",
    "standardized": "A = (R - mean) / (std + 1e-4)",
    "population_standardized": "A = (R - mean) / population std",
    "batch_standardized": "A = (R - mean) / (std of the step + 1e-4)",
    "mean_normalized": "A = (R - mean) / mean",
    "length_weighted": "A = R - sum(length R) / sum(length)",
    "signal_rescaled": "A = (R - mean) x games / games of groups with a signal",
    "part_standardized": "A = sum over parts of (part - mean) / (std + 1e-4), / std of the step",
    **TURN_FORMULAS,
    **RANK_FORMULAS,
}
"""What each computes, as one line."""


def resolve_advantage(name: str) -> Advantage:
    """The estimator of a name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: there is none.
    """
    return resolve("advantage", name, ADVANTAGES)


def _scaled(returns: Sequence[float], *, ddof: int, eps: float) -> list[float]:
    scale = 1.0 if is_constant(returns) else _std(returns, ddof=ddof) + eps
    return [d / scale for d in deviations(returns)]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _std(values: Sequence[float], *, ddof: int) -> float:
    """Two passes in float64; 0 where values are constant."""
    if is_constant(values):
        return 0.0
    return math.sqrt(math.fsum(d * d for d in deviations(values)) / (len(values) - ddof))


def _spread(group: GroupInputs, values: Sequence[float]) -> list[list[float]]:
    """A game's value on each of its turns."""
    return [[value] * len(game.rewards) for game, value in zip(group.games, values, strict=True)]


def _minus(inputs: AdvantageInputs, baselines: Sequence[float]) -> Values:
    """R - baseline of the group; differences below the tolerance are none."""
    return [
        _spread(group, [d if abs(d := r - b) >= RANGE_TOLERANCE else 0.0 for r in group.returns])
        for group, b in zip(inputs.groups, baselines, strict=True)
    ]


def _part_sums(group: GroupInputs) -> list[float]:
    """Per game, the sum of its standardised components."""
    names = sorted({name for game in group.games for turn in game.parts for name in turn})
    if not names and any(game.rewards for game in group.games):
        raise ConfigError("gdpo needs a reward with named parts (env.reward=shaped)")
    columns = [
        standardized(
            [math.fsum(turn.get(name, 0.0) for turn in game.parts) for game in group.games]
        )
        for name in names
    ]
    return [math.fsum(column[g] for column in columns) for g in range(len(group.games))]
