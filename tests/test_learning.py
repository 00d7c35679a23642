"""Every algorithm learns a game of ten words; with shuffled advantages none of it is learned.

The player knows which word each answer to CRANE stands for, but its spelling is shaky: fewer than
half of its games are won. What wins has to be told from what does not by reward alone, from 128
games a step.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import torch

from tests.ten_words import Watcher, imitate, ten_word_config, tiny_agent
from tests.test_trainer import sampled_win_rate
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import ALGORITHMS
from wordle_rl.training.loops import LOOPS, loop_of

BUDGET = 80
"""Steps."""
SETTINGS = (
    "env.options.max_guesses=2",
    "rollout.tasks_per_step=16",
    "rollout.group_size=8",
    f"train.steps={BUDGET}",
    "train.lr=6e-3",
    "train.decay_from=0.5",
    "train.tokens_per_row=12",
    "save.checkpoint_every_steps=1000",
    "save.games_every_steps=1000",
)
OWN = {"gdpo": ("env.reward=shaped",), "course": ("rollout.temperature=1.0",)}
"""gdpo needs a reward with parts; course would sample so coldly that little is left to learn."""
SHAKINESS = 0.42
"""What the logits are multiplied by."""


def shaky_agent() -> LanguageAgent:
    agent = tiny_agent()
    agent.model.load_state_dict(_knowing())
    with torch.no_grad():
        norm = agent.model.get_submodule("model.norm").weight
        assert isinstance(norm, torch.Tensor)
        norm.mul_(SHAKINESS)
    return agent


@cache
def _knowing() -> dict[str, torch.Tensor]:
    agent = tiny_agent()
    imitate(agent, 500, max_guesses=2, opener="crane", skill=1.0)
    return {name: value.clone() for name, value in agent.model.state_dict().items()}


def config_of(algo: str, *overrides: str) -> TrainConfig:
    return ten_word_config(*SETTINGS, f"train.algo={algo}", *OWN.get(algo, ()), *overrides)


def trained(config: TrainConfig, folder: Path, *, until: float) -> LanguageAgent:
    """Train until that share of the last three steps' games was won, or the budget is spent."""
    agent, watcher = shaky_agent(), Watcher()

    def enough() -> bool:
        return recent(watcher, 3) > until

    learn = loop_of(config.train.algo).train
    learn(agent, config, RunDir(folder), display=watcher, interrupted=enough)
    return agent


def recent(watcher: Watcher, steps: int) -> float:
    rates: Sequence[float] = [r.metrics["rollout/win_rate"] for r in watcher.records[-steps:]]
    return sum(rates) / steps


@pytest.mark.slow
@pytest.mark.parametrize("algo", sorted([*ALGORITHMS, *LOOPS]))
def test_every_algorithm_learns_the_ten_words(algo: str, tmp_path: Path) -> None:
    assert 0.2 < sampled_win_rate(shaky_agent()) < 0.5
    agent = trained(config_of(algo), tmp_path, until=0.98)
    assert sampled_win_rate(agent) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["dr_grpo", "ppo"])
def test_no_algorithm_learns_from_shuffled_advantages(algo: str, tmp_path: Path) -> None:
    before = sampled_win_rate(shaky_agent())
    config = config_of(algo, "train.shuffle_advantages=true")
    agent = trained(config, tmp_path, until=2.0)
    assert sampled_win_rate(agent) < before + 0.15
