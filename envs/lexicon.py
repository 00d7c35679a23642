"""The words of one Wordle: which can be the secret, which can be guessed.

In: the packaged lists or a user's own, and a split. Out: one immutable `Lexicon` per content,
shared by every environment that plays it: copying a game never copies a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.feedback import pattern_code, pattern_matrix
from wordle_rl.envs.words import (
    Split,
    WordKind,
    check_words,
    load_words,
    read_word_file,
    split_words,
)
from wordle_rl.errors import ConfigError

Words = tuple[str, ...]
WordSource = str | PathLike[str] | Iterable[str] | None
"""None for the packaged list, a path to a text file, or the words themselves."""


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The word lists of a game, each sorted."""

    answers: Words
    """The words of the split: what a secret is drawn from."""
    all_answers: Words
    """The whole answer list, which any player may know."""
    guesses: Words
    """Every word that may be played; it holds `all_answers`."""
    split: Split
    legal: frozenset[str]
    """`guesses` as a set."""
    wide: Words
    """Every word that may be played but the answers of other splits."""

    def narrow(self, possible: NDArray[np.intp], guess: str, marks: str) -> NDArray[np.intp]:
        """Which of the answers numbered `possible` would have answered `guess` with `marks`."""
        if not len(possible):
            return possible
        patterns = pattern_matrix([guess], [self.answers[i] for i in possible])[0]
        kept: NDArray[np.intp] = possible[patterns == pattern_code(marks)]
        return kept

    def partition(self, possible: NDArray[np.intp], guess: str) -> Sequence[int]:
        """Of the answers numbered `possible`, how many would give each feedback to `guess`."""
        if not len(possible):
            return ()
        patterns = pattern_matrix([guess], [self.answers[i] for i in possible])[0]
        counts: list[int] = np.unique(patterns, return_counts=True)[1].tolist()
        return counts

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The lists never change, so a copy is the same object."""
        return self

    def __reduce__(self) -> tuple[Callable[..., Lexicon], tuple[str, str, Split]]:
        """Pickled as two long strings; reading one back gives the shared object again."""
        return _from_text, (" ".join(self.all_answers), " ".join(self.guesses), self.split)


def find_lexicon(
    word_length: int, split: Split, answers: WordSource = None, guesses: WordSource = None
) -> Lexicon:
    """The lexicon of a choice of lists; equal lists give the same object.

    An answer is always a legal guess, whether or not the guess list holds it. A user's own answers
    of a length that has no packaged guesses are the guesses too.

    Raises:
        ConfigError: a list cannot be read, has words of another length, or its split is empty.
    """
    all_answers = _read("answers", answers, word_length)
    try:
        legal = _read("guesses", guesses, word_length)
    except ConfigError:
        if answers is None or guesses is not None:
            raise
        legal = all_answers
    return _lexicon(all_answers, legal, split)


def open_lexicon(answers: Path | None = None, guesses: Path | None = None) -> Lexicon:
    """The lexicon of a user's files, whatever the length of their words; by default our own.

    Raises:
        ConfigError: as `find_lexicon`.
    """
    given = answers or guesses
    length = len(read_word_file(given)[0]) if given else 5
    return find_lexicon(length, "all", answers, guesses)


def _read(kind: WordKind, source: WordSource, word_length: int) -> Words:
    if source is None:
        return load_words(kind, word_length)
    if isinstance(source, tuple):
        return _checked(source, kind, word_length)
    if not isinstance(source, str | PathLike):
        return check_words(source, source=kind, length=word_length)
    words = read_word_file(Path(source))
    if len(words[0]) != word_length:
        raise ConfigError(
            f"{source}: words of {len(words[0])} letters in a game with word_length {word_length}: "
            "set word_length to theirs"
        )
    return words


@lru_cache(maxsize=32)
def _checked(words: Words, kind: WordKind, word_length: int) -> Words:
    """A game of one list after another checks its words once."""
    return check_words(words, source=kind, length=word_length)


@lru_cache(maxsize=32)
def _lexicon(all_answers: Words, guesses: Words, split: Split) -> Lexicon:
    answers = split_words(all_answers, split)
    if not answers:
        raise ConfigError(
            f"no words in split {split!r} of {len(all_answers)} answers: use split='all'"
        )
    legal = frozenset(guesses).union(all_answers)
    if len(legal) > len(guesses):
        guesses = tuple(sorted(legal))
    others = frozenset(all_answers).difference(answers)
    wide = tuple(word for word in guesses if word not in others)
    return Lexicon(answers, all_answers, guesses, split, legal, wide)


def _from_text(all_answers: str, guesses: str, split: Split) -> Lexicon:
    return _lexicon(tuple(all_answers.split(" ")), tuple(guesses.split(" ")), split)
