"""Ranking losses as advantages: their gradient is that of the loss itself."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.ten_words import taught_agent, weights
from tests.test_update import change, groups, samples, updater
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.training.advantages import ADVANTAGES
from wordle_rl.training.batch import collate
from wordle_rl.training.credit import AdvantageInputs, GameInputs, GroupInputs
from wordle_rl.training.rank_advantages import return_ranks
from wordle_rl.training.ranking import plackett_luce, rank_pair, sequence_scores

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "rank_pair": rank_pair,
    "plackett_luce": plackett_luce,
}


@pytest.mark.parametrize("algo", sorted(LOSSES))
def test_the_update_is_the_gradient_of_the_ranking_loss(algo: str) -> None:
    """Mean over groups of L(s_1 .. s_G), s the gain of a game on its sampler, by autograd."""
    agent, by_hand = taught_agent(), taught_agent()
    before = weights(agent)
    rows = samples(algo)
    updater(agent, f"train.algo={algo}", "train.kl_coef=0")(rows, games=12, rows=12)

    losses = []
    for p, group in enumerate(groups()):
        batch = collate(rows[4 * p : 4 * p + 4], by_hand.pad_id)
        logprobs, _ = token_logprobs(by_hand.model, batch.input_ids, batch.loss_mask)
        ranks = torch.tensor(return_ranks([e.total_reward for e in group.episodes]))
        losses.append(
            LOSSES[algo](sequence_scores(logprobs, batch.loss_mask, batch.sampler_logprobs), ranks)
        )
    torch.autograd.backward(torch.stack(losses).mean())
    with torch.no_grad():
        for parameter in by_hand.model.parameters():
            assert parameter.grad is not None
            parameter -= parameter.grad
    assert change(agent, before).norm() > 1e-2
    assert torch.allclose(change(agent, before), change(by_hand, before), rtol=1e-3, atol=1e-5)


def inputs(*returns: float) -> AdvantageInputs:
    games = tuple(GameInputs(rewards=(0.0, r), tokens=(1, 1)) for r in returns)
    return AdvantageInputs(groups=(GroupInputs(task_id="t", games=games),))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("ranked_in_pairs", [1.0, 1 / 3, -1 / 3, -1.0]),
        ("ranked_in_order", [3.0, 5 / 3, -1 / 3, -13 / 3]),
    ],
)
def test_four_games_by_hand(name: str, wanted: list[float]) -> None:
    """Six pairs of slope 1/2; places with one in 4, 3 and 2 to be drawn."""
    [values] = ADVANTAGES[name](inputs(40.0, 3.0, 2.0, 1.0))
    assert [game[0] for game in values] == pytest.approx(wanted)
    assert all(game[0] == game[1] for game in values)


@pytest.mark.parametrize("name", ["ranked_in_pairs", "ranked_in_order"])
def test_better_games_are_pushed_up_and_equal_ones_nowhere(name: str) -> None:
    [values] = ADVANTAGES[name](inputs(1.0, 0.0, 0.0))
    assert values[0][0] > 0.5 > 0 > values[1][0] == values[2][0]
    [nothing] = ADVANTAGES[name](inputs(0.1 + 0.2, 0.3, 0.3))
    assert [game[0] for game in nothing] == [0.0] * 3
    assert ADVANTAGES[name](inputs(1.0)) == [[[0.0, 0.0]]]


def test_returns_that_differ_by_rounding_share_a_rank() -> None:
    assert return_ranks([0.1 + 0.2, 0.3, 1.0, -1.0]) == [2, 2, 1, 3]
