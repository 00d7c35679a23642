"""The planner against plain Python. Whole policies are in test_baselines, through the game."""

import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from wordle_rl.agents.solver import (
    Criterion,
    Planner,
    Values,
    by_entropy,
    by_patterns,
    planner_for,
)
from wordle_rl.envs.feedback import consistent, feedback
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.words import load_words

ANSWERS = load_words("answers", 5)
GUESSES = load_words("guesses", 5)
FEW_GUESSES, FEW_ANSWERS = GUESSES[::40], GUESSES[::120]


@pytest.fixture(scope="module")
def planner() -> Planner:
    return planner_for(GUESSES, ANSWERS)


@pytest.fixture(scope="module")
def small() -> Planner:
    return Planner(FEW_GUESSES, FEW_ANSWERS)


@pytest.fixture(scope="module")
def answers_only() -> Planner:
    return Planner(FEW_ANSWERS, FEW_ANSWERS)


def history_of(secret: str, *guesses: str) -> list[tuple[str, str]]:
    return [(guess, feedback(guess, secret)) for guess in guesses]


def random_histories(n: int, length: int) -> list[list[tuple[str, str]]]:
    rng = np.random.default_rng(0)
    return [
        history_of(str(rng.choice(ANSWERS)), *map(str, rng.choice(GUESSES, size=length)))
        for _ in range(n)
    ]


@pytest.mark.parametrize("history", random_histories(8, 2))
def test_candidates_are_the_words_consistent_with_the_history(
    planner: Planner, history: list[tuple[str, str]]
) -> None:
    left = [planner.answers[i] for i in planner.candidates(history)]
    assert left == [word for word in ANSWERS if consistent(word, history)]
    assert left


def test_a_guess_that_is_on_no_list_narrows_too(planner: Planner) -> None:
    history = history_of("crane", "zzaee")
    left = [planner.answers[i] for i in planner.candidates(history)]
    assert left == [word for word in ANSWERS if consistent(word, history)]


def test_fitting_guesses_find_a_secret_that_is_no_answer(planner: Planner) -> None:
    secret = next(word for word in GUESSES if word not in ANSWERS)
    history = history_of(secret, "salet", "crony")
    assert secret in planner.fitting_guesses(history)
    assert all(consistent(word, history) for word in planner.fitting_guesses(history))


def groups_of(guess: str, candidates: list[str]) -> list[int]:
    return list(Counter(feedback(guess, word) for word in candidates).values())


def entropy_of(groups: list[int]) -> float:
    n = sum(groups)
    return -sum(k / n * math.log2(k / n) for k in groups)


def best_by_hand(guesses: list[str], candidates: list[str], criterion: Criterion) -> str:
    """The same rule in plain Python: value, then candidate, then answer, then alphabet."""
    worth = entropy_of if criterion is by_entropy else len
    value = {guess: worth(groups_of(guess, candidates)) for guess in guesses}
    top = max(value.values())
    best = [guess for guess in guesses if value[guess] > top - 1e-9]
    return min(best, key=lambda g: (g not in candidates, g not in FEW_ANSWERS, g))


@pytest.mark.parametrize("criterion", [by_patterns, by_entropy])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 20, 94])
def test_best_guess_equals_plain_python(small: Planner, criterion: Criterion, size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(4):
        rows = np.sort(rng.permutation(len(FEW_ANSWERS))[:size])
        expected = best_by_hand(list(FEW_GUESSES), [FEW_ANSWERS[i] for i in rows], criterion)
        assert small.best_guess(rows, criterion) == expected


def test_where_all_guesses_are_worth_the_same_a_candidate_is_played(answers_only: Planner) -> None:
    rows = np.arange(50, 80)  # no candidate tells all of these apart
    assert answers_only.best_guess(rows, lambda counts: np.zeros(len(counts))) == FEW_ANSWERS[50]


def test_a_tie_goes_to_a_candidate_then_to_an_answer_then_to_the_alphabet() -> None:
    # All six guesses tell "bbbb" from "dddd"; "baaa" is an answer, but no candidate.
    answers = ("bbbb", "baaa", "dddd")
    planner = Planner(("aaab", "abaa", "baaa", "bbbb", "dddd", "zzzb"), answers)
    both = planner.candidates([])[[0, 2]]
    assert planner.best_guess(both, by_patterns) == "bbbb"
    without_candidates = np.array([0, 1, 2, 5])
    assert planner.best_guess(both, by_patterns, without_candidates) == "baaa"
    others = np.array([1, 5])
    assert planner.best_guess(both, by_entropy, others) == "abaa"


@pytest.mark.parametrize("length", [4, 8])
def test_other_word_lengths(length: int) -> None:
    answers = load_words("answers", length)[::60]
    planner = Planner(load_words("guesses", length)[::60], answers)
    history = history_of(answers[3], planner.best_guess(planner.everything(), by_entropy))
    assert answers[3] in [answers[i] for i in planner.candidates(history)]


@pytest.mark.parametrize("history", [[], *random_histories(6, 1), *random_histories(6, 3)])
def test_hard_mode_allows_what_the_rule_allows(
    planner: Planner, history: list[tuple[str, str]]
) -> None:
    allowed = [GUESSES[i] for i in planner.hard_mode_guesses(history)]
    assert allowed == [word for word in GUESSES if hard_mode_violation(history, word) is None]


def test_a_set_of_candidates_is_worked_out_once(small: Planner) -> None:
    calls: list[int] = []

    def counted(counts: NDArray[np.int64]) -> Values:
        calls.append(len(counts))
        return by_patterns(counts)

    first = small.best_guess(small.everything(), counted)
    worked_out = len(calls)
    assert worked_out > 0
    assert small.best_guess(small.everything(), counted) == first
    assert len(calls) == worked_out


def test_one_planner_for_equal_lists() -> None:
    assert planner_for(GUESSES, ANSWERS) is planner_for(tuple(GUESSES), tuple(ANSWERS))


def test_the_first_guess_is_the_policys_own(planner: Planner) -> None:
    assert planner.best_guess(planner.everything(), by_patterns) == "trace"
    assert planner.best_guess(planner.everything(), by_entropy) == "slate"
