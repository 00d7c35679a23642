"""`GuessingGame`: one secret, guesses at it, an answer to each. What such games share.

Wordle, number guessing, Mastermind and Hangman differ in what a guess is, how it is answered and
how the answer is worded. Counting turns, refusing, ending, paying and telling is the same and here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from math import log2
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, get_args

from wordle_rl.envs.arguments import check_choice, check_flag
from wordle_rl.envs.base import History, Played, Style, TextEnv
from wordle_rl.envs.rewards import Outcome, binary, needs_counts, resolve_reward
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
    """`ok` for a legal guess, else why it is refused."""
    guess: str = ""
    """The guess that was understood, refused or not; else empty."""
    complaint: str = ""
    """What exactly it broke, where the status alone does not say it."""


class Answer(NamedTuple):
    """What the secret answers to a legal guess."""

    feedback: str
    """Never empty, but for what was refused."""
    solved: bool
    credit: float
    """How near the guess came: from 0 to `_credit_of_win`, which a solving guess has."""
    fits: bool
    """Whether the guess went against no feedback before it."""
    cost: int = 1
    """Guesses, or lives, that it uses up."""
    end: EndReason = ""
    """Why the game is over after it, for a reason that is the game's own."""


REFUSED = Answer("", False, 0.0, False)
AT_START: Mapping[str, Any] = {
    "turn": 0,
    "guess": "",
    "status": "start",
    "feedback": "",
    "solved": False,
    "reward_parts": {},
    "end_reason": "",
    "consistent": False,
}
"""What info says of a game that has just begun."""
new = tuple.__new__
"""Makes an event in half the time that its own constructor takes."""


class Standing(NamedTuple):
    """Where a game stood before an action, as far as a reward may ask."""

    refusals: int
    misfits: int
    best: float
    spare: float
    candidates: int


NOWHERE = Standing(0, 0, 0.0, 0.0, 0)


AnyRules = TypeVar("AnyRules", bound=Limits)


