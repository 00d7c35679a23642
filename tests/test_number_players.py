"""Number guessing's baselines: binary search at its known optimum, and chance as computed."""

from collections import Counter
from functools import cache

import pytest

from tests.baseline_games import guesses_of, mean_turns, play


@pytest.mark.parametrize(
    ("numbers", "mean", "worst"),
    [(1, 1.0, 1), (10, 2.9, 4), (20, 3.7, 5), (50, 4.86, 6), (100, 5.8, 7), (1000, 8.987, 10)],
)
def test_binary_search_is_optimal(numbers: int, mean: float, worst: int) -> None:
    episodes = play("solver", "guess-number", range(1, numbers + 1), hi=numbers)
    assert mean_turns(episodes) == pytest.approx(mean, abs=1e-9)
    assert max(len(episode.turns) for episode in episodes) == worst


def test_binary_search_over_zero() -> None:
    episodes = play("solver", "guess-number", range(-7, 8), lo=-7, hi=7)
    assert Counter(len(episode.turns) for episode in episodes) == {1: 1, 2: 2, 3: 4, 4: 8}


@cache
def guesses_at_random(numbers: int) -> float:
    """The expected number of guesses of uniformly random play inside the interval.

    A guess at place g of n finds the secret with 1/n, else the secret lies among the g - 1 numbers
    below or the n - g above, each in proportion to its size.
    """
    if numbers == 0:
        return 0.0
    below = sum(size * guesses_at_random(size) for size in range(numbers))
    return 1 + 2 * below / numbers**2


def test_random_consistent_play_is_as_computed() -> None:
    assert guesses_at_random(100) == pytest.approx(7.48, abs=0.005)
    assert guesses_at_random(10) == pytest.approx(3.44, abs=0.005)
    games = [
        episode
        for seed in range(4)
        for episode in play(
            "random-consistent", "guess-number", range(1, 101), seed=seed, max_guesses=100
        )
    ]
    standard_error = 2.6 / len(games) ** 0.5
    assert mean_turns(games) == pytest.approx(guesses_at_random(100), abs=3 * standard_error)
    assert all(turn.info["consistent"] for game in games for turn in game.turns)


def test_random_play_is_legal_and_uniform() -> None:
    games = play("random", "guess-number", range(1, 5), hi=10, max_guesses=100)
    played = Counter(guess for guesses in guesses_of(games) for guess in guesses)
    assert set(played) <= {str(n) for n in range(1, 11)}
    assert {turn.info["status"] for game in games for turn in game.turns} <= {"ok", "repeat"}
    games = play("random", "guess-number", range(1, 101))
    assert sum(game.solved for game in games) < 20


def test_an_opener_is_played_first_and_only_first() -> None:
    for guesses in guesses_of(play("solver:90", "guess-number", range(1, 90))):
        assert guesses[0] == "90"
        assert "90" not in guesses[1:]


def test_a_game_depends_on_its_seed_alone() -> None:
    together = guesses_of(play("random-consistent", "guess-number", range(20, 30)))
    alone = [guesses_of(play("random-consistent", "guess-number", [n]))[0] for n in range(20, 30)]
    assert together == alone
    assert guesses_of(play("random-consistent", "guess-number", range(20, 30), seed=1)) != together
