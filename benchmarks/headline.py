"""The README's table of results: the same training with several seeds, then one table.

    python benchmarks/headline.py --seeds 0,1,2 [--out runs/headline] [--preset default]
    python benchmarks/headline.py --table-only          # from runs that are there already

Each seed is one `wordle-rl train`; what is shown is the comparison it writes at its end
(`eval/comparison.json`): before and after on the held-out test secrets, greedy and sampled, and the
paired gain with its 95 % interval. A seed whose run is finished is not run again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from wordle_rl.run_dir import RunDir, is_run


def train_seed(folder: Path, preset: str, seed: int, more: tuple[str, ...]) -> None:
    """Run or resume one seed in a process of its own."""
    command = [sys.executable, "-m", "wordle_rl.cli", "train", "--run-dir", str(folder)]
    if is_run(folder):
        command += ["--resume"]
    else:
        command += ["--preset", preset, "--seed", str(seed)]
        command += [part for item in more for part in ("--set", item)]
    subprocess.run(command, check=True)


def interval(estimate: dict[str, Any], scale: float, digits: int, unit: str = "") -> str:
    """`81.3 % [75.7, 85.9]`."""
    if estimate["value"] is None:
        return "-"
    value, low, high = (round(scale * estimate[key], digits) for key in ("value", "low", "high"))
    return f"{value:.{digits}f}{unit} [{low:.{digits}f}, {high:.{digits}f}]"


def table(comparisons: dict[int, dict[str, Any]]) -> str:
    """Markdown: one row for the starting model, one a seed."""
    lines = [
        "| model | decoding | n | wins | score (loss = 7) | guesses on wins | paired gain |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for mode in ("greedy", "sampled"):
        first = next(iter(comparisons.values()))
        lines.append(row("before", mode, first["before"][mode], None))
        for seed, result in comparisons.items():
            name = f"after, seed {seed}"
            lines.append(row(name, mode, result["after"][mode], result["gain"][mode]))
    return "\n".join(lines)


def row(name: str, mode: str, play: dict[str, Any], gain: dict[str, Any] | None) -> str:
    """One line of the table."""
    cells = [
        name,
        mode,
        str(play["n"]),
        interval(play["win_rate"], 100, 1, " %"),
        interval(play["score"], 1, 2),
        interval(play["mean_guesses"], 1, 2),
        interval(gain["win_rate"], 100, 1) if gain else "",
    ]
    return f"| {' | '.join(cells)} |"


@click.command()
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--out", default="runs/headline", show_default=True, type=click.Path(path_type=Path))
@click.option("--preset", default="default", show_default=True)
@click.option("--set", "more", multiple=True, help="Passed on to wordle-rl train.")
@click.option("--table-only", is_flag=True, help="Train nothing.")
def main(seeds: str, out: Path, preset: str, more: tuple[str, ...], table_only: bool) -> None:
    """Train the seeds and print the table."""
    comparisons = {}
    for seed in map(int, seeds.split(",")):
        folder = out / f"seed-{seed}"
        finished = folder / "eval" / "comparison.json"
        if not finished.is_file() and not table_only:
            train_seed(folder, preset, seed, more)
        comparisons[seed] = json.loads(finished.read_text())
    meta = json.loads((RunDir(out / f"seed-{seeds.split(',')[0]}").path / "meta.json").read_text())
    click.echo(table(comparisons))
    click.echo(
        f"\n{meta['hardware']}; torch {meta['packages']['torch']}; commit {meta['git_commit']}"
    )


if __name__ == "__main__":
    main()
