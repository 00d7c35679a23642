"""Words left after each guess, by counting."""

from statistics import fmean

import pytest

from wordle_rl.envs.feedback import consistent, feedback
from wordle_rl.envs.words import load_words
from wordle_rl.evaluation.possible import SAMPLED_GUESSES, words_left

ANSWERS = load_words("answers")


def rows_of(secret: str, *guesses: str) -> list[tuple[str, str]]:
    return [(guess, feedback(guess, secret)) for guess in guesses]


def test_words_left_are_those_that_fit() -> None:
    rows = rows_of("crane", "slate", "grade", "crane")
    left = [step.left for step in words_left(rows, ANSWERS, "crane")]
    counted = [sum(consistent(w, rows[:n]) for w in ANSWERS) for n in (1, 2, 3)]
    assert left == counted
    assert left[-1] == 1


def test_the_yardstick_is_the_mean_over_the_words_that_fit() -> None:
    rows = rows_of("crane", "slate", "grade")
    fits = [w for w in ANSWERS if consistent(w, rows[:1])]
    assert len(fits) <= SAMPLED_GUESSES
    expected = fmean(
        sum(feedback(guess, w) == feedback(guess, "crane") for w in fits) for guess in fits
    )
    assert words_left(rows, ANSWERS, "crane")[1].fair == pytest.approx(expected)


def test_the_first_guess_is_measured_on_a_sample_that_is_near_the_whole() -> None:
    words = ANSWERS[::4]
    assert len(words) > SAMPLED_GUESSES
    secret = words[100]
    whole = fmean(
        sum(feedback(guess, w) == feedback(guess, secret) for w in words) for guess in words
    )
    fair = words_left(rows_of(secret, "slate"), words, secret)[0].fair
    assert fair == words_left(rows_of(secret, "vivid"), words, secret)[0].fair
    assert fair == pytest.approx(whole, rel=0.15)


def test_a_refused_guess_leaves_the_words_as_they_are() -> None:
    rows = [*rows_of("crane", "slate"), ("xyzzy", ""), *rows_of("crane", "grade")]
    steps = words_left(rows, ANSWERS, "crane")
    assert steps[0].left == steps[1].left > steps[2].left
    assert steps[1].fair == steps[2].fair


def test_a_secret_from_elsewhere_is_one_of_the_words() -> None:
    secret = "aahed"
    assert secret not in ANSWERS
    assert words_left(rows_of(secret, secret), ANSWERS, secret)[0].left == 1


def test_without_a_secret_there_is_no_yardstick() -> None:
    (step,) = words_left(rows_of("crane", "slate"), ANSWERS)
    assert step.fair is None
    assert step.left > 1
