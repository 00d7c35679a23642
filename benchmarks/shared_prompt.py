"""The training forward with a group's prompt computed once against the plain one, in one run.

    python benchmarks/shared_prompt.py [--games 64] [--rounds 5] [--model nano]

Plays real groups, then times forward and backward of the same samples both ways, alternating. Also
prints the largest relative difference of the gradients.
"""

from __future__ import annotations

import statistics
import time

import click
import torch

from wordle_rl.agents.device import autocast
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.envs import make_env
from wordle_rl.envs.base import Style
from wordle_rl.records import Batch, Task
from wordle_rl.rollout import rollout
from wordle_rl.training.batch import build_samples, collate, episode_turns


def played_batch(agent: LanguageAgent, style: Style, games: int) -> Batch:
    """One batch of real games, 16 a secret."""
    agent._style = style
    groups = rollout(
        agent,
        [Task(env_id="wordle", task_id=str(p), seed=p) for p in range(max(games // 16, 1))],
        16,
        make_env=lambda task: make_env("wordle", style=style, history="last", split="train"),
        temperature=1.0,
        seed=0,
    )
    samples = [
        sample
        for group in groups
        for episode in group.episodes
        for sample in build_samples(episode_turns(episode, [1.0] * len(episode.turns)))
    ]
    return collate(samples, agent.pad_id, agent.device)


def timed(agent: LanguageAgent, batch: Batch, share: bool) -> tuple[float, torch.Tensor]:
    """Seconds of forward and backward, and the gradient as one vector."""
    agent.model.zero_grad(set_to_none=True)
    began = time.perf_counter()
    with autocast(agent.device, agent.compute_dtype):
        logprobs, _ = token_logprobs(
            agent.model, batch.input_ids, batch.loss_mask, share_prompt=share
        )
    torch.autograd.backward(logprobs.sum())
    elapsed = time.perf_counter() - began
    grads = [p.grad.flatten() for p in agent.model.parameters() if p.grad is not None]
    return elapsed, torch.cat(grads)


@click.command()
@click.option("--games", default=64, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--model", default="nano", show_default=True)
@click.option("--style", "styles", multiple=True, default=("compact", "chat"))
def main(games: int, rounds: int, model: str, styles: tuple[Style, ...]) -> None:
    """Time the update with and without the shared prompt."""
    for style in styles:
        agent = load_language_agent(model)
        batch = played_batch(agent, style, games)
        seconds: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(rounds + 1):
            for share in seconds:
                seconds[share].append(timed(agent, batch, share)[0])
        medians = {share: statistics.median(values[1:]) for share, values in seconds.items()}
        exact = load_language_agent(model, dtype="float32")
        with_sharing, plain = (timed(exact, batch, share)[1] for share in (True, False))
        error = float((with_sharing - plain).norm() / plain.norm())
        click.echo(
            f"{style:8} {len(batch.input_ids)} rows of {batch.input_ids.shape[1]} tokens: "
            f"shared {medians[True]:.3f} s, plain {medians[False]:.3f} s, "
            f"{medians[False] / medians[True]:.2f}x; gradients differ by {error:.1e} (float32)"
        )


if __name__ == "__main__":
    main()