class GuessingGame(TextEnv, Generic[AnyRules]):
    """The turns of a game; a subclass has its rules.

    A subclass sets `_voice` (the style that was asked for), ends its constructor with
    `self._clear("")`, and implements `_draw_secret`, `_check_secret`, `_read`, `_answer`,
    `_for_people` and `public`. What it knows beyond the events it replaces in `_answer`; nothing is
    changed in place, so a shallow copy of a running game is a fork of it.

    A step is made hundreds of thousands of times a second, and a call of Python's is a thirtieth of
    it: so a game answers in two, `_read` and `_answer`, and has fewer than 30 attributes, which
    CPython 3.11 finds faster than more (`benchmarks/envs.py`).
    """

    OUT: ClassVar[EndReason] = "out_of_guesses"
    """How a game ends that has used everything up."""

    _voice: Voice

    def __init__(
        self,
        *,
        rules: AnyRules,
        reward: str,
        style: Style,
        history: History,
        track_candidates: bool,
        render_mode: str | None,
    ) -> None:
        """Resolve the names. Raises ConfigError for what is not allowed."""
        super().__init__(render_mode=render_mode)
        check_flag("track_candidates", track_candidates)
        check_choice("style", style, get_args(Style))
        check_choice("history", history, get_args(History))
        self._rules: AnyRules = rules
        self._history: History = history
        self._scheme = resolve_reward(reward)
        self._track_candidates = track_candidates
        self._counting = track_candidates or needs_counts(self._scheme)

    # --- what a game defines

    @abstractmethod
    def _draw_secret(self) -> str:
        """A secret of the split, by `self._draw` or from `self.np_random`."""

    @abstractmethod
    def _check_secret(self, secret: Any) -> str:
        """A secret that was asked for, in its usual form; raises ConfigError where it is none."""

    @abstractmethod
    def _read(self, action: str) -> Reading:
        """Read any text; total. Whether a guess is a repeat is not its business."""

    @abstractmethod
    def _answer(self, guess: str) -> Answer:
        """Answer a legal guess, and take the answer in."""

    @abstractmethod
    def _for_people(self) -> Voice:
        """The voice in which people see the game."""

    def _candidates(self) -> int:
        """How many secrets fit all feedback, at least 1. Asked for where `_counting` is set."""
        return 1

    def _belief(self) -> Hashable:
        """Equal where the same secrets are possible. Asked for where `_counting` is set."""
        return self._events

    def _prospects(self, guess: str) -> Prospects:
        """What a legal guess can bring. Asked for where `_counting` is set."""
        return NOTHING_KNOWN

    def _tell_more(self, info: dict[str, Any]) -> None:
        """Add what the game's info holds beyond what every game's does."""

    # --- the turns

    def _clear(self, secret: str) -> None:
        self._secret = secret
        self._events: tuple[Event, ...] = ()
        self._answered: tuple[str, ...] = ()
        self._turn = self._refusals = self._misfits = self._spent = 0
        self._best = 0.0
        self._end_reason: EndReason = ""

    def _start(self, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        for key in options:
            check_choice("reset option", key, ["secret"])
        self._clear(self._check_secret(options["secret"]) if options else self._draw_secret())
        info: dict[str, Any] = {**AT_START, "reward_parts": {}}
        self._tell_more(info)
        if self._track_candidates:
            self._tell_candidates(info, NOTHING_KNOWN)
        return self._voice.opening(), info

    def _move(self, action: str) -> tuple[str, float, bool, dict[str, Any]]:
        status, guess, complaint = self._read(action)
        is_plain = self._scheme is binary  # the default; it needs nothing of what others are told
        before = NOWHERE if is_plain else self._standing()
        answer, ahead = REFUSED, NOTHING_KNOWN
        if status == "ok":
            if self._track_candidates:
                ahead = self._prospects(guess)
            answer = self._answer(guess)
        told, solved, _, fits, _, _ = answer
        if told and not fits and guess in self._answered:  # one that fits was never played
            status = "repeat"
        event = self._record(status, guess, complaint, answer)
        if is_plain:
            reward = 1.0 if solved else 0.0
            parts = {"win": reward}
        else:
            parts = dict(self._scheme(self._outcome(before, event, answer)))
            reward = float(sum(parts.values()))
        said = self._voice.line(event) if self._history == "last" else self._board_so_far()
        end = self._end_reason
        info: dict[str, Any] = {
            "turn": self._turn,
            "guess": guess,
            "status": status,
            "feedback": told,
            "solved": solved,
            "reward_parts": parts,
            "end_reason": end,
            "consistent": fits,
        }
        self._tell_more(info)
        if self._track_candidates:
            self._tell_candidates(info, ahead)
        if end:
            info["secret"] = self._secret
            said += self._voice.ending(end, self._turn, self._secret)
        return said, reward, end != "", info

    def _record(self, status: str, guess: str, complaint: str, answer: Answer) -> Event:
        """Count an action, and see whether the game is over."""
        told, solved, credit, fits, cost, end = answer
        rules = self._rules
        if told:
            self._answered += (guess,)
            if credit > self._best:
                self._best = credit
        else:
            self._refusals += 1
        if told or rules.invalid_policy == "consume":
            self._turn += 1
            self._spent += cost
        if not fits:
            self._misfits += 1
        left = rules.max_guesses - self._spent
        if solved:
            end = "solved"
        elif not told and self._is_last_refusal():
            end = "invalid"
        elif left <= 0:
            end = self.OUT
        self._end_reason = end
        event = new(Event, (self._turn, self._refusals, status, guess, told, complaint, left))
        self._events += (event,)
        return event

    def _standing(self) -> Standing:
        counted = self._candidates() if self._counting else 0
        last = self._rules.max_guesses - 1
        spare = (last - self._spent) / max(1, last)
        return Standing(self._refusals, self._misfits, self._best, spare, counted)

    def _outcome(self, before: Standing, event: Event, answer: Answer) -> Outcome:
        """What an action did that is on record."""
        return Outcome(
            secret=self._secret,
            guess=event.guess,
            status=event.status,
            feedback=event.feedback,
            refusals=before.refusals,
            turn=self._turn,
            spare=before.spare,
            solved=answer.solved,
            ended=self._end_reason != "",
            credit=answer.credit,
            best_credit=before.best,
            full_credit=self._credit_of_win(),
            naive_credit=self._naive_credit(event.guess, answer),
            fits=answer.fits,
            misfits=before.misfits,
            candidates_before=before.candidates,
            candidates_after=self._candidates() if self._counting else 0,
        )

    def _credit_of_win(self) -> float:
        """What solving counts for."""
        return 1.0

    def _naive_credit(self, guess: str, answer: Answer) -> float:
        """What `partial_credit_naive` pays, on every turn."""
        return answer.credit

    def _is_last_refusal(self) -> bool:
        """Whether the refusal that was just counted ends the game."""
        rules = self._rules
        if rules.invalid_policy == "free":
            return self._refusals >= rules.max_invalid
        return rules.invalid_policy == "terminate"

    # --- what is said

    def _board_so_far(self) -> str:
        voice = self._voice
        return "\n".join([voice.opening(), *map(voice.line, self._events)])

    def _resumed(self, played: Sequence[Played]) -> str:
        """With full history the newest observation shows the whole board already."""
        return self._observation if self._history == "full" else super()._resumed(played)

    def _ending(self, voice: Voice) -> str:
        if not self._end_reason:
            return ""
        return voice.ending(self._end_reason, self._turn, self._secret)

    def _tell_candidates(self, info: dict[str, Any], ahead: Prospects) -> None:
        info["candidates_left"] = self._candidates()
        info["belief"] = self._belief()
        info["expected_bits"] = ahead.bits
        info["guaranteed_bits"] = ahead.guaranteed_bits
        info["win_chance"] = ahead.win_chance

    def _picture(self, *, whole: bool, colour: bool) -> str:
        """The game in plain English: all of it, or its newest line."""
        voice = self._for_people()
        lines = [voice.opening(), *map(voice.line, self._events)]
        return "\n".join(lines if whole else lines[-1:]) + self._ending(voice)
