"""A model in parts: each of several processes holds its share of weights, gradients and moments.

FSDP2 (`torch.distributed.fsdp.fully_shard`; Zhao et al. 2023, arXiv 2304.11277). A layer is
gathered while it computes and let go afterwards; gradients are summed into the parts. Games are
played, and checkpoints written, with whole weights, gathered for as long as that takes: a
checkpoint does not tell how many processes wrote it.

Every call of a sharded model is a conversation between all processes, so all must call it equally
often: prompts are not shared in the update, and a process with fewer micro-batches keeps pace.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer
from transformers import PreTrainedModel

from wordle_rl.agents.halves import last_hidden, logits_of, plain
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.training.processes import world

_TWIN = "_twin"
"""Where a sharded model keeps its structure; in `__dict__`, so it is no part of the model."""


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` was called for the model."""
    return isinstance(model, FSDPModule)


def shard(model: PreTrainedModel) -> PreTrainedModel:
    """Keep this process's part of every weight; changed in place. Alone there is nothing to share.

    Gradients are summed over processes, not averaged: losses are shares of the whole batch's.
    """
    if world().count == 1:
        return model
    empty: dict[int, Any] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in model.parameters()
    }
    twin = copy.deepcopy(model, empty)
    mesh = init_device_mesh(model.device.type, (world().count,))
    layers = set(plain(model)._no_split_modules or ())
    for module in [m for m in model.modules() if type(m).__name__ in layers]:
        fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo knows no other
    model.__dict__[_TWIN] = twin
    return model


def gathered(model: PreTrainedModel) -> PreTrainedModel:
    """An ordinary model of the whole weights as they are now; all processes have to ask for it."""
    if not is_sharded(model):
        return model
    found: PreTrainedModel = copy.deepcopy(model.__dict__[_TWIN])
    with torch.no_grad():
        weights = {name: whole(p) for name, p in model.named_parameters()}
    found.load_state_dict(weights, strict=False, assign=True)
    found.tie_weights()
    return found


@contextmanager
def whole_weights(agent: LanguageAgent) -> Iterator[None]:
    """Let the agent play with whole weights."""
    model = agent.model
    agent.model = gathered(model)
    try:
        yield
    finally:
        agent.model = model


def keep_pace(model: PreTrainedModel) -> None:
    """Call the model, and its backward pass where gradients are on, to no effect.

    For the other processes, which wait for this one's parts.
    """
    token = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    nothing = logits_of(model, last_hidden(model, token)[0]).float().sum() * 0.0
    if torch.is_grad_enabled():
        torch.autograd.backward(nothing)


def whole(value: Any, *, to: str | None = None) -> Any:
    """A tensor, or a structure of them, with every sharded one gathered.

    Each moves on to the device `to`, where one is named, before the next is gathered.
    """
    if isinstance(value, DTensor):
        full = value.full_tensor()
        return full if to is None else full.to(to)
    if isinstance(value, Mapping):
        return {key: whole(part, to=to) for key, part in value.items()}
    return [whole(part, to=to) for part in value] if isinstance(value, list) else value


def part_of(value: Tensor, like: Tensor) -> Tensor:
    """This process's part of a whole tensor, where `like` is sharded."""
    if not isinstance(like, DTensor) or isinstance(value, DTensor):
        return value
    return distribute_tensor(
        value.to(like.device), like.device_mesh, like.placements, src_data_rank=None
    )


def shard_moments(optimizer: Optimizer) -> None:
    """After a whole state was loaded: keep this process's parts of it."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                state[name] = part_of(value, parameter)
