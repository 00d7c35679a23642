"""The table of a model card: a model on the suites of its games, greedy and sampled.

    python benchmarks/card.py nano [--suites wordle-val,math-1] [--samples 4] [--out runs/cards]

Held-out suites are opened by this: run it when the model is final. Games that are on disk are not
played again.
"""

from __future__ import annotations

from pathlib import Path

import click

from wordle_rl.agents.loading import load_agent
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.report import comparison_markdown, rows_of
from wordle_rl.evaluation.suites import load_suite

SUITES = (
    "wordle-val,wordle-heldout,wordle-train,wordle-all,guess-number-1000-val,guess-number-1000,"
    "math-1-val,math-1,math-2-val,math-2"
)


@click.command()
@click.argument("model")
@click.option("--suites", default=SUITES, show_default=True)
@click.option("--samples", default=4, show_default=True, help="Sampled games (T = 1) a secret.")
@click.option("--out", default="runs/cards", show_default=True, type=click.Path(path_type=Path))
def main(model: str, suites: str, samples: int, out: Path) -> None:
    """Play the suites and print the table."""
    agent = load_agent(model)
    rows = []
    for name in suites.split(","):
        folder = out / model.replace("/", "_") / name
        report = evaluate(agent, load_suite(name), samples=samples, out_dir=folder)
        rows += rows_of(report, name)
    click.echo(comparison_markdown(rows))


if __name__ == "__main__":
    main()
