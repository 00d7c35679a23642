"""Replay of hard secrets: tasks that were lost lately, or won by some games only, once more.

A secret that is always won teaches nothing, and drawn afresh it comes back seldom. What was played
is logged (`tasks.jsonl`), and what is replayed is a function of (seed, step, that log): a resumed
run replays the same. A task comes back whole, seed and options, so this works for every game.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from wordle_rl.evaluation.games import told_secret
from wordle_rl.records import EpisodeGroup, Task
from wordle_rl.run_dir import TaskResult
from wordle_rl.seeding import generator

RECENT: Final = 50
"""Steps that are looked back."""
Played = Sequence[Sequence[TaskResult]]
"""What was logged of the tasks of each step, oldest first."""


def task_results(groups: Sequence[EpisodeGroup]) -> list[TaskResult]:
    """What to log of a step. A game that failed does not count."""
    results = []
    for group in groups:
        task, games = group.task, [e for e in group.episodes if e.error is None]
        results.append(
            TaskResult(
                env_id=task.env_id,
                env_options=dict(task.env_options),
                seed=task.seed,
                options=dict(task.options),
                secret=told_secret(games[0]) if games else task.secret,
                won=sum(e.solved for e in games),
                played=len(games),
            )
        )
    return results


def with_replays(tasks: Sequence[Task], share: float, log: Played) -> list[Task]:
    """The tasks, a share of them replaced by hard ones of the same game, no one twice.

    Args:
        tasks: of the step, as they were drawn; the seed of each decides.
        share: how many are replaced; fewer where there are not so many hard ones.
        log: what earlier steps have played.
    """
    hard = hard_tasks(log)
    chosen = []
    for task in tasks:
        rng = generator("replay", task.seed)
        places = [i for i, result in enumerate(hard) if _is_of_game(result, task)]
        if rng.random() >= share or not places:
            chosen.append(task)
            continue
        again = hard.pop(places[int(rng.integers(len(places)))])
        options, origin = again["options"], "replayed"
        chosen.append(replace(task, seed=again["seed"], options=options, origin=origin))
    return chosen


def hard_tasks(log: Played) -> list[TaskResult]:
    """Tasks of the last steps that not all games won when they were played last."""
    newest: dict[str, TaskResult] = {}
    for result in (result for step in log[-RECENT:] for result in step):
        newest[_key(result)] = result
    return [result for result in newest.values() if result["won"] < result["played"]]


def _key(result: TaskResult) -> str:
    """What tells one task from another, whatever its seed."""
    return json.dumps([result["env_id"], result["env_options"], result["secret"], _start(result)])


def _start(result: TaskResult) -> list[str]:
    return list(result["options"].get("opening", ()))


def _is_of_game(result: TaskResult, task: Task) -> bool:
    return result["env_id"] == task.env_id and result["env_options"] == dict(task.env_options)
