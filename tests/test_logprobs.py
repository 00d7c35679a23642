"""Log-probabilities for training: values, entropy and gradients, however rows are arranged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from tests.tiny import EAGER_ONLY, SLIDING, VOCAB, WINDOW, clean_logits, tiny_model
from wordle_rl.agents.decoding import Decoder
from wordle_rl.agents.logprobs import MIN_SHARED_TOKENS, token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.agents.shapes import size_above
from wordle_rl.errors import ModelError

Row = tuple[list[int], list[bool]]
"""Ids and which of them are trained."""
PLAIN = ("qwen3", "gpt2", "mistral", "gemma3_text", "qwen3_next", "lfm2")
VALUES = 1e-5
GRADIENTS = 2e-6
"""Relative to the length of the gradient."""


def make_row(prompt: Sequence[int], answers: Sequence[int], seed: int) -> Row:
    """A prompt, then answers of the given lengths with three tokens of feedback between them."""
    generator = torch.Generator().manual_seed(seed)
    ids, mask = list(prompt), [False] * len(prompt)
    for length in answers:
        new = torch.randint(3, VOCAB, (length + 3,), generator=generator).tolist()
        ids += new
        mask += [True] * length + [False] * 3
    return ids[:-3], mask[:-3]


def prompt(length: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(1000 + seed)
    return torch.randint(3, VOCAB, (length,), generator=generator).tolist()


def pad(rows: Sequence[Row], width: int = 0, fill: int = 0) -> tuple[Tensor, Tensor]:
    width = max(width, *(len(ids) for ids, _ in rows))
    ids = [[*i, *[fill] * (width - len(i))] for i, _ in rows]
    mask = [[*m, *[False] * (width - len(m))] for _, m in rows]
    return torch.tensor(ids), torch.tensor(mask)


def weigh(logprobs: Tensor, mask: Tensor) -> Tensor:
    """A loss in which every trained token counts differently: by its rank among all tokens."""
    return -(logprobs[mask] * torch.linspace(0.5, 2.0, int(mask.sum()))).sum()


def gradient(model: PreTrainedModel, loss: Tensor) -> Tensor:
    parameters = [p for p in model.parameters() if p.requires_grad]
    grads = torch.autograd.grad(loss, parameters, allow_unused=True)
    assert any(g is not None for g in grads)
    return torch.cat([g.flatten() for g in grads if g is not None])


def relative(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


SHORT: list[Row] = [
    make_row(prompt(9, 0), [3, 2], 0),
    make_row(prompt(4, 1), [1, 4, 2], 1),
    make_row(prompt(6, 2), [5], 2),
]
SHARED_EQUAL: list[Row] = [make_row(prompt(40, i // 2), [3, 2 + i], i) for i in range(6)]
"""Three prompts of 40 tokens, two rows each."""
SHARED_UNEQUAL: list[Row] = [
    make_row(prompt(36 + 4 * (i // 3), i // 3), [2, 1 + i], i) for i in range(6)
]
"""Three rows with a prompt of 36 tokens, three with one of 40."""


# --- values


@pytest.mark.parametrize("family", PLAIN)
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_values_are_those_of_each_row_alone(family: str, temperature: float) -> None:
    model = tiny_model(family)
    ids, mask = pad(SHORT)
    logprobs, entropy = token_logprobs(model, ids, mask, temperature=temperature)
    assert logprobs.dtype is entropy.dtype is torch.float32
    assert logprobs.requires_grad
    assert not entropy.requires_grad
    logprobs = logprobs.detach()
    for b, (row, trained) in enumerate(SHORT):
        logp = F.log_softmax(clean_logits(model, row) / temperature, -1)
        for t, flag in enumerate(trained):
            if flag:
                assert float(logprobs[b, t]) == pytest.approx(
                    float(logp[t - 1, row[t]]), abs=VALUES
                )
                spread = -float((logp[t - 1].exp() * logp[t - 1]).sum())
                assert float(entropy[b, t]) == pytest.approx(spread, abs=VALUES)
    assert torch.all(logprobs[~mask] == 0)
    assert torch.all(entropy[~mask] == 0)


def test_the_sampler_and_the_trainer_agree() -> None:
    """The ratio of the first update is 1: what was recorded while sampling is what is trained."""
    for family in ("qwen3", "mistral", "gemma3_text"):
        model = tiny_model(family)
        contexts = [tuple(prompt(5, 0)), tuple(prompt(5, 0)), tuple(prompt(9, 1))]
        rows: list[Row] = [([], []) for _ in contexts]
        recorded: list[list[float]] = [[] for _ in contexts]
        decoder = Decoder(model, 0, seeds=[1, 2, 3])
        with torch.inference_mode():
            for turn in range(3):
                decoder.extend(contexts)
                answers = decoder.sample(max_new_tokens=4, stop_ids=range(3, 20), temperature=0.7)
                for b, answer in enumerate(answers):
                    fed = contexts[b][len(rows[b][0]) :]
                    rows[b][0].extend([*fed, *answer.token_ids])
                    rows[b][1].extend([False] * len(fed) + [True] * len(answer.token_ids))
                    recorded[b].extend(answer.logprobs)
                    feedback = prompt(1 + b + turn, 10 * b + turn)
                    contexts[b] = (*contexts[b], *answer.token_ids, *feedback)
        ids, mask = pad(rows)
        logprobs, _ = token_logprobs(model, ids, mask, temperature=0.7)
        for b, values in enumerate(recorded):
            assert logprobs[b][mask[b]].tolist() == pytest.approx(values, abs=2e-5)
            assert len(set(values)) > 3


def test_softcapped_logits_are_what_is_trained() -> None:
    model = tiny_model("gemma3_text")
    for parameter in model.get_output_embeddings().parameters():
        parameter.data *= 20
    ids, mask = pad(SHORT)
    with torch.no_grad():
        capped, _ = token_logprobs(model, ids, mask)
        model.config.final_logit_softcapping = None
        free, _ = token_logprobs(model, ids, mask)
    assert float(capped[mask].min()) > -math.log(VOCAB) - 6
    assert float(free[mask].min()) < float(capped[mask].min()) - 1


def test_impossible_tokens_leave_entropy_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logit of minus infinity (a mask of legal words) has probability 0 and 0 log 0 = 0."""
    model = tiny_model("qwen3")
    head = model.get_output_embeddings()
    forward = head.forward

    def masked(hidden: Tensor) -> Tensor:
        logits = forward(hidden)
        return logits.masked_fill(torch.arange(VOCAB) < 3, -torch.inf)

    monkeypatch.setattr(head, "forward", masked)
    ids, mask = pad(SHORT)
    logprobs, entropy = token_logprobs(model, ids, mask)
    assert torch.isfinite(entropy).all()
    assert float(entropy[mask].min()) > 0
    assert torch.isfinite(gradient(model, weigh(logprobs, mask))).all()


