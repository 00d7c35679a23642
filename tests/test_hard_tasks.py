"""Replay of hard secrets: what is hard, how much of it comes back, and that a run resumes to it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.ten_words import WORDS, Watcher, same, taught_agent, ten_word_config, weights
from tests.test_trainer import logged, run_in
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.run_dir import RunDir, TaskResult
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.games import Past, draw_tasks, play_step
from wordle_rl.training.hard_tasks import RECENT, hard_tasks, task_results


def config(*overrides: str) -> TrainConfig:
    values: dict[str, Any] = {
        "rollout": {"tasks_per_step": 100, "group_size": 4},
        "tasks": {"replay_share": 0.25},
    }
    return fill_defaults(parse(TrainConfig, apply_overrides(values, overrides)))


def result(secret: str, won: int, seed: int = 7, env_id: str = "wordle") -> TaskResult:
    return TaskResult(
        env_id=env_id, env_options={}, seed=seed, options={}, secret=secret, won=won, played=4
    )


LOST = [[result(f"word{i}", 0, seed=i)] for i in range(50)]


def seeds(config: TrainConfig, past: Past, step: int = 9) -> list[int]:
    return [t.seed for t in draw_tasks(config, step, past=past) if t.origin == "replayed"]


# --- what is hard


def test_lost_and_mixed_tasks_are_hard_and_won_ones_are_not() -> None:
    log = [[result("lost", 0), result("mixed", 3)], [result("won", 4)]]
    assert [entry["secret"] for entry in hard_tasks(log)] == ["lost", "mixed"]


def test_the_last_time_counts_whatever_the_seed() -> None:
    log = [[result("crane", 0, seed=1)], [result("pound", 4)], [result("crane", 4, seed=2)]]
    assert hard_tasks(log) == []
    assert hard_tasks(log[:2]) == [result("crane", 0, seed=1)]


def test_a_start_in_the_middle_is_a_task_of_its_own() -> None:
    opened = result("crane", 4)
    opened["options"] = {"opening": ("slate",)}
    assert [entry["won"] for entry in hard_tasks([[result("crane", 0)], [opened]])] == [0]


def test_what_was_long_ago_is_forgotten() -> None:
    log = [[result("crane", 0)], *([[result("pound", 4)]] * RECENT)]
    assert hard_tasks(log) == []
    assert len(hard_tasks(log[:RECENT])) == 1


# --- what comes back


def test_a_share_is_replayed_each_no_more_than_once() -> None:
    replayed = seeds(config(), Past(played=LOST))
    assert 12 <= len(replayed) <= 40
    assert len(set(replayed)) == len(replayed)
    assert set(replayed) <= set(range(50))
    assert len(seeds(config("tasks.replay_share=1"), Past(played=LOST))) == 50
    assert seeds(config("tasks.replay_share=0"), Past(played=LOST)) == []


def test_the_other_tasks_are_those_that_would_have_been_drawn() -> None:
    drawn = draw_tasks(config(), 9, past=Past(played=LOST))
    plain = draw_tasks(config("tasks.replay_share=0"), 9)
    assert [t.task_id for t in drawn] == [t.task_id for t in plain]
    kept = [(a, b) for a, b in zip(drawn, plain, strict=True) if a.origin == "fresh"]
    assert len(kept) > 50
    assert all(a == b for a, b in kept)


def test_a_replay_is_a_function_of_seed_step_and_log() -> None:
    past = Past(played=LOST)
    assert seeds(config(), past) == seeds(config(), past)
    assert seeds(config(), past) != seeds(config(), past, step=10)
    assert seeds(config(), past) != seeds(config("train.seed=1"), past)
    assert seeds(config(), past) != seeds(config(), Past(played=LOST[:20]))


def test_each_game_of_a_mixture_gets_its_own_back() -> None:
    settings = config("env.id=guess-number,mastermind", "tasks.replay_share=1")
    log = [[result(str(i), 0, seed=i, env_id="mastermind") for i in range(10)]]
    replayed = [t for t in draw_tasks(settings, 1, past=Past(played=log)) if t.origin == "replayed"]
    assert len(replayed) == 10
    assert {task.env_id for task in replayed} == {"mastermind"}


def test_a_replayed_task_plays_the_same_secret_again() -> None:
    settings = ten_word_config("tasks.replay_share=1", "rollout.tasks_per_step=4")
    agent = taught_agent()
    first = task_results(play_step(agent, settings, 0, 1.0))
    hard = {entry["secret"] for entry in hard_tasks([first])}
    again = play_step(agent, settings, 1, 1.0, past=Past(played=[first]))
    played = {entry["secret"] for entry in task_results(again)[: len(hard)]}
    assert len(hard) > 1
    assert hard <= {entry["secret"] for entry in task_results(again)}
    assert played <= set(WORDS)


def test_a_failed_game_does_not_count() -> None:
    [group, *_] = play_step(taught_agent(), ten_word_config(), 0, 1.0)
    won = sum(e.solved for e in group.episodes)
    failed = replace(group.episodes[0], error="boom")
    [entry] = task_results([replace(group, episodes=(failed, *group.episodes[1:]))])
    assert entry["played"] == 3
    assert entry["won"] == won - group.episodes[0].solved


# --- a run

ALL = (
    "tasks.replay_share=0.5",
    "tasks.midgame_share=0.4",
    "tasks.curriculum_start=3",
    "tasks.curriculum_win_rate=0.2",
    "train.steps=9",
    "save.checkpoint_every_steps=3",
)


def test_a_run_with_everything_on_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    settings = ten_word_config(*ALL)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    agents = [taught_agent(), taught_agent()]
    run_in(whole, settings, agent=agents[0])
    run_in(stopped, settings, stop_after=4)
    with (stopped / "tasks.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 5, "tas')
    run_in(stopped, settings, agent=agents[1])
    assert logged(stopped) == logged(whole)
    assert (stopped / "tasks.jsonl").read_bytes() == (whole / "tasks.jsonl").read_bytes()
    assert same(weights(agents[0]), weights(agents[1]))
    rows = logged(whole)
    assert rows[0]["rollout/curriculum_secrets"] == 3.0
    assert rows[-1]["rollout/curriculum_secrets"] > 3.0
    assert any("rollout/win_rate_replayed" in row for row in rows)
    assert any("rollout/win_rate_midgame" in row for row in rows)


@pytest.mark.parametrize("switch", ALL[:3])
def test_each_switch_alone_changes_what_is_played(switch: str, tmp_path: Path) -> None:
    plain, moved = tmp_path / "plain", tmp_path / "moved"
    run_in(plain, ten_word_config("train.steps=3"))
    run_in(moved, ten_word_config("train.steps=3", switch))
    assert list(RunDir(plain).played()) != list(RunDir(moved).played())


def test_the_log_says_what_was_played_and_won(tmp_path: Path) -> None:
    watcher = Watcher()
    run_in(tmp_path, ten_word_config("train.steps=2"), watcher=watcher)
    steps = list(RunDir(tmp_path).played())
    assert len(steps) == 2
    for step, record in zip(steps, watcher.records, strict=True):
        assert [entry["played"] for entry in step] == [4, 4, 4]
        won = sum(entry["won"] for entry in step)
        assert won / 12 == pytest.approx(record.metrics["rollout/win_rate"])
        assert {entry["secret"] for entry in step} <= set(WORDS)
