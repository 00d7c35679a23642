"""Which loop trains a policy by an algorithm's name: from rewards, or from pairs of games."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import Outcome
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import (
    chosen_algorithm,
    fill_defaults,
    find_algorithm,
    parts_of,
)
from wordle_rl.training.pair_methods import (
    PAIR_METHODS,
    REWARD_MODEL,
    check_no_pairs,
    complete_pairs,
)
from wordle_rl.training.pair_trainer import train_on_pairs
from wordle_rl.training.processes import check_alone, world
from wordle_rl.training.scoring import WeightedScorer
from wordle_rl.training.trainer import Display, train
from wordle_rl.training.validation import Validate


class Train(Protocol):
    """A training loop; `trainer.train` says what it is given."""

    def __call__(
        self,
        agent: LanguageAgent,
        config: TrainConfig,
        run: RunDir,
        *,
        display: Display,
        validate: Validate | None = None,
        scorers: Sequence[WeightedScorer] = (),
        interrupted: Callable[[], bool] = ...,
    ) -> Outcome:
        """Train in place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """How a kind of method trains a policy."""

    complete: Callable[[TrainConfig], TrainConfig]
    """Fills in what the settings leave to the method; raises ConfigError for what cannot work."""
    train: Train
    games_per_step: Callable[[TrainConfig], int]
    """Games played in a step; 0 where they come from a file."""


def loop_of(algo: str) -> Loop:
    """The loop of an algorithm.

    Raises:
        ConfigError: there is none of that name; the message names the nearest.
    """
    if algo in LOOPS:
        return LOOPS[algo]
    find_algorithm(algo)
    return REWARDS


def check_processes(config: TrainConfig, processes: int | None = None) -> None:
    """Refuse methods whose update is not a sum of gradients over rows, or needs whole weights.

    Args:
        config: complete settings.
        processes: None for those that are running.

    Raises:
        ConfigError: there are several processes and the method is such a one.
    """
    if config.train.shard and (processes or world().count) > 1:
        _check_sharding(config)
    algo = config.train.algo
    if algo in PAIR_METHODS or find_algorithm(algo).step != "gradient":
        check_alone(f"train.algo={algo!r}", processes)


def _check_sharding(config: TrainConfig) -> None:
    critic = parts_of(chosen_algorithm(config.train)).critic_advantage
    whole = {
        "train.optimizer='muon'": config.train.optimizer == "muon",
        f"the critic of train.algo={config.train.algo!r}": critic is not None,
        "lora.bits=4": config.lora.bits is not None,
        f"train.ema_decay={config.train.ema_decay:g}": config.train.ema_decay > 0,
    }
    for what, asked in whole.items():
        if asked:
            raise ConfigError(f"{what} needs whole weights: set train.shard=false")


def _complete_rewards(config: TrainConfig) -> TrainConfig:
    check_no_pairs(config)
    return fill_defaults(config)


def _played(config: TrainConfig) -> int:
    return config.rollout.tasks_per_step * config.rollout.group_size


REWARDS = Loop(complete=_complete_rewards, train=train, games_per_step=_played)
"""Learning from the rewards of games."""
PAIRS = Loop(
    complete=complete_pairs,
    train=train_on_pairs,
    games_per_step=lambda config: 0 if config.preference.path else _played(config),
)
"""Learning from pairs of games."""
LOOPS = {name: PAIRS for name in PAIR_METHODS if name != REWARD_MODEL}
"""The methods that do not learn from rewards; a reward model is no policy (`reward_session`)."""