def test_nothing_trained_is_all_zero() -> None:
    ids, mask = pad(SHORT)
    logprobs, entropy = token_logprobs(tiny_model("qwen3"), ids, torch.zeros_like(mask))
    assert not logprobs.any()
    assert not entropy.any()


# --- what must change nothing


@pytest.mark.parametrize("family", ["qwen3", "gemma3_text", "qwen3_next"])
def test_padding_order_and_micro_batches_change_nothing(family: str) -> None:
    model = tiny_model(family)
    ids, mask = pad(SHORT)
    values, _ = token_logprobs(model, ids, mask)
    loss = weigh(values, mask)
    wanted = gradient(model, loss)

    wide_ids, wide_mask = pad(SHORT, width=ids.shape[1] + 7, fill=33)
    wide, _ = token_logprobs(model, wide_ids, wide_mask)
    assert torch.allclose(wide[wide_mask], values[mask], atol=VALUES)
    assert relative(gradient(model, weigh(wide, wide_mask)), wanted) < GRADIENTS

    order = [2, 0, 1]
    moved, _ = token_logprobs(model, ids[order], mask[order])
    back = moved[torch.argsort(torch.tensor(order))]
    assert torch.allclose(back[mask], values[mask], atol=VALUES)
    assert relative(gradient(model, weigh(back, mask)), wanted) < GRADIENTS

    alone = [token_logprobs(model, *pad([row]))[0] for row in SHORT]
    joined = torch.cat([v[m] for v, (_, m) in zip(alone, map(pad_one, SHORT), strict=True)])
    assert torch.allclose(joined, values[mask], atol=VALUES)
    weights = torch.linspace(0.5, 2.0, len(joined))
    assert relative(gradient(model, -(joined * weights).sum()), wanted) < GRADIENTS


