"""Words and what is shown of them: patterns such as `c_a__`, and the words that fit them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np

from wordle_rl.envs.feedback import encode_words
from wordle_rl.envs.words import MAX_LENGTH, MIN_LENGTH, Split, load_words, split_words

Words = tuple[str, ...]
HIDDEN = "_"
"""Stands for a letter that is not known."""


@lru_cache(maxsize=32)
def words_of(word_length: int | None, split: Split) -> Words:
    """The packaged answers of a length, or of every length from the shortest on, in one split."""
    lengths = range(MIN_LENGTH, MAX_LENGTH + 1) if word_length is None else (word_length,)
    return tuple(w for n in lengths for w in split_words(load_words("answers", n), split))


def fill_in(pattern: str, word: str, guess: str) -> str:
    """The pattern with every place of `word` filled in that holds a letter of `guess`.

    >>> fill_in("_____", "eerie", "e"), fill_in("____e", "crane", "crane")
    ('ee__e', 'crane')
    """
    return "".join(w if w in guess else p for p, w in zip(pattern, word, strict=True))


def fits_pattern(word: str, pattern: str, missed: Collection[str]) -> bool:
    """Whether `word` may be behind `pattern` when the letters `missed` are not in it.

    A letter that is shown anywhere is shown everywhere it occurs.

    >>> fits_pattern("crane", "____e", "st"), fits_pattern("eerie", "____e", "st")
    (True, False)
    """
    if len(word) != len(pattern):
        return False
    return all(
        w == p if p != HIDDEN else w not in pattern and w not in missed
        for w, p in zip(word, pattern, strict=True)
    )


class WordIndex:
    """A word list that answers `fits_pattern` for all its words at once."""

    def __init__(self, words: Sequence[str]) -> None:
        lengths = sorted({len(word) for word in words})
        groups = {n: tuple(word for word in words if len(word) == n) for n in lengths}
        self._groups = {n: (group, encode_words(group)) for n, group in groups.items()}

    def fitting(self, pattern: str, missed: Collection[str]) -> Words:
        """The words that may be behind a pattern, in the order of the list."""
        words, codes = self._groups.get(len(pattern), ((), encode_words(())))
        is_hidden = np.zeros(26, dtype=bool)  # letters that a hidden place may hold
        is_hidden[[i for i in range(26) if chr(97 + i) not in {*pattern, *missed}]] = True
        fits = np.ones(len(words), dtype=bool)
        for place, letter in enumerate(pattern if words else ""):
            column = codes[:, place]
            fits &= is_hidden[column] if letter == HIDDEN else column == ord(letter) - 97
        return tuple(words[i] for i in np.flatnonzero(fits))


@lru_cache(maxsize=8)
def index_of(words: Words) -> WordIndex:
    """The index of a list, shared by everything that reads it."""
    return WordIndex(words)
