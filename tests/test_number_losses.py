"""What a guess gives away (`benchmarks/number_losses.py`)."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.number_losses import State, by_turn, findable, states_of


def games(opener: int) -> list[dict[str, Any]]:
    """Every number from 1 to 1000, found by halving after a first guess."""
    played = []
    for secret in range(1, 1001):
        low, high, guesses, hints = 1, 1000, [], []
        guess = opener
        while len(guesses) < 10:
            hints.append("=" if guess == secret else ">" if secret > guess else "<")
            guesses.append(str(guess))
            if hints[-1] == "=":
                break
            low, high = (guess + 1, high) if hints[-1] == ">" else (low, guess - 1)
            guess = (low + high) // 2
        played.append({"guesses": guesses, "feedback": hints, "solved": hints[-1] == "="})
    return played


def test_halving_gives_nothing_away() -> None:
    played = games(500)
    assert all(game["solved"] for game in played)
    assert [given for _, given in by_turn(states_of(played))] == [0] * 10


@pytest.mark.parametrize("opener", [444, 544, 1])
def test_what_is_given_away_is_what_is_lost(opener: int) -> None:
    played = games(opener)
    lost = sum(not game["solved"] for game in played)
    found = [given for _, given in by_turn(states_of(played))]
    assert found == [lost, *[0] * 9]
    assert lost == max(opener - 1, 1000 - opener) - findable(1000, 9) > 0


def test_a_guess_outside_of_what_is_possible() -> None:
    state = State(low=10, high=12, left=2)
    assert [state.given_away(guess) for guess in (11, 10, 5, 400, None)] == [0, 1, 2, 2, 2]
