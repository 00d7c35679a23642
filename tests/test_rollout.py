"""Agent x game -> episodes: groups, independence of games, limits, and failures as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style, TextEnv
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup, StopReason, Task
from wordle_rl.rollout import play_games, rollout


class Counting(TextEnv):
    """Says how often it was spoken to; over after five moves, and moody when told so."""

    def public(self) -> Mapping[str, Any]:
        return {"limit": 5}

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.secret = int(self.np_random.integers(1_000_000))
        self.count = 0
        return "start", {"solved": False}

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        if action.startswith("raise"):
            raise {"raise value": ValueError, "raise runtime": RuntimeError}[action]("moody")
        self.count += 1
        over = self.count == 5
        info: dict[str, Any] = {"solved": over, "reward_parts": {"win": float(over)}}
        if over:
            info["secret"] = self.secret
        return f"move {self.count}", float(over), over, info


Answer = Callable[[int, int, View, Opening], str | None]


class Script:
    """Says what `answer(game, turn, view, opening)` returns; None is no answer."""

    name = "script"
    style: Style = "compact"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls: list[list[int]] = []

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Script:
        self.openings = openings
        self.temperature = temperature
        self.turn = [0] * len(openings)
        return self

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        self.calls.append(list(views))
        moves = {}
        for i, view in views.items():
            action = self.answer(i, self.turn[i], view, self.openings[i])
            self.turn[i] += 1
            if action is not None:
                moves[i] = Move(action=action)
        return moves


def task(name: str, seed: int = 0, **options: Any) -> Task:
    return Task(env_id="counting", task_id=name, seed=seed, options=options)


def play(agent: Script, tasks: Sequence[Task], **settings: Any) -> list[Episode]:
    return play_games(
        agent,
        tasks,
        make_env=settings.pop("make_env", lambda _: Counting()),
        temperature=1.0,
        seeds=range(len(tasks)),
        **settings,
    )


def say(text: str) -> Script:
    return Script(lambda *_: text)


# --- one game


def test_an_episode_records_what_was_seen_said_and_earned() -> None:
    [episode] = play(Script(lambda i, turn, *_: f"say {turn}"), [task("a", seed=4)])
    assert [t.observation for t in episode.turns] == ["start", *(f"move {k}" for k in range(1, 5))]
    assert [t.action for t in episode.turns] == [f"say {k}" for k in range(5)]
    assert [t.reward for t in episode.turns] == [0, 0, 0, 0, 1]
    assert [dict(t.reward_parts) for t in episode.turns[3:]] == [{"win": 0.0}, {"win": 1.0}]
    assert episode.final_observation == "move 5"
    assert episode.stop_reason is StopReason.TERMINATED
    assert (episode.terminated, episode.truncated, episode.error) == (True, False, None)
    assert episode.solved
    assert episode.total_reward == 1
    assert episode.task.task_id == "a"


def test_the_agent_is_told_what_it_may_know() -> None:
    agent = say("x")
    play(agent, [task("a"), task("b")], policy_version=3)
    assert agent.temperature == 1.0
    assert [o.seed for o in agent.openings] == [0, 1]
    assert [o.observation for o in agent.openings] == ["start", "start"]
    assert [dict(o.public) for o in agent.openings] == [{"limit": 5}] * 2
    assert "secret" not in agent.openings[0].info


def test_options_and_seed_reach_the_game() -> None:
    seen = []

    class Options(Counting):
        def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            seen.append(options)
            return super()._start(options)

    play(say("x"), [task("a", word="crane")], make_env=lambda _: Options())
    assert seen == [{"word": "crane"}]


def test_policy_version_is_written_down() -> None:
    [episode] = play(say("x"), [task("a")], policy_version=7)
    assert episode.policy_version == 7


# --- limits


def test_a_game_that_outlasts_max_turns_is_truncated() -> None:
    [episode] = play(say("x"), [task("a")], max_turns=3)
    assert len(episode.turns) == 3
    assert episode.stop_reason is StopReason.TRUNCATED
    assert (episode.terminated, episode.truncated, episode.solved) == (False, True, False)
    assert episode.final_observation == "move 3"


def test_a_game_that_ends_on_its_last_turn_is_not_truncated() -> None:
    [episode] = play(say("x"), [task("a")], max_turns=5)
    assert (episode.terminated, episode.truncated) == (True, False)


def test_an_unanswered_game_is_truncated_and_the_others_go_on() -> None:
    agent = Script(lambda i, turn, *_: None if (i, turn) == (1, 2) else "x")
    episodes = play(agent, [task("a"), task("b"), task("c")])
    assert [len(e.turns) for e in episodes] == [5, 2, 5]
    assert [e.stop_reason for e in episodes] == ["terminated", "truncated", "terminated"]
    assert agent.calls == [[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 2], [0, 2]]


def test_a_game_the_environment_truncates_is_truncated() -> None:
    class Impatient(Counting):
        def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
            observation, reward, terminated, _, info = super().step(action)
            return observation, reward, terminated, self.count == 2, info

    [episode] = play(say("x"), [task("a")], make_env=lambda _: Impatient())
    assert len(episode.turns) == 2
    assert episode.truncated


# --- failures


@pytest.mark.parametrize(
    ("kind", "line"), [("value", "ValueError: moody"), ("runtime", "RuntimeError: moody")]
)
def test_a_game_that_fails_is_data_and_the_others_go_on(kind: str, line: str) -> None:
    agent = Script(lambda i, turn, *_: f"raise {kind}" if (i, turn) == (0, 1) else "x")
    failed, other = play(agent, [task("a"), task("b")])
    assert failed.stop_reason is StopReason.ERROR
    assert failed.error == line
    assert (failed.terminated, failed.truncated, failed.solved) == (False, False, False)
    assert [t.action for t in failed.turns] == ["x"]
    assert failed.final_observation == "move 1"
    assert other.terminated
    assert other.error is None


def test_a_game_that_fails_to_start_is_data_and_the_others_go_on() -> None:
    class Unwilling(Counting):
        def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
            if options.get("refuse"):
                raise RuntimeError("no board")
            return super()._start(options)

    bad = Task(env_id="counting", task_id="b", seed=0, options={"refuse": True})
    agent, ended = say("x"), list[int]()
    first, failed, last = play_games(
        agent,
        [task("a"), bad, task("c")],
        make_env=lambda _: Unwilling(),
        temperature=1.0,
        seeds=[10, 11, 12],
        on_episode=lambda i, _: ended.append(i),
    )
    assert (failed.stop_reason, failed.error) == (StopReason.ERROR, "RuntimeError: no board")
    assert (failed.turns, failed.solved, failed.task) == ((), False, bad)
    assert [len(e.turns) for e in (first, last)] == [5, 5]
    assert [opening.seed for opening in agent.openings] == [10, 12]
    assert ended == [1, 0, 2]
    assert play(say("x"), [bad], make_env=lambda _: Unwilling())[0].error is not None


def test_a_wrong_setting_is_not_a_failed_game() -> None:
    wrong = Task(env_id="wordle", task_id="a", seed=0, options={"secret": "xyzzy"})
    with pytest.raises(ConfigError, match="secret 'xyzzy'"):
        play(say("x"), [wrong], make_env=lambda t: make_env(t.env_id))


def test_an_agent_that_fails_is_not_swallowed() -> None:
    def fail(*_: Any) -> str:
        raise ValueError("the model is broken")

    with pytest.raises(ValueError, match="the model is broken"):
        play(Script(fail), [task("a")])


def test_interrupting_a_game_stops_everything() -> None:
    class Interrupted(Counting):
        def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(say("x"), [task("a")], make_env=lambda _: Interrupted())


# --- reports


def test_episodes_are_reported_when_they_end_and_returned_in_order() -> None:
    ended: list[tuple[int, int]] = []
    agent = Script(lambda i, turn, *_: None if turn == 3 - i else "x")
    episodes = play(
        agent,
        [task("a"), task("b"), task("c")],
        on_episode=lambda i, episode: ended.append((i, len(episode.turns))),
    )
    assert ended == [(2, 1), (1, 2), (0, 3)]
    assert [e.task.task_id for e in episodes] == ["a", "b", "c"]


def test_no_games_are_no_episodes() -> None:
    assert play(say("x"), []) == []


# --- groups


def wordle_rollout(tasks: Sequence[Task], agent: Any, group_size: int = 3) -> list[EpisodeGroup]:
    return rollout(
        agent,
        tasks,
        group_size,
        make_env=lambda t: make_env(t.env_id, split=t.split),
        temperature=1.0,
        seed=11,
    )


def wordle_tasks(count: int) -> list[Task]:
    return [
        Task(env_id="wordle", task_id=f"t{p}", seed=100 + p, split="train") for p in range(count)
    ]


def random_words() -> Script:
    """Words that depend on the agent's seed of the game and the turn."""
    words = WordleEnv().guesses

    def word(i: int, turn: int, view: View, opening: Opening) -> str:
        return words[(opening.seed + 7919 * turn) % len(words)]

    return Script(word)


