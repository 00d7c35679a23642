"""What a guess was to bring on average: against every secret that was possible, one by one."""

from __future__ import annotations

from collections import Counter
from math import log2
from typing import Any

import numpy as np
import pytest

from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.hangman_words import fits_pattern
from wordle_rl.envs.reward_functions import (
    BLANK,
    expected_information,
    guaranteed_information,
    win_chance,
)
from wordle_rl.envs.words import load_words

WORDS = list(load_words("answers", 5)[:60])
GAMES: dict[str, dict[str, Any]] = {
    "wordle": {"answers": WORDS, "guesses": WORDS},
    "guess-number": {"lo": -3, "hi": 40, "max_guesses": 8},
    "mastermind": {"length": 3, "colours": 4},
}


def game(name: str, **more: Any) -> TextEnv:
    return make_env(name, track_candidates=True, **GAMES[name], **more)


def answer_to(env: TextEnv, secret: str, guess: str) -> str:
    env.reset(seed=0, options={"secret": secret})
    return str(env.step(guess)[4]["feedback"])


@pytest.mark.parametrize("name", GAMES)
def test_the_entropy_of_the_answer_over_what_is_possible(name: str) -> None:
    env, other, rng = game(name), game(name), np.random.default_rng(0)
    told = set()
    for seed in range(8):
        _, info = env.reset(seed=seed)
        assert info["expected_bits"] == 0.0
        possible, ended = list(env.answers), False  # type: ignore[attr-defined]
        while not ended:
            guess = str(rng.choice(env.answers))  # type: ignore[attr-defined]
            answers = {secret: answer_to(other, secret, guess) for secret in possible}
            counts = Counter(answers.values()).values()
            n = len(possible)
            _, _, ended, _, info = env.step(guess)
            assert info["expected_bits"] == pytest.approx(sum(k / n * log2(n / k) for k in counts))
            assert info["guaranteed_bits"] == pytest.approx(log2(n / max(counts)))
            assert info["win_chance"] == pytest.approx((guess in possible) / n)
            told.add(info["expected_bits"])
            possible = [secret for secret in possible if answers[secret] == info["feedback"]]
    assert len(told) > 10


def test_letters_and_words_of_hangman() -> None:
    env = make_env("hangman", word_length=5, track_candidates=True)
    env.reset(seed=0, options={"secret": "crane"})
    words, shown, missed = load_words("answers", 5), "_____", ""
    for guess in ("e", "s", "crate", "r", "e"):
        possible = [w for w in words if fits_pattern(w, shown, missed)]
        if len(guess) == 1:
            counts = list(Counter(tuple(a == guess for a in w) for w in possible).values())
        else:
            counts = list(Counter(w == guess for w in possible).values())
        n = len(possible)
        info = env.step(guess)[4]
        assert info["expected_bits"] == pytest.approx(sum(k / n * log2(n / k) for k in counts))
        assert info["guaranteed_bits"] == pytest.approx(log2(n / max(counts)))
        solving = sum(all(b in (a, guess) for a, b in zip(shown, w, strict=True)) for w in possible)
        solving = solving if len(guess) == 1 else guess in possible
        assert info["win_chance"] == pytest.approx(solving / n)
        shown, missed = info["pattern"], missed + guess * (guess == "s")
        words = tuple(w for w in words if w != guess)


def test_halving_tells_most_and_the_known_nothing() -> None:
    env = game("guess-number")
    env.reset(seed=0, options={"secret": "-3"})
    bits = [env.step(guess)[4]["expected_bits"] for guess in ("18", "18", "40", "nonsense", "900")]
    assert bits[0] == pytest.approx(
        2 * 21 / 44 * log2(44 / 21) + 1 / 44 * log2(44) + 1 / 44 * log2(44 / 22) - 1 / 44, abs=0.05
    )
    assert bits[1:] == [0.0] * 4


def test_it_is_paid_whatever_answer_came() -> None:
    rewards = {"expected_information": {"weight": 2.0, "max_bits": 1.0}}
    env = game("guess-number", rewards=rewards)
    for secret in ("-3", "39"):
        env.reset(seed=0, options={"secret": secret})
        few = env.step("38")
        assert few[1] == 2 * few[4]["expected_bits"]
        assert 0 < few[1] < 1
    env.reset(seed=0, options={"secret": "-3"})
    assert env.step("18")[1] == 2.0  # more than a bit, with the number itself as an answer
    assert expected_information(BLANK) == 0.0


def test_what_a_guess_guarantees_falls_at_once_beside_the_middle() -> None:
    env = make_env(
        "guess-number", hi=1000, track_candidates=True, rewards={"guaranteed_information": 2.0}
    )
    worth = {}
    for guess in (500, 501, 444):
        env.reset(seed=0, options={"secret": 1000})
        _, paid, _, _, info = env.step(str(guess))
        worth[guess] = info["expected_bits"], info["guaranteed_bits"]
        assert paid == 2 * info["guaranteed_bits"]
    assert worth[500][1] == pytest.approx(log2(1000 / 500))
    assert worth[500] == pytest.approx(worth[501])
    assert worth[500][0] - worth[444][0] == pytest.approx(0.009, abs=5e-4)
    assert worth[500][1] - worth[444][1] == pytest.approx(0.153, abs=5e-4)
    assert guaranteed_information(BLANK) == 0.0


def test_a_chance_is_paid_whether_or_not_it_came_true() -> None:
    env = game("guess-number", rewards={"win_chance": 3.0})
    for secret in ("7", "8"):
        env.reset(seed=0, options={"secret": secret})
        assert env.step("8")[1] == pytest.approx(3 / 44)
    env.reset(seed=0, options={"secret": "-3"})
    assert [env.step(guess)[1] for guess in ("-2", "40", "-3")] == [pytest.approx(3 / 44), 0.0, 3.0]
    assert win_chance(BLANK) == 0.0


def test_games_that_do_not_count_do_not_tell() -> None:
    env = make_env("guess-number")
    env.reset(seed=0)
    assert "expected_bits" not in env.step("5")[4]
