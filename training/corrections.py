"""Weights for tokens that another program sampled than the one that trains.

w = pi_old (trainer) / pi (sampler), always detached; the policy term is multiplied by it, the KL
term is not. The local sampler is the trainer's own model, so there is nothing to correct and `none`
is the default; with vLLM (`samplers`) or games played ahead (`pipeline`) it is `truncated`.

Two ways to use a mismatch exclude each other. With one update a batch `old_logprobs` are the
sampler's, the ratio of the loss is against the sampler, and w is 1 (two policies). With more, the
ratio is against the trainer's own start and w corrects for the rest (three policies).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.training.registry import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionInputs:
    """What a correction sees. Every tensor is [B, T]; only `loss_mask` positions count."""

    logprobs: Tensor
    """Of the policy now."""
    old_logprobs: Tensor
    """The trainer's own, before the first update on this batch."""
    sampler_logprobs: Tensor
    """As sampled."""
    advantages: Tensor
    loss_mask: Tensor


Correction = Callable[[CorrectionInputs], Tensor]
"""-> weights [B, T] without gradient, 1 where nothing is trained."""

TRUNCATION = 2.0
"""Largest weight of a token (Yao et al. 2025, "Your efficient RL framework secretly brings you
off-policy RL training")."""
SEQUENCE_TRUNCATION = 3.0
"""Largest weight of a row, TRL's."""
LOWEST, HIGHEST = 0.5, 5.0
"""Tokens outside are left out: IcePop's bounds (Ling team 2025)."""
DRIFT = 0.5
"""Most nats a token that a row with A < 0 may have lost on average."""


def none(inputs: CorrectionInputs) -> Tensor:
    """Every token counts once."""
    return torch.ones_like(inputs.old_logprobs)


def truncated(inputs: CorrectionInputs) -> Tensor:
    """min(w, 2) per token: truncated importance sampling."""
    return _log_weight(inputs).exp().clamp(max=TRUNCATION)


def masked(inputs: CorrectionInputs) -> Tensor:
    """W where it lies in [0.5, 5], else 0: masked importance sampling (IcePop)."""
    weight = _log_weight(inputs).exp()
    return torch.where((weight >= LOWEST) & (weight <= HIGHEST), weight, 0.0)


def sequence_truncated(inputs: CorrectionInputs) -> Tensor:
    """min(W, 3), W the product of a row's w."""
    return _of_rows(inputs).clamp(max=SEQUENCE_TRUNCATION)


def sequence_masked(inputs: CorrectionInputs) -> Tensor:
    """W where it is at most 3, else 0. A product, so long rows are left out sooner (trl#4772)."""
    weight = _of_rows(inputs)
    return torch.where(weight <= SEQUENCE_TRUNCATION, weight, 0.0)


def dropped(inputs: CorrectionInputs) -> Tensor:
    """0 where A < 0 in rows that the policy has left, else 1: DeepSeek-V3.2 (arXiv 2512.02556).

    A row is left when log pi_sampler - log pi is above 0.5 on average. Being told not to do what
    one no longer does teaches nothing and unsettles much.
    """
    mask = inputs.loss_mask
    lost = torch.where(mask, inputs.sampler_logprobs - inputs.logprobs, 0.0).detach()
    mean = lost.sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    weight = torch.where((inputs.advantages < 0) & (mean > DRIFT) & mask, 0.0, 1.0)
    return weight.to(inputs.old_logprobs)


CORRECTIONS: Mapping[str, Correction] = {
    "none": none,
    "truncated": truncated,
    "masked": masked,
    "sequence_truncated": sequence_truncated,
    "sequence_masked": sequence_masked,
    "dropped": dropped,
}
FORMULAS: Mapping[str, str] = {
    "none": "1",
    "truncated": "min(w, 2)",
    "masked": "w if 0.5 <= w <= 5 else 0",
    "sequence_truncated": "min(W, 3), W = product of w",
    "sequence_masked": "W if W <= 3 else 0, W = product of w",
    "dropped": "0 where A < 0 and mean(log pi_sampler - log pi) > 0.5, else 1",
}
"""What each computes, as one line; w = pi_old / pi_sampler."""


def resolve_correction(name: str) -> Correction:
    """The correction of a name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: there is none.
    """
    return resolve("correction", name, CORRECTIONS)


def _log_weight(inputs: CorrectionInputs) -> Tensor:
    difference = inputs.old_logprobs - inputs.sampler_logprobs
    return torch.where(inputs.loss_mask, difference, 0.0).detach()


def _of_rows(inputs: CorrectionInputs) -> Tensor:
    """The product of a row's weights on each of its trained tokens, 1 elsewhere."""
    product = _log_weight(inputs).sum(1, keepdim=True).exp()
    return torch.where(inputs.loss_mask, product, 1.0)