def secret_of(episode: Episode) -> str:
    secret = episode.turns[-1].info["secret"]
    assert isinstance(secret, str)
    return secret


def test_a_group_shares_one_secret_and_groups_do_not() -> None:
    groups = wordle_rollout(wordle_tasks(4), random_words())
    assert [group.task.task_id for group in groups] == ["t0", "t1", "t2", "t3"]
    assert [len(group.episodes) for group in groups] == [3] * 4
    secrets = [{secret_of(e) for e in group.episodes} for group in groups]
    assert all(len(shared) == 1 for shared in secrets)
    assert len(set.union(*secrets)) == 4
    train = WordleEnv(split="train").answers
    assert set.union(*secrets) <= set(train)


def test_every_game_of_a_rollout_has_a_seed_of_its_own() -> None:
    agent = random_words()
    wordle_rollout(wordle_tasks(4), agent)
    assert len({opening.seed for opening in agent.openings}) == 12


def test_games_of_a_group_are_played_differently() -> None:
    [group] = wordle_rollout(wordle_tasks(1), random_words())
    assert len({tuple(t.action for t in e.turns) for e in group.episodes}) == 3


def test_games_depend_on_neither_the_order_of_tasks_nor_their_number() -> None:
    def by_task(groups: Sequence[EpisodeGroup]) -> dict[str, tuple[Episode, ...]]:
        return {group.task.task_id: group.episodes for group in groups}

    tasks = wordle_tasks(4)
    together = by_task(wordle_rollout(tasks, random_words()))
    backwards = by_task(wordle_rollout(tasks[::-1], random_words()))
    alone = by_task([g for t in tasks for g in wordle_rollout([t], random_words())])
    more = by_task(wordle_rollout(tasks, random_words(), group_size=5))
    assert together == backwards == alone
    assert {name: episodes[:3] for name, episodes in more.items()} == together


def test_a_group_refuses_strangers() -> None:
    episodes = play(say("x"), [task("a"), task("b")])
    with pytest.raises(ValueError, match="group of task 'a' holds episodes of"):
        EpisodeGroup(task=task("a"), episodes=tuple(episodes))
