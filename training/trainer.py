"""The training loop: play groups, turn rewards into advantages, update, validate, save.

In: an agent, a game, a configuration. Out: a run folder. Randomness is a function of (seed, step,
row), schedules depend on the step and never on time, so a resumed run logs the numbers the unbroken
run would have logged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Protocol

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.envs.composed_rewards import scale_warning
from wordle_rl.records import Episode, Outcome, StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.training.collapse import collapse_warning, stop_where_all_fail
from wordle_rl.training.game_files import write_games
from wordle_rl.training.games import Past
from wordle_rl.training.hard_tasks import task_results
from wordle_rl.training.keeper import Keeper, best_step
from wordle_rl.training.learner import new_learner
from wordle_rl.training.pipeline import game_source
from wordle_rl.training.rollout_metrics import rollout_metrics
from wordle_rl.training.sampling import Played
from wordle_rl.training.scoring import WeightedScorer
from wordle_rl.training.sharding import whole_weights
from wordle_rl.training.turn_advantages import turns_stand_alone
from wordle_rl.training.validation import Validate
from wordle_rl.training.weight_average import WeightAverage


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

    With `train.ema_decay` a finished run leaves the agent with the average of its weights.

    Args:
        agent: the policy.
        config: complete settings (`algorithms.fill_defaults`).
        run: where metrics, games and checkpoints go.
        display: sees every record.
        validate: plays the validation secrets.
        scorers: score finished games (judges, reward models) beside the game's own reward.
        interrupted: asked after every step; true saves and returns.
    """
    learner = new_learner(agent, config)
    source = game_source(agent, config, greedy=learner.greedy, scorers=scorers)
    average = WeightAverage(model=agent.model, decay=config.train.ema_decay)
    keeper = Keeper(
        run=run,
        model=agent.model,
        tokenizer=agent.tokenizer,
        optimizers=learner.optimizers,
        keep=config.save.keep_checkpoints,
        modules={**learner.modules, **source.modules, **average.modules},
    )
    with average.in_place():
        start = keeper.resume()
    history: list[Mapping[str, float]] = list(run.records())
    results = list(run.played())
    doubt = scale_warning(config.env.rewards)
    if doubt is not None and not turns_stand_alone(config.train.advantage, config.train.gamma):
        display.warn(doubt)

    with closing(source):
        for step in range(start, config.train.steps):
            done, last = step + 1, step + 1 == config.train.steps
            clock = Clock(display)
            played = source.games(step, Past(metrics=history, played=results), clock.phase)
            clock.phase("updating")
            lesson = learner.learn(played, step, history)
            average.follow(done)
            metrics = {**rollout_metrics(played.everything), **played.metrics, **lesson.metrics}
            if validate is not None and due(done, config.eval.every_steps, last):
                clock.phase("validating")
                with average.in_place(), whole_weights(agent):
                    metrics |= validate(agent)

            record = StepRecord(step=done, metrics={**metrics, **clock.times()})
            run.log(record)
            history.append({"step": done, **record.metrics})
            results.append(task_results(played.everything))
            run.log_tasks(done, results[-1])
            _show(display, record, played, history)
            if run.writes and due(done, config.save.games_every_steps, last):
                write_games(
                    run.episodes, done, played.groups, limit=16, advantages_PG=lesson.advantages_PG
                )
            best, stop = best_step(history), interrupted()
            if stop or best == done or due(done, config.save.checkpoint_every_steps, last):
                with average.in_place():
                    keeper.save(done, best)
            if stop and not last:
                return Outcome(step=done, finished=False)
            stop_where_all_fail(history, played.groups[0].episodes[0].error)
    average.swap()
    return Outcome(step=config.train.steps, finished=True)


def _show(
    display: Display,
    record: StepRecord,
    played: Played,
    history: Sequence[Mapping[str, float]],
) -> None:
    """Put a finished step on the screen, with a game and a warning where one is due."""
    display.step(record)
    display.game(played.groups[0].episodes[0])
    if (warning := collapse_warning(history)) is not None:
        display.warn(warning)


PHASES = {
    "playing": "rollout",
    "reading": "rollout",
    "scoring": "scoring",
    "updating": "update",
    "validating": "eval",
}
"""What the display is told -> the name of its seconds in the metrics."""


class Clock:
    """Seconds of the parts of a step, each until the next begins; says so on the display."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._start = self._last = time.perf_counter()
        self._running = ""
        self._seconds: dict[str, float] = {}

    def phase(self, text: str) -> None:
        """Another part begins."""
        self._stop()
        self._running = PHASES[text]
        self._display.phase(text)

    def times(self) -> dict[str, float]:
        """The parts so far and the whole, as `time/` metrics."""
        self._stop()
        laps = {f"time/{name}_s": seconds for name, seconds in self._seconds.items()}
        return laps | {"time/step_s": time.perf_counter() - self._start}

    def _stop(self) -> None:
        now = time.perf_counter()
        if self._running:
            self._seconds[self._running] = self._seconds.get(self._running, 0) + now - self._last
        self._last, self._running = now, ""


def due(done: int, every: int, last: bool) -> bool:
    """Whether something that is done `every` so many steps, and at the end, is done now."""
    return bool(every) and (last or done % every == 0)
