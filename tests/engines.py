"""Stand-ins for vLLM: our own decoding behind its two interfaces, the engine and the server."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import PreTrainedModel

from tests.chat_server import Request as HttpRequest
from tests.chat_server import Response
from wordle_rl.agents.decoding import Decoder, Sampled
from wordle_rl.agents.vllm_agent import Limits, Request
from wordle_rl.seeding import seed_from


def decoded(
    model: PreTrainedModel, requests: Sequence[Request], limits: Limits, games: Iterable[int]
) -> list[Sampled]:
    """What the local agent samples in these games; told by a request's seed which one it is of."""
    drawn_in = {seed_from(seed, n): (seed, n) for seed in games for n in range(64)}
    where = [drawn_in.get(request.seed, (request.seed, 0)) for request in requests]
    with torch.inference_mode():
        decoder = Decoder(model, 0, [seed for seed, _ in where], [n for _, n in where])
        decoder.extend([request.prompt_ids for request in requests])
        return decoder.sample(
            max_new_tokens=limits.max_new_tokens,
            stop_ids=limits.stop_ids,
            temperature=limits.temperature,
        )


class OwnEngine:
    """An engine with a copy of the weights, which is as old as its last refresh.

    Args:
        games: seeds of the games that it will be asked for.
        shift: added to the log-probabilities of what is played.
        raw: tell log-probabilities from before the temperature.
    """

    context_length = 1 << 20

    def __init__(self, *games: int, shift: float = 0.0, raw: bool = False) -> None:
        self.games = games
        self.shift = shift
        self.raw = raw
        self.model: PreTrainedModel | None = None
        self.refreshes = 0
        self.asked: list[Limits] = []

    def refresh(self, model: PreTrainedModel) -> None:
        self.refreshes += 1
        self.model = copy.deepcopy(model)

    def sample(self, requests: Sequence[Request], limits: Limits) -> list[Sampled]:
        assert self.model is not None
        told = replace(limits, temperature=1.0) if self.raw else limits
        sampled = decoded(self.model, requests, told, self.games)
        if not limits.stop_ids:  # nobody plays: it is the check
            return sampled
        self.asked.append(limits)
        return [
            replace(s, logprobs=tuple(value + self.shift for value in s.logprobs)) for s in sampled
        ]


class VllmApp:
    """Answers like `vllm serve` 0.32 that allows new weights; what it serves is a copy.

    Args:
        model: with its adapter still on, where it has one.
        games: seeds of the games that it will be asked for.
    """

    def __init__(self, model: PreTrainedModel, games: Sequence[int] = ()) -> None:
        self.base = copy.deepcopy(model)
        self.games = games
        self.adapters: dict[str, PreTrainedModel] = {}
        self.salts: list[str] = []

    def __call__(self, request: HttpRequest) -> Response:
        path, body = request.path, request.body
        if path == "/v1/models":
            card = {"id": "served", "object": "model", "max_model_len": 1024}
            return Response({"object": "list", "data": [card]})
        if path == "/v1/load_lora_adapter":
            base = copy.deepcopy(self.base)
            self.adapters[body["lora_name"]] = PeftModel.from_pretrained(base, body["lora_path"])
            return Response(b"Success: LoRA adapter added successfully.")
        if path == "/v1/unload_lora_adapter":
            del self.adapters[body["lora_name"]]
            return Response(b"Success: LoRA adapter removed successfully.")
        if path == "/collective_rpc":
            assert body["method"] == "reload_weights"
            weights = load_file(Path(body["kwargs"]["weights_path"]) / "model.safetensors")
            self.base.load_state_dict(weights)
            return Response({"results": [None]})
        assert path == "/v1/completions"
        return Response(self.completion(body))

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        self.salts.append(body["cache_salt"])
        assert (body["top_p"], body["top_k"], body["min_p"]) == (1, 0, 0)
        assert body["ignore_eos"]
        asked = Request(prompt_ids=tuple(body["prompt"]), seed=body["seed"])
        limits = Limits(
            temperature=body["temperature"],
            max_new_tokens=body["max_tokens"],
            stop_ids=tuple(body["stop_token_ids"]),
        )
        model = self.adapters.get(body["model"], self.base)
        assert model is not self.base or body["model"] == "served"
        [sampled] = decoded(model, [asked], limits, self.games)
        stopped = sampled.token_ids[-1] in limits.stop_ids
        choice = {
            "index": 0,
            "text": "",
            "logprobs": {"token_logprobs": sampled.logprobs},
            "finish_reason": "stop" if stopped else "length",
            "token_ids": sampled.token_ids,
        }
        return {"object": "text_completion", "model": body["model"], "choices": [choice]}
