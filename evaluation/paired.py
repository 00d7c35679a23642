"""A against B on the same secrets: the difference, and how sure it is.

A hard secret is hard for both, so the differences secret by secret say far more than two intervals
side by side (Miller 2024, arXiv 2411.00640, section 4). The interval is a bootstrap over secrets;
with one game a secret on both sides, McNemar's exact test is beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.games import FinishedGame
from wordle_rl.evaluation.metrics import score
from wordle_rl.evaluation.statistics import detectable, mcnemar, mean, ratio_interval
from wordle_rl.records import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """Secrets that just one of the two won."""

    only_a: int
    only_b: int
    p_value: float
    """Two-sided and exact: how likely so uneven a split is between equals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedResult:
    """A minus B."""

    secrets: int
    games_a: int
    games_b: int
    win_rate: Estimate
    """Above zero where A wins more."""
    score: Estimate
    """Below zero where A needs fewer guesses."""
    mcnemar: McNemar | None
    """None where a secret was played more than once."""
    detectable: Mapping[str, float | None] = field(default_factory=dict)
    """For `win_rate` and `score`: the smallest true difference that these secrets and games find
    at 5 % with a power of 80 %."""


def paired(
    games_a: Sequence[FinishedGame],
    games_b: Sequence[FinishedGame],
    *,
    max_guesses: int = 6,
    seed: int = 0,
) -> PairedResult:
    """Compare two agents on the secrets both have played.

    Args:
        games_a: games of A, all of one mode; every secret counts the same, however often played.
        games_b: games of B on the same secrets.
        max_guesses: the limit of the rules; a loss scores one more.
        seed: fixes the bootstrap.

    Raises:
        ConfigError: the secrets differ, or there are none.
    """
    a, b = _by_secret(games_a), _by_secret(games_b)
    _check_same_secrets(a, b)
    wins = _difference(a, b, lambda game: float(game["solved"]), seed)
    scores = _difference(a, b, lambda game: score(game, max_guesses), seed)
    return PairedResult(
        secrets=len(a),
        games_a=len(games_a),
        games_b=len(games_b),
        win_rate=wins,
        score=scores,
        mcnemar=_mcnemar(a, b) if len(games_a) == len(games_b) == len(a) else None,
        detectable={
            "win_rate": detectable(wins, results=1),
            "score": detectable(scores, results=1),
        },
    )


BySecret = Mapping[str, Sequence[FinishedGame]]


def _by_secret(games: Sequence[FinishedGame]) -> BySecret:
    found: defaultdict[str, list[FinishedGame]] = defaultdict(list)
    for game in games:
        found[game["secret"]].append(game)
    return found


def _check_same_secrets(a: BySecret, b: BySecret) -> None:
    if a.keys() != b.keys():
        example = min(a.keys() ^ b.keys())
        raise ConfigError(
            f"A and B played different secrets ({len(a)} and {len(b)}; {example!r} is one-sided): "
            "evaluate both on the same suite with the same limit"
        )
    if not a:
        raise ConfigError("nothing to compare: neither A nor B has played a game")


def _difference(
    a: BySecret, b: BySecret, measure: Callable[[FinishedGame], float], seed: int
) -> Estimate:
    """The mean over secrets of A's mean minus B's mean."""
    differences = [mean([*map(measure, a[s])]) - mean([*map(measure, b[s])]) for s in sorted(a)]
    return ratio_interval(differences, [1] * len(differences), seed=seed)


def _mcnemar(a: BySecret, b: BySecret) -> McNemar:
    wins = [(a[secret][0]["solved"], b[secret][0]["solved"]) for secret in a]
    only_a, only_b = wins.count((True, False)), wins.count((False, True))
    return McNemar(only_a=only_a, only_b=only_b, p_value=mcnemar(only_a, only_b))
