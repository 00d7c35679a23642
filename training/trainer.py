"""The training loop: play groups, turn rewards into advantages, update, validate, save.

In: an agent, a game, a configuration. Out: a run folder. Randomness is a function of (seed, step,
row), schedules depend on the step and never on time, so a resumed run logs the numbers the unbroken
run would have logged.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from peft import PeftModel
from transformers import PreTrainedModel

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.envs.composed_rewards import scale_warning
from wordle_rl.records import Episode, EpisodeGroup, Outcome, Sample, StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.seeding import generator
from wordle_rl.training.algorithms import Parts, find_algorithm, parts_of
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.collapse import collapse_warning
from wordle_rl.training.credit import Values, advantage_inputs, moving_average
from wordle_rl.training.game_files import write_games
from wordle_rl.training.games import Past, play_step, task_metrics
from wordle_rl.training.hard_tasks import task_results
from wordle_rl.training.keeper import Keeper, best_step
from wordle_rl.training.optim import adamw, set_lr, warmup_decay
from wordle_rl.training.rollout_metrics import rollout_metrics
from wordle_rl.training.scoring import WeightedScorer, add_scores
from wordle_rl.training.update import Updater
from wordle_rl.training.validation import Validate


class Display(Protocol):
    """Who watches the run."""

    def step(self, record: StepRecord) -> None:
        """A step has finished."""

    def game(self, episode: Episode) -> None:
        """A game to show as a sample."""

    def warn(self, text: str) -> None:
        """Something looks wrong."""

    def phase(self, text: str) -> None:
        """What is going on now."""


def train(
    agent: LanguageAgent,
    config: TrainConfig,
    run: RunDir,
    *,
    display: Display,
    validate: Validate | None = None,
    scorers: Sequence[WeightedScorer] = (),
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train `agent` in place; goes on from the run's newest checkpoint where there is one.

    Args:
        agent: the policy.
        config: complete settings (`algorithms.fill_defaults`).
        run: where metrics, games and checkpoints go.
        display: sees every record.
        validate: plays the validation secrets.
        scorers: score finished games (judges, reward models) beside the game's own reward.
        interrupted: asked after every step; true saves and returns.
    """
    temperature = config.rollout.temperature
    if temperature is None or config.train.kl_coef is None:
        raise ValueError("settings are incomplete: call fill_defaults first")
    parts = parts_of(find_algorithm(config.train.algo))
    optimizer = adamw([p for p in agent.model.parameters() if p.requires_grad], config.train.lr)
    reference = frozen_reference(agent.model) if config.train.kl_coef else None
    update = Updater(
        agent=agent,
        optimizer=optimizer,
        parts=parts,
        settings=config.train,
        temperature=temperature,
        reference=reference,
    )
    keeper = Keeper(
        run=run,
        model=agent.model,
        tokenizer=agent.tokenizer,
        optimizers=[optimizer],
        keep=config.save.keep_checkpoints,
    )
    start = keeper.resume()
    history: list[Mapping[str, float]] = list(run.records())
    played = list(run.played())
    if (doubt := scale_warning(config.env.rewards)) is not None:
        display.warn(doubt)

    for step in range(start, config.train.steps):
        clock = Clock()
        display.phase("playing")
        past = Past(metrics=history, played=played)
        groups = play_step(agent, config, step, temperature, past)
        clock.lap("rollout")
        display.phase("scoring")
        groups, scoring = add_scores(groups, scorers)
        clock.lap("scoring")

        display.phase("updating")
        earlier = moving_average(record["rollout/reward"] for record in history)
        advantages_PGK = step_advantages(groups, parts, config, step, baseline=earlier)
        samples_P = [group_samples(*pair) for pair in zip(groups, advantages_PGK, strict=True)]
        # A group whose games are all worth the same is dropped, unless a KL term reads it too.
        kept = [
            sample
            for advantages, samples in zip(advantages_PGK, samples_P, strict=True)
            if any(map(any, advantages)) or reference is not None
            for sample in samples
        ]
        schedule = warmup_decay(
            step,
            config.train.steps,
            warmup=config.train.warmup_steps,
            decay_from=config.train.decay_from,
        )
        set_lr([optimizer], schedule)
        games = sum(len(group.episodes) for group in groups)
        metrics = rollout_metrics(groups) | scoring | {"train/lr": config.train.lr * schedule}
        metrics |= task_metrics(groups, config, past)
        if kept:
            rows = [sample for samples in samples_P for sample in samples]
            tokens = sum(sum(row.loss_mask) for row in rows)
            metrics |= update(kept, games=games, rows=len(rows), tokens=tokens)
        clock.lap("update")

        done = step + 1
        last = done == config.train.steps
        if validate is not None and _due(done, config.eval.every_steps, last):
            display.phase("validating")
            metrics |= validate(agent)
            clock.lap("eval")
        record = StepRecord(step=done, metrics=metrics | clock.times())
        run.log(record)
        history.append({"step": done, **record.metrics})
        played.append(task_results(groups))
        run.log_tasks(done, played[-1])
        display.step(record)
        display.game(groups[0].episodes[0])
        if (warning := collapse_warning(history)) is not None:
            display.warn(warning)
        if _due(done, config.save.games_every_steps, last):
            advantages_PG = [[_mean(game) for game in group] for group in advantages_PGK]
            write_games(run.episodes, done, groups, limit=16, advantages_PG=advantages_PG)

        best = best_step(history)
        stop = interrupted()
        if stop or best == done or _due(done, config.save.checkpoint_every_steps, last):
            keeper.save(done, best)
        if stop and not last:
            return Outcome(step=done, finished=False)
    return Outcome(step=config.train.steps, finished=True)


