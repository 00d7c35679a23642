"""How much memory a run needs, before it starts: weights, games under way, one micro-batch.

In: a model's configuration (no weights are read), the settings, the number of processes. Out: bytes
of one process by what they are for. The largest of playing and updating, beside what is always
there, is the peak. Sizes of tensors are counted, not measured; what the allocator and the libraries
need comes on top (about 1 GB on CUDA).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForCausalLM, PretrainedConfig

from wordle_rl.agents.logprobs import LOGITS_AT_ONCE
from wordle_rl.config import PretrainConfig, TrainConfig
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
LAYERS_AT_ONCE = 2
"""Layers of a model in parts that are whole together: one computes, the next is on its way."""
GRADIENTS_AT_ONCE = 2
"""A whole gradient on its way into parts, and what it is sent from."""
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
    outside: int
    """Parameters outside of the layers: embedding, head, last norm."""
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

    @property
    def layer(self) -> float:
        """Parameters of a layer."""
        return (self.parameters - self.outside) / self.layers

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
    """Of this process."""
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
    """Keys and values of all games, one draw from the vocabulary, and `gathered`."""
    updating: float
    """Activations and logits of a micro-batch; of a model in parts, the layers that are whole."""
    gathered: float = 0.0
    """Of a model in parts: whole weights, while games are played."""
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
    kinds = set(model._no_split_modules or ())  # as `sharding.shard` finds them
    inside = {
        p: p.numel()
        for module in model.modules()
        if type(module).__name__ in kinds
        for p in module.parameters()
    }
    text: Any = config.get_text_config()
    heads = int(text.num_attention_heads)
    return Shape(
        parameters=sum(p.numel() for p in model.parameters()),
        linear=sum(m.weight.numel() for m in linear),
        sides=sum(m.in_features + m.out_features for m in linear),
        outside=sum(p.numel() for p in model.parameters()) - sum(inside.values()),
        layers=int(text.num_hidden_layers),
        hidden=int(text.hidden_size),
        intermediate=int(getattr(text, "intermediate_size", None) or 4 * text.hidden_size),
        heads=heads,
        kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
        head_dim=int(getattr(text, "head_dim", None) or text.hidden_size // heads),
        vocabulary=int(text.vocab_size),
    )


TURNS = ("max_guesses", "max_attempts")
"""How rules call the number of answers that a game allows."""
EVALUATED_AT_ONCE = 128
"""Games of an evaluation that run together in a run of smaller steps."""


def evaluated_at_once(config: TrainConfig, processes: int) -> int:
    """Games of a validation, or of the comparison at the end, that run together in a process."""
    step = config.rollout.tasks_per_step * config.rollout.group_size
    return math.ceil((config.eval.batch_games or max(EVALUATED_AT_ONCE, step)) / processes)


def workload_of(
    config: TrainConfig,
    rules: Mapping[str, Any],
    opening_tokens: int,
    max_new_tokens: int,
    processes: int = 1,
    context: int | None = None,
) -> Workload:
    """The games that one process plays at once, of a step or of an evaluation, and its micro-batch.

    Args:
        config: complete settings.
        rules: of one of the games (`TextEnv.public`).
        opening_tokens: of a game's first prompt.
        max_new_tokens: longest answer.
        processes: they share the tasks of a step, and the games of an evaluation.
        context: tokens after which the model ends a game; None where it never does.
    """
    tasks = math.ceil(config.rollout.tasks_per_step / processes)
    games = tasks * config.rollout.group_size
    if config.eval.every_steps or config.eval.final_suite:
        games = max(games, evaluated_at_once(config, processes))
    turns = min([config.rollout.max_turns, *(int(rules[key]) for key in TURNS if key in rules)])
    tokens = opening_tokens + turns * (max_new_tokens + TURN_TOKENS)
    return Workload(
        games=games,
        tokens_per_game=tokens if context is None else min(tokens, context),
        update_tokens=config.train.micro_batch_tokens,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """The weights of a whole model in bytes, and of them what is trained."""

    held: float
    copied: float
    """Second copies of float32 weights, in what products run in: autocast makes them."""
    trained: float
    """How many are trained."""
    copies: int
    """Float32 numbers that training keeps for each of these, itself left out where it is held."""
    references: int = 0
    """Models of the start, for a KL term, beside the one that is trained."""


def _weights_of(shape: Shape, config: TrainConfig, width: int) -> _Weights:
    average = 1 if config.train.ema_decay else 0
    players = 1 if config.rollout.pipelined else 0  # the policy of before, which plays on
    if config.lora.rank:
        held = FOUR_BITS if config.lora.bits == 4 else width
        return _Weights(
            held=held * shape.linear + width * (shape.parameters - shape.linear),
            copied=0.0,
            trained=config.lora.rank * shape.sides,
            copies=1 + 1 + ADAM + average + players,
        )
    reference = 1 if config.train.kl_coef else 0
    return _Weights(
        held=(1 + players) * FLOAT32 * shape.parameters,
        copied=(1 + players) * width * shape.parameters if width < FLOAT32 else 0.0,
        trained=shape.parameters,
        copies=1 + ADAM + average + reference,
        references=reference,
    )


def memory_of(
    shape: Shape,
    workload: Workload,
    config: TrainConfig,
    compute_dtype: torch.dtype,
    processes: int = 1,
) -> Memory:
    """The estimate for one process.

    Args:
        shape: of the model.
        workload: of this process.
        config: complete settings.
        compute_dtype: what matrix products run in; frozen weights and the cache are held in it.
        processes: with `train.shard` they share weights, gradients and moments.
    """
    width = compute_dtype.itemsize
    weights = _weights_of(shape, config, width)
    training = weights.copies * FLOAT32 * weights.trained
    cached = workload.games * workload.tokens_per_game * shape.cache_entries * width
    playing = cached + workload.games * shape.vocabulary * SAMPLING
    updating = _update_bytes(shape, workload, config, width)
    if config.train.shard and processes > 1:
        gathered = weights.held + weights.copied
        return Memory(
            weights=weights.held / processes,
            training=training / processes,
            playing=playing + gathered,
            updating=updating + weights.copied + _whole_layers(shape, weights),
            gathered=gathered,
        )
    # Gradients are added up over processes as one long vector, when activations are gone.
    summed = FLOAT32 * weights.trained if processes > 1 else 0.0
    return Memory(
        weights=weights.held + weights.copied,
        training=training,
        playing=playing,
        updating=max(updating, summed),
        at_once=config.rollout.pipelined,
    )


def _update_bytes(shape: Shape, workload: Workload, config: TrainConfig, width: int) -> float:
    """Activations and logits of a micro-batch."""
    longest = max(workload.update_tokens, workload.tokens_per_game)  # a row is never cut
    again = config.model.gradient_checkpointing
    activations = shape.checkpointed_bytes(width) if again else shape.activation_bytes(width)
    logits = min(longest * shape.vocabulary, max(LOGITS_AT_ONCE, shape.vocabulary))
    return longest * activations + logits * LOSS


def _whole_layers(shape: Shape, weights: _Weights) -> float:
    """What a model in parts has whole while it computes, its gradients included.

    What is outside of the layers stays whole from the forward to the backward pass; of a reference,
    which has none, from step to step.
    """
    share = weights.held / shape.parameters
    computing = share * (shape.outside + LAYERS_AT_ONCE * shape.layer)
    if weights.trained < shape.parameters:  # gradients of adapters alone
        return computing
    gradients = GRADIENTS_AT_ONCE * FLOAT32 * (shape.outside + shape.layer)
    return computing + gradients + weights.references * FLOAT32 * shape.outside


def memory_lines(memory: Memory, workload: Workload, available: float | None) -> list[str]:
    """The estimate in words.

    Args:
        memory: the estimate.
        workload: what it is of.
        available: bytes of the device; None where they are not known.
    """
    games = f"{workload.games} games of at most {workload.tokens_per_game} tokens"
    of = "" if available is None else f" of {available / GB:.1f} GB"
    whole = f", whole weights {memory.gathered / GB:.1f} GB" if memory.gathered else ""
    return [
        f"weights {memory.weights / GB:.1f} GB",
        f"gradients, optimiser, copies of weights {memory.training / GB:.1f} GB",
        f"playing {memory.playing / GB:.1f} GB ({games}{whole})",
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
def hint_at_memory(config: TrainConfig | PretrainConfig) -> Iterator[None]:
    """Turn running out of an accelerator's memory into one line that says what to change.

    Raises:
        ModelError: that happened.
    """
    try:
        yield
    except RuntimeError as error:  # MPS has no class of its own for it
        if not isinstance(error, torch.OutOfMemoryError) and "out of memory" not in str(error):
            raise
        raise ModelError(f"out of memory: {_less_memory(config)}") from error


def _less_memory(config: TrainConfig | PretrainConfig) -> str:
    """What needs less, by the names of the settings."""
    if isinstance(config, PretrainConfig):
        return (
            f"lower micro_batch_tokens (now {config.micro_batch_tokens}), set "
            "gradient_checkpointing=true, or train an adapter (lora_rank=16)"
        )
    return (
        f"lower train.micro_batch_tokens (now {config.train.micro_batch_tokens}) or set "
        "model.gradient_checkpointing=true where it was updating, lower rollout.tasks_per_step "
        f"(now {config.rollout.tasks_per_step}) where it was playing, or train an adapter "
        "(lora.rank=16, lora.bits=4); wordle-rl train --dry-run shows what needs how much"
    )
