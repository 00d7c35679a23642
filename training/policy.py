"""The model that a run trains or measures, loaded as its settings say."""

from __future__ import annotations

import torch

from wordle_rl.agents.chat import ChatOptions
from wordle_rl.agents.halves import recompute_layers
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import load_language_agent
from wordle_rl.agents.lora import add_lora, hold_frozen_weights_in
from wordle_rl.agents.step_graphs import record_on
from wordle_rl.config import LoraSection, ModelSection
from wordle_rl.errors import ConfigError


def load_player(model: ModelSection, path: str, *, bits: int | None = None) -> LanguageAgent:
    """The model at `path`, spoken to as the settings say; what they leave out is the model's own.

    Raises:
        ConfigError: there is no such model, or four bits need a package that is not there.
        ModelError: it cannot be loaded, or not be spoken to so.
    """
    said = model.system or model.chat_template_kwargs or model.think_tokens is not None
    chat = ChatOptions(
        system=model.system,
        variables=model.chat_template_kwargs,
        think_tokens=model.think_tokens,
    )
    return load_language_agent(
        path,
        device=model.device,
        dtype=model.dtype,
        max_new_tokens=model.max_new_tokens,
        chat=chat if said else None,
        bits=bits,
    )


def check_lora(lora: LoraSection) -> None:
    """Raises ConfigError for settings that would train nothing."""
    if lora.bits is not None and not lora.rank:
        raise ConfigError("lora.bits=4 freezes the weights: set lora.rank as well, for example 16")


def load_policy(model: ModelSection, lora: LoraSection, *, seed: int) -> LanguageAgent:
    """The model that is trained: all of it, or (`lora.rank`) an adapter on frozen weights.

    Raises:
        ConfigError: as `load_player`, weights of four bits were to be trained, or the device has no
            CUDA graphs.
        ModelError: as `load_player`, or its layers cannot compute their activations again.
    """
    check_lora(lora)
    agent = load_player(model, model.path, bits=lora.bits)
    if model.cuda_graphs:
        agent.record = record_on(agent.device)
    if model.gradient_checkpointing:
        recompute_layers(agent.model)
    if lora.rank:
        if lora.bits is None and agent.compute_dtype is not torch.float32:
            hold_frozen_weights_in(agent.model, agent.compute_dtype)
        agent.model = add_lora(agent.model, rank=lora.rank, alpha=lora.alpha, seed=seed)
    return agent
