"""Numbers of an update, by hand: the clip by sign, importance weights, shares of micro-batches."""

import math

import pytest
import torch
from torch import Tensor

from tests.ten_words import taught_agent
from tests.test_update import samples, updater
from wordle_rl.records import Batch, LossInputs, LossOutput, Sample
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.batch import collate
from wordle_rl.training.losses import Clip, clipped
from wordle_rl.training.update_metrics import (
    over_updates,
    padded_and_real,
    padding_metrics,
    summarise,
    token_metrics,
)

CLIP = Clip(low=0.2, high=0.2)


def of(ratios: list[float], advantages: list[float], trained: list[bool], n: int) -> LossOutput:
    """One row whose tokens have these ratios to sampler and old policy alike, of n in all."""
    old = torch.full((1, len(ratios)), math.log(0.01))
    mask = torch.tensor([trained])
    batch = Batch(
        input_ids=torch.zeros_like(old, dtype=torch.long),
        attention_mask=torch.ones_like(mask),
        loss_mask=mask,
        sampler_logprobs=old,
        old_logprobs=old,
        advantages=torch.tensor([advantages]),
    )
    logprobs: Tensor = old + torch.tensor([ratios]).log()
    inputs = LossInputs(
        logprobs=logprobs, old_logprobs=old, advantages=batch.advantages, loss_mask=mask
    )
    size = BatchSize(games=1, rows=1, tokens=n, tokens_per_game=4.0)
    return LossOutput(
        loss=torch.tensor(0.0), metrics=token_metrics(batch, inputs, clipped, CLIP, size)
    )


def summary(*outputs: LossOutput, n: int) -> dict[str, float]:
    return summarise(outputs, BatchSize(games=1, rows=1, tokens=n, tokens_per_game=4.0))


def test_the_clip_is_told_by_the_sign_of_the_advantage() -> None:
    """Silenced: 2 and 1.5 with A > 0, 0.5 with A < 0; the masked one does not count."""
    ratios = [2.0, 1.5, 0.5, 1.0, 0.5, 9.0]
    advantages = [1.0, 2.0, -1.0, 1.0, 1.0, -1.0]
    metrics = of(ratios, advantages, [True] * 5 + [False], 5).metrics
    assert metrics["clip_positive"] == pytest.approx(2 / 5)
    assert metrics["clip_negative"] == pytest.approx(1 / 5)
    assert metrics["clip_fraction"] == pytest.approx(3 / 5)


def test_the_effective_sample_size_by_hand() -> None:
    """Weights 3 and 1: (3 + 1)^2 / (2 * (9 + 1)); a masked token has none."""
    metrics = summary(of([3.0, 1.0, 50.0], [1.0] * 3, [True, True, False], 2), n=2)
    assert metrics["train/ess"] == pytest.approx(16 / 20)
    assert not {"train/weights", "train/squares"} & metrics.keys()


def test_equal_weights_are_a_full_sample_and_one_large_one_is_a_single_game() -> None:
    assert summary(of([2.0] * 4, [1.0] * 4, [True] * 4, 4), n=4)["train/ess"] == pytest.approx(1.0)
    lone = summary(of([1e6, 1e-3, 1e-3, 1e-3], [1.0] * 4, [True] * 4, 4), n=4)
    assert lone["train/ess"] == pytest.approx(1 / 4, rel=1e-3)


def test_a_weight_without_bounds_stays_a_number() -> None:
    metrics = summary(of([1e30, 1.0], [1.0, 1.0], [True, True], 2), n=2)
    assert metrics["train/ess"] == pytest.approx(1 / 2, rel=1e-3)


def test_the_shares_of_micro_batches_add_up() -> None:
    ratios, advantages = [3.0, 1.0, 0.5, 1.1], [1.0, -1.0, -2.0, 1.0]
    whole = summary(of(ratios, advantages, [True] * 4, 4), n=4)
    halves = [of(ratios[i : i + 2], advantages[i : i + 2], [True] * 2, 4) for i in (0, 2)]
    assert summary(*halves, n=4) == pytest.approx(whole)
    assert whole["train/ratio_max"] == pytest.approx(3.0)


def test_the_first_update_is_told_and_how_far_the_last_one_had_moved() -> None:
    once = updater(taught_agent(), lr=3.0)(samples(), games=12, rows=12)
    twice = updater(taught_agent(), "train.updates_per_batch=2", lr=3.0)(
        samples(), games=12, rows=12
    )
    assert once["train/clip_fraction"] == 0.0
    assert once["train/ess"] == pytest.approx(1.0, abs=1e-4)
    assert twice["train/clip_fraction"] > 0.0
    assert twice["train/ess"] < 0.99
    for name in ("train/loss", "train/entropy", "train/grad_norm", "train/ratio_max"):
        assert twice[name] == pytest.approx(once[name], rel=1e-3, abs=1e-6)


def test_only_the_distance_is_taken_from_the_last_update() -> None:
    names = ("train/loss", "train/clip_fraction", "train/clip_positive", "train/clip_negative")
    first, last = ({name: value for name in (*names, "train/ess")} for value in (1.0, 2.0))
    assert over_updates(first, last) == {**last, "train/loss": 1.0}


def test_the_share_of_padding_by_hand() -> None:
    """Rows of 3 and 5 tokens make 10, rows of 4 and 4 make 8: 2 of 18 are padding."""

    def row(length: int) -> Sample:
        mask = (False, *[True] * (length - 1))
        return Sample(
            token_ids=(1,) * length,
            loss_mask=mask,
            sampler_logprobs=(0.0,) * length,
            advantages=(0.0,) * length,
        )

    sizes = [padded_and_real(collate([row(a), row(b)], 0)) for a, b in ((3, 5), (4, 4))]
    assert sizes == [(10, 8), (8, 8)]
    assert padding_metrics(sizes) == {"train/padding_share": pytest.approx(2 / 18)}


def test_an_update_tells_its_padding() -> None:
    """In one micro-batch rows are as long as the longest; alone each is as long as it is."""
    rows = samples()
    lengths = [len(row.token_ids) for row in rows]
    together, alone = (
        updater(taught_agent(), f"train.micro_batch_tokens={tokens}")(rows, games=12, rows=12)
        for tokens in (100_000, 1)
    )
    expected = 1 - sum(lengths) / (max(lengths) * len(lengths))
    assert together["train/padding_share"] == pytest.approx(expected)
    assert alone["train/padding_share"] == 0.0
