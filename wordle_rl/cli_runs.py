"""What a run left behind, looked at: `wordle-rl replay`, `report` and `dataset`.

Everything heavy is imported when a command runs, so that `--help` is quick. torch is never needed.
"""

from __future__ import annotations

from pathlib import Path

import click

from wordle_rl.run_dir import write_atomically

path_argument = click.argument("path", metavar="RUN", type=click.Path(path_type=Path))
steps_option = click.option(
    "--step",
    "steps",
    multiple=True,
    type=click.IntRange(min=0),
    help="The games of this training step; repeatable.",
)


@click.command()
@path_argument
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: RUN/report.html."
)
def report(path: Path, out: Path | None) -> None:
    """Write a page about RUN, a folder of train or pretrain, finished or not.

    One file of HTML that needs no network: curves, before and after, where guesses fall away, games
    early and late, settings and provenance.
    """
    from wordle_rl.evaluation.report_page import report_html

    page = report_html(path)
    out = out or path / "report.html"
    write_atomically(out, page)
    click.echo(f"wrote {out}")


@click.command()
@path_argument
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@steps_option
@click.option("--won", is_flag=True, help="Only games that were won.")
@click.option("--min-reward", type=float, help="Only games that earned at least so much.")
def dataset(
    path: Path, out: Path, steps: tuple[int, ...], won: bool, min_reward: float | None
) -> None:
    """Write the recorded games of RUN as chat data to OUT, a .jsonl or a .parquet file.

    RUN is a run folder, a folder of `evaluate --out`, or a file of games. A row is a game: its
    messages, as TRL and axolotl read them for supervised fine-tuning, with reward, solved, secret,
    split, step and more.
    """
    from wordle_rl.evaluation.dataset import dataset_rows, held_out, write_dataset
    from wordle_rl.evaluation.recorded import at_steps, game_files

    rows = dataset_rows(at_steps(game_files(path), steps), won=won, min_reward=min_reward)
    write_dataset(rows, out)
    click.echo(f"wrote {len(rows)} games to {out}")
    for split, count in held_out(rows).items():
        click.echo(
            f"warning: {count} games are of split {split!r}: a model trained on them cannot be "
            "measured on its secrets",
            err=True,
        )
