"""Algorithms are combinations: one name from each of five registries, and defaults.

`wordle-rl train --algo NAME` picks a row of `algorithm_table`; the loop has no branch on the
algorithm. `--set train.loss=capped_importance` and the like replace one part. A user's own, named
as `--algo my_module:mine`, takes a few lines, and so does a part:

    from dataclasses import replace
    from wordle_rl.training.advantages import by_group
    from wordle_rl.training.algorithms import find_algorithm

    @by_group
    def best_only(returns):
        return [float(r == max(returns)) for r in returns]

    mine = replace(find_algorithm("dr_grpo"), advantage="my_module:best_only")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from wordle_rl.config import Section, TrainConfig, TrainSection
from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.training import (
    advantages,
    aggregation,
    corrections,
    critic_advantages,
    kl,
    losses,
)
from wordle_rl.training.algorithm_table import ALGORITHMS as ALGORITHMS
from wordle_rl.training.algorithm_table import Algorithm as Algorithm
from wordle_rl.training.credit import Advantage
from wordle_rl.training.critic_advantages import CriticAdvantage
from wordle_rl.training.kl import Placement
from wordle_rl.training.other_methods import OTHER_METHODS

S = TypeVar("S", bound=Section)
PARTS = ("advantage", "loss", "aggregation", "kl", "kl_placement", "correction", "gamma")
"""What settings can replace in an algorithm."""
ADVANTAGE_FORMULAS = {**advantages.FORMULAS, **critic_advantages.FORMULAS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The functions an algorithm is made of."""

    advantage: Advantage | None = None
    """From rewards alone; None where a critic is asked."""
    critic_advantage: CriticAdvantage | None = None
    """From rewards and a critic's values."""
    loss: losses.PolicyLoss
    aggregation: aggregation.Aggregation
    kl: kl.KL
    correction: corrections.Correction
    kl_placement: Placement = "loss"
    gamma: float = 1.0
    lam: float = 1.0


def find_algorithm(name: str) -> Algorithm:
    """The algorithm of that name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: if there is none (the message names the nearest), or it is no `Algorithm`.
    """
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    if name in OTHER_METHODS:
        raise ConfigError(
            f"{name!r} has a loop of its own: train it with `{OTHER_METHODS[name].command}`"
        )
    if not is_plugin(name):
        raise unknown_name("algorithm", name, {**ALGORITHMS, **OTHER_METHODS})
    found = load_plugin("algorithm", name)
    if not isinstance(found, Algorithm):
        raise ConfigError(f"{name!r} is not an Algorithm: it is a {type(found).__name__}")
    return found


def chosen_algorithm(train: TrainSection) -> Algorithm:
    """The algorithm of the settings, with the parts that they name in place of its own.

    Raises:
        ConfigError: there is no algorithm of that name.
    """
    named = {part: getattr(train, part) for part in PARTS}
    changed = {part: name for part, name in named.items() if name is not None}
    algorithm = replace(find_algorithm(train.algo), **changed)
    return replace(
        algorithm,
        greedy_game=algorithm.greedy_game or algorithm.advantage == "greedy_centered",
        beliefs=algorithm.beliefs or algorithm.advantage == "anchored",
    )


def parts_of(algorithm: Algorithm) -> Parts:
    """Look the five names up.

    Raises:
        ConfigError: if one of them does not exist.
    """
    critic_advantage = critic_advantages.CRITIC_ADVANTAGES.get(algorithm.advantage)
    return Parts(
        advantage=None if critic_advantage else advantages.resolve_advantage(algorithm.advantage),
        critic_advantage=critic_advantage,
        loss=losses.resolve_loss(algorithm.loss),
        aggregation=aggregation.resolve_aggregation(algorithm.aggregation),
        kl=kl.resolve_kl(algorithm.kl),
        correction=corrections.resolve_correction(algorithm.correction),
        kl_placement=algorithm.kl_placement,
        gamma=algorithm.gamma,
        lam=algorithm.lam,
    )


def formula_of(algorithm: Algorithm) -> str:
    """What is minimised, as one line; a user's own functions appear by name.

    >>> formula_of(ALGORITHMS["dr_grpo"])
    'A = R - mean; -min(r A, clip(r, 0.8, 1.2) A); sum over tokens / (games x constant)'
    """
    loss = losses.FORMULAS.get(algorithm.loss, algorithm.loss)
    low, high = algorithm.clip_low, algorithm.clip_high
    parts = [
        ADVANTAGE_FORMULAS.get(algorithm.advantage, algorithm.advantage),
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
    if algorithm.step == "trust_region":
        parts.append("the natural gradient's step of mean KL(pi_old, pi) <= train.max_kl")
    if algorithm.gamma != 1:
        parts.append(f"gamma {algorithm.gamma:g}")
    if algorithm.lam != 1:
        parts.append(f"lambda {algorithm.lam:g}")
    return "; ".join(parts)


def fill_defaults(config: TrainConfig) -> TrainConfig:
    """Settings left unset take the algorithm's own, so the saved configuration is complete.

    Raises:
        ConfigError: if the algorithm or a part of it does not exist, or a setting does not go with
            it.
    """
    config = config.model_copy(update={"train": _corrected(config)})
    algorithm = chosen_algorithm(config.train)
    parts_of(algorithm)
    own = {
        "clip_low": algorithm.clip_low,
        "clip_high": algorithm.clip_high,
        "updates_per_batch": algorithm.updates,
        "kl_coef": algorithm.kl_coef,
    }
    train = _completed(config.train, own)
    if algorithm.step == "trust_region" and train.updates_per_batch > 1:
        raise ConfigError(
            f"setting train.updates_per_batch={train.updates_per_batch}: a trust-region method "
            "takes one step a batch, leave it out (train.max_kl is how far it goes)"
        )
    if train.kl_target is not None and not train.kl_coef:
        raise ConfigError(
            f"setting train.kl_target={train.kl_target:g}: there is no KL term to steer, "
            "set train.kl_coef above 0 as well"
        )
    sampling = {"temperature": algorithm.temperature, "refill_rounds": algorithm.refill_rounds}
    rollout = _completed(config.rollout, sampling)
    env = config.env.model_copy(update={"beliefs": config.env.beliefs or algorithm.beliefs})
    return config.model_copy(update={"env": env, "rollout": rollout, "train": train})


def _corrected(config: TrainConfig) -> TrainSection:
    """Tokens of another program or of older weights are weighed, unless it is said how already."""
    train = config.train
    exact = config.sampler.kind == "local" and not config.rollout.pipelined
    if exact or chosen_algorithm(train).correction != "none":
        return train
    return train.model_copy(update={"correction": train.correction or "truncated"})


def _completed(section: S, own: Mapping[str, Any]) -> S:
    """A section whose unset settings are the algorithm's."""
    unset = {k: v for k, v in own.items() if getattr(section, k) is None}
    unset |= {k: v for k, v in own.items() if k not in section.model_fields_set}
    return section.model_copy(update=unset)
