"""Hangman: what is shown, what a guess costs, how games end, words and splits, what is said."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wordle_rl.envs.hangman import HangmanEnv
from wordle_rl.envs.hangman_words import fill_in, fits_pattern, index_of, words_of
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.errors import ConfigError

WORDS = words_of(None, "all")


def start(secret: str = "eerie", **kwargs: Any) -> HangmanEnv:
    env = HangmanEnv(**kwargs)
    env.reset(options={"secret": secret})
    return env


def played(env: HangmanEnv, *actions: str) -> list[tuple[str, int, str]]:
    """Pattern, lives and end after each action."""
    infos = [env.step(action)[4] for action in actions]
    return [(info["pattern"], info["lives"], info["end_reason"]) for info in infos]


# --- what a guess shows and costs


def test_a_letter_is_filled_in_wherever_it_occurs() -> None:
    assert played(start(), "[e]", "[r]", "[i]") == [
        ("ee__e", 6, ""),
        ("eer_e", 6, ""),
        ("eerie", 6, "solved"),
    ]


def test_a_wrong_letter_and_a_wrong_word_cost_a_life() -> None:
    assert played(start(), "z", "eerie"[::-1], "crane", "e") == [
        ("_____", 5, ""),
        ("_____", 4, ""),
        ("_____", 3, ""),
        ("ee__e", 3, ""),
    ]


def test_the_last_life() -> None:
    env = start(lives=2)
    assert played(env, "z", "x") == [("_____", 1, ""), ("_____", 0, "out_of_lives")]


@pytest.mark.parametrize("guess", ["e", "z", "crane"])
def test_a_repeat_costs_nothing_but_ends_the_game_at_last(guess: str) -> None:
    env = start(max_repeats=3)
    first = env.step(guess)[4]
    rest = [env.step(guess.upper())[4] for _ in range(3)]
    assert [info["status"] for info in rest] == ["repeat"] * 3
    assert {info["lives"] for info in rest} == {first["lives"]}
    assert [info["end_reason"] for info in rest] == ["", "", "repeats"]
    assert [info["turn"] for info in (first, *rest)] == [1, 2, 3, 4]
    assert not rest[-1]["solved"]


def test_repeats_need_not_be_in_a_row() -> None:
    env = start("crane", max_repeats=3)
    ends = [end for _, _, end in played(env, "z", "z", "c", "c", "r", "z")]
    assert ends == ["", "", "", "", "", "repeats"]


def test_a_shown_letter_in_a_word_is_no_repeat() -> None:
    env = start("crane")
    assert [env.step(a)[4]["status"] for a in ("c", "crate", "crane")] == ["ok", "ok", "ok"]


def test_every_game_ends_within_what_can_be_spent() -> None:
    """26 letters, a wrong word a life, the repeats, the refusals: no play lasts longer."""
    env = start("absentee", invalid_policy="free", max_invalid=5, max_repeats=4, lives=3)
    longest = [*"abse", *"aaa", "", "", "", "", "z", "absently"]
    assert not any(env.step(action)[2] for action in longest)
    assert env.step("")[4]["end_reason"] == "invalid"


def test_consistent_is_a_new_letter_or_a_word_that_fits() -> None:
    env = start("crane", lives=20)
    guesses = ("e", "e", "z", "slate", "erect", "crazy", "plume", "plume", "brine", "c")
    seen = [guess for guess in guesses if env.step(guess)[4]["consistent"]]
    # erect has an e too many, crazy has none; plume and brine fit until they are played
    assert seen == ["e", "z", "slate", "plume", "brine", "c"]


@settings(max_examples=40)
@given(st.sampled_from(WORDS[::50]), st.lists(st.sampled_from("etaoinshrdlcu"), max_size=8))
def test_patterns_and_candidates_are_what_a_count_finds(secret: str, letters: list[str]) -> None:
    env = start(secret, track_candidates=True, lives=9)
    for i, letter in enumerate(letters):
        _, _, ended, _, info = env.step(letter)
        known = set(letters[: i + 1])
        assert info["pattern"] == "".join(c if c in known else "_" for c in secret)
        assert info["credit"] == pytest.approx(1 - info["pattern"].count("_") / len(secret))
        same = [
            word
            for word in WORDS
            if len(word) == len(secret)
            and "".join(c if c in known else "_" for c in word) == info["pattern"]
        ]
        assert info["candidates_left"] == len(same)
        if ended:
            break


def test_a_wrong_word_is_no_candidate_any_more() -> None:
    env = start("crane", track_candidates=True)
    _, info = env.reset(options={"secret": "crane"})
    left = [info["candidates_left"], env.step("slate")[4]["candidates_left"]]
    assert left == [2146, 2145]
    assert env.step("qqqqq")[4]["candidates_left"] == 2145


def test_the_index_equals_the_function() -> None:
    rng = np.random.default_rng(0)
    index = index_of(WORDS)
    for secret in map(str, rng.choice(WORDS, 60)):
        tried = "".join(rng.permutation(list("abcdefghijklmnopqrstuvwxyz"))[: rng.integers(0, 9)])
        pattern = fill_in("_" * len(secret), secret, tried)
        missed = [letter for letter in tried if letter not in secret]
        expected = tuple(word for word in WORDS if fits_pattern(word, pattern, missed))
        assert secret in expected
        assert index.fitting(pattern, missed) == expected
    assert index.fitting("___", "") == ()


# --- actions


@pytest.mark.parametrize(
    ("action", "status", "guess"),
    [
        ("[E]", "ok", "e"),
        ("e", "ok", "e"),
        ("e.", "ok", "e"),
        ("<think>[a]</think>[ e ]", "ok", "e"),
        ("[CRANE]", "ok", "crane"),
        ("[c r a n e]", "ok", "crane"),
        ("[qqqqq]", "ok", "qqqqq"),
        ("", "no_guess", ""),
        ("the letter e", "no_guess", ""),
        ("[]", "bad_chars", ""),
        ("[5]", "bad_chars", ""),
        ("[\u00e9]", "bad_chars", ""),
        ("[_]", "bad_chars", ""),
        ("[er]", "bad_length", ""),
        ("[cranes]", "bad_length", ""),
    ],
)
def test_forms_of_a_guess(action: str, status: str, guess: str) -> None:
    info = start().step(action)[4]
    assert (info["status"], info["guess"]) == (status, guess)
    assert info["lives"] == (6 if guess in ("e", "eerie") else 5)


# --- words


def test_words_are_wordles_answers() -> None:
    assert HangmanEnv().answers == tuple(w for n in range(4, 9) for w in load_words("answers", n))
    assert HangmanEnv(word_length=7).answers == load_words("answers", 7)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_yields_its_own_words_alone(split: Any) -> None:
    env = HangmanEnv(split=split, lives=1)
    drawn = []
    for seed in range(200):
        env.reset(seed=seed)
        drawn.append(env.step("")[4]["secret"])
    assert {split_of(word) for word in drawn} == {split}
    assert {len(word) for word in drawn} == {4, 5, 6, 7, 8}
    assert set(drawn) <= set(env.answers)


@pytest.mark.parametrize(
    ("kwargs", "secret", "message"),
    [
        ({}, "qqqqq", "secret 'qqqqq' is not one of the answers: choose one of them"),
        ({}, "cat", "secret 'cat' is not a word of 4 or 5 or 6 or 7 or 8 letters"),
        ({"word_length": 5}, "cranes", "secret 'cranes' is not a word of 5 letters"),
        ({}, 5, "secret 5 is not a word of"),
    ],
)
def test_wrong_secrets_are_explained(kwargs: dict[str, Any], secret: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        start(secret, **kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"word_length": 9}, "word_length 9 is not a whole number from 4 to 8"),
        ({"lives": 27}, "lives 27 is not a whole number from 1 to 26"),
        ({"max_repeats": 0}, "max_repeats 0 is not a whole number from 1 to 50"),
    ],
)
def test_wrong_arguments_are_explained(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        HangmanEnv(**kwargs)


def test_public_tells_neither_split_nor_length_of_this_word() -> None:
    assert start("crane", split="train").public() == start("absentee", split="test").public()
    assert start().public() == {
        "game": "hangman",
        "answers": WORDS,
        "word_length": None,
        "lives": 6,
        "max_repeats": 10,
    }


def test_nothing_tells_two_words_apart_but_their_letters() -> None:
    shown = []
    for secret in ("crane", "crate"):
        env = start(secret, history="full", render_mode="ansi", track_candidates=True)
        steps = [env.step(a) for a in ("c", "e", "z", "", "[er]", "crazy", "c")]
        shown.append([env.reset(options={"secret": secret}), steps, env.public()])
    assert shown[0] == shown[1]


# --- what is said


def test_chat() -> None:
    env = HangmanEnv(lives=4, max_repeats=2)
    assert env.reset(options={"secret": "crane"})[0] == (
        "You are playing Hangman. Find the secret word of 5 letters: _ _ _ _ _\n"
        "Guess one letter or the whole word. A wrong guess costs one of your 4 lives.\n"
        "A guess that was made before costs nothing, but repeat 2 ends the game.\n"
        "A guess that is refused costs a life.\n"
        "Answer with one letter or one word in square brackets, for example [e]."
    )
    assert [env.step(a)[0] for a in ("[e]", "z", "E", "[er]", "[crate]", "[crane]")] == [
        "E is in the word: _ _ _ _ E. Lives: 4/4.",
        "Z is not in the word: _ _ _ _ E. Lives: 3/4.",
        "E was guessed before: _ _ _ _ E. Lives: 3/4.",
        "Refused. A guess is one letter or a word of 5 letters. Lives: 2/4.",
        "CRATE is not the word: _ _ _ _ E. Lives: 1/4.",
        "CRANE is the word: C R A N E. Lives: 1/4.\nSolved in 6.",
    ]


@pytest.mark.parametrize(
    ("kwargs", "actions", "ending"),
    [
        ({"lives": 1}, ["z"], "Out of lives. The word was CRANE."),
        ({"max_repeats": 1}, ["e", "e"], "Too many repeated guesses. The word was CRANE."),
        (
            {"invalid_policy": "terminate"},
            ["?"],
            "A refused guess ended the game. The word was CRANE.",
        ),
    ],
)
def test_chat_endings(kwargs: dict[str, Any], actions: list[str], ending: str) -> None:
    env = start("crane", **kwargs)
    assert [env.step(action)[0] for action in actions][-1].splitlines()[-1] == ending


def test_compact() -> None:
    env = HangmanEnv(style="compact", lives=4)
    assert env.reset(options={"secret": "crane"})[0] == "hangman _____ x4"
    assert [env.step(a)[0] for a in ("e", "z", "?", "[e]", "slate", "[e1]")] == [
        "____e 4",
        "____e 3",
        "?none 2",
        "____e 2",
        "____e 1",
        "?chars 0 crane",
    ]


def test_compact_with_the_whole_history() -> None:
    env = start("crane", style="compact", history="full")
    assert [env.step(a)[0] for a in ("e", "[er]", "crane")][-1] == (
        "hangman _____ x6\ne ____e 6\n?length 5\ncrane crane 5"
    )
