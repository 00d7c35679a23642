"""Reward schemes for word games: what one action earns, as named parts that sum to the reward.

A scheme is a pure function from an `Outcome`, what one action did, to a dict of parts with the
same keys on every turn. In every scheme but `partial_credit_naive` the return of every lost game is
below the return of every won game, whatever the guesses, refusals and repeats on the way.

Colours are counted in tenths (2 a green, 1 a yellow) and everything is paid on a binary grid of
about 1e-16 (`_exact`), so equal games have equal returns to the last bit: .2 + .2 + .2 is .6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2, nextafter, ulp
from typing import TypeVar, cast

from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.errors import ConfigError, unknown_name

RewardParts = dict[str, float]

FORMAT_STATUSES = frozenset({"no_guess", "bad_chars", "bad_length"})
"""Refused because no guess of the right form was found."""
INVALID_STATUSES = frozenset({"unknown_word", "hard_mode"})
"""Refused although it is well formed."""

SPEED, CREDIT, PENALTY, MAX_PENALTIES = 0.5, 0.5, 0.1, 5
"""`shaped`: most for speed, most for the best guess, cost of a refusal, refusals that cost."""
MOST_BITS = 64.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one action did: all that a reward may depend on."""

    secret: str
    guess: str
    """The word that was understood, also where it was refused; empty where there was none."""
    status: str
    """ok, repeat, no_guess, bad_chars, bad_length, unknown_word or hard_mode."""
    feedback: str
    """G, Y and X; empty where the action was refused."""
    earlier: tuple[str, ...]
    """The feedback of the game's earlier guesses."""
    refusals: int
    """How many earlier actions of the game were refused."""
    turn: int
    """Guesses used, this one included."""
    max_guesses: int
    solved: bool
    ended: bool
    candidates_before: int = 0
    """Words that fit all feedback before this action; counted for schemes marked `counts_words`."""
    candidates_after: int = 0


RewardScheme = Callable[[Outcome], RewardParts]
AnyScheme = TypeVar("AnyScheme", bound=RewardScheme)

_MARK = "_counts_words"


def counts_words(scheme: AnyScheme) -> AnyScheme:
    """Mark a scheme that needs the outcome's candidate counts, which take time to keep."""
    setattr(scheme, _MARK, True)
    return scheme


def needs_word_counts(scheme: RewardScheme) -> bool:
    """Whether a scheme was marked with `counts_words`."""
    return getattr(scheme, _MARK, False)


def tenths(feedback: str) -> int:
    """Credit of a guess in tenths: 2 a green, 1 a yellow, so duplicates count as Wordle marks them.

    >>> tenths("XYGXX"), tenths("GGGGG"), tenths("")
    (3, 10, 0)
    """
    return 2 * feedback.count("G") + feedback.count("Y")


def binary(outcome: Outcome) -> RewardParts:
    """1 for a win."""
    return {"win": float(outcome.solved)}


def partial_credit(outcome: Outcome) -> RewardParts:
    """0.2 a green and 0.1 a yellow of the game's best guess.

    Each improvement is paid once, when it happens: a game returns the credit of its best guess
    however it got there, and stalling pays nothing. A five-letter win returns 1, the best loss 0.8.
    """
    most = 0.2 * len(outcome.secret)
    return {"credit": _best_credit(outcome, win=most, most=most)}


def partial_credit_naive(outcome: Outcome) -> RewardParts:
    """0.2 a green, else 0.1 a letter that occurs in the secret, for every guess on every turn.

    The form that courses teach, kept to show how it is exploited: a yellow is paid for every copy
    of a letter, a word need not exist, and repeating a good guess is paid again (six times four
    greens return 4.8 for a lost game, a win on the first guess returns 1).
    """
    places = zip(outcome.guess, outcome.secret, strict=False)
    earned = sum(2 if g == s else g in outcome.secret for g, s in places)
    return {"credit": earned / 10}


def shaped(outcome: Outcome) -> RewardParts:
    """Win 1, speed up to 0.5, best guess up to 0.5, and 0.1 off for each of the first 5 refusals.

    Speed is 0.5 for a win on the first guess and falls evenly to 0 on the last. The best guess is
    credited as in `partial_credit`, scaled so that a win has all of it. So every win returns from
    1 to 2 and every loss from -0.5 to less than 0.5.
    """
    spare = (outcome.max_guesses - outcome.turn) / max(1, outcome.max_guesses - 1)
    fine = -PENALTY if outcome.refusals < MAX_PENALTIES else 0.0
    return {
        "win": float(outcome.solved),
        "speed": _exact(SPEED * spare, 2.0) if outcome.solved else 0.0,
        "credit": _best_credit(outcome, win=CREDIT, most=2.0),
        "format": _exact(fine, 2.0) if outcome.status in FORMAT_STATUSES else 0.0,
        "invalid": _exact(fine, 2.0) if outcome.status in INVALID_STATUSES else 0.0,
    }


@counts_words
def information_gain(outcome: Outcome, *, gamma: float = 1.0) -> RewardParts:
    """1 for a win, and the potential gamma * Phi(s') - Phi(s), Phi = -log2(words still possible).

    Phi of an ended game is 0, as Ng, Harada and Russell (1999) require, so what is optimal stays
    optimal; a guess that leaves 64 of 2048 words earns 5 bits. With gamma = 1 the bits of a game
    sum to log2(words at the start) whatever was played: for advantages over whole episodes they
    cancel within a group. This scheme is for credit by turn, and does nothing at episode level.
    """
    after = 0.0 if outcome.ended else _potential(outcome.candidates_after)
    bits = _exact(gamma * after - _potential(outcome.candidates_before), MOST_BITS)
    return {"win": float(outcome.solved), "information": bits}


REWARDS: dict[str, RewardScheme] = {
    "binary": binary,
    "partial_credit": partial_credit,
    "partial_credit_naive": partial_credit_naive,
    "shaped": shaped,
    "information_gain": information_gain,
}


def resolve_reward(name: str) -> RewardScheme:
    """The scheme of a name in `REWARDS`, or a user's own as `package.module:name`.

    Raises:
        ConfigError: no such name, or what it names is not a function.
    """
    if name in REWARDS:
        return REWARDS[name]
    if not is_plugin(name):
        raise unknown_name("reward", name, REWARDS)
    scheme = load_plugin("reward", name)
    if not callable(scheme):
        raise ConfigError(f"reward {name!r} is not a function: it is a {type(scheme).__name__}")
    return cast("RewardScheme", scheme)


def _best_credit(outcome: Outcome, *, win: float, most: float) -> float:
    """What this guess adds to the credit of the game's best one; all green is credited `win`."""
    best = max(map(tenths, outcome.earlier), default=0)
    now = max(best, tenths(outcome.feedback))
    green = 2 * len(outcome.secret)
    return _exact(now * win / green, most) - _exact(best * win / green, most)


def _potential(candidates: int) -> float:
    return _exact(-log2(candidates), MOST_BITS)


def _exact(value: float, most: float) -> float:
    """`value` on the grid of the floats just below `most`: sums of up to `most` do not round."""
    grid = ulp(nextafter(most, 0.0))
    return round(value / grid) * grid
