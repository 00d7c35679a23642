"""Help with somebody else's Wordle: which words still fit, and what to guess next.

In: the rows of a board, guesses with their colours. Out: the words left and the best next guesses,
each with what it is worth. Only the words left are compared, so an answer takes a fraction of a
second. The newspaper's secret need not be on our list of answers: where no answer fits, the legal
words that do are the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wordle_rl.agents.beam import LOSS, BeamSearch, Position
from wordle_rl.agents.solver import Planner, Words, by_entropy
from wordle_rl.agents.word_tree import packaged_tree
from wordle_rl.envs.feedback import consistent
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.lexicon import Lexicon
from wordle_rl.errors import ConfigError

Row = tuple[str, str]
"""A guess and its feedback of G, Y and X."""
MAX_GUESSES = 6
MOST_CELLS = 8_000_000
"""Guesses times words left that are compared at most: half a second of work."""
MOST_SEARCHED = 200
"""Up to so many words left, games are followed to their end."""
SEARCH_WIDTH = 4
MARKS = str.maketrans("gyxb.-_\U0001f7e9\U0001f7e8\u2b1b\u2b1c", "GYXXXXXGYXX")
"""Other ways to write colours: small letters, B, and the squares that people share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A guess and what it is worth."""

    word: str
    fits: bool
    """Whether it can be the secret."""
    bits: float
    """Expected information of its answer."""
    expected_left: float
    """Words still possible after its answer, on average; none once it is right."""
    guesses: float | None
    """Guesses to the end, this one included, on average over the words left, as far as a narrow
    search sees; None where there are too many words left to search, or where a word may be lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What can be said of a board."""

    left: tuple[str, ...]
    """The answers that fit; where there are none, the legal words that do."""
    on_list: bool
    """Whether `left` are answers."""
    others: int
    """Legal words that fit beside `left`: possible, but no answers of this list."""
    suggestions: tuple[Suggestion, ...]
    """The best first."""


def read_row(text: str) -> Row:
    """A row as people write it: `crane:XXYGX`, `crane XXYGX`, or with coloured squares.

    Raises:
        ConfigError: it is not a word and as many colours.

    >>> read_row("CRANE:xxygb")
    ('crane', 'XXYGX')
    """
    word, _, colours = text.strip().replace(":", " ", 1).partition(" ")
    word = word.lower()
    marks = "".join(colours.split()).replace("\\ufe0f", "").replace("B", "X").translate(MARKS)
    if not (word.isascii() and word.isalpha()) or set(marks) - set("GYX") or not marks:
        raise ConfigError(
            f"row {text!r} is not a guess with its colours: write crane:XXYGX, "
            "G for green, Y for yellow, X for gray"
        )
    if len(word) != len(marks):
        raise ConfigError(
            f"row {text!r} has {len(word)} letters but {len(marks)} colours: one for each letter"
        )
    return word, marks


def advise(lexicon: Lexicon, rows: Sequence[Row], *, hard_mode: bool = False, n: int = 5) -> Advice:
    """The words that fit a board and the `n` best next guesses.

    Args:
        lexicon: the lists.
        rows: the board so far; a guess need not be on a list.
        hard_mode: suggest only what hard mode allows.
        n: how many guesses.

    Raises:
        ConfigError: no word fits the board, or the board cannot be one of this game.
    """
    _check_rows(lexicon, rows, hard_mode=hard_mode)
    left = _fitting(lexicon.all_answers, rows)
    legal = left if not rows else _fitting(lexicon.guesses, rows)
    if not legal:
        raise ConfigError(_contradiction(lexicon, rows))
    candidates = left or legal
    return Advice(
        left=candidates,
        on_list=bool(left),
        others=(len(legal) if rows else len(lexicon.guesses)) - len(candidates),
        suggestions=_suggestions(lexicon, candidates, rows, hard_mode=hard_mode, n=n),
    )


def _check_rows(lexicon: Lexicon, rows: Sequence[Row], *, hard_mode: bool) -> None:
    length = len(lexicon.guesses[0])
    if len(rows) >= MAX_GUESSES:
        raise ConfigError(f"{len(rows)} rows leave no guess: a game has {MAX_GUESSES}")
    for number, (guess, marks) in enumerate(rows):
        shown = f"row '{guess}:{marks}'"
        if len(guess) != length:
            raise ConfigError(f"{shown} has {len(guess)} letters, the words of the lists {length}")
        if hard_mode and (complaint := hard_mode_violation(rows[:number], guess)):
            raise ConfigError(f"{shown} breaks hard mode, {complaint}: leave out --hard")


def _fitting(words: Sequence[str], rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(word for word in words if consistent(word, rows))


def _contradiction(lexicon: Lexicon, rows: Sequence[Row]) -> str:
    """Which row leaves no word."""
    for number, (guess, marks) in enumerate(rows, start=1):
        if not _fitting(lexicon.guesses, rows[:number]):
            before = " and the rows before it" if number > 1 else ""
            return f"row '{guess}:{marks}': no legal word fits it{before}: check the colours"
    raise AssertionError("a word fits every row")


def _suggestions(
    lexicon: Lexicon, left: tuple[str, ...], rows: Sequence[Row], *, hard_mode: bool, n: int
) -> tuple[Suggestion, ...]:
    planned = _planned(lexicon, rows, hard_mode=hard_mode)
    guesses = lexicon.guesses
    if len(guesses) * len(left) > MOST_CELLS:  # the words that can be the secret are enough then
        guesses = tuple(sorted({*left, *planned}))
    planner = Planner(guesses, left)
    allowed = planner.hard_mode_guesses(rows) if hard_mode else None
    position = Position(planner.everything(), allowed, MAX_GUESSES - len(rows))
    search = BeamSearch(planner, width=SEARCH_WIDTH, hard_mode=hard_mode)
    words = [*planned, *(w for w in search.shortlist(position, n) if w not in planned)][:n]
    if len(left) <= 2:  # any other guess is one too many
        words = list(left[:n])
    worths = [_worth(planner, search, position, word) for word in words]
    return tuple(sorted(worths, key=lambda worth: worth.guesses or MAX_GUESSES + 1))


def _planned(lexicon: Lexicon, rows: Sequence[Row], *, hard_mode: bool) -> tuple[str, ...]:
    """What the tree of these lists plays, where there is one and the board is on it."""
    tree = packaged_tree(lexicon.all_answers, lexicon.guesses, hard_mode=hard_mode)
    guess = tree and tree.next_guess(rows)
    return (guess,) if guess else ()


def _worth(planner: Planner, search: BeamSearch, position: Position, word: str) -> Suggestion:
    row: Words = np.array([planner.row_of[word]])
    counts = planner.counts(row, position.candidates)
    n, fits = len(position.candidates), word in planner.answers
    cost = search.cost(position, word) if n <= MOST_SEARCHED else LOSS
    return Suggestion(
        word=word,
        fits=fits,
        bits=float(by_entropy(counts)[0]),
        expected_left=float((counts**2).sum() - fits) / n,
        guesses=cost / n if cost < LOSS else None,
    )
