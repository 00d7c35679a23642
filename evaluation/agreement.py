"""Does a score agree with what is known? The AUC of a score against wins and losses.

The area under the ROC curve is the probability that a won game is scored above a lost one, with a
tie counted as half (Hanley and McNeil 1982); 0.5 is chance. Unlike accuracy at the best threshold
it fits nothing to the games it is measured on. Only games of one suite are compared, and the
interval draws whole secrets, since games with the same secret are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wordle_rl.records import Estimate
from wordle_rl.seeding import generator

RESAMPLES = 2_000
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredGame:
    """A game whose end is known, and its score."""

    suite: str
    secret: str
    won: bool
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well scores tell won games from lost ones."""

    auc: Estimate
    """None in it where no suite has both a won and a lost game."""
    pairs: int
    """Pairs of a won and a lost game that were compared."""
    won: int
    lost: int
    mean_won: float | None
    """The mean score of won games."""
    mean_lost: float | None


def agreement(games: Sequence[ScoredGame], *, seed: int = 0) -> Agreement:
    """The AUC over all pairs within suites, with a bootstrap interval over secrets.

    >>> scores = [("crane", True, 0.9), ("crane", False, 0.2), ("pound", False, 0.9)]
    >>> games = [ScoredGame(suite="s", secret=s, won=w, score=x) for s, w, x in scores]
    >>> agreement(games).auc.value, agreement(games).pairs
    (0.75, 2)
    """
    clusters = {key: i for i, key in enumerate(sorted({(g.suite, g.secret) for g in games}))}
    strata = [
        _Stratum([g for g in games if g.suite == suite], clusters) for suite in _suites(games)
    ]
    pairs = sum(stratum.pairs for stratum in strata)
    won = [game.score for game in games if game.won]
    lost = [game.score for game in games if not game.won]
    return Agreement(
        auc=_auc(strata, len(clusters), seed)
        if pairs
        else Estimate(value=None, low=None, high=None),
        pairs=pairs,
        won=len(won),
        lost=len(lost),
        mean_won=float(np.mean(won)) if won else None,
        mean_lost=float(np.mean(lost)) if lost else None,
    )


class _Stratum:
    """The won and the lost games of one suite, all compared with one another."""

    def __init__(self, games: Sequence[ScoredGame], clusters: dict[tuple[str, str], int]) -> None:
        won, lost = ([g for g in games if g.won is is_won] for is_won in (True, False))
        self._won = [clusters[g.suite, g.secret] for g in won]
        self._lost = [clusters[g.suite, g.secret] for g in lost]
        above = np.array([g.score for g in won])[:, None] - np.array([g.score for g in lost])[None]
        self._wins: Values = (np.sign(above) + 1) / 2  # [won, lost]
        self.pairs = len(won) * len(lost)

    def count(self, weights: Values) -> tuple[Values, Values]:
        """Pairs in order and all pairs, where every cluster counts `weights[:, cluster]` times."""
        won, lost = weights[:, self._won], weights[:, self._lost]  # [R, won], [R, lost]
        return ((won @ self._wins) * lost).sum(1), won.sum(1) * lost.sum(1)


def _auc(strata: Sequence[_Stratum], clusters: int, seed: int) -> Estimate:
    value = _rate(strata, np.ones((1, clusters)))[0]
    rng = generator("agreement", seed)
    drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=RESAMPLES)
    rates = _rate(strata, drawn.astype(np.float64))
    low, high = np.percentile(rates[~np.isnan(rates)], [2.5, 97.5])
    return Estimate(value=float(value), low=float(low), high=float(high))


def _rate(strata: Sequence[_Stratum], weights: Values) -> Values:
    """The AUC in every resample; nan where it has no pair."""
    counted = [stratum.count(weights) for stratum in strata]
    right, pairs = (np.sum(column, axis=0) for column in zip(*counted, strict=True))
    rates: Values = np.divide(right, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return rates


def _suites(games: Sequence[ScoredGame]) -> list[str]:
    return sorted({game.suite for game in games})
