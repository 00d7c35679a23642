"""Played turns -> Samples -> padded Batches. The only place where training rows are made.

It checks what everything else relies on: the ids that are trained are the ids that were sampled, in
the context they were sampled in. A turn whose prompt does not begin with the turn before it (a chat
template that rewrites history) starts a new Sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wordle_rl.agents.chat import ChatRenderer, Ids
from wordle_rl.agents.shapes import size_below
from wordle_rl.errors import SampleError
from wordle_rl.records import Batch, Episode, Sample
from wordle_rl.training.symbols import ALPHABET, SYMBOLS, Probabilities
from wordle_rl.training.teacher import Demonstration


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedTurn:
    """One answer in the context it was given in."""

    prompt_ids: Ids
    token_ids: Ids
    logprobs: tuple[float, ...]
    advantage: float
    trained: bool = True
    sampled: tuple[bool, ...] = ()
    """Which of `token_ids` the model sampled itself; empty for all."""
    teacher_probs: Probabilities | None = None
    """[n, A] what a teacher would have said at the first n of `token_ids`."""

    @property
    def mask(self) -> list[bool]:
        """Which of `token_ids` are trained."""
        return [self.trained and own for own in self.sampled or (True,) * len(self.token_ids)]


def episode_turns(episode: Episode, advantages: Sequence[float]) -> list[TrainedTurn]:
    """The turns of an episode that a language model played, one advantage each.

    Raises:
        SampleError: if a turn has no completion, or the number of advantages is wrong.
    """
    if len(advantages) != len(episode.turns):
        raise SampleError(f"{len(advantages)} advantages for {len(episode.turns)} turns")
    turns = []
    for turn, advantage in zip(episode.turns, advantages, strict=True):
        done = turn.completion
        if done is None:
            raise SampleError("a turn without sampled tokens cannot be trained")
        turns.append(
            TrainedTurn(
                prompt_ids=done.prompt_ids,
                token_ids=done.token_ids,
                logprobs=done.logprobs,
                advantage=advantage,
                sampled=done.sampled,
                teacher_probs=turn.teacher_probs,
            )
        )
    return turns


def demonstration_turns(chat: ChatRenderer, game: Demonstration, stop_id: int) -> list[TrainedTurn]:
    """A teacher's game as the turns the student would have sampled, each ended by `stop_id`."""
    prompt = chat.opening(game.opening)
    turns = []
    known = game.teacher_probs if symbol_ids(chat, stop_id) else ()
    seen = (game.opening, *game.observations)
    played = zip(game.actions, game.trained, known or (None,) * len(game.actions), strict=True)
    for k, (action, trained, probs) in enumerate(played, start=1):
        answer = (*chat.answer_ids(action), stop_id)
        turns.append(
            TrainedTurn(
                prompt_ids=prompt,
                token_ids=answer,
                logprobs=(0.0,) * len(answer),
                advantage=1.0,
                trained=trained,
                teacher_probs=probs,
            )
        )
        prompt = chat.next_prompt((*prompt, *answer), seen[: k + 1], game.actions[:k])
    return turns


def symbol_ids(chat: ChatRenderer, stop_id: int) -> Ids:
    """The token of every symbol, END last; empty where an answer is not one token a symbol."""
    ids = tuple(i for symbol in ALPHABET for i in chat.encode(symbol))
    return (*ids, stop_id) if chat.encode(ALPHABET) == ids and len(ids) == len(ALPHABET) else ()


def build_samples(turns: Sequence[TrainedTurn]) -> list[Sample]:
    """Merge consecutive turns into as few Samples as their prompts allow.

    >>> first = TrainedTurn(prompt_ids=(1, 2), token_ids=(3,), logprobs=(-0.5,), advantage=1.0)
    >>> second = TrainedTurn(
    ...     prompt_ids=(1, 2, 3, 4), token_ids=(5,), logprobs=(-0.1,), advantage=1.0
    ... )
    >>> [sample] = build_samples([first, second])
    >>> sample.token_ids, sample.loss_mask
    ((1, 2, 3, 4, 5), (False, False, True, False, True))
    """
    samples: list[Sample] = []
    row: list[TrainedTurn] = []
    end: Ids = ()
    for turn in turns:
        if row and turn.prompt_ids[: len(end)] != end:
            samples.append(_merge(row))
            row = []
        row.append(turn)
        end = (*turn.prompt_ids, *turn.token_ids)
    if row:
        samples.append(_merge(row))
    return samples


