"""Self-play: one agent in both seats of a two-player game; each seat's game is an episode.

The games of a task all start from the same state. Its episodes come back as one group for each
seat, so advantages are conditioned on the role: whoever moves first is compared with others who
moved first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from wordle_rl.agents.base import Agent, Move, Opening, View
from wordle_rl.records import Episode, EpisodeGroup, StopReason, Task, Turn
from wordle_rl.seeding import seed_from

SEATS = 2
REWARDS: Mapping[str, float] = {"win": 1.0, "draw": 0.0, "loss": -1.0, "": 0.0}
"""Outcome of a seat -> its reward, so that a game's rewards sum to zero."""


class TwoPlayerMatch(Protocol):
    """A game of two seats, 0 and 1, played action by action."""

    @property
    def to_move(self) -> int:
        """The seat whose action is next."""
        ...

    @property
    def done(self) -> bool:
        """Whether the game is over."""
        ...

    @property
    def called_off(self) -> bool:
        """Whether it ended at a limit, not by its rules."""
        ...

    @property
    def status(self) -> str:
        """What became of the last action: `ok`, or why it was refused."""
        ...

    @property
    def error(self) -> str:
        """What the game raised, in one line; empty where it did not."""
        ...

    def reset(self, seed: int) -> None:
        """Start a new game."""
        ...

    def observation(self, player: int) -> str:
        """What a seat sees now."""
        ...

    def step(self, action: str) -> bool:
        """Play one action for the seat to move; whether the game is over."""
        ...

    def outcome(self, player: int) -> str:
        """`win`, `draw` or `loss` of a seat; empty without a result."""
        ...


MakeMatch = Callable[[Task], TwoPlayerMatch]


@dataclass(slots=True)
class _Said:
    """One turn of a seat."""

    observation: str
    move: Move
    status: str


@dataclass(slots=True)
class _Match:
    """One running game and what its seats have said."""

    task: Task
    match: TwoPlayerMatch
    said: tuple[list[_Said], ...] = field(default_factory=lambda: tuple([] for _ in range(SEATS)))
    cut: bool = False
    """Whether the agent had no answer: its context is full."""

    @property
    def running(self) -> bool:
        return not (self.cut or self.match.done)

    def waits_for(self, seat: int) -> bool:
        return self.running and self.match.to_move == seat

    def view(self, seat: int) -> View:
        return View(observation=self.match.observation(seat), info={})

    def play(self, move: Move | None) -> None:
        if move is None:
            self.cut = True
            return
        seat = self.match.to_move
        observation = self.match.observation(seat)
        self.match.step(move.action)
        self.said[seat].append(_Said(observation, move, self.match.status))

    def episode(self, seat: int, policy_version: int) -> Episode:
        """The game as a seat saw it; its reward comes with its last turn."""
        stop = StopReason.TERMINATED
        if self.match.error:
            stop = StopReason.ERROR
        elif self.cut or self.match.called_off:
            stop = StopReason.TRUNCATED
        outcome = self.match.outcome(seat) if stop is StopReason.TERMINATED else ""
        last = len(self.said[seat]) - 1
        return Episode(
            task=self.task,
            turns=tuple(
                _turn(number, said, outcome if number == last else "")
                for number, said in enumerate(self.said[seat])
            ),
            final_observation=self.match.observation(seat),
            terminated=stop is StopReason.TERMINATED,
            truncated=stop is StopReason.TRUNCATED,
            stop_reason=stop,
            policy_version=policy_version,
            error=self.match.error or None,
            opponent=tuple((s.observation, s.move.action) for s in self.said[SEATS - 1 - seat]),
        )


def self_play(
    agent: Agent,
    tasks_P: Sequence[Task],
    group_size: int,
    *,
    make_match: MakeMatch,
    temperature: float,
    seed: int,
    policy_version: int = 0,
) -> list[EpisodeGroup]:
    """Play every task `group_size` times, the agent against itself.

    Returns:
        Two groups a task, one for each seat; the task's id is followed by `/seat-0` or `/seat-1`.
        A seat that moved in no game, since each was over before, has none.
    """
    matches = [_start(task, make_match) for task in tasks_P for _ in range(group_size)]
    players = [
        agent.begin(
            [
                Opening(
                    observation="",  # a seat sees its first one when it is its turn
                    info={},
                    seed=seed_from(seed, m.task.task_id, g % group_size, seat),
                    public={},
                )
                for g, m in enumerate(matches)
            ],
            temperature=temperature,
        )
        for seat in range(SEATS)
    ]
    while any(m.running for m in matches):
        for seat, player in enumerate(players):
            waiting = {g: m for g, m in enumerate(matches) if m.waits_for(seat)}
            if waiting:
                moves = player.act({g: m.view(seat) for g, m in waiting.items()})
                for g, m in waiting.items():
                    m.play(moves.get(g))
    groups = [
        _group(matches[p * group_size : (p + 1) * group_size], task, seat, policy_version)
        for p, task in enumerate(tasks_P)
        for seat in range(SEATS)
    ]
    return [group for group in groups if group.episodes]


def _start(task: Task, make_match: MakeMatch) -> _Match:
    match = make_match(task)
    match.reset(task.seed % 2**31)
    return _Match(task=task, match=match)


def _group(matches: Sequence[_Match], task: Task, seat: int, policy_version: int) -> EpisodeGroup:
    """The games of one seat; those it never moved in are none."""
    role = replace(task, task_id=f"{task.task_id}/seat-{seat}")
    episodes = [m.episode(seat, policy_version) for m in matches if m.said[seat]]
    return EpisodeGroup(task=role, episodes=tuple(replace(e, task=role) for e in episodes))


def _turn(number: int, said: _Said, outcome: str) -> Turn:
    reward = REWARDS[outcome]
    info: dict[str, Any] = {
        "turn": number + 1,
        "guess": said.move.action,
        "status": said.status,
        "feedback": "",
        "solved": outcome == "win",
        "outcome": outcome,
    }
    return Turn(
        observation=said.observation,
        action=said.move.action,
        reward=reward,
        reward_parts={"outcome": reward},
        info=info,
        completion=said.move.completion,
    )
