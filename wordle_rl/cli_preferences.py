"""`wordle-rl preferences` and `wordle-rl rank`: which of two games was better, by rule or by hand.

Results go to standard output, progress to standard error. Everything heavy is imported when a
command runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wordle_rl.config import TrainConfig, apply_overrides, parse, read_toml
from wordle_rl.errors import ConfigError
from wordle_rl.run_dir import RunDir, is_run

if TYPE_CHECKING:
    from wordle_rl.training.preference_makers import Group, Quality
    from wordle_rl.training.preferences import Ranking

FILE_NAME = "preferences.jsonl"
"""Where a person's verdicts on a run's games are kept, in the run folder."""


@click.command()
@click.argument("source")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--play", is_flag=True, help="SOURCE is an agent: it plays fresh games.")
@click.option("--env", help="With --play: the game; a run plays its own by default.")
@click.option(
    "--groups", type=click.IntRange(min=1), help="With --play: groups (secrets); 64 by default."
)
@click.option(
    "--games", type=click.IntRange(min=2), help="With --play: games of each; 8 by default."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="Where a model runs.")
@click.option(
    "--by",
    type=click.Choice(["outcome", "judge"]),
    default="outcome",
    show_default=True,
    help="What decides: wins, then returns; or a language model (--set judge.model=...).",
)
@click.option(
    "--pairs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write at most N pairs of each group as chosen and rejected; by default whole rankings.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as rollout.temperature=.7."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON only.")
def preferences(
    source: str,
    out: Path,
    play: bool,
    env: str | None,
    groups: int | None,
    games: int | None,
    seed: int,
    device: str,
    by: str,
    pairs: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Rank games of one secret without a person and write them to OUT as JSON lines.

    SOURCE is a training run, whose recorded games are compared; with --play an agent (a run, nano,
    a model folder) that plays fresh ones.
    """
    from wordle_rl.training.preference_makers import in_pairs, rank_group
    from wordle_rl.training.preferences import write_preferences

    if out.exists():
        raise ConfigError(f"{str(out)!r} exists already: choose another OUT, nothing was changed")
    if not out.parent.is_dir():
        raise ConfigError(f"there is no folder {str(out.parent)!r} to write {out.name!r} into")
    flags = {"env.id": env, "train.seed": seed, "rollout.group_size": games if games else None}
    config = _settings(source, overrides, {k: v for k, v in flags.items() if v is not None}, play)
    if not play and (env or groups or games):
        raise ConfigError("--env, --groups and --games are of games to be played: add --play")
    found = _groups(source, config, groups or 64, device, play)
    ranked, quality = _judge(config, found, device) if by == "judge" else _outcome(found)
    made = [r for group in ranked for r in rank_group(group, quality, {"source": by})]
    if not made:
        raise ConfigError(
            f"no game of {source!r} is better than another of its group: {out} is not written"
        )
    made = [pair for r in made for pair in in_pairs(r, pairs, seed=seed)] if pairs else made
    write_preferences(out, made)
    _report(out, found, made, as_json)


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--contrast", is_flag=True, help="Orange and blue instead of green and yellow.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the order."
)
def rank(run: Path, contrast: bool, seed: int) -> None:
    """Say which of two games of one secret was played better.

    The games are those that RUN recorded. Verdicts are added to preferences.jsonl in its folder as
    they are given, ties too; stop at any time and come back for the pairs that are left.
    """
    from rich.console import Console

    from wordle_rl.evaluation.replay import look_for
    from wordle_rl.rank_session import rank_pairs
    from wordle_rl.training.preference_makers import pairs_to_rank, recorded_groups

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=False)
    pairs = pairs_to_rank(recorded_groups(run), seed=seed)
    path = run / FILE_NAME
    try:
        tally = rank_pairs(
            pairs, path, lines=sys.stdin, console=console, look=look_for(console, contrast=contrast)
        )
    except KeyboardInterrupt:
        click.echo(f"\nstopped; verdicts are in {path}")
        raise
    click.echo(f"{tally.judged} verdicts added to {path}, {tally.left} of {len(pairs)} pairs left")


def _settings(
    source: str, overrides: Sequence[str], flags: dict[str, Any], play: bool
) -> TrainConfig:
    """The settings of the run that SOURCE names, or the defaults; then --set, then flags."""
    values: dict[str, Any] = {"rollout": {"group_size": 8}}
    if is_run(source) and "train" in (own := read_toml(RunDir(source).config)):
        values |= {"env": own.get("env", {}), "judge": own.get("judge", {})}
    elif not play and is_run(source):
        raise ConfigError(f"{source!r} was started by wordle-rl pretrain, which records no games")
    given = [f"{key}={json.dumps(value)}" for key, value in flags.items()]
    return parse(TrainConfig, apply_overrides(values, [*overrides, *given]))


def _groups(source: str, config: TrainConfig, count: int, device: str, play: bool) -> list[Group]:
    from wordle_rl.training.preference_makers import played_groups, recorded_groups

    if not play:
        return recorded_groups(Path(source))
    from wordle_rl.agents.loading import load_agent

    agent = load_agent(source, device=device)
    click.echo(f"playing {count} groups of {config.rollout.group_size} games", err=True)
    return played_groups(agent, config, count)


def _outcome(groups: Sequence[Group]) -> tuple[Sequence[Group], Quality]:
    from wordle_rl.training.preference_makers import by_outcome

    return groups, by_outcome


def _judge(
    config: TrainConfig, groups: Sequence[Group], device: str
) -> tuple[Sequence[Group], Quality]:
    from wordle_rl.cli_judge import CACHE
    from wordle_rl.training.judge import load_judge
    from wordle_rl.training.preference_makers import by_judge

    return by_judge(load_judge(config.judge, CACHE, device=device), groups)


def _report(out: Path, groups: Sequence[Group], made: Sequence[Ranking], as_json: bool) -> None:
    numbers = {
        "path": str(out),
        "groups": len(groups),
        "games": sum(map(len, groups)),
        "rankings": len(made),
        "pairs": sum(r.pairs for r in made),
        "secrets": len({r.cluster for r in made}),
    }
    click.echo(
        json.dumps(numbers)
        if as_json
        else f"wrote {out}: {numbers['rankings']} rankings of {numbers['secrets']} secrets with "
        f"{numbers['pairs']} pairs, from {numbers['games']} games in {numbers['groups']} groups"
    )
