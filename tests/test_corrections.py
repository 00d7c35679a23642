"""Importance weights for tokens another program sampled: values, caps, no gradient, masking."""

import math

import pytest
import torch
from torch import Tensor

from wordle_rl.config import TrainSection
from wordle_rl.records import Batch
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.algorithms import Algorithm, parts_of
from wordle_rl.training.corrections import (
    CORRECTIONS,
    DRIFT,
    SEQUENCE_TRUNCATION,
    TRUNCATION,
    CorrectionInputs,
    dropped,
    masked,
    none,
    sequence_masked,
    sequence_truncated,
    truncated,
)
from wordle_rl.training.update import policy_loss

NAN, INF = math.nan, math.inf
ALL = torch.ones(1, 4, dtype=torch.bool)
every_correction = pytest.mark.parametrize("name", sorted(CORRECTIONS))


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def logs(*probabilities: float) -> Tensor:
    return row(*probabilities).log()


def given(
    old: Tensor,
    sampler: Tensor,
    mask: Tensor | None = None,
    *,
    now: Tensor | None = None,
    advantages: Tensor | None = None,
) -> CorrectionInputs:
    """The policy is where it started unless `now` says otherwise."""
    return CorrectionInputs(
        logprobs=old if now is None else now,
        old_logprobs=old,
        sampler_logprobs=sampler,
        advantages=-torch.ones_like(old) if advantages is None else advantages,
        loss_mask=torch.ones_like(old, dtype=torch.bool) if mask is None else mask,
    )


OLD, SAMPLER = logs(0.1, 0.3, 0.3, 0.8), logs(0.4, 0.3, 0.2, 0.1)
"""w = .25, 1, 1.5 and 8; their product is 3."""


def test_none_counts_every_token_once() -> None:
    assert none(given(OLD, SAMPLER)).tolist() == [[1.0] * 4]


def test_truncated_by_hand() -> None:
    weights = truncated(given(OLD, SAMPLER))
    assert weights[0].tolist() == pytest.approx([0.25, 1.0, 1.5, 2.0], abs=1e-6)
    assert TRUNCATION == 2.0


def test_masked_by_hand() -> None:
    """Outside [.5, 5] nothing is left; inside w itself."""
    assert masked(given(OLD, SAMPLER))[0].tolist() == pytest.approx([0.0, 1.0, 1.5, 0.0])


def test_whole_rows_by_hand() -> None:
    """W = 3 in row 1 (just kept) and 8 in row 2, of which two tokens are trained."""
    old = torch.cat([OLD, logs(0.8, 0.5, 0.3, 0.3)])
    sampler = torch.cat([SAMPLER, logs(0.1, 0.5, 0.1, 0.1)])
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    inputs = given(old + math.log(0.999), sampler + math.log(0.999), mask)
    cut = sequence_truncated(inputs)
    assert cut.tolist() == [pytest.approx([3.0] * 4), pytest.approx([3.0, 3.0, 1.0, 1.0])]
    kept = sequence_masked(given(old - 1e-9, sampler, mask))
    assert kept.tolist() == [pytest.approx([3.0] * 4), [0.0, 0.0, 1.0, 1.0]]
    assert SEQUENCE_TRUNCATION == 3.0


def test_long_rows_are_masked_sooner_than_short_ones() -> None:
    """The same small mismatch a token, 5 %: a product grows with length (trl#4772)."""
    short, long = torch.full((1, 20), -1.0), torch.full((1, 30), -1.0)
    assert sequence_masked(given(short, short - 0.05)).min() > 2.7
    assert sequence_masked(given(long, long - 0.05)).max() == 0.0


@pytest.mark.parametrize(
    ("advantage", "lost", "kept"),
    [(-1.0, 0.6, False), (-1.0, 0.4, True), (1.0, 0.6, True), (0.0, 0.6, True), (-1.0, -9.0, True)],
)
def test_bad_rows_that_the_policy_has_left_are_dropped(
    advantage: float, lost: float, kept: bool
) -> None:
    """The truth table of sign and drift; the drift is against the sampler, at the policy now."""
    sampler = logs(0.5, 0.5)
    now = sampler - row(2 * lost, 0.0)
    weights = dropped(given(sampler, sampler, now=now, advantages=row(advantage, advantage)))
    assert weights.tolist() == [[float(kept)] * 2]
    assert DRIFT == 0.5


def test_dropping_looks_at_trained_tokens_alone() -> None:
    sampler = logs(0.5, 0.5, 0.5)
    mask = torch.tensor([[True, True, False]])
    inputs = given(sampler, sampler, mask, now=sampler - row(0.4, 0.4, 9.0))
    assert dropped(inputs).tolist() == [[1.0] * 3]


@every_correction
def test_the_same_program_needs_no_correction(name: str) -> None:
    logprobs = logs(0.1, 0.5, 0.9, 1.0)
    assert CORRECTIONS[name](given(logprobs, logprobs.clone())).tolist() == [[1.0] * 4]


@every_correction
def test_weights_carry_no_gradient(name: str) -> None:
    inputs = given(OLD.clone().requires_grad_(True), SAMPLER.clone().requires_grad_(True))
    assert not CORRECTIONS[name](inputs).requires_grad


@every_correction
def test_masked_positions_do_not_leak(name: str) -> None:
    mask = torch.tensor([[True, False, False, False]])
    old, sampler = row(math.log(0.5), NAN, -INF, INF), row(math.log(0.5), 0.0, -INF, NAN)
    advantages = row(-1.0, NAN, -INF, -1.0)
    weights = CORRECTIONS[name](given(old, sampler, mask, advantages=advantages))
    assert weights.tolist() == [[1.0] * 4]


@every_correction
def test_a_row_of_which_nothing_is_trained_is_no_trouble(name: str) -> None:
    assert CORRECTIONS[name](given(OLD, SAMPLER, ~ALL)).tolist() == [[1.0] * 4]


def test_a_token_the_trainer_would_never_sample_has_no_weight() -> None:
    for name in CORRECTIONS.keys() - {"none", "dropped"}:
        assert CORRECTIONS[name](given(row(-INF), row(-1.0))).item() == 0.0


def test_the_weight_multiplies_the_policy_term_and_not_the_kl() -> None:
    """Two tokens, w = 1/2 and 1 (sampled with .4 and .3, trainer's own .2 and .3), A = 1, r = 1.

    L = -(1/2 + 1) / 2 + 0.1 * mean(k3), with pi_ref = pi / 2: k3 = 1/2 + log 2 - 1.
    """
    old = logs(0.2, 0.3)
    mask = torch.ones(1, 2, dtype=torch.bool)
    batch = Batch(
        input_ids=torch.zeros(1, 2, dtype=torch.long),
        attention_mask=mask,
        loss_mask=mask,
        sampler_logprobs=logs(0.4, 0.3),
        old_logprobs=old,
        advantages=row(1.0, 1.0),
        ref_logprobs=old - math.log(2),
    )
    method = Algorithm(
        summary="", paper="", advantage="centered", aggregation="token_mean", correction="truncated"
    )
    output = policy_loss(
        batch,
        old.clone().requires_grad_(True),
        parts_of(method),
        TrainSection(kl_coef=0.1),
        BatchSize(games=1, rows=1, tokens=2, tokens_per_game=2.0),
    )
    k3 = 0.5 + math.log(2) - 1
    assert output.loss.item() == pytest.approx(-0.75 + 0.1 * k3, abs=1e-6)
    assert output.metrics["policy_loss"] == pytest.approx(-0.75, abs=1e-6)
    assert output.metrics["kl_ref"] == pytest.approx(k3, abs=1e-6)
