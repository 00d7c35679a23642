"""Recorded games at the terminal: a listing for a pipe, or stepped through with keys.

In: the `GameFile`s of a run. A game is drawn with the words that were still possible after each
guess and, in brackets, how many a random guess among the words that fitted would have left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.game_view import GameView, TurnView, view_of
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.possible import WordsLeft
from wordle_rl.evaluation.recorded import GameFile
from wordle_rl.evaluation.replay import Look, on_one_line, row_text
from wordle_rl.evaluation.statistics import mean
from wordle_rl.terminal import END

LEGEND = "Beside a guess: words still possible (how many a random fitting guess leaves on average)."
HELP = "n p: game   ] [: step   space: guess by guess   q: quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is on the screen."""

    file: int = 0
    game: int = 0
    turns: int | None = None
    """So many turns are shown; None for the whole game."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Album:
    """Recorded games to look at; every file has one at least."""

    files: tuple[GameFile, ...]
    options: Mapping[str, Any]
    """Arguments of the game, which tell its word lists."""

    def game(self, place: Place) -> GameRecord:
        """The game of a place."""
        return self.files[place.file].games[place.game]

    def view(self, place: Place) -> GameView:
        """Its view."""
        return view_of(self.game(place), self.options)


def with_secret(files: Sequence[GameFile], secret: str) -> list[GameFile]:
    """The games with one secret.

    Raises:
        ConfigError: there is none.
    """
    wanted = secret.strip().lower()
    kept = [
        replace(file, games=tuple(game for game in file.games if _secret(game) == wanted))
        for file in files
    ]
    if not any(file.games for file in kept):
        known = sorted({_secret(game) for file in files for game in file.games})
        some = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
        raise ConfigError(f"no recorded game has the secret {secret!r}; some that do: {some}")
    return [file for file in kept if file.games]


def _secret(game: GameRecord) -> str:
    return str(game.get("told_secret", game["secret"])).lower()


def listing(album: Album, console: Console, look: Look) -> None:
    """Print every game, file by file, after a line on each file."""
    console.print(Text(LEGEND), soft_wrap=True)
    for number, file in enumerate(album.files):
        console.print()
        console.print(Text(summary(file), style="bold"), soft_wrap=True)
        for game in range(len(file.games)):
            console.print()
            place = Place(file=number, game=game)
            console.print(game_text(album.view(place), look), soft_wrap=True)


def browse(album: Album, console: Console, look: Look, read_key: Callable[[], str]) -> None:
    """Show one game at a time on a page of its own, until a key leaves."""
    place: Place | None = Place()
    with console.screen(hide_cursor=True):
        while place is not None:
            _draw(album, place, console, look)
            place = press(read_key(), place, album)


def _draw(album: Album, place: Place, console: Console, look: Look) -> None:
    file = album.files[place.file]
    console.clear()
    console.print(Text(summary(file), style="bold"))
    console.print(Text(f"game {place.game + 1} of {len(file.games)}", style="dim"))
    console.print()
    console.print(game_text(album.view(place), look, turns=place.turns))
    console.print()
    console.print(Text(LEGEND, style="dim"))
    console.print(Text(HELP))


def summary(file: GameFile) -> str:
    """What the games of a file came to, as one line."""
    games = file.games
    won = [game["n_guesses"] for game in games if game["solved"]]
    parts = [f"{len(won)} of {len(games)} won"]
    if won:
        parts.append(f"{mean(won):.2f} guesses on wins")
    if rewards := [game["reward"] for game in games if "reward" in game]:
        parts.append(f"mean reward {mean(rewards):.2f}")
    return f"{file.label}: {', '.join(parts)}"


def game_text(view: GameView, look: Look, *, turns: int | None = None) -> Text:
    """A game, whole or its first `turns`; how it ended only where it is whole."""
    whole = turns is None or turns >= len(view.turns)
    lines = [] if view.on_board else [Text(view.opening)]
    for turn in view.turns[:turns]:
        lines += _turn_lines(turn, view.on_board, look)
    if whole:
        lines += _opponent_lines(view)
        ending = f"{view.result}: {view.secret.upper() if view.on_board else view.secret}"
        lines.append(Text(ending + (f" ({view.earned})" if view.earned else "")))
    return Text("\n").join(lines)


def _opponent_lines(view: GameView) -> list[Text]:
    """What the other side said, which observations in the compact style leave out."""
    said = ", ".join(on_one_line(action) for action in view.opponent)
    return [Text(f"opponent: {said}", style="dim")] if said else []


def _turn_lines(turn: TurnView, on_board: bool, look: Look) -> list[Text]:
    said = [Text(f"> {line}", style="dim") for line in turn.said.split("\n") if turn.said]
    if not on_board:
        return [*said, Text(turn.answer)]
    return [*said, row_text(turn.guess, turn.marks, look) + Text(_left(turn.left), style="dim")]


def _left(known: WordsLeft | None) -> str:
    if known is None:
        return ""
    fair = "" if known.fair is None else f" ({_short(known.fair)})"
    return f"  {known.left:>4} left{fair}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def press(key: str, place: Place, album: Album) -> Place | None:
    """Where a key leads; None to leave. A key without a meaning leads nowhere else."""
    move = KEYS.get(key)
    return place if move is None else move(place, album)


def _by_game(by: int) -> Move:
    """The next or previous game, over the end of a file into its neighbour."""

    def move(place: Place, album: Album) -> Place:
        order = [(f, g) for f, file in enumerate(album.files) for g in range(len(file.games))]
        at = order.index((place.file, place.game)) + by
        file, game = order[min(max(at, 0), len(order) - 1)]
        return Place(file=file, game=game)

    return move


def _by_file(by: int) -> Move:
    """The same game of the next or previous file, or its last where it has fewer."""

    def move(place: Place, album: Album) -> Place:
        file = min(max(place.file + by, 0), len(album.files) - 1)
        return Place(file=file, game=min(place.game, len(album.files[file].games) - 1))

    return move


def _next_turn(place: Place, album: Album) -> Place:
    """From a whole game back to its first guess, then one guess more each time."""
    turns = 1 if place.turns is None else place.turns + 1
    whole = len(album.game(place)["guesses"])
    return replace(place, turns=None if turns >= whole else turns)


def _leave(place: Place, album: Album) -> None:
    return None


Move = Callable[[Place, Album], Place | None]
KEYS: dict[str, Move] = {
    **dict.fromkeys(("n", "\x1b[C", "\r", "\n"), _by_game(1)),
    **dict.fromkeys(("p", "\x1b[D"), _by_game(-1)),
    **dict.fromkeys(("]", "\x1b[B"), _by_file(1)),
    **dict.fromkeys(("[", "\x1b[A"), _by_file(-1)),
    **dict.fromkeys(("q", "\x1b", END), _leave),
    " ": _next_turn,
}
"""Letters, and the arrow keys as terminals send them."""
