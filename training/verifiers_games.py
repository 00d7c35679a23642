"""Our games inside verifiers (version 0.4, its `verifiers.v1`), which is never imported here.

verifiers asks for a module of its own with a taskset and an environment: that is
`examples/verifiers_games.py`, and what it is made of is here. A task is a secret, so all rollouts
of a task play the same one; the game is the user of the conversation, counts its own rewards and
wins, and takes an answer that it cannot read as data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import Protocol

from wordle_rl.config import EnvSection
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.statuses import is_legal
from wordle_rl.evaluation.suites import load_suite
from wordle_rl.records import Task
from wordle_rl.training.games import training_env


class Segment(Protocol):
    """What a player has said (`verifiers.v1.Segment`)."""

    @property
    def terminated(self) -> bool:
        """Nothing, and nothing more will be said."""
        ...

    @property
    def last_reply(self) -> str:
        """The answer."""
        ...


class Interaction(Protocol):
    """A conversation whose user is the caller (`verifiers.v1.Interaction`)."""

    async def turn(self, message: str | None = None) -> Segment:
        """Say something and wait for the answer; without a message, for the one to the prompt."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GameScore:
    """What a game has paid, and what is counted beside it."""

    reward: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Games:
    """The games that are played: endlessly many by seed, or those of a suite."""

    env: EnvSection
    suite: str = ""
    """A suite to play instead of `env.id`, `env.options` and `env.split`; empty for none."""
    style: Style = "chat"

    def tasks(self) -> Iterator[Task]:
        """One for each secret of the suite, else one for every number from 0 on.

        Raises:
            ConfigError: there is no such suite.
        """
        if self.suite:
            suite = load_suite(self.suite)
            return (replace(task, env_options=suite.env_options) for task in suite.tasks)
        return (
            Task(
                env_id=self.env.id,
                env_options=self.env.options,
                task_id=f"task-{number}",
                seed=number,
                split=self.env.split,
            )
            for number in count()
        )

    def task(self, number: int) -> Task:
        """The task of a number."""
        return next(islice(self.tasks(), number, None))

    def begin(self, task: Task) -> tuple[TextEnv, str]:
        """A new game of a task, and what it says first.

        Raises:
            ConfigError: no such game, reward or option.
        """
        settings = self.env.model_copy(update={"id": task.env_id, "split": task.split})
        game = training_env(settings, task, self.style)
        observation, _ = game.reset(seed=task.seed, options=dict(task.options))
        return game, observation


async def play(game: TextEnv, interaction: Interaction) -> GameScore:
    """Play a game that has begun, its opening being the prompt, to the end of one of the two."""
    reward, turns, refused, solved = 0.0, 0, 0, False
    over, segment = False, await interaction.turn()
    while not segment.terminated:
        observation, earned, terminated, truncated, info = game.step(segment.last_reply)
        reward += float(earned)
        turns += 1
        refused += not is_legal(info.get("status", "ok"))
        solved = bool(info.get("solved", False))
        over = terminated or truncated
        if over:
            break
        segment = await interaction.turn(observation)
    metrics = {
        "solved": float(solved),
        "turns": float(turns),
        "invalid_rate": refused / turns if turns else 0.0,
        "unfinished": float(not over),
    }
    return GameScore(reward=reward, metrics=metrics)
