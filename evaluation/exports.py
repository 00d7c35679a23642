"""Results as files of other tools: JSON lines of our own, lm-evaluation-harness, Inspect.

In: results with their games, one at a time. Out: files below a path. The forms are those that
`lm_eval` 0.4.13 writes and `inspect_ai` 0.3.285 reads; neither is needed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from wordle_rl.errors import unknown_name
from wordle_rl.evaluation.export_inspect import inspect_log
from wordle_rl.evaluation.export_lm_eval import lm_eval_results, lm_eval_samples
from wordle_rl.evaluation.games import GameRecord, Mode
from wordle_rl.evaluation.results import Result
from wordle_rl.run_dir import write_atomically

MODES: tuple[Mode, ...] = ("greedy", "sampled")
LONGEST_NAME = 100
"""Characters of an agent's name in the name of a file."""

Exporter = Callable[[Iterable[Result], Path], int]
"""Results, where to -> how many were written."""


def export(results: Iterable[Result], out: Path, form: str) -> int:
    """Write results in a form of `EXPORTS`; returns how many.

    Raises:
        ConfigError: there is no such form.
    """
    if form not in EXPORTS:
        raise unknown_name("format", form, EXPORTS)
    return EXPORTS[form](results, out)


def write_lines(results: Iterable[Result], out: Path) -> int:
    """One result a line, what `--import` reads; written under another name and renamed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.part")
    written = 0
    with part.open("w", encoding="utf-8") as file:
        for result in results:
            file.write(json.dumps(result.to_json()) + "\n")
            written += 1
    part.replace(out)
    return written


def write_lm_eval(results: Iterable[Result], out: Path) -> int:
    """A folder a model with `results_*.json` and `samples_*.jsonl`, as `lm_eval --output_path`."""
    written = 0
    for result in results:
        folder = out / file_name(result.agent)
        folder.mkdir(parents=True, exist_ok=True)
        when = result.created.replace(":", "-")
        lines = [json.dumps(sample) + "\n" for sample in lm_eval_samples(result)]
        task = re.sub(r"\W", "_", result.suite)
        write_atomically(folder / f"samples_{task}_{when}.jsonl", "".join(lines))
        content = json.dumps(lm_eval_results(result), indent=2)
        write_atomically(folder / f"results_{when}.json", content)
        written += 1
    return written


def write_inspect(results: Iterable[Result], out: Path) -> int:
    """A folder of logs for `inspect view --log-dir`: one a result and way of decoding."""
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    for result in results:
        for mode, games in by_mode(result):
            log = inspect_log(result, mode, games)
            name = f"{result.created.replace(':', '-')}_{file_name(log['eval']['task'])}"
            write_atomically(out / f"{name}_{log['eval']['eval_id']}.json", json.dumps(log))
        written += 1
    return written


def by_mode(result: Result) -> Iterator[tuple[Mode, Sequence[GameRecord]]]:
    """The games of a result by the way in which moves were chosen."""
    for mode in MODES:
        if games := [game for game in result.games if game["mode"] == mode]:
            yield mode, games


def file_name(name: str) -> str:
    """A name that a file or folder can have, whatever an agent is called.

    >>> file_name("runs/first/checkpoints/step-9"), file_name("..")
    ('runs__first__checkpoints__step-9', '_')
    """
    kept = re.sub(r'["<>:/|\\?*\[\]\s\x00-\x1f]+', "__", name)[-LONGEST_NAME:]
    return kept if kept.strip(".") else "_"


EXPORTS: dict[str, Exporter] = {
    "jsonl": write_lines,
    "lm-eval": write_lm_eval,
    "inspect": write_inspect,
}