def _merge(row: Sequence[TrainedTurn]) -> Sample:
    """One Sample from turns of which each prompt begins with the turn before it."""
    ids: list[int] = []
    mask: list[bool] = []
    logprobs: list[float] = []
    advantages: list[float] = []
    for turn in row:
        context = turn.prompt_ids[len(ids) :]
        blank = len(context)
        if turn.prompt_ids[: len(ids)] != tuple(ids):
            raise SampleError("a turn's prompt does not begin with the tokens sampled before it")
        ids += [*context, *turn.token_ids]
        mask += [False] * blank + turn.mask
        logprobs += [0.0] * blank + list(turn.logprobs)
        advantages += [0.0] * blank + [turn.advantage if own else 0.0 for own in turn.mask]
    return Sample(
        token_ids=tuple(ids),
        loss_mask=tuple(mask),
        sampler_logprobs=tuple(logprobs),
        advantages=tuple(advantages),
        teacher_probs=_teacher_probs(row, len(ids)),
    )


def _teacher_probs(row: Sequence[TrainedTurn], length: int) -> Probabilities | None:
    """What the teacher would have said at each token of a Sample, [T, A]."""
    if all(turn.teacher_probs is None for turn in row):
        return None
    found = np.zeros((length, SYMBOLS), dtype=np.float32)
    for turn in row:
        if turn.teacher_probs is not None:
            start = len(turn.prompt_ids)
            found[start : start + len(turn.teacher_probs)] = turn.teacher_probs
    return found


def collate(samples: Sequence[Sample], pad_id: int, device: torch.device | str = "cpu") -> Batch:
    """Right-pad samples into one Batch; `old_logprobs` starts as the sampler's."""
    width = max(len(s.token_ids) for s in samples)

    def stack(rows: Sequence[Sequence[float]], fill: float, dtype: torch.dtype) -> Tensor:
        padded = [[*row, *([fill] * (width - len(row)))] for row in rows]
        return torch.tensor(padded, dtype=dtype, device=device)  # [B, T]

    sampler_logprobs = stack([s.sampler_logprobs for s in samples], 0.0, torch.float32)
    lengths = [[1.0] * len(s.token_ids) for s in samples]
    return Batch(
        input_ids=stack([s.token_ids for s in samples], pad_id, torch.long),
        attention_mask=stack(lengths, 0.0, torch.bool),
        loss_mask=stack([s.loss_mask for s in samples], 0.0, torch.bool),
        sampler_logprobs=sampler_logprobs,
        old_logprobs=sampler_logprobs,
        advantages=stack([s.advantages for s in samples], 0.0, torch.float32),
        teacher_probs=_stack_teacher_probs(samples, width, device),
    )


def _stack_teacher_probs(
    samples: Sequence[Sample], width: int, device: torch.device | str
) -> Tensor | None:
    """[B, T, A] on the device; None where no sample has a teacher."""
    if all(sample.teacher_probs is None for sample in samples):
        return None
    probs = np.zeros((len(samples), width, SYMBOLS), dtype=np.float32)
    for row, sample in zip(probs, samples, strict=True):
        if sample.teacher_probs is not None:
            row[: len(sample.teacher_probs)] = sample.teacher_probs
    return torch.from_numpy(probs).to(device)


def micro_batches(samples: Sequence[Sample], max_tokens: int) -> Iterator[list[Sample]]:
    """Split samples into micro-batches of at most `max_tokens` padded tokens (one row at least).

    Rows are sorted by length first, so little is spent on padding. All micro-batches but the last
    have a number of rows that comes again (`agents.shapes`).
    """
    rows = sorted(samples, key=lambda sample: len(sample.token_ids))
    micro: list[Sample] = []
    for sample in rows:
        while micro and (len(micro) + 1) * len(sample.token_ids) > max_tokens:
            count = size_below(len(micro))
            yield micro[:count]
            micro = micro[count:]
        micro.append(sample)
    if micro:
        yield micro
