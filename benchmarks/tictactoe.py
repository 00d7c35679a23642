"""What a model knows of TicTacToe: its moves in every position in which a side is to move.

    python -m benchmarks.tictactoe MODEL [MODEL ...]

MODEL is a run or a model folder. Each of the 4,520 positions is shown as the first of a game, in
the compact style. Of the positions in which a move wins at once, in which one cell alone stops a
loss, and in which the choice of the cell decides the value, the table tells how often the move is
right: the likeliest cell, and in brackets the probability of the right ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

import click
import torch

from wordle_rl.agents.loading import load_language_agent
from wordle_rl.envs.perfect_play import LINES, best_cells, mark_to_move, tic_tac_toe_board

Right = Callable[[str], set[int]]
"""A board -> the cells that are right; all or none where the question does not arise."""


def free_cells(board: str) -> set[int]:
    """The cells without a mark."""
    return {cell for cell, mark in enumerate(board) if mark == " "}


def completing(board: str, mark: str) -> set[int]:
    """The free cells with which a mark makes three in a row."""
    return {
        cell
        for line in LINES
        for cell in line
        if board[cell] == " " and all(board[other] == mark for other in line if other != cell)
    }


def winning(board: str) -> set[int]:
    """Moves that win at once."""
    return completing(board, mark_to_move(board))


def blocking(board: str) -> set[int]:
    """The one move that stops a loss, where there is no win."""
    threats = completing(board, "X" if mark_to_move(board) == "O" else "O")
    return threats if len(threats) == 1 and not winning(board) else set()


def deciding(board: str) -> set[int]:
    """Moves that keep the value of the position."""
    return set(best_cells(board))


QUESTIONS: Mapping[str, Right] = {
    "legal": free_cells,
    "takes a win": winning,
    "stops a loss": blocking,
    "keeps the value": deciding,
}


@cache
def positions() -> tuple[str, ...]:
    """Every board that can come up and in which a side is to move."""
    return tuple(sorted(set(_reached(" " * 9, set()))))


def _reached(board: str, seen: set[str]) -> Iterator[str]:
    over = any(board[a] == board[b] == board[c] != " " for a, b, c in LINES)
    if over or " " not in board or board in seen:
        return
    seen.add(board)
    yield board
    for cell in free_cells(board):
        yield from _reached(board[:cell] + mark_to_move(board) + board[cell + 1 :], seen)


def cell_probabilities(name: str) -> torch.Tensor:
    """What a model says to each position, [positions, 9]."""
    agent = load_language_agent(name, device="cpu")
    shown = [
        f"{mark_to_move(board)}:"
        + "".join(str(cell) if mark == " " else mark for cell, mark in enumerate(board))
        for board in positions()
    ]
    assert all(
        tic_tac_toe_board(text) == board for text, board in zip(shown, positions(), strict=True)
    )
    ids = torch.tensor([agent.chat.opening(text) for text in shown])
    with torch.no_grad():
        logits = torch.cat([agent.model(part).logits[:, -1] for part in torch.split(ids, 512)])
    return logits.float().softmax(-1)[:, [agent.chat.encode(str(cell))[0] for cell in range(9)]]


def answer(probabilities: torch.Tensor, right: Right) -> tuple[int, float, float]:
    """What the model knows of a question.

    Returns:
        (positions in which it arises, share whose likeliest cell is right, mean probability of
        the right cells).
    """
    found = []
    for board, row in zip(positions(), probabilities, strict=True):
        cells = right(board)
        if cells and (right is free_cells or cells < free_cells(board)):
            found.append((int(row.argmax()) in cells, float(row[sorted(cells)].sum())))
    count = len(found)
    return count, sum(f[0] for f in found) / count, sum(f[1] for f in found) / count


@click.command()
@click.argument("models", nargs=-1, required=True)
def main(models: tuple[str, ...]) -> None:
    """Print a table, one line a model."""
    click.echo(f"| model | {' | '.join(QUESTIONS)} |")
    click.echo(f"| --- |{' ---: |' * len(QUESTIONS)}")
    for name in models:
        probabilities = cell_probabilities(name)
        answers = [answer(probabilities, right) for right in QUESTIONS.values()]
        cells = [f"{100 * best:.1f} % ({100 * mass:.1f}), n = {n}" for n, best, mass in answers]
        click.echo(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
