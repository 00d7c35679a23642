"""A critic: what the rest of a game is expected to earn, before each token that was sampled.

A small network on what the policy's own head reads (`token_features`), without gradient into the
policy. So the critic costs one forward pass without gradient, its steps touch only cached features,
it needs no memory to speak of beside a large model or its adapter, and it takes nothing from the
policy: neither a loss coefficient nor a share of its gradient norm. The price is that it sees only
what the policy has learned to see. Its last layer starts at zero: before it has learned anything,
advantages are returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from wordle_rl.agents.device import autocast
from wordle_rl.agents.logprobs import token_features
from wordle_rl.config import TrainSection
from wordle_rl.records import Batch, Sample
from wordle_rl.training.batch import collate, micro_batches
from wordle_rl.training.gae import explained_variance, value_loss
from wordle_rl.training.optim import adamw
from wordle_rl.training.update import Updater

WIDEST = 256
"""Units of the hidden layer, fewer for a narrower policy."""


class ValueNet(nn.Module):
    """Features [N, H] -> values [N]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        hidden = min(size, WIDEST)
        self.layers = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, hidden), nn.Tanh(), nn.Linear(hidden, 1)
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, features: Tensor) -> Tensor:
        """One value a row."""
        values: Tensor = self.layers(features).squeeze(-1)
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Critic:
    """The network, and how it learns."""

    net: ValueNet
    optimizer: Optimizer
    updates: int
    clip: float

    @torch.no_grad()
    def values(self, features: Tensor) -> Tensor:
        """[N] from features [N, H]."""
        values: Tensor = self.net(features)
        return values

    def fit(self, features: Tensor, targets: Tensor) -> dict[str, float]:
        """Learn the targets [N]; `train/` metrics of the critic as it was before.

        A value that has moved by `clip` towards its target is pulled no further (`value_loss`).
        """
        before = self.values(features)
        losses = []
        for _ in range(self.updates):
            loss = value_loss(self.net(features), before, targets, self.clip).mean()
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimizer.step()
            losses.append(float(loss.detach()))
        self.optimizer.zero_grad(set_to_none=True)
        everywhere = torch.ones_like(targets, dtype=torch.bool)
        metrics = {
            "train/value_loss": losses[0],
            "train/value_mean": float(before.mean()),
            "train/explained_variance": explained_variance(before, targets, everywhere),
        }
        # No variance to explain where every game earned the same: nothing is logged, not nan.
        return {name: value for name, value in metrics.items() if value == value}


def new_critic(size: int, settings: TrainSection, device: torch.device) -> Critic:
    """A critic for features of `size`; its weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        net = ValueNet(size)
    nn.Module.to(net, device)
    return Critic(
        net=net,
        optimizer=adamw(net.parameters(), settings.critic_lr),
        updates=settings.critic_updates,
        clip=settings.value_clip,
    )


def sampled_features(update: Updater, rows: Sequence[Sample]) -> Tensor:
    """What the policy saw before each sampled token, [N, H], row after row."""
    agent = update.agent

    @torch.no_grad()
    def of(batch: Batch) -> Tensor:
        with autocast(agent.device, agent.compute_dtype):
            return token_features(agent.model, batch.input_ids, batch.loss_mask)

    return _by_row(update, rows, of)


def sampled_penalties(update: Updater, rows: Sequence[Sample], coef: float) -> Tensor:
    """What each sampled token is charged for leaving the reference: coef x KL estimate, [N]."""

    @torch.no_grad()
    def of(batch: Batch) -> Tensor:
        mask, old = batch.loss_mask, batch.old_logprobs
        reference = update.reference_logprobs(batch)
        return coef * update.parts.kl(old[mask], reference[mask], old[mask])

    return _by_row(update, rows, of)


def _by_row(update: Updater, rows: Sequence[Sample], of: Callable[[Batch], Tensor]) -> Tensor:
    """`of` micro-batches, [tokens, ...] each, put together in the order of the rows."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].token_ids))
    found: dict[int, Tensor] = {}
    for micro in micro_batches([rows[i] for i in order], update.settings.micro_batch_tokens):
        batch = collate(micro, update.agent.pad_id, update.agent.device)
        pieces = torch.split(of(batch), [sum(row.loss_mask) for row in micro])
        found |= zip(order[len(found) :], pieces, strict=False)
    return torch.cat([found[i] for i in range(len(rows))])
