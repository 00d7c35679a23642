"""Importance weights for tokens another program sampled: values, cap, no gradient, masking."""

import math

import pytest
import torch
from torch import Tensor

from wordle_rl.config import TrainSection
from wordle_rl.records import Batch
from wordle_rl.training.algorithms import Algorithm, parts_of
from wordle_rl.training.corrections import CORRECTIONS, TRUNCATION, none, truncated
from wordle_rl.training.losses import BatchSize
from wordle_rl.training.update import policy_loss

NAN, INF = math.nan, math.inf
ALL = torch.ones(1, 4, dtype=torch.bool)


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def logs(*probabilities: float) -> Tensor:
    return row(*probabilities).log()


def test_none_counts_every_token_once() -> None:
    assert none(logs(0.1, 0.2, 0.3, 0.4), logs(0.4, 0.3, 0.2, 0.1), ALL).tolist() == [[1.0] * 4]


def test_truncated_by_hand() -> None:
    """w = .1/.4, .3/.3, .3/.2 and .8/.1 = 8, cut to 2."""
    weights = truncated(logs(0.1, 0.3, 0.3, 0.8), logs(0.4, 0.3, 0.2, 0.1), ALL)
    assert weights[0].tolist() == pytest.approx([0.25, 1.0, 1.5, 2.0], abs=1e-6)
    assert TRUNCATION == 2.0


@pytest.mark.parametrize("name", sorted(CORRECTIONS))
def test_the_same_program_needs_no_correction(name: str) -> None:
    logprobs = logs(0.1, 0.5, 0.9, 1.0)
    assert CORRECTIONS[name](logprobs, logprobs.clone(), ALL).tolist() == [[1.0] * 4]


@pytest.mark.parametrize("name", sorted(CORRECTIONS))
def test_weights_carry_no_gradient(name: str) -> None:
    old, sampler = logs(0.1, 0.2, 0.3, 0.4), logs(0.4, 0.3, 0.2, 0.1)
    weights = CORRECTIONS[name](old.requires_grad_(True), sampler.requires_grad_(True), ALL)
    assert not weights.requires_grad


@pytest.mark.parametrize("name", sorted(CORRECTIONS))
def test_masked_positions_do_not_leak(name: str) -> None:
    mask = torch.tensor([[True, False, False, False]])
    old, sampler = row(math.log(0.5), NAN, -INF, INF), row(math.log(0.5), 0.0, -INF, NAN)
    assert CORRECTIONS[name](old, sampler, mask).tolist() == [[1.0] * 4]


def test_a_token_the_trainer_would_never_sample_has_no_weight() -> None:
    assert truncated(row(-INF), row(-1.0), ALL[:, :1]).item() == 0.0


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
