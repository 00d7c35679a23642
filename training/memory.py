"""How much memory a run needs, before it starts: weights, games under way, one micro-batch.

In: a model's configuration (no weights are read) and the settings. Out: bytes by what they are for.
The largest of playing and updating, beside what is always there, is the peak. Sizes of tensors are
counted, not measured; what the allocator and the libraries need comes on top (about 1 GB on CUDA).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig

from wordle_rl.agents.logprobs import LOGITS_AT_ONCE
from wordle_rl.config import TrainConfig
from wordle_rl.envs.base import TextEnv
from wordle_rl.errors import ModelError

GB = 1e9
FLOAT32 = 4
FOUR_BITS = 0.516
"""Bytes of a weight in NF4 with double quantisation: 4 bits, and 0.127 for its block's scale."""
ADAM = 2
"""Moments of AdamW, in float32 as the gradient."""
SAMPLING = 2 * FLOAT32 + 2 * 8
"""Bytes of a vocabulary entry while a token is drawn: logits, log-softmax, float64 sums."""
LOSS = 5 * FLOAT32
"""Bytes of a logit in a loss: itself, log-softmax, entropy, and two gradients."""
TURN_TOKENS = 40
"""Tokens that a game says between two answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a model."""

    parameters: int
    linear: int
    """Of these, weights of linear layers other than the head: what LoRA adapts, QLoRA quantises."""
    sides: int
    """Sum of inputs and outputs of those layers: adapters of rank r have r times as many."""
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int

    @property
    def cache_entries(self) -> int:
        """Keys and values of a token in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim

    def activation_bytes(self, width: int) -> int:
        """What the backward pass reads again, for each token.

        In a layer: the residual stream and its norms, which stay in float32; queries, keys and
        values before and after their positions, what attention returns, and four vectors of the
        gated MLP, in the `width` bytes that products run in. Within 30 % of what autograd keeps of
        Qwen3 and Gemma 3 (`tests/test_memory.py`).
        """
        queries = (self.heads + 2 * self.kv_heads) * self.head_dim
        products = 3 * queries + self.heads * self.head_dim + 4 * self.intermediate
        return self.layers * (10 * self.hidden * FLOAT32 + products * width)

    def checkpointed_bytes(self, width: int) -> int:
        """The same where layers compute it again: the input of each, and all of one layer."""
        return self.layers * self.hidden * FLOAT32 + self.activation_bytes(width) // self.layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is computed at once."""

    games: int
    tokens_per_game: int
    """At most: an opening, and an answer of full length a turn."""
    update_tokens: int
    """Padded tokens of a micro-batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes by what they are for."""

    weights: float
    training: float
    """Gradients, moments, adapters, the weights' average, a reference that is a copy."""
    playing: float
    """Keys and values of all games, and one draw from the vocabulary."""
    updating: float
    """Activations and logits of a micro-batch."""
    at_once: bool = False
    """Whether games are played while others are learned from."""

    @property
    def peak(self) -> float:
        """Bytes at the worst moment."""
        halves = (self.playing, self.updating)
        return self.weights + self.training + (sum(halves) if self.at_once else max(halves))


