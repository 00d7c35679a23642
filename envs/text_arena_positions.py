r"""Whole positions of board games in one line, for the compact style.

What TextArena says of a board is some two hundred characters, most of them the frame. A small
model that reads bytes gets the position alone, `X:O1X3O5678`: its own mark, then the cells by rows,
a free one as the number that an action names. A position needs no memory of earlier turns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wordle_rl.envs.perfect_play import nim_piles, tic_tac_toe_board
from wordle_rl.envs.text_arena_games import arena_name
from wordle_rl.envs.text_arena_text import Said

REFUSED = "?"
"""What a position begins with after the player's last action was refused."""


def tic_tac_toe(board: str, seat: int) -> str:
    r"""The player's mark and nine cells.

    >>> tic_tac_toe(" 0 | O | 2 \n---+---+---\n 3 | X | 5 \n---+---+---\n 6 | 7 | 8 \n", 0)
    'O:0O23X5678'
    """
    cells = tic_tac_toe_board(board)
    shown = (str(i) if cell == " " else cell for i, cell in enumerate(cells))
    return f"{'OX'[seat]}:{''.join(shown)}"


def nim(board: str, seat: int) -> str:
    r"""The size of each pile.

    >>> nim("Current Pile:\n  pile 0: 3\n  pile 1: 4", 0)
    'nim:3 4'
    """
    del seat  # both sides take from the same piles
    return f"nim:{' '.join(map(str, nim_piles(board)))}"


def connect_four(board: str, seat: int) -> str:
    r"""The player's disc and the rows from the top.

    >>> connect_four("Board state:\n0 1 2\n-----\n. . .\n. X .", 1)
    'O:.../.X.'
    """
    rows = board.strip().split("\n")[3:]
    return f"{'XO'[seat]}:{'/'.join(row.replace(' ', '') for row in rows)}"


POSITIONS: dict[str, Callable[[str, int], str]] = {
    "TicTacToe": tic_tac_toe,
    "Nim": nim,
    "ConnectFour": connect_four,
}
"""By the name of the game: (newest board as TextArena draws it, the player's seat) -> a line."""


def position(game: str, heard: Sequence[Said], seat: int) -> str:
    """The newest position of a game as a line; empty for a game that has none here."""
    words = POSITIONS.get(arena_name(game))
    boards = [said.text for said in heard if said.kind == "game_board"]
    return words(boards[-1], seat) if words and boards else ""
