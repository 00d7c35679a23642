"""A run folder as training leaves it, made from games that were played by script."""

import json
from pathlib import Path

from tests.played import LOST, OTHER_GAME, TASK, WON
from wordle_rl.config import PretrainConfig, TrainConfig, to_toml
from wordle_rl.evaluation.evaluator import report_json
from wordle_rl.evaluation.games import GameLog, game_record
from wordle_rl.evaluation.metrics import play_report
from wordle_rl.evaluation.paired import paired
from wordle_rl.records import Episode, EpisodeGroup, EvalReport, StepRecord
from wordle_rl.run_dir import RunDir
from wordle_rl.training.comparison import Comparison, comparisons_json
from wordle_rl.training.game_files import write_games

META = {"started": "2026-11-26T10:00:00+00:00", "command": ["wordle-rl", "train"]}
SUITE = "wordle-heldout"


def train_run(path: Path, *, compared: bool = True) -> Path:
    """Twenty logged steps, games of steps 5 and 20, and a comparison of one game each."""
    run = RunDir(path)
    run.create(to_toml(TrainConfig()), META)
    for step in range(1, 21):
        metrics = {"rollout/win_rate": step / 40, "rollout/reward": step / 20}
        if step % 10 == 0:
            metrics |= {"eval/greedy_win_rate": step / 30}
        run.log(StepRecord(step=step, metrics=metrics))
    write_group(run, 5, LOST, WON)
    write_group(run, 20, WON, WON)
    if compared:
        write_comparison(run)
    return path


def write_group(run: RunDir, step: int, *episodes: Episode) -> None:
    group = EpisodeGroup(task=episodes[0].task, episodes=episodes)
    write_games(run.episodes, step, [group], 16, advantages_PG=[[0.5] * len(episodes)])


def write_comparison(run: RunDir) -> None:
    games = {"before": [game_record(LOST)], "after": [game_record(WON)]}
    reports = {}
    for when, played in games.items():
        log = GameLog(run.evaluations / f"{SUITE}-{when}-0a1b" / "games.jsonl", {"suite": SUITE})
        log.append(played[0])
        log.close()
        report = play_report(played, max_guesses=6)
        reports[when] = EvalReport(
            agent=when, suite=SUITE, suite_hash="h", greedy=report, sampled=None
        )
    gain = {"greedy": paired(games["after"], games["before"])}
    compared = Comparison(before=reports["before"], after=reports["after"], gain=gain)
    assert report_json(reports["after"])["greedy"]["win_rate"]["value"] == 1
    (run.evaluations / "comparison.json").write_text(json.dumps(comparisons_json([compared])))


def other_run(path: Path) -> Path:
    """A run of a game without a board."""
    run = RunDir(path)
    run.create(to_toml(TrainConfig()), META)
    write_group(run, 3, OTHER_GAME)
    return path


def pretrain_run(path: Path) -> Path:
    run = RunDir(path)
    run.create(to_toml(PretrainConfig()), META)
    run.log(StepRecord(step=1, metrics={"train/loss": 5.0}))
    return path


__all__ = ["SUITE", "TASK", "other_run", "pretrain_run", "train_run", "write_group"]
