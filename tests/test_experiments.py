"""Several runs, one comparison: what is planned, what is skipped, how runs share a machine."""

import json
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.ten_words import WORDS, Watcher, taught_agent, ten_word_config
from wordle_rl.cli import cli
from wordle_rl.config import TrainConfig, parse, read_toml, to_toml
from wordle_rl.errors import ConfigError, RunError
from wordle_rl.training.experiment_report import compare_runs, standings_table
from wordle_rl.training.experiment_runs import Command, log_of, train_command, train_runs
from wordle_rl.training.experiments import ExperimentConfig, PlannedRun, plan_runs
from wordle_rl.training.trainer import train

QUIET = Console(file=StringIO())


def plan(folder: Path, **values: Any) -> tuple[PlannedRun, ...]:
    settings = ten_word_config("train.steps=2", "model.path=nowhere").model_dump(exclude_none=True)
    return plan_runs(parse(ExperimentConfig, {"settings": settings, **values}), folder)


# --- the plan


def test_every_combination_is_trained_with_every_seed(tmp_path: Path) -> None:
    vary = {"train.algo": ["dr_grpo", "grpo"], "train.lr": [1e-4, 3e-4]}
    planned = plan(tmp_path, vary=vary, seeds=3)
    assert len(planned) == 12
    assert [(run.variant, run.seed) for run in planned[:4]] == [
        ("algo=dr_grpo lr=0.0001", 0),
        ("algo=dr_grpo lr=0.0001", 1),
        ("algo=dr_grpo lr=0.0001", 2),
        ("algo=dr_grpo lr=0.0003", 0),
    ]
    for run in planned:
        assert f"algo={run.config.train.algo} lr={run.config.train.lr}" == run.variant
        assert run.config.train.seed == run.seed
        assert run.config.eval.final_suite == ""
    assert len({run.run.path for run in planned}) == 12
    assert planned[0].name == "algo=dr_grpo_lr=0.0001-seed-0"


def test_an_experiment_of_one_variant_is_its_seeds(tmp_path: Path) -> None:
    assert [run.name for run in plan(tmp_path, seeds=2)] == ["base-seed-0", "base-seed-1"]


