"""`wordle-rl train` and `wordle-rl pretrain`, and the lists of what they can be told.

Flags are read into a configuration; the work is in `training.session`. Everything heavy is imported
when a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

import click

from wordle_rl.config import (
    PresetKind,
    PretrainConfig,
    TrainConfig,
    apply_overrides,
    parse,
    preset_names,
    read_preset,
    read_toml,
)
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.run_dir import RunDir, is_run, write_atomically

PRESET_KINDS: dict[str, PresetKind] = {"train": "presets", "pretrain": "recipes"}
INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""

run_dir_option = click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="The run folder; default: a new one in runs/.",
)
resume_option = click.option(
    "--resume", is_flag=True, help="Go on with --run-dir, or with the newest run."
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change one setting; repeatable."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON only.")


@click.command()
@click.option("--preset", default=None, help="Settings to start from: a name or a .toml file.")
@click.option("--algo", help="The algorithm: see `wordle-rl algos`; or package.module:name.")
@click.option("--env", help="The game: a short name, a Gymnasium id, or package.module:Class.")
@click.option(
    "--opponent",
    help="In a game for two: self, random, greedy, perfect, agent:NAME (its best moves), "
    "sampled:NAME, or package.module:name.",
)
@click.option("--model", help="nano, a model or run folder, or a hub id.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps.")
@click.option("--seed", type=click.IntRange(min=0), help="Fixes secrets and sampling.")
@click.option("--device", help="auto, cpu, cuda or mps.")
@click.option("--dry-run", is_flag=True, help="Say how much memory it would need, and stop.")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    help="With --dry-run: shared by so many, one a device; default: those that were launched.",
)
@run_dir_option
@resume_option
@set_option
@json_option
def train(
    preset: str | None,
    algo: str | None,
    env: str | None,
    opponent: str | None,
    model: str | None,
    steps: int | None,
    seed: int | None,
    device: str | None,
    dry_run: bool,
    processes: int | None,
    run_dir: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train a language model on a game with reinforcement learning.

    The default preset takes the built-in model through GRPO on Wordle on a laptop CPU. Stop with
    Ctrl-C and go on with --resume. `--algo sft` is `wordle-rl pretrain`, with its settings.
    """
    _check_dry_run(algo, dry_run, processes)
    if algo == "sft":
        if as_json:
            raise ConfigError("--algo sft is wordle-rl pretrain: leave out --json")
        _pretrain(preset, _given(env, model, steps, seed, device), run_dir, resume, overrides)
        return
    flags = {
        "train.algo": algo,
        "env.id": env,
        "env.opponent": opponent,
        "model.path": model,
        "train.steps": steps,
        "train.seed": seed,
        "model.device": device,
    }
    given = {key: value for key, value in flags.items() if value is not None}
    if resume:
        fixed = [*sorted(given.keys() - {"model.device", "train.steps"}), *overrides]
        if preset is not None or fixed:
            raise ConfigError(
                "--resume takes its settings from the run folder: "
                f"leave out {'--preset' if preset else fixed[0]!r} (--steps, --device may change)"
            )
        run = _run_to_resume(run_dir, "train")
        values = read_toml(run.config)
    else:
        values = read_preset(preset or "default")
        if env is not None and env != values.get("env", {}).get("id", "wordle"):
            for key in ("options", "reward", "rewards", "opponent"):  # of the preset's own game
                values.get("env", {}).pop(key, None)
            if preset is None:  # the default's model knows Wordle alone; nano knows all three games
                values.get("model", {}).pop("path", None)
        run = RunDir(run_dir or _free_folder(_title(preset or "default")))
    flags_last = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in given.items()]
    values = apply_overrides(values, [*overrides, *flags_last])
    config = parse(TrainConfig, values)
    if dry_run:
        _say_plan(config, processes, as_json)
    else:
        _train(config, run, resume, as_json)


def _check_dry_run(algo: str | None, dry_run: bool, processes: int | None) -> None:
    """Refuse flags that have no meaning together."""
    if processes is not None and not dry_run:
        raise ConfigError("--processes is for --dry-run: accelerate launch starts them")
    if dry_run and algo == "sft":
        raise ConfigError("--algo sft is wordle-rl pretrain: leave out --dry-run")


