"""Number guessing: the hints, what counts as a number, ranges, splits, and what is said."""

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.envs.base import MAX_ACTION
from wordle_rl.envs.guess_number import GuessNumberEnv, Interval, read_number
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError


def compare(guess: int, secret: int) -> str:
    """The hint to a guess: where the secret lies."""
    return "=" if guess == secret else ">" if secret > guess else "<"


def start(secret: Any = 73, **kwargs: Any) -> GuessNumberEnv:
    env = GuessNumberEnv(**kwargs)
    env.reset(options={"secret": secret})
    return env


# --- hints


def test_hints_of_every_pair() -> None:
    for secret in range(-3, 4):
        for guess in range(-3, 4):
            env = start(secret, lo=-3, hi=3)
            _, _, ended, _, info = env.step(f"[{guess}]")
            assert info["feedback"] == "<=>"[1 + (secret > guess) - (secret < guess)]
            assert info["solved"] == ended == (guess == secret)
            assert compare(guess, secret) == info["feedback"]


@given(
    st.integers(1, 60), st.lists(st.integers(1, 60), max_size=8), st.sampled_from(["last", "full"])
)
def test_hints_never_contradict_each_other(secret: int, guesses: list[int], history: Any) -> None:
    """The secret stays possible; `consistent` and `candidates_left` are what a count finds."""
    env = start(secret, hi=60, max_guesses=8, track_candidates=True, history=history)
    rows: list[tuple[int, str]] = []
    for guess in guesses:
        left = [n for n in range(1, 61) if all(compare(g, n) == hint for g, hint in rows)]
        assert secret in left
        _, _, ended, _, info = env.step(str(guess))
        rows.append((guess, info["feedback"]))
        assert info["consistent"] == (guess in left)
        if ended:
            break
        now = [n for n in left if compare(guess, n) == info["feedback"]]
        assert info["candidates_left"] == len(now)


def test_an_interval_never_grows() -> None:
    interval = Interval(10, 20)
    for guess in range(0, 31):
        for hint in "<>":
            narrowed = interval.narrow(guess, hint)
            expected = [n for n in range(10, 21) if compare(guess, n) == hint]
            assert [n for n in range(10, 21) if narrowed.holds(n)] == expected
            assert max(narrowed.size, 0) == len(expected)


@pytest.mark.parametrize(
    ("numbers", "guesses"), [(1, 1), (2, 2), (3, 2), (4, 3), (100, 7), (1000, 10)]
)
def test_halving_wins_with_the_default_budget_and_not_with_one_less(
    numbers: int, guesses: int
) -> None:
    assert GuessNumberEnv(hi=numbers).public()["max_guesses"] == guesses
    worst = max(turns_of_halving(secret, numbers) for secret in range(1, numbers + 1))
    assert worst == guesses


def turns_of_halving(secret: int, numbers: int) -> int:
    env = start(secret, hi=numbers)
    low, high, turn = 1, numbers, 0
    while True:
        turn, middle = turn + 1, (low + high) // 2
        _, _, ended, _, info = env.step(f"[{middle}]")
        if ended:
            assert info["solved"]
            return turn
        low, high = (middle + 1, high) if info["feedback"] == ">" else (low, middle - 1)


# --- what counts as a number

