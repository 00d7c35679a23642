"""Where the games of a run are: those of its training steps, and those of its evaluations.

In: a run folder, the folder of an evaluation (`evaluate --out`), or a file of games. Out: its
`GameFile`s in the order in which a reader wants them, training steps first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.games import GameRecord, read_game_file
from wordle_rl.run_dir import RunDir, is_run

STEP_FILE = re.compile(r"step-(\d+)\.jsonl")
COMPARED = re.compile(r"-(before|after)-[0-9a-f]+$")
"""Folders of the comparison at the end of a run (`training.comparison`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GameFile:
    """Games that belong together."""

    path: Path
    label: str
    """For people: `step 40`, or `wordle-heldout after`."""
    step: int | None
    """The training step; None for an evaluation."""
    suite: str | None
    """The suite of an evaluation."""
    when: str | None
    """`before` or `after` training, in the comparison at the end of a run."""
    games: tuple[GameRecord, ...]


def game_files(path: Path) -> list[GameFile]:
    """Every file of games under a path, each read.

    Raises:
        RunError: there is no game, or a file cannot be read.
    """
    found = [_read(file) for file in _paths(path)]
    files = [file for file in found if file.games]
    if not files:
        raise RunError(
            f"no recorded games in {str(path)!r}: name a run that has saved games "
            "(save.games_every_steps), a folder of `evaluate --out`, or a file of games"
        )
    return sorted(files, key=lambda file: (file.step is None, file.step or 0))


def training_files(files: Iterable[GameFile]) -> list[GameFile]:
    """Those of training steps, in their order."""
    return [file for file in files if file.step is not None]


def evaluation_files(files: Iterable[GameFile]) -> list[GameFile]:
    """Those of evaluations."""
    return [file for file in files if file.step is None]


def at_steps(files: Sequence[GameFile], steps: Sequence[int]) -> list[GameFile]:
    """The files of chosen training steps; all of them where none is chosen.

    Raises:
        ConfigError: the games of a step were not saved; the message names those that were.
    """
    by_step = {file.step: file for file in training_files(files)}
    for step in steps:
        if step not in by_step:
            known = ", ".join(map(str, by_step)) or "none"
            raise ConfigError(f"no games of step {step} were saved; steps with games: {known}")
    return [by_step[step] for step in dict.fromkeys(steps)] if steps else list(files)


def _paths(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif is_run(path):
        run = RunDir(path)
        yield from run.episodes.glob("step-*.jsonl")
        yield from _by_age(run.evaluations.glob("*/games.jsonl"))
    elif path.is_dir():
        yield from _by_age([*path.glob("games.jsonl"), *path.glob("*/games.jsonl")])
    else:
        raise RunError(f"no folder or file {str(path)!r}: name a run or an evaluation")


def _by_age(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stat().st_mtime)


def _read(path: Path) -> GameFile:
    header, games = read_game_file(path)
    step = STEP_FILE.fullmatch(path.name)
    compared = COMPARED.search(path.parent.name)
    when = compared[1] if compared else None
    return GameFile(
        path=path,
        label=f"step {step[1]}" if step else _label(header, when, path),
        step=int(step[1]) if step else None,
        suite=header.get("suite"),
        when=when,
        games=tuple(games),
    )


def _label(header: Mapping[str, Any], when: str | None, path: Path) -> str:
    return " ".join(filter(None, [header.get("suite") or path.stem, when]))
