"""Keys and values of running games: a cache layer that grows in place, or is held at one size.

transformers' own `DynamicLayer` copies everything at each token, its `StaticLayer` has one length
for good. This one appends into room it has set aside; held, its tensors keep their addresses and
shapes from token to token, as a recorded step (`step_graphs`) needs them.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.cache_utils import DynamicLayer


class GameCacheLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A cache layer that grows in place: appending one token does not copy all the others."""

    _key_room: Tensor | None = None
    _value_room: Tensor | None = None
    _held: tuple[Tensor, Tensor, Tensor] | None = None
    """Keys, values, and where the next ones are written."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Take new keys and values in, [B, heads, Q, head_dim]; returns all there are."""
        key_states, value_states = _as_computed(key_states), _as_computed(value_states)
        if self._held is not None:
            keys, values, column = self._held
            return (
                keys.index_copy_(2, column, key_states),
                values.index_copy_(2, column, value_states),
            )
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        start = self.get_seq_length()
        end = start + key_states.shape[-2]
        self._key_room = _with_room(self._key_room, self.keys, key_states, start, end)
        self._value_room = _with_room(self._value_room, self.values, value_states, start, end)
        self.keys, self.values = self._key_room[:, :, :end], self._value_room[:, :, :end]
        return self.keys, self.values

    def hold(self, count: int, column: Tensor) -> None:
        """Have room for `count` further tokens from now on, each written where `column` [1] says.

        What is not written yet is 0: nothing attends to it, but 0 times what memory happens to hold
        may be no number.
        """
        assert self.keys is not None
        assert self.values is not None
        self._held = (
            F.pad(self.keys, (0, 0, 0, count)),
            F.pad(self.values, (0, 0, 0, count)),
            column,
        )
        self._key_room = self._value_room = None

    def release(self, end: int) -> None:
        """Grow again, after the first `end` tokens."""
        assert self._held is not None
        self._key_room, self._value_room, _ = self._held
        self.keys, self.values = self._key_room[:, :, :end], self._value_room[:, :, :end]
        self._held = None

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows."""
        super().batch_select_indices(indices)
        self._key_room = self._value_room = None


def _as_computed(states: Tensor) -> Tensor:
    """In the precision attention computes in, so that autocast does not convert all of it again."""
    device = states.device.type
    if not torch.is_autocast_enabled(device):
        return states
    return states.to(torch.get_autocast_dtype(device))


def _with_room(
    room: Tensor | None, filled: Tensor | None, new: Tensor, start: int, end: int
) -> Tensor:
    """A buffer [B, heads, >= end, head_dim] that holds `filled` and, from `start`, `new`."""
    if room is None or room.shape[2] < end:
        batch, heads, _, width = new.shape
        room = new.new_empty(batch, heads, max(end + 32, end * 5 // 4), width)
        if start and filled is not None:
            room[:, :, :start] = filled
    room[:, :, start:end] = new
    return room
