"""Advantages: the course's table by hand, constant groups, and what holds for every estimator."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.errors import ConfigError
from wordle_rl.training.advantages import (
    ADVANTAGES,
    batch_centered,
    batch_standardized,
    by_group,
    centered,
    greedy_centered,
    history_centered,
    is_constant,
    leave_one_out,
    length_weighted,
    mean_normalized,
    part_standardized,
    population_standardized,
    raw_returns,
    signal_rescaled,
    standardized,
)
from wordle_rl.training.credit import AdvantageInputs, GameInputs, GroupInputs

POUND = (0.8, 0.6, 0.8, 0.0, 0.2, 0.3, 0.5, 0.2)
"""Rewards of eight games in the course, secret POUND: mean 0.425."""
POPULATION = (1.3525, 0.6312, 1.3525, -1.5328, -0.8115, -0.4508, 0.2705, -0.8115)
"""(R - .425) / .27726, the population standard deviation."""
SAMPLE = (1.2652, 0.5904, 1.2652, -1.4338, -0.7591, -0.4217, 0.2530, -0.7591)
"""(R - .425) / .29641, the sample standard deviation."""

GROUP = {
    "centered": centered,
    "leave_one_out": leave_one_out,
    "standardized": standardized,
    "population_standardized": population_standardized,
}
"""Estimators of one group that take any returns."""
NO_GROUP = {"raw_returns", "batch_centered", "history_centered", "greedy_centered"}
"""Estimators whose baseline is not the group's: equal games of a group can still be good or bad."""
WHITENED = {"turn_returns", "turn_whitened", "token_whitened", "centered_token_whitened"}
"""Estimators that compare with other groups."""
WITHIN = sorted(ADVANTAGES.keys() - NO_GROUP - WHITENED)

tenths = st.lists(st.integers(-20, 20).map(lambda n: n / 10), min_size=2, max_size=12)
every_estimator = pytest.mark.parametrize("name", sorted(GROUP))
every_comparison_in_a_group = pytest.mark.parametrize("name", WITHIN)


def close(values: Sequence[float], wanted: Sequence[float], tolerance: float = 1e-9) -> bool:
    return len(values) == len(wanted) and all(
        abs(a - b) <= tolerance for a, b in zip(values, wanted, strict=True)
    )


def step_of(*groups: Sequence[float], greedy: float | None = None) -> AdvantageInputs:
    """Games of two turns: nothing at first, all at the end."""
    return AdvantageInputs(
        groups=tuple(
            GroupInputs(
                task_id=f"task-{p}",
                greedy_return=greedy,
                games=tuple(
                    GameInputs(
                        rewards=(0.0, r),
                        tokens=(3, 5),
                        parts=({"win": 0.0}, {"win": r}),
                        anchors=("start", "later"),
                    )
                    for r in returns
                ),
            )
            for p, returns in enumerate(groups)
        )
    )


def first_turns(values: Sequence[Sequence[Sequence[float]]]) -> list[list[float]]:
    return [[game[0] for game in group] for group in values]


# --- of one group


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
    assert close(leave_one_out((1.0, 0.0, 0.0, 0.0)), [1.0] + [-1 / 3] * 3)
    assert close(population_standardized((1.0, 0.0, 0.0, 0.0)), [3**0.5] + [-(3**-0.5)] * 3)
    # sample std: sqrt((9 + 3) / 16 / 3) = 0.5
    assert close(standardized((1.0, 0.0, 0.0, 0.0)), [0.75 / 0.5001] + [-0.25 / 0.5001] * 3)
    assert mean_normalized((1.0, 0.0, 0.0, 0.0)) == [3.0, -1.0, -1.0, -1.0]


def test_leave_one_out_compares_with_the_mean_of_the_others() -> None:
    others = [(sum(POUND) - r) / 7 for r in POUND]
    assert close(leave_one_out(POUND), [r - o for r, o in zip(POUND, others, strict=True)])


def test_maxrl_refuses_negative_returns() -> None:
    with pytest.raises(ConfigError, match=r"returned -0\.1, and maxrl divides by the mean"):
        mean_normalized([0.5, -0.1])
    assert mean_normalized([0.0, 0.0]) == [0.0, 0.0]


@every_comparison_in_a_group
@pytest.mark.parametrize("size", [3, 6, 7, 8, 12, 24])
def test_a_constant_group_is_exactly_zero(name: str, size: int) -> None:
    """The naive standard deviation of [.1] * 3 is 1.4e-17, which gives advantages of -1.

    Also beside a group that does carry a signal.
    """
    values = ADVANTAGES[name](step_of([0.1] * size, [0.0, 1.0, 1.0]))
    assert values[0] == [[0.0, 0.0]] * size
    assert any(map(any, values[1]))


