"""What a teacher would say next, letter by letter, when it draws a word from a weighted list.

A teacher that guesses one of many words gives a sampled label: one letter where several were as
right. Its exact distribution is known, and training on that instead is the same gradient in
expectation without the noise (distillation with soft labels, Hinton et al. 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LETTERS = "abcdefghijklmnopqrstuvwxyz"
Codes = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


def next_letters(weights: Probabilities, said: Codes, words: Codes) -> Probabilities:
    """P(letter at place i | the letters said before it) of a word drawn by weight.

    Args:
        weights: [N, W] how likely each word is in each of N states; rows need not sum to 1.
        said: [N, L] the letters said in each state, as codes 0..25.
        words: [W, L] the words.

    Returns:
        [N, L, 26]; all zero from where no weighted word begins with what was said.

    >>> cat, cot, dog = (2, 0, 19), (2, 14, 19), (3, 14, 6)
    >>> words = np.array([cat, cot, dog], dtype=np.uint8)
    >>> found = next_letters(np.ones((1, 3), dtype=np.float32), words[:1], words)[0]
    >>> [round(float(found[i, letter]), 2) for i, letter in ((0, 2), (0, 3), (1, 0), (2, 19))]
    [0.67, 0.33, 0.5, 1.0]
    """
    left = weights.astype(np.float32, copy=True)
    found = np.zeros((*said.shape, len(LETTERS)), dtype=np.float32)
    alphabet = np.arange(len(LETTERS), dtype=np.uint8)
    for place in range(said.shape[1]):
        column = words[:, place]
        mass = left @ (column[:, None] == alphabet).astype(np.float32)
        total = mass.sum(axis=1, keepdims=True)
        found[:, place] = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
        left *= column[None, :] == said[:, place, None]
    return found
