"""What a device could do: the speed of its memory and of its matrix products, measured.

The two roofs of the roofline model (Williams et al. 2009). Decoding reads all weights for every
token and ends at the first; an update does six operations a weight and token and ends at the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel


def best_seconds(run: Callable[[], Any], device: torch.device, rounds: int = 3) -> float:
    """The best of some rounds, after one that warms up; each waits until the device is done."""
    run()
    best = float("inf")
    for _ in range(rounds):
        wait(device)
        began = time.perf_counter()
        run()
        wait(device)
        best = min(best, time.perf_counter() - began)
    return best


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def layer_weights(model: PreTrainedModel) -> int:
    """Weights that every token of an update goes through; the head reads trained tokens alone."""
    embeddings = model.get_input_embeddings().parameters()
    return sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in embeddings)


def memory_speed(device: torch.device, *, quick: bool = False) -> float:
    """Bytes a second that are read and written by a copy of a gigabyte (quick: of 16 MB)."""
    source = torch.ones(1 << 22 if quick else 1 << 28, device=device)
    target = torch.empty_like(source)
    return source.nbytes * 2 / best_seconds(lambda: target.copy_(source), device)


def product_speed(device: torch.device, dtype: torch.dtype, *, quick: bool = False) -> float:
    """Operations a second of a product of two matrices of 8192 by 8192 (quick: 512 by 512)."""
    side = 512 if quick else 8192
    a = torch.randn(side, side, device=device, dtype=dtype)
    return 2 * side**3 / best_seconds(lambda: a @ a, device)