@every_comparison_in_a_group
def test_the_same_reward_added_up_in_another_order_is_the_same(name: str) -> None:
    summed = 0.2 + 0.2 + 0.2
    assert summed != 0.6
    assert ADVANTAGES[name](step_of([summed, 0.6])) == [[[0.0, 0.0]] * 2]
    assert ADVANTAGES[name](step_of([0.6, 0.6, summed, 0.6])) == [[[0.0, 0.0]] * 4]


@every_comparison_in_a_group
def test_one_game_and_none_say_nothing(name: str) -> None:
    assert ADVANTAGES[name](step_of([0.7])) == [[[0.0, 0.0]]]
    assert ADVANTAGES[name](step_of([])) == [[]]
    assert ADVANTAGES[name](step_of()) == []
    assert is_constant([0.7])
    assert is_constant([])


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_a_tenth_apart_is_a_signal(name: str) -> None:
    [[low, high]] = first_turns(ADVANTAGES[name](step_of([0.1, 0.2], greedy=0.15)))
    assert high - low > 0.08
    assert not is_constant([0.1, 0.2])


@pytest.mark.parametrize("name", sorted(ADVANTAGES))
def test_there_is_one_value_a_turn(name: str) -> None:
    group = GroupInputs(
        task_id="t",
        greedy_return=0.3,
        games=tuple(
            GameInputs(
                rewards=(0.1,) * turns,
                tokens=(2,) * turns,
                parts=({"win": 0.1},) * turns,
                anchors=tuple(range(turns)),
            )
            for turns in (1, 4, 2, 0)
        ),
    )
    [games] = ADVANTAGES[name](AdvantageInputs(groups=(group,)))
    assert [len(game) for game in games] == [1, 4, 2, 0]
    assert all(math.isfinite(a) for game in games for a in game)


@given(returns=tenths)
def test_they_sum_to_zero(returns: list[float]) -> None:
    for advantage in GROUP.values():
        assert abs(math.fsum(advantage(returns))) < 1e-12


@given(returns=tenths, data=st.data())
def test_the_order_of_the_games_does_not_matter(returns: list[float], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(returns))))
    for advantage in GROUP.values():
        straight = advantage(returns)
        assert advantage([returns[i] for i in order]) == [straight[i] for i in order]


@given(returns=tenths, shift=st.integers(-50, 50))
def test_a_constant_added_to_every_return_does_not_matter(returns: list[float], shift: int) -> None:
    for advantage in GROUP.values():
        assert close(advantage([r + shift / 10 for r in returns]), advantage(returns), 1e-10)


@given(returns=tenths, factor=st.sampled_from([0.5, 2.0, 8.0]))
def test_the_scale_of_the_returns(returns: list[float], factor: float) -> None:
    """Centred advantages scale with the returns, standardised ones do not."""
    scaled = [r * factor for r in returns]
    for linear in (centered, leave_one_out):
        assert close(linear(scaled), [a * factor for a in linear(returns)])
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


def test_groups_do_not_mix() -> None:
    values = first_turns(by_group(centered)(step_of([1.0, 0.0], [5.0, 5.0], [3.0, 1.0])))
    assert values == [[0.5, -0.5], [0.0, 0.0], [1.0, -1.0]]


# --- of the whole step


def test_reinforce_without_a_baseline_is_the_return() -> None:
    assert raw_returns(step_of([0.5, 1.0], [0.0])) == [[[0.5, 0.5], [1.0, 1.0]], [[0.0, 0.0]]]


def test_the_baseline_of_the_step_crosses_groups() -> None:
    """Mean of 1, 1, 0, 2: a group of equal games can be better or worse than the others."""
    assert first_turns(batch_centered(step_of([1.0, 1.0], [0.0, 2.0]))) == [[0.0, 0.0], [-1.0, 1.0]]
    assert first_turns(batch_centered(step_of([2.0, 2.0], [0.0, 0.0]))) == [
        [1.0, 1.0],
        [-1.0, -1.0],
    ]


def test_the_baseline_of_earlier_steps() -> None:
    inputs = replace(step_of([0.75, 0.25]), baseline=0.5)
    assert first_turns(history_centered(inputs)) == [[0.25, -0.25]]
    assert history_centered(replace(inputs, baseline=0.0)) == raw_returns(inputs)


