"""Finished games as plain data, and the file they are kept in.

`game_record` turns an episode into the JSON object that every number is computed from, so a
summary can always be made again from `games.jsonl`, and that the whole game can be read in again:
what was seen, said and earned. A `GameLog` is that file: a header that says whose games of which
suite these are, then one game a line in the order in which they ended.
"""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TextIO, TypedDict, cast

from wordle_rl.errors import RunError
from wordle_rl.records import Episode, FinishReason, Turn

Mode = Literal["greedy", "sampled"]
GameKey = tuple[str, str, int]
"""Mode, secret and number of the sample: what tells the games of an evaluation apart."""


ROW = ("guess", "feedback")
"""What a row of a board is, in the info of a turn."""


class FinishedGame(TypedDict):
    """How a game ended: what two agents are compared by."""

    secret: str
    solved: bool
    n_guesses: int
    """Guesses used, refused ones included where the rules count them."""


class CountedGame(FinishedGame):
    """What the numbers are computed from. Lists have one entry a turn."""

    mode: Mode
    sample: int
    guesses: list[str]
    """The word that was understood, refused or not; empty where there was none."""
    statuses: list[str]
    feedback: list[str]
    """G, Y and X; empty for a refused guess."""
    consistent: list[bool]
    """Whether the guess was legal and fitted all feedback before it."""
    truncated: list[bool]
    """Whether the completion was cut at `max_new_tokens`."""
    drawn: bool
    """Whether a game for two ended without a winner."""
    stop_reason: str
    error: str | None


class GameRecord(CountedGame, total=False):
    """One finished game. What this adds is for readers; the games of older files lack it."""

    env: str
    env_options: dict[str, Any]
    task_id: str
    split: str
    told_secret: str
    """The secret as the game told it at its end; `secret` is what the game is filed under."""
    opening: list[list[str]]
    """Guesses that were played before the agent's first, each with its feedback."""
    actions: list[str]
    """All that was said, word for word."""
    observations: list[str]
    """What was seen before each action, and at last what ended the game."""
    rewards: list[float]
    reward: float
    reward_parts: dict[str, float]
    opponent: list[list[str]]
    """What the other player of a game for two saw and then said, turn by turn."""
    probabilities: list[float | None]
    """Of each whole answer, as it was sampled; None where no model sampled it."""
    step: int
    """Of games of a training run, with the advantage they were trained with."""
    advantage: float | None


def game_record(episode: Episode, *, mode: Mode = "greedy", sample: int = 0) -> GameRecord:
    """The JSON form of a finished game."""
    infos = [turn.info for turn in episode.turns]
    return GameRecord(
        mode=mode,
        sample=sample,
        secret=episode.task.secret,
        guesses=[str(info.get("guess", "")) for info in infos],
        statuses=[str(info.get("status", "ok")) for info in infos],
        feedback=[str(info.get("feedback", "")) for info in infos],
        consistent=[bool(info.get("consistent", False)) for info in infos],
        truncated=[_was_cut(turn) for turn in episode.turns],
        solved=episode.solved,
        drawn=episode.drawn,
        n_guesses=int(infos[-1].get("turn", len(infos))) if infos else 0,
        stop_reason=str(episode.stop_reason),
        error=episode.error,
        env=episode.task.env_id,
        env_options=dict(episode.task.env_options),
        task_id=episode.task.task_id,
        split=episode.task.split,
        told_secret=told_secret(episode),
        opening=[[str(t.info.get(key) or "") for key in ROW] for t in episode.opening],
        actions=[turn.action for turn in episode.turns],
        observations=[*(turn.observation for turn in episode.turns), episode.final_observation],
        rewards=[turn.reward for turn in episode.turns],
        reward=episode.total_reward,
        reward_parts=reward_parts(episode),
        opponent=[list(exchange) for exchange in episode.opponent],
        probabilities=[_probability(turn) for turn in episode.turns],
    )


