"""Learning from ranked answers. Rank 1 is the best; scores are log-probabilities of whole answers.

`rank_pair` is the pairwise loss that some courses call GRPO, which it is not; written with
logsigmoid on unclamped scores, so it still has a gradient for answers with log-probability -50.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def sequence_scores(
    logprobs: Tensor,
    mask: Tensor,
    ref_logprobs: Tensor | None = None,
    *,
    per_token: bool = False,
) -> Tensor:
    """[B]: the log-probability of each row's trained tokens, or how much it rose over a reference.

    Args:
        logprobs: [B, T].
        mask: [B, T].
        ref_logprobs: [B, T], taken off where given: the implicit reward of DPO.
        per_token: divide by the number of tokens, so length does not count.
    """
    terms = logprobs if ref_logprobs is None else logprobs - ref_logprobs.detach()
    total = torch.where(mask, terms, 0.0).sum(1)
    return total / mask.sum(1).clamp(min=1) if per_token else total


def rank_pair(scores: Tensor, ranks: Tensor, *, beta: float = 1.0) -> Tensor:
    """Mean of -log sigmoid(beta (s_i - s_j)) over the pairs with rank_i < rank_j; ties are skipped.

    With two answers this is the Bradley-Terry loss. 0 where no pair differs.

    >>> scores = torch.tensor([-4.0, -5.0, -9.0, -7.0], dtype=torch.float64)
    >>> round(rank_pair(scores, torch.tensor([1, 2, 3, 4])).item(), 6)
    0.440095
    """
    better = ranks[:, None] < ranks[None, :]
    margins = (scores[:, None] - scores[None, :])[better]
    return -logsigmoid(beta * margins).sum() / max(margins.numel(), 1)


def plackett_luce(scores: Tensor, ranks: Tensor) -> Tensor:
    """-log of the probability of the whole ranking when answers are drawn without replacement.

    The sum over places k of logsumexp(s of place k and below) - s_k (Plackett 1975, Luce 1959).
    Answers that share a rank all count as drawn before the others of their rank were taken away
    (Breslow 1974); those of the last rank, whom nobody is worse than, are not drawn at all.

    >>> scores = torch.tensor([0.0, 0.0, 0.0], dtype=torch.float64)
    >>> round(plackett_luce(scores, torch.tensor([1, 2, 3])).exp().item(), 6)  # 3!
    6.0
    """
    worse = ranks[:, None] < ranks[None, :]  # [B, B]: i is better than j
    rivals = torch.where(ranks[:, None] <= ranks[None, :], scores[None, :], -torch.inf)
    terms = rivals.logsumexp(1) - scores
    return torch.where(worse.any(1), terms, 0.0).sum()
