"""TensorBoard, Weights & Biases and trackio, as a run sees them: numbers of a step, text, the end.

All three are extras, imported when one is opened. TensorBoard and W&B write into the run folder,
trackio into its own (`TRACKIO_DIR`). A run that is resumed is opened again under the same id.
"""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from wordle_rl.config import LoggerName, Section, to_toml

SETTINGS, GAME = "settings", "game"
"""What the settings, and a game as text, are filed under."""
INIT_S, FINISH_S = 30.0, 60.0
"""Longest waits for W&B's server, where there is an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRun:
    """What a logger is told of a run."""

    path: Path
    id: str
    """The same for every attempt at the run, and for no other run."""
    project: str
    settings: Section
    is_new: bool
    """False where an earlier attempt was logged."""


class Logger(Protocol):
    """An open logger."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """The numbers of a step; steps come in order, each once."""

    def game(self, step: int, text: str) -> None:
        """A game of a step that was logged."""

    def close(self) -> None:
        """Write what is not written yet."""


class TensorBoard:
    """Event files in `tensorboard/` of the run folder."""

    def __init__(self, run: LoggedRun) -> None:
        writer: Any = import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(run.path / "tensorboard"))
        if run.is_new:
            self._writer.add_text(SETTINGS, _fenced(to_toml(run.settings)), 0)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One scalar a metric."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def game(self, step: int, text: str) -> None:
        """On the page "Text"."""
        self._writer.add_text(GAME, _fenced(text), step)

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


class WeightsAndBiases:
    """A W&B run, its files in `wandb/` of the run folder.

    Without an account it is offline, for `wandb sync` to upload later; `WANDB_MODE` overrules that.
    """

    def __init__(self, run: LoggedRun) -> None:
        wandb: Any = import_module("wandb")
        is_known = "WANDB_MODE" in os.environ or wandb.login(prompt=False)
        self._html = wandb.Html
        self._run = wandb.init(
            project=run.project,
            id=run.id,
            name=run.path.name,
            dir=run.path,
            config=run.settings.model_dump(mode="json"),
            resume="allow",
            reinit="create_new",
            mode=None if is_known else "offline",
            settings=wandb.Settings(
                console="off", quiet=True, init_timeout=INIT_S, finish_timeout=FINISH_S
            ),
        )

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One row of the run's history."""
        self._run.log(dict(metrics), step=step)

    def game(self, step: int, text: str) -> None:
        """A panel of text in the step's row."""
        self._run.log({GAME: self._html(f"<pre>{html.escape(text)}</pre>")}, step=step)

    def close(self) -> None:
        """Upload what is left, or close the offline file."""
        self._run.finish()


class Trackio:
    """A run of a local trackio project (`trackio show`); what it prints goes to standard error."""

    def __init__(self, run: LoggedRun) -> None:
        self._trackio: Any = import_module("trackio")
        with redirect_stdout(sys.stderr):
            self._run = self._trackio.init(
                project=run.project,
                name=f"{run.path.name}-{run.id}",
                config=run.settings.model_dump(mode="json"),
                resume="allow",
                embed=False,
            )

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """One row of the run's log."""
        self._run.log(dict(metrics), step=step)

    def game(self, step: int, text: str) -> None:
        """A report beside the step's row."""
        self._run.log({GAME: self._trackio.Markdown(_fenced(text))}, step=step)

    def close(self) -> None:
        """Write what is queued; closed by the module, which would close it once more at exit."""
        with redirect_stdout(sys.stderr):
            self._trackio.finish()


OPENERS: Mapping[LoggerName, Callable[[LoggedRun], Logger]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "trackio": Trackio,
}
"""The name of a logger, which is that of its package and of its extra -> how it is opened."""


def _fenced(text: str) -> str:
    """Text that Markdown shows as it is."""
    return f"```\n{text}\n```"