def reward_parts(episode: Episode) -> dict[str, float]:
    """What each component paid over the whole game."""
    total: Counter[str] = Counter()
    for turn in episode.turns:
        total.update(turn.reward_parts)
    return dict(total)


def told_secret(episode: Episode) -> str:
    """The secret as the game told it at its end, else what the task is filed under."""
    told = episode.turns[-1].info.get("secret") if episode.turns else None
    return str(told or episode.task.secret)


def _probability(turn: Turn) -> float | None:
    done = turn.completion
    if done is None or not done.token_ids:  # a server tells its words alone
        return None
    return math.exp(sum(done.logprobs))


def _was_cut(turn: Turn) -> bool:
    return turn.completion is not None and turn.completion.finish_reason is FinishReason.LENGTH


def key_of(game: GameRecord) -> GameKey:
    """What tells a game apart from the others of its evaluation."""
    return game["mode"], game["secret"], game["sample"]


class GameLog:
    """The games of one evaluation on disk, one JSON object a line, appended as they end.

    Args:
        path: the file; it is begun with `header` where there is none.
        header: whose games these are. What a file holds under another header is not touched.

    Raises:
        RunError: the file is another evaluation's, or a line before the last cannot be read.
    """

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._header = dict(header)
        self.games: dict[GameKey, GameRecord] = {}
        """What the file holds."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._cut(self._load() if path.exists() else 0)
        self._file: TextIO = path.open("a", encoding="utf-8")
        if not self._file.tell():
            self._write({"header": self._header})
            self.sync()

    def append(self, game: GameRecord) -> None:
        """Add a game; it survives the end of this process at once, of the machine after `sync`."""
        self.games[key_of(game)] = game
        self._write(game)

    def sync(self) -> None:
        """Wait until the disk has everything."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(_line(line))
        self._file.flush()

    def _load(self) -> int:
        """Read the file and return the length of its whole lines in bytes.

        A process that dies while it writes leaves a last line without its end; only that one may
        be broken.
        """
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and not _line({"header": self._header}).encode().startswith(content):
            raise RunError(f"{self._path} is not a file of recorded games: use another --out")
        for number, line in enumerate(whole.splitlines(), start=1):
            entry = self._parse(number, line)
            if number == 1:
                self._check_header(entry)
            else:
                game = cast(GameRecord, entry)
                self.games[key_of(game)] = game
        return len(whole)

    def _parse(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        wanted = {"header"} if number == 1 else GameRecord.__required_keys__
        if not isinstance(entry, dict) or not wanted <= entry.keys():
            what = "header" if number == 1 else "game"
            raise RunError(f"{self._path}:{number}: not a recorded {what}: use another --out")
        return entry

    def _check_header(self, entry: Mapping[str, Any]) -> None:
        found = entry["header"]
        for key, wanted in self._header.items():
            if found.get(key) != wanted:
                raise RunError(
                    f"{self._path} holds games with {key} {found.get(key)!r}, not {wanted!r}: "
                    "use another --out; nothing was changed"
                )

    def _cut(self, length: int) -> None:
        if self._path.exists() and self._path.stat().st_size > length:
            with self._path.open("r+b") as file:
                file.truncate(length)


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def read_games(path: Path) -> list[GameRecord]:
    """The games of a file, an evaluation's or a training step's; see `read_game_file`."""
    return read_game_file(path)[1]


def read_game_file(path: Path) -> tuple[dict[str, Any], list[GameRecord]]:
    """The header and the games of a file; the games of a training step have an empty header.

    A last line without its end is left out: whoever writes it is at it still, or died.

    Raises:
        RunError: the file cannot be read, or holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        entries = [json.loads(line) for line in lines]
        header = entries.pop(0)["header"] if entries and "header" in entries[0] else {}
        missing = {key for entry in entries for key in GameRecord.__required_keys__ - entry.keys()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunError(f"cannot read games from {str(path)!r}: {error}") from None
    if missing:
        raise RunError(f"cannot read games from {str(path)!r}: no {min(missing)!r} in them")
    return header, entries
