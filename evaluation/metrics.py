"""From finished games to numbers: how often, how fast, how legal, how logical.

The primary figure is the score: mean guesses with a loss counted as one guess more than the rules
allow, so that neither giving up hard words nor winning slowly looks good. Rates have Wilson
intervals where there is one game for each secret, and bootstrap intervals over secrets otherwise.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from wordle_rl.envs.statuses import has_form, is_legal
from wordle_rl.evaluation.games import FinishedGame, GameRecord
from wordle_rl.evaluation.move_regret import MoveRegret
from wordle_rl.evaluation.possible import Possible
from wordle_rl.evaluation.statistics import detectable, mean, pass_at_k, ratio_interval, wilson
from wordle_rl.evaluation.yardstick import Yardstick
from wordle_rl.records import NOTHING, Estimate, PlayReport, SecretRecord

HARDEST = 10
"""Secrets that a report names."""

Measure = Callable[[GameRecord], float | None]
"""What a game contributes to a mean; None for nothing."""


def play_report(
    games: Sequence[GameRecord],
    *,
    max_guesses: int,
    seed: int = 0,
    held_against: Yardstick | None = None,
) -> PlayReport:
    """How an agent did in `games`, which were all decoded in the same way.

    Args:
        games: finished games; one that failed counts as lost.
        max_guesses: the limit of the rules; a loss scores one more.
        seed: fixes the bootstrap.
        held_against: what bits and regret are measured by; without it there are none.
    """
    measure = held_against or Yardstick()
    actions = [status for game in games for status in game["statuses"]]
    legal = [status for status in actions if is_legal(status)]
    kinds = Counter(status for status in actions if not is_legal(status))
    wins = win_rate(games, seed=seed)
    scores = estimate(games, lambda game: score(game, max_guesses), seed=seed)
    records = by_secret(games, max_guesses, measure.best_known or {})
    return PlayReport(
        n=len(games),
        secrets=len(records),
        win_rate=wins,
        score=scores,
        mean_guesses=estimate(games, _guesses_of_win, seed=seed),
        histogram=histogram(games, max_guesses),
        invalid_rate=mean([not is_legal(status) for status in actions]),
        invalid_by_kind={kind: n / len(actions) for kind, n in sorted(kinds.items())},
        repeat_rate=mean([status == "repeat" for status in legal]),
        consistency_rate=sum(sum(game["consistent"]) for game in games) / max(1, len(legal)),
        draw_rate=rate(games, lambda game: game["drawn"], seed=seed),
        truncated_rate=mean([cut for game in games for cut in game["truncated"]]),
        errors=sum(game["error"] is not None for game in games),
        detectable={"win_rate": detectable(wins), "score": detectable(scores)},
        funnel=funnel(games, seed=seed),
        bits_per_action=bits_per_action(games, measure.possible, seed=seed),
        regret=regret(games, max_guesses, measure.best_known, seed=seed),
        move_regret=move_regret(games, measure.moves, seed=seed),
        pass_at_k=pass_rates(records, seed=seed),
        hardest=tuple(sorted(records, key=lambda r: (-r.score, r.secret))[:HARDEST]),
    )


def by_secret(
    games: Sequence[GameRecord], max_guesses: int, best_known: Mapping[str, int]
) -> list[SecretRecord]:
    """How each secret was played, by the alphabet."""
    played: defaultdict[str, list[GameRecord]] = defaultdict(list)
    for game in games:
        played[game["secret"]].append(game)
    return [
        SecretRecord(
            secret=secret,
            n=len(own),
            wins=sum(game["solved"] for game in own),
            score=mean([score(game, max_guesses) for game in own]),
            best_known=best_known.get(secret),
        )
        for secret, own in sorted(played.items())
    ]


def funnel(games: Sequence[GameRecord], *, seed: int = 0) -> dict[str, Estimate]:
    """Where play is lost: the shares of actions that passed each hurdle, and of games won."""
    passed: dict[str, Callable[[GameRecord], int]] = {
        "parsed": lambda game: sum(has_form(status) for status in game["statuses"]),
        "legal": lambda game: sum(is_legal(status) for status in game["statuses"]),
        "consistent": lambda game: sum(game["consistent"]),
    }
    shares = {name: _share_of_actions(games, count, seed) for name, count in passed.items()}
    return {**shares, "won": win_rate(games, seed=seed)}


def _share_of_actions(
    games: Sequence[GameRecord], count: Callable[[GameRecord], int], seed: int
) -> Estimate:
    """The share of actions that are counted; where all are, or none, as doubtful as in `rate`."""
    total, actions = sum(map(count, games)), sum(len(game["statuses"]) for game in games)
    if actions and total in (0, actions):
        secrets = len({game["secret"] for game in games})
        return wilson(secrets if total else 0, secrets)
    return per_action(games, count, seed=seed)


def bits_per_action(
    games: Sequence[GameRecord], possible: Possible | None, *, seed: int = 0
) -> Estimate:
    """What an action told of the secret on average: halving the secrets still possible is a bit."""
    return NOTHING if possible is None else per_action(games, possible.bits, seed=seed)


def regret(
    games: Sequence[GameRecord],
    max_guesses: int,
    best_known: Mapping[str, int] | None,
    *,
    seed: int = 0,
) -> Estimate:
    """The score minus that of the best known play on the same secrets."""
    if best_known is None:
        return NOTHING

    def behind(game: GameRecord) -> float | None:
        best = best_known.get(game["secret"])
        return None if best is None else score(game, max_guesses) - best

    return estimate(games, behind, seed=seed)


def move_regret(
    games: Sequence[GameRecord], moves: MoveRegret | None, *, seed: int = 0
) -> Estimate:
    """What a guess gave away on average, over the guesses that can be measured."""
    if moves is None:
        return NOTHING
    regrets = {id(game): moves.of(game) for game in games}
    totals, counts = secret_totals(
        games, lambda game: sum(regrets[id(game)]), weight=lambda game: len(regrets[id(game)])
    )
    return ratio_interval(totals, counts, seed=seed)


def pass_rates(records: Sequence[SecretRecord], *, seed: int = 0) -> dict[str, Estimate]:
    """pass@k for k of 1, 2, 4, ... up to the games a secret, where all secrets had as many."""
    counts = {record.n for record in records}
    if len(counts) != 1:
        return {}
    n = counts.pop()
    ones = [1] * len(records)
    return {
        str(k): ratio_interval([pass_at_k(n, r.wins, k) for r in records], ones, seed=seed)
        for k in sorted({2**i for i in range(n.bit_length()) if 2**i <= n} | {n})
        if n > 1
    }


def score(game: FinishedGame, max_guesses: int) -> int:
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
    totals, counts = secret_totals(games, measure)
    return ratio_interval(totals, counts, seed=seed)


def per_action(games: Sequence[GameRecord], total: Measure, *, seed: int = 0) -> Estimate:
    """The sum of a measure over games by the number of their actions; bootstrap over secrets."""
    totals, counts = secret_totals(games, total, weight=lambda game: len(game["statuses"]))
    return ratio_interval(totals, counts, seed=seed)


def secret_totals(
    games: Sequence[GameRecord],
    measure: Measure,
    weight: Callable[[GameRecord], int] = lambda game: 1,
) -> tuple[list[float], list[int]]:
    """The sum of a measure for each secret, and of the weights of the games it is known for."""
    totals: defaultdict[str, float] = defaultdict(float)
    counts: defaultdict[str, int] = defaultdict(int)
    for game in games:
        value, secret = measure(game), game["secret"]
        totals[secret] += value or 0.0
        counts[secret] += 0 if value is None else weight(game)
    secrets = sorted(totals)
    return [totals[s] for s in secrets], [counts[s] for s in secrets]


def _guesses_of_win(game: GameRecord) -> float | None:
    return game["n_guesses"] if game["solved"] else None
