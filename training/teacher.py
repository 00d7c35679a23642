"""Games to imitate: a mediocre Wordle player, vectorised over games.

The teacher guesses uniformly at random among the words of its pool that still fit. Four things are
varied, so that the student learns the skill rather than a list:

* the pool: the answers, or (`wide_share`) every legal word;
* where the secret comes from: the pool, or (`outside_share`) the legal words that are no answers.
  Where the secret is an answer, the last word left is always a training word, and a student learns
  that no other ever is. With a secret from outside, every answer is the last one left equally
  often; the game ends where none is left;
* the opening: in `scattered_share` of the games the first one to three guesses are random legal
  words that are shown but not trained. They lead quickly to boards where few words are left, which
  are rare in ordinary games although they decide them;
* how far it is: in `endgame_share` of the games the opening shown is one after which at most
  `FEW` words of the pool are left, so that what is trained is to name them.

A validation or test word is never a secret. In the pool the teacher guesses from, those words occur
uniformly like any other. Since the teacher draws uniformly, the exact distribution of every letter
it says is known, and a game carries it beside the word that was drawn (`teacher_probs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wordle_rl.envs.feedback import Patterns, pattern_matrix, pattern_text
from wordle_rl.envs.wordle import compact_opening
from wordle_rl.envs.words import load_words, split_of
from wordle_rl.errors import ConfigError
from wordle_rl.training.symbols import Codes, Probabilities, encode_answers, next_symbols

FEW = 5
"""Words left, at most, where an endgame begins."""
LONGEST_OPENING = 4
"""Guesses of an endgame that are shown, at most."""

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Demonstration:
    """One game to imitate: answers, the observation after each, and which answers are trained."""

    secret: str
    opening: str
    """The first observation."""
    actions: tuple[str, ...]
    observations: tuple[str, ...]
    """`observations[t]` follows `actions[t]`."""
    trained: tuple[bool, ...]
    teacher_probs: tuple[Probabilities, ...] = field(default=(), compare=False)
    """For each answer and its end [n, A], how likely the teacher was to say each symbol there
    (`symbols`); empty where that is not known."""


class Start(NamedTuple):
    """How N games begin; words are indices into `WordleTeacher.words`."""

    secrets: Indices
    """[N]"""
    opening: Indices
    """[N, LONGEST_OPENING]"""
    shown: Indices
    """[N] how many guesses of the opening are played."""


@dataclass(frozen=True, kw_only=True)
class WordleTeacher:
    """Plays uniformly random consistent guesses on training secrets.

    Attributes:
        length: letters in a word.
        max_guesses: guesses a game.
        wide_share: share of games whose pool and secrets are every legal word.
        outside_share: share of games with the answers as pool and a secret that is none of them.
        scattered_share: share of games that open with random legal words (not trained).
        endgame_share: share of games, of every kind of secret, that begin with few words left;
            the others are ordinary or scattered.

    Raises:
        ConfigError: `wide_share` and `outside_share` are more than 1 together.
    """

    length: int = 5
    max_guesses: int = 6
    wide_share: float = 0.15
    outside_share: float = 0.5
    scattered_share: float = 0.5
    endgame_share: float = 0.0

    def __post_init__(self) -> None:
        if self.wide_share + self.outside_share > 1:
            raise ConfigError(
                f"wide_share {self.wide_share:g} and outside_share {self.outside_share:g} are "
                "shares of the same games: together they can be 1 at most"
            )

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Every legal word; the answers are among them."""
        return load_words("guesses", self.length)

    @cached_property
    def secrets(self) -> dict[str, Indices]:
        """Indices into `words` of the secrets of each kind: never a validation or test word."""
        answers = set(load_words("answers", self.length))
        held_out = {w for w in answers if split_of(w) != "train"}
        wide = [i for i, w in enumerate(self.words) if w not in held_out]
        return {
            "wide": np.array(wide),
            "answers": np.array([i for i in wide if self.words[i] in answers]),
            "outside": np.array([i for i in wide if self.words[i] not in answers]),
        }

    @cached_property
    def _pools(self) -> dict[str, Indices]:
        answers = set(load_words("answers", self.length))
        inside = np.array([i for i, w in enumerate(self.words) if w in answers])
        return {"wide": np.arange(len(self.words)), "answers": inside, "outside": inside}

    @cached_property
    def _patterns(self) -> Patterns:
        """Feedback of every legal word against every legal word: 126 MB for five letters."""
        return pattern_matrix(self.words, self.words)

    @cached_property
    def _codes(self) -> Codes:
        return encode_answers(self.words)

    def demonstrations(self, rng: np.random.Generator, count: int) -> list[Demonstration]:
        """`count` games; the same generator state gives the same games."""
        outside = self.outside_share if len(self.secrets["outside"]) else 0.0
        rest = max(0.0, 1 - self.wide_share - outside)
        kinds = {"wide": self.wide_share, "outside": outside, "answers": rest}
        counts = rng.multinomial(count, list(kinds.values()))
        return [
            game
            for kind, games in zip(kinds, counts, strict=True)
            if games
            for game in self._games(rng, int(games), kind)
        ]

    def _games(self, rng: np.random.Generator, count: int, kind: str) -> list[Demonstration]:
        late = round(self.endgame_share * count)
        games = self._play(rng, self._scattered(rng, count - late, kind), kind)
        return [*games, *(self._play(rng, self._endgames(rng, late, kind), kind) if late else ())]

    def _scattered(self, rng: np.random.Generator, count: int, kind: str) -> Start:
        """A share of the games open with random words."""
        secrets = rng.choice(self.secrets[kind], count)
        shown = np.where(rng.random(count) < self.scattered_share, rng.integers(1, 4, count), 0)
        opening = rng.integers(0, len(self.words), (count, LONGEST_OPENING))
        return Start(secrets, opening, shown)

    def _endgames(self, rng: np.random.Generator, count: int, kind: str) -> Start:
        """Openings after which one to `FEW` words of the pool are left.

        Every guess of an opening is one that fits or any legal word, by the toss of a coin. Games
        are drawn and those that are not so far, or too far, thrown away.
        """
        columns, found = self._pools[kind], 0
        kept: list[Start] = []
        while found < count:
            drawn = 4 * count + 16
            secrets = rng.choice(self.secrets[kind], drawn)
            shown = rng.integers(1, LONGEST_OPENING + 1, drawn)
            fits = np.ones((drawn, len(columns)), dtype=bool)
            opening = np.empty((drawn, LONGEST_OPENING), dtype=np.int64)
            for turn in range(LONGEST_OPENING):
                fitting = columns[_random_true(rng, fits)]
                anything = rng.integers(0, len(self.words), drawn)
                opening[:, turn] = np.where(rng.random(drawn) < 0.5, fitting, anything)
                more = np.flatnonzero(turn < shown)
                fits[more] &= self._agreeing(opening[more, turn], secrets[more], columns)
            left = fits.sum(axis=1)
            solved = (opening == secrets[:, None]) & (np.arange(LONGEST_OPENING) < shown[:, None])
            good = np.flatnonzero((left >= 1) & (left <= FEW) & ~solved.any(axis=1))
            kept.append(Start(secrets[good], opening[good], shown[good]))
            found += len(good)
        return Start(*(np.concatenate(part)[:count] for part in zip(*kept, strict=True)))

    def _agreeing(self, guesses: Indices, secrets: Indices, columns: Indices) -> Mask:
        """Which words of the pool fit the feedback of a guess in each game, [N, W]."""
        seen = self._patterns[guesses, secrets]
        agrees: Mask = self._patterns[guesses[:, None], columns[None, :]] == seen[:, None]
        return agrees

    def _play(self, rng: np.random.Generator, start: Start, kind: str) -> list[Demonstration]:
        """Games that go on after what is shown of their openings."""
        secrets, opening, shown = start
        columns, count = self._pools[kind], len(secrets)
        fits = np.ones((count, len(columns)), dtype=bool)
        guesses = np.empty((count, self.max_guesses), dtype=np.int64)
        probs: list[Probabilities] = []  # of each turn, [count, letters + 1, A]
        lengths = np.zeros(count, dtype=np.int64)
        for turn in range(self.max_guesses):
            lengths += fits.any(axis=1)
            guesses[:, turn] = columns[_random_true(rng, fits)]
            if turn < LONGEST_OPENING:
                guesses[:, turn] = np.where(turn < shown, opening[:, turn], guesses[:, turn])
            said = self._codes[guesses[:, turn]]
            probs.append(next_symbols(fits.astype(np.float32), said, self._codes[columns]))
            fits &= self._agreeing(guesses[:, turn], secrets, columns)
        return [
            self._demonstration(g[: int(n)], int(s), int(k), [turn[i] for turn in probs])
            for i, (g, n, s, k) in enumerate(zip(guesses, lengths, secrets, shown, strict=True))
        ]

    def _demonstration(
        self, guesses: Indices, secret: int, shown: int, probs: Sequence[Probabilities]
    ) -> Demonstration:
        won = np.flatnonzero(guesses == secret)
        used = guesses[: int(won[0]) + 1] if len(won) else guesses
        marks = [pattern_text(int(self._patterns[g, secret]), self.length) for g in used]
        return Demonstration(
            secret=self.words[secret],
            opening=compact_opening(self.length, self.max_guesses),
            actions=tuple(self.words[g] for g in used),
            observations=tuple(marks),
            trained=tuple(t >= shown for t in range(len(used))),
            teacher_probs=tuple(probs[: len(used)]),
        )


def _random_true(rng: np.random.Generator, mask: Mask) -> Indices:
    """For each row the column of a uniformly random true entry (0 where a row has none)."""
    counts = mask.sum(axis=1, dtype=np.int32)
    wanted = (rng.random(len(mask)) * counts).astype(np.int32) + 1
    reached = np.cumsum(mask, axis=1, dtype=np.int32) >= wanted[:, None]
    return np.asarray(reached.argmax(axis=1), dtype=np.int64)
