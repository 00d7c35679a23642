"""What kept memory and fused kernels are worth in an update on a CPU, side by side.

    python benchmarks/update.py [--rounds 3] [--threads 1]

Each way runs in a process of its own (the allocator is the process's), the ways take turns, and
each round times the second half of a few updates: 256 rows like games of Wordle, forward and
backward. Prints the medians and their ratios to the plain way.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import click
import numpy as np
import torch

from wordle_rl.agents.device import compiled, keep_freed_memory
from wordle_rl.config import PretrainConfig
from wordle_rl.records import Sample
from wordle_rl.training.session import new_nano
from wordle_rl.training.sft import backward

WAYS = ("plain", "kept memory", "kept memory and fused kernels")
UPDATES = 6


def games(count: int = 256) -> list[Sample]:
    """Rows of the shape of Wordle games: 13 tokens a turn, of which 6 are trained."""
    rng = np.random.default_rng(0)
    rows = []
    for turns in rng.integers(2, 7, count):
        mask = [False] * 12 + ([True] * 6 + [False] * 7) * int(turns)
        rows.append(
            Sample(
                token_ids=tuple(int(i) for i in rng.integers(5, 261, len(mask))),
                loss_mask=tuple(mask),
                sampler_logprobs=(0.0,) * len(mask),
                advantages=(1.0,) * len(mask),
            )
        )
    return rows


def time_way(way: str, threads: int) -> float:
    """Median seconds of an update."""
    torch.set_num_threads(threads)
    if way != WAYS[0]:
        keep_freed_memory()
    config = PretrainConfig(micro_batch_tokens=2048)
    agent, rows = new_nano(config), games()
    model = compiled(agent.model) if way == WAYS[2] else agent.model
    seconds = []
    for _ in range(UPDATES):
        began = time.perf_counter()
        backward(agent, model, rows, config)
        seconds.append(time.perf_counter() - began)
        agent.model.zero_grad(set_to_none=True)
    return statistics.median(seconds[UPDATES // 2 :])


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--way", type=click.Choice(WAYS), hidden=True, help="Time one way and print it.")
def main(rounds: int, threads: int, way: str | None) -> None:
    """Time the ways in turn and print a table."""
    if way is not None:
        click.echo(json.dumps(time_way(way, threads)))
        return
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    for _ in range(rounds):
        for each in WAYS:
            command = [sys.executable, __file__, "--threads", str(threads), "--way", each]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
            seconds[each].append(float(done.stdout))
    plain = statistics.median(seconds[WAYS[0]])
    for each, values in seconds.items():
        median = statistics.median(values)
        click.echo(f"{each:32} {median:6.2f} s an update  {plain / median:4.2f}x")


if __name__ == "__main__":
    main()
