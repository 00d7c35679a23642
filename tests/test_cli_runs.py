"""`wordle-rl replay`, `report` and `dataset` as commands."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.recorded_run import train_run
from wordle_rl.cli_runs import dataset, replay, report
from wordle_rl.errors import ConfigError, RunError


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    return train_run(tmp_path / "run")


def call(command: click.Command, *args: object) -> Result:
    return CliRunner().invoke(command, [str(arg) for arg in args])


def test_a_report_is_written_beside_the_run(run_path: Path, tmp_path: Path) -> None:
    result = call(report, run_path)
    assert result.output == f"wrote {run_path / 'report.html'}\n"
    page = (run_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert call(report, run_path, "--out", tmp_path / "page.html").exit_code == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page


def test_a_replay_into_a_pipe_lists_the_games_of_training(run_path: Path) -> None:
    text = call(replay, run_path).output
    assert "step 5: 1 of 2 won" in text
    assert "step 20: 2 of 2 won" in text
    assert "wordle-heldout" not in text


def test_a_replay_of_chosen_steps_of_a_secret_and_of_evaluations(run_path: Path) -> None:
    text = call(replay, run_path, "--step", 20).output
    assert "step 20" in text
    assert "step 5" not in text
    assert "[P][O][U][N][D]" in call(replay, run_path, "--secret", "pound").output
    text = call(replay, run_path, "--evaluations").output
    before, after = "wordle-heldout before: 0 of 1 won", "wordle-heldout after: 1 of 1 won"
    assert text.index(before) < text.index(after)
    evaluation = run_path / "eval" / "wordle-heldout-after-0a1b"
    assert after in call(replay, evaluation).output


@pytest.mark.parametrize(
    ("args", "error", "what"),
    [
        (["--step", 6], ConfigError, "steps with games: 5, 20"),
        (["--secret", "crane"], ConfigError, "no recorded game has the secret 'crane'"),
        (["--step", 5, "--evaluations"], ConfigError, "--step is for games of training"),
    ],
)
def test_a_replay_of_what_is_not_there_is_one_line(
    run_path: Path, args: list[object], error: type[Exception], what: str
) -> None:
    result = call(replay, run_path, *args)
    assert isinstance(result.exception, error)
    assert what in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_run_without_evaluations_says_so(tmp_path: Path) -> None:
    run = train_run(tmp_path / "other", compared=False)
    result = call(replay, run, "--evaluations")
    assert isinstance(result.exception, RunError)
    assert "no games of evaluations" in str(result.exception)


def test_a_dataset_with_filters(run_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "data.jsonl"
    result = call(dataset, run_path, out, "--won", "--step", 5, "--step", 20, "--min-reward", 0.5)
    assert result.output.splitlines()[0] == f"wrote 3 games to {out}"
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in rows] == [5, 20, 20]


def test_a_dataset_with_secrets_for_measuring_warns(run_path: Path, tmp_path: Path) -> None:
    result = call(dataset, run_path, tmp_path / "data.jsonl")
    assert "warning: 6 games are of split 'all': a model trained on them cannot" in result.stderr
    assert "warning" not in result.stdout


def test_a_reader_that_goes_away_is_no_error(run_path: Path) -> None:
    shell = '"$0" -m wordle_rl replay "$1" | head -n 1'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell, sys.executable, str(run_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.startswith("Beside a guess:")
    assert "Traceback" not in done.stderr
