"""What a game of number guessing says, in both styles."""

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
)

REFUSAL_CODES = {"no_guess": "?none", "bad_chars": "?chars", "out_of_range": "?range"}
"""The statuses of refused actions, and how the compact style says them."""
HINTS = {">": "is too low", "<": "is too high", "=": "is right"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Limits):
    """What a player is told before the game."""

    lo: int
    hi: int

    @property
    def example(self) -> int:
        """A number to show how a guess is written; the same in every game of an environment."""
        return self.lo + (self.hi - self.lo) // 3


class CompactVoice:
    """One mark a guess, for small models."""

    def __init__(self, rules: Rules, history: History) -> None:
        self._rules = rules
        self._names_guess = history == "full"

    def opening(self) -> str:
        """`number 1..100 x7`."""
        rules = self._rules
        return f"number {rules.lo}..{rules.hi} x{rules.max_guesses}"

    def line(self, event: Event) -> str:
        """`>`, with full history `50 >`; `?range` for a refusal."""
        if not event.feedback:
            return REFUSAL_CODES[event.status]
        return f"{event.guess} {event.feedback}" if self._names_guess else event.feedback

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A space and the secret of a lost game."""
        return compact_ending(reason == "solved", secret)


class ChatVoice:
    """Plain English, for instruction-tuned models and people."""

    def __init__(self, rules: Rules, history: History = "last") -> None:
        self._rules, self._of_all = rules, f"/{rules.max_guesses}:"
        lines = [
            f"Find the secret whole number from {rules.lo} to {rules.hi} "
            f"in at most {rules.max_guesses} guesses.",
            "After every guess you are told whether it is too low, too high or right.",
            refusal_rule(rules),
            f"Answer with one number in square brackets, for example [{rules.example}].",
        ]
        self._opening = "\n".join(lines)

    def opening(self) -> str:
        """The rules and how to answer."""
        return self._opening

    def line(self, event: Event) -> str:
        """`Guess 2/7: 50 is too low.`, or why the action was refused."""
        turn, _, status, guess, feedback, _, _ = event
        if not feedback:
            return f"{refused(self._rules, event)} {self._why(status)}"
        return f"Guess {turn}{self._of_all} {guess} {HINTS[feedback]}."

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A line of its own that says how the game ended."""
        return f"\n{chat_ending(reason, turn, secret, 'number')}"

    def _why(self, status: str) -> str:
        rules = self._rules
        reasons = {
            "no_guess": f"Write one number in square brackets, for example [{rules.example}].",
            "bad_chars": f"A guess is one whole number in digits, for example [{rules.example}].",
            "out_of_range": f"A guess is a number from {rules.lo} to {rules.hi}.",
        }
        return reasons[status]


VOICES: dict[Style, Callable[[Rules, History], Voice]] = {
    "chat": ChatVoice,
    "compact": CompactVoice,
}
