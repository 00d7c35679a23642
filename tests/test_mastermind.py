"""Mastermind: pegs against an independent count, codes, refusals, splits, and what is said."""

import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.envs.mastermind import MastermindEnv
from wordle_rl.envs.pegs import all_codes, codes_of_split, fits_pegs, peg_code, peg_matrix, pegs
from wordle_rl.envs.words import split_of
from wordle_rl.errors import ConfigError

CODES = all_codes(4, 6)


def start(secret: str = "abca", **kwargs: Any) -> MastermindEnv:
    env = MastermindEnv(**kwargs)
    env.reset(options={"secret": secret})
    return env


# --- pegs


@pytest.mark.parametrize(
    ("guess", "secret", "answer"),
    [
        ("aabb", "bbaa", "WWWW"),
        ("aaab", "abbb", "BB--"),
        ("abcd", "efef", "----"),
        ("abcd", "dcba", "WWWW"),
        ("abcd", "abdc", "BBWW"),
        ("aaaa", "abab", "BB--"),
        ("abbb", "aacc", "B---"),
        ("bacc", "aadd", "B---"),
        ("caab", "aacc", "BWW-"),
        ("ffff", "ffff", "BBBB"),
    ],
)
def test_worked_answers(guess: str, secret: str, answer: str) -> None:
    assert pegs(guess, secret) == answer
    assert start(secret).step(f"[{guess}]")[4]["feedback"] == answer


def by_crossing_out(guess: str, secret: str) -> str:
    """The rule as it is played with pegs: match places first, then cross out colours."""
    g, s = list(guess), list(secret)
    for i in range(len(g)):
        if g[i] == s[i]:
            g[i], s[i] = "!", "?"
    white = 0
    for colour in g:
        if colour in s:
            s.remove(colour)
            white += 1
    return ("B" * g.count("!") + "W" * white).ljust(len(guess), "-")


@given(
    st.integers(1, 6).flatmap(lambda n: st.tuples(*[st.text("abcd", min_size=n, max_size=n)] * 2))
)
def test_pegs_equal_crossing_out(pair: tuple[str, str]) -> None:
    assert pegs(*pair) == by_crossing_out(*pair)
    assert pegs(*pair) == pegs(*reversed(pair))


def test_the_matrix_equals_the_function_for_every_pair() -> None:
    matrix = peg_matrix(CODES, CODES)
    assert matrix.shape == (1296, 1296)
    assert (matrix == matrix.T).all()
    for row in range(0, 1296, 37):
        assert matrix[row].tolist() == [peg_code(pegs(CODES[row], c)) for c in CODES]
    assert len(np.unique(matrix)) == 14  # 3 black and 1 white cannot be


def test_no_two_answers_have_the_same_code() -> None:
    answers = {pegs(a, b) for a in CODES[::60] for b in CODES}
    assert len(answers) == len({peg_code(answer) for answer in answers}) == 14


# --- codes


def test_codes() -> None:
    assert len(CODES) == len(set(CODES)) == 6**4
    assert len(all_codes(4, 6, duplicates=False)) == 360
    assert list(CODES) == sorted(CODES)
    assert (CODES[0], CODES[-1]) == ("aaaa", "ffff")


def test_consistent_guesses_are_marked_and_counted() -> None:
    rng = np.random.default_rng(0)
    for _ in range(6):
        env = start(str(rng.choice(CODES)), track_candidates=True)
        rows: list[tuple[str, str]] = []
        for guess in map(str, rng.choice(CODES, 4)):
            fitting = [code for code in CODES if fits_pegs(code, rows)]
            _, _, ended, _, info = env.step(guess)
            rows.append((guess, info["feedback"]))
            assert info["consistent"] == (guess in fitting)
            assert info["candidates_left"] == sum(fits_pegs(code, rows) for code in CODES) > 0
            if ended:
                break


# --- actions


@pytest.mark.parametrize(
    "action",
    ["[ABCA]", "abca", "Abca.", "[A B C A]", "<think>[aaaa]</think> [abca]", "[aaaa] [abca]"],
)
def test_forms_of_a_guess(action: str) -> None:
    assert start().step(action)[4]["solved"]


@pytest.mark.parametrize(
    ("action", "status", "guess"),
    [
        ("", "no_guess", ""),
        ("A B C A", "no_guess", ""),
        ("my guess is abca", "no_guess", ""),
        ("[1231]", "bad_chars", ""),
        ("[A-B-C-A]", "bad_chars", ""),
        ("[\u0410BCA]", "bad_chars", ""),  # a Cyrillic capital
        ("[]", "bad_chars", ""),
        ("[abc]", "bad_length", ""),
        ("abcaa", "bad_length", ""),
        ("[abcg]", "unknown_colour", "abcg"),
        ("[red, red]", "bad_chars", ""),
    ],
)
def test_refusals(action: str, status: str, guess: str) -> None:
    info = start().step(action)[4]
    assert (info["status"], info["guess"], info["feedback"]) == (status, guess, "")


