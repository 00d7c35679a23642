"""Players without a model, for every table: what chance, logic and planning reach.

    random              any legal move
    random-consistent   any move that fits all that is known so far
    greedy-patterns     the guess with the most different answers it can get
    greedy-entropy      the guess whose answer is worth the most bits
    greedy              a move that wins at once, else any: in games for two
    pupil               right always, and in some games it shows how: in math
    solver              the best play that comes with the game

A name is the same idea in every game that has it; how it plays a game is in that game's
`..._players` module. All play through the same `Agent` protocol as a language model and see no more
than it does: the rules and lists of `Opening.public`, and `View`. A baseline reads no temperature;
its chance comes from `Opening.seed` alone. `greedy-patterns:salet` always opens with SALET.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wordle_rl.agents.arena_players import ARENA_PLAYERS
from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.code_players import CODE_PLAYERS
from wordle_rl.agents.game_players import GamePlayers, NextMove
from wordle_rl.agents.hangman_players import HANGMAN_PLAYERS
from wordle_rl.agents.math_players import MATH_PLAYERS
from wordle_rl.agents.number_players import NUMBER_PLAYERS
from wordle_rl.agents.wordle_players import WORDLE_PLAYERS
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError, unknown_name

BASELINES: dict[str, str] = {
    "random": "any legal move",
    "random-consistent": "any move that fits all that is known",
    "greedy-patterns": "the guess with the most different answers",
    "greedy-entropy": "the guess whose answer is worth the most bits",
    "greedy": "a move that wins at once, else any; in games for two",
    "pupil": "the right answer, in some games with the steps to it; in math",
    "solver": "the best play that comes with the game",
}
"""Name -> what it plays, in a line."""

GAME_PLAYERS: dict[str, GamePlayers] = {
    "wordle": WORDLE_PLAYERS,
    "guess-number": NUMBER_PLAYERS,
    "mastermind": CODE_PLAYERS,
    "hangman": HANGMAN_PLAYERS,
    "math": MATH_PLAYERS,
}
"""`TextEnv.public()["game"]` -> its baselines. A game is added with one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """An agent that plays by rule or by chance.

    Args:
        name: the name shown in reports.
        plays: which of `BASELINES`.
        opener: the first move of every game; by default the baseline's own.
    """

    name: str
    plays: str
    opener: str | None = None
    style: Style = "compact"

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> BaselinePlayer:
        """Start games; a baseline plays the same at every temperature.

        Raises:
            ConfigError: one of the games has no such baseline, or does not allow the opener.
        """
        return BaselinePlayer(self.opener, [self._begin(opening) for opening in openings])

    def _begin(self, opening: Opening) -> NextMove:
        game = _players_of(opening.public)
        if self.plays not in game.players:
            raise ConfigError(
                f"{opening.public['game']} has no baseline {self.plays!r}: "
                f"it has {', '.join(game.players)}"
            )
        if self.opener is not None and not game.is_legal(opening.public, self.opener):
            raise ConfigError(f"opener {self.opener!r} is not a legal move of this game")
        move = game.players[self.plays](opening)
        # In a game that begins in the middle it reads what it has missed; the newest answer, as
        # always, with its first move.
        for played in opening.info.get("opening", ())[:-1]:
            move(View(observation=played["answer"], info=played["info"]))
        return move


def _players_of(public: Mapping[str, Any]) -> GamePlayers:
    game = public.get("game")
    if public.get("library") == "textarena":
        return ARENA_PLAYERS
    if game not in GAME_PLAYERS:
        what = "this game" if game is None else f"the game {game!r}"
        raise ConfigError(
            f"there are no baselines for {what}: public()['game'] names one of "
            f"{', '.join(GAME_PLAYERS)}"
        )
    return GAME_PLAYERS[game]


class BaselinePlayer:
    """The running games of one baseline."""

    def __init__(self, opener: str | None, games: Sequence[NextMove]) -> None:
        self._opener = opener
        self._games = games
        self._opened: set[int] = set()

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Answer every game in `views`."""
        return {game: Move(action=self._next(game, view)) for game, view in views.items()}

    def _next(self, game: int, view: View) -> str:
        if self._opener is not None and game not in self._opened:
            self._opened.add(game)
            return self._opener
        return self._games[game](view)


def load_baseline(name: str) -> Baseline:
    """The baseline of a name such as `random` or, with an opener, `greedy-patterns:salet`.

    Raises:
        ConfigError: there is no such baseline.

    >>> load_baseline("greedy-patterns:salet").opener
    'salet'
    """
    base, _, opener = name.partition(":")
    if base not in BASELINES:
        raise unknown_name("baseline", base, BASELINES)
    return Baseline(name=name, plays=base, opener=opener.strip().lower() or None)
