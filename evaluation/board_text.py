"""A leaderboard as text: a table for the terminal, markdown for a README, plain data for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from wordle_rl.evaluation.leaderboard import Board, Entry
from wordle_rl.evaluation.published import CAUTION, PUBLISHED, applies_to
from wordle_rl.evaluation.report import number, percent, table
from wordle_rl.records import Estimate

COLUMNS = ("#", "agent", "n", "wins", "score", "guesses", "refused")
DUEL_COLUMNS = ("#", "agent", "n", "rating", "wins", "draws")
"""Of games for two."""
TEXT_COLUMNS = 2


def board_table(board: Board) -> Table:
    """The board for the terminal, intervals below their values."""
    columns = _columns(board)
    rows = [_cells(entry, columns) for entry in board.entries]
    rows += [_opponent_cells(*item, columns) for item in board.opponents.items()]
    return table(columns, rows, left=TEXT_COLUMNS)


def board_note(board: Board) -> str:
    """What a reader of the board must know, in a few words."""
    note = f"{board.suite} (hash {board.suite_hash[:12]}), {board.mode} games, intervals 95 %"
    if board.for_two:
        note += ", rating over all stored games of this game"
    else:
        note += f", a loss scores {board.max_guesses + 1}"
    note += ", # = 1 + agents that are surely better (paired, 5 %)"
    if board.outdated:
        note += f"; {board.outdated} results of other versions of the suite are not shown"
    return note


def board_markdown(board: Board) -> str:
    """The board as a markdown table with its note."""
    columns = _columns(board)
    aligned = ["---:"] + ["---"] + ["---:"] * (len(columns) - TEXT_COLUMNS)
    rows = [list(columns), aligned, *(_cells(entry, columns) for entry in board.entries)]
    return "\n".join([*map(_line, rows), "", f"{board_note(board)}."])


def published_markdown() -> str:
    """The figures of others as a markdown table, under a caution."""
    rows = [["who", "wins", "protocol", "source"], ["---"] * 4]
    rows += [[p.who, p.win_rate, p.protocol, p.source] for p in PUBLISHED]
    return "\n".join([CAUTION, "", *map(_line, rows)])


def boards_json(boards: Sequence[Board]) -> dict[str, Any]:
    """Boards as plain data, and what others have published about the same game."""
    others = PUBLISHED if any(applies_to(board.suite) for board in boards) else ()
    return {
        "boards": [asdict(board) for board in boards],
        "published_under_other_protocols": [asdict(p) for p in others],
    }


def _columns(board: Board) -> tuple[str, ...]:
    return DUEL_COLUMNS if board.for_two else COLUMNS


def _cells(entry: Entry, columns: Sequence[str]) -> list[str]:
    guesses = entry.mean_guesses.value
    cells = {
        "#": str(entry.rank),
        "agent": entry.label,
        "n": str(entry.n),
        "wins": percent(entry.win_rate),
        "draws": percent(entry.draw_rate),
        "rating": _points(entry.rating),
        "score": number(entry.score),
        "guesses": "-" if guesses is None else f"{guesses:.2f}",
        "refused": f"{100 * entry.invalid_rate:.1f} %",
    }
    return [cells[column] for column in columns]


def _opponent_cells(name: str, rating: Estimate, columns: Sequence[str]) -> list[str]:
    cells = {"agent": f"({name}, opponent)", "rating": _points(rating)}
    return [cells.get(column, "") for column in columns]


def _points(rating: Estimate) -> str:
    """A rating with its interval, in whole points."""
    if rating.value is None or rating.low is None or rating.high is None:
        return "-"
    return f"{rating.value:.0f} [{rating.low:.0f}, {rating.high:.0f}]"


def _line(cells: Sequence[str]) -> str:
    """A line of a markdown table; what a cell says cannot end it."""
    escaped = [" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells]
    return f"| {' | '.join(escaped)} |"
