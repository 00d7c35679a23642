"""Updates on pairs: what is compared, exact gradients however the batch is cut, what is masked."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.ten_words import same, taught_agent, tiny_agent, weights
from tests.tiny import chatml_tokenizer, qwen3_tokenizer, tiny_model
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.config import PreferenceSection, TrainSection
from wordle_rl.records import Batch
from wordle_rl.training.batch import collate
from wordle_rl.training.learner import frozen_reference
from wordle_rl.training.pair_methods import PAIR_METHODS
from wordle_rl.training.pair_trainer import policy_score, reference_score
from wordle_rl.training.pair_update import PairUpdater, loss_gradient
from wordle_rl.training.preference_losses import bradley_terry, dpo, implicit_margin, ipo
from wordle_rl.training.preference_rows import (
    RankedRows,
    conversation,
    pair_indices,
    recorded_rows,
)
from wordle_rl.training.preferences import Ranking

OPENING = "wordle 5x6"
WON = ("crane", "XXXXX", "pound", "GGGGG")
LATE = ("crane", "XXXXX", "fight", "XXXXX", "pound", "GGGGG")
LOST = ("abbey", "XXXXX", "zebra", "XXXXX")


def ranking(*ranks: int) -> Ranking:
    return Ranking(prompt=(OPENING,), responses=(WON, LATE, LOST)[: len(ranks)], ranks=ranks)


RANKINGS = (ranking(1, 2, 3), ranking(2, 1), ranking(1, 2, 2))


def updater(
    agent: LanguageAgent,
    *,
    lr: float = 0.0,
    method: str = "dpo",
    micro_batch_tokens: int = 10_000,
    updates: int = 1,
    **preference: Any,
) -> PairUpdater:
    given = PreferenceSection(**preference)
    loss = PAIR_METHODS[method].loss
    return PairUpdater(
        agent=agent,
        model=agent.model,
        optimizers=[
            torch.optim.SGD([p for p in agent.model.parameters() if p.requires_grad], lr=lr or 1e-9)
        ],
        score=policy_score(agent, 1.0),
        origin=reference_score(agent, frozen_reference(agent.model), 1.0),
        loss=lambda better, worse: loss(better, worse, given),
        unit=given.beta,
        settings=TrainSection(
            micro_batch_tokens=micro_batch_tokens, updates_per_batch=updates, max_grad_norm=1e9
        ),
    )


def moved_by(agent: LanguageAgent, update: PairUpdater, ranked: Sequence[RankedRows]) -> Tensor:
    """The gradient that a step of plain SGD at learning rate 1 takes, flat."""
    before = weights(agent)
    for group in update.optimizers[0].param_groups:
        group["lr"] = 1.0
    update(ranked)
    after = weights(agent)
    agent.model.load_state_dict(before, strict=False)
    return torch.cat([(before[name] - after[name]).flatten() for name in before])


def direct_gradient(agent: LanguageAgent, ranked: Sequence[RankedRows], beta: float) -> Tensor:
    """By one backward pass through the whole loss, the reference held as numbers of now."""
    rows = [row for r in ranked for (row,) in r.rows_G]
    batch = collate(rows, agent.pad_id)
    logprobs, _ = token_logprobs(agent.model, batch.input_ids, batch.loss_mask)
    scores = logprobs.sum(1)
    better, worse = pair_indices(ranked)
    old = scores.detach()
    margin = implicit_margin(scores[better], scores[worse], old[better], old[worse])
    torch.autograd.backward(dpo(margin, beta=beta).mean())
    flat = torch.cat([p.grad.flatten() for p in agent.model.parameters()])
    agent.model.zero_grad(set_to_none=True)
    return flat


# --- what is compared


def test_pairs_stay_within_their_ranking() -> None:
    rows = [
        RankedRows(rows_G=((),) * 3, ranks=(2, 1, 2)),
        RankedRows(rows_G=((),) * 2, ranks=(1, 1)),
    ]
    better, worse = pair_indices([*rows, RankedRows(rows_G=((),) * 2, ranks=(1, 2))])
    assert list(zip(better.tolist(), worse.tolist(), strict=True)) == [(1, 0), (1, 2), (5, 6)]


def test_ties_teach_nothing() -> None:
    agent = taught_agent()
    before = weights(agent)
    ties = recorded_rows(agent, ranking(1, 1, 1))
    assert updater(agent, lr=1.0)([ties]) == {}
    assert same(weights(agent), before)


# --- rows


def test_only_what_the_player_said_is_trained() -> None:
    agent = tiny_agent()
    (won,), (lost,) = recorded_rows(
        agent, Ranking(prompt=(OPENING,), responses=(WON, LOST), ranks=(1, 2))
    ).rows_G
    for row, said in ((won, WON[::2]), (lost, LOST[::2])):
        ids = [i for i, trained in zip(row.token_ids, row.loss_mask, strict=True) if trained]
        assert agent.tokenizer.decode(ids) == "".join(f"{word}<|end|>" for word in said)


def test_what_was_said_in_the_prompt_is_context() -> None:
    agent = tiny_agent()
    later = Ranking(
        prompt=(OPENING, *WON[:2]), responses=(WON[2:], ("fight", "XXXXX")), ranks=(1, 2)
    )
    (row,), _ = recorded_rows(agent, later).rows_G
    whole = recorded_rows(agent, ranking(1, 2)).rows_G[0][0]
    assert row.token_ids == whole.token_ids
    assert sum(row.loss_mask) == len("pound") + 1
    assert row.loss_mask[-1]


def test_a_template_that_rewrites_its_history_gives_several_rows() -> None:
    """Qwen3's thoughts vanish from earlier turns: each turn stands in the context it would have."""
    agent = LanguageAgent(
        tiny_model("qwen3"), qwen3_tokenizer(), name="thinking", device="cpu", dtype="float32"
    )
    assert not agent.chat.append_only
    thought = ("<think>\nhm\n</think>\n\ncrane", "XXXXX", "pound", "GGGGG")
    thinker = Ranking(prompt=(OPENING,), responses=(thought, LOST), ranks=(1, 2))
    first, second = recorded_rows(agent, thinker).rows_G[0]
    decode = agent.tokenizer.decode
    assert "hm" in decode(list(first.token_ids))
    assert "hm" not in decode(list(second.token_ids))
    assert decode(list(second.token_ids[:-1])).endswith("assistant\npound")
    assert second.token_ids[-1] == agent.stop_ids[0]
    assert sum(second.loss_mask) == len(agent.chat.encode("pound")) + 1
    one, two = updater(agent).batches([recorded_rows(agent, thinker)])[0]
    assert sorted(two.tolist()) == [0, 0, 1, 1]
    assert len(one.input_ids) == 4


