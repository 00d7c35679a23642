"""Imitation: cross-entropy on a teacher's answers, everything else masked.

One update: play `games_per_step` teacher games, render them as the conversations the student will
see, average the cross-entropy over all trained tokens of the update, step. Where the teacher's
distribution over the next letter is known, that is the target, else the letter it said. The games
of an update are a function of (seed, step), so a resumed run sees what the unbroken one would have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from transformers import PreTrainedModel

from wordle_rl.agents.chat import ChatRenderer
from wordle_rl.agents.device import autocast, compiled
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import score_tokens
from wordle_rl.config import PretrainConfig
from wordle_rl.records import Outcome, Sample, StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.seeding import generator
from wordle_rl.training.batch import (
    build_samples,
    collate,
    demonstration_turns,
    micro_batches,
    symbol_ids,
)
from wordle_rl.training.keeper import Keeper, best_step
from wordle_rl.training.optim import (
    clip_gradients,
    muon_and_adamw,
    set_lr,
    take_step,
    warmup_decay,
)
from wordle_rl.training.teachers import Teacher, find_teacher
from wordle_rl.training.validation import Validate

OnStep = Callable[[StepRecord], None]


def pretrain(
    agent: LanguageAgent,
    config: PretrainConfig,
    run: RunDir,
    *,
    teacher: Teacher | None = None,
    validate: Validate | None = None,
    on_step: OnStep | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train `agent` in place; goes on from the run's newest checkpoint where there is one.

    Args:
        agent: the student.
        config: settings; the run folder holds a copy.
        run: where metrics and checkpoints go.
        teacher: whose games; by default the teacher of the game that the settings name.
        validate: plays the validation secrets; returns `eval/` metrics.
        on_step: sees every record as it is logged.
        interrupted: asked after every step; true saves and returns.
    """
    teacher = teacher or find_teacher(config, agent.style)
    optimizers = muon_and_adamw(agent.model, muon_lr=config.muon_lr, adamw_lr=config.adamw_lr)
    keeper = Keeper(
        run=run,
        model=agent.model,
        tokenizer=agent.tokenizer,
        optimizers=optimizers,
        keep=config.keep_checkpoints,
    )
    start = keeper.resume()
    student = compiled(agent.model) if config.compile else agent.model
    history: list[Mapping[str, float]] = list(run.records())
    for step in range(start, config.steps):
        began = time.perf_counter()
        samples = teacher_samples(agent.chat, teacher, agent.stop_ids[0], config, step)
        set_lr(
            optimizers,
            warmup_decay(
                step, config.steps, warmup=config.warmup_steps, decay_from=config.decay_from
            ),
        )
        losses = backward(agent, student, samples, config)
        norm = clip_gradients(agent.model, config.max_grad_norm)
        take_step(optimizers)

        done = step + 1
        metrics = losses | {
            "train/grad_norm": norm,
            "train/games": float(done * config.games_per_step),
            "time/step_s": time.perf_counter() - began,
        }
        due = config.eval_every_steps and done % config.eval_every_steps == 0
        if validate is not None and (due or done == config.steps):
            metrics |= validate(agent)
        record = StepRecord(step=done, metrics=metrics)
        run.log(record)
        if on_step is not None:
            on_step(record)
        history.append({"step": done, **metrics})

        best = best_step(history)
        stop = interrupted()
        save_due = done % config.checkpoint_every_steps == 0 or done == config.steps
        if stop or save_due or best == done:
            keeper.save(done, best)
        if stop and done < config.steps:
            return Outcome(step=done, finished=False)
    return Outcome(step=config.steps, finished=True)


def teacher_samples(
    chat: ChatRenderer, teacher: Teacher, stop_id: int, config: PretrainConfig, step: int
) -> list[Sample]:
    """The training rows of one update."""
    rng = generator(config.seed, "pretrain", step)
    return [
        sample
        for game in teacher.demonstrations(rng, config.games_per_step)
        for sample in build_samples(demonstration_turns(chat, game, stop_id))
        if any(sample.loss_mask)
    ]


def backward(
    agent: LanguageAgent, model: PreTrainedModel, samples: list[Sample], config: PretrainConfig
) -> dict[str, float]:
    """Accumulate gradients of the token-mean loss; returns what to log of it.

    The divergence is the loss less the teacher's own entropy: 0 for a perfect student.
    """
    total = sum(sum(sample.loss_mask) for sample in samples)
    symbols = symbol_ids(agent.chat, agent.stop_ids[0])
    loss_sum, noise = 0.0, 0.0
    for micro in micro_batches(samples, config.micro_batch_tokens):
        batch = collate(micro, agent.pad_id, agent.device)
        with autocast(agent.device, agent.compute_dtype):
            scores = score_tokens(
                model,
                batch.input_ids,
                batch.loss_mask,
                share_prompt=False,  # games of a teacher have no groups
                teacher_probs=batch.teacher_probs,
                symbol_ids=symbols,
            )
        likelihood = scores.logprobs
        if batch.teacher_probs is not None:
            soft = batch.loss_mask & (batch.teacher_probs.sum(-1) > 0)
            likelihood = torch.where(soft, scores.expected, likelihood)
            noise += float(torch.special.entr(batch.teacher_probs[soft]).sum())
        loss = -likelihood.sum() / total
        torch.autograd.backward(loss)
        loss_sum += float(loss.detach())
    return {
        "train/loss": loss_sum,
        "train/divergence": loss_sum - noise / total,
        "train/tokens": float(total),
    }
