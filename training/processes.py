"""Several processes on one run, one a device, under `accelerate launch`; alone by default.

Every process plays its share of a step's tasks, all of them see all games, and each computes the
gradient of its share of the rows; gradients are summed. What a game draws depends on the seed, the
task and the number of the game, and every normaliser is that of the whole batch, so a run is the
same however many processes share it, up to the order of sums.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState  # type: ignore[import-untyped]
from torch import Tensor
from torch.distributed.tensor import DTensor

from wordle_rl.errors import ConfigError

T = TypeVar("T")
_NOTHING = object()


class World(Protocol):
    """The processes of a run, as one of them sees it."""

    @property
    def rank(self) -> int:
        """This process; 0 is the one that writes."""
        ...

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part: every `count`-th item."""
        ...

    def together(self, mine: Sequence[T]) -> list[T]:
        """The parts of all processes in the order in which `share` took them."""
        ...

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all."""
        ...

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by the sum over processes."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """One process."""

    rank: int = 0
    count: int = 1

    def share(self, items: Sequence[T]) -> list[T]:
        """All of it."""
        return list(items)

    def together(self, mine: Sequence[T]) -> list[T]:
        """All of it."""
        return list(mine)

    def from_first(self, make: Callable[[], T]) -> T:
        """What is made."""
        return make()

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """They are whole."""


ALONE = Alone()


@dataclass(frozen=True, slots=True)
class Launched:
    """One of several processes that `accelerate launch` has started."""

    rank: int
    count: int

    def share(self, items: Sequence[T]) -> list[T]:
        """Every `count`-th item, from `rank` on."""
        return list(items[self.rank :: self.count])

    def together(self, mine: Sequence[T]) -> list[T]:
        """The parts of all processes, interleaved."""
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, list(mine))
        rows = zip_longest(*parts, fillvalue=_NOTHING)
        return [item for row in rows for item in row if item is not _NOTHING]

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes; the others wait for it."""
        made: list[Any] = [make() if self.rank == 0 else None]
        dist.broadcast_object_list(made)
        result: T = made[0]
        return result

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """One sum over all of them; a process without rows adds zero.

        Those of sharded weights are summed already (`sharding`).
        """
        trained = [p for p in parameters if not isinstance(p, DTensor)]
        if not trained:
            return
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in trained if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))


@cache
def world() -> World:
    """The processes of this run: those of `accelerate launch`, else this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    state = PartialState(cpu=not torch.cuda.is_available())
    return Launched(rank=state.process_index, count=state.num_processes)


def workers() -> World | None:
    """The processes that share an evaluation; None where there is one."""
    return world() if world().count > 1 else None


def check_alone(what: str, processes: int | None = None) -> None:
    """Refuse what does not know of other processes.

    Args:
        what: begins the message.
        processes: None for those that are running.

    Raises:
        ConfigError: there are some.
    """
    count = processes or world().count
    if count > 1:
        raise ConfigError(
            f"{what} runs in one process, and this is one of {count}: start it without "
            "accelerate launch"
        )
