"""RMSNorm in few passes over memory, for weights in float32.

A small model in float32 spends more time in its norms than in its matrix products: written out as
square, mean, scale and weigh, each a pass over memory, and twice as many backwards. Here the same
function (Zhang and Sennrich 2019, arXiv 1910.07467) takes three passes, and its gradient, in closed
form, four:

    y = x r w,  r = (mean(x^2) + eps)^(-1/2)
    dL/dw = sum of g x r,  dL/dx = g w r - x r^3 mean(g w x)      with g = dL/dy

Equal to rounding (1e-6); what comes in bfloat16 is not rounded to it once more half-way. Modules
are taken over where they turn out to compute this, whatever they are called; any other, weights in
other precisions and small inputs stay as they are.
"""

from __future__ import annotations

from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

IN_CACHE = 2**18
"""Numbers of an input whose passes run in a core's cache, a megabyte: the model's own norm does."""


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        """Of x [..., N] with weight [N]."""
        inverse = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        inverse.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        ctx.eps = eps  # type: ignore[attr-defined]
        result: Tensor = (x * inverse).mul_(weight)
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None]:
        """The closed form; `inverse` is kept, unless the gradient itself is to be derived."""
        (grad,), (x, weight, inverse), size = grads, ctx.saved_tensors, grads[0].shape[-1]
        if torch.is_grad_enabled():
            inverse = (x.square().mean(-1, keepdim=True) + ctx.eps).rsqrt()
        product = (grad * x).reshape(-1, size)
        d_weight = inverse.reshape(-1) @ product if ctx.needs_input_grad[1] else None
        slope = (product @ weight).view_as(inverse) * inverse.pow(3) / -size
        return torch.addcmul(grad * weight * inverse, x, slope), d_weight, None


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """The formula, of x [..., N] and weight [N]."""
    result: Tensor = _RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
    return result


class _Quick(nn.Module):
    """Put before a norm's own class."""

    weight: Tensor
    _plus: float
    """Added to the weight."""
    _eps: float
    _keeps_dtype: bool
    """Whether the result is in the precision of the input; else in float32."""

    def forward(self, x: Tensor) -> Tensor:
        small = x.numel() <= IN_CACHE
        if small or self.weight.dtype is not torch.float32 or torch.compiler.is_compiling():
            result: Tensor = super().forward(x)  # a compiler fuses the passes itself
            return result
        weight = self.weight + self._plus if self._plus else self.weight
        exact = rms_norm(x.float(), weight, self._eps)
        return exact.to(x.dtype) if self._keeps_dtype else exact


def quicken_norms(model: nn.Module) -> int:
    """Let every module that is an RMSNorm compute in few passes; returns how many are.

    A module counts as one if it has one weight vector, says its epsilon, and gives on a random
    input what the formula gives, with its weight or with one more than it (Gemma). Its class is
    replaced by a subclass, so copies and state dicts stay what they were.
    """
    return sum(_quicken(module) for module in model.modules())


def _quicken(module: nn.Module) -> bool:
    weights = list(module.parameters())
    eps = getattr(module, "variance_epsilon", getattr(module, "eps", None))
    if len(weights) != 1 or weights[0].ndim != 1 or not isinstance(eps, float):
        return False
    if len(signature(module.forward).parameters) != 1:  # a gate beside the input
        return False
    weight = weights[0]
    if weight is not getattr(module, "weight", None) or weight.dtype is not torch.float32:
        return False
    with torch.no_grad():
        x = torch.randn(2, weight.numel(), generator=torch.Generator().manual_seed(0))
        x = x.to(weight.device)
        theirs = module(x)
        for plus in (0.0, 1.0):
            if torch.allclose(rms_norm(x, weight + plus, eps), theirs, rtol=1e-5, atol=1e-6):
                keeps = module(x.bfloat16()).dtype is torch.bfloat16
                module.__class__ = _quick_class(type(module))  # type: ignore[arg-type]
                vars(module).update(_plus=plus, _eps=eps, _keeps_dtype=keeps)
                return True
    return False


@cache
def _quick_class(kind: type[nn.Module]) -> type[nn.Module]:
    return kind if issubclass(kind, _Quick) else type(kind.__name__, (_Quick, kind), {})
