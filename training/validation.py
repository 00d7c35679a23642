"""What a run is measured on: validation while it trains, held-out secrets when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wordle_rl.agents.language import LanguageAgent
from wordle_rl.envs import make_env, resolve_env_id
from wordle_rl.envs.plugins import is_plugin
from wordle_rl.envs.words import Split
from wordle_rl.errors import ConfigError
from wordle_rl.evaluation.evaluator import evaluate
from wordle_rl.evaluation.suites import Suite, load_suite, suite_for
from wordle_rl.training.games import SELF
from wordle_rl.training.mixture import mixture
from wordle_rl.training.processes import workers

AUTO = "auto"
RIVALS = ("random", "perfect")
"""Whom self-play is measured against, where the game knows them."""
Validate = Callable[[LanguageAgent], dict[str, float]]
"""Plays the validation secrets; returns `eval/` metrics, `eval/greedy_win_rate` among them."""


def chosen_suites(
    names: str, env_id: str, options: Mapping[str, Any], split: Split, opponent: str = ""
) -> tuple[Suite, ...]:
    """The suites of a setting: names separated by commas, `auto`, or none where it is empty.

    Args:
        names: the setting.
        env_id: the games of the run, as in `mixture`; `auto` is what each is measured on.
        options: their arguments.
        split: which secrets `auto` takes.
        opponent: in a game for two, whom the run plays against.

    Raises:
        ConfigError: there is no such suite or game.
    """
    if names != AUTO:
        return tuple(load_suite(name.strip()) for name in names.split(",") if name.strip())
    found: dict[str, Suite] = {}
    games = mixture(env_id, options)
    for game in games:
        if not is_plugin(game.env_id):
            resolve_env_id(game.env_id)  # a game that is not there is not a matter of suites
    try:
        for game in games:
            for rival in _rivals(game.env_id, opponent):
                suite = suite_for(game.env_id, {**game.options, **rival}, split)
                found.setdefault(suite.suite_hash, suite)
    except ConfigError as error:
        raise ConfigError(
            f"{error} (the suite {AUTO!r} needs secrets of split {split!r}: name other suites in "
            "eval.suite and eval.final_suite, or set eval.every_steps=0 and eval.final_suite='')"
        ) from error
    return tuple(found.values())


def validator(suites: Sequence[Suite], batch_games: int = 128) -> Validate | None:
    """Plays the suites greedily: the metrics that checkpoints are chosen by; None without a suite.

    Of several suites each has metrics of its own, and the win rate is their mean. In games for two
    a draw is half a win there. So many games run together.
    """
    if not suites:
        return None

    def validate(agent: LanguageAgent) -> dict[str, float]:
        metrics = [_measure(agent, suite, batch_games) for suite in suites]
        if len(suites) == 1:
            return {f"eval/greedy_{name}": value for name, value in metrics[0].items()}
        each = {
            f"eval/{suite.name}/greedy_{name}": value
            for suite, numbers in zip(suites, metrics, strict=True)
            for name, value in numbers.items()
        }
        mean = sum(numbers["win_rate"] for numbers in metrics) / len(metrics)
        return each | {"eval/greedy_win_rate": mean}

    return validate


def _measure(agent: LanguageAgent, suite: Suite, batch_games: int) -> dict[str, float]:
    report = evaluate(agent, suite, samples=0, workers=workers(), batch_games=batch_games).greedy
    assert report is not None
    wins, draws, score = report.win_rate, report.draw_rate.value or 0.0, report.score
    numbers = {"win_rate": wins.value, "low": wins.low, "high": wins.high, "score": score.value}
    if draws:
        numbers = {"win_rate": (wins.value or 0.0) + draws / 2, "draw_rate": draws}
    known = {name: value for name, value in numbers.items() if value is not None}
    return known | {"n": float(report.n)}


def _rivals(env_id: str, opponent: str) -> list[dict[str, str]]:
    """The opponents that a game is measured against, as its argument."""
    if opponent != SELF:
        return [{"opponent": opponent}] if opponent else [{}]
    return [{"opponent": rival} for rival in RIVALS if _knows(env_id, rival)]


def _knows(env_id: str, rival: str) -> bool:
    try:
        make_env(env_id, opponent=rival)
    except ConfigError:
        return False
    return True
