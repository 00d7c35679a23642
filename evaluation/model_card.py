"""The card of an exported model: where it comes from, and what was measured of it.

In: what was exported, a run folder or a model. Out: the README.md of a model folder in markdown,
with the metadata that model hubs read. Every number comes from the run's files; where a run
measured nothing the card says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from wordle_rl.config import read_toml
from wordle_rl.envs import make_env
from wordle_rl.envs.plugins import is_plugin
from wordle_rl.errors import RunError, WordleRLError
from wordle_rl.evaluation.report import number, percent
from wordle_rl.records import Estimate
from wordle_rl.run_dir import RunDir, is_run

Json = Mapping[str, Any]


def model_card(source: str, name: str) -> str:
    """The card.

    Args:
        source: the run folder or model that was exported.
        name: the model's new name.

    Raises:
        RunError: a file of the run is damaged.
    """
    if not is_run(source):
        return _page(
            name,
            base=source,
            facts={"exported from": source},
            results=[NOT_MEASURED],
            command=play_command("wordle", {}, name),
        )
    run = RunDir(source)
    config, meta = read_toml(run.config), _read(run.path / "meta.json")
    base = config.get("model", "")
    facts = _facts(config, meta, run)
    if isinstance(base, Mapping):  # of `train`; imitation names the model itself
        base = base.get("path", "nano")
    compared = run.evaluations / "comparison.json"
    results = list(_results(_read(compared))) if compared.is_file() else [NOT_MEASURED]
    env = config.get("env", {})
    game, options = (
        (env.get("id", "wordle"), env.get("options", {}))
        if isinstance(env, Mapping)  # of `train`
        else (env, config.get("options", {}))
    )
    command = play_command(game, options, name)
    return _page(name, base=str(base), facts=facts, results=results, command=command)


NOT_MEASURED = (
    "Nothing was measured on held-out secrets; `wordle-rl evaluate` does it on this folder."
)


def play_command(env: str, options: Mapping[str, Any], agent: str) -> str:
    """The line with which a person meets an agent in the game, or the first of the games, it knows.

    Args:
        env: the game, or a mixture, as in `env.id`.
        options: of the game, or of a mixture a table, or several, for each.
        agent: its name.

    >>> play_command("wordle", {}, "runs/mine")
    'wordle-rl play --agent runs/mine --versus'
    >>> play_command("guess-number=2,math", {"guess-number": {"hi": 1000}}, "runs/mine")
    'wordle-rl play --env guess-number --option hi=1000 --agent runs/mine'
    """
    first = env.split(",")[0].partition("=")[0].strip()
    own = options.get(first, {}) if "," in env else options
    given = dict(own if isinstance(own, Mapping) else next(iter(own), {}))
    given.pop("track_candidates", None)  # for rewards, and of no use to a person
    if first in ("wordle", "wordle-rl/Wordle-v0") and not given:
        return f"wordle-rl play --agent {quote(agent)} --versus"
    is_for_two = _is_for_two(first, given)
    given.pop("opponent", None)
    shown = "".join(
        f" --option {quote(f'{key}={json.dumps(value)}')}"
        for key, value in given.items()
        if isinstance(value, bool | int | float | str)
    )
    who = f"--opponent {quote(f'agent:{agent}')}" if is_for_two else f"--agent {quote(agent)}"
    return f"wordle-rl play --env {quote(first)}{shown} {who}"


def _is_for_two(game: str, options: Mapping[str, Any]) -> bool:
    """False also for a game that needs what is not here: one's own, or another machine's data."""
    if is_plugin(game):
        return False
    try:
        return make_env(game, **options).public().get("players") == 2
    except WordleRLError:
        return False


def _page(
    name: str, *, base: str, facts: Mapping[str, str], results: list[str], command: str
) -> str:
    known = "" if base in ("", "new") else f"base_model: {json.dumps(base)}\n"
    rows = [f"| {key} | {_cell(value)} |" for key, value in facts.items()]
    return "\n".join(
        [
            f"---\n{known}library_name: transformers\npipeline_tag: text-generation",
            "tags:\n- wordle-rl\n- reinforcement-learning\n---\n",
            f"# {name}\n",
            "A language model that plays text games, trained with wordle-rl.\n",
            "## Where it comes from\n",
            "| | |\n| --- | --- |",
            *rows,
            "\n## How it plays\n",
            *results,
            "\n## How to see it play\n",
            f"```\n{command}\n```",
            "",
        ]
    )


def _facts(config: Json, meta: Json, run: RunDir) -> dict[str, str]:
    """What a reader wants to know of the run, in its own words."""
    best = run.best_checkpoint()
    found = {
        "command": " ".join(map(str, meta.get("command", ()))),
        "game": _of(config, "env", "id") or config.get("env", ""),
        "started from": _of(config, "model", "path") or config.get("model", ""),
        "algorithm": _of(config, "train", "algo") or "imitation",
        "adapter rank": _of(config, "lora", "rank") or config.get("lora_rank", ""),
        "seed": _of(config, "train", "seed") if "train" in config else config.get("seed", ""),
        "checkpoint": "" if best is None else best.name,
        "started": meta.get("started", ""),
        "commit": meta.get("git_commit", ""),
        "hardware": _plain(meta.get("hardware", "")),
    }
    return {key: str(value) for key, value in found.items() if value not in ("", None)}


def _results(content: Json) -> Iterator[str]:
    """A table for each suite that was played before and after."""
    suites = content.get("suites", {content.get("before", {}).get("suite", "?"): content})
    yield (
        "Before and after training on the same secrets, with 95 % intervals; a loss scores one "
        "guess more than the rules allow."
    )
    for suite, compared in suites.items():
        yield f"\n### {suite}\n"
        yield "| | moves | n | wins | score | refused |\n| --- | --- | ---: | ---: | ---: | ---: |"
        for when in ("before", "after"):
            for mode in ("greedy", "sampled"):
                if (play := compared[when].get(mode)) is not None:
                    yield f"| {when} | {mode} | {' | '.join(_cells(play))} |"
        for mode, gain in compared.get("gain", {}).items():
            won = percent(Estimate(**gain["win_rate"]), sign="+")
            yield f"\nGain in wins, {mode}: {won} over {gain['secrets']} secrets."


def _cells(play: Json) -> tuple[str, ...]:
    wins, score = Estimate(**play["win_rate"]), Estimate(**play["score"])
    return str(play["n"]), percent(wins), number(score), f"{100 * play['invalid_rate']:.1f} %"


def _of(config: Json, section: str, key: str) -> Any:
    values = config.get(section)
    return values.get(key) if isinstance(values, Mapping) else None


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return str(value)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _read(path: Path) -> Json:
    try:
        content: Json = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RunError(f"{str(path)!r} is damaged: {error}") from None
    return content
