"""What a game of Mastermind says, in both styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from wordle_rl.envs.base import History, Style
from wordle_rl.envs.pegs import ALPHABET
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
    "unknown_colour": "?colour",
    "same_colour": "?same",
}
"""The statuses of refused actions, and how the compact style says them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Limits):
    """What a player is told before the game."""

    length: int
    colours: int
    duplicates: bool

    @property
    def letters(self) -> str:
        """The colours, a letter each."""
        return ALPHABET[: self.colours]

    @property
    def example(self) -> str:
        """A code to show how a guess is written; the same in every game of an environment."""
        return "".join(self.letters[i % self.colours] for i in range(self.length)).upper()


class CompactVoice:
    """The pegs alone, for small models."""

    def __init__(self, rules: Rules, history: History) -> None:
        self._rules = rules
        self._names_guess = history == "full"

    def opening(self) -> str:
        """`mastermind 4 abcdef x10`; with ` distinct` after it where no colour occurs twice."""
        rules = self._rules
        distinct = "" if rules.duplicates else " distinct"
        return f"mastermind {rules.length} {rules.letters} x{rules.max_guesses}{distinct}"

    def line(self, event: Event) -> str:
        """`BBW-`, with full history `abcd BBW-`; `?length` for a refusal."""
        if not event.feedback:
            return REFUSAL_CODES[event.status]
        return f"{event.guess} {event.feedback}" if self._names_guess else event.feedback

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A space and the secret of a lost game."""
        return compact_ending(reason == "solved", secret)


@cache
def _counted(pegs: str) -> str:
    return f"{pegs.count('B')} black, {pegs.count('W')} white"


class ChatVoice:
    """Plain English, for instruction-tuned models and people."""

    def __init__(self, rules: Rules, history: History = "last") -> None:
        self._rules = rules
        twice = "may occur more than once" if rules.duplicates else "occurs at most once"
        lines = [
            f"You are playing Mastermind. Find the secret code of {rules.length} colours "
            f"in at most {rules.max_guesses} guesses.",
            f"The colours are {', '.join(rules.letters.upper())}; a colour {twice}.",
            "After every guess you are told how many places have the right colour (black) and how "
            "many further colours of it the code has in other places (white).",
            refusal_rule(rules),
            f"Answer with one code in square brackets, for example [{rules.example}].",
        ]
        self._opening = "\n".join(lines)

    def opening(self) -> str:
        """The rules and how to answer."""
        return self._opening

    def line(self, event: Event) -> str:
        """`Guess 2/10: A A B C -> 1 black, 2 white`, or why the action was refused."""
        if not event.feedback:
            return f"{refused(self._rules, event)} {self._why(event.status)}"
        row = f"{spaced(event.guess)} -> {_counted(event.feedback)}"
        return f"Guess {event.turn}/{self._rules.max_guesses}: {row}"

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A line of its own that says how the game ended."""
        return f"\n{chat_ending(reason, turn, secret, 'code')}"

    def _why(self, status: str) -> str:
        rules = self._rules
        reasons = {
            "no_guess": f"Write one code in square brackets, for example [{rules.example}].",
            "bad_chars": f"A guess is a row of letters, for example [{rules.example}].",
            "bad_length": f"A guess has exactly {rules.length} colours.",
            "unknown_colour": f"The colours are {rules.letters[0].upper()} to "
            f"{rules.letters[-1].upper()}.",
            "same_colour": "A colour occurs at most once.",
        }
        return reasons[status]


VOICES: dict[Style, Callable[[Rules, History], Voice]] = {
    "chat": ChatVoice,
    "compact": CompactVoice,
}
