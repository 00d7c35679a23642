"""The two sides of `step_vs_trl`, each run in a process of its own: our trainer, and TRL's.

What is measured of a step: seconds of the processor and of the wall, and the largest memory, that
of the process on a CPU and that of the device elsewhere.
"""

from __future__ import annotations

import random
import resource
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click
import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.rollout import GenerateAgent
from benchmarks.roofline import layer_weights, memory_speed, product_speed, wait
from wordle_rl.agents.halves import plain
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.config import EnvSection, TrainConfig, parse
from wordle_rl.envs.base import Style
from wordle_rl.envs.rewards import Outcome, RewardParts
from wordle_rl.records import Episode, StepRecord
from wordle_rl.rollout import play_games
from wordle_rl.run_dir import RunDir
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.games import training_env
from wordle_rl.training.policy import load_policy
from wordle_rl.training.trainer import train
from wordle_rl.training.trl_games import columns_of, earned, task_of, task_row

GROUP = 16
LR = {"wins": 3e-4, "lottery": 1e-9}
"""By reward. Constant: the warm-ups of the two begin differently, TRL's with a step at rate 0.
There is nothing to learn in a lottery, and at a rate that moves the policy each side would drift
its own way, to longer or shorter answers: at this one both play alike games throughout."""
ANSWER_TOKENS: dict[Style, int] = {"compact": 12, "chat": 24}
"""Longest answer; nano's own in its notation."""
MICRO_BATCH_TOKENS = {("cpu", "compact"): 2048, ("cpu", "chat"): 16384}
"""Ours by device and style. Rows of a few dozen tokens gain nothing from larger ones and take less
memory in small ones; long rows share their prompt with those of the same micro-batch alone."""
MICRO_BATCH_ELSEWHERE = 16384
REWARDS = {"wins": "binary", "lottery": "benchmarks.step_sides:lottery"}
"""What a game pays. A model that wins nothing needs the lottery: our trainer drops groups in which
all games earned the same, and a step without an update is no whole step."""
SETTINGS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bf16 autocast": {"bf16": True},
    "bf16 autocast, eager attention": {"bf16": True, "attention": "eager"},
    "bf16 autocast, micro-batches of 64": {"bf16": True, "rows": 64},
    "bf16 autocast, eager, micro-batches of 64": {"bf16": True, "attention": "eager", "rows": 64},
    "bf16 autocast, eager, micro-batches of 32": {"bf16": True, "attention": "eager", "rows": 32},
    "bf16 autocast, micro-batches of 16": {"bf16": True, "rows": 16},
    "bf16 weights": {"bf16": True, "weights": "bfloat16"},
    "bf16 weights, eager attention": {"bf16": True, "weights": "bfloat16", "attention": "eager"},
}
"""What was tried for TRL. Gradient checkpointing, which it has on by default, costs time and is
off; so are its reference model (beta 0) and logging of completions."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What both sides do."""

    model: str
    """The folder of the model."""
    device: str
    style: Style
    reward: str
    """One of `REWARDS`."""
    games: int
    steps: int
    warm_up: int
    seed: int


def lottery(_outcome: Outcome) -> RewardParts:
    """A reward that no policy can earn: every action draws one."""
    return {"lottery": random.random()}


class Meter:
    """Seconds, memory and rewards of the steps of a process."""

    def __init__(self, warm_up: int, device: str = "cpu") -> None:
        self._warm_up = warm_up
        self._device = torch.device(device)
        self._held = peak_bytes(self._device)
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self._steps: list[tuple[float, float]] = []
        self.rewards: list[float] = []

    def step(self) -> None:
        """A step is over."""
        wait(self._device)
        wall, cpu = time.perf_counter(), time.process_time()
        self._steps.append((wall - self._wall, cpu - self._cpu))
        self._wall, self._cpu = wall, cpu

    def result(self) -> dict[str, Any]:
        """Medians over the steps that count."""
        counted = self._steps[self._warm_up :]
        peak = peak_bytes(self._device)
        return {
            "wall_s": statistics.median(wall for wall, _ in counted),
            "cpu_s": statistics.median(cpu for _, cpu in counted),
            "peak_mb": peak / 1e6,
            "grown_mb": (peak - self._held) / 1e6,
            "rewards": self.rewards,
        }


