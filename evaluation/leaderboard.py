"""Who is how good at a suite, and who cannot be told apart.

In: a store of results. Out: a `Board`: the newest result of every agent on the installed version of
a suite, by score. Two agents are tied where the 95 % interval of their paired difference, secret by
secret, contains zero; a rank is one more than the number of agents that are surely better. Games
for two are ordered by a rating over all stored games of that game, whoever the opponent was.
Tests are at 5 % each, without a correction for their number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wordle_rl.errors import ConfigError, unknown_name
from wordle_rl.evaluation.games import Mode
from wordle_rl.evaluation.ratings import Pairing, Ratings, fit_ratings
from wordle_rl.evaluation.results import Result, installed_suite
from wordle_rl.evaluation.statistics import ratio_interval
from wordle_rl.evaluation.store import Played, Store
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import Estimate

Values = NDArray[np.float64]
UNKNOWN = Estimate(value=None, low=None, high=None)
FINGERPRINT_SHOWN = 6
"""Characters of a fingerprint beside a name that several models have."""
Better = Callable[[str, str], bool]
"""Whether the first of two entries, by id, is surely better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One agent on a board."""

    rank: int = 0
    """Entries that are surely better, and one; entries of one rank may still differ."""
    result_id: str
    agent: str
    fingerprint: str
    label: str
    """The agent's name; with a piece of the fingerprint where the board has several of it."""
    n: int
    secrets: int
    win_rate: Estimate
    score: Estimate
    mean_guesses: Estimate
    draw_rate: Estimate
    rating: Estimate = UNKNOWN
    """Of games for two, in points; see `ratings`."""
    invalid_rate: float
    tied_with: tuple[str, ...] = ()
    """Labels of the entries it cannot be told apart from."""
    created: str
    git_commit: str | None
    revision: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The agents on one suite, best first."""

    suite: str
    suite_hash: str
    mode: Mode
    max_guesses: int
    secrets: int
    for_two: bool
    entries: tuple[Entry, ...]
    opponents: Mapping[str, Estimate]
    """Of games for two: the ratings of those that the agents played against."""
    outdated: int
    """Results of other versions of the suite, which are not shown."""


def leaderboard(store: Store, suite_name: str, mode: Mode = "greedy") -> Board:
    """The board of a suite.

    Raises:
        ConfigError: there is no such suite, or it needs a library that is not installed.
    """
    suite = installed_suite(suite_name)
    results = store.results(suite_name)
    current = newest(result for result in results if result.suite_hash == suite.suite_hash)
    played = [result for result in current if _report(result, mode)]
    entries = [_entry(result, mode) for result in played]
    game = suite.env_options.get("opponent") and suite.env_options["game"]
    ratings = _ratings(store, suite, mode) if game and entries else None
    if ratings is None:
        means = {r.id: _score_by_secret(store.played(r.id, mode), suite) for r in played}
        entries.sort(key=lambda e: (_value(e.score), e.agent, e.fingerprint))
        better = _better_by_score(means)
    else:
        entries = [replace(e, rating=ratings.of(_player(e))) for e in entries]
        entries.sort(key=lambda e: (-_value(e.rating), e.agent, e.fingerprint))
        better = _better_by_rating(ratings, entries)
    return Board(
        suite=suite_name,
        suite_hash=suite.suite_hash,
        mode=mode,
        max_guesses=suite.protocol.max_guesses,
        secrets=len(suite.tasks),
        for_two=bool(game),
        entries=_ranked(_labelled(entries), better),
        opponents={} if ratings is None else _opponents(ratings),
        outdated=sum(result.suite_hash != suite.suite_hash for result in results),
    )


def newest(results: Iterable[Result]) -> list[Result]:
    """The first result of every agent on every suite; results come newest first."""
    found: dict[tuple[str, str, str], Result] = {}
    for result in results:
        found.setdefault((result.agent, result.fingerprint, result.suite), result)
    return list(found.values())


def suites_played(store: Store) -> list[str]:
    """The suites that have results and are installed, by name."""
    names = {result.suite for result in store.results()}
    return sorted(name for name in names if _is_installed(name))


def check_played(store: Store, suites: Iterable[str]) -> None:
    """Raise ConfigError for a suite without results, with the nearest that has some."""
    played = suites_played(store)
    for suite in suites:
        if not played:
            raise ConfigError(
                f"{str(store.path)!r} has no results: record some with wordle-rl evaluate AGENT"
            )
        if suite not in played:
            raise unknown_name("suite with results", suite, played)


def _is_installed(suite: str) -> bool:
    try:
        return bool(installed_suite(suite))
    except ConfigError:
        return False


def _report(result: Result, mode: Mode) -> Mapping[str, Any] | None:
    return result.greedy if mode == "greedy" else result.sampled


def _entry(result: Result, mode: Mode) -> Entry:
    report = _report(result, mode)
    assert report is not None
    return Entry(
        result_id=result.id,
        agent=result.agent,
        fingerprint=result.fingerprint,
        label=result.agent,
        n=report["n"],
        secrets=report["secrets"],
        win_rate=Estimate(**report["win_rate"]),
        score=Estimate(**report["score"]),
        mean_guesses=Estimate(**report["mean_guesses"]),
        draw_rate=Estimate(**report["draw_rate"]),
        invalid_rate=report["invalid_rate"],
        created=result.created,
        git_commit=result.git_commit,
        revision=result.revision,
    )


def _labelled(entries: Sequence[Entry]) -> list[Entry]:
    names = Counter(entry.agent for entry in entries)
    return [
        replace(entry, label=f"{entry.agent} #{entry.fingerprint[:FINGERPRINT_SHOWN]}")
        if names[entry.agent] > 1
        else entry
        for entry in entries
    ]


def _ranked(entries: Sequence[Entry], better: Better) -> tuple[Entry, ...]:
    ids = [entry.result_id for entry in entries]
    above = {a: [b for b in ids if b != a and better(b, a)] for a in ids}
    return tuple(
        replace(
            entry,
            rank=1 + len(above[entry.result_id]),
            tied_with=tuple(
                other.label
                for other in entries
                if other is not entry
                and other.result_id not in above[entry.result_id]
                and entry.result_id not in above[other.result_id]
            ),
        )
        for entry in entries
    )


def _score_by_secret(games: Sequence[Played], suite: Suite) -> Values:
    """The mean score on each secret, in the order of the secrets' names, [secrets]."""
    loss = suite.protocol.max_guesses + 1
    scores: defaultdict[str, list[int]] = defaultdict(list)
    for game in games:
        scores[game.secret].append(game.n_guesses if game.outcome == "won" else loss)
    means = [float(np.mean(scores[secret])) for secret in sorted(scores)]
    return np.array(means, dtype=np.float64)


