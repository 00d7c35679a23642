"""Models of random weights in the sizes of published ones: speed and memory without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, Qwen3Config, Qwen3ForCausalLM

from wordle_rl.agents.nano import SPECIAL_TOKENS, byte_tokenizer

SIZES: dict[str, dict[str, Any]] = {
    "qwen3-0.6b": {
        "vocab_size": 151_936,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
    },
    "small": {
        "vocab_size": 512,
        "hidden_size": 64,
        "intermediate_size": 192,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
    },
}
"""Name -> what a Qwen3Config is told. `small` is to see that a script works."""


def random_qwen3(name: str, device: torch.device | str = "cpu") -> Qwen3ForCausalLM:
    """A model in one of `SIZES`, in float32; its tokens above 260 spell nothing."""
    torch.manual_seed(0)
    config = Qwen3Config(
        **SIZES[name],
        tie_word_embeddings=True,
        max_position_embeddings=4096,
        pad_token_id=SPECIAL_TOKENS.index("<|pad|>"),
        eos_token_id=SPECIAL_TOKENS.index("<|end|>"),
        bos_token_id=None,
    )
    with torch.device(device):
        return Qwen3ForCausalLM(config)


def random_gemma3(device: torch.device | str = "cpu") -> Gemma3ForCausalLM:
    """A small model of which every other layer sees 64 tokens back, in float32.

    Its weights are drawn wide enough that a token more or less in the window shows.
    """
    torch.manual_seed(0)
    config = Gemma3TextConfig(
        vocab_size=512,
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        sliding_window=64,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=4096,
        pad_token_id=SPECIAL_TOKENS.index("<|pad|>"),
        eos_token_id=SPECIAL_TOKENS.index("<|end|>"),
        bos_token_id=None,
    )
    with torch.device(device):
        model = Gemma3ForCausalLM(config)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def write_random(name: str, folder: Path) -> None:
    """A folder that loads like any model's; the weights are written in bfloat16."""
    random_qwen3(name).bfloat16().save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
