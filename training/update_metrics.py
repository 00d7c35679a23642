"""What an update looks like in numbers: `train/` metrics of tokens, ratios and the clip.

Every number of a micro-batch is its share of the mean over the whole batch, so shares add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import torch

from wordle_rl.records import Batch, LossInputs, LossOutput
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.losses import Clip, PolicyLoss, log_ratio, silenced_tokens

LARGEST_DRIFT: Final = 20.0
"""Nats beyond which an importance weight is not told apart: its square must not overflow."""
OF_LAST_UPDATE: Final = (
    "train/clip_fraction",
    "train/clip_positive",
    "train/clip_negative",
    "train/ess",
)
"""What is told of the last update on a batch, where the policy has moved furthest; on the first one
the ratio is 1."""


def token_metrics(
    batch: Batch, inputs: LossInputs, loss: PolicyLoss, clip: Clip, size: BatchSize
) -> dict[str, float]:
    """Shares of a micro-batch, all over trained tokens.

    `sampler_kl` is KL(sampler || policy) by r - 1 - log r, in nats. `clip_positive` and
    `clip_negative` are tokens whose advantage has that sign and whose gradient the loss silences;
    together they are `clip_fraction`. `weights` and `squares` become the effective sample size.
    """
    mask = batch.loss_mask
    with torch.no_grad():
        drift = torch.where(mask, inputs.logprobs - batch.sampler_logprobs, 0.0)
        weights = torch.where(mask, drift.clamp(max=LARGEST_DRIFT).exp(), 0.0)
        silenced = silenced_tokens(loss, inputs, clip)
        positive = silenced & (batch.advantages > 0)
        sums = {
            "clip_fraction": silenced,
            "clip_positive": positive,
            "clip_negative": silenced & ~positive,
            "sampler_kl": drift.expm1() - drift,
            "weights": weights,
            "squares": weights.square(),
        }
        shares = {name: float(value.sum()) / size.logged_tokens for name, value in sums.items()}
        return shares | {"ratio_max": float(log_ratio(inputs).exp().max())}


def summarise(outputs: Sequence[LossOutput], size: BatchSize) -> dict[str, float]:
    """Metrics of an update: shares add up, the largest ratio is the largest of all.

    `ess` is the effective sample size of the importance weights w = policy / sampler of the tokens,
    as a share of them: (sum w)^2 / (n sum w^2), 1 where all are equal (Kong 1992).
    """
    total = {
        name: _sum_or_max(name)(output.metrics[name] for output in outputs)
        for name in outputs[0].metrics
    }
    weights, squares = total.pop("weights"), total.pop("squares")
    total["ess"] = weights**2 / squares if squares else 0.0
    named = {f"train/{name}": value for name, value in total.items()}
    return named | {"train/tokens": float(size.logged_tokens)}


def padded_and_real(batch: Batch) -> tuple[int, int]:
    """Tokens of a micro-batch that are computed, and those of them that are games."""
    return batch.attention_mask.numel(), int(batch.attention_mask.sum())


def padding_metrics(sizes: Sequence[tuple[int, int]]) -> dict[str, float]:
    """The share of padding in the micro-batches of all processes.

    >>> padding_metrics([(8, 6), (12, 12)])
    {'train/padding_share': 0.1}
    """
    padded, real = (sum(counts) for counts in zip(*sizes, strict=True))
    return {"train/padding_share": (padded - real) / padded}


def over_updates(first: Mapping[str, float], last: Mapping[str, float]) -> dict[str, float]:
    """The metrics of a batch: its first update's, and how far the last one had moved."""
    return {**first, **{name: last[name] for name in OF_LAST_UPDATE}}


def _sum_or_max(name: str) -> Callable[[Iterable[float]], float]:
    return max if name == "ratio_max" else sum
