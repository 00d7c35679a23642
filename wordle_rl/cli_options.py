"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

STORE = click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("runs/results.db"),
    show_default=True,
    envvar="WORDLE_RL_STORE",
    help="Where results are recorded; a file that is not there is made.",
)
"""Of every command that writes or reads results."""
