"""Baselines at whole sets of secrets, for the tests of each game's players."""

from collections.abc import Iterable
from typing import Any

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.envs import make_env
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games
from wordle_rl.seeding import seed_from


def play(
    name: str, env_id: str, secrets: Iterable[int | str], *, seed: int = 0, **options: Any
) -> list[Episode]:
    """One game on every secret."""
    chosen = list(secrets)
    return play_games(
        load_baseline(name),
        [Task(env_id=env_id, task_id=str(s), seed=0, options={"secret": s}) for s in chosen],
        make_env=lambda task: make_env(task.env_id, style="compact", **options),
        temperature=1.0,
        seeds=[seed_from(seed, str(s)) for s in chosen],
        max_turns=1000,
    )


def mean_turns(episodes: list[Episode]) -> float:
    """Mean number of guesses of games that must all be won."""
    assert all(episode.solved for episode in episodes)
    return sum(len(episode.turns) for episode in episodes) / len(episodes)


def guesses_of(episodes: list[Episode]) -> list[list[str]]:
    """What was guessed in each game."""
    return [[str(turn.info["guess"]) for turn in episode.turns] for episode in episodes]
