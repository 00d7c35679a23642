"""Reward schemes for guessing games: what one action earns, as named parts that sum to the reward.

A scheme is a pure function from an `Outcome`, what one action did in whatever game, to a dict of
parts with the same keys on every turn. In every scheme but `partial_credit_naive` the return of
every lost game is below the return of every won game, whatever the guesses, refusals and repeats on
the way, and winning later never returns more.

Everything is paid on a binary grid of about 1e-16 (`_exact`), so equal games have equal returns to
the last bit: .2 + .2 + .2 is .6.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log2, nextafter, ulp
from typing import NamedTuple, TypeVar, cast

from wordle_rl.envs.plugins import is_plugin, load_plugin
from wordle_rl.envs.statuses import has_form, is_legal
from wordle_rl.errors import ConfigError, unknown_name

RewardParts = dict[str, float]

SPEED, CREDIT, PENALTY, MAX_PENALTIES = 0.5, 0.5, 0.1, 5
"""`shaped`: most for speed, most for the best guess, cost of a refusal, refusals that cost."""
MOST_BITS = 64.0


class Outcome(NamedTuple):
    """What one action did: all that a reward may depend on, the same in every game."""

    secret: str
    guess: str
    """What was understood, also where it was refused; empty where nothing was."""
    status: str
    """ok or repeat; of a refused action the reason, such as no_guess or unknown_word."""
    feedback: str
    """The game's answer; empty where the action was refused."""
    refusals: int
    """How many earlier actions of the game were refused."""
    turn: int
    """Guesses made, this one included."""
    spare: float
    """What a win now would leave unused: 1 on the first guess, 0 on the last one (or last life)."""
    solved: bool
    ended: bool
    credit: float = 0.0
    """How near this guess came; a guess that does not solve has less than `full_credit`."""
    best_credit: float = 0.0
    """The most that an earlier guess of the game came to."""
    full_credit: float = 1.0
    """What solving counts for; in Wordle 0.2 a letter."""
    naive_credit: float = 0.0
    """Credit as `partial_credit_naive` counts it."""
    fits: bool = True
    """Whether the guess could have been the secret: legal, and against no earlier feedback."""
    misfits: int = 0
    """How many earlier actions could not."""
    candidates_before: int = 0
    """Secrets that fit all feedback before this action; counted for schemes marked `counts`."""
    candidates_after: int = 0


RewardScheme = Callable[[Outcome], RewardParts]
AnyScheme = TypeVar("AnyScheme", bound=RewardScheme)

_MARK = "_counts_candidates"


def counts(scheme: AnyScheme) -> AnyScheme:
    """Mark a scheme that needs the outcome's candidate counts, which take time to keep."""
    setattr(scheme, _MARK, True)
    return scheme


def needs_counts(scheme: RewardScheme) -> bool:
    """Whether a scheme was marked with `counts`."""
    return getattr(scheme, _MARK, False)


def binary(outcome: Outcome) -> RewardParts:
    """1 for a win."""
    return {"win": float(outcome.solved)}


def partial_credit(outcome: Outcome) -> RewardParts:
    """The credit of the game's best guess: in Wordle 0.2 a green and 0.1 a yellow.

    Each improvement is paid once, when it happens: a game returns the credit of its best guess
    however it got there, and stalling pays nothing. A win returns `full_credit`, which is 1 (in
    Wordle 0.2 a letter), and every loss less.
    """
    return {"credit": _improvement(outcome, outcome.full_credit, most=outcome.full_credit)}


def partial_credit_naive(outcome: Outcome) -> RewardParts:
    """The credit of every guess on every turn; in Wordle counted as a beginner does.

    The form that courses teach, kept to show how it is exploited: repeating a good guess is paid
    again. In Wordle, where 0.2 is paid a green, else 0.1 a letter that occurs in the secret, a
    yellow is paid for every copy of a letter, a word need not exist, and six times four greens
    return 4.8 for a lost game (a win on the first guess returns 1).
    """
    return {"credit": outcome.naive_credit}


def shaped(outcome: Outcome) -> RewardParts:
    """Win 1, speed up to 0.5, best guess up to 0.5, and 0.1 off for each of the first 5 refusals.

    Speed is 0.5 for a win on the first guess and falls evenly to 0 on the last (in Hangman: from
    all lives to the last one). The best guess is credited as in `partial_credit`, scaled so that a
    win has all of it. A refusal is fined as `format` or as `invalid`, by `statuses.has_form`. So
    every win returns from 1 to 2 and every loss from -0.5 to less than 0.5.
    """
    is_refused, is_formed = not is_legal(outcome.status), has_form(outcome.status)
    fine = _exact(-PENALTY if is_refused and outcome.refusals < MAX_PENALTIES else 0.0, 2.0)
    return {
        "win": float(outcome.solved),
        "speed": _exact(SPEED * outcome.spare, 2.0) if outcome.solved else 0.0,
        "credit": _improvement(outcome, CREDIT, most=2.0),
        "format": 0.0 if is_formed else fine,
        "invalid": fine if is_formed else 0.0,
    }


def deduction(outcome: Outcome) -> RewardParts:
    """Win 1, and 0.1 off for each of the first 5 guesses that could not have been the secret.

    Such a guess was refused or goes against earlier feedback. Every turn is paid, whatever the
    secret, so this suits advantages by turn: whether a guess was sound does not depend on luck.
    """
    is_fined = not outcome.fits and outcome.misfits < MAX_PENALTIES
    return {
        "win": float(outcome.solved),
        "deduction": _exact(-PENALTY if is_fined else 0.0, 1.0),
    }


@counts
def information_gain(outcome: Outcome, *, gamma: float = 1.0) -> RewardParts:
    """1 for a win, and the potential gamma * Phi(s') - Phi(s), Phi = -log2(secrets still possible).

    Phi of an ended game is 0, as Ng, Harada and Russell (1999) require, so what is optimal stays
    optimal; a guess that leaves 64 of 2048 secrets earns 5 bits. With gamma = 1 the bits of a game
    sum to log2(secrets at the start) whatever was played: for advantages over whole episodes they
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
    "deduction": deduction,
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


def _improvement(outcome: Outcome, win: float, *, most: float) -> float:
    """What this guess adds to the credit of the game's best one; a win is credited `win` in all."""
    best, scale = outcome.best_credit, win / outcome.full_credit
    now = max(best, outcome.credit)
    return _exact(now * scale, most) - _exact(best * scale, most)


def _potential(candidates: int) -> float:
    return _exact(-log2(candidates), MOST_BITS)


def _exact(value: float, most: float) -> float:
    """`value` on the grid of the floats just below `most`: sums of up to `most` do not round."""
    grid = ulp(nextafter(most, 0.0))
    return round(value / grid) * grid
