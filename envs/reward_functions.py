"""Reward functions for any game: small named functions of one turn that are weighted and summed.

    [env.rewards]
    correct = 1.0
    format = 0.1
    "my_rewards:polite" = 0.05
    length = { weight = -0.1, free_chars = 50, max_chars = 400 }

A function maps a `TurnOutcome`, all that one turn made known, to a number; `composed_rewards` pays
the sum of weight x function. One that is marked `averaged` judges how an answer is put. Its total
over a game is the mean over the answers that the game allows, and those that were not needed count
as faultless: 1, or 0 under a negative weight. Summed instead, 0.1 for good form would pay 0.6 for
six guesses and 0.1 for one; averaged over the answers given, a repeat would water down a fault. In
both a slow win could beat a quick one.

**A loss never outscores a win** as long as the weight of `correct` is above the sum of the absolute
weights of `format`, `answers`, `length` and `clean`, of which each is worth 0 to 1 a game.
`partial_credit` keeps that order by itself unless its weight is negative (a win has all of it), so
does `information_gain` with gamma = 1 and without `max_bits` (every ended game has the same), and
so does `game` with a scheme that does. What a user's own function does to it is the user's to know.
`scale_warning` counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import inf, log2
from pathlib import Path
from typing import Any, TypeVar

from wordle_rl.envs.statuses import has_answer, has_form
from wordle_rl.errors import ConfigError

MARKS = frozenset("GYX")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnOutcome:
    """One turn of any game: all that a reward may depend on."""

    action: str
    """The whole answer, as it was given."""
    observation: str
    """What was answered."""
    next_observation: str
    """What the game said to it."""
    info: Mapping[str, Any]
    """The game's info about this action: status, guess, feedback, solved, ..."""
    earlier: Sequence[Mapping[str, Any]]
    """The infos before it: the opening's, then one of each earlier action."""
    game_reward: float
    """What the game itself paid."""
    game_parts: Mapping[str, float]
    """The named parts of that."""
    turn: int
    """Actions of the game, this one included."""
    ended: bool

    @property
    def solved(self) -> bool:
        """Whether the game says that it is won."""
        return bool(self.info.get("solved", False))

    @property
    def status(self) -> str:
        """What the game made of the action; `ok` where it does not say."""
        return str(self.info.get("status", "ok"))


RewardFunction = Callable[[TurnOutcome], float]
"""What one turn is worth. Its keyword parameters, if it has any, can be set in a table."""
Marked = TypeVar("Marked", bound=Callable[..., float])


def averaged(function: Marked) -> Marked:
    """Mark a function, worth 0 to 1, whose total is the mean over the answers a game allows."""
    setattr(function, "_averaged", True)  # noqa: B010 - a plain attribute is unknown to mypy
    return function


def reads(*keys: str) -> Callable[[Marked], Marked]:
    """Mark a function that needs these keys in the game's info; a game without them is refused."""

    def mark(function: Marked) -> Marked:
        setattr(function, "_reads", keys)  # noqa: B010
        return function

    return mark


def is_averaged(function: Callable[..., float]) -> bool:
    """Whether a function was marked with `averaged`."""
    return bool(getattr(function, "_averaged", False))


def keys_read(function: Callable[..., float]) -> tuple[str, ...]:
    """The info keys a function was marked to need."""
    return tuple(getattr(function, "_reads", ()))


def correct(outcome: TurnOutcome) -> float:
    """1 at a win, once."""
    return float(outcome.solved and not outcome.earlier[-1].get("solved", False))


def game(outcome: TurnOutcome) -> float:
    """The game's own reward, of the scheme that `env.reward` names."""
    return outcome.game_reward


@reads("feedback")
def partial_credit(outcome: TurnOutcome) -> float:
    """How close the game's best action came, 0 to 1; an improvement is paid once, when it happens.

    A game may say it itself, as `info["credit"]` from 0 to 1: number guessing, Mastermind, Hangman
    and math do. Else `info["feedback"]` says it where it is made of G, Y and X, as Wordle's is: a
    green counts 1 and a yellow 1/2, divided by the number of marks. Any other feedback is worth
    nothing. Stalling pays nothing.
    """
    best = max(_credit(info) for info in outcome.earlier)
    return max(best, _credit(outcome.info)) - best


@averaged
def answers(outcome: TurnOutcome) -> float:
    """1 where the game found an answer in the text, good or bad (`statuses.has_answer`)."""
    return float(bool(outcome.action.strip()) and has_answer(outcome.status))


@averaged
def format_(outcome: TurnOutcome) -> float:
    """1 where the answer had the asked form (`statuses.has_form`).

    An answer of good form that the rules refuse, such as a word that is not in the list, counts.
    """
    return float(has_form(outcome.status))


@averaged
def length(outcome: TurnOutcome, *, free_chars: int = 100, max_chars: int = 1000) -> float:
    """How long an answer is: 0 up to `free_chars`, 1 from `max_chars`, and smooth in between.

    The ramp is x * x * (3 - 2 * x), flat at both ends. A negative weight makes it a penalty. Soft
    overlong punishment (DAPO, Yu et al. 2025, arXiv 2503.14476) is the same idea in tokens, with a
    straight ramp.

    Raises:
        ConfigError: `free_chars` is negative or not below `max_chars`.
    """
    if not 0 <= free_chars < max_chars:
        raise ConfigError(
            f"free_chars {free_chars!r} and max_chars {max_chars!r} are not 0 <= free < max"
        )
    x = (len(outcome.action) - free_chars) / (max_chars - free_chars)
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


