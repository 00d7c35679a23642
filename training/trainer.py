"""The training loop: play groups, turn rewards into advantages, update, validate, save.

In: an agent, a game, a configuration. Out: a run folder. Randomness is a function of (seed, step,
row), schedules depend on the step and never on time, so a resumed run logs the numbers the unbroken
run would have logged.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from peft import PeftModel
from transformers import PreTrainedModel

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.envs import make_env
from wordle_rl.envs.base import TextEnv
from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup, Outcome, Sample, StepRecord, Task
from wordle_rl.rollout import rollout
from wordle_rl.run_dir import RunDir
from wordle_rl.seeding import generator, seed_from
from wordle_rl.training.advantages import Advantage
from wordle_rl.training.algorithms import find_algorithm, parts_of
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.collapse import collapse_warning
from wordle_rl.training.game_files import write_games
from wordle_rl.training.keeper import Keeper, best_step
from wordle_rl.training.optim import adamw, set_lr, warmup_decay
from wordle_rl.training.rollout_metrics import rollout_metrics
from wordle_rl.training.update import Updater

Validate = Callable[[LanguageAgent], dict[str, float]]
"""Plays the validation secrets; returns `eval/` metrics, `eval/greedy_win_rate` among them."""


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
    interrupted: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train `agent` in place; goes on from the run's newest checkpoint where there is one.

    Args:
        agent: the policy.
        config: complete settings (`algorithms.fill_defaults`).
        run: where metrics, games and checkpoints go.
        display: sees every record.
        validate: plays the validation secrets.
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

    for step in range(start, config.train.steps):
        clock = Clock()
        display.phase("playing")
        groups = rollout(
            agent,
            draw_tasks(config, step),
            config.rollout.group_size,
            make_env=lambda task: training_env(config, agent),
            temperature=temperature,
            seed=seed_from(config.train.seed, "rollout", step),
            max_turns=config.rollout.max_turns,
            policy_version=step,
        )
        clock.lap("rollout")

        display.phase("updating")
        advantages_PG = [group_advantages(g, parts.advantage, config, step) for g in groups]
        samples_P = [group_samples(*pair) for pair in zip(groups, advantages_PG, strict=True)]
        # A group whose games are all worth the same is dropped, unless a KL term reads it too.
        kept = [
            sample
            for advantages, samples in zip(advantages_PG, samples_P, strict=True)
            if any(advantages) or reference is not None
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
        metrics = rollout_metrics(groups) | {"train/lr": config.train.lr * schedule}
        if kept:
            metrics |= update(kept, games=games, rows=sum(map(len, samples_P)))
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
        display.step(record)
        display.game(groups[0].episodes[0])
        if (warning := collapse_warning(history)) is not None:
            display.warn(warning)
        if _due(done, config.save.games_every_steps, last):
            write_games(run.episodes, done, groups, limit=16, advantages_PG=advantages_PG)

        best = best_step(history)
        stop = interrupted()
        if stop or best == done or _due(done, config.save.checkpoint_every_steps, last):
            keeper.save(done, best)
        if stop and not last:
            return Outcome(step=done, finished=False)
    return Outcome(step=config.train.steps, finished=True)


def draw_tasks(config: TrainConfig, step: int) -> list[Task]:
    """The tasks of a step. A task's seed fixes its secret, so all games of a group share it."""
    seeds = [
        seed_from(config.train.seed, "task", step, p) for p in range(config.rollout.tasks_per_step)
    ]
    return [
        Task(
            env_id=config.env.id,
            task_id=f"step-{step}/task-{p}",
            seed=seed % 2**32,
            split=config.env.split,
        )
        for p, seed in enumerate(seeds)
    ]


def training_env(config: TrainConfig, agent: LanguageAgent) -> TextEnv:
    """A new game as the run's settings describe it, in the style the agent reads.

    Raises:
        ConfigError: no such game, reward or option, or an option that is set elsewhere.
    """
    fixed = {
        "split": config.env.split,
        "reward": config.env.reward,
        "style": agent.style,
        "history": "last",
    }
    if clash := sorted(fixed.keys() & config.env.options.keys()):
        raise ConfigError(
            f"setting env.options.{clash[0]}: leave it out, training sets it "
            "(reward and split by env.reward and env.split)"
        )
    return make_env(config.env.id, **fixed, **config.env.options)


def group_advantages(
    group: EpisodeGroup, advantage: Advantage, config: TrainConfig, step: int
) -> list[float]:
    """One advantage a game; as a control they can be shuffled inside the group.

    A game that failed has none (0) and no say in those of the others.
    """
    values = advantage([e.total_reward for e in group.episodes if e.error is None])
    if config.train.shuffle_advantages:
        rng = generator(config.train.seed, "shuffle", step, group.task.task_id)
        values = [values[i] for i in rng.permutation(len(values))]
    left = iter(values)
    return [next(left) if episode.error is None else 0.0 for episode in group.episodes]


def group_samples(group: EpisodeGroup, advantages: Sequence[float]) -> list[Sample]:
    """The training rows of a group: a game's advantage on every token it sampled."""
    return [
        sample
        for episode, value in zip(group.episodes, advantages, strict=True)
        if episode.error is None
        for sample in build_samples(episode_turns(episode, [value] * len(episode.turns)))
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