def test_without_duplicates_no_colour_may_occur_twice() -> None:
    env = start("abcd", duplicates=False)
    assert env.step("[aabc]")[4]["status"] == "same_colour"
    assert env.step("[dcba]")[4]["feedback"] == "WWWW"
    assert len(env.guesses) == 360
    with pytest.raises(ConfigError, match="secret 'aabc' is not a code of this game"):
        env.reset(options={"secret": "aabc"})


# --- secrets, splits, arguments


@pytest.mark.parametrize("secret", ["abca", "ABCA", " abca\n"])
def test_a_secret_can_be_asked_for(secret: str) -> None:
    assert start(secret).step("[abca]")[4]["secret"] == "abca"


@pytest.mark.parametrize("secret", ["abcg", "abc", "1234", "", 5, None, "\u0430bca"])
def test_wrong_secrets_are_explained(secret: Any) -> None:
    with pytest.raises(ConfigError, match="is not a code of this game: give one such as 'ABCD'"):
        start(secret)


def test_the_splits_partition_the_codes() -> None:
    parts = [MastermindEnv(split=split).answers for split in ("train", "val", "test")]
    assert sorted(itertools.chain(*parts)) == list(CODES)
    assert [round(len(part) / 1296, 1) for part in parts] == [0.8, 0.1, 0.1]
    assert all(split_of(f"mastermind:{code}") == "val" for code in parts[1])
    assert MastermindEnv(split="test").guesses == CODES


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_yields_its_own_codes_alone(split: Any) -> None:
    env = MastermindEnv(split=split, max_guesses=1)
    drawn = set()
    for seed in range(200):
        env.reset(seed=seed)
        drawn.add(env.step("")[4]["secret"])
    assert drawn <= set(codes_of_split(4, 6, True, split))
    assert len(drawn) > 60


def test_codes_are_drawn_equally_often() -> None:
    env = MastermindEnv(length=2, colours=4, max_guesses=1)
    env.reset(seed=3)
    counts: Counter[str] = Counter()
    for _ in range(3200):
        env.reset()
        counts[env.step("")[4]["secret"]] += 1
    assert len(counts) == 16
    assert sum((n - 200) ** 2 / 200 for n in counts.values()) < 37.7  # 99.9 %, 15 degrees


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"length": 0}, "length 0 is not a whole number from 1 to 8"),
        ({"length": 9}, "length 9 is not a whole number from 1 to 8"),
        ({"colours": 11}, "colours 11 is not a whole number from 1 to 10"),
        ({"length": 5, "colours": 10}, "10 colours make 100000 codes of length 5, at most 10000"),
        ({"length": 4, "colours": 3, "duplicates": False}, "length 4 needs 4 colours"),
        ({"length": 1, "colours": 1, "split": "val"}, "no codes in split 'val' of 1 codes: use"),
    ],
)
def test_wrong_arguments_are_explained(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        MastermindEnv(**kwargs)


@pytest.mark.parametrize(("length", "colours"), [(1, 1), (1, 10), (8, 3), (4, 10), (5, 6)])
def test_other_sizes(length: int, colours: int) -> None:
    env = MastermindEnv(length=length, colours=colours)
    opening, _ = env.reset(seed=1)
    assert opening.startswith(
        f"You are playing Mastermind. Find the secret code of {length} colours"
    )
    info = env.step(f"[{env.guesses[0]}]")[4]
    assert (info["status"], len(info["feedback"])) == ("ok", length)


def test_public_is_the_same_in_every_split_and_game() -> None:
    public = {
        "game": "mastermind",
        "length": 4,
        "colours": 6,
        "duplicates": True,
        "max_guesses": 10,
    }
    assert start(split="train").public() == start("ffff", split="test").public() == public


# --- what is said


def test_chat() -> None:
    env = MastermindEnv()
    assert env.reset(options={"secret": "abca"})[0] == (
        "You are playing Mastermind. Find the secret code of 4 colours in at most 10 guesses.\n"
        "The colours are A, B, C, D, E, F; a colour may occur more than once.\n"
        "After every guess you are told how many places have the right colour (black) and how many "
        "further colours of it the code has in other places (white).\n"
        "A guess that is refused counts as a guess.\n"
        "Answer with one code in square brackets, for example [ABCD]."
    )
    assert [env.step(a)[0] for a in ("[AABC]", "?", "[1234]", "[ab]", "[abcz]", "[abca]")] == [
        "Guess 1/10: A A B C -> 1 black, 3 white",
        "Guess 2/10 was refused. Write one code in square brackets, for example [ABCD].",
        "Guess 3/10 was refused. A guess is a row of letters, for example [ABCD].",
        "Guess 4/10 was refused. A guess has exactly 4 colours.",
        "Guess 5/10 was refused. The colours are A to F.",
        "Guess 6/10: A B C A -> 4 black, 0 white\nSolved in 6.",
    ]


def test_compact() -> None:
    env = MastermindEnv(style="compact", history="full", max_guesses=3, duplicates=False)
    assert env.reset(options={"secret": "fade"})[0] == "mastermind 4 abcdef x3 distinct"
    said = [env.step(a)[0] for a in ("ABCD", "[aabc]", "feda")][-1]
    assert said == "mastermind 4 abcdef x3 distinct\nabcd WW--\n?same\nfeda BBWW fade"
    assert start(style="compact").step("abca")[0] == "BBBB"
