"""The store of results: one SQLite file that many processes write at once.

A result and its games go in together or not at all. Beside `results.db` lies `results.jsonl`, one
result a line in the order in which they came: the record, from which the store can be made again
(`wordle-rl leaderboard --import`). It is written under the store's own lock, before the row is
committed, so it never lacks a row; a line that a dying process left unfinished is cut off by the
next writer.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from wordle_rl.errors import StoreError
from wordle_rl.evaluation.games import GameRecord, Mode
from wordle_rl.evaluation.results import Result
from wordle_rl.evaluation.store_schema import MIGRATIONS

DEFAULT_STORE = Path("runs/results.db")
BUSY_TIMEOUT_S = 120.0
"""How long a writer waits for the others."""
SQLITE_MAGIC = b"SQLite format 3\x00"
Outcome = Literal["won", "drawn", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGame:
    """A game and where it is."""

    id: int
    result_id: str
    record: GameRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the leaderboard needs of a game."""

    secret: str
    outcome: Outcome
    n_guesses: int


class Store:
    """The results of one file. Use it in a `with`, or close it.

    Args:
        path: the file; made where there is none.

    Raises:
        StoreError: the file is no store, cannot be opened, or was made by a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.record = self.path.with_suffix(".jsonl")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"cannot use {str(self.path)!r} as a store of results ({error}): "
                "name another file with --store"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def add(self, result: Result, source: str = "this evaluation") -> bool:
        """Record a result with its games; whether it is new.

        Raises:
            StoreError: its suite is not the installed one; the message begins with `source`.
        """
        result.check(source)
        try:
            return self._add(result)
        except sqlite3.Error as error:
            raise StoreError(f"{source}: {str(self.path)!r} does not take it: {error}") from None

    def _add(self, result: Result) -> bool:
        with self._writing():
            found = self._db.execute("SELECT 1 FROM results WHERE id = ?", (result.id,)).fetchone()
            if found is None:
                self._insert(result)
                _append(self.record, json.dumps(result.to_json()))
        return found is None

    def merge(self, path: Path) -> tuple[int, int, list[str]]:
        """Take in the results of another store, or of a file of JSON lines.

        Returns:
            How many are new, how many were here, and a line about each one that was refused.

        Raises:
            StoreError: the file cannot be read.
        """
        new = known = 0
        refused: list[str] = []
        for source, entry in _entries(path):
            try:
                if self.add(Result.from_json(entry, source), source):
                    new += 1
                else:
                    known += 1
            except StoreError as error:
                refused.append(str(error))
        return new, known, refused

    def results(self, suite: str | None = None) -> list[Result]:
        """The results, newest first and without their games; of one suite, or all."""
        where, values = ("WHERE suite = ?", (suite,)) if suite else ("", ())
        query = f"SELECT result FROM results {where} ORDER BY created DESC, id"
        return [_result(row, ()) for row in self._db.execute(query, values)]

    def brief(self, result_id: str) -> Result | None:
        """One result without its games; None where there is none of this id."""
        row = self._db.execute("SELECT result FROM results WHERE id = ?", (result_id,)).fetchone()
        return None if row is None else _result(row, ())

    def result(self, result_id: str) -> Result | None:
        """One result with its games; None where there is none of this id."""
        brief = self.brief(result_id)
        if brief is None:
            return None
        query = "SELECT game FROM games WHERE result_id = ? ORDER BY id"
        games = self._db.execute(query, (result_id,))
        return replace(brief, games=tuple(json.loads(game["game"]) for game in games))

    def played(self, result_id: str, mode: Mode) -> list[Played]:
        """What became of the games of a result, by secret."""
        query = """SELECT secret, outcome, n_guesses FROM games
                   WHERE result_id = ? AND mode = ? ORDER BY secret, sample"""
        return [Played(**row) for row in self._db.execute(query, (result_id, mode))]

    def count(self, result_id: str, **chosen: str) -> int:
        """How many games of a result there are; `chosen` as in `games`."""
        where, values = _where(result_id, chosen)
        count: int = self._db.execute(f"SELECT count(*) FROM games {where}", values).fetchone()[0]
        return count

    def games(
        self, result_id: str, *, offset: int = 0, limit: int = 50, **chosen: str
    ) -> list[StoredGame]:
        """Some games of a result in the order in which they were played.

        Args:
            result_id: of which result.
            offset: how many to leave out.
            limit: how many to return.
            chosen: only games with this `mode`, `outcome` or `secret`.
        """
        where, values = _where(result_id, chosen)
        query = f"SELECT id, result_id, game FROM games {where} ORDER BY id LIMIT ? OFFSET ?"
        return [_stored(row) for row in self._db.execute(query, (*values, limit, offset))]

    def game(self, game_id: int) -> StoredGame | None:
        """One game; None where there is none of this number."""
        query = "SELECT id, result_id, game FROM games WHERE id = ?"
        row = self._db.execute(query, (game_id,)).fetchone()
        return None if row is None else _stored(row)

    def newest(self) -> int:
        """A number that grows with every result that is added."""
        row = self._db.execute("SELECT coalesce(max(rowid), 0) FROM results").fetchone()
        return int(row[0])

    def _insert(self, result: Result) -> None:
        plain = {key: value for key, value in result.to_json().items() if key != "games"}
        shown = ("agent", "fingerprint", "suite", "suite_hash", "created")
        self._db.execute(
            "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)",
            (result.id, *(plain[key] for key in shown), json.dumps(plain)),
        )
        self._db.executemany(
            """INSERT INTO games (result_id, mode, secret, sample, outcome, n_guesses, game)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            [(result.id, *_columns(game)) for game in result.games],
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; it has the file to itself from its start."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def _prepare(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")  # what was said to be recorded is
        if self._db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self._switch_to_wal()
        if self._schema_version() != len(MIGRATIONS):
            with self._writing():
                self._migrate()

    def _switch_to_wal(self) -> None:
        """SQLite does not wait for others in this one statement, so we do."""
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _schema_version(self) -> int:
        version: int = self._db.execute("PRAGMA user_version").fetchone()[0]
        return version

    def _migrate(self) -> None:
        version = self._schema_version()
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{str(self.path)!r} was made by a newer version of wordle-rl "
                f"(schema {version}, here {len(MIGRATIONS)}): update, or use another --store"
            )
        for step in MIGRATIONS[version:]:
            for statement in step:
                self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def outcome_of(game: GameRecord) -> Outcome:
    """How a game ended for its player."""
    if game["solved"]:
        return "won"
    return "drawn" if game["drawn"] else "lost"


