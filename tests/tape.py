"""A stand-in for CUDA graphs on a CPU: operations recorded with their tensors, and replayed.

As with a graph, recording changes nothing, a replay runs no Python of the recorded function, reads
and writes the very tensors of the recording, and nothing recorded may fetch a value from a tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

FETCHES = {torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default}


class Tape(TorchDispatchMode):
    """What was called, with what, and what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []
        self._before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in FETCHES:
            raise RuntimeError("operation not permitted when stream is capturing")
        for given, argument in zip(args, func._schema.arguments, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                self._before.append((given, given.clone()))
        result = func(*args, **kwargs)
        self._calls.append((func, args, kwargs, result))
        return result

    def undo(self) -> None:
        """Put everything back that the recording wrote over."""
        for tensor, before in reversed(self._before):
            tensor.copy_(before)

    def replay(self) -> None:
        """Do it all again, in the tensors of the recording."""
        for func, args, kwargs, kept in self._calls:
            again = func(*args, **kwargs)
            for old, new in zip(_tensors(kept), _tensors(again), strict=True):
                if old.data_ptr() != new.data_ptr():  # else written in place, or a view
                    old.copy_(new)


def _tensors(result: Any) -> list[Tensor]:
    parts = result if isinstance(result, tuple | list) else [result]
    return [part for part in parts if isinstance(part, Tensor)]


def tape(run: Callable[[], None]) -> Callable[[], None]:
    """Record as `step_graphs.cuda_graph` does."""
    recorded = Tape()
    with recorded:
        run()
    recorded.undo()
    return recorded.replay
