"""`wordle-rl evaluate` and `wordle-rl paired`: how good an agent is, and whether it is better.

Results go to standard output, progress to standard error. Everything heavy is imported when a
command runs, so that `--help` is quick.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wordle_rl.cli_options import STORE
from wordle_rl.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.table import Table

    from wordle_rl.agents.base import Agent
    from wordle_rl.evaluation.games import GameRecord
    from wordle_rl.evaluation.gap import Gap
    from wordle_rl.evaluation.paired import PairedResult
    from wordle_rl.evaluation.suites import Suite
    from wordle_rl.records import EvalReport

HELD_OUT = ("val", "test")
"""Splits beside which the training split is shown."""
BATCH_GAMES = 512
"""Games of an agent that run together unless it says otherwise."""
INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""

OPTIONS = (
    click.option("--suite", default="wordle-val", show_default=True, help="What is played."),
    click.option("--split", help="Play another split of it: train, val, test or all."),
    click.option(
        "--opponent",
        metavar="NAME",
        help="In a game for two, play against this one instead: random, greedy, perfect, "
        "agent:NAME (an agent's best moves), sampled:NAME, or package.module:name.",
    ),
    click.option(
        "--answers",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Wordle on lists of your own: the words that can be the secret, one a line.",
    ),
    click.option(
        "--guesses",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The words that may be played with --answers; else the packaged ones.",
    ),
    click.option(
        "--samples",
        show_default="the suite's, 4",
        type=click.IntRange(min=0),
        help="Sampled games a secret, beside the greedy one; 0 for greedy alone.",
    ),
    click.option(
        "--temperature",
        show_default="the suite's, 1",
        type=click.FloatRange(min=0),
        help="Of the sampled games; at another than the suite's they are not recorded.",
    ),
    click.option(
        "--limit", type=click.IntRange(min=1), help="Play a fixed choice of so many secrets."
    ),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="Keep every game and a summary here; after a stop, the same command goes on.",
    ),
    STORE,
    click.option("--no-store", is_flag=True, help="Record nothing."),
    click.option("--device", default="auto", show_default=True, help="Where a model runs."),
    click.option(
        "--batch-games",
        type=click.IntRange(min=1),
        show_default="512",
        help="Games that run together; fewer take less memory.",
    ),
    click.option(
        "--api",
        "api",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of an agent api:MODEL, such as base_url=http://localhost:8000/v1; repeatable.",
    ),
    click.option("--seed", default=0, show_default=True, help="Of the agent's randomness."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else."),
)
"""What `evaluate` and `paired` share: the fields of `_Settings`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """What is played, and how."""

    suite: str
    split: str | None
    opponent: str | None
    answers: Path | None
    guesses: Path | None
    samples: int | None
    temperature: float | None
    limit: int | None
    out: Path | None
    store: Path
    no_store: bool
    device: str
    batch_games: int | None
    api: tuple[str, ...]
    seed: int
    as_json: bool

    def load_suite(self, split: str | None = None) -> Suite:
        """The suite, or the one of another split; all of it or `limit` secrets."""
        from wordle_rl.evaluation.suites import load_suite

        given = self.answers or self.guesses
        suite = self._lists_suite() if given else load_suite(self.suite, split or self.split)
        suite = suite if self.opponent is None else suite.against(self.opponent)
        return suite if self.limit is None else suite.subset(self.limit)

    def _lists_suite(self) -> Suite:
        """Every word of the user's own answers."""
        from wordle_rl.envs.lexicon import open_lexicon
        from wordle_rl.evaluation.suites import wordle_lists_suite

        if self.split not in (None, "all") or not self.suite.startswith("wordle"):
            raise ConfigError(
                "--answers and --guesses are for every word of Wordle: use --suite wordle-all or "
                "--suite wordle-hard-all, without --split"
            )
        source = self.answers or self.guesses
        return wordle_lists_suite(
            open_lexicon(self.answers, self.guesses),
            source.name if source else "",
            hard_mode=self.suite.startswith("wordle-hard"),
        )

    def load_agent(self, name: str) -> Agent:
        """The agent of a name, on the device; what slows it down is said."""
        from wordle_rl.agents.api_agent import PREFIX, read_settings
        from wordle_rl.agents.loading import load_agent

        if self.api and not name.startswith(PREFIX):
            raise ConfigError(f"--api is for agents api:MODEL, and {name!r} is none: leave it out")
        agent = load_agent(name, device=self.device, api=read_settings(self.api))
        for note in getattr(agent, "notes", ()):
            click.echo(note, err=True)
        return agent

    def play(
        self, agent: Agent, suite: Suite, folder: str, progress: Progress
    ) -> tuple[EvalReport, list[GameRecord]]:
        """Evaluate and show a bar; games are kept in `folder` under `out`, where there is one."""
        from wordle_rl.evaluation.evaluator import evaluate
        from wordle_rl.evaluation.store import Store

        if not self.no_store:
            Store(self.store).close()  # one that cannot be used says so before anything is played
        samples, temperature = self._decoding(suite)
        games: list[GameRecord] = []
        won = 0
        bar = progress.add_task(suite.name, total=len(suite.tasks) * (1 + samples), won="")

        def on_game(game: GameRecord) -> None:
            nonlocal won
            games.append(game)
            won += game["solved"]
            progress.update(bar, advance=1, won=f"{won / len(games):.0%} won")

        out = None if self.out is None else self.out / folder
        with _usage_told(agent, out):
            report = evaluate(
                agent,
                suite,
                samples=samples,
                temperature=temperature,
                seed=self.seed,
                out_dir=out,
                batch_games=self._batch_games(agent),
                on_game=on_game,
            )
        _say_failures(games)
        if not self.no_store:
            self._record(agent, suite, report, games)
        return report, games

    def _batch_games(self, agent: Agent) -> int:
        """Games that run together; an agent behind a server has a number of its own."""
        own: int = getattr(agent, "batch_games", BATCH_GAMES)
        return own if self.batch_games is None else self.batch_games

    def _decoding(self, suite: Suite) -> tuple[int, float]:
        """Sampled games a secret, and their temperature; the suite's by default."""
        protocol = suite.protocol
        return (
            protocol.samples if self.samples is None else self.samples,
            protocol.temperature if self.temperature is None else self.temperature,
        )

    def _record(
        self, agent: Agent, suite: Suite, report: EvalReport, games: list[GameRecord]
    ) -> None:
        """Put a finished evaluation into the store."""
        from wordle_rl.evaluation.results import is_installed, make_result
        from wordle_rl.evaluation.store import Store

        if not is_installed(suite):
            click.echo(f"not recorded: {suite.name} is a suite of your own", err=True)
            return
        samples, temperature = self._decoding(suite)
        if samples and temperature != suite.protocol.temperature:
            click.echo(
                f"not recorded: sampled games of {suite.name} are played at T = "
                f"{suite.protocol.temperature:g}, these at T = {temperature:g}",
                err=True,
            )
            return
        result = make_result(
            agent,
            report,
            games,
            temperature=temperature,
            samples=samples,
            seed=self.seed,
        )
        with Store(self.store) as store:
            store.add(result)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Bars on standard error; Ctrl-C ends the command with a word on how to go on."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        console = Console(stderr=True)
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[won]}")
        bars = Progress(
            *columns,
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        try:
            with bars:
                yield bars
        except KeyboardInterrupt:
            kept = f"the games so far are in {self.out}, the same command goes on"
            click.echo(f"stopped: {kept if self.out else 'nothing was kept'}", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None


def _say_failures(games: Sequence[GameRecord]) -> None:
    """Failed games count as lost, whoever failed."""
    failed = [game["error"] for game in games if game["error"] is not None]
    if failed:
        click.echo(
            f"{len(failed)} of {len(games)} games failed and count as lost, the first by: "
            f"{failed[0]}",
            err=True,
        )


@contextmanager
def _usage_told(agent: Agent, out: Path | None) -> Iterator[None]:
    """Say what a server was asked for, also after a stop; kept in `out`, a line for each call."""
    from wordle_rl.agents.api_agent import ApiAgent

    if not isinstance(agent, ApiAgent):
        yield
        return
    before = asdict(agent.usage)
    try:
        yield
    finally:
        used = {key: value - before[key] for key, value in asdict(agent.usage).items()}
        if out is not None and out.is_dir():
            with (out / "usage.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(used) + "\n")
        cost = f", cost {used['cost']:.4f}" if used["cost"] else ""
        click.echo(
            f"{agent.name}: {used['requests']} answers, {used['prompt_tokens']} prompt and "
            f"{used['completion_tokens']} completion tokens{cost}",
            err=True,
        )


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options, as its argument `settings`."""

    @wraps(command)
    def call(**given: Any) -> None:
        shared = {field.name: given.pop(field.name) for field in fields(_Settings)}
        command(settings=_Settings(**shared), **given)

    for option in reversed(OPTIONS):
        call = option(call)
    return call


@click.command()
@click.argument("agent")
@_with_settings
@click.option(
    "--train-split/--no-train-split",
    default=True,
    show_default=True,
    help="Beside a held-out suite, play as many training secrets, to show the gap.",
)
def evaluate(settings: _Settings, agent: str, train_split: bool) -> None:
    """Play a suite with AGENT and report wins, guesses and errors with their 95 % intervals.

    AGENT is a baseline (random, random-consistent, greedy-patterns, greedy-entropy, or one with an
    opener such as greedy-patterns:salet), nano, a run folder, a model folder, a hub id, or
    api:MODEL behind an OpenAI-compatible server. Every secret is played greedily once, and
    --samples times at --temperature.
    """
    suite = settings.load_suite()
    player = settings.load_agent(agent)
    train: EvalReport | None = None
    gaps: dict[str, Gap] = {}
    with settings.progress() as progress:
        report, games = settings.play(player, suite, "", progress)
        if train_split and suite.split in HELD_OUT and suite.names_secrets:
            beside = settings.load_suite("train").subset(len(suite.tasks))
            train, train_games = settings.play(player, beside, "train", progress)
            gaps = _gaps(train_games, games, suite, settings.seed)
    if settings.as_json:
        _print_reports_json(report, train, gaps)
    else:
        _print_reports(report, train, gaps, suite.protocol.max_guesses + 1)


@click.command()
@click.argument("agent_a", metavar="A")
@click.argument("agent_b", metavar="B")
@_with_settings
def paired(settings: _Settings, agent_a: str, agent_b: str) -> None:
    """Play the same secrets with A and with B and report the difference, A minus B."""
    suite = settings.load_suite()
    a, b = settings.load_agent(agent_a), settings.load_agent(agent_b)
    with settings.progress() as progress:
        _, games_a = settings.play(a, suite, "a", progress)
        _, games_b = settings.play(b, suite, "b", progress)
    results = _compare(games_a, games_b, suite, settings.seed)
    show = _print_paired_json if settings.as_json else _print_paired
    show((a.name, b.name), suite, results)


def _gaps(
    train: list[GameRecord], held_out: list[GameRecord], suite: Suite, seed: int
) -> dict[str, Gap]:
    """The generalisation gap for each mode that was played."""
    from wordle_rl.evaluation.gap import generalisation_gap

    limit = suite.protocol.max_guesses
    return {
        mode: generalisation_gap(a, b, max_guesses=limit, seed=seed)
        for mode, a, b in _by_mode(train, held_out)
    }


def _by_mode(
    games_a: list[GameRecord], games_b: list[GameRecord]
) -> Iterator[tuple[str, list[GameRecord], list[GameRecord]]]:
    """The games of both sides for each mode that was played."""
    for mode in ("greedy", "sampled"):
        a, b = ([g for g in games if g["mode"] == mode] for games in (games_a, games_b))
        if a or b:
            yield mode, a, b


def _print_reports_json(report: EvalReport, train: EvalReport | None, gaps: dict[str, Gap]) -> None:
    from wordle_rl.evaluation.evaluator import report_json

    beside = {
        "train": train and report_json(train),
        "gap": {mode: asdict(gap) for mode, gap in gaps.items()} or None,
    }
    click.echo(json.dumps({**report_json(report), **beside}))


def _print_reports(
    report: EvalReport, train: EvalReport | None, gaps: dict[str, Gap], loss_score: int
) -> None:
    from wordle_rl.evaluation.details import details_table, gap_line, hardest_line
    from wordle_rl.evaluation.report import comparison_table, rows_of

    reports = [report, train] if train else [report]
    rows = [row for r in reports for row in rows_of(r, r.suite.removeprefix("wordle-"))]
    _print_table(
        comparison_table(rows),
        f"{report.suite} (hash {report.suite_hash[:12]}), intervals 95 %, "
        f"a loss scores {loss_score}",
    )
    notes = [hardest_line(row) for row in rows[:1]]
    notes += [gap_line(mode, gap) for mode, gap in gaps.items()]
    _print_table(details_table(rows), "\n".join(notes))


def _compare(
    games_a: list[GameRecord], games_b: list[GameRecord], suite: Suite, seed: int
) -> dict[str, PairedResult]:
    """One result for each mode that was played."""
    from wordle_rl.evaluation.paired import paired as compare

    limit = suite.protocol.max_guesses
    return {
        mode: compare(a, b, max_guesses=limit, seed=seed)
        for mode, a, b in _by_mode(games_a, games_b)
    }


def _print_paired_json(
    names: tuple[str, str], suite: Suite, results: dict[str, PairedResult]
) -> None:
    head = {"a": names[0], "b": names[1], "suite": suite.name, "suite_hash": suite.suite_hash}
    plain = {mode: asdict(result) for mode, result in results.items()}
    click.echo(json.dumps({**head, "greedy": None, "sampled": None, **plain}))


def _print_paired(names: tuple[str, str], suite: Suite, results: dict[str, PairedResult]) -> None:
    from wordle_rl.evaluation.details import detectable_line
    from wordle_rl.evaluation.report import paired_table

    _print_table(
        paired_table(results),
        f"A {names[0]} minus B {names[1]} on {suite.name} (hash {suite.suite_hash[:12]}), "
        f"intervals 95 % over secrets\n{detectable_line(results)}",
    )


def _print_table(table: Table, note: str) -> None:
    from rich.console import Console

    console = Console()
    console.print(table)
    console.print(note, style="dim", highlight=False)
