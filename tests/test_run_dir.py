"""A run folder: what is written, what survives a crash, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wordle_rl.errors import RunError
from wordle_rl.records import StepRecord
from wordle_rl.run_dir import RunDir, is_run, model_of_run, write_atomically


def new_run(path: Path) -> RunDir:
    run = RunDir(path)
    run.create("seed = 1\n", {"command": "train"})
    return run


def log(run: RunDir, *steps: int) -> None:
    for step in steps:
        run.log(StepRecord(step=step, metrics={"train/loss": step / 8}))


# --- starting


def test_a_new_run_holds_its_settings(tmp_path: Path) -> None:
    run = new_run(tmp_path / "runs" / "first")
    assert run.exists()
    assert is_run(str(run.path))
    assert run.config.read_text() == "seed = 1\n"
    assert json.loads((run.path / "meta.json").read_text()) == {"command": "train"}
    assert sorted(p.name for p in run.path.iterdir()) == ["config.toml", "meta.json"]


def test_an_empty_folder_may_become_a_run(tmp_path: Path) -> None:
    assert not is_run(tmp_path)
    assert new_run(tmp_path).exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    new_run(tmp_path / "a")
    with pytest.raises(RunError, match="already holds a run: use --resume"):
        RunDir(tmp_path / "a").create("", {})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="already is not empty"):
        RunDir(tmp_path / "b").create("", {})
    assert (tmp_path / "b" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["file", "file/run"])
def test_a_file_in_the_way_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="run folder") as caught:
        RunDir(tmp_path / name).create("", {})
    assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


# --- metrics


def test_metrics_come_back_in_order(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert list(run.records()) == []
    log(run, 1, 2)
    assert list(run.records()) == [
        {"step": 1, "train/loss": 0.125},
        {"step": 2, "train/loss": 0.25},
    ]
    assert run.metrics.read_text().splitlines()[0] == '{"step": 1, "train/loss": 0.125}'


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path: Path, cut: int) -> None:
    run = new_run(tmp_path)
    log(run, 1, 2, 3)
    text = run.metrics.read_text()
    run.metrics.write_text(text[: -cut - 1])
    assert [record["step"] for record in run.records()] == [1, 2]


def test_resuming_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    log(run, 1, 2, 3, 4)
    run.metrics.write_text(run.metrics.read_text()[:-9])
    run.cut_logs(2)
    log(run, 3)
    assert [record["step"] for record in run.records()] == [1, 2, 3]
    assert len(run.metrics.read_text().splitlines()) == 3
    run.cut_logs(0)
    assert run.metrics.read_text() == ""


def test_cutting_keeps_every_number(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    metrics = {"a": 0.1 + 0.2, "b": 1e-300, "c": 123456789.123456789, "d": 3}
    run.log(StepRecord(step=1, metrics=metrics))
    before = run.metrics.read_bytes()
    run.cut_logs(1)
    assert run.metrics.read_bytes() == before
    assert list(run.records()) == [{"step": 1, **metrics}]


# --- checkpoints


def test_the_newest_checkpoint_is_the_largest_number(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert run.latest_checkpoint() is None
    for name in ("step-9", "step-100", "step-20", ".step-300.part", "step-x", "step-", "other"):
        (run.checkpoints / name).mkdir(parents=True)
    (run.checkpoints / "step-999").write_text("a file is no checkpoint")
    assert run.latest_checkpoint() == run.checkpoints / "step-100"


def test_the_best_checkpoint_is_the_marked_one_while_it_exists(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunError, match="no finished checkpoint yet"):
        model_of_run(run.path)
    for step in (10, 20, 30):
        (run.checkpoints / f"step-{step}").mkdir(parents=True)
    assert model_of_run(run.path) == run.checkpoints / "step-30"
    run.mark_best(20)
    assert run.best_checkpoint() == run.checkpoints / "step-20"
    run.mark_best(10)
    assert model_of_run(run.path) == run.checkpoints / "step-10"
    (run.checkpoints / "step-10").rmdir()
    assert run.best_checkpoint() == run.checkpoints / "step-30"


# --- writing


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "note.json"
    write_atomically(file, "old é\n")

    def fail(handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, "new")
    assert file.read_bytes() == "old é\n".encode()
    monkeypatch.undo()
    write_atomically(file, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["note.json"]
    assert file.read_text() == "new"
