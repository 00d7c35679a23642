"""Algorithms: every name resolves, and settings left unset take the method's own."""

import pytest

from wordle_rl.config import RolloutSection, TrainConfig, TrainSection
from wordle_rl.errors import ConfigError
from wordle_rl.training import advantages, corrections, kl, losses
from wordle_rl.training.algorithms import (
    ALGORITHMS,
    Parts,
    fill_defaults,
    find_algorithm,
    parts_of,
)

every_algorithm = pytest.mark.parametrize("name", sorted(ALGORITHMS))


@every_algorithm
def test_every_algorithm_resolves(name: str) -> None:
    algorithm = find_algorithm(name)
    parts = parts_of(algorithm)
    assert advantages.ADVANTAGES[algorithm.advantage] is parts.advantage
    assert losses.LOSSES[algorithm.loss] is parts.loss
    assert losses.AGGREGATIONS[algorithm.aggregation] is parts.aggregation
    assert kl.KLS[algorithm.kl] is parts.kl
    assert corrections.CORRECTIONS[algorithm.correction] is parts.correction
    assert algorithm.summary
    assert algorithm.paper
    assert algorithm.kl_coef >= 0
    assert algorithm.temperature > 0


def test_the_default_has_neither_std_nor_length_bias_nor_kl() -> None:
    default = find_algorithm(TrainConfig().train.algo)
    assert default is ALGORITHMS["dr_grpo"]
    assert parts_of(default) == Parts(
        advantage=advantages.centered,
        loss=losses.clipped,
        aggregation=losses.constant,
        kl=kl.k3,
        correction=corrections.none,
    )
    assert (default.kl_coef, default.temperature) == (0.0, 1.0)


def test_grpo_is_the_literal_form() -> None:
    parts = parts_of(find_algorithm("grpo"))
    assert parts.advantage is advantages.standardized
    assert parts.aggregation is losses.sequence_mean
    assert parts.kl is kl.k3
    assert find_algorithm("grpo").kl_coef == 0.04


def test_course_is_the_teaching_form() -> None:
    filled = fill_defaults(TrainConfig(train=TrainSection(algo="course")))
    assert find_algorithm("course").advantage == "population_standardized"
    assert (filled.train.clip_low, filled.train.clip_high) == (0.2, 0.2)
    assert (filled.train.kl_coef, filled.rollout.temperature) == (0.1, 0.7)


@every_algorithm
def test_what_is_unset_takes_the_methods_own(name: str) -> None:
    config = TrainConfig(train=TrainSection(algo=name))
    assert config.train.kl_coef is None
    assert config.rollout.temperature is None
    filled = fill_defaults(config)
    assert filled.train.kl_coef == ALGORITHMS[name].kl_coef
    assert filled.rollout.temperature == ALGORITHMS[name].temperature
    assert fill_defaults(filled) == filled
    assert config.train.kl_coef is None


def test_what_is_set_stays() -> None:
    config = TrainConfig(
        train=TrainSection(algo="course", kl_coef=0.0, lr=1e-5),
        rollout=RolloutSection(temperature=1.3, group_size=4),
    )
    assert fill_defaults(config) == config


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown algorithm 'dr_gpro': did you mean 'dr_grpo'\?"):
        find_algorithm("dr_gpro")
    with pytest.raises(ConfigError, match="Known: course, dr_grpo, grpo"):
        fill_defaults(TrainConfig(train=TrainSection(algo="xyz")))
