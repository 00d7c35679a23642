"""The methods that learn from pairs: one row each, with the loss that tells them apart.

`wordle-rl train --algo NAME` picks a row. Scores are sums over what the player said in a whole game
(dpo, ipo: how much likelier the policy finds it than the reference, nats) or a reward model's
number; what the environment said carries no gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from wordle_rl.config import PreferenceSection, TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.training.pair_update import PairLoss
from wordle_rl.training.preference_losses import bradley_terry, dpo, ipo

REWARD_MODEL = "reward-model"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMethod:
    """A loss on pairs of scores; `other_methods` says what a reader wants to know of it."""

    loss: Callable[[Tensor, Tensor, PreferenceSection], Tensor]
    """(scores of the better answers, of the worse ones, settings) -> [N]."""
    reads: frozenset[str]
    """The settings of `[preference]` that the loss depends on."""


def _dpo(better: Tensor, worse: Tensor, given: PreferenceSection) -> Tensor:
    return dpo(better - worse, beta=given.beta, label_smoothing=given.label_smoothing)


def _ipo(better: Tensor, worse: Tensor, given: PreferenceSection) -> Tensor:
    return ipo(better - worse, beta=given.beta)


def _bradley_terry(better: Tensor, worse: Tensor, given: PreferenceSection) -> Tensor:
    return bradley_terry(better, worse, center=given.center)


PAIR_METHODS: Mapping[str, PairMethod] = {
    "dpo": PairMethod(loss=_dpo, reads=frozenset({"beta", "label_smoothing"})),
    "ipo": PairMethod(loss=_ipo, reads=frozenset({"beta"})),
    REWARD_MODEL: PairMethod(loss=_bradley_terry, reads=frozenset({"center", "held_out"})),
}
_ALWAYS_READ = frozenset({"path", "batch_size"})


def pair_loss(config: TrainConfig) -> PairLoss:
    """The loss of the settings' method."""
    method = PAIR_METHODS[config.train.algo]
    return lambda better, worse: method.loss(better, worse, config.preference)


def complete_pairs(config: TrainConfig) -> TrainConfig:
    """The settings with what is unset filled in.

    Raises:
        ConfigError: something is set that the method does not read.
    """
    name, train, given = config.train.algo, config.train, config.preference
    _check_idle(name, given, PAIR_METHODS[name].reads | _ALWAYS_READ)
    for key in ("kl_coef", "shuffle_advantages", "ema_decay"):
        if getattr(train, key):
            raise ConfigError(f"setting train.{key}: {name} does not read it, leave it out")
    if config.sampler.kind != "local" or config.rollout.pipelined:
        key = "rollout.pipelined" if config.rollout.pipelined else "sampler.kind"
        raise ConfigError(f"setting {key}: {name} samples locally and in turn, leave it out")
    temperature = config.rollout.temperature or 1.0
    rollout = config.rollout.model_copy(update={"temperature": temperature})
    return config.model_copy(update={"rollout": rollout})


def check_no_pairs(config: TrainConfig) -> None:
    """Refuse `[preference]` settings for a method that knows nothing of pairs.

    Raises:
        ConfigError: one of them is set.
    """
    _check_idle(config.train.algo, config.preference, frozenset())


def _check_idle(name: str, given: PreferenceSection, reads: frozenset[str]) -> None:
    default = PreferenceSection()
    for key in sorted(PreferenceSection.model_fields.keys() - reads):
        if getattr(given, key) != getattr(default, key):
            raise ConfigError(f"setting preference.{key}: {name} does not read it, leave it out")