def peak_bytes(device: torch.device) -> int:
    """The most that tensors took on the device so far; on a CPU the largest resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
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


class Roofs(Watch):
    """How near playing comes to the speed of memory, and updating to that of products.

    A pass without gradient reads all weights once. One with gradient costs six operations a token
    and weight of the layers; the head, at trained tokens only, is left out.
    """

    def __init__(self, meter: Meter, agent: LanguageAgent, warm_up: int) -> None:
        super().__init__(meter)
        self._agent, self._warm_up = agent, warm_up
        self._passes = self._tokens = 0
        self._rates: list[tuple[float, float]] = []
        agent.model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _model: nn.Module, _given: Any, named: Mapping[str, Any]) -> None:
        if torch.is_grad_enabled():
            self._tokens += named["input_ids"].numel()
        else:
            self._passes += 1

    def step(self, record: StepRecord) -> None:
        """A step has finished."""
        super().step(record)
        times = record.metrics
        if not self._tokens:
            raise click.ClickException("a step without an update: use --reward lottery")
        rates = self._passes / times["time/rollout_s"], self._tokens / times["time/update_s"]
        self._rates.append(rates)
        self._passes = self._tokens = 0

    def shares(self) -> dict[str, float]:
        """Medians over the steps that count: `decode_share` and `update_share`."""
        agent, dtype = self._agent, self._agent.compute_dtype
        everything = sum(p.numel() for p in plain(agent.model).parameters())
        layers = layer_weights(plain(agent.model))
        passes, tokens = (
            statistics.median(r) for r in zip(*self._rates[self._warm_up :], strict=True)
        )
        read = passes * everything * dtype.itemsize
        return {
            "decode_share": read / memory_speed(agent.device),
            "update_share": 6 * layers * tokens / product_speed(agent.device, dtype),
        }


def run_ours(work: Work) -> dict[str, Any]:
    """Our trainer as `wordle-rl train` calls it, without validation."""
    config = fill_defaults(
        parse(
            TrainConfig,
            {
                "model": {
                    "path": work.model,
                    "device": work.device,
                    "max_new_tokens": ANSWER_TOKENS[work.style],
                },
                "env": {"reward": REWARDS[work.reward]},
                "rollout": {"tasks_per_step": work.games // GROUP, "group_size": GROUP},
                "train": {
                    "steps": work.steps,
                    "lr": LR[work.reward],
                    "warmup_steps": 0,
                    "seed": work.seed,
                    "tokens_per_row": float(ANSWER_TOKENS[work.style]),
                    "micro_batch_tokens": MICRO_BATCH_TOKENS.get(
                        (work.device, work.style), MICRO_BATCH_ELSEWHERE
                    ),
                },
                "eval": {"every_steps": 0},
                "save": {"checkpoint_every_steps": work.steps},
            },
        )
    )
    agent = load_policy(config.model, config.lora, seed=work.seed)
    agent.read_as(work.style)
    with tempfile.TemporaryDirectory() as folder:
        run = RunDir(Path(folder) / "run")
        run.create("", {})
        meter = Meter(work.warm_up, work.device)
        watch = Roofs(meter, agent, work.warm_up)
        train(agent, config, run, display=watch)
    found = meter.result()
    if work.device == "cuda":
        torch.cuda.empty_cache()
        found |= watch.shares()
    return found


def run_trl(work: Work, setting: str) -> dict[str, Any]:
    """TRL's trainer in one of `SETTINGS`."""
    trl: Any = import_module("trl")
    callbacks: Any = import_module("transformers.trainer_callback")
    chosen = SETTINGS[setting]
    model = AutoModelForCausalLM.from_pretrained(
        work.model,
        dtype=chosen.get("weights", "float32"),
        attn_implementation=chosen.get("attention", "sdpa"),
    )
    env = EnvSection(id="wordle", reward=REWARDS[work.reward])
    made: list[GenerateAgent] = []

    def play(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        if not made:
            made.append(trl_agent(trainer, work))
        tasks = [task_of(env, prompt) for prompt in prompts]
        episodes = play_games(
            made[0],
            tasks,
            make_env=lambda task: training_env(env, task, work.style),
            temperature=trainer.temperature,
            seeds=[work.seed * 1000 + trainer.state.global_step] * len(tasks),
        )
        return columns_of(episodes)

    trainer = trl.GRPOTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(work.model),
        args=trl_settings(work, chosen),
        train_dataset=import_module("datasets").Dataset.from_list(
            [task_row(number) for number in range(20_000)]
        ),
        rollout_func=play,
        reward_funcs=earned,
    )
    meter = Meter(work.warm_up, work.device)

    class Clock(callbacks.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            meter.step()

    trainer.add_callback(Clock())
    trainer.train()
    meter.rewards = [row["reward"] for row in trainer.state.log_history if "reward" in row]
    return meter.result()


def trl_settings(work: Work, chosen: Mapping[str, Any]) -> Any:
    """A `GRPOConfig` of the same algorithm, learning rate and games a step as ours."""
    trl: Any = import_module("trl")
    rows = min(chosen.get("rows", work.games), work.games)
    return trl.GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=work.games // rows,
        num_generations=GROUP,
        max_completion_length=ANSWER_TOKENS[work.style],
        max_steps=work.steps,
        learning_rate=LR[work.reward],
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
        use_cpu=work.device == "cpu",
        bf16=chosen.get("bf16", False),
        gradient_checkpointing=False,
        disable_tqdm=True,
        seed=work.seed,
    )


def trl_agent(trainer: Any, work: Work) -> GenerateAgent:
    """Plays by TRL's own generation, a call a turn.

    The reader turns text into tokens and back, and never plays: its weights take no memory.
    """
    reader = load_language_agent(work.model, device="cpu")
    nn.Module.to(reader.model, "meta")

    def answers(contexts: list[tuple[int, ...]]) -> list[list[int]]:
        prompts = [list(ids) for ids in contexts]
        said, _ = trainer._generate_single_turn(prompts, None, {}, GROUP)
        return cast(list[list[int]], said)

    return GenerateAgent(reader, work.style, answers)
