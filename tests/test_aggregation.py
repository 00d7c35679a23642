"""From per-token losses to one number: by hand, masks, and what a token weighs."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from wordle_rl.training.aggregation import (
    AGGREGATIONS,
    BatchSize,
    constant,
    sequence_mean,
    sequence_sum,
    token_mean,
)

every_aggregation = pytest.mark.parametrize("name", sorted(AGGREGATIONS))


def tensor(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


LOSS = tensor([1.0, 2.0, 3.0, 0.0], [4.0, 5.0, 6.0, 7.0], [8.0, 0.0, 0.0, 0.0])
MASK = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.bool)


def size_of(mask: Tensor) -> BatchSize:
    return BatchSize(games=len(mask), rows=len(mask), tokens=int(mask.sum()), tokens_per_game=10.0)


def test_by_hand() -> None:
    """Trained: 2 3, 4 5 6 7 and 8 of three rows; a fourth row was dropped."""
    size = BatchSize(games=4, rows=4, tokens=7, tokens_per_game=10.0)
    assert sequence_mean(LOSS, MASK, size).item() == pytest.approx((2.5 + 5.5 + 8.0) / 4, abs=1e-6)
    assert sequence_sum(LOSS, MASK, size).item() == pytest.approx(35 / 4, abs=1e-6)
    assert token_mean(LOSS, MASK, size).item() == pytest.approx(35 / 7, abs=1e-6)
    assert constant(LOSS, MASK, size).item() == pytest.approx(35 / 40, abs=1e-6)


def test_rows_and_games_are_told_apart() -> None:
    """A game of three rows: a mean over rows, but one game's share of the constant."""
    size = BatchSize(games=1, rows=3, tokens=7, tokens_per_game=10.0)
    assert sequence_mean(LOSS, MASK, size).item() == pytest.approx(16 / 3)
    assert sequence_sum(LOSS, MASK, size).item() == pytest.approx(35 / 3)
    assert constant(LOSS, MASK, size).item() == pytest.approx(35 / 10)


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("sequence_mean", (1 / 6, 1 / 12, 1 / 3)),
        ("sequence_sum", (1 / 3, 1 / 3, 1 / 3)),
        ("token_mean", (1 / 7, 1 / 7, 1 / 7)),
        ("constant", (1 / 30, 1 / 30, 1 / 30)),
    ],
)
def test_what_a_token_of_a_row_weighs(name: str, weights: tuple[float, ...]) -> None:
    """Rows of 2, 4 and 1 tokens: only the mean over a row makes length matter."""
    loss = torch.zeros_like(LOSS, requires_grad=True)
    (weight,) = torch.autograd.grad(AGGREGATIONS[name](loss, MASK, size_of(MASK)), loss)
    wanted = torch.where(MASK, tensor(*([w] * 4 for w in weights)), 0.0)
    assert torch.allclose(weight, wanted, atol=1e-12)


@every_aggregation
def test_a_row_without_trained_tokens_adds_nothing_and_counts(name: str) -> None:
    """It adds no loss; in the denominators it stays, so leaving games out is no larger step."""
    size = size_of(MASK)
    more = torch.cat([LOSS, tensor([9.0, 9.0, 9.0, 9.0])])
    mask = torch.cat([MASK, torch.zeros(1, 4, dtype=torch.bool)])
    value = AGGREGATIONS[name](LOSS, MASK, size)
    assert torch.equal(AGGREGATIONS[name](more, mask, size), value)
    shrink = 1.0 if name == "token_mean" else 3 / 4
    assert AGGREGATIONS[name](more, mask, size_of(mask)).item() == pytest.approx(shrink * value)


@every_aggregation
def test_nothing_trained_at_all_is_zero(name: str) -> None:
    size = BatchSize(games=3, rows=3, tokens=0, tokens_per_game=10.0)
    assert AGGREGATIONS[name](LOSS, torch.zeros_like(MASK), size).item() == 0.0


@every_aggregation
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_masked_losses_do_not_leak(name: str, bad: float) -> None:
    spoilt = torch.where(MASK, LOSS, bad).requires_grad_(True)
    value = AGGREGATIONS[name](spoilt, MASK, size_of(MASK))
    (gradient,) = torch.autograd.grad(value, spoilt)
    assert torch.equal(value, AGGREGATIONS[name](LOSS, MASK, size_of(MASK)))
    assert (gradient[~MASK] == 0).all()
    assert (gradient[MASK] > 0).all()
