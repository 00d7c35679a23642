"""Algorithms are combinations: one name from each of five registries, and defaults.

`wordle-rl train --algo NAME` picks a row of this table; the loop has no branch on the algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wordle_rl.config import TrainConfig
from wordle_rl.errors import unknown_name
from wordle_rl.training.advantages import ADVANTAGES, Advantage
from wordle_rl.training.corrections import CORRECTIONS, Correction
from wordle_rl.training.kl import KL, KLS
from wordle_rl.training.losses import AGGREGATIONS, LOSSES, Aggregation, PolicyLoss


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """Names in the five registries, and the settings that belong to the method."""

    summary: str
    paper: str
    advantage: str
    loss: str = "clipped"
    aggregation: str
    kl: str = "k3"
    correction: str = "none"
    kl_coef: float = 0.0
    temperature: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The functions an algorithm is made of."""

    advantage: Advantage
    loss: PolicyLoss
    aggregation: Aggregation
    kl: KL
    correction: Correction


ALGORITHMS: Mapping[str, Algorithm] = {
    "dr_grpo": Algorithm(
        summary="GRPO without its two biases: R - mean, a constant normaliser, no KL",
        paper="Liu et al. 2025, arXiv 2503.20783",
        advantage="centered",
        aggregation="constant",
    ),
    "grpo": Algorithm(
        summary="the literal form: group std, mean over each sequence, k3 KL in the loss",
        paper="Shao et al. 2024, arXiv 2402.03300",
        advantage="standardized",
        aggregation="sequence_mean",
        kl_coef=0.04,
    ),
    "course": Algorithm(
        summary="the teaching form: population std, clip 0.2, KL 0.1, temperature 0.7",
        paper="the widespread GRPO course on Wordle",
        advantage="population_standardized",
        aggregation="sequence_mean",
        kl_coef=0.1,
        temperature=0.7,
    ),
}


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name.

    Raises:
        ConfigError: if there is none; the message names the nearest.
    """
    if name not in ALGORITHMS:
        raise unknown_name("algorithm", name, ALGORITHMS)
    return ALGORITHMS[name]


def parts_of(algorithm: Algorithm) -> Parts:
    """Look the five names up."""
    return Parts(
        advantage=ADVANTAGES[algorithm.advantage],
        loss=LOSSES[algorithm.loss],
        aggregation=AGGREGATIONS[algorithm.aggregation],
        kl=KLS[algorithm.kl],
        correction=CORRECTIONS[algorithm.correction],
    )


def fill_defaults(config: TrainConfig) -> TrainConfig:
    """Settings left unset take the algorithm's own, so the saved configuration is complete."""
    algorithm = find_algorithm(config.train.algo)
    rollout, train = config.rollout, config.train
    if rollout.temperature is None:
        rollout = rollout.model_copy(update={"temperature": algorithm.temperature})
    if train.kl_coef is None:
        train = train.model_copy(update={"kl_coef": algorithm.kl_coef})
    return config.model_copy(update={"rollout": rollout, "train": train})
