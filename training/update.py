"""One policy update: samples -> micro-batches -> loss -> gradient -> step.

Every micro-batch contributes its share of the loss over the whole batch, so how the batch is cut
changes memory and speed, never the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from peft import PeftModel
from torch import Tensor
from torch.optim import Optimizer
from transformers import PreTrainedModel

from wordle_rl.agents.device import autocast
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import Scores, score_tokens
from wordle_rl.config import TrainSection
from wordle_rl.records import Batch, LossInputs, LossOutput, Sample
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.algorithms import Parts
from wordle_rl.training.batch import collate, micro_batches
from wordle_rl.training.corrections import CorrectionInputs
from wordle_rl.training.kl import penalty_to_go
from wordle_rl.training.losses import Clip
from wordle_rl.training.optim import clip_gradients, take_step
from wordle_rl.training.processes import world
from wordle_rl.training.sharding import is_sharded, keep_pace
from wordle_rl.training.update_metrics import (
    over_updates,
    padded_and_real,
    padding_metrics,
    summarise,
    token_metrics,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Updater:
    """What stays the same from update to update."""

    agent: LanguageAgent
    optimizers: Sequence[Optimizer]
    parts: Parts
    settings: TrainSection
    temperature: float
    reference: PreTrainedModel | None
    """The starting model, for the KL term; with LoRA the trained model without its adapter."""
    take_step: Step
    """How the gradient moves the weights."""
    symbol_ids: Sequence[int] = ()
    """The tokens that a teacher's probabilities are of."""

    def __call__(
        self, samples: Sequence[Sample], *, games: int, rows: int, tokens: int | None = None
    ) -> dict[str, float]:
        """Train on one batch of games and return its `train/` metrics (`over_updates`).

        Args:
            samples: rows with a signal.
            games: games played in all, those of dropped groups included.
            rows: rows these games make.
            tokens: tokens sampled in these games; None for those of `samples`.
        """
        trained = sum(sum(sample.loss_mask) for sample in samples)
        size = BatchSize(
            games=games,
            rows=rows,
            tokens=trained if tokens is None else tokens,
            trained_tokens=trained,
            tokens_per_game=self.settings.tokens_per_row,
        )
        micros = list(micro_batches(world().share(samples), self.settings.micro_batch_tokens))
        behind = self._behind(len(micros))
        batches = [self._prepare(collate(m, self.agent.pad_id, self.agent.device)) for m in micros]
        for _ in range(behind):
            self._keep_pace()
        return self.take_step(self, batches, size)

    def parameters(self) -> list[Tensor]:
        """The weights that are trained."""
        return [p for p in self.agent.model.parameters() if p.requires_grad]

    def _prepare(self, batch: Batch) -> Batch:
        """Add what is computed once a batch, without gradient.

        With one update a batch the sampler's log-probabilities are the old ones: those of the local
        sampler are the trainer's own, and against another sampler's the ratio tells the difference.
        Later updates need the trainer's own arithmetic as the origin.
        """
        with torch.no_grad():
            if self.settings.updates_per_batch > 1:
                old, _ = self.logprobs(batch)
                batch = replace(batch, old_logprobs=old)
            if self.reference is not None:
                batch = replace(batch, ref_logprobs=self.reference_logprobs(batch))
        if self.parts.kl_placement == "reward" and self.parts.critic_advantage is None:
            batch = charge_divergence(batch, self.parts, self.settings.kl_coef or 0.0)
        return batch

    def _behind(self, micros: int) -> int:
        """How many micro-batches more another process has, where it waits for this one.

        Asked before the first of them: later the processes are not at the same place.
        """
        if not is_sharded(self.agent.model):
            return 0
        return max(world().together([micros])) - micros

    def _keep_pace(self) -> None:
        """Take part in what `_prepare` computes elsewhere."""
        with torch.no_grad():
            if self.settings.updates_per_batch > 1:
                keep_pace(self.agent.model)
            if self.reference is not None:
                keep_pace(self.reference)

    def logprobs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies of the policy now, both [B, T]."""
        return self._logprobs(self.agent.model, batch)

    def reference_logprobs(self, batch: Batch) -> Tensor:
        """Log-probabilities of the starting model, [B, T]."""
        assert self.reference is not None
        if isinstance(self.reference, PeftModel):
            with self.reference.disable_adapter():
                return self._logprobs(self.reference, batch)[0]
        return self._logprobs(self.reference, batch)[0]

    def _logprobs(self, model: PreTrainedModel, batch: Batch) -> tuple[Tensor, Tensor]:
        scores = self._scores(model, batch)
        return scores.logprobs, scores.entropy

    def _scores(
        self, model: PreTrainedModel, batch: Batch, teacher_probs: Tensor | None = None
    ) -> Scores:
        with autocast(self.agent.device, self.agent.compute_dtype):
            return score_tokens(
                model,
                batch.input_ids,
                batch.loss_mask,
                temperature=self.temperature,
                share_prompt=not is_sharded(model),
                teacher_probs=teacher_probs,
                symbol_ids=self.symbol_ids,
            )

    def loss(self, batch: Batch, size: BatchSize) -> LossOutput:
        """A micro-batch's share of the loss at the weights as they are."""
        scores = self._scores(self.agent.model, batch, batch.teacher_probs)
        output = policy_loss(batch, scores.logprobs, self.parts, self.settings, size)
        spread = float(scores.entropy.sum()) / size.logged_tokens
        output = replace(output, metrics={**output.metrics, "entropy": spread})
        if not self.settings.distill_coef:
            return output
        return distilled(output, batch, scores.expected, self.parts, self.settings, size)

    def accumulate(self, batches: Sequence[Batch], size: BatchSize) -> dict[str, float]:
        """Add the gradient of the whole batch to the weights' `grad`; `train/` metrics.

        Of several processes each has some of the rows; the sum is the same for all.
        """
        outputs: list[LossOutput] = []
        behind = self._behind(len(batches))
        for batch in batches:
            output = self.loss(batch, size)
            torch.autograd.backward(output.loss)
            outputs.append(replace(output, loss=output.loss.detach()))
        for _ in range(behind):
            keep_pace(self.agent.model)
        world().sum_gradients(self.parameters())
        sizes = world().together([padded_and_real(batch) for batch in batches])
        return summarise(world().together(outputs), size) | padding_metrics(sizes)


