"""A whole training step of ours against TRL's GRPOTrainer: time, memory, and what is learned.

    pip install 'wordle-rl[trl]'
    python -m benchmarks.step_vs_trl [--style compact] [--games 256] [--steps 20] [--rounds 3]
    python -m benchmarks.step_vs_trl --search            # which setting of TRL is the fastest

Both train nano on Wordle by the same objective (Dr. GRPO, one update on each batch of games, AdamW
at the same constant rate, the same clipping and temperature), with groups of 16 games and the same
number of games a step. TRL plays as its own loop over tools does: all running games answer by one
call of its `_generate_single_turn` a turn, games that are over leave the batch. What can be
chosen for it is in `SETTINGS`; `--search` tells time and memory of each, and `BEST` is the default.
It gets our allocator setting (`keep_freed_memory`) too.

Each side runs in a process of its own, the sides take turns. Of each process the first steps warm
up and are not counted. Seconds are those of the processor: with one thread the wall time of an
idle machine, and what else runs on a busy one does not count; wall time is printed beside them.
Memory is the largest resident set, and how much of it the steps added to what was there before.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import click
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.rollout import GenerateAgent
from wordle_rl.agents.built_in import built_in_path
from wordle_rl.agents.device import keep_freed_memory, pick_dtype
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.config import EnvSection, TrainConfig, parse
from wordle_rl.envs.base import Style
from wordle_rl.records import Episode, StepRecord
from wordle_rl.rollout import play_games
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.games import training_env
from wordle_rl.training.policy import load_policy
from wordle_rl.training.trainer import train
from wordle_rl.training.trl_games import columns_of, earned, task_of, task_row

ROOT = Path(__file__).resolve().parents[1]
GROUP = 16
LR = 3e-4
"""Constant: the warm-ups of the two begin differently, TRL's with a step at rate 0."""
ANSWER_TOKENS: dict[Style, int] = {"compact": 12, "chat": 24}
"""Longest answer; nano's own in its notation."""
MICRO_BATCH_TOKENS = 2048
"""Ours: smaller than the default, for less memory."""
Side = Literal["ours", "trl"]
SETTINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bf16 autocast": {"bf16": True},
    "bf16 autocast, eager attention": {"bf16": True, "attention": "eager"},
    "bf16 autocast, micro-batches of 64": {"bf16": True, "rows": 64},
    "bf16 autocast, eager, micro-batches of 64": {"bf16": True, "attention": "eager", "rows": 64},
    "bf16 weights": {"bf16": True, "weights": "bfloat16"},
    "bf16 weights, eager attention": {"bf16": True, "weights": "bfloat16", "attention": "eager"},
}
"""What was tried for TRL. Gradient checkpointing, which it has on by default, costs time and is
off; so are its reference model (beta 0) and logging of completions."""
BEST: dict[Style, str] = {
    "compact": "bf16 autocast, eager, micro-batches of 64",
    "chat": "bf16 autocast",
}
"""The fastest with weights in float32, as ours has them (with all games at once compact is as fast
and takes twice the memory); in chat eager attention takes
almost three times as long, and no other setting has been timed."""


NAMES = {
    "cpu_s": "processor seconds a step",
    "wall_s": "wall seconds a step",
    "peak_mb": "peak memory, MB",
    "grown_mb": "of which steps added, MB",
}
"""What is measured of a side."""


