"""Ranking losses: closed forms, what the popular version gets wrong, and agreement in pairs."""

import math
from itertools import permutations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from wordle_rl.training.preference_losses import bradley_terry
from wordle_rl.training.ranking import plackett_luce, rank_pair, sequence_scores


def tensor(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def gradient(loss: Tensor, scores: Tensor) -> list[float]:
    (found,) = torch.autograd.grad(loss, scores)
    return found.tolist()


RANKS = torch.tensor([1, 2, 3, 4])


def test_four_answers_in_closed_form() -> None:
    scores = tensor(-4.0, -5.0, -9.0, -7.0)
    loss = rank_pair(scores, RANKS)
    assert loss.item() == pytest.approx(0.440095, abs=1e-6)
    assert [round(g, 4) for g in gradient(loss, scores)] == [-0.0538, 0.0220, -0.1427, 0.1746]


def test_the_loss_is_the_mean_over_pairs() -> None:
    scores = tensor(-4.0, -5.0, -9.0, -7.0)
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    s = scores.tolist()
    by_hand = sum(math.log1p(math.exp(s[j] - s[i])) for i, j in pairs) / 6
    assert rank_pair(scores, RANKS).item() == pytest.approx(by_hand, abs=1e-12)
    assert rank_pair(scores, RANKS, beta=0.0).item() == pytest.approx(math.log(2))


def test_very_unlikely_answers_still_have_a_gradient() -> None:
    """With log-probabilities clamped to -10, as it is often written, this gradient is exactly 0."""
    scores = tensor(-50.0, -49.0)
    worse, better = gradient(rank_pair(scores, RANKS[:2]), scores)
    assert worse == pytest.approx(-1 / (1 + math.exp(-1)), abs=1e-12)
    assert better == -worse


def test_an_answer_that_is_hopelessly_behind_keeps_a_full_gradient() -> None:
    """log(sigmoid + 1e-6), as it is often written, would be flat here."""
    scores = tensor(-500.0, -1.0)
    assert gradient(rank_pair(scores, RANKS[:2]), scores) == pytest.approx([-1.0, 1.0])


def test_two_answers_are_the_bradley_terry_loss() -> None:
    scores = tensor(-3.0, -2.2)
    wanted = bradley_terry(scores[0], scores[1])
    assert rank_pair(scores, RANKS[:2]).item() == pytest.approx(wanted.item(), abs=1e-12)
    assert plackett_luce(scores, RANKS[:2]).item() == pytest.approx(wanted.item(), abs=1e-12)


def test_ties_are_skipped() -> None:
    scores = tensor(1.0, 2.0, 0.5)
    tied = rank_pair(scores, torch.tensor([1, 1, 2]))
    pairs = [rank_pair(scores[[i, 2]], RANKS[:2]).item() for i in (0, 1)]
    assert tied.item() == pytest.approx(sum(pairs) / 2, abs=1e-12)
    nothing = rank_pair(scores, torch.tensor([1, 1, 1]))
    assert nothing.item() == 0.0
    assert gradient(nothing, scores) == [0.0] * 3


@given(st.permutations(range(5)))
def test_the_order_of_the_answers_does_not_matter(order: list[int]) -> None:
    scores, ranks = tensor(0.3, -1.0, 2.0, 0.1, -0.7).detach(), torch.tensor([3, 1, 2, 5, 4])
    for loss in (rank_pair, plackett_luce):
        assert loss(scores[order], ranks[order]).item() == pytest.approx(
            loss(scores, ranks).item(), abs=1e-12
        )


def test_plackett_luce_is_a_distribution_over_rankings() -> None:
    """Over the six rankings of three answers the probabilities sum to 1."""
    scores = tensor(0.3, -1.0, 2.0)
    total = sum(
        math.exp(-plackett_luce(scores, torch.tensor(ranks)).item())
        for ranks in permutations((1, 2, 3))
    )
    assert total == pytest.approx(1.0, abs=1e-12)


def test_plackett_luce_in_closed_form() -> None:
    """First 2 of (0, log 2, log 3), then log 3 of the rest: 2/6 x 3/4."""
    scores = tensor(0.0, math.log(2), math.log(3))
    loss = plackett_luce(scores, torch.tensor([3, 1, 2]))
    assert loss.item() == pytest.approx(-math.log(2 / 6 * 3 / 4), abs=1e-12)


def test_ties_of_plackett_luce_are_drawn_from_all_that_are_not_better() -> None:
    """Two first: each of three; two last: nothing is asked of them. Nobody better: no loss."""
    scores = tensor(0.0, math.log(2), math.log(3))
    two_first = plackett_luce(scores, torch.tensor([1, 1, 2]))
    assert two_first.item() == pytest.approx(-math.log(1 / 6 * 2 / 6), abs=1e-12)
    two_last = plackett_luce(scores, torch.tensor([2, 2, 1]))
    assert two_last.item() == pytest.approx(-math.log(3 / 6), abs=1e-12)
    nothing = plackett_luce(scores, torch.tensor([1, 1, 1]))
    assert nothing.item() == 0.0
    assert gradient(nothing, scores) == [0.0] * 3


# --- scores


def test_the_score_of_an_answer_is_its_trained_tokens() -> None:
    logprobs = torch.tensor([[-1.0, -math.inf, -2.0], [-0.5, -0.5, math.nan]]).double()
    mask = torch.tensor([[True, False, True], [True, True, False]])
    assert sequence_scores(logprobs, mask).tolist() == [-3.0, -1.0]
    assert sequence_scores(logprobs, mask, per_token=True).tolist() == [-1.5, -0.5]
    reference = torch.where(mask, logprobs - 1.0, math.nan)
    assert sequence_scores(logprobs, mask, reference).tolist() == [2.0, 2.0]


def test_masked_tokens_do_not_leak_into_the_gradient_of_a_score() -> None:
    logprobs = torch.tensor([[-1.0, -math.inf, -2.0]]).double().requires_grad_(True)
    mask = torch.tensor([[True, False, True]])
    assert gradient(sequence_scores(logprobs, mask).sum(), logprobs) == [[1.0, 0.0, 1.0]]
    empty = sequence_scores(logprobs, torch.zeros_like(mask), per_token=True)
    assert empty.tolist() == [0.0]
