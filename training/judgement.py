"""Credit assignment with a critic: the games of a step -> values -> an advantage for every token.

The tokens of a game are put side by side without what the environment said in between, whatever
rows they are trained in, so one recursion serves games of one row and of several. A game that was
cut off at a limit counts as over: nothing that was not paid is expected after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from wordle_rl.config import TrainSection
from wordle_rl.records import Episode, EpisodeGroup, Sample
from wordle_rl.seeding import generator
from wordle_rl.training.assignment import Assigned
from wordle_rl.training.batch import build_samples, episode_turns
from wordle_rl.training.credit import advantage_inputs
from wordle_rl.training.critic import Critic, sampled_features, sampled_penalties
from wordle_rl.training.critic_advantages import GameTokens
from wordle_rl.training.update import Updater


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Rows with advantages, and what the critic is to learn from them."""

    assigned: Assigned
    features: Tensor
    """[N, H]."""
    targets: Tensor
    """[N]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Game:
    """A game in which something was sampled, and its place among all."""

    group: int
    number: int
    rows: Sequence[Sample]
    rewards: Tensor
    """[L], a turn's on its last token."""
    turns: Tensor
    """[L], the number of the turn."""


def judge_games(
    groups: Sequence[EpisodeGroup],
    update: Updater,
    critic: Critic,
    *,
    step: int,
) -> Judged | None:
    """An advantage for every sampled token by `update.parts.critic_advantage`; None without games.

    Where the divergence is charged in the reward, the critic sees it there.

    Raises:
        ConfigError: a reward is not a finite number.
    """
    advantage_inputs(groups)  # refuses rewards that are no numbers
    games = list(_games(groups))
    if not games:
        return None
    parts, settings = update.parts, update.settings
    assert parts.critic_advantage is not None
    rows = [row for game in games for row in game.rows]
    tokens = _side_by_side(games, update.agent.device)
    features = sampled_features(update, rows)
    values = torch.zeros_like(tokens.rewards)
    values[tokens.mask] = critic.values(features)
    if parts.kl_placement == "reward" and settings.kl_coef and update.reference is not None:
        tokens.rewards[tokens.mask] -= sampled_penalties(update, rows, settings.kl_coef)
    judged = parts.critic_advantage(tokens, values, parts.gamma, parts.lam)
    advantages = judged.advantages
    if settings.shuffle_advantages:
        advantages = _shuffled(advantages, tokens.mask, games, groups, settings, step)
    return Judged(
        assigned=_assigned(groups, games, advantages[tokens.mask]),
        features=features[judged.judged[tokens.mask]],
        targets=judged.targets[judged.judged],
    )


def _games(groups: Sequence[EpisodeGroup]) -> Iterator[_Game]:
    """The games that did not fail and have sampled tokens."""
    for p, group in enumerate(groups):
        for g, episode in enumerate(group.episodes):
            rows = [] if episode.error is not None else _rows(episode)
            if not rows:
                continue
            counts = [sum(turn.mask) for turn in episode_turns(episode, _nothing(episode))]
            rewards = torch.zeros(sum(counts))
            for turn, end in zip(episode.turns, accumulate(counts), strict=True):
                # A turn without tokens pays the token before it.
                rewards[max(end - 1, 0)] += turn.reward
            turns = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
            yield _Game(group=p, number=g, rows=rows, rewards=rewards, turns=turns)


def _rows(episode: Episode) -> list[Sample]:
    samples = build_samples(episode_turns(episode, _nothing(episode)))
    return [sample for sample in samples if any(sample.loss_mask)]


def _nothing(episode: Episode) -> list[float]:
    return [0.0] * len(episode.turns)


def _side_by_side(games: Sequence[_Game], device: torch.device) -> GameTokens:
    ones = [torch.ones_like(game.turns, dtype=torch.bool) for game in games]
    return GameTokens(
        rewards=pad_sequence([game.rewards for game in games], batch_first=True).to(device),
        mask=pad_sequence(ones, batch_first=True).to(device),
        turns=pad_sequence([game.turns for game in games], batch_first=True).to(device),
    )


def _shuffled(
    advantages: Tensor,
    mask: Tensor,
    games: Sequence[_Game],
    groups: Sequence[EpisodeGroup],
    settings: TrainSection,
    step: int,
) -> Tensor:
    """Each game with another's of its group; the last one goes on where that game was shorter."""
    source: list[int] = []
    for p, group in enumerate(groups):
        members = [n for n, game in enumerate(games) if game.group == p]
        random = generator(settings.seed, "shuffle", step, group.task.task_id)
        source += [members[i] for i in random.permutation(len(members))]
    columns = torch.arange(advantages.shape[1], device=advantages.device)
    ends = mask.sum(1)[source] - 1
    places = torch.minimum(columns[None, :], ends[:, None])
    return torch.where(mask, advantages[source].gather(1, places), 0.0)


def _assigned(
    groups: Sequence[EpisodeGroup], games: Sequence[_Game], advantages: Tensor
) -> Assigned:
    """Advantages [N] of all tokens, one after the other, on their rows."""
    samples_P: list[list[Sample]] = [[] for _ in groups]
    means_PG = [[0.0] * len(group.episodes) for group in groups]
    of_games = torch.split(advantages.cpu(), [len(game.turns) for game in games])
    for game, values in zip(games, of_games, strict=True):
        of_rows = torch.split(values, [sum(row.loss_mask) for row in game.rows])
        pairs = zip(game.rows, of_rows, strict=True)
        samples_P[game.group] += [_with_advantages(row, piece) for row, piece in pairs]
        means_PG[game.group][game.number] = float(values.mean())
    return Assigned(samples_P=samples_P, advantages_PG=means_PG)


def _with_advantages(row: Sample, values: Tensor) -> Sample:
    advantages = np.zeros(len(row.token_ids))
    advantages[np.array(row.loss_mask)] = values.numpy()
    return replace(row, advantages=tuple(advantages.tolist()))
