"""Rankings made of finished games: by how they ended, by a judge, or by a person.

Games are compared within their group, so both had the same secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, zip_longest
from pathlib import Path
from typing import Any

from wordle_rl.agents.base import Agent
from wordle_rl.config import TrainConfig
from wordle_rl.errors import RunError
from wordle_rl.records import EpisodeGroup
from wordle_rl.seeding import generator
from wordle_rl.training.games import play_step
from wordle_rl.training.judge import Judge
from wordle_rl.training.known_games import KnownGame, known_game, read_known_games
from wordle_rl.training.preference_rows import DECIMALS, sound_games
from wordle_rl.training.preferences import Ranking, Texts, as_texts, dense_ranks

Group = Sequence[KnownGame]
"""Games of one task."""
Quality = Callable[[KnownGame], Any]
"""What a game is ranked by, the larger the better."""
GROUPS_AT_ONCE = 64
"""Groups that are played together."""


def recorded_groups(path: Path) -> list[Group]:
    """The games that a run kept, by what was played; groups of one game are left out.

    Raises:
        RunError: there are none, or only guesses are on record and not what was said.
    """
    games = read_known_games(path, draws=True)
    if not all(game.verbatim for game in games):
        raise RunError(
            f"{str(path)!r} holds guesses and not what was seen and said: name a training run"
        )
    groups: dict[tuple[str, str], list[KnownGame]] = {}
    for game in games:
        groups.setdefault((game.suite, game.group), []).append(game)
    return [group for group in groups.values() if len(group) > 1]


def played_groups(agent: Agent, config: TrainConfig, count: int) -> list[Group]:
    """`count` fresh groups of the settings' game, each of `rollout.group_size` games."""
    temperature = config.rollout.temperature
    groups: list[EpisodeGroup] = []
    for step in range(-(-count // GROUPS_AT_ONCE)):
        size = min(GROUPS_AT_ONCE, count - step * GROUPS_AT_ONCE)
        rollout = config.rollout.model_copy(update={"tasks_per_step": size})
        some = config.model_copy(update={"rollout": rollout})
        groups += play_step(agent, some, step, 1.0 if temperature is None else temperature)
    return [
        [
            known_game(game, suite=game.task.env_id, name=f"{group.task.task_id}/{number}")
            for number, game in enumerate(sound_games(group))
        ]
        for group in groups
    ]


def by_outcome(game: KnownGame) -> tuple[bool, float]:
    """A won game before a lost one, then the higher return before the lower."""
    return game.won, round(game.reward, DECIMALS)


def by_judge(judge: Judge, groups: Sequence[Group]) -> tuple[list[Group], Quality]:
    """The games that a judge has a score for, and that score as their quality."""
    games = [game for group in groups for game in group]
    scores = judge.judge([game.transcript for game in games]).scores
    scored = {id(g): score for g, score in zip(games, scores, strict=True) if score is not None}
    kept: list[Group] = [[game for game in group if id(game) in scored] for group in groups]
    return kept, lambda game: scored[id(game)]


def rank_group(group: Group, quality: Quality, info: Mapping[str, Any]) -> list[Ranking]:
    """The group as one ranking for each prompt; what is nothing but ties is left out."""
    prompts: dict[Texts, list[KnownGame]] = {}
    for game in group:
        prompts.setdefault(game_texts(game)[0], []).append(game)
    return [
        ranking
        for games in prompts.values()
        if len(games) > 1
        if not (
            ranking := ranking_of_games(games, dense_ranks([quality(g) for g in games]), info)
        ).is_tie
    ]


def ranking_of_games(games: Group, ranks: tuple[int, ...], info: Mapping[str, Any]) -> Ranking:
    """Games of one prompt, the best first."""
    order = sorted(range(len(games)), key=lambda i: ranks[i])
    return Ranking(
        prompt=game_texts(games[0])[0],
        responses=tuple(game_texts(games[i])[1] for i in order),
        ranks=tuple(ranks[i] for i in order),
        group=games[0].secret,
        info={**info, "games": [games[i].name for i in order]},
    )


def in_pairs(ranking: Ranking, most: int, *, seed: int = 0) -> list[Ranking]:
    """At most `most` pairs of a ranking whose best comes first, drawn by `seed`; no ties."""
    ranks, names = ranking.ranks, ranking.info["games"]
    pairs = [(i, j) for i, j in combinations(range(len(ranks)), 2) if ranks[i] < ranks[j]]
    order = generator(seed, "pairs", ranking.cluster, *names).permutation(len(pairs))[:most]
    return [
        replace(
            ranking,
            responses=(ranking.responses[i], ranking.responses[j]),
            ranks=(1, 2),
            info={**ranking.info, "games": [names[i], names[j]]},
        )
        for i, j in (pairs[k] for k in sorted(order))
    ]


def pairs_to_rank(groups: Sequence[Group], *, seed: int = 0) -> list[tuple[KnownGame, KnownGame]]:
    """Every pair of different games of one task and prompt, a pair of each group in turn.

    Which of the two is shown first is drawn by `seed` and the pair, so it tells nothing and stays
    what it was when a person comes back.
    """
    columns = [_shuffled_pairs(group, seed) for group in groups]
    return [pair for row in zip_longest(*columns) for pair in row if pair is not None]


def _shuffled_pairs(group: Group, seed: int) -> list[tuple[KnownGame, KnownGame]]:
    rng = generator(seed, "rank", *(game.name for game in group))
    pairs = [
        (a, b) if rng.random() < 0.5 else (b, a)
        for a, b in combinations(group, 2)
        if a.actions != b.actions and a.observations[0] == b.observations[0]
    ]
    return [pairs[i] for i in rng.permutation(len(pairs))]


def game_texts(game: KnownGame) -> tuple[Texts, Texts]:
    """A game as prompt and response."""
    return as_texts(game.observations, game.actions)
