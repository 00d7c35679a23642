"""Policy loss and aggregations: values by hand, the clip's truth table, masks, and invariances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordle_rl.config import TrainSection
from wordle_rl.records import Batch, LossInputs
from wordle_rl.training.algorithms import Algorithm, find_algorithm, parts_of
from wordle_rl.training.kl import KLS
from wordle_rl.training.losses import (
    AGGREGATIONS,
    LOSSES,
    BatchSize,
    Clip,
    clipped,
    clipped_tokens,
    constant,
    log_ratio,
    sequence_mean,
    token_mean,
)
from wordle_rl.training.update import policy_loss

CLIP = Clip(low=0.2, high=0.28)
every_aggregation = pytest.mark.parametrize("name", sorted(AGGREGATIONS))
METHODS = {
    f"{aggregation} {kl}": Algorithm(
        summary="",
        paper="",
        advantage="centered",
        aggregation=aggregation,
        kl=kl,
        correction="truncated",
    )
    for aggregation in AGGREGATIONS
    for kl in KLS
}
every_method = pytest.mark.parametrize("method", METHODS)


def tensor(*rows: Sequence[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def inputs(ratios: Tensor, advantages: Tensor, mask: Tensor | None = None) -> LossInputs:
    """Inputs in which pi / pi_old is `ratios`; pi is the leaf that gradients are taken of."""
    old = torch.full_like(ratios, math.log(0.3))
    return LossInputs(
        logprobs=(old + ratios.log()).requires_grad_(True),
        old_logprobs=old,
        advantages=advantages,
        loss_mask=torch.ones_like(ratios, dtype=torch.bool) if mask is None else mask,
    )


def size_of(mask: Tensor) -> BatchSize:
    return BatchSize(games=len(mask), rows=len(mask), tokens=int(mask.sum()), tokens_per_game=10.0)


# --- the clipped loss, token by token


def test_the_clipped_loss_by_hand() -> None:
    """-min(r A, clip(r, .8, 1.28) A), A = 2 in the first row and -2 in the second."""
    ratios = tensor([0.5, 0.9, 1.0, 1.2, 1.5], [0.5, 0.9, 1.0, 1.2, 1.5])
    advantages = tensor([2.0] * 5, [-2.0] * 5)
    wanted = tensor([-1.0, -1.8, -2.0, -2.4, -2.56], [1.6, 1.8, 2.0, 2.4, 3.0])
    assert torch.allclose(clipped(inputs(ratios, advantages), CLIP), wanted, atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("ratio", [0.3, 0.79, 0.81, 1.0, 1.27, 1.29, 4.0])
def test_the_truth_table_of_the_clip(sign: int, ratio: float) -> None:
    """No gradient for A > 0 above the region and A < 0 below it; -r A everywhere else."""
    given_ = inputs(tensor([ratio]), tensor([1.5 * sign]))
    (gradient,) = torch.autograd.grad(clipped(given_, CLIP).sum(), given_.logprobs)
    silenced = (sign > 0 and ratio > 1.28) or (sign < 0 and ratio < 0.8)
    assert gradient.item() == pytest.approx(0.0 if silenced else -1.5 * sign * ratio, abs=1e-9)
    assert clipped_tokens(given_, CLIP).item() == silenced


def test_silenced_tokens_are_counted_where_they_are_trained() -> None:
    ratios = tensor([2.0, 2.0, 0.1], [0.1, 1.0, 2.0])
    advantages = tensor([1.0, -1.0, -1.0], [1.0, 1.0, 1.0])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert clipped_tokens(inputs(ratios, advantages, mask), CLIP).item() == 2


def test_without_an_advantage_there_is_no_gradient() -> None:
    given_ = inputs(tensor([0.5, 1.0, 2.0]), tensor([0.0, 0.0, 0.0]))
    (gradient,) = torch.autograd.grad(clipped(given_, CLIP).sum(), given_.logprobs)
    assert gradient.tolist() == [[0.0, 0.0, 0.0]]


def test_neither_advantages_nor_old_logprobs_are_differentiated() -> None:
    """A loss that moved the sampler instead of the policy would have the opposite sign."""
    given_ = inputs(tensor([1.0, 1.1]), tensor([1.0, -1.0]))
    loss = clipped(given_, CLIP).sum()
    (gradient,) = torch.autograd.grad(loss, given_.logprobs)
    assert torch.allclose(gradient, tensor([-1.0, 1.1]))


# --- aggregations


LOSS = tensor([1.0, 2.0, 3.0, 0.0], [4.0, 5.0, 6.0, 7.0], [8.0, 0.0, 0.0, 0.0])
MASK = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.bool)


def test_aggregations_by_hand() -> None:
    """Trained: 2 3, 4 5 6 7 and 8 of three rows; a fourth row was dropped."""
    size = BatchSize(games=4, rows=4, tokens=7, tokens_per_game=10.0)
    assert sequence_mean(LOSS, MASK, size).item() == pytest.approx((2.5 + 5.5 + 8.0) / 4, abs=1e-6)
    assert token_mean(LOSS, MASK, size).item() == pytest.approx(35 / 7, abs=1e-6)
    assert constant(LOSS, MASK, size).item() == pytest.approx(35 / 40, abs=1e-6)


def test_rows_and_games_are_told_apart() -> None:
    """A game of three rows: a mean over rows, but one game's share of the constant."""
    size = BatchSize(games=1, rows=3, tokens=7, tokens_per_game=10.0)
    assert sequence_mean(LOSS, MASK, size).item() == pytest.approx(16 / 3)
    assert constant(LOSS, MASK, size).item() == pytest.approx(35 / 10)


