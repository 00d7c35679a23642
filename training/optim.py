"""Optimisers and learning-rate schedules.

Muon (Jordan 2024; `torch.optim.Muon`) on the matrices of the hidden layers, AdamW on embeddings,
head and vectors. Weights stay in float32: at lr 1e-4 half of the updates would vanish in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import AdamW, Muon, Optimizer
from transformers import PreTrainedModel


def adamw(parameters: Iterable[Tensor], lr: float) -> Optimizer:
    """AdamW without weight decay."""
    return AdamW(list(parameters), lr=lr, betas=(0.9, 0.95), weight_decay=0.0)


MUON_TO_ADAMW = 0.15
"""AdamW's learning rate as a share of Muon's: that of imitation."""


def policy_optimizers(
    model: PreTrainedModel, name: str, lr: float, *, head: Iterable[Tensor] = ()
) -> list[Optimizer]:
    """What moves a policy: `adamw` on all that is trained, or `muon` with AdamW for the rest.

    Args:
        model: only weights that require a gradient are trained.
        name: `adamw` or `muon`.
        lr: of AdamW, or of Muon; beside Muon, AdamW has `MUON_TO_ADAMW` of it.
        head: weights outside the model, for AdamW.
    """
    if name == "muon":
        optimizers = muon_and_adamw(model, muon_lr=lr, adamw_lr=MUON_TO_ADAMW * lr)
        lr = MUON_TO_ADAMW * lr
    else:
        optimizers = [adamw([p for p in model.parameters() if p.requires_grad], lr)]
    outside = list(head)
    return [*optimizers, adamw(outside, lr)] if outside else optimizers


def take_step(optimizers: Iterable[Optimizer]) -> None:
    """Move the weights and forget the gradient."""
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def muon_and_adamw(model: PreTrainedModel, *, muon_lr: float, adamw_lr: float) -> list[Optimizer]:
    """Muon for hidden matrices (weight decay 0.01), AdamW for everything else; neither if empty.

    With `muon_lr` 0 AdamW has all of it.
    """
    ends: list[nn.Module | None] = [m for m in model.modules() if isinstance(m, nn.Embedding)]
    ends.append(model.get_output_embeddings())  # type: ignore[no-untyped-call]
    outside = {id(p) for end in ends if end is not None for p in end.parameters()}
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim == 2 and id(p) not in outside and muon_lr]
    taken = {id(p) for p in matrices}
    rest = [p for p in trained if id(p) not in taken]
    optimizers: list[Optimizer] = []
    if matrices:
        optimizers.append(Muon(matrices, lr=muon_lr, weight_decay=0.01))
    if rest:
        optimizers.append(adamw(rest, adamw_lr))
    return optimizers


def set_lr(optimizers: Iterable[Optimizer], factor: float) -> None:
    """Multiply every group's initial learning rate by `factor`."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
            group["lr"] = group["initial_lr"] * factor


def warmup_decay(step: int, steps: int, *, warmup: int, decay_from: float) -> float:
    """Linear warm-up, then constant, then linear to zero over the last part of the run.

    Args:
        step: 0 for the first update.
        steps: updates in the whole run.
        warmup: updates until the full learning rate.
        decay_from: share of the run after which the decay begins; 1 for no decay.

    >>> [round(warmup_decay(s, 10, warmup=2, decay_from=0.5), 2) for s in range(10)]
    [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    if step < warmup:
        return (step + 1) / warmup
    start = decay_from * steps
    return 1.0 if step < start else (steps - step) / (steps - start)


def clip_gradients(model: nn.Module, max_norm: float) -> float:
    """Scale gradients to at most `max_norm` (L2 over all parameters); returns the norm before."""
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