class Meter:
    """Seconds, memory and rewards of the steps of a process."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up = warm_up
        self._held = peak_bytes()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._steps: list[tuple[float, float]] = []
        self.rewards: list[float] = []

    def step(self) -> None:
        """A step is over."""
        wall, cpu = time.perf_counter(), time.process_time()
        self._steps.append((wall - self._wall, cpu - self._cpu))
        self._wall, self._cpu = wall, cpu

    def result(self) -> dict[str, Any]:
        """Medians over the steps that count."""
        counted = self._steps[self._warm_up :]
        return {
            "wall_s": statistics.median(wall for wall, _ in counted),
            "cpu_s": statistics.median(cpu for _, cpu in counted),
            "peak_mb": peak_bytes() / 1e6,
            "grown_mb": (peak_bytes() - self._held) / 1e6,
            "rewards": self.rewards,
        }


def peak_bytes() -> int:
    """The largest resident set so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Watch:
    """Our trainer's display: takes the time of every step."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def step(self, record: StepRecord) -> None:
        """A step has finished."""
        self._meter.step()
        self._meter.rewards.append(record.metrics["rollout/reward"])

    def game(self, episode: Episode) -> None:
        """Not shown."""

    def warn(self, text: str) -> None:
        """Not shown."""

    def phase(self, text: str) -> None:
        """Not shown."""


def run_ours(style: Style, games: int, steps: int, warm_up: int, seed: int) -> dict[str, Any]:
    """Our trainer as `wordle-rl train` calls it, without validation."""
    config = fill_defaults(
        parse(
            TrainConfig,
            {
                "model": {"path": "nano", "device": "cpu", "max_new_tokens": ANSWER_TOKENS[style]},
                "rollout": {"tasks_per_step": games // GROUP, "group_size": GROUP},
                "train": {
                    "steps": steps,
                    "lr": LR,
                    "warmup_steps": 0,
                    "seed": seed,
                    "tokens_per_row": float(ANSWER_TOKENS[style]),
                    "micro_batch_tokens": MICRO_BATCH_TOKENS,
                },
                "eval": {"every_steps": 0},
                "save": {"checkpoint_every_steps": steps},
            },
        )
    )
    agent = load_policy(config.model, config.lora, seed=seed)
    agent.read_as(style)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(Path(folder) / "run")
        run.create("", {})
        meter = Meter(warm_up)
        train(agent, config, run, display=Watch(meter))
    return meter.result()


def run_trl(
    style: Style, games: int, steps: int, warm_up: int, seed: int, setting: str
) -> dict[str, Any]:
    """TRL's trainer in one of `SETTINGS`."""
    trl: Any = import_module("trl")
    callbacks: Any = import_module("transformers.trainer_callback")
    chosen = SETTINGS[setting]
    path = str(built_in_path("nano"))
    model = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=chosen.get("weights", "float32"),
        attn_implementation=chosen.get("attention", "sdpa"),
    )
    env = EnvSection(id="wordle")
    made: list[GenerateAgent] = []

    def play(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        if not made:
            made.append(trl_agent(trainer, style))
        tasks = [task_of(env, prompt) for prompt in prompts]
        episodes = play_games(
            made[0],
            tasks,
            make_env=lambda task: training_env(env, task, style),
            temperature=trainer.temperature,
            seeds=[seed * 1000 + trainer.state.global_step] * len(tasks),
        )
        return columns_of(episodes)

    trainer = trl.GRPOTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(path),
        args=trl_settings(style, games, steps, seed, chosen),
        train_dataset=import_module("datasets").Dataset.from_list(
            [task_row(number) for number in range(20_000)]
        ),
        rollout_func=play,
        reward_funcs=earned,
    )
    meter = Meter(warm_up)

    class Clock(callbacks.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            meter.step()

    trainer.add_callback(Clock())
    trainer.train()
    meter.rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    return meter.result()


def trl_settings(style: Style, games: int, steps: int, seed: int, chosen: Mapping[str, Any]) -> Any:
    """A `GRPOConfig` of the same algorithm, learning rate and games a step as ours."""
    trl: Any = import_module("trl")
    rows = min(chosen.get("rows", games), games)
    return trl.GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=games // rows,
        num_generations=GROUP,
        max_completion_length=ANSWER_TOKENS[style],
        max_steps=steps,
        learning_rate=LR,
        lr_scheduler_type="constant",
        adam_beta2=0.95,
        max_grad_norm=1.0,
        loss_type="dr_grpo",
        scale_rewards="none",
        beta=0.0,
        temperature=1.0,
        logging_steps=1,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=chosen.get("bf16", False),
        gradient_checkpointing=False,
        disable_tqdm=True,
        seed=seed,
    )


