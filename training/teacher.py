"""Games to imitate: a mediocre Wordle player, vectorised over games.

The teacher guesses uniformly at random among the words that still fit. Three things are varied, so
that the student learns the skill rather than a list:

* the word pool: the answers, or (`wide_share`) every legal word;
* the opening: in `scattered_share` of the games the first one to three guesses are random legal
  words that are shown but not trained. They lead quickly to boards where few words are left, which
  are rare in ordinary games although they decide them;
* nothing else. Secrets are training words only: a validation or test word is never one. In the
  pool the teacher guesses from, those words occur uniformly like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.feedback import Patterns, pattern_matrix, pattern_text
from wordle_rl.envs.words import load_words, split_of

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One game to imitate: answers, the observation after each, and which answers are trained."""

    actions: tuple[str, ...]
    observations: tuple[str, ...]
    """`observations[t]` follows `actions[t]`; the opening observation is not among them."""
    trained: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True)
class WordleTeacher:
    """Plays uniformly random consistent guesses on training secrets.

    Attributes:
        length: letters in a word.
        max_guesses: guesses a game.
        wide_share: share of games whose pool and secrets are every legal word.
        scattered_share: share of games that open with random legal words (not trained).
    """

    length: int = 5
    max_guesses: int = 6
    wide_share: float = 0.3
    scattered_share: float = 0.5

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every legal word; the answers are among them."""
        return load_words("guesses", self.length)

    @cached_property
    def secrets(self) -> dict[str, Indices]:
        """Indices into `words` of the secrets of each pool: never a validation or test word."""
        answers = set(load_words("answers", self.length))
        held_out = {w for w in answers if split_of(w) != "train"}
        wide = [i for i, w in enumerate(self.words) if w not in held_out]
        return {
            "wide": np.array(wide),
            "answers": np.array([i for i in wide if self.words[i] in answers]),
        }

    @cached_property
    def _pools(self) -> dict[str, Indices]:
        answers = set(load_words("answers", self.length))
        inside = [i for i, w in enumerate(self.words) if w in answers]
        return {"wide": np.arange(len(self.words)), "answers": np.array(inside)}

    @cached_property
    def _patterns(self) -> Patterns:
        """Feedback of every legal word against every legal word: 126 MB for five letters."""
        return pattern_matrix(self.words, self.words)

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games; the same generator state gives the same games."""
        wide = rng.binomial(count, self.wide_share)
        return [*self._play(rng, wide, "wide"), *self._play(rng, count - wide, "answers")]

    def _play(self, rng: np.random.Generator, count: int, pool: str) -> list[Demonstration]:
        columns = self._pools[pool]
        secrets = rng.choice(self.secrets[pool], count)
        scattered = np.where(rng.random(count) < self.scattered_share, rng.integers(1, 4, count), 0)
        fits = np.ones((count, len(columns)), dtype=bool)
        guesses = np.empty((count, self.max_guesses), dtype=np.int64)
        for turn in range(self.max_guesses):
            random_words = rng.integers(0, len(self.words), count)
            consistent = columns[_random_true(rng, fits)]
            guesses[:, turn] = np.where(turn < scattered, random_words, consistent)
            seen = self._patterns[guesses[:, turn], secrets]
            fits &= self._patterns[guesses[:, turn, None], columns[None, :]] == seen[:, None]
        return [
            self._demonstration(g, int(s), int(k))
            for g, s, k in zip(guesses, secrets, scattered, strict=True)
        ]

    def _demonstration(self, guesses: Indices, secret: int, scattered: int) -> Demonstration:
        won = np.flatnonzero(guesses == secret)
        used = guesses[: int(won[0]) + 1] if len(won) else guesses
        marks = [pattern_text(int(self._patterns[g, secret]), self.length) for g in used]
        return Demonstration(
            actions=tuple(self.words[g] for g in used),
            observations=tuple(marks),
            trained=tuple(t >= scattered for t in range(len(used))),
        )


def _random_true(rng: np.random.Generator, mask: Mask) -> Indices:
    """For each row the column of a uniformly random true entry (0 where a row has none)."""
    counts = mask.sum(axis=1, dtype=np.int32)
    wanted = (rng.random(len(mask)) * counts).astype(np.int32) + 1
    reached = np.cumsum(mask, axis=1, dtype=np.int32) >= wanted[:, None]
    return np.asarray(reached.argmax(axis=1), dtype=np.int64)
