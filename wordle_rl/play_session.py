"""A game at the terminal: a person, an agent, or both on one secret. The work behind `play`.

Every player is an `Agent`, the person too, and sits at a `Seat`: one player at one game. On a
terminal the board is drawn anew after each turn; into a pipe each turn adds its lines. Nothing here
knows the secret: it is shown when a finished game tells it in its info.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wordle_rl.agents.base import Agent, Opening, Player, View
from wordle_rl.agents.human import HumanAgent, show_observation
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.feedback import consistent
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.replay import (
    TILE_WIDTH,
    Look,
    Row,
    board,
    hidden_row,
    keyboard,
    look_for,
    row_text,
    share_grid,
)
from wordle_rl.seeding import generator

GAP = "    "


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is played, as the command line says it."""

    env_id: str = "wordle"
    seed: int = 0
    secret: str | None = None
    split: str | None = None
    """None for the game's own default; all words in Wordle."""
    hard: bool = False

    def wordle(self, **options: Any) -> TextEnv:
        """A Wordle for one player."""
        return make_env(
            self.env_id, split=self.split or "all", hard_mode=self.hard, **options
        )

    def other(self, **options: Any) -> TextEnv:
        """A game of any other kind for one player."""
        split = {} if self.split is None else {"split": self.split}
        return make_env(self.env_id, **split, **options)

    @property
    def reset_options(self) -> dict[str, Any]:
        return {} if self.secret is None else {"secret": self.secret}


@dataclass(slots=True, kw_only=True)
class Seat:
    """One player at one game, from its first observation to its end."""

    name: str
    env: TextEnv
    player: Player
    observation: str
    info: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    """One entry for every turn that was used up."""
    action: str = ""
    over: bool = False
    left: bool = False
    """The player gave no answer, so the game stopped before its end."""

    def move(self) -> bool:
        """Ask the player for one move and play it; returns whether it used up a turn."""
        move = self.player.act({0: View(observation=self.observation, info=self.info)}).get(0)
        if move is None:
            self.over = self.left = True
            return False
        turns, self.action = self.info.get("turn", 0), move.action
        self.observation, _, terminated, truncated, info = self.env.step(move.action)
        self.info, self.over = info, terminated or truncated
        used = self.over or info.get("turn", 0) > turns
        if used:
            self.rows.append((info.get("guess") or "", info.get("feedback") or ""))
        return used

    @property
    def solved(self) -> bool:
        return bool(self.info.get("solved", False))


def seat(agent: Agent, env: TextEnv, setup: Setup, *, rows: list[Row] | None = None) -> Seat:
    """Start a game and let the agent sit down at it.

    Raises:
        ConfigError: the game does not know the secret that was asked for.
    """
    try:
        observation, info = env.reset(seed=setup.seed, options=setup.reset_options)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    opening = Opening(observation=observation, info=info, seed=setup.seed, public=env.public())
    return Seat(
        name=agent.name,
        env=env,
        player=agent.begin([opening], temperature=0.0),
        observation=observation,
        info=info,
        rows=[] if rows is None else rows,
    )


class Hints:
    """How many words are left; asked again on the same turn, one of them."""

    def __init__(self, public: Mapping[str, Any], rows: Sequence[Row], seed: int) -> None:
        self._public, self._rows, self._seed = public, rows, seed
        self._answered: int | None = None

    def __call__(self) -> str:
        """The next hint, as one line."""
        kind, words = self.fitting()
        turn, again = len(self._rows), self._answered == len(self._rows)
        self._answered = turn
        if again and words:
            return f"Try {generator(self._seed, 'hint', turn).choice(words)}."
        return f"{len(words)} of the {kind} {'fits' if len(words) == 1 else 'fit'}. ? again for one."

    def fitting(self) -> tuple[str, list[str]]:
        """The possible secrets that fit every row, or the legal guesses where no secret does."""
        for kind, key in (("possible words", "answers"), ("legal guesses", "guesses")):
            words = [word for word in self._public[key] if consistent(word, self._rows)]
            if words:
                return kind, words
        return "words", []


class Screen:
    """Draws seats on a console: the first one open, the second one without its letters."""

    def __init__(self, console: Console, look: Look, *, redraw: bool) -> None:
        self.console, self.look, self._redraw = console, look, redraw

    def session(self) -> AbstractContextManager[object]:
        """The time in which the board is redrawn in place, on a page of its own."""
        return self.console.screen(hide_cursor=False) if self._redraw else nullcontext()

    def say(self, *lines: str | Text) -> None:
        """Print lines as they are."""
        for line in lines:
            self.console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def start(self, title: str, seats: Sequence[Seat], *, keys: bool) -> None:
        """Open the game."""
        if self._redraw:
            self.turn(title, seats, keys=keys)
        else:
            self.say(title, self.look.legend, "")

    def turn(self, title: str, seats: Sequence[Seat], *, keys: bool) -> None:
        """Show the game after a turn of every seat."""
        if self._redraw:
            self.console.clear()
            self.say(Text(title, style="bold"), "")
            self.boards(seats, hidden=True)
        else:
            self.say(self._newest(seats))
        if keys:
            self.say("", keyboard(seats[0].rows, self.look), "")

    def boards(self, seats: Sequence[Seat], *, hidden: bool) -> None:
        """The boards beside one another, or below one another where the terminal is narrow."""
        public = seats[0].env.public()
        letters, height = public["word_length"], public["max_guesses"]
        columns = [
            _column(
                s,
                board(s.rows, self.look, letters=letters, height=height, hidden=hidden and i > 0),
                named=len(seats) > 1,
            )
            for i, s in enumerate(seats)
        ]
        needed = len(seats) * letters * TILE_WIDTH + (len(seats) - 1) * len(GAP)
        if needed > self.console.width:
            self.say(*columns)
            return
        table = Table.grid(padding=(0, len(GAP)))
        table.add_row(*columns)
        self.console.print(table)

    def _newest(self, seats: Sequence[Seat]) -> Text:
        """The newest row of every seat that is not behind, on one line."""
        turn = max(len(s.rows) for s in seats)
        width = TILE_WIDTH * seats[0].env.public()["word_length"]
        cells = []
        for i, s in enumerate(seats):
            guess, marks = s.rows[turn - 1] if len(s.rows) == turn else ("", None)
            cell = Text("") if marks is None else _row(guess, marks, self.look, hidden=i > 0)
            cell.pad_right(max(0, width - len(cell)))
            cells.append(cell)
        return Text(GAP).join(cells)


def _row(guess: str, marks: str, look: Look, *, hidden: bool) -> Text:
    return hidden_row(marks, look) if hidden else row_text(guess, marks, look)


def _column(seat: Seat, rows: Text, *, named: bool) -> Text:
    return Text("\n").join([Text(seat.name, style="bold"), rows]) if named else rows
