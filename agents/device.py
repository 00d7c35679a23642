"""Where and in what precision a model computes.

Weights are kept in float32 where they are trained; `compute_dtype` is what matrix products run in
(autocast). bfloat16 is chosen only where the hardware multiplies it natively: emulated it is slow.
"""

from __future__ import annotations

import copy
import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal, cast

import torch
from torch import nn
from transformers import PreTrainedModel

from wordle_rl.errors import ConfigError

DType = Literal["auto", "float32", "bfloat16"]


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA, else Apple MPS, else CPU.

    Raises:
        ConfigError: for a device that does not exist here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, ImportError) as error:
        raise ConfigError(
            f"device {name!r} is not available here: use auto, cpu, cuda or mps"
        ) from error
    return device


def pick_dtype(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 where the device multiplies it natively, else float32."""
    if name == "auto":
        return torch.bfloat16 if _native_bfloat16(device) else torch.float32
    known = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    if name not in known:
        raise ConfigError(f"unknown dtype {name!r}: use auto, float32 or bfloat16")
    return known[name]


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Run matrix products in `dtype`; nothing to do for float32."""
    if dtype is torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


@contextmanager
def without_gradient(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Autocast for playing and scoring.

    In `torch.inference_mode` autocast would convert float32 weights anew at every call, for every
    token of an answer; here it does so once, and forgets what came of it at the end.
    """
    with torch.no_grad(), autocast(device, dtype):
        yield


def compiled(model: PreTrainedModel) -> PreTrainedModel:
    """The same weights behind layers of fused kernels, for training on rows of any length.

    The first calls take a minute or more, and on a CPU they need a C++ compiler.
    """
    twin = copy.copy(model)  # shares every weight
    twin._modules = dict(model._modules)
    twin._modules[model.base_model_prefix] = cast(
        nn.Module, torch.compile(model.base_model, dynamic=True)
    )
    return twin


def keep_freed_memory() -> None:
    """Let the C library keep what tensors free, instead of handing it back and asking again.

    By default glibc maps every allocation above 128 KiB afresh, and the kernel zeroes its pages:
    on a CPU that took a third of a training step (`benchmarks/update.py`). Elsewhere than on
    Linux with glibc there is nothing to do.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    mallopt(mmap_threshold, 32 << 20)  # the most it takes
    mallopt(trim_threshold, 2**31 - 1)
    mallopt(top_pad, 64 << 20)


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False
