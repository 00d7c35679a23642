"""Where guesses fall away: understood, legal, consistent with all that is known, and games won.

Each stage is a share of all guesses, the last one of games. Counted from recorded games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wordle_rl.envs.statuses import has_form, is_legal
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

    A guess is understood where it has the form that was asked for, be it legal or not.
    """
    statuses = [status for game in games for status in game["statuses"]]
    consistent = sum(sum(game["consistent"]) for game in games)
    return (
        Stage(name="understood", count=sum(map(has_form, statuses)), of=len(statuses)),
        Stage(name="legal", count=sum(map(is_legal, statuses)), of=len(statuses)),
        Stage(name="consistent", count=consistent, of=len(statuses)),
        Stage(name="games won", count=sum(game["solved"] for game in games), of=len(games)),
    )
