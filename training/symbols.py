"""What a teacher would say next, symbol by symbol, when it draws one of many answers by weight.

A teacher that picks one of many answers gives a sampled label: one letter where several were as
right. Its exact distribution is known, and training on that instead is the same gradient in
expectation without the noise (distillation with soft labels, Hinton et al. 2015). A symbol is a
letter, a digit or a mark that games are answered with, or END, the token that ends an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-/."
END = len(ALPHABET)
"""The code of the end of an answer."""
SYMBOLS = END + 1
NOTHING = 255
"""The code of a place after the end, and of whatever is no symbol."""

Codes = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


def encode_answers(answers: Sequence[str]) -> Codes:
    """Answers as symbol codes with END behind each, [N, longest + 1], padded with NOTHING.

    >>> encode_answers(["cab", "7"]).tolist()
    [[2, 0, 1, 39], [33, 39, 255, 255]]
    """
    width = max(map(len, answers), default=0) + 1
    codes = np.full((len(answers), width), NOTHING, dtype=np.uint8)
    known = _codes()
    for row, answer in zip(codes, answers, strict=True):
        row[: len(answer)] = [known.get(symbol, NOTHING) for symbol in answer]
        row[len(answer)] = END
    return codes


def next_symbols(weights: Probabilities, said: Codes, answers: Codes) -> Probabilities:
    """P(symbol at place i | the symbols said before it) of an answer drawn by weight.

    Args:
        weights: [N, W] how likely each answer is in each of N states; rows need not sum to 1.
        said: [N, L] the symbols said in each state.
        answers: [W, L] the answers, from `encode_answers`.

    Returns:
        [N, L, A]; all zero from where no weighted answer begins with what was said.

    >>> words = encode_answers(["cat", "cot", "dog"])
    >>> found = next_symbols(np.ones((1, 3), dtype=np.float32), words[:1], words)[0]
    >>> [round(float(found[place, symbol]), 2) for place, symbol in ((0, 2), (0, 3), (1, 0))]
    [0.67, 0.33, 0.5]
    """
    left = weights.astype(np.float32, copy=True)
    found = np.zeros((*said.shape, SYMBOLS), dtype=np.float32)
    symbols = np.arange(SYMBOLS, dtype=np.uint8)
    for place in range(said.shape[1]):
        column = answers[:, place]
        mass = left @ (column[:, None] == symbols).astype(np.float32)
        total = mass.sum(axis=1, keepdims=True)
        found[:, place] = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
        left *= column[None, :] == said[:, place, None]
    return found


@cache
def _codes() -> dict[str, int]:
    return {symbol: code for code, symbol in enumerate(ALPHABET)}