Step = Callable[[Updater, Sequence[Batch], BatchSize], dict[str, float]]
"""(updater, prepared micro-batches, whole batch) -> moves the weights, returns `train/` metrics."""


def gradient_steps(update: Updater, batches: Sequence[Batch], size: BatchSize) -> dict[str, float]:
    """`updates_per_batch` steps down the clipped gradient; returns what `over_updates` tells."""
    told = []
    for _ in range(update.settings.updates_per_batch):
        metrics = update.accumulate(batches, size)
        norm = clip_gradients(update.agent.model, update.settings.max_grad_norm)
        take_step(update.optimizers)
        told.append(metrics | {"train/grad_norm": norm})
    return over_updates(told[0], told[-1])


def charge_divergence(batch: Batch, parts: Parts, coef: float) -> Batch:
    """Take the divergence to the reference off the reward: each token's advantage falls by its own.

    Exact for advantages that are linear in the reward; where they are divided by a std, `coef`
    counts in units of it. A game whose context was rewritten is charged row by row.
    """
    if batch.ref_logprobs is None or not coef:
        return batch
    divergence = _divergence(batch, batch.old_logprobs, parts)
    penalty = penalty_to_go(divergence, batch.loss_mask, coef)
    return replace(batch, advantages=batch.advantages + penalty)


def policy_loss(
    batch: Batch, logprobs: Tensor, parts: Parts, settings: TrainSection, size: BatchSize
) -> LossOutput:
    """A micro-batch's share of the loss of the whole batch, and of its metrics.

    L = aggregate(w * loss(r, A)) + kl_coef * aggregate(KL(pi || ref)); the correction w weighs the
    policy term only. A divergence in the reward is in A already.
    """
    mask = batch.loss_mask
    inputs = LossInputs(
        logprobs=logprobs,
        old_logprobs=batch.old_logprobs,
        advantages=batch.advantages,
        loss_mask=mask,
        ref_logprobs=batch.ref_logprobs,
    )
    clip = Clip(low=settings.clip_low, high=settings.clip_high)
    weight = parts.correction(
        CorrectionInputs(
            logprobs=logprobs,
            old_logprobs=batch.old_logprobs,
            sampler_logprobs=batch.sampler_logprobs,
            advantages=batch.advantages,
            loss_mask=mask,
        )
    )
    loss = parts.aggregation(weight * parts.loss(inputs, clip), mask, size)
    metrics = {"policy_loss": float(loss.detach())}
    if batch.ref_logprobs is not None and settings.kl_coef:
        divergence = _divergence(batch, logprobs, parts)
        if parts.kl_placement == "loss":
            loss = loss + settings.kl_coef * parts.aggregation(divergence, mask, size)
        metrics["kl_ref"] = float(divergence.detach().sum()) / size.logged_tokens
    metrics |= {"loss": float(loss.detach())}
    metrics |= token_metrics(batch, inputs, parts.loss, clip, size)
    return LossOutput(loss=loss, metrics=metrics)


def distilled(
    output: LossOutput,
    batch: Batch,
    expected: Tensor,
    parts: Parts,
    settings: TrainSection,
    size: BatchSize,
) -> LossOutput:
    """The loss with distill_coef x aggregate(KL(teacher || policy)) added, and its mean logged.

    Args:
        output: of the policy loss.
        batch: with `teacher_probs`, or none of its rows has a teacher.
        expected: [B, T] sum over symbols of P_teacher x log p.
        parts: of the algorithm.
        settings: with `distill_coef`.
        size: of the whole batch.
    """
    if batch.teacher_probs is None:
        return replace(output, metrics={**output.metrics, "distillation": 0.0})
    noise = torch.special.entr(batch.teacher_probs).sum(-1)
    divergence = torch.where(batch.loss_mask, -expected - noise, 0.0)
    penalty = settings.distill_coef * parts.aggregation(divergence, batch.loss_mask, size)
    mean = float(divergence.detach().sum()) / size.logged_tokens
    return LossOutput(loss=output.loss + penalty, metrics={**output.metrics, "distillation": mean})


def _divergence(batch: Batch, logprobs: Tensor, parts: Parts) -> Tensor:
    """Per token, 0 outside the mask.

    Masked before the estimator and not after: a zero gradient times inf would be nan.
    """
    assert batch.ref_logprobs is not None
    mask = batch.loss_mask
    policy, reference, old = (
        torch.where(mask, values, 0.0)
        for values in (logprobs, batch.ref_logprobs, batch.old_logprobs)
    )
    return parts.kl(policy, reference, old)
