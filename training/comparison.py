"""Before and after: the starting model and the best checkpoint on the same held-out secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.evaluation.evaluator import evaluate, report_json
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.paired import PairedResult, paired
from wordle_rl.evaluation.report import comparison_table, paired_table, rows_of
from wordle_rl.evaluation.suites import Suite
from wordle_rl.records import EvalReport
from wordle_rl.run_dir import RunDir, write_atomically
from wordle_rl.training.memory import evaluated_at_once
from wordle_rl.training.policy import load_player
from wordle_rl.training.processes import workers, world


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Before and after on one suite."""

    before: EvalReport
    after: EvalReport
    gain: Mapping[str, PairedResult]
    """After minus before, by mode of decoding."""


def compare(
    config: TrainConfig, run: RunDir, suites: Sequence[Suite], console: Console
) -> tuple[Comparison, ...]:
    """Play the suites with the starting model and with the best checkpoint; print and save.

    The games of a model are kept in a folder of their own, so an interrupted comparison goes on and
    a run that was prolonged is compared afresh. Several processes share the games; the first one
    writes.
    """
    world().from_first(lambda: None)  # nobody reads a checkpoint that is not written yet
    models = {"before": config.model.path, "after": str(run.path)}
    reports: dict[tuple[str, str], EvalReport] = {}
    games: dict[tuple[str, str], list[GameRecord]] = {}
    for when, path in models.items():
        agent = load_player(config.model, path)
        for suite in suites:
            kept = games[when, suite.name] = []
            with console.status(f"playing {suite.name} with the model {when} training"):
                reports[when, suite.name] = evaluate(
                    agent,
                    suite,
                    samples=config.eval.final_samples,
                    out_dir=_folder(run, suite, when, agent) if run.writes else None,
                    on_game=kept.append,
                    workers=workers(),
                    batch_games=evaluated_at_once(config, world().count),
                )
        del agent  # before the next one is loaded
    results = []
    for suite in suites:
        result = Comparison(
            before=reports["before", suite.name],
            after=reports["after", suite.name],
            gain=_gain(games["before", suite.name], games["after", suite.name], suite),
        )
        _print(result, suite, console)
        results.append(result)
    content = json.dumps(comparisons_json(results), indent=1)
    if run.writes:
        write_atomically(run.evaluations / "comparison.json", content)
    return tuple(results)


def comparisons_json(results: Sequence[Comparison]) -> dict[str, Any]:
    """The comparisons as plain data: of several, one for each suite under its name."""
    if len(results) == 1:
        return _json(results[0])
    return {"suites": {result.before.suite: _json(result) for result in results}}


def _json(result: Comparison) -> dict[str, Any]:
    return {
        "before": report_json(result.before),
        "after": report_json(result.after),
        "gain": {mode: asdict(value) for mode, value in result.gain.items()},
    }


def _gain(
    before: Sequence[GameRecord], after: Sequence[GameRecord], suite: Suite
) -> dict[str, PairedResult]:
    return {
        mode: paired(
            [game for game in after if game["mode"] == mode],
            [game for game in before if game["mode"] == mode],
            max_guesses=suite.protocol.max_guesses,
        )
        for mode in ("greedy", "sampled")
        if any(game["mode"] == mode for game in after)
    }


def _print(result: Comparison, suite: Suite, console: Console) -> None:
    rows = rows_of(result.before, suite.split) + rows_of(result.after, suite.split)
    console.print(f"\n[bold]Before and after on {suite.name}[/] ({len(suite.tasks)} secrets)")
    console.print(comparison_table(rows))
    console.print("[bold]Paired gain[/] (after - before, same secrets, 95 % interval)")
    console.print(paired_table(result.gain))


def _folder(run: RunDir, suite: Suite, when: str, agent: LanguageAgent) -> Path:
    """Where the games of a model on a suite are kept."""
    name = "".join(c if c.isalnum() or c in "-." else "_" for c in suite.name)
    return run.evaluations / f"{name}-{when}-{agent.fingerprint[:8]}"
