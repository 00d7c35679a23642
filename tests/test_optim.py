"""Optimisers, schedules and clipping."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.optim import AdamW, Muon

from tests.tiny import tiny_model
from wordle_rl.agents.nano import new_model
from wordle_rl.training.optim import (
    adamw,
    clip_gradients,
    muon_and_adamw,
    policy_optimizers,
    set_lr,
    take_step,
    warmup_decay,
)


def names_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> set[str]:
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in held}


# --- optimisers


def test_adamw_does_not_decay_weights() -> None:
    weight = nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = adamw([weight], lr=0.1)
    weight.grad = torch.tensor([0.0, 5.0])
    optimizer.step()
    assert weight[0].item() == 3.0
    assert weight[1].item() == pytest.approx(-2.1, abs=1e-5), "the first step has length lr"


def test_muon_gets_the_hidden_matrices_and_nothing_else() -> None:
    model = new_model(layers=2, width=32)
    muon, rest = muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3)
    assert isinstance(muon, Muon)
    assert isinstance(rest, AdamW)
    held = names_of(model, muon)
    assert held == {
        f"model.layers.{layer}.{name}.weight"
        for layer in range(2)
        for name in (
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.down_proj",
        )
    }
    assert names_of(model, rest) == {name for name, _ in model.named_parameters()} - held
    assert {group["lr"] for group in muon.param_groups} == {0.02}
    assert {group["lr"] for group in rest.param_groups} == {1e-3}


def test_every_embedding_stays_with_adamw() -> None:
    """Positions that are learned are an embedding too; an untied head is no hidden matrix."""
    gpt2 = tiny_model("gpt2")
    muon, rest = muon_and_adamw(gpt2, muon_lr=0.02, adamw_lr=1e-3)
    assert {"transformer.wte.weight", "transformer.wpe.weight"} <= names_of(gpt2, rest)
    assert "transformer.h.0.attn.c_attn.weight" in names_of(gpt2, muon)
    llama = tiny_model("llama")
    assert not llama.config.tie_word_embeddings
    muon, rest = muon_and_adamw(llama, muon_lr=0.02, adamw_lr=1e-3)
    assert {"lm_head.weight", "model.embed_tokens.weight"} <= names_of(llama, rest)


def test_frozen_weights_are_not_trained_and_an_empty_group_is_left_out() -> None:
    model = new_model(layers=1, width=32)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("q_proj" in name)
    [muon] = muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3)
    assert names_of(model, muon) == {"model.layers.0.self_attn.q_proj.weight"}


# --- schedules


def test_lr_is_a_factor_of_the_first_one() -> None:
    weight = nn.Parameter(torch.zeros(1))
    optimizers = [adamw([weight], lr=0.5), adamw([weight], lr=0.25)]
    for factor, expected in ((0.1, (0.05, 0.025)), (1.0, (0.5, 0.25)), (0.5, (0.25, 0.125))):
        set_lr(optimizers, factor)
        assert tuple(o.param_groups[0]["lr"] for o in optimizers) == pytest.approx(expected)


def test_a_reloaded_optimizer_keeps_its_first_lr() -> None:
    weight = nn.Parameter(torch.zeros(1))
    saved = adamw([weight], lr=0.5)
    set_lr([saved], 0.1)
    loaded = adamw([weight], lr=0.5)
    loaded.load_state_dict(saved.state_dict())
    set_lr([loaded], 0.4)
    assert loaded.param_groups[0]["lr"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("steps", "warmup", "decay_from", "expected"),
    [
        (4, 0, 1.0, [1, 1, 1, 1]),
        (4, 2, 1.0, [0.5, 1, 1, 1]),
        (4, 0, 0.0, [1, 0.75, 0.5, 0.25]),
        (8, 2, 0.5, [0.5, 1, 1, 1, 1, 0.75, 0.5, 0.25]),
        (1, 5, 1.0, [0.2]),
    ],
)
def test_warmup_then_constant_then_linear_to_zero(
    steps: int, warmup: int, decay_from: float, expected: list[float]
) -> None:
    got = [warmup_decay(s, steps, warmup=warmup, decay_from=decay_from) for s in range(steps)]
    assert got == pytest.approx(expected)


# --- clipping


def test_gradients_are_scaled_to_the_norm_over_all_parameters() -> None:
    model = nn.Linear(2, 1)
    model.weight.grad = torch.tensor([[3.0, 0.0]])
    model.bias.grad = torch.tensor([4.0])
    assert clip_gradients(model, 1.0) == pytest.approx(5.0)
    assert model.weight.grad[0].tolist() == pytest.approx([0.6, 0.0], abs=1e-5)
    assert model.bias.grad.item() == pytest.approx(0.8, abs=1e-5)
    assert clip_gradients(model, 10.0) == pytest.approx(1.0, abs=1e-5)
    assert model.bias.grad.item() == pytest.approx(0.8, abs=1e-5), "short gradients stay"


def test_a_gradient_that_is_no_number_is_reported() -> None:
    model = nn.Linear(1, 1)
    model.weight.grad = torch.tensor([[math.nan]])
    assert math.isnan(clip_gradients(model, 1.0))


def test_policy_optimizers_share_the_weights_out():
    model = new_model(layers=1, width=32)
    head = torch.nn.Linear(32, 1)
    (plain,) = policy_optimizers(model, "adamw", 1e-3)
    muon, rest, extra = policy_optimizers(model, "muon", 1e-2, head=head.parameters())
    every = {id(p) for p in model.parameters()}
    assert {id(p) for p in plain.param_groups[0]["params"]} == every
    shared = [{id(p) for p in o.param_groups[0]["params"]} for o in (muon, rest)]
    assert shared[0] | shared[1] == every
    assert not shared[0] & shared[1]
    assert [o.param_groups[0]["lr"] for o in (muon, rest, extra)] == [1e-2, 1.5e-3, 1.5e-3]


def test_take_step_moves_the_weights_and_forgets_the_gradient():
    model = new_model(layers=1, width=32)
    before = [p.detach().clone() for p in model.parameters()]
    optimizers = policy_optimizers(model, "muon", 1e-2)
    loss = model(input_ids=torch.tensor([[5, 6, 7]])).logits.square().mean()
    torch.autograd.backward(loss)
    take_step(optimizers)
    assert all(p.grad is None for p in model.parameters())
    assert all(not torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))
