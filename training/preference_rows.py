"""Ranked answers -> token rows, for the losses that compare answers.

A policy is trained on what the player said and on nothing else: what the environment says, and what
the player said inside a prompt, is context with a mask of zero. Games that were just played keep
the tokens they were sampled in; recorded ones are rendered as they would have been sampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wordle_rl.agents.chat import ChatRenderer, Ids
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.records import Episode, EpisodeGroup, Sample
from wordle_rl.training.batch import build_samples, demonstration_turns, episode_turns
from wordle_rl.training.preferences import Ranking, Texts, as_texts, dense_ranks
from wordle_rl.training.teacher import Demonstration

DECIMALS = 9
"""Returns that agree so far are equal: 0.2 + 0.2 + 0.2 is not 0.6 in binary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedRows:
    """Answers that are compared with one another, as training rows."""

    rows_G: tuple[tuple[Sample, ...], ...]
    """The rows of each answer: one, or more where a chat template rewrites its history."""
    ranks: tuple[int, ...]
    """1 is the best; equal ranks are not compared."""

    @property
    def is_tie(self) -> bool:
        """Whether there is nothing to compare."""
        return len(set(self.ranks)) < 2


def pair_indices(ranked: Sequence[RankedRows]) -> tuple[Tensor, Tensor]:
    """Every pair of a better and a worse answer, [N] and [N]: indices into all answers in order.

    >>> both = RankedRows(rows_G=((), ()), ranks=(2, 1))
    >>> [side.tolist() for side in pair_indices([both, both])]
    [[1, 3], [0, 2]]
    """
    better: list[int] = []
    worse: list[int] = []
    first = 0
    for answers in ranked:
        ranks = torch.tensor(answers.ranks)
        i, j = (ranks[:, None] < ranks[None, :]).nonzero(as_tuple=True)
        better += (i + first).tolist()
        worse += (j + first).tolist()
        first += len(ranks)
    return torch.tensor(better, dtype=torch.long), torch.tensor(worse, dtype=torch.long)


def outcome_ranks(episodes: Sequence[Episode]) -> tuple[int, ...]:
    """A won game before a lost one, then the higher return before the lower."""
    return dense_ranks([(e.solved, round(e.total_reward, DECIMALS)) for e in episodes])


def return_ranks(episodes: Sequence[Episode]) -> tuple[int, ...]:
    """The higher return before the lower, whoever won: where a model's score decides."""
    return dense_ranks([round(e.total_reward, DECIMALS) for e in episodes])


def sound_games(group: EpisodeGroup) -> list[Episode]:
    """The games of a group that can be compared: they have turns and did not fail."""
    return [e for e in group.episodes if e.turns and e.error is None]


def played_rows(episodes: Sequence[Episode], ranks: tuple[int, ...]) -> RankedRows:
    """Games that a language model just played, with the tokens they were sampled in."""
    rows = (build_samples(episode_turns(e, [0.0] * len(e.turns))) for e in episodes)
    return RankedRows(rows_G=tuple(map(tuple, rows)), ranks=ranks)


def recorded_rows(agent: LanguageAgent, ranking: Ranking) -> RankedRows:
    """A recorded ranking as `agent` would have sampled it."""
    rows = []
    for response in ranking.responses:
        game = as_game(ranking.prompt, response)
        samples = build_samples(demonstration_turns(agent.chat, game, agent.stop_ids[0]))
        rows.append(tuple(sample for sample in samples if any(sample.loss_mask)))
    return RankedRows(rows_G=tuple(rows), ranks=ranking.ranks)


def read_row(ids: Ids) -> Sample:
    """Tokens to read, none to train."""
    return Sample(
        token_ids=ids,
        loss_mask=(False,) * len(ids),
        sampler_logprobs=(0.0,) * len(ids),
        advantages=(0.0,) * len(ids),
    )


def conversation(chat: ChatRenderer, prompt: Texts, response: Texts, stop_id: int) -> Ids:
    """All of a game as one row: up to the player's next turn, or to its last word."""
    game = as_game(prompt, response)
    last = demonstration_turns(chat, game, stop_id)[-1]
    said = (*last.prompt_ids, *last.token_ids)
    if len(response) % 2:
        return said
    return chat.next_prompt(said, (game.opening, *game.observations), game.actions)


def episode_texts(episode: Episode) -> tuple[Texts, Texts]:
    """A finished game as prompt and response."""
    seen = [*(turn.observation for turn in episode.turns), episode.final_observation]
    return as_texts(seen, [turn.action for turn in episode.turns])


def as_game(prompt: Texts, response: Texts) -> Demonstration:
    """A response after its prompt as turns of which only those of the response are trained."""
    texts = (*prompt, *response)
    actions, observations = texts[1::2], texts[2::2]
    earlier = len(prompt) // 2
    return Demonstration(
        secret="",
        opening=texts[0],
        actions=actions,
        observations=(*observations, "")[: len(actions)],
        trained=(False,) * earlier + (True,) * (len(actions) - earlier),
    )
