"""How a Wordle game looks: rows of (guess, feedback) -> coloured text, keyboard, share grid.

Everything here is a pure function of rows and a `Look`. Feedback is a string of G (right place),
Y (elsewhere) and X (not in the word); an empty one means that the game refused the guess. A tile
is three columns wide in every look, and absent letters are lower-case, so colour is never the only
sign. Without colour a green letter is drawn `[C]` and a yellow one `(R)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from wordle_rl.records import Episode

Row = tuple[str, str]
"""A guess and its feedback; the feedback of a refused guess is empty."""

TILE_WIDTH: Final = 3
KEYBOARD: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
RANK: Final = "XYG"
"""Marks from the least to the most that is known about a letter."""


@dataclass(frozen=True, slots=True)
class Look:
    """How each mark is drawn: a frame of three columns around the letter, and a rich style."""

    frames: Mapping[str, str]
    styles: Mapping[str, str]
    absent_key: str
    """Frame of a letter on the keyboard that is known not to be in the word."""
    squares: Mapping[str, str]
    """Emoji of the share grid; "-" is a refused guess."""

    @property
    def legend(self) -> Text:
        """One line that explains the three marks."""
        parts = (("G", "right place"), ("Y", "elsewhere"), ("X", "not in the word"))
        return Text("  ").join(tile("a", mark, self) + Text(f" {text}") for mark, text in parts)


def _marks(green: str, yellow: str, gray: str, **more: str) -> Mapping[str, str]:
    return MappingProxyType({"G": green, "Y": yellow, "X": gray, **more})


CLASSIC: Final = Look(
    frames=_marks(" {} ", " {} ", " {} "),
    styles=_marks("bold black on #2d9a46", "bold black on #d0b020", "white on #6e7274"),
    absent_key=" {} ",
    squares=_marks("🟩", "🟨", "⬛", **{"-": "⬜"}),
)
"""Green and yellow, of shades that stay apart where a terminal has sixteen colours."""
CONTRAST: Final = Look(
    frames=CLASSIC.frames,
    styles=_marks("bold black on #f5793a", "bold black on #6ba4ff", "white on #565758"),
    absent_key=" {} ",
    squares=_marks("🟧", "🟦", "⬛", **{"-": "⬜"}),
)
"""Orange and blue, which people who cannot tell green from yellow can."""
PLAIN: Final = Look(
    frames=_marks("[{}]", "({})", " {} "),
    styles=_marks("", "", ""),
    absent_key=" . ",
    squares=CLASSIC.squares,
)
"""No colour at all, for NO_COLOR, pipes and files."""


def look_for(console: Console, *, contrast: bool = False) -> Look:
    """The look a console can show: plain without a terminal, without colours or with NO_COLOR."""
    if console.is_terminal and not console.no_color and console.color_system is not None:
        return CONTRAST if contrast else CLASSIC
    return replace(PLAIN, squares=CONTRAST.squares) if contrast else PLAIN


def tile(letter: str, mark: str, look: Look) -> Text:
    """One letter in its colour, `TILE_WIDTH` columns wide.

    >>> tile("c", "G", PLAIN).plain, tile("r", "Y", PLAIN).plain, tile("a", "X", PLAIN).plain
    ('[C]', '(R)', ' a ')
    """
    letter = letter.lower() if mark == "X" else letter.upper()
    return Text(look.frames[mark].format(letter), style=look.styles[mark])


def row_text(guess: str, marks: str, look: Look, *, hidden: bool = False) -> Text:
    """A guess in its colours; `hidden` keeps the colours and drops the letters.

    >>> row_text("crane", "GYXXX", PLAIN).plain
    '[C](R) a  n  e '
    >>> row_text("crane", "GYXXX", PLAIN, hidden=True).plain
    '[ ]( ) .  .  . '
    >>> row_text("xyzzy", "", PLAIN).plain
    'refused: xyzzy'
    """
    if not marks:
        shown = "".join(letter for letter in guess[:20] if letter.isprintable())
        return Text(f"refused: {shown}" if shown and not hidden else "refused", style="dim")
    letters = ["." if mark == "X" else " " for mark in marks] if hidden else guess
    return Text().join(tile(g, m, look) for g, m in zip(letters, marks, strict=True))


def board(
    rows: Sequence[Row], look: Look, *, letters: int = 5, height: int = 0, hidden: bool = False
) -> Text:
    """The rows below one another, filled up with empty ones.

    Args:
        rows: the guesses so far.
        look: how marks are drawn.
        letters: letters of a word, for the empty rows.
        height: rows of the board; 0 for as many as there are guesses.
        hidden: show colours without letters.
    """
    lines = [row_text(guess, marks, look, hidden=hidden) for guess, marks in rows]
    empty = Text(" _ " * letters, style="dim")
    return Text("\n").join(lines + [empty] * (height - len(lines)))


def best_marks(rows: Iterable[Row]) -> dict[str, str]:
    """The most that is known about each letter that was guessed.

    >>> best_marks([("allow", "YGYXX"), ("label", "GGXXG")])
    {'a': 'G', 'l': 'G', 'o': 'X', 'w': 'X', 'b': 'X', 'e': 'X'}
    """
    best: dict[str, str] = {}
    for guess, marks in rows:
        for letter, mark in zip(guess, marks, strict=bool(marks)):
            best[letter] = max(best.get(letter, mark), mark, key=RANK.index)
    return best


def keyboard(rows: Iterable[Row], look: Look) -> Text:
    """The three rows of a keyboard, each letter in the best colour it has had.

    >>> print(keyboard([("crane", "XYGXX")], PLAIN).plain)  # doctest: +NORMALIZE_WHITESPACE
     q  w  . (R) t  y  u  i  o  p
      [A] s  d  f  g  h  j  k  l
         z  x  .  v  b  .  m
    """
    best = best_marks(rows)
    lines = [Text().join(_key(key, best.get(key), look) for key in keys) for keys in KEYBOARD]
    width = TILE_WIDTH * len(KEYBOARD[0])
    return Text("\n").join(Text(" " * ((width - len(line) + 1) // 2)) + line for line in lines)


def _key(letter: str, mark: str | None, look: Look) -> Text:
    if mark is None:
        return Text(f" {letter} ")
    if mark == "X":
        return Text(look.absent_key.format(letter), style="dim")
    return tile(letter, mark, look)


def share_grid(
    rows: Sequence[Row],
    look: Look,
    *,
    solved: bool,
    letters: int = 5,
    max_guesses: int = 6,
    hard: bool = False,
    emoji: bool = True,
) -> str:
    """The result to show to friends: colours only, no letters.

    >>> print(share_grid([("crane", "XYGXX"), ("train", "GGGGG")], PLAIN, solved=True, emoji=False))
    wordle-rl 2/6
    <BLANKLINE>
    XYGXX
    GGGGG
    """
    head = f"wordle-rl {len(rows) if solved else 'X'}/{max_guesses}{'*' if hard else ''}"
    grid = [marks or "-" * letters for _, marks in rows]
    if emoji:
        grid = ["".join(look.squares[mark] for mark in marks) for marks in grid]
    return "\n".join([head, "", *grid])


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept of a game that has ended."""

    rows: tuple[Row, ...]
    solved: bool
    secret: str | None
    """None where the game stopped before its end."""


