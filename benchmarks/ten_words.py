"""Every algorithm on the ten words of the tests: wins before and after, steps, seconds.

    python -m benchmarks.ten_words [--seeds 0,1,2] [--algos dr_grpo,ppo] [--out runs/ten.jsonl]
    python -m benchmarks.ten_words --table-only          # from runs that are there already

Settings and player are those of `tests/learning.py`. Every run is a line of the file; a run that is
there with the same settings is not run again. The table goes into docs/algorithms.md.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from tests.learning import COMMON, METHODS, OWN, learn

PAGE = Path(__file__).resolve().parents[1] / "docs" / "algorithms.md"
BEGIN, END = "<!-- ten words: begin -->\n", "<!-- ten words: end -->"
"""Around the table."""


def run(algo: str, seed: int) -> dict[str, Any]:
    """Train once, in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        learned = learn(algo, Path(folder), f"train.seed={seed}")
    return {
        **key(algo, seed),
        "before": learned.before,
        "after": learned.after,
        "steps": learned.steps,
        "seconds": round(learned.seconds, 1),
    }


def key(algo: str, seed: int) -> dict[str, Any]:
    """What makes a run another one."""
    return {"algo": algo, "seed": seed, "settings": [*COMMON, *OWN.get(algo, ())]}


def same(run: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether that is the run."""
    return run.items() >= wanted.items()


def recorded(out: Path) -> Iterator[dict[str, Any]]:
    """The runs on file."""
    if out.is_file():
        yield from map(json.loads, out.read_text(encoding="utf-8").splitlines())


def table(runs: Sequence[dict[str, Any]], seeds: Sequence[int]) -> str:
    """Markdown: one line for each algorithm that was run; steps and seconds are medians."""
    after = " | ".join(f"after, seed {seed}" for seed in seeds)
    lines = [
        f"| algorithm | own settings | before | {after} | steps | seconds |",
        f"| --- | --- |{' ---: |' * (len(seeds) + 3)}",
    ]
    for algo in METHODS:
        found = {seed: run for seed in seeds for run in runs if same(run, key(algo, seed))}
        if found:
            lines.append(row(algo, [found.get(seed) for seed in seeds]))
    return "\n".join(lines) + "\n"


def row(algo: str, by_seed: Sequence[dict[str, Any] | None]) -> str:
    """One line of the table; a dash where a seed was not run."""
    runs = [run for run in by_seed if run is not None]
    cells = [
        f"`{algo}`",
        ", ".join(f"`{setting}`" for setting in OWN.get(algo, ())),
        percent(runs[0]["before"]),
        *("-" if run is None else percent(run["after"]) for run in by_seed),
        f"{statistics.median(run['steps'] for run in runs):g}",
        f"{statistics.median(run['seconds'] for run in runs):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def percent(share: float) -> str:
    """`95.2 %`."""
    return f"{100 * share:.1f} %"


@click.command()
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--algos", default=",".join(METHODS), help="Default: all.")
@click.option("--out", default="runs/ten.jsonl", show_default=True, type=click.Path(path_type=Path))
@click.option("--table-only", is_flag=True, help="Train nothing.")
def main(seeds: str, algos: str, out: Path, table_only: bool) -> None:
    """Train what is missing, print the table and put it into docs/algorithms.md."""
    numbers = [int(seed) for seed in seeds.split(",")]
    out.parent.mkdir(parents=True, exist_ok=True)
    wanted = [(algo, seed) for seed in numbers for algo in algos.split(",")]
    for algo, seed in [] if table_only else wanted:
        if any(same(done, key(algo, seed)) for done in recorded(out)):
            continue
        result = run(algo, seed)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        click.echo(json.dumps(result))
    written = table(list(recorded(out)), numbers)
    click.echo(written)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{written}{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
