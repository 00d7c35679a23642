"""`wordle-rl experiment`: several runs, one comparison.

Everything heavy is imported when the command runs.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wordle_rl.config import apply_overrides, parse, read_toml
from wordle_rl.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from wordle_rl.training.experiment_report import Standing
    from wordle_rl.training.experiments import ExperimentConfig, PlannedRun

INTERRUPTED = 130


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--preset", help="Settings that every run starts from: a name or a .toml file.")
@click.option(
    "--vary",
    multiple=True,
    metavar="KEY=V1,V2",
    help="A setting and its values; several make every combination. The first is the baseline.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Runs of each variant; 1 by default.")
@click.option("--at-once", type=click.IntRange(min=1), help="Most runs at a time; 1 by default.")
@click.option("--suite", help="What the variants are compared on; by default validation secrets.")
@click.option(
    "--split", help="Which secrets the default suite takes: val, train, or test for the last word."
)
@click.option("--samples", type=click.IntRange(min=0), help="Sampled games a secret; 4 by default.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The experiment's folder; default: runs/NAME-OF-THE-FILE, or runs/experiment.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one setting of all runs; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON only.")
def experiment(
    file: Path | None,
    vary: tuple[str, ...],
    out: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **flags: Any,
) -> None:
    """Train several runs and compare them: FILE.toml, or --vary and --seeds.

    Finished runs are skipped, stopped ones go on: the same command continues after Ctrl-C. The
    table has every variant's win rate and its gain over the first one, paired by secret; curves.png
    shows all runs in one picture.
    """
    from rich.console import Console

    from wordle_rl.training.experiment_runs import train_runs
    from wordle_rl.training.experiments import ExperimentConfig, plan_runs, read_variations

    values = {} if file is None else read_toml(file)
    values |= {key: value for key, value in flags.items() if value is not None}
    if not isinstance(values.get("settings", {}), dict) or not isinstance(
        values.get("vary", {}), dict
    ):
        raise ConfigError("settings and vary of an experiment are tables: write [settings.train]")
    values["settings"] = apply_overrides(values.get("settings", {}), overrides)
    values["vary"] = values.get("vary", {}) | read_variations(vary)
    config = parse(ExperimentConfig, values)
    folder = out or Path("runs") / (file.stem if file else "experiment")
    console = Console(stderr=as_json)
    planned = plan_runs(config, folder)
    _say_plan(planned, folder, console)
    try:
        train_runs(planned, at_once=config.at_once, console=console)
        standings = _compare(planned, config, folder, console)
    except KeyboardInterrupt:
        console.print("stopped. The same command goes on.", highlight=False)
        raise click.exceptions.Exit(INTERRUPTED) from None
    if as_json:
        click.echo(json.dumps([asdict(standing) for standing in standings]))


def _say_plan(planned: tuple[PlannedRun, ...], folder: Path, console: Console) -> None:
    done = sum(run.is_finished for run in planned)
    variants = len({run.variant for run in planned})
    console.print(
        f"{len(planned)} runs ({variants} variants) in {folder}, {done} of them finished",
        highlight=False,
        soft_wrap=True,
    )


def _compare(
    planned: tuple[PlannedRun, ...], config: ExperimentConfig, folder: Path, console: Console
) -> tuple[Standing, ...]:
    from wordle_rl.training.experiment_report import compare_runs

    standings = compare_runs(planned, config, folder, console)
    if config.split == "val":
        console.print(
            "Checkpoints were chosen on these secrets: compare variants with them, and publish "
            "figures on --split test."
        )
    console.print(f"curves: {folder / 'curves.png'}", highlight=False, soft_wrap=True)
    return standings
