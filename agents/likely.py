"""The answers a language model finds likeliest, each with its probability, by a beam.

What is searched are whole answers, up to and with the token that ends them. The probability of an
answer is the product of those of its tokens at temperature 1; nothing is renormalised, so what is
listed adds up to less than 1. A beam can miss an answer whose beginning is unlikely; the listed
probabilities are exact all the same. Answers that differ only in the space around them count as
one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from wordle_rl.agents.chat import Ids
from wordle_rl.agents.decoding import Decoder
from wordle_rl.agents.device import without_gradient

if TYPE_CHECKING:
    from wordle_rl.agents.language import LanguageAgent

WIDTH = 64
"""Beginnings that are followed at a time."""
LONGEST = 32
"""Longest answers, in tokens, for which single ones have probabilities worth a look."""

Beam = list[tuple[Ids, float]]
"""Tokens and log-probability."""


def likely_answers(
    agent: LanguageAgent, prompt: Sequence[int], *, count: int = 5, width: int = WIDTH
) -> list[tuple[str, float]]:
    """The likeliest answers to a prompt, likeliest first; none where answers may be long.

    Args:
        agent: the model.
        prompt: the whole context, as in `Completion.prompt_ids`.
        count: most answers that are returned.
        width: beginnings that are followed at a time.
    """
    if agent.max_new_tokens > LONGEST:
        return []
    with without_gradient(agent.device, agent.compute_dtype):
        return _search(agent, prompt, count, width)


def _search(
    agent: LanguageAgent, prompt: Sequence[int], count: int, width: int
) -> list[tuple[str, float]]:
    ended: defaultdict[str, float] = defaultdict(float)
    beam: Beam = [((), 0.0)]
    decoder = _decoder(agent, prompt, beam)
    for step in range(agent.max_new_tokens):
        logp = decoder.next_token_probs().double().log().cpu()  # [B, V]
        scores = logp + torch.tensor([[score] for _, score in beam], dtype=torch.float64)
        for stop in agent.stop_ids:
            for (ids, _), score in zip(beam, scores[:, stop].tolist(), strict=True):
                ended[str(agent.tokenizer.decode(list(ids))).strip()] += exp(score)
        scores[:, list(agent.stop_ids)] = -torch.inf
        rows, beam = _best(scores, beam, width)
        if step == agent.max_new_tokens - 1 or _is_settled(ended, beam, count):
            break
        decoder = _follow(agent, decoder, prompt, rows, beam)
    return _first(ended, count)


def _best(scores: Tensor, beam: Beam, width: int) -> tuple[list[int], Beam]:
    """The likeliest ways to go on: which row each comes from, and what it is then."""
    finite = int(torch.isfinite(scores).sum())
    best, places = scores.flatten().topk(min(width, finite))
    rows = [place // scores.shape[1] for place in places.tolist()]
    tokens = [place % scores.shape[1] for place in places.tolist()]
    grown = zip(rows, tokens, best.tolist(), strict=True)
    return rows, [((*beam[row][0], token), score) for row, token, score in grown]


def _first(ended: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    return sorted(ended.items(), key=lambda answer: -answer[1])[:count]


def _is_settled(ended: Mapping[str, float], beam: Beam, count: int) -> bool:
    """Whether no beginning that is followed can still end among the first."""
    found = _first(ended, count)
    return not beam or (len(found) == count and found[-1][1] >= exp(beam[0][1]))


def _follow(
    agent: LanguageAgent, decoder: Decoder, prompt: Sequence[int], rows: list[int], beam: Beam
) -> Decoder:
    if not decoder.keeps_cache:
        return _decoder(agent, prompt, beam)
    decoder.select(rows)
    decoder.extend([(*prompt, *ids) for ids, _ in beam])
    return decoder


def _decoder(agent: LanguageAgent, prompt: Sequence[int], beam: Beam) -> Decoder:
    decoder = Decoder(agent.model, agent.pad_id, seeds=[0] * len(beam))
    decoder.extend([(*prompt, *ids) for ids, _ in beam])
    return decoder
