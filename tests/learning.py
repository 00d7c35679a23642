"""Every algorithm on a game of ten words: who plays, what each algorithm is set to, how it went.

The player knows which word each answer to CRANE stands for, but its spelling is shaky: fewer than
half of its games are won. What wins has to be told from what does not by reward alone, from 64
games a step. `test_learning` asks for more than 95 %; `benchmarks/ten_words.py` writes the table of
docs/algorithms.md with the same settings.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch

from tests.ten_words import Watcher, imitate, sampled_win_rate, ten_word_config, tiny_agent
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import ALGORITHMS
from wordle_rl.training.loops import LOOPS, loop_of

METHODS = tuple((*ALGORITHMS, *LOOPS))
"""Whatever trains a policy; `test_sft` and `test_rlhf` have imitation and reward models."""

COMMON = (
    "env.options.max_guesses=2",
    "rollout.tasks_per_step=8",
    "rollout.group_size=8",
    "train.steps=200",
    "train.lr=3e-3",
    "train.decay_from=0.4",
    "train.tokens_per_row=12",
    "save.checkpoint_every_steps=1000",
    "save.games_every_steps=1000",
)
PAIRS = ("rollout.group_size=16", "train.steps=120", "train.decay_from=0.3")
FOUR_UPDATES = ("train.lr=1e-3", "train.steps=120")
OWN: Mapping[str, tuple[str, ...]] = {
    # At its own 0.7 most games are won at once.
    "course": ("rollout.temperature=1.0", "train.steps=300"),
    "gdpo": ("env.reward=shaped",),  # needs a reward with parts
    "remax": ("train.steps=250",),
    # At the common rates the policy can be sure of a wrong word before the critic is of any use.
    "reinforce_value": ("train.lr=1.5e-3", "train.critic_lr=3e-3", "train.steps=300"),
    "ppo": FOUR_UPDATES,
    "ppo_turn": FOUR_UPDATES,
    # Its steps are as long for a weak gradient as for a strong one, so they have to shrink early.
    "trpo": (
        "train.max_kl=0.01",
        "train.fisher_damping=1",
        "train.steps=300",
        "train.decay_from=0.05",
    ),
    "dpo": PAIRS,
    "ipo": PAIRS,
}
"""Settings beside `COMMON`."""

SHAKY, KNOWING = 0.45, 0.98
"""The share of its games that the player wins before it has learned, and when its spelling is not
made shaky."""


@dataclass(frozen=True, kw_only=True)
class Learned:
    """One run: win rates of 640 sampled games before and after, and what it took."""

    before: float
    after: float
    steps: int
    seconds: float
    """Of the processor."""


def learn(algo: str, folder: Path, *overrides: str) -> Learned:
    """Train the shaky player by an algorithm with its settings."""
    agent, watcher, config = shaky_agent(), Watcher(), config_of(algo, *overrides)
    folder.mkdir(parents=True, exist_ok=True)
    before, began = shaky_win_rate(), time.process_time()
    loop_of(algo).train(
        agent,
        config,
        RunDir(folder),
        display=watcher,
    )
    seconds = time.process_time() - began
    return Learned(
        before=before,
        after=sampled_win_rate(agent),
        steps=len(watcher.records),
        seconds=seconds,
    )


def config_of(algo: str, *overrides: str) -> TrainConfig:
    """The settings of an algorithm, complete."""
    return ten_word_config(*COMMON, f"train.algo={algo}", *OWN.get(algo, ()), *overrides)


def shaky_agent() -> LanguageAgent:
    """The player before it has learned: what it knows, at the sharpness that wins `SHAKY`."""
    return _knowing_agent(_sharpness())


@cache
def shaky_win_rate() -> float:
    """Of the player before it has learned."""
    return sampled_win_rate(shaky_agent())


def _knowing_agent(sharpness: float) -> LanguageAgent:
    """A player whose logits are multiplied by a number: the less, the shakier its spelling."""
    agent = tiny_agent()
    agent.model.load_state_dict(_knowing())
    with torch.no_grad():
        norm = agent.model.get_submodule("model.norm").weight
        assert isinstance(norm, torch.Tensor)
        norm.mul_(sharpness)
    return agent


@cache
def _sharpness() -> float:
    """By bisection: every machine rounds otherwise and learns another player in 500 steps."""
    low, high = 0.1, 1.0
    for _ in range(6):
        middle = (low + high) / 2
        too_sharp = sampled_win_rate(_knowing_agent(middle)) > SHAKY
        low, high = (low, middle) if too_sharp else (middle, high)
    return (low + high) / 2


@cache
def _knowing() -> dict[str, torch.Tensor]:
    """The first of some students who has learned all ten words: now and then one stops at eight."""
    for seed in range(5):
        agent = tiny_agent()
        imitate(agent, 500, max_guesses=2, opener="crane", skill=1.0, decay=True, seed=seed)
        if sampled_win_rate(agent) > KNOWING:
            return {name: value.clone() for name, value in agent.model.state_dict().items()}
    raise AssertionError("no student has learned the ten words")
