"""A curriculum over list size: when it widens, what it draws from, and that it resumes."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.ten_words import WORDS, ten_word_config
from wordle_rl.config import TrainConfig, apply_overrides, parse
from wordle_rl.envs.words import load_words, split_words
from wordle_rl.errors import ConfigError
from wordle_rl.records import Task
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.curriculum import STEPS, secrets_in_play
from wordle_rl.training.games import Past, check_games, draw_tasks


def config(*overrides: str) -> TrainConfig:
    values: dict[str, Any] = {"rollout": {"tasks_per_step": 64}}
    given = ["tasks.curriculum_start=8", "tasks.curriculum_win_rate=0.5", *overrides]
    return fill_defaults(parse(TrainConfig, apply_overrides(values, given)))


def rows(*rates: float) -> list[dict[str, float]]:
    return [{"rollout/curriculum_win_rate": rate} for rate in rates]


def secrets(tasks: Iterable[Task]) -> set[str]:
    return {task.options["secret"] for task in tasks}


def test_it_widens_when_five_steps_pass_and_counts_afresh() -> None:
    settings = config()
    assert secrets_in_play(settings, []) == 8
    assert secrets_in_play(settings, rows(*[1.0] * (STEPS - 1))) == 8
    assert secrets_in_play(settings, rows(*[1.0] * STEPS)) == 16
    assert secrets_in_play(settings, rows(*[1.0] * (2 * STEPS - 1))) == 16
    assert secrets_in_play(settings, rows(*[1.0] * (2 * STEPS))) == 32
    assert secrets_in_play(settings, rows(*[0.49] * 30)) == 8


def test_the_newest_steps_decide_and_a_step_without_a_rate_is_passed_over() -> None:
    settings = config()
    late = rows(0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5)
    assert secrets_in_play(settings, late) == 8
    assert secrets_in_play(settings, [*late, {"rollout/win_rate": 1.0}]) == 8
    assert secrets_in_play(settings, [*late, *rows(0.5)]) == 16


def test_secrets_are_drawn_from_few_words_first_and_later_from_more() -> None:
    settings = config()
    early = secrets(task for step in range(8) for task in draw_tasks(settings, step))
    past = Past(metrics=rows(*[1.0] * STEPS))
    later = secrets(task for step in range(8) for task in draw_tasks(settings, step, past=past))
    assert len(early) == 8
    assert len(later) == 16
    assert early < later
    assert later <= set(split_words(load_words("answers"), "train"))


def test_another_seed_begins_with_other_words() -> None:
    first = secrets(draw_tasks(config(), 0))
    assert first != secrets(draw_tasks(config("train.seed=1"), 0))
    assert draw_tasks(config(), 5) == draw_tasks(config(), 5)


def test_a_list_that_is_shorter_is_taken_whole() -> None:
    settings = ten_word_config("tasks.curriculum_start=1000", "rollout.tasks_per_step=200")
    assert secrets(draw_tasks(settings, 0)) == set(WORDS)


def test_without_it_no_secret_is_named() -> None:
    assert not any(task.options for task in draw_tasks(ten_word_config(), 0))


@pytest.mark.parametrize("env_id", ["guess-number", "mastermind", "hangman"])
def test_every_game_with_a_list_of_secrets_has_it(env_id: str) -> None:
    settings = config(f"env.id={env_id}")
    assert len(secrets(task for step in range(4) for task in draw_tasks(settings, step))) == 8


def test_each_game_of_a_mixture_has_its_own_stage() -> None:
    settings = config("env.id=mastermind,guess-number")
    drawn = draw_tasks(settings, 0) + draw_tasks(settings, 1)
    numbers = secrets(task for task in drawn if task.env_id == "guess-number")
    assert len(numbers) == 8
    assert all(number.isdigit() for number in numbers)


def test_a_composed_reward_does_not_hide_the_list() -> None:
    assert len(secrets(draw_tasks(config("env.rewards={correct=1.0}"), 0))) == 8


def test_a_game_without_a_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="'math' has no list of secrets"):
        check_games(config("env.id=math"), "compact")
    with pytest.raises(ConfigError, match="wide_share"):
        check_games(config("env.options.wide_share=0.3"), "compact")