@every_aggregation
def test_a_row_without_trained_tokens_adds_nothing(name: str) -> None:
    size = size_of(MASK)
    more = torch.cat([LOSS, tensor([9.0, 9.0, 9.0, 9.0])])
    mask = torch.cat([MASK, torch.zeros(1, 4, dtype=torch.bool)])
    assert torch.equal(AGGREGATIONS[name](more, mask, size), AGGREGATIONS[name](LOSS, MASK, size))


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


@every_aggregation
def test_on_policy_every_loss_has_the_policy_gradient(name: str) -> None:
    """At r = 1 the gradient is -A grad log pi, weighted as the aggregation weighs a token."""
    advantages = tensor([1.0, -2.0, 3.0, 0.5], [-1.0, 0.0, 2.0, 1.0], [4.0, 1.0, 1.0, 1.0])
    weight = torch.ones_like(LOSS, requires_grad=True)
    (per_token,) = torch.autograd.grad(AGGREGATIONS[name](weight, MASK, size_of(MASK)), weight)
    for loss in LOSSES.values():
        given_ = inputs(torch.ones_like(LOSS), advantages, MASK)
        value = AGGREGATIONS[name](loss(given_, CLIP), MASK, size_of(MASK))
        (gradient,) = torch.autograd.grad(value, given_.logprobs)
        assert torch.allclose(gradient, -advantages * per_token, atol=1e-12)


# --- the whole loss of a batch: policy term, correction and KL


@dataclass(frozen=True)
class Rows:
    """A batch and the policy's log-probabilities on it."""

    batch: Batch
    logprobs: Tensor


def random_rows(seed: int, rows: int = 5, width: int = 7) -> Rows:
    """Rows of different length whose ratios lie inside and outside of the clip."""
    random = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return torch.randn(rows, width, generator=random, dtype=torch.float64)

    mask = torch.rand(rows, width, generator=random) < 0.6
    mask[:, 1] = True
    old = -draw().abs() - 0.1
    batch = Batch(
        input_ids=torch.zeros(rows, width, dtype=torch.long),
        attention_mask=torch.ones(rows, width, dtype=torch.bool),
        loss_mask=mask,
        sampler_logprobs=old + 0.1 * draw(),
        old_logprobs=old,
        advantages=draw(),
        ref_logprobs=old + 0.5 * draw(),
    )
    return Rows(batch, (old + 0.3 * draw()).requires_grad_(True))


def pick(rows: Rows, chosen: list[int]) -> Batch:
    """Some rows of a batch, in the order given."""
    names = ("input_ids", "attention_mask", "loss_mask", "sampler_logprobs", "old_logprobs")
    fields = {name: getattr(rows.batch, name)[chosen] for name in (*names, "advantages")}
    assert rows.batch.ref_logprobs is not None
    return Batch(**fields, ref_logprobs=rows.batch.ref_logprobs[chosen])


def loss_and_gradient(
    rows: Rows, method: str, micro: Sequence[Sequence[int]]
) -> tuple[float, Tensor]:
    """The summed shares of micro-batches and the gradient they accumulate."""
    parts, settings = parts_of(METHODS[method]), TrainSection(kl_coef=0.05)
    size = size_of(rows.batch.loss_mask)
    gradient, total = torch.zeros_like(rows.logprobs), 0.0
    for index in micro:
        logprobs = rows.logprobs.detach().clone().requires_grad_(True)
        chosen = list(index)
        batch = pick(rows, chosen)
        loss = policy_loss(batch, logprobs[chosen], parts, settings, size).loss
        gradient += torch.autograd.grad(loss, logprobs)[0]
        total += loss.item()
    return total, gradient


