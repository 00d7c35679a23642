"""A line that is typed in tiles: every letter appears in the best colour it has had so far.

Stands in for standard input where a game is redrawn in place: `readline` as of a file, but key by
key. Backspace takes a letter back, Ctrl-U all of them, Ctrl-D on an empty line ends the input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from wordle_rl.evaluation.replay import TILE_WIDTH, Look, Row, best_marks, tile
from wordle_rl.terminal import END

LONGEST = 40
"""Characters that a line can have."""
ENTER, BACK, CLEAR = ("\r", "\n"), ("\x7f", "\b"), "\x15"
START_OF_LINE, ERASE = "\r", "\x1b[K"


class LiveLine:
    """Lines from keys.

    Args:
        console: where the line is drawn.
        look: how letters are drawn.
        rows: the guesses so far; colours come from them.
        prompt: what stands before the line.
        letters: of a word; what is longer is drawn as plain text.
        read_key: the next key as text; `END` where there is none.
    """

    def __init__(
        self,
        console: Console,
        look: Look,
        rows: Sequence[Row],
        *,
        prompt: Callable[[], str],
        letters: int,
        read_key: Callable[[], str],
    ) -> None:
        self._console, self._look, self._rows = console, look, rows
        self._prompt, self._letters, self._read_key = prompt, letters, read_key

    def isatty(self) -> bool:
        """Whoever types sees it."""
        return True

    def readline(self) -> str:
        """The next line with its end; empty at the end of the keys."""
        typed = ""
        while True:
            self._draw(typed)
            key = self._read_key()
            if key in ENTER or (key == END and not typed):
                self._console.file.write("\n")
                return "" if key == END else f"{typed}\n"
            typed = _edited(typed, key)

    def _draw(self, typed: str) -> None:
        line = Text(self._prompt()) + self._shown(typed)
        self._console.file.write(START_OF_LINE + ERASE)
        self._console.print(line, end="", soft_wrap=True)
        self._console.file.flush()

    def _shown(self, typed: str) -> Text:
        is_word = typed.isascii() and typed.isalpha() and len(typed) <= self._letters
        room = self._console.width - len(self._prompt()) - 1
        if not is_word or TILE_WIDTH * len(typed) > room:
            return Text(typed[-max(1, room) :])
        known = best_marks(self._rows)
        return Text().join(self._letter(letter, known.get(letter)) for letter in typed.lower())

    def _letter(self, letter: str, mark: str | None) -> Text:
        return (
            Text(f" {letter.upper()} ", "bold") if mark is None else tile(letter, mark, self._look)
        )


def _edited(typed: str, key: str) -> str:
    if key in BACK:
        return typed[:-1]
    if key == CLEAR:
        return ""
    return (typed + key)[:LONGEST] if len(key) == 1 and key.isprintable() else typed
