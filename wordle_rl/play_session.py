"""A game at the terminal: a person, an agent, or both on one secret. The work behind `play`.

Every player is an `Agent`, the person too, and sits at a `Seat`: one player at one game. On a
terminal the board is redrawn in place after each turn; into a pipe each turn adds its lines.
Nothing here knows the secret: it is shown when a finished game tells it in its info.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rich.text import Text

from wordle_rl.agents.base import Agent, Foreseeing, Move
from wordle_rl.agents.human import Hints, HumanAgent
from wordle_rl.envs import supported
from wordle_rl.envs.hard_mode import hard_mode_violation
from wordle_rl.evaluation.replay import on_one_line, printable
from wordle_rl.person import person_at
from wordle_rl.play_result import daily_name, keep, outcome, say_result
from wordle_rl.play_stats import Book
from wordle_rl.screen import Screen
from wordle_rl.seats import Seat, Setup, agent_seat, sit_down

LIKELY = 5
"""Answers that are listed before an agent's move."""
LIKELY_LEGEND = (
    "likely: whole answers and their probabilities at temperature 1, found by a beam of 64; "
    "what is missing to 100 % is on others"
)

REFUSALS = {
    "no_guess": "Type one word of {letters} letters.",
    "bad_chars": "Only the letters a to z count.",
    "bad_length": "The word has {letters} letters.",
    "unknown_word": "Not in the word list.",
}


def play_alone(setup: Setup, screen: Screen, *, book: Book | None = None) -> None:
    """A person plays; where there is a book, the finished game is added to it."""
    person = person_at(setup, screen)
    seats = [person.seat]
    with screen.page():
        _take_turns(seats, screen, title=_rules(person.seat, setup, book), typing=True)
    if screen.redraw:
        screen.boards(seats, hidden=False)
    say_result(seats, setup, screen)
    keep(person, setup, screen, book)


def play_versus(
    setup: Setup, agent: Agent, screen: Screen, *, delay_s: float, book: Book | None = None
) -> None:
    """A person and an agent play one secret; the agent's letters stay covered until the end."""
    person = person_at(setup, screen)
    seats = [person.seat, agent_seat(setup, agent)]
    title = f"{_rules(person.seat, setup, book)} Against {agent.name}."
    with screen.page():
        _take_turns(seats, screen, title=title, typing=True, delay_s=delay_s)
    screen.boards(seats, hidden=seats[0].left)
    say_result(seats, setup, screen)
    keep(person, setup, screen, book, versus=agent.name)


def watch(setup: Setup, agent: Agent, screen: Screen, *, games: int, delay_s: float) -> None:
    """An agent plays `games` games, their seeds counted up from `setup.seed`.

    Before each move the likeliest answers are listed, of an agent that can tell.
    """
    solved = 0
    if isinstance(agent, Foreseeing):
        screen.say(Text(LIKELY_LEGEND, style="dim"), "")

    def before(move: Move) -> None:
        if (likely := _likely(agent, move)) is not None:
            screen.say(likely)
        time.sleep(delay_s)

    for game in range(games):
        seat = agent_seat(replace(setup, seed=setup.seed + game), agent)
        what = daily_name(setup) if setup.day else f"Wordle, seed {setup.seed + game}"
        title = f"{agent.name} plays {what}."
        _take_turns([seat], screen, title=title, typing=False, before=before)
        screen.say(outcome(seat), "")
        solved += seat.solved
    if games > 1:
        screen.say(f"{agent.name} solved {solved} of {games}.")


def _likely(agent: Agent, move: Move) -> Text | None:
    """The likeliest answers in the context in which a move was made."""
    if not isinstance(agent, Foreseeing) or move.completion is None:
        return None
    found = agent.likely_answers(move.completion.prompt_ids, count=LIKELY)
    if not found:
        return None
    listed = ", ".join(f"{on_one_line(text)[:24]} {p:.1%}" for text, p in found)
    total = sum(p for _, p in found)
    return Text(f"likely: {listed}; together {total:.1%}", style="dim")


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
            screen.say(f"> {printable(seat.action)}")
    screen.say(outcome(seat) if seat.left else seat.env.news())


def _take_turns(
    seats: Sequence[Seat],
    screen: Screen,
    *,
    title: str,
    typing: bool,
    delay_s: float = 0.0,
    before: Callable[[Move], None] | None = None,
) -> None:
    """Play turn by turn until every game is over, or the first player leaves."""
    screen.start(title, seats, typing=typing)
    while not all(seat.over for seat in seats):
        if seats[0].over:
            time.sleep(delay_s)
        for seat in seats:
            _take_turn(seat, screen, before)
            if seats[0].left:
                return
        note = "" if typing else _words_left(seats[0])
        screen.turn(title, seats, typing=typing and not seats[0].over, note=note)


def _take_turn(seat: Seat, screen: Screen, before: Callable[[Move], None] | None) -> None:
    """Moves of one seat until a turn is used up; each refusal on the way is explained."""
    while not seat.over and not seat.move(before) and not seat.left:
        screen.say(_refusal(seat))


def _words_left(seat: Seat) -> str:
    """How many words fit all that is known; nothing is left to find in a game that is won."""
    scored = [row for row in seat.rows if row[1]]
    fitting = Hints(seat.env.public(), scored, 0).fitting()[1]
    return "" if seat.solved else f"{len(fitting)} left"


def _refusal(seat: Seat) -> str:
    if seat.info["status"] == "hard_mode":
        return f"Hard mode: {hard_mode_violation(seat.rows, seat.info['guess'])}."
    return REFUSALS[seat.info["status"]].format(letters=seat.env.public()["word_length"])


def _rules(seat: Seat, setup: Setup, book: Book | None) -> str:
    rules = seat.env.public()
    hard = ", hard mode" if rules["hard_mode"] else ""
    name = daily_name(setup) if setup.day else "Wordle"
    again = " Played before: it does not count again." if _is_old(setup, book) else ""
    size = f"{rules['word_length']} letters, {rules['max_guesses']} guesses"
    return f"{name.capitalize()}{hard}: {size}. ? for a hint, quit to stop.{again}"


def _is_old(setup: Setup, book: Book | None) -> bool:
    """Whether this is a daily word that was played before."""
    if book is None or setup.day is None:
        return False
    try:
        return book.has_day(setup.day)
    except OSError:
        return False  # said when the game is to be kept
