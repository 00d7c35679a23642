"""Hard mode as the newspaper's client plays it: what has been revealed must be used.

A green letter stays in its place, and a guess holds every letter at least as often as one earlier
guess showed it in colour. Gray letters may be played again, and a yellow one in the same place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def hard_mode_violation(history: Sequence[tuple[str, str]], guess: str) -> str | None:
    """What hard mode objects to in a guess, as a clause, or None where it is legal.

    Args:
        history: the earlier guesses, each with its feedback of G, Y and X.
        guess: a word of the same length.

    >>> hard_mode_violation([("crane", "YGGXG")], "caper")
    'letter 2 must be R'
    >>> hard_mode_violation([("speed", "YXYYX")], "stern")
    'the guess must hold E at least 2 times'
    >>> hard_mode_violation([("crane", "YGGXG")], "trace") is None
    True
    """
    for earlier, marks in history:
        complaint = _moved_green(earlier, marks, guess) or _dropped_letter(earlier, marks, guess)
        if complaint:
            return complaint
    return None


def _moved_green(earlier: str, marks: str, guess: str) -> str | None:
    for place, (letter, mark, now) in enumerate(zip(earlier, marks, guess, strict=True), start=1):
        if mark == "G" and now != letter:
            return f"letter {place} must be {letter.upper()}"
    return None


def _dropped_letter(earlier: str, marks: str, guess: str) -> str | None:
    revealed = Counter(letter for letter, mark in zip(earlier, marks, strict=True) if mark != "X")
    for letter, times in revealed.items():
        if guess.count(letter) < times:
            often = "" if times == 1 else f" at least {times} times"
            return f"the guess must hold {letter.upper()}{often}"
    return None
