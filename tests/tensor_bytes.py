"""How many bytes tensors take, measured while something runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary


class LiveBytes(TorchDispatchMode):
    """Inside the `with`: follows every tensor that is made, until it is freed.

    Storages are counted and not tensors, so views are counted once, and what FSDP has let go of
    (its storage is resized to nothing) is not counted. Nor is what lies on no device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._storages: Any = WeakIdKeyDictionary()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run an operation and look at what there is afterwards."""
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.device.type != "meta":
                self._storages[local(tensor).untyped_storage()] = None
        self.peak = max(self.peak, self.now())
        return made

    def now(self) -> int:
        """Of the tensors that are there."""
        return sum(storage.nbytes() for storage in self._storages)


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def held_bytes(tensors: Iterable[Tensor]) -> int:
    """What this process holds of some tensors."""
    return sum(local(tensor.detach()).untyped_storage().nbytes() for tensor in tensors)
