"""The README's leaderboard: every reference agent on the held-out suite and on all words.

    python benchmarks/leaderboard.py [--agents random,solver,nano] [--suites wordle-heldout]
                                     [--out runs/leaderboard] [--samples 4]

Prints markdown: a board a suite, and beside them what others have published under protocols of
their own. An agent whose games are kept in `--out` is not played again, so a stop loses nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

AGENTS = "random,random-consistent,greedy-entropy,solver,nano,champion"
SUITES = "wordle-heldout,wordle-all"


def play(agent: str, suite: str, out: Path, samples: int) -> None:
    """Evaluate one agent on one suite into the store, in a process of its own."""
    folder = out / suite / agent.replace("/", "_")
    command = [sys.executable, "-m", "wordle_rl", "evaluate", agent, "--suite", suite]
    command += ["--samples", str(samples), "--out", str(folder), "--no-train-split"]
    subprocess.run([*command, "--store", str(out / "results.db")], check=True, stdout=sys.stderr)


def show(suites: list[str], out: Path) -> None:
    """Print the boards as markdown."""
    command = [sys.executable, "-m", "wordle_rl", "leaderboard", "--markdown"]
    command += [part for suite in suites for part in ("--suite", suite)]
    subprocess.run([*command, "--store", str(out / "results.db")], check=True)


@click.command()
@click.option("--agents", default=AGENTS, show_default=True)
@click.option("--suites", default=SUITES, show_default=True)
@click.option("--out", default="runs/leaderboard", type=click.Path(path_type=Path))
@click.option("--samples", default=0, show_default=True, help="Sampled games a secret.")
def main(agents: str, suites: str, out: Path, samples: int) -> None:
    """Play what is missing and print the boards."""
    for suite in suites.split(","):
        for agent in agents.split(","):
            play(agent, suite, out, samples)
    show(suites.split(","), out)


if __name__ == "__main__":
    main()
