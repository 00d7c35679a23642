"""Estimators of the KL divergence to a reference model, per token, from sampled tokens.

With d = log pi - log pi_ref and r = pi / pi_old (Schulman, "Approximating KL divergence", 2020).

As a term of the loss their gradients differ. On-policy k2 gives exactly the gradient of
KL(pi || ref), k3 that of KL(ref || pi), and k1 none in expectation. `k3_corrected` has the value
and the gradient of KL(pi || ref) also off-policy. As a part of the reward (`penalty_to_go`), k1
gives the gradient of KL(pi || ref).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from wordle_rl.training.registry import resolve

KL = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(logprobs, ref_logprobs, old_logprobs), all [B, T] -> per-token estimate [B, T]."""
Placement = Literal["loss", "reward"]
"""Where the divergence is charged: a term of the loss, or taken off the reward."""


def k1(logprobs: Tensor, ref_logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """d: unbiased, can be negative."""
    return logprobs - ref_logprobs


def k2(logprobs: Tensor, ref_logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """d**2 / 2: biased value, the right gradient."""
    return 0.5 * (logprobs - ref_logprobs) ** 2


def k3(logprobs: Tensor, ref_logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """exp(-d) + d - 1: unbiased and never negative; the term of GRPO (arXiv 2402.03300, eq. 4)."""
    difference = logprobs - ref_logprobs
    return (-difference).expm1() + difference


def k3_straight_through(logprobs: Tensor, ref_logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """The value of k3 with the gradient of k2: both right on-policy (verl's k3+)."""
    value = k3(logprobs, ref_logprobs, old_logprobs).detach()
    carrier = k2(logprobs, ref_logprobs, old_logprobs)
    return value + carrier - carrier.detach()


def k3_corrected(logprobs: Tensor, ref_logprobs: Tensor, old_logprobs: Tensor) -> Tensor:
    """R k3, with gradient through r: unbiased off-policy too (DeepSeek-V3.2, arXiv 2512.02556)."""
    ratio = (logprobs - old_logprobs.detach()).exp()
    return ratio * k3(logprobs, ref_logprobs, old_logprobs)


KLS: Mapping[str, KL] = {
    "k1": k1,
    "k2": k2,
    "k3": k3,
    "k3_straight_through": k3_straight_through,
    "k3_corrected": k3_corrected,
}
FORMULAS: Mapping[str, str] = {
    "k1": "d",
    "k2": "d^2 / 2",
    "k3": "e^-d + d - 1",
    "k3_straight_through": "e^-d + d - 1 with the gradient of d^2 / 2",
    "k3_corrected": "r (e^-d + d - 1)",
}
"""What each computes, as one line; d = log pi - log pi_ref."""


def resolve_kl(name: str) -> KL:
    """The estimator of a name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: there is none.
    """
    return resolve("KL estimator", name, KLS)


def steered(coef: float, divergence: float, target: float) -> float:
    """The weight for the next step: up where the policy was further away than `target`, else down.

    coef (1 + 0.1 clip(divergence / target - 1, -0.2, 0.2)): Ziegler et al. 2019, arXiv 1909.08593,
    section 2.2.

    >>> round(steered(0.1, 3.0, 1.0), 4), round(steered(0.1, 0.9, 1.0), 4)
    (0.102, 0.099)
    """
    error = min(max(divergence / target - 1, -0.2), 0.2)
    return coef * (1 + 0.1 * error)


def penalty_to_go(divergence: Tensor, mask: Tensor, coef: float) -> Tensor:
    """What a divergence in the reward takes off the advantage of each token, [B, T], <= or > 0.

    Every token's reward is lowered by `coef` times its divergence; a token answers for its own and
    for all later ones of its row: -coef * (sum over s >= t). A constant, so it has no gradient.
    """
    charged = torch.where(mask, divergence, 0.0).detach()
    to_go = charged.flip(1).cumsum(1).flip(1)
    return torch.where(mask, -coef * to_go, 0.0)
