"""Policy losses and how tokens are averaged. Pure functions of [B, T] tensors.

Loss and aggregation are chosen separately: a loss gives every token its term, an aggregation says
what a token weighs. An aggregation returns a micro-batch's share of the mean over the WHOLE batch,
so the shares of any split into micro-batches add up to the same loss and the same gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.records import LossInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The trust region of a ratio: [1 - low, 1 + high]."""

    low: float = 0.2
    high: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """What the whole optimiser batch holds; denominators come from here."""

    games: int
    """Games played, those of dropped groups included: dropping must not raise the step size."""
    rows: int
    """Rows these games make: one each, more where a chat template rewrites its history."""
    tokens: int
    """Trained tokens."""
    tokens_per_game: float
    """The constant that stands for a game's length in `constant`."""


PolicyLoss = Callable[[LossInputs, Clip], Tensor]
"""Per-token loss [B, T]; positions outside `loss_mask` are ignored by the caller."""
Aggregation = Callable[[Tensor, Tensor, BatchSize], Tensor]
"""(per-token loss, loss_mask, whole batch) -> this micro-batch's share of the loss, a scalar."""


def log_ratio(inputs: LossInputs) -> Tensor:
    """The log of pi / pi_old at trained tokens, 0 elsewhere: nothing masked leaks through exp."""
    return torch.where(inputs.loss_mask, inputs.logprobs - inputs.old_logprobs, 0.0)


def clipped(inputs: LossInputs, clip: Clip) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A): PPO (Schulman et al. 2017, 1707.06347), eq. 7."""
    ratio = log_ratio(inputs).exp()
    bounded = ratio.clamp(1 - clip.low, 1 + clip.high)
    return -torch.minimum(ratio * inputs.advantages, bounded * inputs.advantages)


def sequence_mean(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Mean over tokens of a row, then over rows: GRPO's literal form (weighs short rows up)."""
    lengths = mask.sum(1).clamp(min=1)
    return (_kept(loss, mask).sum(1) / lengths).sum() / size.rows


def token_mean(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Mean over all trained tokens of the batch: DAPO (Yu et al. 2025, arXiv 2503.14476)."""
    return _kept(loss, mask).sum() / max(size.tokens, 1)


def constant(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Sum over tokens divided by games x a constant length: Dr. GRPO, without length bias."""
    return _kept(loss, mask).sum() / (size.games * size.tokens_per_game)


def _kept(loss: Tensor, mask: Tensor) -> Tensor:
    """Zero outside the mask; a product would let inf and nan through."""
    return torch.where(mask, loss, 0.0)


def clipped_tokens(inputs: LossInputs, clip: Clip) -> Tensor:
    """How many trained tokens the clip silences: A > 0 above the region, or A < 0 below it."""
    ratio = log_ratio(inputs).exp()
    above = (inputs.advantages > 0) & (ratio > 1 + clip.high)
    below = (inputs.advantages < 0) & (ratio < 1 - clip.low)
    return ((above | below) & inputs.loss_mask).sum()


LOSSES: Mapping[str, PolicyLoss] = {"clipped": clipped}
AGGREGATIONS: Mapping[str, Aggregation] = {
    "sequence_mean": sequence_mean,
    "token_mean": token_mean,
    "constant": constant,
}
