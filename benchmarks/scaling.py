"""What a training step costs in time and memory as it grows: points, a fitted model, a check.

    python -m benchmarks.scaling [--rounds 3] [--threads 1] [--json]

Steps of random models of several sizes on Wordle, each in a process of its own, so its peak memory
is its own. A step is split as the model of `docs/scaling.md` is:

    play    s = a x turns + b x (tokens sampled) x (parameters) + c x (games x turns)
    update  s = d + e x (tokens trained on) x (parameters)
    memory    = f + g x (parameters) + h x (tokens of a micro-batch) x (width x layers)

The coefficients are fitted by non-negative least squares of relative errors. The last point of
`POINTS`, larger than every other in games and parameters, is left out of the fit and predicted.
Seconds are those of the processor: with one thread the wall time of an idle machine.
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
from typing import NamedTuple

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


POINTS = (
    Point(tasks=4, group=8, layers=2, width=128),
    Point(tasks=8, group=8, layers=2, width=128),
    Point(tasks=8, group=16, layers=2, width=128, turns=3),
    Point(tasks=4, group=8, layers=4, width=256),
    Point(tasks=8, group=16, layers=4, width=256),
    Point(tasks=4, group=8, layers=6, width=384),
    Point(tasks=4, group=16, layers=6, width=384, micro_batch_tokens=2048, turns=3),
    Point(tasks=8, group=16, layers=6, width=384, micro_batch_tokens=8192),
    Point(tasks=8, group=24, layers=8, width=512),
)
"""The last one is predicted."""


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
    """What a step took, and what it counted."""

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
    """An untrained model of that size."""
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
    """The median step of some, after one that warms up."""
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
    return Cost(
        play_s=statistics.median(play[1:]),
        update_s=statistics.median(update[1:]),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        parameters=sum(p.numel() for p in agent.model.parameters()),
        counts=Counts(*(int(statistics.median(c)) for c in zip(*counts[1:], strict=True))),
    )


def terms(point: Point, cost: Cost) -> dict[str, list[float]]:
    """What each cost is a sum of, in units that make coefficients readable."""
    billion = cost.parameters / 1e9
    counts = cost.counts
    micro = min(counts.trained_tokens, max(point.micro_batch_tokens, counts.longest_row))
    return {
        "play_s": [point.turns, counts.sampled_tokens * billion, counts.game_turns],
        "update_s": [1.0, counts.trained_tokens * billion],
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
        click.echo(json.dumps(asdict(cost) | {"counts": cost.counts._asdict()}))
        return
    costs = []
    for number in range(len(POINTS)):
        command = [sys.executable, "-m", "benchmarks.scaling", "--rounds", str(rounds)]
        done = subprocess.run(
            [*command, "--threads", str(threads), "--point", str(number)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
            cwd=ROOT,
        )
        told = json.loads(done.stdout)
        costs.append(Cost(**{**told, "counts": Counts(**told["counts"])}))
        if as_json:
            click.echo(json.dumps(asdict(POINTS[number]) | told))
    fitted = fit(list(POINTS[:-1]), costs[:-1])
    for name, coefficients in fitted.items():
        click.echo(f"{name:9} {' '.join(f'{value:.3g}' for value in coefficients)}")
    click.echo("| games | turns | parameters | play s | update s | memory MB |")
    click.echo("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for p, cost in zip(POINTS, costs, strict=True):
        guessed = predict(fitted, p, cost)
        cells = [f"{getattr(cost, name):.3g} ({guessed[name]:.3g})" for name in guessed]
        games = p.tasks * p.group
        click.echo(f"| {games} | {p.turns} | {cost.parameters / 1e6:.1f} M | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
