"""What a game's baselines are made of, so that `baselines` can find them by the game's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wordle_rl.agents.base import Opening, View

NextMove = Callable[[View], str]
"""One running game of a baseline: called once a turn with what it sees, and returns its action."""
Begin = Callable[[Opening], NextMove]
"""Starts one game."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GamePlayers:
    """The baselines of one game."""

    players: Mapping[str, Begin]
    """Name in `baselines.BASELINES` -> how it begins a game."""
    is_legal: Callable[[Mapping[str, Any], str], bool]
    """Whether an opener can be played under the rules of `TextEnv.public()`."""
