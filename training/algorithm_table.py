"""The algorithms, one row each: names from five registries, and the settings of the paper.

Departures that hold for every row: denominators are those of the whole batch (`aggregation`),
never of a micro-batch; where a paper sums log-probabilities over an answer, `constant` divides the
same sum by a constant, which changes the step size alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from wordle_rl.training.kl import Placement

StepName = Literal["gradient", "trust_region"]
"""How an update moves the weights: the optimiser's steps, or one natural-gradient step (`trpo`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """Names in the five registries, and the settings that belong to the method."""

    summary: str
    paper: str
    advantage: str
    loss: str = "clipped"
    aggregation: str
    kl: str = "k3"
    correction: str = "none"
    kl_coef: float = 0.0
    kl_placement: Placement = "loss"
    clip_low: float = 0.2
    """The trust region, as the loss reads it."""
    clip_high: float = 0.2
    gamma: float = 1.0
    """Discount of a turn, for advantages by turn; of a token for those by token."""
    lam: float = 1.0
    """How far an error of the critic reaches back, for advantages that have one."""
    temperature: float = 1.0
    updates: int = 1
    """Optimiser steps on each batch of games."""
    step: StepName = "gradient"
    refill_rounds: int = 0
    """Rounds of further tasks to replace groups whose games are all worth the same."""
    greedy_game: bool = False
    """Whether a greedy game of every task is played; of itself where the advantage reads it."""
    beliefs: bool = False
    """Whether games tell what is still possible; of itself where the advantage reads it."""


