"""The runs of an experiment, trained: some at once, each in a process of its own, all resumable.

A run that is finished is skipped, one that was stopped goes on, and one that fails stops no other.
What a run prints is in a `.log` beside its folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID

from wordle_rl.config import to_toml
from wordle_rl.errors import RunError
from wordle_rl.run_dir import write_atomically
from wordle_rl.training.experiments import PlannedRun

POLL_S = 0.5
Command = Callable[[PlannedRun], list[str]]
"""What to start for a run."""


@dataclass(slots=True)
class _Running:
    """A run that is being trained."""

    planned: PlannedRun
    process: subprocess.Popen[bytes]


def train_runs(
    planned: Sequence[PlannedRun],
    *,
    at_once: int,
    console: Console,
    command: Command | None = None,
) -> None:
    """Train what is not finished, at most `at_once` runs together.

    Args:
        planned: the runs, in the order in which they begin.
        at_once: processes at a time; they share the machine's cores.
        console: for the bars.
        command: what to start for a run; `wordle-rl train` by default.

    Raises:
        RunError: some runs failed; all others are trained.
        KeyboardInterrupt: Ctrl-C; the running ones have saved where they are.
    """
    left = [run for run in planned if not run.is_finished]
    running: list[_Running] = []
    failed: list[PlannedRun] = []
    with _bars(planned, console) as show:
        try:
            while left or running:
                while left and len(running) < at_once:
                    running.append(_start(left.pop(0), at_once, command or train_command))
                time.sleep(POLL_S)
                show()
                failed += [r.planned for r in running if r.process.poll() not in (None, 0)]
                running = [r for r in running if r.process.poll() is None]
        except KeyboardInterrupt:
            _stop(running, console)
            raise
    if failed:
        raise RunError("; ".join(map(_why, failed)) + "; the same command tries again")


def train_command(planned: PlannedRun) -> list[str]:
    """`wordle-rl train` from a settings file, or on from where the run is."""
    train = [sys.executable, "-m", "wordle_rl", "train", "--run-dir", str(planned.run.path)]
    if planned.run.exists():
        return [*train, "--resume"]
    settings = planned.run.path.with_suffix(planned.run.path.suffix + ".toml")
    write_atomically(settings, to_toml(planned.config))
    return [*train, "--preset", str(settings)]


def log_of(planned: PlannedRun) -> Path:
    """What a run has printed."""
    return planned.run.path.with_name(f"{planned.name}.log")


def _start(planned: PlannedRun, at_once: int, command: Command) -> _Running:
    """Start a run in a session of its own, so that Ctrl-C reaches it once: through us."""
    planned.run.path.parent.mkdir(parents=True, exist_ok=True)
    threads = str(max(1, (os.cpu_count() or 1) // at_once))
    with log_of(planned).open("ab") as log:
        process = subprocess.Popen(
            command(planned),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"OMP_NUM_THREADS": threads, **os.environ},
            start_new_session=True,
        )
    return _Running(planned, process)


def _stop(running: Sequence[_Running], console: Console) -> None:
    """Pass Ctrl-C on and wait: a run saves after its step. A second one stops them at once."""
    console.print(f"stopping {len(running)} runs after their step; Ctrl-C once more stops at once")
    for _ in range(2):
        for run in running:
            run.process.send_signal(SIGINT)
        try:
            for run in running:
                run.process.wait()
            return
        except KeyboardInterrupt:
            continue


def _why(planned: PlannedRun) -> str:
    lines = log_of(planned).read_text(encoding="utf-8", errors="replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"run {planned.name!r} failed ({last}; see {str(log_of(planned))!r})"


@contextmanager
def _bars(planned: Sequence[PlannedRun], console: Console) -> Iterator[Callable[[], None]]:
    """A bar for each run on a terminal, else a line for each that has ended."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[won]}")
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bars = {
            run.name: progress.add_task(run.name, total=run.config.train.steps, won="")
            for run in planned
        }
        told: set[str] = set()

        def show() -> None:
            for run in planned:
                _update(progress, bars[run.name], run)
                if not console.is_terminal and run.name not in told and run.is_finished:
                    told.add(run.name)
                    console.print(f"{run.name}: {run.step} steps", soft_wrap=True)

        show()
        yield show
        show()


def _update(progress: Progress, bar: TaskID, run: PlannedRun) -> None:
    records = list(run.run.records())
    won = f"{records[-1]['rollout/win_rate']:.0%} won" if records else ""
    progress.update(bar, completed=len(records), won=won)
