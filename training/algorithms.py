"""Algorithms are combinations: one name from each of five registries, and defaults.

`wordle-rl train --algo NAME` picks a row of `algorithm_table`; the loop has no branch on the
algorithm. A user's own, named as `--algo my_module:mine`, takes a few lines, and so does a part:

    from dataclasses import replace
    from wordle_rl.training.advantages import by_group
    from wordle_rl.training.algorithms import find_algorithm

    @by_group
    def best_only(returns):
        return [float(r == max(returns)) for r in returns]

    mine = replace(find_algorithm("dr_grpo"), advantage="my_module:best_only")
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from wordle_rl.config import TrainConfig
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.training import advantages, aggregation, corrections, kl, losses
from wordle_rl.training.algorithm_table import ALGORITHMS as ALGORITHMS
from wordle_rl.training.algorithm_table import Algorithm as Algorithm
from wordle_rl.training.algorithm_table import Need as Need
from wordle_rl.training.credit import Advantage
from wordle_rl.training.kl import Placement

PROVIDED: frozenset[Need] = frozenset()
"""What `trainer` does beyond the five functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The functions an algorithm is made of."""

    advantage: Advantage
    loss: losses.PolicyLoss
    aggregation: aggregation.Aggregation
    kl: kl.KL
    correction: corrections.Correction
    kl_placement: Placement = "loss"
    gamma: float = 1.0


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: if there is none (the message names the nearest), or it is no `Algorithm`.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if not is_plugin(name):
        raise unknown_name("algorithm", name, ALGORITHMS)
    found = load_plugin("algorithm", name)
    if not isinstance(found, Algorithm):
        raise ConfigError(f"{name!r} is not an Algorithm: it is a {type(found).__name__}")
    return found


def parts_of(algorithm: Algorithm) -> Parts:
    """Look the five names up.

    Raises:
        ConfigError: if one of them does not exist.
    """
    return Parts(
        advantage=advantages.resolve_advantage(algorithm.advantage),
        loss=losses.resolve_loss(algorithm.loss),
        aggregation=aggregation.resolve_aggregation(algorithm.aggregation),
        kl=kl.resolve_kl(algorithm.kl),
        correction=corrections.resolve_correction(algorithm.correction),
        kl_placement=algorithm.kl_placement,
        gamma=algorithm.gamma,
    )


def check_needs(algorithm: Algorithm, provided: Collection[Need] = PROVIDED) -> None:
    """Refuse a method that needs what the loop does not do.

    Raises:
        ConfigError: naming what is missing.
    """
    if missing := sorted(algorithm.needs.difference(provided)):
        raise ConfigError(
            f"this algorithm ({algorithm.summary}) needs {missing[0].value!r}, "
            "which this training loop does not do: choose another (`wordle-rl algos`)"
        )


def formula_of(algorithm: Algorithm) -> str:
    """What is minimised, as one line; a user's own functions appear by name.

    >>> formula_of(ALGORITHMS["dr_grpo"])
    'A = R - mean; -min(r A, clip(r, 0.8, 1.2) A); sum over tokens / (games x constant)'
    """
    loss = losses.FORMULAS.get(algorithm.loss, algorithm.loss)
    low, high = algorithm.clip_low, algorithm.clip_high
    parts = [
        advantages.FORMULAS.get(algorithm.advantage, algorithm.advantage),
        loss.format(low=low, high=high, bottom=1 - low, top=1 + high),
        aggregation.FORMULAS.get(algorithm.aggregation, algorithm.aggregation),
    ]
    if algorithm.correction != "none":
        weight = corrections.FORMULAS.get(algorithm.correction, algorithm.correction)
        parts[1] = f"({parts[1]}) x ({weight})"
    if algorithm.kl_coef:
        estimate = kl.FORMULAS.get(algorithm.kl, algorithm.kl)
        sign = "+" if algorithm.kl_placement == "loss" else "reward -"
        parts.append(f"{sign} {algorithm.kl_coef:g} ({estimate})")
    if algorithm.gamma != 1:
        parts.append(f"gamma {algorithm.gamma:g}")
    return "; ".join(parts)


def fill_defaults(config: TrainConfig) -> TrainConfig:
    """Settings left unset take the algorithm's own, so the saved configuration is complete.

    Raises:
        ConfigError: if the algorithm or a part of it does not exist, or needs what is not there.
    """
    algorithm = find_algorithm(config.train.algo)
    parts_of(algorithm)
    check_needs(algorithm)
    rollout, train = config.rollout, config.train
    own: dict[str, Any] = {"clip_low": algorithm.clip_low, "clip_high": algorithm.clip_high}
    own = {name: value for name, value in own.items() if name not in train.model_fields_set}
    if train.kl_coef is None:
        own["kl_coef"] = algorithm.kl_coef
    if rollout.temperature is None:
        rollout = rollout.model_copy(update={"temperature": algorithm.temperature})
    return config.model_copy(update={"rollout": rollout, "train": train.model_copy(update=own)})
