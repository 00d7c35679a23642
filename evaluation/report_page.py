"""A run as one page of HTML that needs nothing else: curves, before and after, games, provenance.

In: a run folder, finished or not. Out: text for one file. What models said and what others named is
escaped by the template; drawings are SVG of our own making. The page asks no server for anything
and says so to the browser (its content policy).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from wordle_rl.errors import RunError
from wordle_rl.evaluation.curves import svg_curves, what_is_validated
from wordle_rl.evaluation.game_view import GameView, view_of
from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import funnel
from wordle_rl.evaluation.recorded import (
    GameFile,
    compared_files,
    env_options,
    find_game_files,
    training_files,
)
from wordle_rl.evaluation.report import number, percent
from wordle_rl.records import Estimate
from wordle_rl.run_dir import RunDir

SAMPLE_GAMES = 6
"""Games that are shown of a step."""
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int
    """So many columns are names, the others numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A share."""

    name: str
    share: float
    """From 0 to 1."""
    note: str
    """What stands beside it: a count, or an interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Shares beside one another."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Some games of one step."""

    title: str
    games: tuple[GameView, ...]


def report_html(path: Path) -> str:
    """The page of a run.

    Raises:
        RunError: this is no run folder, or what is in it cannot be read.
    """
    run = RunDir(path)
    if not run.exists():
        raise RunError(f"no run in {str(path)!r}: name a folder made by train or pretrain")
    config = _read(tomllib.loads, run.config)
    meta = _read(json.loads, path / "meta.json")
    compared = _comparisons(_read(json.loads, run.evaluations / "comparison.json"))
    records = list(run.records())
    games = find_game_files(path)
    page = _environment().from_string(_template("report.html.jinja"))
    return page.render(
        title=path.resolve().name,
        style=_template("report.css"),
        facts=_facts(config, meta, records),
        curves=list(svg_curves(records)),
        validated=what_is_validated(records),
        tables=[table for suite in compared.items() for table in _tables(*suite)],
        histograms=list(_histograms(compared)),
        funnels=list(_funnels(games)),
        samples=list(_samples(games, env_options(path))),
        config=run.config.read_text(encoding="utf-8"),
        meta=[(name, _plain(value)) for name, value in meta.items()],
    )


def _template(name: str) -> str:
    return (files("wordle_rl.evaluation") / "templates" / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    return Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _read(parse: Any, path: Path) -> dict[str, Any]:
    """What a file holds; nothing where there is none yet."""
    if not path.is_file():
        return {}
    try:
        content: dict[str, Any] = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{str(path)!r} cannot be read: {error}") from None
    return content


def _facts(config: Json, meta: Json, records: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """What a reader wants to know first."""
    is_training = "train" in config
    settings = config["train"] if is_training else config
    done, wanted = int(records[-1]["step"]) if records else 0, settings["steps"]
    facts = {
        "game": config["env"]["id"] if is_training else config["env"],
        "model": config["model"]["path"] if is_training else config["model"],
        "method": settings["algo"] if is_training else "imitation",
        "steps": f"{done} of {wanted}" + ("" if done >= wanted else ", not finished"),
        "best validation": _best_validation(records),
        "started": meta.get("started"),
        "commit": meta.get("git_commit"),
        "hardware": meta.get("hardware"),
    }
    return {name: str(value) for name, value in facts.items() if value}


def _best_validation(records: Sequence[Mapping[str, float]]) -> str:
    validated = [record for record in records if "eval/greedy_win_rate" in record]
    if not validated:
        return ""
    best = max(validated, key=lambda record: record["eval/greedy_win_rate"])
    return f"{100 * best['eval/greedy_win_rate']:.1f} % at step {best['step']:.0f}"


def _comparisons(content: Json) -> dict[str, Json]:
    """Before, after and gain by suite."""
    if not content:
        return {}
    suites: dict[str, Json] = content.get("suites") or {content["before"]["suite"]: content}
    return suites


def _tables(suite: str, compared: Json) -> Iterator[Grid]:
    plays = [(when, mode) for mode in ("greedy", "sampled") for when in ("before", "after")]
    yield Grid(
        title=f"Before and after on {suite}",
        columns=("moves", "model", "games", "wins", "score", "guesses on wins", "refused"),
        rows=tuple(
            (mode, when, *_play_cells(play))
            for when, mode in plays
            if (play := compared[when][mode]) is not None
        ),
        names=2,
    )
    yield Grid(
        title="Gain, after minus before on the same secrets",
        columns=("moves", "secrets", "wins", "score"),
        rows=tuple(
            (
                mode,
                str(gain["secrets"]),
                percent(Estimate(**gain["win_rate"]), sign="+"),
                number(Estimate(**gain["score"]), sign="+"),
            )
            for mode, gain in compared["gain"].items()
        ),
        names=1,
    )


def _play_cells(play: Json) -> tuple[str, ...]:
    return (
        str(play["n"]),
        percent(Estimate(**play["win_rate"])),
        number(Estimate(**play["score"])),
        number(Estimate(**play["mean_guesses"])),
        f"{100 * play['invalid_rate']:.1f} %",
    )


def _histograms(compared: Mapping[str, Json]) -> Iterator[Bars]:
    """Greedy games by the number of guesses, before and after."""
    for suite, result in compared.items():
        for when in ("before", "after"):
            if (play := result[when]["greedy"]) is not None:
                bars = [
                    Bar(name=guesses, share=count / play["n"], note=str(count))
                    for guesses, count in play["histogram"].items()
                ]
                yield Bars(title=f"{suite}, greedy, {when}", bars=tuple(bars))


def _funnels(games: Sequence[GameFile]) -> Iterator[Bars]:
    """Of the games of the comparison where there are some, else of the first and the last step."""
    compared = compared_files(games)
    for mode in ("greedy", "sampled"):
        for file in compared:
            if chosen := [game for game in file.games if game["mode"] == mode]:
                yield Bars(title=f"{file.label}, {mode}", bars=_stages(chosen))
    if not compared:
        for file in _first_and_last(training_files(games)):
            yield Bars(title=file.label, bars=_stages(file.games))


def _stages(games: Sequence[GameRecord]) -> tuple[Bar, ...]:
    """The funnel with its intervals."""
    return tuple(
        Bar(name=name, share=share.value or 0.0, note="[" + percent(share).partition(" [")[2])
        for name, share in funnel(games).items()
    )


def _samples(games: Sequence[GameFile], options: Json) -> Iterator[Samples]:
    for file in _first_and_last(training_files(games)):
        chosen = file.games[:: max(1, len(file.games) // SAMPLE_GAMES)][:SAMPLE_GAMES]
        yield Samples(title=file.label, games=tuple(view_of(game, options) for game in chosen))


def _first_and_last(found: Iterable[GameFile]) -> list[GameFile]:
    ordered = list(found)
    return [*ordered[:1], *ordered[1:][-1:]]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)
