"""Policy losses: values by hand, truth tables, the gradient on-policy, masks, and invariances."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wordle_rl.config import TrainSection
from wordle_rl.records import Batch, LossInputs
from wordle_rl.training.aggregation import AGGREGATIONS, BatchSize
from wordle_rl.training.algorithms import ALGORITHMS, Algorithm, find_algorithm, parts_of
from wordle_rl.training.corrections import CORRECTIONS
from wordle_rl.training.kl import KLS
from wordle_rl.training.losses import (
    LOSSES,
    Clip,
    capped_importance,
    clipped,
    dropped_by_kl,
    dropped_by_tv,
    dual_clipped,
    geometric_mean,
    importance,
    log_ratio,
    reinforce,
    sequence_clipped,
    sequence_log_ratio,
    silenced_tokens,
    soft_gated,
    two_sided,
    variational,
)
from wordle_rl.training.update import charge_divergence, policy_loss

CLIP = Clip(low=0.2, high=0.28)
every_loss = pytest.mark.parametrize("name", sorted(LOSSES))
PLAIN = Algorithm(
    summary="", paper="", advantage="centered", aggregation="token_mean", correction="truncated"
)
METHODS = {
    **{f"loss {name}": replace(PLAIN, loss=name) for name in LOSSES},
    **{f"aggregation {name}": replace(PLAIN, aggregation=name) for name in AGGREGATIONS},
    **{f"correction {name}": replace(PLAIN, correction=name) for name in CORRECTIONS},
    **{f"kl {name}": replace(PLAIN, kl=name) for name in KLS},
    **{name: ALGORITHMS[name] for name in ("gspo", "luspo", "gmpo", "cispo", "dppo_tv")},
    "kl in the reward": replace(PLAIN, kl="k1", kl_placement="reward"),
}
"""Every part once, and the combinations that are used."""
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
    assert silenced_tokens(clipped, given_, CLIP).sum().item() == silenced


def test_silenced_tokens_are_counted_where_they_are_trained() -> None:
    ratios = tensor([2.0, 2.0, 0.1], [0.1, 1.0, 2.0])
    advantages = tensor([1.0, -1.0, -1.0], [1.0, 1.0, 1.0])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert silenced_tokens(clipped, inputs(ratios, advantages, mask), CLIP).sum().item() == 2


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


# --- the other losses, token by token


def gradient_of(name: str, ratio: float, advantage: float, clip: Clip = CLIP) -> float:
    """d loss / d log pi of one token."""
    given_ = inputs(tensor([ratio]), tensor([advantage]))
    (gradient,) = torch.autograd.grad(LOSSES[name](given_, clip).sum(), given_.logprobs)
    return gradient.item()


def test_reinforce_knows_no_ratio() -> None:
    given_ = inputs(tensor([0.5, 2.0]), tensor([3.0, -1.0]))
    wanted = tensor([-3.0 * math.log(0.15), math.log(0.6)])
    assert torch.allclose(reinforce(given_, CLIP), wanted)
    assert gradient_of("reinforce", 0.01, 3.0) == -3.0


def test_importance_has_no_trust_region() -> None:
    given_ = inputs(tensor([0.1, 9.0]), tensor([2.0, 2.0]))
    assert torch.allclose(importance(given_, CLIP), tensor([-0.2, -18.0]))
    assert gradient_of("importance", 9.0, 2.0) == pytest.approx(-18.0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("ratio", [0.5, 0.79, 0.9, 1.1, 1.29, 2.9, 3.1, 3.9, 4.1, 50.0])
def test_the_truth_table_of_the_two_kinds_of_ceiling(sign: int, ratio: float) -> None:
    """Both differ from PPO only where A < 0 and the ratio is far above 1, where PPO has no end."""
    silenced = (sign > 0 and ratio > 1.28) or (sign < 0 and ratio < 0.8)
    plain = 0.0 if silenced else -sign * ratio
    above = sign < 0
    assert gradient_of("dual_clipped", ratio, sign) == pytest.approx(
        0.0 if above and ratio > 3 else plain
    )
    assert gradient_of("two_sided", ratio, sign) == pytest.approx(
        0.0 if above and ratio > 4 else plain
    )


def test_the_ceilings_by_hand() -> None:
    given_ = inputs(tensor([2.0, 3.5, 9.0]), tensor([-2.0, -2.0, -2.0]))
    assert torch.allclose(dual_clipped(given_, CLIP), tensor([4.0, 6.0, 6.0]))
    assert torch.allclose(two_sided(given_, CLIP), tensor([4.0, 7.0, 8.0]))
    assert torch.allclose(clipped(given_, CLIP), tensor([4.0, 7.0, 18.0]))


def test_cispo_caps_the_weight_and_silences_nothing() -> None:
    """Cap 5: weights .1, 2 and 5; the value is -w A log pi."""
    given_ = inputs(tensor([0.1, 2.0, 9.0]), tensor([2.0, -1.0, 1.0]))
    clip = Clip(low=0.2, high=4.0)
    weights, advantages = tensor([0.1, 2.0, 5.0]), tensor([2.0, -1.0, 1.0])
    loss = capped_importance(given_, clip)
    assert torch.allclose(loss, -weights * advantages * given_.logprobs)
    (gradient,) = torch.autograd.grad(loss.sum(), given_.logprobs)
    assert torch.allclose(gradient, -weights * advantages)


def test_sapo_by_hand() -> None:
    """-A sigmoid(tau (r - 1)) 4 / tau: at r = 1 the value is -2 A / tau."""
    given_ = inputs(tensor([1.0, 1.0, 3.0]), tensor([2.0, -2.0, 1.0]))
    wanted = tensor([-4.0, 4.0 / 1.05, -4.0 / (1 + math.exp(-2.0))])
    assert torch.allclose(soft_gated(given_, CLIP), wanted)


@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_sapo_fades_in_both_directions(advantage: float) -> None:
    """4 s (1 - s) r: largest at r = 1 for the gate, no cliff, and faster for A < 0."""
    near, far = (abs(gradient_of("soft_gated", r, advantage)) for r in (1.0, 8.0))
    assert near == pytest.approx(1.0)
    assert 0 < far < 0.1
    assert abs(gradient_of("soft_gated", 8.0, -1.0)) < abs(gradient_of("soft_gated", 8.0, 1.0))


def test_gspo_has_one_ratio_a_row() -> None:
    """Ratios 2, 1/2 and 1: the geometric mean is 1, so nothing is clipped, whatever the tokens."""
    given_ = inputs(tensor([2.0, 0.5, 1.0]), tensor([1.0, 1.0, 1.0]))
    assert torch.allclose(sequence_clipped(given_, CLIP), tensor([-1.0, -1.0, -1.0]))
    assert torch.allclose(sequence_log_ratio(given_), torch.zeros(1, 1).double(), atol=1e-12)
    (gradient,) = torch.autograd.grad(sequence_clipped(given_, CLIP).sum(), given_.logprobs)
    assert torch.allclose(gradient, tensor([-1.0, -1.0, -1.0]))


def test_gspo_clips_whole_rows() -> None:
    """s = 1.3 in row 1, A > 0: silenced. Row 2: s = 2.6^(1/2) = 1.61, A < 0: not."""
    mask = torch.tensor([[True, True, True], [True, True, False]])
    ratios = tensor([1.3, 1.3, 1.3], [2.0, 1.3, 99.0])
    given_ = inputs(ratios, tensor([1.0] * 3, [-1.0] * 3), mask)
    loss = torch.where(mask, sequence_clipped(given_, CLIP), 0.0)
    s = 2.6**0.5
    assert torch.allclose(loss, tensor([-1.28] * 3, [s, s, 0.0]))
    (gradient,) = torch.autograd.grad(loss.sum(), given_.logprobs)
    assert torch.allclose(gradient, tensor([0.0] * 3, [s, s, 0.0]))


def test_gspo_token_has_the_gradient_of_the_sequence_form() -> None:
    """d/d log pi_t of -s A, s = exp(mean log r), is -s A / n; the mean over n tokens gives it."""
    given_ = inputs(tensor([1.1, 0.9, 1.2]), tensor([2.0, 2.0, 2.0]))
    s = sequence_log_ratio(given_).exp()
    (wanted,) = torch.autograd.grad((-2.0 * s).sum(), given_.logprobs)
    (found,) = torch.autograd.grad(sequence_clipped(given_, CLIP).mean(), given_.logprobs)
    assert torch.allclose(found, wanted, atol=1e-12)


def test_gmpo_by_hand() -> None:
    """A > 0: only what rises above e^.4 is held; A < 0: only what falls below e^-.4."""
    clip = Clip(low=0.4, high=0.4)
    ratios = tensor([math.exp(0.7), math.exp(-0.9), math.exp(0.2)])
    up = inputs(ratios, tensor([1.0] * 3))
    assert torch.allclose(geometric_mean(up, clip)[0, 0], -tensor([(0.4 - 0.9 + 0.2) / 3]).exp())
    down = inputs(ratios, tensor([-1.0] * 3))
    g = math.exp((0.7 - 0.4 + 0.2) / 3)
    loss = geometric_mean(down, clip)
    assert torch.allclose(loss, tensor([g] * 3))
    (gradient,) = torch.autograd.grad(loss.mean(), down.logprobs)
    assert torch.allclose(gradient, tensor([g / 3, 0.0, g / 3]))


def test_vespo_by_hand() -> None:
    """W = 2 x 1 = 2: phi = e^3 2^2 e^-6 for A > 0, e^2 2^3 e^-4 for A < 0."""
    up = inputs(tensor([2.0, 1.0]), tensor([1.0, 1.0]))
    assert torch.allclose(variational(up, CLIP), -4 * math.exp(-3) * up.logprobs)
    down = inputs(tensor([2.0, 1.0]), tensor([-1.0, -1.0]))
    assert torch.allclose(variational(down, CLIP), 8 * math.exp(-2) * down.logprobs)


@pytest.mark.parametrize("ratio", [1e-12, 1e12])
def test_vespo_gives_up_on_rows_that_moved_far(ratio: float) -> None:
    given_ = inputs(tensor([ratio, ratio, ratio]), tensor([1.0] * 3))
    (gradient,) = torch.autograd.grad(variational(given_, CLIP).sum(), given_.logprobs)
    assert gradient.abs().max() < 1e-12


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.99, 1.01, 1.5, 3.0])
def test_the_truth_table_of_dppo(advantage: float, ratio: float) -> None:
    """p_old = .3, limit .1: dropped only where A pushes p further away than that."""
    change = 0.3 * (ratio - 1)
    dropped = change > 0.1 if advantage > 0 else change < -0.1
    wanted = 0.0 if dropped else -advantage * ratio
    clip = Clip(low=0.1, high=0.1)
    assert gradient_of("dropped_by_tv", ratio, advantage, clip) == pytest.approx(wanted)


def binary_kl(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.9, 1.1, 1.5, 3.0])
def test_the_truth_table_of_dppo_by_kl(advantage: float, ratio: float) -> None:
    away = ratio > 1 if advantage > 0 else ratio < 1
    dropped = away and binary_kl(0.3, 0.3 * ratio) > 0.05
    wanted = 0.0 if dropped else -advantage * ratio
    clip = Clip(low=0.05, high=0.05)
    assert gradient_of("dropped_by_kl", ratio, advantage, clip) == pytest.approx(wanted)


def test_dppo_caps_the_weight_of_rare_tokens() -> None:
    """p from .001 to .05 is a ratio of 50, and only .049 of total variation."""
    old = tensor([math.log(0.001)])
    given_ = LossInputs(
        logprobs=tensor([math.log(0.05)]).requires_grad_(True),
        old_logprobs=old,
        advantages=tensor([1.0]),
        loss_mask=torch.ones(1, 1, dtype=torch.bool),
    )
    for loss in (dropped_by_tv, dropped_by_kl):
        (gradient,) = torch.autograd.grad(
            loss(given_, Clip(low=0.2, high=0.2)).sum(), given_.logprobs
        )
        assert gradient.item() == -20.0


def test_certain_tokens_are_no_trouble_to_dppo() -> None:
    """p = p_old = 1: 0 log 0 on both sides."""
    given_ = LossInputs(
        logprobs=tensor([0.0]).requires_grad_(True),
        old_logprobs=tensor([0.0]),
        advantages=tensor([1.0]),
        loss_mask=torch.ones(1, 1, dtype=torch.bool),
    )
    for loss in (dropped_by_tv, dropped_by_kl):
        (gradient,) = torch.autograd.grad(loss(given_, CLIP).sum(), given_.logprobs)
        assert gradient.item() == -1.0


# --- what holds for every loss

MASK = torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]], dtype=torch.bool)


@every_loss
@pytest.mark.parametrize("aggregation", sorted(AGGREGATIONS))
def test_on_policy_every_loss_has_the_policy_gradient(name: str, aggregation: str) -> None:
    """At r = 1 the gradient is -A grad log pi, weighted as the aggregation weighs a token."""
    advantages = tensor([1.0, -2.0, 3.0, 0.5], [-1.0, 0.0, 2.0, 1.0], [4.0, 1.0, 1.0, 1.0])
    aggregate = AGGREGATIONS[aggregation]
    weight = torch.ones_like(advantages, requires_grad=True)
    (per_token,) = torch.autograd.grad(aggregate(weight, MASK, size_of(MASK)), weight)
    given_ = inputs(torch.ones_like(advantages), advantages, MASK)
    value = aggregate(LOSSES[name](given_, CLIP), MASK, size_of(MASK))
    (gradient,) = torch.autograd.grad(value, given_.logprobs)
    assert torch.allclose(gradient, -advantages * per_token, atol=1e-12)


@every_loss
def test_no_gradient_passes_through_advantages_or_old_logprobs(name: str) -> None:
    """Even where a user's advantage was computed from the policy."""
    given_ = inputs(tensor([1.1, 0.9], [1.0, 0.7]), tensor([1.0, -1.0], [0.5, 2.0]))
    entangled = replace(
        given_,
        advantages=given_.advantages + 3 * (given_.logprobs - given_.logprobs.detach()),
        old_logprobs=given_.old_logprobs + 5 * (given_.logprobs - given_.logprobs.detach()),
    )
    (wanted,) = torch.autograd.grad(LOSSES[name](given_, CLIP).sum(), given_.logprobs)
    (found,) = torch.autograd.grad(LOSSES[name](entangled, CLIP).sum(), given_.logprobs)
    assert torch.equal(found, wanted)


