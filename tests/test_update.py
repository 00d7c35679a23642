"""One policy update of a tiny model: the ratio, micro-batches, LoRA, the reference, clipping."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch.optim import SGD

from tests.ten_words import (
    same,
    taught_agent,
    ten_word_config,
    trained_logprobs,
    weights,
)
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import token_logprobs
from wordle_rl.agents.lora import add_lora
from wordle_rl.records import EpisodeGroup, Sample
from wordle_rl.rollout import rollout
from wordle_rl.training.aggregation import BatchSize
from wordle_rl.training.algorithms import find_algorithm, parts_of
from wordle_rl.training.assignment import group_samples, step_advantages
from wordle_rl.training.batch import collate
from wordle_rl.training.games import draw_tasks, training_env
from wordle_rl.training.kl import k1
from wordle_rl.training.learner import STEPS, frozen_reference
from wordle_rl.training.optim import adamw, clip_gradients
from wordle_rl.training.update import Updater, policy_loss

Make = Callable[[], LanguageAgent]


@cache
def groups(temperature: float = 1.0) -> list[EpisodeGroup]:
    """Twelve games of the taught agent, three secrets."""
    agent, config = taught_agent(), ten_word_config()
    return rollout(
        agent,
        draw_tasks(config, 0),
        4,
        make_env=lambda task: training_env(config.env, task, agent.style),
        temperature=temperature,
        seed=5,
    )


def samples(algo: str = "dr_grpo", temperature: float = 1.0) -> list[Sample]:
    config = ten_word_config(f"train.algo={algo}")
    played = groups(temperature)
    advantages_PGK = step_advantages(played, parts_of(find_algorithm(algo)), config, 0)
    return [
        sample
        for group, advantages in zip(played, advantages_PGK, strict=True)
        for sample in group_samples(group, advantages)
    ]


def with_advantage(rows: Sequence[Sample], value: float) -> list[Sample]:
    return [replace(row, advantages=(value,) * len(row.token_ids)) for row in rows]


def updater(
    agent: LanguageAgent, *overrides: str, temperature: float = 1.0, lr: float = 1.0
) -> Updater:
    """Plain gradient descent with step size `lr`, so a change of weights is a gradient."""
    config = ten_word_config("train.max_grad_norm=1e9", *overrides)
    return Updater(
        agent=agent,
        optimizers=[SGD([p for p in agent.model.parameters() if p.requires_grad], lr=lr)],
        parts=parts_of(find_algorithm(config.train.algo)),
        settings=config.train,
        temperature=temperature,
        reference=frozen_reference(agent.model) if config.train.kl_coef else None,
        take_step=STEPS[find_algorithm(config.train.algo).step],
    )


def change(agent: LanguageAgent, before: dict[str, torch.Tensor]) -> torch.Tensor:
    """How far the weights moved, as one vector."""
    after = weights(agent)
    return torch.cat([(after[name] - before[name]).flatten() for name in before])


# --- the ratio


@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize("algo", ["dr_grpo", "grpo", "course"])
def test_the_ratio_is_1_on_the_first_update(algo: str, temperature: float) -> None:
    """Sampler (cache, gaps, one token at a time) and trainer (one forward) agree."""
    agent = taught_agent()
    rows = samples(algo, temperature)
    batch = collate(rows, agent.pad_id)
    found = trained_logprobs(agent, rows, temperature)
    assert torch.allclose(found, batch.sampler_logprobs[batch.loss_mask], atol=1e-4)
    metrics = updater(agent, f"train.algo={algo}", temperature=temperature)(rows, games=12, rows=12)
    assert metrics["train/ratio_max"] == pytest.approx(1.0, abs=1e-4)
    assert metrics["train/sampler_kl"] < 1e-8
    assert metrics["train/clip_fraction"] == 0.0
    assert metrics["train/tokens"] == sum(sum(row.loss_mask) for row in rows)


def test_another_temperature_in_the_trainer_shows() -> None:
    metrics = updater(taught_agent(), temperature=0.7)(samples(), games=12, rows=12)
    assert metrics["train/ratio_max"] > 1.1
    assert metrics["train/sampler_kl"] > 1e-3


# --- the gradient


@pytest.mark.parametrize("algo", ["dr_grpo", "grpo", "course", "bnpo", "luspo", "vespo"])
def test_micro_batches_leave_loss_and_gradient_unchanged(algo: str) -> None:
    results = []
    for tokens in (1, 150, 100_000):
        agent = taught_agent()
        before = weights(agent)
        update = updater(agent, f"train.algo={algo}", f"train.micro_batch_tokens={tokens}")
        results.append((update(samples(algo), games=12, rows=12), change(agent, before)))
    for found, _ in results:
        del found["train/padding_share"]  # the one number that is of the cut
    (metrics, gradient), *others = results
    assert gradient.norm() > 1e-3
    for more, other in others:
        assert more == pytest.approx(metrics, rel=1e-4, abs=1e-6)
        assert torch.allclose(other, gradient, rtol=1e-4, atol=1e-6)


def test_the_order_of_the_games_leaves_the_gradient_unchanged() -> None:
    changes = []
    for rows in (samples(), samples()[::-1]):
        agent = taught_agent()
        before = weights(agent)
        updater(agent)(rows, games=12, rows=12)
        changes.append(change(agent, before))
    assert torch.allclose(*changes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algo", ["dr_grpo", "gspo", "bnpo"])
def test_dropped_groups_stay_in_the_denominator(algo: str) -> None:
    """The same rows among twice as many games move the weights half as far."""
    changes = []
    tokens = sum(sum(row.loss_mask) for row in samples(algo))
    for times in (1, 2):
        agent = taught_agent()
        before = weights(agent)
        update = updater(agent, f"train.algo={algo}")
        size = {"games": 12 * times, "rows": 12 * times, "tokens": tokens * times}
        metrics = update(samples(algo), **size)
        changes.append(change(agent, before))
        assert metrics["train/tokens"] == tokens
        assert metrics["train/entropy"] > 0.1
    assert torch.allclose(changes[0], 2 * changes[1], rtol=1e-4, atol=1e-6)
    assert changes[0].norm() > 1e-2


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_what_was_rewarded_becomes_more_likely(sign: float) -> None:
    agent = taught_agent()
    rows = with_advantage(samples()[:1], sign)
    before = trained_logprobs(agent, rows).sum()
    updater(agent, lr=0.1)(rows, games=1, rows=1)
    assert sign * (trained_logprobs(agent, rows).sum() - before) > 0.01


def test_no_advantage_moves_nothing() -> None:
    agent = taught_agent()
    before = weights(agent)
    metrics = updater(agent)(with_advantage(samples(), 0.0), games=12, rows=12)
    assert same(weights(agent), before)
    assert metrics["train/grad_norm"] == 0.0


def test_gradients_are_scaled_down_to_the_limit() -> None:
    free, bound = taught_agent(), taught_agent()
    before = weights(free)
    norm = updater(free)(samples(), games=12, rows=12)["train/grad_norm"]
    metrics = updater(bound, "train.max_grad_norm=1e-3")(samples(), games=12, rows=12)
    assert metrics["train/grad_norm"] == pytest.approx(norm)
    assert norm > 1e-2
    assert change(free, before).norm().item() == pytest.approx(norm, rel=1e-4)
    assert change(bound, before).norm().item() == pytest.approx(1e-3, rel=1e-2)
    assert torch.allclose(
        change(bound, before) / 1e-3, change(free, before) / norm, rtol=1e-2, atol=1e-4
    )


def test_the_entropy_is_that_of_the_sampled_tokens() -> None:
    agent = taught_agent()
    rows = samples()
    batch = collate(rows, agent.pad_id)
    with torch.no_grad():
        _, entropy = token_logprobs(agent.model, batch.input_ids, batch.loss_mask)
    metrics = updater(agent)(rows, games=12, rows=12)
    mean = entropy[batch.loss_mask].mean().item()
    assert metrics["train/entropy"] == pytest.approx(mean, rel=1e-4)


# --- several updates on one batch


def shifted(rows: Sequence[Sample], by: float) -> list[Sample]:
    """The rows as a sampler with other arithmetic would have recorded them."""
    return [replace(r, sampler_logprobs=tuple(p + by for p in r.sampler_logprobs)) for r in rows]


def test_one_update_starts_from_the_samplers_logprobs() -> None:
    metrics = updater(taught_agent())(shifted(samples(), -1.0), games=12, rows=12)
    assert metrics["train/ratio_max"] == pytest.approx(math.e, rel=1e-3)


def test_more_updates_start_from_the_trainers_own_logprobs() -> None:
    update = updater(taught_agent(), "train.updates_per_batch=2")
    metrics = update(shifted(samples(), -1.0), games=12, rows=12)
    assert metrics["train/ratio_max"] == pytest.approx(1.0, abs=1e-6)
    assert metrics["train/sampler_kl"] == pytest.approx(math.e - 2, rel=1e-3)


def test_the_second_update_is_clipped_against_the_first_ones_start() -> None:
    """Two updates equal two steps by hand whose ratio is against the weights before both."""
    agent, by_hand = taught_agent(), taught_agent()
    start = weights(agent)
    update = updater(agent, "train.updates_per_batch=2", lr=3.0)
    update(samples(), games=12, rows=12)

    size = BatchSize(
        games=12,
        rows=12,
        tokens=sum(sum(row.loss_mask) for row in samples()),
        tokens_per_game=update.settings.tokens_per_row,
    )
    batch = collate(samples(), by_hand.pad_id)
    with torch.no_grad():
        old, _ = token_logprobs(by_hand.model, batch.input_ids, batch.loss_mask)
    batch = replace(batch, old_logprobs=old)
    silenced = []
    for _ in range(2):
        logprobs, _ = token_logprobs(by_hand.model, batch.input_ids, batch.loss_mask)
        output = policy_loss(batch, logprobs, update.parts, update.settings, size)
        silenced.append(output.metrics["clip_fraction"])
        torch.autograd.backward(output.loss)
        with torch.no_grad():
            for parameter in by_hand.model.parameters():
                assert parameter.grad is not None
                parameter -= 3.0 * parameter.grad
                parameter.grad = None
    assert silenced[0] == 0.0 < silenced[1]
    assert torch.allclose(change(agent, start), change(by_hand, start), rtol=1e-3, atol=1e-5)


# --- the reference and LoRA


def lora_agent(rank: int = 4) -> LanguageAgent:
    agent = taught_agent()
    agent.model = add_lora(agent.model, rank=rank, alpha=8)
    return agent


def test_lora_trains_its_adapters_and_nothing_else() -> None:
    agent = lora_agent()
    before = weights(agent)
    updater(agent)(samples(), games=12, rows=12)
    after = weights(agent)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("lora_" in name for name in moved)
    # One matrix is zero at the start, so the other has no gradient yet.
    assert {name for name in before if "lora_B" in name} == moved


def test_lora_plays_as_before_until_it_is_trained() -> None:
    rows = samples()
    plain = trained_logprobs(taught_agent(), rows)
    assert torch.allclose(trained_logprobs(lora_agent(), rows), plain, atol=1e-6)


def test_lora_starts_from_its_seed_alone() -> None:
    torch.manual_seed(1)
    first = weights(lora_agent())
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    again = weights(lora_agent())
    assert same(first, again)
    assert torch.equal(state, torch.random.get_rng_state())
    agent = taught_agent()
    agent.model = add_lora(agent.model, rank=4, alpha=8, seed=1)
    assert not same(first, weights(agent))


@pytest.mark.parametrize("make", [taught_agent, lora_agent])
def test_the_reference_is_the_model_before_training(make: Make) -> None:
    """After some updates `kl_ref` is the mean k3 against the starting weights."""
    agent = make()
    rows = samples("grpo")
    start = trained_logprobs(taught_agent(), rows)
    update = updater(agent, "train.algo=grpo", lr=0.3)
    assert update(rows, games=12, rows=12)["train/kl_ref"] == pytest.approx(0.0, abs=1e-6)
    update(rows, games=12, rows=12)
    now = trained_logprobs(agent, rows)
    k3 = ((start - now).exp() - (start - now) - 1).mean().item()
    assert update(rows, games=12, rows=12)["train/kl_ref"] == pytest.approx(k3, rel=1e-3)
    assert k3 > 1e-5


def test_the_adapter_is_on_again_after_the_reference_was_asked() -> None:
    agent = lora_agent()
    rows = samples("grpo")
    update = updater(agent, "train.algo=grpo", lr=0.3)
    for _ in range(3):
        update(rows, games=12, rows=12)
    assert not torch.allclose(
        trained_logprobs(agent, rows), trained_logprobs(taught_agent(), rows), atol=1e-3
    )
    assert [n for n, p in agent.model.named_parameters() if p.requires_grad] == [
        n for n, _ in agent.model.named_parameters() if "lora_" in n
    ]


@pytest.mark.parametrize(("make", "away_lr"), [(taught_agent, 0.1), (lora_agent, 3.0)])
def test_the_kl_term_pulls_back_to_the_reference(make: Make, away_lr: float) -> None:
    """Without advantages, a model that has drifted away comes back."""
    agent = make()
    reference = frozen_reference(agent.model)
    away = updater(agent, lr=away_lr)
    for _ in range(2):
        away(samples(), games=12, rows=12)
    back = replace(updater(agent, "train.kl_coef=1.0", lr=0.01), reference=reference)
    rows = with_advantage(samples(), 0.0)
    drift = [back(rows, games=12, rows=12)["train/kl_ref"] for _ in range(12)]
    assert drift[0] > 1e-4
    assert drift == sorted(drift, reverse=True)
    assert drift[-1] < 0.9 * drift[0]


def test_a_divergence_in_the_reward_pulls_back_too() -> None:
    """No advantages and no term in the loss: what moves the model is taken off the reward."""
    agent = taught_agent()
    reference = frozen_reference(agent.model)
    away = updater(agent, lr=0.1)
    for _ in range(2):
        away(samples(), games=12, rows=12)
    settings = updater(agent, "train.kl_coef=1.0", "train.updates_per_batch=2", lr=0.003)
    parts = replace(settings.parts, kl=k1, kl_placement="reward")
    back = replace(settings, reference=reference, parts=parts)
    start = trained_logprobs(taught_agent(), samples())

    def distance() -> float:
        return float((trained_logprobs(agent, samples()) - start).pow(2).sum())

    rows, distances = with_advantage(samples(), 0.0), [distance()]
    for _ in range(4):
        assert back(rows, games=12, rows=12)["train/loss"] != 0
        distances.append(distance())
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.95 * distances[0]


def test_the_reference_does_not_move_and_has_no_gradient() -> None:
    agent = taught_agent()
    update = updater(agent, "train.algo=grpo", lr=0.3)
    assert update.reference is not None
    before = copy.deepcopy(update.reference.state_dict())
    for _ in range(2):
        update(samples("grpo"), games=12, rows=12)
    after = update.reference.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(p.grad is None for p in update.reference.parameters())


# --- the optimiser


def test_adamw_moves_a_weight_by_the_learning_rate_at_first() -> None:
    agent = taught_agent()
    before = weights(agent)
    update = replace(updater(agent), optimizers=[adamw(agent.model.parameters(), 1e-3)])
    update(samples(), games=12, rows=12)
    largest = change(agent, before).abs().max().item()
    assert largest == pytest.approx(1e-3, rel=1e-2)


def test_gradients_are_gone_after_an_update() -> None:
    agent = taught_agent()
    updater(agent)(samples(), games=12, rows=12)
    assert all(p.grad is None for p in agent.model.parameters())
    assert clip_gradients(agent.model, 1.0) == 0.0
