"""Losses on preferred pairs: closed forms, symmetries, and what does not change them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wordle_rl.training.preference_losses import bradley_terry, dpo, implicit_margin, ipo

LOG2 = math.log(2)
numbers = st.floats(-30, 30)


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def gradient(loss: Tensor, of: Tensor) -> list[float]:
    (found,) = torch.autograd.grad(loss.sum(), of)
    return found.tolist()


def test_the_margin_is_what_was_gained_over_the_reference() -> None:
    margin = implicit_margin(tensor(-10.0), tensor(-12.0), tensor(-11.0), tensor(-9.0))
    assert margin.tolist() == [4.0]


def test_no_gradient_passes_into_the_reference() -> None:
    chosen, rejected, ref_chosen, ref_rejected = (tensor(v) for v in (-1.0, -2.0, -3.0, -4.0))
    loss = dpo(implicit_margin(chosen, rejected, ref_chosen, ref_rejected)).sum()
    found = torch.autograd.grad(loss, (chosen, ref_chosen, ref_rejected), allow_unused=True)
    assert found[0] is not None
    assert found[1:] == (None, None)


def test_untrained_losses_are_log_2() -> None:
    assert dpo(tensor(0.0)).item() == pytest.approx(LOG2)
    assert dpo(tensor(0.0), label_smoothing=0.3).item() == pytest.approx(LOG2)
    assert bradley_terry(tensor(1.5), tensor(1.5)).item() == pytest.approx(LOG2)


def test_dpo_in_closed_form() -> None:
    """beta .1, margin 4: -log sigmoid(.4); its gradient is -beta sigmoid(-.4)."""
    margin = tensor(4.0)
    loss = dpo(margin, beta=0.1)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-0.4)), abs=1e-12)
    assert gradient(loss, margin) == pytest.approx([-0.1 / (1 + math.exp(0.4))], abs=1e-12)


@given(margin=numbers, smoothing=st.floats(0, 0.5))
def test_smoothing_mixes_both_labels(margin: float, smoothing: float) -> None:
    mixed = dpo(tensor(margin), label_smoothing=smoothing).item()
    right, wrong = dpo(tensor(margin)).item(), dpo(tensor(-margin)).item()
    assert mixed == pytest.approx((1 - smoothing) * right + smoothing * wrong, abs=1e-12)


@given(margin=numbers)
def test_swapping_the_pair_mirrors_the_gradient(margin: float) -> None:
    """dpo(m) - dpo(-m) = -beta m: the two labels differ by a line."""
    straight, swapped = dpo(tensor(margin), beta=0.1), dpo(tensor(-margin), beta=0.1)
    assert straight.item() - swapped.item() == pytest.approx(-0.1 * margin, abs=1e-12)


def test_a_hopeless_margin_keeps_a_full_gradient() -> None:
    """sigmoid without a logarithm, as it is often written, would be flat here."""
    margin = tensor(-5000.0)
    assert gradient(dpo(margin, beta=0.1), margin) == pytest.approx([-0.1])


@given(chosen=numbers, rejected=numbers, shift=numbers)
def test_what_policy_and_reference_share_does_not_matter(
    chosen: float, rejected: float, shift: float
) -> None:
    plain = implicit_margin(tensor(chosen), tensor(rejected), tensor(0.0), tensor(0.0))
    moved = implicit_margin(
        tensor(chosen + shift), tensor(rejected - shift), tensor(shift), tensor(-shift)
    )
    assert moved.item() == pytest.approx(plain.item(), abs=1e-9)


def test_ipo_has_a_finite_aim() -> None:
    """At beta .1 the margin is wanted at 5: beyond it the gradient turns round."""
    assert ipo(tensor(5.0), beta=0.1).item() == 0.0
    assert ipo(tensor(2.0), beta=0.1).item() == pytest.approx(9.0)
    for value, slope in ((2.0, -6.0), (8.0, 6.0)):
        margin = tensor(value)
        assert gradient(ipo(margin, beta=0.1), margin) == pytest.approx([slope])


def test_bradley_terry_in_closed_form() -> None:
    chosen, rejected = tensor(2.0), tensor(0.5)
    assert bradley_terry(chosen, rejected).item() == pytest.approx(math.log1p(math.exp(-1.5)))
    with_margin = bradley_terry(chosen, rejected, margin=1.0)
    assert with_margin.item() == pytest.approx(math.log1p(math.exp(-0.5)))
    centred = bradley_terry(chosen, rejected, center=0.01)
    assert centred.item() == pytest.approx(math.log1p(math.exp(-1.5)) + 0.0625)


@given(chosen=numbers, rejected=numbers, shift=numbers)
def test_only_differences_of_rewards_count(chosen: float, rejected: float, shift: float) -> None:
    plain = bradley_terry(tensor(chosen), tensor(rejected)).item()
    moved = bradley_terry(tensor(chosen + shift), tensor(rejected + shift)).item()
    assert moved == pytest.approx(plain, abs=1e-9)