def step_advantages(
    groups: Sequence[EpisodeGroup],
    parts: Parts,
    config: TrainConfig,
    step: int,
    *,
    baseline: float = 0.0,
) -> Values:
    """One advantage a turn, [P][G][K]; as a control they can be shuffled inside each group.

    A game that failed has none (zeros) and no say in those of the others.
    """
    sound = [
        replace(group, episodes=tuple(e for e in group.episodes if e.error is None))
        for group in groups
    ]
    values_P = parts.advantage(advantage_inputs(sound, gamma=parts.gamma, baseline=baseline))
    if config.train.shuffle_advantages:
        values_P = [
            _shuffled(values, config.train.seed, step, group)
            for values, group in zip(values_P, sound, strict=True)
        ]
    left_P = map(iter, values_P)
    return [
        [[0.0] * len(e.turns) if e.error is not None else next(left) for e in group.episodes]
        for group, left in zip(groups, left_P, strict=True)
    ]


def _shuffled(
    values: list[list[float]], seed: int, step: int, group: EpisodeGroup
) -> list[list[float]]:
    """Each game with another's advantages; the last one goes on where that game was shorter."""
    order = generator(seed, "shuffle", step, group.task.task_id).permutation(len(values))
    return [
        [(values[i] or [0.0])[min(k, len(values[i]) - 1)] for k in range(len(episode.turns))]
        for i, episode in zip(order, group.episodes, strict=True)
    ]


def group_samples(group: EpisodeGroup, advantages_GK: Sequence[Sequence[float]]) -> list[Sample]:
    """The training rows of a group: a turn's advantage on every token sampled in it."""
    return [
        sample
        for episode, advantages in zip(group.episodes, advantages_GK, strict=True)
        if episode.error is None
        for sample in build_samples(episode_turns(episode, advantages))
    ]


def frozen_reference(model: PreTrainedModel) -> PreTrainedModel:
    """The model as it is now; with LoRA no copy is needed, its adapter is switched off instead."""
    if isinstance(model, PeftModel):
        return model
    return copy.deepcopy(model).requires_grad_(False)


class Clock:
    """Seconds of the parts of a step."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """A part has ended."""
        now = time.perf_counter()
        self._laps[f"time/{name}_s"] = now - self._last
        self._last = now

    def times(self) -> dict[str, float]:
        """The parts so far and the whole, as `time/` metrics."""
        return self._laps | {"time/step_s": time.perf_counter() - self._start}


def _due(done: int, every: int, last: bool) -> bool:
    return bool(every) and (last or done % every == 0)


def _mean(values: Sequence[float]) -> float:
    """The mean, exact where all are equal."""
    if not values or min(values) == max(values):
        return values[0] if values else 0.0
    return sum(values) / len(values)
