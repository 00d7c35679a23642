"""Math's baselines: the solver is always right, so every question says enough; chance is not."""

from typing import Any

import pytest

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.math_players import question_of, solve
from wordle_rl.envs import make_env
from wordle_rl.envs.math_problems import DIFFICULTIES, problem_ids, problem_of
from wordle_rl.records import Episode, Task
from wordle_rl.rollout import play_games

GAMES = 60


def episodes(name: str, difficulty: int, style: str, **options: Any) -> list[Episode]:
    ids = problem_ids(difficulty, "all", GAMES, seed=2)
    return play_games(
        load_baseline(name),
        [Task(env_id="math", task_id=i, seed=0, options={"secret": i}) for i in ids],
        make_env=lambda task: make_env("math", style=style, **options),
        temperature=0.0,
        seeds=range(GAMES),
    )


@pytest.mark.parametrize("style", ["compact", "chat"])
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_the_solver_is_always_right(difficulty: int, style: str) -> None:
    played = episodes("solver", difficulty, style)
    assert [e.solved for e in played] == [True] * GAMES
    assert {len(e.turns) for e in played} == {1}


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_questions_say_all_that_their_answer_needs(difficulty: int) -> None:
    for problem in map(problem_of, problem_ids(difficulty, "all", 400, seed=1)):
        assert solve(problem.question) == solve(problem.compact) == problem.answer


@pytest.mark.parametrize("style", ["compact", "chat"])
def test_chance_is_legal_and_seldom_right(style: str) -> None:
    played = episodes("random", 1, style, max_attempts=2)
    statuses = [turn.info["status"] for e in played for turn in e.turns]
    assert set(statuses) <= {"ok", "repeat"}
    assert sum(e.solved for e in played) < GAMES / 4
    assert len({turn.action for e in played for turn in e.turns}) > 30


def test_what_cannot_be_solved() -> None:
    for question in ("", "Why?", "What is love?", "1/0", "Solve 3x = 4 for y.", "(" * 9999):
        assert solve(question) is None


def test_questions_are_found_in_both_styles() -> None:
    for style in ("compact", "chat"):
        env = make_env("math", style=style, max_attempts=3, hints=True, history="full")
        opening, _ = env.reset(options={"secret": "3:fraction-of:1,7,19"})
        assert solve(question_of(opening)) == 19
