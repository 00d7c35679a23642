"""Credit assignment: the games of a step -> an advantage for every turn -> training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wordle_rl.config import TrainConfig
from wordle_rl.records import EpisodeGroup, Sample
from wordle_rl.seeding import generator
from wordle_rl.training.algorithms import Parts
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.credit import Values, advantage_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """The games of a step as training rows."""

    samples_P: Sequence[Sequence[Sample]]
    """The rows of each group."""
    advantages_PG: Sequence[Sequence[float]]
    """The mean advantage of each game, by group."""


def assign(
    groups: Sequence[EpisodeGroup],
    parts: Parts,
    config: TrainConfig,
    step: int,
    *,
    baseline: float = 0.0,
    greedy_returns: Sequence[float] | None = None,
) -> Assigned:
    """Rows whose advantages come from rewards alone; arguments as for `step_advantages`."""
    advantages_PGK = step_advantages(
        groups, parts, config, step, baseline=baseline, greedy_returns=greedy_returns
    )
    return Assigned(
        samples_P=[group_samples(*pair) for pair in zip(groups, advantages_PGK, strict=True)],
        advantages_PG=[[_mean(game) for game in group] for group in advantages_PGK],
    )


def step_advantages(
    groups: Sequence[EpisodeGroup],
    parts: Parts,
    config: TrainConfig,
    step: int,
    *,
    baseline: float = 0.0,
    greedy_returns: Sequence[float] | None = None,
) -> Values:
    """One advantage a turn, [P][G][K]; as a control they can be shuffled inside each group.

    A game that failed has none (zeros) and no say in those of the others.

    Args:
        groups: what was played.
        parts: of the algorithm.
        config: complete settings.
        step: 0 for the first.
        baseline: `moving_average` of earlier steps.
        greedy_returns: of each task, where the algorithm plays a greedy game.
    """
    assert parts.advantage is not None, "an algorithm with a critic: use judgement.judge_games"
    sound = [
        replace(group, episodes=tuple(e for e in group.episodes if e.error is None))
        for group in groups
    ]
    values_P = parts.advantage(
        advantage_inputs(sound, gamma=parts.gamma, baseline=baseline, greedy_returns=greedy_returns)
    )
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


def _mean(values: Sequence[float]) -> float:
    """The mean, exact where all are equal."""
    if not values or min(values) == max(values):
        return values[0] if values else 0.0
    return sum(values) / len(values)
