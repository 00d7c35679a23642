"""What a process of two holds of a model in parts; `test_processes_of_a_run` starts it.

    accelerate launch --multi_gpu --num_processes 2 -m tests.sharded_memory MODEL OUT RANK DTYPE

Writes to OUT/RANK.json the bytes of weights and moments, of all tensors when weights are gathered
to play, the most of all tensors while the policy is updated, and the estimate.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from tests.tensor_bytes import LiveBytes, held_bytes
from tests.two_processes import settings
from wordle_rl.config import TrainConfig
from wordle_rl.training.learner import Learner, new_learner
from wordle_rl.training.memory import Workload, memory_of, shape_of
from wordle_rl.training.policy import load_policy
from wordle_rl.training.processes import world
from wordle_rl.training.sampling import Played, sample_games
from wordle_rl.training.sharding import whole_weights


def main(model: str, out: Path, rank: int, dtype: str) -> None:
    """Play and learn twice under the eyes of `LiveBytes`; moments are there from the second on."""
    config = small_rows(settings(model, rank=rank, shard=True), dtype)
    with LiveBytes() as live:
        agent = load_policy(config.model, config.lora, seed=0)
        learner = new_learner(agent, config)
        with whole_weights(agent):
            gathered = live.now()
            played = sample_games(agent, config, 0)
        learner.learn(played, 0, [])
        live.peak = 0
        learner.learn(played, 1, [])
    tokens = longest_row(played)
    work = Workload(games=2 * 3, tokens_per_game=tokens, update_tokens=tokens)
    estimate = memory_of(
        shape_of(agent.model.config), work, config, agent.compute_dtype, world().count
    )
    found = {
        "weights": held_bytes(agent.model.parameters()),
        "moments": moments(learner),
        "gathered": gathered,
        "updating": live.peak,
        "estimate": asdict(estimate),
    }
    (out / f"{world().rank}.json").write_text(json.dumps(found))


def small_rows(config: TrainConfig, dtype: str) -> TrainConfig:
    """A row a micro-batch, and four tasks, so that each process has as many games."""
    train = config.train.model_copy(update={"micro_batch_tokens": 1})
    model = config.model.model_copy(update={"dtype": dtype})
    rollout = config.rollout.model_copy(update={"tasks_per_step": 4})
    return config.model_copy(update={"train": train, "model": model, "rollout": rollout})


def moments(learner: Learner) -> int:
    """Bytes of the optimisers' state."""
    states = [state for optimizer in learner.optimizers for state in optimizer.state.values()]
    return held_bytes(value for state in states for value in state.values() if value.ndim)


def longest_row(played: Played) -> int:
    """Tokens of the longest game."""
    return max(
        len(done.prompt_ids) + len(done.token_ids)
        for group in played.groups
        for episode in group.episodes
        if (done := episode.turns[-1].completion) is not None
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
