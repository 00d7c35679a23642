"""A stored game move by move: against the game itself and by hand."""

import pytest

from tests.stored import game
from wordle_rl.agents.baselines import load_baseline
from wordle_rl.envs.feedback import consistent
from wordle_rl.envs.words import load_words
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.game_replay import WORDS_SHOWN, replay_steps
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.suites import load_suite, seeded_suite

SUITE = load_suite("wordle-val").subset(3)


def played(agent: str) -> list[GameRecord]:
    seen: list[GameRecord] = []
    evaluate(load_baseline(agent), SUITE, samples=0, on_game=seen.append)
    return seen


def opener() -> str:
    """What the solver plays first."""
    return played("solver")[0]["guesses"][0]


def test_the_solvers_own_game_is_what_the_solver_would_have_played() -> None:
    for record in played("solver"):
        steps = replay_steps(record, SUITE)
        assert [step.solver for step in steps] == record["guesses"]
        assert steps[-1].left == 1
        assert steps[-1].words == (record["secret"],)


def test_the_words_left_are_those_that_fit() -> None:
    record = game(SUITE.secrets[0], 3)
    rows = list(zip(record["guesses"], record["feedback"], strict=True))
    steps = replay_steps(record, SUITE)
    for i, step in enumerate(steps):
        fitting = [w for w in load_words("answers") if consistent(w, rows[: i + 1])]
        assert step.left == len(fitting)
        assert step.words == tuple(fitting[:WORDS_SHOWN])
    assert steps[0].solver == opener()


def test_refused_answers_keep_their_place_and_the_words_left() -> None:
    record = game(SUITE.secrets[0], 2)
    columns = {
        "guesses": ["zzzzz"],
        "statuses": ["unknown_word"],
        "feedback": [""],
        "consistent": [False],
        "truncated": [False],
        "actions": ["[zzzzz]"],
    }
    more = {key: value + record[key] for key, value in columns.items()}
    record = {**record, **more, "observations": ["start", "?zzzzz", *record["feedback"]]}
    record |= {"probabilities": [0.25, None, None]}
    steps = replay_steps(record, SUITE)
    assert [step.marks for step in steps] == ["", *record["feedback"][1:]]
    assert (steps[0].left, steps[0].probability) == (2146, 0.25)
    assert steps[0].solver == steps[1].solver == opener()


def test_a_game_recorded_without_what_was_said() -> None:
    record = game(SUITE.secrets[0], 2)
    bare = {
        k: v for k, v in record.items() if k not in ("actions", "observations", "probabilities")
    }
    steps = replay_steps(bare, SUITE)
    assert [step.said for step in steps] == record["guesses"]
    assert [step.solver for step in steps] == [s.solver for s in replay_steps(record, SUITE)]


@pytest.mark.parametrize("name", ["guess-number-100", "mastermind-4x6", "math-1"])
def test_other_games_have_their_own_solver_and_no_words(name: str) -> None:
    suite = load_suite(name).subset(2)
    seen: list[GameRecord] = []
    evaluate(load_baseline("solver"), suite, samples=0, on_game=seen.append)
    for record in seen:
        steps = replay_steps(record, suite)
        assert [step.said for step in steps] == record.get("actions")
        assert [step.solver for step in steps] == record.get("actions")
        assert all(step.left is None and step.words == () for step in steps)


def test_a_game_without_a_solver_is_shown_without_one() -> None:
    suite = seeded_suite("textarena:GuessTheNumber-v0", {}, "all", n=1)
    record = {**game("crane", 1), "secret": suite.secrets[0], "actions": ["[4]"], "guesses": ["4"]}
    assert [step.solver for step in replay_steps(record, suite)] == [None]


def test_a_game_that_the_suite_does_not_have_is_shown_as_it_was_recorded() -> None:
    (step, *_) = replay_steps(game("zzzzz", 2), SUITE)
    assert (step.guess, step.left, step.solver) == ("crane", None, None)
