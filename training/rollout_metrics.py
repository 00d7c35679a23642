"""What the games of a training step look like in numbers: `rollout/` metrics."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, pstdev

from wordle_rl.envs.statuses import is_legal
from wordle_rl.records import Episode, EpisodeGroup, FinishReason
from wordle_rl.training.advantages import is_constant


def rollout_metrics(groups: Sequence[EpisodeGroup]) -> dict[str, float]:
    """Rates over games, answers and groups.

    `groups_all_won` and `groups_all_lost` are groups in which every return is equal, so they teach
    nothing; a game that failed (`errors`) has no say in its group. `reward_spread` is the mean over
    groups of the (population) standard deviation of the returns. `openers` counts different first
    moves, and their entropy (nats) falls when the policy always opens alike.
    """
    episodes = [episode for group in groups for episode in group.episodes]
    turns = [turn for episode in episodes for turn in episode.turns]
    wins = [_guesses(e) for e in episodes if e.solved]
    done = [turn.completion for turn in turns if turn.completion is not None]
    sound = [[e for e in group.episodes if e.error is None] for group in groups]
    returns = [[e.total_reward for e in games] for games in sound]
    flat = [games for games, r in zip(sound, returns, strict=True) if is_constant(r)]
    won = sum(bool(games) and all(e.solved for e in games) for games in flat)
    lost = sum(bool(games) and not any(e.solved for e in games) for games in flat)
    metrics = {
        "rollout/win_rate": len(wins) / len(episodes),
        "rollout/reward": math.fsum(e.total_reward for e in episodes) / len(episodes),
        "rollout/games": float(len(episodes)),
        "rollout/turns": len(turns) / len(episodes),
        "rollout/errors": float(sum(e.error is not None for e in episodes)),
        "rollout/truncated": _share(d.finish_reason is FinishReason.LENGTH for d in done),
        "rollout/invalid_rate": _share(not is_legal(t.info.get("status", "ok")) for t in turns),
        "rollout/answer_tokens": sum(len(d.token_ids) for d in done) / max(len(done), 1),
        "rollout/repeat_rate": _share(t.info.get("status") == "repeat" for t in turns),
        "rollout/reward_spread": sum(pstdev(r) for r in returns if r) / len(returns),
        "rollout/groups_all_won": won / len(groups),
        "rollout/groups_all_lost": lost / len(groups),
        "rollout/groups_mixed": 1 - len(flat) / len(groups),
    }
    if wins:
        metrics["rollout/mean_guesses"] = sum(wins) / len(wins)
    more = (_draws, _openers, _lengths, _win_rates_by_origin, _reward_parts)
    return metrics | {name: value for part in more for name, value in part(episodes).items()}


def _reward_parts(episodes: Sequence[Episode]) -> dict[str, float]:
    """The mean of every reward component a game."""
    totals: Counter[str] = Counter()
    for episode in episodes:
        for turn in episode.turns:
            totals.update(turn.reward_parts)
    return {f"rollout/reward_{name}": totals[name] / len(episodes) for name in sorted(totals)}


def _guesses(episode: Episode) -> int:
    """Guesses used; a refused one counts where the rules count it."""
    return int(episode.turns[-1].info.get("turn", len(episode.turns)))


def _draws(episodes: Sequence[Episode]) -> dict[str, float]:
    """The share of games that nobody won, in games for two."""
    if not any("outcome" in episode.turns[-1].info for episode in episodes if episode.turns):
        return {}
    return {"rollout/draw_rate": _share(episode.drawn for episode in episodes)}


def _openers(episodes: Sequence[Episode]) -> dict[str, float]:
    """How many different first moves there are, and their entropy."""
    openers = Counter(e.turns[0].action for e in episodes if e.turns and not e.opening)
    n = sum(openers.values())
    entropy = -sum(c / n * math.log(c / n) for c in openers.values())
    return {"rollout/openers": float(len(openers)), "rollout/opener_entropy": entropy}


def _win_rates_by_origin(episodes: Sequence[Episode]) -> dict[str, float]:
    """Win rates of fresh, replayed and half-played tasks, where not all are fresh."""
    origins = {episode.task.origin for episode in episodes}
    if origins == {"fresh"}:
        return {}
    return {
        f"rollout/win_rate_{origin}": _share(e.solved for e in episodes if e.task.origin == origin)
        for origin in sorted(origins)
    }


def _lengths(episodes: Sequence[Episode]) -> dict[str, float]:
    """Mean tokens of an answer in games that were won and in games that were lost, where played."""
    found: dict[str, list[int]] = {"won": [], "lost": []}
    for episode in episodes:
        lengths = [len(t.completion.token_ids) for t in episode.turns if t.completion is not None]
        found["won" if episode.solved else "lost"] += lengths
    return {
        f"rollout/answer_tokens_{name}": fmean(values) for name, values in found.items() if values
    }


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
