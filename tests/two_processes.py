"""What one process of several computes; `test_processes_of_a_run` starts it by accelerate.

    accelerate launch --multi_gpu --num_processes 2 -m tests.two_processes MODEL OUT [RANK] [shard]

Writes the gradient of one step, the weights after it, its metrics and its games from each process
to OUT/RANK.pt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch.distributed.tensor import DTensor

from wordle_rl.config import TrainConfig, parse
from wordle_rl.training import update as update_module
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.learner import new_learner
from wordle_rl.training.policy import load_policy
from wordle_rl.training.processes import world
from wordle_rl.training.sampling import sample_games
from wordle_rl.training.sharding import gathered, whole, whole_weights


def settings(model: str, *, rank: int = 0, shard: bool = False) -> TrainConfig:
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
                "lora": {"rank": rank},
                "train": {"algo": "grpo", "micro_batch_tokens": 512, "shard": shard},
            },
        )
    )


def main(model: str, out: Path, *, rank: int = 0, shard: bool = False) -> None:
    """Play a step, compute its gradient, keep both."""
    config = settings(model, rank=rank, shard=shard)
    agent = load_policy(config.model, config.lora, seed=0)
    learner = new_learner(agent, config)
    with whole_weights(agent):
        played = sample_games(agent, config, 0)
    kept: dict[str, torch.Tensor] = {}

    def keep(model: torch.nn.Module, max_norm: float) -> float:
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        kept.update({name: whole(grad).clone() for name, grad in grads.items()})
        return 0.0

    update_module.clip_gradients = keep
    lesson = learner.learn(played, 0, [])
    games = [
        [turn.action for turn in episode.turns]
        for group in played.groups
        for episode in group.episodes
    ]
    found = {
        "gradient": kept,
        "weights": gathered(agent.model).state_dict(),
        "held": sum(part.numel() for part in local(agent.model)),
        "metrics": dict(lesson.metrics),
        "games": games,
    }
    torch.save(found, out / f"{world().rank}.pt")


def local(model: torch.nn.Module) -> list[torch.Tensor]:
    """What this process holds of each weight."""
    return [p.to_local() if isinstance(p, DTensor) else p for p in model.parameters()]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), rank=int(sys.argv[3]), shard=sys.argv[4] == "shard")
