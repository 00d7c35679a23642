"""Planning with lists: which secrets still fit, and which guess tells most about them.

In: a list of legal guesses, a list of possible secrets, a history of (guess, feedback), and how the
game scores a guess. Out: a guess. Everything is numpy on the matrix of patterns [guesses, answers],
which is built once for a pair of lists; the best guess is worked out once for each set of secrets
still possible, so that playing against every secret takes seconds.

The strategies look one guess ahead at all legal guesses (for Wordle, 3Blue1Brown's "Solving Wordle
using information theory" is `by_entropy`; for Mastermind, `by_patterns` is Kooi's "most parts").
Ties go to a guess that can still be the secret, then to one that is on the list of secrets, then to
the alphabet: the rule that reproduces published figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.feedback import (
    Patterns,
    consistent,
    encode_words,
    pattern_code,
    pattern_matrix,
    pattern_text,
)
from wordle_rl.envs.pegs import fits_pegs, peg_code, peg_matrix

History = Sequence[tuple[str, str]]
"""Scored guesses so far, each with its feedback."""
Words = NDArray[np.intp]
"""Positions in a list, ascending."""
Values = NDArray[np.float64]
Criterion = Callable[[NDArray[np.int64]], Values]
"""Candidates behind each pattern, [guesses, patterns] -> how good each guess is, [guesses]."""

TABLE_SIZE = 1 << 18
"""Counts held at once, guesses times patterns; bounds the memory whatever the word length."""
BLOCK_SIZE = 1 << 22
"""Patterns read at once, guesses times candidates."""
PAIRWISE = 100
"""Up to so many candidates, patterns are told apart by comparing pairs."""
TOLERANCE = 1e-9
"""Values closer than this are equal: sums of the same entropy differ in their last bits."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How a game scores guesses, in numbers."""

    matrix: Callable[[Sequence[str], Sequence[str]], Patterns]
    """Guesses, secrets -> the pattern of each against each, [guesses, secrets]."""
    code: Callable[[str], int]
    """Feedback as text -> pattern."""
    width: Callable[[int], int]
    """Length of a guess -> a number above every pattern."""
    fits: Callable[[str, History], bool]
    """Whether a guess could be the secret after a history."""
    growth: float
    """Guesses more that good play needs on average for e times as many candidates, measured."""


WORDLE = Scoring(pattern_matrix, pattern_code, lambda length: 3**length, consistent, 0.27)
MASTERMIND = Scoring(peg_matrix, peg_code, lambda length: (length + 1) ** 2, fits_pegs, 0.45)


def by_patterns(counts: NDArray[np.int64]) -> Values:
    """The number of different answers a guess can get."""
    patterns: Values = np.count_nonzero(counts, axis=1).astype(np.float64)
    return patterns


def by_entropy(counts: NDArray[np.int64]) -> Values:
    """The expected information of the answer in bits, every candidate being equally likely."""
    total = int(counts[0].sum())
    k = np.arange(total + 1, dtype=np.float64)
    k_log_k = k * np.log2(np.maximum(k, 1.0))  # a table: counts are integers from 0 to total
    bits: Values = np.log2(total) - k_log_k[counts].sum(axis=1) / total
    return bits


