"""Methods with a loop of their own: they learn from other things than the model's own games."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMethod:
    """A row of `wordle-rl algos` that is no combination of the five functions."""

    summary: str
    paper: str
    formula: str
    command: str
    """What trains it."""


OTHER_METHODS: Mapping[str, OtherMethod] = {
    "sft": OtherMethod(
        summary="imitation of a teacher's games, before reinforcement learning or without",
        paper="Pomerleau 1989; the first stage of Ouyang et al. 2022, arXiv 2203.02155",
        formula="-log pi of the teacher's tokens; mean over all tokens of the update",
        command="wordle-rl pretrain",
    ),
}
