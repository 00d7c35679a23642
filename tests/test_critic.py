"""The critic: what it sees, that it learns, and the advantages made with it, token by token."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from tests.ten_words import same, taught_agent, weights
from tests.test_update import groups, updater
from tests.tiny import FULL, clean_logits, tiny_model
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.logprobs import (
    distributions,
    token_features,
    token_hidden,
    token_logprobs,
)
from wordle_rl.agents.lora import add_lora
from wordle_rl.config import TrainSection
from wordle_rl.records import EpisodeGroup, StopReason
from wordle_rl.training.critic import Critic, new_critic, sampled_features
from wordle_rl.training.critic_advantages import (
    CRITIC_ADVANTAGES,
    GameTokens,
    first_of_turn,
    token_gae,
    turn_gae_whitened,
    value_baseline,
)
from wordle_rl.training.gae import gae, turn_gae
from wordle_rl.training.judgement import judge_games
from wordle_rl.training.update import Updater

CPU = torch.device("cpu")


# --- what it sees


@pytest.mark.parametrize("family", sorted(FULL))
def test_features_are_what_the_head_reads(family: str) -> None:
    """The head on the features gives the logits, whatever the model does with `logits_to_keep`."""
    model = tiny_model(family)
    ids = torch.randint(3, 60, (3, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(3, 9, dtype=torch.bool)
    mask[0, 4] = mask[1, 2] = mask[1, 6] = True
    with torch.no_grad():
        features = token_features(model, ids, mask)
        head = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        found = head(features)
        found_logp = distributions(model, token_hidden(model, ids, mask), 0.7)
    rows = [(0, 4), (1, 2), (1, 6)]
    wanted = torch.stack([clean_logits(model, ids[r].tolist())[t - 1] for r, t in rows])
    assert torch.allclose(found, wanted, atol=1e-4)
    assert torch.allclose(found_logp, (wanted / 0.7).log_softmax(-1), atol=1e-4)


@pytest.mark.parametrize("lora", [False, True])
def test_features_with_a_shared_prompt_are_the_same(lora: bool) -> None:
    agent = taught_agent()
    if lora:
        agent.model = add_lora(agent.model, rank=2, alpha=8)
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 60, (4, 45), generator=random)
    ids[1:3, :40] = ids[0, :40]
    mask = torch.zeros(4, 45, dtype=torch.bool)
    mask[:, 41] = mask[2, 43] = True
    with torch.no_grad():
        together = token_features(agent.model, ids, mask)
        alone = [token_features(agent.model, ids[i : i + 1], mask[i : i + 1]) for i in range(4)]
        logprobs, _ = token_logprobs(agent.model, ids, mask)
        found_logp = distributions(agent.model, token_hidden(agent.model, ids, mask))
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)
    chosen = found_logp.gather(1, ids[mask][:, None])[:, 0]
    assert torch.allclose(chosen, logprobs[mask], atol=1e-5)


# --- that it learns


def critic(size: int = 8, **settings: float) -> Critic:
    section = TrainSection.model_validate({"critic_lr": 1e-2, **settings})
    return new_critic(size, section, CPU)


def test_a_new_critic_expects_nothing_and_learns() -> None:
    random = torch.Generator().manual_seed(0)
    features = torch.randn(200, 8, generator=random)
    targets = features[:, 0].sign()
    judge = critic(value_clip=10.0, critic_updates=300)
    assert not judge.values(features).any()
    first = judge.fit(features, targets)
    assert first["train/value_loss"] == pytest.approx(0.5)
    assert first["train/explained_variance"] == pytest.approx(0.0)
    again = judge.fit(features, targets)
    assert again["train/explained_variance"] > 0.9
    assert again["train/value_loss"] < 0.05


def test_values_that_have_moved_by_the_clip_stop_being_pulled() -> None:
    """What they go on by is the optimiser's momentum."""
    features, targets = torch.ones(4, 8), torch.full((4,), 5.0)
    features[:, 0] = torch.arange(4.0)
    clipped, free = (critic(value_clip=clip, critic_updates=60) for clip in (0.2, 100.0))
    for judge in (clipped, free):
        judge.fit(features, targets)
    assert 0.2 < clipped.values(features).min() < clipped.values(features).max() < 1.2
    assert free.values(features).min() > 4.5


