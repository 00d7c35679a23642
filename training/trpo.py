"""Trust-region policy optimisation: TRPO (Schulman et al. 2015, arXiv 1502.05477).

One step a batch: the gradient g of the surrogate E[r A], the direction x with (F + damping I) x = g
by conjugate gradients, its length such that the quadratic model has mean KL `max_kl`, then a line
search that really evaluates surrogate and KL. If no step is good the weights stay as they are.

Departures: the surrogate counts tokens as the algorithm's aggregation says; the Fisher matrix and
the KL(old, new) are means over the tokens of evenly chosen rows (the paper subsamples too), with
the whole distribution over the vocabulary. The Fisher product differentiates twice and so runs in
float32 with plain attention. Neither learning rate nor gradient clipping plays a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from wordle_rl.agents.attention import differentiable_twice
from wordle_rl.agents.logprobs import token_distributions
from wordle_rl.records import Batch
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.conjugate_gradient import (
    conjugate_gradient,
    fisher_product,
    line_search,
    trust_region_step,
)
from wordle_rl.training.update import Updater

FISHER_TOKENS = 2048
"""Padded tokens of the rows that stand for all in the Fisher matrix and the KL."""
CG_STEPS = 10


def trust_region(update: Updater, batches: Sequence[Batch], size: BatchSize) -> dict[str, float]:
    """One step; metrics of the weights before it, how far it went and what part of the full step.

    `train/step_fraction` is 0 where the line search failed and nothing was changed.
    """
    weights = update.parameters()
    metrics = update.accumulate(batches, size)
    ascent = -torch.cat([_gradient(weight).reshape(-1) for weight in weights])
    update.agent.model.zero_grad(set_to_none=True)
    with differentiable_twice(update.agent.model):
        divergence = Divergence(update, [_thinned(batch, batches) for batch in batches])
        product = fisher_product(divergence, weights, damping=update.settings.fisher_damping)
        direction = conjugate_gradient(product, ascent, max_steps=CG_STEPS)
        step = trust_region_step(product, direction, update.settings.max_kl)
    del product  # and with it the graph

    def evaluate() -> tuple[float, float]:
        return -sum(float(update.loss(b, size).loss) for b in batches), divergence.measured()

    search = line_search(weights, step, evaluate, max_kl=update.settings.max_kl)
    return metrics | {
        "train/grad_norm": float(ascent.norm()),
        "train/step_kl": divergence.measured(),
        "train/step_fraction": search.fraction,
    }


class Divergence:
    """The mean KL(old, new) over the trained tokens of some batches; old is the policy at first."""

    def __init__(self, update: Updater, batches: Sequence[Batch]) -> None:
        self._update = update
        self._batches = [batch for batch in batches if batch.loss_mask.any()]
        with torch.no_grad():
            self._old = [self._distributions(batch) for batch in self._batches]

    def __call__(self) -> Tensor:
        """At the weights as they are now; differentiable."""
        total = torch.zeros((), device=self._update.agent.device)
        for batch, old in zip(self._batches, self._old, strict=True):
            terms = old.exp() * (old - self._distributions(batch))
            # A token that can not be sampled has probability 0: 0 x inf would be nan.
            total = total + torch.where(old.isfinite(), terms, 0.0).sum()
        return total / sum(len(old) for old in self._old)

    @torch.no_grad()
    def measured(self) -> float:
        """At the weights as they are now."""
        return float(self())

    def _distributions(self, batch: Batch) -> Tensor:
        update = self._update
        return token_distributions(
            update.agent.model, batch.input_ids, batch.loss_mask, temperature=update.temperature
        )


def _thinned(batch: Batch, batches: Sequence[Batch]) -> Batch:
    """Every n-th row of a micro-batch, so that all of them have `FISHER_TOKENS` together."""
    tokens = sum(b.input_ids.numel() for b in batches)
    every = max(1, -(-tokens // FISHER_TOKENS))
    chosen = torch.arange(len(batch.input_ids), device=batch.input_ids.device) % every == 0
    mask = batch.loss_mask & chosen[:, None]
    return replace(batch, input_ids=batch.input_ids[chosen], loss_mask=mask[chosen])


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
