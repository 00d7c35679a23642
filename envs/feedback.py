"""Scoring a guess: green, yellow, gray. Pure functions on words and on whole word lists.

Greens are marked first; then, from the left, a letter is yellow while an unmatched copy of it
remains in the secret. So the number of coloured copies of a letter is the smaller of its counts in
guess and secret. Patterns are strings of G, Y, X, or integers: base 3, first letter most
significant, X = 0, Y = 1, G = 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARKS = "XYG"
BLOCK = 64
"""Guesses whose patterns are made at once: their tables stay in the processor's cache."""
Codes = NDArray[np.uint8]
Patterns = NDArray[np.uint8] | NDArray[np.uint16]


def feedback(guess: str, secret: str) -> str:
    """The colours of `guess` when `secret` is the word.

    >>> feedback("speed", "erase")
    'YXYYX'
    """
    if len(guess) != len(secret):
        raise ValueError(f"guess {guess!r} and secret {secret!r} differ in length")
    places = list(zip(guess, secret, strict=True))
    unmatched = "".join([s for g, s in places if g != s])
    marks = ""
    for g, s in places:
        if g == s:
            marks += "G"
        elif g in unmatched:
            marks += "Y"
            unmatched = unmatched.replace(g, "", 1)
        else:
            marks += "X"
    return marks


def consistent(guess: str, history: Sequence[tuple[str, str]]) -> bool:
    """Whether `guess` could be the secret after `history`, a sequence of (guess, feedback)."""
    return all(feedback(earlier, guess) == marks for earlier, marks in history)


def tenths(marks: str) -> int:
    """Credit of a guess in tenths: 2 a green, 1 a yellow, so duplicates count as Wordle marks them.

    >>> tenths("XYGXX"), tenths("GGGGG"), tenths("")
    (3, 10, 0)
    """
    return 2 * marks.count("G") + marks.count("Y")


def naive_tenths(guess: str, secret: str) -> int:
    """Credit as a beginner counts it: 2 a green, else 1 a letter that occurs in the secret.

    >>> naive_tenths("eerie", "crane"), tenths(feedback("eerie", "crane"))
    (5, 3)
    """
    places = zip(guess, secret, strict=False)
    return sum([2 if g == s else g in secret for g, s in places])


def encode_words(words: Sequence[str]) -> Codes:
    """Words of one length as letter codes 0..25, shape [words, letters]."""
    if not words:
        return np.zeros((0, 0), dtype=np.uint8)
    return np.frombuffer("".join(words).encode(), dtype=np.uint8).reshape(len(words), -1) - 97


def pattern_matrix(guesses: Sequence[str], secrets: Sequence[str]) -> Patterns:
    """Integer feedback of every guess against every secret, shape [guesses, secrets].

    uint8 up to five letters, uint16 beyond (3**6 > 255). One pass a letter pair, no Python a word.
    """
    g, s = encode_words(guesses), encode_words(secrets)
    dtype: np.dtype[Any] = np.dtype(np.uint8 if g.shape[1] <= 5 else np.uint16)
    pattern = np.zeros((len(guesses), len(secrets)), dtype=dtype)
    for start in range(0, len(guesses), BLOCK):
        block = slice(start, start + BLOCK)
        _fill_patterns(pattern[block], g[block], s)
    return pattern


def _fill_patterns(pattern: Patterns, g: Codes, s: Codes) -> None:
    """Write the patterns of some guesses, [guesses, secrets], into zeros."""
    length = g.shape[1]
    same = [[g[:, None, i] == s[None, :, j] for j in range(length)] for i in range(length)]
    taken = [same[j][j].copy() for j in range(length)]  # letters of the secret that are matched
    for i in range(length):
        weight = 3 ** (length - 1 - i)
        unmatched = ~same[i][i]
        for j in range(length):
            hit = unmatched & same[i][j] & ~taken[j]
            taken[j] |= hit
            unmatched &= ~hit
        for marked in (~unmatched, same[i][i]):  # a green is marked twice
            pattern += weight * marked.astype(pattern.dtype)


@cache
def pattern_text(pattern: int, length: int) -> str:
    """The string form of an integer pattern.

    >>> pattern_text(242, 5), pattern_text(1, 5)
    ('GGGGG', 'XXXXY')
    """
    return "".join(MARKS[pattern // 3**i % 3] for i in range(length - 1, -1, -1))


def pattern_code(marks: str) -> int:
    """The integer form of a pattern string.

    >>> pattern_code("GGGGG")
    242
    """
    code = 0
    for mark in marks:
        code = code * 3 + MARKS.index(mark)
    return code
