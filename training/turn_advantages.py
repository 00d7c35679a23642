"""Advantages of single turns: what came of a guess, not of the game as a whole.

G_k = sum over j >= k of gamma^(j-k) r_j is the return to go of turn k. With a reward on every turn
it tells which guess was good; with one reward at the end and gamma = 1 it is the game's return.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

from wordle_rl.training.credit import (
    Advantage,
    AdvantageInputs,
    GameInputs,
    GroupInputs,
    Values,
    deviations,
    is_constant,
    return_to_go,
)

STEP_WEIGHT = 1.0
"""GiGPO's omega: how much the step-level term counts beside the episode's."""


def turn_returns(inputs: AdvantageInputs) -> Values:
    """G_k without a baseline: the policy gradient with causality, unbiased and noisy."""
    return [[return_to_go(g.rewards, inputs.gamma) for g in group.games] for group in inputs.groups]


def turn_centered(inputs: AdvantageInputs) -> Values:
    """G_k - mean of G_k over the group's games that reached turn k; 0 where only one did."""
    return _centered_by(inputs, lambda game, k: k)


def turn_whitened(inputs: AdvantageInputs) -> Values:
    """G_k whitened over all turns of the step: ReBN (GEM, Liu et al. 2025, arXiv 2510.01051)."""
    turns = [1 for game in inputs.games for _ in game.rewards]
    return _whitened(turn_returns(inputs), turns, ddof=0, eps=1e-18)


def token_whitened(inputs: AdvantageInputs) -> Values:
    """G_k whitened over all tokens of the step: REINFORCE++ (Hu et al. 2025, arXiv 2501.03262)."""
    return _whitened(turn_returns(inputs), _tokens(inputs), ddof=1, eps=1e-8)


def centered_token_whitened(inputs: AdvantageInputs) -> Values:
    """R - mean, whitened over all tokens of the step: REINFORCE++ with a baseline (2501.03262)."""
    values = [_episode_centered(group) for group in inputs.groups]
    return _whitened(values, _tokens(inputs), ddof=1, eps=1e-8)


def anchored(inputs: AdvantageInputs) -> Values:
    """(R - mean) + (G_k - mean of G over the same state): GiGPO (Feng et al. 2025, 2505.10978).

    States are the same where their anchors are equal, within one group only: other groups have
    other secrets. A state that one turn alone was in adds 0. F_norm = 1, the form without std.

    Raises:
        ValueError: if a game has no anchors.
    """
    for game in inputs.games:
        if len(game.anchors) != len(game.rewards):
            raise ValueError("gigpo needs an anchor for every turn")
    steps = _centered_by(inputs, lambda game, k: game.anchors[k])
    return [
        [
            [whole + STEP_WEIGHT * step for whole, step in zip(wholes, of_game, strict=True)]
            for wholes, of_game in zip(_episode_centered(group), of_group, strict=True)
        ]
        for group, of_group in zip(inputs.groups, steps, strict=True)
    ]


TURN_ADVANTAGES: Mapping[str, Advantage] = {
    "turn_returns": turn_returns,
    "turn_centered": turn_centered,
    "turn_whitened": turn_whitened,
    "token_whitened": token_whitened,
    "centered_token_whitened": centered_token_whitened,
    "anchored": anchored,
}
TURN_FORMULAS: Mapping[str, str] = {
    "turn_returns": "A_k = G_k",
    "turn_centered": "A_k = G_k - mean over the group's turns k",
    "turn_whitened": "A_k = (G_k - mean) / std over all turns of the step",
    "token_whitened": "A_k = (G_k - mean) / std over all tokens of the step",
    "centered_token_whitened": "A = R - mean, then (A - mean) / std over all tokens of the step",
    "anchored": "A_k = (R - mean) + (G_k - mean of G over the same state)",
}


def turns_stand_alone(advantage: str | None, gamma: float | None) -> bool:
    """Whether a turn answers for its own reward alone: then totals of games are never compared.

    >>> turns_stand_alone("turn_centered", 0.0), turns_stand_alone("centered", 0.0)
    (True, False)
    """
    return gamma == 0 and advantage in TURN_ADVANTAGES.keys() - {"anchored"}


def _centered_by(inputs: AdvantageInputs, key: Callable[[GameInputs, int], Hashable]) -> Values:
    """G_k minus its mean over the turns of the group that have the same key."""
    values: Values = []
    for group in inputs.groups:
        returns = [return_to_go(game.rewards, inputs.gamma) for game in group.games]
        places: dict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        for g, game in enumerate(group.games):
            for k in range(len(game.rewards)):
                places[key(game, k)].append((g, k))
        result = [[0.0] * len(game.rewards) for game in group.games]
        for met in places.values():
            for (g, k), value in zip(met, deviations([returns[g][k] for g, k in met]), strict=True):
                result[g][k] = value
        values.append(result)
    return values


def _episode_centered(group: GroupInputs) -> list[list[float]]:
    pairs = zip(deviations(group.returns), group.games, strict=True)
    return [[deviation] * len(game.rewards) for deviation, game in pairs]


def _tokens(inputs: AdvantageInputs) -> list[int]:
    """Sampled tokens of every turn of the step, in order."""
    return [tokens for game in inputs.games for tokens in game.tokens]


def _whitened(values: Values, weights: Sequence[int], *, ddof: int, eps: float) -> Values:
    """(v - mean) / sqrt(variance + eps) over the whole step, each turn counted `weight` times."""
    flat = [v for group in values for game in group for v in game]
    n = sum(weights)
    if n <= ddof or is_constant(flat):
        return [[[0.0] * len(game) for game in group] for group in values]
    mean = math.fsum(w * v for w, v in zip(weights, flat, strict=True)) / n
    squares = math.fsum(w * (v - mean) ** 2 for w, v in zip(weights, flat, strict=True))
    scale = math.sqrt(squares / (n - ddof) + eps)
    return [[[(v - mean) / scale for v in game] for game in group] for group in values]