@every_loss
def test_silenced_tokens_are_those_without_a_gradient(name: str) -> None:
    random = torch.Generator().manual_seed(1)
    ratios = (torch.randn(6, 5, generator=random).double()).exp()
    advantages = torch.randn(6, 5, generator=random).double()
    advantages[:, 0] = 0.0
    mask = torch.rand(6, 5, generator=random) < 0.7
    given_ = inputs(ratios, advantages, mask)
    terms = torch.where(mask, LOSSES[name](given_, CLIP), 0.0)
    (gradient,) = torch.autograd.grad(terms.sum(), given_.logprobs)
    still = (gradient == 0) & mask & (advantages != 0)
    assert silenced_tokens(LOSSES[name], given_, CLIP).sum().item() == still.sum().item()
    never = {"reinforce", "importance", "capped_importance", "soft_gated", "variational"}
    assert (still.sum() == 0) == (name in never)


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
    mask[:-1, 1] = True
    mask[-1] = False  # a row of which nothing is trained
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
    logprobs = (old + 0.3 * draw()).clamp(max=-0.01)
    return Rows(batch, logprobs.requires_grad_(True))


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
    parts = parts_of(METHODS[method])
    settings = TrainSection(
        kl_coef=0.05,
        clip_low=METHODS[method].clip_low,
        clip_high=METHODS[method].clip_high,
    )
    size = size_of(rows.batch.loss_mask)
    gradient, total = torch.zeros_like(rows.logprobs), 0.0
    for index in micro:
        logprobs = rows.logprobs.detach().clone().requires_grad_(True)
        chosen = list(index)
        batch = pick(rows, chosen)
        if parts.kl_placement == "reward":
            batch = charge_divergence(batch, parts, 0.05)
        loss = policy_loss(batch, logprobs[chosen], parts, settings, size).loss
        gradient += torch.autograd.grad(loss, logprobs)[0]
        total += loss.item()
    return total, gradient


@every_method
@settings(max_examples=8)
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
            "clip_positive": 1 / 2,
            "clip_negative": 0.0,
            "ratio_max": 2.0,
            "weights": (2 + 1 / 2) / 2,
            "squares": (4 + 1 / 4) / 2,
            # KL(sampler || policy) by r - 1 - log r: (1 - log 2) and (-1/2 + log 2)
            "sampler_kl": 0.5 / 2,
        },
        abs=1e-6,
    )


def test_log_ratio_is_zero_where_nothing_is_trained() -> None:
    mask = torch.tensor([[True, False]])
    given_ = inputs(tensor([2.0, 3.0]), tensor([1.0, 1.0]), mask)
    assert log_ratio(given_).tolist() == [[pytest.approx(math.log(2)), 0.0]]
