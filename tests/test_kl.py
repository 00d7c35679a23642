"""KL estimators against exact enumeration of small softmax policies."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from wordle_rl.training.kl import (
    KL,
    KLS,
    k1,
    k2,
    k3,
    k3_corrected,
    k3_straight_through,
    penalty_to_go,
)

POLICY = torch.tensor([0.3, -1.2, 0.8, 0.1, -0.4], dtype=torch.float64)
REFERENCE = torch.tensor([-0.5, 0.4, 0.9, -0.2, 0.6], dtype=torch.float64)
SAMPLER = torch.tensor([0.9, -0.6, 0.0, 0.5, -1.0], dtype=torch.float64)
"""Logits of five actions; the sampler is what off-policy data come from."""


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


def expected(estimator: KL, sampler: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """The estimator averaged over all actions as they are sampled, by the policy itself if None.

    The sampling probabilities are constants: a loss never differentiates through sampling.
    """

    def value(logits: Tensor) -> Tensor:
        logp = log_softmax(logits)
        old = logp.detach() if sampler is None else log_softmax(sampler)
        return (old.exp() * estimator(logp, log_softmax(REFERENCE), old)).sum()

    return value


def reverse(logits: Tensor) -> Tensor:
    """KL(pi || ref), what a penalty is meant to be."""
    return divergence(log_softmax(logits), log_softmax(REFERENCE))


def forward(logits: Tensor) -> Tensor:
    """KL(ref || pi)."""
    return divergence(log_softmax(REFERENCE), log_softmax(logits))


def test_one_token_by_hand() -> None:
    logp, ref = torch.tensor([math.log(0.5)]), torch.tensor([math.log(0.25)])
    d = math.log(2)
    assert k1(logp, ref, logp).item() == pytest.approx(d, abs=1e-6)
    assert k2(logp, ref, logp).item() == pytest.approx(d * d / 2, abs=1e-6)
    assert k3(logp, ref, logp).item() == pytest.approx(0.5 + d - 1, abs=1e-6)


@pytest.mark.parametrize("name", sorted(KLS))
def test_equal_models_have_none(name: str) -> None:
    logp = log_softmax(POLICY).requires_grad_(True)
    value = KLS[name](logp, logp.detach(), logp.detach())
    assert value.tolist() == [0.0] * 5


def test_k2_and_k3_are_never_negative_and_k1_can_be() -> None:
    logp, ref = log_softmax(POLICY), log_softmax(REFERENCE)
    assert (k2(logp, ref, logp) > 0).all()
    assert (k3(logp, ref, logp) > 0).all()
    assert k1(logp, ref, logp).min() < 0


# --- values


@pytest.mark.parametrize("name", ["k1", "k3", "k3_straight_through", "k3_corrected"])
def test_on_policy_the_value_is_the_divergence(name: str) -> None:
    exact = reverse(POLICY).item()
    assert exact > 0.1
    assert expected(KLS[name])(POLICY).item() == pytest.approx(exact, abs=1e-12)


def test_the_value_of_k2_is_biased() -> None:
    assert abs(expected(k2)(POLICY) - reverse(POLICY)) > 1e-3


def test_off_policy_only_the_corrected_value_is_the_divergence() -> None:
    exact = reverse(POLICY).item()
    assert expected(k3_corrected, SAMPLER)(POLICY).item() == pytest.approx(exact, abs=1e-12)
    for name in KLS.keys() - {"k3_corrected"}:
        assert abs(expected(KLS[name], SAMPLER)(POLICY) - exact) > 1e-2


# --- gradients as a term of the loss


def test_the_gradient_of_k1_vanishes() -> None:
    assert torch.allclose(gradient(expected(k1)), torch.zeros(5).double(), atol=1e-12)


@pytest.mark.parametrize("name", ["k2", "k3_straight_through", "k3_corrected"])
def test_the_gradient_is_that_of_reverse_kl(name: str) -> None:
    exact = gradient(reverse)
    assert torch.allclose(gradient(expected(KLS[name])), exact, atol=1e-12)
    assert exact.abs().max() > 0.1


def test_the_gradient_of_k3_is_that_of_forward_kl() -> None:
    exact = gradient(forward)
    assert torch.allclose(gradient(expected(k3)), exact, atol=1e-12)
    assert not torch.allclose(exact, gradient(reverse), atol=1e-2)


def test_off_policy_only_the_corrected_gradient_is_that_of_reverse_kl() -> None:
    exact = gradient(reverse)
    found = gradient(expected(k3_corrected, SAMPLER))
    assert torch.allclose(found, exact, atol=1e-12)
    for name in KLS.keys() - {"k3_corrected"}:
        assert not torch.allclose(gradient(expected(KLS[name], SAMPLER)), exact, atol=1e-2)


def test_straight_through_has_the_value_of_one_and_the_gradient_of_the_other() -> None:
    logp = log_softmax(POLICY).requires_grad_(True)
    ref = log_softmax(REFERENCE)
    value = k3_straight_through(logp, ref, logp)
    assert torch.allclose(value, k3(logp, ref, logp))
    (found,) = torch.autograd.grad(value.sum(), logp)
    (wanted,) = torch.autograd.grad(k2(logp, ref, logp).sum(), logp)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("name", sorted(KLS.keys() - {"k1"}))
def test_a_step_down_the_gradient_comes_closer_to_the_reference(name: str) -> None:
    moved = POLICY - 0.1 * gradient(expected(KLS[name]))
    assert reverse(moved) < reverse(POLICY) - 1e-3


# --- in the reward


def test_k1_in_the_reward_has_the_gradient_of_reverse_kl() -> None:
    """REINFORCE with the reward -k1, a constant: descends KL(pi || ref) exactly."""

    def loss(logits: Tensor) -> Tensor:
        logp = log_softmax(logits)
        charged = k1(logp, log_softmax(REFERENCE), logp)[:, None]  # five rows of one token
        penalty = penalty_to_go(charged, torch.ones(5, 1, dtype=torch.bool), 1.0)
        return (logp.detach().exp() * -penalty[:, 0] * logp).sum()

    assert torch.allclose(gradient(loss), gradient(reverse), atol=1e-12)


def test_a_token_answers_for_itself_and_what_follows() -> None:
    divergences = torch.tensor([[1.0, 99.0, 2.0, 4.0]], requires_grad=True)
    mask = torch.tensor([[True, False, True, True]])
    penalty = penalty_to_go(divergences, mask, 0.5)
    assert penalty.tolist() == [[-3.5, 0.0, -3.0, -2.0]]
    assert not penalty.requires_grad


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_masked_divergences_do_not_leak_into_the_reward(bad: float) -> None:
    mask = torch.tensor([[True, False, True]])
    penalty = penalty_to_go(torch.tensor([[1.0, bad, 2.0]]), mask, 1.0)
    assert penalty.tolist() == [[-3.0, 0.0, -2.0]]
