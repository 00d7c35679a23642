"""The three pieces of a trust-region step (TRPO, Schulman et al. 2015, arXiv 1502.05477).

Pure functions on callables: solve H x = g knowing only how to multiply by H, multiply by the Fisher
matrix a few distributions at a time, and shorten a step until it keeps its promise.

The Fisher product differentiates twice, which fused attention kernels cannot: use
attn_implementation="eager", float32 and no dropout.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils import parameters_to_vector

Product = Callable[[Tensor], Tensor]
"""v -> H v, of flat vectors."""


def conjugate_gradient(
    product: Product, b: Tensor, *, max_steps: int = 15, tolerance: float = 1e-10
) -> Tensor:
    """X with H x = b for a symmetric positive definite H (Hestenes and Stiefel 1952).

    Args:
        product: multiplies by H.
        b: the right side, flat.
        max_steps: most products; as many as b has entries are exact up to rounding.
        tolerance: stops when the squared residual is below it.
    """
    x = torch.zeros_like(b)
    residual, direction = b.clone(), b.clone()
    squared = residual @ residual
    for _ in range(max_steps):
        if squared <= tolerance:
            break
        applied = product(direction)
        step = squared / (direction @ applied)
        x = x + step * direction
        residual = residual - step * applied
        new = residual @ residual
        direction = residual + (new / squared) * direction
        squared = new
    return x


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Some states of a policy whose last part, from hidden states to distributions, is the head."""

    hidden: Tensor
    """[N, hidden size] at the weights as they are, with their graph."""
    parts: Sequence[slice]
    """Which of the N are looked at together."""
    kl: Callable[[Tensor, slice], Tensor]
    """(hidden states of a part, which part) -> their share of the mean KL(pi_old || pi), of
    distributions that it normalises itself: its gradient is 0 where pi is pi_old."""


def fisher_product(
    states: Sequence[States], parameters: Sequence[Tensor], *, damping: float = 0.1
) -> Product:
    """Multiplication by F + damping I, F the Hessian of the mean KL divergence at these weights.

    Where old and new policy are the same, that Hessian is the Fisher matrix of the policy, and the
    gradient of the KL by distributions is 0. So with J the derivative of the hidden states by the
    weights and K the Hessian of a part's KL by (hidden states, weights of the head),

        F v = sum over parts of [J, I]^T K [J, I] v

    in which a part's distributions are made, used and forgotten (Schraudolph 2002, "Fast curvature
    matrix-vector products for second-order gradient descent").

    Args:
        states: whose KLs sum to the mean KL(pi_old || pi), pi_old a constant.
        parameters: the weights that take part, of the head and of what comes before it.
        damping: added to the diagonal; keeps H positive definite.
    """
    pushed = [_Pushed(s.hidden, parameters) for s in states]

    def product(vector: Tensor) -> Tensor:
        total = damping * vector
        for some, forward in zip(states, pushed, strict=True):
            total = total + _curvature(some, forward.along(vector), vector, parameters)
        return total

    return product


class _Pushed:
    """Directional derivatives of hidden states, by two backward passes.

    J^T w is linear in w, so its derivative by w along v is J v; w itself may be 0.
    """

    def __init__(self, hidden: Tensor, parameters: Sequence[Tensor]) -> None:
        self._at = torch.zeros_like(hidden, requires_grad=True)
        self._pulled = _flat_gradient(hidden, parameters, weights=self._at, create_graph=True)

    def along(self, vector: Tensor) -> Tensor:
        """J v, [N, hidden size]."""
        [found] = torch.autograd.grad(
            self._pulled @ vector, self._at, retain_graph=True, materialize_grads=True
        )
        return found


def _curvature(
    states: States, moved: Tensor, vector: Tensor, parameters: Sequence[Tensor]
) -> Tensor:
    """The product of some states, flat.

    Args:
        states: N of them.
        moved: [N, hidden size] J v.
        vector: v.
        parameters: the weights.
    """
    total = torch.zeros_like(vector)
    pull = torch.zeros_like(states.hidden)
    for part in states.parts:
        hidden = states.hidden[part].detach().requires_grad_(True)
        inputs = [hidden, *parameters]
        slope = _flat_gradient(states.kl(hidden, part), inputs, create_graph=True)
        bent = _flat_gradient(slope @ torch.cat([moved[part].flatten(), vector]), inputs)
        pull[part] = bent[: hidden.numel()].view_as(hidden)
        total += bent[hidden.numel() :]
    return total + _flat_gradient(states.hidden, parameters, weights=pull, retain_graph=True)


def trust_region_step(product: Product, direction: Tensor, max_kl: float) -> Tensor:
    """`direction` x scaled by sqrt(2 max_kl / x H x): there the quadratic model has that KL."""
    curvature = float(direction @ product(direction))
    return direction * math.sqrt(2 * max_kl / curvature) if curvature > 0 else 0 * direction


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSearch:
    """How a search ended."""

    accepted: bool
    """False when no step was good: the weights are those of before."""
    fraction: float
    """The part of the full step that was taken."""


def line_search(
    parameters: Sequence[Tensor],
    step: Tensor,
    evaluate: Callable[[], tuple[float, float]],
    *,
    max_kl: float,
    shrink: float = 0.8,
    max_steps: int = 10,
) -> LineSearch:
    """Take the longest of step, shrink step, shrink^2 step, ... that improves and stays close.

    Args:
        parameters: changed in place.
        step: flat, in the order of `parameters`.
        evaluate: (surrogate objective to be raised, mean KL to the policy before), at the weights
            as they are when it is called.
        max_kl: a step must stay below it.
        shrink: factor from one attempt to the next.
        max_steps: attempts.
    """
    before = parameters_to_vector(parameters).detach()
    with torch.no_grad():
        start, _ = evaluate()
        for attempt in range(max_steps):
            fraction = shrink**attempt
            _assign(parameters, before + fraction * step)
            surrogate, kl = evaluate()
            # A comparison with nan is false, so a step that breaks the model is never taken.
            if surrogate > start and kl < max_kl:
                return LineSearch(accepted=True, fraction=fraction)
        _assign(parameters, before)
    return LineSearch(accepted=False, fraction=0.0)


def flat_gradient(value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """D value / d parameters as one vector; the graph is freed."""
    return _flat_gradient(value, parameters)


def _assign(parameters: Sequence[Tensor], vector: Tensor) -> None:
    """Copy a flat vector into the parameters, each of which keeps a storage of its own."""
    pieces = torch.split(vector, [parameter.numel() for parameter in parameters])
    for parameter, piece in zip(parameters, pieces, strict=True):
        parameter.copy_(piece.view_as(parameter))


def _flat_gradient(
    value: Tensor,
    parameters: Sequence[Tensor],
    *,
    weights: Tensor | None = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> Tensor:
    """D (weights x value) / d parameters; `weights` are for a value of several numbers."""
    found = torch.autograd.grad(
        value,
        parameters,
        weights,
        create_graph=create_graph,
        retain_graph=retain_graph,
        materialize_grads=True,
    )
    return torch.cat([gradient.reshape(-1) for gradient in found])
