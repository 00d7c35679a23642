"""Advantages: the course's table by hand, constant groups, and what holds for every estimator."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.training.advantages import (
    ADVANTAGES,
    centered,
    is_constant,
    population_standardized,
    standardized,
)

POUND = (0.8, 0.6, 0.8, 0.0, 0.2, 0.3, 0.5, 0.2)
"""Rewards of eight games in the course, secret POUND: mean 0.425."""
POPULATION = (1.3525, 0.6312, 1.3525, -1.5328, -0.8115, -0.4508, 0.2705, -0.8115)
"""(R - .425) / .27726, the population standard deviation."""
SAMPLE = (1.2652, 0.5904, 1.2652, -1.4338, -0.7591, -0.4217, 0.2530, -0.7591)
"""(R - .425) / .29641, the sample standard deviation."""

tenths = st.lists(st.integers(-20, 20).map(lambda n: n / 10), min_size=2, max_size=12)
every_estimator = pytest.mark.parametrize("name", sorted(ADVANTAGES))


def close(values: Sequence[float], wanted: Sequence[float], tolerance: float = 1e-9) -> bool:
    return len(values) == len(wanted) and all(
        abs(a - b) <= tolerance for a, b in zip(values, wanted, strict=True)
    )


def test_the_course_table_with_population_std() -> None:
    assert [round(a, 4) for a in population_standardized(POUND)] == list(POPULATION)


def test_the_course_table_with_sample_std() -> None:
    # eps = 1e-4 moves these by less than 5e-4.
    assert close(standardized(POUND), SAMPLE, 5e-4)
    exact = [a * (math.sqrt(0.615 / 7) + 1e-4) / math.sqrt(0.615 / 7) for a in standardized(POUND)]
    assert [round(a, 4) for a in exact] == list(SAMPLE)


def test_the_course_table_centered() -> None:
    assert close(centered(POUND), (0.375, 0.175, 0.375, -0.425, -0.225, -0.125, 0.075, -0.225))


def test_the_corrected_diagram_of_the_course() -> None:
    diagram = population_standardized((0.6, 0.7, -0.1, 0.7))
    assert [round(a, 4) for a in diagram] == [0.3737, 0.6727, -1.7191, 0.6727]


def test_one_win_in_four_by_hand() -> None:
    assert centered((1.0, 0.0, 0.0, 0.0)) == [0.75, -0.25, -0.25, -0.25]
    assert close(population_standardized((1.0, 0.0, 0.0, 0.0)), [3**0.5] + [-(3**-0.5)] * 3)
    # sample std: sqrt((9 + 3) / 16 / 3) = 0.5
    assert close(standardized((1.0, 0.0, 0.0, 0.0)), [0.75 / 0.5001] + [-0.25 / 0.5001] * 3)


@every_estimator
@pytest.mark.parametrize("size", [3, 6, 7, 8, 12, 24])
def test_a_constant_group_is_exactly_zero(name: str, size: int) -> None:
    """The naive standard deviation of [.1] * 3 is 1.4e-17, which gives advantages of -1."""
    assert ADVANTAGES[name]([0.1] * size) == [0.0] * size


@every_estimator
def test_the_same_reward_added_up_in_another_order_is_the_same(name: str) -> None:
    summed = 0.2 + 0.2 + 0.2
    assert summed != 0.6
    assert ADVANTAGES[name]([summed, 0.6]) == [0.0, 0.0]
    assert ADVANTAGES[name]([0.6, 0.6, summed, 0.6]) == [0.0] * 4


@every_estimator
def test_one_game_and_none_say_nothing(name: str) -> None:
    assert ADVANTAGES[name]([0.7]) == [0.0]
    assert ADVANTAGES[name]([]) == []
    assert is_constant([0.7])
    assert is_constant([])


@every_estimator
def test_a_tenth_apart_is_a_signal(name: str) -> None:
    low, high = ADVANTAGES[name]([0.1, 0.2])
    assert high == pytest.approx(-low)
    assert high > 0.04
    assert not is_constant([0.1, 0.2])


@given(returns=tenths)
def test_they_sum_to_zero(returns: list[float]) -> None:
    for advantage in ADVANTAGES.values():
        assert abs(math.fsum(advantage(returns))) < 1e-12


@given(returns=tenths, data=st.data())
def test_the_order_of_the_games_does_not_matter(returns: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(returns))))
    for advantage in ADVANTAGES.values():
        straight = advantage(returns)
        assert advantage([returns[i] for i in order]) == [straight[i] for i in order]


@given(returns=tenths, shift=st.integers(-50, 50))
def test_a_constant_added_to_every_return_does_not_matter(returns: list[float], shift: int) -> None:
    for advantage in ADVANTAGES.values():
        assert close(advantage([r + shift / 10 for r in returns]), advantage(returns), 1e-10)


@given(returns=tenths, factor=st.sampled_from([0.5, 2.0, 8.0]))
def test_the_scale_of_the_returns(returns: list[float], factor: float) -> None:
    """Centred advantages scale with the returns, standardised ones do not."""
    scaled = [r * factor for r in returns]
    assert close(centered(scaled), [a * factor for a in centered(returns)])
    assert close(population_standardized(scaled), population_standardized(returns))


@given(returns=tenths)
def test_standardized_ones_have_unit_variance(returns: list[float]) -> None:
    if is_constant(returns):
        return
    n, values = len(returns), population_standardized(returns)
    assert math.isclose(math.fsum(a * a for a in values) / n, 1.0, rel_tol=1e-9)
    # with the sample's: variance (n - 1) / n of the population's, and eps makes it smaller
    shrunk = math.fsum(a * a for a in standardized(returns)) / (n - 1)
    assert 0.99 < shrunk < 1.0
