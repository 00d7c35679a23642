"""Log-probabilities of given tokens under a causal language model, for training.

Rows are right-padded, so plain causal attention never lets a real token see padding and no padding
mask is needed. What many rows begin with (a group's prompt) is computed once. Logits are computed
before trained tokens only, a few at a time where the vocabulary is large, and divided by the
temperature before the log-softmax, exactly as the sampler does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import DynamicCache, PreTrainedModel

from wordle_rl.agents.attention import attention_for, attention_layout
from wordle_rl.agents.halves import last_hidden, logits_of, recomputed, recomputes
from wordle_rl.agents.shapes import size_above, size_below

MIN_SHARED_TOKENS = 32
"""A shared prompt shorter than this is not worth a second forward call."""
LOGITS_AT_ONCE = 2**25
"""Logits (positions x vocabulary) that are held together: 134 MB in float32."""


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
    blank = torch.zeros(input_ids.shape, dtype=torch.float32, device=input_ids.device)
    if not bool(loss_mask.any()):
        return Scores(blank, blank.clone(), blank.clone())
    probs, symbols = None, torch.as_tensor(symbol_ids, dtype=torch.long, device=blank.device)
    if teacher_probs is not None:
        probs = teacher_probs[loss_mask]  # [N, A]
    hidden = _hidden(model, input_ids, loss_mask, share_prompt)  # [N, hidden size]
    targets = input_ids[loss_mask]  # [N]

    def score(part: slice) -> Scores:
        logp = distributions(model, hidden[part], temperature)  # [n, V]
        chosen = logp.gather(1, targets[part].unsqueeze(1)).squeeze(1)
        expected = torch.zeros_like(chosen)
        if probs is not None:
            expected = (logp[:, symbols] * probs[part]).sum(1)
        with torch.no_grad():  # last: the backward pass needs none of it
            entropy = torch.special.entr(logp.exp()).sum(1)
        return Scores(chosen, entropy, expected)

    found = _in_parts(score, len(targets), model.config.get_text_config().vocab_size)
    return Scores(*(blank.masked_scatter(loss_mask, values) for values in found))


def _in_parts(score: Callable[[slice], Scores], count: int, vocabulary: int) -> Scores:
    """The scores of so many tokens, a few at a time where their logits are many.

    Of several parts none keeps its logits: the backward pass computes them again.
    """
    slices = logit_parts(count, vocabulary)
    if len(slices) == 1:
        return score(slices[0])
    parts: list[Scores] = [
        checkpoint(score, part, use_reentrant=False, preserve_rng_state=False) for part in slices
    ]
    return Scores(*(torch.cat(values) for values in zip(*parts, strict=True)))


def logit_parts(count: int, vocabulary: int) -> list[slice]:
    """So many positions, cut where their logits would be more than `LOGITS_AT_ONCE`."""
    size = size_below(max(1, LOGITS_AT_ONCE // vocabulary))
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def token_hidden(model: PreTrainedModel, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    """What the head of the model reads before each trained token, [N, hidden size].

    N counts the tokens of `loss_mask`, row after row; no token may be trained in column 0.
    """
    return _hidden(model, input_ids, loss_mask, share_prompt=True)


def token_features(model: PreTrainedModel, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    """What the head of the model reads before each trained token, [N, hidden size] in float32.

    The state in which the token was chosen, as the model itself sees it. N as in `token_hidden`.
    """
    return token_hidden(model, input_ids, loss_mask).float()


def distributions(model: PreTrainedModel, hidden: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probabilities of the whole vocabulary, [N, V] in float32, from `token_hidden`."""
    if more := size_above(len(hidden)) - len(hidden):
        logits = logits_of(model, F.pad(hidden, (0, 0, 0, more)))[:-more]
    else:  # without a slice, whose gradient would be another tensor of this size
        logits = logits_of(model, hidden)
    return F.log_softmax(logits.float() / temperature, dim=-1)


def _hidden(model: PreTrainedModel, ids: Tensor, loss_mask: Tensor, share_prompt: bool) -> Tensor:
    """What the head reads before each trained token, [N, hidden size]."""
    before = loss_mask[:, 1:]  # [B, T - 1] true where the next token is trained
    columns = before.any(dim=0).nonzero().flatten()
    first, width = int(columns[0]), int(columns[-1]) + 1  # what comes after the last is not read
    ids, before = ids[:, :width], before[:, :width]
    if recomputes(model):
        # Without a cache, so prompts cannot be shared; and with the model's own attention, which is
        # what the backward pass will compute again.
        with recomputed(model):
            return last_hidden(model, ids)[before]
    if share_prompt and first >= MIN_SHARED_TOKENS and attention_layout(model) != "none":
        prompts, row_to_prompt = torch.unique(ids[:, :first], dim=0, return_inverse=True)
        if len(prompts) < len(ids):
            rest = _hidden_after(model, ids[:, first:], prompts, row_to_prompt)
            return rest[before[:, first:]]
    return _forward(model, ids)[before]


def _hidden_after(
    model: PreTrainedModel, rest: Tensor, prompts: Tensor, row_to_prompt: Tensor
) -> Tensor:
    """Run each distinct prompt once, hand its keys and values to its rows, run the rest.

    Gradients flow through the shared keys and values, so they equal those of the plain forward.
    """
    cache = DynamicCache()
    _forward(model, prompts, cache)
    cache.batch_select_indices(row_to_prompt)
    return _forward(model, rest, cache)


def _forward(model: PreTrainedModel, ids: Tensor, cache: DynamicCache | None = None) -> Tensor:
    """What the head reads, [B, T, hidden size]."""
    past = cache.get_seq_length() if cache is not None else 0
    with attention_for(model, queries=ids.shape[1], keys=past + ids.shape[1]):
        return last_hidden(model, ids, cache)