def test_a_reward_model_reads_to_the_end_of_the_game() -> None:
    agent = LanguageAgent(
        tiny_model("llama"), chatml_tokenizer(), name="chat", device="cpu", dtype="float32"
    )
    ids = conversation(agent.chat, (OPENING,), WON, agent.stop_ids[0])
    text = agent.tokenizer.decode(list(ids))
    assert "GGGGG" in text
    assert text.endswith("<|im_start|>assistant\n")
    plain = conversation(agent.chat, (OPENING,), WON[:1], agent.stop_ids[0])
    assert agent.tokenizer.decode(list(plain)).endswith("crane<|im_end|>")


# --- gradients


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_the_gradient_is_that_of_the_whole_loss(beta: float) -> None:
    agent = taught_agent()
    ranked = [recorded_rows(agent, r) for r in RANKINGS]
    wanted = direct_gradient(agent, ranked, beta)
    found = moved_by(agent, updater(agent, beta=beta), ranked)
    assert wanted.norm() > 1e-2
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max() + 1e-6


@pytest.mark.parametrize("tokens", [1, 60, 10_000])
def test_how_the_batch_is_cut_changes_nothing(tokens: int) -> None:
    agent = taught_agent()
    ranked = [recorded_rows(agent, r) for r in RANKINGS]
    whole = moved_by(agent, updater(agent), ranked)
    cut = updater(agent, micro_batch_tokens=tokens)
    assert (len(cut.batches(ranked)) == 1) == (tokens == 10_000)
    assert (moved_by(agent, cut, ranked) - whole).abs().max() < 1e-5 * whole.abs().max() + 1e-6


def test_the_order_of_answers_and_padding_change_nothing() -> None:
    agent = taught_agent()
    ranked = [recorded_rows(agent, r) for r in RANKINGS]
    turned = [RankedRows(rows_G=r.rows_G[::-1], ranks=r.ranks[::-1]) for r in ranked[::-1]]
    whole = moved_by(agent, updater(agent), ranked)
    assert (moved_by(agent, updater(agent), turned) - whole).abs().max() < 1e-5


def test_swapping_the_ranks_turns_the_gradient_round() -> None:
    """At the start every margin is 0, where the loss is symmetric."""
    agent = taught_agent()
    straight = moved_by(agent, updater(agent), [recorded_rows(agent, ranking(1, 2))])
    swapped = moved_by(agent, updater(agent), [recorded_rows(agent, ranking(2, 1))])
    assert straight.norm() > 1e-2
    assert (straight + swapped).abs().max() < 1e-6


def test_what_the_environment_says_carries_no_gradient() -> None:
    """Scores are sums over the player's tokens, so no other log-probability has a gradient."""
    agent = taught_agent()
    ranked = [recorded_rows(agent, ranking(1, 2))]
    [(batch, owner)] = updater(agent).batches(ranked)
    logprobs = torch.zeros(batch.input_ids.shape, requires_grad=True)
    kept = torch.where(batch.loss_mask, logprobs, 0.0).sum(1)
    scores = torch.zeros(2).index_add(0, owner, kept)
    torch.autograd.backward(dpo(scores[:1] - scores[1:]).sum())
    assert logprobs.grad is not None
    assert (logprobs.grad[~batch.loss_mask] == 0).all()
    assert (logprobs.grad[batch.loss_mask] != 0).all()
    found = policy_score(agent, 1.0)(batch)
    bare = replace(batch, loss_mask=torch.zeros_like(batch.loss_mask))
    assert (policy_score(agent, 1.0)(bare) == 0).all()
    every = replace(batch, loss_mask=batch.attention_mask.clone())
    every.loss_mask[:, 0] = False
    assert (policy_score(agent, 1.0)(every) < found - 1).all()


