"""Results without playing: games whose outcome a test chooses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from wordle_rl.agents.baselines import Baseline
from wordle_rl.envs.feedback import feedback
from wordle_rl.evaluation.games import GameRecord, Mode
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.results import Result, installed_suite, make_result
from wordle_rl.records import Estimate, EvalReport

Plan = Callable[[int, str], int | None]
"""Number and secret of a game -> guesses needed; None for a loss."""


def game(secret: str, guesses: int | None, *, mode: Mode = "greedy", sample: int = 0) -> GameRecord:
    """A game of Wordle that tries CRANE until the last guess."""
    tries = ["crane"] * ((guesses or 7) - 1) + ([secret] if guesses else [])
    marks = [feedback(word, secret) for word in tries]
    return GameRecord(
        mode=mode,
        sample=sample,
        secret=secret,
        guesses=tries,
        statuses=["ok"] * len(tries),
        feedback=marks,
        consistent=[False] * len(tries),
        truncated=[False] * len(tries),
        solved=guesses is not None,
        drawn=False,
        n_guesses=len(tries),
        stop_reason="terminated",
        error=None,
        actions=[f"[{word}]" for word in tries],
        observations=["start", *marks],
        probabilities=[None] * len(tries),
    )


def result(
    agent: str = "mine",
    plan: Plan = lambda i, secret: 4,
    *,
    suite: str = "wordle-val[6]",
    samples: int = 0,
    **changes: Any,
) -> Result:
    """A result of an agent on a suite; `plan` says how each game went."""
    chosen = installed_suite(suite)
    best = [game(secret, plan(i, secret)) for i, secret in enumerate(chosen.secrets)]
    drawn = [
        game(secret, plan(i, secret), mode="sampled", sample=k)
        for i, secret in enumerate(chosen.secrets)
        for k in range(samples)
    ]
    limit = chosen.protocol.max_guesses
    report = EvalReport(
        agent=agent,
        suite=chosen.name,
        suite_hash=chosen.suite_hash,
        greedy=play_report(best, max_guesses=limit),
        sampled=play_report(drawn, max_guesses=limit) if samples else None,
    )
    player = Baseline(name=agent, plays="random")
    made = make_result(player, report, best + drawn, temperature=1.0, samples=samples, seed=0)
    return replace(made, **changes)


def ends(estimate: Estimate) -> tuple[float, float, float]:
    """Low, value and high of something that was measured."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.value, estimate.high
