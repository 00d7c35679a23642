"""REINFORCE, TRPO and PPO on CartPole, with the functions that train the language model.

    python examples/cartpole.py ppo         # or reinforce, trpo; --seed 1

A game is a row of tensors and a move is a token, so advantages, GAE, losses and the trust-region
step serve as they are. Trains until the last 100 games returned 475 on average, CartPole's mark.
"""

import argparse
from typing import NamedTuple

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from wordle_rl.records import LossInputs
from wordle_rl.training import conjugate_gradient as cg
from wordle_rl.training.credit import AdvantageInputs, GameInputs, GroupInputs
from wordle_rl.training.gae import gae, value_loss, whiten
from wordle_rl.training.losses import Clip, clipped, importance, reinforce
from wordle_rl.training.turn_advantages import turn_whitened

GAMES, GAMMA, LAM, SOLVED = 16, 0.99, 0.95, 475.0


class Player(nn.Module):
    """Two small networks: log-probabilities of both moves, and what a state is worth."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2), nn.LogSoftmax(-1))
        self.critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1), nn.Flatten(-2))


class Games(NamedTuple):
    """Finished games, padded: states [B, T, 4], then [B, T]; those cut at 500 moves go on, [B]."""

    states: Tensor
    actions: Tensor
    logprobs: Tensor
    mask: Tensor
    last_states: Tensor
    cut: Tensor


@torch.no_grad()
def play(player: Player, seed: int) -> Games:
    """`GAMES` games side by side until the last has ended."""
    env = gymnasium.make_vec("CartPole-v1", GAMES, "vector_entry_point")
    states, _ = env.reset(seed=seed)
    running, cut, last = np.ones(GAMES, bool), np.zeros(GAMES, bool), states.copy()
    rows = []
    while running.any():
        logprobs = player.actor(torch.tensor(states))
        actions = torch.multinomial(logprobs.exp(), 1)
        chosen = logprobs.gather(1, actions)[:, 0]
        rows.append((torch.tensor(states), actions[:, 0], chosen, torch.tensor(running)))
        states, _, lost, late, _ = env.step(actions[:, 0].numpy())
        last[running], cut[running] = states[running], (late & ~lost)[running]
        running &= ~(lost | late)
    columns = [torch.stack(column, 1) for column in zip(*rows, strict=True)]
    return Games(*columns, torch.tensor(last), torch.tensor(cut))


@torch.no_grad()
def judge(player: Player, games: Games) -> tuple[Tensor, Tensor, Tensor]:
    """Whitened GAE, what the critic should have said, and what it said."""
    values, mask = player.critic(games.states), games.mask
    after = torch.where(games.cut, player.critic(games.last_states), 0.0)
    advantages = gae(mask.float(), values, mask, gamma=GAMMA, lam=LAM, final_values=after)
    return whiten(advantages, mask), advantages + values, values


def inputs(player: Player, games: Games, advantages: Tensor) -> LossInputs:
    chosen = player.actor(games.states).gather(2, games.actions[..., None])[..., 0]
    old, mask = games.logprobs, games.mask
    return LossInputs(logprobs=chosen, old_logprobs=old, advantages=advantages, loss_mask=mask)


def descend(optimizer: Adam, loss: Tensor) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    optimizer.step()


def update_reinforce(player: Player, optimizer: Adam, games: Games) -> None:
    """Discounted returns to go, whitened over the batch; one update a batch."""
    lengths = games.mask.sum(1).tolist()
    played = tuple(GameInputs(rewards=(1.0,) * n, tokens=(1,) * n) for n in lengths)
    group = GroupInputs(task_id="cartpole", games=played)
    [rows] = turn_whitened(AdvantageInputs(groups=(group,), gamma=GAMMA))
    advantages = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], True)
    loss = reinforce(inputs(player, games, advantages), Clip())
    descend(optimizer, loss[games.mask].mean())


def update_ppo(player: Player, optimizer: Adam, games: Games) -> None:
    """GAE, the clipped loss and the clipped value loss; ten updates a batch."""
    advantages, returns, values = judge(player, games)
    for _ in range(10):
        policy = clipped(inputs(player, games, advantages), Clip())
        critic = value_loss(player.critic(games.states), values, returns, 10.0)
        descend(optimizer, (policy + 0.5 * critic)[games.mask].mean())


def update_trpo(player: Player, optimizer: Adam, games: Games) -> None:
    """GAE and a natural-gradient step of KL <= 0.02; ten updates of the critic."""
    advantages, returns, values = judge(player, games)
    weights, old = [*player.actor.parameters()], player.actor(games.states).detach()

    def surrogate() -> Tensor:
        return -importance(inputs(player, games, advantages), Clip())[games.mask].mean()

    def kl(logits: Tensor, _part: slice = slice(None)) -> Tensor:
        return (old.exp() * (old - logits.log_softmax(-1))).sum(-1)[games.mask].mean()

    # So few actions are looked at together, and the whole network is before their logits.
    states = cg.States(hidden=player.actor(games.states), parts=[slice(None)], kl=kl)
    product = cg.fisher_product([states], weights)
    direction = cg.conjugate_gradient(product, cg.flat_gradient(surrogate(), weights))
    step = cg.trust_region_step(product, direction, 0.02)

    def moved() -> tuple[float, float]:
        return surrogate().item(), kl(player.actor(games.states)).item()

    cg.line_search(weights, step, moved, max_kl=0.02)
    for _ in range(10):
        critic = value_loss(player.critic(games.states), values, returns, 10.0)
        descend(optimizer, critic[games.mask].mean())


METHODS = {"reinforce": update_reinforce, "ppo": update_ppo, "trpo": update_trpo}


def solve(method: str, seed: int = 0, most: int = 300) -> tuple[int, float]:
    """Train a new player; returns the number of games and the mean return of the last 100."""
    torch.manual_seed(seed)
    player, returns = Player(), list[int]()
    optimizer = Adam(player.parameters(), 5e-3)
    for batch in range(most):
        games = play(player, seed * most + batch)
        returns += games.mask.sum(1).tolist()
        if sum(returns[-100:]) >= 100 * SOLVED:
            break
        METHODS[method](player, optimizer, games)
    return len(returns), sum(returns[-100:]) / 100


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Solve CartPole.")
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--seed", type=int, default=0)
    played, average = solve(**vars(parser.parse_args()))
    print(f"mean return {average:.1f} in the last 100 of {played} games")
