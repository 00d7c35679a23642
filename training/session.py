"""A run from start to end: load the model, train, compare before and after on held-out secrets.

What `wordle-rl train` and `wordle-rl pretrain` do once their flags are read; the same functions are
the Python API of a whole run.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from shlex import quote
from types import FrameType
from typing import Any

import torch
from rich.console import Console

from wordle_rl.agents.device import keep_freed_memory, pick_device
from wordle_rl.agents.halves import recompute_layers
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.nano import byte_tokenizer, new_model
from wordle_rl.config import LoraSection, ModelSection, PretrainConfig, TrainConfig, to_toml
from wordle_rl.errors import ConfigError, RunError, WordleRLError
from wordle_rl.evaluation.curves import plot_curve
from wordle_rl.evaluation.model_card import play_command
from wordle_rl.provenance import git_commit, hardware, versions
from wordle_rl.records import Outcome
from wordle_rl.run_dir import RunDir, write_atomically
from wordle_rl.training.comparison import Comparison, compare, comparisons_json
from wordle_rl.training.display import TrainDisplay
from wordle_rl.training.dry_run import Plan, plan, plan_imitation
from wordle_rl.training.games import check_games
from wordle_rl.training.judge import judge_scorers
from wordle_rl.training.loggers import check_loggers, open_loggers
from wordle_rl.training.loops import check_processes, loop_of
from wordle_rl.training.memory import evaluated_at_once, hint_at_memory
from wordle_rl.training.overlong import check_overlong
from wordle_rl.training.pipeline import check_pipelined
from wordle_rl.training.policy import load_policy
from wordle_rl.training.processes import check_alone, world
from wordle_rl.training.reward_model import reward_scorers
from wordle_rl.training.samplers import check_sampler
from wordle_rl.training.sft import pretrain
from wordle_rl.training.teachers import find_teacher
from wordle_rl.training.validation import AUTO, chosen_suites, validator


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """How a run ended and what came of it."""

    outcome: Outcome
    comparisons: tuple[Comparison, ...] = ()
    """One for each final suite; none where the run was interrupted."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """The last `eval/` numbers of a reward model, which plays no games to compare."""


def run_training(
    config: TrainConfig, run: RunDir, *, resume: bool = False, console: Console | None = None
) -> TrainingResult:
    """Train as configured, or go on with a run; then compare before and after.

    Raises:
        RunError: the folder already holds a run, or holds none to resume.
        ConfigError: the configuration cannot work.
    """
    console = console or Console()
    if world().rank > 0:  # the first process writes and speaks for all
        console, run = Console(quiet=True), RunDir(run.path, writes=False)
    keep_freed_memory()
    loop = loop_of(config.train.algo)
    config = loop.complete(config)
    check_processes(config)
    check_sampler(config)
    check_pipelined(config)
    warn_of_memory(config.model.device, lambda: plan(config), console)
    agent = load_policy(config.model, config.lora, seed=config.train.seed)
    # What cannot work fails here, before anything is written.
    check_loggers(config.log)
    check_games(config, agent.style)
    check_overlong(agent.max_new_tokens, config.rollout.overlong_tokens)
    scorers = [*judge_scorers(config, run), *reward_scorers(config)]
    game = (config.env.id, config.env.options)
    opponent = config.env.opponent
    names = config.eval.suite if config.eval.every_steps else ""
    suites = chosen_suites(names, *game, "val", opponent)
    final = chosen_suites(config.eval.final_suite, *game, "test", opponent)
    open_run(run, to_toml(config), resume=resume)

    title = f"{config.train.algo} on {config.env.id} · {agent.name} · {run.path}"
    with (
        say_how_to_resume(console, run),
        catch_interrupt() as interrupted,
        open_loggers(config, run, console) as loggers,
        TrainDisplay(
            config.train.steps,
            title=title,
            console=console,
            games_per_step=loop.games_per_step(config),
        ) as display,
    ):
        display.resume(run.records())
        for note in agent.notes:
            display.warn(note)
        with hint_at_memory(config):
            outcome = loop.train(
                agent,
                config,
                run,
                display=loggers.beside(display, games_every_steps=config.save.games_every_steps),
                validate=validator(suites, evaluated_at_once(config, world().count)),
                scorers=scorers,
                interrupted=lambda: any(world().together([interrupted()])),
            )
    records = list(run.records()) if run.writes else []
    if any("rollout/win_rate" in row or "eval/greedy_win_rate" in row for row in records):
        plot_curve(records, run.curve)
    if not outcome.finished:
        say_stopped(console, run, f"after step {outcome.step}; saved")
    if not outcome.finished or not final:
        return TrainingResult(outcome=outcome)
    del agent  # the comparison loads two, one after the other
    with say_how_to_resume(console, run), hint_at_memory(config):
        comparisons = compare(config, run, final, console)
    if run.writes and run.curve.is_file():
        say(console, f"learning curve: {run.curve}")
    command = play_command(config.env.id, config.env.options, str(run.path))
    say(console, f"play with it: {command}")
    return TrainingResult(outcome=outcome, comparisons=comparisons)


def warn_of_memory(device: str, planned: Callable[[], Plan], console: Console) -> None:
    """Before anything is loaded: say that an accelerator is too small, where it is."""
    if pick_device(device).type == "cpu":
        return
    try:
        needed = planned()
    except WordleRLError as error:  # what cannot be played will say so itself
        say(console, f"memory: not estimated, {error}")
        return
    say(console, f"memory: {needed.lines[-1]}")
    if needed.is_too_much:
        say(console, "memory: that is more than there is; wordle-rl train --dry-run tells of what")


def run_pretraining(
    config: PretrainConfig, run: RunDir, *, resume: bool = False, console: Console | None = None
) -> Outcome:
    """Imitate the game's teacher as configured, or go on with a run."""
    console = console or Console()
    check_alone("imitation")
    keep_freed_memory()
    names = AUTO if config.eval_every_steps else ""
    suites = chosen_suites(names, config.env, config.options, "val")
    if config.model != "new":
        validated = max((len(suite.tasks) for suite in suites), default=2)
        warn_of_memory(config.device, lambda: plan_imitation(config, validated), console)
    agent = new_nano(config) if config.model == "new" else load_student(config)
    find_teacher(config, agent.style)  # what cannot work fails before anything is written
    check_loggers(config.log)
    open_run(run, to_toml(config), resume=resume)
    title = f"imitation on {config.env} · {agent.name} · {run.path}"
    with (
        say_how_to_resume(console, run),
        catch_interrupt() as interrupted,
        open_loggers(config, run, console) as loggers,
        TrainDisplay(
            config.steps, title=title, console=console, games_per_step=config.games_per_step
        ) as display,
    ):
        display.resume(run.records())
        with hint_at_memory(config):
            outcome = pretrain(
                agent,
                config,
                run,
                validate=validator(suites),
                on_step=loggers.beside(display).step,
                interrupted=interrupted,
            )
    if not outcome.finished:
        say_stopped(console, run, f"after step {outcome.step}; saved")
    return outcome


