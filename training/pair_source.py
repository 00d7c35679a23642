"""Where the pairs of a step come from: a file, or the games that the policy just played."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.config import TrainConfig
from wordle_rl.errors import ConfigError
from wordle_rl.records import EpisodeGroup
from wordle_rl.seeding import generator
from wordle_rl.training.games import Past
from wordle_rl.training.preference_rows import (
    RankedRows,
    outcome_ranks,
    played_rows,
    recorded_rows,
    return_ranks,
    sound_games,
)
from wordle_rl.training.preferences import Ranking, read_preferences
from wordle_rl.training.rollout_metrics import rollout_metrics
from wordle_rl.training.sampling import Phase, sample_games
from wordle_rl.training.scoring import WeightedScorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a step learns from."""

    ranked: Sequence[RankedRows]
    metrics: Mapping[str, float] = field(default_factory=dict)
    groups: Sequence[EpisodeGroup] = ()
    """The games, where some were played."""


Source = Callable[[int, Past, Phase], Material]
"""Step, what was logged before, whom to tell what is going on -> the step's material."""


def source_of(
    agent: LanguageAgent, config: TrainConfig, scorers: Sequence[WeightedScorer]
) -> Source:
    """The file that the settings name, else the policy's own games.

    Raises:
        ConfigError: the file cannot be used.
    """
    if not config.preference.path:
        return played(agent, config, scorers)
    if scorers:
        raise ConfigError(
            "a judge or reward model scores games that are played: leave out preference.path, or "
            "rank with it first (wordle-rl preferences)"
        )
    rankings = read_rankings(config.preference.path)
    return shuffled([rows_that_fit(agent, ranking) for ranking in rankings], config)


def read_rankings(path: str) -> list[Ranking]:
    """The rankings of a file in which something is better than something else.

    Raises:
        ConfigError: the file cannot be read, or there are none.
    """
    rankings = [r for r in read_preferences(Path(path).expanduser()) if not r.is_tie]
    if not rankings:
        raise ConfigError(f"preferences {path!r}: no answer in it is better than another")
    return rankings


def rows_that_fit(agent: LanguageAgent, ranking: Ranking) -> RankedRows:
    """The ranking's rows.

    Raises:
        ConfigError: an answer is longer than the model's context.
    """
    ranked = recorded_rows(agent, ranking)
    longest = max(len(row.token_ids) for rows in ranked.rows_G for row in rows)
    if longest > agent.context_length:
        raise ConfigError(
            f"preferences: an answer of {longest} tokens to {ranking.prompt[0]!r:.40} does not fit "
            f"the model's context of {agent.context_length}: leave it out"
        )
    return ranked


def shuffled(rows: Sequence[RankedRows], config: TrainConfig) -> Source:
    """`batch_size` of the rows a step, in an order that is drawn anew for every pass over them."""
    size, seed = config.preference.batch_size, config.train.seed

    def take(step: int, past: Past, phase: Phase) -> Material:
        phase("reading")
        order: dict[int, list[int]] = {}
        chosen = []
        for number in range(step * size, (step + 1) * size):
            epoch, place = divmod(number, len(rows))
            if epoch not in order:
                order[epoch] = generator(seed, "preferences", epoch).permutation(len(rows)).tolist()
            chosen.append(rows[order[epoch][place]])
        return Material(ranked=chosen, metrics={"train/epoch": (step + 1) * size / len(rows)})

    return take


def played(agent: LanguageAgent, config: TrainConfig, scorers: Sequence[WeightedScorer]) -> Source:
    """Groups that the policy plays, every game compared with every other of its secret.

    Where a judge or a reward model scores them, returns decide alone: who won is not looked at.
    """
    ranks = return_ranks if scorers else outcome_ranks

    def play(step: int, past: Past, phase: Phase) -> Material:
        played = sample_games(agent, config, step, past=past, scorers=scorers, phase=phase)
        games_P = [sound_games(group) for group in played.groups]
        return Material(
            ranked=[played_rows(games, ranks(games)) for games in games_P],
            metrics={**rollout_metrics(played.everything), **played.metrics},
            groups=played.everything,
        )

    return play
