"""What a run would do, without its weights: the memory it needs on the device it would use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from wordle_rl.agents.built_in import BUILT_IN, built_in_path
from wordle_rl.agents.chat import ChatOptions, ChatRenderer
from wordle_rl.agents.device import pick_device, pick_dtype
from wordle_rl.agents.loading import model_path
from wordle_rl.config import (
    EnvSection,
    LoraSection,
    ModelSection,
    PretrainConfig,
    RolloutSection,
    TrainConfig,
    TrainSection,
)
from wordle_rl.envs.base import Style
from wordle_rl.errors import ModelError
from wordle_rl.training.games import SELF, draw_tasks, training_env, training_match
from wordle_rl.training.memory import (
    Memory,
    Workload,
    device_memory,
    memory_lines,
    memory_of,
    shape_of,
    workload_of,
)
from wordle_rl.training.processes import world


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run needs, and what there is."""

    device: torch.device
    workload: Workload
    memory: Memory
    processes: int = 1
    """Of which this is what each needs."""
    vllm_share: float = 0.0
    """Of the device's memory, what vLLM takes in this process."""

    @property
    def available(self) -> float | None:
        """Bytes of the device that vLLM leaves; None where they are not known."""
        everything = device_memory(self.device)
        return None if everything is None else everything * (1 - self.vllm_share)

    @property
    def lines(self) -> list[str]:
        """The estimate in words."""
        return memory_lines(self.memory, self.workload, self.available)

    @property
    def is_too_much(self) -> bool:
        """Whether the device is known to have less."""
        return self.available is not None and self.memory.peak > self.available


def plan(config: TrainConfig, processes: int | None = None) -> Plan:
    """Estimate a run's memory from the model's configuration and tokenizer.

    Args:
        config: complete settings.
        processes: one a device; None for those that are running.

    Raises:
        ConfigError: there is no such model or device, or the game cannot be played so.
        ModelError: the model's configuration or tokenizer cannot be read.
    """
    processes = processes or world().count
    name = model_path(config.model.path)
    path = str(built_in_path(name)) if name in BUILT_IN else name
    try:
        described = AutoConfig.from_pretrained(path)
        tokenizer = AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"cannot read what model {path!r} is: {reason}") from error
    style: Style = getattr(described, "wordle_rl_style", "chat")
    chat = ChatRenderer(
        tokenizer,
        ChatOptions(system=config.model.system, variables=config.model.chat_template_kwargs),
    )
    device = pick_device(config.model.device)
    opening, rules = _first_game(config, style)
    workload = workload_of(
        config,
        rules,
        opening_tokens=len(chat.opening(opening)),
        max_new_tokens=config.model.max_new_tokens
        or int(getattr(described, "wordle_rl_max_new_tokens", 64)),
        processes=processes,
        context=getattr(described.get_text_config(), "max_position_embeddings", None),
    )
    dtype = pick_dtype(config.model.dtype, device)
    inside = config.sampler.kind == "vllm" and not config.sampler.base_url
    return Plan(
        device=device,
        workload=workload,
        memory=memory_of(shape_of(described), workload, config, dtype, processes),
        processes=processes,
        vllm_share=config.sampler.memory_share if inside else 0.0,
    )


def _first_game(config: TrainConfig, style: Style) -> tuple[str, Mapping[str, Any]]:
    """What the first game of a run says first, and its rules."""
    task = draw_tasks(config, 0)[0]
    if config.env.opponent == SELF:
        match = training_match(task, style)
        match.reset(task.seed % 2**31)
        return match.observation(match.to_move), {}
    env = training_env(config.env, task, style)
    opening, _ = env.reset(seed=task.seed, options=dict(task.options))
    return opening, env.public()


def plan_imitation(config: PretrainConfig, games: int) -> Plan:
    """Estimate the memory that imitation needs; moments are counted as AdamW's, Muon has half.

    Args:
        config: settings of a model that exists already.
        games: played at once where it is validated.

    Raises:
        ConfigError: as `plan`.
        ModelError: as `plan`.
    """
    return plan(
        TrainConfig(
            env=EnvSection(id=config.env, options=config.options),
            model=ModelSection(
                path=config.model,
                device=config.device,
                dtype=config.dtype,
                chat_template_kwargs=config.chat_template_kwargs,
                gradient_checkpointing=config.gradient_checkpointing,
            ),
            lora=LoraSection(rank=config.lora_rank),
            rollout=RolloutSection(tasks_per_step=math.ceil(games / 2), group_size=2),
            train=TrainSection(micro_batch_tokens=config.micro_batch_tokens, kl_coef=0.0),
        ),
        processes=1,
    )
