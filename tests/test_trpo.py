"""The trust-region step of a language model: Fisher matrix, bound, line search, LoRA."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, Qwen3Config

from tests.ten_words import same, taught_agent, weights
from tests.tensor_bytes import LiveBytes
from tests.test_update import change, lora_agent, samples, updater
from tests.tiny import tiny_model
from wordle_rl.agents import logprobs
from wordle_rl.agents.attention import differentiable_twice
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import distributions, token_hidden
from wordle_rl.agents.nano import byte_tokenizer
from wordle_rl.records import Batch, Sample
from wordle_rl.training import trpo
from wordle_rl.training.batch import collate
from wordle_rl.training.conjugate_gradient import fisher_product
from wordle_rl.training.trpo import Divergence
from wordle_rl.training.update import Updater


def trpo_updater(agent: LanguageAgent, *overrides: str) -> Updater:
    return updater(agent, "train.algo=trpo", *overrides)


def batch_of(agent: LanguageAgent, rows: list[Sample]) -> Batch:
    return collate(rows, agent.pad_id)


def explicit_fisher(agent: LanguageAgent, batch: Batch, parameters: list[Tensor]) -> Tensor:
    """The mean over states of sum over tokens of p grad log p grad log p^T."""
    hidden = token_hidden(agent.model, batch.input_ids, batch.loss_mask)
    logp = distributions(agent.model, hidden)
    size = sum(p.numel() for p in parameters)
    fisher = torch.zeros(size, size)
    for row in logp:
        scores = torch.stack(
            [
                torch.cat(
                    [
                        g.reshape(-1)
                        for g in torch.autograd.grad(
                            value, parameters, retain_graph=True, materialize_grads=True
                        )
                    ]
                )
                for value in row
            ]
        )
        fisher += scores.T @ (row.detach().exp()[:, None] * scores) / len(logp)
    return fisher


@pytest.mark.parametrize("lora", [False, True])
def test_the_product_is_that_of_the_explicit_fisher_matrix(lora: bool) -> None:
    """Of some matrices of the model: attention, norm and, with LoRA, adapters."""
    agent = lora_agent(2) if lora else taught_agent()
    rows = samples()[:1]
    batch = batch_of(agent, rows)
    keep = torch.zeros_like(batch.loss_mask)
    keep[0, batch.loss_mask[0].nonzero()[:3, 0]] = True
    batch = replace(batch, loss_mask=keep)
    wanted = "q_proj.lora_B" if lora else "input_layernorm"
    with torch.no_grad():  # an adapter that is zero has a Fisher matrix that is zero in part
        for name, parameter in agent.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3, generator=torch.Generator().manual_seed(1))
    chosen = [p for n, p in agent.model.named_parameters() if wanted in n and p.requires_grad]
    assert 30 < sum(p.numel() for p in chosen) < 200
    update = trpo_updater(agent)
    with differentiable_twice(agent.model):
        divergence = Divergence(update, [batch])
        product = fisher_product(divergence.states(), chosen, damping=0.0)
        fisher = explicit_fisher(agent, batch, chosen)
        for seed in range(3):
            v = torch.randn(len(fisher), generator=torch.Generator().manual_seed(seed))
            assert torch.allclose(product(v), fisher @ v, rtol=1e-3, atol=1e-5)
    assert fisher.diagonal().max() > 1e-3


@pytest.mark.parametrize("make", [taught_agent, lora_agent])
@pytest.mark.parametrize("max_kl", [1e-3, 1e-2])
def test_a_step_improves_and_keeps_its_bound(make: type, max_kl: float) -> None:
    agent = make()
    update = trpo_updater(agent, f"train.max_kl={max_kl}")
    batch = batch_of(agent, samples())
    before = Divergence(update, [batch])
    start = surrogate(update, batch)
    metrics = update(samples(), games=12, rows=12)
    assert 0 < metrics["train/step_kl"] < max_kl
    assert metrics["train/step_kl"] == pytest.approx(before.measured(), rel=1e-3)
    assert metrics["train/step_kl"] > 0.2 * max_kl
    assert 0 < metrics["train/step_fraction"] <= 1
    assert surrogate(update, batch) > start
    assert all(p.grad is None for p in agent.model.parameters())


def surrogate(update: Updater, batch: Batch) -> float:
    """The mean of r A over the batch's tokens, by hand."""
    with torch.no_grad():
        now, _ = update.logprobs(batch)
    ratio = (now - batch.old_logprobs).exp()
    return float((ratio * batch.advantages)[batch.loss_mask].mean())


