"""An agent on a suite: plays every secret greedily once and several times sampled, and counts.

The agent's randomness in a game depends on (seed, mode, task, sample) alone, so neither the size of
a batch nor an interruption changes a game. With `out_dir` every game is on disk as soon as it has
ended, and an evaluation that was stopped goes on where it was, to the same summary.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from wordle_rl.agents.base import Agent
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import TextEnv
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.games import GameKey, GameLog, GameRecord, Mode, game_record, key_of
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.suites import Suite
from wordle_rl.evaluation.yardstick import yardstick
from wordle_rl.records import Episode, EvalReport, PlayReport, Task
from wordle_rl.rollout import play_games
from wordle_rl.run_dir import write_atomically
from wordle_rl.seeding import seed_from

__all__ = ["Fingerprinted", "OnGame", "evaluate", "fingerprint", "game_record", "report_json"]

T = TypeVar("T")
OnGame = Callable[[GameRecord], None]
"""Called once with every game of an evaluation; those found on disk come first."""


@runtime_checkable
class Fingerprinted(Protocol):
    """An agent that can tell its weights apart from others of the same name."""

    @property
    def fingerprint(self) -> str:
        """Equal for agents that play the same, and for no others."""
        ...


class Workers(Protocol):
    """Several processes that play one suite; what they are is the caller's affair."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part."""
        ...

    def together(self, mine: Sequence[T]) -> list[T]:
        """The parts of all."""
        ...

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, for all."""
        ...


@dataclass(frozen=True, slots=True)
class _Planned:
    """A game that belongs to the evaluation, played or not."""

    mode: Mode
    task: Task
    sample: int

    @property
    def key(self) -> GameKey:
        return self.mode, self.task.secret, self.sample


def evaluate(
    agent: Agent,
    suite: Suite,
    *,
    samples: int = 4,
    temperature: float = 1.0,
    greedy: bool = True,
    seed: int = 0,
    out_dir: Path | str | None = None,
    batch_games: int = 512,
    on_game: OnGame | None = None,
    limit: int | None = None,
    workers: Workers | None = None,
) -> EvalReport:
    """Play a suite and report how it went.

    Args:
        agent: who plays.
        suite: what is played.
        samples: sampled games for each secret; 0 for greedy alone.
        temperature: of the sampled games.
        greedy: whether each secret is also played once with the agent's best moves.
        seed: fixes the agent's randomness and the bootstrap.
        out_dir: where games.jsonl and summary.json go; by default nothing is written. Games that
            are there already are not played again.
        batch_games: games that run together.
        on_game: told of every game.
        limit: play a fixed choice of so many secrets (`Suite.subset`).
        workers: processes that all call this and share the games out; each returns the whole
            report, and the first has the `out_dir`.

    Raises:
        ConfigError: there is nothing to play, or a number is out of range.
        RunError: `out_dir` holds the games of another agent, suite, seed or temperature.
    """
    if samples < 0 or batch_games < 1 or temperature < 0:
        raise ConfigError("samples and temperature cannot be negative, nor a batch empty")
    if not greedy and not samples:
        raise ConfigError("nothing to play: ask for greedy games, or for one sample or more")
    suite = suite if limit is None else suite.subset(limit)
    plan = _plan(suite, greedy, samples)
    log = None if out_dir is None else _open_log(Path(out_dir), agent, suite, seed, temperature)
    with closing(log) if log else nullcontext():
        games = _Games(plan, log, on_game, workers)
        for batch in games.missing(batch_games * (workers.count if workers else 1)):
            if workers is None:
                _play(agent, suite, batch, games.add, seed, temperature)
            else:
                mine: list[GameRecord] = []
                _play(agent, suite, workers.share(batch), mine.append, seed, temperature)
                for game in workers.together(mine):
                    games.add(game)
            games.sync()
    report = EvalReport(
        agent=agent.name,
        suite=suite.name,
        suite_hash=suite.suite_hash,
        greedy=_report(games.of("greedy"), suite, seed),
        sampled=_report(games.of("sampled"), suite, seed),
        protocol={
            "samples": samples,
            "temperature": temperature,
            "seed": seed,
            "max_guesses": suite.protocol.max_guesses,
            "prompt_hash": suite.prompt_hash,
        },
    )
    if out_dir is not None:
        write_atomically(Path(out_dir) / "summary.json", json.dumps(report_json(report), indent=1))
    return report


def report_json(report: EvalReport) -> dict[str, Any]:
    """A report as plain data for JSON, with the names of the records."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(report)))
    return plain


