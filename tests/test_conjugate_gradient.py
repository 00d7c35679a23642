"""The pieces of a trust-region step, against explicit matrices and on a tiny network."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from wordle_rl.training.conjugate_gradient import (
    LineSearch,
    States,
    conjugate_gradient,
    fisher_product,
    flat_gradient,
    line_search,
    trust_region_step,
)


def matrix(size: int, seed: int = 0) -> Tensor:
    """A symmetric positive definite one."""
    random = torch.Generator().manual_seed(seed)
    root = torch.randn(size, size, generator=random, dtype=torch.float64)
    return root @ root.T + 0.5 * torch.eye(size, dtype=torch.float64)


def vector(size: int, seed: int = 1) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- conjugate gradients


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_it_solves_the_system(size: int) -> None:
    h, b = matrix(size), vector(size)
    x = conjugate_gradient(lambda v: h @ v, b, max_steps=2 * size, tolerance=1e-24)
    assert torch.allclose(x, torch.linalg.solve(h, b), atol=1e-9)


def test_as_many_steps_as_unknowns_are_enough() -> None:
    h, b = matrix(4), vector(4)
    calls = []

    def product(v: Tensor) -> Tensor:
        calls.append(v)
        return h @ v

    x = conjugate_gradient(product, b, max_steps=4, tolerance=0.0)
    assert len(calls) == 4
    assert torch.allclose(h @ x, b, atol=1e-8)


def test_fewer_steps_come_nearer_and_nearer() -> None:
    h, b = matrix(12), vector(12)
    exact = torch.linalg.solve(h, b)
    errors = []
    for steps in range(12):
        miss = conjugate_gradient(lambda v: h @ v, b, max_steps=steps, tolerance=0.0) - exact
        errors.append(float(miss @ h @ miss))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3 * errors[0]


def test_nothing_to_solve_is_zero() -> None:
    zero = torch.zeros(3, dtype=torch.float64)
    assert torch.equal(conjugate_gradient(lambda v: matrix(3) @ v, zero), zero)


# --- the Fisher matrix of a tiny policy


class Policy:
    """A network of 2-3-4 units: four actions in five states."""

    def __init__(self) -> None:
        random = torch.Generator().manual_seed(3)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=random, dtype=torch.float64)

        self.states = draw(5, 2)
        self.parameters = [draw(2, 3).requires_grad_(True), draw(3, 4).requires_grad_(True)]
        self.advantages = draw(5, 4)

    def hidden(self) -> Tensor:
        return (self.states @ self.parameters[0]).tanh()

    def head(self, hidden: Tensor) -> Tensor:
        return (hidden @ self.parameters[1]).log_softmax(1)

    def logprobs(self) -> Tensor:
        return self.head(self.hidden())

    def kl(self) -> Callable[[], Tensor]:
        """The mean KL(pi_old || pi), pi_old the policy as it is now."""
        old = self.logprobs().detach()
        return lambda: (old.exp() * (old - self.logprobs())).sum(1).mean()

    def parts(self, size: int) -> list[States]:
        """The same KL, so many states at a time."""
        old = self.logprobs().detach()

        def share(hidden: Tensor, part: slice) -> Tensor:
            return (old[part].exp() * (old[part] - self.head(hidden))).sum() / len(old)

        parts = [slice(start, start + size) for start in range(0, len(old), size)]
        return [States(hidden=self.hidden(), parts=parts, kl=share)]

    def surrogate(self) -> Callable[[], Tensor]:
        """E[r A] under the policy as it is now."""
        old = self.logprobs().detach()
        return lambda: (self.logprobs().exp() * self.advantages).sum(1).mean() + 0 * old.sum()

    def fisher(self) -> Tensor:
        """The mean over states of E[grad log pi grad log pi^T], term by term."""
        logprobs = self.logprobs()
        total = torch.zeros(18, 18, dtype=torch.float64)
        for row in logprobs:
            for logprob in row:
                parts = torch.autograd.grad(logprob, self.parameters, retain_graph=True)
                score = torch.cat([part.reshape(-1) for part in parts])
                total += logprob.detach().exp() * torch.outer(score, score) / len(logprobs)
        return total


def test_the_product_is_that_of_the_explicit_fisher_matrix() -> None:
    policy, v = Policy(), vector(18)
    product = fisher_product(policy.parts(2), policy.parameters, damping=0.0)
    fisher = policy.fisher()
    assert fisher.abs().max() > 0.1
    assert torch.allclose(product(v), fisher @ v, atol=1e-12)
    assert torch.allclose(product(2 * v), 2 * product(v), atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_few_states_at_a_time_make_the_product_of_all(size: int) -> None:
    """Against two backward passes through the KL of all states, in float64."""
    policy, v = Policy(), vector(18)
    flat = torch.cat(
        [
            gradient.reshape(-1)
            for gradient in torch.autograd.grad(policy.kl()(), policy.parameters, create_graph=True)
        ]
    )
    hessian = torch.autograd.grad(flat @ v, policy.parameters)
    expected = torch.cat([part.reshape(-1) for part in hessian])
    product = fisher_product(policy.parts(size), policy.parameters, damping=0.0)
    assert torch.allclose(product(v), expected, rtol=1e-12, atol=1e-14)
    assert torch.allclose(product(v), expected, rtol=1e-12, atol=1e-14), "a second time too"
    assert expected.norm() > 0.01


def test_damping_is_added_to_the_diagonal() -> None:
    policy, v = Policy(), vector(18)
    product = fisher_product(policy.parts(2), policy.parameters, damping=0.3)
    assert torch.allclose(product(v), policy.fisher() @ v + 0.3 * v, atol=1e-12)


def test_a_step_has_the_divergence_it_was_made_for() -> None:
    """KL is sqrt-exact for small steps: 1e-6 asked, 1e-6 found."""
    policy = Policy()
    kl = policy.kl()
    product = fisher_product(policy.parts(2), policy.parameters, damping=0.0)
    step = trust_region_step(product, vector(18), 1e-6)
    assert float(step @ product(step)) / 2 == pytest.approx(1e-6, rel=1e-9)
    assert LineSearch(accepted=True, fraction=1.0) == line_search(
        policy.parameters, step, lambda: (kl().item() + 1.0, 0.0), max_kl=1.0
    )
    assert kl().item() == pytest.approx(1e-6, rel=1e-2)


def test_a_direction_without_curvature_is_no_step() -> None:
    step = trust_region_step(lambda v: 0 * v, vector(3), 0.01)
    assert torch.equal(step, torch.zeros(3, dtype=torch.float64))


# --- the line search


def test_a_whole_step_improves_and_stays_close() -> None:
    """Natural gradient, as TRPO puts the pieces together."""
    policy = Policy()
    kl, surrogate = policy.kl(), policy.surrogate()
    start = surrogate().item()
    product = fisher_product(policy.parts(2), policy.parameters, damping=1e-3)
    direction = conjugate_gradient(product, flat_gradient(surrogate(), policy.parameters))
    step = trust_region_step(product, direction, 0.01)
    result = line_search(
        policy.parameters, step, lambda: (surrogate().item(), kl().item()), max_kl=0.01
    )
    assert result.accepted
    assert 0 < kl().item() < 0.01
    assert surrogate().item() > start + 0.01


def test_a_step_that_is_too_long_is_shortened_until_it_fits() -> None:
    point = torch.zeros(1, dtype=torch.float64)
    step = torch.tensor([1.0], dtype=torch.float64)
    result = line_search(
        [point], step, lambda: (float(point), float(point)), max_kl=0.6, shrink=0.8
    )
    assert result == LineSearch(accepted=True, fraction=0.8**3)
    assert point.item() == pytest.approx(0.8**3)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda surrogate, kl: (-surrogate, kl),  # gets worse however short
        lambda surrogate, kl: (surrogate, 1.0),  # never close enough
        lambda surrogate, kl: (math.nan, kl),
        lambda surrogate, kl: (surrogate, math.nan),
    ],
)
def test_a_failed_search_restores_the_weights(
    spoil: Callable[[float, float], tuple[float, float]],
) -> None:
    policy = Policy()
    before = parameters_to_vector(policy.parameters).detach().clone()
    moved = []

    def evaluate() -> tuple[float, float]:
        now = parameters_to_vector(policy.parameters).detach()
        distance = float((now - before).norm())
        moved.append(distance)
        return spoil(distance, 0.0) if distance else (0.0, 0.0)

    result = line_search(policy.parameters, vector(18), evaluate, max_kl=0.5, max_steps=4)
    assert result == LineSearch(accepted=False, fraction=0.0)
    assert torch.equal(parameters_to_vector(policy.parameters).detach(), before)
    full = float(vector(18).norm())
    assert moved == pytest.approx([0.0, full, 0.8 * full, 0.64 * full, 0.512 * full])


def test_every_parameter_keeps_a_storage_of_its_own() -> None:
    """Views into one vector could not be saved as safetensors."""
    policy = Policy()
    kl = policy.kl()
    line_search(policy.parameters, 1e-3 * vector(18), lambda: (kl().item(), 0.0), max_kl=1.0)
    storages = {p.untyped_storage().data_ptr() for p in policy.parameters}
    assert len(storages) == 2
    assert [p.untyped_storage().nbytes() for p in policy.parameters] == [6 * 8, 12 * 8]