def _say_plan(config: TrainConfig, processes: int | None, as_json: bool) -> None:
    from wordle_rl.training.dry_run import plan
    from wordle_rl.training.loops import check_processes, loop_of
    from wordle_rl.training.pair_methods import REWARD_MODEL
    from wordle_rl.training.pipeline import check_pipelined
    from wordle_rl.training.policy import check_lora
    from wordle_rl.training.processes import world
    from wordle_rl.training.samplers import check_sampler

    if config.train.algo == REWARD_MODEL:
        raise ConfigError("--dry-run is for methods that play games, not for a reward model")
    config = loop_of(config.train.algo).complete(config)
    check_processes(config, processes)
    check_sampler(config, processes or world().count)
    check_pipelined(config, processes)
    check_lora(config.lora)
    planned = plan(config, processes)
    if world().rank > 0:
        return
    if as_json:
        parts = ("weights", "training", "playing", "updating", "peak")
        bytes_ = {part: getattr(planned.memory, part) for part in parts}
        told = {"workload": asdict(planned.workload), "processes": planned.processes}
        click.echo(json.dumps({"bytes": bytes_, **told}))
        return
    each = f" of each of {planned.processes} processes" if planned.processes > 1 else ""
    click.echo(f"memory{each} on {planned.device}, estimated:")
    for line in planned.lines:
        click.echo(f"  {line}")


def _train(config: TrainConfig, run: RunDir, resume: bool, as_json: bool) -> None:
    from rich.console import Console

    from wordle_rl.training.pair_methods import REWARD_MODEL
    from wordle_rl.training.processes import world
    from wordle_rl.training.reward_session import run_reward_training
    from wordle_rl.training.session import result_json, run_training

    sessions = {REWARD_MODEL: run_reward_training}
    start = sessions.get(config.train.algo, run_training)
    result = start(config, run, resume=resume, console=Console(stderr=as_json))
    if as_json and world().rank == 0:
        click.echo(json.dumps(result_json(run, result)))
    if not result.outcome.finished:
        raise click.exceptions.Exit(INTERRUPTED)


@click.command()
@click.option("--preset", default=None, help="Settings to start from: a name or a .toml file.")
@click.option("--env", help="The game, or several: wordle=4,guess-number,math.")
@click.option("--model", help="new, or what to go on from: nano, a model or run folder, a hub id.")
@click.option(
    "--style",
    type=click.Choice(["compact", "chat"]),
    help="How games speak; chat is the recipe for an instruction-tuned --model.",
)
@click.option("--steps", type=click.IntRange(min=1), help="Updates.")
@click.option("--seed", type=click.IntRange(min=0), help="Fixes weights and games.")
@click.option("--device", help="auto, cpu, cuda or mps.")
@run_dir_option
@resume_option
@set_option
def pretrain(
    preset: str | None,
    env: str | None,
    model: str | None,
    style: str | None,
    steps: int | None,
    seed: int | None,
    device: str | None,
    run_dir: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
) -> None:
    """Make a model that imitates a game's teacher.

    The teacher guesses at random what still fits; in math it knows the answer. Without a preset, a
    game or a model this is the command that made nano. `--model ID --style chat` is the warm start
    of a Hugging Face model: it imitates the solver's games.
    """
    given = _given(env, model, steps, seed, device) | ({"style": style} if style else {})
    if style == "chat":
        preset = preset or "chat"
    _pretrain(preset, given, run_dir, resume, overrides)


def _given(
    env: str | None, model: str | None, steps: int | None, seed: int | None, device: str | None
) -> dict[str, Any]:
    """The settings of imitation that flags have set."""
    flags = {"env": env, "model": model, "steps": steps, "seed": seed, "device": device}
    return {key: value for key, value in flags.items() if value is not None}


def _pretrain(
    preset: str | None,
    given: dict[str, Any],
    run_dir: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
) -> None:
    from rich.console import Console

    from wordle_rl.training.session import run_pretraining

    if resume:
        if preset is not None or given or overrides:
            raise ConfigError(
                "--resume takes its settings from the run folder: leave out the others"
            )
        run = _run_to_resume(run_dir, "pretrain")
        values: dict[str, Any] = read_toml(run.config)
    else:
        name = preset or (None if given.keys() & {"env", "model"} else "nano")
        run = RunDir(run_dir or _free_folder(f"pretrain-{_title(name)}" if name else "pretrain"))
        values = (read_preset(name, "recipes") if name else {}) | given
        values = apply_overrides(values, overrides)
    config = parse(PretrainConfig, values)
    if not run_pretraining(config, run, resume=resume, console=Console()).finished:
        raise click.exceptions.Exit(INTERRUPTED)


