"""Ten minutes on a new GPU: is everything right that a GPU changes, and how fast is it?

    python -m scripts.gpu_check                       # a random Qwen3-0.6B on the GPU
    python -m scripts.gpu_check --device cpu --quick  # a small model, to see that the script works

No weights are downloaded: the model is made at random in the sizes of the published one. Every
check prints a row of the table at the end: what, how much, and whether it is right. The exit code
is 1 if one is not. When the time is up, the check that runs is stopped and the rest are left out;
both are named.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, cast

import click
import torch
from torch import Tensor

from benchmarks.random_model import random_gemma3, random_qwen3
from benchmarks.roofline import best_seconds, layer_weights, memory_speed, product_speed
from wordle_rl.agents.device import autocast, pick_device, without_gradient
from wordle_rl.agents.halves import recompute_layers
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.lora import add_lora, hold_frozen_weights_in
from wordle_rl.agents.nano import byte_tokenizer
from wordle_rl.agents.step_graphs import cuda_graph
from wordle_rl.config import TrainConfig, parse
from wordle_rl.envs import make_env
from wordle_rl.errors import ModelError
from wordle_rl.records import Batch, Episode, EpisodeGroup, Task
from wordle_rl.rollout import rollout
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.batch import build_samples, collate, episode_turns
from wordle_rl.training.memory import GB, Workload, hint_at_memory, memory_of, shape_of
from wordle_rl.training.optim import adamw, take_step

LIMIT_S = 600.0
ANSWER_TOKENS = 24
LOGPROB_TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1}
"""Largest difference between sampler and trainer; bf16 keeps eight bits of logits of about 10."""
MEMORY_TOLERANCE = 0.4
"""The estimate of memory may be off by so much of what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table."""

    what: str
    found: str
    right: bool | None
    """None where there is nothing to be right or wrong."""


@dataclass(slots=True, kw_only=True)
class Bench:
    """What the checks share."""

    agent: LanguageAgent
    games: int
    quick: bool
    episodes: list[Episode] = field(default_factory=list)
    playing_s: float = 0.0
    """How long these took."""
    batch: Batch | None = None

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        return self.agent.device

    @property
    def cuda(self) -> bool:
        """Whether that is an NVIDIA GPU, or one that speaks as if."""
        return self.device.type == "cuda"

    @property
    def weights(self) -> int:
        """Parameters of the model."""
        return sum(p.numel() for p in self.agent.model.parameters())

    def seconds(self, run: Callable[[], Any], rounds: int = 3) -> float:
        """The best of some rounds, after one that warms up."""
        return best_seconds(run, self.device, 1 if self.quick else rounds)

    def play(self) -> tuple[float, list[Episode]]:
        """Seconds that the games take, and the games: the same ones at every call."""
        played: list[EpisodeGroup] = []

        def run() -> None:
            played[:] = rollout(
                self.agent,
                [Task(env_id="wordle", task_id=str(p), seed=p) for p in range(self.games // 4)],
                4,
                make_env=lambda _: make_env("wordle", style="chat", history="last", split="train"),
                temperature=1.0,
                seed=0,
            )

        seconds = self.seconds(run, rounds=1)
        return seconds, [episode for group in played for episode in group.episodes]

    def rows(self) -> Batch:
        """A micro-batch of the games that were played."""
        if self.batch is None:
            self.batch = self.rows_of(self.episodes)
        return self.batch

    def rows_of(self, episodes: Sequence[Episode]) -> Batch:
        """The first games as rows to train on."""
        samples = [
            sample
            for episode in episodes[: 4 if self.quick else 16]
            for sample in build_samples(episode_turns(episode, [1.0] * len(episode.turns)))
        ]
        return collate(samples, self.agent.pad_id, self.device)

    def update(self) -> None:
        """Forward and backward over these rows."""
        batch = self.rows()
        with autocast(self.device, self.agent.compute_dtype):
            logprobs, _ = token_logprobs(self.agent.model, batch.input_ids, batch.loss_mask)
        torch.autograd.backward(-logprobs.sum())
        self.agent.model.zero_grad(set_to_none=True)


def build(device: str, quick: bool) -> Bench:
    """A random model: the sizes of Qwen3-0.6B, or small ones."""
    model = random_qwen3("small" if quick else "qwen3-0.6b", pick_device(device))
    agent = LanguageAgent(
        model,
        byte_tokenizer(),
        name="random qwen3",
        device=device,
        max_new_tokens=ANSWER_TOKENS,
    )
    return Bench(agent=agent, games=8 if quick else 128, quick=quick)


# --- the checks


def check_device(bench: Bench) -> list[Row]:
    """What it is."""
    name = torch.cuda.get_device_name(bench.device) if bench.cuda else bench.device.type
    dtype = str(bench.agent.compute_dtype).removeprefix("torch.")
    found = f"{name}, torch {torch.__version__}, products in {dtype}"
    return [Row(what="device", found=found, right=None)]


def check_rollout(bench: Bench) -> list[Row]:
    """Games are played, how fast, and how near to the speed of memory."""
    seconds, bench.episodes = bench.play()
    bench.playing_s = seconds
    tokens = sum(
        len(turn.completion.token_ids)
        for episode in bench.episodes
        for turn in episode.turns
        if turn.completion is not None
    )
    turns = max(len(episode.turns) for episode in bench.episodes)
    # Autocast converts float32 weights once an answer, and its steps read what came of it.
    width = bench.agent.compute_dtype.itemsize
    read = bench.weights * width * turns * ANSWER_TOKENS / seconds
    share = read / memory_speed(bench.device, quick=bench.quick)
    found = f"{bench.games / seconds:.1f} games/s, {tokens / seconds:.0f} tokens/s"
    return [
        Row(what="rollout", found=found, right=len(bench.episodes) == bench.games),
        Row(what="decode, share of memory speed", found=f"{share:.0%}", right=None),
    ]


def check_agreement(bench: Bench) -> list[Row]:
    """The trainer gives sampled tokens the log-probabilities that the sampler gave them."""
    return [agreement(bench, bench.rows(), "sampler and trainer")]


def agreement(bench: Bench, batch: Batch, what: str) -> Row:
    """How far the sampler's log-probabilities are from the trainer's."""
    with without_gradient(bench.device, bench.agent.compute_dtype):
        logprobs, _ = token_logprobs(bench.agent.model, batch.input_ids, batch.loss_mask)
    worst = float((logprobs - batch.sampler_logprobs)[batch.loss_mask].abs().max())
    limit = LOGPROB_TOLERANCE[bench.agent.compute_dtype]
    found = f"differ by {worst:.1e} at most (limit {limit:g})"
    return Row(what=what, found=found, right=worst < limit)


def check_attention(bench: Bench) -> list[Row]:
    """The fused kernel computes what plain matrix products do, and how much faster."""
    model, batch, times = bench.agent.model, bench.rows(), {}
    results: dict[str, Tensor] = {}
    for name in ("eager", "sdpa"):
        model.config._attn_implementation = name
        with without_gradient(bench.device, bench.agent.compute_dtype):
            results[name] = token_logprobs(model, batch.input_ids, batch.loss_mask)[0]
        times[name] = bench.seconds(bench.update)
    worst = float((results["eager"] - results["sdpa"]).abs().max())
    found = f"{times['eager'] / times['sdpa']:.2f}x the speed of plain products, {worst:.1e} apart"
    right = worst < LOGPROB_TOLERANCE[bench.agent.compute_dtype]
    return [Row(what="fused attention", found=found, right=right)]


def check_update(bench: Bench) -> list[Row]:
    """How fast an update is, and how near to the speed of matrix products."""
    batch = bench.rows()
    seconds = bench.seconds(bench.update)
    tokens = batch.input_ids.numel()
    roof = product_speed(bench.device, bench.agent.compute_dtype, quick=bench.quick)
    share = 6 * layer_weights(bench.agent.model) * tokens / seconds / roof
    return [
        Row(what="update", found=f"{tokens / seconds:.0f} tokens/s", right=None),
        Row(what="update, share of product speed", found=f"{share:.0%}", right=None),
    ]


def check_memory(bench: Bench) -> list[Row]:
    """What a step takes against the estimate, and what computing activations again saves."""
    if not bench.cuda:
        return [Row(what="memory", found="not measured on this device", right=None)]
    model, batch = bench.agent.model, bench.rows()
    optimizer = adamw(model.parameters(), 1e-6)
    peaks = []
    for again in (False, True):
        if again:
            recompute_layers(model)
        torch.cuda.reset_peak_memory_stats(bench.device)
        for _ in range(2):
            with autocast(bench.device, bench.agent.compute_dtype):
                found, _ = token_logprobs(model, batch.input_ids, batch.loss_mask)
            torch.autograd.backward(-found.sum())
            take_step([optimizer])
        peaks.append(torch.cuda.max_memory_allocated(bench.device))
    cast(Any, model)._set_gradient_checkpointing(enable=False)
    work = Workload(games=1, tokens_per_game=1, update_tokens=batch.input_ids.numel())
    config = fill_defaults(parse(TrainConfig, {}))
    estimate = memory_of(shape_of(model.config), work, config, bench.agent.compute_dtype).peak
    off = estimate / peaks[0] - 1
    return [
        Row(
            what="memory of an update",
            found=f"{peaks[0] / GB:.1f} GB, estimated {estimate / GB:.1f} GB",
            right=abs(off) < MEMORY_TOLERANCE,
        ),
        Row(
            what="activations again",
            found=f"{peaks[1] / GB:.1f} GB",
            right=peaks[1] < peaks[0],
        ),
    ]


def check_hint(bench: Bench) -> list[Row]:
    """Running out of memory is one line."""
    if not bench.cuda:
        return [Row(what="out of memory", found="not tried on this device", right=None)]
    try:
        with hint_at_memory(fill_defaults(parse(TrainConfig, {}))):
            torch.empty(1 << 50, dtype=torch.uint8, device=bench.device)
    except ModelError as error:
        return [Row(what="out of memory", found=str(error).split(":")[0], right=True)]
    return [Row(what="out of memory", found="no error", right=False)]


def check_recorded_steps(bench: Bench) -> list[Row]:
    """Games whose decoding steps are recorded (CUDA graphs): right, and how much faster."""
    bench.agent.record = cuda_graph if bench.cuda else computed
    recorded, episodes = bench.play()
    bench.agent.record = None
    found = f"{bench.playing_s / recorded:.2f}x the games/s of plain ones"
    if not bench.cuda:
        found = "nothing is recorded on this device"
    return [
        agreement(bench, bench.rows_of(episodes), "recorded steps and trainer"),
        Row(what="recorded steps", found=found, right=None),
    ]


def computed(run: Callable[[], None]) -> Callable[[], None]:
    """Stands in for recording where there are no graphs: the step is computed anew."""
    return run


def check_window(bench: Bench) -> list[Row]:
    """Layers that see a window (Gemma 3): a small model, games longer than the window."""
    agent = LanguageAgent(
        random_gemma3(bench.device),
        byte_tokenizer(),
        name="random gemma 3",
        device=str(bench.device),
        max_new_tokens=ANSWER_TOKENS,
    )
    small = Bench(agent=agent, games=8, quick=bench.quick)
    _, small.episodes = small.play()
    return [agreement(small, small.rows(), "sliding window")]


def check_lora(bench: Bench) -> list[Row]:
    """An adapter on weights that are held as in training; the last check, for they stay so."""
    plain = bench.agent.model
    hold_frozen_weights_in(plain, bench.agent.compute_dtype)
    bench.agent.model = add_lora(plain, rank=8, alpha=16)
    generator = torch.Generator(bench.device).manual_seed(0)
    with torch.no_grad():  # an adapter that has learned nothing yet is zero
        for name, weight in bench.agent.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.02, generator=generator)
    _, bench.episodes = bench.play()
    bench.batch = None
    seconds = bench.seconds(bench.update)
    found = f"{bench.rows().input_ids.numel() / seconds:.0f} tokens/s"
    return [
        agreement(bench, bench.rows(), "LoRA"),
        Row(what="LoRA, update", found=found, right=None),
    ]


CHECKS: Sequence[Callable[[Bench], list[Row]]] = (
    check_device,
    check_rollout,
    check_agreement,
    check_attention,
    check_update,
    check_memory,
    check_hint,
    check_recorded_steps,
    check_window,
    check_lora,
)
"""In this order: the first ones are what the later ones need."""


WIDTH = 40
"""Of the column of names."""


class OutOfTime(Exception):
    """The time for all checks is up."""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in what runs for longer; on systems without that signal nothing is stopped.

    A kernel that is under way on the device is waited for.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run_checks(bench: Bench, limit_s: float) -> Iterator[Row]:
    """The rows of all checks for which there is time, as they are found; a failure is one."""
    began = time.perf_counter()
    for check in CHECKS:
        left = limit_s - (time.perf_counter() - began)
        if left <= 0:
            yield Row(what=check.__name__, found="left out: no time", right=None)
            continue
        try:
            with stopped_after(left):
                rows = check(bench)
        except OutOfTime:
            rows = [Row(what=check.__name__, found="stopped: no time", right=None)]
        except Exception as error:  # a device can fail in any way, and the others are still told
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            rows = [Row(what=check.__name__, found=f"failed: {reason}", right=False)]
        yield from rows


@click.command()
@click.option("--device", default="auto", show_default=True)
@click.option("--quick", is_flag=True, help="A small model and few games.")
@click.option("--limit-s", default=LIMIT_S, show_default=True, help="Stop after that.")
def main(device: str, quick: bool, limit_s: float) -> None:
    """Check and time what a GPU changes."""
    began = time.perf_counter()
    bench = build(device, quick)
    rows = []
    for row in run_checks(bench, limit_s - (time.perf_counter() - began)):
        rows.append(row)
        verdict = {True: "right", False: "WRONG", None: ""}[row.right]
        click.echo(f"{row.what:{WIDTH}}  {verdict:5}  {row.found}")
    sys.exit(any(row.right is False for row in rows))


if __name__ == "__main__":
    main()
