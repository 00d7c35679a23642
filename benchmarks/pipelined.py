"""A training step whose games were played ahead against one that plays first, in one run.

    python -m benchmarks.pipelined [--model nano] [--steps 8] [--rounds 3] [--threads 2]
    python -m benchmarks.pipelined --threads 1 --server http://localhost:8000/v1

The default preset, without validation. Each side runs in a process of its own, in turn, with the
same cores: in turn both halves of a step have all threads, pipelined each half has half of them.
With `--server` a vLLM server plays (docs/models.md says how to start one; pin it to other cores),
so that the halves share nothing, and both sides have all threads.
Wall seconds, so the machine has to be idle; the first two steps of a process are not counted.
`apart` is KL(sampler || policy) when the games are learned from, in nats a token.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.step_sides import Meter, Watch
from benchmarks.step_vs_trl import ROOT
from wordle_rl.agents.device import keep_freed_memory
from wordle_rl.config import TrainConfig, parse
from wordle_rl.records import StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.policy import load_policy
from wordle_rl.training.trainer import train

WARM_UP = 2
SIDES = {"in turn": False, "pipelined": True}


class Distances(Watch):
    """Takes the time of every step, and how far the policy was from who played."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self.apart: list[float] = []

    def step(self, record: StepRecord) -> None:
        """A step has finished."""
        super().step(record)
        self.apart.append(record.metrics.get("train/sampler_kl", 0.0))


def run(model: str, steps: int, seed: int, server: str, *, pipelined: bool) -> dict[str, Any]:
    """One side: a few steps of training."""
    sampler = {"kind": "vllm", "base_url": server} if server else {}
    config = fill_defaults(
        parse(
            TrainConfig,
            {
                "model": {"path": model},
                "rollout": {"pipelined": pipelined},
                "sampler": sampler,
                "train": {"steps": steps, "seed": seed},
                "eval": {"every_steps": 0},
                "save": {"checkpoint_every_steps": steps},
            },
        )
    )
    agent = load_policy(config.model, config.lora, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run_dir = RunDir(Path(folder) / "run")
        run_dir.create("", {})
        meter = Meter(WARM_UP)
        watch = Distances(meter)
        train(agent, config, run_dir, display=watch)
    return {**meter.result(), "apart": statistics.mean(watch.apart[WARM_UP:])}


def measured(
    side: str, model: str, steps: int, seed: int, threads: int, server: str
) -> dict[str, Any]:
    """What a side takes in a process of its own."""
    chosen = ("--side", side, "--model", model, "--steps", steps, "--seed", seed)
    chosen = (*chosen, "--server", server)
    command = [sys.executable, "-m", "benchmarks.pipelined", *map(str, chosen)]
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [*command, "--threads", str(threads)],
        capture_output=True,
        text=True,
        env=environ,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@click.command()
@click.option("--model", default="nano", show_default=True)
@click.option("--steps", default=8, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Each with a seed of its own.")
@click.option("--threads", default=2, show_default=True)
@click.option("--server", default="", help="A vLLM server that plays, http://localhost:8000/v1.")
@click.option("--side", type=click.Choice(list(SIDES)), hidden=True)
@click.option("--seed", default=0, hidden=True)
def main(
    model: str, steps: int, rounds: int, threads: int, server: str, side: str | None, seed: int
) -> None:
    """Train both ways in turn and print seconds a step."""
    if side is not None:
        torch.set_num_threads(threads)
        keep_freed_memory()
        click.echo(json.dumps(run(model, steps, seed, server, pipelined=SIDES[side])))
        return
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDES}
    for number in range(rounds):
        for name, rows in found.items():
            rows.append(measured(name, model, steps, number, threads, server))
            click.echo(f"round {number + 1}, {name}: {rows[-1]['wall_s']:.2f} s", err=True)
    seconds = {name: [row["wall_s"] for row in rows] for name, rows in found.items()}
    for name, values in seconds.items():
        apart = statistics.mean(row["apart"] for row in found[name])
        peak = statistics.median(row["peak_mb"] for row in found[name])
        click.echo(
            f"{name:9}  {statistics.median(values):6.2f} s a step ({min(values):.2f} to "
            f"{max(values):.2f})  {peak:5.0f} MB  apart {apart:.1e}"
        )
    first, second = (statistics.median(values) for values in seconds.values())
    click.echo(f"{model}, {threads} threads, {steps} steps, {rounds} rounds: {first / second:.2f}x")


if __name__ == "__main__":
    main()
