"""Algorithms: every name resolves, and settings left unset take the method's own."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest

from wordle_rl.config import EnvSection, RolloutSection, TrainConfig, TrainSection
from wordle_rl.errors import ConfigError
from wordle_rl.training import advantages, aggregation, corrections, kl, losses
from wordle_rl.training.algorithms import (
    ALGORITHMS,
    Parts,
    chosen_algorithm,
    fill_defaults,
    find_algorithm,
    formula_of,
    parts_of,
)
from wordle_rl.training.credit import AdvantageInputs, Values
from wordle_rl.training.critic_advantages import CRITIC_ADVANTAGES

every_algorithm = pytest.mark.parametrize("name", sorted(ALGORITHMS))


@every_algorithm
def test_every_algorithm_resolves(name: str) -> None:
    algorithm = find_algorithm(name)
    parts = parts_of(algorithm)
    assert advantages.ADVANTAGES.get(algorithm.advantage) is parts.advantage
    assert CRITIC_ADVANTAGES.get(algorithm.advantage) is parts.critic_advantage
    assert (parts.advantage is None) != (parts.critic_advantage is None)
    assert losses.LOSSES[algorithm.loss] is parts.loss
    assert aggregation.AGGREGATIONS[algorithm.aggregation] is parts.aggregation
    assert kl.KLS[algorithm.kl] is parts.kl
    assert corrections.CORRECTIONS[algorithm.correction] is parts.correction
    assert (parts.gamma, parts.lam) == (algorithm.gamma, algorithm.lam)
    assert parts.kl_placement == algorithm.kl_placement
    assert algorithm.summary
    assert algorithm.paper
    assert algorithm.kl_coef >= 0
    assert algorithm.temperature > 0
    assert 0 < algorithm.gamma <= 1


def test_every_part_is_used_or_one_name_away() -> None:
    """Few parts that no algorithm uses: oracles of the others, or for a user's own algorithm."""
    used = {a.advantage for a in ALGORITHMS.values()}
    assert advantages.ADVANTAGES.keys() - used == {"turn_returns", "turn_centered"}
    assert CRITIC_ADVANTAGES.keys() <= used
    assert losses.LOSSES.keys() == {a.loss for a in ALGORITHMS.values()}
    assert aggregation.AGGREGATIONS.keys() == {a.aggregation for a in ALGORITHMS.values()}


def test_no_two_algorithms_are_the_same() -> None:
    bare = [replace(a, summary="", paper="") for a in ALGORITHMS.values()]
    assert all(bare.count(a) == 1 for a in bare)


def test_the_default_has_neither_std_nor_length_bias_nor_kl() -> None:
    default = find_algorithm(TrainConfig().train.algo)
    assert default is ALGORITHMS["dr_grpo"]
    assert parts_of(default) == Parts(
        advantage=advantages.ADVANTAGES["centered"],
        loss=losses.clipped,
        aggregation=aggregation.constant,
        kl=kl.k3,
        correction=corrections.none,
    )
    assert (default.kl_coef, default.temperature) == (0.0, 1.0)


def test_grpo_is_the_literal_form() -> None:
    grpo = find_algorithm("grpo")
    parts = parts_of(grpo)
    assert grpo.advantage == "standardized"
    assert parts.aggregation is aggregation.sequence_mean
    assert parts.kl is kl.k3
    assert (grpo.kl_coef, grpo.kl_placement) == (0.04, "loss")


def test_course_is_the_teaching_form() -> None:
    filled = fill_defaults(TrainConfig(train=TrainSection(algo="course")))
    assert find_algorithm("course").advantage == "population_standardized"
    assert (filled.train.clip_low, filled.train.clip_high) == (0.2, 0.2)
    assert (filled.train.kl_coef, filled.rollout.temperature) == (0.1, 0.7)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("dr_grpo", 0.2, 0.2),
        ("dapo", 0.2, 0.28),
        ("gspo", 3e-4, 4e-4),
        ("luspo", 2e-3, 2.5e-3),
        ("cispo", 0.2, 4.0),
        ("gmpo", 0.4, 0.4),
        ("dppo_kl", 0.05, 0.05),
    ],
)
def test_the_trust_region_is_the_methods_own(name: str, low: float, high: float) -> None:
    filled = fill_defaults(TrainConfig(train=TrainSection(algo=name)))
    assert (filled.train.clip_low, filled.train.clip_high) == (low, high)


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
        rollout=RolloutSection(temperature=1.3, group_size=4, refill_rounds=0),
    )
    assert fill_defaults(config) == config
    own = TrainConfig(train=TrainSection(algo="gspo", clip_low=0.2))
    filled = fill_defaults(own).train
    assert (filled.clip_low, filled.clip_high) == (0.2, 4e-4)


def test_the_loop_is_told_what_a_method_needs_of_it() -> None:
    def filled(name: str) -> TrainConfig:
        return fill_defaults(TrainConfig(train=TrainSection(algo=name)))

    assert chosen_algorithm(TrainSection(algo="remax")).greedy_game
    assert chosen_algorithm(TrainSection(advantage="greedy_centered")).greedy_game
    assert not chosen_algorithm(TrainSection()).greedy_game
    assert filled("dapo").rollout.refill_rounds == 3
    assert filled("dr_grpo").rollout.refill_rounds == 0
    assert filled("gigpo").env.beliefs
    assert not filled("dr_grpo").env.beliefs
    assert (filled("ppo").train.updates_per_batch, filled("grpo").train.updates_per_batch) == (4, 1)
    own = TrainConfig(
        train=TrainSection(algo="ppo", updates_per_batch=1),
        rollout=RolloutSection(refill_rounds=2),
        env=EnvSection(beliefs=True),
    )
    assert fill_defaults(own).train.updates_per_batch == 1
    assert fill_defaults(own).rollout.refill_rounds == 2
    assert fill_defaults(own).env.beliefs


