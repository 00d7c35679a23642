"""Scores of finished games by models: judges, reward models. After the rollout, never in a game.

A `Scorer` looks at whole groups and says of every game how good it was. `add_scores` pays weight x
score on the game's last turn, as a named part of the reward like any other, so returns, advantages,
logs and saved games include it without knowing of it. `solved` stays what the game said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

from wordle_rl.records import Episode, EpisodeGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What a scorer says of the games of a step."""

    values_PG: Sequence[Sequence[float | None]]
    """One score a game, by group; None for a game that has none."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """What is logged beside them, under `rollout/`."""


Scorer = Callable[[Sequence[EpisodeGroup]], Scores]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedScorer:
    """A scorer with its name in the reward and its weight there."""

    name: str
    weight: float
    scorer: Scorer


def add_scores(
    groups: Sequence[EpisodeGroup], scorers: Sequence[WeightedScorer]
) -> tuple[list[EpisodeGroup], dict[str, float]]:
    """The same games, paid for their scores as well, and the scorers' metrics.

    Every scorer sees the games as they were played. A game without a score gets nothing: its own
    reward counts alone. Where scores are 0 and above that is the least, so that no game gains by
    what makes its judge fall silent.

    Raises:
        ValueError: a scorer returned another number of scores than there are games, or one that is
            not finite.
    """
    scored = list(groups)
    metrics: dict[str, float] = {}
    for scorer in scorers:
        scores = scorer.scorer(groups)
        _check(scorer.name, groups, scores)
        metrics |= scores.metrics
        scored = [
            _paid_group(group, values, scorer)
            for group, values in zip(scored, scores.values_PG, strict=True)
        ]
    return scored, metrics


def _check(name: str, groups: Sequence[EpisodeGroup], scores: Scores) -> None:
    wanted = [len(group.episodes) for group in groups]
    found = [len(values) for values in scores.values_PG]
    if wanted != found:
        raise ValueError(f"scorer {name!r} returned {found} scores for groups of {wanted} games")
    for values in scores.values_PG:
        for value in values:
            if value is not None and not isfinite(value):
                raise ValueError(f"scorer {name!r} returned {value!r}: scores are finite")


def _paid_group(
    group: EpisodeGroup, values: Sequence[float | None], scorer: WeightedScorer
) -> EpisodeGroup:
    episodes = tuple(
        _paid(episode, scorer.name, scorer.weight * (value or 0.0))
        for episode, value in zip(group.episodes, values, strict=True)
    )
    return replace(group, episodes=episodes)


def _paid(episode: Episode, name: str, amount: float) -> Episode:
    """The episode with an amount added to its last turn; one without turns stays as it is."""
    if not episode.turns:
        return episode
    *earlier, last = episode.turns
    parts = {**last.reward_parts, name: amount}
    last = replace(last, reward=last.reward + amount, reward_parts=parts)
    return replace(episode, turns=(*earlier, last))
