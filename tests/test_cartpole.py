"""The same functions solve CartPole: REINFORCE, TRPO and PPO, each to a mean return of 475."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

FILE = Path(__file__).resolve().parents[1] / "examples" / "cartpole.py"


@pytest.fixture(scope="module")
def cartpole() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cartpole", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cartpole"] = module
    spec.loader.exec_module(module)
    return module


def test_a_batch_is_whole_games(cartpole: ModuleType) -> None:
    torch.manual_seed(0)
    player = cartpole.Player()
    games = cartpole.play(player, seed=3)
    lengths = games.mask.sum(1)
    assert games.mask.shape[1] == lengths.max()
    assert all(row[:n].all() for row, n in zip(games.mask, lengths, strict=True))
    assert not games.cut.any()
    # the state after the last move is one that ends a game: too far, or tilted by 12 degrees
    where, angle = games.last_states[:, 0].abs(), games.last_states[:, 2].abs()
    assert ((where > 2.4) | (angle > 0.2094)).all()
    again = cartpole.inputs(player, games, games.mask.float())
    assert torch.allclose(again.logprobs[games.mask], games.logprobs[games.mask], atol=1e-6)


@pytest.mark.parametrize("method", ["reinforce", "ppo", "trpo"])
def test_one_batch_moves_the_policy(cartpole: ModuleType, method: str) -> None:
    torch.manual_seed(0)
    player = cartpole.Player()
    games = cartpole.play(player, seed=3)
    before = player.actor(games.states).detach()
    optimizer = torch.optim.Adam(player.parameters(), 5e-3)
    cartpole.METHODS[method](player, optimizer, games)
    after = player.actor(games.states).detach()
    divergence = (before.exp() * (before - after)).sum(-1)[games.mask].mean()
    assert 1e-5 < divergence < 0.2
    assert method != "trpo" or divergence < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("method", ["reinforce", "ppo", "trpo"])
def test_each_method_solves_it(cartpole: ModuleType, method: str) -> None:
    played, average = cartpole.solve(method, seed=0)
    assert average >= 475
    assert played < 4800
