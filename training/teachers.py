"""Whose games a model imitates: one teacher for each game of a mixture.

Wordle in compact style has a teacher of its own (`teacher.WordleTeacher`). Every other game is
played by a baseline through the environment: the solver where the model is to start well (Wordle in
chat style, questions with one right answer), else one that guesses at random among what still fits
(with its exact distribution as target, where that is known), which leaves the play to be learned.
Secrets are those of the training split; a game for two is played from both seats in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.config import PretrainConfig
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games
from wordle_rl.training.mixture import MixedGame, allot, mixture
from wordle_rl.training.soft_targets import soft_targets
from wordle_rl.training.teacher import Demonstration, WordleTeacher

BASELINES = {"math": "solver", "wordle": "solver"}
"""Game -> the baseline that is imitated; `random-consistent` for all others."""


class Teacher(Protocol):
    """Plays games to imitate."""

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games; the same generator state gives the same games."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlayedTeacher:
    """A baseline that plays a game's training secrets through the environment.

    Attributes:
        env_id: the game.
        baseline: who plays it.
        options: arguments of the game.
        style: how the game speaks; in chat its answers are in square brackets, as it asks.
    """

    env_id: str
    baseline: str
    options: Mapping[str, Any] = field(default_factory=dict)
    style: Style = "compact"

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games; the same generator state gives the same games."""
        fixed = supported(self.env_id, split="train", style=self.style, history="last")
        in_turn = make_env(self.env_id, **fixed, **self.options).public().get("players") == 2
        tasks = [
            Task(
                env_id=self.env_id,
                task_id=str(i),
                seed=int(seed),
                split="train",
                options={"seat": i % 2} if in_turn else {},
            )
            for i, seed in enumerate(rng.integers(2**32, size=count))
        ]
        episodes = play_games(
            load_baseline(self.baseline),
            tasks,
            make_env=lambda task: make_env(task.env_id, **fixed, **self.options),
            temperature=1.0,
            seeds=[int(seed) for seed in rng.integers(2**32, size=count)],
        )
        shown = [demonstration(episode) for episode in episodes]
        if self.style != "compact":
            return [_in_brackets(game) for game in shown]
        targets = soft_targets(self.env_id, self.options, self.baseline, episodes)
        return [
            replace(game, teacher_probs=probs) for game, probs in zip(shown, targets, strict=True)
        ]


@dataclass(frozen=True, kw_only=True)
class MixedTeacher:
    """Several teachers that share the games."""

    games: Sequence[MixedGame]
    teachers: Sequence[Teacher]
    """One for each of `games`."""

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games, in proportion to the shares."""
        allotted = allot(self.games, count)
        counts = [sum(other is game for other in allotted) for game in self.games]
        return [
            shown
            for teacher, games in zip(self.teachers, counts, strict=True)
            if games
            for shown in teacher.demonstrations(rng, games)
        ]


def find_teacher(config: PretrainConfig, style: Style = "compact") -> Teacher:
    """The teacher of the games that the settings name, for a student that reads `style`.

    Raises:
        ConfigError: there is no such game, it does not take its options, or no baseline plays it.
    """
    games = mixture(config.env, config.options)
    own = {"wordle"} if style == "compact" else set()  # what has a teacher of its own
    if strangers := config.players.keys() - ({game.env_id for game in games} - own):
        raise ConfigError(
            f"setting players: {min(strangers)!r} is no game of {config.env!r} that a baseline is "
            "imitated in, leave it out"
        )
    teachers = [_teacher(game, config, style) for game in games]
    return teachers[0] if len(games) == 1 else MixedTeacher(games=games, teachers=teachers)


def _teacher(game: MixedGame, config: PretrainConfig, style: Style) -> Teacher:
    if game.env_id == "wordle" and style == "compact":
        if game.options:
            raise ConfigError(
                f"options of 'wordle' are {dict(game.options)!r}: its teacher plays the ordinary "
                "game, leave them out"
            )
        return WordleTeacher(
            wide_share=config.wide_share,
            outside_share=config.outside_share,
            scattered_share=config.scattered_share,
            endgame_share=config.endgame_share,
        )
    baseline = config.players.get(game.env_id, BASELINES.get(game.env_id, "random-consistent"))
    teacher = PlayedTeacher(
        env_id=game.env_id, baseline=baseline, options=game.options, style=style
    )
    teacher.demonstrations(np.random.default_rng(0), 1)  # what cannot be played fails here
    return teacher


def _in_brackets(game: Demonstration) -> Demonstration:
    """The same game with its answers as chat-style games ask for them: `[crane]`."""
    said = tuple(a if a.startswith("[") else f"[{a}]" for a in game.actions)
    return replace(game, actions=said)


def demonstration(episode: Episode) -> Demonstration:
    """A finished game as one to imitate.

    Raises:
        ConfigError: the game failed.
    """
    if episode.error is not None:
        raise ConfigError(f"game {episode.task.env_id!r} failed for its teacher: {episode.error}")
    seen = [turn.observation for turn in episode.turns] + [episode.final_observation]
    return Demonstration(
        secret=str(episode.turns[-1].info.get("secret", "")),
        opening=seen[0],
        actions=tuple(turn.action for turn in episode.turns),
        observations=tuple(seen[1:]),
        trained=(True,) * len(episode.turns),
    )
