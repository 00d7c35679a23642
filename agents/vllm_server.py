"""vLLM behind a server: an `Engine` around `vllm serve`, on this machine or another one.

Prompts go as token ids to `/v1/completions`, one request each (a seed is of a request), and token
ids come back. Weights go through a folder that the server can read: of a LoRA policy the adapter,
by `/v1/load_lora_adapter` under a new name each step; else all weights, by `/collective_rpc` of
vLLM's development mode. `docs/models.md` has the commands.

A prefix's keys and values are looked up under a salt of the run and the refresh, so what other
weights left in the server's cache is never used.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from peft import PeftModel
from safetensors.torch import save_file
from transformers import PreTrainedModel

from wordle_rl.agents.api_client import ApiClient, ApiError, TransientApiError
from wordle_rl.agents.decoding import Sampled
from wordle_rl.agents.lora import plain_weights, save_adapter
from wordle_rl.agents.vllm_agent import Limits, Request
from wordle_rl.agents.weight_folder import WeightFolder
from wordle_rl.errors import ConfigError

T = TypeVar("T")
REQUESTS_AT_ONCE = 256
"""What vLLM runs together by default."""
TIMEOUT_S = 600.0
"""Longest silence: an answer comes whole, and others may be before it."""
SERVE_LORA = (
    "start the server with VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 and --enable-lora --max-lora-rank N"
)
SERVE_WEIGHTS = "start the server with VLLM_SERVER_DEV_MODE=1, or train an adapter (lora.rank)"


class VllmServer:
    """A server that is given a policy's weights."""

    def __init__(self, base_url: str, *, key_env: str = "VLLM_API_KEY", folder: str = "") -> None:
        """Find out which model is served.

        Args:
            base_url: up to and with the version, `http://localhost:8000/v1`.
            key_env: the environment variable that holds the server's key.
            folder: where weights are written, the same path on both machines; empty for a
                temporary folder on this one.

        Raises:
            ConfigError: the address cannot be used, or nothing that answers there is vLLM.
        """
        client = ApiClient(base_url=base_url, model="", key_env=key_env, timeout_s=TIMEOUT_S)
        # Nobody waits a minute to learn that there is no server.
        first = replace(client, retries=1, timeout_s=30.0)
        try:
            self._served, self._context_length = first.ask("models", _read_model)
        except ApiError as error:
            raise ConfigError(f"no vLLM server at sampler.base_url: {error}") from error
        self._client = client
        self._model = self._served
        self._run = f"wordle-rl-{uuid.uuid4().hex[:8]}"
        self._refreshes = 0
        self._folder = WeightFolder(folder)

    @property
    def context_length(self) -> int:
        """The server's `--max-model-len`."""
        return self._context_length

    def refresh(self, model: PreTrainedModel) -> None:
        """Write the weights and have the server read them.

        Raises:
            ConfigError: the server was not started in a way that lets it.
        """
        self._refreshes += 1
        folder = self._folder.version(self._version())
        if isinstance(model, PeftModel):
            save_adapter(model, folder)
            self._load_adapter(folder)
        else:
            _save_weights(model, folder)
            self._load_weights(folder)

    def sample(self, requests: Sequence[Request], limits: Limits) -> list[Sampled]:
        """All requests at once; an answer that cannot be had ends the step.

        Raises:
            ApiError: the server does not answer as it should.
        """
        bodies = [self._body(request, limits) for request in requests]
        pool = ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="vllm")
        try:
            return list(pool.map(self._complete, bodies))
        finally:
            pool.shutdown(cancel_futures=True)

    def _complete(self, body: Mapping[str, Any]) -> Sampled:
        return self._client.ask("completions", _read_sampled, body)

    def _body(self, request: Request, limits: Limits) -> dict[str, Any]:
        """A completion request: nothing but the temperature shapes the distribution."""
        return {
            "model": self._model,
            "prompt": list(request.prompt_ids),
            "temperature": limits.temperature,
            "top_p": 1.0,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": request.seed,
            "max_tokens": limits.max_new_tokens,
            "stop_token_ids": list(limits.stop_ids),
            "ignore_eos": True,
            "logprobs": 0,
            "return_token_ids": True,
            "return_tokens_as_token_ids": True,
            "cache_salt": self._version(),
        }

    def _load_adapter(self, folder: Path) -> None:
        asked = {"lora_name": self._version(), "lora_path": str(folder)}
        self._told(self._client, "load_lora_adapter", asked, SERVE_LORA)
        if self._model != self._served:
            self._told(self._client, "unload_lora_adapter", {"lora_name": self._model}, SERVE_LORA)
        self._model = self._version()

    def _load_weights(self, folder: Path) -> None:
        asked = {"method": "reload_weights", "kwargs": {"weights_path": str(folder)}}
        root = replace(self._client, base_url=self._client.base_url.removesuffix("/v1"))
        self._told(root, "collective_rpc", asked, SERVE_WEIGHTS)

    def _told(self, client: ApiClient, path: str, asked: Mapping[str, Any], fix: str) -> None:
        try:
            client.ask(path, lambda url, body: None, asked)
        except TransientApiError:
            raise
        except ApiError as error:
            raise ConfigError(f"the vLLM server takes no weights ({error}): {fix}") from error

    def _version(self) -> str:
        """A name that no other run on the server, and no other step, has."""
        return f"{self._run}-{self._refreshes}"


def _save_weights(model: PreTrainedModel, folder: Path) -> None:
    """All weights as one file, tied ones under each of their names.

    `save_pretrained` writes those once; but vLLM packs the two for a CPU apart from each other, and
    would keep the head of before.
    """
    folder.mkdir(parents=True)
    weights = {name: weight.cpu().clone() for name, weight in plain_weights(model)}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _read_model(url: str, body: bytes) -> tuple[str, int]:
    """The name of what is served and its longest context; adapters come after their model."""

    def read(answer: Any) -> tuple[str, int]:
        model = answer["data"][0]
        return str(model["id"]), int(model["max_model_len"])

    return _read(url, body, "list of vLLM's models", read)


def _read_sampled(url: str, body: bytes) -> Sampled:
    def read(answer: Any) -> Sampled:
        choice = answer["choices"][0]
        ids = tuple(int(i) for i in choice["token_ids"])
        logprobs = tuple(float(value) for value in choice["logprobs"]["token_logprobs"])
        if not ids or len(ids) != len(logprobs):
            raise ValueError("not a log-probability for each token")
        return Sampled(token_ids=ids, logprobs=logprobs)

    return _read(url, body, "completion of vLLM with token ids", read)


def _read(url: str, body: bytes, what: str, read: Callable[[Any], T]) -> T:
    try:
        return read(json.loads(body))
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        raise TransientApiError(f"{url}: the answer is not a {what}") from None
