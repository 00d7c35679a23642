"""A causal language model in two halves: its layers, and the head that makes logits.

With the two apart logits are made where they are needed and a few at a time: a vocabulary of
150,000 entries makes logits larger than everything else in a training step. Both halves go through
the model's own `forward`, so soft-capping, scaling and whatever else a family does to its logits
is done here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer

from wordle_rl.errors import ModelError

NOWHERE = torch.zeros(0, dtype=torch.long)
"""The columns whose logits the head is asked for while the layers run: none."""


def plain(model: PreTrainedModel) -> PreTrainedModel:
    """The model itself where adapters are wrapped around it."""
    return cast(PreTrainedModel, model.get_base_model()) if isinstance(model, PeftModel) else model


def last_hidden(model: PreTrainedModel, ids: Tensor, cache: DynamicCache | None = None) -> Tensor:
    """What the head would read, [B, T, hidden size]; no logits are computed.

    The whole model is called, not its inner part: what is wrapped around it stays in force.

    Args:
        model: a causal language model.
        ids: [B, T] int64.
        cache: keys and values of what comes before; grows.
    """
    read: list[Tensor] = []
    hook = plain(model).base_model.register_forward_hook(
        lambda _module, _given, output: read.append(output[0])
    )
    try:
        model(
            input_ids=ids,
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=NOWHERE.to(ids.device),
        )
    finally:
        hook.remove()
    return read[0]


def logits_of(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    """The logits [N, V] that the model makes of what its head reads, [N, hidden size]."""
    inner = plain(model)
    blank = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
    with _instead_of_layers(inner, hidden.unsqueeze(0)):
        # Past `__call__`: what is wrapped around the model belongs to its layers.
        logits: Tensor = inner.forward(input_ids=blank, use_cache=False).logits
    return logits.squeeze(0)


def recompute_layers(model: PreTrainedModel) -> None:
    """Have layers keep their input alone and compute the rest again in the backward pass.

    Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174) through transformers; it takes
    effect inside `recomputed`.

    Raises:
        ModelError: the model cannot.
    """
    # Called gradient_checkpointing_enable before transformers 5.23.
    old = "gradient_checkpointing_enable"
    enable = getattr(model, "activation_checkpointing_enable", None) or getattr(model, old)
    if model.supports_gradient_checkpointing:
        enable()
    if not recomputes(model):
        raise ModelError(
            f"{type(model).__name__} has no gradient checkpointing: leave out "
            "model.gradient_checkpointing, and lower train.micro_batch_tokens instead"
        )


def recomputes(model: PreTrainedModel) -> bool:
    """Whether `recompute_layers` was called for the model."""
    return any(layer.gradient_checkpointing for layer in _layers(model))


@contextmanager
def recomputed(model: PreTrainedModel) -> Iterator[None]:
    """For the forward call of training: layers keep what the backward pass needs, and no more.

    transformers looks at the mode of each layer, and without a cache. Models stay in `eval()` mode
    here (dropout would change the ratio), so it is switched for the layers and not for what is
    inside them, and for this call alone: games are played with their cache.
    """
    layers = _layers(model)
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


def _layers(model: PreTrainedModel) -> list[GradientCheckpointingLayer]:
    return [m for m in model.modules() if isinstance(m, GradientCheckpointingLayer)]


class _Output:
    """What layers return that did not run: the hidden states, and None for all the rest."""

    def __init__(self, hidden: Tensor) -> None:
        self.last_hidden_state = hidden

    def __getitem__(self, place: int) -> Tensor:
        return (self.last_hidden_state,)[place]

    def __getattr__(self, name: str) -> None:
        return None


class _Layers(nn.Module):
    """Stands in for the layers of a model and answers with `hidden`, whatever it is asked."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self._hidden = hidden

    def forward(self, *_given: Any, **_named: Any) -> _Output:
        return _Output(self._hidden)


@contextmanager
def _instead_of_layers(model: PreTrainedModel, hidden: Tensor) -> Iterator[None]:
    name = model.base_model_prefix
    layers = model._modules[name]
    model._modules[name] = _Layers(hidden)
    try:
        yield
    finally:
        model._modules[name] = layers
