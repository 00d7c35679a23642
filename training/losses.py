"""Policy losses: the term of every token. Pure functions of [B, T] tensors, chosen by name.

r = pi / pi_old of a token, s of a row (the geometric mean of its tokens' r), A the advantage. Fully
on-policy (r = 1) the gradient of each is exactly -A grad log pi; they differ in what they do when
the policy has moved: clip, cap, damp or drop.

Losses of whole rows are written token by token with the value of the row and each token's own
gradient (GSPO-token, 2507.18071 sec. 4.3), so advantages may differ from turn to turn; where a row
has one advantage, value and gradient are those of the sequence form. Advantages and old
log-probabilities are constants: no gradient passes through them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.records import LossInputs
from wordle_rl.training.registry import resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """The trust region: a ratio stays in [1 - low, 1 + high]. Losses say where they read it so."""

    low: float = 0.2
    high: float = 0.2


PolicyLoss = Callable[[LossInputs, Clip], Tensor]
"""Per-token loss [B, T]; positions outside `loss_mask` are ignored by the caller."""

LARGEST_RATIO = 20.0
"""DPPO's cap on the ratio of a token it keeps."""
TINY = 1e-12
"""Stands for a probability of 0 under a logarithm."""


def log_ratio(inputs: LossInputs) -> Tensor:
    """Log r at trained tokens, 0 elsewhere: nothing masked leaks through exp."""
    difference = inputs.logprobs - inputs.old_logprobs.detach()
    return torch.where(inputs.loss_mask, difference, 0.0)


def sequence_log_ratio(inputs: LossInputs) -> Tensor:
    """Log s of each row, [B, 1]: the mean of log r over its trained tokens."""
    lengths = inputs.loss_mask.sum(1, keepdim=True).clamp(min=1)
    return log_ratio(inputs).sum(1, keepdim=True) / lengths


# --- plain policy gradients


def reinforce(inputs: LossInputs, clip: Clip) -> Tensor:
    """-A log pi: REINFORCE (Williams 1992). Knows no ratio, so it is for one update a batch."""
    return -_advantages(inputs) * _logprobs(inputs)


def importance(inputs: LossInputs, clip: Clip) -> Tensor:
    """-r A: the policy gradient with importance sampling and no trust region."""
    return -log_ratio(inputs).exp() * _advantages(inputs)


# --- clipped


def clipped(inputs: LossInputs, clip: Clip) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A): PPO (Schulman et al. 2017, 1707.06347), eq. 7."""
    return _pessimistic(log_ratio(inputs).exp(), _advantages(inputs), clip)


def two_sided(inputs: LossInputs, clip: Clip, *, delta: float = 4.0) -> Tensor:
    """-min(min(r, delta) A, clip(r) A): INTELLECT-2 (arXiv 2505.07291).

    PPO's loss is unbounded where A < 0 and r is large; here r stops at `delta`.
    """
    ratio, advantages = log_ratio(inputs).exp(), _advantages(inputs)
    bounded = ratio.clamp(1 - clip.low, 1 + clip.high)
    return -torch.minimum(ratio.clamp(max=delta) * advantages, bounded * advantages)


def dual_clipped(inputs: LossInputs, clip: Clip, *, ceiling: float = 3.0) -> Tensor:
    """PPO's loss, at most -ceiling A where A < 0: dual clip (Ye et al. 2020, arXiv 1912.09729)."""
    loss, advantages = clipped(inputs, clip), _advantages(inputs)
    return torch.where(advantages < 0, torch.minimum(loss, -ceiling * advantages), loss)


def sequence_clipped(inputs: LossInputs, clip: Clip) -> Tensor:
    """-min(s A, clip(s) A): GSPO (Zheng et al. 2025, arXiv 2507.18071); with `sequence_mean`."""
    return _pessimistic(_of_row(inputs, log_ratio(inputs)), _advantages(inputs), clip)


