"""How the terms of tokens become one loss. Pure functions of [B, T] tensors, chosen by name.

An aggregation returns a micro-batch's share of the mean over the WHOLE batch, so the shares of any
split into micro-batches (or processes) add up to the same loss and the same gradient. A row without
trained tokens counts in the denominators: leaving games out must not raise the step size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.training.registry import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """What the whole optimiser batch holds; denominators come from here."""

    games: int
    """Games played, those of dropped groups included: dropping must not raise the step size."""
    rows: int
    """Rows these games make: one each, more where a chat template rewrites its history."""
    tokens: int
    """Sampled tokens of these games, those of dropped groups included."""
    tokens_per_game: float
    """The constant that stands for a game's length in `constant`."""
    trained_tokens: int | None = None
    """Tokens that have a loss, for means that are logged; None for all of `tokens`."""

    @property
    def logged_tokens(self) -> int:
        """What token metrics are a mean over."""
        return self.tokens if self.trained_tokens is None else self.trained_tokens


Aggregation = Callable[[Tensor, Tensor, BatchSize], Tensor]
"""(per-token loss, loss_mask, whole batch) -> this micro-batch's share of the loss, a scalar."""


def sequence_mean(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Mean over tokens of a row, then over rows: GRPO's literal form (weighs short rows up)."""
    lengths = mask.sum(1).clamp(min=1)
    return (kept(loss, mask).sum(1) / lengths).sum() / size.rows


def sequence_sum(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Sum over tokens of a row, mean over rows: log-probabilities of whole answers; LUSPO."""
    return kept(loss, mask).sum() / size.rows


def token_mean(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Mean over all tokens of the batch: DAPO (Yu et al. 2025, arXiv 2503.14476).

    TRL's `bnpo` takes this mean over each micro-batch, so its result depends on how a batch is cut;
    here it never does.
    """
    return kept(loss, mask).sum() / max(size.tokens, 1)


def constant(loss: Tensor, mask: Tensor, size: BatchSize) -> Tensor:
    """Sum over tokens divided by games x a constant length: Dr. GRPO, without length bias."""
    return kept(loss, mask).sum() / (size.games * size.tokens_per_game)


def kept(loss: Tensor, mask: Tensor) -> Tensor:
    """Zero outside the mask; a product would let inf and nan through."""
    return torch.where(mask, loss, 0.0)


AGGREGATIONS: Mapping[str, Aggregation] = {
    "sequence_mean": sequence_mean,
    "sequence_sum": sequence_sum,
    "token_mean": token_mean,
    "constant": constant,
}
FORMULAS: Mapping[str, str] = {
    "sequence_mean": "mean over tokens, then over rows",
    "sequence_sum": "sum over tokens, mean over rows",
    "token_mean": "mean over all tokens of the batch",
    "constant": "sum over tokens / (games x constant)",
}
"""What each computes, as one line."""


def resolve_aggregation(name: str) -> Aggregation:
    """The aggregation of a name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: there is none.
    """
    return resolve("aggregation", name, AGGREGATIONS)
