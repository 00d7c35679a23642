"""Log-probabilities of given tokens under a causal language model, for training.

Rows are right-padded, so plain causal attention never lets a real token see padding and no padding
mask is needed. What many rows begin with (a group's prompt) is computed once. Logits are computed
only in columns where some row is trained, and divided by the temperature before the log-softmax,
exactly as the sampler does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from wordle_rl.agents.attention import attention_for, attention_layout

MIN_SHARED_TOKENS = 32
"""A shared prompt shorter than this is not worth a second forward call."""


def token_logprobs(
    model: PreTrainedModel,
    input_ids: Tensor,
    loss_mask: Tensor,
    *,
    temperature: float = 1.0,
    share_prompt: bool = True,
) -> tuple[Tensor, Tensor]:
    """Log p(token t | tokens before t) wherever `loss_mask` is true, zero elsewhere.

    Args:
        model: a causal language model in `eval()` mode (dropout would change the ratio).
        input_ids: [B, T] int64, right-padded.
        loss_mask: [B, T] bool; column 0 must be false, nothing precedes it.
        temperature: of the sampling distribution; must be above 0.
        share_prompt: compute what rows begin with in common once; the result is the same.

    Returns:
        (logprobs, entropy), both [B, T] float32; entropy is of the full distribution in nats and
        carries no gradient.

    Raises:
        ValueError: for a temperature that is not positive or a mask on column 0.
    """
    found = score_tokens(
        model, input_ids, loss_mask, temperature=temperature, share_prompt=share_prompt
    )
    return found.logprobs, found.entropy


class Scores(NamedTuple):
    """What a model says of given tokens; all [B, T] float32, zero outside the mask."""

    logprobs: Tensor
    """Of the token itself."""
    entropy: Tensor
    """Of the full distribution, in nats; without gradient."""
    expected: Tensor
    """Sum over symbols of P_teacher(symbol) x log p(symbol); zero without a teacher."""


def score_tokens(
    model: PreTrainedModel,
    input_ids: Tensor,
    loss_mask: Tensor,
    *,
    temperature: float = 1.0,
    share_prompt: bool = True,
    teacher_probs: Tensor | None = None,
    symbol_ids: Sequence[int] = (),
) -> Scores:
    """`token_logprobs`, and the expected log-probability of what a teacher would have said.

    Args:
        model: as there.
        input_ids: as there.
        loss_mask: as there.
        temperature: as there.
        share_prompt: as there.
        teacher_probs: [B, T, A] how likely the teacher was to say each of A tokens at position t.
        symbol_ids: the A tokens.

    Raises:
        ValueError: as there.
    """
    if temperature <= 0:
        raise ValueError(f"temperature {temperature!r}: training needs a value above 0")
    if bool(loss_mask[:, 0].any()):
        raise ValueError("loss_mask is set on the first token, which nothing precedes")
    columns = loss_mask.any(dim=0).nonzero().flatten()  # [C] trained columns
    blank = torch.zeros(input_ids.shape, dtype=torch.float32, device=input_ids.device)
    if not len(columns):
        return Scores(blank, blank.clone(), blank.clone())
    logits = _trained_logits(model, input_ids, columns, share_prompt)  # [B, C, V]
    logp = F.log_softmax(logits.float() / temperature, dim=-1)
    mask = loss_mask[:, columns]

    def spread_out(values: Tensor) -> Tensor:
        return blank.index_copy(1, columns, torch.where(mask, values, 0.0))

    chosen = logp.gather(-1, input_ids[:, columns].unsqueeze(-1)).squeeze(-1)  # [B, C]
    with torch.no_grad():
        entropy = torch.special.entr(logp.exp()).sum(-1)
    expected = blank
    if teacher_probs is not None:
        wanted = torch.as_tensor(symbol_ids, device=logp.device)
        expected = spread_out((logp[..., wanted] * teacher_probs[:, columns]).sum(-1))
    return Scores(spread_out(chosen), spread_out(entropy), expected)


def token_distributions(
    model: PreTrainedModel, input_ids: Tensor, loss_mask: Tensor, *, temperature: float = 1.0
) -> Tensor:
    """The whole distribution before each trained token, as log-probabilities [N, V] in float32.

    N counts the tokens of `loss_mask`, row after row. Arguments as for `token_logprobs`; no token
    may be trained in column 0.
    """
    columns = loss_mask.any(dim=0).nonzero().flatten()
    logits = _trained_logits(model, input_ids, columns, share_prompt=True)
    return F.log_softmax(logits[loss_mask[:, columns]].float() / temperature, dim=-1)


def token_features(model: PreTrainedModel, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    """What the head of the model reads before each trained token, [N, hidden size] in float32.

    The state in which the token was chosen, as the model itself sees it. N as in
    `token_distributions`.
    """
    columns = loss_mask.any(dim=0).nonzero().flatten()
    read: list[Tensor] = []
    head = cast(nn.Module, model.get_output_embeddings())  # type: ignore[no-untyped-call]
    hook = head.register_forward_pre_hook(lambda module, given: read.append(given[0]))
    try:
        _trained_logits(model, input_ids, columns, share_prompt=True)
    finally:
        hook.remove()
    hidden = read[-1]  # the last call is that after the shared prompt; it ends where the rows do
    if hidden.shape[1] != len(columns):
        hidden = hidden[:, columns - 1 - (int(columns.max()) + 1 - hidden.shape[1])]
    return hidden[loss_mask[:, columns]].float()


def _trained_logits(
    model: PreTrainedModel, input_ids: Tensor, columns: Tensor, share_prompt: bool
) -> Tensor:
    """Logits before the tokens in `columns`, [B, C, V]; what comes after the last is not read."""
    width = int(columns.max()) + 1
    return _logits(model, input_ids[:, :width], columns - 1, share_prompt)


def _logits(model: PreTrainedModel, ids: Tensor, columns: Tensor, share_prompt: bool) -> Tensor:
    """Logits at `columns`, shape [B, C, V]."""
    shared = int(columns.min())
    if share_prompt and shared >= MIN_SHARED_TOKENS and attention_layout(model) != "none":
        prompts, row_to_prompt = torch.unique(ids[:, :shared], dim=0, return_inverse=True)
        if len(prompts) < len(ids):
            return _logits_after(model, ids[:, shared:], columns - shared, prompts, row_to_prompt)
    return _forward(model, ids, columns)


def _logits_after(
    model: PreTrainedModel, rest: Tensor, columns: Tensor, prompts: Tensor, row_to_prompt: Tensor
) -> Tensor:
    """Run each distinct prompt once, hand its keys and values to its rows, run the rest.

    Gradients flow through the shared keys and values, so they equal those of the plain forward.
    """
    cache = DynamicCache()
    _forward(model, prompts, torch.zeros(1, dtype=torch.long), cache)
    cache.batch_select_indices(row_to_prompt)
    return _forward(model, rest, columns, cache)


def _forward(
    model: PreTrainedModel, ids: Tensor, columns: Tensor, cache: DynamicCache | None = None
) -> Tensor:
    past = cache.get_seq_length() if cache is not None else 0
    with attention_for(model, queries=ids.shape[1], keys=past + ids.shape[1]):
        logits: Tensor = model(
            input_ids=ids,
            past_key_values=cache,
            use_cache=cache is not None,
            logits_to_keep=columns.to(ids.device),
        ).logits
    return logits if logits.shape[1] == len(columns) else logits[:, columns]
