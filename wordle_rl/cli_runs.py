"""What a run left behind, looked at: `wordle-rl replay`, `report` and `dataset`.

Everything heavy is imported when a command runs, so that `--help` is quick. torch is never needed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wordle_rl.errors import ConfigError, RunError
from wordle_rl.run_dir import write_atomically
from wordle_rl.terminal import clean_exit, forgive_encoding, is_terminal, keys_of

if TYPE_CHECKING:
    from wordle_rl.evaluation.recorded import GameFile

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
@steps_option
@click.option("--secret", metavar="WORD", help="Only games with this secret.")
@click.option("--evaluations", is_flag=True, help="The games of evaluations, not of training.")
@click.option("--contrast", is_flag=True, help="Orange and blue instead of green and yellow.")
def replay(
    path: Path, steps: tuple[int, ...], secret: str | None, evaluations: bool, contrast: bool
) -> None:
    """Look at the recorded games of RUN and see a policy change.

    RUN is a run folder, a folder of `evaluate --out`, or a file of games. On a terminal: n and p
    for the next and the previous game, ] and [ for the next and the previous step, space for guess
    by guess, q to quit; arrow keys too. Into a pipe every game is listed.
    """
    from rich.console import Console

    from wordle_rl.evaluation.recorded import env_options
    from wordle_rl.evaluation.replay import look_for
    from wordle_rl.replay_session import Album, browse, listing

    files = _chosen(path, steps, evaluations, secret)
    with clean_exit():
        forgive_encoding()
        console = Console(highlight=False, markup=False, emoji=False)
        album = Album(files=tuple(files), options=env_options(path))
        look = look_for(console, contrast=contrast)
        if is_terminal(sys.stdin) and console.is_interactive:
            with keys_of(sys.stdin) as read_key:
                browse(album, console, look, read_key)
        else:
            listing(album, console, look)


def _chosen(
    path: Path, steps: tuple[int, ...], evaluations: bool, secret: str | None
) -> list[GameFile]:
    from wordle_rl.evaluation.recorded import (
        at_steps,
        evaluation_files,
        game_files,
        training_files,
    )
    from wordle_rl.replay_session import with_secret

    if evaluations and steps:
        raise ConfigError("--step is for games of training: leave it out with --evaluations")
    files = game_files(path)
    if evaluations:
        files = evaluation_files(files)
        if not files:
            raise RunError(f"no games of evaluations in {str(path)!r}: leave out --evaluations")
    else:
        files = at_steps(training_files(files) or files, steps)
    return files if secret is None else with_secret(files, secret)


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
