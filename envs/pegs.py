"""Scoring a guess at Mastermind: black and white pegs. Pure functions on codes and lists of them.

A black peg for every place with the right colour; a white one for every further colour that the
secret has in another place, each copy counted once: blacks and whites together are the size of the
multiset intersection. Pegs are written blacks first, then whites, filled up with `-`, so where a
peg stands says nothing; as an integer they are blacks * (length + 1) + whites.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import permutations, product
from operator import eq

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.feedback import encode_words
from wordle_rl.envs.words import Split, split_of

Codes = tuple[str, ...]
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


@lru_cache(maxsize=2**16)
def pegs(guess: str, secret: str) -> str:
    """The answer to `guess` when `secret` is the code.

    >>> pegs("aabc", "abca"), pegs("abcd", "abcd"), pegs("aaaa", "bbbb")
    ('BWWW', 'BBBB', '----')
    """
    if len(guess) != len(secret):
        raise ValueError(f"guess {guess!r} and secret {secret!r} differ in length")
    unmatched = secret
    for colour in guess:
        unmatched = unmatched.replace(colour, "", 1)
    return _written(sum(map(eq, guess, secret)), len(secret) - len(unmatched), len(secret))


@cache
def _written(black: int, common: int, length: int) -> str:
    return ("B" * black + "W" * (common - black)).ljust(length, "-")


def fits_pegs(guess: str, history: Sequence[tuple[str, str]]) -> bool:
    """Whether `guess` could be the secret after `history`, a sequence of (guess, pegs)."""
    for earlier, answer in history:  # noqa: SIM110 - asked every turn, and quicker than `all`
        if pegs(earlier, guess) != answer:
            return False
    return True


def peg_matrix(guesses: Sequence[str], secrets: Sequence[str]) -> NDArray[np.uint8]:
    """The answer of every guess against every secret as an integer, [guesses, secrets]."""
    g, s = encode_words(guesses), encode_words(secrets)  # [G, L], [S, L]
    black = np.zeros((len(g), len(s)), dtype=np.uint8)
    common = np.zeros_like(black)
    for place in range(g.shape[1]):
        black += g[:, None, place] == s[None, :, place]
    for colour in range(int(max(g.max(initial=0), s.max(initial=0))) + 1):
        in_guess, in_secret = ((x == colour).sum(axis=1, dtype=np.uint8) for x in (g, s))
        common += np.minimum(in_guess[:, None], in_secret[None, :])
    matrix: NDArray[np.uint8] = black * np.uint8(g.shape[1] + 1) + (common - black)
    return matrix


def peg_code(answer: str) -> int:
    """The integer form of pegs.

    >>> peg_code("BBW-"), peg_code("----")
    (11, 0)
    """
    return answer.count("B") * (len(answer) + 1) + answer.count("W")


@lru_cache(maxsize=16)
def all_codes(length: int, colours: int, duplicates: bool = True) -> Codes:
    """Every code of `length` of the first `colours` letters, in the order of the alphabet.

    >>> all_codes(2, 2), all_codes(2, 2, duplicates=False)
    (('aa', 'ab', 'ba', 'bb'), ('ab', 'ba'))
    """
    letters = ALPHABET[:colours]
    rows = product(letters, repeat=length) if duplicates else permutations(letters, length)
    return tuple(map("".join, rows))


@lru_cache(maxsize=64)
def codes_of_split(length: int, colours: int, duplicates: bool, split: Split) -> Codes:
    """The codes whose `split_of("mastermind:abca")` is `split`; all of them for "all"."""
    codes = all_codes(length, colours, duplicates)
    return tuple(c for c in codes if split == "all" or split_of(f"mastermind:{c}") == split)