def test_returns_that_are_all_equal_have_no_explained_variance() -> None:
    metrics = critic().fit(torch.randn(5, 8), torch.ones(5))
    assert metrics.keys() == {"train/value_loss", "train/value_mean"}


def test_the_seed_alone_makes_the_critic() -> None:
    state = torch.random.get_rng_state()
    first, again, other = (critic(seed=seed).net.state_dict() for seed in (0, 0, 1))
    assert same(first, again)
    assert not same(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


# --- advantages


def tokens() -> GameTokens:
    """Two games: turns of 2 and 1 tokens with rewards 0 and 1; one turn of 1 token worth 0.5."""
    return GameTokens(
        rewards=torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.0, 0.0]]),
        mask=torch.tensor([[True, True, True], [True, False, False]]),
        turns=torch.tensor([[0, 0, 1], [0, 0, 0]]),
    )


VALUES = torch.tensor([[0.2, 0.4, 0.6], [0.1, 9.0, 9.0]])


def test_the_first_token_of_every_turn() -> None:
    assert first_of_turn(tokens()).tolist() == [[True, False, True], [True, False, False]]


def test_the_value_baseline_by_hand() -> None:
    judged = value_baseline(tokens(), VALUES, 1.0, 0.3)
    assert torch.allclose(judged.advantages, torch.tensor([[0.8, 0.8, 0.4], [0.4, 0.0, 0.0]]))
    assert torch.allclose(judged.targets[judged.judged], torch.tensor([1.0, 1.0, 0.5]))


def test_gae_by_token_and_by_turn_are_whitened_and_their_targets_are_not() -> None:
    games = tokens()
    for function, raw in (
        (token_gae, gae(games.rewards, VALUES, games.mask, gamma=0.9, lam=0.8)),
        (
            turn_gae_whitened,
            turn_gae(games.rewards, VALUES, games.mask, games.turns, gamma=0.9, lam=0.8),
        ),
    ):
        judged = function(games, VALUES, 0.9, 0.8)
        found = judged.advantages[games.mask]
        assert found.mean().abs() < 1e-6
        assert found.std() == pytest.approx(1.0, abs=1e-4)
        kept = judged.judged
        assert torch.allclose(judged.targets[kept], (raw + VALUES)[kept])
    assert judged.judged.sum() == 3


# --- games of a step


def judge_of(
    algo: str, *overrides: str, agent: LanguageAgent | None = None
) -> tuple[Updater, Critic]:
    agent = agent or taught_agent()
    update = updater(agent, f"train.algo={algo}", *overrides)
    return update, new_critic(agent.model.config.hidden_size, update.settings, CPU)


def flat(rows_P: Sequence[Sequence[object]]) -> list[object]:
    return [row for rows in rows_P for row in rows]


def test_without_a_critics_word_the_baseline_is_the_return() -> None:
    """A new critic says 0, so every token of a game has the game's return to go."""
    update, judge = judge_of("reinforce_value")
    judged = judge_games(groups(), update, judge, step=0)
    assert judged is not None
    for group, rows, means in zip(
        groups(), judged.assigned.samples_P, judged.assigned.advantages_PG, strict=True
    ):
        assert len(rows) == len(group.episodes)
        for episode, row, mean in zip(group.episodes, rows, means, strict=True):
            values = [a for a, m in zip(row.advantages, row.loss_mask, strict=True) if m]
            assert values == pytest.approx([episode.total_reward] * len(values))
            assert mean == pytest.approx(episode.total_reward)
            assert not any(a for a, m in zip(row.advantages, row.loss_mask, strict=True) if not m)
    turns = sum(len(e.turns) for g in groups() for e in g.episodes)
    assert judged.features.shape == (turns, update.agent.model.config.hidden_size)
    assert judged.targets.shape == (turns,)


