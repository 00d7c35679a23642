"""What a game of Wordle says: observations in both styles, and rows for people to look at.

Pure functions and a `Voice` for each style. The compact style is what the built-in model is
pretrained on, so its wording is fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wordle_rl.envs.base import History, Style
from wordle_rl.envs.turns import (
    EndReason,
    Event,
    Limits,
    Voice,
    chat_ending,
    compact_ending,
    refusal_rule,
    refused,
    spaced,
)

REFUSAL_CODES = {
    "no_guess": "?none",
    "bad_chars": "?chars",
    "bad_length": "?length",
    "unknown_word": "?word",
    "hard_mode": "?hard",
}
"""The statuses of refused actions, and how the compact style says them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Limits):
    """What a player is told before the game."""

    word_length: int
    hard_mode: bool
    answers: int
    """How many words can be the secret."""
    guesses: int
    """How many words can be played."""
    example: str
    """A word to show how a guess is written; the same in every game of an environment."""


# --- compact


def compact_opening(word_length: int, max_guesses: int, hard_mode: bool = False) -> str:
    """The first observation of a game.

    >>> compact_opening(5, 6), compact_opening(5, 6, True)
    ('wordle 5x6', 'wordle 5x6 hard')
    """
    return f"wordle {word_length}x{max_guesses}{' hard' if hard_mode else ''}"


def compact_row(feedback: str, guess: str = "") -> str:
    """The answer to a legal guess: its feedback, after the guess itself where the board is shown.

    >>> compact_row("XYGXX"), compact_row("XYGXX", "crane")
    ('XYGXX', 'crane XYGXX')
    """
    return f"{guess} {feedback}" if guess else feedback


def compact_refusal(status: str) -> str:
    """The answer to a refused action.

    >>> compact_refusal("unknown_word")
    '?word'
    """
    return REFUSAL_CODES[status]


class CompactVoice:
    """One short line an action, for small models."""

    def __init__(self, rules: Rules, history: History) -> None:
        self._rules = rules
        self._names_guess = history == "full"

    def opening(self) -> str:
        """`wordle 5x6`."""
        rules = self._rules
        return compact_opening(rules.word_length, rules.max_guesses, rules.hard_mode)

    def line(self, event: Event) -> str:
        """`XYGXX`, with full history `crane XYGXX`; `?word` for a refusal."""
        if not event.feedback:
            return compact_refusal(event.status)
        return compact_row(event.feedback, event.guess if self._names_guess else "")

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A space and the secret of a lost game."""
        return compact_ending(reason == "solved", secret)


# --- chat


def chat_row(event: Event, max_guesses: int) -> str:
    """The answer to a legal guess.

    >>> chat_row(Event(2, 0, "ok", "crane", "XYGXX", ""), 6)
    'Guess 2/6: C R A N E -> X Y G X X'
    """
    row = f"{spaced(event.guess)} -> {spaced(event.feedback)}"
    return f"Guess {event.turn}/{max_guesses}: {row}"


class ChatVoice:
    """Plain English, for instruction-tuned models and people."""

    def __init__(self, rules: Rules, history: History = "last") -> None:
        self._rules = rules
        lines = [
            f"You are playing Wordle. Find the secret {rules.word_length}-letter word "
            f"in at most {rules.max_guesses} guesses.",
            f"The secret is one of {rules.answers} words; {rules.guesses} words may be guessed.",
            "Every letter of a guess is marked: G = right letter, right place; Y = the letter is "
            "elsewhere in the word; X = the word has no (further) such letter.",
            *([HARD_RULE] if rules.hard_mode else []),
            refusal_rule(rules),
            f"Answer with one word in square brackets, for example [{rules.example}].",
        ]
        self._opening = "\n".join(lines)

    def opening(self) -> str:
        """The rules and how to answer."""
        return self._opening

    def line(self, event: Event) -> str:
        """The scored row, or why the action was refused."""
        if event.feedback:
            return chat_row(event, self._rules.max_guesses)
        return f"{refused(self._rules, event)} {self._why(event)}"

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A line of its own that says how the game ended."""
        return f"\n{chat_ending(reason, turn, secret)}"

    def _why(self, event: Event) -> str:
        example = f"for example [{self._rules.example}]"
        reasons = {
            "no_guess": f"No guess was found: write one word in square brackets, {example}.",
            "bad_chars": f"A guess is one word of the letters a to z, {example}.",
            "bad_length": f"A guess has exactly {self._rules.word_length} letters, {example}.",
            "unknown_word": f"{event.guess.upper()} is not in the word list.",
            "hard_mode": f"Hard mode: {event.complaint}.",
        }
        return reasons[event.status]


HARD_RULE = (
    "Hard mode: a G letter stays in its place, and every letter marked G or Y must be used again."
)
VOICES: dict[Style, Callable[[Rules, History], Voice]] = {
    "chat": ChatVoice,
    "compact": CompactVoice,
}


# --- rows for people

COLOURS = {"G": "\x1b[1;30;42m", "Y": "\x1b[1;30;43m", "X": "\x1b[1;37;100m"}
RESET = "\x1b[0m"


def coloured_row(guess: str, feedback: str) -> str:
    """A guess as coloured tiles for a terminal."""
    tiles = (f"{COLOURS[m]} {g} {RESET}" for g, m in zip(guess.upper(), feedback, strict=True))
    return "".join(tiles)


def plain_row(guess: str, feedback: str) -> str:
    """A guess and its marks without colour.

    >>> plain_row("crane", "XYGXX")
    'C R A N E  X Y G X X'
    """
    return f"{spaced(guess)}  {spaced(feedback)}"
