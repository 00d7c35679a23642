"""Trust-region policy optimisation: TRPO (Schulman et al. 2015, arXiv 1502.05477).

One step a batch: the gradient g of the surrogate E[r A], the direction x with (F + damping I) x = g
by conjugate gradients, its length such that the quadratic model has mean KL `max_kl`, then a line
search that really evaluates surrogate and KL. If no step is good the weights stay as they are.

Departures: the surrogate counts tokens as the algorithm's aggregation says; the Fisher matrix and
the KL(old, new) are means over the tokens of evenly chosen rows (the paper subsamples too), with
the whole distribution over the vocabulary, of a few tokens at a time: what is kept is what the head
reads. The Fisher product differentiates twice and so runs in float32 with plain attention. Neither
learning rate nor gradient clipping plays a part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from wordle_rl.agents.attention import differentiable_twice
from wordle_rl.agents.halves import plain
from wordle_rl.agents.logprobs import distributions, logit_parts, token_hidden
from wordle_rl.records import Batch
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.conjugate_gradient import (
    States,
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
        product = fisher_product(
            divergence.states(), weights, damping=update.settings.fisher_damping
        )
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
    """The mean KL(old, new) over the trained tokens of some batches; old is the policy at first.

    Of the old policy hidden states and the head are kept: its distributions are made of them.
    """

    def __init__(self, update: Updater, batches: Sequence[Batch]) -> None:
        self._update = update
        self._batches = [batch for batch in batches if batch.loss_mask.any()]
        self._tokens = sum(int(batch.loss_mask.sum()) for batch in self._batches)
        head: nn.Module = plain(update.agent.model).get_output_embeddings()  # type: ignore[no-untyped-call]
        trained = [p for p in head.parameters() if p.requires_grad]
        self._head = [(p, p.detach().clone()) for p in trained]
        with torch.no_grad():
            self._old = [self._hidden(batch) for batch in self._batches]

    def states(self) -> list[States]:
        """As they are now, for the Fisher product."""
        found = []
        for batch, old in zip(self._batches, self._old, strict=True):
            hidden = self._hidden(batch)
            kl = partial(self._kl, old)
            found.append(States(hidden=hidden, parts=self._parts(hidden), kl=kl))
        return found

    @torch.no_grad()
    def measured(self) -> float:
        """At the weights as they are now."""
        total = 0.0
        for batch, old in zip(self._batches, self._old, strict=True):
            hidden = self._hidden(batch)
            total += sum(float(self._kl(old, hidden[p], p)) for p in self._parts(hidden))
        return total

    def _hidden(self, batch: Batch) -> Tensor:
        return token_hidden(self._update.agent.model, batch.input_ids, batch.loss_mask)

    def _parts(self, hidden: Tensor) -> list[slice]:
        vocabulary = self._update.agent.model.config.get_text_config().vocab_size
        return logit_parts(len(hidden), vocabulary)

    def _kl(self, old: Tensor, hidden: Tensor, part: slice) -> Tensor:
        """The share of some tokens in the mean."""
        model, temperature = self._update.agent.model, self._update.temperature
        with torch.no_grad(), self._old_head():
            before = distributions(model, old[part], temperature)
        terms = before.exp() * (before - distributions(model, hidden, temperature))
        # A token that can not be sampled has probability 0: 0 x inf would be nan.
        return torch.where(before.isfinite(), terms, 0.0).sum() / self._tokens

    @contextmanager
    def _old_head(self) -> Iterator[None]:
        """The head as it was at first."""
        now = [parameter.data for parameter, _ in self._head]
        for parameter, before in self._head:
            parameter.data = before
        try:
            yield
        finally:
            for (parameter, _), data in zip(self._head, now, strict=True):
                parameter.data = data


def _thinned(batch: Batch, batches: Sequence[Batch]) -> Batch:
    """Every n-th row of a micro-batch, so that all of them have `FISHER_TOKENS` together."""
    tokens = sum(b.input_ids.numel() for b in batches)
    every = max(1, -(-tokens // FISHER_TOKENS))
    chosen = torch.arange(len(batch.input_ids), device=batch.input_ids.device) % every == 0
    mask = batch.loss_mask & chosen[:, None]
    return replace(batch, input_ids=batch.input_ids[chosen], loss_mask=mask[chosen])


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
