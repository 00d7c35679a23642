"""Weights for tokens that another program sampled than the one that trains.

w = pi_old (trainer) / pi (sampler), always detached. The local sampler is the trainer's own model,
so there is nothing to correct and `none` is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Correction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(old_logprobs, sampler_logprobs, loss_mask), all [B, T] -> weights [B, T] without gradient."""

TRUNCATION = 2.0
"""Largest importance weight (Yao et al. 2025, "Your efficient RL framework secretly brings you
off-policy RL training")."""


def none(old_logprobs: Tensor, sampler_logprobs: Tensor, loss_mask: Tensor) -> Tensor:
    """Every token counts once."""
    return torch.ones_like(old_logprobs)


def truncated(old_logprobs: Tensor, sampler_logprobs: Tensor, loss_mask: Tensor) -> Tensor:
    """min(w, 2) per token: truncated importance sampling."""
    log_weight = torch.where(loss_mask, old_logprobs - sampler_logprobs, 0.0)
    return log_weight.detach().exp().clamp(max=TRUNCATION)


CORRECTIONS: Mapping[str, Correction] = {"none": none, "truncated": truncated}
