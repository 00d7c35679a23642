"""Batched incremental decoding: the key-value cache of a game lives as long as the game.

All running games advance together. Equal opening prompts are computed once and copied; games that
are over leave the batch. Rows of different length share columns by leaving gaps that no token
attends to, and every token carries its own position, so an ordinary transformers cache serves.
Nothing in the token loop is Python per row.

Attention masks are built from positions, not columns (see `attention`). Layers that cannot take
gaps at all (linear attention, state space, chunked, biases that count columns) are decoded without
them: a fresh left-padded prefill every turn, of every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import Cache

from wordle_rl.agents.attention import attention_for, attention_layout, attention_mask
from wordle_rl.agents.chat import Ids
from wordle_rl.agents.game_cache import GameCacheLayer
from wordle_rl.agents.shapes import size_above
from wordle_rl.agents.step_graphs import Record, Replayed
from wordle_rl.errors import ModelError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """One answer: its tokens (a stop token included) and their log-probabilities."""

    token_ids: Ids
    logprobs: tuple[float, ...]
    sampled: tuple[bool, ...] = ()
    """False for tokens that a `ThoughtLimit` put there; empty without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThoughtLimit:
    """Ends a thought that is still going on after so many tokens of an answer.

    The tokens that end it are put into the answer, as in budget forcing (Muennighoff et al. 2025,
    arXiv 2501.19393); what follows them is sampled again.
    """

    tokens: int
    open_id: int
    close_id: int
    ending: Ids
    """What is put in; ends with or holds `close_id`."""
    opened: bool
    """Whether the prompt has opened the thought already."""


