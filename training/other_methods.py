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
    "dpo": OtherMethod(
        summary="pairs of games: raises the better one over the worse, held by the starting model",
        paper="Rafailov et al. 2023, arXiv 2305.18290; smoothing: Mitchell 2023",
        formula="-log sigmoid(beta (s+ - s-)); s = log pi(game) - log pi_ref(game)",
        command="wordle-rl train --algo dpo",
    ),
    "ipo": OtherMethod(
        summary="DPO with a finite aim, so certain preferences do not drive the policy away",
        paper="Azar et al. 2023, arXiv 2310.12036",
        formula="(s+ - s- - 1 / (2 beta))^2; s = log pi(game) - log pi_ref(game)",
        command="wordle-rl train --algo ipo",
    ),
    "reward-model": OtherMethod(
        summary="a model that scores games, from pairs: then reward_model.path for any method",
        paper="Bradley and Terry 1952; Ouyang et al. 2022, arXiv 2203.02155",
        formula="-log sigmoid(r+ - r-) + center (r+ + r-)^2; r is read on the game's last token",
        command="wordle-rl train --algo reward-model",
    ),
}
