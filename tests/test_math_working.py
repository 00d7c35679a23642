"""Steps to an answer: every step is true, the last one is the answer, and a pupil writes some."""

import re
from fractions import Fraction

import pytest

from tests.test_math_players import GAMES, episodes
from wordle_rl.agents.math_working import working
from wordle_rl.envs.math_expressions import evaluate, parse_once
from wordle_rl.envs.math_problems import problem_ids, problem_of

STEP = re.compile(r"(-?[0-9]+[-+*/]-?[0-9]+)=(-?[0-9]+)")


@pytest.mark.parametrize("difficulty", [1, 2])
def test_every_step_is_true_and_the_last_is_the_answer(difficulty: int) -> None:
    for problem in map(problem_of, problem_ids(difficulty, "all", 800, seed=3)):
        steps = [STEP.fullmatch(step) for step in working(problem.compact).split()]
        assert steps, problem
        for step in steps:
            assert step is not None, problem
            # A negative number in second place is no expression of the parser.
            assert evaluate(parse_once(re.sub(r"([-+*/])(-[0-9]+)$", r"\1(\2)", step[1]))) == int(
                step[2]
            )
        assert steps[-1] is not None
        assert Fraction(int(steps[-1][2])) == problem.answer


def test_no_step_has_two_numbers_that_are_hard() -> None:
    """One of its numbers is round or below ten, but where both are small."""
    for problem in map(problem_of, problem_ids(1, "all", 400, seed=4)):
        for step in working(problem.compact).split():
            numbers = [abs(int(n)) for n in re.findall(r"[0-9]+", step.split("=")[0])]
            assert min(numbers) < 10 or any(n % 10 == 0 for n in numbers), step


@pytest.mark.parametrize("question", ["", "7", "Why?", "1/0", "7/2", "1/3+1/4", "a+1", "(" * 99])
def test_what_has_no_steps(question: str) -> None:
    assert working(question) == ""


@pytest.mark.parametrize("style", ["compact", "chat"])
@pytest.mark.parametrize("difficulty", [1, 2, 3, 4])
def test_a_pupil_is_right_and_writes_some_of_it_down(difficulty: int, style: str) -> None:
    played = episodes("pupil", difficulty, style)
    assert [e.solved for e in played] == [True] * GAMES
    written = sum("=" in e.turns[0].action for e in played)
    if difficulty <= 2:
        assert GAMES / 10 < written < GAMES / 2
    if difficulty == 4:  # word problems
        assert not written
