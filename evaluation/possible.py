"""The secrets that were still possible in a game, and how good that is.

`Possible` keeps the list; `words_left` is what a reader of a game of Wordle wants to know, with a
yardstick beside it: how many words a random guess among those that still fitted would have left on
average, at the same point of the same game.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wordle_rl.agents.solver import WORDLE, Scoring, Words
from wordle_rl.envs.feedback import Patterns, pattern_matrix
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.seeding import generator

SAMPLED_GUESSES = 300
"""Where more words fit, the average is over so many of them, drawn once and for all."""
Rows = Iterable[tuple[str, str]]
"""Guesses, each with its feedback; empty feedback for a refused one."""


class Possible:
    """The secrets a game may have, and which of them survive each guess.

    Args:
        secrets: all of them, equally likely.
        scoring: how a guess is answered.
    """

    def __init__(self, secrets: Sequence[str], scoring: Scoring = WORDLE) -> None:
        self._secrets = tuple(secrets)
        self._scoring = scoring
        self._patterns = lru_cache(maxsize=20_000)(self._patterns_of)

    def after(self, rows: Rows) -> Iterator[Words]:
        """The positions of the secrets that fit, after each row."""
        left = np.arange(len(self._secrets))
        for guess, marks in rows:
            if marks:
                left = left[self._patterns(guess)[left] == self._scoring.code(marks)]
            yield left

    def bits(self, game: GameRecord) -> float | None:
        """What the guesses of a game told of its secret; None for a secret that is none of them."""
        n = len(self._secrets)
        for left in self.after(zip(game["guesses"], game["feedback"], strict=True)):
            n = len(left)
        return math.log2(len(self._secrets) / n) if n else None

    def _patterns_of(self, guess: str) -> Patterns:
        patterns: Patterns = self._scoring.matrix([guess], self._secrets)[0]
        return patterns


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
    words = list(answers)
    if secret is not None and secret not in words:
        words.append(secret)
    steps, before = [], np.arange(len(words))
    for left in Possible(words).after(rows):
        fair = None if secret is None else _fair([words[i] for i in before], secret)
        steps.append(WordsLeft(left=len(left), fair=fair))
        before = left
    return steps


def _fair(possible: Sequence[str], secret: str) -> float:
    guesses = list(possible)
    if len(guesses) > SAMPLED_GUESSES:
        chosen = generator("fair", len(guesses)).permutation(len(guesses))[:SAMPLED_GUESSES]
        guesses = [guesses[i] for i in sorted(chosen)]
    patterns = pattern_matrix(guesses, possible)  # [guesses, possible]
    told = pattern_matrix(guesses, [secret])  # [guesses, 1]
    return float(np.count_nonzero(patterns == told, axis=1).mean())
