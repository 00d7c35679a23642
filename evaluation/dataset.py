"""Recorded games as chat data: one conversation a game, as fine-tuning tools read them.

A row has `messages` (what the game said as `user`, what the agent said as `assistant`, beginning
with the former and ending with the latter) and, beside it, what a filter or a weight wants to know,
and the other side of a game for two as `opponent_messages`.
The form is the "conversational" one of TRL and the `chat_template` one of axolotl.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict

from wordle_rl.errors import ConfigError, RunError
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.recorded import GameFile
from wordle_rl.run_dir import write_atomically

HELD_OUT = ("val", "test", "all")
"""Splits with secrets that are for measuring."""


class Message(TypedDict):
    """One message of a conversation."""

    role: str
    content: str


class Row(TypedDict):
    """One game. Every row has every field, so that tables have the same columns."""

    messages: list[Message]
    reward: float
    solved: bool
    n_guesses: int
    env: str
    secret: str
    split: str
    task_id: str
    mode: str
    sample: int
    step: int | None
    """The training step; null for games of an evaluation."""
    advantage: float | None
    suite: str | None
    final_observation: str
    """How the game ended, which nobody answers."""
    opponent_messages: list[Message]
    """The game as the other side played it; empty in games for one, and of older records."""


def dataset_rows(
    files: Iterable[GameFile],
    *,
    won: bool = False,
    min_reward: float | None = None,
) -> list[Row]:
    """The games that pass the filters, in their order; games that failed or never began are out.

    Args:
        files: recorded games.
        won: keep games that were won alone.
        min_reward: keep games that earned at least so much.

    Raises:
        RunError: the games were recorded without what was said.
    """
    rows = [_row(game, file) for file in files for game in file.games if _is_whole(game)]
    return [
        row
        for row in rows
        if (row["solved"] or not won) and (min_reward is None or row["reward"] >= min_reward)
    ]


def held_out(rows: Iterable[Row]) -> Counter[str]:
    """Rows of each split with secrets that are for measuring."""
    return Counter(row["split"] for row in rows if row["split"] in HELD_OUT)


def write_dataset(rows: Sequence[Row], out: Path) -> None:
    """Write a `.jsonl` or a `.parquet` file.

    Raises:
        ConfigError: another suffix, or Parquet without pyarrow.
        RunError: the file is there already; nothing is overwritten.
    """
    if out.suffix not in WRITERS:
        raise ConfigError(f"{str(out)!r}: name a file that ends in {' or '.join(WRITERS)}")
    if out.exists():
        raise RunError(f"{str(out)!r} exists already: choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    WRITERS[out.suffix](rows, out)


def _is_whole(game: GameRecord) -> bool:
    return game["error"] is None and bool(game["guesses"])


def _row(game: GameRecord, file: GameFile) -> Row:
    if "env" not in game:
        raise RunError(
            f"{str(file.path)!r} was recorded without what was said: play those games again"
        )
    told: Mapping[str, Any] = dict(game)  # all of it is there
    return Row(
        messages=list(messages_of(game)),
        reward=told["reward"],
        solved=game["solved"],
        n_guesses=game["n_guesses"],
        env=told["env"],
        secret=told["told_secret"],
        split=told["split"],
        task_id=told["task_id"],
        mode=game["mode"],
        sample=game["sample"],
        step=game.get("step"),
        advantage=game.get("advantage"),
        suite=file.suite,
        final_observation=told["observations"][-1],
        opponent_messages=list(_messages(game.get("opponent", []))),
    )


def messages_of(game: GameRecord) -> Iterator[Message]:
    """What was seen and said in a game that was recorded with it."""
    told: Mapping[str, Any] = dict(game)
    return _messages(zip(told["observations"][:-1], told["actions"], strict=True))


def _messages(turns: Iterable[Sequence[str]]) -> Iterator[Message]:
    for seen, said in turns:
        yield Message(role="user", content=seen)
        yield Message(role="assistant", content=said)


def _write_json_lines(rows: Sequence[Row], out: Path) -> None:
    write_atomically(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def _write_parquet(rows: Sequence[Row], out: Path) -> None:
    try:
        pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ConfigError(
            f"{str(out)!r} needs pyarrow: pip install 'wordle-rl[parquet]', or write a .jsonl file"
        ) from None
    part = out.with_name(f".{out.name}.part")
    pq.write_table(pa.Table.from_pylist(list(rows), schema=_schema(pa)), part)
    part.replace(out)


def _schema(pa: Any) -> Any:
    """Named types, so that a column of nothing but nulls has the same type as any other."""
    text, whole, real = pa.string(), pa.int64(), pa.float64()
    message = pa.struct([("role", text), ("content", text)])
    kinds = {"reward": real, "advantage": real, "solved": pa.bool_()}
    kinds |= dict.fromkeys(("n_guesses", "sample", "step"), whole)
    kinds |= dict.fromkeys(("messages", "opponent_messages"), pa.list_(message))
    return pa.schema([(name, kinds.get(name, text)) for name in Row.__annotations__])


WRITERS: dict[str, Callable[[Sequence[Row], Path], None]] = {
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
}
"""By the ending of the file."""
