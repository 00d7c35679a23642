"""Where guesses fall away: understood, legal, consistent with all that is known, and games won.

Each stage is a share of all guesses, the last one of games. Counted from recorded games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wordle_rl.envs.statuses import LEGAL
from wordle_rl.evaluation.games import GameRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the funnel."""

    name: str
    count: int
    of: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.count / self.of if self.of else 0.0


def funnel(games: Sequence[GameRecord]) -> tuple[Stage, ...]:
    """The stages of some games; a game that failed has whatever guesses it had, and is lost.

    A guess is understood where the game found one in the answer, be it legal or not.
    """
    guesses = [guess for game in games for guess in game["guesses"]]
    legal = sum(status in LEGAL for game in games for status in game["statuses"])
    understood = sum(
        guess not in ("", "None") or status in LEGAL
        for game in games
        for guess, status in zip(game["guesses"], game["statuses"], strict=True)
    )
    consistent = sum(sum(game["consistent"]) for game in games)
    return (
        Stage(name="understood", count=understood, of=len(guesses)),
        Stage(name="legal", count=legal, of=len(guesses)),
        Stage(name="consistent", count=consistent, of=len(guesses)),
        Stage(name="games won", count=sum(game["solved"] for game in games), of=len(games)),
    )
