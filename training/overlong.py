"""A price for answers that come near the limit of tokens (DAPO, arXiv 2503.14476, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from wordle_rl.errors import ConfigError
from wordle_rl.records import Episode, EpisodeGroup, Turn


def overlong_penalty(tokens: int, limit: int, cache: int) -> float:
    """0 up to limit - cache tokens, then falling linearly to -1 at the limit.

    >>> overlong_penalty(90, limit=100, cache=20), overlong_penalty(80, limit=100, cache=20)
    (-0.5, 0.0)
    """
    return max(-1.0, min(0.0, (limit - cache - tokens) / cache))


def check_overlong(limit: int, cache: int) -> None:
    """Refuse a price that would begin below the first token.

    Raises:
        ConfigError: `cache` is above the limit of an answer.
    """
    if cache > limit:
        raise ConfigError(
            f"setting rollout.overlong_tokens={cache}: an answer has at most {limit} tokens, "
            "lower it"
        )


def charge_overlong(groups: Sequence[EpisodeGroup], limit: int, cache: int) -> list[EpisodeGroup]:
    """The same games, each answer charged as a part of its turn's reward; 0 charges nothing."""
    if not cache:
        return list(groups)
    return [
        replace(group, episodes=tuple(_charged(e, limit, cache) for e in group.episodes))
        for group in groups
    ]


def _charged(episode: Episode, limit: int, cache: int) -> Episode:
    return replace(episode, turns=tuple(_charged_turn(t, limit, cache) for t in episode.turns))


def _charged_turn(turn: Turn, limit: int, cache: int) -> Turn:
    if turn.completion is None:
        return turn
    penalty = overlong_penalty(len(turn.completion.token_ids), limit, cache)
    parts = {**turn.reward_parts, "overlong": penalty}
    return replace(turn, reward=turn.reward + penalty, reward_parts=parts)