def _better_by_score(means: Mapping[str, Values]) -> Better:
    """Whether a needs surely fewer guesses than b: the test of `paired` on the score."""
    ids = sorted(means)
    highs: dict[tuple[str, str], float] = {}
    for i, a in enumerate(ids):
        for b in ids[i + 1 :]:
            difference = ratio_interval(means[a] - means[b], np.ones(len(means[a])))
            assert difference.low is not None
            assert difference.high is not None
            highs[a, b], highs[b, a] = difference.high, -difference.low
    return lambda a, b: highs[a, b] < 0


def _better_by_rating(ratings: Ratings, entries: Sequence[Entry]) -> Better:
    players = {entry.result_id: _player(entry) for entry in entries}

    def better(a: str, b: str) -> bool:
        low = ratings.difference(players[a], players[b]).low
        return low is not None and low > 0

    return better


def _ratings(store: Store, suite: Suite, mode: Mode) -> Ratings:
    """Over the newest results of every suite of this game and split."""
    found = [result for result in newest(store.results()) if _same_game(result, suite)]
    pairings = [_pairing(store, result, mode) for result in found if _report(result, mode)]
    return fit_ratings(pairings)


def _same_game(result: Result, suite: Suite) -> bool:
    if not _is_installed(result.suite):
        return False
    other = installed_suite(result.suite)
    same = (other.env_id, other.split) == (suite.env_id, suite.split)
    game = other.env_options.get("game") == suite.env_options.get("game")
    return same and game and other.suite_hash == result.suite_hash


def _pairing(store: Store, result: Result, mode: Mode) -> Pairing:
    outcomes = Counter(game.outcome for game in store.played(result.id, mode))
    return Pairing(
        a=_player(result),
        b=_opponent(str(installed_suite(result.suite).env_options["opponent"])),
        wins=outcomes["won"],
        draws=outcomes["drawn"],
        losses=outcomes["lost"],
    )


def _player(who: Entry | Result) -> str:
    return f"agent\x1f{who.agent}\x1f{who.fingerprint}"


def _opponent(name: str) -> str:
    return f"opponent\x1f{name}"


def _opponents(ratings: Ratings) -> dict[str, Estimate]:
    names = [name.partition("\x1f") for name in ratings.players]
    return {name: ratings.of(_opponent(name)) for kind, _, name in names if kind == "opponent"}


def _value(estimate: Estimate) -> float:
    return float("inf") if estimate.value is None else estimate.value
