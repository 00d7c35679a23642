"""A run's numbers in experiment loggers, beside `metrics.jsonl` (`log.to`).

Loggers watch a run as the display does: they are told the settings, the numbers of every step and
now and then a game. They are no part of the run: one that fails is dropped with a warning. A step
is logged once: what an earlier attempt has logged is left out when a resumed run comes by again,
where it logs the same numbers.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from secrets import token_hex

from rich.console import Console

from wordle_rl.config import LoggerName, LogSection, PretrainConfig, TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, StepRecord
from wordle_rl.run_dir import RunDir, write_atomically
from wordle_rl.training.game_files import game_text
from wordle_rl.training.logger_kinds import OPENERS, LoggedRun, Logger
from wordle_rl.training.trainer import Display

Warn = Callable[[str], None]


def check_loggers(settings: LogSection) -> None:
    """Find out that a logger cannot be opened before anything is written.

    Raises:
        ConfigError: its package is not installed.
    """
    for name in settings.to:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:  # a folder ./wandb is found too, without an origin
            raise ConfigError(f"log.to={name!r} needs {name}: pip install 'wordle-rl[{name}]'")


class Loggers:
    """The open loggers of a run; what goes wrong in one is its own affair.

    Args:
        logged: the last step that they have been told.
    """

    def __init__(self, logged: int) -> None:
        self.logged = logged
        self._open: dict[LoggerName, Logger] = {}

    def open(self, name: LoggerName, run: LoggedRun, warn: Warn) -> None:
        """Add one."""

        def begin() -> None:
            self._open[name] = OPENERS[name](run)

        self._attempt(name, begin, warn)

    def tell(self, call: Callable[[Logger], None], warn: Warn) -> None:
        """Call every one; those that fail are told nothing more."""
        for name, logger in list(self._open.items()):
            self._attempt(name, partial(call, logger), warn)

    def _attempt(self, name: LoggerName, call: Callable[[], None], warn: Warn) -> None:
        """Turn whatever is raised into a warning: no run is lost to code that only watches it."""
        try:
            call()
        except Exception as error:
            self._open.pop(name, None)
            reason = " ".join(str(error).split()) or type(error).__name__
            warn(f"{name}: {reason} (the run goes on without it)")

    def beside(self, display: Display, *, games_every_steps: int = 0) -> Display:
        """A display that shows what it is told on `display`, and logs it.

        Args:
            display: where warnings appear, too.
            games_every_steps: every which step a game is logged; 0 for none.
        """
        return _LoggedDisplay(self, display, games_every_steps)


@dataclass(slots=True)
class _LoggedDisplay:
    loggers: Loggers
    display: Display
    games_every_steps: int
    is_game_due: bool = False

    def step(self, record: StepRecord) -> None:
        """Log the numbers of a step that is new to the loggers."""
        self.display.step(record)
        is_new = record.step > self.loggers.logged
        self.is_game_due = (
            is_new and self.games_every_steps > 0 and record.step % self.games_every_steps == 0
        )
        if is_new:
            self.loggers.logged = record.step
            self._tell(lambda logger: logger.log(record.step, record.metrics))

    def game(self, episode: Episode) -> None:
        """Log a game of the step, if one is due."""
        self.display.game(episode)
        if self.is_game_due:
            self._tell(lambda logger: logger.game(self.loggers.logged, game_text(episode)))

    def warn(self, text: str) -> None:
        """For the display alone."""
        self.display.warn(text)

    def phase(self, text: str) -> None:
        """For the display alone."""
        self.display.phase(text)

    def _tell(self, call: Callable[[Logger], None]) -> None:
        self.loggers.tell(call, self.display.warn)


@contextmanager
def open_loggers(
    config: TrainConfig | PretrainConfig, run: RunDir, console: Console
) -> Iterator[Loggers]:
    """The loggers of a run, none in a process that does not write.

    Args:
        config: the settings; `config.log` says which.
        run: the run folder, which exists; its log has not been cut back yet.
        console: for what goes wrong before the first step and after the last.
    """

    def warn(text: str) -> None:
        console.print(f"warning: {text}", markup=False, highlight=False, soft_wrap=True)

    loggers = Loggers(0)
    if run.writes and config.log.to:
        is_new = not run.loggers.is_file()
        name, loggers.logged = _identity(run)
        told = LoggedRun(
            path=run.path, id=name, project=config.log.project, settings=config, is_new=is_new
        )
        for kind in dict.fromkeys(config.log.to):
            loggers.open(kind, told, warn)
    try:
        yield loggers
    finally:
        loggers.tell(lambda logger: logger.close(), warn)


def _identity(run: RunDir) -> tuple[str, int]:
    """The run's id at its loggers, and the last step that any attempt has logged."""
    name, step = token_hex(4), 0
    if run.loggers.is_file():
        known = json.loads(run.loggers.read_text(encoding="utf-8"))
        name, step = known["id"], known["step"]
    step = max([step, *(int(row["step"]) for row in run.records())])
    write_atomically(run.loggers, json.dumps({"id": name, "step": step}) + "\n")
    return name, step
