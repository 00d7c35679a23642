"""Every estimator against the true gradient, by enumeration: no sampling, no tolerance for luck.

A bandit, and Wordle of two turns with three secrets and three words. The policy is a table of
logits, the expected return J a sum over all games that can be played, and the expected gradient of
an algorithm a sum over all groups of games, each as likely as the policy makes it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import pytest
import torch
from torch import Tensor

from wordle_rl.config import TrainSection
from wordle_rl.envs.feedback import feedback
from wordle_rl.records import Batch, LossInputs
from wordle_rl.training.advantages import ADVANTAGES
from wordle_rl.training.aggregation import BatchSize, constant
from wordle_rl.training.algorithms import Algorithm, parts_of
from wordle_rl.training.credit import Advantage, AdvantageInputs, GameInputs, GroupInputs
from wordle_rl.training.kl import k1
from wordle_rl.training.losses import LOSSES, Clip
from wordle_rl.training.update import charge_divergence, policy_loss

WORDS = ("light", "might", "crane")
"""Guessing crane first does not tell the other two apart."""
CLIP = Clip()


@dataclass(frozen=True)
class Game:
    """One way a game can go: a state and an action a turn, both rows and columns of the table."""

    states: tuple[int, ...]
    actions: tuple[int, ...]
    rewards: tuple[float, ...]


@dataclass(frozen=True)
class World:
    """Everything that can happen."""

    games: tuple[tuple[Game, ...], ...]
    """All games, by secret."""
    logits: Tensor
    """[states, actions]"""

    def logprobs(self, logits: Tensor, game: Game) -> list[Tensor]:
        table = logits.log_softmax(1)
        return [table[s, a] for s, a in zip(game.states, game.actions, strict=True)]

    def expected_return(self, logits: Tensor) -> Tensor:
        """J: every secret is equally likely."""
        terms = [
            sum(self.logprobs(logits, game)).exp() * sum(game.rewards)  # type: ignore[union-attr]
            for games in self.games
            for game in games
        ]
        return torch.stack(terms).sum() / len(self.games)

    def true_gradient(self) -> Tensor:
        logits = self.logits.clone().requires_grad_(True)
        (found,) = torch.autograd.grad(self.expected_return(logits), logits)
        return found


def table(states: int, actions: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(states, actions, generator=random, dtype=torch.float64)


@cache
def bandit() -> World:
    """One state, four actions, one turn."""
    games = tuple(
        Game(states=(0,), actions=(a,), rewards=(r,)) for a, r in enumerate((1.0, 0.2, 0.0, 0.5))
    )
    return World(games=(games,), logits=table(1, 4))


@cache
def wordle() -> World:
    """Two guesses. A green pays .2 and a yellow .1 the first time, a win 1 on top."""
    states: dict[tuple[object, ...], int] = {("start",): 0}
    games = []
    for secret in WORDS:
        found = []
        for first in range(3):
            seen = feedback(WORDS[first], secret)
            credit = credit_of(seen)
            if WORDS[first] == secret:
                found.append(Game(states=(0,), actions=(first,), rewards=(1.0 + credit,)))
                continue
            state = states.setdefault((first, seen), len(states))
            for second in range(3):
                more = max(0.0, credit_of(feedback(WORDS[second], secret)) - credit)
                win = float(WORDS[second] == secret)
                game = Game(
                    states=(0, state), actions=(first, second), rewards=(credit, win + more)
                )
                found.append(game)
        games.append(tuple(found))
    return World(games=tuple(games), logits=table(len(states), 3))


def credit_of(marks: str) -> float:
    return 0.2 * marks.count("G") + 0.1 * marks.count("Y")


WORLDS = {"bandit": bandit, "wordle": wordle}
every_world = pytest.mark.parametrize("name", WORLDS)


@dataclass(frozen=True)
class Groups:
    """All groups of `size` games of every secret, as rows of tensors."""

    inputs: tuple[AdvantageInputs, ...]
    """One step of one group each."""
    states: Tensor
    """[rows, turns], as are the next two."""
    actions: Tensor
    mask: Tensor
    weights: Tensor
    """[rows, 1]: how likely the row's group is, over games of a group and secrets."""


@cache
def groups(name: str, size: int) -> Groups:
    world = WORLDS[name]()
    inputs, rows, weights = [], [], []
    for secret, games in enumerate(world.games):
        likely = {
            game: math.exp(sum(map(float, world.logprobs(world.logits, game)))) for game in games
        }
        for chosen in product(games, repeat=size):
            inputs.append(step_of(chosen, secret))
            rows += chosen
            weight = math.prod(likely[game] for game in chosen) / (size * len(world.games))
            weights += [weight] * size
    turns = max(len(game.states) for game in rows)

    def stack(values: Iterator[Sequence[int]]) -> Tensor:
        return torch.tensor([[*v, *[0] * (turns - len(v))] for v in values])

    return Groups(
        inputs=tuple(inputs),
        states=stack(game.states for game in rows),
        actions=stack(game.actions for game in rows),
        mask=stack([1] * len(game.states) for game in rows).bool(),
        weights=torch.tensor(weights, dtype=torch.float64)[:, None],
    )


