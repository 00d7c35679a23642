"""What a training step costs in time and memory as it grows: points, a fitted model, a check.

    python -m benchmarks.scaling [--rounds 3] [--threads 1] [--json]

Steps of random models of several sizes on Wordle, each in a process of its own, so its peak memory
is its own. A step is split as the model of `docs/scaling.md` is:

    play    s = a x turns + b x (tokens sampled) x (parameters) + c x (games x turns)
    update  s = d + e x (tokens trained on) x (parameters)
    memory    = f + g x (parameters) + h x (tokens of a micro-batch) x (width x layers)

The coefficients are fitted by non-negative least squares of relative errors to `FITTED`. Those of
`PREDICTED` are left out: one larger than every other in games and parameters, and two that several
processes share, of which each has its part of every term with games in it. Seconds are those of the
processor, of one process: with one thread the wall time of an idle machine.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import torch

from wordle_rl.agents.device import keep_freed_memory
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.config import TrainConfig, parse
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.learner import new_learner
from wordle_rl.training.processes import world
from wordle_rl.training.sampling import sample_games

ROOT = Path(__file__).resolve().parents[1]
ANSWER_TOKENS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The size of a step."""

    tasks: int
    group: int
    layers: int
    width: int
    micro_batch_tokens: int = 4096
    turns: int = 6
    processes: int = 1


FITTED = (
    Point(tasks=4, group=8, layers=2, width=128),
    Point(tasks=8, group=8, layers=2, width=128),
    Point(tasks=8, group=16, layers=2, width=128, turns=3),
    Point(tasks=4, group=8, layers=4, width=256),
    Point(tasks=8, group=16, layers=4, width=256),
    Point(tasks=4, group=8, layers=6, width=384),
    Point(tasks=4, group=16, layers=6, width=384, micro_batch_tokens=2048, turns=3),
    Point(tasks=8, group=16, layers=6, width=384, micro_batch_tokens=8192),
    Point(tasks=32, group=4, layers=4, width=256),
)
PREDICTED = (
    Point(tasks=8, group=24, layers=8, width=512),
    Point(tasks=8, group=16, layers=4, width=256, processes=2),
    Point(tasks=8, group=16, layers=6, width=384, processes=2),
)
POINTS = FITTED + PREDICTED


