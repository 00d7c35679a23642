"""Early warnings: the logged numbers of a run -> one line that says what goes wrong, or None."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Final

from wordle_rl.errors import RunError

WINDOW: Final = 10
"""Steps that are averaged, so that one odd step is no alarm."""
SOLVED: Final = 0.95
"""Win rate from which a policy may be sure of itself."""
MAX_SAMPLER_KL: Final = 0.01
"""Nats a token; training was seen to be stable below (Tinker)."""
MIN_ENTROPY: Final = 0.02
"""Nats a token."""
MIN_MIXED: Final = 0.05
"""Share of groups that have both better and worse games."""
MAX_NORM_GROWTH: Final = 10.0
MIN_SAMPLE_SIZE: Final = 0.5
"""Share of the tokens that importance weights may leave."""
MAX_CLIPPED: Final = 0.3
"""Share of the tokens that a loss may silence."""
MAX_TRUNCATED: Final = 0.1
"""Share of the answers that may be cut at their longest."""
MAX_WASTED: Final = 0.15
"""By how much the share of refused or repeated guesses may rise over that of the best stretch."""
MAX_LENGTH_GROWTH: Final = 2.0
HOPELESS: Final = 3
"""Steps in which every game failed, after which a run stops."""

History = Sequence[Mapping[str, float]]


def collapse_warning(history: History) -> str | None:
    """The most urgent sign that a run goes wrong, as one line, or None.

    A run usually collapses in this order (RAGEN's echo trap, arXiv:2504.20073): groups lose their
    spread, the gradient norm jumps, the policy repeats itself, and only then fewer games are won.

    Args:
        history: the logged metrics of all steps, oldest first. Only these numbers count, never
            the time; keys that are not logged are not judged.

    >>> collapse_warning([{"train/sampler_kl": 0.5}])[:46]
    'sampler KL: 0.5 nats a token, stable runs stay'
    """
    if not history:
        return None
    return next((text for check in CHECKS if (text := check(history)) is not None), None)


def _not_finite(history: History) -> str | None:
    for key in ("train/loss", "train/grad_norm", "train/sampler_kl"):
        value = history[-1].get(key, 0.0)
        if not math.isfinite(value):
            return f"not finite: {key} is {value}; go back to a checkpoint and lower train.lr"
    return None


def _games_failed(history: History) -> str | None:
    failed, games = (history[-1].get(f"rollout/{key}", 0.0) for key in ("errors", "games"))
    if not failed:
        return None
    return (
        f"failed games: {failed:.0f} of the {games:.0f} of a step; a game, a reward or an opponent "
        "raised an error, episodes/ has it word for word"
    )


def stop_where_all_fail(history: History, error: str | None) -> None:
    """Stop a run that plays nothing any more.

    Args:
        history: the records of all steps.
        error: of a game of the newest step.

    Raises:
        RunError: every game of the last `HOPELESS` steps failed.
    """
    newest = history[-HOPELESS:]
    failed = [row.get("rollout/errors", 0) >= row.get("rollout/games", math.inf) for row in newest]
    if len(failed) == HOPELESS and all(failed):
        raise RunError(
            f"every game of the last {HOPELESS} steps failed ({error}): there is nothing to learn "
            "from; mend it, then start again or go on with --resume"
        )


def _sampler_kl_high(history: History) -> str | None:
    now = _recent(history, "train/sampler_kl", least=1)
    if now is None or now <= MAX_SAMPLER_KL:
        return None
    return (
        f"sampler KL: {now:.2g} nats a token, stable runs stay below {MAX_SAMPLER_KL}; sampler "
        "and trainer disagree, try model.dtype=float32"
    )


def _gradient_exploded(history: History) -> str | None:
    """The median of the newest norms against all before them, so a single spike is no alarm."""
    norms = _series(history, "train/grad_norm")
    before, newest = norms[:-WINDOW], norms[-WINDOW:]
    if len(before) < WINDOW:
        return None
    usual, now = median(before), median(newest)
    if now <= max(1.0, MAX_NORM_GROWTH * usual):
        return None
    return f"gradient norm: {now:.3g}, it was {usual:.3g} before; lower train.lr"


def _win_rate_fell(history: History) -> str | None:
    """Few games are noisy, so the fall also has to exceed four standard errors of a mean.

    A draw counts half: who plays against itself better and better wins less and draws more.
    """
    points = [
        {"points": row["rollout/win_rate"] + row.get("rollout/draw_rate", 0.0) / 2}
        for row in history
        if "rollout/win_rate" in row
    ]
    now = _recent(points, "points")
    if now is None:
        return None
    best = max(_means(_series(points, "points")))
    games = WINDOW * (_recent(history, "rollout/games") or math.inf)
    if best - now <= max(0.1, best / 4, 4 * math.sqrt(0.25 / games)):
        return None
    return (
        f"win rate fell: {now:.1%} over the last {WINDOW} steps, {best:.1%} at its best; go back "
        "to the best checkpoint and lower train.lr"
    )


def _openers_collapsed(history: History) -> str | None:
    """One opener is no fault while the reward holds."""
    entropy = _recent(history, "rollout/opener_entropy")
    reward = _recent(history, "rollout/reward")
    if entropy is None or reward is None:
        return None
    widest = max(_means(_series(history, "rollout/opener_entropy")))
    best = max(_means(_series(history, "rollout/reward")))
    if entropy >= widest / 4 or best - reward <= 0.1 * abs(best):
        return None
    return (
        f"openers: entropy {entropy:.2f} nats, once {widest:.2f}, while reward fell from "
        f"{best:.3f} to {reward:.3f}; lower train.lr or raise train.kl_coef"
    )


def _entropy_gone(history: History) -> str | None:
    entropy = _recent(history, "train/entropy", least=1)
    mixed = _recent(history, "rollout/groups_mixed")
    if entropy is None or mixed is None or _is_solved(history):
        return None
    if entropy >= MIN_ENTROPY or mixed >= 2 * MIN_MIXED:
        return None
    return (
        f"entropy: {entropy:.3f} nats a token, and in {1 - mixed:.0%} of the groups all games earn "
        "the same; raise rollout.temperature or go back to an earlier checkpoint"
    )


def _groups_flat(history: History) -> str | None:
    mixed = _recent(history, "rollout/groups_mixed")
    if mixed is None or mixed >= MIN_MIXED or _is_solved(history):
        return None
    lost = _recent(history, "rollout/groups_all_lost") or 0.0
    remedy = (
        "start from a stronger model or use env.reward=shaped"
        if lost > 0.5
        else "raise rollout.group_size or rollout.temperature"
    )
    return f"no signal: only {mixed:.1%} of the groups have games that differ in reward; {remedy}"


def _sample_size_low(history: History) -> str | None:
    share = _recent(history, "train/ess", least=1)
    if share is None or share >= MIN_SAMPLE_SIZE:
        return None
    return (
        f"sample size: importance weights leave {share:.0%} of the tokens; lower "
        "train.updates_per_batch or train.lr"
    )


def _clipped_often(history: History) -> str | None:
    share = _recent(history, "train/clip_fraction", least=1)
    if share is None or share <= MAX_CLIPPED:
        return None
    better = _recent(history, "train/clip_positive", least=1) or 0.0
    return (
        f"clip: {share:.0%} of the tokens have no gradient, {better:.0%} with a positive and "
        f"{share - better:.0%} with a negative advantage; lower train.updates_per_batch or train.lr"
    )


def _answers_cut(history: History) -> str | None:
    share = _recent(history, "rollout/truncated")
    if share is None or share <= MAX_TRUNCATED:
        return None
    return f"answers cut: {share:.0%} reach the longest answer; raise model.max_new_tokens"


def _guesses_wasted(history: History) -> str | None:
    """A weak model begins with many; a rise is what a reward that can be gamed looks like."""
    for key, name in (("invalid_rate", "refused"), ("repeat_rate", "repeated")):
        now, rates = _recent(history, f"rollout/{key}"), _series(history, f"rollout/{key}")
        least = min(_means(rates), default=None)
        if now is not None and least is not None and now - least > MAX_WASTED:
            return (
                f"{name} guesses: {now:.0%} of all, once {least:.0%}; lower train.lr, and see in "
                "episodes/ whether the reward pays for them"
            )
    return None


def _lost_answers_grow(history: History) -> str | None:
    """Longer answers are no fault where the won ones grow too."""
    lengths = {}
    for outcome in ("won", "lost"):
        key = f"rollout/answer_tokens_{outcome}"
        series = _series(history, key)
        now = _recent(history, key)
        if now is None or len(series) < 2 * WINDOW:
            return None
        lengths[outcome] = (now, fmean(series[:WINDOW]))
    (won, _), (lost, before) = lengths["won"], lengths["lost"]
    if lost <= MAX_LENGTH_GROWTH * before or lost <= MAX_LENGTH_GROWTH * won:
        return None
    return (
        f"lost answers: {lost:.0f} tokens, once {before:.0f}, won ones {won:.0f}; use an algorithm "
        "without a mean over each row (dr_grpo), or rollout.overlong_tokens"
    )


def _critic_blind(history: History) -> str | None:
    """A critic needs some steps before it is worth more than a constant."""
    explained = _series(history, "train/explained_variance")
    now = _recent(history, "train/explained_variance")
    if now is None or now >= 0 or len(explained) < 2 * WINDOW:
        return None
    return (
        f"critic: explains {now:.2f} of the variance of returns, less than a constant would; "
        "change train.critic_lr"
    )


CHECKS: Final[Sequence[Callable[[History], str | None]]] = (
    _not_finite,
    _games_failed,
    _sampler_kl_high,
    _gradient_exploded,
    _win_rate_fell,
    _openers_collapsed,
    _entropy_gone,
    _groups_flat,
    _sample_size_low,
    _clipped_often,
    _critic_blind,
    _guesses_wasted,
    _lost_answers_grow,
    _answers_cut,
)
"""The most urgent first."""


def _series(history: History, key: str) -> list[float]:
    """The finite values of a metric, oldest first."""
    return [row[key] for row in history if key in row and math.isfinite(row[key])]


def _recent(history: History, key: str, *, least: int = WINDOW) -> float | None:
    """The mean over the last steps, or None where fewer than `least` of them logged it."""
    values = _series(history[-WINDOW:], key)
    return fmean(values) if len(values) >= least else None


def _means(values: Sequence[float]) -> Iterator[float]:
    """The means of all stretches of `WINDOW` neighbours."""
    return (fmean(values[i : i + WINDOW]) for i in range(len(values) - WINDOW + 1))


def _is_solved(history: History) -> bool:
    return (_recent(history, "rollout/win_rate", least=1) or 0.0) >= SOLVED
