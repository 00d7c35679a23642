"""RMSNorm in few passes: the same numbers, gradients and second derivatives; who is taken over."""

import copy

import pytest
import torch
from torch import nn
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GPT2Config, GPT2LMHeadModel
from transformers.models.qwen3.modeling_qwen3 import Qwen3RMSNorm

from tests.ten_words import tiny_agent
from wordle_rl.agents.nano import new_model
from wordle_rl.agents.norms import IN_CACHE, _Quick, quicken_norms, rms_norm


@pytest.fixture
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """No input is a small one."""
    monkeypatch.setattr("wordle_rl.agents.norms.IN_CACHE", 0)


def plain(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def quick(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, _Quick)]


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 4, 5)])
def test_it_is_the_formula(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(shape).double(), torch.randn(5).double()
    ours = rms_norm(x, weight, 1e-6)
    assert torch.allclose(ours, plain(x, weight, 1e-6), rtol=1e-12)


def test_gradients_and_second_derivatives() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: rms_norm(a, b, 1e-3), (x, weight))
    assert torch.autograd.gradgradcheck(lambda a, b: rms_norm(a, b, 1e-3), (x, weight))
    frozen = weight.detach()
    assert torch.autograd.gradcheck(lambda a: rms_norm(a, frozen, 1e-3), (x,))


@pytest.mark.usefixtures("no_cache")
def test_a_model_gives_the_same_with_it() -> None:
    torch.manual_seed(0)
    before = new_model(layers=2, width=64, seed=1)
    for name, weight in before.named_parameters():
        if "norm" in name:
            nn.init.normal_(weight, 1.0, 0.3)
    after = copy.deepcopy(before)
    assert quicken_norms(after) == 2 * 4 + 1
    ids = torch.arange(2, 42).reshape(2, 20)
    losses = [model(input_ids=ids, labels=ids).loss for model in (before, after)]
    assert torch.allclose(losses[0], losses[1], rtol=1e-6)
    for loss in losses:
        torch.autograd.backward(loss)
    for p, q in zip(before.parameters(), after.parameters(), strict=True):
        assert p.grad is not None
        assert q.grad is not None
        assert torch.allclose(p.grad, q.grad, rtol=1e-3, atol=1e-6)
    assert before.state_dict().keys() == after.state_dict().keys()


@pytest.mark.usefixtures("no_cache")
def test_a_copy_has_weights_of_its_own() -> None:
    norm = Qwen3RMSNorm(8)
    quicken_norms(norm)
    other = copy.deepcopy(norm)
    nn.init.constant_(other.weight, 2.0)
    x = torch.randn(3, 8)
    assert torch.allclose(other(x), 2 * norm(x))
    assert quicken_norms(norm) == 1  # once more changes nothing
    assert type(norm).__mro__.count(_Quick) == 1


@pytest.mark.parametrize("rows", [IN_CACHE // 8, IN_CACHE // 8 + 1])
def test_small_inputs_take_the_norm_as_it_was(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    norm = Qwen3RMSNorm(8)
    quicken_norms(norm)
    asked: list[int] = []

    def spy(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        asked.append(x.numel())
        return rms_norm(x, weight, eps)

    monkeypatch.setattr("wordle_rl.agents.norms.rms_norm", spy)
    norm(torch.randn(rows, 8))
    assert asked == ([] if rows * 8 <= IN_CACHE else [rows * 8])


def test_every_agent_has_it() -> None:
    assert len(quick(tiny_agent().model)) == 1 * 4 + 1


@pytest.mark.usefixtures("no_cache")
def test_a_norm_that_adds_one_to_its_weight() -> None:
    config = Gemma3TextConfig(
        vocab_size=32,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
    )
    before = Gemma3ForCausalLM(config).eval()
    for name, weight in before.named_parameters():
        if "norm" in name:
            nn.init.normal_(weight, 0.0, 0.3)
    after = copy.deepcopy(before)
    assert quicken_norms(after) > 0
    ids = torch.arange(1, 11).unsqueeze(0)
    norm = next(m for name, m in after.named_modules() if name.endswith("q_norm"))
    assert norm(torch.randn(2, 8).bfloat16()).dtype is torch.bfloat16  # as Gemma's own
    assert torch.allclose(before(ids).logits, after(ids).logits, rtol=1e-4, atol=1e-5)


class Other(nn.Module):
    """Has all that a norm has, and computes something else."""

    eps = 1e-6

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class Gated(Other):
    """A norm with a gate beside its input."""

    def forward(self, x: torch.Tensor, gate: torch.Tensor | None = None) -> torch.Tensor:
        assert gate is not None
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight * gate


def test_what_is_no_such_norm_stays_as_it_is() -> None:
    gpt = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=16))
    assert quicken_norms(gpt) == 0
    assert quicken_norms(Other()) == 0
    assert quicken_norms(Gated()) == 0
    assert quicken_norms(Qwen3RMSNorm(8).bfloat16()) == 0


@pytest.mark.usefixtures("no_cache")
def test_other_precisions() -> None:
    """Weights in bfloat16 take the norm as it was; an input in it gives float32, as it did."""
    norm, quickened = Qwen3RMSNorm(8), Qwen3RMSNorm(8)
    quicken_norms(quickened)
    for module in (norm, quickened):
        nn.init.normal_(module.weight, generator=torch.Generator().manual_seed(1))
    x = torch.randn(3, 8).bfloat16()
    assert norm(x).dtype == quickened(x).dtype == torch.float32
    assert torch.allclose(norm(x), quickened(x), rtol=2**-8)
    half = copy.deepcopy(quickened).bfloat16()
    assert torch.equal(half(x), copy.deepcopy(norm).bfloat16()(x))
