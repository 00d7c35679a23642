"""Agent x game -> episodes. All running games advance together, one `act` call a turn.

A failed game is a recorded episode, not a crash: an exception of the game, in its reset too,
becomes `Episode.error`; a game the agent does not answer (its context is full) or that outlasts
`max_turns` is truncated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium

from wordle_rl.agents.base import Agent, Move, Opening, View
from wordle_rl.envs.base import Played, TextEnv
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup, StopReason, Task, Turn
from wordle_rl.seeding import seed_from

MakeEnv = Callable[[Task], TextEnv]
OnEpisode = Callable[[int, Episode], None]
"""Called with the game's index as soon as a game ends."""

GAME_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    gymnasium.error.Error,
)
"""What a game may raise without stopping the others."""


@dataclass(slots=True)
class RunningGame:
    """One game, from its opening to its end, whoever plays it."""

    task: Task
    env: TextEnv
    observation: str = ""
    info: dict[str, Any] = field(default_factory=dict)
    opening: tuple[Turn, ...] = ()
    turns: list[Turn] = field(default_factory=list)
    stop_reason: StopReason | None = None
    error: str | None = None

    def open(self, seed: int) -> Opening | None:
        """Start the game; None where it fails. `seed` is the agent's own."""
        try:
            self.observation, self.info = self.env.reset(
                seed=self.task.seed, options=dict(self.task.options)
            )
        except ConfigError:
            raise  # a wrong setting is nothing that happened in a game
        except GAME_FAILURES as error:
            self._fail(error)
            return None
        self.opening = tuple(map(_opening_turn, self.info.get("opening", ())))
        public = self.env.public()
        return Opening(observation=self.observation, info=self.info, seed=seed, public=public)

    def view(self) -> View:
        """What the agent sees now."""
        return View(observation=self.observation, info=self.info)

    def play(self, move: Move | None, max_turns: int) -> None:
        """Apply one move, or none where the agent has no answer; note whether the game is over."""
        if move is None:
            self.stop_reason = StopReason.TRUNCATED
            return
        seen = self.observation
        try:
            observation, reward, terminated, truncated, info = self.env.step(move.action)
        except GAME_FAILURES as error:
            self._fail(error)
            return
        self.turns.append(
            Turn(
                observation=seen,
                action=move.action,
                reward=float(reward),
                reward_parts=dict(info.get("reward_parts", {})),
                info=info,
                completion=move.completion,
            )
        )
        self.observation, self.info = observation, info
        if terminated:
            self.stop_reason = StopReason.TERMINATED
        elif truncated or len(self.turns) >= max_turns:
            self.stop_reason = StopReason.TRUNCATED

    def _fail(self, error: Exception) -> None:
        self.stop_reason = StopReason.ERROR
        self.error = f"{type(error).__name__}: {error}"

    def episode(self, policy_version: int) -> Episode:
        """The game as it went."""
        assert self.stop_reason is not None, "the game is still running"
        return Episode(
            task=self.task,
            turns=tuple(self.turns),
            final_observation=self.observation,
            terminated=self.stop_reason is StopReason.TERMINATED,
            truncated=self.stop_reason is StopReason.TRUNCATED,
            stop_reason=self.stop_reason,
            policy_version=policy_version,
            error=self.error,
            opening=self.opening,
            opponent=tuple(self.env.opponent_record()),
        )


def _opening_turn(played: Played) -> Turn:
    """An action that was played before the agent moved; it earned nothing."""
    return Turn(
        observation=played["observation"],
        action=played["action"],
        reward=0.0,
        reward_parts={},
        info=played["info"],
    )


def play_games(
    agent: Agent,
    tasks: Sequence[Task],
    *,
    make_env: MakeEnv,
    temperature: float,
    seeds: Sequence[int],
    max_turns: int = 64,
    policy_version: int = 0,
    on_episode: OnEpisode | None = None,
) -> list[Episode]:
    """Play one game per task, all together, and return the episodes in the order of the tasks.

    Args:
        agent: who plays.
        tasks: one entry per game; repeat a task to play it several times.
        make_env: builds the game of a task.
        temperature: 0 for the agent's best move, else the sampling temperature.
        seeds: the agent's seed in each game; equal seeds and tasks give equal games.
        max_turns: a game that is still running after so many turns is truncated.
        policy_version: written into the episodes.
        on_episode: called as each game ends.
    """
    games = [RunningGame(task=task, env=make_env(task)) for task in tasks]
    openings = [g.open(seed) for g, seed in zip(games, seeds, strict=True)]
    episodes: dict[int, Episode] = {}

    def finish(i: int) -> None:
        episodes[i] = games[i].episode(policy_version)
        if on_episode is not None:
            on_episode(i, episodes[i])

    for i, opening in enumerate(openings):
        if opening is None:
            finish(i)
    started = [i for i in range(len(games)) if i not in episodes]
    running = dict(enumerate(started))  # the player's number of a game -> ours
    player = agent.begin([o for o in openings if o is not None], temperature=temperature)
    while running:
        views = {k: games[i].view() for k, i in running.items()}
        moves = player.act(views)
        for k, i in running.items():
            games[i].play(moves.get(k), max_turns)
            if games[i].stop_reason is not None:
                finish(i)
        running = {k: i for k, i in running.items() if i not in episodes}
    return [episodes[i] for i in range(len(games))]


def rollout(
    agent: Agent,
    tasks_P: Sequence[Task],
    group_size: int,
    *,
    make_env: MakeEnv,
    temperature: float,
    seed: int,
    max_turns: int = 64,
    policy_version: int = 0,
    on_episode: OnEpisode | None = None,
) -> list[EpisodeGroup]:
    """Play every task `group_size` times and return one group per task.

    The agent's randomness in game g of a task depends on (seed, task id, g) alone, so neither the
    order of the tasks nor how many are played together changes a game.
    """
    games = [(task, g) for task in tasks_P for g in range(group_size)]
    episodes = play_games(
        agent,
        [task for task, _ in games],
        make_env=make_env,
        temperature=temperature,
        seeds=[seed_from(seed, task.task_id, g) for task, g in games],
        max_turns=max_turns,
        policy_version=policy_version,
        on_episode=on_episode,
    )
    return [
        EpisodeGroup(task=task, episodes=tuple(episodes[p * group_size : (p + 1) * group_size]))
        for p, task in enumerate(tasks_P)
    ]
