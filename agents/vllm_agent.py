"""vLLM as the sampler of a policy: it plays for a `LanguageAgent`, with that agent's weights.

Contexts, stop tokens and limits are the policy's own (`token_player`); token ids and
log-probabilities are taken as the engine gives them, never computed again from text. An `Engine` is
vLLM in this process (`vllm_engine`) or behind a server (`vllm_server`).

Another program never computes quite the same numbers. What is small is logged
(`train/sampler_kl`) and corrected (`training/corrections.py`); what is large is another model,
another temperature or stale weights, and `check_engine` refuses it before the first game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from transformers import PreTrainedModel

from wordle_rl.agents.base import Opening, Player
from wordle_rl.agents.chat import ChatRenderer, Ids
from wordle_rl.agents.decoding import Sampled
from wordle_rl.agents.device import without_gradient
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.token_player import TokenPlayer
from wordle_rl.envs.base import Style
from wordle_rl.errors import ConfigError, ModelError
from wordle_rl.seeding import seed_from

MAX_TEMPERATURE = 2.0
"""The highest that vLLM takes. An engine is checked at it: what leaves it out differs much."""
CHECK_TOKENS = 16
"""Of an answer that is compared before the first game."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer that is asked for."""

    prompt_ids: Ids
    seed: int
    """Fixes what is sampled, whatever else the engine is asked at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How answers are sampled: from softmax(logits / temperature), all of it."""

    temperature: float
    """0 for the most likely token."""
    max_new_tokens: int
    stop_ids: Ids
    """End an answer and are part of it; nothing else ends one."""


class Engine(Protocol):
    """A program that samples from weights which it is given again and again."""

    @property
    def context_length(self) -> int:
        """Most tokens of a prompt and its answer."""
        ...

    def refresh(self, model: PreTrainedModel) -> None:
        """Sample from the weights that the model has now; nothing computed by others is reused."""
        ...

    def sample(self, requests: Sequence[Request], limits: Limits) -> list[Sampled]:
        """One answer a request, in order, with log-probabilities after the temperature."""
        ...


class VllmAgent:
    """A policy whose answers an engine samples.

    Attributes:
        policy: whose weights, chat template and limits are used.
        engine: who samples.
    """

    def __init__(self, policy: LanguageAgent, engine: Engine) -> None:
        """Take an engine that fits the policy.

        Raises:
            ConfigError: the policy ends its thoughts by `think_tokens`, which vLLM cannot.
        """
        if policy.thoughts is not None:
            raise ConfigError(
                "setting model.think_tokens: sampler.kind='vllm' cannot end thoughts, leave it out "
                "or set sampler.kind='local'"
            )
        self.policy = policy
        self.engine = engine
        self._checked = False

    @property
    def name(self) -> str:
        """The policy's."""
        return self.policy.name

    @property
    def style(self) -> Style:
        """The policy's."""
        return self.policy.style

    @property
    def chat(self) -> ChatRenderer:
        """The policy's."""
        return self.policy.chat

    @property
    def stop_ids(self) -> Ids:
        """The policy's."""
        return self.policy.stop_ids

    @property
    def max_new_tokens(self) -> int:
        """The policy's."""
        return self.policy.max_new_tokens

    @property
    def context_length(self) -> int:
        """Most tokens a game may have: for the policy, and for the engine."""
        return min(self.policy.context_length, self.engine.context_length)

    def refresh(self) -> None:
        """Give the engine the policy's weights of now; the first time, check what it makes of them.

        Raises:
            ModelError: the engine gives other probabilities than the policy.
        """
        self.engine.refresh(self.policy.model)
        if not self._checked:
            check_engine(self)
            self._checked = True

    def begin(self, openings: Sequence[Opening], *, temperature: float) -> Player:
        """Start games; they are played with the weights of the last `refresh`."""
        return _EnginePlayer(self, openings, temperature)


class _EnginePlayer(TokenPlayer):
    """The running games of a `VllmAgent`."""

    def __init__(self, agent: VllmAgent, openings: Sequence[Opening], temperature: float) -> None:
        speaker: Any = agent  # pyright reads this file under two names
        super().__init__(speaker, openings, temperature)
        self._engine = agent.engine

    def _sample(self, rows: list[int]) -> list[Sampled]:
        requests = [
            Request(prompt_ids=self._context[i], seed=seed_from(self._seeds[i], self._drawn[i]))
            for i in rows
        ]
        limits = Limits(
            temperature=self._temperature,
            max_new_tokens=self._speaker.max_new_tokens,
            stop_ids=self._speaker.stop_ids,
        )
        return self._engine.sample(requests, limits)


def check_engine(agent: VllmAgent) -> None:
    """Compare the engine's log-probabilities of an answer with the policy's own.

    Raises:
        ModelError: they are of another model, older weights or another temperature.
    """
    policy = agent.policy
    prompt = agent.chat.opening("Are we the same?")
    room = agent.context_length - len(prompt)
    limits = Limits(
        temperature=MAX_TEMPERATURE, max_new_tokens=min(CHECK_TOKENS, room), stop_ids=()
    )
    [answer] = agent.engine.sample([Request(prompt_ids=prompt, seed=0)], limits)
    theirs = torch.tensor(answer.logprobs)
    ours = _own_logprobs(policy, prompt, answer.token_ids, MAX_TEMPERATURE)
    distance = float((ours - theirs).abs().mean())
    if distance < (0.01 if policy.compute_dtype is torch.float32 else 0.3):
        return
    raw = _own_logprobs(policy, prompt, answer.token_ids, 1.0)
    if float((raw - theirs).abs().mean()) < distance / 4:
        raise ModelError(
            "vLLM tells log-probabilities from before the temperature: start the server with "
            "--logprobs-mode processed_logprobs"
        )
    raise ModelError(
        f"vLLM gives other probabilities than {policy.name!r} ({distance:.2g} nats a token on "
        "average): does it serve the same model? An architecture whose weights have other names in "
        "transformers cannot be refreshed either: set sampler.kind='local'"
    )


def _own_logprobs(
    policy: LanguageAgent, prompt: Ids, answer: Ids, temperature: float
) -> torch.Tensor:
    """What the policy thinks of an answer, on the CPU."""
    ids = torch.tensor([[*prompt, *answer]], device=policy.device)
    mask = torch.zeros_like(ids, dtype=torch.bool)
    mask[:, len(prompt) :] = True
    with without_gradient(policy.device, policy.compute_dtype):
        logprobs, _ = token_logprobs(policy.model, ids, mask, temperature=temperature)
    return logprobs[mask].float().cpu()
