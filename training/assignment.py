"""Credit assignment: the games of a step -> an advantage for every turn -> training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wordle_rl.config import TrainConfig
from wordle_rl.records import EpisodeGroup, Sample
from wordle_rl.seeding import generator
from wordle_rl.training.algorithms import Parts
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.credit import Values, advantage_inputs


def step_advantages(
    groups: Sequence[EpisodeGroup],
    parts: Parts,
    config: TrainConfig,
    step: int,
    *,
    baseline: float = 0.0,
) -> Values:
    """One advantage a turn, [P][G][K]; as a control they can be shuffled inside each group.

    A game that failed has none (zeros) and no say in those of the others.
    """
    sound = [
        replace(group, episodes=tuple(e for e in group.episodes if e.error is None))
        for group in groups
    ]
    values_P = parts.advantage(advantage_inputs(sound, gamma=parts.gamma, baseline=baseline))
    if config.train.shuffle_advantages:
        values_P = [
            _shuffled(values, config.train.seed, step, group)
            for values, group in zip(values_P, sound, strict=True)
        ]
    left_P = map(iter, values_P)
    return [
        [[0.0] * len(e.turns) if e.error is not None else next(left) for e in group.episodes]
        for group, left in zip(groups, left_P, strict=True)
    ]


def _shuffled(
    values: list[list[float]], seed: int, step: int, group: EpisodeGroup
) -> list[list[float]]:
    """Each game with another's advantages; the last one goes on where that game was shorter."""
    order = generator(seed, "shuffle", step, group.task.task_id).permutation(len(values))
    return [
        [(values[i] or [0.0])[min(k, len(values[i]) - 1)] for k in range(len(episode.turns))]
        for i, episode in zip(order, group.episodes, strict=True)
    ]


def group_samples(group: EpisodeGroup, advantages_GK: Sequence[Sequence[float]]) -> list[Sample]:
    """The training rows of a group: a turn's advantage on every token sampled in it."""
    return [
        sample
        for episode, advantages in zip(group.episodes, advantages_GK, strict=True)
        if episode.error is None
        for sample in build_samples(episode_turns(episode, advantages))
    ]