def record_of(game: Episode | Mapping[str, Any]) -> Record:
    """The record of an episode, or of the JSON object that stands for one.

    The object has `guesses` and `feedback` (lists of equal length), `solved`, and `secret` once
    the game has ended.

    Raises:
        ValueError: the object lacks one of these, or its lists differ in length.
    """
    if isinstance(game, Episode):
        return _episode_record(game)
    try:
        guesses, feedback, solved = game["guesses"], game["feedback"], game["solved"]
    except KeyError as missing:
        raise ValueError(f"a recorded game needs {missing}, got {sorted(game)}") from None
    if len(guesses) != len(feedback):
        raise ValueError(f"{len(guesses)} guesses but {len(feedback)} feedback rows")
    rows = tuple((guess or "", marks or "") for guess, marks in zip(guesses, feedback, strict=True))
    return Record(rows=rows, solved=bool(solved), secret=game.get("secret"))


def _episode_record(episode: Episode) -> Record:
    infos = [turn.info for turn in (*episode.opening, *episode.turns)]
    return Record(
        rows=tuple((info.get("guess") or "", info.get("feedback") or "") for info in infos),
        solved=episode.solved,
        secret=infos[-1].get("secret") if infos else None,
    )


def has_board(record: Record) -> bool:
    """Whether these are rows of coloured letters, as Wordle has them."""
    scored = [(str(guess), str(marks)) for guess, marks in record.rows if marks]
    return bool(scored) and all(len(g) == len(m) and set(m) <= set("GYX") for g, m in scored)


def record_text(record: Record, look: Look) -> Text:
    """A finished game as a coloured board with its result beneath.

    >>> game = {"guesses": ["crane"], "feedback": ["GGGGG"], "solved": True, "secret": "crane"}
    >>> print(record_text(record_of(game), PLAIN).plain)
    [C][R][A][N][E]
    solved in 1: CRANE
    """
    lines = [board(record.rows, look)] if record.rows else []
    return Text("\n").join([*lines, Text(_result(record))])


def _result(record: Record) -> str:
    word = record.secret.upper() if record.secret else None
    if record.solved:
        return f"solved in {len(record.rows)}" + (f": {word}" if word else "")
    return f"not solved, the word was {word}" if word else "not finished"


def printable(text: str) -> str:
    """`text` without control characters, which models can emit and terminals obey."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def on_one_line(text: str) -> str:
    """Any text without line breaks or control characters."""
    return printable(" ".join(text.split()))
