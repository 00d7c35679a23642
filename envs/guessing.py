"""`GuessingGame`: one secret, guesses at it, an answer to each. What such games share.

Wordle, number guessing, Mastermind and Hangman differ in what a guess is, how it is answered and
how the answer is worded. Counting turns, refusing, ending, paying and telling is the same and here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from math import log2
from typing import Any, ClassVar, NamedTuple, get_args

from wordle_rl.envs.arguments import check_choice
from wordle_rl.envs.base import History, Played, Style, TextEnv
from wordle_rl.envs.rewards import Outcome, binary, needs_counts, resolve_reward
from wordle_rl.envs.statuses import LEGAL
from wordle_rl.envs.turns import EndReason, Event, Limits, Voice


class Prospects(NamedTuple):
    """What a guess can bring, before it is answered."""

    answers: Sequence[int]
    """Of the secrets possible, how many would give each answer."""
    wins: int
    """For how many of them the game would be won."""

    @property
    def bits(self) -> float:
        """What the answer tells on average over the secrets possible: its entropy."""
        total = sum(self.answers)
        return sum(n * log2(total / n) for n in self.answers if n) / total if total else 0.0

    @property
    def guaranteed_bits(self) -> float:
        """What the answer tells in the worst case: that of the most likely one."""
        return log2(sum(self.answers) / max(self.answers)) if any(self.answers) else 0.0

    @property
    def win_chance(self) -> float:
        """The share of the secrets possible for which the game would be won."""
        total = sum(self.answers)
        return self.wins / total if total else 0.0


NOTHING_KNOWN = Prospects((), 0)


class Reading(NamedTuple):
    """What was understood of an action."""

    status: str
    """`ok` or `repeat` for a legal guess, else why it is refused."""
    guess: str = ""
    """The guess that was understood, refused or not; else empty."""
    complaint: str = ""
    """What exactly it broke, where the status alone does not say it."""


class Answer(NamedTuple):
    """What the secret answers to a legal guess."""

    feedback: str
    """Never empty."""
    solved: bool
    credit: float
    """How near the guess came: from 0 to `_full_credit`, which a solving guess has."""
    cost: int = 1
    """Guesses, or lives, that it uses up."""


REFUSED = Answer("", False, 0.0)


class GuessingGame(TextEnv):
    """The turns of a game; a subclass has its rules.

    A subclass sets `_voice` (the style that was asked for) and `_chat` (for people), ends its
    constructor with `self._clear("")`, and implements `_draw_secret`, `_check_secret`, `_read`,
    `_score`, `_fits` and `public`. What it knows beyond the events it replaces in `_learn`; nothing
    is changed in place, so a shallow copy of a running game is a fork of it.
    """

    OUT: ClassVar[EndReason] = "out_of_guesses"
    """How a game ends that has used everything up."""

    _voice: Voice
    _chat: Voice

    def __init__(
        self,
        *,
        limits: Limits,
        reward: str,
        style: Style,
        history: History,
        track_candidates: bool,
        render_mode: str | None,
    ) -> None:
        """Resolve the names. Raises ConfigError for what is not allowed."""
        super().__init__(render_mode=render_mode)
        check_choice("style", style, get_args(Style))
        check_choice("history", history, get_args(History))
        self._limits = limits
        self._history: History = history
        self._scheme = resolve_reward(reward)
        self._track_candidates = track_candidates
        self._counting = track_candidates or needs_counts(self._scheme)
        self._full_credit = 1.0
        last = limits.max_guesses - 1
        self._spare = tuple((last - spent) / max(1, last) for spent in range(last + 1))

    # --- what a game defines

    @abstractmethod
    def _draw_secret(self) -> str:
        """A secret of the split, from `self.np_random`."""

    @abstractmethod
    def _check_secret(self, secret: Any) -> str:
        """A secret that was asked for, in its usual form; raises ConfigError where it is none."""

    @abstractmethod
    def _read(self, action: str) -> Reading:
        """Read any text; total."""

    @abstractmethod
    def _score(self, guess: str) -> Answer:
        """The answer to a legal guess. Changes nothing."""

    @abstractmethod
    def _fits(self, guess: str) -> bool:
        """Whether a legal guess fits all feedback so far."""

    def _learn(self, guess: str, answer: Answer) -> None:
        """Take the answer to a legal guess in."""

    def _candidates(self) -> int:
        """How many secrets fit all feedback, at least 1. Asked for where `_counting` is set."""
        return 1

    def _belief(self) -> Hashable:
        """Equal where the same secrets are possible. Asked for where `_counting` is set."""
        return self._events

    def _prospects(self, guess: str) -> Prospects:
        """What a legal guess can bring. Asked for where `_counting` is set."""
        return NOTHING_KNOWN

    def _other_end(self) -> EndReason:
        """An end that is the game's own."""
        return ""

    def _tell_more(self, info: dict[str, Any]) -> None:
        """Add what the game's info holds beyond what every game's does."""

    # --- the turns

    def _clear(self, secret: str) -> None:
        self._secret = secret
        self._events: tuple[Event, ...] = ()
        self._answered: tuple[str, ...] = ()
        self._turn = self._refusals = self._misfits = self._spent = 0
        self._best = 0.0
        self._ahead = NOTHING_KNOWN
        self._end_reason: EndReason = ""

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for key in options:
            check_choice("reset option", key, ["secret"])
        self._clear(self._check_secret(options["secret"]) if options else self._draw_secret())
        return self._voice.opening(), self._info(Event(0, 0, "start", "", ""), False, {})

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        reading = self._read(action)
        status, guess, _ = reading
        fits, answer, self._ahead = False, REFUSED, NOTHING_KNOWN
        if status in LEGAL:
            fits, answer = self._fits(guess), self._score(guess)
            if self._track_candidates:
                self._ahead = self._prospects(guess)
        if self._scheme is binary:  # the default; it needs nothing of what the others are told
            self._record(reading, answer)
            parts = {"win": float(answer.solved)}
        else:
            parts = self._scheme(self._play(reading, answer, fits))
        self._misfits += not fits
        info = self._info(self._events[-1], fits, parts)
        return self._observe(), float(sum(parts.values())), self._end_reason != "", info

    def _play(self, reading: Reading, answer: Answer, fits: bool) -> Outcome:
        """Put an action on record and say what it did."""
        counted = self._candidates() if self._counting else 0
        best, refusals, spent = self._best, self._refusals, self._spent
        self._record(reading, answer)
        return Outcome(
            self._secret,
            reading.guess,
            reading.status,
            answer.feedback,
            refusals,
            self._turn,
            self._spare[spent],
            answer.solved,
            self._end_reason != "",
            answer.credit,
            best,
            self._full_credit,
            self._naive_credit(reading.guess, answer),
            fits,
            self._misfits,
            counted,
            self._candidates() if self._counting else 0,
        )

    def _naive_credit(self, guess: str, answer: Answer) -> float:
        """What `partial_credit_naive` pays, on every turn."""
        return answer.credit

    def _record(self, reading: Reading, answer: Answer) -> None:
        """Count an action, and see whether the game is over."""
        status, guess, complaint = reading
        told, solved, credit, cost = answer
        limits, legal = self._limits, status in LEGAL
        if legal:
            self._learn(guess, answer)
            self._answered += (guess,)
            if credit > self._best:
                self._best = credit
        else:
            self._refusals += 1
        if legal or limits.invalid_policy == "consume":
            self._turn += 1
            self._spent += cost
        left = limits.max_guesses - self._spent
        event = Event(self._turn, self._refusals, status, guess, told, complaint, left)
        self._events += (event,)
        self._end_reason = self._judge_end(legal, solved, left)

    def _judge_end(self, legal: bool, solved: bool, left: int) -> EndReason:
        if solved:
            return "solved"
        if not legal and self._is_last_refusal():
            return "invalid"
        return self.OUT if left <= 0 else self._other_end()

    def _is_last_refusal(self) -> bool:
        """Whether the refusal that was just counted ends the game."""
        limits = self._limits
        if limits.invalid_policy == "free":
            return self._refusals >= limits.max_invalid
        return limits.invalid_policy == "terminate"

    def _was_played(self, guess: str) -> bool:
        """Whether a guess was legal and answered before in this game."""
        return guess in self._answered

    # --- what is said

    def _observe(self) -> str:
        voice, events = self._voice, self._events
        if self._history == "full":
            said = "\n".join([voice.opening(), *map(voice.line, events)])
        else:
            said = voice.line(events[-1])
        return said + self._ending(voice) if self._end_reason else said

    def _resumed(self, played: Sequence[Played]) -> str:
        """With full history the newest observation shows the whole board already."""
        return self._observation if self._history == "full" else super()._resumed(played)

    def _ending(self, voice: Voice) -> str:
        if not self._end_reason:
            return ""
        return voice.ending(self._end_reason, self._turn, self._secret)

    def _info(self, event: Event, fits: bool, parts: Mapping[str, float]) -> dict[str, Any]:
        turn, _, status, guess, feedback, _, _ = event
        info: dict[str, Any] = {
            "turn": turn,
            "guess": guess,
            "status": status,
            "feedback": feedback,
            "solved": self._end_reason == "solved",
            "reward_parts": dict(parts),
            "end_reason": self._end_reason,
            "consistent": fits,
        }
        self._tell_more(info)
        if self._track_candidates:
            info["candidates_left"] = self._candidates()
            info["belief"] = self._belief()
            info["expected_bits"] = self._ahead.bits
            info["guaranteed_bits"] = self._ahead.guaranteed_bits
            info["win_chance"] = self._ahead.win_chance
        if self._end_reason:
            info["secret"] = self._secret
        return info

    def _picture(self, *, whole: bool, colour: bool) -> str:
        """The game in plain English: all of it, or its newest line."""
        lines = [self._chat.opening(), *map(self._chat.line, self._events)]
        return "\n".join(lines if whole else lines[-1:]) + self._ending(self._chat)
