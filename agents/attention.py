"""Attention with gaps: which layers can take them, masks from positions, and the fastest kernel.

A sliding window counts columns unless it is told otherwise and comes out wrong, without an error,
once rows have gaps. So masks are built from positions here and handed to the model.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from wordle_rl.errors import ModelError

GAP_SAFE_LAYERS = {"full_attention", "sliding_attention"}
"""Layer types whose attention is right with masked gaps between a row's tokens."""

SMALL_SCORES = 128 * 128
"""Attention scores (queries x keys) of a row and head that may be written out."""


def attention_layout(model: PreTrainedModel) -> str:
    """How masks reach the model: `full`, `sliding`, `mixed` (a dict of both), or `none`.

    `none` means that some layer cannot take gaps: linear, state-space or chunked attention, or code
    of its own (from before transformers' attention interface) that counts columns.

    Raises:
        ModelError: for an attention implementation that takes no mask of our own, or a model
            whose state is not handed to it as `past_key_values` (Mamba, RWKV, xLSTM, ...).
    """
    if isinstance(model, PeftModel):
        model = cast(PreTrainedModel, model.get_base_model())
    name = type(model).__name__
    if "past_key_values" not in inspect.signature(model.forward).parameters:
        raise ModelError(f"{name} has no key-value cache to play games with: use another model")
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    stateful = getattr(model, "_is_stateful", False)
    if kinds - GAP_SAFE_LAYERS or stateful or not model._supports_attention_backend:
        return "none"
    implementation = model.config._attn_implementation
    if implementation not in ("sdpa", "eager"):
        raise ModelError(
            f"attention implementation {implementation!r} takes no mask of ours: "
            "load the model with attn_implementation='sdpa'"
        )
    if "sliding_attention" in kinds:
        return "mixed"
    if not kinds and getattr(config, "sliding_window", None) is not None:
        return "sliding"
    return "full"


def attention_mask(
    query_positions: Tensor, key_positions: Tensor, valid: Tensor, window: int | None = None
) -> Tensor:
    """Who may attend to whom, by position: [B, 1, Q, K] bool.

    Args:
        query_positions: [B, Q] positions of the new tokens.
        key_positions: [B, K] positions of all cached columns, the new ones included.
        valid: [B, K] false for gaps.
        window: a token sees so many tokens back, itself included; None for all.
    """
    distance = query_positions.unsqueeze(2) - key_positions.unsqueeze(1)  # [B, Q, K]
    allowed = (distance >= 0) & valid.unsqueeze(1)
    if window is not None:
        allowed &= distance < window
    # A gap attends to nothing real; let it see column 0 so that its softmax is not 0/0.
    empty = ~allowed.any(-1, keepdim=True)
    allowed[..., :1] |= empty
    return allowed.unsqueeze(1)


@contextmanager
def attention_for(model: PreTrainedModel, *, queries: int, keys: int) -> Iterator[None]:
    """On a CPU, let transformers' eager attention serve small problems.

    The fused CPU kernel is made for long sequences: for rows of a hundred tokens plain matrix
    products are faster, several times in bfloat16 with its gradient, and compute the same. Only for
    one new token a row in bfloat16 it is the fused kernel that is faster (about three times): the
    products would copy all keys and values to lay them out anew.
    """
    small = model.device.type == "cpu" and queries * keys <= SMALL_SCORES
    fused = queries == 1 and in_bfloat16(model)
    if not small or fused or model.config._attn_implementation != "sdpa":
        yield
        return
    model.config._attn_implementation = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation = "sdpa"


def in_bfloat16(model: PreTrainedModel) -> bool:
    """Whether matrix products of the model are computed in bfloat16 just now."""
    kind = model.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind) is torch.bfloat16
    return model.dtype is torch.bfloat16


@contextmanager
def differentiable_twice(model: PreTrainedModel) -> Iterator[None]:
    """Attention as plain matrix products: fused kernels have no second derivative."""
    before = model.config._attn_implementation
    model.config._attn_implementation = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation = before
