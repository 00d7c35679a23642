"""A reward model's run from start to end: what `wordle-rl train --algo reward-model` does."""

from __future__ import annotations

from rich.console import Console

from wordle_rl.config import TrainConfig, to_toml
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.report import percent
from wordle_rl.records import Estimate
from wordle_rl.run_dir import RunDir
from wordle_rl.training.display import TrainDisplay
from wordle_rl.training.loggers import check_loggers, open_loggers
from wordle_rl.training.pair_methods import complete_pairs
from wordle_rl.training.pair_source import read_rankings
from wordle_rl.training.policy import load_policy
from wordle_rl.training.processes import check_alone
from wordle_rl.training.reward_model import RewardModel
from wordle_rl.training.reward_trainer import split_rankings, train_reward_model
from wordle_rl.training.session import (
    TrainingResult,
    catch_interrupt,
    open_run,
    say,
    say_how_to_resume,
    say_stopped,
)


def run_reward_training(
    config: TrainConfig, run: RunDir, *, resume: bool = False, console: Console | None = None
) -> TrainingResult:
    """Train a reward model on a file of preferences, or go on with a run.

    Raises:
        RunError: the folder already holds a run, or holds none to resume.
        ConfigError: there is no file, or the configuration cannot work.
    """
    console = console or Console()
    check_alone("a reward model")
    config = complete_pairs(config)
    if not config.preference.path:
        raise ConfigError(
            "a reward model learns from a file: set preference.path (wordle-rl preferences and "
            "wordle-rl rank make one)"
        )
    rankings = read_rankings(config.preference.path)
    # What cannot work fails here, before anything is written.
    split_rankings(rankings, config)
    check_loggers(config.log)
    agent = load_policy(config.model, config.lora, seed=config.train.seed)
    open_run(run, to_toml(config), resume=resume)
    title = f"reward model on {config.preference.path} · {agent.name} · {run.path}"
    with (
        say_how_to_resume(console, run),
        catch_interrupt() as interrupted,
        open_loggers(config, run, console) as loggers,
        TrainDisplay(config.train.steps, title=title, console=console, games_per_step=0) as display,
    ):
        display.resume(run.records())
        outcome = train_reward_model(
            RewardModel(agent),
            rankings,
            config,
            run,
            display=loggers.beside(display),
            interrupted=interrupted,
        )
    if not outcome.finished:
        say_stopped(console, run, f"after step {outcome.step}; saved")
        return TrainingResult(outcome=outcome)
    measured = best_measured(run)
    say(console, accuracy_line(measured))
    say(console, f'use it: wordle-rl train --set "reward_model.path={run.path}"')
    return TrainingResult(outcome=outcome, measured=measured)


def best_measured(run: RunDir) -> dict[str, float]:
    """The `eval/` numbers of the checkpoint that is kept as the best; none without any."""
    kept = run.best_checkpoint()
    step = 0 if kept is None else int(kept.name.removeprefix("step-"))
    found = [row for row in run.records() if row["step"] == step]
    return {key: row[key] for row in found for key in row if key.startswith("eval/")}


def accuracy_line(measured: dict[str, float]) -> str:
    """How often held-out pairs are ordered as they were ranked.

    >>> accuracy_line({})
    'no pairs were held out, so nothing is known of its accuracy'
    """
    if "eval/pair_accuracy" not in measured:
        return "no pairs were held out, so nothing is known of its accuracy"
    value, low, high = (measured[f"eval/pair_accuracy{end}"] for end in ("", "_low", "_high"))
    rate = percent(Estimate(value=value, low=low, high=high))
    pairs, groups = (int(measured[key]) for key in ("eval/pairs", "eval/pair_groups"))
    return f"held-out pairs in the right order: {rate} ({pairs} pairs of {groups} groups)"
