"""Where a player of number guessing gives numbers away: by turn, greedy, from 1 to 1000.

    python -m benchmarks.number_losses RUN [RUN ...]

With k guesses left at most 2^k - 1 numbers can be told apart. A guess that leaves more of them on
one side than the guesses after it can find gives the rest away, whatever is played later. Every
state that the player's greedy games reach is counted once. The games are of the training and
validation numbers; the test numbers stay closed, though those in the states are counted as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from wordle_rl.agents.loading import load_agent
from wordle_rl.envs.guess_number import narrowed
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.suites import load_suite

NUMBERS, GUESSES = 1000, 10


@dataclass(frozen=True, slots=True)
class State:
    """What is known before a guess."""

    low: int
    high: int
    left: int
    """Guesses, this one included."""

    def given_away(self, guess: int | None) -> int:
        """How many numbers a guess makes impossible to find; None for one that was refused."""
        possible = self.high - self.low + 1
        before = findable(possible, self.left)
        if guess is None:
            return before - findable(possible, self.left - 1)
        below = min(max(guess - self.low, 0), possible)
        above = min(max(self.high - guess, 0), possible)
        hit = int(self.low <= guess <= self.high)
        later = self.left - 1
        return before - hit - findable(below, later) - findable(above, later)


def findable(numbers: int, guesses: int) -> int:
    """How many of so many numbers in a row so many guesses can find.

    >>> findable(1000, 10), findable(1000, 9)
    (1000, 511)
    """
    return min(numbers, 2**guesses - 1)


def states_of(
    games: Iterable[Mapping[str, Any]], numbers: int = NUMBERS, guesses: int = GUESSES
) -> dict[State, int | None]:
    """What was guessed in every state that greedy games reached."""
    found: dict[State, int | None] = {}
    for game in games:
        low, high = 1, numbers
        for k, (guess, hint) in enumerate(zip(game["guesses"], game["feedback"], strict=True)):
            found[State(low, high, guesses - k)] = int(guess) if hint else None
            if hint:
                low, high = narrowed(low, high, int(guess), hint)
    return found


def by_turn(states: Mapping[State, int | None], guesses: int = GUESSES) -> list[tuple[int, int]]:
    """States reached, and numbers given away, on each turn."""
    reached: defaultdict[int, list[int]] = defaultdict(list)
    for state, guess in states.items():
        reached[guesses - state.left].append(state.given_away(guess))
    return [(len(reached[k]), sum(reached[k])) for k in range(guesses)]


@click.command()
@click.argument("agents", nargs=-1, required=True)
def main(agents: tuple[str, ...]) -> None:
    """Print a line for every agent: wins, and what each turn gives away."""
    for name in agents:
        games: list[Mapping[str, Any]] = []
        for split in ("train", "val"):
            suite = load_suite("guess-number-1000", split=split)
            evaluate(load_agent(name), suite, samples=0, on_game=games.append)
        won = sum(game["solved"] for game in games)
        lost = [given for _, given in by_turn(states_of(games))]
        click.echo(f"{name}: {won} of {len(games)} won; numbers given away by turn {lost}")


if __name__ == "__main__":
    main()
