"""Who samples the games of a step: the policy itself, or vLLM with the policy's weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from wordle_rl.agents.api_client import checked_url
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.vllm_agent import MAX_TEMPERATURE, VllmAgent
from wordle_rl.agents.vllm_engine import VllmEngine, check_installed
from wordle_rl.agents.vllm_server import VllmServer
from wordle_rl.config import SamplerSection, TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.training.processes import check_alone
from wordle_rl.training.sampling import SamplingAgent

READ_BY_SERVER = frozenset({"kind", "base_url", "key_env", "folder"})
READ_HERE = frozenset({"kind", "memory_share", "options"})
"""The settings that a server and an engine in this process go by."""
VLLM = "sampler.kind='vllm'"


class Sampler(Protocol):
    """Plays for a policy."""

    def player(self) -> SamplingAgent:
        """Who plays the next step, with the policy's weights of now."""
        ...


@dataclass(frozen=True, slots=True)
class LocalSampler:
    """The policy plays itself."""

    policy: LanguageAgent

    def player(self) -> SamplingAgent:
        """The policy."""
        return self.policy


@dataclass(frozen=True, slots=True)
class VllmSampler:
    """An engine plays, with weights that are handed over each step."""

    agent: VllmAgent

    def player(self) -> SamplingAgent:
        """The agent in front of vLLM, its weights refreshed."""
        self.agent.refresh()
        return self.agent


def check_sampler(config: TrainConfig, planned: int | None = None) -> None:
    """Find out what cannot work before anything is loaded or written.

    Args:
        config: complete settings.
        planned: processes of a run that is planned, for which vLLM need not be here; None for a run
            that begins.

    Raises:
        ConfigError: settings contradict each other, or vLLM is not installed.
    """
    settings = config.sampler
    _check_read(settings)
    if settings.kind == "local":
        return
    check_alone(VLLM, planned)
    hot = config.rollout.temperature
    if hot is not None and hot > MAX_TEMPERATURE:
        raise ConfigError(f"setting rollout.temperature={hot:g}: {VLLM} goes up to 2, lower it")
    if config.lora.bits is not None:
        raise ConfigError(f"{VLLM} holds no weights in four bits: leave out lora.bits")
    if settings.base_url:
        checked_url(settings.base_url)
    elif planned is None:
        check_installed()


def new_sampler(policy: LanguageAgent, config: TrainConfig) -> Sampler:
    """The sampler that the settings describe; vLLM takes its memory here.

    Raises:
        ConfigError: vLLM cannot be used with these settings.
    """
    settings = config.sampler
    if settings.kind == "local":
        return LocalSampler(policy)
    if settings.base_url:
        server = VllmServer(settings.base_url, key_env=settings.key_env, folder=settings.folder)
        return VllmSampler(VllmAgent(policy, server))
    engine = VllmEngine(policy, memory_share=settings.memory_share, options=settings.options)
    return VllmSampler(VllmAgent(policy, engine))


def _check_read(settings: SamplerSection) -> None:
    """Refuse settings that nobody reads."""
    if settings.kind == "local":
        read, why = frozenset({"kind"}), "it needs sampler.kind='vllm'"
    elif settings.base_url:
        read, why = READ_BY_SERVER, "vllm serve has flags for it"
    else:
        read, why = READ_HERE, "it needs sampler.base_url"
    default = SamplerSection().model_dump()
    given = {name for name, value in settings.model_dump().items() if value != default[name]}
    if unread := sorted(given - read):
        raise ConfigError(f"setting sampler.{unread[0]}: leave it out, {why}")