_BASELINES = {
    "reinforce": Algorithm(
        summary="the policy gradient itself: no baseline, unbiased, noisy",
        paper="Williams 1992",
        advantage="raw_returns",
        loss="reinforce",
        aggregation="constant",
    ),
    "reinforce_mean": Algorithm(
        summary="REINFORCE with the mean return of the step as baseline",
        paper="Williams 1992; Greensmith et al. 2004",
        advantage="batch_centered",
        loss="reinforce",
        aggregation="constant",
    ),
    "reinforce_ema": Algorithm(
        summary="REINFORCE with a moving average of earlier steps as baseline",
        paper="Williams 1992; SPIRAL (Liu et al. 2025, arXiv 2506.24119)",
        advantage="history_centered",
        loss="reinforce",
        aggregation="constant",
    ),
    "reinforce_group": Algorithm(
        summary="REINFORCE with the group's mean as baseline",
        paper="Kool et al. 2019, Buy 4 REINFORCE Samples",
        advantage="centered",
        loss="reinforce",
        aggregation="constant",
    ),
    "rloo": Algorithm(
        summary="the mean of the group's other games as baseline: unbiased",
        paper="Ahmadian et al. 2024, arXiv 2402.14740",
        advantage="leave_one_out",
        loss="reinforce",
        aggregation="constant",
    ),
    "remax": Algorithm(
        summary="the greedy game's return as baseline",
        paper="Li et al. 2023, arXiv 2310.10505",
        advantage="greedy_centered",
        loss="reinforce",
        aggregation="constant",
    ),
    "opo": Algorithm(
        summary="the length-weighted mean of the group as baseline, strictly on-policy",
        paper="Hao et al. 2025, arXiv 2505.23585",
        advantage="length_weighted",
        loss="reinforce",
        aggregation="constant",
    ),
    "gpg": Algorithm(
        summary="REINFORCE, scaled up for the groups without a signal",
        paper="Chu et al. 2025, arXiv 2504.02546",
        advantage="signal_rescaled",
        loss="reinforce",
        aggregation="token_mean",
    ),
    "reinforce_pp": Algorithm(
        summary="returns to go, whitened over the whole step, clipped",
        paper="Hu et al. 2025, arXiv 2501.03262",
        advantage="token_whitened",
        aggregation="token_mean",
        kl="k1",
        kl_placement="reward",
    ),
    "reinforce_pp_baseline": Algorithm(
        summary="group mean off, then whitened over the whole step, clipped",
        paper="Hu et al. 2025, arXiv 2501.03262",
        advantage="centered_token_whitened",
        aggregation="token_mean",
        kl="k2",
    ),
}
_GRPO = {
    "dr_grpo": Algorithm(
        summary="GRPO without its two biases: R - mean, a constant normaliser, no KL",
        paper="Liu et al. 2025, arXiv 2503.20783",
        advantage="centered",
        aggregation="constant",
    ),
    "grpo": Algorithm(
        summary="the literal form: group std, mean over each sequence, k3 KL in the loss",
        paper="Shao et al. 2024, arXiv 2402.03300",
        advantage="standardized",
        aggregation="sequence_mean",
        kl_coef=0.04,
    ),
    "course": Algorithm(
        summary="the teaching form: population std, clip 0.2, KL 0.1, temperature 0.7",
        paper="the widespread GRPO course on Wordle",
        advantage="population_standardized",
        aggregation="sequence_mean",
        kl_coef=0.1,
        temperature=0.7,
    ),
    "bnpo": Algorithm(
        summary="GRPO with the mean over all tokens of the batch",
        paper="TRL, loss_type bnpo; there the mean is over each micro-batch",
        advantage="standardized",
        aggregation="token_mean",
    ),
    "dapo": Algorithm(
        summary="clip-higher, mean over all tokens, groups without a signal are played again",
        paper="Yu et al. 2025, arXiv 2503.14476",
        advantage="standardized",
        aggregation="token_mean",
        clip_high=0.28,
        refill_rounds=3,
    ),
    "lite_ppo": Algorithm(
        summary="group mean off, over the std of the whole step, mean over all tokens",
        paper="Liu et al. 2025, arXiv 2508.08221",
        advantage="batch_standardized",
        aggregation="token_mean",
    ),
    "maxrl": Algorithm(
        summary="weighs hard tasks up, towards maximum likelihood of success",
        paper="arXiv 2602.02710",
        advantage="mean_normalized",
        aggregation="constant",
    ),
    "gdpo": Algorithm(
        summary="every reward component standardised on its own, then summed",
        paper="Liu et al. 2026, arXiv 2601.05242",
        advantage="part_standardized",
        aggregation="token_mean",
    ),
}
_TRUST_REGIONS = {
    "dual_clip": Algorithm(
        summary="PPO's clip with a ceiling on the loss of bad moves that became likely",
        paper="Ye et al. 2020, arXiv 1912.09729",
        advantage="centered",
        loss="dual_clipped",
        aggregation="constant",
    ),
    "two_sided": Algorithm(
        summary="PPO's clip with the unclipped ratio stopped at 4",
        paper="INTELLECT-2, Prime Intellect 2025, arXiv 2505.07291",
        advantage="standardized",
        loss="two_sided",
        aggregation="token_mean",
    ),
    "gspo": Algorithm(
        summary="one ratio a sequence: the geometric mean of its tokens'",
        paper="Zheng et al. 2025, arXiv 2507.18071",
        advantage="standardized",
        loss="sequence_clipped",
        aggregation="sequence_mean",
        clip_low=3e-4,
        clip_high=4e-4,
    ),
    "luspo": Algorithm(
        summary="GSPO with every sequence weighed by its length",
        paper="arXiv 2602.05261",
        advantage="standardized",
        loss="sequence_clipped",
        aggregation="sequence_sum",
        clip_low=2e-3,
        clip_high=2.5e-3,
    ),
    "gmpo": Algorithm(
        summary="the geometric mean of clipped ratios",
        paper="Zhao et al. 2025, arXiv 2507.20673",
        advantage="standardized",
        loss="geometric_mean",
        aggregation="sequence_mean",
        clip_low=0.4,
        clip_high=0.4,
    ),
    "cispo": Algorithm(
        summary="the importance weight is capped, no token is silenced",
        paper="MiniMax-M1, 2025, arXiv 2506.13585",
        advantage="standardized",
        loss="capped_importance",
        aggregation="token_mean",
        clip_high=4.0,
    ),
    "sapo": Algorithm(
        summary="a smooth gate in place of the clip",
        paper="Qwen team 2025, arXiv 2511.20347",
        advantage="standardized",
        loss="soft_gated",
        aggregation="sequence_mean",
    ),
    "vespo": Algorithm(
        summary="rows that moved far fade smoothly, by the product of their ratios",
        paper="arXiv 2602.10693",
        advantage="standardized",
        loss="variational",
        aggregation="token_mean",
    ),
    "dppo_tv": Algorithm(
        summary="drops tokens whose probability was pushed too far, by total variation",
        paper="arXiv 2602.04879",
        advantage="centered",
        loss="dropped_by_tv",
        aggregation="token_mean",
    ),
    "dppo_kl": Algorithm(
        summary="drops tokens whose probability was pushed too far, by binary KL",
        paper="arXiv 2602.04879",
        advantage="centered",
        loss="dropped_by_kl",
        aggregation="token_mean",
        clip_low=0.05,
        clip_high=0.05,
    ),
}
_BY_TURN = {
    "rebn": Algorithm(
        summary="discounted return to go of every turn, whitened over the step",
        paper="GEM, Liu et al. 2025, arXiv 2510.01051",
        advantage="turn_whitened",
        aggregation="constant",
        gamma=0.95,
    ),
    "gigpo": Algorithm(
        summary="episodes against their group, and turns against turns in the same state",
        paper="Feng et al. 2025, arXiv 2505.10978",
        advantage="anchored",
        aggregation="constant",
        gamma=0.95,
    ),
}
_CRITICS = {
    "ppo": Algorithm(
        summary="a critic, GAE by token, several clipped updates, KL in the reward",
        paper="Schulman et al. 2017, arXiv 1707.06347; Ouyang et al. 2022, arXiv 2203.02155",
        advantage="token_gae",
        aggregation="token_mean",
        kl="k1",
        kl_coef=0.01,
        kl_placement="reward",
        lam=0.95,
        updates=4,
    ),
    "ppo_turn": Algorithm(
        summary="PPO with one decision a turn: the critic is read at the start of each",
        paper="Turn-PPO, arXiv 2512.17008; RAGEN, arXiv 2504.20073",
        advantage="turn_gae",
        aggregation="token_mean",
        kl="k1",
        kl_coef=0.01,
        kl_placement="reward",
        gamma=0.99,
        lam=0.9,
        updates=4,
    ),
    "reinforce_value": Algorithm(
        summary="REINFORCE with what a critic expected before the turn as baseline",
        paper="Williams 1992; Sutton et al. 1999",
        advantage="value_baseline",
        loss="reinforce",
        aggregation="constant",
    ),
}
_NATURAL = {
    "trpo": Algorithm(
        summary="the natural gradient, as far as a bound on the KL divergence allows",
        paper="Schulman et al. 2015, arXiv 1502.05477",
        advantage="centered",
        loss="importance",
        aggregation="constant",
        step="trust_region",
    ),
}
_RANKINGS = {
    "rank_pair": Algorithm(
        summary="the better game of each pair is to be the more likely one",
        paper="Burges et al. 2005 (RankNet); the loss that some courses call GRPO, corrected",
        advantage="ranked_in_pairs",
        loss="reinforce",
        aggregation="sequence_sum",
        kl_coef=0.02,
    ),
    "plackett_luce": Algorithm(
        summary="a group's whole ranking is to be likely, the best game drawn first",
        paper="Plackett 1975; Luce 1959; ties after Breslow 1974",
        advantage="ranked_in_order",
        loss="reinforce",
        aggregation="sequence_sum",
        kl_coef=0.02,
    ),
}

ALGORITHMS: Mapping[str, Algorithm] = {
    **_GRPO,
    **_TRUST_REGIONS,
    **_BASELINES,
    **_BY_TURN,
    **_CRITICS,
    **_NATURAL,
    **_RANKINGS,
}