@averaged
def clean(outcome: TurnOutcome, *, words: str = "") -> float:
    """1 where the answer has none of a list of words (insults and obscenities), else 0.

    Whole words are compared, without regard to case. This catches words, not meaning: for meaning
    there is the judge. `words` is a file of one's own, words between white space, `#` for comments.

    Raises:
        ConfigError: the file cannot be read or names no word.
    """
    return float(not unclean_words(words).intersection(_WORD.findall(outcome.action.lower())))


@reads("candidates_left")
def information_gain(outcome: TurnOutcome, *, gamma: float = 1.0, max_bits: float = inf) -> float:
    """Bits by which the action narrowed the possibilities: the potential of `rewards`, any game.

    gamma * Phi(s') - Phi(s) with Phi = -log2(`info["candidates_left"]`) and Phi = 0 at the end (Ng,
    Harada and Russell 1999). Games tell that number with `env.options.track_candidates = true`.
    With gamma = 1 a whole game earns the same whatever was played, so it is for credit by turn.

    No action earns more than `max_bits`. With 1 in a game of yes and no, luck is not paid: halving
    n numbers earns a bit for every secret, a guess at a tenth of them 1 or 0.15. Then games no
    longer earn the same, and a lucky win less than a long one, so credit a turn with what it earned
    itself (`train.advantage = "turn_centered"`, `train.gamma = 0`).
    """
    left = max(1, outcome.info["candidates_left"])
    after = 0.0 if outcome.ended else -log2(left)
    bits = gamma * after + log2(max(1, outcome.earlier[-1]["candidates_left"]))
    return min(bits, max_bits)


@reads("expected_bits")
def expected_information(outcome: TurnOutcome, *, max_bits: float = inf) -> float:
    """Bits that the answer to the action was to tell, on average over what was possible: no luck.

    `information_gain` without the noise of which answer came. Games tell it with
    `env.options.track_candidates = true`. A lost game can earn more than a quick win, so credit a
    turn with what it earned itself (`train.advantage = "turn_centered"`, `train.gamma = 0`). No
    action earns more than `max_bits`.
    """
    return min(float(outcome.info["expected_bits"]), max_bits)


@reads("guaranteed_bits")
def guaranteed_information(outcome: TurnOutcome, *, max_bits: float = inf) -> float:
    """Bits that any answer was to tell, at least: the minimax criterion of Knuth 1976.

    For a game that is lost by one guess too many. Near the best guess `expected_information` is
    flat: of 1000 numbers, a guess at 444 is worth 0.009 bits less than one at 500, but of the 556
    above it only 511 can be found with the 9 guesses left. Here it is worth 0.15 bits less. Told
    and credited as `expected_information` is.
    """
    return min(float(outcome.info["guaranteed_bits"]), max_bits)


@reads("win_chance")
def win_chance(outcome: TurnOutcome) -> float:
    """How likely the action was to win at once, by all that was possible: `correct` without luck.

    Told as `expected_bits` is; where one secret is left it is 1 or 0. Over a whole game it says
    little, so it too is for credit by turn.
    """
    return float(outcome.info["win_chance"])


REWARD_FUNCTIONS: dict[str, Callable[..., float]] = {
    "correct": correct,
    "game": game,
    "partial_credit": partial_credit,
    "format": format_,
    "answers": answers,
    "length": length,
    "clean": clean,
    "information_gain": information_gain,
    "expected_information": expected_information,
    "guaranteed_information": guaranteed_information,
    "win_chance": win_chance,
}
"""Name -> function; the keyword arguments are its parameters."""

BLANK = TurnOutcome(
    action="",
    observation="",
    next_observation="",
    info={
        "feedback": "",
        "candidates_left": 1,
        "expected_bits": 0.0,
        "guaranteed_bits": 0.0,
        "win_chance": 0.0,
    },
    earlier=({"feedback": "", "candidates_left": 1},),
    game_reward=0.0,
    game_parts={},
    turn=1,
    ended=False,
)
"""A turn on which nothing happened; every built-in function can be tried on it."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


@cache
def unclean_words(path: str = "") -> frozenset[str]:
    """The words that `clean` looks for: the packaged list, or that of a file.

    Raises:
        ConfigError: the file cannot be read or names no word.
    """
    packaged = files("wordle_rl.data") / "words" / "unclean.txt"
    try:
        text = (Path(path).expanduser() if path else packaged).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text in UTF-8"
        raise ConfigError(f"word list {path!r} cannot be read: {reason}") from None
    lines = (line.partition("#")[0] for line in text.lower().splitlines())
    words = frozenset(word for line in lines for word in line.split())
    if not words:
        raise ConfigError(f"word list {path!r} names no word")
    return words


def _credit(info: Mapping[str, Any]) -> float:
    if "credit" in info:
        return min(max(float(info["credit"]), 0.0), 1.0)
    marks = info.get("feedback")
    if not isinstance(marks, str) or not marks or set(marks) - MARKS:
        return 0.0
    return (2 * marks.count("G") + marks.count("Y")) / (2 * len(marks))
