"""A result: one evaluation with its games and everything one must know to believe it.

In: a report, its games, who played. Out: a `Result`, plain JSON of it and back. Its `id` is a hash
of what was played, so the same evaluation is the same result wherever and however often it is
recorded, and stores merge without counting anything twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from math import isclose
from pathlib import Path
from typing import Any, cast

from wordle_rl.agents.base import Agent
from wordle_rl.errors import ConfigError, StoreError
from wordle_rl.evaluation.evaluator import fingerprint, report_json
from wordle_rl.evaluation.games import CountedGame, GameRecord, key_of
from wordle_rl.evaluation.suites import Suite, load_suite, sha256
from wordle_rl.provenance import git_commit, hardware, versions
from wordle_rl.records import EvalReport
from wordle_rl.run_dir import RunDir

SUBSET = re.compile(r"(?P<suite>.+)\[(?P<n>[1-9]\d*)\]")
"""The name of `Suite.subset`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One evaluation of one agent on one suite."""

    id: str
    """`result_id` of what was played."""
    agent: str
    fingerprint: str
    """Tells weights apart that have the same name."""
    revision: str | None
    """The commit of the model hub, or the checkpoint of the run, that played."""
    config_hash: str | None
    """sha256 of the settings of the run that made the model."""
    suite: str
    suite_hash: str
    temperature: float
    """Of the sampled games; greedy ones are played at 0."""
    samples: int
    seed: int
    git_commit: str | None
    versions: Mapping[str, str]
    hardware: str
    created: str
    """When it was recorded, ISO 8601 in UTC."""
    greedy: Mapping[str, Any] | None
    """`PlayReport` as plain data; likewise `sampled`."""
    sampled: Mapping[str, Any] | None
    games: tuple[GameRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain data, for a line of a file."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, entry: Any, source: str) -> Result:
        """The result of a line.

        Raises:
            StoreError: it is none; the message begins with `source`.
        """
        if not isinstance(entry, dict):
            raise StoreError(f"{source}: not a recorded result, but a {type(entry).__name__}")
        fields = cls.__dataclass_fields__.keys()
        if missing := fields - entry.keys():
            raise StoreError(f"{source}: not a recorded result (no {min(missing)!r})")
        try:
            result = cls(**{**{f: entry[f] for f in fields}, "games": tuple(entry["games"])})
            whole = result_id(result) == result.id
        except (TypeError, KeyError):
            raise StoreError(f"{source}: a game of the result lacks what it needs") from None
        if not whole:
            raise StoreError(f"{source}: the result is not what its id says: get the file again")
        return result

    def check(self, source: str) -> None:
        """Refuse what could not have come from an evaluation on the installed suite.

        Raises:
            StoreError: the suite is not here or another version, games are missing or the figures
                are not those of the games.
        """
        suite = _installed(self.suite, source)
        if suite.suite_hash != self.suite_hash:
            raise StoreError(
                f"{source}: suite {self.suite!r} has hash {self.suite_hash[:12]!r} there and "
                f"{suite.suite_hash[:12]!r} here: results of two versions do not compare; "
                "evaluate the agent again"
            )
        for problem in _problems(self, suite):
            raise StoreError(f"{source}: {problem}: the row was refused")


def make_result(
    agent: Agent,
    report: EvalReport,
    games: Sequence[GameRecord],
    *,
    temperature: float,
    samples: int,
    seed: int,
) -> Result:
    """What `evaluate` reported, with where it comes from."""
    plain = report_json(report)
    result = Result(
        id="",
        agent=report.agent,
        fingerprint=fingerprint(agent),
        revision=getattr(agent, "revision", None) or _checkpoint(report.agent),
        config_hash=_config_hash(report.agent),
        suite=report.suite,
        suite_hash=report.suite_hash,
        temperature=temperature,
        samples=samples,
        seed=seed,
        git_commit=git_commit(),
        versions=versions(),
        hardware=hardware(),
        created=datetime.now(UTC).isoformat(timespec="microseconds"),
        greedy=plain["greedy"],
        sampled=plain["sampled"],
        games=tuple(games),
    )
    return replace(result, id=result_id(result))


def result_id(result: Result) -> str:
    """sha256 of who played what and how it went; not of when and where."""
    played = [_counted(game) for game in sorted(result.games, key=key_of)]
    who = [result.agent, result.fingerprint, result.revision, result.config_hash]
    what = [result.suite, result.suite_hash, result.temperature, result.samples, result.seed]
    return sha256(json.dumps([who, what, played], sort_keys=True))[:32]


def run_of(agent: str) -> RunDir | None:
    """The run folder that an agent's name lies in, if it is one."""
    path = Path(agent)
    runs = (RunDir(folder) for folder in (path, *path.parents) if folder != Path("."))
    try:
        return next((run for run in runs if run.exists()), None)
    except (OSError, ValueError):  # what no file can be called
        return None


@lru_cache(maxsize=256)
def installed_suite(name: str) -> Suite:
    """The suite of a name, `wordle-val[6]` and other subsets too.

    Raises:
        ConfigError: there is no such suite.
    """
    subset = SUBSET.fullmatch(name)
    if subset is None:
        return load_suite(name)
    return load_suite(subset["suite"]).subset(int(subset["n"]))


def is_installed(suite: Suite) -> bool:
    """Whether everyone with this version has the suite: one of a user's own lists is not."""
    try:
        return installed_suite(suite.name).suite_hash == suite.suite_hash
    except ConfigError:
        return False


def _installed(name: str, source: str) -> Suite:
    try:
        return installed_suite(name)
    except ConfigError as error:
        raise StoreError(f"{source}: {error}") from None


def _problems(result: Result, suite: Suite) -> Iterator[str]:
    """What is wrong with the games of a result, and with the figures beside them."""
    if len({key_of(game) for game in result.games}) < len(result.games):
        yield f"a game of {result.agent!r} is there twice"
    wanted = suite.protocol.temperature
    if result.sampled is not None and result.temperature != wanted:
        yield f"{suite.name!r} is sampled at T = {wanted:g}, not {result.temperature:g}"
    for mode, report in (("greedy", result.greedy), ("sampled", result.sampled)):
        games = [game for game in result.games if game["mode"] == mode]
        if not games and report is None:
            continue
        if {game["secret"] for game in games} != set(suite.secrets):
            yield f"{mode} games of {result.agent!r} are not on the secrets of {suite.name!r}"
        wins = sum(game["solved"] for game in games)
        if report is None or report["n"] != len(games) or report["win_rate"]["value"] is None:
            yield f"the {mode} figures of {result.agent!r} are not those of its games"
        elif not isclose(report["win_rate"]["value"], wins / len(games)):
            yield f"{result.agent!r} won {wins} of {len(games)} {mode} games, not what is said"


def _counted(game: GameRecord) -> CountedGame:
    """The fields that numbers are computed from; what else is kept of a game may grow."""
    wanted = sorted(CountedGame.__required_keys__)
    return cast(CountedGame, {key: game[key] for key in wanted})  # type: ignore[literal-required]


def _checkpoint(agent: str) -> str | None:
    path = Path(agent)
    return path.name if path.parent.name == "checkpoints" else None


def _config_hash(agent: str) -> str | None:
    run = run_of(agent)
    return None if run is None else sha256(run.config.read_text(encoding="utf-8"))
