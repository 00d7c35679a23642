"""Two processes (gloo) that share a batch make the gradient that one makes alone.

Every micro-batch contributes its share over the whole batch (`aggregation.BatchSize`), so the
gradients of processes are summed, never averaged.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from tests.ten_words import taught_agent, tiny_agent
from tests.test_update import samples, updater
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.batch import collate

ALGOS = ("dr_grpo", "grpo", "dapo", "gspo", "luspo", "vespo", "rank_pair")


def gradients(rank: int, processes: int, store: str, state: dict[str, Any]) -> None:
    """The summed gradient of every algorithm; the first process writes it down."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=processes)
    found = {algo: summed(algo, rank, processes, state) for algo in ALGOS}
    if rank == 0:
        torch.save(found, f"{store}.result")
    dist.destroy_process_group()


def summed(algo: str, rank: int, processes: int, state: dict[str, Any]) -> torch.Tensor:
    agent = tiny_agent()
    agent.model.load_state_dict(state["weights"])
    rows = state["rows"][algo]
    mine = rows[rank::processes]
    size = BatchSize(
        games=len(rows),
        rows=len(rows),
        tokens=sum(sum(row.loss_mask) for row in rows),
        tokens_per_game=32.0,
    )
    update = updater(agent, f"train.algo={algo}")
    update.accumulate([update._prepare(collate(mine, agent.pad_id))], size)
    parts = [p.grad for p in agent.model.parameters()]
    gradient = torch.cat([g.reshape(-1) for g in parts if g is not None])
    dist.all_reduce(gradient, op=dist.ReduceOp.SUM)
    return gradient


@pytest.mark.slow
def test_two_processes_make_the_gradient_of_one(tmp_path: Path) -> None:
    state = {
        "weights": taught_agent().model.state_dict(),
        "rows": {algo: samples(algo) for algo in ALGOS},
    }
    results = []
    for processes in (1, 2):
        store = str(tmp_path / f"store-{processes}")
        mp.spawn(gradients, args=(processes, store, state), nprocs=processes)
        results.append(torch.load(f"{store}.result"))
    alone, together = results
    for algo in ALGOS:
        assert alone[algo].norm() > 1e-3
        assert torch.allclose(alone[algo], together[algo], rtol=1e-4, atol=1e-6), algo
