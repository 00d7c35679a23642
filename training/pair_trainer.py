"""The loop of the methods that learn from pairs: take pairs, update, validate, save.

A step's pairs come from a file or from games the policy just played (`pair_source`), its loss is
one of `pair_methods`. What a run leaves behind, and how it is resumed to the same numbers, is as in
`trainer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel

from wordle_rl.agents.device import autocast
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.config import TrainConfig
from wordle_rl.records import Batch, Outcome, StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.training.checkpoint import NOTHING
from wordle_rl.training.collapse import collapse_warning
from wordle_rl.training.game_files import write_games
from wordle_rl.training.games import Past
from wordle_rl.training.hard_tasks import task_results
from wordle_rl.training.keeper import Keeper, best_step
from wordle_rl.training.learner import frozen_reference
from wordle_rl.training.optim import policy_optimizers, set_lr, warmup_decay
from wordle_rl.training.pair_methods import pair_loss
from wordle_rl.training.pair_source import Source, source_of
from wordle_rl.training.pair_update import PairUpdater, RowScore
from wordle_rl.training.scoring import WeightedScorer
from wordle_rl.training.trainer import Clock, Display, due
from wordle_rl.training.validation import Validate

Best = Callable[[Sequence[Mapping[str, float]]], int | None]
"""History -> the step whose checkpoint is the best."""
Measure = Callable[[], dict[str, float]]
"""Plays or scores what is held out; returns `eval/` metrics."""


def train_on_pairs(
    agent: LanguageAgent,
    config: TrainConfig,
    run: RunDir,
    *,
    display: Display,
    validate: Validate | None = None,
    scorers: Sequence[WeightedScorer] = (),
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train a policy by DPO or IPO; the agent as it is now is the reference.

    Args:
        agent: the policy, trained in place.
        config: complete settings (`pair_methods.complete_pairs`).
        run: where metrics, games and checkpoints go.
        display: sees every record.
        validate: plays the validation secrets.
        scorers: where games are played, what decides between them instead of their outcome.
        interrupted: asked after every step; true saves and returns.
    """
    temperature = config.rollout.temperature
    if temperature is None:
        raise ValueError("settings are incomplete: call complete_pairs first")
    update = PairUpdater(
        agent=agent,
        model=agent.model,
        optimizers=policy_optimizers(agent.model, config.train.optimizer, config.train.lr),
        score=policy_score(agent, temperature),
        origin=reference_score(agent, frozen_reference(agent.model), temperature),
        loss=pair_loss(config),
        unit=config.preference.beta,
        settings=config.train,
    )
    return pair_loop(
        update,
        source_of(agent, config, scorers),
        config,
        run,
        display=display,
        measure=None if validate is None else lambda: validate(agent),
        best=best_step,
        interrupted=interrupted,
    )


def pair_loop(
    update: PairUpdater,
    source: Source,
    config: TrainConfig,
    run: RunDir,
    *,
    display: Display,
    measure: Measure | None,
    best: Best,
    interrupted: Callable[[], bool],
    modules: Mapping[str, nn.Module] = NOTHING,
) -> Outcome:
    """Learn from a source until the last step, or go on with what the run folder holds.

    Args:
        update: what learns.
        source: the material of a step.
        config: complete settings.
        run: where metrics, games and checkpoints go.
        display: sees every record.
        measure: the `eval/` metrics of what is held out.
        best: which of the measured steps is the best.
        interrupted: asked after every step; true saves and returns.
        modules: what is trained beside the model (`Keeper.modules`).
    """
    keeper = Keeper(
        run=run,
        model=update.agent.model,
        tokenizer=update.agent.tokenizer,
        optimizers=update.optimizers,
        keep=config.save.keep_checkpoints,
        modules=modules,
    )
    start = keeper.resume()
    history: list[Mapping[str, float]] = list(run.records())
    results = list(run.played())
    train = config.train
    for step in range(start, train.steps):
        done, last = step + 1, step + 1 == train.steps
        clock = Clock(display)
        material = source(step, Past(metrics=history, played=results), clock.phase)
        clock.phase("updating")
        schedule = warmup_decay(
            step, train.steps, warmup=train.warmup_steps, decay_from=train.decay_from
        )
        set_lr(update.optimizers, schedule)
        metrics = {**material.metrics, "train/lr": train.lr * schedule, **update(material.ranked)}
        if measure is not None and due(done, config.eval.every_steps, last):
            clock.phase("validating")
            metrics |= measure()

        record = StepRecord(step=done, metrics={**metrics, **clock.times()})
        run.log(record)
        history.append({"step": done, **record.metrics})
        display.step(record)
        if (warning := collapse_warning(history)) is not None:
            display.warn(warning)
        if material.groups:
            results.append(task_results(material.groups))
            run.log_tasks(done, results[-1])
            display.game(material.groups[0].episodes[0])
            if due(done, config.save.games_every_steps, last):
                write_games(run.episodes, done, material.groups, limit=16)
        chosen, stop = best(history), interrupted()
        if stop or chosen == done or due(done, config.save.checkpoint_every_steps, last):
            keeper.save(done, chosen)
        if stop and not last:
            return Outcome(step=done, finished=False)
    return Outcome(step=train.steps, finished=True)


def policy_score(agent: LanguageAgent, temperature: float) -> RowScore:
    """Log pi of what was said in a row: the sum over sampled tokens, nats."""

    def score(batch: Batch) -> Tensor:
        return _said(agent, agent.model, batch, temperature)

    return score


def reference_score(
    agent: LanguageAgent, reference: PreTrainedModel, temperature: float
) -> RowScore:
    """The same of the model that training started from (`learner.frozen_reference`)."""

    def score(batch: Batch) -> Tensor:
        if not isinstance(reference, PeftModel):
            return _said(agent, reference, batch, temperature)
        with reference.disable_adapter():
            return _said(agent, reference, batch, temperature)

    return score


def _said(agent: LanguageAgent, model: PreTrainedModel, batch: Batch, temperature: float) -> Tensor:
    with autocast(agent.device, agent.compute_dtype):
        logprobs, _ = token_logprobs(
            model, batch.input_ids, batch.loss_mask, temperature=temperature
        )
    return logprobs.sum(1)
