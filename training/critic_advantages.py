"""Advantages that ask a critic. Pure functions of the tokens of whole games, chosen by name.

A game is a row of the tokens sampled in it, [N, L]; what the environment said in between is not
there, so it can change nothing. See `gae` for the recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.training.gae import gae, turn_gae, whiten


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTokens:
    """The sampled tokens of N games, padded to the longest: every tensor is [N, L]."""

    rewards: Tensor
    """A turn's reward on the turn's last token, less what is charged for divergence."""
    mask: Tensor
    """True on tokens, false on padding."""
    turns: Tensor
    """The number of the turn of each token, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a critic's values make of games. Every tensor is [N, L]."""

    advantages: Tensor
    targets: Tensor
    """What the critic should have said: A + V, before any whitening."""
    judged: Tensor
    """Where the critic was asked."""


CriticAdvantage = Callable[[GameTokens, Tensor, float, float], Judgement]
"""(games, values [N, L], gamma, lambda) -> judgement."""


def token_gae(games: GameTokens, values: Tensor, gamma: float, lam: float) -> Judgement:
    """GAE with a decision a token, whitened over all tokens of the step: PPO for language models.

    gamma and lambda count tokens (Ouyang et al. 2022, arXiv 2203.02155).
    """
    raw = gae(games.rewards, values, games.mask, gamma=gamma, lam=lam)
    return Judgement(
        advantages=whiten(raw, games.mask), targets=raw + values.detach(), judged=games.mask
    )


def turn_gae_whitened(games: GameTokens, values: Tensor, gamma: float, lam: float) -> Judgement:
    """GAE with a decision a turn, whitened; gamma and lambda count turns (arXiv 2512.17008)."""
    raw = _turn_gae(games, values, gamma, lam)
    return Judgement(
        advantages=whiten(raw, games.mask),
        targets=raw + values.detach(),
        judged=first_of_turn(games),
    )


def value_baseline(games: GameTokens, values: Tensor, gamma: float, lam: float) -> Judgement:
    """G_k - V(s_k): the return to go of a turn less what was expected before it; lambda is 1."""
    raw = _turn_gae(games, values, gamma, 1.0)
    return Judgement(advantages=raw, targets=raw + values.detach(), judged=first_of_turn(games))


def first_of_turn(games: GameTokens) -> Tensor:
    """True on the first token of every turn."""
    before = torch.cat([torch.full_like(games.turns[:, :1], -1), games.turns[:, :-1]], 1)
    return games.mask & (games.turns != before)


def _turn_gae(games: GameTokens, values: Tensor, gamma: float, lam: float) -> Tensor:
    return turn_gae(games.rewards, values, games.mask, games.turns, gamma=gamma, lam=lam)


CRITIC_ADVANTAGES: Mapping[str, CriticAdvantage] = {
    "token_gae": token_gae,
    "turn_gae": turn_gae_whitened,
    "value_baseline": value_baseline,
}
FORMULAS: Mapping[str, str] = {
    "token_gae": (
        "A_t = sum of (gamma lambda)^l delta_t+l whitened, delta_t = r_t + gamma V_t+1 - V_t"
    ),
    "turn_gae": (
        "A_k = sum of (gamma lambda)^l delta_k+l whitened, delta_k = r_k + gamma V_k+1 - V_k"
    ),
    "value_baseline": "A_k = G_k - V_k",
}
"""What each computes, as one line; V_k is the value before turn k."""
