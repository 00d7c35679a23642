"""A reward model: a linear head on the last token of a game, over the trunk of any causal LM.

It reads a whole conversation, what the game said at its end included, and says one number. It is
saved as a model folder with `reward_head.safetensors` beside the weights. As a `Scorer` it pays
finished games by that number: `reward_model.path` and `reward_model.weight`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wordle_rl.agents.attention import attention_for
from wordle_rl.agents.device import autocast
from wordle_rl.agents.language import LanguageAgent
from wordle_rl.agents.loading import REWARD_HEAD, model_path
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ModelError, RunError
from wordle_rl.records import Batch, EpisodeGroup, Sample
from wordle_rl.training.batch import collate, micro_batches
from wordle_rl.training.judge import Verdicts
from wordle_rl.training.known_games import KnownGame
from wordle_rl.training.pair_update import accuracy
from wordle_rl.training.preference_makers import game_texts
from wordle_rl.training.preference_rows import (
    RankedRows,
    conversation,
    episode_texts,
    pair_indices,
    read_row,
    sound_games,
)
from wordle_rl.training.preferences import Ranking, Texts
from wordle_rl.training.scoring import Scores, WeightedScorer

HEAD_NAME = REWARD_HEAD.removesuffix(".safetensors")
MICRO_BATCH_TOKENS = 16_384
"""Padded tokens that are read together where nothing is trained."""


class RewardModel:
    """A language model with a head that says how good a game was.

    Attributes:
        agent: the trunk, with its tokenizer and chat template.
        head: hidden size -> 1, float32, no bias: differences of rewards alone have a meaning.
    """

    def __init__(self, agent: LanguageAgent, head: nn.Linear | None = None) -> None:
        """A new head is zero, so that every game is worth the same and the first loss is log 2."""
        self.agent = agent
        if head is None:
            width = agent.model.config.get_text_config().hidden_size
            head = nn.Linear(width, 1, bias=False)
            nn.init.zeros_(head.weight)
        self.head = head.to(agent.device)

    @classmethod
    def load(cls, name: str, *, device: str = "auto", dtype: str = "auto") -> RewardModel:
        """The reward model of a run (its best checkpoint) or of a model folder.

        Raises:
            ModelError: it is a model without such a head, or cannot be loaded.
            RunError: there is no such folder.
        """
        folder = Path(model_path(name))
        try:
            weights = load_file(folder / REWARD_HEAD)
            head = nn.Linear(weights["weight"].shape[1], 1, bias=False)
            head.load_state_dict(weights)
        except (OSError, SafetensorError, KeyError, IndexError, RuntimeError) as error:
            raise ModelError(
                f"{name!r} is no reward model ({REWARD_HEAD} cannot be read): make one with "
                "wordle-rl train --algo reward-model"
            ) from error
        return cls(LanguageAgent.load(str(folder), device=device, dtype=dtype), head)

    def rewards(self, batch: Batch) -> Tensor:
        """[B]: the reward of every row, read on its last token; rows are padded on the right."""
        agent, ids = self.agent, batch.input_ids
        with (
            autocast(agent.device, agent.compute_dtype),
            attention_for(agent.model, queries=ids.shape[1], keys=ids.shape[1]),
        ):
            hidden = agent.model(
                input_ids=ids, output_hidden_states=True, use_cache=False, logits_to_keep=1
            ).hidden_states[-1]  # [B, T, H]
        last = batch.attention_mask.sum(1) - 1
        ends = hidden[torch.arange(len(ids), device=ids.device), last]
        found: Tensor = self.head(ends.float()).squeeze(-1)
        return found

    def read(self, prompt: Texts, response: Texts) -> Sample:
        """A game as this model reads it; of one that is too long, its end."""
        ids = conversation(self.agent.chat, prompt, response, self.agent.stop_ids[0])
        return read_row(ids[-self.agent.context_length :])

    def read_ranking(self, ranking: Ranking) -> RankedRows:
        """A recorded ranking as this model reads it: whole conversations, nothing sampled."""
        rows = tuple((self.read(ranking.prompt, response),) for response in ranking.responses)
        return RankedRows(rows_G=rows, ranks=ranking.ranks)

    def rate(self, rows: Sequence[Sample]) -> list[float]:
        """The reward of each game, in the form of `read`."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].token_ids))
        found: list[float] = []
        with torch.no_grad():
            for micro in micro_batches([rows[i] for i in order], MICRO_BATCH_TOKENS):
                batch = collate(micro, self.agent.pad_id, self.agent.device)
                found += self.rewards(batch).tolist()
        by_row = dict(zip(order, found, strict=True))
        return [by_row[i] for i in range(len(rows))]

    def grade(self, games: Sequence[KnownGame]) -> Verdicts:
        """Score recorded games, as a judge does.

        Raises:
            RunError: of some only guesses are on record.
        """
        if not all(game.verbatim for game in games):
            raise RunError(
                "a reward model reads what was seen and said, and some of these games are on "
                "record as guesses: name training runs"
            )
        rows = [self.read(*game_texts(game)) for game in games]
        return Verdicts(
            scores=tuple(self.rate(rows)),
            unparsable=0,
            failed=0,
            cached=0,
            prompt_tokens=sum(len(row.token_ids) for row in rows),
            completion_tokens=0,
            cost=0.0,
        )

    def __call__(self, groups: Sequence[EpisodeGroup]) -> Scores:
        """Score the games of a step. One without turns, or that failed, has no score.

        `rollout/model_agreement` is how often a won game scores above a lost one of its group: when
        it falls while the score rises, the policy has found a hole in the reward model.
        """
        games_P = [sound_games(group) for group in groups]
        rated = iter(self.rate([self.read(*episode_texts(e)) for games in games_P for e in games]))
        values_PG: list[list[float | None]] = [
            [next(rated) if e.turns and e.error is None else None for e in group.episodes]
            for group in groups
        ]
        known = [value for values in values_PG for value in values if value is not None]
        metrics = {"rollout/model_score": sum(known) / len(known)} if known else {}
        wins = [
            RankedRows(rows_G=((),) * len(games), ranks=tuple(2 - e.solved for e in games))
            for games in games_P
        ]
        better, worse = pair_indices(wins)
        if len(better):
            scores = torch.tensor(known)
            agreement = accuracy(scores[better], scores[worse]).mean()
            metrics["rollout/model_agreement"] = float(agreement)
        return Scores(values_PG=values_PG, metrics=metrics)


def reward_scorers(config: TrainConfig) -> list[WeightedScorer]:
    """The reward model of a run's settings, or none.

    Raises:
        ModelError, RunError: it cannot be loaded.
    """
    given = config.reward_model
    if not given.path:
        return []
    model = RewardModel.load(given.path, device=config.model.device, dtype=config.model.dtype)
    return [WeightedScorer(name="model", weight=given.weight, scorer=model)]
