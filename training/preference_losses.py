"""Losses on pairs of answers of which one was preferred. Pure functions of [N] tensors.

Log-probabilities are sums over the trained tokens of an answer (`ranking.sequence_scores`); what
the environment said in between is no part of them.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import logsigmoid


def implicit_margin(
    chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor
) -> Tensor:
    """(log pi - log pi_ref) of the chosen answer minus that of the rejected one, [N]."""
    return (chosen - ref_chosen.detach()) - (rejected - ref_rejected.detach())


def dpo(margin: Tensor, *, beta: float = 0.1, label_smoothing: float = 0.0) -> Tensor:
    """-log sigmoid(beta margin) of each pair: DPO (Rafailov et al. 2023, arXiv 2305.18290), eq. 7.

    Args:
        margin: [N], `implicit_margin`.
        beta: how strongly the reference holds.
        label_smoothing: the share of pairs labelled the wrong way round; at 0.1 the loss is 0.9 of
            its own value and 0.1 of that of the opposite label.

    >>> import torch
    >>> round(dpo(torch.zeros(1)).item(), 4)
    0.6931
    """
    logit = beta * margin
    return -(1 - label_smoothing) * logsigmoid(logit) - label_smoothing * logsigmoid(-logit)


def ipo(margin: Tensor, *, beta: float = 0.1) -> Tensor:
    """(margin - 1 / (2 beta))^2: IPO (Azar et al. 2023, arXiv 2310.12036), eq. 17.

    It has a finite aim, so certain preferences do not drive the policy away without end.
    """
    return (margin - 1 / (2 * beta)) ** 2


def bradley_terry(
    chosen: Tensor, rejected: Tensor, *, margin: float = 0.0, center: float = 0.0
) -> Tensor:
    """-log sigmoid(r_chosen - r_rejected - margin) + center (r_chosen + r_rejected)^2, [N].

    The loss of a reward model (Bradley and Terry 1952); differences alone leave its level free,
    `center` keeps it near 0.
    """
    return -logsigmoid(chosen - rejected - margin) + center * (chosen + rejected) ** 2