NUMBERS = {
    "[50]": 50,
    " 50. ": 50,
    "I say [ 50 ].": 50,
    "[007]": 7,
    "[0]": 0,
    "[-0]": 0,
    "[000]": 0,
    "[-5]": -5,
    "[+5]": 5,
    "-5": -5,
    "[\u22125]": -5,  # a typographical minus
    "<think>[1]?</think>[2]": 2,
    "[1] or [2]": 2,
    "<guess>3</guess> [4]": 3,
    "\\boxed{42}": 42,
    "[[42]]": 42,
    "[" + "0" * 5000 + "8]": 8,
}
REFUSED = {
    "": "no_guess",
    "50 or 60": "no_guess",
    "fifty": "no_guess",
    "5.5": "no_guess",
    "<think>[50]": "no_guess",
    "[]": "bad_chars",
    "[5.5]": "bad_chars",
    "[1e2]": "bad_chars",
    "[1_0]": "bad_chars",
    "[0x10]": "bad_chars",
    "[5 0]": "bad_chars",
    "[1,0]": "bad_chars",
    "[--5]": "bad_chars",
    "[- 5]": "bad_chars",
    "[-]": "bad_chars",
    "[\u0663]": "bad_chars",  # an Arabic digit three
    "[\uff15]": "bad_chars",  # a full-width five
    "[\u00b2]": "bad_chars",  # a superscript two
    "[nan]": "bad_chars",
    "[fifty]": "bad_chars",
    "[101]": "out_of_range",
    "[-101]": "out_of_range",
    "[" + "9" * 18 + "]": "out_of_range",
    "[" + "9" * 19 + "]": "out_of_range",
    "[" + "9" * 5000 + "]": "out_of_range",
    "[-" + "9" * 5000 + "]": "out_of_range",
}


@pytest.mark.parametrize("action", NUMBERS)
def test_what_is_a_number(action: str) -> None:
    info = start(lo=-100, hi=100).step(action)[4]
    assert (info["status"], info["guess"]) == ("ok", str(NUMBERS[action]))


@pytest.mark.parametrize("action", REFUSED)
def test_what_is_none(action: str) -> None:
    info = start(lo=-100, hi=100).step(action)[4]
    assert (info["status"], info["feedback"]) == (REFUSED[action], "")
    assert len(info["guess"]) <= 19


def test_the_same_number_in_another_spelling_is_a_repeat() -> None:
    env = start(lo=-100, hi=100)
    infos = [env.step(action)[4] for action in ("[7]", "[007]", "+7", "[-7]")]
    assert [info["status"] for info in infos] == ["ok", "repeat", "repeat", "ok"]


@given(st.text(max_size=40))
def test_any_text_has_a_status(text: str) -> None:
    for action in (text, f"[{text}]"):
        info = start(3, lo=-9, hi=9).step(action)[4]
        assert info["status"] in {"ok", "no_guess", "bad_chars", "out_of_range"}
        assert (info["status"] == "ok") == (info["feedback"] != "")


@given(st.integers(-(10**17), 10**17))
def test_numbers_are_read_as_python_writes_them(number: int) -> None:
    assert read_number(str(number)) == number


@pytest.mark.parametrize("action", ["[" * MAX_ACTION, "[9" * 50_000, "9" * 200_000, "-" * 200_000])
def test_reading_is_quick(action: str) -> None:
    env = start(max_guesses=20)
    begin = time.process_time()
    for _ in range(10):
        env.step(action)
    assert (time.process_time() - begin) / 10 < 0.05


# --- ranges, secrets, splits


def test_one_number_is_found_at_once() -> None:
    env = GuessNumberEnv(lo=5, hi=5)
    assert env.reset(seed=0)[0].splitlines()[0].startswith("Find the secret whole number from 5 to")
    assert env.step("[5]")[1] == 1.0


