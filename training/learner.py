"""What a step learns: played games -> advantages -> rows -> one update of the policy."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from peft import PeftModel
from torch import nn
from torch.optim import Optimizer
from transformers import PreTrainedModel

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup
from wordle_rl.training.algorithm_table import StepName
from wordle_rl.training.algorithms import chosen_algorithm, parts_of
from wordle_rl.training.assignment import Assigned, assign
from wordle_rl.training.batch import symbol_ids
from wordle_rl.training.credit import moving_average
from wordle_rl.training.critic import Critic, new_critic
from wordle_rl.training.judgement import judge_games
from wordle_rl.training.kl import steered
from wordle_rl.training.optim import policy_optimizers, set_lr, warmup_decay
from wordle_rl.training.sampling import Played
from wordle_rl.training.sharding import shard
from wordle_rl.training.trpo import trust_region
from wordle_rl.training.tutors import Said, taught
from wordle_rl.training.update import Step, Updater, gradient_steps

History = Sequence[Mapping[str, float]]
"""The records of earlier steps."""

STEPS: Mapping[StepName, Step] = {"gradient": gradient_steps, "trust_region": trust_region}


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
    update: Updater
    critic: Critic | None
    greedy: bool
    """Whether it needs a greedy game of every task."""
    said: Said | None = None
    """Reads answers for the teacher; None where there is none."""

    @property
    def optimizers(self) -> list[Optimizer]:
        """Of the policy and the critic."""
        critic = [] if self.critic is None else [self.critic.optimizer]
        return [*self.update.optimizers, *critic]

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What is trained beside the policy, by name."""
        return {} if self.critic is None else {"critic": self.critic.net}

    def learn(self, played: Played, step: int, history: History) -> Lesson:
        """Update the policy, and the critic where there is one, on the games of a step.

        Args:
            played: the games.
            step: 0 for the first.
            history: the records of earlier steps.
        """
        factor = self._schedule(step)
        metrics = {"train/lr": self.config.train.lr * factor}
        update = self._steered(history, factor)
        if self.said is not None:
            groups = taught(played.groups, self.config.train.teacher, self.said)
            played = replace(played, groups=groups)
        if update.reference is not None:
            metrics["train/kl_coef"] = update.settings.kl_coef or 0.0
        if self.critic is None:
            assigned = self._assign(played, step, history)
            return Lesson(
                metrics=metrics | _updated(update, assigned, played.groups),
                advantages_PG=assigned.advantages_PG,
            )
        judged = judge_games(played.groups, update, self.critic, step=step)
        if judged is None:
            return Lesson(
                metrics=metrics, advantages_PG=[[0.0] * len(g.episodes) for g in played.groups]
            )
        metrics |= _updated(update, judged.assigned, played.groups)
        metrics |= self.critic.fit(judged.features, judged.targets)
        return Lesson(metrics=metrics, advantages_PG=judged.assigned.advantages_PG)

    def _schedule(self, step: int) -> float:
        """Set the learning rates of a step; the share of the full rate."""
        train = self.config.train
        factor = warmup_decay(
            step, train.steps, warmup=train.warmup_steps, decay_from=train.decay_from
        )
        set_lr(self.optimizers, factor)
        return factor

    def _steered(self, history: History, factor: float) -> Updater:
        """The updater with what changes from step to step.

        The length of a trust-region step goes with the root of its KL, and is scheduled like a
        learning rate. The weight of the KL term is the one that its last measurement asks for.
        """
        settings = self.config.train
        changed = {"max_kl": settings.max_kl * factor**2}
        measured = [record for record in history if "train/kl_ref" in record]
        if settings.kl_target is not None and measured:
            last = measured[-1]
            changed["kl_coef"] = steered(
                last["train/kl_coef"], last["train/kl_ref"], settings.kl_target
            )
        return replace(self.update, settings=settings.model_copy(update=changed))

    def _assign(self, played: Played, step: int, history: History) -> Assigned:
        return assign(
            played.groups,
            self.update.parts,
            self.config,
            step,
            baseline=moving_average(record["rollout/reward"] for record in history),
            greedy_returns=played.greedy_returns,
        )


def _updated(
    update: Updater, assigned: Assigned, groups: Sequence[EpisodeGroup]
) -> dict[str, float]:
    """Train on the rows of a step; nothing where no row has a signal."""
    # A group whose games are all worth the same is dropped, unless another term reads it too.
    everything = update.reference is not None or update.settings.distill_coef > 0
    kept = [
        sample
        for samples in assigned.samples_P
        if everything or any(any(sample.advantages) for sample in samples)
        for sample in samples
    ]
    if not kept:
        return {}
    rows = [sample for samples in assigned.samples_P for sample in samples]
    games = sum(len(group.episodes) for group in groups)
    tokens = sum(sum(row.loss_mask) for row in rows)
    return update(kept, games=games, rows=len(rows), tokens=tokens)


def new_learner(agent: LanguageAgent, config: TrainConfig) -> Learner:
    """The learner that the settings describe; the agent as it is now is the reference.

    Raises:
        ValueError: settings are incomplete (`algorithms.fill_defaults`).
    """
    if config.rollout.temperature is None or config.train.kl_coef is None:
        raise ValueError("settings are incomplete: call fill_defaults first")
    algorithm = chosen_algorithm(config.train)
    parts = parts_of(algorithm)
    reference = frozen_reference(agent.model) if config.train.kl_coef else None
    if config.train.shard:
        copied = reference is not None and reference is not agent.model
        agent.model = shard(agent.model)
        reference = shard(reference) if reference is not None and copied else reference
    update = Updater(
        agent=agent,
        optimizers=policy_optimizers(agent.model, config.train.optimizer, config.train.lr),
        parts=parts,
        settings=config.train,
        temperature=config.rollout.temperature,
        reference=reference,
        take_step=STEPS[algorithm.step],
        symbol_ids=symbol_ids(agent.chat, agent.stop_ids[0]),
    )
    size = agent.model.config.get_text_config().hidden_size
    return Learner(
        config=config,
        update=update,
        critic=new_critic(size, config.train, agent.device) if parts.critic_advantage else None,
        greedy=algorithm.greedy_game,
        said=_reader(agent) if config.train.distill_coef else None,
    )


def _reader(agent: LanguageAgent) -> Said:
    """Reads what the agent samples, for a teacher.

    Raises:
        ConfigError: its answers are not one token a symbol.
    """
    ids = symbol_ids(agent.chat, agent.stop_ids[0])
    if not ids:
        raise ConfigError(
            "setting train.distill_coef: a teacher speaks letter by letter, and the tokens of "
            f"{agent.name!r} are longer: set it to 0, or train a model over bytes"
        )
    return Said({token: symbol for symbol, token in enumerate(ids)})


def frozen_reference(model: PreTrainedModel) -> PreTrainedModel:
    """The model as it is now; with LoRA no copy is needed, its adapter is switched off instead."""
    if isinstance(model, PeftModel):
        return model
    return copy.deepcopy(model).requires_grad_(False)