# --- closed forms at the start and after


@pytest.mark.parametrize(
    ("method", "loss"),
    [("dpo", math.log(2)), ("ipo", (1 / (2 * 0.1)) ** 2)],
)
def test_the_first_loss_is_that_of_no_margin(method: str, loss: float) -> None:
    agent = taught_agent()
    metrics = updater(agent, method=method)([recorded_rows(agent, r) for r in RANKINGS])
    assert metrics["train/loss"] == pytest.approx(loss, abs=1e-6)
    assert metrics["train/reward_margin"] == 0.0
    assert metrics["train/pair_accuracy"] == 0.5
    assert metrics["train/pairs"] == 3 + 1 + 2


def test_updates_widen_the_margin_and_the_reference_stays() -> None:
    agent = taught_agent()
    ranked = [recorded_rows(agent, r) for r in (RANKINGS[0], RANKINGS[2])]
    update = updater(agent, beta=0.5)
    assert update.origin is not None
    [(batch, _)] = update.batches(ranked)
    before = update.origin(batch)
    for group in update.optimizers[0].param_groups:
        group["lr"] = 0.02
    seen = [update(ranked) for _ in range(8)]
    assert torch.equal(update.origin(batch), before)
    assert seen[-1]["train/reward_margin"] > seen[1]["train/reward_margin"] > 0
    assert seen[-1]["train/loss"] < math.log(2)
    assert seen[-1]["train/pair_accuracy"] == 1.0
    rewards = seen[-1]["train/reward_better"] - seen[-1]["train/reward_worse"]
    assert rewards == pytest.approx(seen[-1]["train/reward_margin"], rel=1e-4)


def test_several_updates_a_batch_are_measured_on_the_first() -> None:
    agent, other = taught_agent(), taught_agent()
    ranked = [recorded_rows(agent, r) for r in RANKINGS]
    once, twice = updater(agent, lr=0.01), updater(other, lr=0.01, updates=2)
    first = once(ranked)
    assert twice(ranked) == pytest.approx(first)
    once(ranked)
    for name, weight in weights(agent).items():
        assert torch.allclose(weight, weights(other)[name], atol=1e-6)


def test_with_lora_the_reference_is_the_model_without_its_adapter() -> None:
    agent = taught_agent()
    agent.model = add_lora(agent.model, rank=4, alpha=8)
    ranked = [recorded_rows(agent, r) for r in RANKINGS]
    update = updater(agent, beta=0.5)
    assert update.origin is not None
    [(batch, _)] = update.batches(ranked)
    start = update.score(batch).detach()
    assert torch.allclose(update.origin(batch), start)
    for group in update.optimizers[0].param_groups:
        group["lr"] = 0.05
    seen = [update(ranked)["train/reward_margin"] for _ in range(6)]
    assert seen[0] == pytest.approx(0.0, abs=1e-5)
    assert seen[-1] > 0.01
    assert torch.allclose(update.origin(batch), start)


# --- the chain rule on its own


def test_the_gradient_by_scores_in_closed_form() -> None:
    """Two pairs share the better answer: -beta sigmoid(-beta margin) / 2 each."""
    scores = torch.tensor([1.0, 0.0, -2.0])
    better, worse = torch.tensor([0, 0]), torch.tensor([1, 2])
    loss, gradient = loss_gradient(scores, better, worse, lambda a, b: dpo(a - b, beta=0.5))
    s = [0.5 / (1 + math.exp(0.5 * m)) / 2 for m in (1.0, 3.0)]
    assert gradient.tolist() == pytest.approx([-s[0] - s[1], s[0], s[1]])
    assert loss == pytest.approx(sum(math.log1p(math.exp(-0.5 * m)) for m in (1.0, 3.0)) / 2)


def test_the_methods_are_the_losses_of_their_papers() -> None:
    better, worse = torch.tensor([3.0, -1.0]), torch.tensor([1.0, 2.0])
    given = PreferenceSection(beta=0.3, label_smoothing=0.1, center=0.02)
    wanted = {
        "dpo": dpo(better - worse, beta=0.3, label_smoothing=0.1),
        "ipo": ipo(better - worse, beta=0.3),
        "reward-model": bradley_terry(better, worse, center=0.02),
    }
    assert wanted.keys() == PAIR_METHODS.keys()
    for name, values in wanted.items():
        assert torch.equal(PAIR_METHODS[name].loss(better, worse, given), values)


def unused(batch: Batch) -> Tensor:
    raise AssertionError("nothing may be scored")


def test_nothing_is_scored_without_a_pair() -> None:
    agent = tiny_agent()
    update = replace(updater(agent), score=unused, origin=unused)
    assert update([]) == {}
