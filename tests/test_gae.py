"""GAE: its limits, bootstrapping, what the environment says in between, turns, and the critic."""

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wordle_rl.training.credit import return_to_go
from wordle_rl.training.gae import explained_variance, gae, turn_gae, value_loss, whiten


def tensor(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


REWARDS = tensor([0.0, 0.0, 1.0, 0.0, -0.5], [2.0, 0.0, 0.0, 0.25, 0.0])
VALUES = tensor([0.3, -0.2, 0.5, 0.1, 0.4], [1.0, 0.2, -0.3, 0.6, 9.0])
MASK = torch.tensor([[True] * 5, [True] * 4 + [False]])


def to_go(rewards: Tensor, gamma: float) -> Tensor:
    return tensor(*(return_to_go(row, gamma) for row in rewards.tolist()))


def test_two_steps_by_hand() -> None:
    """V = .5, .25; r = 0, 1; gamma .9, lam .5: delta = -.275, .75; A = -.275 + .45 x .75."""
    mask = torch.ones(1, 2, dtype=torch.bool)
    found = gae(tensor([0.0, 1.0]), tensor([0.5, 0.25]), mask, gamma=0.9, lam=0.5)
    assert torch.allclose(found, tensor([0.0625, 0.75]), atol=1e-12)


def test_with_lam_1_it_is_the_return_to_go_minus_the_value() -> None:
    found = gae(REWARDS, VALUES, MASK, gamma=0.9, lam=1.0)
    assert torch.allclose(found, torch.where(MASK, to_go(REWARDS, 0.9) - VALUES, 0.0), atol=1e-12)


def test_with_lam_0_it_is_the_error_of_one_step() -> None:
    after = torch.cat([VALUES[:, 1:], tensor([0.0], [0.0])], 1)
    after[1, 3] = 0.0  # the second row ends there
    found = gae(REWARDS, VALUES, MASK, gamma=0.9, lam=0.0)
    wanted = torch.where(MASK, REWARDS + 0.9 * after - VALUES, 0.0)
    assert torch.allclose(found, wanted, atol=1e-12)


def test_without_a_critic_or_discount_it_is_the_return_to_go() -> None:
    found = gae(REWARDS, torch.zeros_like(VALUES), MASK, gamma=1.0, lam=1.0)
    assert torch.allclose(found, torch.where(MASK, to_go(REWARDS, 1.0), 0.0), atol=1e-12)


def test_a_row_that_was_cut_off_goes_on_with_the_value_after_it() -> None:
    """As if one more step had followed whose reward is that value."""
    final = torch.tensor([0.7, -0.3], dtype=torch.float64)
    found = gae(REWARDS, VALUES, MASK, gamma=0.9, lam=0.8, final_values=final)
    rewards, values = (torch.cat([x, torch.zeros(2, 1).double()], 1) for x in (REWARDS, VALUES))
    mask = torch.tensor([[True] * 6, [True] * 5 + [False]])
    rewards[0, 5] = values[0, 5] = 0.7
    rewards[1, 4] = values[1, 4] = -0.3
    longer = gae(rewards, values, mask, gamma=0.9, lam=0.8)
    assert torch.allclose(torch.where(MASK, longer[:, :5], 0.0), found, atol=1e-12)


def test_it_carries_no_gradient() -> None:
    values, rewards = VALUES.clone().requires_grad_(True), REWARDS.clone().requires_grad_(True)
    assert not gae(rewards, values, MASK, gamma=0.9, lam=0.8).requires_grad


# --- what the environment says in between


@given(
    places=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    noise=st.sampled_from([0.0, 7.0, math.inf, math.nan]),
    gamma=st.sampled_from([1.0, 0.9]),
)
def test_inserted_environment_tokens_change_no_advantage(
    places: list[int], noise: float, gamma: float
) -> None:
    """Bit for bit, whatever the critic says of them."""
    order = list(range(5))
    for place in sorted(places, reverse=True):
        order.insert(place, -1)
    index = torch.tensor(order)
    added = index < 0
    source = index.clamp(min=0)
    longer = gae(
        torch.where(added, 0.0, REWARDS[:, source]),
        torch.where(added, noise, VALUES[:, source]),
        MASK[:, source] & ~added,
        gamma=gamma,
        lam=0.8,
    )
    plain = gae(REWARDS, VALUES, MASK, gamma=gamma, lam=0.8)
    assert torch.equal(longer[:, ~added], plain)
    assert (longer[:, added] == 0).all()


def test_a_reward_that_would_be_lost_is_refused() -> None:
    """On a masked token it would silently count for nothing."""
    rewards = tensor([0.0, 1.0, 0.0])
    mask = torch.tensor([[True, False, True]])
    turns = torch.zeros(1, 3, dtype=torch.long)
    with pytest.raises(ValueError, match="a reward lies on a token that was not sampled"):
        gae(rewards, torch.zeros_like(rewards), mask, gamma=1.0, lam=1.0)
    with pytest.raises(ValueError, match="a reward lies on a token that was not sampled"):
        turn_gae(rewards, torch.zeros_like(rewards), mask, turns, gamma=1.0, lam=1.0)


def test_a_row_of_which_nothing_was_sampled_has_no_advantage() -> None:
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    values = tensor([1.0, math.nan, math.inf])
    zeros, turns = torch.zeros_like(values), torch.zeros(1, 3, dtype=torch.long)
    assert gae(zeros, values, nothing, gamma=1.0, lam=1.0).tolist() == [[0.0] * 3]
    assert turn_gae(zeros, values, nothing, turns, gamma=1.0, lam=1.0).tolist() == [[0.0] * 3]


# --- turns


def test_turns_by_hand() -> None:
    """Two turns of two tokens with feedback between: r = 1 and 2, V = .5 and .25 at their starts.

    gamma .9, lam .5: delta = 1 + .9 x .25 - .5 = .725 and 1.75; A_1 = .725 + .45 x 1.75.
    """
    mask = torch.tensor([[False, True, True, False, True, True]])
    turns = torch.tensor([[0, 0, 0, 1, 1, 1]])
    rewards = tensor([0.0, 0.0, 1.0, 0.0, 0.0, 2.0])
    values = tensor([9.0, 0.5, 9.0, 9.0, 0.25, 9.0])
    found = turn_gae(rewards, values, mask, turns, gamma=0.9, lam=0.5)
    first = 0.725 + 0.45 * 1.75
    assert torch.allclose(found, tensor([0.0, first, first, 0.0, 1.75, 1.75]), atol=1e-12)


def test_with_one_token_a_turn_both_are_the_same() -> None:
    turns = torch.arange(5).expand(2, 5)
    found = turn_gae(REWARDS, VALUES, MASK, turns, gamma=0.9, lam=0.8)
    assert torch.allclose(found, gae(REWARDS, VALUES, MASK, gamma=0.9, lam=0.8), atol=1e-12)


def test_games_of_different_numbers_of_turns_do_not_mix() -> None:
    """The long game alone has the advantages it has beside the short one."""
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    turns = torch.tensor([[0, 0, 1, 2], [0, 0, 0, 0]])
    rewards, values = tensor([0.0, 1.0, 0.5, 2.0], [0.0, 3.0, 0.0, 0.0]), VALUES[:, :4]
    both = turn_gae(rewards, values, mask, turns, gamma=0.9, lam=0.8)
    for row in range(2):
        one = slice(row, row + 1)
        alone = turn_gae(rewards[one], values[one], mask[one], turns[one], gamma=0.9, lam=0.8)
        assert torch.allclose(both[one], alone, atol=1e-12)
    assert both[1].tolist() == pytest.approx([2.0, 2.0, 0.0, 0.0])


def test_without_a_critic_a_turn_has_its_return_to_go() -> None:
    turns = torch.tensor([[0, 0, 0, 1, 1]] * 2)
    found = turn_gae(REWARDS, torch.zeros_like(VALUES), MASK, turns, gamma=0.5, lam=1.0)
    assert found[0].tolist() == pytest.approx([0.75] * 3 + [-0.5] * 2)
    assert found[1].tolist() == pytest.approx([2.125] * 3 + [0.25, 0.0])


# --- the critic


def test_whitening_is_over_the_mask() -> None:
    values = torch.where(MASK, REWARDS, math.nan)
    found = whiten(values, MASK)
    assert found[~MASK].tolist() == [0.0]
    assert found[MASK].mean().item() == pytest.approx(0.0, abs=1e-12)
    assert found[MASK].var(correction=1).item() == pytest.approx(1.0, abs=1e-6)
    assert whiten(torch.full((1, 3), 0.1).double(), MASK[:1, :3]).abs().max() < 1e-9
    assert whiten(values, torch.zeros_like(MASK)).abs().max() == 0


@pytest.mark.parametrize(
    ("value", "wanted", "gradient"),
    [
        (0.1, 0.5 * 0.9**2, -0.9),  # inside the region: the plain loss
        (0.5, 0.5 * 0.8**2, 0.0),  # moved .5 towards the return of 1: held at .2
        (-0.5, 0.5 * 1.5**2, -1.5),  # moved away: called back in full
        (2.5, 0.5 * 1.5**2, 1.5),  # beyond the return: the worse of the two counts
    ],
)
def test_the_value_loss_by_hand(value: float, wanted: float, gradient: float) -> None:
    """V_old = 0, R = 1, clip .2."""
    v = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    loss = value_loss(v, torch.zeros(()).double(), torch.ones(()).double(), 0.2)
    (found,) = torch.autograd.grad(loss, v)
    assert loss.item() == pytest.approx(wanted)
    assert found.item() == pytest.approx(gradient)


def test_explained_variance() -> None:
    returns = to_go(REWARDS, 1.0)
    assert explained_variance(returns, returns, MASK) == pytest.approx(1.0)
    assert explained_variance(torch.full_like(returns, 3.0), returns, MASK) == pytest.approx(0.0)
    assert explained_variance(-returns, returns, MASK) == pytest.approx(-3.0)
    assert math.isnan(explained_variance(returns, torch.ones_like(returns), MASK))
    spoilt = torch.where(MASK, returns, math.nan)
    assert explained_variance(spoilt, spoilt, MASK) == pytest.approx(1.0)
