"""What came of an experiment: one table with paired intervals, one picture, both also as files.

Each run's best checkpoint plays the same secrets. A variant's rates are over all its seeds, with
intervals over secrets; its gain is over the first variant, paired by secret, and beside it the gain
of every seed alone: three seeds that disagree say more than a narrow interval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from wordle_rl.evaluation.curves import plot_runs
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.paired import PairedResult, paired
from wordle_rl.evaluation.report import percent, table
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import PlayReport
from wordle_rl.run_dir import write_atomically
from wordle_rl.training.experiments import ExperimentConfig, PlannedRun
from wordle_rl.training.policy import load_player
from wordle_rl.training.validation import chosen_suites

COLUMNS = ("variant", "moves", "seeds", "n", "wins", "gain", "gain by seed")
Games = Mapping[str, Mapping[int, Sequence[GameRecord]]]
"""Variant -> seed -> games of one mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One variant on one suite, in one way of choosing moves."""

    variant: str
    suite: str
    mode: str
    seeds: int
    play: PlayReport
    """Of all seeds together."""
    gain: PairedResult | None
    """Over the first variant; None for itself."""
    gain_by_seed: tuple[float, ...]
    """Points of win rate, seed by seed."""


def compare_runs(
    planned: Sequence[PlannedRun], experiment: ExperimentConfig, folder: Path, console: Console
) -> tuple[Standing, ...]:
    """Play what the runs have become; print the table; write `comparison.json` and `curves.png`.

    Games are kept in `eval/`, so an interrupted comparison goes on.
    """
    played = {run.name: _play(run, experiment, folder, console) for run in planned}
    standings: list[Standing] = []
    for suite in _suites(planned, experiment):
        for mode in ("greedy", "sampled"):
            games = _by_variant(planned, played, suite, mode)
            standings += _standings(games, suite, mode)
    content = [asdict(standing) for standing in standings]
    write_atomically(folder / "comparison.json", json.dumps(content, indent=1))
    plot_runs(_records(planned), folder / "curves.png")
    for suite in _suites(planned, experiment):
        console.print(f"\n[bold]{suite.name}[/] ({len(suite.tasks)} secrets)")
        console.print(standings_table([s for s in standings if s.suite == suite.name]))
    return tuple(standings)


def standings_table(standings: Sequence[Standing]) -> Table:
    """The variants as a table for the terminal, intervals below their values."""
    return table(COLUMNS, [_cells(standing) for standing in standings], left=2)


def _cells(standing: Standing) -> list[str]:
    gain = "" if standing.gain is None else percent(standing.gain.win_rate, sign="+")
    by_seed = " ".join(f"{100 * value:+.1f}" for value in standing.gain_by_seed)
    wins = percent(standing.play.win_rate)
    numbers = [str(standing.seeds), str(standing.play.n), wins, gain, by_seed]
    return [standing.variant, standing.mode, *numbers]


def _suites(planned: Sequence[PlannedRun], experiment: ExperimentConfig) -> tuple[Suite, ...]:
    """The suites of all games that the runs train on."""
    found: dict[str, Suite] = {}
    for run in planned:
        for suite in _suites_of(run, experiment):
            found.setdefault(suite.suite_hash, suite)
    return tuple(found.values())


def _suites_of(run: PlannedRun, experiment: ExperimentConfig) -> tuple[Suite, ...]:
    env = run.config.env
    return chosen_suites(experiment.suite, env.id, env.options, experiment.split, env.opponent)


def _play(
    run: PlannedRun, experiment: ExperimentConfig, folder: Path, console: Console
) -> dict[str, list[GameRecord]]:
    """The games of a run's best checkpoint, by suite."""
    agent = load_player(run.config.model, str(run.run.path))
    games: dict[str, list[GameRecord]] = {}
    for suite in _suites_of(run, experiment):
        place = f"{run.name}-{suite.suite_hash[:8]}-{agent.fingerprint[:8]}"
        kept = games[suite.suite_hash] = []
        with console.status(f"playing {suite.name} with {run.name}"):
            evaluate(
                agent,
                suite,
                samples=experiment.samples,
                out_dir=folder / "eval" / place,
                on_game=kept.append,
            )
    return games


def _by_variant(
    planned: Sequence[PlannedRun],
    played: Mapping[str, Mapping[str, Sequence[GameRecord]]],
    suite: Suite,
    mode: str,
) -> Games:
    found: dict[str, dict[int, Sequence[GameRecord]]] = {}
    for run in planned:
        games = [g for g in played[run.name].get(suite.suite_hash, ()) if g["mode"] == mode]
        if games:
            found.setdefault(run.variant, {})[run.seed] = games
    return found


def _standings(games: Games, suite: Suite, mode: str) -> list[Standing]:
    if not games:
        return []
    limit = suite.protocol.max_guesses
    first = next(iter(games))
    base = games[first]
    found = []
    for variant, by_seed in games.items():
        alone = [
            paired(by_seed[seed], base[seed], max_guesses=limit)
            for seed in by_seed
            if variant != first and seed in base
        ]
        gain = paired(_all(by_seed), _all(base), max_guesses=limit) if variant != first else None
        found.append(
            Standing(
                variant=variant,
                suite=suite.name,
                mode=mode,
                seeds=len(by_seed),
                play=play_report(_all(by_seed), max_guesses=limit),
                gain=gain,
                gain_by_seed=tuple(result.win_rate.value or 0.0 for result in alone),
            )
        )
    return found


def _all(by_seed: Mapping[int, Sequence[GameRecord]]) -> list[GameRecord]:
    return [game for games in by_seed.values() for game in games]


def _records(planned: Sequence[PlannedRun]) -> dict[str, list[Sequence[Mapping[str, Any]]]]:
    """The logged lines of the runs, by variant."""
    found: dict[str, list[Sequence[Mapping[str, Any]]]] = {}
    for run in planned:
        found.setdefault(run.variant, []).append(list(run.run.records()))
    return found