def test_the_baseline_of_the_greedy_game() -> None:
    assert first_turns(greedy_centered(step_of([1.0, 0.0], greedy=1.0))) == [[0.0, -1.0]]
    with pytest.raises(ValueError, match="no greedy game was played of task 'task-0'"):
        greedy_centered(step_of([1.0, 0.0]))


def test_a_game_like_the_greedy_one_is_worth_exactly_zero() -> None:
    assert first_turns(greedy_centered(step_of([0.2 + 0.2 + 0.2], greedy=0.6))) == [[0.0]]


def games_of(lengths: Mapping[float, int]) -> AdvantageInputs:
    """Games of one turn with the return and number of tokens given."""
    games = tuple(GameInputs(rewards=(r,), tokens=(n,)) for r, n in lengths.items())
    return AdvantageInputs(groups=(GroupInputs(task_id="t", games=games),))


def test_opo_weighs_the_baseline_by_length() -> None:
    """R = 1, 0, 3 of 2, 5 and 1 tokens: baseline (2 + 0 + 3) / 8 = .625."""
    [values] = first_turns(length_weighted(games_of({1.0: 2, 0.0: 5, 3.0: 1})))
    assert close(values, [0.375, -0.625, 2.375])
    [equal] = first_turns(length_weighted(games_of({1.0: 4, 0.0: 4, 3.0: 4})))
    assert close(equal, centered([1.0, 0.0, 3.0]))


def test_batch_std_divides_by_the_std_of_all_returns() -> None:
    """Returns 1, 0, 1, 1, 0, 0: variance 6 x .25 / 5 = .3."""
    values = first_turns(batch_standardized(step_of([1.0, 0.0], [1.0, 1.0], [0.0, 0.0])))
    a = 0.5 / (math.sqrt(0.3) + 1e-4)
    assert close(values[0], [a, -a])
    assert values[1:] == [[0.0, 0.0], [0.0, 0.0]]


def test_gpg_scales_up_for_groups_without_a_signal() -> None:
    """Two of six games are in a group with a signal: three times R - mean."""
    values = first_turns(signal_rescaled(step_of([1.0, 0.0], [1.0, 1.0], [0.0, 0.0])))
    assert values == [[1.5, -1.5], [0.0, 0.0], [0.0, 0.0]]
    assert first_turns(signal_rescaled(step_of([1.0, 0.0]))) == [[0.5, -0.5]]
    assert first_turns(signal_rescaled(step_of([1.0, 1.0]))) == [[0.0, 0.0]]


def with_parts(*games: tuple[float, float]) -> GroupInputs:
    """Games with a win and a format part, the latter spread over two turns."""
    return GroupInputs(
        task_id="t",
        games=tuple(
            GameInputs(
                rewards=(form / 2, win + form / 2),
                tokens=(1, 1),
                parts=({"format": form / 2}, {"win": win, "format": form / 2}),
            )
            for win, form in games
        ),
    )


def test_gdpo_standardises_each_component_on_its_own() -> None:
    """(win, format) of four games. A sum of rewards hides that games 2 and 3 differ in kind."""
    group = with_parts((1.0, 0.1), (1.0, 0.0), (0.0, 0.1), (0.0, 0.0))
    win, form = standardized([1.0, 1.0, 0.0, 0.0]), standardized([0.1, 0.0, 0.1, 0.0])
    sums = [a + b for a, b in zip(win, form, strict=True)]
    scale = math.sqrt(math.fsum(s * s for s in sums) / 3) + 1e-4
    [values] = part_standardized(AdvantageInputs(groups=(group,)))
    assert close([game[0] for game in values], [s / scale for s in sums])
    # a format error weighs nearly as much as a loss, though it costs a tenth
    assert values[1][0] == pytest.approx(values[2][0], abs=1e-2)


def test_gdpo_is_whitened_over_the_step() -> None:
    groups = (with_parts((1.0, 0.0), (0.0, 0.0)), with_parts((1.0, 0.2), (0.0, 0.1), (1.0, 0.0)))
    values = part_standardized(AdvantageInputs(groups=groups))
    flat = [game[0] for group in values for game in group]
    assert abs(math.fsum(flat)) < 1e-12
    assert math.fsum(a * a for a in flat) / (len(flat) - 1) == pytest.approx(1.0, abs=1e-3)


def test_gdpo_needs_components() -> None:
    with pytest.raises(ConfigError, match="gdpo needs a reward with named parts"):
        part_standardized(AdvantageInputs.of_returns([[1.0, 0.0]]))