def step_of(games: Sequence[Game], secret: int, greedy: float = 0.3) -> AdvantageInputs:
    return AdvantageInputs(
        groups=(
            GroupInputs(
                task_id=f"secret-{secret}",
                greedy_return=greedy,
                games=tuple(
                    GameInputs(
                        rewards=game.rewards,
                        tokens=(1,) * len(game.rewards),
                        parts=tuple({"all": r} for r in game.rewards),
                        anchors=game.states,
                    )
                    for game in games
                ),
            ),
        ),
        baseline=0.4,
    )


def advantages_of(found: Groups, advantage: Advantage) -> Tensor:
    """[rows, turns]"""
    values = [game for inputs in found.inputs for [group] in [advantage(inputs)] for game in group]
    turns = found.mask.shape[1]
    return torch.tensor(
        [[*game, *[0.0] * (turns - len(game))] for game in values], dtype=torch.float64
    )


def expected_gradient(
    name: str, size: int, advantage: Advantage, loss: str = "reinforce"
) -> Tensor:
    """Of minus the loss, over all groups as likely as they are."""
    world, found = WORLDS[name](), groups(name, size)
    logits = world.logits.clone().requires_grad_(True)
    logprobs = logits.log_softmax(1)[found.states, found.actions]
    inputs = LossInputs(
        logprobs=logprobs,
        old_logprobs=logprobs.detach(),
        advantages=advantages_of(found, advantage),
        loss_mask=found.mask,
    )
    one_game = BatchSize(games=1, rows=1, tokens=1, tokens_per_game=1.0)
    value = constant(found.weights * LOSSES[loss](inputs, CLIP), found.mask, one_game)
    (gradient,) = torch.autograd.grad(-value, logits)
    return gradient


def cosine(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm()))


# --- the worlds themselves


@every_world
def test_the_games_of_a_secret_are_all_there_is(name: str) -> None:
    world = WORLDS[name]()
    for games in world.games:
        likely = [math.exp(sum(map(float, world.logprobs(world.logits, g)))) for g in games]
        assert math.fsum(likely) == pytest.approx(1.0, abs=1e-12)


def test_wordle_has_seven_games_a_secret_and_shares_states_between_secrets() -> None:
    world = wordle()
    assert [len(games) for games in world.games] == [7, 7, 7]
    assert world.logits.shape == (6, 3)  # the start, two answers to light and might, one to crane
    shared = [{g.states[1] for g in games if g.actions == (2, 0)} for games in world.games[:2]]
    assert shared[0] == shared[1]
    assert world.true_gradient().norm() > 0.1


# --- episode-level advantages


@every_world
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(
    "advantage", ["raw_returns", "leave_one_out", "history_centered", "greedy_centered"]
)
def test_an_unbiased_estimator_is_the_true_gradient(name: str, size: int, advantage: str) -> None:
    found = expected_gradient(name, size, ADVANTAGES[advantage])
    assert torch.allclose(found, WORLDS[name]().true_gradient(), atol=1e-12)


@every_world
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("advantage", ["centered", "batch_centered"])
def test_with_its_own_game_in_the_mean_it_is_shorter_by_one_gth(
    name: str, size: int, advantage: str
) -> None:
    found = expected_gradient(name, size, ADVANTAGES[advantage])
    exact = WORLDS[name]().true_gradient()
    assert torch.allclose(found, (size - 1) / size * exact, atol=1e-12)


@every_world
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("advantage", ["standardized", "population_standardized"])
def test_divided_by_the_std_it_points_elsewhere(name: str, size: int, advantage: str) -> None:
    """The price of the standard deviation: not even parallel to the true gradient."""
    found = expected_gradient(name, size, ADVANTAGES[advantage])
    similarity = cosine(found, WORLDS[name]().true_gradient())
    assert 0.7 < similarity < 0.999


@every_world
def test_maxrl_points_elsewhere_on_purpose(name: str) -> None:
    similarity = cosine(
        expected_gradient(name, 3, ADVANTAGES["mean_normalized"]), WORLDS[name]().true_gradient()
    )
    assert 0.7 < similarity < 0.999


# --- advantages by turn


@pytest.mark.parametrize("size", [1, 2])
def test_the_return_to_go_is_the_true_gradient(size: int) -> None:
    """What came before an action is left out, and nothing is lost."""
    found = expected_gradient("wordle", size, ADVANTAGES["turn_returns"])
    assert torch.allclose(found, wordle().true_gradient(), atol=1e-12)
    games = [g for inputs in groups("wordle", 1).inputs for g in inputs.games]
    assert any(game.rewards[0] for game in games if len(game.rewards) == 2)