def geometric_mean(inputs: LossInputs, clip: Clip) -> Tensor:
    """-A exp(mean of d): GMPO (Zhao et al. 2025, arXiv 2507.20673); with `sequence_mean`.

    d is log r clipped to [-low, high] (in log space) on the side on which PPO clips.
    """
    log_r, advantages = log_ratio(inputs), _advantages(inputs)
    sign = advantages.sign()
    bounded = sign * torch.minimum(sign * log_r, sign * log_r.clamp(-clip.low, clip.high))
    return -advantages * _of_row(inputs, bounded)


# --- weighted


def capped_importance(inputs: LossInputs, clip: Clip) -> Tensor:
    """-sg(min(r, 1 + high)) A log pi: CISPO (MiniMax-M1, arXiv 2506.13585). No lower bound.

    Every token keeps a gradient; `high` = 4 is the usual cap of 5.
    """
    weight = log_ratio(inputs).detach().exp().clamp(max=1 + clip.high)
    return -weight * _advantages(inputs) * _logprobs(inputs)


def soft_gated(inputs: LossInputs, clip: Clip, *, rise: float = 1.0, fall: float = 1.05) -> Tensor:
    """-A sigmoid(tau (r - 1)) 4 / tau: SAPO (arXiv 2511.20347); tau = rise for A > 0, else fall."""
    advantages = _advantages(inputs)
    tau = torch.full_like(advantages, fall).masked_fill(advantages > 0, rise)
    return -advantages * torch.sigmoid(tau * (log_ratio(inputs).exp() - 1)) * 4 / tau


def variational(inputs: LossInputs, clip: Clip) -> Tensor:
    """-sg(phi(W)) A log pi, phi = e^lambda W^k e^(-lambda W): VESPO; W is the product of a row's r.

    (k, lambda) = (2, 3) for A >= 0, else (3, 2), so rows that moved far in either direction fade.
    Formula and bounds as in TRL 1.16 and liger-kernel 0.8.5.
    """
    advantages = _advantages(inputs)
    log_w = log_ratio(inputs).detach().clamp(-20.0, 20.0).sum(1, keepdim=True)
    log_w = log_w.clamp(math.log(1e-8), 20.0)
    k = torch.full_like(advantages, 3.0).masked_fill(advantages >= 0, 2.0)
    rate = 5.0 - k
    phi = (rate + k * log_w - rate * log_w.exp()).exp()
    return -phi * advantages * _logprobs(inputs)


# --- dropped


def dropped_by_tv(inputs: LossInputs, clip: Clip) -> Tensor:
    """-keep sg(min(r, 20)) A log pi: DPPO-TV (arXiv 2602.04879).

    A token is dropped where A pushes its probability further than `low` below or `high` above the
    old one: |p - p_old| is its share of the total variation. Unlike a ratio it lets rare tokens
    move and stops likely ones.
    """
    change = _probability(inputs.logprobs, inputs) - _probability(inputs.old_logprobs, inputs)
    rising = _advantages(inputs) > 0
    return _kept_importance(inputs, torch.where(rising, change <= clip.high, change >= -clip.low))


def dropped_by_kl(inputs: LossInputs, clip: Clip) -> Tensor:
    """DPPO with the KL divergence of "this token or another": dropped above `low` or `high`."""
    new = _probability(inputs.logprobs, inputs)
    old = _probability(inputs.old_logprobs, inputs)
    rest = (1 - old) * ((1 - old).clamp(min=TINY).log() - (1 - new).clamp(min=TINY).log())
    divergence = rest - old * log_ratio(inputs).detach()
    rising = _advantages(inputs) > 0
    away = torch.where(rising, new > old, new < old)
    limit = torch.full_like(divergence, clip.low).masked_fill(rising, clip.high)
    return _kept_importance(inputs, ~(away & (divergence > limit)))


