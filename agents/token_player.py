"""Games as tokens: the part of playing that every sampler shares.

A game is one context of token ids that only grows, except where the chat template rewrites it (see
`chat`). In: what games look like now. Out: moves with the exact ids and log-probabilities that were
sampled. Who samples, the trained model itself or another program with its weights, is `_sample`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

from wordle_rl.agents.base import Move, Opening, View
from wordle_rl.agents.chat import ChatRenderer, Ids
from wordle_rl.agents.decoding import Sampled
from wordle_rl.records import Completion, FinishReason


class Speaker(Protocol):
    """How a language model is spoken to, and how long it may speak."""

    @property
    def chat(self) -> ChatRenderer:
        """Renders games as token ids."""
        ...

    @property
    def stop_ids(self) -> tuple[int, ...]:
        """Tokens that end an answer."""
        ...

    @property
    def max_new_tokens(self) -> int:
        """Longest answer."""
        ...

    @property
    def context_length(self) -> int:
        """Most tokens a game may have."""
        ...


class TokenPlayer(ABC):
    """Running games of a language model; a game whose context is full is left out of the moves."""

    def __init__(self, speaker: Speaker, openings: Sequence[Opening], temperature: float) -> None:
        self._speaker = speaker
        self._temperature = temperature
        self._seeds = [opening.seed for opening in openings]
        self._drawn = [0] * len(openings)
        self._context: list[Ids] = [()] * len(openings)
        # A game that begins in the middle is a conversation already, of which nothing was sampled.
        earlier = [opening.info.get("opening", ()) for opening in openings]
        self._seen = [[turn["observation"] for turn in turns] for turns in earlier]
        self._said = [[turn["action"] for turn in turns] for turns in earlier]
        self._newest = {i: turns[-1]["answer"] for i, turns in enumerate(earlier) if turns}
        self._texts: dict[Ids, str] = {}

    def act(self, views: Mapping[int, View]) -> Mapping[int, Move]:
        """Answer every game in `views` that has room for an answer."""
        rows = [i for i in views if self._extend_context(i, views[i].observation)]
        if not rows:
            return {}
        sampled = self._sample(rows)
        return {i: self._move(i, answer) for i, answer in zip(rows, sampled, strict=True)}

    @abstractmethod
    def _sample(self, rows: list[int]) -> list[Sampled]:
        """One answer to the context of each of these games.

        What game `i` samples may depend on `_context[i]`, `_seeds[i]` and `_drawn[i]` (tokens it
        has sampled before) alone, not on which games are asked for together.
        """

    def _extend_context(self, i: int, observation: str) -> bool:
        """Append what game `i` sees now; false where the context is full."""
        chat, said = self._speaker.chat, self._said[i]
        began = not self._context[i]
        self._seen[i].append(self._newest.get(i, observation) if began else observation)
        if not said:
            self._context[i] = chat.opening(observation)
        elif began:
            self._context[i] = chat.prompt(self._seen[i], said)
        else:
            self._context[i] = chat.next_prompt(self._context[i], self._seen[i], said)
        room = self._speaker.context_length - len(self._context[i])
        return room >= self._speaker.max_new_tokens

    def _move(self, i: int, answer: Sampled) -> Move:
        chat, prompt = self._speaker.chat, self._context[i]
        self._context[i] = (*prompt, *answer.token_ids)
        self._drawn[i] += len(answer.token_ids)
        stopped = bool(answer.token_ids) and answer.token_ids[-1] in self._speaker.stop_ids
        spoken = answer.token_ids[:-1] if stopped else answer.token_ids
        text = self._text(spoken)
        self._said[i].append(text)
        completion = Completion(
            text=text,
            prompt_ids=prompt,
            token_ids=answer.token_ids,
            logprobs=answer.logprobs,
            finish_reason=FinishReason.STOP if stopped else FinishReason.LENGTH,
            sampled=answer.sampled,
        )
        return Move(action=chat.action(text), completion=completion)

    def _text(self, ids: Ids) -> str:
        """What was said; games of a group often say the same, and asking the tokenizer is slow."""
        if ids not in self._texts:
            text = self._speaker.chat.tokenizer.decode(list(ids), skip_special_tokens=False)
            assert isinstance(text, str)
            self._texts[ids] = text
        return self._texts[ids]
