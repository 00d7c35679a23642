"""Generalised advantage estimation (Schulman et al. 2015, arXiv 1506.02438) for tokens and turns.

Tensors are [B, T]; `mask` is true on sampled tokens. Time passes on sampled tokens only: whatever
the environment says in between is skipped, so inserting it changes no advantage. V_t is the value
of the state before token t. Advantages are 0 outside the mask and carry no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor


def gae(
    rewards: Tensor,
    values: Tensor,
    mask: Tensor,
    *,
    gamma: float,
    lam: float,
    final_values: Tensor | None = None,
) -> Tensor:
    """A_t = delta_t + gamma lam A_{t+1}, delta_t = r_t + gamma V_{t+1} - V_t, over sampled tokens.

    lam = 1 gives the return to go minus V, lam = 0 the one-step error. Returns for the critic are
    A + V, taken before any whitening.

    Args:
        rewards: [B, T], each on a sampled token (a turn's on its last).
        values: [B, T].
        mask: [B, T].
        gamma: discount a sampled token.
        lam: how far an error reaches back.
        final_values: [B], the value of the state after each row, where a row was cut off; 0 (the
            game is over) if left out.

    Raises:
        ValueError: if a reward lies where nothing was sampled; it would be lost without a trace.
    """
    _check_rewards(rewards, mask)
    values, next_value = values.detach(), torch.zeros_like(values[:, 0])
    if final_values is not None:
        next_value = final_values.detach().to(values)
    last = torch.zeros_like(next_value)
    advantages = torch.zeros_like(values)
    for t in reversed(range(values.shape[1])):
        sampled, value = mask[:, t], values[:, t]
        delta = rewards[:, t].detach() + gamma * next_value - value
        last = torch.where(sampled, delta + gamma * lam * last, last)
        next_value = torch.where(sampled, value, next_value)
        advantages[:, t] = torch.where(sampled, last, 0.0)
    return advantages


def turn_gae(
    rewards: Tensor, values: Tensor, mask: Tensor, turns: Tensor, *, gamma: float, lam: float
) -> Tensor:
    """The same with one decision a turn: delta_k = r_k + gamma V(s_{k+1}) - V(s_k).

    V(s_k) is the value before the turn's first token, r_k all it earned; the tokens of a turn share
    its advantage, and gamma and lam count turns.

    Args:
        rewards: [B, T], each on a sampled token.
        values: [B, T].
        mask: [B, T].
        turns: [B, T], the number of the turn of each token, counted from 0 (any where not sampled).
        gamma: discount a turn.
        lam: how far an error reaches back.

    Raises:
        ValueError: if a reward lies where nothing was sampled.
    """
    _check_rewards(rewards, mask)
    if not mask.any():
        return torch.zeros_like(values)
    count = int(turns[mask].max()) + 1
    # The last column takes what is not sampled and is cut off.
    index = torch.where(mask, turns, count)
    of_turn = values.new_zeros(len(values), count + 1).scatter_add(1, index, rewards.detach())
    is_turn = torch.zeros_like(of_turn, dtype=torch.bool).scatter(1, index, True)
    advantages = gae(
        of_turn[:, :count],
        _first_values(values, mask, index, count),
        is_turn[:, :count],
        gamma=gamma,
        lam=lam,
    )
    return torch.where(mask, advantages.gather(1, index.clamp(max=count - 1)), 0.0)


def whiten(values: Tensor, mask: Tensor, *, eps: float = 1e-8) -> Tensor:
    """(v - mean) / sqrt(sample variance + eps) over the mask, 0 elsewhere."""
    chosen = values[mask]
    if chosen.numel() < 2:
        return torch.zeros_like(values)
    scale = (chosen.var(correction=1) + eps).rsqrt()
    return torch.where(mask, (values - chosen.mean()) * scale, 0.0)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, clip: float) -> Tensor:
    """0.5 max((V - R)^2, (V_old + clip(V - V_old) - R)^2) of each token, as in PPO's first code.

    Pessimistic like the policy's clip: no gradient where V has moved more than `clip` towards R.
    """
    bounded = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns) ** 2, (bounded - returns) ** 2)


def explained_variance(values: Tensor, returns: Tensor, mask: Tensor) -> float:
    """1 - Var(R - V) / Var(R): 1 for a perfect critic, 0 for a constant, nan without variance."""
    truth, guess = returns[mask].detach(), values[mask].detach()
    if truth.numel() < 2 or truth.var() == 0:
        return float("nan")
    return float(1 - (truth - guess).var() / truth.var())


def _first_values(values: Tensor, mask: Tensor, index: Tensor, count: int) -> Tensor:
    """The value at each turn's first sampled token, [B, count]; 0 for turns a row does not have."""
    width = values.shape[1]
    positions = torch.arange(width, device=values.device).expand_as(index)
    first = torch.full((len(values), count + 1), width, device=values.device)
    first = first.scatter_reduce(1, index, positions, "amin")[:, :count]
    found = values.detach().gather(1, first.clamp(max=width - 1))
    return torch.where(first < width, found, 0.0)


def _check_rewards(rewards: Tensor, mask: Tensor) -> None:
    if bool(((rewards != 0) & ~mask).any()):
        raise ValueError(
            "a reward lies on a token that was not sampled and would be lost: "
            "put each turn's reward on the turn's last sampled token"
        )
