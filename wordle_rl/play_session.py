"""A game at the terminal: a person, an agent, or both on one secret. The work behind `play`.

Every player is an `Agent`, the person too, and sits at a `Seat`: one player at one game. On a
terminal the board is redrawn in place after each turn; into a pipe each turn adds its lines.
Nothing here knows the secret: it is shown when a finished game tells it in its info.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wordle_rl.agents.base import Agent, Opening, Player, View
from wordle_rl.agents.human import Hints, HumanAgent
from wordle_rl.envs import make_env, supported
from wordle_rl.envs.base import TextEnv
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.envs.wordle import WordleEnv
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.replay import (
    TILE_WIDTH,
    Look,
    Row,
    board,
    keyboard,
    row_text,
    share_grid,
)
from wordle_rl.seeding import seed_from

GAP = 4
"""Columns between two boards."""

MAX_SLIPS = 100
"""Refused words after which a person's game ends, so that no endless input plays forever."""

REFUSALS = {
    "no_guess": "Type one word of {letters} letters.",
    "bad_chars": "Only the letters a to z count.",
    "bad_length": "The word has {letters} letters.",
    "unknown_word": "Not in the word list.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is played, as the command line says it."""

    env_id: str = "wordle"
    seed: int = 0
    secret: str | None = None
    split: str | None = None
    """None for the game's default."""
    hard: bool = False

    @property
    def is_wordle(self) -> bool:
        """Whether the game has rows and colours to draw."""
        return isinstance(make_env(self.env_id), WordleEnv)

    def make_env(self, **options: Any) -> TextEnv:
        """The game for one player; what the command line left open stays the game's default."""
        if self.split is not None:
            options["split"] = self.split
        if self.hard:
            options["hard_mode"] = True
        return make_env(self.env_id, **options)


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

    @property
    def solved(self) -> bool:
        """Whether the game says that it was won."""
        return bool(self.info.get("solved", False))

    def move(self) -> bool:
        """Ask the player for one move and play it; returns whether it used up a turn."""
        view = View(observation=self.observation, info=self.info)
        move = self.player.act({0: view}).get(0)
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


def sit_down(agent: Agent, env: TextEnv, setup: Setup, *, rows: list[Row] | None = None) -> Seat:
    """Start a game for an agent. Raises ConfigError where the game refuses the secret."""
    options = {} if setup.secret is None else {"secret": setup.secret}
    try:
        observation, info = env.reset(seed=setup.seed, options=options)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    # Not the game's own seed, from which a player at random would draw the secret itself.
    seed = seed_from(setup.seed, "player")
    opening = Opening(observation=observation, info=info, seed=seed, public=env.public())
    return Seat(
        name=agent.name,
        env=env,
        player=agent.begin([opening], temperature=0.0),
        observation=observation,
        info=info,
        rows=[] if rows is None else rows,
    )


class Screen:
    """Draws seats on a console: the first one open, any other one without its letters."""

    def __init__(self, console: Console, look: Look, *, redraw: bool) -> None:
        self.console, self.look, self.redraw = console, look, redraw

    def page(self) -> AbstractContextManager[object]:
        """The time in which the board is redrawn in place, on a page of its own."""
        return self.console.screen(hide_cursor=False) if self.redraw else nullcontext()

    def say(self, *lines: str | Text) -> None:
        """Print lines; only a terminal has a width to wrap them at."""
        for line in lines:
            self.console.print(line, soft_wrap=not self.console.is_terminal)

    def start(self, title: str, seats: Sequence[Seat], *, typing: bool) -> None:
        """Open the game. With `typing`, the first seat is a person at a keyboard."""
        if self.redraw:
            self.turn(title, seats, typing=typing)
        else:
            self._head(title)

    def turn(self, title: str, seats: Sequence[Seat], *, typing: bool) -> None:
        """Show the game after a turn of every seat."""
        if self.redraw:
            self.console.clear()
            self._head(title)
            self.boards(seats, hidden=True)
        else:
            self._newest_rows(seats)
        if typing:
            self.say("", keyboard(seats[0].rows, self.look), "")

    def boards(self, seats: Sequence[Seat], *, hidden: bool) -> None:
        """Whole boards; with `hidden`, only the first one shows its letters."""
        cells = []
        for seat in seats:
            rules = seat.env.public()
            rows = board(
                seat.rows,
                self.look,
                letters=rules["word_length"],
                height=rules["max_guesses"],
                hidden=hidden and seat is not seats[0],
            )
            name = _short(seat.name, TILE_WIDTH * rules["word_length"])
            cells.append(Text(f"{name}\n", style="bold") + rows if len(seats) > 1 else rows)
        self._beside(cells, seats)

    def _head(self, title: str) -> None:
        self.say(Text(title, style="bold"), self.look.legend, "")

    def _newest_rows(self, seats: Sequence[Seat]) -> None:
        """The rows of the newest turn, blank where a seat was done before it."""
        turn = max(len(seat.rows) for seat in seats)
        cells = [
            row_text(*seat.rows[-1], self.look, hidden=seat is not seats[0])
            if len(seat.rows) == turn
            else Text()
            for seat in seats
        ]
        self._beside(cells, seats)

    def _beside(self, cells: Sequence[Text], seats: Sequence[Seat]) -> None:
        """Print one cell a seat side by side, or below one another where it is too narrow."""
        width = TILE_WIDTH * seats[0].env.public()["word_length"]
        if len(seats) * (width + GAP) - GAP > self.console.width:
            self.say(*cells)
            return
        table = Table.grid(padding=(0, GAP, 0, 0))
        for _ in seats:
            table.add_column(min_width=width, no_wrap=True)
        table.add_row(*cells)
        self.console.print(table)


def person_seat(setup: Setup) -> Seat:
    """A person at a Wordle. A word that the game refuses costs a person nothing."""
    env = setup.make_env(style="chat", invalid_policy="free", max_invalid=MAX_SLIPS)
    public, rows = env.public(), list[Row]()
    hints = Hints(public, rows, setup.seed)
    person = HumanAgent(
        prompt=lambda view: f"{len(rows) + 1}/{public['max_guesses']}> ",
        commands={"?": hints, "hint": hints},
    )
    return sit_down(person, env, setup, rows=rows)


def agent_seat(setup: Setup, agent: Agent) -> Seat:
    """An agent at a Wordle, under the rules by which it is measured."""
    return sit_down(agent, setup.make_env(style=agent.style), setup)


def play_alone(setup: Setup, screen: Screen) -> None:
    """A person plays."""
    seats = [person_seat(setup)]
    with screen.page():
        _take_turns(seats, screen, title=_rules(seats[0]), typing=True)
    if screen.redraw:
        screen.boards(seats, hidden=False)
    _say_result(seats, setup, screen)


def play_versus(setup: Setup, agent: Agent, screen: Screen, *, delay_s: float) -> None:
    """A person and an agent play one secret; the agent's letters stay covered until the end."""
    seats = [person_seat(setup), agent_seat(setup, agent)]
    title = f"{_rules(seats[0])} Against {agent.name}."
    with screen.page():
        _take_turns(seats, screen, title=title, typing=True, delay_s=delay_s)
    screen.boards(seats, hidden=seats[0].left)
    _say_result(seats, setup, screen)


def watch(setup: Setup, agent: Agent, screen: Screen, *, games: int, delay_s: float) -> None:
    """An agent plays `games` games, their seeds counted up from `setup.seed`."""
    solved = 0
    for game in range(games):
        seats = [agent_seat(replace(setup, seed=setup.seed + game), agent)]
        title = f"{agent.name} plays Wordle, seed {setup.seed + game}."
        _take_turns(seats, screen, title=title, typing=False, delay_s=delay_s)
        screen.say(_outcome(seats[0]), "")
        solved += seats[0].solved
    if games > 1:
        screen.say(f"{agent.name} solved {solved} of {games}.")


def play_text(setup: Setup, agent: Agent | None, screen: Screen, *, delay_s: float) -> None:
    """Any game as plain text: a person types, or an agent is watched.

    The agent reads its own style; who watches it reads the game's words for people.
    """
    reads = {} if agent is None else supported(setup.env_id, style=agent.style)
    env = setup.make_env(**reads)
    seat = sit_down(agent or HumanAgent(), env, setup)
    while not seat.over:
        if agent is not None:
            screen.say(seat.env.news())
            time.sleep(delay_s)
        seat.move()
        if agent is not None and not seat.left:
            screen.say(f"> {_visible(seat.action)}")
    screen.say(_outcome(seat) if seat.left else seat.env.news())


def _take_turns(
    seats: Sequence[Seat], screen: Screen, *, title: str, typing: bool, delay_s: float = 0.0
) -> None:
    """Play turn by turn until every game is over, or the first player leaves."""
    screen.start(title, seats, typing=typing)
    while not all(seat.over for seat in seats):
        if not typing or seats[0].over:
            time.sleep(delay_s)
        for seat in seats:
            _take_turn(seat, screen)
            if seats[0].left:
                return
        screen.turn(title, seats, typing=typing and not seats[0].over)


def _take_turn(seat: Seat, screen: Screen) -> None:
    """Moves of one seat until a turn is used up; each refusal on the way is explained."""
    while not seat.over and not seat.move() and not seat.left:
        screen.say(_refusal(seat))


def _refusal(seat: Seat) -> str:
    if seat.info["status"] == "hard_mode":
        return f"Hard mode: {hard_mode_violation(seat.rows, seat.info['guess'])}."
    return REFUSALS[seat.info["status"]].format(letters=seat.env.public()["word_length"])


def _visible(text: str) -> str:
    """What a model wrote, without what would steer a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _short(name: str, width: int) -> str:
    """The end of a name, which says more than its beginning where it is a path."""
    return name if len(name) <= width else f"..{name[2 - width :]}"


def _rules(seat: Seat) -> str:
    rules = seat.env.public()
    hard = ", hard mode" if rules["hard_mode"] else ""
    return (
        f"Wordle{hard}: {rules['word_length']} letters, {rules['max_guesses']} guesses. "
        "? for a hint, quit to stop."
    )


def _outcome(seat: Seat) -> str:
    """How a game ended, as one line. The secret only where the game tells it."""
    if seat.left:
        return f"{seat.name}: stopped before the end."
    word = str(seat.info.get("secret", "")).upper()
    if seat.solved:
        return f"{seat.name}: solved in {len(seat.rows)}, {word}."
    return f"{seat.name}: not solved. The word was {word}."


def _say_result(seats: Sequence[Seat], setup: Setup, screen: Screen) -> None:
    """What a person reads at the end: the outcome, who won, the grid to share."""
    you = seats[0]
    again = "" if setup.secret is not None else f"Play it again with --seed {setup.seed}."
    if you.left:
        screen.say(f"{_outcome(you)} The word stays hidden.", *filter(None, [again]))
        return
    screen.say("", *map(_outcome, seats))
    if len(seats) > 1:
        screen.say(_winner(seats))
    screen.say("", _grid(you, screen), "", *filter(None, [again]))


def _winner(seats: Sequence[Seat]) -> str:
    scores = [len(seat.rows) if seat.solved else inf for seat in seats]
    best = [seat.name for seat, score in zip(seats, scores, strict=True) if score == min(scores)]
    return f"{best[0]} won." if len(best) == 1 else "A draw."


def _grid(seat: Seat, screen: Screen) -> str:
    rules = seat.env.public()
    return share_grid(
        seat.rows,
        screen.look,
        solved=seat.solved,
        letters=rules["word_length"],
        max_guesses=rules["max_guesses"],
        hard=rules["hard_mode"],
        emoji=screen.console.encoding.startswith("utf"),
    )
