"""The games of a step: played, scored, and played again where a group says nothing.

Dynamic sampling (DAPO, Yu et al. 2025, arXiv 2503.14476): groups whose games are all worth the same
are replaced by those of further tasks, in a bounded number of rounds. Where even those are too few,
groups without a signal fill the step up, so that its size, and with it the step size, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wordle_rl.agents.base import Agent
from wordle_rl.config import TrainConfig
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.advantages import is_constant
from wordle_rl.training.games import BEGINNING, Past, play_step, task_metrics
from wordle_rl.training.overlong import charge_overlong
from wordle_rl.training.processes import world
from wordle_rl.training.scoring import WeightedScorer, add_scores

Phase = Callable[[str], None]
"""Told what is going on now."""


class SamplingAgent(Agent, Protocol):
    """A language model, or who plays for it."""

    @property
    def max_new_tokens(self) -> int:
        """Longest answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The games of a step."""

    groups: Sequence[EpisodeGroup]
    """What is learned from."""
    everything: Sequence[EpisodeGroup]
    """What was played for it."""
    greedy_returns: Sequence[float] | None
    """What a greedy game of each task of `groups` earned, where one was played."""
    metrics: Mapping[str, float]
    """Of the scorers, as means over the rounds, the number of rounds, and how tasks were chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    groups: Sequence[EpisodeGroup]
    greedy: Sequence[EpisodeGroup]
    """One game a group; empty where none is asked for."""
    metrics: Mapping[str, float]


def sample_games(
    agent: SamplingAgent,
    config: TrainConfig,
    step: int,
    *,
    past: Past = BEGINNING,
    greedy: bool = False,
    scorers: Sequence[WeightedScorer] = (),
    phase: Phase = lambda text: None,
) -> Played:
    """Play the tasks of a step, and more where the settings ask for groups with a signal.

    Args:
        agent: the policy, or who samples for it.
        config: complete settings (`algorithms.fill_defaults`).
        step: 0 for the first.
        past: what the choice of tasks may depend on.
        greedy: play a greedy game of each task as well.
        scorers: score finished games beside the game's own reward.
        phase: told what is going on.
    """
    attempts = 1 + (config.rollout.refill_rounds or 0)
    rounds: list[_Round] = []
    everything: list[EpisodeGroup] = []
    useful: list[int] = []
    for attempt in range(attempts):
        rounds.append(_play_round(agent, config, step, attempt, past, greedy, scorers, phase))
        everything = [group for round_ in rounds for group in round_.groups]
        useful = [p for p, group in enumerate(everything) if has_signal(group)]
        if len(useful) >= len(rounds[0].groups):
            break
    chosen = list(range(len(everything)))
    if attempts > 1:
        rest = [p for p in chosen if p not in useful]
        chosen = sorted((useful + rest)[: len(rounds[0].groups)])
    greedy_games = [group.episodes[0] for round_ in rounds for group in round_.greedy]
    return Played(
        groups=[everything[p] for p in chosen],
        everything=everything,
        greedy_returns=[greedy_games[p].total_reward for p in chosen] if greedy else None,
        metrics=_mean_metrics(rounds)
        | ({"rollout/rounds": len(rounds)} if attempts > 1 else {})
        | task_metrics(everything, config, past),
    )


def has_signal(group: EpisodeGroup) -> bool:
    """Whether the games of a group are worth different amounts; a failed game has no say."""
    return not is_constant([e.total_reward for e in group.episodes if e.error is None])


def _play_round(
    agent: SamplingAgent,
    config: TrainConfig,
    step: int,
    attempt: int,
    past: Past,
    greedy: bool,
    scorers: Sequence[WeightedScorer],
    phase: Phase,
) -> _Round:
    """Play every task of one attempt, sampled and perhaps greedily, and score all of it alike."""
    phase("playing")
    temperature = config.rollout.temperature
    assert temperature is not None, "settings are incomplete: call fill_defaults first"
    groups = play_step(agent, config, step, temperature, attempt, past)
    alone = config.rollout.model_copy(update={"group_size": 1})
    once = config.model_copy(update={"rollout": alone})
    best = play_step(agent, once, step, 0.0, attempt, past) if greedy else []
    phase("scoring")
    scored, metrics = world().from_first(lambda: add_scores([*groups, *best], scorers))
    paid = charge_overlong(scored, agent.max_new_tokens, config.rollout.overlong_tokens)
    return _Round(groups=paid[: len(groups)], greedy=paid[len(groups) :], metrics=metrics)


def _mean_metrics(rounds: Sequence[_Round]) -> dict[str, float]:
    names = {name for round_ in rounds for name in round_.metrics}
    return {
        name: sum(r.metrics[name] for r in rounds if name in r.metrics)
        / sum(name in r.metrics for r in rounds)
        for name in sorted(names)
    }
