"""The average of the weights that training passes through: what is validated, saved and played.

A policy at a constant learning rate swings around what it has learned; the average of its last
weights has swung out (Polyak & Juditsky 1992; as an exponential moving average, Tarvainen &
Valpola 2017, arXiv 1703.01780). The weights in training go on as if nobody averaged them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import nn
from transformers import PreTrainedModel


@dataclass(slots=True, kw_only=True)
class WeightAverage:
    """An exponential moving average of a model's trained weights; of none with `decay` 0."""

    model: PreTrainedModel
    decay: float
    """What a step keeps of the average: 0.9 looks back over about ten steps."""
    _others: list[nn.Parameter] = field(init=False)
    """The average, or while that is in place the weights in training."""

    def __post_init__(self) -> None:
        self._others = [
            nn.Parameter(p.detach().clone(), requires_grad=False) for p in self._trained()
        ]

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What a checkpoint written with the average in place has to hold beside it."""
        return {"in_training": nn.ParameterList(self._others)} if self._others else {}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Take in the weights as a step has left them.

        Args:
            step: 1 after the first. Early steps keep less, at most step / (step + 9), so that the
                weights that the run began with are soon forgotten.
        """
        kept = min(self.decay, step / (step + 9))
        for mean, now in zip(self._others, self._trained(), strict=True):
            mean.lerp_(now, 1 - kept)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the model be the average for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the average and the weights in training."""
        for other, held in zip(self._others, self._trained(), strict=True):
            before = held.clone()
            held.copy_(other)
            other.copy_(before)

    def _trained(self) -> list[nn.Parameter]:
        return [p for p in self.model.parameters() if p.requires_grad] if self.decay else []
