"""The memory that the presets for language models need, as the table of docs/models.md.

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
            config, make_env("wordle"), OPENING_TOKENS, config.model.max_new_tokens or 64
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


@click.command()
def main() -> None:
    """Print the table."""
    click.echo("\n".join(rows()))


if __name__ == "__main__":
    main()
