"""The script for a new GPU runs where there is none, and says what is wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from scripts import gpu_check
from wordle_rl.records import Batch, Episode


def test_it_runs_on_a_cpu() -> None:
    done = CliRunner().invoke(gpu_check.main, ["--device", "cpu", "--quick"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    assert done.exit_code == 0, done.output
    for what in (
        "rollout",
        "sampler and trainer",
        "fused attention",
        "recorded steps and trainer",
        "sliding window",
        "LoRA",
    ):
        [line] = [row for row in done.output.splitlines() if row.startswith(f"{what}  ")]
        assert "right" in line


def test_what_is_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gpu_check.build("cpu", quick=True)
    gpu_check.check_rollout(bench)
    [row] = gpu_check.check_agreement(bench)
    assert row.right
    for weight in bench.agent.model.get_input_embeddings().parameters():
        weight.data.mul_(1.5)
    [row] = gpu_check.check_agreement(bench)
    assert row.right is False
    monkeypatch.setattr(gpu_check, "CHECKS", [gpu_check.check_agreement])
    monkeypatch.setattr(gpu_check, "build", lambda device, quick: bench)
    done = CliRunner().invoke(gpu_check.main, ["--device", "cpu", "--quick"])
    assert done.exit_code == 1
    assert "WRONG" in done.output


def test_what_there_is_no_time_for_is_named() -> None:
    rows = [*gpu_check.run_checks(gpu_check.build("cpu", quick=True), limit_s=-1.0)]
    assert [row.what for row in rows] == [check.__name__ for check in gpu_check.CHECKS]
    assert {row.found for row in rows} == {"left out: no time"}


def test_a_check_that_takes_too_long_is_stopped_and_the_rest_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def endless(bench: gpu_check.Bench) -> list[gpu_check.Row]:
        while True:
            time.sleep(0.01)

    monkeypatch.setattr(gpu_check, "CHECKS", [endless, gpu_check.check_device])
    began = time.perf_counter()
    rows = [*gpu_check.run_checks(gpu_check.build("cpu", quick=True), limit_s=0.2)]
    assert time.perf_counter() - began < 5
    assert [row.found for row in rows] == ["stopped: no time", "left out: no time"]


def test_a_check_that_fails_is_a_row_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: gpu_check.Bench) -> list[gpu_check.Row]:
        raise RuntimeError("CUDA error: no kernel\nand much more")

    bench = gpu_check.build("cpu", quick=True)
    monkeypatch.setattr(gpu_check, "CHECKS", [broken, gpu_check.check_device])
    rows = [*gpu_check.run_checks(bench, limit_s=60)]
    assert (rows[0].found, rows[0].right) == ("failed: CUDA error: no kernel", False)
    assert len(rows) > 1


def test_another_window_than_the_games_were_played_with_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = gpu_check.build("cpu", quick=True)
    [row] = gpu_check.check_window(bench)
    assert row.right
    rows_of = gpu_check.Bench.rows_of

    def narrowed(self: gpu_check.Bench, episodes: Sequence[Episode]) -> Batch:
        self.agent.model.config.sliding_window = 16
        for layer in self.agent.model.model.layers:
            layer.self_attn.sliding_window = 16
        return rows_of(self, episodes)

    monkeypatch.setattr(gpu_check.Bench, "rows_of", narrowed)
    [row] = gpu_check.check_window(bench)
    assert row.right is False
