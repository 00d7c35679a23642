"""From finished games to numbers: how often, how fast, how legal, how logical.

The primary figure is the score: mean guesses with a loss counted as one guess more than the rules
allow, so that neither giving up hard words nor winning slowly looks good. Rates have Wilson
intervals where there is one game for each secret, and bootstrap intervals over secrets otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from wordle_rl.envs.statuses import is_legal
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.statistics import mean, ratio_interval, wilson
from wordle_rl.records import Estimate, PlayReport

Measure = Callable[[GameRecord], float | None]
"""What a game contributes to a mean; None for nothing."""


def play_report(games: Sequence[GameRecord], *, max_guesses: int, seed: int = 0) -> PlayReport:
    """How an agent did in `games`, which were all decoded in the same way.

    Args:
        games: finished games; one that failed counts as lost.
        max_guesses: the limit of the rules; a loss scores one more.
        seed: fixes the bootstrap.
    """
    actions = [status for game in games for status in game["statuses"]]
    legal = [status for status in actions if is_legal(status)]
    kinds = Counter(status for status in actions if not is_legal(status))
    return PlayReport(
        n=len(games),
        secrets=len({game["secret"] for game in games}),
        win_rate=win_rate(games, seed=seed),
        score=estimate(games, lambda game: score(game, max_guesses), seed=seed),
        mean_guesses=estimate(games, _guesses_of_win, seed=seed),
        histogram=histogram(games, max_guesses),
        invalid_rate=mean([not is_legal(status) for status in actions]),
        invalid_by_kind={kind: n / len(actions) for kind, n in sorted(kinds.items())},
        repeat_rate=mean([status == "repeat" for status in legal]),
        consistency_rate=sum(sum(game["consistent"]) for game in games) / max(1, len(legal)),
        draw_rate=rate(games, lambda game: game["drawn"], seed=seed),
        truncated_rate=mean([cut for game in games for cut in game["truncated"]]),
        errors=sum(game["error"] is not None for game in games),
    )


def score(game: GameRecord, max_guesses: int) -> int:
    """Guesses used; `max_guesses` + 1 for a loss."""
    return game["n_guesses"] if game["solved"] else max_guesses + 1


def win_rate(games: Sequence[GameRecord], *, seed: int = 0) -> Estimate:
    """The share of games won; its interval is that of `rate`."""
    return rate(games, lambda game: game["solved"], seed=seed)


def rate(
    games: Sequence[GameRecord], holds: Callable[[GameRecord], bool], *, seed: int = 0
) -> Estimate:
    """The share of games of which something holds.

    With several games a secret the interval is a bootstrap over secrets. Where it holds of all
    games, or of none, every resample is the same and the bootstrap knows no doubt: there the
    interval is Wilson's on the number of secrets, as if the games of a secret were one.
    """
    count = sum(map(holds, games))
    secrets = len({game["secret"] for game in games})
    if len(games) == secrets:
        return wilson(count, secrets)
    if count in (0, len(games)):
        return wilson(secrets if count else 0, secrets)
    return estimate(games, lambda game: float(holds(game)), seed=seed)


def histogram(games: Iterable[GameRecord], max_guesses: int) -> dict[str, int]:
    """Games by the guess that won them, "1" to `max_guesses`, and "lost"."""
    counts = Counter(str(game["n_guesses"]) if game["solved"] else "lost" for game in games)
    return {name: counts[name] for name in [*map(str, range(1, max_guesses + 1)), "lost"]}


def estimate(games: Sequence[GameRecord], measure: Measure, *, seed: int = 0) -> Estimate:
    """The mean of a measure over games, with a bootstrap interval over secrets."""
    totals: dict[str, float] = {}
    counts: dict[str, int] = {}
    for game in games:
        value = measure(game)
        secret = game["secret"]
        totals[secret] = totals.get(secret, 0.0) + (value or 0.0)
        counts[secret] = counts.get(secret, 0) + (value is not None)
    secrets = sorted(totals)
    return ratio_interval([totals[s] for s in secrets], [counts[s] for s in secrets], seed=seed)


def _guesses_of_win(game: GameRecord) -> float | None:
    return game["n_guesses"] if game["solved"] else None
