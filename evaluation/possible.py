"""What a game of Wordle knew: the words still possible after each guess, and what was to be had.

The yardstick is a player who guesses at random among the words that still fit: how many words such
a guess would have left on average, at the same point of the same game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wordle_rl.envs.feedback import pattern_code, pattern_matrix
from wordle_rl.seeding import generator

SAMPLED_GUESSES = 300
"""Where more words fit, the average is over so many of them, drawn once and for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsLeft:
    """What one guess achieved."""

    left: int
    """Words that could still be the secret after it, the secret itself among them."""
    fair: float | None
    """Words that a random fitting guess would have left, on average; None without a secret."""


def words_left(
    rows: Sequence[tuple[str, str]], answers: Sequence[str], secret: str | None = None
) -> list[WordsLeft]:
    """The words still possible after each row; a refused guess leaves them as they are.

    Args:
        rows: guesses, each with its feedback; empty feedback for a refused one.
        answers: what can be the secret. One from elsewhere counts as one more of them.
        secret: where it is known.

    >>> rows = [("crane", "XGGXX"), ("grape", "XGGGX")]
    >>> [step.left for step in words_left(rows, ["brand", "draft", "drape", "wraps"], "wraps")]
    [2, 1]
    """
    possible = list(answers)
    if secret is not None and secret not in possible:
        possible.append(secret)
    steps = []
    for guess, marks in rows:
        fair = None if secret is None else _fair(possible, secret)
        if marks and possible:
            fits = pattern_matrix([guess], possible)[0] == pattern_code(marks)
            possible = [word for word, fit in zip(possible, fits, strict=True) if fit]
        steps.append(WordsLeft(left=len(possible), fair=fair))
    return steps


def _fair(possible: Sequence[str], secret: str) -> float:
    guesses = list(possible)
    if len(guesses) > SAMPLED_GUESSES:
        chosen = generator("fair", len(guesses)).permutation(len(guesses))[:SAMPLED_GUESSES]
        guesses = [guesses[i] for i in sorted(chosen)]
    patterns = pattern_matrix(guesses, possible)  # [guesses, possible]
    told = pattern_matrix(guesses, [secret])  # [guesses, 1]
    return float(np.count_nonzero(patterns == told, axis=1).mean())