def load_student(config: PretrainConfig) -> LanguageAgent:
    """The model that goes on learning by imitation, in the style that the settings ask for."""
    model = ModelSection(
        path=config.model,
        device=config.device,
        dtype=config.dtype,
        chat_template_kwargs=config.chat_template_kwargs,
        gradient_checkpointing=config.gradient_checkpointing,
    )
    agent = load_policy(model, LoraSection(rank=config.lora_rank), seed=config.seed)
    if config.style != "auto":
        agent.read_as(config.style)
    return agent


def new_nano(config: PretrainConfig) -> LanguageAgent:
    """A fresh nano; how it reads games is saved in its config.

    Raises:
        ConfigError: settings that are for the models of others.
    """
    if config.style == "chat" or config.lora_rank or config.chat_template_kwargs:
        raise ConfigError(
            "style, lora_rank and chat_template_kwargs are for a model that can read: name one "
            "with --model"
        )
    model = new_model(layers=config.layers, width=config.width, seed=config.seed)
    if config.gradient_checkpointing:
        recompute_layers(model)
    model.config.wordle_rl_style = "compact"
    model.config.wordle_rl_max_new_tokens = config.max_new_tokens
    return LanguageAgent(
        model,
        byte_tokenizer(),
        name="new nano",
        style="compact",
        max_new_tokens=config.max_new_tokens,
        device=config.device,
        dtype=config.dtype,
    )


def result_json(run: RunDir, result: TrainingResult) -> dict[str, Any]:
    """How a run ended as plain data, with the comparisons where there are some."""
    ending: dict[str, Any] = {"run_dir": str(run.path), **asdict(result.outcome)}
    ending |= {"measured": dict(result.measured)} if result.measured else {}
    return ending | (comparisons_json(result.comparisons) if result.comparisons else {})


def open_run(run: RunDir, config_toml: str, *, resume: bool) -> None:
    """Create the run folder, or check that there is one and restore its thread count.

    Raises:
        RunError: there is a run already, or none to resume.
    """
    if not resume:
        run.create(config_toml, run_meta())
        return
    if not run.exists():
        raise RunError(
            f"no run to resume in {str(run.path)!r}: check --run-dir, or leave out --resume"
        )
    try:
        threads = int(json.loads((run.path / "meta.json").read_text())["threads"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"cannot resume {str(run.path)!r}: meta.json does not say how many threads it used; "
            'write {"threads": N} into it'
        ) from error
    torch.set_num_threads(threads)
    if run.writes:
        write_atomically(run.config, config_toml)  # the number of steps and the device may be new


def run_meta() -> dict[str, Any]:
    """What a reader of the run wants to know beside its settings."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "packages": versions(),
        "git_commit": git_commit(),
        "hardware": hardware(),
        "threads": torch.get_num_threads(),
    }


@contextmanager
def catch_interrupt() -> Iterator[Any]:
    """Ctrl-C asks for a stop after the running step; a second one stops at once.

    In another thread than the main one Python lets nobody listen for it.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        os.write(2, b"\nstopping after this step; Ctrl-C once more stops at once\n")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def say_how_to_resume(console: Console, run: RunDir) -> Iterator[None]:
    """Ctrl-C in the middle of something loses it, but not the way back."""
    try:
        yield
    except KeyboardInterrupt:
        say_stopped(console, run, "at once")
        raise


def say_stopped(console: Console, run: RunDir, when: str) -> None:
    """Say how far a run got, and how to go on with it."""
    command = f"wordle-rl {_command_of(run)} --resume --run-dir {quote(str(run.path))}"
    say(console, f"stopped {when}. Go on with: {command}")


def say(console: Console, line: str) -> None:
    """A line with a path in it: as it is, to be copied."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _command_of(run: RunDir) -> str:
    return "train" if "[train]" in run.config.read_text() else "pretrain"