class Planner:
    """What can be known about one game from its two lists.

    Args:
        guesses: what may be played.
        answers: what can be the secret.
        scoring: how a guess is answered.
    """

    def __init__(
        self, guesses: Sequence[str], answers: Sequence[str], scoring: Scoring = WORDLE
    ) -> None:
        self.scoring = scoring
        self.guesses = tuple(guesses)
        self.answers = tuple(answers)
        self.row_of = {word: i for i, word in enumerate(self.guesses)}
        self._width = scoring.width(len(self.guesses[0]))
        self._best: dict[tuple[Criterion, bytes, bytes], str] = {}

    @cached_property
    def patterns(self) -> Patterns:
        """Feedback of every guess against every answer, [guesses, answers]."""
        return self.scoring.matrix(self.guesses, self.answers)

    @cached_property
    def patterns_by_answer(self) -> Patterns:
        """`patterns` the other way round, [answers, guesses]: quick to read a few answers of."""
        return cast(Patterns, np.ascontiguousarray(self.patterns.T))

    @cached_property
    def letters(self) -> NDArray[np.uint8]:
        """The letters of every guess as codes 0..25, [guesses, letters]."""
        return encode_words(self.guesses)

    @cached_property
    def letter_counts(self) -> NDArray[np.int64]:
        """How often each letter occurs in every guess, [guesses, 26]."""
        return np.stack([np.count_nonzero(self.letters == c, axis=1) for c in range(26)], axis=1)

    @cached_property
    def answer_rows(self) -> Words:
        """Position in `guesses` of every answer; -1 for one that may not be played."""
        return np.array([self.row_of.get(word, -1) for word in self.answers], dtype=np.intp)

    @cached_property
    def rank(self) -> Words:
        """The place of every guess in a tie: answers before other words, each by alphabet."""
        known = set(self.answers)
        keys = [(word not in known, word) for word in self.guesses]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(len(order))
        return rank

    def everything(self) -> Words:
        """All answers: the candidates before the first guess."""
        return np.arange(len(self.answers))

    def narrow(self, candidates: Words, guess: str, marks: str) -> Words:
        """The candidates that would have answered `guess` with `marks`."""
        row = self.row_of.get(guess)
        if row is None:
            words = [self.answers[i] for i in candidates]
            patterns = self.scoring.matrix([guess], words)[0]
        else:
            patterns = self.patterns[row, candidates]
        kept: Words = candidates[patterns == self.scoring.code(marks)]
        return kept

    def candidates(self, history: History) -> Words:
        """The answers that fit a whole history, as positions in `answers`."""
        left = self.everything()
        for guess, marks in history:
            left = self.narrow(left, guess, marks)
        return left

    def fitting_guesses(self, history: History) -> list[str]:
        """The playable guesses that fit a history, for a secret that is not among the answers."""
        return [guess for guess in self.guesses if self.scoring.fits(guess, history)]

    def hard_mode_guesses(self, history: History) -> Words:
        """The words that Wordle's hard mode allows, as positions in `guesses`.

        Greens stay in place, and every revealed letter occurs at least as often as one guess has
        revealed it. Gray letters may come back.
        """
        allowed = np.arange(len(self.guesses))
        for guess, marks in history:
            allowed = self.narrow_allowed(allowed, guess, self.scoring.code(marks))
        return allowed

    def narrow_allowed(self, allowed: Words, guess: str, pattern: int) -> Words:
        """What one more scored guess leaves of the words that hard mode allowed before it."""
        letters = encode_words([guess])[0]
        marks = pattern_text(pattern, len(guess))
        green, shown = (np.array([m in kinds for m in marks]) for kinds in ("G", "GY"))
        fits = (self.letters[np.ix_(allowed, green)] == letters[green]).all(axis=1)
        left: Words = allowed[fits]
        for letter, times in Counter(letters[shown].tolist()).items():
            left = left[self.letter_counts[left, letter] >= times]
        return left

    def best_guess(
        self, candidates: Words, criterion: Criterion, allowed: Words | None = None
    ) -> str:
        """The word of highest value; ties go to a candidate, then by `rank`.

        Args:
            candidates: what is still possible, positions in `answers`; not empty.
            criterion: how a guess is valued, such as `by_patterns`.
            allowed: the words to choose from, positions in `guesses`; all of them by default.
        """
        limits = b"all" if allowed is None else allowed.tobytes()
        key = (criterion, candidates.tobytes(), limits)
        if key not in self._best:
            choice = np.arange(len(self.guesses)) if allowed is None else allowed
            self._best[key] = self._work_out(candidates, criterion, choice)
        return self._best[key]

    def _work_out(self, candidates: Words, criterion: Criterion, choice: Words) -> str:
        fitting = np.intersect1d(self.answer_rows[candidates], choice)
        if 0 < len(candidates) <= self._width and len(fitting):
            told_apart = by_patterns(self.counts(fitting, candidates))
            perfect = fitting[told_apart == len(candidates)]
            if len(perfect):  # a candidate that tells all candidates apart: nothing can beat it
                return self._first_word(perfect)
        rows_at_once = min(TABLE_SIZE // self._width, BLOCK_SIZE // max(1, len(candidates)))
        blocks = _blocks(choice, max(1, rows_at_once))
        values = np.concatenate([criterion(self.counts(rows, candidates)) for rows in blocks])
        best = choice[values >= values.max() - TOLERANCE]
        ties = np.intersect1d(best, fitting)
        return self._first_word(ties if len(ties) else best)

    def counts(self, rows: Words, candidates: Words) -> NDArray[np.int64]:
        """How many candidates are behind each pattern of each guess, [rows, patterns]."""
        patterns = self.patterns[np.ix_(rows, candidates)].astype(np.int64)
        patterns += self._width * np.arange(len(rows))[:, None]
        counts = np.bincount(patterns.ravel(), minlength=self._width * len(rows))
        return counts.reshape(-1, self._width)

    def count_patterns(self, rows: Words, candidates: Words) -> NDArray[np.int64]:
        """How many different answers each guess can get, [guesses].

        `by_patterns` of `counts`; for few candidates it is quicker to compare their answers pair
        by pair, a row of guesses at a time.
        """
        if len(candidates) > PAIRWISE:
            blocks = _blocks(rows, max(1, TABLE_SIZE // self._width))
            return np.concatenate(
                [np.count_nonzero(self.counts(block, candidates), axis=1) for block in blocks]
            )
        answers = self.patterns_by_answer[np.ix_(candidates, rows)]  # [candidates, guesses]
        found = np.ones(len(rows), dtype=np.int64)
        for i in range(1, len(candidates)):
            found += (answers[:i] != answers[i]).all(axis=0)
        return found

    def _first_word(self, rows: Words) -> str:
        return self.guesses[int(rows[np.argmin(self.rank[rows])])]


@lru_cache(maxsize=8)
def planner_for(
    guesses: tuple[str, ...], answers: tuple[str, ...], scoring: Scoring = WORDLE
) -> Planner:
    """The planner of two lists, shared by everything that plays with them."""
    return Planner(guesses, answers, scoring)


def _blocks(rows: Words, size: int) -> Iterator[Words]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
