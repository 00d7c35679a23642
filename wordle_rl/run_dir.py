"""A run folder: everything one training run leaves behind, and the way back into it.

config.toml      the resolved configuration
meta.json        command, versions, git commit, hardware
metrics.jsonl    one StepRecord a line; the record that every picture is drawn from
tasks.jsonl      what every step played, and how often it was won
episodes/        whole games as readable text, every so often
checkpoints/     step-N/ (written under a temporary name and renamed)
loggers.json     what experiment loggers know the run by; tensorboard/ and wandb/ are theirs
best.json        the best checkpoint by validation
eval/            summaries as JSON
curve.png        the learning curve
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from wordle_rl.errors import RunError
from wordle_rl.records import StepRecord


class TaskResult(TypedDict):
    """A task and how often it was won: what is needed to play it again."""

    env_id: str
    env_options: Mapping[str, Any]
    seed: int
    options: Mapping[str, Any]
    secret: str
    won: int
    played: int


class RunDir:
    """Paths and small files of one run.

    Attributes:
        path: the folder.
        writes: false in a process that shares the run with one that writes.
    """

    def __init__(self, path: Path | str, *, writes: bool = True) -> None:
        self.path = Path(path)
        self.writes = writes

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def metrics(self) -> Path:
        """One StepRecord a line."""
        return self.path / "metrics.jsonl"

    @property
    def tasks(self) -> Path:
        """What every step played, one step a line."""
        return self.path / "tasks.jsonl"

    @property
    def loggers(self) -> Path:
        """What experiment loggers know the run by."""
        return self.path / "loggers.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of step-N/."""
        return self.path / "checkpoints"

    @property
    def episodes(self) -> Path:
        """Folder of whole games."""
        return self.path / "episodes"

    @property
    def evaluations(self) -> Path:
        """Folder of evaluations."""
        return self.path / "eval"

    @property
    def curve(self) -> Path:
        """The learning curve."""
        return self.path / "curve.png"

    def exists(self) -> bool:
        """Whether a run was ever started here."""
        return self.config.is_file()

    def create(self, config_toml: str, meta: Mapping[str, Any]) -> None:
        """Start a new run.

        Raises:
            RunError: if the folder already holds a run or other files (nothing is overwritten), or
                cannot be made.
        """
        if not self.writes:
            return
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            what = "holds a run" if self.exists() else "is not empty"
            raise RunError(
                f"run folder {str(self.path)!r} already {what}: "
                "use --resume to continue it, or another --run-dir"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise RunError(f"run folder {str(self.path)!r} cannot be made: {reason}") from error
        write_atomically(self.config, config_toml)
        write_atomically(self.path / "meta.json", json.dumps(dict(meta), indent=1) + "\n")

    def log(self, record: StepRecord) -> None:
        """Append one line to metrics.jsonl."""
        if self.writes:
            _append(self.metrics, {"step": record.step, **record.metrics})

    def log_tasks(self, step: int, results: Sequence[TaskResult]) -> None:
        """Append one line to tasks.jsonl."""
        if self.writes:
            _append(self.tasks, {"step": step, "tasks": results})

    def records(self) -> Iterator[dict[str, float]]:
        """The logged lines; a line cut short by a crash is left out."""
        return _lines(self.metrics)

    def played(self) -> Iterator[list[TaskResult]]:
        """What was logged of the tasks of each step; a line cut short is left out."""
        return (line["tasks"] for line in _lines(self.tasks))

    def cut_logs(self, step: int) -> None:
        """Forget lines after `step`, so that a resumed run writes them again."""
        for path in filter(Path.is_file, (self.metrics, self.tasks) if self.writes else ()):
            kept = [json.dumps(line) + "\n" for line in _lines(path) if line["step"] <= step]
            write_atomically(path, "".join(kept))

    def latest_checkpoint(self) -> Path | None:
        """The newest finished checkpoint."""
        found = [p for p in self.checkpoints.glob("step-*") if p.name[5:].isdigit() and p.is_dir()]
        return max(found, key=lambda p: int(p.name[5:]), default=None)

    def mark_best(self, step: int) -> None:
        """Note the best checkpoint by validation."""
        write_atomically(self.path / "best.json", json.dumps({"step": step}) + "\n")

    def best_checkpoint(self) -> Path | None:
        """The checkpoint to play with: best by validation, else the newest."""
        note = self.path / "best.json"
        if note.is_file():
            chosen = self.checkpoints / f"step-{json.loads(note.read_text())['step']}"
            if chosen.is_dir():
                return chosen
        return self.latest_checkpoint()


def _append(path: Path, entry: Mapping[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, default=str) + "\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file up to a line that is broken."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            return


def is_run(path: Path | str) -> bool:
    """Whether `path` is a run folder."""
    return RunDir(path).exists()


def model_of_run(path: Path | str) -> Path:
    """The model folder a run folder stands for.

    Raises:
        RunError: if the run has no finished checkpoint yet.
    """
    folder = RunDir(path).best_checkpoint()
    if folder is None:
        raise RunError(f"run folder {str(path)!r} has no finished checkpoint yet: resume the run")
    return folder


def write_atomically(path: Path, text: str) -> None:
    """Write under a temporary name and rename, so readers see the old file or the new one."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
