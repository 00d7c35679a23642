"""The word of the day: a function of the date and the list of answers, the same for everybody.

The answers are put in an order of their own for every round of the list, by sha256, and one is
taken each day; so none comes back before all others have been.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

FIRST_DAY = date(2026, 1, 1)
"""Day number 1."""


def day_number(day: date) -> int:
    """The number of a day's word; days before the first have numbers below 1.

    >>> day_number(date(2026, 1, 1)), day_number(date(2026, 2, 1))
    (1, 32)
    """
    return (day - FIRST_DAY).days + 1


def daily_word(day: date, answers: Sequence[str]) -> str:
    """The word of a day.

    >>> daily_word(date(2026, 1, 1), ["crane", "slate"])
    'slate'
    """
    rounds, place = divmod(day_number(day) - 1, len(answers))
    order = sorted(answers, key=lambda word: _rank(rounds, word))
    return order[place]


def _rank(rounds: int, word: str) -> bytes:
    return hashlib.sha256(f"wordle-rl daily:{rounds}:{word}".encode()).digest()
