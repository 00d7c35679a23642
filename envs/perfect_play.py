"""Players that know the rules of TicTacToe and Nim: one makes no mistake, one looks a move ahead.

They read the newest position from what TextArena says, or from its compact line
(`text_arena_positions`), so each is a function of an observation and a generator, an
`opponents.Opponent`. Among equally good moves one is drawn with the generator. The greedy player
takes a win where a move wins at once, and moves at random elsewhere: it sees no threat.
TicTacToe is solved by minimax over its 5,478 positions, Nim by Bouton's rule (1901): a position is
lost for the side to move exactly if the exclusive or of its piles is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from operator import xor

import numpy as np

Moves = Sequence[str]
"""Actions as TextArena takes them."""

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
"""The cells that make three in a row, numbered by rows."""

_ROW = r" ?([0-9XO]) \| ([0-9XO]) \| ([0-9XO]) ?\n"
_RULE = r"---\+---\+---\n"
_BOARD = re.compile(f"{_ROW}{_RULE}{_ROW}{_RULE}{_ROW}")
_LINE = re.compile(r"[OX]:([0-9XO]{9})")
_PILE = re.compile(r"pile (\d+): (\d+)")
_PILES = re.compile(r"nim:([0-9 ]+)")


# --- TicTacToe


def tic_tac_toe_board(observation: str) -> str:
    r"""The newest board in a text: nine characters O, X or space, O moved first.

    Raises:
        ValueError: there is no board in it.

    >>> tic_tac_toe_board(" 0 | O | 2\n---+---+---\n 3 | X | 5\n---+---+---\n 6 | 7 | 8\n")
    ' O  X    '
    >>> tic_tac_toe_board("O:0O23X5678")
    ' O  X    '
    """
    boards = _BOARD.findall(observation + "\n") or _LINE.findall(observation)
    if not boards:
        raise ValueError("there is no TicTacToe board in the observation")
    return "".join(cell if cell in "OX" else " " for cell in boards[-1])


def mark_to_move(board: str) -> str:
    """O if both have made as many marks, else X."""
    return "O" if board.count("O") == board.count("X") else "X"


@cache
def tic_tac_toe_value(board: str) -> int:
    """1 if the side to move wins with the best play of both, 0 for a draw, -1 if it loses.

    >>> tic_tac_toe_value(" " * 9), tic_tac_toe_value("OO XX    ")
    (0, 1)
    """
    if _has_line(board):
        return -1  # the side that moved last has won
    if " " not in board:
        return 0
    return max(-tic_tac_toe_value(_after(board, cell)) for cell in _free_cells(board))


def best_cells(board: str) -> tuple[int, ...]:
    """The free cells that keep the value of the position.

    >>> best_cells("OO XX    ")
    (2,)
    """
    value = tic_tac_toe_value(board)
    cells = _free_cells(board)
    return tuple(cell for cell in cells if -tic_tac_toe_value(_after(board, cell)) == value)


def greedy_cells(board: str) -> tuple[int, ...]:
    """The free cells that make three in a row where there are such, else all free cells.

    >>> greedy_cells("OO XX    "), greedy_cells("OO X     ")
    ((2,), (2, 4, 5, 6, 7, 8))
    """
    cells = _free_cells(board)
    return tuple(cell for cell in cells if _has_line(_after(board, cell))) or tuple(cells)


def _perfect_tic_tac_toe(observation: str) -> Moves:
    return [f"[{cell}]" for cell in best_cells(tic_tac_toe_board(observation))]


def _greedy_tic_tac_toe(observation: str) -> Moves:
    return [f"[{cell}]" for cell in greedy_cells(tic_tac_toe_board(observation))]


def _free_cells(board: str) -> list[int]:
    return [cell for cell, mark in enumerate(board) if mark == " "]


def _after(board: str, cell: int) -> str:
    return board[:cell] + mark_to_move(board) + board[cell + 1 :]


def _has_line(board: str) -> bool:
    return any(board[a] == board[b] == board[c] != " " for a, b, c in LINES)


# --- Nim


def nim_piles(observation: str) -> tuple[int, ...]:
    r"""The newest piles in a text.

    Raises:
        ValueError: there are none in it.

    >>> nim_piles("Current Pile:\n  pile 0: 3\n  pile 1: 4"), nim_piles("nim:3 4")
    ((3, 4), (3, 4))
    """
    if compact := _PILES.findall(observation):
        return tuple(map(int, compact[-1].split()))
    piles = {int(number): int(size) for number, size in _PILE.findall(observation)}
    if not piles:
        raise ValueError("there are no piles of Nim in the observation")
    return tuple(piles[number] for number in sorted(piles))


def winning_removals(piles: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Every (pile, objects to remove) that wins with the best play of both.

    >>> winning_removals((3, 4, 5)), winning_removals((1, 1))
    (((0, 2),), ())
    """
    total = reduce(xor, piles, 0)
    return tuple(
        (number, size - (size ^ total)) for number, size in enumerate(piles) if size ^ total < size
    )


def greedy_removals(piles: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """The last pile whole where one is left, else every number of objects from every pile.

    >>> greedy_removals((0, 3)), greedy_removals((1, 2))
    (((1, 3),), ((0, 1), (1, 1), (1, 2)))
    """
    moves = [(i, n) for i, size in enumerate(piles) for n in range(1, size + 1)]
    return tuple(moves[-1:] if sum(map(bool, piles)) == 1 else moves)


def _perfect_nim(observation: str) -> Moves:
    piles = nim_piles(observation)
    moves = winning_removals(piles) or tuple((i, 1) for i, size in enumerate(piles) if size)
    return [f"[{number} {objects}]" for number, objects in moves]


def _greedy_nim(observation: str) -> Moves:
    moves = greedy_removals(nim_piles(observation))
    return [f"[{number} {objects}]" for number, objects in moves]


@dataclass(frozen=True, slots=True)
class MoveByRule:
    """A player that draws uniformly among the moves that a rule allows."""

    moves: Callable[[str], Moves]
    """What its side has heard -> the moves, each as likely as another."""

    def __call__(self, observation: str, generator: np.random.Generator) -> str:
        """One of the moves, drawn with the generator."""
        moves = self.moves(observation)
        return moves[int(generator.integers(len(moves)))]


perfect_tic_tac_toe = MoveByRule(_perfect_tic_tac_toe)
"""Never turns a win into a draw or a draw into a loss."""
perfect_nim = MoveByRule(_perfect_nim)
"""A winning move where there is one, else one object, so that the game lasts."""
greedy_tic_tac_toe = MoveByRule(_greedy_tic_tac_toe)
"""The third in a row where that can be had, else any free cell."""
greedy_nim = MoveByRule(_greedy_nim)
"""The last objects where one pile is left, else any number from any pile."""

PERFECT_PLAYERS = {"TicTacToe": perfect_tic_tac_toe, "Nim": perfect_nim}
"""By the name of the game."""
GREEDY_PLAYERS = {"TicTacToe": greedy_tic_tac_toe, "Nim": greedy_nim}
"""By the name of the game."""