def test_settings_replace_single_parts() -> None:
    train = TrainSection(
        algo="grpo", advantage="token_gae", loss="importance", kl="k1", kl_placement="reward"
    )
    chosen = chosen_algorithm(train)
    assert chosen == replace(
        find_algorithm("grpo"),
        advantage="token_gae",
        loss="importance",
        kl="k1",
        kl_placement="reward",
    )
    assert chosen_algorithm(TrainSection(algo="grpo")) == find_algorithm("grpo")
    truncated = TrainSection(correction="truncated", aggregation="token_mean")
    assert parts_of(chosen_algorithm(truncated)).correction is corrections.truncated
    with pytest.raises(ConfigError, match="unknown correction 'truncate': did you mean"):
        fill_defaults(TrainConfig(train=TrainSection(correction="truncate")))


def test_settings_that_do_not_go_with_a_method_are_refused() -> None:
    twice = TrainConfig(train=TrainSection(algo="trpo", updates_per_batch=2))
    with pytest.raises(ConfigError, match=r"updates_per_batch=2: a trust-region method takes one"):
        fill_defaults(twice)
    aimless = TrainConfig(train=TrainSection(algo="dr_grpo", kl_target=0.1))
    with pytest.raises(ConfigError, match=r"kl_target=0.1: there is no KL term to steer"):
        fill_defaults(aimless)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown algorithm 'dr_gpro': did you mean 'dr_grpo'\?"):
        find_algorithm("dr_gpro")
    with pytest.raises(ConfigError, match="Known: bnpo, cispo, course, dapo"):
        fill_defaults(TrainConfig(train=TrainSection(algo="xyz")))
    with pytest.raises(ConfigError, match=r"'sft' has a loop of its own: .*`wordle-rl pretrain`"):
        find_algorithm("sft")


# --- formulas


@every_algorithm
def test_every_algorithm_has_a_formula_without_gaps(name: str) -> None:
    formula = formula_of(find_algorithm(name))
    assert "{" not in formula
    assert formula.startswith("A")
    assert formula.count(";") >= 2


def test_formulas_have_the_settings_in_them() -> None:
    assert "clip(r, 0.8, 1.28)" in formula_of(find_algorithm("dapo"))
    assert "min(r, 5)" in formula_of(find_algorithm("cispo"))
    assert formula_of(find_algorithm("grpo")).endswith("; + 0.04 (e^-d + d - 1)")
    assert formula_of(find_algorithm("rebn")).endswith("; gamma 0.95")
    charged = replace(find_algorithm("reinforce_pp"), kl_coef=0.01)
    assert formula_of(charged).endswith("; reward - 0.01 (d)")
    turns = chosen_algorithm(TrainSection(advantage="turn_centered", gamma=0))
    assert formula_of(turns).endswith("; gamma 0")
    assert parts_of(turns).gamma == 0
    corrected = replace(find_algorithm("gpg"), correction="truncated")
    assert "(-A log pi) x (min(w, 2))" in formula_of(corrected)


# --- a user's own


@pytest.fixture
def mine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A user's module with an advantage and an algorithm of ten lines."""
    module = ModuleType("mine")

    def best_only(inputs: AdvantageInputs) -> Values:
        tops = [max(group.returns) for group in inputs.groups]
        return [
            [[float(game.total == top)] * len(game.rewards) for game in group.games]
            for group, top in zip(inputs.groups, tops, strict=True)
        ]

    module.best_only = best_only  # type: ignore[attr-defined]
    module.algorithm = replace(  # type: ignore[attr-defined]
        find_algorithm("dr_grpo"), advantage="mine:best_only", clip_high=0.5
    )
    monkeypatch.setitem(sys.modules, "mine", module)
    return module


def test_a_users_own_algorithm_is_named_like_any_other(mine: ModuleType) -> None:
    filled = fill_defaults(TrainConfig(train=TrainSection(algo="mine:algorithm")))
    assert filled.train.clip_high == 0.5
    parts = parts_of(find_algorithm("mine:algorithm"))
    assert parts.advantage is not None
    assert parts.advantage(AdvantageInputs.of_returns([[1.0, 3.0]])) == [[[0.0], [1.0]]]
    assert formula_of(mine.algorithm).startswith("mine:best_only; ")


def test_what_is_no_algorithm_is_refused(mine: ModuleType) -> None:
    with pytest.raises(ConfigError, match="'mine:best_only' is not an Algorithm: it is a function"):
        find_algorithm("mine:best_only")


def test_a_part_that_does_not_exist_is_found_before_anything_is_written(mine: ModuleType) -> None:
    mine.broken = replace(mine.algorithm, loss="cliped")  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="unknown loss 'cliped': did you mean 'clipped'"):
        fill_defaults(TrainConfig(train=TrainSection(algo="mine:broken")))
