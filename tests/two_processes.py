"""What one process of several computes; `test_processes_of_a_run` starts it by accelerate.

    accelerate launch --cpu --num_processes 2 -m tests.two_processes MODEL OUT

Writes the gradient of one step, its metrics and its games from each process to OUT/RANK.pt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from wordle_rl.config import TrainConfig, parse
from wordle_rl.training import update as update_module
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.learner import new_learner
from wordle_rl.training.policy import load_policy
from wordle_rl.training.processes import world
from wordle_rl.training.sampling import sample_games


def settings(model: str) -> TrainConfig:
    """Games that are worth something to a model that knows nothing, and a term of every kind."""
    return fill_defaults(
        parse(
            TrainConfig,
            {
                "env": {
                    "id": "guess-number",
                    "reward": "binary",
                    "rewards": {"length": {"weight": 1.0, "free_chars": 0, "max_chars": 40}},
                },
                "model": {
                    "path": model,
                    "device": "cpu",
                    "dtype": "float32",
                    "max_new_tokens": 6,
                },
                "rollout": {"tasks_per_step": 5, "group_size": 3, "max_turns": 2},
                "train": {"algo": "grpo", "micro_batch_tokens": 512},
            },
        )
    )


def main(model: str, out: Path) -> None:
    """Play a step, compute its gradient, keep both."""
    config = settings(model)
    agent = load_policy(config.model, config.lora, seed=0)
    learner = new_learner(agent, config)
    played = sample_games(agent, config, 0)
    kept: dict[str, torch.Tensor] = {}

    def keep(model: torch.nn.Module, max_norm: float) -> float:
        kept.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        return 0.0

    update_module.clip_gradients = keep
    lesson = learner.learn(played, 0, [])
    games = [
        [turn.action for turn in episode.turns]
        for group in played.groups
        for episode in group.episodes
    ]
    found = {"gradient": kept, "metrics": dict(lesson.metrics), "games": games}
    torch.save(found, out / f"{world().rank}.pt")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