def trl_agent(trainer: Any, style: Style) -> GenerateAgent:
    """Plays by TRL's own generation, a call a turn."""
    reader = load_language_agent("nano", device="cpu")  # its tokenizer and chat; it never plays

    def answers(contexts: list[tuple[int, ...]]) -> list[list[int]]:
        prompts = [list(ids) for ids in contexts]
        said, _ = trainer._generate_single_turn(prompts, None, {}, GROUP)
        return cast(list[list[int]], said)

    return GenerateAgent(reader, style, answers)


def in_process(*arguments: object, threads: int) -> dict[str, Any]:
    """What one side measures in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.step_vs_trl", *map(str, arguments)]
    environ = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "TRL_EXPERIMENTAL_SILENCE": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, cwd=ROOT, check=False
    )
    if done.returncode:
        raise click.ClickException(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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


def plot(found: dict[Side, list[dict[str, Any]]], path: Path, title: str) -> None:
    """Mean reward of a step over steps, and over processor seconds: all rounds, and their mean."""
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
        seconds = statistics.median(row["cpu_s"] for row in rounds)
        for axis, scale in zip(axes, (1.0, seconds), strict=True):
            places = [scale * step for step in steps]
            axis.plot(places, mean, color=colour, label=label)
            axis.fill_between(places, lowest, highest, color=colour, alpha=0.2, linewidth=0)
    axes[0].set(xlabel="step", ylabel="share of games won", title=title)
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    axes[1].set(xlabel="processor seconds", title=f"mean of {SMOOTH} steps; {len(rounds)} rounds")
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
@click.option("--games", default=256, show_default=True, help="Games a step, in groups of 16.")
@click.option("--steps", default=20, show_default=True)
@click.option("--warm-up", default=2, show_default=True, help="Steps that are not counted.")
@click.option("--rounds", default=3, show_default=True, help="Each with a seed of its own.")
@click.option("--threads", default=1, show_default=True)
@click.option("--setting", type=click.Choice(list(SETTINGS)), help="Of TRL; default: the best.")
@click.option("--picture", type=click.Path(path_type=Path), help="Where to draw the curves.")
@click.option("--search", is_flag=True, help="Time every setting of TRL instead.")
@click.option("--side", type=click.Choice(["ours", "trl"]), hidden=True)
@click.option("--seed", default=0, hidden=True)
def main(
    style: Style,
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
    chosen = setting or BEST[style]
    if side is not None:
        torch.set_num_threads(threads)
        keep_freed_memory()
        if side == "ours":
            result = run_ours(style, games, steps, warm_up, seed)
        else:
            result = run_trl(style, games, steps, warm_up, seed, chosen)
        click.echo(json.dumps(result))
        return
    shape = ("--style", style, "--games", games, "--warm-up", warm_up, "--threads", threads)
    if search:
        for name in SETTINGS:
            trl = ("--side", "trl", "--steps", steps, "--setting", name)
            timed = in_process(*trl, *shape, threads=threads)
            click.echo(f"{name:45} {timed['cpu_s']:7.2f} s  {timed['peak_mb']:6.0f} MB")
        return
    found: dict[Side, list[dict[str, Any]]] = {"ours": [], "trl": []}
    for number in range(rounds):
        for each, rows in found.items():
            arguments = ("--side", each, "--seed", number, "--steps", steps, "--setting", chosen)
            rows.append(in_process(*arguments, *shape, threads=threads))
            last = {name: round(rows[-1][name], 2) for name in NAMES}
            click.echo(f"round {number + 1}, {each}: {last}", err=True)
    products = pick_dtype("auto", torch.device("cpu"))
    click.echo(
        f"{style}, {games} games a step, {steps} steps ({warm_up} of them warm-up), "
        f"{rounds} rounds, {threads} thread(s); products in {products}; "
        f"TRL {version('trl')} with {chosen}, transformers {version('transformers')}"
    )
    click.echo(table(found))
    if picture is not None:
        plot(found, picture, f"Wordle, {style}, {games} games a step")


if __name__ == "__main__":
    main()