def pad_one(row: Row) -> tuple[Tensor, Tensor]:
    return pad([row])


# --- a prompt that rows share is computed once


def columns_computed(model: PreTrainedModel) -> list[tuple[int, ...]]:
    calls: list[tuple[int, ...]] = []
    model.get_input_embeddings().register_forward_hook(
        lambda _m, args, _o: calls.append(tuple(args[0].shape))
    )
    return calls


@pytest.mark.parametrize("rows", [SHARED_EQUAL, SHARED_UNEQUAL], ids=["equal", "unequal"])
@pytest.mark.parametrize(
    ("family", "attention"),
    [
        (family, attention)
        for family in ("qwen3", "smollm3", "gpt2", "deepseek_v3", *SLIDING)
        for attention in ("eager", "sdpa")
        if attention == "eager" or family not in EAGER_ONLY
    ],
)
def test_shared_prompts_change_nothing(
    family: str, attention: str, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wordle_rl.agents.attention.SMALL_SCORES", 0)
    model = tiny_model(family, attention=attention)
    ids, mask = pad(rows)
    assert ids.shape[1] > 6 * WINDOW
    plain, plain_entropy = token_logprobs(model, ids, mask, temperature=0.7, share_prompt=False)
    calls = columns_computed(model)
    shared, shared_entropy = token_logprobs(model, ids, mask, temperature=0.7)
    first = int(mask.any(0).nonzero().min())
    distinct = len({tuple(row[: first - 1]) for row, _ in rows})
    assert calls == [(distinct, first - 1), (6, ids.shape[1] - first)]
    assert torch.allclose(shared, plain, atol=VALUES)
    assert torch.allclose(shared_entropy, plain_entropy, atol=VALUES)
    wanted = gradient(model, weigh(plain, mask))
    assert relative(gradient(model, weigh(shared, mask)), wanted) < GRADIENTS


def test_what_cannot_be_shared_is_computed_whole() -> None:
    """Short prompts, prompts that all differ, and layers whose state cannot be handed on."""
    short = [make_row(prompt(MIN_SHARED_TOKENS, 0), [2], i) for i in range(3)]
    different = [make_row(prompt(40, i), [2], i) for i in range(3)]
    for family, rows in (("qwen3", short), ("qwen3", different), ("qwen3_next", SHARED_EQUAL)):
        model = tiny_model(family)
        ids, mask = pad(rows)
        calls = columns_computed(model)
        token_logprobs(model, ids, mask)
        assert calls == [(len(ids), ids.shape[1] - 1)]


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_gradients_of_adapters_flow_through_shared_prompts() -> None:
    model = add_lora(tiny_model("qwen3"), rank=2, alpha=4)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    ids, mask = pad(SHARED_EQUAL)
    plain, _ = token_logprobs(model, ids, mask, share_prompt=False)
    shared, _ = token_logprobs(model, ids, mask)
    wanted = gradient(model, weigh(plain, mask))
    assert relative(gradient(model, weigh(shared, mask)), wanted) < GRADIENTS


def test_logits_are_computed_before_trained_tokens_only() -> None:
    model = tiny_model("qwen3")
    rows = []
    model.get_output_embeddings().register_forward_hook(
        lambda _m, args, _o: rows.append(args[0].shape[:-1].numel())
    )
    ids, mask = pad(SHORT)
    token_logprobs(model, ids, mask)
    assert sum(rows) == size_above(int(mask.sum()))


# --- what is refused


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_temperature_must_be_positive(temperature: float) -> None:
    ids, mask = pad(SHORT)
    with pytest.raises(ValueError, match=f"temperature {temperature}"):
        token_logprobs(tiny_model("qwen3"), ids, mask, temperature=temperature)


def test_the_first_token_cannot_be_trained() -> None:
    ids, mask = pad(SHORT)
    mask[1, 0] = True
    with pytest.raises(ValueError, match="first token"):
        token_logprobs(tiny_model("qwen3"), ids, mask)


def test_shared_prompts_need_a_mask_the_model_takes() -> None:
    model = tiny_model("qwen3")
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ModelError, match="attn_implementation='sdpa'"):
        token_logprobs(model, *pad(SHARED_EQUAL))