def fingerprint(agent: Agent) -> str:
    """What tells an agent apart from others: its own fingerprint, else its name."""
    return agent.fingerprint if isinstance(agent, Fingerprinted) else agent.name


class _Games:
    """The games of a plan as they come in; what the log already holds is in at once."""

    def __init__(
        self,
        plan: Sequence[_Planned],
        log: GameLog | None,
        on_game: OnGame | None,
        workers: Workers | None,
    ) -> None:
        self._plan = plan
        self._log = log
        self._on_game = on_game
        self._found: dict[GameKey, GameRecord] = {}
        known = {} if log is None else log.games
        if workers is not None:
            known = workers.from_first(lambda: known)
        for planned in plan:
            if planned.key in known:
                self._take(known[planned.key])

    def missing(self, size: int) -> Iterator[list[_Planned]]:
        """What is left to play, in batches of one mode."""
        for mode in ("greedy", "sampled"):
            left = [p for p in self._plan if p.mode == mode and p.key not in self._found]
            for start in range(0, len(left), size):
                yield left[start : start + size]

    def add(self, game: GameRecord) -> None:
        """Take in a game that has just ended."""
        if self._log is not None:
            self._log.append(game)
        self._take(game)

    def sync(self) -> None:
        """Wait until what was added is on disk."""
        if self._log is not None:
            self._log.sync()

    def of(self, mode: Mode) -> list[GameRecord]:
        """The games of one mode in the order of the plan, however they came in."""
        return [self._found[planned.key] for planned in self._plan if planned.mode == mode]

    def _take(self, game: GameRecord) -> None:
        self._found[key_of(game)] = game
        if self._on_game is not None:
            self._on_game(game)


def _plan(suite: Suite, greedy: bool, samples: int) -> list[_Planned]:
    best = [_Planned("greedy", task, 0) for task in suite.tasks if greedy]
    return best + [_Planned("sampled", task, k) for task in suite.tasks for k in range(samples)]


def _open_log(out_dir: Path, agent: Agent, suite: Suite, seed: int, temperature: float) -> GameLog:
    header = {
        "suite": suite.name,
        "suite_hash": suite.suite_hash,
        "agent": fingerprint(agent),
        "seed": seed,
        "temperature": temperature,
    }
    return GameLog(out_dir / "games.jsonl", header)


def _play(
    agent: Agent,
    suite: Suite,
    batch: Sequence[_Planned],
    on_game: OnGame,
    seed: int,
    temperature: float,
) -> None:
    """Play a batch of one mode and tell of each game as it ends."""
    if not batch:
        return

    def build(task: Task) -> TextEnv:
        reads = supported(task.env_id, style=agent.style, history="last")
        return make_env(task.env_id, **suite.env_options, **reads)

    def finish(index: int, episode: Episode) -> None:
        planned = batch[index]
        on_game(game_record(episode, mode=planned.mode, sample=planned.sample))

    play_games(
        agent,
        [planned.task for planned in batch],
        make_env=build,
        temperature=0.0 if batch[0].mode == "greedy" else temperature,
        seeds=[seed_from(seed, p.mode, p.task.task_id, p.sample) for p in batch],
        on_episode=finish,
    )


def _report(games: Sequence[GameRecord], suite: Suite, seed: int) -> PlayReport | None:
    if not games:
        return None
    return play_report(
        games,
        max_guesses=suite.protocol.max_guesses,
        seed=seed,
        held_against=yardstick(suite),
    )
