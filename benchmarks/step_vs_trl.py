"""A whole training step of ours against TRL's GRPOTrainer: time, memory, and what is learned.

    pip install 'wordle-rl[trl]'
    python -m benchmarks.step_vs_trl [--style compact] [--games 256] [--steps 20] [--rounds 3]
    python -m benchmarks.step_vs_trl --search            # which setting of TRL is the fastest
    python -m benchmarks.step_vs_trl --device cuda --model qwen3-0.6b    # random weights, a GPU

Both train a model on Wordle by the same objective (Dr. GRPO, one update on each batch of games,
AdamW at the same constant rate, the same clipping and temperature), with groups of 16 games and the
same number of games a step. TRL plays as its own loop over tools does: all running games answer by
one call of its `_generate_single_turn` a turn, games that are over leave the batch. What can be
chosen for it is in `step_sides.SETTINGS`; `--search` tells time and memory of each, and `BEST` is
the default.
It gets our allocator setting (`keep_freed_memory`) too.

Each side runs in a process of its own, the sides take turns. Of each process the first steps warm
up and are not counted. Seconds are those of the processor: with one thread the wall time of an
idle machine, and what else runs on a busy one does not count; wall time is printed beside them.
Memory is the largest resident set, and how much of it the steps added to what was there before. On
a GPU it is wall seconds that count, and memory is that of tensors; of our side it is told how near
playing and updating come to what the device could do (`step_sides.Roofs`). Groups in which all
games earned the same are left out of our update and not of TRL's; where a model wins nothing, a
lottery pays both sides (`step_sides.REWARDS`), so that every step has its update.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import click
import torch

from benchmarks.random_model import SIZES, write_random
from benchmarks.step_sides import GROUP, REWARDS, SETTINGS, Work, run_ours, run_trl
from wordle_rl.agents.built_in import BUILT_IN, built_in_path
from wordle_rl.agents.device import keep_freed_memory, pick_device, pick_dtype
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
Side = Literal["ours", "trl"]
BEST: dict[Style, str] = {
    "compact": "bf16 autocast, eager, micro-batches of 64",
    "chat": "bf16 autocast",
}
"""The fastest on a CPU with weights in float32, as ours has them (with all games at once compact is
as fast and takes twice the memory); in chat eager attention takes almost three times as long, and
no other setting has been timed."""
BEST_ON_GPU: dict[Style, str] = {
    "compact": "bf16 autocast, micro-batches of 64",
    "chat": "bf16 autocast, micro-batches of 16",
}
"""What should fit 80 GB. Not searched for: no GPU was at hand."""

NAMES = {
    "cpu_s": "processor seconds a step",
    "wall_s": "wall seconds a step",
    "peak_mb": "peak memory, MB",
    "grown_mb": "of which steps added, MB",
}
"""What is measured of a side."""
EARNED = {"wins": "share of games won", "lottery": "reward (a lottery)"}
"""What the mean reward of a step is."""
SECONDS = {"cpu": "cpu_s", "cuda": "wall_s"}
"""Which seconds count on a device."""


def in_process(*arguments: object, threads: int) -> dict[str, Any]:
    """What one side measures in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.step_vs_trl", *map(str, arguments)]
    environ = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        # TRL refuses several GPUs in one process.
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0],
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, cwd=ROOT, check=False
    )
    if done.returncode:
        raise click.ClickException(done.stderr.strip()[-2000:] or f"exit code {done.returncode}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(device: str, games: int, rows: int) -> None:
    """Refuse what would end later or compare unlike steps."""
    try:
        pick_device(device)
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    if games % GROUP or games % min(games, rows):
        raise click.UsageError(
            f"--games {games}: groups of {GROUP} and TRL's micro-batches of {rows} must divide it"
        )


def searched(setting: str, *shape: object, threads: int, device: str) -> str:
    """What TRL takes in a setting, or why it ended (out of memory, say)."""
    try:
        timed = in_process("--side", "trl", "--setting", setting, *shape, threads=threads)
    except click.ClickException as error:
        return f"failed: {error.message.splitlines()[-1]}"
    return f"{timed[SECONDS[device]]:7.2f} s  {timed['peak_mb']:6.0f} MB"


def model_folder(name: str, folder: Path) -> str:
    """Where the model is; one of random weights is written into `folder` first."""
    if name in SIZES:
        write_random(name, folder)
        return str(folder)
    return str(built_in_path(name) if name in BUILT_IN else Path(name).resolve())


def table(found: dict[Side, list[dict[str, Any]]]) -> str:
    """Medians over rounds with the smallest and largest, and the ratios of the medians."""
    lines = ["| | ours | TRL | TRL / ours |", "| --- | ---: | ---: | ---: |"]
    for key, label in NAMES.items():
        values = {side: [row[key] for row in rows] for side, rows in found.items()}
        middle = {side: statistics.median(numbers) for side, numbers in values.items()}
        cells = [
            f"{middle[side]:.4g} ({min(numbers):.4g} to {max(numbers):.4g})"
            for side, numbers in values.items()
        ]
        lines.append(f"| {label} | {' | '.join(cells)} | {middle['trl'] / middle['ours']:.2f} |")
    lasts = {
        side: statistics.mean(r for row in rows for r in row["rewards"][-5:])
        for side, rows in found.items()
    }
    lines.append(f"| reward of the last 5 steps | {lasts['ours']:.3f} | {lasts['trl']:.3f} | |")
    return "\n".join(lines)


def shares(rounds: Sequence[Mapping[str, Any]]) -> str:
    """How near our side came to what the device could do (`step_sides.Roofs`)."""
    decode, update = (
        statistics.median(row[name] for row in rounds) for name in ("decode_share", "update_share")
    )
    return (
        f"ours: playing reads weights at {decode:.0%} of the speed of memory, "
        f"an update reaches {update:.0%} of that of large products"
    )


def plot(
    found: dict[Side, list[dict[str, Any]]], path: Path, *, title: str, clock: str, reward: str
) -> None:
    """Mean reward of a step over steps, and over seconds: all rounds, and their mean."""
    pyplot: Any = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for side, colour, label in (("ours", "tab:green", "wordle-rl"), ("trl", "tab:gray", "TRL")):
        rounds = found[cast(Side, side)]
        curves = [smoothed(row["rewards"]) for row in rounds]
        lowest, mean, highest = zip(
            *((min(at), statistics.mean(at), max(at)) for at in zip(*curves, strict=True)),
            strict=True,
        )
        steps = range(1, len(mean) + 1)
        seconds = statistics.median(row[clock] for row in rounds)
        for axis, scale in zip(axes, (1.0, seconds), strict=True):
            places = [scale * step for step in steps]
            axis.plot(places, mean, color=colour, label=label)
            axis.fill_between(places, lowest, highest, color=colour, alpha=0.2, linewidth=0)
    axes[0].set(xlabel="step", ylabel=EARNED[reward], title=title)
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    axes[1].set(xlabel=NAMES[clock].removesuffix(" a step"))
    axes[1].set(title=f"mean of {SMOOTH} steps; {len(found['ours'])} rounds")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


SMOOTH = 5
"""Steps that a point of a curve is the mean of."""


def smoothed(values: Sequence[float]) -> list[float]:
    """Each value's mean with those before it, of at most `SMOOTH`."""
    return [
        statistics.mean(values[max(0, end - SMOOTH) : end]) for end in range(1, len(values) + 1)
    ]


@click.command()
@click.option("--style", type=click.Choice(["compact", "chat"]), default="compact")
@click.option("--model", default="nano", show_default=True, help="Or random: qwen3-0.6b, small.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option(
    "--reward",
    type=click.Choice(list(REWARDS)),
    help="What a game pays; default: wins of a compact built-in model, else a lottery.",
)
@click.option("--games", default=256, show_default=True, help="Games a step, in groups of 16.")
@click.option("--steps", default=20, show_default=True)
@click.option("--warm-up", default=2, show_default=True, help="Steps that are not counted.")
@click.option("--rounds", default=3, show_default=True, help="Each with a seed of its own.")
@click.option("--threads", default=1, show_default=True)
@click.option("--setting", type=click.Choice(list(SETTINGS)), help="Of TRL; default: the best.")
@click.option("--picture", type=click.Path(path_type=Path), help="Where to draw the curves.")
@click.option("--search", is_flag=True, help="Time every setting of TRL instead.")
@click.option("--side", type=click.Choice(["ours", "trl"]), hidden=True)
@click.option("--seed", default=0, help="Of the first round.")
def main(
    style: Style,
    model: str,
    device: str,
    reward: str | None,
    games: int,
    steps: int,
    warm_up: int,
    rounds: int,
    threads: int,
    setting: str | None,
    picture: Path | None,
    search: bool,
    side: Side | None,
    seed: int,
) -> None:
    """Train both ways in turn and print a table."""
    chosen = setting or (BEST if device == "cpu" else BEST_ON_GPU)[style]
    check(device, games, SETTINGS[chosen].get("rows", GROUP))
    if reward is None:
        reward = "wins" if style == "compact" and model in BUILT_IN else "lottery"
    if side is not None:
        torch.set_num_threads(threads)
        keep_freed_memory()
        work = Work(
            model=str(built_in_path(model)) if model in BUILT_IN else model,
            device=device,
            style=style,
            reward=reward,
            games=games,
            steps=steps,
            warm_up=warm_up,
            seed=seed,
        )
        click.echo(json.dumps(run_ours(work) if side == "ours" else run_trl(work, chosen)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = model_folder(model, Path(folder))
        shape = ("--model", path, "--device", device, "--style", style, "--games", games)
        shape = (*shape, "--steps", steps, "--warm-up", warm_up, "--threads", threads)
        shape = (*shape, "--reward", reward)
        if search:
            for name in SETTINGS:
                click.echo(f"{name:45} {searched(name, *shape, threads=threads, device=device)}")
            return
        found: dict[Side, list[dict[str, Any]]] = {"ours": [], "trl": []}
        for number in range(rounds):
            for each, rows in found.items():
                which = ("--side", each, "--seed", seed + number, "--setting", chosen)
                rows.append(in_process(*which, *shape, threads=threads))
                last = {name: round(rows[-1][name], 2) for name in NAMES}
                click.echo(f"round {number + 1}, {each}: {last}", err=True)
    products = pick_dtype("auto", torch.device(device))
    click.echo(
        f"{model}, {style}, {reward}, {games} games a step, {steps} steps ({warm_up} of them "
        f"warm-up), {rounds} rounds from seed {seed}, {device}, {threads} thread(s); products in "
        f"{products}; TRL {version('trl')} with {chosen}, transformers {version('transformers')}"
    )
    click.echo(table(found))
    if device == "cuda":
        click.echo("The setting of TRL was not searched for on a GPU: --search does.")
        click.echo(shares(found["ours"]))
    if picture is not None:
        title = f"Wordle, {style}, {games} games a step"
        plot(found, picture, title=title, clock=SECONDS[device], reward=reward)


if __name__ == "__main__":
    main()
