"""The words of a game: a user's own lists, files, other lengths, and lists shared between games."""

import pickle
from copy import deepcopy
from pathlib import Path

import pytest

from wordle_rl.envs.lexicon import find_lexicon
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.envs.words import load_words
from wordle_rl.errors import ConfigError


def test_own_words() -> None:
    env = WordleEnv(answers=["Crane", "slate"], guesses=["trace"])
    assert env.answers == ("crane", "slate")
    assert env.guesses == ("crane", "slate", "trace")


def test_own_answers_are_guesses_besides_the_packaged_ones() -> None:
    env = WordleEnv(answers=["qqqqq"])
    assert set(env.guesses) == {*load_words("guesses"), "qqqqq"}
    assert env.guesses == tuple(sorted(env.guesses))


def test_own_words_of_a_length_that_is_not_packaged() -> None:
    env = WordleEnv(word_length=3, answers=["cat", "dog"])
    assert env.guesses == env.answers == ("cat", "dog")


def test_words_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# mine\ncrane\nslate\n", encoding="utf-8")
    assert WordleEnv(answers=path).answers == ("crane", "slate")
    assert WordleEnv(answers=str(path), guesses=path).guesses == ("crane", "slate")
    with pytest.raises(ConfigError, match=r"words of 5 letters in a game with word_length 6"):
        WordleEnv(answers=path, word_length=6)
    with pytest.raises(ConfigError, match="cannot be read"):
        WordleEnv(answers=tmp_path / "none.txt")


def test_lists_are_shared_between_games() -> None:
    one, two = WordleEnv(answers=["crane", "slate"]), WordleEnv(answers=["slate", "crane"])
    assert one.answers is two.answers
    assert one.guesses is two.guesses


def test_equal_lists_are_one_object_and_copies_too() -> None:
    lexicon = find_lexicon(5, "val")
    assert find_lexicon(5, "val") is lexicon
    assert find_lexicon(5, "test") is not lexicon
    assert deepcopy(lexicon) is lexicon
    assert pickle.loads(pickle.dumps(lexicon)) is lexicon