def whole_results(store: Store, suites: Sequence[str] = ()) -> Iterator[Result]:
    """The results with their games, one in memory at a time; of some suites, or all."""
    for brief in store.results():
        if not suites or brief.suite in suites:
            result = store.result(brief.id)
            assert result is not None, "results are never deleted"
            yield result


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Where each entry of a file stands, and what it holds."""
    try:
        with path.open("rb") as file:
            is_store = file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError as error:
        raise StoreError(f"cannot read {str(path)!r}: {error.strerror}: check the path") from None
    if is_store:
        with closing(Store(path)) as other:
            for result in whole_results(other):
                yield f"{path}: result {result.id[:8]}", result.to_json()
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            yield f"{path}:{number}", _parse(line)


def _parse(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _append(path: Path, line: str) -> None:
    """Add a line to a file that nobody else writes now; half a line at its end goes first."""
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size and not _ends_line(file, size):
            file.truncate(_last_line_end(file, size))
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_line(file: Any, size: int) -> bool:
    file.seek(size - 1)
    last: bytes = file.read(1)
    return last == b"\n"


def _last_line_end(file: Any, size: int) -> int:
    """Where the last whole line ends."""
    file.seek(0)
    content: bytes = file.read(size)
    return content.rfind(b"\n") + 1


def _result(row: sqlite3.Row, games: Sequence[GameRecord]) -> Result:
    return Result(**json.loads(row["result"]), games=tuple(games))


def _stored(row: sqlite3.Row) -> StoredGame:
    return StoredGame(id=row["id"], result_id=row["result_id"], record=json.loads(row["game"]))


def _columns(game: GameRecord) -> tuple[str | int, ...]:
    shown = (game["mode"], game["secret"], game["sample"], outcome_of(game), game["n_guesses"])
    return *shown, json.dumps(game)


def _where(result_id: str, chosen: dict[str, str]) -> tuple[str, tuple[str, ...]]:
    """Conditions on games; the names of columns are ours, the values are bound."""
    unknown = chosen.keys() - {"mode", "outcome", "secret"}
    assert not unknown, f"games are not chosen by {unknown}"
    conditions = ["result_id = ?", *(f"{column} = ?" for column in chosen)]
    return f"WHERE {' AND '.join(conditions)}", (result_id, *chosen.values())
