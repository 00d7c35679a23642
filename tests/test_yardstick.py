"""What games are held against: information by hand, and the best known play."""

import math

import pytest

from wordle_rl.agents.baselines import load_baseline
from wordle_rl.agents.solver import MASTERMIND, WORDLE
from wordle_rl.envs.feedback import feedback
from wordle_rl.envs.lexicon import find_lexicon
from wordle_rl.envs.pegs import pegs
from wordle_rl.envs.words import load_words
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.possible import Possible
from wordle_rl.evaluation.suites import load_suite, wordle_lists_suite
from wordle_rl.evaluation.yardstick import yardstick

ANSWERS = load_words("answers", 5)


def record(secret: str, guesses: list[str], marks: list[str]) -> GameRecord:
    return GameRecord(
        mode="greedy",
        sample=0,
        secret=secret,
        guesses=guesses,
        statuses=["ok" if m else "unknown_word" for m in marks],
        feedback=marks,
        consistent=[True] * len(marks),
        truncated=[False] * len(marks),
        solved=False,
        drawn=False,
        n_guesses=len(marks),
        stop_reason="terminated",
        error=None,
    )


def test_bits_count_the_secrets_that_are_ruled_out() -> None:
    words = ("crane", "crate", "slate", "stale")
    possible = Possible(words, WORDLE)
    marks = feedback("crate", "crane")
    assert possible.bits(record("crane", ["crate"], [marks])) == 2.0
    assert possible.bits(record("crane", ["xyzzy"], [""])) == 0.0
    assert possible.bits(record("slate", ["crate", "stale"], ["XXGGG", "GYGYG"])) == 2.0
    assert possible.bits(record("crane", ["slate"], [feedback("slate", "crane")])) == 2.0
    assert possible.bits(record("stale", ["crane"], [feedback("crane", "stale")])) == 1.0
    assert possible.bits(record("slate", ["crane"], [feedback("crane", "slate")])) == 1.0


def test_a_secret_that_is_not_on_the_list_has_no_bits() -> None:
    assert Possible(("crane",), WORDLE).bits(record("slate", ["crane"], ["XXGXG"])) is None


def test_pegs_tell_bits_too() -> None:
    codes = ("aa", "ab", "ba", "bb")
    told = Possible(codes, MASTERMIND).bits(record("aa", ["ab"], [pegs("ab", "aa")]))
    assert told == math.log2(4 / 2)


def test_the_best_known_wordle_is_the_tree_that_ships() -> None:
    measure = yardstick(load_suite("wordle-all"))
    assert measure.best_known is not None
    assert sum(measure.best_known.values()) == 7292
    assert tuple(measure.best_known) == ANSWERS
    hard = yardstick(load_suite("wordle-hard-val")).best_known
    assert hard is not None
    assert sum(hard.values()) == 7478


def test_lists_of_ones_own_have_bits_and_no_regret() -> None:
    suite = wordle_lists_suite(find_lexicon(5, "all", ANSWERS[::200], ANSWERS), "mine")
    report = evaluate(load_baseline("greedy-patterns"), suite, samples=0).greedy
    assert report is not None
    assert report.regret.value is None
    assert report.bits_per_action.value is not None
    guesses = report.score.value
    assert guesses is not None
    assert report.bits_per_action.value * guesses == pytest.approx(math.log2(len(suite.tasks)))


@pytest.mark.parametrize(
    ("suite", "agent", "regret"),
    [("wordle-val", "solver", 0.0), ("guess-number-100", "solver", 0.0), ("math-1", "solver", 0.0)],
)
def test_the_best_known_play_has_no_regret(suite: str, agent: str, regret: float) -> None:
    report = evaluate(load_baseline(agent), load_suite(suite), samples=0, limit=20).greedy
    assert report is not None
    assert report.regret.value == regret


def test_other_play_has_regret_and_fewer_bits() -> None:
    suite = load_suite("wordle-val")
    reports = [
        evaluate(load_baseline(name), suite, samples=0, limit=30).greedy
        for name in ("solver", "random-consistent", "random")
    ]
    regrets = [report.regret.value for report in reports if report]
    bits = [report.bits_per_action.value for report in reports if report]
    assert regrets == sorted(regrets, key=lambda value: value or 0.0)
    assert bits == sorted(bits, key=lambda value: -(value or 0.0))
    assert regrets[0] == 0.0 < (regrets[1] or 0.0)


def test_a_game_without_a_list_has_neither() -> None:
    measure = yardstick(load_suite("tictactoe-random"))
    assert measure.possible is None
    assert measure.best_known is None
