"""What a run plays: tasks of a mixture, environments with what they know, matches, and checks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ten_words import taught_agent
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.envs.guess_number import GuessNumberEnv
from wordle_rl.envs.text_arena_match import TwoPlayerGame
from wordle_rl.errors import ConfigError
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.credit import anchors
from wordle_rl.training.games import (
    check_games,
    draw_tasks,
    play_step,
    training_env,
    training_match,
)


def config(*overrides: str) -> TrainConfig:
    values: dict[str, Any] = {"rollout": {"tasks_per_step": 4, "group_size": 2}}
    return fill_defaults(parse(TrainConfig, apply_overrides(values, overrides)))


def test_tasks_of_a_mixture_carry_the_options_of_their_game() -> None:
    mixed = config("env.id=wordle,guess-number=3", "env.options.guess-number.hi=9")
    tasks = draw_tasks(mixed, 0)
    assert [task.env_id for task in tasks] == ["wordle"] + ["guess-number"] * 3
    assert [task.env_options for task in tasks] == [{}] + [{"hi": 9}] * 3
    env = training_env(mixed.env, tasks[1], "compact")
    assert isinstance(env, GuessNumberEnv)
    assert env.reset(seed=0)[0] == "number 1..9 x4"


def test_a_game_gets_what_it_knows() -> None:
    arena = config("env.id=textarena:GuessTheNumber-v0")
    check_games(arena, "compact")  # it has neither split nor reward schemes of ours
    with pytest.raises(ConfigError, match=r"env\.split='val'.*has no such argument"):
        check_games(config("env.id=textarena:GuessTheNumber-v0", "env.split=val"), "compact")


def test_too_few_tasks_for_all_games_are_refused() -> None:
    few = config("env.id=wordle=9,math", "rollout.tasks_per_step=2")
    with pytest.raises(ConfigError, match="too few for game 'math'"):
        check_games(few, "compact")


def test_an_opponent_is_handed_to_the_game() -> None:
    duel = config("env.id=textarena:TicTacToe-v0", "env.opponent=perfect")
    check_games(duel, "compact")
    with pytest.raises(ConfigError, match="unknown opponent"):
        check_games(config("env.id=textarena:TicTacToe-v0", "env.opponent=none"), "compact")
    with pytest.raises(ConfigError, match=r"env\.opponent='random'.*has no such argument"):
        check_games(config("env.opponent=random"), "compact")


def test_only_games_for_two_are_played_against_oneself() -> None:
    duel = config("env.id=textarena:TicTacToe-v0", "env.opponent=self")
    assert isinstance(training_match(draw_tasks(duel, 0)[0], "compact"), TwoPlayerGame)
    with pytest.raises(ConfigError, match="'wordle' cannot be played against itself"):
        check_games(config("env.opponent=self"), "compact")
    with pytest.raises(ConfigError, match="for 1 player"):
        check_games(config("env.id=textarena:Sokoban-v0", "env.opponent=self"), "compact")


def test_self_play_has_a_group_for_each_seat() -> None:
    """A seat that never moved, since the first one lost at once by a move of no form, has none."""
    duel = config("env.id=textarena:Nim-v0", "env.opponent=self", "rollout.tasks_per_step=1")
    groups = play_step(taught_agent(), duel, 0, 1.0)
    moved = {int(group.task.task_id.rpartition("-")[2]) for group in groups}
    assert [group.task.task_id for group in groups] == [f"step-0/task-0/seat-{s}" for s in moved]
    assert 0 in moved
    for group in groups:
        for episode in group.episodes:
            assert all(turn.completion is not None for turn in episode.turns)


@pytest.mark.parametrize("own", [(), ("env.options.track_candidates=true",)])
def test_gigpo_has_games_tell_what_is_still_possible(own: tuple[str, ...]) -> None:
    gigpo = config("train.algo=gigpo", *own)
    [group, *_] = play_step(taught_agent(), gigpo, 0, 1.0)
    beliefs = [turn.info["belief"] for game in group.episodes for turn in game.turns]
    assert all(isinstance(belief, str) for belief in beliefs)
    assert all(anchor[0] == "belief" for game in group.episodes for anchor in anchors(game)[1:])
    plain = play_step(taught_agent(), config(), 0, 1.0)
    assert "belief" not in plain[0].episodes[0].turns[0].info


def test_a_game_that_cannot_tell_is_played_all_the_same() -> None:
    check_games(config("train.algo=gigpo", "env.id=textarena:GuessTheNumber-v0"), "compact")
    check_games(config("train.algo=gigpo", "env.id=math"), "compact")