class Counts(NamedTuple):
    """What a step played."""

    sampled_tokens: int
    trained_tokens: int
    """Of all rows, context included."""
    game_turns: int
    longest_row: int

    @classmethod
    def of(cls, groups: Sequence[EpisodeGroup]) -> Counts:
        """Count games of an agent that answers with tokens."""
        games = [
            [turn.completion for turn in episode.turns if turn.completion is not None]
            for group in groups
            for episode in group.episodes
        ]
        rows = [len(game[-1].prompt_ids) + len(game[-1].token_ids) for game in games if game]
        return cls(
            sampled_tokens=sum(len(answer.token_ids) for game in games for answer in game),
            trained_tokens=sum(rows),
            game_turns=sum(map(len, games)),
            longest_row=max(rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a step took of one process, and what it counted in all."""

    play_s: float
    update_s: float
    peak_mb: float
    parameters: int
    counts: Counts


def settings_of(point: Point) -> TrainConfig:
    """A step of that size; the reward counts letters, so that every group has a signal."""
    return fill_defaults(
        parse(
            TrainConfig,
            {
                "rollout": {
                    "tasks_per_step": point.tasks,
                    "group_size": point.group,
                    "max_turns": point.turns,
                },
                "model": {"dtype": "float32", "device": "cpu"},
                "train": {"micro_batch_tokens": point.micro_batch_tokens},
                "env": {
                    "reward": "binary",
                    "rewards": {"length": {"weight": 1.0, "free_chars": 0, "max_chars": 40}},
                },
            },
        )
    )


def random_agent(point: Point) -> LanguageAgent:
    """An untrained model of that size, the same one in every process."""
    torch.manual_seed(0)
    return LanguageAgent(
        new_model(layers=point.layers, width=point.width),
        byte_tokenizer(),
        name="random",
        style="compact",
        max_new_tokens=ANSWER_TOKENS,
        device="cpu",
        dtype="float32",
    )


def measure(point: Point, rounds: int) -> Cost:
    """The median step of some, after one that warms up; of several processes their mean."""
    keep_freed_memory()
    config, agent = settings_of(point), random_agent(point)
    learner = new_learner(agent, config)
    play, update, counts = [], [], []
    for step in range(rounds + 1):
        began = time.process_time()
        played = sample_games(agent, config, step)
        between = time.process_time()
        learner.learn(played, step, [])
        play.append(between - began)
        update.append(time.process_time() - between)
        counts.append(Counts.of(played.groups))
    mine = (
        statistics.median(play[1:]),
        statistics.median(update[1:]),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    )
    each = world().together([mine])
    play_s, update_s, peak_mb = (statistics.mean(values) for values in zip(*each, strict=True))
    return Cost(
        play_s=play_s,
        update_s=update_s,
        peak_mb=peak_mb,
        parameters=sum(p.numel() for p in agent.model.parameters()),
        counts=Counts(*(int(statistics.median(c)) for c in zip(*counts[1:], strict=True))),
    )


def terms(point: Point, cost: Cost) -> dict[str, list[float]]:
    """What each cost is a sum of, in units that make coefficients readable."""
    billion = cost.parameters / 1e9
    counts = cost.counts
    sampled, trained, turns = (
        total / point.processes
        for total in (counts.sampled_tokens, counts.trained_tokens, counts.game_turns)
    )
    micro = min(trained, max(point.micro_batch_tokens, counts.longest_row))
    return {
        "play_s": [point.turns, sampled * billion, turns],
        "update_s": [1.0, trained * billion],
        "peak_mb": [1.0, cost.parameters / 1e6, micro * point.width * point.layers / 1e6],
    }


def fit(points: list[Point], costs: list[Cost]) -> dict[str, list[float]]:
    """Coefficients at least zero, by least squares of relative errors."""
    found = {}
    for name in ("play_s", "update_s", "peak_mb"):
        wanted = np.array([getattr(cost, name) for cost in costs])
        rows = np.array([terms(p, c)[name] for p, c in zip(points, costs, strict=True)])
        found[name] = non_negative(rows / wanted[:, None], np.ones(len(wanted)))
    return found


def non_negative(rows: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Least squares with coefficients at least zero: terms that would be negative are left out."""
    kept = list(range(rows.shape[1]))
    while True:
        solved = np.linalg.lstsq(rows[:, kept], wanted, rcond=None)[0]
        if solved.min() >= 0:
            break
        kept.pop(int(solved.argmin()))
    found = np.zeros(rows.shape[1])
    found[kept] = solved
    return [float(value) for value in found]


def predict(fitted: dict[str, list[float]], point: Point, cost: Cost) -> dict[str, float]:
    """The costs of a step by the model."""
    return {
        name: float(np.dot(fitted[name], values)) for name, values in terms(point, cost).items()
    }


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the points as JSON lines as well.")
@click.option("--point", type=int, hidden=True, help="Measure one point and print it.")
def main(rounds: int, threads: int, as_json: bool, point: int | None) -> None:
    """Measure the points, fit the model, predict the last point."""
    if point is not None:
        torch.set_num_threads(threads)
        cost = measure(POINTS[point], rounds)
        if world().rank == 0:
            click.echo(json.dumps(asdict(cost) | {"counts": cost.counts._asdict()}))
        return
    costs = []
    for number in range(len(POINTS)):
        told = measured(number, rounds, threads)
        costs.append(Cost(**{**told, "counts": Counts(**told["counts"])}))
        if as_json:
            click.echo(json.dumps(asdict(POINTS[number]) | told))
    fitted = fit(list(FITTED), costs[: len(FITTED)])
    for name, coefficients in fitted.items():
        click.echo(f"{name:9} {' '.join(f'{value:.3g}' for value in coefficients)}")
    click.echo("| tasks x group | processes | turns | parameters | play s | update s | memory MB |")
    click.echo("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for p, cost in zip(POINTS, costs, strict=True):
        guessed = predict(fitted, p, cost)
        cells = [f"{getattr(cost, name):.3g} ({guessed[name]:.3g})" for name in guessed]
        size = f"{p.tasks} x {p.group} | {p.processes} | {p.turns}"
        click.echo(f"| {size} | {cost.parameters / 1e6:.1f} M | {' | '.join(cells)} |")


def measured(number: int, rounds: int, threads: int) -> dict[str, Any]:
    """A point, measured in processes of its own."""
    count = POINTS[number].processes
    launch = ["-m", "torch.distributed.run", f"--nproc_per_node={count}", "--standalone"]
    command = [sys.executable, *(launch if count > 1 else []), "-m", "benchmarks.scaling"]
    done = subprocess.run(
        [*command, "--rounds", str(rounds), "--threads", str(threads), "--point", str(number)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        cwd=ROOT,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    main()
