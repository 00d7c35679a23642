"""The turns of a guessing game: what limits them, what happened in one, and how a game speaks.

A `Voice` is a style of observation. It turns the start of a game, each `Event` and the end into
text; the game puts the pieces together. The sentences that all games say alike are here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, Protocol, get_args

from wordle_rl.envs.arguments import check_choice, check_range

InvalidPolicy = Literal["consume", "free", "terminate"]
"""A refused action uses a guess up, costs nothing, or ends the game."""
EndReason = Literal["", "solved", "out_of_guesses", "out_of_lives", "repeats", "invalid"]

MAX_TURNS = 100
"""Most guesses and most free refusals of a game, so that a full board fits in an observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a game goes on. Raises ConfigError for what is not allowed."""

    max_guesses: int
    """Guesses that may be used up; in Hangman these are lives."""
    invalid_policy: InvalidPolicy
    max_invalid: int
    """Where refused actions are free: the one that ends the game."""

    def __post_init__(self) -> None:
        check_range("max_guesses", self.max_guesses, 1, MAX_TURNS)
        check_range("max_invalid", self.max_invalid, 1, MAX_TURNS)
        check_choice("invalid_policy", self.invalid_policy, get_args(InvalidPolicy))


class Event(NamedTuple):
    """One action of a game and what the game made of it."""

    turn: int
    refusals: int
    status: str
    guess: str
    feedback: str
    complaint: str = ""
    """What exactly a refused guess broke, where the status alone does not say it."""
    left: int = 0
    """Guesses, or lives, that are left after it."""


class Voice(Protocol):
    """A style of observation."""

    def opening(self) -> str:
        """The first observation."""
        ...

    def line(self, event: Event) -> str:
        """The answer to an action."""
        ...

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """What is added to the last line of a game."""
        ...


# --- what every game says alike


@lru_cache(maxsize=4096)
def spaced(word: str) -> str:
    """Letters that any tokenizer sees one by one.

    >>> spaced("crane")
    'C R A N E'
    """
    return " ".join(word.upper())


def refusal_rule(limits: Limits) -> str:
    """What a refused guess costs, in plain English."""
    rules = {
        "consume": "A guess that is refused counts as a guess.",
        "free": f"A guess that is refused does not count, but refusal {limits.max_invalid}"
        " ends the game.",
        "terminate": "A guess that is refused ends the game.",
    }
    return rules[limits.invalid_policy]


def refused(limits: Limits, event: Event) -> str:
    """That a guess was refused, and what it cost; why, is the game's own to say."""
    prefixes = {
        "consume": f"Guess {event.turn}/{limits.max_guesses} was refused.",
        "free": f"Refusal {event.refusals}/{limits.max_invalid}.",
        "terminate": "Refused.",
    }
    return prefixes[limits.invalid_policy]


LOST_BECAUSE: dict[EndReason, str] = {
    "out_of_guesses": "Out of guesses.",
    "out_of_lives": "Out of lives.",
    "repeats": "Too many repeated guesses.",
    "invalid": "A refused guess ended the game.",
}


def chat_ending(reason: EndReason, turn: int, secret: str, kind: str = "word") -> str:
    """The sentence a game ends with; `kind` is what the secret is.

    >>> chat_ending("solved", 3, "crane"), chat_ending("out_of_guesses", 6, "crane")
    ('Solved in 3.', 'Out of guesses. The word was CRANE.')
    """
    if reason == "solved":
        return f"Solved in {turn}."
    return f"{LOST_BECAUSE[reason]} The {kind} was {secret.upper()}."


def compact_ending(solved: bool, secret: str) -> str:
    """What is added to the last compact line: the secret of a lost game.

    >>> compact_ending(False, "crate"), compact_ending(True, "crate")
    (' crate', '')
    """
    return "" if solved else f" {secret}"
