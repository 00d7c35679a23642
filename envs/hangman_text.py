"""What a game of Hangman says, in both styles."""

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
    spaced,
)

REFUSAL_CODES = {"no_guess": "?none", "bad_chars": "?chars", "bad_length": "?length"}
"""The statuses of refused actions, and how the compact style says them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Limits):
    """What a player is told before the game; `max_guesses` are the lives."""

    max_repeats: int


class CompactVoice:
    """The word as far as it is known and the lives left, for small models."""

    def __init__(self, rules: Rules, history: History, hidden: str) -> None:
        self._rules = rules
        self._names_guess = history == "full"
        self._hidden = hidden

    def opening(self) -> str:
        """`hangman _____ x6`."""
        return f"hangman {self._hidden} x{self._rules.max_guesses}"

    def line(self, event: Event) -> str:
        """`____e 6`, with full history `e ____e 6`; `?none 5` for a refusal."""
        if not event.feedback:
            return f"{REFUSAL_CODES[event.status]} {event.left}"
        guess = f"{event.guess} " if self._names_guess else ""
        return f"{guess}{event.feedback} {event.left}"

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A space and the secret of a lost game."""
        return compact_ending(reason == "solved", secret)


class ChatVoice:
    """Plain English, for instruction-tuned models and people."""

    def __init__(self, rules: Rules, history: History, hidden: str) -> None:
        self._rules = rules
        self._hidden = hidden

    def opening(self) -> str:
        """The rules and how to answer."""
        rules = self._rules
        lines = [
            f"You are playing Hangman. Find the secret word of {len(self._hidden)} letters: "
            f"{spaced(self._hidden)}",
            "Guess one letter or the whole word. "
            f"A wrong guess costs one of your {rules.max_guesses} lives.",
            "A guess that was made before costs nothing, "
            f"but repeat {rules.max_repeats} ends the game.",
            self._refusal_rule(),
            "Answer with one letter or one word in square brackets, for example [e].",
        ]
        return "\n".join(lines)

    def line(self, event: Event) -> str:
        """`E is in the word: _ _ _ _ E. Lives: 6/6.`, or why the action was refused."""
        lives = f"Lives: {event.left}/{self._rules.max_guesses}."
        if not event.feedback:
            return f"{self._refused(event)} {self._why(event.status)} {lives}"
        return f"{_verdict(event)}: {spaced(event.feedback)}. {lives}"

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A line of its own that says how the game ended."""
        return f"\n{chat_ending(reason, turn, secret)}"

    def _refusal_rule(self) -> str:
        rules = {
            "consume": "A guess that is refused costs a life.",
            "free": f"A guess that is refused costs nothing, but refusal {self._rules.max_invalid} "
            "ends the game.",
            "terminate": "A guess that is refused ends the game.",
        }
        return rules[self._rules.invalid_policy]

    def _refused(self, event: Event) -> str:
        if self._rules.invalid_policy == "free":
            return f"Refusal {event.refusals}/{self._rules.max_invalid}."
        return "Refused."

    def _why(self, status: str) -> str:
        reasons = {
            "no_guess": "Write one letter or one word in square brackets, for example [e].",
            "bad_chars": "A guess is made of the letters a to z, for example [e].",
            "bad_length": f"A guess is one letter or a word of {len(self._hidden)} letters.",
        }
        return reasons[status]


def _verdict(event: Event) -> str:
    """What the newest legal guess has shown."""
    guess = event.guess.upper()
    if event.status == "repeat":
        return f"{guess} was guessed before"
    if len(guess) > 1:
        return f"{guess} is {'' if event.guess == event.feedback else 'not '}the word"
    return f"{guess} is {'' if event.guess in event.feedback else 'not '}in the word"


VOICES: dict[Style, Callable[[Rules, History, str], Voice]] = {
    "chat": ChatVoice,
    "compact": CompactVoice,
}