LOSSES: Mapping[str, PolicyLoss] = {
    "reinforce": reinforce,
    "importance": importance,
    "clipped": clipped,
    "two_sided": two_sided,
    "dual_clipped": dual_clipped,
    "sequence_clipped": sequence_clipped,
    "geometric_mean": geometric_mean,
    "capped_importance": capped_importance,
    "soft_gated": soft_gated,
    "variational": variational,
    "dropped_by_tv": dropped_by_tv,
    "dropped_by_kl": dropped_by_kl,
}
FORMULAS: Mapping[str, str] = {
    "reinforce": "-A log pi",
    "importance": "-r A",
    "clipped": "-min(r A, clip(r, {bottom:g}, {top:g}) A)",
    "two_sided": "-min(min(r, 4) A, clip(r, {bottom:g}, {top:g}) A)",
    "dual_clipped": "-min(r A, clip(r, {bottom:g}, {top:g}) A), at most -3 A where A < 0",
    "sequence_clipped": "-min(s A, clip(s, {bottom:g}, {top:g}) A), s = (product r)^(1/n)",
    "geometric_mean": "-A (product of r clipped to e^[-{low:g}, {high:g}])^(1/n)",
    "capped_importance": "-sg(min(r, {top:g})) A log pi",
    "soft_gated": "-A sigmoid(tau (r - 1)) 4 / tau, tau = 1 if A > 0 else 1.05",
    "variational": "-sg(W^k e^(l - l W)) A log pi, W = product r, (k, l) = (2, 3), (3, 2) if A < 0",
    "dropped_by_tv": "-sg(min(r, 20)) A log pi, none where A pushes |p - p_old| past {high:g}",
    "dropped_by_kl": "-sg(min(r, 20)) A log pi, none where A pushes KL(p_old, p) past {high:g}",
}
"""What each computes, as one line; bottom and top are 1 - low and 1 + high of the clip."""


def resolve_loss(name: str) -> PolicyLoss:
    """The loss of a name, or a user's own as `package.module:name`.

    Raises:
        ConfigError: there is none.
    """
    return resolve("loss", name, LOSSES)


def silenced_tokens(loss: PolicyLoss, inputs: LossInputs, clip: Clip) -> Tensor:
    """Which trained tokens with an advantage have no gradient: the clip's, or dropped ones. [B, T].

    Read off the loss itself, so it is right for every loss.
    """
    with torch.enable_grad():
        logprobs = inputs.logprobs.detach().requires_grad_(True)
        at = LossInputs(
            logprobs=logprobs,
            old_logprobs=inputs.old_logprobs.detach(),
            advantages=_advantages(inputs),
            loss_mask=inputs.loss_mask,
        )
        terms = torch.where(inputs.loss_mask, loss(at, clip), 0.0)
        (gradient,) = torch.autograd.grad(terms.sum(), logprobs)
    return (gradient == 0) & (at.advantages != 0) & inputs.loss_mask


def _advantages(inputs: LossInputs) -> Tensor:
    return torch.where(inputs.loss_mask, inputs.advantages, 0.0).detach()


def _logprobs(inputs: LossInputs) -> Tensor:
    return torch.where(inputs.loss_mask, inputs.logprobs, 0.0)


def _probability(logprobs: Tensor, inputs: LossInputs) -> Tensor:
    """P of the sampled tokens, without gradient; 1 where nothing is trained."""
    return torch.where(inputs.loss_mask, logprobs, 0.0).detach().exp()


def _pessimistic(ratio: Tensor, advantages: Tensor, clip: Clip) -> Tensor:
    bounded = ratio.clamp(1 - clip.low, 1 + clip.high)
    return -torch.minimum(ratio * advantages, bounded * advantages)


def _of_row(inputs: LossInputs, values: Tensor) -> Tensor:
    """Exp of a row's mean of `values`, with the gradient of each token's own value."""
    lengths = inputs.loss_mask.sum(1, keepdim=True).clamp(min=1)
    mean = values.detach().sum(1, keepdim=True) / lengths
    return (mean + values - values.detach()).exp()


def _kept_importance(inputs: LossInputs, keep: Tensor) -> Tensor:
    weight = log_ratio(inputs).detach().exp().clamp(max=LARGEST_RATIO)
    return -torch.where(keep, weight, 0.0) * _advantages(inputs) * _logprobs(inputs)
