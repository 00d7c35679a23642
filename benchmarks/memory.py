"""The memory that language models need, as the tables of docs/models.md and docs/scaling.md.

    python benchmarks/memory.py

An estimate from published sizes (`training/memory.py`); no weights and no network are needed.
"""

from __future__ import annotations

from typing import Any

import click
import torch
from transformers import Gemma3TextConfig, PretrainedConfig, Qwen3Config

from wordle_rl.config import TrainConfig, parse, read_preset
from wordle_rl.envs import make_env
from wordle_rl.training.algorithms import fill_defaults
from wordle_rl.training.memory import GB, memory_of, shape_of, workload_of

OPENING_TOKENS = 180
"""Of Wordle's first prompt in plain English, with a vocabulary of 150,000 tokens or more."""


def published() -> dict[str, PretrainedConfig]:
    """The configurations of the presets' models, as far as sizes go."""
    qwen3 = {
        "vocab_size": 151_936,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    }
    return {
        "qwen3-0.6b": Qwen3Config(hidden_size=1024, intermediate_size=3072, **qwen3),
        "qwen3-1.7b": Qwen3Config(hidden_size=2048, intermediate_size=6144, **qwen3),
        "gemma-3-1b": Gemma3TextConfig(
            vocab_size=262_144,
            hidden_size=1152,
            intermediate_size=6912,
            num_hidden_layers=26,
            num_attention_heads=4,
            num_key_value_heads=1,
            head_dim=256,
        ),
    }


QWEN3_8B = Qwen3Config(
    vocab_size=151_936,
    hidden_size=4096,
    intermediate_size=12_288,
    num_hidden_layers=36,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
    tie_word_embeddings=False,
)
"""Larger than any preset's."""
STEP: dict[str, dict[str, Any]] = {
    "model": {"max_new_tokens": 24},
    "rollout": {"tasks_per_step": 16, "group_size": 8},
    "train": {"micro_batch_tokens": 2048, "shard": True},
}
"""A step of the 8 B model."""
LARGE: dict[str, tuple[int, int, bool]] = {
    "one device, LoRA of rank 32": (1, 32, False),
    "one device, LoRA, checkpointing": (1, 32, True),
    "8 devices, all weights": (8, 0, False),
    "8 devices, all weights, checkpointing": (8, 0, True),
    "8 devices, LoRA, checkpointing": (8, 32, True),
}
"""How an 8 B model is trained -> processes, rank, activations computed again."""


WAYS: dict[str, dict[str, dict[str, Any]]] = {
    "all weights": {"lora": {"rank": 0}},
    "LoRA, rank 32": {"lora": {"rank": 32}},
    "LoRA, checkpointing": {"lora": {"rank": 32}, "model": {"gradient_checkpointing": True}},
    "QLoRA, rank 32": {"lora": {"rank": 32, "bits": 4}},
}
"""What is changed of a preset."""


def rows() -> list[str]:
    """The table in markdown, in GB of 10^9 bytes."""
    head = "| preset | parameters | trained | weights | training | playing | updating | peak |"
    lines = [head, "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, described in published().items():
        config = fill_defaults(parse(TrainConfig, read_preset(name)))
        shape = shape_of(described)
        workload = workload_of(
            config, make_env("wordle").public(), OPENING_TOKENS, config.model.max_new_tokens or 64
        )
        for way, changes in WAYS.items():
            sections = {
                name: getattr(config, name).model_copy(update=values)
                for name, values in changes.items()
            }
            chosen = config.model_copy(update=sections)
            memory = memory_of(shape, workload, chosen, torch.bfloat16)
            own = chosen == config
            numbers = (
                memory.weights,
                memory.training,
                memory.playing,
                memory.updating,
                memory.peak,
            )
            cells = [f"{number / GB:.1f}" for number in numbers]
            label = f"**{way}**" if own else way
            lines.append(
                f"| {name} | {shape.parameters / GB:.2f} B | {label} | {' | '.join(cells)} |"
            )
    return lines


def large_rows() -> list[str]:
    """The table of the 8 B model in markdown: GB of each device, with `train.shard`."""
    head = "| Qwen3-8B | weights | training | playing | of it gathered | updating | peak |"
    lines = [head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    shape = shape_of(QWEN3_8B)
    for name, (processes, rank, again) in LARGE.items():
        model = {**STEP["model"], "gradient_checkpointing": again}
        config = fill_defaults(parse(TrainConfig, {**STEP, "model": model, "lora": {"rank": rank}}))
        work = workload_of(config, make_env("wordle").public(), OPENING_TOKENS, 24, processes)
        found = memory_of(shape, work, config, torch.bfloat16, processes)
        numbers = (
            found.weights,
            found.training,
            found.playing,
            found.gathered,
            found.updating,
            found.peak,
        )
        lines.append(f"| {name} | {' | '.join(f'{n / GB:.1f}' for n in numbers)} |")
    return lines


@click.command()
def main() -> None:
    """Print the tables."""
    click.echo("\n".join([*rows(), "", *large_rows()]))


if __name__ == "__main__":
    main()
