"""Number guessing as a Gymnasium environment: higher, lower, found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import log2
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from wordle_rl.envs.arguments import check_choice, check_range
from wordle_rl.envs.base import History, Style
from wordle_rl.envs.guess_number_text import VOICES, ChatVoice, Rules
from wordle_rl.envs.guessing import Answer, GuessingGame, Prospects, Reading
from wordle_rl.envs.parsing import Readings, find_answer, readings_by
from wordle_rl.envs.turns import InvalidPolicy
from wordle_rl.envs.words import Split, split_of
from wordle_rl.errors import ConfigError

Status = Literal["start", "ok", "repeat", "no_guess", "bad_chars", "out_of_range"]
Hint = Literal[">", "<", "="]

LARGEST = 10**9
"""Numbers of a game lie between minus this and this."""
MAX_DIGITS = 18
"""A guess of more digits is out of every range; `int` itself refuses thousands of them."""


class Interval(NamedTuple):
    """The numbers that are still possible, both ends included."""

    low: int
    high: int

    def holds(self, number: int) -> bool:
        """Whether a number is still possible."""
        return self.low <= number <= self.high

    @property
    def size(self) -> int:
        """How many numbers are possible."""
        return self.high - self.low + 1

    def narrow(self, guess: int, hint: str) -> Interval:
        """What is left after the hint to a guess.

        >>> Interval(1, 100).narrow(50, ">"), Interval(1, 30).narrow(50, "<")
        (Interval(low=51, high=100), Interval(low=1, high=30))
        """
        return Interval(*narrowed(*self, guess, hint))


def narrowed(low: int, high: int, guess: int, hint: str) -> tuple[int, int]:
    """`Interval.narrow` on its two ends."""
    if hint == "=":
        return guess, guess
    if hint == ">":
        return (low if guess < low else guess + 1), high
    return low, (high if guess > high else guess - 1)


@lru_cache(maxsize=16_384)
def answered(hint: Hint, left: int, size: int, fits: bool) -> Answer:
    """The answer that leaves so many of `size` numbers possible."""
    is_found = hint == "="
    credit = 1.0 if is_found else 1.0 - log2(left + 1) / log2(size + 1)
    return Answer(hint, is_found, credit, fits)


class GuessNumberEnv(GuessingGame[Rules]):
    """Find a secret number by being told higher or lower.

    ## Description
    A whole number from `lo` to `hi` is drawn; the player guesses. Every guess is answered with `>`
    (the secret is higher), `<` (it is lower) or `=` (found). With the default number of guesses
    halving the interval always wins: n numbers take at most floor(log2 n) + 1 guesses.

    ## Action Space
    `Text`: anything. The guess is the last `[50]` outside of `<think>` (or what `parsing` says in
    its place), or a bare number: digits 0 to 9, leading zeros allowed, a sign (+, -, or the
    typographical minus) before them. No fractions, exponents, separators or other digits. No
    string raises.

    ## Observation Space
    `Text` in printable ASCII. `style="chat"` is plain English, for example
    `Guess 2/7: 50 is too low.`; `style="compact"` is one mark, `>`, or `?range` for a refused
    action. With `history="last"` an observation is the answer to the last action, with `"full"` it
    is the opening and the answers to all actions of the game.

    ## Rewards
    `reward` names a scheme of `rewards.REWARDS`, or a user's own as `package.module:name`. The
    credit of a guess that leaves m of n numbers is 1 - log2(m + 1) / log2(n + 1), and 1 when found.

    ## Starting State
    A number drawn uniformly from those of the split, or any number from `lo` to `hi` by
    `reset(options={"secret": number})`. The split of a number is `split_of("guess-number:50")`.

    ## Episode End
    Terminated when the number is found, when the guesses are used up, or by a refused action where
    `invalid_policy` says so. Never truncated.

    ## Info
    * `turn`: guesses used.
    * `guess`: the number that was understood, refused or not, in digits; else empty.
    * `status`: `start`, `ok`, `repeat` (legal, seen before in this game); a refused action has
      `no_guess`, `bad_chars` (not a whole number) or `out_of_range`.
    * `feedback`: `>`, `<` or `=`; empty where there is none.
    * `solved`: whether the number was found.
    * `reward_parts`: what the action earned, by name.
    * `end_reason`: empty while the game runs, then `solved`, `out_of_guesses` or `invalid`.
    * `consistent`: whether the guess was legal and fitted all hints before it.
    * `credit`: that of the best guess so far.
    * `candidates_left`: with `track_candidates`: how many numbers are still possible.
    * `belief`: with `track_candidates`: which ones, as an interval.
    * `expected_bits`, `guaranteed_bits`, `win_chance`: with `track_candidates`: what a hint to the
      guess was to tell on average and at least, and how likely it was to be the number.
    * `secret`: after the end, in digits.

    ## Arguments
    * `lo`, `hi`: the range, both ends included, within a billion of zero.
    * `max_guesses`: 1 to 100; by default floor(log2 n) + 1 for n numbers.
    * `split`: "train", "val", "test" or "all": which of the numbers are drawn.
    * `invalid_policy`: a refused action uses a guess up ("consume"), costs none ("free", until the
      game ends at number `max_invalid`), or ends the game ("terminate").
    * `max_invalid`: 1 to 100; read by "free" alone.
    * `reward`, `style`, `history`: as above.
    * `track_candidates`: tell in info how many numbers are left.
    * `render_mode`: "ansi" returns the game as text, "human" prints what is new.

    ## Version History
    * v0: first version. Since November 2026 a seed draws another number than it did.
    """

    DRAW_VERSION = 2

    def __init__(
        self,
        *,
        lo: int = 1,
        hi: int = 100,
        max_guesses: int | None = None,
        split: Split = "all",
        invalid_policy: InvalidPolicy = "consume",
        max_invalid: int = 10,
        reward: str = "binary",
        style: Style = "chat",
        history: History = "last",
        track_candidates: bool = False,
        render_mode: str | None = None,
    ) -> None:
        """Check the arguments. Raises ConfigError for what is not allowed."""
        check_range("lo", lo, -LARGEST, LARGEST)
        check_range("hi", hi, -LARGEST, LARGEST)
        if lo > hi:
            raise ConfigError(f"lo {lo} is above hi {hi}: there is no number between them")
        self._size = hi - lo + 1
        self._rules = Rules(
            lo=lo,
            hi=hi,
            max_guesses=self._size.bit_length() if max_guesses is None else max_guesses,
            invalid_policy=invalid_policy,
            max_invalid=max_invalid,
        )
        super().__init__(
            rules=self._rules,
            reward=reward,
            style=style,
            history=history,
            track_candidates=track_candidates,
            render_mode=render_mode,
        )
        self._voice = VOICES[style](self._rules, history)
        self._readings: Readings[Reading] = readings_by(read_action, self._everything)
        self._split: Split = _check_split(split, self._everything)
        self._clear("")

    @property
    def _everything(self) -> Interval:
        return Interval(self._rules.lo, self._rules.hi)

    @property
    def answers(self) -> tuple[str, ...]:
        """The numbers of the split in digits, ascending: what secrets are drawn from."""
        return tuple(map(str, _numbers(self._everything, self._split)))

    def public(self) -> Mapping[str, Any]:
        """The rules: `lo`, `hi` and `max_guesses`."""
        return {
            "game": "guess-number",
            "lo": self._rules.lo,
            "hi": self._rules.hi,
            "max_guesses": self._rules.max_guesses,
        }

    def _clear(self, secret: str) -> None:
        super()._clear(secret)
        self._number = int(secret or 0)
        self._low, self._high = self._rules.lo, self._rules.hi  # of the numbers still possible

    def _draw_secret(self) -> str:
        """Draw until a number is of the split: uniform, and no list of a billion is needed."""
        while True:
            number = self._rules.lo + self._draw(self._size)
            if _is_in(number, self._split):
                return str(number)

    def _check_secret(self, secret: Any) -> str:
        is_number = isinstance(secret, int | str | np.integer) and not isinstance(secret, bool)
        number = read_number(str(secret).strip()) if is_number else None
        if number is None:
            raise ConfigError(f"secret {secret!r} is not a whole number")
        if not self._everything.holds(number):
            raise ConfigError(
                f"secret {secret!r} is out of range: choose {self._rules.lo} to {self._rules.hi}"
            )
        return str(number)

    def _read(self, action: str) -> Reading:
        return self._readings[action]

    def _answer(self, guess: str) -> Answer:
        number, low, high = int(guess), self._low, self._high
        fits = low <= number <= high
        hint: Hint = "="
        if number < self._number:
            hint = ">"
            if fits:
                self._low = low = number + 1
        elif number > self._number:
            hint = "<"
            if fits:
                self._high = high = number - 1
        else:
            self._low = self._high = number
        return answered(hint, high - low + 1, self._size, fits)

    def _for_people(self) -> ChatVoice:
        return ChatVoice(self._rules)

    def _candidates(self) -> int:
        return self._high - self._low + 1

    def _belief(self) -> Interval:
        return Interval(self._low, self._high)

    def _prospects(self, guess: str) -> Prospects:
        number, possible = int(guess), self._belief()
        if not possible.holds(number):
            return Prospects((possible.size,), 0)
        return Prospects((number - possible.low, 1, possible.high - number), 1)

    def _tell_more(self, info: dict[str, Any]) -> None:
        info["credit"] = self._best


def read_action(action: str, everything: Interval) -> Reading:
    """What an action means in a game of these numbers, whether or not it was played before.

    >>> read_action("[007]", Interval(1, 9)).guess, read_action("12", Interval(1, 9)).status
    ('7', 'out_of_range')
    """
    content = find_answer(action, _is_number)
    if content is None:
        return Reading("no_guess")
    number = read_number(content)
    if number is None:
        return Reading("out_of_range" if _is_number(content) else "bad_chars")
    return Reading("ok" if everything.holds(number) else "out_of_range", str(number))


def read_number(text: str) -> int | None:
    r"""The whole number that a text is; None where it is none, or has more than `MAX_DIGITS`.

    >>> read_number("007"), read_number("-5"), read_number("\u22125"), read_number("5.5")
    (7, -5, -5, None)
    """
    digits = _unsigned(text)
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) > MAX_DIGITS and len(digits := digits.lstrip("0")) > MAX_DIGITS:
        return None
    return -int(digits or "0") if text[0] in MINUS else int(digits or "0")


MINUS = "-\u2212"


def _unsigned(text: str) -> str:
    return text[1:] if text[:1] and text[0] in "+" + MINUS else text


def _is_number(text: str) -> bool:
    digits = _unsigned(text)
    return digits.isascii() and digits.isdigit()


def _is_in(number: int, split: Split) -> bool:
    return split == "all" or split_of(f"guess-number:{number}") == split


def _numbers(interval: Interval, split: Split) -> Iterator[int]:
    return (n for n in range(interval.low, interval.high + 1) if _is_in(n, split))


def _check_split(split: Split, interval: Interval) -> Split:
    check_choice("split", split, get_args(Split))
    if next(_numbers(interval, split), None) is None:
        raise ConfigError(
            f"no numbers in split {split!r} of {interval.low} to {interval.high}: "
            "use split='all' or a wider range"
        )
    return split
