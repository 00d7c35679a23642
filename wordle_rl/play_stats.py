"""A person's own statistics, kept between games in one file.

`$XDG_DATA_HOME/wordle-rl/games.json` (by default under `~/.local/share`) lists the games a person
has finished; streaks and the histogram are counted from it. A file that cannot be read is put aside
under another name, never thrown away, and a new one is begun.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path

from pydantic import Field, ValidationError

from wordle_rl.config import Section
from wordle_rl.run_dir import write_atomically

BAR = 24
"""Columns of the longest bar of the histogram."""


class PlayedGame(Section):
    """A game that a person finished."""

    finished: datetime
    """When, in the time of the person's clock."""
    day: date | None = None
    """Whose word it was, of a daily word."""
    solved: bool
    n_guesses: int = Field(ge=1)
    hard: bool = False
    versus: str = ""
    """The agent that played the same word."""
    hints: int = Field(default=0, ge=0)


class _File(Section):
    version: int = 1
    games: tuple[PlayedGame, ...] = ()


def stats_path() -> Path:
    """Where the games are, by the XDG base directory rules: a relative path there is ignored."""
    home = Path(os.environ.get("XDG_DATA_HOME", ""))
    base = home if home.is_absolute() else Path.home() / ".local" / "share"
    return base / "wordle-rl" / "games.json"


class Book:
    """The games in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        """What a person should know about the file, as one line."""

    def games(self) -> tuple[PlayedGame, ...]:
        """The games in the order in which they ended. Raises OSError."""
        try:
            return _File.model_validate_json(self.path.read_bytes()).games
        except FileNotFoundError:
            return ()
        except ValidationError:
            aside = _free_name(self.path)
            self.path.replace(aside)
            self.notice = f"{self.path} could not be read: begun anew, the old one is {aside.name}."
            return ()

    def has_day(self, day: date) -> bool:
        """Whether the word of a day has been played. Raises OSError."""
        return any(game.day == day for game in self.games())

    def add(self, game: PlayedGame) -> bool:
        """Add a game; a daily word counts once. Raises OSError where it cannot be written."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.with_suffix(".lock")):
            games = self.games()
            if game.day is not None and any(game.day == other.day for other in games):
                return False
            file = _File(games=(*games, game))
            write_atomically(self.path, file.model_dump_json(indent=1) + "\n")
        return True


def streaks(games: Sequence[PlayedGame]) -> tuple[int, int]:
    """Games won in a row up to now, and the most there have been."""
    run = best = 0
    for game in games:
        run = run + 1 if game.solved else 0
        best = max(best, run)
    return run, best


def day_streak(games: Sequence[PlayedGame], today: date) -> int:
    """Days in a row whose word was found, up to today, or to yesterday while today is open.

    A word that was played on a later day than its own does not count.
    """
    played = {game.day: game.solved for game in games if game.day == game.finished.date()}
    day = today if today in played else today - timedelta(days=1)
    length = 0
    while played.get(day, False):
        length, day = length + 1, day - timedelta(days=1)
    return length


def stats_lines(games: Sequence[PlayedGame], today: date, *, bar: str = "█") -> list[str]:
    """The statistics as lines of text; `bar` is what the histogram is drawn with."""
    if not games:
        return ["No finished games yet."]
    won = sum(game.solved for game in games)
    run, best = streaks(games)
    head = f"Played {len(games)}, won {100 * won / len(games):.0f} %, streak {run}, best {best}"
    if any(game.day for game in games):
        head += f", daily streak {day_streak(games, today)}"
    if hinted := sum(game.hints > 0 for game in games):
        head += f", with hints {hinted}"
    return [f"{head}.", *_histogram(games, bar)]


def _histogram(games: Sequence[PlayedGame], bar: str) -> Iterator[str]:
    counts = Counter(str(game.n_guesses) if game.solved else "X" for game in games)
    longest = max(counts.values())
    for name in (*map(str, range(1, 7)), "X"):
        line = bar * round(BAR * counts[name] / longest)
        yield f"{name} {line}{' ' if line else ''}{counts[name]}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time, also of several programs."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}.broken-{n}{path.suffix}") for n in count(1))
    return next(name for name in names if not name.exists())