def test_a_failed_line_search_restores_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step in the wrong direction improves nothing, however short."""
    agent = taught_agent()
    before = weights(agent)
    right = trpo.trust_region_step
    monkeypatch.setattr(trpo, "trust_region_step", lambda *given: -right(*given))
    metrics = trpo_updater(agent)(samples(), games=12, rows=12)
    assert metrics["train/step_fraction"] == 0.0
    assert metrics["train/step_kl"] == pytest.approx(0.0, abs=1e-7)
    assert same(weights(agent), before)


def test_without_an_advantage_nothing_moves() -> None:
    agent = taught_agent()
    before = weights(agent)
    rows = [replace(row, advantages=(0.0,) * len(row.token_ids)) for row in samples()]
    assert trpo_updater(agent)(rows, games=12, rows=12)["train/step_fraction"] == 0.0
    assert same(weights(agent), before)


def test_micro_batches_leave_the_step_unchanged() -> None:
    changes = []
    for tokens in (150, 100_000):
        agent = taught_agent()
        before = weights(agent)
        trpo_updater(agent, f"train.micro_batch_tokens={tokens}")(samples(), games=12, rows=12)
        changes.append(change(agent, before))
    assert changes[0].norm() > 1e-3
    cosine = torch.nn.functional.cosine_similarity(changes[0], changes[1], dim=0)
    assert cosine > 0.999
    assert changes[0].norm() == pytest.approx(changes[1].norm().item(), rel=0.01)


def test_it_goes_further_along_what_matters_less() -> None:
    """Not the gradient's direction: that is what the Fisher matrix is for."""
    agent, plain = taught_agent(), taught_agent()
    before = weights(agent)
    trpo_updater(agent)(samples(), games=12, rows=12)
    updater(plain)(samples(), games=12, rows=12)
    natural, steepest = change(agent, before), change(plain, before)
    cosine = torch.nn.functional.cosine_similarity(natural, steepest, dim=0)
    assert 0.0 < cosine < 0.9


def test_few_rows_stand_for_all_in_a_large_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = taught_agent()
    rows = samples()
    batch = batch_of(agent, rows)
    thinned = trpo._thinned(batch, [batch])
    assert thinned.input_ids.shape == batch.input_ids.shape
    monkeypatch.setattr(trpo, "FISHER_TOKENS", batch.input_ids.numel() // 3)
    fewer = trpo._thinned(batch, [batch])
    assert len(fewer.input_ids) == 4
    metrics = trpo_updater(agent)(rows, games=12, rows=12)
    assert 0 < metrics["train/step_kl"] < 0.01


def test_the_models_attention_is_as_before_afterwards() -> None:
    model = tiny_model("qwen3", attention="sdpa")
    with differentiable_twice(model):
        assert model.config._attn_implementation == "eager"
    assert model.config._attn_implementation == "sdpa"


def test_logits_are_a_few_at_a_time_and_the_product_is_that_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A head of 4096 entries over 32 numbers: logits are nearly all that takes memory."""
    described = Qwen3Config(
        vocab_size=4096,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(described, attn_implementation="eager")
    agent = LanguageAgent(model, byte_tokenizer(), name="wide", device="cpu", dtype="float32")
    batch = batch_of(agent, samples())
    update = trpo_updater(agent)
    parameters = update.parameters()
    v = torch.randn(sum(p.numel() for p in parameters), generator=torch.Generator().manual_seed(2))
    logits = int(batch.loss_mask.sum()) * 4096
    products, peaks = [], []
    for at_once in (logits, logits // 8):
        monkeypatch.setattr(logprobs, "LOGITS_AT_ONCE", at_once)
        with LiveBytes() as live:
            divergence = Divergence(update, [batch])
            products.append(fisher_product(divergence.states(), parameters, damping=0.0)(v))
            divergence.measured()
        peaks.append(live.peak)
    whole = torch.cat([g.reshape(-1) for g in unchunked(agent, batch, parameters, v)])
    for product in products:
        assert torch.allclose(product, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max()))
    assert peaks[1] < peaks[0] - 4 * logits * 4, "several tensors of that size were there"
    assert peaks[1] < 2 * logits * 4 + 20 * v.numel() * 4


def unchunked(
    agent: LanguageAgent, batch: Batch, parameters: list[Tensor], v: Tensor
) -> Sequence[Tensor]:
    """The Hessian of the mean KL times v, by two backward passes through all logits."""
    logp = distributions(agent.model, token_hidden(agent.model, batch.input_ids, batch.loss_mask))
    old = logp.detach()
    kl = (old.exp() * (old - logp)).sum() / len(old)
    found = torch.autograd.grad(kl, parameters, create_graph=True)
    return torch.autograd.grad(torch.cat([g.reshape(-1) for g in found]) @ v, parameters)


def test_the_old_policy_stays_as_it_was_when_its_head_has_moved() -> None:
    agent = taught_agent()
    batch = batch_of(agent, samples())
    divergence = Divergence(trpo_updater(agent), [batch])
    with torch.no_grad():
        old = distributions(
            agent.model, token_hidden(agent.model, batch.input_ids, batch.loss_mask)
        )
        for parameter in agent.model.parameters():
            parameter.mul_(1.05)
        new = distributions(
            agent.model, token_hidden(agent.model, batch.input_ids, batch.loss_mask)
        )
        moved = weights(agent)
        expected = float((old.exp() * (old - new)).sum() / len(old))
    assert divergence.measured() == pytest.approx(expected, rel=1e-4)
    assert expected > 1e-4
    assert same(weights(agent), moved)
