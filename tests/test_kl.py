"""KL estimators against exact enumeration of small softmax policies."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from wordle_rl.training.kl import KLS, k1, k2, k3

POLICY = torch.tensor([0.3, -1.2, 0.8, 0.1, -0.4], dtype=torch.float64)
REFERENCE = torch.tensor([-0.5, 0.4, 0.9, -0.2, 0.6], dtype=torch.float64)
"""Logits of five actions."""


def log_softmax(logits: Tensor) -> Tensor:
    return logits - logits.logsumexp(0)


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) of two log-distributions."""
    return (p.exp() * (p - q)).sum()


def gradient(value: Callable[[Tensor], Tensor]) -> Tensor:
    """With respect to the policy's logits."""
    logits = POLICY.clone().requires_grad_(True)
    (found,) = torch.autograd.grad(value(logits), logits)
    return found


def expected(estimator: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The estimator averaged over all actions as they are sampled on-policy.

    The sampling probabilities are constants: a loss never differentiates through sampling.
    """

    def value(logits: Tensor) -> Tensor:
        logp = log_softmax(logits)
        return (logp.detach().exp() * estimator(logp, log_softmax(REFERENCE))).sum()

    return value


def test_one_token_by_hand() -> None:
    logp, ref = torch.tensor([math.log(0.5)]), torch.tensor([math.log(0.25)])
    d = math.log(2)
    assert k1(logp, ref).item() == pytest.approx(d, abs=1e-6)
    assert k2(logp, ref).item() == pytest.approx(d * d / 2, abs=1e-6)
    assert k3(logp, ref).item() == pytest.approx(0.5 + d - 1, abs=1e-6)


@pytest.mark.parametrize("name", sorted(KLS))
def test_equal_models_have_none(name: str) -> None:
    logp = log_softmax(POLICY).requires_grad_(True)
    value = KLS[name](logp, logp.detach())
    assert value.tolist() == [0.0] * 5


def test_k2_and_k3_are_never_negative_and_k1_can_be() -> None:
    logp, ref = log_softmax(POLICY), log_softmax(REFERENCE)
    assert (k2(logp, ref) > 0).all()
    assert (k3(logp, ref) > 0).all()
    assert k1(logp, ref).min() < 0


def test_k1_and_k3_are_unbiased_and_k2_is_not() -> None:
    exact = divergence(log_softmax(POLICY), log_softmax(REFERENCE)).item()
    assert expected(k1)(POLICY).item() == pytest.approx(exact, abs=1e-12)
    assert expected(k3)(POLICY).item() == pytest.approx(exact, abs=1e-12)
    assert abs(expected(k2)(POLICY).item() - exact) > 1e-3


def test_the_gradient_of_k1_vanishes() -> None:
    assert torch.allclose(gradient(expected(k1)), torch.zeros(5).double(), atol=1e-12)


def test_the_gradient_of_k2_is_that_of_reverse_kl() -> None:
    ref = log_softmax(REFERENCE)
    exact = gradient(lambda logits: divergence(log_softmax(logits), ref))
    assert torch.allclose(gradient(expected(k2)), exact, atol=1e-12)
    assert exact.abs().max() > 0.1


def test_the_gradient_of_k3_is_that_of_forward_kl() -> None:
    ref = log_softmax(REFERENCE)
    exact = gradient(lambda logits: divergence(ref, log_softmax(logits)))
    reverse = gradient(lambda logits: divergence(log_softmax(logits), ref))
    assert torch.allclose(gradient(expected(k3)), exact, atol=1e-12)
    assert not torch.allclose(exact, reverse, atol=1e-2)


@pytest.mark.parametrize("name", ["k2", "k3"])
def test_a_step_down_the_gradient_comes_closer_to_the_reference(name: str) -> None:
    ref = log_softmax(REFERENCE)
    moved = POLICY - 0.1 * gradient(expected(KLS[name]))
    assert divergence(log_softmax(moved), ref) < divergence(log_softmax(POLICY), ref) - 1e-3
