"""Curriculum over list size: few secrets at first, twice as many whenever those are mastered.

The secrets of a stage are the first n of one fixed shuffle of the game's training secrets, so every
stage holds the ones before it. How far a run has come is a function of its logged win rates: a
resumed run goes on at the same size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from wordle_rl.config import TrainConfig
from wordle_rl.envs.composed_rewards import ComposedRewards
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup, Task
from wordle_rl.rollout import MakeEnv
from wordle_rl.seeding import generator

STEPS: Final = 5
"""Steps of a stage whose mean win rate decides."""
WIN_RATE: Final = "rollout/curriculum_win_rate"
SIZE: Final = "rollout/curriculum_secrets"
History = Sequence[Mapping[str, float]]


def secrets_in_play(config: TrainConfig, history: History) -> int:
    """How many secrets the next step draws from, if the game has so many.

    Args:
        config: where it begins, and from which win rate it widens.
        history: the logged metrics of all steps, oldest first.
    """
    size, rates = config.tasks.curriculum_start, list[float]()
    for rate in (row[WIN_RATE] for row in history if WIN_RATE in row):
        rates.append(rate)
        if len(rates) >= STEPS and fmean(rates[-STEPS:]) >= config.tasks.curriculum_win_rate:
            size, rates = 2 * size, []
    return size


def with_secrets(
    tasks: Sequence[Task], config: TrainConfig, history: History, make_env: MakeEnv
) -> list[Task]:
    """The tasks with secrets of the stage that the run has reached.

    Raises:
        ConfigError: a game has no list of secrets, or draws others beside them.
    """
    size = secrets_in_play(config, history)
    stages: dict[str, Sequence[str]] = {}
    narrowed = []
    for task in tasks:
        if (game := _game_of(task)) not in stages:
            stages[game] = _secrets(task, config.train.seed, make_env)[:size]
        place = int(generator("curriculum", task.seed).integers(len(stages[game])))
        secret = stages[game][place]
        narrowed.append(replace(task, options={**task.options, "secret": secret}))
    return narrowed


def curriculum_metrics(
    groups: Sequence[EpisodeGroup], config: TrainConfig, history: History, make_env: MakeEnv
) -> dict[str, float]:
    """How many secrets a step drew from, of several games in all, and the win rate on them.

    Replayed and half-played tasks have no say: they tell nothing about all secrets of the stage.
    """
    games = {_game_of(group.task): group.task for group in groups}
    size, seed = secrets_in_play(config, history), config.train.seed
    sizes = [min(size, len(_secrets(task, seed, make_env))) for task in games.values()]
    wins = [e.solved for group in groups if group.task.origin == "fresh" for e in group.episodes]
    return {SIZE: float(sum(sizes))} | ({WIN_RATE: fmean(wins)} if wins else {})


def _game_of(task: Task) -> str:
    return f"{task.env_id} {sorted(task.env_options.items())}"


def _secrets(task: Task, seed: int, make_env: MakeEnv) -> Sequence[str]:
    """All secrets of a task's game in the order in which they come into play."""
    if task.env_options.get("wide_share"):
        raise ConfigError(
            "setting tasks.curriculum_start: leave out env.options.wide_share, which draws secrets "
            "of no list"
        )
    env = make_env(task)
    secrets: Sequence[str] | None = getattr(
        env.game if isinstance(env, ComposedRewards) else env, "answers", None
    )
    if secrets is None:
        raise ConfigError(
            f"setting tasks.curriculum_start: game {task.env_id!r} has no list of secrets, leave "
            "it out"
        )
    order = generator(seed, "curriculum", task.env_id).permutation(len(secrets))
    return [secrets[int(i)] for i in order]
