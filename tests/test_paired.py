"""A against B: the sign, the interval and the test of a difference."""

import pytest

from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.paired import McNemar, paired
from wordle_rl.records import Estimate


def game(secret: str, n_guesses: int, sample: int = 0) -> GameRecord:
    """A win in `n_guesses`; a loss where that is more than six."""
    return GameRecord(
        mode="greedy",
        sample=sample,
        secret=secret,
        guesses=[],
        statuses=[],
        feedback=[],
        consistent=[],
        truncated=[],
        solved=n_guesses <= 6,
        drawn=False,
        n_guesses=min(n_guesses, 6),
        stop_reason="terminated",
        error=None,
    )


def games(*n_guesses: int) -> list[GameRecord]:
    return [game(f"word{i:03}", n) for i, n in enumerate(n_guesses)]


def test_differences_are_a_minus_b() -> None:
    result = paired(games(3, 4, 7, 5), games(4, 7, 7, 7))
    assert (result.secrets, result.games_a, result.games_b) == (4, 4, 4)
    assert result.win_rate.value == pytest.approx((3 - 1) / 4)
    assert result.score.value == pytest.approx((19 - 25) / 4)
    assert result.mcnemar == McNemar(only_a=2, only_b=0, p_value=0.5)


def test_equal_play_is_no_difference_at_all() -> None:
    result = paired(games(3, 4, 7, 5), games(3, 4, 7, 5))
    assert result.win_rate == Estimate(value=0.0, low=0.0, high=0.0)
    assert result.score == Estimate(value=0.0, low=0.0, high=0.0)
    assert result.mcnemar == McNemar(only_a=0, only_b=0, p_value=1.0)


def test_pairing_sees_a_gain_that_two_intervals_hide() -> None:
    # Hard and easy secrets alternate; B needs one guess more on every fourth.
    easy_and_hard = [2 + 4 * (i % 2) for i in range(100)]
    slower = [n + (i % 4 == 0) for i, n in enumerate(easy_and_hard)]
    result = paired(games(*easy_and_hard), games(*slower))
    assert result.score.value == pytest.approx(-0.25)
    assert result.score.high is not None
    assert result.score.high < -0.1


def test_the_order_of_games_does_not_matter() -> None:
    a, b = games(3, 4, 7, 5, 2), games(4, 7, 3, 7, 6)
    assert paired(a, b) == paired(a[::-1], b)


def test_swapping_a_and_b_changes_the_sign() -> None:
    a, b = games(3, 4, 7, 5, 2), games(4, 7, 3, 7, 6)
    forward, back = paired(a, b).score, paired(b, a).score
    assert forward.value is not None
    assert back.value == pytest.approx(-forward.value)


def test_several_games_a_secret_count_as_their_mean() -> None:
    a = [game("crane", 3, 0), game("crane", 7, 1), game("slate", 3, 0), game("slate", 3, 1)]
    b = [game("crane", 7), game("slate", 3)]
    result = paired(a, b)
    assert result.win_rate.value == pytest.approx((0.5 + 0) / 2)
    assert result.score.value == pytest.approx((5 - 7 + 0) / 2)
    assert (result.games_a, result.games_b) == (4, 2)
    assert result.mcnemar is None


def test_a_loss_counts_by_the_rules_of_the_suite() -> None:
    assert paired(games(7), games(1), max_guesses=9).score.value == 10 - 1


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (games(3, 4), games(3), "different secrets .2 and 1; 'word001' is one-sided"),
        ([], [], "nothing to compare"),
    ],
)
def test_what_cannot_be_compared(a: list[GameRecord], b: list[GameRecord], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        paired(a, b)