def test_the_return_to_go_has_less_variance() -> None:
    """Which is what it is for: the second moment of the summed score falls."""

    def second_moment(advantage: str) -> float:
        found = groups("wordle", 1)
        return float((found.weights * advantages_of(found, ADVANTAGES[advantage]) ** 2).sum())

    assert second_moment("turn_returns") < second_moment("raw_returns")


@pytest.mark.parametrize("advantage", ["turn_centered", "anchored"])
def test_comparing_turns_is_biased_and_points_nearly_right(advantage: str) -> None:
    """A turn or state that one game alone reached is worth 0, which it is not on average."""
    found, exact = (
        expected_gradient("wordle", 3, ADVANTAGES[advantage]),
        wordle().true_gradient(),
    )
    assert 0.8 < cosine(found, exact) < 0.9999


# --- losses


@every_world
@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_on_policy_every_loss_has_the_true_gradient(name: str, loss: str) -> None:
    found = expected_gradient(name, 2, ADVANTAGES["leave_one_out"], loss)
    assert torch.allclose(found, WORLDS[name]().true_gradient(), atol=1e-12)


def test_off_policy_importance_sampling_has_the_true_gradient() -> None:
    """Games played by another policy, each token weighed by r: exact for games of one turn."""
    world, old = bandit(), table(1, 4, seed=5).log_softmax(1)
    logits = world.logits.clone().requires_grad_(True)
    rewards = torch.tensor([[game.rewards[0]] for game in world.games[0]], dtype=torch.float64)
    inputs = LossInputs(
        logprobs=logits.log_softmax(1).T,
        old_logprobs=old.T,
        advantages=rewards,
        loss_mask=torch.ones(4, 1, dtype=torch.bool),
    )
    (found,) = torch.autograd.grad(
        -(old.T.exp() * LOSSES["importance"](inputs, CLIP)).sum(), logits
    )
    assert torch.allclose(found, world.true_gradient(), atol=1e-12)
    (clipped,) = torch.autograd.grad(
        -(old.T.exp() * LOSSES["clipped"](inputs, CLIP)).sum(),
        inputs.logprobs,
    )
    assert not torch.allclose(clipped, world.true_gradient().T, atol=1e-3)


# --- the whole step, KL in the reward


def test_kl_in_the_reward_is_the_gradient_of_return_minus_divergence() -> None:
    """J - beta KL(pi || ref) over whole games, through `charge_divergence` and `policy_loss`."""
    world, found, beta = wordle(), groups("wordle", 1), 0.3
    reference = table(len(world.logits), 3, seed=9)

    def objective(logits: Tensor) -> Tensor:
        terms = []
        for games in world.games:
            for game in games:
                likely = sum(world.logprobs(logits, game), start=torch.zeros(()).double())
                other = sum(world.logprobs(reference, game), start=torch.zeros(()).double())
                terms.append(likely.exp() * (sum(game.rewards) - beta * (likely - other)))
        return torch.stack(terms).sum() / len(world.games)

    logits = world.logits.clone().requires_grad_(True)
    (exact,) = torch.autograd.grad(objective(logits), logits)
    assert not torch.allclose(exact, world.true_gradient(), atol=1e-2)

    logprobs = logits.log_softmax(1)[found.states, found.actions]
    old = logprobs.detach()
    method = Algorithm(
        summary="",
        paper="",
        advantage="turn_returns",
        aggregation="constant",
        kl="k1",
        kl_placement="reward",
    )
    parts = parts_of(method)
    batch = Batch(
        input_ids=torch.zeros_like(found.states),
        attention_mask=found.mask,
        loss_mask=found.mask,
        sampler_logprobs=old,
        old_logprobs=old,
        advantages=advantages_of(found, parts.advantage),
        ref_logprobs=reference.log_softmax(1)[found.states, found.actions],
    )
    charged = charge_divergence(batch, parts, beta)
    assert not charged.advantages.requires_grad
    wanted = -beta * k1(old, batch.ref_logprobs, old)[:, 1]  # type: ignore[arg-type]
    last = found.mask[:, 1]
    gap = (charged.advantages - batch.advantages)[:, 1]
    assert torch.allclose(gap[last], wanted[last], atol=1e-12)

    gradient = torch.zeros_like(logits)
    size = BatchSize(games=1, rows=1, tokens=1, tokens_per_game=1.0)
    settings = TrainSection(kl_coef=beta)
    for row, weight in enumerate(found.weights[:, 0].tolist()):
        one = slice(row, row + 1)
        part = Batch(
            input_ids=charged.input_ids[one],
            attention_mask=charged.attention_mask[one],
            loss_mask=charged.loss_mask[one],
            sampler_logprobs=charged.sampler_logprobs[one],
            old_logprobs=charged.old_logprobs[one],
            advantages=charged.advantages[one],
            ref_logprobs=None if charged.ref_logprobs is None else charged.ref_logprobs[one],
        )
        loss = policy_loss(part, logprobs[one], parts, settings, size).loss
        gradient -= weight * torch.autograd.grad(loss, logits, retain_graph=True)[0]
    assert torch.allclose(gradient, exact, atol=1e-12)