@click.command()
@click.argument("model")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bfloat16"]),
    help="Of the weights; bfloat16 halves the file.",
)
def export(model: str, out: Path, dtype: str) -> None:
    """Write MODEL (a run folder: its best checkpoint) as an ordinary model folder OUT.

    Adapters are folded in. A README.md is the model's card: where it comes from, and what the run
    measured.
    """
    from wordle_rl.agents.loading import load_language_agent
    from wordle_rl.evaluation.model_card import model_card

    if out.exists() and any(out.iterdir()):
        raise RunError(f"folder {str(out)!r} is not empty: choose another one")
    card = model_card(model, out.name)
    load_language_agent(model, device="cpu").save(out, dtype=dtype)
    write_atomically(out / "README.md", card)
    click.echo(f"wrote {out}")


@click.command()
def algos() -> None:
    """List the algorithms and what they are made of."""
    from wordle_rl.training.algorithms import ALGORITHMS, formula_of
    from wordle_rl.training.other_methods import OTHER_METHODS

    click.echo("R: a game's return. mean, std: of its group. G_k: return from turn k on.")
    click.echo("r = pi / pi_old of a token, d = log pi - log pi_ref, sg: no gradient through it.")
    for name, algorithm in ALGORITHMS.items():
        parts = (algorithm.advantage, algorithm.loss, algorithm.aggregation, algorithm.correction)
        click.echo(f"\n{name:22} {algorithm.summary}")
        click.echo(f"{'':22} {formula_of(algorithm)}")
        click.echo(f"{'':22} {' x '.join(p for p in parts if p != 'none')}; {algorithm.paper}")
    for name, method in OTHER_METHODS.items():
        click.echo(f"\n{name:22} {method.summary}")
        click.echo(f"{'':22} {method.formula}")
        click.echo(f"{'':22} {method.command}; {method.paper}")


@click.command()
def presets() -> None:
    """List the presets of `train`, then those of `pretrain`."""
    for command, kind in PRESET_KINDS.items():
        for name, summary in preset_names(kind).items():
            click.echo(f"{command:9} --preset {name:14} {summary}")


@click.command()
@click.option("--textarena", is_flag=True, help="List TextArena's games instead.")
def envs(textarena: bool) -> None:
    """List the games, each with its Gymnasium id and its options."""
    from wordle_rl.envs import GAMES, options_of

    if textarena:
        from wordle_rl.envs.text_arena_games import text_arena_games

        for row in text_arena_games():
            click.echo(f"{row.id:34} {row.players} {row.status:18} {row.note}")
        return
    for name, game in GAMES.items():
        options = (options_of(name) or {}).items()
        listed = "  ".join(f"{key}={value!r}".replace(" ", "") for key, value in options)
        click.echo(f"{name:17}{game.summary}")
        click.echo(f"{'':17}{game.env_id}")
        click.echo(click.wrap_text(listed, 100, " " * 17, " " * 17))


def _title(preset: str) -> str:
    """The name of a preset, which may have dots in it, or of its file."""
    return Path(preset).name.removesuffix(".toml")


def _free_folder(stem: str) -> Path:
    """The first of runs/STEM-1, runs/STEM-2, ... that does not exist."""
    return next(p for n in count(1) if not (p := Path("runs") / f"{stem}-{n}").exists())


def _run_to_resume(run_dir: Path | None, command: str) -> RunDir:
    """The named run, or the newest one of this command under runs/.

    Raises:
        RunError: there is none, or it belongs to the other command.
    """
    if run_dir is None:
        started: Sequence[Path] = [
            p for p in Path("runs").glob("*") if is_run(p) and _made_by(p) == command
        ]
        if not started:
            raise RunError("no run to resume under runs/: name one with --run-dir")
        return RunDir(max(started, key=lambda p: RunDir(p).config.stat().st_mtime))
    if not is_run(run_dir):
        raise RunError(
            f"no run to resume in {str(run_dir)!r}: check --run-dir, or leave out --resume"
        )
    if _made_by(run_dir) != command:
        raise RunError(
            f"{str(run_dir)!r} was started by wordle-rl {_made_by(run_dir)}: resume it so"
        )
    return RunDir(run_dir)


def _made_by(path: Path) -> str:
    return "train" if "train" in read_toml(RunDir(path).config) else "pretrain"