@pytest.mark.parametrize("algo", ["ppo", "ppo_turn", "reinforce_value"])
def test_how_rows_are_cut_changes_no_advantage(algo: str) -> None:
    found = []
    for size in (1, 100_000):
        update, judge = judge_of(algo, f"train.micro_batch_tokens={size}")
        torch.nn.init.normal_(
            judge.net.layers[-1].weight, std=0.3, generator=torch.Generator().manual_seed(1)
        )
        judged = judge_games(groups(), update, judge, step=0)
        assert judged is not None
        found.append(judged)
    one, whole = found
    for a, b in zip(flat(one.assigned.samples_P), flat(whole.assigned.samples_P), strict=True):
        assert a.token_ids == b.token_ids  # type: ignore[attr-defined]
        assert a.advantages == pytest.approx(b.advantages, abs=1e-4)  # type: ignore[attr-defined]
    assert torch.allclose(one.targets, whole.targets, atol=1e-5)
    assert torch.allclose(one.features, whole.features, atol=1e-5)


def test_a_divergence_in_the_reward_is_seen_by_the_critic() -> None:
    """Targets fall by what the tokens of a game are charged; without drift nothing is."""
    update, judge = judge_of("ppo", "train.kl_coef=0.5")
    free, _ = judge_of("ppo", "train.kl_coef=0")
    at_home, uncharged = (judge_games(groups(), u, judge, step=0) for u in (update, free))
    assert update.reference is not None
    with torch.no_grad():
        for parameter in update.reference.parameters():
            parameter.mul_(0.7)
    away = judge_games(groups(), update, judge, step=0)
    assert at_home is not None
    assert uncharged is not None
    assert away is not None
    assert torch.allclose(at_home.targets, uncharged.targets, atol=1e-3)
    assert (uncharged.targets - away.targets).mean() > 0.05


def test_failed_games_have_no_advantage_and_no_say() -> None:
    group = groups()[0]
    broken = replace(group.episodes[0], stop_reason=StopReason.ERROR, error="boom")
    damaged = EpisodeGroup(task=group.task, episodes=(broken, *group.episodes[1:]))
    update, judge = judge_of("ppo_turn")
    judged = judge_games([damaged], update, judge, step=0)
    assert judged is not None
    assert len(judged.assigned.samples_P[0]) == 3
    assert judged.assigned.advantages_PG[0][0] == 0.0
    nothing = EpisodeGroup(task=group.task, episodes=(broken,))
    assert judge_games([nothing], update, judge, step=0) is None


def test_shuffling_is_a_permutation_inside_the_group() -> None:
    update, judge = judge_of("reinforce_value", "train.shuffle_advantages=true")
    straight, _ = judge_of("reinforce_value")
    shuffled = judge_games(groups(), update, judge, step=0)
    plain = judge_games(groups(), straight, judge, step=0)
    assert shuffled is not None
    assert plain is not None
    assert shuffled.assigned.advantages_PG != plain.assigned.advantages_PG
    for a, b in zip(shuffled.assigned.advantages_PG, plain.assigned.advantages_PG, strict=True):
        assert sorted(a) == pytest.approx(sorted(b))


def test_the_critic_takes_nothing_from_the_policy() -> None:
    update, judge = judge_of("ppo")
    before = weights(update.agent)
    judged = judge_games(groups(), update, judge, step=0)
    assert judged is not None
    judge.fit(judged.features, judged.targets)
    assert same(weights(update.agent), before)
    assert all(p.grad is None for p in update.agent.model.parameters())
    assert not sampled_features(update, flat(judged.assigned.samples_P)).requires_grad  # type: ignore[arg-type]


def test_every_critic_advantage_is_finite_on_games_of_one_token() -> None:
    one = GameTokens(
        rewards=torch.tensor([[1.0]]), mask=torch.tensor([[True]]), turns=torch.tensor([[0]])
    )
    for function in CRITIC_ADVANTAGES.values():
        judged = function(one, torch.zeros(1, 1), 1.0, 1.0)
        assert judged.advantages.isfinite().all()
        assert judged.targets.tolist() == [[1.0]]
