"""What logits a few at a time, and activations computed again, are worth in memory and time.

    python -m benchmarks.logits [--vocabulary 151936] [--tokens 2048] [--rounds 3] [--threads 1]

One forward and backward pass over a micro-batch of a random Qwen3 with the vocabulary of the
published ones, every token trained, in float32. Each way runs in a process of its own, the ways
take turns. Peak memory is the largest resident set of the process less what it held before the
pass, model included. Seconds are those of the processor (with one thread the time on an idle
machine; a busy one does not count), medians over rounds.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import click
import torch
from transformers import AutoModelForCausalLM, Qwen3Config

from wordle_rl.agents import logprobs
from wordle_rl.agents.halves import recompute_layers

ROOT = Path(__file__).resolve().parents[1]
WAYS = ("all logits at once", "a few at a time", "a few, activations again")


def measure(way: str, vocabulary: int, tokens: int, layers: int) -> dict[str, float]:
    """Seconds and GB of one pass."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        Qwen3Config(
            vocab_size=vocabulary,
            hidden_size=256,
            intermediate_size=768,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=64,
            tie_word_embeddings=True,
        )
    ).eval()
    if way == WAYS[0]:
        logprobs.LOGITS_AT_ONCE = tokens * vocabulary
    if way == WAYS[2]:
        recompute_layers(model)
    ids = torch.randint(5, vocabulary, (tokens // 128, 128))
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, 0] = False
    held = _peak_bytes()
    began = time.process_time()
    found, _ = logprobs.token_logprobs(model, ids, mask, share_prompt=False)
    torch.autograd.backward(-found.mean())
    return {"seconds": time.process_time() - began, "gb": (_peak_bytes() - held) / 1e9}


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@click.command()
@click.option("--vocabulary", default=151_936, show_default=True)
@click.option("--tokens", default=2048, show_default=True, help="In rows of 128.")
@click.option("--layers", default=8, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--way", type=click.Choice(WAYS), hidden=True, help="Measure one way and print it.")
def main(
    vocabulary: int, tokens: int, layers: int, rounds: int, threads: int, way: str | None
) -> None:
    """Measure the ways in turn and print a table."""
    if way is not None:
        click.echo(json.dumps(measure(way, vocabulary, tokens, layers)))
        return
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    environ = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    sizes = ["--vocabulary", str(vocabulary), "--tokens", str(tokens), "--layers", str(layers)]
    for _ in range(rounds):
        for each in WAYS:
            command = [sys.executable, "-m", "benchmarks.logits", *sizes, "--way", each]
            done = subprocess.run(
                command, capture_output=True, text=True, check=True, env=environ, cwd=ROOT
            )
            found[each].append(json.loads(done.stdout))
    for each, rows in found.items():
        seconds = statistics.median(row["seconds"] for row in rows)
        peak = statistics.median(row["gb"] for row in rows)
        click.echo(f"{each:26} {seconds:6.1f} s  {peak:5.2f} GB")


if __name__ == "__main__":
    main()
