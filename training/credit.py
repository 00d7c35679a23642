"""What an advantage may depend on: the rewards of a whole step, and how games become that.

    EpisodeGroup x P -> AdvantageInputs -> advantage function -> one number a turn, [P][G][K]

One record serves every estimator: those of a group, of the whole batch, of single turns, of reward
components, of recurring states.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class GameInputs:
    """What one game earned, turn by turn: K entries each."""

    rewards: tuple[float, ...]
    tokens: tuple[int, ...]
    """Sampled tokens of each turn."""
    parts: tuple[Mapping[str, float], ...] = ()
    """The reward's components, by name; empty where a game has none."""
    anchors: tuple[Hashable, ...] = ()
    """What was known before each turn; equal keys in one group are the same state."""

    def __post_init__(self) -> None:
        turns = len(self.rewards)
        if len(self.tokens) != turns or any(
            len(entries) not in (0, turns) for entries in (self.parts, self.anchors)
        ):
            raise ValueError("rewards, tokens, parts and anchors of a game need equal lengths")

    @property
    def total(self) -> float:
        """Undiscounted return R."""
        return math.fsum(self.rewards)

    @property
    def length(self) -> int:
        """Sampled tokens of the game."""
        return sum(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInputs:
    """G games of one task."""

    task_id: str
    games: tuple[GameInputs, ...]
    greedy_return: float | None = None
    """What a greedy game of the task returned, where one was played."""

    @property
    def returns(self) -> list[float]:
        """R of each game."""
        return [game.total for game in self.games]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvantageInputs:
    """The games of a step.

    Raises:
        ConfigError: if a reward is not a finite number; one nan would spoil a whole batch.
    """

    groups: tuple[GroupInputs, ...]
    gamma: float = 1.0
    """Discount a turn; only estimators by turn read it."""
    baseline: float = 0.0
    """Moving average of the mean return of earlier steps."""

    def __post_init__(self) -> None:
        for group in self.groups:
            for g, game in enumerate(group.games):
                _check_finite(game, f"game {g + 1} of task {group.task_id!r}")

    @classmethod
    def of_returns(
        cls, returns_PG: Iterable[Sequence[float]], *, baseline: float = 0.0
    ) -> AdvantageInputs:
        """Games of one turn and one token each, from their returns."""
        return cls(
            groups=tuple(
                GroupInputs(
                    task_id=f"task-{p}",
                    games=tuple(GameInputs(rewards=(r,), tokens=(1,)) for r in returns),
                )
                for p, returns in enumerate(returns_PG)
            ),
            baseline=baseline,
        )

    @property
    def games(self) -> list[GameInputs]:
        """The games of all groups."""
        return [game for group in self.groups for game in group.games]


RANGE_TOLERANCE = 1e-8
"""Returns closer together than this are the same return."""

Values = list[list[list[float]]]
"""Advantages [P][G][K]: one a turn, of every game, by group."""
Advantage = Callable[[AdvantageInputs], Values]
"""The rewards of a step -> the advantage of every turn. Pure."""


def is_constant(returns: Sequence[float]) -> bool:
    """Whether returns carry no signal: one, or all equal.

    >>> is_constant([0.2 + 0.2 + 0.2, 0.6])
    True
    """
    return len(returns) < 2 or max(returns) - min(returns) < RANGE_TOLERANCE


def deviations(returns: Sequence[float]) -> list[float]:
    """From the mean; exactly 0 where all are equal."""
    if is_constant(returns):
        return [0.0] * len(returns)
    mean = math.fsum(returns) / len(returns)
    return [r - mean for r in returns]


def return_to_go(rewards: Sequence[float], gamma: float = 1.0) -> list[float]:
    """G_k = r_k + gamma G_{k+1}: what a turn and everything after it earned.

    >>> return_to_go([0.0, 1.0, 2.0], gamma=0.5)
    [1.0, 2.0, 2.0]
    """
    reversed_sums: list[float] = []
    value = 0.0
    for reward in reversed(rewards):
        value = reward + gamma * value
        reversed_sums.append(value)
    return reversed_sums[::-1]


def moving_average(means: Iterable[float], decay: float = 0.95) -> float:
    """The exponential moving average of what earlier steps returned, 0 before the first.

    It starts at the first value. A function of the logged history, so a resumed run has the same.

    >>> moving_average([]), moving_average([1.0]), moving_average([1.0, 0.0], decay=0.9)
    (0.0, 1.0, 0.9)
    """
    average: float | None = None
    for mean in means:
        average = mean if average is None else decay * average + (1 - decay) * mean
    return 0.0 if average is None else average


def advantage_inputs(
    groups: Sequence[EpisodeGroup],
    *,
    gamma: float = 1.0,
    baseline: float = 0.0,
    greedy_returns: Sequence[float | None] | None = None,
) -> AdvantageInputs:
    """Read played games. One that failed has no place here: leave it out before.

    Args:
        groups: what was played.
        gamma: discount a turn.
        baseline: `moving_average` of earlier steps.
        greedy_returns: the return of a greedy game of each task, where the method asks for one.

    Raises:
        ConfigError: if a reward is not a finite number.
    """
    greedy = [None] * len(groups) if greedy_returns is None else greedy_returns
    return AdvantageInputs(
        groups=tuple(
            GroupInputs(
                task_id=group.task.task_id,
                games=tuple(map(_game_inputs, group.episodes)),
                greedy_return=value,
            )
            for group, value in zip(groups, greedy, strict=True)
        ),
        gamma=gamma,
        baseline=baseline,
    )


def anchors(episode: Episode) -> tuple[Hashable, ...]:
    """What is known before each turn, as a key.

    A game may say so itself: `info["belief"]`, any hashable, is the state of knowledge after an
    action (for Wordle the set of words still possible). Without it, everything the game has said.
    """
    keys: list[Hashable] = []
    seen: tuple[str, ...] = ()
    belief: Hashable = None
    for turn in episode.turns:
        seen = (*seen, turn.observation)
        keys.append(seen if belief is None else ("belief", belief))
        belief = turn.info.get("belief")
    return tuple(keys)


def _game_inputs(episode: Episode) -> GameInputs:
    return GameInputs(
        rewards=tuple(turn.reward for turn in episode.turns),
        tokens=tuple(
            0 if turn.completion is None else turn.completion.own_tokens for turn in episode.turns
        ),
        parts=tuple(turn.reward_parts for turn in episode.turns),
        anchors=anchors(episode),
    )


def _check_finite(game: GameInputs, name: str) -> None:
    for k, reward in enumerate(game.rewards):
        if not math.isfinite(reward):
            raise ConfigError(
                f"{name} earned {reward!r} on turn {k + 1}: "
                "a reward must be a finite number, check the reward function"
            )
