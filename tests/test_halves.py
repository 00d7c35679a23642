"""Layers and head apart: the same logits, a few at a time, and activations computed again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.families import save_family
from tests.test_logprobs import (
    GRADIENTS,
    SHARED_EQUAL,
    SHORT,
    VALUES,
    gradient,
    pad,
    relative,
    weigh,
)
from tests.tiny import ALL, EAGER_ONLY, VOCAB, clean_logits, tiny_model
from wordle_rl.agents import logprobs as logprobs_module
from wordle_rl.agents.device import compiled
from wordle_rl.agents.halves import last_hidden, logits_of, recompute_layers, recomputes
from wordle_rl.agents.logprobs import score_tokens, token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.config import LoraSection, ModelSection
from wordle_rl.errors import ModelError
from wordle_rl.training.policy import load_policy

pytestmark = pytest.mark.filterwarnings(
    "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
)
IDS, MASK = pad(SHORT)


def disturbed(model: PreTrainedModel) -> PreTrainedModel:
    """The model behind an adapter that changes what it says."""
    adapted = add_lora(model, rank=2, alpha=4)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return adapted


def kept_bytes(forward: Callable[[], Any]) -> int:
    """Bytes of the tensors that autograd keeps of a computation, each once."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward()
    return sum(kept.values())


# --- the halves


@pytest.mark.parametrize("family", ALL)
def test_the_halves_make_the_logits_of_the_whole(family: str) -> None:
    model = tiny_model(family)
    row = SHORT[1][0]
    with torch.no_grad():
        ours = logits_of(model, last_hidden(model, torch.tensor([row]))[0])
    assert torch.allclose(ours.float(), clean_logits(model, row), rtol=0, atol=1e-6)


def test_a_compiled_model_shares_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda m, **how: compile_(m, backend="eager", **how))
    model = tiny_model("qwen3")
    twin = compiled(model)
    wanted, _ = token_logprobs(model, IDS, MASK)
    found, _ = token_logprobs(twin, IDS, MASK, share_prompt=False)
    assert torch.allclose(found, wanted, atol=VALUES)
    found.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert type(model.base_model) is not type(twin.base_model)


# --- logits a few at a time


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("family", ["qwen3", "gemma3_text", "gpt_oss", "gpt2"])
def test_a_few_logits_at_a_time_change_nothing(
    family: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model(family)
    probs = torch.rand(*IDS.shape, 3, generator=torch.Generator().manual_seed(0))

    def run() -> tuple[list[Tensor], Tensor]:
        scores = score_tokens(
            model, IDS, MASK, temperature=0.7, teacher_probs=probs, symbol_ids=[5, 9, 60]
        )
        loss = weigh(scores.logprobs, MASK) - 0.3 * scores.expected.square().sum()
        assert not scores.entropy.requires_grad
        return [values.detach() for values in scores], gradient(model, loss)

    whole, wanted = run()
    assert all(bool(values[MASK].all()) for values in whole)
    monkeypatch.setattr(logprobs_module, "LOGITS_AT_ONCE", size * VOCAB)
    parts, found = run()
    for ours, theirs in zip(parts, whole, strict=True):
        assert torch.allclose(ours, theirs, rtol=0, atol=VALUES)
    assert relative(found, wanted) < GRADIENTS


def test_of_several_parts_none_keeps_its_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("qwen3")
    row = {"whole": kept_bytes(lambda: token_logprobs(model, IDS, MASK))}
    monkeypatch.setattr(logprobs_module, "LOGITS_AT_ONCE", VOCAB)
    row["parts"] = kept_bytes(lambda: token_logprobs(model, IDS, MASK))
    log_softmax = int(MASK.sum()) * VOCAB * 4
    assert row["whole"] - row["parts"] >= log_softmax


# --- activations computed again


@pytest.mark.parametrize(
    ("family", "lora"),
    [(family, False) for family in ("qwen3", "gemma3_text", "gpt_oss", "qwen3_next")]
    + [(family, True) for family in ("qwen3", "gemma3_text", "gpt_oss")],
)
def test_activations_computed_again_give_the_same_gradient(family: str, lora: bool) -> None:
    attention = "eager" if family in EAGER_ONLY else "sdpa"
    plain, again = (tiny_model(family, attention=attention) for _ in range(2))
    recompute_layers(again)
    assert recomputes(again)
    assert not recomputes(plain)
    models = [disturbed(model) if lora else model for model in (plain, again)]
    with torch.no_grad():  # adapters are drawn from the global generator
        for ours, theirs in zip(models[1].parameters(), models[0].parameters(), strict=True):
            ours.copy_(theirs)
    ids, mask = pad(SHARED_EQUAL)
    wanted, _ = token_logprobs(models[0], ids, mask)
    found, _ = token_logprobs(models[1], ids, mask)
    assert torch.allclose(found, wanted, atol=VALUES)
    expected = gradient(models[0], weigh(wanted, mask))
    assert relative(gradient(models[1], weigh(found, mask)), expected) < GRADIENTS
    assert not any(module.training for module in models[1].modules())


def test_activations_computed_again_are_not_kept() -> None:
    plain, again = (tiny_model("qwen3") for _ in range(2))
    recompute_layers(again)
    kept = [kept_bytes(lambda m=m: token_logprobs(m, IDS, MASK)) for m in (plain, again)]
    assert kept[1] < kept[0] / 2


def test_a_run_asks_for_it_and_plays_with_its_cache(tmp_path: Path) -> None:
    folder = str(save_family("qwen2.5", tmp_path / "model"))
    for rank in (0, 4):
        policy = load_policy(
            ModelSection(path=folder, device="cpu", dtype="float32", gradient_checkpointing=True),
            LoraSection(rank=rank),
            seed=0,
        )
        assert recomputes(policy.model)
        with torch.no_grad():
            output = policy.model(input_ids=IDS, use_cache=True)
        assert output.past_key_values.get_seq_length() == IDS.shape[1]


def test_a_model_that_cannot_compute_again_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("qwen3")
    monkeypatch.setattr(type(model), "supports_gradient_checkpointing", False)
    with pytest.raises(ModelError, match="has no gradient checkpointing: leave out"):
        recompute_layers(model)
