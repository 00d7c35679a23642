"""What a step learns: played games -> advantages -> rows -> one update of the policy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from peft import PeftModel
from torch.optim import Optimizer
from transformers import PreTrainedModel

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.algorithms import Parts, find_algorithm, parts_of
from wordle_rl.training.assignment import group_samples, step_advantages
from wordle_rl.training.credit import moving_average
from wordle_rl.training.optim import adamw, set_lr, warmup_decay
from wordle_rl.training.update import Updater


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What came of a step's games."""

    metrics: Mapping[str, float]
    """`train/` numbers."""
    advantages_PG: Sequence[Sequence[float]]
    """The mean advantage of each game, by group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """What stays the same from step to step."""

    config: TrainConfig
    parts: Parts
    update: Updater
    optimizers: Sequence[Optimizer]

    def learn(
        self, groups: Sequence[EpisodeGroup], step: int, history: Sequence[Mapping[str, float]]
    ) -> Lesson:
        """Update the policy on the games of a step.

        Args:
            groups: what was played.
            step: 0 for the first.
            history: the records of earlier steps.
        """
        train = self.config.train
        baseline = moving_average(record["rollout/reward"] for record in history)
        advantages_PGK = step_advantages(groups, self.parts, self.config, step, baseline=baseline)
        samples_P = [group_samples(*pair) for pair in zip(groups, advantages_PGK, strict=True)]
        # A group whose games are all worth the same is dropped, unless a KL term reads it too.
        kept = [
            sample
            for advantages, samples in zip(advantages_PGK, samples_P, strict=True)
            if any(map(any, advantages)) or self.update.reference is not None
            for sample in samples
        ]
        schedule = warmup_decay(
            step, train.steps, warmup=train.warmup_steps, decay_from=train.decay_from
        )
        set_lr(self.optimizers, schedule)
        metrics = {"train/lr": train.lr * schedule}
        if kept:
            rows = [sample for samples in samples_P for sample in samples]
            games = sum(len(group.episodes) for group in groups)
            tokens = sum(sum(row.loss_mask) for row in rows)
            metrics |= self.update(kept, games=games, rows=len(rows), tokens=tokens)
        advantages_PG = [[_mean(game) for game in group] for group in advantages_PGK]
        return Lesson(metrics=metrics, advantages_PG=advantages_PG)


def new_learner(agent: LanguageAgent, config: TrainConfig) -> Learner:
    """The learner that the settings describe; the agent as it is now is the reference.

    Raises:
        ValueError: settings are incomplete (`algorithms.fill_defaults`).
    """
    if config.rollout.temperature is None or config.train.kl_coef is None:
        raise ValueError("settings are incomplete: call fill_defaults first")
    parts = parts_of(find_algorithm(config.train.algo))
    optimizer = adamw([p for p in agent.model.parameters() if p.requires_grad], config.train.lr)
    update = Updater(
        agent=agent,
        optimizer=optimizer,
        parts=parts,
        settings=config.train,
        temperature=config.rollout.temperature,
        reference=frozen_reference(agent.model) if config.train.kl_coef else None,
    )
    return Learner(config=config, parts=parts, update=update, optimizers=[optimizer])


def frozen_reference(model: PreTrainedModel) -> PreTrainedModel:
    """The model as it is now; with LoRA no copy is needed, its adapter is switched off instead."""
    if isinstance(model, PeftModel):
        return model
    return copy.deepcopy(model).requires_grad_(False)


def _mean(values: Sequence[float]) -> float:
    """The mean, exact where all are equal."""
    if not values or min(values) == max(values):
        return values[0] if values else 0.0
    return sum(values) / len(values)
