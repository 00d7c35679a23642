"""A result as lm-evaluation-harness writes one: its table of results, and a sample a game.

A suite is a task, greedy and sampled games are two filters of it. Standard errors are over secrets,
since games with the same secret are alike.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from wordle_rl.evaluation.games import GameRecord
from wordle_rl.evaluation.metrics import score
from wordle_rl.evaluation.results import Result, installed_suite
from wordle_rl.evaluation.suites import SUITE_VERSION, sha256

METRICS = {"win_rate": True, "score": False}
"""Name -> whether higher is better."""


def lm_eval_results(result: Result) -> dict[str, Any]:
    """The content of a `results_*.json`."""
    task = result.suite
    measured: dict[str, Any] = {"alias": task, "sample_len": len(result.games)}
    for mode in ("greedy", "sampled"):
        games = [game for game in result.games if game["mode"] == mode]
        if games:
            measured |= _measures(games, mode, _max_guesses(result))
    n = len(installed_suite(task).tasks)
    return {
        "results": {task: measured},
        "group_subtasks": {task: []},
        "configs": {task: {"task": task, "num_fewshot": 0, "output_type": "generate_until"}},
        "versions": {task: SUITE_VERSION},
        "n-shot": {task: 0},
        "higher_is_better": {task: METRICS},
        "n-samples": {task: {"original": n, "effective": n}},
        "config": {
            "model": "wordle-rl",
            "model_args": {"pretrained": result.agent, "revision": result.revision},
            "model_sha": result.fingerprint,
            "gen_kwargs": {"temperature": result.temperature},
            "random_seed": result.seed,
        },
        "git_hash": result.git_commit,
        "date": datetime.fromisoformat(result.created).timestamp(),
        "pretty_env_info": json.dumps(dict(result.versions)) + f"\n{result.hardware}",
        "task_hashes": {task: result.suite_hash},
        "model_source": "wordle-rl",
        "model_name": result.agent,
    }


def lm_eval_samples(result: Result) -> Iterator[dict[str, Any]]:
    """The lines of a `samples_*.jsonl`: one game each."""
    numbers = {secret: i for i, secret in enumerate(installed_suite(result.suite).secrets)}
    for game in result.games:
        said = game.get("actions", game["guesses"])
        opening = next(iter(game.get("observations", [])), "")
        doc = {"secret": game["secret"], "sample": game["sample"]}
        yield {
            "doc_id": numbers[game["secret"]],
            "doc": doc,
            "target": game["secret"],
            "arguments": {"gen_args_0": {"arg_0": opening, "arg_1": {}}},
            "resps": [said],
            "filtered_resps": said[-1:],
            "filter": game["mode"],
            "metrics": list(METRICS),
            "doc_hash": sha256(json.dumps(doc)),
            "prompt_hash": sha256(opening),
            "target_hash": sha256(game["secret"]),
            "win_rate": float(game["solved"]),
            "score": score(game, _max_guesses(result)),
        }


def _max_guesses(result: Result) -> int:
    return installed_suite(result.suite).protocol.max_guesses


def _measures(games: Sequence[GameRecord], mode: str, max_guesses: int) -> dict[str, float]:
    """Mean and standard error of each metric, under the names of a filter."""
    values: dict[str, defaultdict[str, list[float]]] = {m: defaultdict(list) for m in METRICS}
    for game in games:
        values["win_rate"][game["secret"]].append(float(game["solved"]))
        values["score"][game["secret"]].append(score(game, max_guesses))
    found: dict[str, float] = {}
    for metric, by_secret in values.items():
        means = np.array([np.mean(played) for played in by_secret.values()])
        error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else 0.0
        found |= {f"{metric},{mode}": float(means.mean())}
        found |= {f"{metric}_stderr,{mode}": float(error)}
    return found
