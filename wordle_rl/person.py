"""A person at a game: what is typed, and the hints that are given."""

from __future__ import annotations

from dataclasses import dataclass

from wordle_rl.agents.human import Hints, HumanAgent
from wordle_rl.evaluation.replay import Row
from wordle_rl.live_line import LiveLine
from wordle_rl.screen import Screen
from wordle_rl.seats import Seat, Setup, sit_down

MAX_SLIPS = 100
"""Refused words after which a person's game ends, so that no endless input plays forever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who types, and the hints that were given."""

    seat: Seat
    hints: Hints


def person_at(setup: Setup, screen: Screen) -> Person:
    """A person at a Wordle. A word that the game refuses costs a person nothing."""
    env = setup.make_env(style="chat", invalid_policy="free", max_invalid=MAX_SLIPS)
    public, rows = env.public(), list[Row]()
    hints = Hints(public, rows, setup.seed)

    def prompt() -> str:
        return f"{len(rows) + 1}/{public['max_guesses']}> "

    line = LiveLine(
        screen.console,
        screen.look,
        rows,
        prompt=prompt,
        letters=public["word_length"],
        read_key=lambda: screen.read_key(),
    )
    person = HumanAgent(
        line if screen.redraw else None,
        prompt=lambda view: "" if screen.redraw else prompt(),
        commands={"?": hints, "hint": hints},
    )
    return Person(seat=sit_down(person, env, setup, rows=rows), hints=hints)