@every_method
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), cuts=st.sets(st.integers(1, 4)), data=st.data())
def test_micro_batches_and_row_order_change_nothing(
    method: str, seed: int, cuts: set[int], data: st.DataObject
) -> None:
    rows = random_rows(seed)
    order = data.draw(st.permutations(range(5)))
    edges = [0, *sorted(cuts), 5]
    split = [order[a:b] for a, b in pairwise(edges)]
    whole, gradient = loss_and_gradient(rows, method, [range(5)])
    in_parts, accumulated = loss_and_gradient(rows, method, split)
    assert in_parts == pytest.approx(whole, abs=1e-12)
    assert torch.allclose(accumulated, gradient, atol=1e-12)
    assert gradient.abs().max() > 1e-4


@every_method
@pytest.mark.parametrize("bad", [0.0, math.inf, -math.inf, math.nan])
def test_padding_changes_nothing(method: str, bad: float) -> None:
    """Three more columns, filled with anything."""
    rows = random_rows(3)
    whole, gradient = loss_and_gradient(rows, method, [range(5)])

    def padded(values: Tensor, fill: float) -> Tensor:
        return torch.cat([values, torch.full((5, 3), fill, dtype=values.dtype)], 1)

    batch = rows.batch
    assert batch.ref_logprobs is not None
    wider = Batch(
        input_ids=padded(batch.input_ids, 0),
        attention_mask=padded(batch.attention_mask, False),
        loss_mask=padded(batch.loss_mask, False),
        sampler_logprobs=padded(batch.sampler_logprobs, bad),
        old_logprobs=padded(batch.old_logprobs, bad),
        advantages=padded(batch.advantages, bad),
        ref_logprobs=padded(batch.ref_logprobs, bad),
    )
    logprobs = padded(rows.logprobs.detach(), bad)
    more, wide_gradient = loss_and_gradient(Rows(wider, logprobs), method, [range(5)])
    assert more == pytest.approx(whole, abs=1e-12)
    assert torch.allclose(wide_gradient[:, :7], gradient, atol=1e-12)
    assert (wide_gradient[:, 7:] == 0).all()


@every_method
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_masked_positions_do_not_leak(method: str, bad: float) -> None:
    rows = random_rows(4)
    whole, gradient = loss_and_gradient(rows, method, [range(5)])
    batch, mask = rows.batch, rows.batch.loss_mask
    assert batch.ref_logprobs is not None
    spoilt = Batch(
        input_ids=batch.input_ids,
        attention_mask=batch.attention_mask,
        loss_mask=mask,
        sampler_logprobs=torch.where(mask, batch.sampler_logprobs, bad),
        old_logprobs=torch.where(mask, batch.old_logprobs, -bad),
        advantages=torch.where(mask, batch.advantages, bad),
        ref_logprobs=torch.where(mask, batch.ref_logprobs, -bad),
    )
    logprobs = torch.where(mask, rows.logprobs.detach(), bad)
    again, spoilt_gradient = loss_and_gradient(Rows(spoilt, logprobs), method, [range(5)])
    assert again == whole
    assert torch.equal(spoilt_gradient, gradient)


def test_the_metrics_of_a_batch_by_hand() -> None:
    """Ratios 2 and 1/2 of three tokens, the third masked; A = 1 and 1."""
    ratios = tensor([2.0, 0.5, 9.0])
    old = torch.full_like(ratios, math.log(0.3))
    mask = torch.tensor([[True, True, False]])
    batch = Batch(
        input_ids=torch.zeros(1, 3, dtype=torch.long),
        attention_mask=torch.ones_like(mask),
        loss_mask=mask,
        sampler_logprobs=old,
        old_logprobs=old,
        advantages=tensor([1.0, 1.0, 1.0]),
    )
    parts = parts_of(find_algorithm("dr_grpo"))
    size = BatchSize(games=1, rows=1, tokens=2, tokens_per_game=4.0)
    output = policy_loss(batch, old + ratios.log(), parts, TrainSection(kl_coef=0.0), size)
    assert output.loss.item() == pytest.approx(-(1.2 + 0.5) / 4, abs=1e-6)
    assert output.metrics == pytest.approx(
        {
            "loss": -(1.2 + 0.5) / 4,
            "policy_loss": -(1.2 + 0.5) / 4,
            "clip_fraction": 1 / 2,
            "ratio_max": 2.0,
            # KL(sampler || policy) by r - 1 - log r: (1 - log 2) and (-1/2 + log 2)
            "sampler_kl": 0.5 / 2,
        },
        abs=1e-6,
    )


def test_log_ratio_is_zero_where_nothing_is_trained() -> None:
    mask = torch.tensor([[True, False]])
    given_ = inputs(tensor([2.0, 3.0]), tensor([1.0, 1.0]), mask)
    assert log_ratio(given_).tolist() == [[pytest.approx(math.log(2)), 0.0]]
