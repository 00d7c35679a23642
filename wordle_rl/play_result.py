"""What is said when a game is over: the outcome, the grid to share, a person's own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import inf

from wordle_rl.envs.daily import day_number
from wordle_rl.evaluation.replay import share_grid
from wordle_rl.person import Person
from wordle_rl.play_stats import Book, PlayedGame, stats_lines
from wordle_rl.screen import Screen
from wordle_rl.seats import Seat, Setup


def daily_name(setup: Setup) -> str:
    """What the word of a day is called; empty for any other word."""
    return f"daily word {day_number(setup.day)}" if setup.day else ""


def outcome(seat: Seat) -> str:
    """How a game ended, as one line. The secret only where the game tells it."""
    if seat.left:
        return f"{seat.name}: stopped before the end."
    word = str(seat.info.get("secret", "")).upper()
    if seat.solved:
        return f"{seat.name}: solved in {len(seat.rows)}, {word}."
    return f"{seat.name}: not solved. The word was {word}."


def say_result(seats: Sequence[Seat], setup: Setup, screen: Screen) -> None:
    """What a person reads at the end: the outcome, who won, the grid to share."""
    you = seats[0]
    again = "" if setup.secret is not None else f"Play it again with --seed {setup.seed}."
    if you.left:
        screen.say(f"{outcome(you)} The word stays hidden.", *filter(None, [again]))
        return
    screen.say("", *map(outcome, seats))
    if len(seats) > 1:
        screen.say(_winner(seats))
    screen.say("", _grid(you, setup, screen), "", *filter(None, [again]))


def keep(
    person: Person, setup: Setup, screen: Screen, book: Book | None, *, versus: str = ""
) -> None:
    """Add a finished game to the book and show what is in it."""
    seat = person.seat
    if book is None or seat.left:
        return
    game = PlayedGame(
        finished=datetime.now().astimezone().replace(microsecond=0),
        day=setup.day,
        solved=seat.solved,
        n_guesses=max(1, len(seat.rows)),
        hard=bool(seat.env.public()["hard_mode"]),
        versus=versus,
        hints=person.hints.given,
    )
    try:
        book.add(game)
        show_stats(book, screen)
    except OSError as error:
        screen.say(f"The statistics could not be kept: {error}")


def show_stats(book: Book, screen: Screen) -> None:
    """The statistics of a book. Raises OSError."""
    bar = "█" if _has_unicode(screen) else "#"
    lines = stats_lines(book.games(), date.today(), bar=bar)
    screen.say(*filter(None, [book.notice]), *lines)


def _winner(seats: Sequence[Seat]) -> str:
    scores = [len(seat.rows) if seat.solved else inf for seat in seats]
    best = [seat.name for seat, score in zip(seats, scores, strict=True) if score == min(scores)]
    return f"{best[0]} won." if len(best) == 1 else "A draw."


def _grid(seat: Seat, setup: Setup, screen: Screen) -> str:
    rules = seat.env.public()
    return share_grid(
        seat.rows,
        screen.look,
        solved=seat.solved,
        letters=rules["word_length"],
        max_guesses=rules["max_guesses"],
        hard=rules["hard_mode"],
        emoji=_has_unicode(screen),
        name=f"wordle-rl {daily_name(setup)}" if setup.day else "wordle-rl",
    )


def _has_unicode(screen: Screen) -> bool:
    return screen.console.encoding.startswith("utf")