@pytest.mark.parametrize("secret", [1, 100, "73", " 073 ", np.int64(73)])
def test_a_secret_can_be_asked_for(secret: Any) -> None:
    if isinstance(secret, np.int64):
        secret = int(secret)
    assert start(secret).step(f"[{secret}]")[4]["solved"]


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (0, "secret 0 is out of range: choose 1 to 100"),
        (101, "secret 101 is out of range"),
        ("9" * 30, "is not a whole number"),
        ("5.5", "secret '5.5' is not a whole number"),
        (5.5, "secret 5.5 is not a whole number"),
        (True, "secret True is not a whole number"),
        (None, "secret None is not a whole number"),
    ],
)
def test_wrong_secrets_are_explained(secret: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        start(secret)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lo": 2, "hi": 1}, "lo 2 is above hi 1"),
        ({"lo": 1.5}, "lo 1.5 is not a whole number from -1000000000 to 1000000000"),
        ({"hi": 10**10}, "hi 10000000000 is not a whole number"),
        (
            {"lo": 5, "hi": 5, "split": "val"},
            "no numbers in split 'val' of 5 to 5: use split='all'",
        ),
    ],
)
def test_wrong_ranges_are_explained(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GuessNumberEnv(**kwargs)


def secret_of(env: GuessNumberEnv, seed: int) -> int:
    env.reset(seed=seed)
    while "secret" not in (info := env.step("")[4]):
        pass
    return int(info["secret"])


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_yields_its_own_numbers_alone(split: Any) -> None:
    env = GuessNumberEnv(split=split, hi=1000)
    assert {secret_of(env, seed) for seed in range(300)} <= set(map(int, env.answers))
    assert all(split_of(f"guess-number:{n}") == split for n in env.answers)


def test_the_splits_partition_the_range() -> None:
    parts = [GuessNumberEnv(split=s, hi=1000).answers for s in ("train", "val", "test")]
    assert sorted(int(n) for part in parts for n in part) == list(range(1, 1001))
    assert [round(len(part) / 1000, 1) for part in parts] == [0.8, 0.1, 0.1]
    assert GuessNumberEnv(hi=1000).answers == tuple(map(str, range(1, 1001)))


def test_numbers_are_drawn_uniformly_from_both_ends_on() -> None:
    env = GuessNumberEnv(lo=-5, hi=4, max_guesses=1)
    counts = np.zeros(10)
    for seed in range(4000):
        counts[secret_of(env, seed) + 5] += 1
    assert ((counts - 400) ** 2 / 400).sum() < 27.9  # the 99.9 % quantile, 9 degrees of freedom


def test_a_range_of_two_billion_costs_nothing() -> None:
    begin = time.process_time()
    env = GuessNumberEnv(lo=-(10**9), hi=10**9, split="test")
    assert env.public()["max_guesses"] == 31
    assert split_of(f"guess-number:{secret_of(env, 0)}") == "test"
    assert time.process_time() - begin < 0.1


# --- what is said


def test_chat() -> None:
    env = GuessNumberEnv()
    assert env.reset(options={"secret": 73})[0] == (
        "Find the secret whole number from 1 to 100 in at most 7 guesses.\n"
        "After every guess you are told whether it is too low, too high or right.\n"
        "A guess that is refused counts as a guess.\n"
        "Answer with one number in square brackets, for example [34]."
    )
    assert [env.step(a)[0] for a in ("[50]", "80", "?", "[x]", "[0]", "[73]")] == [
        "Guess 1/7: 50 is too low.",
        "Guess 2/7: 80 is too high.",
        "Guess 3/7 was refused. Write one number in square brackets, for example [34].",
        "Guess 4/7 was refused. A guess is one whole number in digits, for example [34].",
        "Guess 5/7 was refused. A guess is a number from 1 to 100.",
        "Guess 6/7: 73 is right.\nSolved in 6.",
    ]


def test_compact() -> None:
    env = GuessNumberEnv(style="compact", max_guesses=6)
    assert env.reset(options={"secret": 73})[0] == "number 1..100 x6"
    answers = [env.step(a)[0] for a in ("50", "80", "?", "[x]", "[0]", "72")]
    assert answers == [">", "<", "?none", "?chars", "?range", "> 73"]
    assert start(style="compact").step("73")[0] == "="


def test_compact_with_the_whole_history() -> None:
    env = GuessNumberEnv(style="compact", history="full", lo=-9, hi=9)
    env.reset(options={"secret": 3})
    said = [env.step(a)[0] for a in ("-4", "?", "[03]")]
    assert said[-1] == "number -9..9 x5\n-4 >\n?none\n3 ="
    assert said[0] == "number -9..9 x5\n-4 >"


def test_for_people() -> None:
    env = start(render_mode="ansi", style="compact", max_guesses=2)
    env.step("50")
    env.step("60")
    assert str(env.render()).splitlines()[-3:] == [
        "Guess 1/2: 50 is too low.",
        "Guess 2/2: 60 is too low.",
        "Out of guesses. The number was 73.",
    ]


def test_public_is_the_same_in_every_split_and_game() -> None:
    public = {"game": "guess-number", "lo": 1, "hi": 100, "max_guesses": 7}
    assert start(1, split="train").public() == start(99, split="test").public() == public