class _Thoughts:
    """Which rows of an answer are still thinking, and what is put into them."""

    def __init__(self, limit: ThoughtLimit, like: Tensor) -> None:
        self._limit = limit
        self._thinking = torch.full_like(like, limit.opened, dtype=torch.bool)  # [B]
        self._cut = torch.zeros_like(self._thinking)  # [B] rows that ran into the limit

    def put(self, step: int, token: Tensor, logprob: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The step's tokens and log-probabilities, and which of them were sampled; all [B]."""
        if step == self._limit.tokens:
            self._cut = self._thinking
        place = step - self._limit.tokens
        own = torch.ones_like(self._cut)
        if 0 <= place < len(self._limit.ending):
            token = torch.where(self._cut, self._limit.ending[place], token)
            logprob = torch.where(self._cut, 0.0, logprob)
            own = ~self._cut
        self._thinking = (self._thinking | (token == self._limit.open_id)) & (
            token != self._limit.close_id
        )
        return token, logprob, own


class Decoder:
    """The cache of a set of running games, one row a game, and a few that are copies.

    Call `extend` with the rows' full contexts, then `sample`; `select` drops finished rows.
    Contexts must grow by appending: what was there at the last call is not computed again.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        pad_id: int,
        seeds: Sequence[int],
        drawn: Sequence[int] | None = None,
        *,
        record: Record | None = None,
    ) -> None:
        """An empty cache for `len(seeds)` games.

        Args:
            model: a causal language model.
            pad_id: what gaps are filled with; no token attends to them.
            seeds: of each game; token n of a game is a function of its seed, n and its context.
            drawn: tokens that were sampled in each game before; by default none.
            record: records the step of one token to replay it; by default every step is computed
                anew. It is recorded once an answer: rows leave and columns come between answers.

        Raises:
            ModelError: if the model cannot be decoded this way (see `attention_layout`).
        """
        self._model = model
        self._pad_id = pad_id
        self._record = record
        self._device = model.device
        self._rows = len(seeds)  # B counts copies as well (`_filled`)
        seeds, drawn = self._filled(seeds), self._filled(drawn or [0] * len(seeds))
        self._layout = attention_layout(model)
        self._seeds = torch.tensor(seeds, dtype=torch.long, device=self._device)  # [B]
        self._drawn = torch.tensor(drawn, device=self._device)  # [B]
        self._cached = [0] * len(seeds)  # tokens of each row that are in the cache
        self._cache: Cache | None = None
        self._valid = torch.zeros(len(seeds), 0, dtype=torch.bool, device=self._device)  # [B, K]
        self._positions = torch.zeros_like(self._valid, dtype=torch.long)  # [B, K]
        self._lengths = torch.zeros_like(self._seeds)  # [B] real tokens of each row in the cache
        self._logits = torch.zeros(0, device=self._device)  # [B, V] after the newest token

    @property
    def keeps_cache(self) -> bool:
        """False where every turn needs a new Decoder (layers that cannot take gaps)."""
        return self._layout != "none"

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows, in this order."""
        self._rows = len(rows)
        kept = self._filled(rows)
        index = torch.tensor(kept, dtype=torch.long, device=self._device)
        self._cached = [self._cached[row] for row in kept]
        self._seeds, self._drawn = self._seeds[index], self._drawn[index]
        self._take(index)

    def _filled(self, rows: Sequence[T]) -> list[T]:
        """The rows, and on a CPU copies of the last of them up to a size that comes again.

        A copy says what its original says, so it makes no answer longer.
        """
        if self._device.type != "cpu":
            return list(rows)
        return [*rows, *list(rows[-1:]) * (size_above(len(rows)) - len(rows))]

    def extend(self, contexts: Sequence[Ids]) -> None:
        """Bring every row up to its context; afterwards the next token can be sampled."""
        contexts = self._filled(contexts)
        if self._cache is not None:
            self._feed([c[n:] for c, n in zip(contexts, self._cached, strict=True)])
        elif self.keeps_cache:
            distinct = list(dict.fromkeys(contexts))
            where = {context: i for i, context in enumerate(distinct)}
            self._start(Cache(layer_class_to_replicate=GameCacheLayer), len(distinct))
            self._feed(distinct)
            self._take(torch.tensor([where[c] for c in contexts], device=self._device))
        else:
            self._start(DynamicCache(config=self._model.config), len(contexts))
            self._feed(contexts)
        self._cached = [len(context) for context in contexts]

    def next_token_probs(self) -> Tensor:
        """The distribution of every row's next token at temperature 1, [B, V]."""
        return self._logits[: self._rows].float().softmax(-1)

    def sample(
        self,
        *,
        max_new_tokens: int,
        stop_ids: Sequence[int],
        temperature: float,
        thoughts: ThoughtLimit | None = None,
    ) -> list[Sampled]:
        """Sample one answer a row, until a stop token or `max_new_tokens`.

        Logits are divided by `temperature` before the log-softmax; there is no top-p or top-k.
        Temperature 0 takes the most likely token; its log-probability is that at temperature 1.
        `thoughts` ends thoughts that run too long.
        """
        stops = torch.tensor(stop_ids, dtype=torch.long, device=self._device)
        done = torch.zeros_like(self._seeds, dtype=torch.bool)
        limiter = _Thoughts(thoughts, self._seeds) if thoughts else None
        tokens, logprobs, alive, own = [], [], [], []
        with self._steps(max_new_tokens - 1) as take_in:
            for step in range(max_new_tokens):
                token, logprob = self._choose(temperature, self._drawn + step)
                if limiter is not None:
                    token, logprob, sampled = limiter.put(step, token, logprob)
                    own.append(sampled)
                tokens.append(token)
                logprobs.append(logprob)
                alive.append(~done)
                done = done | torch.isin(token, stops)
                if step == max_new_tokens - 1 or bool(done.all()):
                    break
                take_in(token.unsqueeze(1), ~done.unsqueeze(1))
        lengths = torch.stack(alive, 1).sum(1)  # [B]
        self._drawn = self._drawn + lengths
        counts = lengths.tolist()
        self._cached = [n + c - 1 for n, c in zip(self._cached, counts, strict=True)]
        owned = torch.stack(own, 1).tolist() if own else [()] * len(counts)
        rows = zip(
            torch.stack(tokens, 1).tolist(),
            torch.stack(logprobs, 1).tolist(),
            owned,
            counts,
            strict=True,
        )
        return [
            Sampled(
                token_ids=tuple(ids[:count]),
                logprobs=tuple(lps[:count]),
                sampled=tuple(mine[:count]),
            )
            for ids, lps, mine, count in islice(rows, self._rows)
        ]

    @contextmanager
    def _steps(self, most: int) -> Iterator[Callable[[Tensor, Tensor], None]]:
        """What takes one more token of every row in, at most so often.

        The arguments are those of `_forward`, both [B, 1].
        """
        if self._record is None or not self.keeps_cache:
            yield self._forward
            return
        used = self._valid.shape[1]
        self._hold(most)
        step = Replayed(self._forward_held, self._record)
        try:
            yield step
        finally:
            self._release(used + step.calls)

    def _choose(self, temperature: float, counters: Tensor) -> tuple[Tensor, Tensor]:
        """The next token of every row and its log-probability, both [B]."""
        logp = F.log_softmax(self._logits.float() / (temperature or 1.0), dim=-1)
        if temperature == 0:
            token = logp.argmax(-1)
        else:
            wide = torch.float32 if self._device.type == "mps" else torch.float64
            mass = logp.to(wide).exp().cumsum(-1)  # [B, V]
            point = uniforms(self._seeds, counters).to(wide) * mass[:, -1]
            token = torch.searchsorted(mass, point.unsqueeze(1), right=True).squeeze(1)
            token = token.clamp(max=mass.shape[1] - 1)
        token[self._rows :] = token[self._rows - 1]  # rounding may have told a copy otherwise
        return token, logp.gather(1, token.unsqueeze(1)).squeeze(1)

    def _start(self, cache: Cache, rows: int) -> None:
        self._cache = cache
        self._valid = self._valid[:rows]
        self._positions = self._positions[:rows]
        self._lengths = self._lengths[:rows]

    def _take(self, index: Tensor) -> None:
        assert self._cache is not None
        self._cache.batch_select_indices(index)
        self._valid, self._positions = self._valid[index], self._positions[index]
        self._lengths, self._logits = self._lengths[index], self._logits[index]

    def _feed(self, ids: Sequence[Ids]) -> None:
        """Append tokens to every row, right-aligned so that the last column is everyone's last."""
        width = max(len(row) for row in ids)
        padded = [[self._pad_id] * (width - len(row)) + list(row) for row in ids]
        real = [[False] * (width - len(row)) + [True] * len(row) for row in ids]
        self._forward(
            torch.tensor(padded, dtype=torch.long, device=self._device),
            torch.tensor(real, dtype=torch.bool, device=self._device),
        )

    def _forward(self, ids: Tensor, real: Tensor) -> None:
        """One model call: ids and `real` (not a gap) are [B, Q]."""
        positions = self._next_positions(real)
        self._valid = torch.cat([self._valid, real], 1)
        self._positions = torch.cat([self._positions, positions], 1)
        self._lengths = self._lengths + real.sum(1)
        self._logits = self._call(ids, positions)

    def _next_positions(self, real: Tensor) -> Tensor:
        """Where in their rows new tokens stand, [B, Q]."""
        return (self._lengths.unsqueeze(1) + real.long().cumsum(1) - 1).clamp(min=0)

    def _call(self, ids: Tensor, positions: Tensor) -> Tensor:
        """The logits after the last of the new tokens, [B, V]; ids and positions are [B, Q]."""
        with attention_for(self._model, queries=ids.shape[1], keys=self._valid.shape[1]):
            logits: Tensor = self._model(
                input_ids=ids,
                attention_mask=self._mask(positions),
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits
        return logits[:, -1]

    def _hold(self, most: int) -> None:
        """Keep what a step reads and writes where it is, with room for `most` more columns."""
        self._column = torch.tensor([self._valid.shape[1]], device=self._device)
        self._valid = F.pad(self._valid, (0, most))
        self._positions = F.pad(self._positions, (0, most))
        self._lengths, self._logits = self._lengths.clone(), self._logits.clone()
        for layer in self._layers():
            layer.hold(most, self._column)

    def _forward_held(self, ids: Tensor, real: Tensor) -> None:
        """`_forward` for one token a row, [B, 1], in place."""
        positions = self._next_positions(real)
        self._valid.index_copy_(1, self._column, real)
        self._positions.index_copy_(1, self._column, positions)
        self._lengths.add_(real.squeeze(1))
        self._logits.copy_(self._call(ids, positions))
        self._column.add_(1)

    def _release(self, columns: int) -> None:
        """Grow again, after so many columns."""
        self._valid, self._positions = self._valid[:, :columns], self._positions[:, :columns]
        for layer in self._layers():
            layer.release(columns)

    def _layers(self) -> Sequence[GameCacheLayer]:
        assert self._cache is not None
        return cast(Sequence[GameCacheLayer], self._cache.layers)

    def _mask(self, positions: Tensor) -> Tensor | dict[str, Tensor]:
        if self._layout == "none":
            return self._valid.long()
        full = attention_mask(positions, self._positions, self._valid)
        if self._layout == "full":
            return self._as_model_wants(full)
        window = int(self._model.config.get_text_config().sliding_window)
        near = attention_mask(positions, self._positions, self._valid, window=window)
        if self._layout == "sliding":
            return self._as_model_wants(near)
        return {
            "full_attention": self._as_model_wants(full),
            "sliding_attention": self._as_model_wants(near),
        }

    def _as_model_wants(self, mask: Tensor) -> Tensor:
        """SDPA takes booleans; eager attention adds the mask to the scores."""
        if self._model.config._attn_implementation == "sdpa":
            return mask
        dtype = self._model.dtype
        return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


def check_decoding(model: PreTrainedModel, pad_id: int) -> None:
    """Bring two rows of different length up to date in two steps and compare with a plain forward.

    Catches code that counts columns where it should count tokens, whatever the architecture: it
    comes out wrong without an error.

    Raises:
        ModelError: if the next-token distributions differ, or the model cannot be called this way.
    """
    row = tuple(i % model.config.get_text_config().vocab_size for i in range(1, 9))
    contexts = [row[:3], row]
    name = type(model).__name__
    try:
        with torch.inference_mode():
            decoder = Decoder(model, pad_id, [0, 0])
            decoder.extend([row[:2], row[: 5 if decoder.keeps_cache else 7]])
            decoder.extend(contexts)
            plain = model(input_ids=torch.tensor([row], device=model.device)).logits[0, [2, 7]]
            ours = decoder.next_token_probs()
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"{name} cannot be decoded in batches ({reason}): use another model"
        ) from error
    distance = float((ours - plain.float().softmax(-1)).abs().sum(-1).max()) / 2
    if not distance < (1e-3 if model.dtype is torch.float32 else 0.1):
        raise ModelError(
            f"{name} gives other probabilities in a batch than alone (total variation "
            f"{distance:.2g}): use another model"
        )


def uniforms(seeds: Tensor, counters: Tensor) -> Tensor:
    """One number in [0, 1) for every (seed, counter), [B] float64 (float32 on MPS).

    SplitMix64 (Steele et al. 2014): a function of its arguments alone, so what a game samples does
    not depend on which games share its batch. Shifts are made logical by masking the sign bits.
    """
    x = seeds + counters * -7046029254386353131  # 0x9E3779B97F4A7C15
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * -7723592293110705685  # 0x94D049BB133111EB
    x = x ^ ((x >> 31) & 0x1FFFFFFFF)
    top = (x >> 11) & 0x1FFFFFFFFFFFFF  # 53 bits
    if seeds.device.type == "mps":
        return (top >> 29).float() / 2**24
    return top.double() / 2**53
