"""`wordle-rl judge-check`: does a judge or a reward model agree with what is known of games?

Results go to standard output, progress to standard error. Everything heavy is imported when the
command runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wordle_rl.config import JudgeSection, Section, apply_overrides, parse, read_preset
from wordle_rl.errors import ConfigError

if TYPE_CHECKING:
    from wordle_rl.envs.base import Style
    from wordle_rl.evaluation.agreement import Agreement
    from wordle_rl.training.judge import Verdicts
    from wordle_rl.training.known_games import KnownGame

CACHE = Path("runs") / "judge-cache.sqlite"
AGENTS = ("random-consistent", "random")
"""Who plays where no games are named: one who nearly always wins, one who never does."""


class JudgeFile(Section):
    """The part of a training configuration that is read here."""

    judge: JudgeSection = JudgeSection()
    """The judge."""


@click.command("judge-check")
@click.argument("games", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--model", help="The judge: a server's model; without --base-url a model run here.")
@click.option("--base-url", help="An OpenAI-compatible server, as http://localhost:8000/v1.")
@click.option("--rubric", help="A packaged rubric, or a .toml, .md or .txt file.")
@click.option("--reward-model", help="Instead of a judge: a reward model's run or folder.")
@click.option("--preset", help="A preset or .toml file whose [judge] section to start from.")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as judge.timeout_s=10."
)
@click.option("--agent", "agents", multiple=True, help="Without GAMES: who plays them; repeatable.")
@click.option("--suite", default="wordle-val", show_default=True, help="What they play.")
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(min=2),
    help="Most games that are judged, half of them won where possible.",
)
@click.option("--device", default="auto", show_default=True, help="Where a model runs.")
@click.option("--seed", default=0, show_default=True, help="Of the choice and the interval.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def judge_check(
    games: tuple[Path, ...],
    model: str | None,
    base_url: str | None,
    rubric: str | None,
    reward_model: str | None,
    preset: str | None,
    overrides: tuple[str, ...],
    agents: tuple[str, ...],
    suite: str,
    limit: int,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Judge games whose end is known and report how often a won one scores above a lost one.

    GAMES are run folders, evaluations (--out of evaluate) or their .jsonl files. Without any, two
    agents play: random-consistent, who nearly always wins, and random, who never does. The figure
    is the AUC over pairs of a won and a lost game of one suite, a tie being half; 0.5 is chance.
    """
    from wordle_rl.evaluation.agreement import ScoredGame, agreement
    from wordle_rl.training.known_games import choose, read_known_games

    flags = {"model": model, "base_url": base_url, "rubric": rubric}
    if reward_model is None:
        grader = _judge(_settings(preset, overrides, flags), device)
    elif preset is None and not overrides and not any(flags.values()):
        grader = _reward_model(reward_model, device)
    else:
        raise ConfigError("--reward-model is no judge: leave out the judge's settings")
    if games and agents:
        raise ConfigError("--agent plays games where none are named: leave out GAMES or --agent")
    known: Sequence[KnownGame] = [game for path in games for game in read_known_games(path)]
    if not known:
        known = _play(agents or AGENTS, suite, limit, device, seed, grader.style)
    known = choose(known, limit, seed=seed)
    verdicts = grader.grade(known)
    scored = [
        ScoredGame(suite=game.suite, secret=game.secret, won=game.won, score=score)
        for game, score in zip(known, verdicts.scores, strict=True)
        if score is not None
    ]
    result = agreement(scored, seed=seed)
    show = _print_json if as_json else _print
    show(grader, result, verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grader:
    """Who scores games, and what is printed of it."""

    title: str
    about: Mapping[str, Any]
    grade: Callable[[Sequence[KnownGame]], Verdicts]
    style: Style | None = None
    """How games have to speak; None for any way."""


def _judge(settings: JudgeSection, device: str) -> Grader:
    from wordle_rl.training.judge import load_judge

    judge = load_judge(settings, CACHE, device=device)
    return Grader(
        title=f"judge {settings.model}, rubric {settings.rubric}",
        about={
            "judge": settings.model,
            "base_url": settings.base_url or None,
            "rubric": settings.rubric,
        },
        grade=lambda games: judge.judge([game.transcript for game in games]),
    )


def _reward_model(path: str, device: str) -> Grader:
    from wordle_rl.training.reward_model import RewardModel

    model = RewardModel.load(path, device=device)
    return Grader(
        title=f"reward model {path}",
        about={"reward_model": path},
        grade=model.grade,
        style=model.agent.style,
    )


def _settings(
    preset: str | None, overrides: Sequence[str], flags: dict[str, str | None]
) -> JudgeSection:
    """The judge's settings: the preset's, then --set, then flags."""
    values = {"judge": read_preset(preset).get("judge", {})} if preset else {}
    given = [
        f"judge.{key}={json.dumps(value)}" for key, value in flags.items() if value is not None
    ]
    return parse(JudgeFile, apply_overrides(values, [*overrides, *given])).judge


def _play(
    agents: Sequence[str], suite: str, limit: int, device: str, seed: int, style: Style | None
) -> list[KnownGame]:
    """Fresh games of the agents on the same secrets."""
    from wordle_rl.agents.loading import load_agent
    from wordle_rl.evaluation.suites import load_suite
    from wordle_rl.training.known_games import play_known_games

    secrets = load_suite(suite).subset(max(1, -(-limit // len(agents))))
    players = [load_agent(name, device=device) for name in agents]
    click.echo(f"playing {len(players) * len(secrets.tasks)} games", err=True)
    return play_known_games(players, secrets, seed=seed, style=style)


def _print_json(grader: Grader, result: Agreement, verdicts: Verdicts) -> None:
    click.echo(json.dumps(_as_json(grader, result, verdicts)))


def _as_json(grader: Grader, result: Agreement, verdicts: Verdicts) -> dict[str, Any]:
    n = len(verdicts.scores)
    return {
        **grader.about,
        "n": n,
        **asdict(result),
        "unparsable": verdicts.unparsable,
        "unparsable_rate": verdicts.unparsable / n,
        "failed": verdicts.failed,
        "cached": verdicts.cached,
        "prompt_tokens": verdicts.prompt_tokens,
        "completion_tokens": verdicts.completion_tokens,
        "cost": verdicts.cost,
    }


def _print(grader: Grader, result: Agreement, verdicts: Verdicts) -> None:
    n, auc = len(verdicts.scores), result.auc
    click.echo(f"{grader.title}, {n} games")
    if auc.value is None:
        click.echo("AUC: none, no suite has both a won and a lost game with a score")
    else:
        click.echo(
            f"AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] "
            f"({result.won} won x {result.lost} lost, {result.pairs} pairs; 0.5 is chance)"
        )
    means = {"won": result.mean_won, "lost": result.mean_lost}
    said = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items() if mean is not None)
    click.echo(f"mean score: {said or 'none'}")
    click.echo(
        f"without a score: {verdicts.unparsable / n:.1%}, without a reply: {verdicts.failed}"
    )
    cost = f", cost {verdicts.cost:.4f}" if verdicts.cost else ""
    click.echo(
        f"{verdicts.prompt_tokens} prompt and {verdicts.completion_tokens} completion tokens, "
        f"{verdicts.cached} of {n} replies known already{cost}"
    )
