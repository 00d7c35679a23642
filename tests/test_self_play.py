"""Self-play: who moves when, what each seat is told and earns, and groups by role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.envs.base import Style
from wordle_rl.records import EpisodeGroup, StopReason, Task
from wordle_rl.self_play import self_play


class Subtract:
    """Take 1 or 2 from a heap; who takes the last one wins. Refused actions are tried again."""

    def __init__(self, heap: int = 5, limit: int = 20) -> None:
        self.start, self.limit = heap, limit

    def reset(self, seed: int) -> None:
        self.heap, self.to_move, self.status, self.error = self.start + seed, 0, "start", ""
        self.moves = 0

    @property
    def done(self) -> bool:
        return self.heap <= 0 or self.called_off or bool(self.error)

    @property
    def called_off(self) -> bool:
        return self.moves >= self.limit and self.heap > 0

    def observation(self, player: int) -> str:
        return f"you are {player}, heap {self.heap}"

    def step(self, action: str) -> bool:
        self.moves += 1
        if action == "fail":
            self.error = "RuntimeError: broken heap"
        elif action in ("1", "2"):
            self.heap -= int(action)
            self.to_move, self.status = 1 - self.to_move, "ok"
        else:
            self.status = "invalid"
        return self.done

    def outcome(self, player: int) -> str:
        if self.heap > 0 or self.error:
            return ""
        return "win" if self.to_move != player else "loss"


class Script:
    """Answers by a function of what it sees and of its seed."""

    name = "script"
    style: Style = "compact"

    def __init__(self, answer: Callable[[str, int, int], str | None]) -> None:
        self.answer = answer
        self.seeds: list[list[int]] = []

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> _Playing:
        self.seeds.append([opening.seed for opening in openings])
        return _Playing(self.answer, [opening.seed for opening in openings])


class _Playing:
    def __init__(self, answer: Callable[[str, int, int], str | None], seeds: list[int]) -> None:
        self.answer, self.seeds, self.turns = answer, seeds, [0] * len(seeds)

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        moves = {}
        for i, view in views.items():
            said = self.answer(view.observation, self.turns[i], self.seeds[i])
            self.turns[i] += 1
            if said is not None:
                moves[i] = Move(action=said)
        return moves


def tasks(*heaps: int) -> list[Task]:
    return [Task(env_id="subtract", task_id=f"t{heap}", seed=heap) for heap in heaps]


def play(
    answer: Callable[[str, int, int], str | None], *heaps: int, group_size: int = 2, limit: int = 20
) -> list[EpisodeGroup]:
    return self_play(
        Script(answer),
        tasks(*heaps),
        group_size,
        make_match=lambda task: Subtract(0, limit),
        temperature=1.0,
        seed=3,
        policy_version=7,
    )


def test_every_seat_is_a_group_of_its_own() -> None:
    groups = play(lambda *_: "1", 4, 5, group_size=3)
    names = ["t4/seat-0", "t4/seat-1", "t5/seat-0", "t5/seat-1"]
    assert [group.task.task_id for group in groups] == names
    assert all(len(group.episodes) == 3 for group in groups)
    assert all(e.task == group.task for group in groups for e in group.episodes)
    assert {e.policy_version for group in groups for e in group.episodes} == {7}


def test_a_seat_sees_its_own_side_and_is_paid_with_its_last_move() -> None:
    first, second = play(lambda *_: "1", 5, group_size=1)
    [winner], [loser] = first.episodes, second.episodes
    assert [t.observation for t in winner.turns] == [
        "you are 0, heap 5",
        "you are 0, heap 3",
        "you are 0, heap 1",
    ]
    assert [t.observation for t in loser.turns] == ["you are 1, heap 4", "you are 1, heap 2"]
    assert [t.reward for t in winner.turns] == [0.0, 0.0, 1.0]
    assert [t.reward for t in loser.turns] == [0.0, -1.0]
    assert (winner.solved, loser.solved) == (True, False)
    assert [t.info["outcome"] for t in loser.turns] == ["", "loss"]
    assert winner.terminated
    assert loser.final_observation == "you are 1, heap 0"


def test_rewards_of_a_game_sum_to_zero() -> None:
    groups = play(lambda seen, turn, seed: str(1 + (seed >> turn) % 2), 7, 8, group_size=8)
    for first, second in zip(groups[::2], groups[1::2], strict=True):
        for mine, theirs in zip(first.episodes, second.episodes, strict=True):
            assert mine.total_reward == -theirs.total_reward != 0
    assert len({e.solved for e in groups[0].episodes}) == 2


def test_a_refused_player_moves_again_while_others_go_on() -> None:
    """The games of a batch need not be at the same seat."""
    groups = play(
        lambda seen, turn, seed: "what" if turn == 0 and seed % 2 else "2", 6, group_size=8
    )
    lengths = {len(e.turns) for group in groups for e in group.episodes}
    assert lengths > {2}
    for group in groups:
        for episode in group.episodes:
            statuses = [turn.info["status"] for turn in episode.turns]
            assert statuses.count("invalid") == (statuses[0] == "invalid")
            assert episode.terminated


def test_an_agent_that_has_no_answer_cuts_the_game_for_both() -> None:
    groups = play(lambda seen, turn, seed: None if turn == 1 else "1", 9, group_size=1)
    for group in groups:
        [episode] = group.episodes
        assert episode.stop_reason is StopReason.TRUNCATED
        assert episode.total_reward == 0
        assert not episode.solved


def test_a_game_without_end_is_called_off() -> None:
    groups = play(lambda *_: "what", 9, group_size=1, limit=6)
    [group] = groups  # the second seat never moved
    [episode] = group.episodes
    assert len(episode.turns) == 6
    assert episode.truncated


def test_a_game_that_fails_is_data() -> None:
    groups = play(lambda seen, turn, seed: "fail" if "heap 3" in seen else "1", 3, 2, group_size=1)
    [failed] = groups[0].episodes
    assert failed.error == "RuntimeError: broken heap"
    assert failed.stop_reason is StopReason.ERROR
    assert groups[2].episodes[0].error is None


@pytest.mark.parametrize("order", [(4, 6), (6, 4)])
def test_a_game_depends_on_its_task_and_number_alone(order: tuple[int, int]) -> None:
    def answer(seen: str, turn: int, seed: int) -> str:
        return str(1 + (seed >> turn) % 2)

    alone = {g.task.task_id: g for heap in order for g in play(answer, heap)}
    together = {g.task.task_id: g for g in play(answer, *order)}
    assert together == alone
