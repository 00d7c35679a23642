"""Algorithms learn a game of ten words, each with the same settings.

The player knows which word each answer to CRANE stands for, but its spelling is shaky: fewer than
half of its games are won. What wins has to be told from what does not by reward alone, from 128
games a step.
"""

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

BUDGET = 70
"""Steps."""
SETTINGS = (
    "env.options.max_guesses=2",
    "rollout.tasks_per_step=16",
    "rollout.group_size=8",
    f"train.steps={BUDGET}",
    "train.lr=5e-3",
    "train.decay_from=0.4",
    "train.tokens_per_row=12",
    "save.checkpoint_every_steps=1000",
    "save.games_every_steps=1000",
)
FOUR_UPDATES = ("train.lr=1e-3",)
PAIRS = ("train.steps=120", "train.lr=3e-3", "train.decay_from=0.3")
OWN = {
    "course": ("rollout.temperature=1.0",),
    "dpo": PAIRS,
    "gdpo": ("env.reward=shaped",),
    "ipo": PAIRS,
    "ppo": FOUR_UPDATES,
    "ppo_turn": FOUR_UPDATES,
    "trpo": ("train.max_kl=0.03",),
}
"""course would sample so coldly that little is left to learn, gdpo needs a reward with parts."""
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


def trained(config: TrainConfig, folder: Path) -> LanguageAgent:
    agent = shaky_agent()
    loop_of(config.train.algo).train(agent, config, RunDir(folder), display=Watcher())
    return agent


@pytest.mark.slow
@pytest.mark.parametrize("algo", sorted([*ALGORITHMS, *LOOPS]))
def test_every_algorithm_learns_the_ten_words(algo: str, tmp_path: Path) -> None:
    assert 0.2 < sampled_win_rate(shaky_agent()) < 0.5
    assert sampled_win_rate(trained(config_of(algo), tmp_path)) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("algo", ["dr_grpo", "ppo"])
def test_nothing_is_learned_from_shuffled_advantages(algo: str, tmp_path: Path) -> None:
    config = config_of(algo, "train.shuffle_advantages=true")
    assert sampled_win_rate(trained(config, tmp_path)) < 0.5
