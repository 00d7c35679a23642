"""Estimators of the KL divergence to a reference model, per token, from sampled tokens.

With d = log pi - log pi_ref (Schulman, "Approximating KL divergence", 2020). As a term of the loss
their gradients differ: on-policy k2 gives exactly the gradient of KL(pi || ref), k3 that of
KL(ref || pi), and k1 none in expectation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

KL = Callable[[Tensor, Tensor], Tensor]
"""(logprobs, ref_logprobs), both [B, T] -> per-token estimate [B, T]."""


def k1(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """d: unbiased, can be negative."""
    return logprobs - ref_logprobs


def k2(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """d**2 / 2: biased value, the right gradient."""
    return 0.5 * (logprobs - ref_logprobs) ** 2


def k3(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """exp(-d) + d - 1: unbiased and never negative; the term of GRPO (arXiv 2402.03300, eq. 4)."""
    difference = logprobs - ref_logprobs
    return (-difference).expm1() + difference


KLS: Mapping[str, KL] = {"k1": k1, "k2": k2, "k3": k3}
