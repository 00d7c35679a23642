"""Decoding steps that are recorded once and replayed: CUDA graphs.

On a GPU a model's step for one token takes longer to be started, kernel by kernel from Python, than
to be computed. A graph starts all its kernels at once. It repeats them at the addresses and shapes
they were recorded with, so what a step reads and writes has to stay where it is.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from wordle_rl.errors import ConfigError, ModelError

Record = Callable[[Callable[[], None]], Callable[[], None]]
"""Records what a function does with tensors, without doing it, and returns what does it again."""


def record_on(device: torch.device) -> Record:
    """What records on this device.

    Raises:
        ConfigError: it has no graphs.
    """
    if device.type != "cuda":
        raise ConfigError(
            f"model.cuda_graphs needs an NVIDIA GPU, and the model is on {device.type}: leave "
            "it out"
        )
    return cuda_graph


def cuda_graph(run: Callable[[], None]) -> Callable[[], None]:
    """A CUDA graph of `run`.

    Raises:
        ModelError: `run` waits for the GPU, or does something else that cannot be recorded.
    """
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            run()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"the model's step cannot be recorded ({reason}): leave out model.cuda_graphs"
        ) from error
    return graph.replay


class Replayed:
    """A function of tensors that is computed as it is once, then recorded and replayed.

    What the first call sets up (libraries, streams, room to work in) may not be recorded.
    """

    def __init__(self, run: Callable[..., None], record: Record) -> None:
        self._run = run
        self._record = record
        self._given: tuple[Tensor, ...] = ()
        self._replay: Callable[[], None] | None = None
        self.calls = 0

    def __call__(self, *given: Tensor) -> None:
        """Run on these values; their shapes are those of the first call."""
        if not self.calls:
            self._given = tuple(tensor.clone() for tensor in given)
        for mine, new in zip(self._given, given, strict=True):
            mine.copy_(new)
        if self.calls and self._replay is None:
            self._replay = self._record(self._again)
        (self._replay or self._again)()
        self.calls += 1

    def _again(self) -> None:
        self._run(*self._given)
