"""One update on pairs of answers: DPO, IPO and reward models differ in their score and their loss.

A score is one number an answer: how much likelier the policy finds it than the reference did, or
what a reward model says. The loss sees the scores of a whole batch, so its gradient by the scores
is computed first, and every micro-batch then backpropagates its own scores weighed by it. That is
exact (the chain rule), so how the batch is cut changes memory and speed, never the gradient; it
costs one more forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainSection
from wordle_rl.records import Batch
from wordle_rl.training.batch import collate, micro_batches
from wordle_rl.training.optim import clip_gradients, take_step
from wordle_rl.training.preference_rows import RankedRows, pair_indices

RowScore = Callable[[Batch], Tensor]
"""[B]: the score of every row; an answer of several rows has the sum of theirs."""
PairLoss = Callable[[Tensor, Tensor], Tensor]
"""(scores of the better answers, of the worse ones), [N] each -> [N]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairUpdater:
    """What stays the same from update to update."""

    agent: LanguageAgent
    """Whose tokens the rows are."""
    model: nn.Module
    """What is trained."""
    optimizers: Sequence[Optimizer]
    score: RowScore
    origin: RowScore | None = None
    """What scores are measured from, without gradient: the reference."""
    loss: PairLoss
    unit: float = 1.0
    """Rewards that are logged are scores times this: beta in DPO."""
    settings: TrainSection

    def __call__(self, ranked: Sequence[RankedRows]) -> dict[str, float]:
        """Train on the pairs of one batch; returns `train/` metrics of the first update."""
        better, worse = pair_indices(ranked)
        if not len(better):
            return {}
        batches = self.batches(ranked)
        answers = sum(len(r.rows_G) for r in ranked)
        origin = self._total(self.origin, batches, answers) if self.origin else None
        metrics: dict[str, float] = {}
        for _ in range(self.settings.updates_per_batch):
            scores = self._total(self.score, batches, answers)
            scores = scores if origin is None else scores - origin
            loss, weights = loss_gradient(scores, better, worse, self.loss)
            for batch, owner in batches:
                torch.autograd.backward((weights[owner] * self.score(batch)).sum())
            norm = clip_gradients(self.model, self.settings.max_grad_norm)
            take_step(self.optimizers)
            metrics = metrics or {
                "train/loss": loss,
                "train/grad_norm": norm,
                "train/pairs": float(len(better)),
                **pair_metrics(self.unit * scores[better], self.unit * scores[worse]),
            }
        return metrics

    def scores(self, ranked: Sequence[RankedRows]) -> Tensor:
        """The score of every answer, in order, without gradient."""
        return self._total(self.score, self.batches(ranked), sum(len(r.rows_G) for r in ranked))

    def batches(self, ranked: Sequence[RankedRows]) -> list[tuple[Batch, Tensor]]:
        """Micro-batches with the number of the answer that each row belongs to."""
        answers = [rows for answers in ranked for rows in answers.rows_G]
        owned = [(row, number) for number, rows in enumerate(answers) for row in rows]
        owned.sort(key=lambda pair: len(pair[0].token_ids))  # as `micro_batches` orders them
        owners = iter([number for _, number in owned])
        device = self.agent.device
        return [
            (
                collate(micro, self.agent.pad_id, device),
                torch.tensor(list(islice(owners, len(micro))), device=device),
            )
            for micro in micro_batches([row for row, _ in owned], self.settings.micro_batch_tokens)
        ]

    def _total(
        self, score: RowScore, batches: Sequence[tuple[Batch, Tensor]], answers: int
    ) -> Tensor:
        total = torch.zeros(answers, device=self.agent.device)
        with torch.no_grad():
            for batch, owner in batches:
                total.index_add_(0, owner, score(batch))
        return total


def loss_gradient(
    scores: Tensor, better: Tensor, worse: Tensor, loss: PairLoss
) -> tuple[float, Tensor]:
    """The mean loss over the pairs, and its gradient by the scores, [answers]."""
    leaf = scores.detach().requires_grad_(True)
    value = loss(leaf[better], leaf[worse]).mean()
    (gradient,) = torch.autograd.grad(value, leaf)
    return float(value.detach()), gradient


def accuracy(better: Tensor, worse: Tensor) -> Tensor:
    """[N]: 1 where the better answer has the higher score, a tie is half."""
    return (torch.sign(better - worse) + 1) / 2


def pair_metrics(better: Tensor, worse: Tensor) -> dict[str, float]:
    """How far apart the two sides are.

    `reward_better` below 0 in DPO says that the better answers lose probability too, only more
    slowly than the worse ones (likelihood displacement, Razin et al. 2024, arXiv 2410.08847).
    """
    return {
        "train/pair_accuracy": float(accuracy(better, worse).mean()),
        "train/reward_margin": float((better - worse).mean()),
        "train/reward_better": float(better.mean()),
        "train/reward_worse": float(worse.mean()),
    }
