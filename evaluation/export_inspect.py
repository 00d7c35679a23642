"""A result as a log of Inspect (inspect.aisi.org.uk): one evaluation, one sample a game.

Each sample is an epoch of its secret and has the whole conversation, so `inspect view` shows the
games as they were seen and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wordle_rl.evaluation.dataset import Message, messages_of
from wordle_rl.evaluation.games import GameRecord, Mode
from wordle_rl.evaluation.results import Result, installed_suite
from wordle_rl.evaluation.suites import SUITE_VERSION

LOG_VERSION = 2
SCORER = "solved"


def inspect_log(result: Result, mode: Mode, games: Sequence[GameRecord]) -> dict[str, Any]:
    """The content of a log file of the games of one way of decoding."""
    report = result.greedy if mode == "greedy" else result.sampled
    secrets = list(installed_suite(result.suite).secrets)
    epochs = 1 + max(game["sample"] for game in games)
    return {
        "version": LOG_VERSION,
        "status": "success",
        "eval": {
            "eval_id": f"{result.id[:16]}{mode}",
            "run_id": result.id[:22],
            "created": result.created,
            "task": f"{result.suite}-{mode}",
            "task_id": f"{result.suite_hash[:16]}{mode}",
            "task_version": SUITE_VERSION,
            "dataset": {"name": result.suite, "samples": len(secrets), "sample_ids": secrets},
            "model": f"wordle-rl/{result.agent}",
            "model_generate_config": {
                "temperature": 0.0 if mode == "greedy" else result.temperature,
                "seed": result.seed,
            },
            "config": {"epochs": epochs},
            "packages": dict(result.versions),
            "metadata": {
                key: getattr(result, key)
                for key in (
                    "fingerprint",
                    "revision",
                    "config_hash",
                    "suite_hash",
                    "git_commit",
                    "hardware",
                )
            },
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(games),
            "completed_samples": len(games),
            "scores": [_score(dict(report or {}))],
        },
        "stats": {"started_at": result.created, "completed_at": result.created},
        "samples": [_sample(game) for game in games],
    }


def _score(report: dict[str, Any]) -> dict[str, Any]:
    """The figures of a `PlayReport` as metrics, with the ends of their intervals."""
    metrics: dict[str, Any] = {}
    for name in ("win_rate", "score", "mean_guesses"):
        for end, value in (report.get(name) or {}).items():
            if value is not None:
                key = name if end == "value" else f"{name}_{end}"
                metrics[key] = {"name": key, "value": value}
    return {"name": SCORER, "scorer": SCORER, "metrics": metrics}


def _sample(game: GameRecord) -> dict[str, Any]:
    messages = _messages(game)
    said = messages[-1]["content"] if messages else ""
    return {
        "id": game["secret"],
        "epoch": game["sample"] + 1,
        "input": messages[0]["content"] if messages else "",
        "target": game.get("told_secret", game["secret"]),
        "messages": messages,
        "output": {
            "model": "wordle-rl",
            "choices": [{"message": {"role": "assistant", "content": said}, "stop_reason": "stop"}],
        },
        "scores": {
            SCORER: {
                "value": "C" if game["solved"] else "I",
                "answer": (game["guesses"] or [""])[-1],
                "explanation": f"{game['stop_reason']} after {game['n_guesses']} guesses",
            }
        },
        "metadata": {
            key: game[key] for key in ("guesses", "statuses", "feedback", "n_guesses", "error")
        },
    }


def _messages(game: GameRecord) -> list[Message]:
    """The conversation; of games recorded without it, what was understood and answered."""
    if "actions" in game:
        return list(messages_of(game))
    turns = zip(game["guesses"], game["feedback"], game["statuses"], strict=True)
    return [
        Message(role=role, content=text)
        for guess, marks, status in turns
        for role, text in (("assistant", guess), ("user", marks or status))
    ]
