"""Games on a console: boards beside one another, redrawn in place or added to.

In: seats. Out: text. The first seat is drawn open, any other one without its letters.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wordle_rl.evaluation.replay import TILE_WIDTH, Look, board, keyboard, row_text
from wordle_rl.seats import Seat
from wordle_rl.terminal import END, keys_of

GAP = 4
"""Columns between two boards."""


class Screen:
    """Draws seats on a console: the first one open, any other one without its letters."""

    def __init__(self, console: Console, look: Look, *, redraw: bool) -> None:
        self.console, self.look, self.redraw = console, look, redraw
        self.read_key: Callable[[], str] = no_key
        """Waits for a key, while a page is open."""

    @contextmanager
    def page(self) -> Iterator[None]:
        """The time in which the board is redrawn in place, on a page of its own."""
        if not self.redraw:
            yield
            return
        with keys_of(sys.stdin) as self.read_key, self.console.screen(hide_cursor=False):
            yield

    def say(self, *lines: str | Text) -> None:
        """Print lines; only a terminal has a width to wrap them at."""
        for line in lines:
            self.console.print(line, soft_wrap=not self.console.is_terminal)

    def start(self, title: str, seats: Sequence[Seat], *, typing: bool) -> None:
        """Open the game. With `typing`, the first seat is a person at a keyboard."""
        if self.redraw:
            self.turn(title, seats, typing=typing)
        else:
            self._head(title)

    def turn(self, title: str, seats: Sequence[Seat], *, typing: bool, note: str = "") -> None:
        """Show the game after a turn of every seat; a note stands beside a row that is added."""
        if self.redraw:
            self.console.clear()
            self._head(title)
            self.boards(seats, hidden=True)
        else:
            self._newest_rows(seats, note)
        if typing:
            self.say("", keyboard(seats[0].rows, self.look), "")

    def boards(self, seats: Sequence[Seat], *, hidden: bool) -> None:
        """Whole boards; with `hidden`, only the first one shows its letters."""
        cells = []
        for seat in seats:
            rules = seat.env.public()
            rows = board(
                seat.rows,
                self.look,
                letters=rules["word_length"],
                height=rules["max_guesses"],
                hidden=hidden and seat is not seats[0],
            )
            name = _short(seat.name, TILE_WIDTH * rules["word_length"])
            cells.append(Text(f"{name}\n", style="bold") + rows if len(seats) > 1 else rows)
        self._beside(cells, seats)

    def _head(self, title: str) -> None:
        self.say(Text(title, style="bold"), self.look.legend, "")

    def _newest_rows(self, seats: Sequence[Seat], note: str) -> None:
        """The rows of the newest turn, blank where a seat was done before it."""
        turn = max(len(seat.rows) for seat in seats)
        cells = [
            row_text(*seat.rows[-1], self.look, hidden=seat is not seats[0])
            if len(seat.rows) == turn
            else Text()
            for seat in seats
        ]
        cells[0] += Text(f"  {note}" if note else "", style="dim")
        self._beside(cells, seats)

    def _beside(self, cells: Sequence[Text], seats: Sequence[Seat]) -> None:
        """Print one cell a seat side by side, or below one another where it is too narrow."""
        width = TILE_WIDTH * seats[0].env.public()["word_length"]
        if len(seats) == 1 or len(seats) * (width + GAP) - GAP > self.console.width:
            self.say(*cells)
            return
        table = Table.grid(padding=(0, GAP, 0, 0))
        for _ in seats:
            table.add_column(min_width=width, no_wrap=True)
        table.add_row(*cells)
        self.console.print(table)


def no_key() -> str:
    """What is read where no page is open."""
    return END


def _short(name: str, width: int) -> str:
    """The end of a name, which says more than its beginning where it is a path."""
    return name if len(name) <= width else f"..{name[2 - width :]}"
