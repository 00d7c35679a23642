"""What the status of an action means, the same in every game: `info["status"]`.

    ok, repeat          legal: it was played
    no_guess, no_...    no answer was found in the text
    bad_chars, bad_...  an answer was found, but not of the form that was asked for
    invalid             TextArena refused it, for whatever reason
    anything else       an answer of good form that the rules refuse: unknown_word, hard_mode, ...

A game names its own statuses by these beginnings, and everything that pays or counts knows them.
"""

from __future__ import annotations

LEGAL = frozenset({"ok", "repeat"})
"""Every other status is a refusal."""
NO_ANSWER = "no_"
BAD_FORM = (NO_ANSWER, "bad_", "invalid")


def is_legal(status: str) -> bool:
    """Whether the action was played."""
    return status in LEGAL


def has_answer(status: str) -> bool:
    """Whether there was an answer in the text, good or bad.

    >>> [has_answer(status) for status in ("no_guess", "no_answer", "bad_number", "ok")]
    [False, False, True, True]
    """
    return not status.startswith(NO_ANSWER)


def has_form(status: str) -> bool:
    """Whether the answer had the form that was asked for; the rules may refuse it still.

    >>> [has_form(status) for status in ("no_answer", "bad_fraction", "unknown_word", "ok")]
    [False, False, True, True]
    """
    return not status.startswith(BAD_FORM)
