"""A text space that survives `AsyncVectorEnv`.

Gymnasium reads observations out of shared memory once, when the vector environment is made, and
hands out that object from then on. For arrays it is a view of the memory; for its own `Text` it is
a tuple of strings that never changes (Gymnasium 1.4). `SharedText` hands out a view here too.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from gymnasium.spaces import Text
from gymnasium.vector.utils import (
    create_shared_memory,
    read_from_shared_memory,
    write_to_shared_memory,
)

LENGTH_BYTES = 4
BYTES_PER_CHARACTER = 4
"""Most that UTF-8 needs."""


class SharedText(Text):
    """`gymnasium.spaces.Text`, with texts in shared memory that can be read back."""

    @property
    def slot(self) -> int:
        """Bytes of shared memory for one text: its length, then itself in UTF-8."""
        return LENGTH_BYTES + BYTES_PER_CHARACTER * self.max_length


class TextsInMemory(Sequence[str]):
    """The newest text of each environment; a deep copy is a plain tuple of what they are now."""

    def __init__(self, memory: Any, slot: int, n: int) -> None:
        self._memory, self._slot, self._n = memory, slot, n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        start = range(self._n)[index] * self._slot
        view = memoryview(self._memory.get_obj()).cast("B")
        length = int.from_bytes(view[start : start + LENGTH_BYTES], "little")
        first = start + LENGTH_BYTES
        return bytes(view[first : first + length]).decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(self._n))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        return f"TextsInMemory({tuple(self)!r})"


@create_shared_memory.register(SharedText)
def _create(space: SharedText, n: int = 1, ctx: ModuleType = multiprocessing) -> Any:
    return ctx.Array("B", n * space.slot)


@read_from_shared_memory.register(SharedText)
def _read(space: SharedText, shared_memory: Any, n: int = 1) -> Any:
    return TextsInMemory(shared_memory, space.slot, n)


@write_to_shared_memory.register(SharedText)
def _write(space: SharedText, index: int, value: str, shared_memory: Any) -> None:
    text = value[: space.max_length].encode("utf-8", "surrogatepass")
    start = index * space.slot
    view = memoryview(shared_memory.get_obj()).cast("B")
    view[start : start + LENGTH_BYTES] = len(text).to_bytes(LENGTH_BYTES, "little")
    view[start + LENGTH_BYTES : start + LENGTH_BYTES + len(text)] = text
