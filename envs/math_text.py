"""What the math game says, in both styles. A voice speaks about one question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from wordle_rl.envs.base import History, Style
from wordle_rl.envs.turns import EndReason, Event, Limits, Voice, compact_ending, refused

AnswerForm = Literal["number", "text"]
"""What answers are: numbers, or (some sets of reasoning-gym) any text."""

COMPACT_MARK = "math "
"""How a compact question begins."""
CHAT_MARK = "Problem: "
"""How the line of a question in plain English begins."""
REFUSAL_CODES = {
    "no_answer": "?none",
    "bad_number": "?number",
    "bad_fraction": "?fraction",
    "bad_length": "?length",
    "bad_text": "?text",
}
"""The statuses of refused actions, and how the compact style says them."""
VERDICTS = {"=": "is right", "x": "is wrong", ">": "is too low", "<": "is too high"}
"""Feedback, and how the chat style says it."""
HOW: dict[AnswerForm, str] = {
    "number": "Write the answer as a number in square brackets, for example [42] or [-3/4].",
    "text": "Write the final answer, and nothing else, between <answer> and </answer>.",
}


class Words(Protocol):
    """A question as both styles put it."""

    @property
    def question(self) -> str:
        """Plain English."""
        ...

    @property
    def compact(self) -> str:
        """Short."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules(Limits):
    """What a player is told before the game."""

    hints: bool
    form: AnswerForm


class CompactVoice:
    """The bare question and one mark an answer, for small models."""

    def __init__(self, rules: Rules, history: History, words: Words) -> None:
        self._words = words
        self._names_guess = history == "full"

    def opening(self) -> str:
        """`math 12+7*3`."""
        return f"{COMPACT_MARK}{self._words.compact}"

    def line(self, event: Event) -> str:
        """`x`, with full history `41 x`; `?number` for a refusal."""
        if not event.feedback:
            return REFUSAL_CODES[event.status]
        return f"{event.guess} {event.feedback}" if self._names_guess else event.feedback

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A space and the answer of a lost game."""
        return compact_ending(reason == "solved", secret)


class ChatVoice:
    """Plain English, for instruction-tuned models and people."""

    def __init__(self, rules: Rules, history: History, words: Words) -> None:
        self._rules = rules
        self._words = words

    def opening(self) -> str:
        """What to do, and the question."""
        lines = [
            "Solve the problem.",
            *self._attempts(),
            HOW[self._rules.form],
            f"{CHAT_MARK}{self._words.question}",
        ]
        return "\n".join(lines)

    def line(self, event: Event) -> str:
        """`Answer 1/3: 41 is wrong.`, or why the action was refused."""
        rules = self._rules
        if not event.feedback:
            return f"{refused(rules, event)} {self._why(event.status)}"
        verdict = VERDICTS[event.feedback]
        return f"Answer {event.turn}/{rules.max_guesses}: {event.guess} {verdict}."

    def ending(self, reason: EndReason, turn: int, secret: str) -> str:
        """A line of its own with the answer of a lost game."""
        return "" if reason == "solved" else f"\nThe answer was {secret}."

    def _attempts(self) -> list[str]:
        rules = self._rules
        if rules.max_guesses == 1:
            return []
        told = "After a wrong answer you are told whether it is too low or too high."
        count = f"You have {rules.max_guesses} attempts; one that cannot be read counts too."
        return [count, *([told] if rules.hints else [])]

    def _why(self, status: str) -> str:
        how = HOW[self._rules.form]
        reasons = {
            "no_answer": f"No answer was found. {how}",
            "bad_number": f"The answer is not one number. {how}",
            "bad_fraction": "Nothing can be divided by zero.",
            "bad_length": "The answer is too long.",
            "bad_text": "The answer cannot be compared: write it without functions and powers.",
        }
        return reasons[status]


VOICES: dict[Style, Callable[[Rules, History, Words], Voice]] = {
    "chat": ChatVoice,
    "compact": CompactVoice,
}