def shape_of(config: PretrainedConfig) -> Shape:
    """Count a model's parameters without making them."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    head = model.get_output_embeddings()
    linear = [m for m in model.modules() if isinstance(m, nn.Linear) and m is not head]
    text: Any = config.get_text_config()
    heads = int(text.num_attention_heads)
    return Shape(
        parameters=sum(p.numel() for p in model.parameters()),
        linear=sum(m.weight.numel() for m in linear),
        sides=sum(m.in_features + m.out_features for m in linear),
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        intermediate=int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size),
        heads=heads,
        kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
        head_dim=int(getattr(text, "head_dim", None) or text.hidden_size // heads),
        vocabulary=int(text.vocab_size),
    )


def workload_of(
    config: TrainConfig, env: TextEnv, opening_tokens: int, max_new_tokens: int
) -> Workload:
    """The games of a step and the micro-batch.

    Args:
        config: complete settings.
        env: one of the games.
        opening_tokens: of a game's first prompt.
        max_new_tokens: longest answer.
    """
    turns = min(config.rollout.max_turns, int(env.public().get("max_guesses", 1 << 30)))
    return Workload(
        games=config.rollout.tasks_per_step * config.rollout.group_size,
        tokens_per_game=opening_tokens + turns * (max_new_tokens + TURN_TOKENS),
        update_tokens=config.train.micro_batch_tokens,
    )


def memory_of(
    shape: Shape, workload: Workload, config: TrainConfig, compute_dtype: torch.dtype
) -> Memory:
    """The estimate.

    Args:
        shape: of the model.
        workload: of the run.
        config: complete settings.
        compute_dtype: what matrix products run in; frozen weights and the cache are held in it.
    """
    width = compute_dtype.itemsize
    average = 1 if config.train.ema_decay else 0
    players = 1 if config.rollout.pipelined else 0  # the policy of before, which plays on
    if config.lora.rank:
        trained = config.lora.rank * shape.sides
        held = FOUR_BITS if config.lora.bits == 4 else width
        weights = held * shape.linear + width * (shape.parameters - shape.linear)
        training = (1 + 1 + ADAM + average + players) * FLOAT32 * trained
    else:
        # Autocast keeps a second copy of float32 weights in what it multiplies.
        held = FLOAT32 + (width if width < FLOAT32 else 0)
        weights = (1 + players) * held * shape.parameters
        reference = 1 if config.train.kl_coef else 0
        training = (1 + ADAM + average + reference) * FLOAT32 * shape.parameters
    cached = workload.games * workload.tokens_per_game * shape.cache_entries * width
    longest = max(workload.update_tokens, workload.tokens_per_game)  # a row is never cut
    again = config.model.gradient_checkpointing
    activations = shape.checkpointed_bytes(width) if again else shape.activation_bytes(width)
    logits = min(longest * shape.vocabulary, max(LOGITS_AT_ONCE, shape.vocabulary))
    return Memory(
        weights=weights,
        training=training,
        playing=cached + workload.games * shape.vocabulary * SAMPLING,
        updating=longest * activations + logits * LOSS,
        at_once=config.rollout.pipelined,
    )


def memory_lines(memory: Memory, workload: Workload, available: float | None) -> list[str]:
    """The estimate in words.

    Args:
        memory: the estimate.
        workload: what it is of.
        available: bytes of the device; None where they are not known.
    """
    games = f"{workload.games} games of at most {workload.tokens_per_game} tokens"
    of = "" if available is None else f" of {available / GB:.1f} GB"
    return [
        f"weights {memory.weights / GB:.1f} GB",
        f"gradients, optimiser, copies of weights {memory.training / GB:.1f} GB",
        f"playing {memory.playing / GB:.1f} GB ({games})",
        f"updating {memory.updating / GB:.1f} GB ({workload.update_tokens} tokens at once)",
        f"peak about {memory.peak / GB:.1f} GB{of}",
    ]


def device_memory(device: torch.device) -> float | None:
    """Bytes of an accelerator; None where that is not known."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return float(torch.mps.recommended_max_memory())
    return None


@contextmanager
def hint_at_memory(config: TrainConfig) -> Iterator[None]:
    """Turn running out of an accelerator's memory into one line that says what to change.

    Raises:
        ModelError: that happened.
    """
    try:
        yield
    except RuntimeError as error:  # MPS has no class of its own for it
        if not isinstance(error, torch.OutOfMemoryError) and "out of memory" not in str(error):
            raise
        raise ModelError(
            "out of memory: lower train.micro_batch_tokens "
            f"(now {config.train.micro_batch_tokens}) or set model.gradient_checkpointing=true "
            "where it was updating, lower rollout.tasks_per_step "
            f"(now {config.rollout.tasks_per_step}) where it was playing, or train an adapter "
            "(lora.rank=16, lora.bits=4); wordle-rl train --dry-run shows what needs how much"
        ) from error
