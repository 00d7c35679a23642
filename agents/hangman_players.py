"""Hangman's baselines.

    random              any letter that was not tried
    random-consistent   a letter of a word that fits all that is known, drawn with equal chance
    solver              a beam search for the letters that lose the fewest games

Where one word is left, the last two name it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase
from typing import Any

import numpy as np

from wordle_rl.agents.base import Opening, View
from wordle_rl.agents.game_players import Begin, GamePlayers, NextMove
from wordle_rl.envs.hangman_words import HIDDEN, WordIndex, Words, fill_in, index_of


@dataclass(slots=True)
class Board:
    """What a baseline knows of one running game."""

    index: WordIndex
    search: LetterSearch
    rng: np.random.Generator
    pattern: str = ""
    lives: int = 0
    tried: tuple[str, ...] = ()
    """Letters and words."""

    def read(self, info: Mapping[str, Any]) -> None:
        """Take in what the last guess has shown."""
        self.pattern, self.lives = info["pattern"], info["lives"]
        if info["feedback"]:
            self.tried += (info["guess"],)

    def words(self) -> Words:
        """The words that fit."""
        missed = [guess for guess in self.tried if len(guess) == 1 and guess not in self.pattern]
        fitting = self.index.fitting(self.pattern, missed)
        return tuple(word for word in fitting if word not in self.tried)


Strategy = Callable[[Board], str]
"""Board -> the next letter or word."""


def play_random(board: Board) -> str:
    """Any letter that was not tried."""
    return _pick([letter for letter in ascii_lowercase if letter not in board.tried], board.rng)


def play_random_consistent(board: Board) -> str:
    """A hidden letter of a word that fits; the word where it is the only one."""
    words = board.words()
    if len(words) < 2:
        return words[0] if words else play_random(board)
    word = _pick(words, board.rng)
    return _pick([w for w, p in zip(word, board.pattern, strict=True) if p == HIDDEN], board.rng)


def play_solver(board: Board) -> str:
    """The letter that the search finds; the word where it is the only one."""
    words = board.words()
    if len(words) < 2:
        return words[0] if words else play_random(board)
    return board.search.best_letter(words, board.pattern, board.lives)


class LetterSearch:
    """The letter that wins the most games, each position worked out once.

    The `width` letters that occur in the most words are tried, and each is followed to the end of
    every game in the same way. A set of more than `most_words` words goes on with its most frequent
    letter, the greedy choice. A letter that all words have is free, so it is played at once.
    """

    def __init__(self, *, width: int = 4, most_words: int = 200) -> None:
        self._width = width
        self._most_words = most_words
        self._known: dict[tuple[str, int, Words], tuple[int, str]] = {}
        self._rankings: dict[tuple[str, Words], list[str]] = {}

    def best_letter(self, words: Words, pattern: str, lives: int) -> str:
        """The letter to play, for at least two words behind `pattern`."""
        letters = self._ranked(words, pattern)
        return letters[0] if len(letters) == 1 else self._solve(words, pattern, lives)[1]

    def _ranked(self, words: Words, pattern: str) -> list[str]:
        """The letters worth a try, those of the most words first."""
        key = (pattern, words)
        if key not in self._rankings:
            self._rankings[key] = self._rank(words, pattern)
        return self._rankings[key]

    def _rank(self, words: Words, pattern: str) -> list[str]:
        in_words = Counter(letter for word in words for letter in set(word).difference(pattern))
        ranked = sorted(in_words, key=lambda letter: (-in_words[letter], letter))
        is_free, is_large = in_words[ranked[0]] == len(words), len(words) > self._most_words
        return ranked[: 1 if is_free or is_large else self._width]

    def _solve(self, words: Words, pattern: str, lives: int) -> tuple[int, str]:
        """How many of `words` are won with so many lives, and by which letter first."""
        if len(words) == 1:
            return 1, ""
        key = (pattern, lives, words)
        if key not in self._known:
            letters = self._ranked(words, pattern)
            wins = [sum(self._wins(words, pattern, lives, letter)) for letter in letters]
            best = max(range(len(letters)), key=wins.__getitem__)
            self._known[key] = wins[best], letters[best]
        return self._known[key]

    def _wins(self, words: Words, pattern: str, lives: int, letter: str) -> Iterator[int]:
        """The games that are won after a letter, for each pattern that it can lead to."""
        groups: dict[str, list[str]] = defaultdict(list)
        for word in words:
            groups[fill_in(pattern, word, letter)].append(word)
        for shown, group in groups.items():
            left = lives - (shown == pattern)
            yield self._solve(tuple(group), shown, left)[0] if left else 0


def _pick(choices: Words | list[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def _player(strategy: Strategy) -> Begin:
    def begin(opening: Opening) -> NextMove:
        index = index_of(tuple(opening.public["answers"]))
        board = Board(index, _search(), np.random.default_rng(opening.seed))

        def move(view: View) -> str:
            board.read(view.info)
            return strategy(board)

        return move

    return begin


@lru_cache(maxsize=1)
def _search() -> LetterSearch:
    return LetterSearch()


HANGMAN_PLAYERS = GamePlayers(
    players={
        "random": _player(play_random),
        "random-consistent": _player(play_random_consistent),
        "solver": _player(play_solver),
    },
    is_legal=lambda public, guess: len(guess) == 1 and guess in ascii_lowercase,
)