def test_settings_are_those_of_the_preset_with_changes(tmp_path: Path) -> None:
    experiment = parse(ExperimentConfig, {"settings": {"train": {"steps": 7}}})
    [run] = plan_runs(experiment, tmp_path)
    assert run.config.train.steps == 7
    assert run.config.env.reward == "shaped"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vary": {"train.seed": [1, 2]}}, "ask for seeds"),
        ({"vary": {"train.lr": []}}, "has no values"),
        ({"vary": {"train.lt": [1.0]}}, "did you mean 'train.lr'"),
        ({"vary": {"train.algo": ["grop"]}}, "did you mean 'grpo'"),
        ({"vary": {"train.lr": [1e-4, 1e-4]}}, "the same name"),
        ({"sedes": 2}, "did you mean 'seeds'"),
        ({"seeds": 0}, "seeds=0"),
        ({"split": "tets"}, "split='tets'"),
    ],
)
def test_a_mistake_is_one_line_before_anything_runs(
    values: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        plan(tmp_path, **values)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_of_another_run_is_not_taken_for_this_one(tmp_path: Path) -> None:
    [run] = plan(tmp_path)
    run.run.create(to_toml(run.config), {})
    assert [again.name for again in plan(tmp_path)] == [run.name]
    other = ten_word_config("train.lr=0.5").model_dump(exclude_none=True)
    with pytest.raises(RunError, match=r"train\.lr=0\.001, the experiment 0\.5"):
        plan_runs(parse(ExperimentConfig, {"settings": other | {"train": {"lr": 0.5}}}), tmp_path)


def test_a_run_is_started_from_its_settings_and_later_resumed(tmp_path: Path) -> None:
    [run] = plan(tmp_path)
    command = train_command(run)
    assert command[-2] == "--preset"
    assert parse(TrainConfig, read_toml(Path(command[-1]))) == run.config
    run.run.create(to_toml(run.config), {})
    assert train_command(run)[-1] == "--resume"


# --- the runs

FAKE = """
import json, signal, sys, time
from pathlib import Path
path, steps, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
if sys.argv[4] == "fail":
    sys.exit("Error: no such model")
stopped = []
signal.signal(signal.SIGINT, lambda *_: stopped.append(1))
(path / "checkpoints" / "step-1").mkdir(parents=True, exist_ok=True)
(path.parent / "times").mkdir(exist_ok=True)
begun = time.time()
while time.time() < begun + seconds and not stopped:
    time.sleep(0.02)
for step in range(1, (1 if stopped else steps) + 1):
    with (path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "rollout/win_rate": 0.5}) + "\\n")
(path.parent / "times" / path.name).write_text(f"{begun} {time.time()}")
sys.exit(130 if stopped else 0)
"""


def fake(seconds: float = 0.3, failing: str = "") -> Command:
    """Stands for training: leaves what a run leaves, after some time."""

    def command(run: PlannedRun) -> list[str]:
        how = "fail" if run.name == failing else "work"
        arguments = [str(run.run.path), str(run.config.train.steps), str(seconds), how]
        return [sys.executable, "-c", FAKE, *arguments]

    return command


def most_at_once(folder: Path) -> int:
    times = [tuple(map(float, p.read_text().split())) for p in (folder / "times").iterdir()]
    return max(sum(a <= begin < b for a, b in times) for begin, _ in times)


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_runs_than_allowed_train_together(at_once: int, tmp_path: Path) -> None:
    planned = plan(tmp_path, seeds=4)
    train_runs(planned, at_once=at_once, console=QUIET, command=fake(1.0))
    assert all(run.is_finished for run in planned)
    assert most_at_once(tmp_path) == at_once


def test_finished_runs_are_skipped_and_others_go_on(tmp_path: Path) -> None:
    planned = plan(tmp_path, seeds=2)
    train_runs(planned[:1], at_once=1, console=QUIET, command=fake())
    before = (tmp_path / "times" / planned[0].name).read_text()
    train_runs(planned, at_once=1, console=QUIET, command=fake())
    assert (tmp_path / "times" / planned[0].name).read_text() == before
    assert all(run.is_finished for run in planned)


def test_a_run_that_fails_stops_no_other_and_is_named(tmp_path: Path) -> None:
    planned = plan(tmp_path, seeds=3)
    with pytest.raises(RunError, match=r"'base-seed-1' failed \(Error: no such model; see"):
        train_runs(planned, at_once=1, console=QUIET, command=fake(failing="base-seed-1"))
    assert [run.is_finished for run in planned] == [True, False, True]
    assert "no such model" in log_of(planned[1]).read_text()


@pytest.mark.slow
def test_ctrl_c_is_passed_on_once_and_nothing_new_begins(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tests.test_experiments import QUIET, fake, plan\n"
        "from wordle_rl.training.experiment_runs import train_runs\n"
        "planned = plan(Path(sys.argv[1]), seeds=2)\n"
        "try:\n"
        "    train_runs(planned, at_once=1, console=QUIET, command=fake(600))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit([run.step for run in planned] != [1, 0])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[1]
    )
    while not (tmp_path / "times").is_dir():
        assert process.poll() is None
        time.sleep(0.1)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


# --- the comparison


def trained(run: PlannedRun) -> None:
    run.run.create(to_toml(run.config), {})
    train(taught_agent(), run.config, run.run, display=Watcher())


def test_variants_are_compared_by_secret_and_seed(tmp_path: Path) -> None:
    experiment = parse(
        ExperimentConfig,
        {
            "settings": ten_word_config("train.steps=1").model_dump(exclude_none=True),
            "vary": {"train.lr": [1e-3, 2e-3]},
            "seeds": 2,
            "suite": "wordle-val",
            "samples": 0,
        },
    )
    planned = plan_runs(experiment, tmp_path)
    for run in planned:
        trained(run)
    base, other = compare_runs(planned, experiment, tmp_path, QUIET)
    assert (base.variant, other.variant) == ("lr=0.001", "lr=0.002")
    assert base.gain is None
    assert base.gain_by_seed == ()
    assert other.gain is not None
    assert other.gain.secrets == base.play.secrets > 100
    assert base.play.n == 2 * base.play.secrets
    assert len(other.gain_by_seed) == 2
    assert sum(other.gain_by_seed) / 2 == pytest.approx(other.gain.win_rate.value)
    assert other.gain.win_rate.value == pytest.approx(
        (other.play.win_rate.value or 0) - (base.play.win_rate.value or 0)
    )
    assert standings_table([base, other]).row_count == 2
    saved = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert [row["variant"] for row in saved] == ["lr=0.001", "lr=0.002"]
    assert (tmp_path / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    games = sorted((tmp_path / "eval").glob("*/games.jsonl"))
    before = [path.stat().st_mtime_ns for path in games]
    assert len(games) == 4
    assert compare_runs(planned, experiment, tmp_path, QUIET) == (base, other)
    assert [path.stat().st_mtime_ns for path in games] == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "train.algo"], "write it as section.key=value,value"),
        (["--vary", "train.algo=grpo,"], "write it as section.key=value,value"),
        (["--vary", "train.algoo=grpo"], "did you mean 'train.algo'"),
        (["--split", "tests"], "split='tests'"),
        (["nowhere.toml"], "no such file: 'nowhere.toml'"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(cli, ["experiment", *arguments])
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)
    assert result.exception.exit_code == 2


@pytest.mark.slow
def test_the_command_trains_compares_and_the_second_time_only_compares(tmp_path: Path) -> None:
    taught_agent().save(tmp_path / "model")
    settings = ten_word_config("train.steps=2", f"model.path={tmp_path / 'model'}")
    assert set(settings.env.options["answers"]) == set(WORDS)
    preset = tmp_path / "base.toml"
    preset.write_text(to_toml(settings), encoding="utf-8")
    command = [sys.executable, "-m", "wordle_rl", "experiment", "--preset", str(preset), "--json"]
    command += ["--vary", "train.algo=dr_grpo,grpo", "--suite", "wordle-val", "--samples", "0"]
    command += ["--out", str(tmp_path / "out"), "--at-once", "2"]
    first, again = (
        subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)
    )
    rows = json.loads(first.stdout)
    assert [row["variant"] for row in rows] == ["algo=dr_grpo", "algo=grpo"]
    assert json.loads(again.stdout) == rows
    assert "2 of them finished" in again.stderr
    assert {log.name for log in (tmp_path / "out").glob("*.log")} == {
        "algo=dr_grpo-seed-0.log",
        "algo=grpo-seed-0.log",
    }
