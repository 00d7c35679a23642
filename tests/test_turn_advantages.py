"""Credit by turn: values by hand, whitening, anchors, and the identity of potential shaping."""

import math
from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordle_rl.training.credit import AdvantageInputs, GameInputs, GroupInputs, return_to_go
from wordle_rl.training.turn_advantages import (
    anchored,
    centered_token_whitened,
    token_whitened,
    turn_centered,
    turn_returns,
    turn_whitened,
)


def game(
    *rewards: float, tokens: Sequence[int] = (), anchors: Sequence[Hashable] = ()
) -> GameInputs:
    return GameInputs(
        rewards=rewards, tokens=tuple(tokens) or (1,) * len(rewards), anchors=tuple(anchors)
    )


def step(*groups: Sequence[GameInputs], gamma: float = 1.0) -> AdvantageInputs:
    return AdvantageInputs(
        groups=tuple(
            GroupInputs(task_id=f"task-{p}", games=tuple(games)) for p, games in enumerate(groups)
        ),
        gamma=gamma,
    )


def flat(values: Sequence[Sequence[Sequence[float]]]) -> list[float]:
    return [v for group in values for game_ in group for v in game_]


def test_returns_to_go_by_hand() -> None:
    inputs = step([game(0.2, 0.0, 1.0), game(0.4)], gamma=0.5)
    assert turn_returns(inputs) == [[[0.2 + 0.25, 0.5, 1.0], [0.4]]]


def test_with_one_reward_at_the_end_every_turn_has_the_return() -> None:
    assert turn_returns(step([game(0.0, 0.0, 1.0)])) == [[[1.0, 1.0, 1.0]]]


def test_turns_are_compared_with_the_same_turn_of_other_games() -> None:
    """Turn 1: 1, 3 and 2; turn 2: 1 and 2; turn 3: one game alone."""
    values = turn_centered(step([game(0.0, 0.0, 1.0), game(1.0, 2.0), game(2.0)]))
    assert values == [[[-1.0, -0.5, 0.0], [1.0, 0.5], [0.0]]]


def test_groups_are_not_compared_by_turn() -> None:
    values = turn_centered(step([game(1.0), game(0.0)], [game(5.0), game(5.0)]))
    assert values == [[[0.5], [-0.5]], [[0.0], [0.0]]]


# --- whitening


@given(st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=4), min_size=2, max_size=6))
def test_whitened_turns_have_mean_0_and_variance_1(rewards: list[list[int]]) -> None:
    values = flat(turn_whitened(step([game(*map(float, r)) for r in rewards], gamma=0.9)))
    if not any(values):
        return
    n = len(values)
    assert math.fsum(values) / n == pytest.approx(0.0, abs=1e-9)
    assert math.fsum(v * v for v in values) / n == pytest.approx(1.0, abs=1e-9)


def test_whitening_by_turn_by_hand() -> None:
    """G = 2, 1, 0, 1 with gamma 1: mean 1, variance 1/2."""
    values = turn_whitened(step([game(1.0, 1.0)], [game(-1.0, 1.0)]))
    assert flat(values) == pytest.approx([2**0.5, 0.0, -(2**0.5), 0.0])


def test_a_discount_makes_a_quick_win_worth_more() -> None:
    slow, quick = game(0.0, 0.0, 1.0), game(1.0)
    undiscounted = turn_whitened(step([slow, quick]))
    assert not any(flat(undiscounted))
    [[early, *_, late], [only]] = turn_whitened(step([slow, quick], gamma=0.9))[0]
    assert early < 0 < only
    assert late == only


def test_reinforce_pp_counts_tokens() -> None:
    """G = 1 on three tokens and 0 on one: mean 3/4, unbiased variance 1/4."""
    values = flat(token_whitened(step([game(1.0, tokens=[3]), game(0.0, tokens=[1])])))
    assert values == pytest.approx([0.25 / 0.5, -0.75 / 0.5], abs=1e-6)


def test_reinforce_pp_weighs_a_token_as_a_turn_of_its_own() -> None:
    """A turn of n tokens is like n games of one token with the same return."""
    together = token_whitened(step([game(1.0, tokens=[3]), game(0.0, tokens=[2])]))
    apart = token_whitened(step([game(1.0)] * 3 + [game(0.0)] * 2))
    assert flat(together) == pytest.approx([flat(apart)[0], flat(apart)[-1]])


def test_reinforce_pp_baseline_centres_first() -> None:
    """Groups (1, 0) and (9, 9), one token each: deviations .5, -.5, 0, 0, unbiased variance 1/6."""
    values = centered_token_whitened(step([game(1.0), game(0.0)], [game(9.0), game(9.0)]))
    assert flat(values) == pytest.approx([0.5 * 6**0.5, -0.5 * 6**0.5, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("whitened", [turn_whitened, token_whitened, centered_token_whitened])
def test_a_constant_step_is_exactly_zero(whitened: object) -> None:
    assert callable(whitened)
    assert flat(whitened(step([game(0.1)] * 3, [game(0.1)] * 4))) == [0.0] * 7
    assert flat(whitened(step([game(0.2 + 0.2 + 0.2), game(0.6)]))) == [0.0, 0.0]
    assert flat(whitened(step([game(0.7)]))) == [0.0]
    assert flat(whitened(step([]))) == []


# --- anchors


def test_gigpo_by_hand() -> None:
    """Two games with the same opener, then the same state but other answers, then apart.

    Episodes return 1 and 0: +.5 and -.5. States "start" and "one left" are shared, so their G,
    1 and 0, are compared too; the third state of the second game is its own.
    """
    won = game(0.0, 1.0, anchors=["start", "one left"])
    lost = game(0.0, 0.0, 0.0, anchors=["start", "one left", "none left"])
    assert anchored(step([won, lost])) == [[[1.0, 1.0], [-1.0, -1.0, -0.5]]]


def test_the_same_anchor_of_another_secret_is_another_state() -> None:
    first = [game(1.0, anchors=["start"]), game(1.0, anchors=["start"])]
    second = [game(0.0, anchors=["start"]), game(0.0, anchors=["start"])]
    assert not any(flat(anchored(step(first, second))))


def test_a_state_can_recur_inside_one_game() -> None:
    """Nothing was learned from the first answer: G = .9 and 1 in the same state."""
    again = game(0.0, 1.0, anchors=["start", "start"])
    [[values]] = anchored(step([again], gamma=0.9))
    assert values == pytest.approx([-0.05, 0.05])


def test_gigpo_needs_anchors() -> None:
    with pytest.raises(ValueError, match="anchor for every turn"):
        anchored(step([game(1.0), game(0.0)]))


# --- potential shaping


@given(
    potentials=st.lists(st.floats(-8, 0), min_size=2, max_size=6),
    win=st.floats(0, 1),
    gamma=st.sampled_from([1.0, 0.95, 0.5]),
)
def test_potential_shaping_is_a_baseline(potentials: list[float], win: float, gamma: float) -> None:
    """F_k = gamma Phi(s_{k+1}) - Phi(s_k), Phi(end) = 0: the return to go falls by Phi(s_k)."""
    turns = len(potentials)
    plain = [0.0] * (turns - 1) + [win]
    after = [*potentials[1:], 0.0]
    shaped = [r + gamma * b - a for r, a, b in zip(plain, potentials, after, strict=True)]
    for g, h, phi in zip(
        return_to_go(shaped, gamma), return_to_go(plain, gamma), potentials, strict=True
    ):
        assert g == pytest.approx(h - phi, abs=1e-9)
