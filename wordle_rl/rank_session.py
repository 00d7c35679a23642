"""A person ranks games: two of one secret side by side, one verdict after the other.

In: the groups a run kept, lines that a person types. Out: lines of the run's `preferences.jsonl`,
each on disk before the next pair is shown, so that the end of input, Ctrl-C or a crash loses
nothing, and a later session goes on with the pairs that have no verdict.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.replay import Look, has_board, printable, record_text
from wordle_rl.training.known_games import KnownGame
from wordle_rl.training.preference_makers import ranking_of_games
from wordle_rl.training.preferences import Ranking, read_preferences, to_line

Pair = tuple[KnownGame, KnownGame]
"""Two games of one secret, A and B."""
VERDICTS: Mapping[str, tuple[int, int]] = {"a": (1, 2), "b": (2, 1), "tie": (1, 1)}
"""What is typed -> the ranks of A and B."""
SHORT = {"t": "tie", "=": "tie", "s": "skip", "q": "quit", "x": "text"}
QUESTION = "Which game was played better? a, b, tie, skip, text (all that was said), quit: "
GAP = 4
"""Columns between two boards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of a session."""

    judged: int
    """Verdicts that were given."""
    left: int
    """Pairs that have none."""


def rank_pairs(
    pairs: Sequence[Pair],
    path: Path,
    *,
    lines: TextIO,
    console: Console,
    look: Look,
) -> Tally:
    """Ask about pairs until they or the input end; every verdict is appended to `path` at once.

    Args:
        pairs: all pairs there are; those that `path` has a verdict on are not asked about.
        path: the file of preferences; begun where there is none.
        lines: what the person types.
        console: where the games are shown.
        look: how boards are drawn.

    Raises:
        ConfigError: `path` is no file of preferences.
    """
    cut_broken_end(path)
    known = judged_names(read_preferences(path) if path.exists() else [])
    waiting = [pair for pair in pairs if names_of(pair) not in known]
    judged = 0
    for number, pair in enumerate(waiting, start=len(pairs) - len(waiting) + 1):
        show_pair(pair, f"pair {number} of {len(pairs)}", console, look)
        verdict = ask(pair, lines, console)
        if verdict == "quit":
            break
        if verdict in VERDICTS:
            info = {"source": "person"}
            append_line(path, to_line(ranking_of_games(pair, VERDICTS[verdict], info)))
            judged += 1
    return Tally(judged=judged, left=len(waiting) - judged)


def ask(pair: Pair, lines: TextIO, console: Console) -> str:
    """A verdict, `skip` or `quit`; the end of input is `quit`."""
    while True:
        console.print(QUESTION, end="")
        line = lines.readline()
        if not line:
            console.print()
            return "quit"
        said = line.strip().lower()
        said = SHORT.get(said, said)
        if said == "text":
            show_texts(pair, console)
        elif said in {*VERDICTS, "skip", "quit"}:
            return said
        else:
            console.print(f"{said!r:.40} is no answer.")


def show_pair(pair: Pair, title: str, console: Console, look: Look) -> None:
    """The two games side by side, or one below the other where the terminal is narrow."""
    console.print(f"\n{title}: the secret was {printable(pair[0].secret).upper()}\n")
    boards = [game_board(game, look) for game in pair]
    headed = [Text(f"{name}\n") + board for name, board in zip("AB", boards, strict=True)]
    width = sum(max(map(len, text.plain.split("\n"))) for text in headed)
    if width + GAP > console.width:
        console.print(Text("\n\n").join(headed))
    else:
        row = Table.grid(padding=(0, GAP, 0, 0))
        row.add_row(*headed)
        console.print(row)
    console.print()


def game_board(game: KnownGame, look: Look) -> Text:
    """The game as a board, or what was said where it is a game without one."""
    return record_text(game.record, look) if has_board(game.record) else Text(game_text(game))


def game_text(game: KnownGame) -> str:
    """All that was said in a game, the player's lines marked."""
    lines = [game.observations[0]]
    for action, observation in zip(game.actions, game.observations[1:], strict=True):
        lines += [f"> {action}", observation]
    return printable("\n".join(lines))


def show_texts(pair: Pair, console: Console) -> None:
    """All that was said in both games."""
    for name, game in zip("AB", pair, strict=True):
        console.print(Text(f"\n{name}\n{game_text(game)}"))


def names_of(games: Iterable[KnownGame]) -> frozenset[str]:
    """A pair by the names of its games, whichever is shown first."""
    return frozenset(game.name for game in games)


def judged_names(rankings: Iterable[Ranking]) -> set[frozenset[str]]:
    """The pairs that have a verdict."""
    return {frozenset(map(str, ranking.info.get("games", ()))) for ranking in rankings}


def append_line(path: Path, line: str) -> None:
    """Add a line; it is on disk when this returns."""
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def cut_broken_end(path: Path) -> None:
    """Drop a last line that a crash cut short."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
